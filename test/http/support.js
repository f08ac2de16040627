// The common part of the tests: a database with the extension, the servers
// before it, and clients. PG* in the environment lead to a cluster as its
// superuser.
import { execFile, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { accessSync, constants } from 'node:fs';
import { createInterface } from 'node:readline';
import { after } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import pg from 'pg';

const here = (name) => fileURLToPath(new URL(name, import.meta.url));
export const example = (name) => here(`../../examples/${name}`);

export function isInstalled(command) {
  return process.env.PATH.split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, command), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

async function withClient(name, work) {
  const client = new pg.Client({ database: name });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/**
 * A fresh database, prepared by SQL, and the roles that reach it. http_gateway
 * logs in and has http access; http_authenticator logs in and becomes
 * http_anon, which has api access. One at a time, as files of tests may run
 * side by side.
 */
export async function createDatabase(name, prepare = async () => {}) {
  const pool = new pg.Pool({ database: name, max: 2 });
  after(() => pool.end());
  const sql = async (text, ...values) => (await pool.query({ text, values, rowMode: 'array' })).rows[0]?.[0];
  await withClient(process.env.PGDATABASE, async (client) => {
    await client.query('SELECT pg_advisory_lock(754)');
    await client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
    await client.query(`CREATE DATABASE ${name} TEMPLATE template0 ENCODING 'UTF8'`);
    await client.query(`DO $$
      BEGIN
        IF to_regrole('http_gateway') IS NULL THEN
          CREATE ROLE http_gateway LOGIN;
          CREATE ROLE http_anon;
          CREATE ROLE http_authenticator LOGIN NOINHERIT IN ROLE http_anon;
          ALTER ROLE http_authenticator SET idle_in_transaction_session_timeout = '1s';
        END IF;
      END $$`);
    await prepare(sql);
  });
  return { name, pool, sql };
}

async function installPgbeam(sql) {
  await sql('CREATE EXTENSION pgbeam');
  if (await sql('SELECT count(*) FROM pgbeam.keyring()') === '0') await sql('SELECT pgbeam.create_key()');
  await sql("SELECT pgbeam.grant_access('http_gateway', 'http'), pgbeam.grant_access('http_anon', 'api')");
}

/** The same with the extension in it. */
export async function createPgbeam(name) {
  const database = await createDatabase(name, installPgbeam);
  // If an owner is an organization that does not exist yet, it is made.
  const createKey = async (owner) => {
    if (owner.organization !== undefined) await database.sql('SELECT pgbeam.set_organization($1)', owner.organization);
    return (await database.pool.query(
      'SELECT id, key FROM pgbeam.create_api_key(org_id => $1, user_id => $2, expires_in => $3)',
      [owner.organization, owner.user, owner.expiresIn])).rows[0];
  };
  // Hosts too: each is given out once only, and each form sends the same
  // requests.
  const empty = () => database.pool.query(`DELETE FROM pgbeam.databases; DELETE FROM pgbeam.project_marks; DELETE FROM pgbeam.projects;
    DELETE FROM pgbeam.hosts`);
  return { ...database, createKey, empty };
}

// Servers end with the tests, even if these are interrupted.
const children = new Set();
process.once('exit', () => children.forEach((child) => child.kill('SIGTERM')));
for (const signal of ['SIGHUP', 'SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));

/** A server, with further options for spawn, and the signal that stops it. */
export function start(command, args, env, { signal = 'SIGTERM', ...options } = {}) {
  const child = spawn(command, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'], ...options });
  children.add(child);
  const log = [];
  child.stderr.on('data', (chunk) => log.push(chunk));
  const stop = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill(signal);
    await once(child, 'exit');
  };
  after(stop);
  return { child, stop, log: () => Buffer.concat(log).toString() };
}

/**
 * The gateway, once it listens; what it prints after that is its access log.
 */
export async function startGateway(name, env = {}) {
  const server = start(process.execPath, [example('gateway/gateway.js')], { PGDATABASE: name, PGUSER: 'http_gateway', PORT: '0', ...env });
  const lines = [];
  const output = createInterface(server.child.stdout);
  const [line] = await Promise.race([
    once(output, 'line'),
    once(server.child, 'close').then(([status]) => { throw Object.assign(new Error(server.log()), { status }); }),
  ]);
  output.on('line', (text) => lines.push(text));
  return { ...server, lines, url: /^listening on (http:.*)$/.exec(line)[1] };
}

export async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

/** Waits until something is so, 30 seconds at most. */
export async function until(isSo, words) {
  const end = performance.now() + 30_000;
  while (!await isSo()) {
    if (performance.now() > end) throw new Error(`waited in vain: ${words}`);
    await pause(20);
  }
}

/** Waits until as many requests have come to pg_sleep() in a database. */
export const untilAsleep = ({ sql }, count = 1) => until(async () => await sql(
  "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'") >= count, 'requests that sleep');

const isUp = (url, isFit = ({ status }) => status !== 503) =>
  until(() => fetch(url).then(isFit, () => false), `nothing answers at ${url}`);

// The example's settings as variables, which PostgREST reads as well.
async function postgrestSettings() {
  const lines = (await readFile(example('postgrest/postgrest.conf'), 'utf8')).matchAll(/^([a-z-]+) = "?(.*?)"?$/gm);
  return Object.fromEntries([...lines].map(([, name, value]) => [`PGRST_${name.toUpperCase().replaceAll('-', '_')}`, value]));
}

/**
 * PostgREST if it is installed, or else its stand-in: at once, or once it
 * serves.
 */
export async function startPostgrest(name, env = {}, isAwaited = true) {
  const settings = {
    PGDATABASE: name, PGUSER: 'http_authenticator', ...await postgrestSettings(), PGRST_SERVER_PORT: String(await freePort()), ...env,
  };
  const isReal = isInstalled('postgrest');
  const server = isReal ? start('postgrest', [], settings) : start(process.execPath, [here('standin.js')], settings);
  const url = `http://127.0.0.1:${settings.PGRST_SERVER_PORT}`;
  await isUp(url, isAwaited ? undefined : () => true);
  return { ...server, url, isReal };
}

/** nginx with the example's configuration, but with ports of its own. */
export async function startNginx(postgrestUrl) {
  const folder = await mkdtemp(join(tmpdir(), 'pgbeam-nginx.'));
  await chmod(folder, 0o755);
  after(() => rm(folder, { recursive: true }));
  const port = await freePort();
  const configuration = await readFile(example('postgrest/nginx.conf'), 'utf8');
  const syslog = createSocket('udp4').bind(0, '127.0.0.1');
  await once(syslog, 'listening');
  after(() => syslog.close());
  const lines = [];
  syslog.on('message', (message) => lines.push(/^<\d+>.{15} pgbeam: (.*)$/s.exec(message)[1]));
  await writeFile(join(folder, 'nginx.conf'), configuration
    .replace('127.0.0.1:8080', `127.0.0.1:${port}`)
    .replace('127.0.0.1:3000', new URL(postgrestUrl).host)
    .replace('unix:/dev/log', `127.0.0.1:${syslog.address().port}`));
  const server = start('nginx', ['-p', folder, '-c', 'nginx.conf', '-e', 'stderr']);
  const url = `http://127.0.0.1:${port}`;
  await isUp(url, () => true);
  return { ...server, url, lines, joinsHeaders: await nginxVersion() >= 1.023 };
}

/** 1.022 for 1.22. */
async function nginxVersion() {
  const [, major, minor] = /nginx\/(\d+)\.(\d+)/.exec((await promisify(execFile)('nginx', ['-v'])).stderr);
  return Number(major) + minor / 1000;
}

function parse(text) {
  const end = text.indexOf('\r\n\r\n');
  const [first, ...lines] = text.subarray(0, end).toString('latin1').split('\r\n');
  const rest = text.subarray(end + 4);
  if (/^HTTP\/1\.1 1\d\d/.test(first)) return parse(rest);
  const headers = {};
  for (const line of lines) {
    const colon = line.indexOf(':');
    const name = line.slice(0, colon).toLowerCase();
    headers[name] = name in headers ? `${headers[name]}, ${line.slice(colon + 1).trim()}` : line.slice(colon + 1).trim();
  }
  return { status: Number(first.split(' ')[1]), reason: first.split(' ').slice(2).join(' '), headers, body: rest.toString() };
}

/**
 * A request by curl. Headers are [name, value] pairs or an object. It gives up
 * after this many seconds.
 */
export function curl(url, { method = 'GET', headers = {}, body, giveUpAfter = 30 } = {}) {
  const list = Array.isArray(headers) ? headers : Object.entries(headers);
  const named = list.some(([name]) => name.toLowerCase() === 'content-type');
  const args = ['-q', '--silent', '--show-error', '--include', '--http1.1', '--noproxy', '*', '--globoff', '--path-as-is',
    '--max-time', String(giveUpAfter), ...(method === 'HEAD' ? ['--head'] : ['--request', method]),
    ...list.flatMap(([name, value]) => ['--header', value === '' ? `${name};` : `${name}: ${value}`]),
    ...(body === undefined ? [] : ['--data-binary', '@-', ...(named ? [] : ['--header', 'Content-Type:'])]), url];
  return new Promise((resolve, reject) => {
    const child = execFile('curl', args, { encoding: 'buffer', maxBuffer: 1 << 24 }, (error, stdout) =>
      error ? reject(error) : resolve(parse(stdout)));
    child.stdin.on('error', () => {}); // an answer may come before all is read
    child.stdin.end(body);
  });
}

/** A server's answer to bytes; the connection must end. */
export async function exchange(url, bytes) {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port) });
  socket.write(bytes);
  const chunks = [];
  for await (const chunk of socket) chunks.push(chunk);
  return parse(Buffer.concat(chunks));
}

/** Masks ids and times that have the right form. */
export const masked = (text) => text
  .replace(/\b(prj|db|rep|dom)_[0-7][0-9a-hjkmnp-tv-z]{25}(?=["/]|$)/g, '$1_...')
  .replace(/"20\d\d-[01]\d-[0-3]\dT[0-2]\d:[0-5]\d:[0-5]\dZ"/g, '"..."');

/** The words of an access log, which is emptied. */
export async function takeLines({ lines }, count) {
  await until(() => lines.length >= count, `${count} lines of an access log`);
  return lines.splice(0).map((line) => line.split(' '));
}

/** The server's log, which is beside its socket. */
export const readServerLog = () => readFile(join(process.env.PGHOST, 'log'), 'utf8');
