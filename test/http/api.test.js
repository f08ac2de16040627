// The documented requests and answers, in every form that is available here.
import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { assertHeaders, assertProblems, assertRefusal, assertSilent, jsonHeaders, leaky } from './asserts.js';
import { createBody, invalid, malformed, noObjects, organization, pairs, respelled } from './examples.js';
import { idsOf, operationNames, startForms, takesBody } from './forms.js';
import { createPgbeam, masked } from './support.js';

const pgbeam = await createPgbeam('http_api');
await pgbeam.sql(`SELECT pgbeam.set_organization(o, '{"plan": "starter"}') FROM unnest($1::text[]) o`, [organization, 'string']);
const keys = {
  [organization]: (await pgbeam.createKey({ organization })).key,
  string: (await pgbeam.createKey({ organization: 'string' })).key,
};
const key = keys[organization];
await pgbeam.sql("SELECT pgbeam.set_member($1, 'u_member', 'member')", organization);
const memberKey = (await pgbeam.createKey({ user: 'u_member' })).key;

async function createAll(form) {
  for (const { title, body, answer } of pairs) {
    const created = await form.call('createProject', { key: keys[body.org_id], body });
    assert.equal(created.status, 201, `${title}: ${created.body}`);
    assert.equal(masked(created.body), JSON.stringify(answer), title);
    assertHeaders(created, jsonHeaders);
    assertSilent(created);
    await followOne(form, keys[body.org_id], created);
  }
}

async function createRespelled(form) {
  const { body, answer } = pairs.find(({ title }) => title === 'the least that is needed');
  for (const [title, [from, to]] of Object.entries(respelled)) {
    await pgbeam.empty();
    const created = await form.call('createProject', { key, body: JSON.stringify(body).replace(from, to) });
    assert.equal(masked(created.body), JSON.stringify(answer), title);
    assert.equal(created.status, 201);
  }
}

/** A created object is found at its Location, and deleted. */
async function followOne(form, key, created) {
  const { project, database } = JSON.parse(created.body);
  assert.equal(created.headers.location, `/v1/projects/${project.id}`);
  assert.equal(database.project_id, project.id);
  const got = await form.call('getProject', { key, ids: [project.id] });
  assert.deepEqual([got.status, got.body], [200, JSON.stringify(project)]);
  assertHeaders(got, jsonHeaders);
  const gotDatabase = await form.call('getDatabase', { key, ids: [project.id, database.id] });
  assert.deepEqual([gotDatabase.status, gotDatabase.body], [200, JSON.stringify(database)]);
  const deleted = await form.call('deleteProject', { key, ids: [project.id] });
  assert.deepEqual([deleted.status, deleted.body], [204, '']);
  if (form.name === 'gateway') assert.equal(deleted.headers['content-type'], undefined);
  for (const operation of ['getProject', 'deleteProject']) {
    assertRefusal(await form.call(operation, { key, ids: [project.id] }), 404, 'NOT_FOUND', 'project not found');
  }
}

function testRefusals(form) {
  const body = createBody();
  const unauthorized = ['UNAUTHORIZED', 'missing or invalid authentication'];

  test('no credential', async () => {
    for (const operation of operationNames) {
      const answer = await form.call(operation, {
        ids: ['prj_x', 'db_x'],
        ...(takesBody(operation) && { body }),
        ...(operation === 'listProjects' && { query: { org_id: organization } }),
      });
      assertRefusal(answer, 401, ...unauthorized);
      assert.equal(answer.headers['www-authenticate'], 'Bearer');
    }
  });

  test('a role that may not write', async () => {
    assertRefusal(await form.call('createProject', { key: memberKey, body }), 403, 'FORBIDDEN', 'your role does not allow changes');
  });

  test('an unknown project or database', async () => {
    for (const id of ['prj_00000000000000000000000000', 'db_01h455vb4pex5vsknk084sn02q', 'x']) {
      for (const operation of operationNames.filter((name) => idsOf(name).length > 0)) {
        const answer = await form.call(operation, {
          key, ids: [id, 'db_01h455vb4pex5vsknk084sn02q'],
          ...(takesBody(operation) && { body: operation === 'createDatabase' ? body.database : {} }),
        });
        assertRefusal(answer, 404, 'NOT_FOUND', `${idsOf(operation).length > 1 ? 'database' : 'project'} not found`);
      }
    }
  });

  test('a name that is taken, and a plan that is full', async () => {
    const create = (name) => form.call('createProject', { key, body: createBody({ name }) });
    for (const name of ['a', 'b', 'c', 'd']) assert.equal((await create(name)).status, 201);
    assertRefusal(await create('a'), 409, 'RESOURCE_EXISTS', 'a project with this name already exists in the organization');
    assert.equal((await create('e')).status, 201);
    assertRefusal(await create('f'), 403, 'PLAN_LIMIT_REACHED', 'project limit reached: your plan allows 5 projects');
  });

  test('bodies that break rules', async () => {
    for (const { title, body, problems } of invalid) {
      const text = JSON.stringify(body);
      const isRefusedBefore = !form.hasPaths && text.includes('\\u0000');
      const answer = await form.call('createProject', { key, body: isRefusedBefore ? leaky(text) : text });
      try {
        if (isRefusedBefore) assert.equal(answer.status, 400);
        else assertProblems(answer, problems);
        assertSilent(answer);
      } catch (error) {
        error.message = `${title}: ${error.message}`;
        throw error;
      }
    }
  });

  test('JSON that is no object', async () => {
    for (const text of noObjects) {
      const answer = await form.call('createProject', { key, body: text });
      assertRefusal(answer, 400, 'INVALID_INPUT', 'the request body must be a JSON object');
    }
  });

  test('what is no JSON', async () => {
    for (const [title, text] of Object.entries(malformed)) {
      const answer = await form.call('createProject', { key, body: form.hasPaths ? text : leaky(text) });
      assert.equal(answer.status, 400, `${title}: ${answer.body}`);
      assertSilent(answer);
      if (form.hasPaths) assert.equal(JSON.parse(answer.body).error.code, 'INVALID_INPUT', title);
    }
  });

  test('a problem document', async () => {
    const { host, ...rest } = createBody().database;
    const answer = await form.call('createProject', {
      key,
      body: { ...createBody(), database: rest },
      headers: { Accept: 'application/json, application/problem+json', 'X-Request-Id': 'my-id.1' },
    });
    const { instance, ...document } = JSON.parse(answer.body);
    assert.deepEqual([answer.status, answer.headers['content-type']], [400, 'application/problem+json']);
    assert.equal(instance, form.hasPaths ? '/v1/projects' : '/rpc/create_project');
    assert.deepEqual(document, {
      type: 'https://pgbeam.com/docs/api/errors/invalid-input',
      title: 'Invalid input',
      status: 400,
      detail: 'database.host is required',
      code: 'INVALID_INPUT',
      request_id: 'my-id.1',
      errors: [{ field: 'database.host', detail: 'database.host is required' }],
    });
  });
}

async function rowsOfAll() {
  return pgbeam.sql('SELECT (SELECT count(*) FROM pgbeam.projects) || \' \' || (SELECT count(*) FROM pgbeam.databases)');
}

const forms = await startForms(pgbeam.name);
const [gateway] = forms;

for (const form of forms) {
  describe(form.name, () => {
    beforeEach(pgbeam.empty);

    test('projects are created, read and deleted', () => createAll(form));
    test('a body can be spelled otherwise', () => createRespelled(form));
    testRefusals(form);

    test('unknown members are ignored, and refused where that is asked for', async () => {
      const body = { ...createBody({ name: 'strict' }, { pool_config: { pool_sise: 1 } }), status: 'deleted' };
      const before = await rowsOfAll();
      const strict = await form.call('createProject', { key, body, headers: { Prefer: 'handling=strict' } });
      assert.equal(strict.status, 400);
      const fields = JSON.parse(strict.body).error.errors.map(({ field }) => field);
      assert.deepEqual(fields.sort(), ['database.pool_config.pool_sise', 'status']);
      assert.equal(await rowsOfAll(), before);
      const lenient = await form.call('createProject', { key, body });
      assert.equal(lenient.status, 201, lenient.body);
      assert.equal(JSON.parse(lenient.body).project.status, 'active');
    });

    test('the request id', async () => {
      const idOf = async (id) => {
        const answer = await form.call('getProject', { key, ids: ['prj_x'], headers: { 'X-Request-Id': id } });
        return answer.headers['x-request-id'];
      };
      for (const id of ['a', 'A-z_0.9', 'x'.repeat(128)]) assert.equal(await idOf(id), id);
      const made = await Promise.all(['', 'x'.repeat(129), 'a b', 'a,b', 'é', 'a/b'].map(idOf));
      for (const id of made) assert.match(id, /^[A-Za-z0-9._-]{8,128}$/);
      assert.equal(new Set(made).size, made.length);
    });
  });
}

test('a failure is told to the log, not to the client', async () => {
  await pgbeam.pool.query(`
    CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'secret of %', NEW.org_id; END $$;
    CREATE TRIGGER fail BEFORE INSERT ON pgbeam.databases FOR EACH ROW EXECUTE FUNCTION fail()`);
  const before = await rowsOfAll();
  for (const form of forms.filter(({ hasPaths }) => hasPaths)) {
    const answer = await form.call('createProject', { key, body: createBody({ name: 'fails' }) });
    assert.deepEqual([answer.status, JSON.parse(answer.body).error], [500, { code: 'INTERNAL_ERROR', message: 'internal server error' }]);
    assert.ok(!JSON.stringify(answer).includes('secret of'), form.name);
  }
  assert.equal(await rowsOfAll(), before);
  await pgbeam.pool.query('DROP FUNCTION fail CASCADE');
});

test('what the router says of itself is not replaced by a layer\'s words', async () => {
  for (const form of forms.filter(({ hasPaths }) => hasPaths)) {
    const send = () => form.call('createProject', { key, body: createBody({ name: 'kept' }), headers: { 'Idempotency-Key': form.name } });
    assert.equal((await send()).status, 201);
    await pgbeam.pool.query("UPDATE pgbeam.idempotency_keys SET fingerprint = repeat('0', length(fingerprint)) WHERE key = $1", [form.name]);
    const answer = await send();
    assert.deepEqual([answer.status, JSON.parse(answer.body).error, answer.headers['retry-after']],
      [503, { code: 'SERVICE_UNAVAILABLE', message: 'the service cannot handle secrets at the moment' }, '5'], form.name);
    await pgbeam.empty();
  }
});
