// Entity tags: a client need not read again what it has, and cannot overwrite
// what has changed meanwhile.
import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { createBody, organization, password } from './examples.js';
import { startForms } from './forms.js';
import { createPgbeam } from './support.js';

const pgbeam = await createPgbeam('http_etags');
await pgbeam.sql(`SELECT pgbeam.set_organization($1, '{"plan": "pro"}')`, organization);
const { key } = await pgbeam.createKey({ organization });
await pgbeam.sql("SELECT pgbeam.set_member($1, 'u_member', 'member')", organization);
const memberKey = (await pgbeam.createKey({ user: 'u_member' })).key;

const parsed = ({ body }) => JSON.parse(body);
const code = (answer) => parsed(answer).error.code;
const etagOf = (answer) => answer.headers.etag;
const stale = '"0123456789abcdef0123456789abcdef"';

function client(form) {
  const call = (operation, ids, given = {}) => form.call(operation, { key, ids, ...given });
  const create = async (members) => {
    const { project, database } = parsed(await call('createProject', [], { body: createBody(members) }));
    return [project.id, database.id];
  };
  const get = (operation, ids, headers, method) => call(operation, ids, { headers, method });
  const patch = (operation, ids, body, etag) => call(operation, ids, { body,
    headers: etag === undefined ? {} : { 'If-Match': etag } });
  return { call, create, get, patch };
}

const kinds = [['getProject', 'updateProject', { description: 'a' }, { description: 'b' }],
  ['getDatabase', 'updateDatabase', { port: 1 }, { port: 2 }]];

function testTags(form) {
  const { call, create, get, patch } = client(form);

  for (const [read, update, a, b] of kinds) {
    test(`${read}: one strong tag for what it answers, another for something else`, async () => {
      const ids = await create();
      const first = await get(read, ids);
      assert.match(etagOf(first), /^"[\x21\x23-\x7e]+"$/);
      assert.equal(etagOf(await get(read, ids)), etagOf(first));
      assert.equal(etagOf(await get(read, ids, { Accept: 'application/json, application/problem+json',
        Prefer: 'handling=strict' })), etagOf(first));
      const unchanged = await patch(update, ids, {});
      assert.equal(etagOf(unchanged), etagOf(first));
      const tags = [etagOf(first)];
      for (const body of [a, b]) {
        const changed = await patch(update, ids, body);
        const got = await get(read, ids);
        assert.equal(etagOf(changed), etagOf(got));
        tags.push(etagOf(got));
      }
      assert.equal(new Set(tags).size, 3);
      const others = await create({ name: 'other' });
      assert.ok(!tags.includes(etagOf(await get(read, others))));
    });
  }

  test('a project\'s tag follows its databases and its plan', async () => {
    const ids = await create();
    const tag = async () => etagOf(await get('getProject', ids));
    const first = await tag();
    const added = parsed(await call('createDatabase', ids, { body: createBody().database })).id;
    const second = await tag();
    assert.notEqual(second, first);
    await call('deleteDatabase', [ids[0], added]);
    assert.equal(await tag(), first);
    await pgbeam.sql(`SELECT pgbeam.set_organization($1, '{"plan": "scale"}')`, organization);
    assert.notEqual(await tag(), first);
    await pgbeam.sql(`SELECT pgbeam.set_organization($1, '{"plan": "pro"}')`, organization);
    assert.equal(await tag(), first);
  });
}

function testMatch(form) {
  const { call, create, get, patch } = client(form);

  for (const [read, update, a, b] of kinds) {
    test(`${update}: If-Match`, async () => {
      const ids = await create();
      let tag = etagOf(await get(read, ids));
      let next = 0;
      const another = () => (next++ % 2 ? b : a);
      for (const spell of [(t) => t, (t) => `${stale}, ${t}`, (t) => `${t},${stale}`, (t) => `"a" ,\t${t} , "b"`, () => '*']) {
        const answer = await patch(update, ids, another(), spell(tag));
        assert.equal(answer.status, 200, spell(tag));
        tag = etagOf(answer);
      }
      for (const wrong of [stale, `${stale}, "x"`, tag.slice(1, -1), `${tag}x`, tag.slice(0, -2) + '"', '""', 'x', 'W/*',
        '"*"']) {
        for (const body of [a, b, {}]) {
          const answer = await patch(update, ids, body, wrong);
          assert.deepEqual([answer.status, code(answer), etagOf(answer)], [412, 'PRECONDITION_FAILED', tag], wrong);
          assert.equal(answer.headers['content-type'], 'application/json');
        }
      }
      assert.equal(etagOf(await get(read, ids)), tag, 'nothing was written');
      const again = await patch(update, ids, another(), etagOf(await patch(update, ids, {}, stale)));
      assert.equal(again.status, 200, 'the tag of a refusal is the current one');
    });

    test(`${update}: of many who saw the same, one writes`, async () => {
      const ids = await create();
      const tag = etagOf(await get(read, ids));
      const bodies = Array.from({ length: 12 }, (_, i) => update === 'updateProject' ? { description: `d${i}` } : { port: i + 1 });
      const answers = await Promise.all(bodies.map((body) => patch(update, ids, body, tag)));
      assert.deepEqual(answers.map(({ status }) => status).sort(), [200, ...Array(11).fill(412)]);
      const winner = answers.find(({ status }) => status === 200);
      assert.equal((await get(read, ids)).body, winner.body);
      for (const answer of answers) assert.equal(etagOf(answer), etagOf(winner));
    });
  }

  // RFC 9110, 13.1.1: strong comparison, and tags are compared octet by octet.
  test('a weak tag matches nothing that is to be written', async () => {
    const ids = await create();
    const answer = await patch('updateProject', ids, { description: 'a' }, `W/${etagOf(await get('getProject', ids))}`);
    assert.equal(answer.status, 412);
  });

  test('a tag in capitals is another', async () => {
    const ids = await create();
    const tag = etagOf(await get('getProject', ids));
    assert.equal((await patch('updateProject', ids, { description: 'a' }, tag.toUpperCase())).status, 412);
    assert.equal((await get('getProject', ids, { 'If-None-Match': tag.toUpperCase() })).status, 200);
  });

  test('a refused write has changed nothing, its password neither', async () => {
    const ids = await create();
    await patch('updateDatabase', ids, { password: `${password}-2`, host: 'x' }, stale);
    assert.equal(await pgbeam.sql('SELECT pgbeam.reveal_password($1) = $2', ids[1], password), true);
  });

  test('what comes before: credential, body, object, role', async () => {
    const ids = await create();
    const headers = { 'If-Match': stale };
    const status = async (given, at = ids) => (await form.call('updateProject',
      { key, ids: at, body: {}, headers, ...given })).status;
    assert.equal(await status({ key: undefined }), 401);
    assert.equal(await status({ body: { name: '' } }), 400);
    assert.equal(await status({}, ['prj_00000000000000000000000000']), 404);
    assert.equal(await status({ key: memberKey }), 403);
    await create({ name: 'taken' });
    assert.equal(await status({ body: { name: 'taken' } }), 412);
    assert.equal(await status({ headers: { 'If-Match': '*' } }, ['prj_00000000000000000000000000']), 404);
  });

  test('as a problem document', async () => {
    const ids = await create();
    const answer = await call('updateProject', ids, { body: {}, headers: { 'If-Match': stale,
      Accept: 'application/json, application/problem+json' } });
    assert.deepEqual([answer.status, answer.headers['content-type'], etagOf(answer)],
      [412, 'application/problem+json', etagOf(await get('getProject', ids))]);
    const { type, title, status, code } = parsed(answer);
    assert.deepEqual({ type, title, status, code }, {
      type: 'https://pgbeam.com/docs/api/errors/precondition-failed', title: 'Precondition failed', status: 412,
        code: 'PRECONDITION_FAILED',
    });
  });

  test('a write that is sent again with its key has matched once', async () => {
    const ids = await create();
    const headers = { 'If-Match': etagOf(await get('getProject', ids)), 'Idempotency-Key': `match-${form.name}` };
    const send = () => call('updateProject', ids, { body: { description: 'a' }, headers });
    const [first, second] = [await send(), await send()];
    assert.deepEqual([first.status, second.status, second.body], [200, 200, first.body]);
  });

  test('one that did not match may be sent again with its key, once it does', async () => {
    const ids = await create();
    const send = (etag) => call('updateProject', ids, { body: { description: 'a' },
      headers: { 'If-Match': etag, 'Idempotency-Key': `no-match-${form.name}` } });
    const refused = await send(stale);
    assert.equal(refused.status, 412);
    const done = await send(etagOf(refused));
    assert.equal(done.status, 200);
    assert.equal((await send(stale)).body, done.body);
  });

  test('a database that was added is a change that If-Match sees', async () => {
    const ids = await create();
    const tag = etagOf(await get('getProject', ids));
    await call('createDatabase', ids, { body: createBody().database });
    assert.equal((await patch('updateProject', ids, { description: 'a' }, tag)).status, 412);
  });
}

function testNoneMatch(form) {
  const { create, get, patch, call } = client(form);

  for (const [read, update, a] of kinds) {
    test(`${read}: If-None-Match`, async () => {
      const ids = await create();
      const tag = etagOf(await get(read, ids));
      for (const spelled of [tag, `W/${tag}`, `${stale}, ${tag}`, `${tag},${stale}`, `W/"x" , W/${tag}`, '*']) {
        for (const method of ['GET', 'HEAD']) {
          const answer = await get(read, ids, { 'If-None-Match': spelled }, method);
          assert.deepEqual([answer.status, answer.body, etagOf(answer)], [304, '', tag], `${method} ${spelled}`);
          if (form.name === 'gateway') assert.equal(answer.headers['content-type'], undefined);
          assert.equal(answer.headers['cache-control'], 'private, no-cache');
          assert.match(answer.headers['x-request-id'], /./);
        }
      }
      for (const spelled of [stale, `W/${stale}`, tag.slice(1, -1), `${tag}x`, '""', 'x', '"*"']) {
        const answer = await get(read, ids, { 'If-None-Match': spelled });
        assert.deepEqual([answer.status, etagOf(answer)], [200, tag], spelled);
        assert.equal(parsed(answer).id, ids[read === 'getProject' ? 0 : 1]);
      }
      await patch(update, ids, a);
      assert.equal((await get(read, ids, { 'If-None-Match': tag })).status, 200);
    });
  }

  test('lists, plans and the rest of the GETs: one tag for what they answer', async () => {
    const ids = await create();
    const gets = [['listProjects', [], { org_id: organization }], ['listDatabases', ids.slice(0, 1)], ['listReplicas', ids.slice(1)],
      ['listCacheRules', ids], ['listCustomDomains', ids.slice(0, 1)], ['listRegions', []], ['listPlans', []], ['listOrganizations', []],
      ['getOrganizationPlan', [organization]], ['listOrgMembers', [organization]], ['getProjectMetrics', ids.slice(0, 1)],
      ['getProjectUsage', ids.slice(0, 1), { start_date: '2026-01-01', end_date: '2026-01-31' }],
      ['getOrganizationUsage', [organization], { start_date: '2026-01-01', end_date: '2026-01-31' }]];
    for (const [operation, at, query] of gets) {
      const ask = (headers, method) => call(operation, at, { query, headers, method });
      const first = await ask();
      assert.equal(first.status, 200, operation);
      assert.match(etagOf(first), /^"[\x21\x23-\x7e]+"$/, operation);
      for (const spelled of [etagOf(first), `W/${etagOf(first)}`, `${stale}, ${etagOf(first)}`, '*']) {
        for (const method of ['GET', 'HEAD']) {
          const answer = await ask({ 'If-None-Match': spelled }, method);
          assert.deepEqual([answer.status, answer.body, etagOf(answer)], [304, '', etagOf(first)], `${operation} ${method} ${spelled}`);
        }
      }
      assert.equal((await ask({ 'If-None-Match': stale })).body, first.body, operation);
    }
  });

  test('a list has another tag after a change, and each page its own', async () => {
    const [project] = await create();
    const list = (query, headers) => call('listProjects', [], { query: { org_id: organization, ...query }, headers });
    const before = etagOf(await list());
    await create({ name: 'second' });
    const answer = await list({}, { 'If-None-Match': before });
    assert.equal(answer.status, 200);
    assert.equal(parsed(answer).projects.length, 2);
    const first = await list({ page_size: '1' });
    const second = await list({ page_size: '1', page_token: parsed(first).next_page_token });
    assert.equal(new Set([before, ...[answer, first, second].map(etagOf)]).size, 4);
    assert.equal(parsed(second).projects[0].id, project);
    assert.match((await list({ page_size: '1' }, { 'If-None-Match': etagOf(first) })).headers.link, /page_token=/);
    assert.equal((await call('listProjects', [], { query: { org_id: 'org_nobodys' }, headers: { 'If-None-Match': '*' } })).status, 403);
  });

  test('health is never said to be unchanged when it is not', async () => {
    const first = await form.call('getHealth');
    assert.equal(first.status, 200);
    const answers = [];
    for (let i = 0; i < 4; i++) {
      await new Promise((resolve) => setTimeout(resolve, 300));
      answers.push(await form.call('getHealth', { headers: { 'If-None-Match': etagOf(first) } }));
    }
    assert.equal(answers.at(-1).status, 200, 'the time has changed');
    for (const { status, body } of answers) assert.ok(status === 304 || body !== first.body);
  });

  test('only what is found can be unchanged', async () => {
    const ids = await create();
    const headers = { 'If-None-Match': '*' };
    assert.equal((await get('getProject', ['prj_00000000000000000000000000'], headers)).status, 404);
    assert.equal((await form.call('getProject', { ids, headers })).status, 401);
    await call('deleteProject', ids);
    assert.equal((await get('getProject', ids, headers)).status, 404);
  });
}

for (const form of await startForms(pgbeam.name)) {
  describe(form.name, () => {
    beforeEach(pgbeam.empty);
    testTags(form);
    testMatch(form);
    if (form.hasPaths) testNoneMatch(form);
  });
}
