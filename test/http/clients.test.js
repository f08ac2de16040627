// Habits of the published clients, each tested under the client's name.
import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { assertProblems } from './asserts.js';
import { createBody, organization, password } from './examples.js';
import { startForms } from './forms.js';
import { createPgbeam } from './support.js';

const pgbeam = await createPgbeam('http_clients');
await pgbeam.sql('SELECT pgbeam.set_organization($1)', organization);
const { key } = await pgbeam.createKey({ organization });

const parsed = ({ body }) => JSON.parse(body);
const unchanged = ({ updated_at, ...rest }) => rest;

function client(form) {
  const send = (operation, ids = [], body = undefined, more = {}) => form.call(operation, { key, ids, body, ...more });
  const call = async (...given) => {
    const answer = await send(...given);
    assert.ok(answer.status < 300, `${given[0]} ${answer.status}: ${answer.body}`);
    return answer.body === '' ? undefined : parsed(answer);
  };
  const create = async (members, database) => {
    const made = await call('createProject', [], createBody(members, database));
    return { ...made, ids: [made.project.id, made.database.id] };
  };
  const list = (query) => call('listProjects', [], undefined, { query: { org_id: organization, ...query } });
  return { send, call, create, list };
}

function testTerraform(form) {
  const { send, call, create, list } = client(form);

  test('creates, updates and reads at once', async () => {
    const { ids } = await create();
    const allowed_cidrs = [{ cidr: '203.0.113.0/24', label: 'Office' }];
    const patched = await call('updateProject', ids, { allowed_cidrs, status: 'suspended' });
    const got = await call('getProject', ids);
    assert.deepEqual(got, patched);
    assert.deepEqual([got.allowed_cidrs, got.status], [allowed_cidrs, 'suspended']);
  });

  test('sends an empty database for a project, and is told of database.host first', async () => {
    const answer = await send('createProject', [], { ...createBody(), database: { host: '', name: '', port: 0,
      username: '' } });
    assert.equal(answer.status, 400);
    assert.match(parsed(answer).error.message, /^database\.host /);
  });

  test('removes tags and allowed_cidrs by null', async () => {
    for (const [member, value] of [['tags', ['a']], ['allowed_cidrs', [{ cidr: '10.0.0.0/8' }]]]) {
      const { ids } = await create({ name: member });
      await call('updateProject', ids, { [member]: value });
      await call('updateProject', ids, { [member]: null });
      assert.deepEqual((await call('getProject', ids))[member], []);
    }
  });

  test('removes a description by an empty text', async () => {
    const { ids } = await create({ description: 'text' });
    await call('updateProject', ids, { name: 'my-app', description: '' });
    assert.ok(!('description' in await call('getProject', ids)));
    assert.ok(!('description' in (await create({ name: 'other', description: '' })).project));
  });

  test('sends "" with every update for the words that its configuration leaves out: they stay', async () => {
    const { ids } = await create({}, { ssl_mode: 'require', role: 'replica' });
    const { ssl_mode, role, port } = await call('updateDatabase', ids, { port: 5433, ssl_mode: '', role: '' });
    assert.deepEqual([ssl_mode, role, port], ['require', 'replica', 5433]);
    await call('updateProject', ids, { status: 'suspended' });
    assert.equal((await call('updateProject', ids, { name: 'x', status: '' })).status, 'suspended');
  });

  test('is refused with "" in a create, where it says nothing', async () => {
    for (const member of ['ssl_mode', 'role']) assertProblems(await send('createProject', [], createBody({}, { [member]: '' })),
      [[`database.${member}`, 'enum']]);
  });

  test('finds what it set, to its default too, and nothing of what it did not', async () => {
    const { ids, project } = await create();
    const members = ['default_policy_profile_id', 'residency', 'agents_disabled'];
    const newest = (one) => Object.fromEntries(members.filter((member) => member in one).map((member) => [member, one[member]]));
    assert.deepEqual([project.self_hosted, newest(project)], [false, {}]);
    for (const set of [{ residency: 'any' }, { agents_disabled: false }]) {
      const { ids } = await create({ name: Object.keys(set)[0] });
      assert.deepEqual(newest(await call('updateProject', ids, set)), set);
      assert.deepEqual(newest(await call('updateProject', ids, { description: 'renamed' })), set);
    }
    await call('updateProject', ids, { residency: 'eu' });
    assert.deepEqual(newest(await call('updateProject', ids, { residency: '' })), {}, 'left out of the configuration again');
    for (const set of [{ query_timeout_ms: 0 }, { auto_read_routing: false }, {}]) {
      const { query_timeout_ms, auto_read_routing } = await call('createDatabase', ids, { ...createBody().database, ...set });
      assert.deepEqual([query_timeout_ms, auto_read_routing], [set.query_timeout_ms, set.auto_read_routing]);
    }
  });

  test('sends "" for a label that it does not have, and reads none', async () => {
    const { ids } = await create();
    const given = [{ cidr: '10.0.0.0/8', label: '' }, { cidr: '::1', label: 'Office' }];
    const { allowed_cidrs } = await call('updateProject', ids, { allowed_cidrs: given });
    assert.deepEqual(allowed_cidrs, [{ cidr: '10.0.0.0/8' }, { cidr: '::1', label: 'Office' }]);
    assert.deepEqual((await create({ name: 'x', allowed_cidrs: given })).project.allowed_cidrs, allowed_cidrs);
  });

  test('sends 0 for a max_active that is not set, and is refused', async () => {
    const { ids } = await create();
    const pool_config = { pool_size: 10, min_pool_size: 1, pool_mode: 'session', max_active: 0 };
    assertProblems(await send('updateDatabase', ids, { pool_config }), [['pool_config.max_active', 'least']]);
    assertProblems(await send('createDatabase', ids, { ...createBody().database, pool_config }),
      [['pool_config.max_active', 'least']]);
  });

  test('finds every value as it gave it', async () => {
    const given = {
      ssl_mode: 'disable', role: 'replica', query_timeout_ms: 0, auto_read_routing: true,
      cache_config: { enabled: false, ttl_seconds: 0, max_entries: 0, swr_seconds: 0 },
      pool_config: { pool_size: 1, min_pool_size: 1, pool_mode: 'statement', max_active: 1 },
    };
    const { ids } = await create({}, given);
    const got = await call('getDatabase', ids);
    for (const [member, value] of Object.entries(given)) assert.deepEqual(got[member], value, member);
  });

  test('has no pool_region where none is set', async () => {
    const { ids, database } = await create();
    for (const one of [database, await call('getDatabase', ids), await call('updateDatabase', ids, { pool_region: null }),
      await call('updateDatabase', ids, { pool_region: '' })]) assert.ok(!('pool_region' in one));
  });

  test('reads tags as a list, empty or not', async () => {
    for (const tags of [[], null, undefined]) {
      const { ids } = await create({ name: `t${tags}`, tags });
      assert.deepEqual((await call('getProject', ids)).tags, []);
    }
  });

  test('keeps the password to itself, and sends it again with every change', async () => {
    const { ids } = await create();
    const plan = createBody().database;
    const answers = [await send('updateDatabase', ids, { ...plan, port: 5433 }), await send('getDatabase', ids),
      await send('updateDatabase', ids, { ...plan, password: '' })];
    for (const answer of answers) {
      assert.equal(answer.status, 200);
      assert.ok(!('password' in parsed(answer)) && !answer.body.includes(password));
    }
    assert.equal(await pgbeam.sql('SELECT pgbeam.reveal_password($1) = $2', ids[1], password), true);
  });

  test('drops from its state what is answered with 404', async () => {
    const { ids } = await create();
    assert.equal((await send('deleteProject', ids)).status, 204);
    for (const operation of ['getProject', 'getDatabase', 'deleteDatabase',
      'deleteProject']) assert.equal((await send(operation, ids)).status, 404, operation);
  });

  test('replaces a project by a delete and a create', async () => {
    const first = await create({ cloud: 'aws' });
    await call('deleteProject', first.ids);
    const second = await create({ cloud: 'gcp' });
    assert.deepEqual([second.project.name, second.project.cloud], ['my-app', 'gcp']);
    assert.notEqual(second.project.id, first.project.id);
  });

  test('reads max_active without a look whether it is there', async () => {
    for (const pool_config of [undefined, null, {}, { pool_size: 20 }]) {
      const { ids } = await create({ name: JSON.stringify(pool_config) ?? 'none' }, { pool_config });
      assert.equal((await call('getDatabase', ids)).pool_config.max_active, 200);
    }
  });

  test('compares times as texts of whole seconds', async () => {
    const { ids, project } = await create();
    const times = async () => { const { created_at, updated_at } = await call('getProject', ids); return [created_at,
      updated_at]; };
    assert.deepEqual(await times(), [project.created_at, project.updated_at]);
    for (const time of await times()) assert.match(time, /^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    const { created_at } = await call('updateProject', ids, { name: 'x' });
    assert.equal(created_at, project.created_at);
  });

  test('imports by the ids of project and database', async () => {
    const { ids, database } = await create();
    const imported = `${ids[0]}/${ids[1]}`.split('/');
    assert.deepEqual(await call('getDatabase', imported), database);
    assert.equal((await list()).projects[0].id, imported[0]);
  });
}

function testPulumi(form) {
  const { send, call, create, list } = client(form);

  test('adopts a project of the same name when it may not create it', async () => {
    for (const name of ['my-app-2', 'My-App', 'my-app']) await create({ name });
    const answer = await send('createProject', [], createBody());
    assert.equal(answer.status, 409);
    const adopted = (await list({ page_size: '100' })).projects.filter(({ name }) => name === 'my-app');
    assert.equal(adopted.length, 1);
    assert.equal((await call('getProject', [adopted[0].id])).name, 'my-app');
  });

  test('sends null for a timeout that is not set, routing always, and null for max_active', async () => {
    const unset = { query_timeout_ms: null, auto_read_routing: false, pool_config: { pool_size: 10, min_pool_size: 1,
      pool_mode: 'transaction', max_active: null } };
    const { ids, database } = await create({}, unset);
    assert.deepEqual([database.query_timeout_ms, database.auto_read_routing, database.pool_config.max_active],
      [undefined, false, 200]);
    const added = await call('createDatabase', ids, { ...createBody().database, ...unset });
    assert.equal(added.pool_config.max_active, 200);
    await call('updateDatabase', ids, unset);
  });

  test('sends an empty update for a difference that is none', async () => {
    const { ids, project, database } = await create();
    assert.deepEqual(await call('updateProject', ids, {}), project);
    assert.deepEqual(await call('updateDatabase', ids, {}), database);
  });

  test('adopts again by name what it does not find by id: never what was deleted', async () => {
    const { ids } = await create();
    await call('deleteProject', ids);
    assert.equal((await send('getProject', ids)).status, 404);
    assert.deepEqual(await list({ page_size: '100' }), { projects: [], total: 0 });
  });

  test('takes the id of the first database from the answer to a create', async () => {
    const { ids } = await create();
    assert.match(ids[1], /^db_[0-7][0-9a-hjkmnp-tv-z]{25}$/);
    assert.deepEqual((await call('listDatabases', ids)).databases.map(({ id }) => id), [ids[1]]);
  });

  test('counts a second delete as done', async () => {
    const { ids } = await create();
    const statuses = [];
    for (const operation of ['deleteDatabase', 'deleteDatabase', 'deleteProject',
      'deleteProject']) statuses.push((await send(operation, ids)).status);
    assert.deepEqual(statuses, [204, 404, 204, 404]);
  });
}

function testCrossplane(form) {
  const { call, create } = client(form);

  test('compares tags in their order', async () => {
    const { ids, project } = await create({ tags: ['b', 'a', 'b'] });
    assert.deepEqual(project.tags, ['b', 'a', 'b']);
    assert.deepEqual((await call('updateProject', ids, { tags: ['a', 'b', 'a'] })).tags, ['a', 'b', 'a']);
  });

  test('compares networks as the text it sent, and sends them with every update', async () => {
    const allowed_cidrs = [{ cidr: '198.51.100.42' }, { cidr: '2001:DB8::/32', label: 'IPv6 range' },
      { cidr: '10.1.2.3/8', label: 'host bits' }];
    const { ids } = await create();
    const first = await call('updateProject', ids, { allowed_cidrs });
    assert.equal(JSON.stringify(first.allowed_cidrs), JSON.stringify(allowed_cidrs));
    await pgbeam.sql("UPDATE pgbeam.projects SET updated_at = updated_at - interval '1 minute', created_at = created_at - interval '1 minute'");
    const before = await call('getProject', ids);
    assert.deepEqual(await call('updateProject', ids, { name: 'my-app', tags: [], allowed_cidrs }), before, 'nothing changed');
    assert.deepEqual(unchanged(await call('updateProject', ids, { name: 'x', allowed_cidrs })),
      { ...unchanged(before), name: 'x' });
  });

  test('makes a secret of proxy_host', async () => {
    const { ids } = await create({ name: '***' });
    assert.match((await call('getProject', ids)).proxy_host, /^[a-z0-9]/);
  });

  test('sends limits that it may not set, of older days', async () => {
    const { ids, project } = await create();
    assert.deepEqual(await call('updateProject', ids, { queries_per_second: 100, burst_size: 200, max_connections: 50 }),
      project);
  });
}

// The Go SDK's rules of decoding, applied to every answer here.
const integers = new Set(['queries_per_second', 'burst_size', 'max_connections', 'database_count', 'active_connections',
  'port', 'query_timeout_ms',
  'ttl_seconds', 'max_entries', 'swr_seconds', 'pool_size', 'min_pool_size', 'max_active', 'total']);
const lists = new Set(['tags', 'allowed_cidrs', 'projects', 'databases']);
const booleans = new Set(['self_hosted', 'agents_disabled', 'auto_read_routing', 'enabled']);

function assertDecodes(text) {
  JSON.parse(text, function decode(name, value) {
    if (integers.has(name)) assert.ok(Number.isInteger(value) && value >= 0 && value <= 2147483647, `${name} ${value}`);
    if (lists.has(name)) assert.ok(Array.isArray(value), name);
    if (booleans.has(name)) assert.equal(typeof value, 'boolean', name);
    if (name.endsWith('_at')) assert.match(value, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    if (name === 'allowed_cidrs') for (const item of value) assert.equal(typeof item.cidr, 'string');
    assert.notEqual(value, null, name);
    return value;
  });
  for (const [, number] of text.matchAll(/"\w+":(-?\d[^,}\]]*)/g)) assert.match(number, /^(0|[1-9]\d*)$/);
}

function testGo(form) {
  const { send, create } = client(form);

  test('decodes plain integers, times, and lists, whatever was sent', async () => {
    const body = JSON.stringify(createBody({ description: null, tags: null }, { query_timeout_ms: null, cache_config: null }))
      .replace('5432', '5.4320e3');
    const created = await send('createProject', [], body);
    assert.equal(created.status, 201);
    const { project, database } = parsed(created);
    const ids = [project.id, database.id];
    const answers = [created, await send('getProject', ids), await send('getDatabase', ids), await send('listDatabases', ids),
      await send('updateProject', ids, { allowed_cidrs: [{ cidr: '::1' }], agents_disabled: true,
        default_policy_profile_id: null }),
      await send('updateDatabase', ids, '{"port":1e3,"query_timeout_ms":300000.0,"cache_config":{"ttl_seconds":8.64e4,"max_entries":1e6},"pool_config":{"pool_size":1e4}}'),
      await send('createDatabase', ids, createBody().database),
      await send('listProjects', [], undefined, { query: { org_id: organization } })];
    for (const answer of answers) assertDecodes(answer.body);
    assert.deepEqual(answers.map(({ status }) => status), [201, 200, 200, 200, 200, 200, 201, 200]);
  });

  test('takes limits up to 2147483647', async () => {
    await pgbeam.sql('SELECT pgbeam.set_organization($1, $2)', organization,
      { queries_per_second: 2147483647, burst_size: 2147483647, max_connections: 2147483647 });
    const { ids, project } = await create();
    assert.deepEqual([project.queries_per_second, project.burst_size, project.max_connections], Array(3).fill(2147483647));
    assertDecodes((await send('getProject', ids)).body);
    await pgbeam.sql('SELECT pgbeam.set_organization($1, $2)', organization,
      { queries_per_second: null, burst_size: null, max_connections: null });
  });

  test('gets no empty body with a success but 204', async () => {
    const { ids } = await create();
    for (const [operation, body] of [['getProject'], ['updateProject', {}], ['listDatabases'], ['getDatabase'],
      ['updateDatabase', {}], ['createDatabase', createBody().database]]) {
      const answer = await send(operation, ids, body);
      assert.ok(answer.status < 300 && answer.body.length > 2 && answer.headers['content-type'] === 'application/json',
        operation);
    }
    const deleted = await send('deleteDatabase', ids);
    assert.deepEqual([deleted.status, deleted.body], [204, '']);
  });

  test('is never answered 304 where it did not ask', async () => {
    const { ids } = await create();
    for (const headers of [{ Accept: 'application/json' }, { 'If-Modified-Since': 'Fri, 01 Jan 2100 00:00:00 GMT' }]) {
      assert.equal((await send('getProject', ids, undefined, { headers })).status, 200);
    }
  });

  test('finds error.message in every refusal; the newest finds code, detail and errors beside error', async () => {
    const { ids } = await create();
    const twice = { 'Idempotency-Key': 'twice' };
    for (const [operation, at, body, headers] of [['getProject', ['prj_x']], ['getProject', ['a b'.replace(' ', '%20')]],
      ['updateProject', ids, { name: '' }], ['createDatabase', ids, {}], ['createDatabase', ids, {}, twice],
      ['createDatabase', ids, {}, twice]]) {
      const answer = await send(operation, at, body, { headers: { Accept: 'application/json', ...headers } });
      const { error, type, title, ...document } = parsed(answer);
      assert.ok(typeof error.message === 'string' && error.message.length > 5 && typeof error.code === 'string');
      const { code, message, errors } = error;
      assert.deepEqual([document.status, document.code, document.detail, document.errors], [answer.status, code, message, errors]);
      assert.equal(answer.headers['content-type'], 'application/json');
      assert.match(type, /^https:.*\/errors\/[a-z-]+$/);
      assert.equal(title.toUpperCase(), code.replaceAll('_', ' '));
    }
  });

  test('sends an Idempotency-Key with every POST and PATCH', async () => {
    const headers = () => ({ 'Idempotency-Key': crypto.randomUUID() });
    const { ids } = await create();
    for (const [operation, body, status] of [['updateProject', {}, 200], ['updateDatabase', {}, 200],
      ['createDatabase', createBody().database, 201]]) {
      assert.equal((await send(operation, ids, body, { headers: headers() })).status, status);
    }
  });
}

function testCli(form) {
  const { send, call, create, list } = client(form);

  test('projects create', async () => {
    for (const ssl_mode of ['require', 'verify-full', 'disable']) {
      const made = await call('createProject', [], createBody({ name: ssl_mode }, { ssl_mode }));
      assert.deepEqual([made.project.name, made.database.host, made.database.port, made.database.ssl_mode],
        [ssl_mode, 'db.example.com', 5432, ssl_mode]);
      assert.match(made.project.id, /^prj_/);
    }
  });

  test('projects list, with all its flags', async () => {
    for (const name of ['a', 'b', 'c']) await create({ name, description: `of ${name}` });
    for (const one of (await list()).projects) {
      for (const member of ['id', 'name', 'status', 'created_at', 'org_id', 'description']) assert.equal(typeof one[member],
        'string', member);
    }
    const pages = [];
    let token;
    do {
      const page = await list({ sort_by: 'name', page_size: '1', ...(token && { page_token: token }) });
      pages.push(page.projects[0].name);
      token = page.next_page_token;
    } while (token);
    assert.deepEqual(pages, ['a', 'b', 'c']);
  });

  test('projects inspect', async () => {
    const { ids } = await create({ description: 'd' });
    const got = await call('getProject', ids);
    for (const member of ['id', 'org_id', 'name', 'description', 'tags', 'cloud', 'proxy_host', 'queries_per_second',
      'burst_size', 'max_connections',
      'database_count', 'active_connections', 'status', 'created_at', 'updated_at']) assert.notEqual(got[member], undefined,
        member);
  });

  test('link: the first page, of 20', async () => {
    for (let i = 0; i < 21; i++) await create({ name: `p${i}` });
    const { projects, total, next_page_token } = await list();
    assert.deepEqual([projects.length, total, typeof next_page_token], [20, 21, 'string']);
    assert.ok(projects.every(({ id, name }) => id && name));
  });

  test('db add, with configurations in part', async () => {
    const { ids } = await create();
    const added = await call('createDatabase', ids, { ...createBody().database, cache_config: { ttl_seconds: 300 },
      pool_config: { pool_mode: 'transaction' } });
    assert.deepEqual(added.cache_config, { enabled: true, ttl_seconds: 300, max_entries: 10000, swr_seconds: 30 });
    assert.deepEqual(added.pool_config, { pool_size: 10, min_pool_size: 1, pool_mode: 'transaction', max_active: 200 });
  });

  test('db update: reads, merges, sends the whole configuration', async () => {
    const { ids } = await create();
    const got = await call('getDatabase', ids);
    const sent = { cache_config: { ...got.cache_config, enabled: false }, pool_config: { ...got.pool_config, pool_size: 50 } };
    assert.deepEqual(unchanged(await call('updateDatabase', ids, sent)), { ...unchanged(got), ...sent });
  });

  test('env pull: proxy_host', async () => {
    const { ids } = await create();
    const { proxy_host } = await call('getProject', ids);
    const [database] = (await call('listDatabases', ids)).databases;
    assert.equal(database.connection_string, `postgresql://pgbeam:YOUR_PASSWORD@${proxy_host}:5432/mydb`);
  });

  test('prints status, code, message and errors of a refusal', async () => {
    const { ids } = await create();
    const answer = await send('updateDatabase', ids, { port: 0, host: '' });
    const { code, message, errors } = parsed(answer).error;
    assert.deepEqual([answer.status, code, message === errors[0].detail, errors.map(({ field }) => field)],
      [400, 'INVALID_INPUT', true, ['host', 'port']]);
    const document = parsed(await send('updateDatabase', ids, { port: 0 },
      { headers: { Accept: 'application/problem+json' } }));
    assert.deepEqual([document.code, document.status, document.errors[0].field, document.instance],
      ['INVALID_INPUT', 400, 'port', `/v1/projects/${ids[0]}/databases/${ids[1]}`]);
  });
}

for (const form of (await startForms(pgbeam.name)).filter(({ hasPaths }) => hasPaths)) {
  describe(form.name, () => {
    beforeEach(pgbeam.empty);
    for (const [name, tests] of Object.entries({ Terraform: testTerraform, Pulumi: testPulumi, Crossplane: testCrossplane,
      'Go SDK': testGo, CLI: testCli })) {
      describe(name, () => tests(form));
    }
  });
}
