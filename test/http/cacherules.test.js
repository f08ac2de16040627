// Cache rules: what is reported of queries, listed page by page, and put.
import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { assertHeaders, assertProblems, assertRefusal, jsonHeaders } from './asserts.js';
import { createBody, organization } from './examples.js';
import { startForms } from './forms.js';
import { createPgbeam, curl } from './support.js';

const pgbeam = await createPgbeam('http_cacherules');
const { key } = await pgbeam.createKey({ organization });
const strangerKey = (await pgbeam.createKey({ organization: 'org_other' })).key;
await pgbeam.sql("SELECT pgbeam.set_member($1, 'u_member', 'member')", organization);
const memberKey = (await pgbeam.createKey({ user: 'u_member' })).key;

const hash = (n) => n.toString(16).padStart(16, '0');
const entry = (id, n, members) => ({
  database_id: id, query_hash: hash(n), normalized_sql: 'SELECT * FROM users WHERE id = $1', query_type: 'read', call_count: 1200,
  avg_latency_ms: 12.25, p95_latency_ms: 40, avg_response_bytes: 512, stability_rate: 0.97, seen_at: '2001-01-15T09:30:00Z', ...members,
});
const report = (...entries) => pgbeam.sql('SELECT pgbeam.report_queries($1)', JSON.stringify(entries));

// In the documented order of members.
const rule = (n, given) => ({
  query_hash: hash(n), normalized_sql: 'SELECT * FROM users WHERE id = $1', query_type: 'read', cache_enabled: true,
  cache_ttl_seconds: null, cache_swr_seconds: null, call_count: 1200, avg_latency_ms: 12.25, p95_latency_ms: 40, avg_response_bytes: 512,
  stability_rate: 0.97, recommendation: 'great', first_seen_at: '2001-01-15T09:30:00Z', last_seen_at: '2001-01-15T09:30:00Z', ...given,
});

async function createDatabase(form) {
  const { project, database } = JSON.parse((await form.call('createProject', { key, body: createBody() })).body);
  return [project.id, database.id];
}

function testRules(form) {
  const create = () => createDatabase(form);
  const list = (ids, query) => form.call('listCacheRules', { key, ids, query });
  const put = (ids, n, body, given) => form.call('updateCacheRule', { key, ids: [...ids, hash(n)], body, ...given });

  test('observed, listed, put', async () => {
    const ids = await create();
    assert.equal((await list(ids)).body, '{"entries":[]}');
    await report(entry(ids[1], 2), entry(ids[1], 1));
    const listed = await list(ids);
    assert.deepEqual([listed.status, listed.body], [200, JSON.stringify({ entries: [rule(1), rule(2)] })]);
    assertHeaders(listed, jsonHeaders);
    const all = { cache_enabled: false, cache_ttl_seconds: 300, cache_swr_seconds: 60 };
    const full = await put(ids, 2, all);
    assert.deepEqual([full.status, full.body], [200, JSON.stringify({ entry: rule(2, all) })]);
    assertHeaders(full, jsonHeaders);
    assert.equal((await put(ids, 2, { cache_enabled: false, cache_swr_seconds: 0 })).body,
      JSON.stringify({ entry: rule(2, { cache_enabled: false, cache_swr_seconds: 0 }) }), 'what is absent is reset');
    assert.equal((await list(ids)).body, JSON.stringify({ entries: [rule(1), rule(2, { cache_enabled: false, cache_swr_seconds: 0 })] }));
  });

  test('page by page, each rule once', async () => {
    const ids = await create();
    await report(...Array.from({ length: 7 }, (_, i) => entry(ids[1], 7 - i)));
    const seen = [];
    let query = { page_size: 3 };
    for (let pages = 1; query !== undefined; pages++) {
      const { entries, next_page_token: token } = JSON.parse((await list(ids, query)).body);
      seen.push(...entries.map(({ query_hash }) => query_hash));
      await report(entry(ids[1], 1, { call_count: 10 ** pages })); // an order by calls would move it
      query = token && { page_size: 3, page_token: token };
    }
    assert.deepEqual(seen, Array.from({ length: 7 }, (_, i) => hash(i + 1)));
  });

  test('bodies that break rules', async () => {
    const ids = await create();
    await report(entry(ids[1], 1));
    assertProblems(await put(ids, 1, {}), [['cache_enabled', 'required']]);
    assertProblems(await put(ids, 1, { cache_enabled: null, cache_ttl_seconds: 86401, cache_swr_seconds: -1 }),
      [['cache_enabled', 'type'], ['cache_ttl_seconds', 'most'], ['cache_swr_seconds', 'least']]);
    assertProblems(await put(ids, 1, { cache_enabled: 'true', cache_ttl_seconds: '1' }), [['cache_enabled', 'type'], ['cache_ttl_seconds', 'type']]);
    assertRefusal(await put(ids, 1, [true]), 400, 'INVALID_INPUT', 'the request body must be a JSON object');
    const strict = { headers: { Prefer: 'handling=strict' } };
    assert.equal((await put(ids, 1, { cache_enabled: true, call_count: 1 }, strict)).status, 400);
    assert.equal((await list(ids)).body, JSON.stringify({ entries: [rule(1)] }), 'nothing was written');
  });

  test('what was never seen, and what is others\'', async () => {
    const ids = await create();
    await report(entry(ids[1], 1));
    const unknown = [ids[0], 'db_00000000000000000000000000'];
    assertRefusal(await put(ids, 2, { cache_enabled: true }), 404, 'NOT_FOUND', 'cache rule not found');
    assertRefusal(await put(unknown, 1, { cache_enabled: true }), 404, 'NOT_FOUND', 'cache rule not found');
    assertRefusal(await put(ids, 1, { cache_enabled: true }, { key: strangerKey }), 404, 'NOT_FOUND', 'cache rule not found');
    assertRefusal(await put(ids, 1, { cache_enabled: true }, { key: memberKey }), 403, 'FORBIDDEN', 'your role does not allow changes');
    assertRefusal(await list(unknown), 404, 'NOT_FOUND', 'database not found');
    assertRefusal(await form.call('listCacheRules', { key: strangerKey, ids }), 404, 'NOT_FOUND', 'database not found');
    assert.equal((await form.call('listCacheRules', { key: memberKey, ids })).status, 200);
    await form.call('deleteDatabase', { key, ids });
    assert.equal(await pgbeam.sql('SELECT count(*) FROM pgbeam.cache_rules'), '0');
  });

  test('a hash that no query has', async () => {
    const ids = await create();
    for (const id of ['x', 'A1B2C3D4E5F60718', `${hash(1)}0`, 'g'.repeat(16)]) {
      const answer = await form.call('updateCacheRule', { key, ids: [...ids, id], body: { cache_enabled: true } });
      assert.deepEqual([answer.status, JSON.parse(answer.body).errors?.map(({ field }) => field)], [400, ['query_hash']], id);
    }
  });

  test('a put needs no version of what it replaces, and gives none', async () => {
    const ids = await create();
    await report(entry(ids[1], 1));
    const answer = await put(ids, 1, { cache_enabled: true }, { headers: { 'If-Match': '"0"' } });
    assert.deepEqual([answer.status, answer.headers.etag], [200, undefined]);
  });

}

function testPaths(form) {
  test('media type and methods', async () => {
    const ids = await createDatabase(form);
    await report(entry(ids[1], 1));
    const path = `${form.url}/v1/projects/${ids[0]}/databases/${ids[1]}/cache-rules`;
    const ask = (suffix, given) => curl(path + suffix, { ...given, headers: { Authorization: `Bearer ${key}`, ...given.headers } });
    const text = await ask(`/${hash(1)}`, { method: 'PUT', body: '{"cache_enabled":true}', headers: { 'Content-Type': 'text/plain' } });
    assertRefusal(text, 415, 'UNSUPPORTED_MEDIA_TYPE', 'send Content-Type: application/json');
    for (const [suffix, method, allow] of [['', 'PUT', 'GET, HEAD, OPTIONS'], [`/${hash(1)}`, 'GET', 'PUT, OPTIONS'], [`/${hash(1)}`, 'DELETE', 'PUT, OPTIONS']]) {
      const answer = await ask(suffix, { method });
      assert.deepEqual([answer.status, answer.headers.allow], [405, allow], method + suffix);
    }
  });
}

for (const form of await startForms(pgbeam.name)) {
  describe(form.name, () => {
    beforeEach(async () => {
      await pgbeam.empty();
      await pgbeam.sql('DELETE FROM pgbeam.cache_rules');
    });
    testRules(form);
    if (form.hasPaths) testPaths(form);
  });
}

test('as it is described', async () => {
  const { paths, components: { schemas } } = JSON.parse(await pgbeam.sql('SELECT pgbeam.openapi()::text'));
  const base = '/v1/projects/{project_id}/databases/{database_id}/cache-rules';
  const { parameters, responses } = paths[`${base}/{query_hash}`].put;
  assert.deepEqual(Object.keys(responses).map(Number), [200, 400, 401, 403, 404, 413, 415, 429, 503]);
  assert.deepEqual(Object.keys(paths[base].get.responses).map(Number), [200, 304, 400, 401, 403, 404, 429]);
  assert.deepEqual(parameters.find(({ name }) => name === 'query_hash').schema,
    { type: 'string', minLength: 16, maxLength: 16, pattern: '^[a-f0-9]+$' });
  const { properties, required } = schemas.CacheRuleEntry;
  assert.deepEqual(Object.keys(properties), Object.keys(rule(1)));
  assert.deepEqual(required, Object.keys(rule(1)).filter((name) => !/_seconds$/.test(name)));
  const type = (name) => [properties[name].type, properties[name].format, properties[name].nullable];
  assert.deepEqual(['cache_ttl_seconds', 'call_count', 'avg_latency_ms', 'cache_enabled'].map(type),
    [['integer', 'int32', true], ['integer', 'int64', undefined], ['number', 'double', undefined], ['boolean', undefined, undefined]]);
  assert.deepEqual(schemas.UpdateCacheRuleRequest.required, ['cache_enabled']);
  assert.equal(schemas.UpdateCacheRuleRequest.properties.cache_swr_seconds.nullable, true);
  assert.deepEqual(Object.keys(schemas.CacheRuleAnswer.properties), ['entry']);
});
