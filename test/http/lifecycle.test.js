// Projects and databases from their creation to their deletion: the documented
// requests of the first ring, the effects of updates, and what a delete
// leaves.
import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { assertHeaders, assertProblems, assertRefusal, assertSilent, jsonHeaders, leaky } from './asserts.js';
import {
  databaseBefore, databaseChanges, projectBefore, projectChanges, refusedDatabaseChanges, refusedDatabases,
    refusedProjectChanges,
} from './changes.js';
import { createBody, database, malformed, noObjects, organization, password, project } from './examples.js';
import { startForms } from './forms.js';
import { createPgbeam, masked } from './support.js';

const pgbeam = await createPgbeam('http_lifecycle');
await pgbeam.sql(`SELECT pgbeam.set_organization($1, '{"plan": "starter"}')`, organization);
const { key } = await pgbeam.createKey({ organization });
await pgbeam.sql("SELECT pgbeam.set_member($1, 'u_member', 'member')", organization);
const memberKey = (await pgbeam.createKey({ user: 'u_member' })).key;

const parsed = ({ body }) => JSON.parse(body);
const login = (host, rest = 'mydb', user = 'pgbeam') => `${user}:YOUR_PASSWORD@${host}.aws.pgbeam.app:5432/${rest}`;
const missing = { project: 'prj_00000000000000000000000000', database: 'db_00000000000000000000000000' };
const second = { host: 'db2.example.com', port: 5432, name: 'mydb', username: 'pgbeam', password, role: 'replica' };

/**
 * Times have whole seconds: making an object a minute old shows whether it is
 * touched.
 */
async function age() {
  for (const table of ['projects', 'databases']) {
    await pgbeam.sql(`UPDATE pgbeam.${table} SET created_at = created_at - interval '1 minute', updated_at = updated_at - interval '1 minute'`);
  }
}

/** The calls of one form; each must succeed. */
function client(form) {
  const call = async (status, operation, ids, body, more) => {
    const answer = await form.call(operation, { key, ids, body, ...more });
    assert.equal(answer.status, status, `${operation}: ${answer.body}`);
    assertSilent(answer);
    return answer;
  };
  const create = async (members, databaseMembers) => {
    const made = parsed(await call(201, 'createProject', [], createBody(members, databaseMembers)));
    return { ...made, ids: [made.project.id, made.database.id] };
  };
  return { call, create };
}

const notFound = (answer, what) => assertRefusal(answer, 404, 'NOT_FOUND', `${what} not found`);

/** Runs all rows, so that one that fails does not hide others. */
async function eachOf(rows, work) {
  const failures = [];
  for (const row of rows) await work(row).catch((error) => failures.push(`${row.title}: ${error.message}`));
  assert.deepEqual(failures, []);
}

/** The pairs of the contract, one after another. */
function testPairs(form) {
  const { call, create } = client(form);

  test('get', async () => {
    const { ids } = await create();
    const got = await call(200, 'getProject', ids);
    assert.equal(masked(got.body), JSON.stringify(project({ name: 'my-app' })));
    assertHeaders(got, jsonHeaders);
    const gotDatabase = await call(200, 'getDatabase', ids);
    assert.equal(masked(gotDatabase.body), JSON.stringify(database(login('my-app'))));
  });

  test('list, its last page, and one of nothing', async () => {
    const list = async (query) => (await call(200, 'listProjects', [], undefined,
      { query: { org_id: organization, ...query } })).body;
    assert.equal(await list(), '{"projects":[],"total":0}');
    for (const name of ['a', 'b', 'c']) await create({ name });
    let page_token;
    for (const name of ['c', 'b', 'a']) {
      const text = await list({ page_size: '1', ...(page_token && { page_token }) });
      page_token = JSON.parse(text).next_page_token;
      const rest = { total: 3, next_page_token: page_token };
      assert.equal(masked(text), JSON.stringify({ projects: [project({ name })], ...rest }));
    }
    assert.equal(page_token, undefined);
  });

  test('rename', async () => {
    const { ids } = await create();
    await age();
    const before = parsed(await call(200, 'getProject', ids));
    const renamed = await call(200, 'updateProject', ids, { name: 'my-app-2' });
    assert.equal(masked(renamed.body), JSON.stringify(project({ name: 'my-app-2', proxy_host: 'my-app.aws.pgbeam.app' })));
    assertHeaders(renamed, jsonHeaders);
    assert.equal(parsed(renamed).created_at, before.created_at);
    assert.ok(parsed(renamed).updated_at > before.updated_at);
    assert.match(parsed(await call(200, 'getDatabase', ids)).connection_string, /@my-app\.aws\./);
  });

  test('delete', async () => {
    const { ids } = await create();
    assert.deepEqual((await call(204, 'deleteProject', ids)).body, '');
    assert.deepEqual(await pgbeam.sql("SELECT status || ' ' || (deleted_at IS NOT NULL) FROM pgbeam.projects"), 'deleted true');
  });

  test('databases: add, list, get, patch, rotate, delete', async () => {
    const { project: { id }, database: first } = await create();
    await age();
    const created = await call(201, 'createDatabase', [id], second);
    const expected = (given) => database(login('my-app'), { host: 'db2.example.com', role: 'replica', ...given });
    assert.equal(masked(created.body), JSON.stringify(expected()));
    assertHeaders(created, jsonHeaders);
    const ids = [id, parsed(created).id];
    assert.equal(created.headers.location, `/v1/projects/${id}/databases/${ids[1]}`);
    assert.equal(parsed(created).project_id, id);
    assert.equal((await call(200, 'getDatabase', ids)).body, created.body);
    const listed = await call(200, 'listDatabases', [id]);
    assert.equal(masked(listed.body), JSON.stringify({ databases: [database(login('my-app')), expected()] }));
    assert.deepEqual(parsed(listed).databases.map((one) => one.id), [first.id, ids[1]]);
    const cache_config = { enabled: true, ttl_seconds: 300, max_entries: 10000, swr_seconds: 30 };
    assert.equal(masked((await call(200, 'updateDatabase', ids, { cache_config })).body),
      JSON.stringify(expected({ cache_config })));
    const rotated = await call(200, 'updateDatabase', ids, { password: `${password}-n3w` });
    assert.equal(masked(rotated.body), JSON.stringify(expected({ cache_config })));
    assert.equal((await call(204, 'deleteDatabase', ids)).body, '');
    const rest = parsed(await call(200, 'listDatabases', [id])).databases;
    assert.deepEqual(rest.map((one) => one.id), [first.id]);
  });
}

function testRefusals(form) {
  const { call, create } = client(form);
  const refuse = async (operation, ids, rows) => {
    const count = () => pgbeam.sql('SELECT md5(string_agg(t::text, \',\')) FROM (SELECT p::text FROM pgbeam.projects p UNION ALL SELECT d::text FROM pgbeam.databases d) t');
    const before = await count();
    await eachOf(rows, async ({ body, problems }) => {
      const text = JSON.stringify(body);
      const isRefusedBefore = !form.hasPaths && text.includes('\\u0000');
      const answer = await form.call(operation, { key, ids, body: isRefusedBefore ? leaky(text) : text });
      if (isRefusedBefore) assert.equal(answer.status, 400);
      else assertProblems(answer, problems);
      assertSilent(answer);
    });
    assert.equal(await count(), before);
  };

  test('updates of a project that break rules', async () => refuse('updateProject', (await create()).ids,
    refusedProjectChanges));
  test('updates of a database that break rules', async () =>
    refuse('updateDatabase', (await create({}, databaseBefore)).ids, refusedDatabaseChanges));
  test('databases that break rules', async () => refuse('createDatabase', (await create()).ids,
    refusedDatabases(createBody().database)));

  test('bodies that are no object, or no JSON', async () => {
    const { ids } = await create();
    for (const operation of ['updateProject', 'createDatabase', 'updateDatabase']) {
      for (const body of noObjects) {
        const answer = await form.call(operation, { key, ids, body });
        assertRefusal(answer, 400, 'INVALID_INPUT', 'the request body must be a JSON object');
      }
      for (const [title, text] of Object.entries(malformed)) {
        const answer = await form.call(operation, { key, ids, body: form.hasPaths ? text : leaky(text) });
        assert.equal(answer.status, 400, `${operation} ${title}: ${answer.body}`);
        assertSilent(answer);
      }
    }
  });

  test('unknown members are refused where that is asked for', async () => {
    const { ids } = await create();
    const fieldsOf = async (operation, body) => {
      const answer = await form.call(operation, { key, ids, body, headers: { Prefer: 'handling=strict' } });
      assert.equal(answer.status, 400, answer.body);
      return parsed(answer).error.errors.map(({ field }) => field).sort();
    };
    assert.deepEqual(await fieldsOf('updateProject', { name: 'x', queries_per_second: 5, org_id: organization,
      cloud: 'aws' }), ['cloud', 'org_id', 'queries_per_second']);
    assert.deepEqual(await fieldsOf('updateDatabase', { pool_config: { pool_sise: 1 }, id: 'x' }),
      ['id', 'pool_config.pool_sise']);
    assert.deepEqual(await fieldsOf('createDatabase', { ...second, project_id: ids[0] }), ['project_id']);
  });

  test('unknown members of a list\'s objects too', async () => {
    const { ids } = await create();
    const answer = await form.call('updateProject', {
      key, ids, body: { allowed_cidrs: [{ cidr: '10.0.0.0/8', note: 'x' }] }, headers: { Prefer: 'handling=strict' },
    });
    assert.equal(answer.status, 400, answer.body);
    assert.deepEqual(parsed(answer).error.errors.map(({ field }) => field), ['allowed_cidrs[0].note']);
  });

  test('of many problems the first are told, and how many more there are', async () => {
    const { ids } = await create();
    const answer = await form.call('updateProject', { key, ids, body: { allowed_cidrs: Array(50).fill({ cidr: 5 }) } });
    assert.equal(answer.status, 400);
    const { errors } = parsed(answer).error;
    assert.deepEqual(errors.slice(0, 20).map(({ field }) => field), Array.from({ length: 20 }, (_, i) =>
      `allowed_cidrs[${i}].cidr`));
    assert.ok(errors.length <= 21);
  });

  if (form.hasPaths) {
    test('sizes, media types and methods', async () => {
      const { ids } = await create();
      const large = `{"name":"${'x'.repeat(2 * 1024 * 1024)}"}`;
      for (const operation of ['updateProject', 'createDatabase', 'updateDatabase']) {
        const send = (body, headers) => form.call(operation, { key, ids, body, headers });
        assertRefusal(await send(large), 413, 'PAYLOAD_TOO_LARGE', 'the request body exceeds 2 MB');
        for (const type of ['text/plain', 'application/merge-patch+json', '']) {
          assertRefusal(await send('{}', { 'Content-Type': type }), 415, 'UNSUPPORTED_MEDIA_TYPE',
            'send Content-Type: application/json');
        }
      }
      for (const [operation, allow] of [['listProjects', 'GET HEAD OPTIONS POST'],
        ['getProject', 'DELETE GET HEAD OPTIONS PATCH'],
        ['listDatabases', 'GET HEAD OPTIONS POST'], ['getDatabase', 'DELETE GET HEAD OPTIONS PATCH']]) {
        for (const [method, status] of [['PUT', 405], ['OPTIONS', 204]]) {
          const answer = await form.call(operation, { key, ids, method });
          assert.deepEqual([answer.status, answer.headers.allow.split(', ').sort().join(' ')], [status, allow]);
        }
      }
    });
  }

  test('a role that may not write', async () => {
    const { ids } = await create();
    for (const [operation, body] of [['updateProject', {}], ['deleteProject'], ['createDatabase', second],
      ['updateDatabase', {}], ['deleteDatabase']]) {
      const answer = await form.call(operation, { key: memberKey, ids, body });
      assertRefusal(answer, 403, 'FORBIDDEN', 'your role does not allow changes');
    }
    for (const operation of ['getProject', 'listDatabases', 'getDatabase']) {
      assert.equal((await form.call(operation, { key: memberKey, ids })).status, 200);
    }
  });

  test('a wrong body is told before a missing object, and that before a role', async () => {
    const { ids } = await create();
    const unknown = Object.values(missing);
    for (const [operation, body] of [['updateProject', { name: '' }], ['createDatabase', {}],
      ['updateDatabase', { port: 0 }]]) {
      for (const at of [unknown, ids]) assert.equal((await form.call(operation, { key: memberKey, ids: at, body })).status,
        400);
    }
    assert.equal((await form.call('updateProject', { key: memberKey, ids: unknown, body: {} })).status, 404);
  });

  test('a name that is taken', async () => {
    const { ids } = await create({ name: 'a' });
    const b = await create({ name: 'b' });
    const rename = (name) => form.call('updateProject', { key, ids, body: { name, description: 'new' } });
    const taken = ['RESOURCE_EXISTS', 'a project with this name already exists in the organization'];
    assertRefusal(await rename('b'), 409, ...taken);
    assert.equal(masked((await call(200, 'getProject', ids)).body), JSON.stringify(project({ name: 'a' })));
    assert.equal((await rename('B')).status, 200);
    assert.equal((await rename('a')).status, 200);
    await call(200, 'updateProject', b.ids, { name: 'b' });
    await call(200, 'updateProject', b.ids, { name: 'c' });
    assert.equal((await rename('b')).status, 200);
    assertRefusal(await form.call('createProject', { key, body: createBody({ name: 'b' }) }), 409, ...taken);
    await create({ name: 'a' });
  });

  test('a plan without room for another database', async () => {
    const { ids: [id] } = await create();
    const other = await create({ name: 'other' });
    const add = () => form.call('createDatabase', { key, ids: [id], body: second });
    const answers = [await add(), await add()];
    const full = ['PLAN_LIMIT_REACHED', 'database limit reached: your plan allows 3 databases'];
    assertRefusal(await add(), 403, ...full);
    await call(201, 'createDatabase', other.ids, second);
    await call(204, 'deleteDatabase', [id, parsed(answers[0]).id]);
    assert.equal((await add()).status, 201);
    assertRefusal(await add(), 403, ...full);
    await call(200, 'updateDatabase', [id, parsed(answers[1]).id], { port: 5433 });
  });
}

function testChanges(form) {
  const { call, create } = client(form);

  test('what updates make of a project', async () => {
    await eachOf(projectChanges, async ({ body, then }) => {
      await pgbeam.empty();
      const { ids } = await create(projectBefore.created);
      await call(200, 'updateProject', ids, projectBefore.changed);
      await age();
      const before = await call(200, 'getProject', ids);
      const changed = await call(200, 'updateProject', ids, body);
      const expected = project({
        name: 'my-app', ...projectBefore.created, ...projectBefore.changed, ...then, proxy_host: 'my-app.aws.pgbeam.app',
      });
      assert.equal(masked(changed.body), JSON.stringify(expected));
      assert.equal(parsed(changed).updated_at > parsed(before).updated_at, Object.keys(then).length > 0, 'updated_at');
      assert.equal((await call(200, 'getProject', ids)).body, changed.body);
    });
  });

  test('what updates make of a database', async () => {
    await eachOf(databaseChanges, async ({ body, login: user = 'orders_app', path = 'orders', then }) => {
      await pgbeam.empty();
      const { ids } = await create({}, databaseBefore);
      await age();
      const before = await call(200, 'getDatabase', ids);
      const changed = await call(200, 'updateDatabase', ids, body);
      const expected = database(login('my-app', path, user), { ...databaseBefore, ...then });
      assert.equal(masked(changed.body), JSON.stringify(expected));
      assert.equal(parsed(changed).updated_at > parsed(before).updated_at, Object.keys(then).length > 0, 'updated_at');
      assert.equal((await call(200, 'getDatabase', ids)).body, changed.body);
    });
  });

  test('an update of a database leaves its project, and the other way round', async () => {
    const { ids } = await create();
    await age();
    const before = [await call(200, 'getProject', ids), await call(200, 'getDatabase', ids)].map(({ body }) => body);
    await call(200, 'updateDatabase', ids, { port: 5433 });
    assert.equal((await call(200, 'getProject', ids)).body, before[0]);
    await call(200, 'updateDatabase', ids, { port: 5432 });
    await age();
    const database = (await call(200, 'getDatabase', ids)).body;
    await call(200, 'updateProject', ids, { name: 'other' });
    assert.equal((await call(200, 'getDatabase', ids)).body, database);
  });

  test('suspended and active again', async () => {
    const { ids } = await create(projectBefore.created, databaseBefore);
    const before = parsed(await call(200, 'getProject', ids));
    const database = (await call(200, 'getDatabase', ids)).body;
    assert.equal(parsed(await call(200, 'updateProject', ids, { status: 'suspended' })).status, 'suspended');
    const suspended = parsed(await call(200, 'getProject', ids));
    assert.deepEqual({ ...suspended, updated_at: 0 }, { ...before, status: 'suspended', updated_at: 0 });
    assert.equal((await call(200, 'getDatabase', ids)).body, database);
    assert.equal(parsed(await call(200, 'listProjects', [], undefined, { query: { org_id: organization } })).total, 1);
    await call(200, 'updateDatabase', ids, { port: 1 });
    assert.equal(parsed(await call(200, 'updateProject', ids, { status: 'active' })).status, 'active');
    await call(200, 'updateProject', ids, { status: 'suspended' });
    await call(204, 'deleteProject', ids);
  });
}

function testPasswords(form) {
  const { call, create } = client(form);
  const sealed = () => pgbeam.sql('SELECT password_generation || \' \' || encode(password_sealed, \'hex\') FROM pgbeam.databases');
  const reveals = (id, text) => pgbeam.sql('SELECT pgbeam.reveal_password($1) = $2', id, text);

  test('a rotated password is sealed anew, and the old one does not open any more', async () => {
    const { ids } = await create();
    const [generation, old] = (await sealed()).split(' ');
    assert.equal(generation, '1');
    await call(200, 'updateDatabase', ids, { password: `${password}-2` });
    const [grown, now] = (await sealed()).split(' ');
    assert.equal(grown, '2');
    assert.notEqual(now, old);
    assert.equal(await reveals(ids[1], `${password}-2`), true);
    await pgbeam.sql("UPDATE pgbeam.databases SET password_sealed = decode($1, 'hex')", old);
    await assert.rejects(reveals(ids[1], password), { code: 'PB004' });
    await call(200, 'updateDatabase', ids, { password });
    assert.equal((await sealed()).split(' ')[0], '3');
    assert.equal(await reveals(ids[1], password), true);
  });

  test('whatever else changes, the password stays', async () => {
    const { ids } = await create();
    const before = await sealed();
    for (const body of [{}, { password: '' }, { port: 1, password: '' }, { name: 'x', username: 'y', host: 'z' },
      { cache_config: null }]) {
      await call(200, 'updateDatabase', ids, body);
      assert.equal(await sealed(), before);
    }
    await call(200, 'updateProject', ids, { name: 'x', status: 'suspended' });
    assert.equal(await sealed(), before);
    assert.equal(await reveals(ids[1], password), true);
    const refused = await form.call('updateDatabase', { key, ids, body: { password: `${password}-2`, port: 0 } });
    assert.equal(refused.status, 400);
    assert.equal(await sealed(), before);
  });

  test('passwords of any kind', async () => {
    const { ids } = await create();
    for (const text of ['"\\\n\t', '\u{1F600}', 'x'.repeat(10_000), ' ', 'YOUR_PASSWORD',
      'null'].map((end) => password + end)) {
      await call(200, 'updateDatabase', ids, { password: text });
      assert.equal(await reveals(ids[1], text), true);
    }
    assert.equal((await sealed()).split(' ')[0], '7');
  });
}

function testDeletes(form) {
  const { call, create } = client(form);
  const gone = async (ids) => {
    notFound(await form.call('getProject', { key, ids }), 'project');
    notFound(await form.call('updateProject', { key, ids, body: {} }), 'project');
    notFound(await form.call('deleteProject', { key, ids }), 'project');
    notFound(await form.call('listDatabases', { key, ids }), 'project');
    notFound(await form.call('createDatabase', { key, ids, body: second }), 'project');
    await goneDatabase(ids);
  };
  const goneDatabase = async (ids) => {
    notFound(await form.call('getDatabase', { key, ids }), 'database');
    notFound(await form.call('updateDatabase', { key, ids, body: {} }), 'database');
    notFound(await form.call('deleteDatabase', { key, ids }), 'database');
  };

  test('a deleted project is gone with all its databases, and they keep no password', async () => {
    const { ids } = await create();
    await call(201, 'createDatabase', ids, second);
    const kept = await create({ name: 'kept' });
    await call(204, 'deleteProject', ids);
    await gone(ids);
    assert.equal(await pgbeam.sql("SELECT string_agg(name || status || (deleted_at IS NOT NULL), ' ' ORDER BY id) FROM pgbeam.projects"), 'my-appdeletedtrue keptactivefalse');
    const left = await pgbeam.sql(`SELECT string_agg(concat(deleted_at IS NOT NULL, password_sealed IS NOT NULL), ' ')
      FROM pgbeam.databases WHERE project_id = pgbeam.typeid_decode($1)`, ids[0]);
    assert.equal(left, 'tf tf');
    await call(200, 'getDatabase', kept.ids);
  });

  test('its name is free, and its host is its organization\'s', async () => {
    for (let i = 0; i < 3; i++) {
      const { ids, project: { proxy_host }, database } = await create();
      assert.equal(proxy_host, 'my-app.aws.pgbeam.app');
      assert.ok(database.connection_string.includes(`@${proxy_host}:5432/`));
      await call(204, 'deleteProject', ids);
    }
    assert.equal(await pgbeam.sql('SELECT count(*) FROM pgbeam.hosts'), '1');
  });

  test('a renamed project keeps its host, and its old name is free', async () => {
    const { ids } = await create();
    await call(200, 'updateProject', ids, { name: 'other' });
    const { project: { proxy_host } } = await create();
    assert.match(proxy_host, /^my-app-[0-9a-z]{6}\./);
    assert.equal(parsed(await call(200, 'getProject', ids)).proxy_host, 'my-app.aws.pgbeam.app');
    assert.equal((await create({ name: 'third' })).project.proxy_host, 'third.aws.pgbeam.app');
  });

  test('a deleted name can be taken by a rename', async () => {
    const { ids } = await create({ name: 'a' });
    const b = await create({ name: 'b' });
    await call(204, 'deleteProject', ids);
    assert.equal(parsed(await call(200, 'updateProject', b.ids, { name: 'a' })).name, 'a');
  });

  test('databases are counted, down to none', async () => {
    const { ids } = await create();
    const count = async () => parsed(await call(200, 'getProject', ids)).database_count;
    assert.equal(await count(), 1);
    const added = parsed(await call(201, 'createDatabase', ids, second)).id;
    assert.equal(await count(), 2);
    assert.equal(parsed(await call(200, 'updateProject', ids, {})).database_count, 2);
    assert.equal(parsed(await call(200, 'updateProject', ids, { description: 'x' })).database_count, 2);
    const list = parsed(await call(200, 'listProjects', [], undefined, { query: { org_id: organization } }));
    assert.equal(list.projects[0].database_count, 2);
    await call(204, 'deleteDatabase', ids);
    assert.equal(await count(), 1);
    await call(204, 'deleteDatabase', [ids[0], added]);
    assert.equal(await count(), 0);
    assert.equal((await call(200, 'listDatabases', ids)).body, '{"databases":[]}');
    await call(201, 'createDatabase', ids, second);
    assert.equal(await count(), 1);
  });

  test('a database that comes or goes does not touch the project', async () => {
    const { ids } = await create();
    await age();
    const touched = async () => parsed(await call(200, 'getProject', ids)).updated_at;
    const before = await touched();
    const { id } = parsed(await call(201, 'createDatabase', ids, second));
    assert.equal(await touched(), before);
    await call(204, 'deleteDatabase', [ids[0], id]);
    assert.equal(await touched(), before);
  });

  test('a deleted database is gone, its project is not', async () => {
    const { ids } = await create();
    await call(204, 'deleteDatabase', ids);
    await goneDatabase(ids);
    assert.equal(await pgbeam.sql('SELECT password_sealed IS NULL AND deleted_at IS NOT NULL FROM pgbeam.databases'), true);
    await call(200, 'getProject', ids);
    await call(204, 'deleteProject', ids);
  });

  test('a database is found below its own project only', async () => {
    const { ids } = await create({ name: 'a' });
    const other = await create({ name: 'b' });
    await goneDatabase([other.ids[0], ids[1]]);
    await goneDatabase([missing.project, ids[1]]);
    await goneDatabase([ids[0], ids[0]]);
    await goneDatabase([ids[1], ids[1]]);
    notFound(await form.call('listDatabases', { key, ids: [ids[1]] }), 'project');
    await call(200, 'getDatabase', ids);
  });
}

function testIdempotency(form) {
  const { call, create } = client(form);
  const headers = { 'Idempotency-Key': 'a1b2c3d4-e5f6-4a7b-8c9d-0e1f2a3b4c5d' };
  const send = (operation, ids, body, given = headers) => form.call(operation, { key, ids, body, headers: given });
  const same = (one, other) => assert.deepEqual([one.status, one.body, one.headers.location, one.headers['content-type']],
    [other.status, other.body, other.headers.location, other.headers['content-type']]);
  const reused = (answer) => assert.deepEqual([answer.status, parsed(answer).error.code], [409, 'IDEMPOTENCY_KEY_REUSED']);
  beforeEach(() => pgbeam.sql('DELETE FROM pgbeam.idempotency_keys'));

  test('an update that is sent again has happened once', async () => {
    const { ids } = await create();
    const first = await send('updateDatabase', ids, { password: `${password}-2` });
    same(await send('updateDatabase', ids, { password: `${password}-2` }), first);
    assert.equal(await pgbeam.sql('SELECT password_generation FROM pgbeam.databases'), 2);
    const key2 = { 'Idempotency-Key': 'two' };
    const renamed = await send('updateProject', ids, { name: 'b' }, key2);
    await call(200, 'updateProject', ids, { name: 'c' });
    same(await send('updateProject', ids, { name: 'b' }, key2), renamed);
    assert.equal(parsed(await call(200, 'getProject', ids)).name, 'c');
    assert.equal(parsed(renamed).name, 'b');
  });

  test('a database that is sent again is there once', async () => {
    const { ids } = await create();
    const first = await send('createDatabase', ids, second);
    assert.equal(first.status, 201);
    same(await send('createDatabase', ids, second), first);
    assert.equal(parsed(await call(200, 'getProject', ids)).database_count, 2);
    reused(await send('createDatabase', ids, { ...second, password: `${password}-2` }));
  });

  test('a key is good for one request', async () => {
    const { ids } = await create();
    const other = await create({ name: 'other' });
    assert.equal((await send('updateProject', ids, { tags: ['a'] })).status, 200);
    reused(await send('updateProject', ids, { tags: ['b'] }));
    reused(await send('updateProject', other.ids, { tags: ['a'] }));
    reused(await send('updateDatabase', ids, { tags: ['a'] }));
    reused(await send('createDatabase', ids, second));
    assert.deepEqual(parsed(await call(200, 'getProject', ids)).tags, ['a']);
    assert.deepEqual(parsed(await call(200, 'getProject', other.ids)).tags, []);
  });

  test('refusals are kept too', async () => {
    const { ids } = await create({ name: 'a' });
    const other = await create({ name: 'b' });
    const refused = await send('updateProject', ids, { name: 'b' });
    assert.equal(refused.status, 409);
    await call(204, 'deleteProject', other.ids);
    same(await send('updateProject', ids, { name: 'b' }), refused);
    assert.equal((await send('updateProject', ids, { name: 'b' }, {})).status, 200);
  });

  test('one key at the same time', async () => {
    const { ids } = await create();
    const answers = await Promise.all(Array.from({ length: 8 }, () => send('updateDatabase', ids,
      { password: `${password}-2` })));
    for (const answer of answers) same(answer, answers[0]);
    assert.equal(answers[0].status, 200);
    assert.equal(await pgbeam.sql('SELECT password_generation FROM pgbeam.databases'), 2);
  });

  test('a delete needs none, and has none', async () => {
    const { ids } = await create();
    assert.equal((await send('deleteProject', ids)).status, 204);
    assert.equal((await send('deleteProject', ids)).status, 404);
    assert.equal(await pgbeam.sql('SELECT count(*) FROM pgbeam.idempotency_keys'), '0');
  });

  test('keys of no length, or too much', async () => {
    const { ids } = await create();
    for (const text of ['x'.repeat(256), 'x'.repeat(5000)]) {
      assert.equal((await send('updateProject', ids, {}, { 'Idempotency-Key': text })).status, 400);
    }
    assert.equal((await send('updateProject', ids, {}, { 'Idempotency-Key': 'x'.repeat(255) })).status, 200);
  });
}

function testSelfHosted(form) {
  test('self_hosted, where the plan has it', async () => {
    await pgbeam.sql(`SELECT pgbeam.set_organization('org_scale', '{"plan": "scale"}')`);
    const scale = (await pgbeam.createKey({ organization: 'org_scale' })).key;
    const body = createBody({ org_id: 'org_scale', self_hosted: true });
    const created = parsed(await form.call('createProject', { key: scale, body }));
    assert.equal(created.project.self_hosted, true);
    const { id } = created.project;
    const patched = await form.call('updateProject', { key: scale, ids: [id], body: { self_hosted: false, name: 'x' } });
    assert.deepEqual([parsed(patched).self_hosted, parsed(patched).name], [true, 'x']);
    assert.deepEqual(Object.keys(parsed(patched)).slice(3, 7), ['tags', 'cloud', 'self_hosted', 'proxy_host']);
  });
}

for (const form of await startForms(pgbeam.name)) {
  describe(form.name, () => {
    beforeEach(pgbeam.empty);
    testPairs(form);
    testRefusals(form);
    testChanges(form);
    testPasswords(form);
    testDeletes(form);
    testSelfHosted(form);
    describe('Idempotency-Key', () => testIdempotency(form));
  });
}
