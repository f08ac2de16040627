// The gateway itself, before a function that stands in for pgbeam's router and
// tells what it was given.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { after, test } from 'node:test';
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
      'headers', given, 'length', length(sent), 'pid', pg_backend_pid(), 'long', repeat('ж', (given ->> 'x-long')::int))::text END;
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
    P0001: 500, XX000: 500, 42501: 500, 23505: 500, 25000: 500, 57014: 503, 53300: 503, 40001: 503, '40P01': 503,
    '55P03': 503, 25006: 503, '25P02': 503,
  };
  for (const [state, status] of Object.entries(cases)) {
    const answer = await curl(url, { headers: { 'X-Raise': state } });
    assert.equal(answer.status, status, state);
    assert.equal(answer.headers['content-type'], 'application/json');
    assert.match(answer.headers['x-request-id'], /^[0-9a-f-]{36}$/);
    assert.equal(answer.headers['retry-after'], status === 503 ? '5' : undefined, state);
    assert.deepEqual(Object.keys(told(answer)), ['error', 'type', 'title', 'status', 'detail', 'code', 'request_id']);
    assert.deepEqual(Object.keys(told(answer).error), ['code', 'message']);
    assert.ok(!JSON.stringify(answer).includes('secret'), answer.body);
  }
  const internal = {
    type: 'https://pgbeam.com/docs/api/errors/internal-error', title: 'Internal error', status: 500,
    detail: 'internal server error', code: 'INTERNAL_ERROR', request_id: 'mine',
  };
  const raise = (state, headers = {}) => curl(url, { headers: { 'X-Raise': state, 'X-Request-Id': 'mine', ...headers } });
  assert.deepEqual(told(await raise('P0001')),
    { error: { code: 'INTERNAL_ERROR', message: 'internal server error' }, ...internal });
  const document = await raise('P0001', { Accept: 'application/problem+json' });
  assert.deepEqual([document.headers['content-type'], told(document)], ['application/problem+json', internal]);
  assert.deepEqual(told(await raise('PT503')).error, { code: 'SERVICE_UNAVAILABLE', message: 'service unavailable' });
  assert.notEqual((await raise('P0001', { 'X-Request-Id': 'a b' })).headers['x-request-id'], 'a b');
  assert.ok(!gateway.log().includes('secret'));
  assert.match(gateway.log(), /^request [0-9a-f-]{36}: P0001$/m);
});

test('a connection whose transaction is aborted is thrown away', async () => {
  for (const state of ['25P02', 'P0001']) {
    const before = told(await curl(url)).pid;
    assert.equal((await curl(url, { headers: { 'X-Raise': state } })).headers['x-request-id'].length, 36);
    assert.notEqual(told(await curl(url)).pid, before, state);
  }
});

test('a long body arrives byte for byte', async () => {
  const answer = await curl(url, { headers: { 'X-Long': '3000000' } });
  assert.deepEqual([answer.status, told(answer).long], [200, 'ж'.repeat(3000000)]);
});

test('an absolute request target is served, and stands for its path', async () => {
  for (const [target, seen] of [['http://example.com:1/a/../b?c#d', '/a/../b?c#d'], ['HTTPS://[::1]', '/'], ['http://x?y', '/?y'],
    ['http://u@x//y', '//y'], ['*', '*']]) {
    const answer = await exchange(url, Buffer.from(`OPTIONS ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`));
    assert.deepEqual([answer.status, told(answer).uri], [200, seen], target);
  }
});

test('what is no request is refused in the API\'s words', async () => {
  const cases = [
    ['nonsense\n\n', 400], ['GET / HTTP/1.1\n\n', 400], ['GET / HTTP/1.1\nHost: x\nContent-Length: x\n\n', 400],
    ['GET / HTTP/1.1\nHost: x\nA: \x00\n\n', 400], ['GET / HTTP/9.9\nHost: x\n\n', 400], ['GET /\x01 HTTP/1.1\nHost: x\n\n', 400],
    ['POST / HTTP/1.1\nHost: x\nContent-Length: 1\nContent-Length: 2\n\n{}', 400],
    ['POST / HTTP/1.1\nHost: x\nTransfer-Encoding: chunked\n\nz\n', 400],
    [`GET / HTTP/1.1\nHost: x\nA: ${'a'.repeat(100_000)}\n\n`, 431], [`GET /${'a'.repeat(100_000)} HTTP/1.1\nHost: x\n\n`, 431],
  ];
  for (const [text, status] of cases) {
    const answer = await exchange(url, Buffer.from(text.replaceAll('\n', '\r\n'), 'latin1'));
    const code = status === 400 ? 'INVALID_INPUT' : 'REQUEST_HEADER_FIELDS_TOO_LARGE';
    const { error, ...document } = told(answer);
    assert.deepEqual([answer.status, error.code, document.status], [status, code, status], text.slice(0, 80));
    assert.deepEqual([answer.headers['content-type'], answer.headers['x-request-id']], ['application/json', document.request_id]);
  }
  const unexpected = 'GET /b HTTP/1.1\r\nHost: x\r\nExpect: the moon\r\nConnection: close\r\n\r\n';
  assert.equal(told(await exchange(url, Buffer.from(unexpected))).uri, '/b');
});

// Between the gateway and the server: what the server says is spoilt on demand.
async function startSpoiler() {
  const spoiler = { spoil: null };
  const server = createServer((client) => {
    const upstream = connect(join(process.env.PGHOST, '.s.PGSQL.5432'));
    client.pipe(upstream);
    upstream.on('data', (chunk) => spoiler.spoil ? spoiler.spoil(client) : client.write(chunk));
    for (const [one, other] of [[client, upstream], [upstream, client]]) one.on('error', () => {}).on('close', () => other.destroy());
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  after(() => server.close());
  return Object.assign(spoiler, { env: { PGHOST: '127.0.0.1', PGPORT: String(server.address().port) } });
}

test('whatever the driver meets, the gateway goes on', async () => {
  const spoiler = await startSpoiler();
  const other = await startGateway(name, spoiler.env);
  const cases = {
    'a row that ends early': ['D\0\0\0\x0a\0\x05\0\0\0\x05', 500],
    'an unknown message': ['@\0\0\0\x04', 500],
    'columns that end early': ['T\0\0\0\x06\0\x09', 500], 'a reset': ['', 503],
  };
  for (const [what, [bytes, status]] of Object.entries(cases)) {
    assert.equal((await curl(other.url)).status, 200, what);
    spoiler.spoil = (client) => bytes ? client.write(Buffer.from(bytes, 'latin1')) : client.resetAndDestroy();
    const answer = await curl(other.url, { headers: { 'X-Request-Id': 'odd' } });
    spoiler.spoil = null;
    assert.deepEqual([answer.status, told(answer).request_id], [status, 'odd'], what);
  }
  assert.equal(other.child.exitCode, null);
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
