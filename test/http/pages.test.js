// Lists page by page: nothing is repeated or lost, whatever comes and goes
// meanwhile. A token is good for one list in one order. Link is ready to use.
import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { assertHeaders, assertProblems, jsonHeaders } from './asserts.js';
import { createBody, organization } from './examples.js';
import { startForms } from './forms.js';
import { createPgbeam, curl } from './support.js';

const pgbeam = await createPgbeam('http_pages');
const other = 'org with space & more/=+%?';
await pgbeam.sql("SELECT pgbeam.set_organization(o) FROM unnest($1::text[]) o", [organization, other]);
await pgbeam.sql("SELECT pgbeam.set_member(o, 'u_both', 'owner') FROM unnest($1::text[]) o", [organization, other]);
const { key } = await pgbeam.createKey({ user: 'u_both' });

const parsed = ({ body }) => JSON.parse(body);
const orders = ['created_at', 'name', 'active_connections'];

// Makes projects by SQL, as many are needed; their ids are in the order of
// their names.
async function fill(names, org_id = organization) {
  const { rows } = await pgbeam.pool.query(
    `SELECT pgbeam.create_project(jsonb_set($1, '{name}', to_jsonb(n.name))) -> 'project' ->> 'id' AS id
       FROM unnest($2::text[]) WITH ORDINALITY n(name, i) ORDER BY i`, [JSON.stringify(createBody({ org_id })), names]);
  return rows.map(({ id }) => id);
}
const addDatabase = (id, host = 'h') => pgbeam.sql('SELECT pgbeam.create_database($1, $2) ->> \'id\'', id,
  JSON.stringify({ ...createBody().database, host }));
const remove = (id) => pgbeam.sql('SELECT pgbeam.delete_project($1)', id);
const numbers = (count, from = 0) => Array.from({ length: count }, (_, i) => i + from);
const named = (prefix, count) => numbers(count).map((i) => `${prefix}${String(i).padStart(3, '0')}`);

const inOrder = {
  created_at: (a, b) => a.id > b.id,
  name: (a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)) < 0,
  active_connections: () => true,
};

async function assertFault(answer, field) {
  assert.equal(answer.status, 400, answer.body);
  assert.deepEqual(parsed(answer).error.errors.map((one) => one.field), [field]);
}

function client(form) {
  const list = async (query, ids) => {
    const answer = await form.call(ids ? 'listDatabases' : 'listProjects', { key, ids,
      query: ids ? query : { org_id: organization, ...query } });
    assert.equal(answer.status, 200, answer.body);
    return parsed(answer);
  };
  /** Reads all pages; something may happen between two of them. */
  const walk = async (query, between = async () => {}) => {
    const seen = [];
    for (let page_token; ;) {
      const page = await list({ ...query, ...(page_token && { page_token }) });
      assert.ok(page.projects.length <= Number(query.page_size ?? 20));
      seen.push(...page.projects);
      if (page.next_page_token === undefined) return seen;
      assert.match(page.next_page_token, /^[a-zA-Z0-9_.-]+$/);
      assert.equal(page.projects.length, Number(query.page_size ?? 20), 'a page before the last is full');
      page_token = page.next_page_token;
      await between(seen);
    }
  };
  return { list, walk };
}

function assertWalk(seen, order, throughout) {
  const ids = seen.map(({ id }) => id);
  assert.equal(new Set(ids).size, ids.length, 'a project is there twice');
  assert.deepEqual(throughout.filter((id) => !ids.includes(id)), [], 'a project is lost');
  for (let i = 1; i < seen.length; i++) assert.ok(inOrder[order](seen[i - 1], seen[i]), `order at ${i}`);
}

function testWalks(form) {
  const { list, walk } = client(form);

  test('every order, pages of any size', async () => {
    const ids = await fill(named('p', 23).reverse());
    for (const sort_by of orders) {
      for (const page_size of ['1', '7', '22', '23', '24', '100']) {
        const seen = await walk({ sort_by, page_size });
        assertWalk(seen, sort_by, ids);
        assert.equal(seen.length, 23);
      }
    }
    assert.deepEqual((await walk({})).map(({ id }) => id), [...ids].reverse(), 'latest first, without sort_by');
    assert.equal((await list({})).projects.length, 20);
  });

  test('names in the order of their characters, whatever these are', async () => {
    const names = ['b', 'B', 'a', 'A', 'ä', 'Z', '10', '9', ' ', '~', '\u{1F600}', '\uFFFD', 'a b', 'a-b', 'ab', 'aa', '%',
      '_', "'", '"',
      '\u{1F600}'.repeat(100), `${'\u{1F600}'.repeat(99)}a`, 'x'.repeat(100), '\u00e4'.repeat(100)];
    await fill(names);
    const seen = (await walk({ sort_by: 'name', page_size: '1' })).map(({ name }) => name);
    assert.deepEqual(seen, [...names].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))));
  });

  test('between pages, projects come and go', async () => {
    for (const sort_by of orders) {
      for (const page_size of ['1', '4']) {
        await pgbeam.empty();
        const throughout = await fill(named('m', 17));
        const passing = await fill(['a', 'm000a', 'm004a', 'm008a', 'm012a', 'm016a', 'z']);
        const gone = new Map();
        let n = 0;
        const seen = await walk({ sort_by, page_size }, async (sofar) => {
          if (passing.length === 0) return;
          await fill([`a new ${n}`, `m008 new ${n}`, `z new ${n++}`]);
          const id = passing.pop();
          await remove(id);
          gone.set(id, sofar.length);
        });
        assertWalk(seen, sort_by, throughout);
        for (const [id, length] of gone) assert.ok(seen.findIndex((one) => one.id === id) < length,
          'a deleted project is listed');
      }
    }
  });

  test('while others write', async () => {
    const throughout = await fill(named('m', 40));
    let isOver = false;
    const churn = async (prefix) => {
      for (let i = 0; !isOver; i++) {
        const [id] = await fill([`${prefix}${i % 2 ? 'z' : 'a'}${i}`]);
        await pgbeam.sql('SELECT pgbeam.update_project($1, $2)', id,
          JSON.stringify({ name: `${prefix}${i % 2 ? 'a' : 'z'}${i}` }));
        await remove(id);
      }
    };
    const churning = [churn('m'), churn('')];
    try {
      for (const sort_by of orders) {
        const seen = await walk({ sort_by, page_size: '3' });
        const ids = seen.map(({ id }) => id).filter((id) => throughout.includes(id));
        assert.deepEqual([...ids].sort(), [...throughout].sort(), sort_by);
      }
    } finally {
      isOver = true;
      await Promise.all(churning);
    }
  });

  test('the last project of a page is deleted before the next is asked for', async () => {
    for (const sort_by of orders) {
      await pgbeam.empty();
      const ids = await fill(named('p', 6));
      const seen = await walk({ sort_by, page_size: '2' }, (sofar) => remove(sofar.at(-1).id));
      assertWalk(seen, sort_by, ids);
    }
  });

  test('the rest is deleted: an empty page, and the end', async () => {
    const ids = await fill(named('p', 3));
    const { next_page_token: page_token } = await list({ page_size: '1' });
    for (const id of ids) await remove(id);
    assert.deepEqual(await list({ page_size: '1', page_token }), { projects: [], total: 0 });
  });

  test('deleted projects are never listed, suspended ones are', async () => {
    const ids = await fill(named('p', 5));
    await remove(ids[1]);
    await pgbeam.sql('SELECT pgbeam.update_project($1, $2)', ids[2], '{"status":"suspended"}');
    for (const sort_by of orders) {
      const page = await list({ sort_by, page_size: '100' });
      assert.deepEqual([page.total, page.projects.length], [4, 4]);
      assert.ok(page.projects.every(({ id, status }) => id !== ids[1] && status === (id === ids[2] ? 'suspended' : 'active')));
    }
  });

  test('total is all of the organization, on every page', async () => {
    await fill(named('p', 5));
    await fill(named('p', 3), other);
    const pages = [await list({ page_size: '2' })];
    while (pages.at(-1).next_page_token) pages.push(await list({ page_size: '2', page_token: pages.at(-1).next_page_token }));
    assert.deepEqual(pages.map(({ total, projects }) => [total, projects.length]), [[5, 2], [5, 2], [5, 1]]);
    assert.deepEqual(Object.keys(pages[0]), ['projects', 'total', 'next_page_token']);
    assert.deepEqual(Object.keys(pages[2]), ['projects', 'total']);
  });

  test('databases of a project', async () => {
    const [id, neighbour] = await fill(['a', 'b']);
    const first = await pgbeam.sql('SELECT pgbeam.typeid_encode(\'db\', id) FROM pgbeam.databases WHERE project_id = pgbeam.typeid_decode($1)', id);
    await addDatabase(neighbour);
    const ids = [first];
    for (const i of numbers(22)) ids.push(await addDatabase(id, `h${i}`));
    const { databases, next_page_token, ...others } = await list({}, [id]);
    assert.deepEqual([databases.length, others], [20, {}], 'no total');
    const seen = new Set(databases.map((one) => one.id));
    const last = await list({ page_token: next_page_token }, [id]);
    assert.deepEqual(Object.keys(last), ['databases']);
    for (const one of last.databases) seen.add(one.id);
    assert.deepEqual([...seen].sort(), [...ids].sort());
    assert.equal((await list({ page_size: '100' }, [id])).databases.length, 23);
    const walked = [];
    for (let page_token; ;) {
      const page = await list({ page_size: '2', ...(page_token && { page_token }) }, [id]);
      walked.push(...page.databases.map((one) => one.id));
      if (!page.next_page_token) break;
      page_token = page.next_page_token;
      await pgbeam.sql('SELECT pgbeam.delete_database($1, $2)', id, walked.at(-1));
    }
    assert.deepEqual(walked, ids);
  });
}

function testTokens(form) {
  const { list } = client(form);
  const ask = (query, operation = 'listProjects', ids = []) =>
    form.call(operation, { key, ids, query: operation === 'listProjects' ? { org_id: organization, ...query } : query });
  const tokenOf = async (query) => (await list({ page_size: '1', ...query })).next_page_token;

  test('tokens of another order, organization, or list', async () => {
    await fill(named('p', 3), other);
    const [id, neighbour] = await fill(named('p', 3));
    for (const one of [id, neighbour]) for (const host of ['x', 'y']) await addDatabase(one, host);
    const tokens = {};
    for (const sort_by of orders) tokens[sort_by] = await tokenOf({ sort_by });
    for (const sort_by of orders) {
      for (const from of orders.filter((order) => order !== sort_by)) {
        await assertFault(await ask({ sort_by, page_token: tokens[from] }), 'page_token');
      }
      assert.equal((await ask({ sort_by, page_token: tokens[sort_by], page_size: '2' })).status, 200,
        'the size of a page may change');
      await assertFault(await ask({ sort_by, page_token: tokens[sort_by], org_id: other }), 'page_token');
      await assertFault(await ask({ page_token: tokens[sort_by] }, 'listDatabases', [id]), 'page_token');
    }
    assert.equal((await ask({ page_token: tokens.created_at })).status, 200, 'the default is an order like another');
    const { next_page_token: page_token } = await list({ page_size: '1' }, [id]);
    await assertFault(await ask({ page_token }, 'listDatabases', [neighbour]), 'page_token');
    for (const sort_by of orders) await assertFault(await ask({ sort_by, page_token }), 'page_token');
    assert.equal((await ask({ page_token }, 'listDatabases', [id])).status, 200);
  });

  test('broken tokens', async () => {
    await fill(named('p', 3));
    for (const sort_by of orders) {
      const token = await tokenOf({ sort_by });
      const raw = Buffer.from(token, 'base64url');
      const made = (change) => { const copy = Buffer.from(raw); change(copy); return copy.toString('base64url'); };
      const bad = ['x', '.', '-', 'b2Zmc2V0OjE', 'null', '0', token.slice(0, 5), `${token}A`.repeat(2), `${token}.`,
        `.${token}`,
        'A'.repeat(1000), 'A'.repeat(1001), 'A'.repeat(7000), 'abc==', 'a b', 'a/b', 'é', "' OR 1", `${token}\n`, `${token}=`,
        ...numbers(9).map((i) => made((copy) => { copy[i] ^= 1; }))];
      if (sort_by === 'name') {
        const name = (...parts) => Buffer.concat([raw.subarray(0, 9), ...parts.map((part) =>
          Buffer.from(part))]).toString('base64url');
        bad.push(name([0xff]), name([0xc0, 0x80]), name('a', [0]), name([0xed, 0xa0, 0x80]));
      } else {
        bad.push(raw.subarray(0, -1).toString('base64url'), Buffer.concat([raw, Buffer.from([0])]).toString('base64url'),
          raw.subarray(0, 9).toString('base64url'));
      }
      for (const page_token of bad) {
        const answer = await ask({ sort_by, page_token });
        assert.equal(answer.status, 400, `${sort_by} ${page_token.slice(0, 60)}: ${answer.body}`);
        await assertFault(answer, 'page_token');
        assert.ok(!answer.body.includes(token.slice(0, 20)));
      }
    }
  });

  test('a token that was damaged on its way', async () => {
    await fill(named('p', 3));
    for (const sort_by of orders) {
      const token = await tokenOf({ sort_by });
      const raw = Buffer.from(token, 'base64url');
      for (const i of numbers(raw.length)) {
        const copy = Buffer.from(raw);
        copy[i] ^= 1;
        await assertFault(await ask({ sort_by, page_token: copy.toString('base64url') }), 'page_token');
      }
      for (const i of numbers(token.length - 1, 1)) await assertFault(await ask({ sort_by, page_token: token.slice(0, i) }),
        'page_token');
    }
  });

  test('a token shows nothing of another organization', async () => {
    await fill(['secret-name', 'secret-name-2'], other);
    await fill(named('p', 2));
    const theirs = parsed(await form.call('listProjects', { key, query: { org_id: other, page_size: '1',
      sort_by: 'name' } })).next_page_token;
    const outsider = await pgbeam.createKey({ organization });
    const asked = { key: outsider.key, query: { org_id: other, page_size: '1', sort_by: 'name', page_token: theirs } };
    assert.equal((await form.call('listProjects', asked)).status, 403);
  });
}

function testQueries(form) {
  const ask = (query) => form.call('listProjects', { key, query: { org_id: organization, ...query } });

  test('page_size from 1 to 100', async () => {
    const ids = await fill(named('p', 101));
    for (const [page_size, length] of [['1', 1], ['20', 20], ['99', 99], ['100', 100]]) {
      assert.equal(parsed(await ask({ page_size })).projects.length, length);
    }
    for (const [page_size, rule] of [['0', 'least'], ['-1', 'least'], ['101', 'most'], ['2147483647', 'most']]) {
      assertProblems(await ask({ page_size }), [['page_size', rule]]);
    }
    const [id] = ids;
    for (const page_size of ['0', '101']) {
      await assertFault(await form.call('listDatabases', { key, ids: [id], query: { page_size } }), 'page_size');
    }
    assert.equal((await form.call('listDatabases', { key, ids: [id], query: { page_size: '100' } })).status, 200);
  });

  test('what sort_by is not', async () => {
    for (const sort_by of ['updated_at', 'Name', 'name desc', '-name', 'id', 'name,id', '', "name'"]) {
      assertProblems(await ask({ sort_by }), [['sort_by', 'enum']]);
    }
  });

  test('an organization that is none, or not the caller\'s', async () => {
    for (const org_id of ['', 'x'.repeat(256), 'ä'.repeat(256)]) await assertFault(await ask({ org_id }), 'org_id');
    const { key: stranger } = await pgbeam.createKey({ user: 'u_stranger' });
    const answers = [];
    for (const org_id of [organization, 'unknown', 'a\tb', 'ä', 'a\u007f']) {
      answers.push(await form.call('listProjects', { key: stranger, query: { org_id }, headers: { 'X-Request-Id': 'same' } }));
    }
    assert.deepEqual(parsed(answers[0]).error.code, 'FORBIDDEN');
    for (const { status, body } of answers) assert.deepEqual([status, body], [403, answers[0].body]);
  });

  test('all that is wrong is told', async () => {
    const answer = await ask({ org_id: '', page_size: '0', sort_by: 'x', page_token: 'a=' });
    assert.equal(answer.status, 400);
    assert.deepEqual(parsed(answer).error.errors.map(({ field }) => field).sort(),
      ['org_id', 'page_size', 'page_token', 'sort_by']);
  });

  if (!form.hasPaths) return;

  test('queries as they are spelled', async () => {
    const spell = (query) => form.call('listProjects', { key, query });
    await fill(['a', 'b']);
    await assertFault(await spell(''), 'org_id');
    await assertFault(await spell('page_size=1'), 'org_id');
    await assertFault(await spell('org_id'), 'org_id');
    await assertFault(await spell('ORG_ID=org_abc123'), 'org_id');
    for (const text of ['ten', '', '1.5', '1x', '0x10', '1e1', '+1', '%201', '%D9%A3', '99999999999999999999',
      '9223372036854775808', '--1', '-']) {
      await assertFault(await spell(`org_id=org_abc123&page_size=${text}`), 'page_size');
    }
    await assertFault(await spell('org_id=org_abc123&page_token=abc%3D%3D'), 'page_token');
    for (const text of ['%00', 'a%00', '%', '%4', '%zz']) await assertFault(await spell(`org_id=${text}`), 'org_id');
    for (const text of ['%ff', '%c3%28', '%ed%a0%80']) assert.equal((await spell(`org_id=${text}`)).status, 400);
    for (const text of ['org%5Fabc123', '%6f%72%67_abc123', '%6F%72%67_abc123']) {
      assert.equal((await spell(`org_id=${text}&page_size=%31&more=%zz&&=&x`)).status, 200, text);
    }
    const spelled = encodeURIComponent(other).replaceAll('%20', '+');
    for (const text of [spelled, spelled.replaceAll('+', '%20'), spelled.toLowerCase()]) {
      assert.equal(parsed(await spell(`org_id=${text}`)).total, 0, text);
    }
  });

  // Clients that loop begin with the empty token that they may find on the
  // last page.
  test('an empty page_token leads to the first page', async () => {
    const answer = await form.call('listProjects', { key, query: `org_id=${organization}&page_token=` });
    assert.equal(answer.status, 200);
  });

  test('ids that no object can have', async () => {
    for (const id of ['prj%20x', '%20', 'prj_x!', 'prj%21', 'prj%C3%A9']) {
      const answer = await form.call('getProject', { key, ids: [id] });
      await assertFault(answer, 'project_id');
      await assertFault(await form.call('listDatabases', { key, ids: [id] }), 'project_id');
      await assertFault(await form.call('getDatabase', { key, ids: ['prj_x', id] }), 'database_id');
    }
    // An HTTP layer may refuse these in its own words.
    for (const id of ['prj%00', 'prj%', '%zz', 'é', 'prj%2Fx']) assert.equal((await form.call('getProject',
      { key, ids: [id] })).status, 400, id);
    for (const id of ['prj_00000000000000000000000000', 'db_01h455vb4pex5vsknk084sn02q', '-',
      'prj_81h455vb4pex5vsknk084sn02q', '...', 'PRJ_X']) {
      assert.equal((await form.call('getProject', { key, ids: [id] })).status, 404, id);
    }
  });
}

function testLinks(form) {
  const next = (answer) => {
    const found = /^<([^>]*)>; rel="next"$/.exec(answer.headers.link);
    assert.ok(found, `Link: ${answer.headers.link}`);
    return found[1];
  };
  const get = (reference) => curl(new URL(reference, form.url).href, { headers: { Authorization: `Bearer ${key}` } });
  const follow = async (start) => {
    const pages = [];
    for (let at = start; at;) {
      const answer = await get(at);
      assert.equal(answer.status, 200, answer.body);
      assertHeaders(answer, jsonHeaders);
      pages.push(parsed(answer));
      const token = pages.at(-1).next_page_token;
      assert.equal(answer.headers.link === undefined, token === undefined);
      at = token && next(answer);
      if (at) assert.ok(at.startsWith('/v1/') && at.endsWith(`page_token=${token}`), at);
    }
    return pages;
  };

  test('Link, as it stands, to the end', async () => {
    const ids = await fill(named('p', 5), other);
    const org = encodeURIComponent(other);
    for (const query of [`org_id=${org}&page_size=2`, `page_size=2&org_id=${org.replaceAll('%20', '+')}&sort_by=name`,
      `sort_by=active_connections&page_size=2&filter=x&&org_id=${org}`, `page_size=9&org_id=${org}&page_size=2`]) {
      const pages = await follow(`/v1/projects?${query}`);
      assert.deepEqual(pages.map(({ projects, total }) => [projects.length, total]), [[2, 5], [2, 5], [1, 5]], query);
      assert.deepEqual(pages.flatMap(({ projects }) => projects.map(({ id }) => id)).sort(), [...ids].sort());
    }
    const [, second] = await follow(`/v1/projects?org_id=${org}&page_size=2`);
    const again = await follow(`/v1/projects?page_token=${second.next_page_token}&org_id=${org}&page_size=1`);
    assert.equal(again.length, 1, 'page_token is replaced, not repeated');
  });

  test('Link of databases', async () => {
    const [id] = await fill(['a']);
    for (const host of ['b', 'c']) await addDatabase(id, host);
    const pages = await follow(`/v1/projects/${id}/databases?page_size=1`);
    assert.deepEqual(pages.map(({ databases }) => databases.length), [1, 1, 1]);
    assert.equal((await follow(`/v1/projects/${id}/databases`)).length, 1);
    for (const i of numbers(20)) await addDatabase(id, `x${i}`);
    assert.deepEqual((await follow(`/v1/projects/${id}/databases`)).map(({ databases }) => databases.length), [20, 3],
      'without a query');
  });

  test('a Link is one link, whatever the query holds', async () => {
    await fill(named('p', 2));
    for (const rest of ['x=>;rel=next,<y', 'x="', 'x=%3E%22', "x='", 'x=a;b,c']) {
      const answer = await get(`/v1/projects?org_id=${organization}&page_size=1`);
      const spelled = await curl(`${form.url}/v1/projects?org_id=${organization}&page_size=1&${rest}`,
        { headers: { Authorization: `Bearer ${key}` } });
      if (spelled.status === 400) continue; // the HTTP layer need not take it
      assert.equal((await get(next(spelled))).body.slice(0, 40), (await get(next(answer))).body.slice(0, 40), rest);
    }
  });

  test('HEAD has the headers of GET', async () => {
    await fill(named('p', 2));
    const query = { org_id: organization, page_size: '1' };
    const [got, head] = [await form.call('listProjects', { key, query }), await form.call('listProjects', { key, query,
      method: 'HEAD' })];
    assert.deepEqual([head.status, head.body, head.headers.link, head.headers['content-type']],
      [200, '', got.headers.link, got.headers['content-type']]);
  });
}

for (const form of await startForms(pgbeam.name)) {
  describe(form.name, () => {
    beforeEach(pgbeam.empty);
    testWalks(form);
    testTokens(form);
    testQueries(form);
    if (form.hasPaths) testLinks(form);
  });
}
