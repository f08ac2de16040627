// Members of an organization and its spend limit: who may look, change and
// remove, and every status.
import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { assertRefusal } from './asserts.js';
import { startForms } from './forms.js';
import { createPgbeam } from './support.js';

const pgbeam = await createPgbeam('http_members');
const roles = ['owner', 'admin', 'member', 'security_admin', 'billing_admin', 'auditor', 'policy-author', 'approver'];
const own = (await pgbeam.createKey({ organization: 'org_ours' })).key;
const others = (await pgbeam.createKey({ organization: 'org_theirs' })).key;
const users = Object.fromEntries(await Promise.all([...roles, 'second', 'stranger'].map(async (name) =>
  [name, (await pgbeam.createKey({ user: `u_${name}` })).key])));
await pgbeam.sql("SELECT pgbeam.set_member('org_theirs', 'u_stranger', 'owner')");

/** The members of each test: one of each role, a second owner and a target. */
async function fill() {
  await pgbeam.empty();
  await pgbeam.pool.query("DELETE FROM pgbeam.members WHERE org_id = 'org_ours'");
  await pgbeam.sql(`SELECT count(pgbeam.set_member('org_ours', 'u_' || r, r)) FROM unnest($1::text[]) r`, roles);
  await pgbeam.sql(`SELECT pgbeam.set_member('org_ours', 'u_second', 'owner'),
    pgbeam.set_member('org_ours', 'u_target', 'member', 'engineer@example.com', 'Alex Rivera', 'https://example.com/avatars/alex.png')`);
  await pgbeam.sql("SELECT pgbeam.update_spend_limit('org_ours', '{}')");
}

const idOf = (user) => pgbeam.sql("SELECT id FROM pgbeam.members WHERE org_id = 'org_ours' AND user_id = $1", user);
const roleOf = (user) => pgbeam.sql("SELECT role FROM pgbeam.members WHERE org_id = 'org_ours' AND user_id = $1", user);
const parsed = ({ body }) => JSON.parse(body);
const assertInvalid = (answer, message) =>
  assert.deepEqual([answer.status, parsed(answer).error.message], [400, message]);
const seen = ({ status, reason, body, headers: { date, ...headers } }) => ({ status, reason, body, headers });

function client(form) {
  const list = (key, query, more) => form.call('listOrgMembers', { key, ids: ['org_ours'], query, ...more });
  const change = async (key, user, role, more) => form.call('updateOrgMemberRole',
    { key, ids: ['org_ours', await idOf(user)], body: { role }, ...more });
  const remove = async (key, user) => form.call('removeOrgMember', { key, ids: ['org_ours', await idOf(user)] });
  const limit = (key, body, organization = 'org_ours') => form.call('updateSpendLimit', { key, ids: [organization], body });
  return { list, change, remove, limit };
}

function testMembers(form) {
  const { list, change, remove } = client(form);

  test('every role looks; a member is as documented', async () => {
    const id = await idOf('u_target');
    for (const key of [own, ...roles.map((role) => users[role])]) {
      const answer = await list(key, { page_size: '100' });
      assert.equal(answer.status, 200, answer.body);
      assert.equal(parsed(answer).members.length, roles.length + 2);
      const { created_at, ...member } = parsed(answer).members.find(({ user_id }) => user_id === 'u_target');
      assert.match(created_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
      assert.deepEqual(Object.entries(member), Object.entries({ id, user_id: 'u_target', email: 'engineer@example.com', name: 'Alex Rivera',
        image: 'https://example.com/avatars/alex.png', role: 'member' }));
      const { image, email, name } = parsed(answer).members.find(({ user_id }) => user_id === 'u_owner');
      assert.deepEqual([image, email, name], [undefined, '', '']);
    }
  });

  test('pages, to the end', async () => {
    const found = [];
    let page_token;
    do {
      const answer = await list(own, { page_size: '3', ...(page_token && { page_token }) });
      assert.equal(answer.status, 200, answer.body);
      found.push(...parsed(answer).members.map(({ user_id }) => user_id));
      page_token = parsed(answer).next_page_token;
    } while (page_token);
    assert.deepEqual(found.toSorted(), [...roles.map((role) => `u_${role}`), 'u_second', 'u_target'].toSorted());
    assertInvalid(await list(own, { page_size: '0' }), 'page_size must be at least 1');
    assertInvalid(await list(own, { page_size: '101' }), 'page_size must be at most 100');
    assert.equal((await list(own, { page_token: 'x' })).status, 400);
  });

  test('who changes and removes whom', async () => {
    const may = { owner: [200, 200, 200, 204], admin: [200, 403, 200, 204] };
    for (const [name, key] of [...Object.entries(users).filter(([name]) => roles.includes(name)), ['admin', own]]) {
      await fill();
      const [target, owner, other] = [await change(key, 'u_target', 'auditor'), await change(key, 'u_second', 'admin'),
        await change(key, 'u_approver', 'member')];
      const removed = await remove(key, 'u_target');
      assert.deepEqual([target, owner, other, removed].map(({ status }) => status), may[name] ?? [403, 403, 403, 403], name);
      assert.equal(await roleOf('u_target'), may[name] ? undefined : 'member');
    }
  });

  test('a removed member is out at once', async () => {
    assert.equal((await list(users.auditor)).status, 200);
    const ids = ['org_ours', await idOf('u_auditor')];
    const answer = await form.call('removeOrgMember', { key: users.admin, ids });
    assert.deepEqual([answer.status, answer.body], [204, '']);
    assertRefusal(await list(users.auditor), 404, 'NOT_FOUND', 'organization not found');
    assertRefusal(await form.call('removeOrgMember', { key: users.admin, ids }), 404, 'NOT_FOUND', 'member not found');
  });

  test('bad roles and ids', async () => {
    assertInvalid(await change(users.owner, 'u_target', 'owner'), 'role must not be set to owner');
    for (const role of ['', 'Admin', 'policy_author', 'x'.repeat(10240), 'admin\u0001', 1, null, ['admin'], undefined]) {
      assert.equal((await change(users.owner, 'u_target', role)).status, 400, String(role).slice(0, 20));
    }
    assert.equal((await form.call('updateOrgMemberRole', { key: own, ids: ['org_ours', await idOf('u_target')], body: '{"role": "admin\\u0000"}' })).status, 400);
    for (const [id, status] of [['x', 404], ['a b', 400], ['x'.repeat(4000), 404], ['01234567890123456789012345678901', 404]]) {
      const at = form.hasPaths ? encodeURIComponent(id) : id;
      assert.equal((await form.call('updateOrgMemberRole', { key: own, ids: ['org_ours', at], body: { role: 'admin' } })).status, status, id.slice(0, 20));
      assert.equal((await form.call('removeOrgMember', { key: own, ids: ['org_ours', at] })).status, status, id.slice(0, 20));
    }
    assert.equal(await roleOf('u_target'), 'member');
  });

  test('the last owner stays, and of two at once one', async () => {
    assert.equal((await change(users.owner, 'u_owner', 'admin')).status, 200);
    for (const answer of [await change(users.second, 'u_second', 'admin'), await remove(users.second, 'u_second')]) {
      assertRefusal(answer, 409, 'INVALID_STATE', 'the last owner of an organization can be neither changed nor removed');
    }
    for (let i = 0; i < 5; i++) {
      await fill();
      const answers = await Promise.all([change(users.owner, 'u_owner', 'admin'), remove(users.second, 'u_second')]);
      assert.deepEqual(answers.map(({ status }) => status).filter((status) => status === 409).length, 1, answers.map(({ body }) => body).join());
      assert.equal(await pgbeam.sql("SELECT count(*) FROM pgbeam.members WHERE org_id = 'org_ours' AND role = 'owner'"), '1');
    }
  });

  test('a change that is sent again with its key is answered again', async () => {
    const headers = { 'Idempotency-Key': `role-${form.name}` };
    const first = await change(users.admin, 'u_target', 'auditor', { headers });
    await pgbeam.sql("SELECT pgbeam.set_member('org_ours', 'u_target', 'member')");
    const second = await change(users.admin, 'u_target', 'auditor', { headers });
    assert.deepEqual([first.status, second.status, second.body], [200, 200, first.body]);
    assert.equal(await roleOf('u_target'), 'member');
  });

  test('without a credential, and from another organization', async () => {
    assert.equal((await list()).status, 401);
    assert.equal((await change(undefined, 'u_target', 'admin')).status, 401);
    assert.equal((await remove(undefined, 'u_target')).status, 401);
    const id = await idOf('u_target');
    const headers = { 'X-Request-Id': 'same' };
    const calls = [['listOrgMembers', [], undefined], ['updateOrgMemberRole', [id], { role: 'admin' }], ['removeOrgMember', [id], undefined],
      ['updateSpendLimit', [], { spend_limit: 1 }]];
    for (const key of [others, users.stranger]) {
      for (const [operation, more, body] of calls) {
        const [foreign, missing] = await Promise.all(['org_ours', 'org_no-one'].map((organization) =>
          form.call(operation, { key, ids: [organization, ...more], body, headers })));
        assert.deepEqual(seen(foreign), seen(missing), operation);
        assertRefusal(foreign, 404, 'NOT_FOUND', `${more.length > 0 ? 'member' : 'organization'} not found`);
      }
    }
    assertRefusal(await form.call('removeOrgMember', { key: others, ids: ['org_theirs', id] }), 404, 'NOT_FOUND', 'member not found');
    assert.equal(await roleOf('u_target'), 'member');
  });
}

function testSpending(form) {
  const { limit } = client(form);
  const plan = (key = own) => form.call('getOrganizationPlan', { key, ids: ['org_ours'] });

  test('a spend limit is kept as it was given', async () => {
    for (const [given, shown] of [['500', '500'], ['0.1', '0.1'], ['19.990', '19.99'], ['1e2', '100'], ['0', '0'],
      ['0.30000000000000004', '0.30000000000000004'], ['1000000000', '1000000000'], ['null', 'null']]) {
      const answer = await limit(own, `{"spend_limit": ${given}}`);
      assert.equal(answer.status, 200, answer.body);
      assert.ok(answer.body.includes(`"spend_limit":${shown},`), answer.body);
      assert.equal((await plan(users.member)).body, answer.body);
    }
    await limit(own, { spend_limit: 5 });
    assert.equal(parsed(await limit(own, {})).spend_limit, null);
  });

  test('who sets it', async () => {
    for (const role of roles) {
      const { status } = await limit(users[role], { spend_limit: 1 });
      assert.equal(status, ['owner', 'admin', 'billing_admin'].includes(role) ? 200 : 403, role);
    }
    assert.equal((await limit(undefined, { spend_limit: 1 })).status, 401);
  });

  test('bad limits', async () => {
    for (const value of ['-1', '-0.001', '1000000000.5', '1e30', '1e400', '1e-21', '"1"', 'true', '[]', '{}']) {
      assert.equal((await limit(own, `{"spend_limit": ${value}}`)).status, 400, value);
    }
    assertInvalid(await limit(own, { spend_limit: -1 }), 'spend_limit must be at least 0');
    assert.equal(parsed(await plan()).spend_limit, null);
    if (!form.hasPaths) return;
    assert.equal((await limit(own, 'x')).status, 400);
    const call = (headers) => form.call('updateSpendLimit', { key: own, ids: ['org_ours'], body: '{}', headers });
    assert.equal((await call({ 'Content-Type': 'text/plain' })).status, 415);
    assert.equal((await limit(own, `{"x": "${'x'.repeat(3 * 1024 * 1024)}"}`)).status, 413);
  });
}

for (const form of await startForms(pgbeam.name)) {
  describe(form.name, () => {
    beforeEach(fill);
    testMembers(form);
    testSpending(form);
  });
}
