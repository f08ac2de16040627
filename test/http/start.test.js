// How the gateway starts: what it says if it cannot, the variables that it
// obeys, and the ways to a database: TLS, passwords, PgBouncer.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { basename, dirname } from 'node:path';
import { describe, test } from 'node:test';
import { promisify } from 'node:util';
import { startCluster, startPgbouncer } from './cluster.js';
import { curl, example, isInstalled, startGateway } from './support.js';

// Before the first test: what is awaited between tests lets the last ones end first.
const { readSettings, variables } = await import(example('gateway/settings.js'));
const { obeyed, readTarget, refused } = await import(example('gateway/target.js'));

const password = 'canary-password-Vq7R2x';
const cluster = await startCluster(`
  local all http_gateway trust
  local all http_stranger trust
  local all http_pooled scram-sha-256
  host all http_gateway 127.0.0.1/32 trust
  host all http_password 127.0.0.1/32 scram-sha-256
  hostssl all http_certified 127.0.0.1/32 cert
`, "shared_preload_libraries = 'pgbeam'");
const { sql, file, folder, port } = cluster;
for (const role of ['http_gateway', 'http_stranger', 'http_password', 'http_certified', 'http_pooled']) {
  await sql(`CREATE ROLE ${role} LOGIN PASSWORD '${password}'`);
}
await sql('CREATE DATABASE empty');
await sql('CREATE EXTENSION pgbeam');
await sql('SELECT pgbeam.create_key()');
await sql("SELECT pgbeam.grant_access(rolname::regrole, 'http') FROM pg_roles WHERE rolname ~ '^http_' AND rolname <> 'http_stranger'");

const bySocket = { PGHOST: folder, PGPORT: String(port) };
const byAddress = { ...bySocket, PGHOST: '127.0.0.1' };
const begin = (env) => startGateway('postgres', env);
const stopsWith = (env, words) => assert.rejects(begin(env), ({ status, message }) => {
  assert.equal(message.trim().split('\n').length, 1, message);
  assert.match(message, /^pgbeam gateway: /);
  assert.match(message, words);
  assert.equal(status, 1);
  return true;
});

async function isServed({ url }) {
  const answer = await curl(`${url}/v1/health`);
  assert.equal(answer.status, 200, answer.body);
}

const connections = (what, user) => sql(`SELECT coalesce(string_agg(DISTINCT ${what}::text, ','), '')
  FROM pg_stat_activity JOIN pg_stat_ssl USING (pid) WHERE usename = $1`, user);

/** Each variable alone leads nowhere. */
const misuses = {
  PGHOST: ['/nonexistent', /cannot connect to \/nonexistent\/.s.PGSQL.\d+ as http_gateway: .*ENOENT/],
  PGPORT: ['1', /cannot connect to 127.0.0.1 port 1 as http_gateway: .*ECONNREFUSED/],
  PGDATABASE: ['no_such', /cannot connect to 127.0.0.1 port \d+ as http_gateway: database "no_such" does not exist/],
  PGUSER: ['no_such', /as no_such: no pg_hba.conf entry/],
};

describe('where it cannot start it says why, in one line, and ends with status 1', () => {
  for (const [name, [value, words]] of Object.entries(misuses)) {
    test(`${name}=${value}`, () => stopsWith({ ...byAddress, [name]: value }, words));
  }
  test('a name with several addresses', () => stopsWith({ ...byAddress, PGHOST: 'localhost', PGPORT: '1' }, /ECONNREFUSED/));
  test('no password', () => stopsWith({ ...byAddress, PGUSER: 'http_password' }, /a password is needed: set PGPASSWORD or PGPASSFILE/));
  test('a wrong password', () =>
    stopsWith({ ...byAddress, PGUSER: 'http_password', PGPASSWORD: 's3cret' }, /http_password: password authentication failed/));
  test('no extension', () => stopsWith({ ...bySocket, PGDATABASE: 'empty' }, /database empty has no pgbeam: CREATE EXTENSION pgbeam/));
  test('no right', () => stopsWith({ ...bySocket, PGUSER: 'http_stranger' },
    /http_stranger may not call pgbeam.http: SELECT pgbeam.grant_access\('http_stranger', 'http'\)/));
  test('a port that is taken', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    await stopsWith({ ...bySocket, PORT: String(server.address().port) }, /EADDRINUSE/);
    server.close();
  });
  test('an address that is another\'s', () => stopsWith({ ...bySocket, HOST: '192.0.2.1' }, /EADDRNOTAVAIL/));
});

const read = (environment) => { readSettings(environment); readTarget(environment); };

describe('a variable that cannot be obeyed is not passed over', () => {
  const values = {
    PORT: ['x', '65536', '-1'], ACCESS_LOG: ['yes'], POOL_SIZE: ['0'], QUERY_TIMEOUT: ['0', '1s'],
    TRUSTED_PROXIES: ['proxy', '10.0.0.0/33', '10.0.0.0/8/8', '::1/129', '10.0.0.0/'],
    PGPORT: ['x', '0', '5432,5433'], PGHOST: ['a,b'], PGHOSTADDR: ['127.0.0.1,127.0.0.2'], PGSSLMODE: ['allow', 'no-verify', 'on'],
    PGSSLROOTCERT: ['/nonexistent', file('root.crt'), 'system'], PGPASSFILE: ['/nonexistent', file('open')], PGCONNECT_TIMEOUT: ['x'],
    ...Object.fromEntries(Object.entries(refused).map(([name, value]) => [name, [`not-${value}`]])),
  };
  for (const [name, list] of Object.entries(values)) {
    test(name, async () => {
      await writeFile(file('open'), '', { mode: 0o644 });
      for (const value of list) assert.throws(() => read({ ...byAddress, [name]: value }), new RegExp(`^Error: ${name} ?`), value);
    });
  }
  test('one line, and status 1', async () => {
    await stopsWith({ ...bySocket, PORT: 'x' }, /: PORT is 0 to 65535, not "x"/);
    await stopsWith({ ...bySocket, PGSERVICE: 'x' }, /: PGSERVICE is not supported: unset it/);
    await stopsWith({ ...bySocket, PGSSLSNI: '0' }, /: PGSSLSNI is supported only as "1": unset it/);
  });
  test('files that are no certificate or no key', () => {
    const strict = { ...byAddress, PGSSLMODE: 'require' };
    assert.throws(() => read({ ...strict, PGSSLROOTCERT: '/nonexistent' }), /PGSSLROOTCERT: ENOENT/);
    assert.throws(() => read({ ...strict, PGSSLCERT: file('users'), PGSSLKEY: file('client.key') }), /PGSSLCERT: ENOENT/);
    assert.throws(() => read({ ...strict, PGSSLCERT: file('client.crt'), PGSSLKEY: file('server.key') }), /PGSSLKEY is of no use/);
  });
  test('those that ask for what is done anyway may be there, and empty ones', async () => {
    const harmless = Object.entries(refused).map(([name, value]) => [name, value ?? '']);
    await isServed(await begin({ ...bySocket, PGSSLMODE: '', TRUSTED_PROXIES: '', ...Object.fromEntries(harmless) }));
  });
});

test('libpq knows no variable that is neither obeyed nor refused', { skip: !isInstalled('psql') && 'there is no psql' }, async () => {
  const run = promisify(execFile);
  const { stdout: libraries } = await run('ldd', [(await run('sh', ['-c', 'readlink -f "$(command -v psql)"'])).stdout.trim()]);
  const library = await readFile(/(\/\S*\/libpq[^/\s]*\.so\S*)/.exec(libraries)[1], 'latin1');
  const known = new Set(library.match(/(?<=\0)PG[A-Z_]+(?=\0)/g).filter((name) => !name.startsWith('PGRES_')));
  const idle = ['PGSERVICEFILE', 'PGSYSCONFDIR', 'PGLOCALEDIR', 'PGOAUTHDEBUG']; // nothing follows from these alone
  for (const name of [...obeyed, ...Object.keys(refused), ...idle]) known.delete(name);
  assert.deepEqual([...known], []);
});

test('the page lists every variable, and the sample sets no other', async () => {
  const page = await readFile(example('README.md'), 'utf8');
  const rows = [...page.matchAll(/^\| `([A-Z_]+)` \| (?:`(.*?)`)?/gm)].map(([, name, fallback = '']) => [name, fallback]);
  const listed = Object.fromEntries(rows);
  assert.deepEqual(Object.keys(listed).sort(), [...Object.keys(variables), ...obeyed].sort());
  for (const [name, [fallback]] of Object.entries(variables)) assert.equal(listed[name], fallback, name);
  for (const [name, value] of Object.entries(refused)) assert.ok(page.includes(value === null ? `\`${name}\`` : `\`${name}=${value}\``), name);
  const sample = await readFile(example('gateway/gateway.env'), 'utf8');
  const set = [...sample.matchAll(/^#?([A-Z_]+)=(.*)$/gm)];
  assert.ok(set.length > 5);
  for (const [, name] of set) assert.ok(name in listed, name);
  await isServed(await begin({ ...Object.fromEntries(set.map(([, name, value]) => [name, value])), ...bySocket, PORT: '0',
    PGUSER: 'http_gateway', PGDATABASE: 'postgres' }));
});

describe('TLS, by PGSSLMODE', { skip: !cluster.hasTls && 'the server was built without TLS' }, () => {
  const from = { ...byAddress, PGUSER: 'http_password', PGPASSWORD: password };
  const named = { ...from, PGHOST: 'db.example.com', PGHOSTADDR: '127.0.0.1' };
  const root = { PGSSLROOTCERT: file('root.crt') };
  const other = { PGSSLROOTCERT: file('other.crt') };
  const isEncrypted = async (env, expected) => {
    const gateway = await begin(env);
    await isServed(gateway);
    assert.equal(await connections('ssl', env.PGUSER), String(expected));
    await gateway.stop();
  };
  test('disable', () => isEncrypted({ ...from, PGSSLMODE: 'disable' }, false));
  test('prefer, and none given, take what there is', async () => {
    await isEncrypted(from, true);
    await isEncrypted({ ...from, PGSSLMODE: 'prefer' }, true);
    await sql('ALTER SYSTEM SET ssl = off');
    await sql('SELECT pg_reload_conf()');
    await new Promise((resolve) => setTimeout(resolve, 500));
    await isEncrypted({ ...from, PGSSLMODE: 'prefer' }, false);
    await stopsWith({ ...from, PGSSLMODE: 'require' }, /does not support SSL/);
    await sql('ALTER SYSTEM SET ssl = on');
    await sql('SELECT pg_reload_conf()');
    await new Promise((resolve) => setTimeout(resolve, 500));
  });
  test('require verifies where there is an authority', async () => {
    await isEncrypted({ ...from, PGSSLMODE: 'require' }, true);
    await isEncrypted({ ...from, ...root, PGSSLMODE: 'require' }, true);
    await stopsWith({ ...from, ...other, PGSSLMODE: 'require' }, /certificate/);
  });
  test('verify-ca', async () => {
    await isEncrypted({ ...from, ...root, PGSSLMODE: 'verify-ca' }, true);
    await stopsWith({ ...from, ...other, PGSSLMODE: 'verify-ca' }, /certificate/);
    await stopsWith({ ...from, PGSSLMODE: 'verify-ca' }, /certificate/);
  });
  test('verify-full', async () => {
    await isEncrypted({ ...named, ...root, PGSSLMODE: 'verify-full' }, true);
    await stopsWith({ ...from, ...root, PGSSLMODE: 'verify-full' }, /not in the cert's list|does not match certificate/);
    await stopsWith({ ...named, PGHOST: 'db.example.org', ...root, PGSSLMODE: 'verify-full' }, /does not match certificate/);
    await stopsWith({ ...named, PGSSLMODE: 'verify-full', PGSSLROOTCERT: 'system' }, /certificate/);
  });
  test('a certificate of its own', async () => {
    const certified = { ...from, ...root, PGUSER: 'http_certified', PGPASSWORD: '', PGSSLMODE: 'verify-ca' };
    await isEncrypted({ ...certified, PGSSLCERT: file('client.crt'), PGSSLKEY: file('client.key') }, true);
    await stopsWith(certified, /certificate/);
  });
});

test('a password file', async () => {
  await writeFile(file('pgpass'), `localhost:*:*:*:wrong\n127.0.0.1:${port}:postgres:http_password:${password}\n`);
  await chmod(file('pgpass'), 0o600);
  await isServed(await begin({ ...byAddress, PGUSER: 'http_password', PGPASSFILE: file('pgpass') }));
});

test('names and settings of its session', async () => {
  const one = await begin(bySocket);
  assert.equal(await connections('application_name', 'http_gateway'), 'pgbeam-gateway');
  await one.stop();
  await begin({ ...bySocket, PGAPPNAME: 'mine', PGOPTIONS: '-c work_mem=123kB' });
  assert.equal(await connections('application_name', 'http_gateway'), 'mine');
});

test('as shipped, pgbeam.address_header = X-Real-IP counts the connection\'s address', async () => {
  await sql("ALTER SYSTEM SET pgbeam.address_header = 'X-Real-IP'");
  await sql('ALTER SYSTEM SET pgbeam.address_rate_limit = 1');
  await sql('ALTER SYSTEM SET pgbeam.address_rate_burst = 3');
  await sql('SELECT pg_reload_conf()');
  await new Promise((resolve) => setTimeout(resolve, 500));
  const { url } = await begin(bySocket);
  const statuses = [];
  for (let i = 0; i < 8; i++) statuses.push((await curl(`${url}/v1/health`, { headers: { 'X-Real-IP': `192.0.2.${i}` } })).status);
  assert.deepEqual([...new Set(statuses)], [200, 429], 'whatever the client says');
  for (let i = 0; i < 5; i++) assert.equal((await curl(`${url}/-/health`)).status, 200, 'the health check is charged to nobody');
  await sql('ALTER SYSTEM RESET pgbeam.address_rate_limit');
  await sql('SELECT pg_reload_conf()');
});

describe('PgBouncer in transaction mode', { skip: !isInstalled('pgbouncer') && 'there is no pgbouncer' }, async () => {
  const pgbouncer = await startPgbouncer(cluster, [['http_pooled', password], ['http_gateway', 'x']]);
  const pooled = { PGHOST: '127.0.0.1', PGPORT: String(pgbouncer.port), PGUSER: 'http_pooled', PGPASSWORD: password };

  test('every request is served, though statements have no name for long', async () => {
    const gateway = await begin(pooled);
    const answers = await Promise.all(Array.from({ length: 60 }, () => curl(`${gateway.url}/v1/health`)));
    assert.deepEqual([...new Set(answers.map(({ status }) => status))], [200]);
    assert.equal(gateway.log(), 'prepared statements do not last here: going on without\n');
    assert.equal(await sql("SELECT count(*) FROM pg_stat_activity WHERE usename = 'http_pooled'"), '2');
  });

  test('one after another as well', async () => {
    const gateway = await begin(pooled);
    for (let i = 0; i < 20; i++) await isServed(gateway);
  });

  test('what is wrong at start is said as without it', async () => {
    await stopsWith({ ...pooled, PGPASSWORD: 's3cret' }, /http_pooled: .*password/i);
    await stopsWith({ ...pooled, PGDATABASE: 'empty' }, /database empty has no pgbeam/);
    await stopsWith({ ...pooled, PGDATABASE: 'no_such' }, /no_such/);
  });
});

test('what the service units start and read is what the page puts there', async () => {
  const page = await readFile(example('README.md'), 'utf8');
  for (const unit of ['gateway/pgbeam-gateway', 'postgrest/pgbeam-nginx', 'postgrest/pgbeam-postgrest']) {
    const text = await readFile(example(`${unit}.service`), 'utf8');
    const paths = text.match(/\/(opt|etc)\/pgbeam[\w./-]*/g);
    for (const path of paths) assert.ok(page.includes(dirname(path)) && page.includes(basename(path)), path);
    assert.ok(paths.length > 0 && page.includes(basename(unit)), unit);
  }
});
