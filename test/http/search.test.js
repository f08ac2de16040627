// Lists that filters narrow: projects by name, beginning of a name, tag, status
// and host, databases by name, beginning of a name and host.
import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { assertProblems } from './asserts.js';
import { createBody, organization } from './examples.js';
import { startForms } from './forms.js';
import { createPgbeam, curl } from './support.js';

const pgbeam = await createPgbeam('http_search');
const other = 'org_other';
await pgbeam.sql('SELECT pgbeam.set_organization(o) FROM unnest($1::text[]) o', [organization, other]);
const { key } = await pgbeam.createKey({ organization });
const { key: theirs } = await pgbeam.createKey({ organization: other });

const parsed = ({ body }) => JSON.parse(body);
const named = ({ name }) => name;

function testSearch(form) {
  const create = async (body, { key: by = key, org_id = organization } = {}) => {
    const answer = await form.call('createProject', { key: by, body: createBody({ org_id, ...body }) });
    assert.equal(answer.status, 201, answer.body);
    return parsed(answer);
  };
  const ask = (query, { key: by = key, org_id = organization } = {}) =>
    form.call('listProjects', { key: by, query: { org_id, ...query } });
  const find = async (query, who) => {
    const answer = await ask(query, who);
    assert.equal(answer.status, 200, answer.body);
    return parsed(answer);
  };
  const names = async (query, who) => (await find({ sort_by: 'name', ...query }, who)).projects.map(named);
  const update = async (id, body) => assert.equal((await form.call('updateProject', { key, ids: [id], body })).status, 200);

  test('projects by each filter, and by all of them', async () => {
    const { project } = await create({ name: 'shop 100%', tags: ['blue', 'a&b=c', '日本'] });
    await create({ name: 'shop 100x', tags: ['blue'] });
    await create({ name: 'Shop', tags: ['Blue'] });
    const { project: asleep } = await create({ name: 'asleep', tags: ['blue'] });
    await update(asleep.id, { status: 'suspended' });
    for (const [query, expected] of [
      [{ name: 'Shop' }, ['Shop']], [{ name: 'sho' }, []], [{ name: 'shop 100%' }, ['shop 100%']],
      [{ name_prefix: 'shop 100%' }, ['shop 100%']], [{ name_prefix: 'shop' }, ['shop 100%', 'shop 100x']], [{ name_prefix: '_' }, []],
      [{ tag: 'blue' }, ['asleep', 'shop 100%', 'shop 100x']], [{ tag: 'a&b=c' }, ['shop 100%']], [{ tag: '日本' }, ['shop 100%']],
      [{ status: 'suspended' }, ['asleep']], [{ status: 'active' }, ['Shop', 'shop 100%', 'shop 100x']],
      [{ host: project.proxy_host }, ['shop 100%']], [{ host: 'db.example.com' }, []],
      [{ tag: 'blue', status: 'active', name_prefix: 'shop' }, ['shop 100%', 'shop 100x']],
      [{ tag: 'blue', status: 'suspended', name: 'Shop' }, []], [{ host: project.proxy_host, status: 'suspended' }, []],
    ]) {
      for (const sort_by of ['name', 'created_at', 'active_connections']) {
        const { projects, total } = await find({ sort_by, ...query });
        assert.deepEqual(projects.map(named).sort(), [...expected].sort(), JSON.stringify(query));
        assert.equal(total, expected.length, JSON.stringify(query));
      }
    }
    assert.deepEqual((await find({ name_prefix: 'shop' })).projects.map(named), ['shop 100%', 'shop 100x'],
      'a beginning gives the order of names');
    assert.deepEqual((await find({ name_prefix: 'shop', sort_by: 'created_at' })).projects.map(named), ['shop 100x', 'shop 100%']);
  });

  test('what is changed or deleted is found as it is', async () => {
    const { project } = await create({ name: 'one', tags: ['old'] });
    await update(project.id, { tags: ['new'], name: 'two' });
    assert.deepEqual([await names({ tag: 'old' }), await names({ tag: 'new' }), await names({ name: 'one' }), await names({ name: 'two' })],
      [[], ['two'], [], ['two']]);
    assert.deepEqual(await names({ host: project.proxy_host }), ['two'], 'the host stays');
    assert.equal((await form.call('deleteProject', { key, ids: [project.id] })).status, 204);
    for (const query of [{ tag: 'new' }, { name: 'two' }, { host: project.proxy_host }, { status: 'active' }]) {
      assert.deepEqual(await find(query), { projects: [], total: 0 });
    }
  });

  test('a wall between organizations', async () => {
    const { project } = await create({ name: 'theirs', tags: ['t'] }, { key: theirs, org_id: other });
    for (const query of [{ host: project.proxy_host }, { name: 'theirs' }, { name_prefix: 't' }, { tag: 't' }, { status: 'active' }]) {
      assert.deepEqual(await find(query), { projects: [], total: 0 }, JSON.stringify(query));
      assert.deepEqual(await names(query, { key: theirs, org_id: other }), ['theirs']);
      assert.equal((await ask(query, { org_id: other })).status, 403);
    }
  });

  test('illegal values', async () => {
    assertProblems(await ask({ name: '', name_prefix: '', tag: '', host: '' }),
      [['name', 'shortest'], ['name_prefix', 'shortest'], ['tag', 'shortest'], ['host', 'shortest']]);
    assertProblems(await ask({ name: 'x'.repeat(101), tag: 'x'.repeat(51), host: 'x'.repeat(254) }),
      [['name', 'longest'], ['tag', 'longest'], ['host', 'longest']]);
    for (const status of ['deleted', '', 'Active', 'active,suspended']) assertProblems(await ask({ status }), [['status', 'enum']]);
  });

  test('tokens of other filters', async () => {
    for (const name of ['a', 'b', 'c']) await create({ name, tags: ['t', 'u'] });
    const { next_page_token: page_token } = await find({ tag: 't', page_size: '1' });
    assert.deepEqual((await find({ tag: 't', page_token })).projects.map(named), ['b', 'a']);
    for (const query of [{ tag: 'u' }, {}, { tag: 't', status: 'active' }, { name_prefix: 't' }]) {
      const answer = await ask({ ...query, page_token });
      assert.deepEqual([answer.status, parsed(answer).error.errors?.map(({ field }) => field)], [400, ['page_token']]);
    }
  });

  test('databases', async () => {
    const { project: { id } } = await create({ name: 'one' });
    for (const [name, host] of [['orders', 'a.example.com'], ['orders_2', 'b.example.com'], ['Orders', 'b.example.com']]) {
      const body = { ...createBody().database, name, host };
      assert.equal((await form.call('createDatabase', { key, ids: [id], body })).status, 201);
    }
    const found = async (query) => parsed(await form.call('listDatabases', { key, ids: [id], query })).databases?.map(named);
    assert.deepEqual(await found({ name: 'orders' }), ['orders']);
    assert.deepEqual(await found({ name_prefix: 'orders' }), ['orders', 'orders_2']);
    assert.deepEqual(await found({ host: 'b.example.com' }), ['orders_2', 'Orders']);
    assert.deepEqual(await found({ host: 'b.example.com', name_prefix: 'O' }), ['Orders']);
    assert.deepEqual(await found({ name: 'none' }), []);
    assertProblems(await form.call('listDatabases', { key, ids: [id], query: { name: '', host: '' } }),
      [['name', 'shortest'], ['host', 'shortest']]);
  });

  if (!form.hasPaths) return;

  test('what is no parameter is ignored', async () => {
    const { project: { id }, database } = await create({ name: 'one' });
    assert.deepEqual(await names({ Tag: 'x', filter: '', region: 'eu' }), ['one']);
    const answer = await form.call('listDatabases', { key, ids: [id], query: { tag: 'x', status: 'deleted' } });
    assert.deepEqual(parsed(answer).databases.map(named), [database.name]);
  });

  test('Link keeps the filters', async () => {
    for (const name of ['a b', 'a c', 'a d']) await create({ name, tags: ['50%+'] });
    const seen = [];
    for (let at = `/v1/projects?org_id=${organization}&page_size=1&name_prefix=a+&tag=50%25%2b`; at;) {
      const answer = await curl(new URL(at, form.url).href, { headers: { Authorization: `Bearer ${key}` } });
      assert.equal(answer.status, 200, answer.body);
      seen.push(...parsed(answer).projects.map(named));
      at = /^<([^>]*)>/.exec(answer.headers.link)?.[1];
    }
    assert.deepEqual(seen, ['a b', 'a c', 'a d']);
  });
}

for (const form of await startForms(pgbeam.name)) {
  describe(form.name, () => {
    beforeEach(pgbeam.empty);
    testSearch(form);
  });
}
