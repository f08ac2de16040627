// The gateway itself, in front of a function that stands in for pgbeam's
// router and answers what it was given.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Call } from '../../examples/gateway/call.js';
import { createDatabase, curl, exchange, startGateway, takeLines, until, untilAsleep } from './support.js';

const database = await createDatabase('http_stub');
const { pool, name, sql } = database;
await pool.query(`
  CREATE SCHEMA pgbeam;
  CREATE TABLE pgbeam.noted (method text);
  GRANT INSERT ON pgbeam.noted TO http_gateway;
  CREATE FUNCTION pgbeam.http(method text, uri text, given jsonb, sent bytea,
    OUT status int, OUT headers jsonb, OUT body text)
  LANGUAGE plpgsql AS $$
  BEGIN
    IF uri = '/noted' THEN
      INSERT INTO pgbeam.noted VALUES (method);
    END IF;
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

const countNoted = async () => (await pool.query('SELECT count(*)::int AS count FROM pgbeam.noted')).rows[0].count;
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

test('and go back so, whatever the body is', async () => {
  const given = { 'X-Answer': '{"X-Odd": "\\u00e9\\u00ff"}' };
  for (const more of [{}, { 'X-Long': '1' }, { 'X-Status': '204' }]) {
    assert.equal((await curl(url, { headers: { ...given, ...more } })).headers['x-odd'], 'éÿ', JSON.stringify(more));
  }
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
  assert.equal((await curl(url, { method: 'DELETE', headers: { 'X-Status': '304' } })).headers['content-length'], undefined);
  for (const odd of ['100', '199', '0', '-1', '1000']) assert.equal((await curl(url, { headers: { 'X-Status': odd } })).status, 500, odd);
});

test('an answer ends by its length, whatever HTTP the client speaks', async () => {
  const ask = (line, version) => exchange(url, `${line} HTTP/${version}\r\nHost: x\r\nConnection: close\r\n\r\n`);
  for (const version of ['1.0', '1.1']) {
    const { status, headers, body } = await ask('GET /', version);
    assert.deepEqual([status, headers['content-length'], headers['transfer-encoding']], [200, `${body.length}`, undefined], version);
  }
  const kept = await exchange(url, 'GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET / HTTP/1.0\r\n\r\n');
  assert.equal(kept.headers.connection, 'keep-alive');
});

test('a header that cannot be sent is an error, and its answer a whole one', async () => {
  const answer = await curl(url, { headers: { 'X-Answer': '{"X-Odd": "a\\r\\nb"}' } });
  assert.deepEqual([answer.status, told(answer).code, answer.headers['x-odd']], [500, 'INTERNAL_ERROR', undefined]);
  for (const [status, odd] of [['204', '{"X-Odd": "a\\r\\nb"}'], ['304', '{"X Odd": "b"}'], ['700', '{}']]) {
    const other = await curl(url, { headers: { 'X-Status': status, 'X-Answer': odd } });
    assert.deepEqual([other.status, told(other).code, other.headers['content-length']], [500, 'INTERNAL_ERROR', `${other.body.length}`], status);
  }
});

// The statuses of all answers that come.
const statusesOf = (text) => [...text.matchAll(/HTTP\/1.1 (\d+) /g)].map(([, status]) => status);

test('leave to send a body does not come within another answer', async () => {
  const body = 'x'.repeat(10);
  const first = `GET /1 HTTP/1.1\r\nHost: x\r\nX-Sleep: 0.3\r\n\r\n`;
  const second = `POST /2 HTTP/1.1\r\nHost: x\r\nConnection: close\r\nExpect: 100-continue\r\nContent-Length: ${body.length}\r\n\r\n`;
  const { hostname, port } = new URL(url);
  for (const [sent, statuses] of [[first + second + body, ['200', '200']], [second + body, ['100', '200']]]) {
    const socket = connect({ host: hostname, port: Number(port) });
    let text = '';
    socket.on('data', (chunk) => { text += chunk; });
    socket.write(sent);
    await once(socket, 'close');
    assert.deepEqual(statusesOf(text), statuses);
    assert.match(text, /"length" : 10/);
  }
});

test('what is no request does not take the place of an answer', async () => {
  const { hostname, port } = new URL(url);
  const post = 'POST / HTTP/1.1\r\nHost: x\r\nX-Sleep: 2\r\n';
  for (const [sent, statuses] of [
    [`${post}Content-Length: 1\r\n\r\nx\0\0\r\n\r\n`, ['200']],
    [`${post}Transfer-Encoding: chunked\r\n\r\nzz\r\n`, ['400']],
  ]) {
    const socket = connect({ host: hostname, port: Number(port) });
    let text = '';
    socket.on('data', (chunk) => { text += chunk; });
    socket.write(sent.slice(0, -6));
    setTimeout(() => socket.write(sent.slice(-6)), 100);
    await once(socket, 'close');
    assert.deepEqual(statusesOf(text), statuses, text);
  }
});

test('nothing is done that follows a request without Host', async () => {
  const other = await startGateway(name);
  const noted = 'POST /noted HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx';
  const { status, headers } = await exchange(other.url, `GET / HTTP/1.1\r\n\r\n${noted}`);
  assert.deepEqual([status, headers.connection], [400, 'close']);
  assert.deepEqual((await takeLines(other, 2)).map(([, , , path, code]) => [path, code]), [['/', '400'], ['/noted', '499']]);
  await other.stop();
  assert.equal(await countNoted(), 0);
  await exchange(url, noted.replace('Host', 'Connection: close\r\nHost'));
  assert.equal(await countNoted(), 1);
});

test('each request of a client who goes has its line', async () => {
  const other = await startGateway(name);
  const { hostname, port } = new URL(other.url);
  const socket = connect({ host: hostname, port: Number(port) });
  socket.write('GET / HTTP/1.1\r\nHost: x\r\nX-Sleep: 2\r\n\r\n'.repeat(5));
  await untilAsleep(database, 5);
  socket.destroy();
  assert.deepEqual((await takeLines(other, 5)).map(([, , , , status]) => status), Array(5).fill('499'));
  const slow = connect({ host: hostname, port: Number(port) });
  slow.write(`GET / HTTP/1.1\r\nHost: x\r\nX-Long: ${8 << 20}\r\n\r\n`);
  await once(slow, 'readable');
  slow.destroy();
  assert.deepEqual((await takeLines(other, 1)).map(([, , , , status]) => status), ['499'], 'who leaves in the middle of an answer too');
});

test('of a body that is too long, the router sees that', async () => {
  for (const [sent, seen] of [[2 ** 21, 2 ** 21], [2 ** 21 + 1, 2 ** 21 + 1]]) {
    assert.equal(told(await curl(url, { method: 'POST', body: Buffer.alloc(sent) })).length, seen);
  }
  const { length } = told(await curl(url, { method: 'POST', body: Buffer.alloc(2 ** 23) }));
  assert.ok(length > 2 ** 21 && length < 2 ** 22, length);
});

test('a body in tiny pieces takes up no more memory than its bytes', async (t) => {
  const other = await startGateway(name);
  const memory = async () => Number(/VmRSS:\s*(\d+)/.exec(await readFile(`/proc/${other.child.pid}/status`))[1]) / 1024;
  const { hostname, port } = new URL(other.url);
  const socket = connect({ host: hostname, port: Number(port) });
  t.after(() => socket.destroy());
  const before = await memory();
  socket.write('POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n');
  for (let i = 0; i < 100; i++) {
    if (!socket.write('1\r\nx\r\n'.repeat(10_000))) await once(socket, 'drain');
  }
  await curl(other.url);
  assert.ok(await memory() - before < 100, `${await memory() - before} MB more for a body of 1 MB`);
  socket.write('0\r\n\r\n');
  let answer = '';
  for await (const chunk of socket) answer += chunk;
  assert.match(answer, /"length" : 1000000,/);
});

test('ten requests of a connection are served at once, and more are refused in their order', async () => {
  const other = await startGateway(name);
  const { hostname, port } = new URL(other.url);
  const ask = async (count) => {
    const requests = Array.from({ length: count }, (_, i) => `GET /${i} HTTP/1.1\r\nHost: x\r\nX-Sleep: 0.01\r\n`);
    const socket = connect({ host: hostname, port: Number(port) });
    socket.write(`${requests.join('\r\n')}Connection: close\r\n\r\n`);
    let answers = '';
    for await (const chunk of socket) answers += chunk;
    return answers;
  };
  const served = await ask(10);
  assert.deepEqual([...served.matchAll(/"uri" : "\/(\d+)"/g)].map(([, i]) => Number(i)), Array.from({ length: 10 }, (_, i) => i));
  const flooded = ask(5000);
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.equal((await curl(other.url, { giveUpAfter: 10 })).status, 200, 'others are served meanwhile');
  const statuses = [...(await flooded).matchAll(/HTTP\/1.1 (\d+)/g)].map(([, status]) => status);
  assert.equal(statuses.length, 5000);
  assert.deepEqual([...new Set(statuses.slice(0, 10))], ['200']);
  assert.equal(statuses[10], '429');
  assert.match(await flooded, /"error":{"code":"RATE_LIMITED","message":"too many requests"}/);
  assert.match(await flooded, /\r\nretry-after: 5\r\n/i);
  assert.match(await ask(1), /HTTP\/1.1 200/);
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

// Stands between the gateway and the server, and damages the server's messages
// on demand.
async function startSpoiler() {
  const spoiler = { spoil: null, hangs: false };
  const server = createServer({ allowHalfOpen: true }, (client) => {
    const upstream = connect(join(process.env.PGHOST, '.s.PGSQL.5432'));
    client.pipe(upstream);
    upstream.on('data', (chunk) => spoiler.spoil ? spoiler.spoil(client, chunk) : client.write(chunk));
    for (const [one, other] of [[client, upstream], [upstream, client]]) one.on('error', () => {}).on('close', () => spoiler.hangs || other.destroy());
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
    'columns that nobody asked for': ['T\0\0\0\x06\0\0', 503], 'an answer to nothing': ['I\0\0\0\x04', 503],
    'a part of the rows': ['s\0\0\0\x04', 503], 'a wish for data': ['G\0\0\0\x07\0\0\0', 503],
    'no row': ['2\0\0\0\x04C\0\0\0\x0dSELECT 0\0Z\0\0\0\x05I', 503],
    'a row of too few columns': ['D\0\0\0\x0d\0\x01\0\0\0\x03200C\0\0\0\x0dSELECT 1\0Z\0\0\0\x05I', 503],
    'headers that are no JSON': ['D\0\0\0\x12\0\x02\0\0\0\x03200\0\0\0\x01xC\0\0\0\x0dSELECT 1\0Z\0\0\0\x05I', 503],
    'an error without an end, where the driver reads on for ever': ['E\0\0\0\x0bSERROR\0', 503],
    'a notice without an end': ['N\0\0\0\x05S', 503], 'a length that is none': ['D\0\0\0\x03', 503],
  };
  for (const [what, [bytes, status]] of Object.entries(cases)) {
    assert.equal((await curl(other.url)).status, 200, what);
    spoiler.spoil = (client) => bytes ? client.write(Buffer.from(bytes, 'latin1')) : client.resetAndDestroy();
    const answer = await curl(other.url, { headers: { 'X-Request-Id': 'odd' } });
    spoiler.spoil = null;
    assert.deepEqual([answer.status, told(answer).request_id], [status, 'odd'], what);
  }
  assert.equal(other.child.exitCode, null);
  assert.equal(other.log().match(/^request odd: the answer of pgbeam.http cannot be read$/gm).length, 3);
  assert.doesNotMatch(other.log(), /JSON|iterable/, 'nothing of the answer');
});

// Bytes from a seed: the same in each run.
function* randomBytes(seed) {
  for (let state = seed; ;) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    yield state >>> 24;
  }
}

test('whatever bytes the driver gets, at login or later, the gateway goes on', async () => {
  const spoiler = await startSpoiler();
  const other = await startGateway(name, spoiler.env);
  const seen = {};
  for (let seed = 1; seed <= 150; seed++) {
    const random = randomBytes(seed);
    const next = () => random.next().value;
    spoiler.spoil = (client, chunk) => {
      if (client.writableEnded) return;
      const bytes = Buffer.from(chunk);
      for (let count = next() % 4; count >= 0; count--) bytes[(next() * 256 + next()) % bytes.length] = next();
      client.end(next() % 4 ? bytes : Buffer.concat([bytes, bytes.subarray(next() % bytes.length)]));
    };
    const { status } = await curl(other.url);
    seen[status] = (seen[status] ?? 0) + 1;
    spoiler.spoil = null;
  }
  assert.equal(other.child.exitCode, null, other.log());
  assert.equal((await curl(other.url)).status, 200);
  assert.ok(seen[500] > 0 && seen[503] > 0, JSON.stringify(seen));
});

test('an answer that comes too late is nobody else\'s', async () => {
  const spoiler = await startSpoiler();
  const other = await startGateway(name, { ...spoiler.env, POOL_SIZE: '1' });
  await curl(other.url);
  let isReady = false;
  spoiler.spoil = (client, chunk) => {
    if (!isReady) client.write(Buffer.from('Z\0\0\0\x05I', 'latin1')); // without an answer, which comes later
    isReady = true;
    setTimeout(() => client.write(chunk), 300);
  };
  const both = await Promise.all(['/first', '/second'].map((path) => curl(other.url + path)));
  const kinds = both.map((answer, i) => told(answer).uri === ['/first', '/second'][i] ? 'its own' : answer.status);
  assert.deepEqual(kinds.sort(), [503, 'its own']);
});

test('a call that cannot be sent is an error that the driver is given', () => {
  let corked = 0;
  const stream = { cork: () => corked++, uncork: () => corked-- };
  const refusal = new Error('no memory');
  const connection = { stream, parsedStatements: {}, parse: () => {}, bind: () => { throw refusal; } };
  assert.equal(new Call({ text: 'SELECT', values: [] }).submit(connection), refusal);
  assert.equal(corked, 0);
});

test('a server that says nothing more is given up', async () => {
  const spoiler = await startSpoiler();
  const other = await startGateway(name, { ...spoiler.env, QUERY_TIMEOUT: '1' });
  spoiler.spoil = () => {};
  assert.equal((await curl(other.url)).status, 503);
  spoiler.spoil = null;
  assert.equal((await curl(other.url)).status, 200);
});

test('the gateway outlives its connections', async () => {
  const running = curl(url, { headers: { 'X-Sleep': '30' } });
  await untilAsleep(database);
  await sql("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = 'http_gateway' AND datname = current_database()");
  assert.equal((await running).status, 503);
  assert.equal((await curl(`${url}/`)).status, 200);
});

test('the client\'s address is the connection\'s, whatever they send', async () => {
  const forged = [{}, { 'X-Real-IP': '192.0.2.1' }, [['X-Real-IP', '192.0.2.1'], ['x-real-ip', '192.0.2.2']], { 'X-Real-IP': '' }];
  for (const headers of forged) assert.equal(told(await curl(url, { headers })).headers['x-real-ip'], '127.0.0.1');
  const dual = await startGateway(name, { HOST: '::' });
  const loopback = (host) => dual.url.replace('[::]', host);
  assert.equal(told(await curl(loopback('127.0.0.1'))).headers['x-real-ip'], '127.0.0.1', 'not as IPv6 has it');
  assert.equal(told(await curl(loopback('[::1]'))).headers['x-real-ip'], '::1');
});

test('behind a trusted proxy it is what that says', async () => {
  const seen = async ({ url: other }, given) => told(await curl(other, { headers: { 'X-Real-IP': given } })).headers['x-real-ip'];
  const trusting = await startGateway(name, { TRUSTED_PROXIES: '::1, 127.0.0.0/8' });
  for (const address of ['192.0.2.1', '2001:db8::1']) assert.equal(await seen(trusting, address), address);
  for (const odd of ['', '192.0.2.1, 192.0.2.2', 'unknown', '192.0.2.1:80']) assert.equal(await seen(trusting, odd), '127.0.0.1', odd);
  const distrusting = await startGateway(name, { TRUSTED_PROXIES: '127.0.0.2,10.0.0.0/8' });
  assert.equal(await seen(distrusting, '192.0.2.1'), '127.0.0.1');
});

test('the access log has a line a request, and no secret', async () => {
  const other = await startGateway(name);
  const key = `pbo_${'0'.repeat(26)}_${'s3cret'.repeat(8)}`;
  const answer = JSON.stringify({ 'X-Request-Id': 'req_1' });
  await curl(`${other.url}/v1/a?b=s3cret`, { method: 'POST', body: 's3cret',
    headers: { Authorization: 'Bearer s3cret', 'X-Answer': answer, 'X-Status': '418' } });
  await curl(`${other.url}/${key}/x`, { headers: { 'X-Answer': answer } });
  await exchange(other.url, Buffer.from('GET /v1/a#s3cret HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'));
  await exchange(other.url, Buffer.from('GET http://u:s3cret@x/v1/a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'));
  await exchange(other.url, Buffer.from('GET ftp://u:s3cret@x/v1/a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'));
  await curl(`${other.url}/${key.replace('pbo_', '%70bo%5F').replace('_s3', '%5f%733')}/%2F`);
  const { headers } = await curl(other.url, { headers: { 'X-Raise': 'P0001' } });
  await exchange(other.url, Buffer.from('s3cret\r\n\r\n'));
  await curl(`${other.url}/gone`, { headers: { 'X-Sleep': '3' }, giveUpAfter: 1 }).catch(() => {});
  const lines = await takeLines(other, 9);
  assert.deepEqual(lines.map(([, address, method, path, status]) => [address, method, path, status].join(' ')), [
    '127.0.0.1 POST /v1/a 418', `127.0.0.1 GET /pbo_${'0'.repeat(26)}_.../x 200`, '127.0.0.1 GET /v1/a 200', '127.0.0.1 GET /v1/a 200',
    '127.0.0.1 GET /v1/a 200', `127.0.0.1 GET /pbo_${'0'.repeat(26)}_.../%2F 200`,
    '127.0.0.1 GET / 500', '127.0.0.1 - - 400', '127.0.0.1 GET /gone 499',
  ]);
  for (const [time, , , , , seconds, id, ...rest] of lines) {
    assert.match(time, /^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    assert.match(seconds, /^\d\.\d{3}$/);
    assert.ok(id && !rest.length);
  }
  assert.deepEqual([lines[0][6], lines[6][6], lines[8][6]], ['req_1', headers['x-request-id'], '-']);
  assert.ok(lines[8][5] >= 0.25);
  const silent = await startGateway(name, { ACCESS_LOG: 'off' });
  await curl(silent.url);
  await exchange(silent.url, Buffer.from('x\r\n\r\n'));
  await silent.stop();
  assert.deepEqual(silent.lines, []);
});

test('it goes on when nobody reads what it prints', async () => {
  const other = await startGateway(name);
  other.child.stdout.destroy();
  other.child.stderr.destroy();
  for (let i = 0; i < 3; i++) assert.equal((await curl(other.url, { headers: { 'X-Raise': 'P0001' } })).status, 500);
  assert.equal(other.child.exitCode, null);
});

test('a health check asks the router for its health, without an address, and is not logged', async () => {
  const spoiler = await startSpoiler();
  const other = await startGateway(name, spoiler.env);
  const check = (options) => curl(`${other.url}/-/health`, options);
  const { method, uri, headers, pid } = told(await check({ headers: { 'X-Real-IP': '192.0.2.1', 'X-Status': '500' } }));
  assert.deepEqual([method, uri, headers, typeof pid], ['GET', '/v1/health', {}, 'number']);
  const head = await check({ method: 'HEAD' });
  assert.deepEqual([head.status, head.body, head.headers['content-type']], [200, '', 'application/json']);
  spoiler.spoil = (client) => client.destroy();
  // An answer is remembered for a second.
  let down;
  await until(async () => (down = await check()).status !== 200, 'an answer without a database');
  assert.deepEqual([down.status, told(down).code, down.headers['retry-after']], [503, 'SERVICE_UNAVAILABLE', '5']);
  let count = 0;
  spoiler.spoil = (client, chunk) => {
    count++;
    client.write(chunk);
  };
  await until(async () => (await check()).status === 200, 'an answer of a database that is back');
  await new Promise((resolve) => setTimeout(resolve, 2000));
  count = 0;
  for (let i = 0; i < 20; i++) assert.equal((await fetch(`${other.url}/-/health`)).status, 200);
  assert.ok(count > 0 && count < 20, `the database was asked ${count} times`);
  for (const [path, options] of [['/-/health?x', {}], ['/-/health', { method: 'POST' }], ['/-/healthy', {}]]) {
    assert.equal(told(await curl(other.url + path, options)).uri, path, 'the router\'s');
  }
  assert.deepEqual((await takeLines(other, 3)).map(([, , , path]) => path), ['/-/health', '/-/health', '/-/healthy']);
});

test('a request that comes on an open connection while it stops is served', async () => {
  const other = await startGateway(name);
  const { hostname, port } = new URL(other.url);
  const socket = connect({ host: hostname, port: Number(port) });
  let text = '';
  socket.on('data', (chunk) => { text += chunk; });
  const ask = (sleep) => socket.write(`GET /${sleep} HTTP/1.1\r\nHost: x\r\nX-Sleep: ${sleep}\r\n\r\n`);
  ask('2');
  await untilAsleep(database);
  const stopped = other.stop();
  await new Promise((resolve) => setTimeout(resolve, 100));
  ask('0.01');
  await Promise.all([stopped, once(socket, 'close')]);
  assert.deepEqual([...text.matchAll(/HTTP\/1.1 (\d+)/g)].map(([, status]) => status), ['200', '200']);
  assert.match(text, /\r\nconnection: close\r\n/i);
});

test('an answer that is being written when it stops is written to its end', async () => {
  const other = await startGateway(name);
  const { hostname, port } = new URL(other.url);
  const socket = connect({ host: hostname, port: Number(port) });
  socket.write(`GET / HTTP/1.1\r\nHost: x\r\nX-Long: ${4 << 20}\r\n\r\n`);
  await once(socket, 'readable');
  const stopped = other.stop();
  await new Promise((resolve) => setTimeout(resolve, 300));
  let text = Buffer.alloc(0);
  for await (const chunk of socket) text = Buffer.concat([text, chunk]);
  await stopped;
  const head = text.indexOf('\r\n\r\n');
  assert.equal(text.length - head - 4, Number(/content-length: (\d+)/i.exec(text.subarray(0, head))[1]));
});

test('signals may come twice, and connections that say nothing do not matter', async () => {
  const other = await startGateway(name);
  const { hostname, port } = new URL(other.url);
  const sockets = ['', 'GET / HT', 'GET / HTTP/1.1\r\nHost: x\r\nX-Sleep: 2\r\n\r\n'].map((text) => {
    const socket = connect({ host: hostname, port: Number(port) });
    socket.resume();
    socket.write(text);
    return once(socket, 'close');
  });
  await untilAsleep(database);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGINT', 'SIGTERM']) {
    other.child.kill(signal);
    await new Promise((resolve) => setTimeout(resolve, 50)); // each is dealt with alone
  }
  await once(other.child, 'close');
  await Promise.all(sockets);
  assert.equal(other.child.exitCode, 0);
});

test('a database that hangs does not keep it from ending', async () => {
  const spoiler = await startSpoiler();
  const other = await startGateway(name, { ...spoiler.env, QUERY_TIMEOUT: '1' });
  assert.equal((await curl(other.url)).status, 200);
  spoiler.hangs = true;
  other.child.kill('SIGINT');
  other.child.kill('SIGTERM');
  await once(other.child, 'close');
  assert.equal(other.child.exitCode, 1);
  assert.match(other.log(), /the database does not end its connections/);
});

test('an open connection that has its answer does not keep it from ending', async () => {
  const other = await startGateway(name);
  const { hostname, port } = new URL(other.url);
  const sockets = ['0', '2'].map((sleep) => {
    const socket = connect({ host: hostname, port: Number(port) });
    socket.resume();
    socket.write(`GET / HTTP/1.1\r\nHost: x\r\nX-Sleep: ${sleep}\r\n\r\n`);
    return socket;
  });
  await untilAsleep(database);
  const ended = Promise.all([other.stop(), ...sockets.map((socket) => once(socket, 'close'))]);
  const late = new Promise((_, reject) => setTimeout(reject, 30_000, new Error('still there')).unref());
  await Promise.race([ended, late]);
});

for (const signal of ['SIGTERM', 'SIGINT']) {
  test(`${signal} ends it in order`, async () => {
    const other = await startGateway(name);
    const running = curl(other.url, { headers: { 'X-Sleep': '2' } });
    await untilAsleep(database);
    other.child.kill(signal);
    await once(other.child, 'close');
    assert.equal((await running).status, 200);
    assert.equal(other.child.exitCode, 0);
    assert.match((await takeLines(other, 1)).join(), /,GET,\/,200,/, 'the last line of the log is written too');
  });
}
