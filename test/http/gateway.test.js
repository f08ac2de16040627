// The gateway itself, before a function that stands in for pgbeam's router and
// tells what it was given.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createDatabase, curl, exchange, startGateway } from './support.js';

const { pool, name, sql } = await createDatabase('http_stub');
await pool.query(`
  CREATE SCHEMA pgbeam;
  CREATE FUNCTION pgbeam.http(method text, uri text, given jsonb, sent bytea,
    OUT status int, OUT headers jsonb, OUT body text)
  LANGUAGE plpgsql AS $$
  BEGIN
    IF given ? 'x-raise' THEN
      RAISE EXCEPTION 'secret text' USING ERRCODE = given ->> 'x-raise', DETAIL = 'secret detail';
    END IF;
    IF given ? 'x-sleep' THEN
      PERFORM pg_sleep((given ->> 'x-sleep')::float8);
    END IF;
    status := coalesce(given ->> 'x-status', '200')::int;
    headers := coalesce(given ->> 'x-answer', '{"Content-Type": "application/json", "X-Odd": "as it is"}')::jsonb;
    body := CASE WHEN method = 'HEAD' OR status = 204 THEN '' ELSE json_build_object('method', method, 'uri', uri,
      'headers', given, 'length', length(sent))::text END;
  END $$;
  GRANT USAGE ON SCHEMA pgbeam TO http_gateway`);
const gateway = await startGateway(name);
const { url } = gateway;

const told = (answer) => JSON.parse(answer.body);

test('method, URI, headers and body arrive as they were sent', async () => {
  for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND', 'QUERY', 'TRACE']) {
    const answer = await curl(`${url}/%zz//a/../b?c=%&d`, { method, headers: { 'X-Case': 'Value ;,"', 'X-Empty': '' } });
    const { method: seen, uri, headers, length } = told(answer);
    assert.deepEqual([seen, uri, length], [method, '/%zz//a/../b?c=%&d', null]);
    assert.deepEqual([headers['x-case'], headers['x-empty']], ['Value ;,"', '']);
  }
  const body = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
  for (const type of ['application/json', 'text/plain', ';;;', 'application/x-www-form-urlencoded', '']) {
    const { length, headers } = told(await curl(url, { method: 'POST', body, headers: { 'Content-Type': type } }));
    assert.deepEqual([length, headers['content-type']], [256, type]);
  }
});

test('bytes of headers are taken for Latin 1', async () => {
  const request = 'GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-A: \xe9\xff\r\n\r\n';
  const answer = await exchange(url, Buffer.from(request, 'latin1'));
  assert.equal(told(answer).headers['x-a'], 'éÿ');
});

test('repeated headers are joined', async () => {
  const headers = [['Authorization', 'a'], ['Authorization', 'b'], ['Content-Type', 'c'], ['Content-Type', 'd'],
    ['X-API-Key', 'e'], ['X-API-Key', 'f']];
  const seen = told(await curl(url, { method: 'POST', headers, body: 'x' })).headers;
  assert.deepEqual([seen.authorization, seen['content-type'], seen['x-api-key']], ['a, b', 'c, d', 'e, f']);
});

test('status, headers and body go back as they are', async () => {
  const answer = await curl(`${url}/`);
  assert.deepEqual([answer.status, answer.headers['content-type'], answer.headers['x-odd']], [200, 'application/json', 'as it is']);
  const empty = await curl(url, { method: 'DELETE', headers: { 'X-Status': '204', 'X-Answer': '{"X-Odd": "b"}' } });
  assert.deepEqual([empty.status, empty.body, empty.headers['x-odd']], [204, '', 'b']);
  assert.equal(empty.headers['content-length'], undefined);
  const head = await curl(url, { method: 'HEAD' });
  assert.deepEqual([head.status, head.body, head.headers['content-type']], [200, '', 'application/json']);
  assert.equal(head.headers['content-length'], undefined);
  assert.equal((await curl(url, { headers: { 'X-Status': '418' } })).status, 418);
});

test('of a body that is too long, the router sees that', async () => {
  for (const [sent, seen] of [[2 ** 21, 2 ** 21], [2 ** 21 + 1, 2 ** 21 + 1]]) {
    assert.equal(told(await curl(url, { method: 'POST', body: Buffer.alloc(sent) })).length, seen);
  }
  const { length } = told(await curl(url, { method: 'POST', body: Buffer.alloc(2 ** 23) }));
  assert.ok(length > 2 ** 21 && length < 2 ** 22, length);
});

test('errors become statuses without their text', async () => {
  const cases = {
    PT403: 403, PT503: 503, PT431: 431, PT599: 500, PT200: 500, PTabc: 500,
    P0001: 500, XX000: 500, 42501: 500, 57014: 503, 53300: 503,
  };
  for (const [state, status] of Object.entries(cases)) {
    const answer = await curl(url, { headers: { 'X-Raise': state } });
    assert.equal(answer.status, status, state);
    assert.equal(answer.headers['content-type'], 'application/json');
    assert.match(answer.headers['x-request-id'], /^[0-9a-f-]{36}$/);
    assert.deepEqual(Object.keys(told(answer).error), ['code', 'message']);
    assert.ok(!JSON.stringify(answer).includes('secret'), answer.body);
  }
  assert.deepEqual(told(await curl(url, { headers: { 'X-Raise': 'P0001' } })),
    { error: { code: 'INTERNAL_ERROR', message: 'internal server error' } });
  assert.deepEqual(told(await curl(url, { headers: { 'X-Raise': 'PT503' } })),
    { error: { code: 'SERVICE_UNAVAILABLE', message: 'service unavailable' } });
  assert.ok(!gateway.log().includes('secret'));
  assert.match(gateway.log(), /^request [0-9a-f-]{36}: P0001$/m);
});

test('the gateway outlives its connections', async () => {
  const running = curl(url, { headers: { 'X-Sleep': '5' } });
  await new Promise((resolve) => setTimeout(resolve, 300));
  await sql("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = 'http_gateway'");
  assert.equal((await running).status, 503);
  assert.equal((await curl(`${url}/`)).status, 200);
});

test('where the database cannot be reached or used it does not start, and says why', async () => {
  await assert.rejects(startGateway(name, { PGHOST: '/nonexistent' }), /ENOENT.*nonexistent/);
  await assert.rejects(startGateway(name, { PGDATABASE: 'no_such' }), /database "no_such" does not exist/);
});

test('SIGTERM ends it in order', async () => {
  const other = await startGateway(name);
  const running = curl(other.url, { headers: { 'X-Sleep': '0.5' } });
  await new Promise((resolve) => setTimeout(resolve, 200));
  await other.stop();
  assert.equal((await running).status, 200);
  assert.equal(other.child.exitCode, 0);
});
