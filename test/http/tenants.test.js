// What each caller sees and may do: two organizations, roles, suspension, and
// the life of keys.
import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { createBody } from './examples.js';
import { startForms } from './forms.js';
import { createPgbeam } from './support.js';

const pgbeam = await createPgbeam('http_tenants');
const keyOf = async (owner) => (await pgbeam.createKey(owner)).key;
const ours = await keyOf({ organization: 'org_ours' });
const theirs = await keyOf({ organization: 'org_theirs' });
await pgbeam.sql(`SELECT pgbeam.set_member(o, u, r) FROM (VALUES
  ('org_ours', 'u_owner', 'owner'), ('org_ours', 'u_admin', 'admin'), ('org_ours', 'u_member', 'member'),
  ('org_theirs', 'u_stranger', 'owner'), ('org_ours', 'u_both', 'member'), ('org_theirs', 'u_both', 'owner')) m(o, u, r)`);
const users = Object.fromEntries(await Promise.all(['owner', 'admin', 'member', 'stranger', 'both', 'nobody']
  .map(async (name) => [name, await keyOf({ user: `u_${name}` })])));

const unknown = 'prj_00000000000000000000000000';
const error = (answer) => JSON.parse(answer.body).error;

/** All that a client sees of an answer, without what is new each time. */
const seen = ({ status, reason, body, headers: { date, ...headers } }) => ({ status, reason, body, headers });

async function create(form, key, name, organization = 'org_ours') {
  const answer = await form.call('createProject', { key, body: createBody({ name, org_id: organization }) });
  assert.equal(answer.status, 201, answer.body);
  return JSON.parse(answer.body);
}

const createOurs = (form, key) => form.call('createProject', { key, body: createBody({ org_id: 'org_ours' }) });
const remove = (form, key, { project }) => form.call('deleteProject', { key, ids: [project.id] });

const assertForbidden = (answer, message) =>
  assert.deepEqual([answer.status, error(answer)], [403, { code: 'FORBIDDEN', message }]);

function testForeign(form) {
  test('a foreign object is as a missing one, to the byte', async () => {
    const created = await create(form, ours, 'foreign');
    const { project: { id }, database } = created;
    const headers = { 'X-Request-Id': 'same' };
    const both = async (key, operation, foreign, missing) => {
      const answers = await Promise.all([foreign, missing].map((ids) => form.call(operation, { key, ids, headers })));
      assert.deepEqual(seen(answers[0]), seen(answers[1]));
      assert.deepEqual([answers[0].status, error(answers[0]).code], [404, 'NOT_FOUND']);
    };
    for (const key of [theirs, users.stranger, users.nobody]) {
      await both(key, 'getProject', [id], [unknown]);
      await both(key, 'deleteProject', [id], [unknown]);
      await both(key, 'getDatabase', [id, database.id], [unknown, database.id]);
    }
    const other = await create(form, ours, 'other');
    await both(ours, 'getDatabase', [other.project.id, database.id], [other.project.id, 'db_00000000000000000000000000']);
    assert.equal((await form.call('getProject', { key: ours, ids: [id] })).status, 200);
    assert.equal((await remove(form, ours, created)).status, 204);
  });

  test('a create for a foreign organization is refused as for an unknown one', async () => {
    const headers = { 'X-Request-Id': 'same' };
    for (const key of [theirs, users.stranger, users.nobody]) {
      const answers = await Promise.all(['org_ours', 'org_unknown'].map((organization) =>
        form.call('createProject', { key, body: createBody({ org_id: organization }), headers })));
      assert.deepEqual(seen(answers[0]), seen(answers[1]));
      assertForbidden(answers[0], 'you may not act for this organization');
    }
    assert.equal(await pgbeam.sql("SELECT count(*) FROM pgbeam.organizations WHERE org_id = 'org_unknown'"), '0');
  });

  test('a foreign name is free', async () => {
    await create(form, ours, 'same-name');
    await create(form, theirs, 'same-name', 'org_theirs');
  });
}

function testRoles(form) {
  test('owners and admins write, members look', async () => {
    for (const key of [users.owner, users.admin]) {
      assert.equal((await remove(form, key, await create(form, key, 'role'))).status, 204);
    }
    const created = await create(form, ours, 'role');
    for (const key of [users.member, users.both]) {
      assert.equal((await form.call('getProject', { key, ids: [created.project.id] })).status, 200);
      assert.equal((await form.call('getDatabase', { key, ids: [created.project.id, created.database.id] })).status, 200);
      assertForbidden(await remove(form, key, created), 'your role does not allow changes');
      assertForbidden(await createOurs(form, key), 'your role does not allow changes');
    }
  });

  test('one user can act for several organizations, by their role in each', async () => {
    const created = await create(form, users.both, 'both', 'org_theirs');
    assert.equal((await remove(form, users.both, created)).status, 204);
  });

  test('a role changes, and ends, at once', async () => {
    const created = await create(form, ours, 'change');
    const get = () => form.call('getProject', { key: users.admin, ids: [created.project.id] });
    await pgbeam.sql("SELECT pgbeam.set_member('org_ours', 'u_admin', 'member')");
    assertForbidden(await remove(form, users.admin, created), 'your role does not allow changes');
    await pgbeam.sql("SELECT pgbeam.remove_member('org_ours', 'u_admin')");
    assert.equal((await get()).status, 404);
    await pgbeam.sql("SELECT pgbeam.set_member('org_ours', 'u_admin', 'admin')");
    assert.equal((await get()).status, 200);
  });
}

function testKeys(form) {
  test('a revoked key is refused at once', async () => {
    for (const owner of [{ organization: 'org_ours' }, { user: 'u_owner' }]) {
      const { id, key } = await pgbeam.createKey(owner);
      const status = async () => (await form.call('getProject', { key, ids: [unknown] })).status;
      assert.equal(await status(), 404);
      await pgbeam.sql('SELECT pgbeam.revoke_api_key($1)', id);
      assert.equal(await status(), 401);
    }
  });

  test('an expired key is refused', async () => {
    const { id, key } = await pgbeam.createKey({ organization: 'org_ours', expiresIn: '1 hour' });
    const get = () => form.call('getProject', { key, ids: [unknown] });
    assert.equal((await get()).status, 404);
    await pgbeam.sql('UPDATE pgbeam.api_keys SET expires_at = now() WHERE id = pgbeam.typeid_decode($1)', id);
    const answer = await get();
    assert.deepEqual([answer.status, error(answer)], [401, { code: 'UNAUTHORIZED', message: 'missing or invalid authentication' }]);
  });

  test('wrong keys are refused alike', async () => {
    const { id, key } = await pgbeam.createKey({ organization: 'org_ours' });
    const last = key.at(-1) === '0' ? '1' : '0';
    const wrong = [`${key.slice(0, -1)}${last}`, key.replace('pbo_', 'pbu_'), ours.slice(0, 31) + key.slice(31), id,
      `${id}_`, 'x', 'pbo_'];
    const headers = { 'X-Request-Id': 'same' };
    const answers = await Promise.all(wrong.map((key) => form.call('getProject', { key, ids: [unknown], headers })));
    for (const answer of answers) {
      assert.equal(answer.status, 401);
      assert.deepEqual(seen(answer), seen(answers[0]));
    }
  });
}

function testSuspension(form) {
  test('a suspended organization is closed, and its neighbours are not', async () => {
    const created = await create(form, ours, 'suspended');
    const foreign = await create(form, theirs, 'suspended', 'org_theirs');
    await pgbeam.sql("SELECT pgbeam.suspend_organization('org_ours')");
    try {
      for (const key of [ours, users.owner]) {
        assertForbidden(await form.call('getProject', { key, ids: [created.project.id] }), 'the organization is suspended');
        const database = await form.call('getDatabase', { key, ids: [created.project.id, created.database.id] });
        assertForbidden(database, 'the organization is suspended');
        assertForbidden(await remove(form, key, created), 'the organization is suspended');
        assertForbidden(await createOurs(form, key), 'the organization is suspended');
      }
      assert.equal((await form.call('getProject', { key: users.stranger, ids: [created.project.id] })).status, 404);
      assert.equal((await form.call('getProject', { key: theirs, ids: [foreign.project.id] })).status, 200);
      assert.equal((await form.call('getProject', { key: users.both, ids: [foreign.project.id] })).status, 200);
    } finally {
      await pgbeam.sql("SELECT pgbeam.resume_organization('org_ours')");
    }
    assert.equal((await remove(form, ours, created)).status, 204);
  });
}

for (const form of await startForms(pgbeam.name)) {
  describe(form.name, () => {
    beforeEach(pgbeam.empty);
    testForeign(form);
    testRoles(form);
    testKeys(form);
    testSuspension(form);
  });
}
