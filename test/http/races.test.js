// Requests at the same time: none is lost, doubled, or answered by a failure.
import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { createBody } from './examples.js';
import { startForms } from './forms.js';
import { createPgbeam } from './support.js';

const pgbeam = await createPgbeam('http_races');
await pgbeam.sql(`SELECT pgbeam.set_organization('full', '{"plan": "starter"}'), pgbeam.set_organization('free')`);
const keyOf = async (organization) => (await pgbeam.createKey({ organization })).key;
const keys = { full: await keyOf('full'), free: await keyOf('free') };
const many = Array.from({ length: 16 }, (_, i) => i);

function count(answers) {
  const counts = {};
  for (const { status } of answers) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}

for (const form of await startForms(pgbeam.name)) {
  const create = (organization, name) =>
    form.call('createProject', { key: keys[organization], body: createBody({ name, org_id: organization }) });
  const createAll = (organization, name) => Promise.all(many.map((i) => create(organization, name(i))));

  describe(form.name, () => {
    beforeEach(pgbeam.empty);

    test('one name', async () => {
      assert.deepEqual(count(await createAll('free', () => 'one')), { 201: 1, 409: 15 });
      for (const table of ['projects', 'databases', 'hosts']) {
        assert.equal(await pgbeam.sql(`SELECT count(*) FROM pgbeam.${table}`), '1');
      }
    });

    test('names with one host', async () => {
      const answers = await createAll('free', (i) => `one${'.'.repeat(i)}`);
      assert.deepEqual(count(answers), { 201: 16 });
      assert.equal(new Set(answers.map(({ body }) => JSON.parse(body).project.proxy_host)).size, 16);
    });

    test('a plan that is full', async () => {
      assert.deepEqual(count(await createAll('full', (i) => `p${i}`)), { 201: 5, 403: 11 });
    });

    test('one name for many that are renamed', async () => {
      const made = (await createAll('free', (i) => `p${i}`)).map(({ body }) => JSON.parse(body).project.id);
      const answers = await Promise.all(made.map((id) => form.call('updateProject',
        { key: keys.free, ids: [id], body: { name: 'one' } })));
      assert.deepEqual(count(answers), { 200: 1, 409: 15 });
      assert.equal(await pgbeam.sql("SELECT count(*) FROM pgbeam.projects WHERE name = 'one'"), '1');
    });

    test('updates of one project: each counts', async () => {
      const { project: { id } } = JSON.parse((await create('free', 'shop')).body);
      const bodies = [{ name: 'new' }, { description: 'd' }, { tags: ['t'] }, { residency: 'eu' }, { agents_disabled: true },
        { status: 'suspended' },
        { allowed_cidrs: [{ cidr: '::1' }] }];
      const answers = await Promise.all(bodies.map((body) => form.call('updateProject', { key: keys.free, ids: [id], body })));
      assert.deepEqual(count(answers), { 200: bodies.length });
      const got = JSON.parse((await form.call('getProject', { key: keys.free, ids: [id] })).body);
      for (const body of bodies) for (const [member, value] of Object.entries(body)) assert.deepEqual(got[member], value);
    });

    test('databases of a plan that is full', async () => {
      const { project: { id } } = JSON.parse((await create('full', 'shop')).body);
      const answers = await Promise.all(many.map(() => form.call('createDatabase',
        { key: keys.full, ids: [id], body: createBody().database })));
      assert.deepEqual(count(answers), { 201: 2, 403: 14 });
    });

    test('databases of a project that is deleted', async () => {
      const { project: { id } } = JSON.parse((await create('free', 'gone')).body);
      const answers = await Promise.all(many.map((i) => i === 7
        ? form.call('deleteProject', { key: keys.free, ids: [id] })
        : form.call('createDatabase', { key: keys.free, ids: [id], body: createBody().database })));
      assert.equal(answers[7].status, 204);
      const { 201: created = 0, 404: refused = 0 } = count(answers);
      assert.equal(created + refused, 15);
      assert.equal(await pgbeam.sql('SELECT count(*) FROM pgbeam.databases WHERE deleted_at IS NULL OR password_sealed IS NOT NULL'), '0');
      assert.equal(await pgbeam.sql('SELECT count(*) FROM pgbeam.databases'), String(created + 1));
    });

    test('one delete', async () => {
      const { project } = JSON.parse((await create('free', 'gone')).body);
      const answers = await Promise.all(many.map(() => form.call('deleteProject', { key: keys.free, ids: [project.id] })));
      assert.deepEqual(count(answers), { 204: 1, 404: 15 });
    });
  });
}
