// What nginx does to requests and answers, in front of a function that stands
// in for pgbeam's router behind PostgREST and does what the path says.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createDatabase, curl, exchange, isInstalled, startNginx, startPostgrest, takeLines, untilAsleep } from './support.js';

const words = (status, code, message) => ({
  error: { code, message }, type: `https://pgbeam.com/docs/api/errors/${code.toLowerCase().replaceAll('_', '-')}`,
  title: code[0] + code.slice(1).toLowerCase().replaceAll('_', ' '), status, detail: message, code,
});
const internal = words(500, 'INTERNAL_ERROR', 'internal server error');
const unavailable = words(503, 'SERVICE_UNAVAILABLE', 'service unavailable');
const unreadable = words(400, 'INVALID_INPUT', 'the request cannot be read');
const tooLarge = words(413, 'PAYLOAD_TOO_LARGE', 'the request body exceeds 2 MB');
const tooMuch = words(431, 'REQUEST_HEADER_FIELDS_TOO_LARGE', 'request header fields too large');

function assertWords(answer, { status, ...rest }, id) {
  const { request_id: given, ...body } = JSON.parse(answer.body);
  assert.deepEqual([answer.status, body], [status, { ...rest, status }]);
  assert.deepEqual(Object.keys(JSON.parse(answer.body)), ['error', 'type', 'title', 'status', 'detail', 'code', 'request_id']);
  assert.deepEqual([answer.headers['content-type'], answer.headers['cache-control']], ['application/json', 'private, no-cache']);
  assert.equal(answer.headers['x-request-id'], given);
  assert.equal(answer.headers['retry-after'], status === 503 ? '5' : undefined);
  assert.match(given, id ?? /^[0-9a-f]{32}$/);
}

const raised = {
  P0001: 500, PT409: 500, PT503: 503, PT418: 418, 23505: 500, 23514: 500, 25000: 500, 42501: 500, 42883: 500, XX000: 500,
  25006: 503, '25P02': 503, 53300: 503, '55P03': 503, 57014: 503, '57P01': 503,
};

async function startStub() {
  const { pool, name, sql } = await createDatabase('http_nginx');
  await pool.query(`
    CREATE SCHEMA pgbeam;
    GRANT USAGE ON SCHEMA pgbeam TO http_anon;
    CREATE DOMAIN pgbeam."*/*" AS bytea;
    CREATE FUNCTION pgbeam.http_forwarded(bytea) RETURNS pgbeam."*/*" LANGUAGE plpgsql AS $$
    DECLARE
      given json := current_setting('request.headers');
      path text[] := string_to_array(given ->> 'x-pgbeam-uri', '/');
      body text := coalesce(convert_from(decode(path[4], 'hex'), 'UTF8'), given::text);
    BEGIN
      IF path[2] = 'raise' THEN
        RAISE EXCEPTION 's3cret' USING ERRCODE = path[3], DETAIL = 's3cret', HINT = 's3cret';
      ELSIF path[2] = 'sleep' THEN
        PERFORM pg_sleep(path[3]::float8);
      ELSIF path[2] = 'answer' THEN
        PERFORM set_config('response.status', path[3], true);
        PERFORM set_config('response.headers', json_build_array(
          json_build_object('Content-Type', 'application/' || CASE WHEN path[5] = 'problem' THEN 'problem+' ELSE '' END || 'json'),
          json_build_object('X-Request-Id', 'req_1'), json_build_object('Cache-Control', 'private, no-cache'),
          json_build_object('Allow', 'GET'), json_build_object('ETag', '"a"'), json_build_object('Retry-After', '7'),
          json_build_object('RateLimit', '"default";r=1'), json_build_object('RateLimit-Policy', '"default";q=1'),
          json_build_object('X-RateLimit-Limit', '1'), json_build_object('X-RateLimit-Remaining', '0'),
          json_build_object('Preference-Applied', 'handling=strict'), json_build_object('X-Pgbeam-Body', body))::text, true);
      END IF;
      RETURN convert_to(body, 'UTF8');
    END $$`);
  return { name, sql };
}

const raw = (url, text) => exchange(url, Buffer.from(text.replaceAll('\n', '\r\n'), 'latin1'));

describe('nginx', { skip: !isInstalled('nginx') && 'there is no nginx' }, async () => {
  const { name, sql } = await startStub();
  const postgrest = await startPostgrest(name);
  const nginx = await startNginx(postgrest.url);
  const { url } = nginx;
  const answerOf = (status, body, kind) => `${url}/answer/${status}/${Buffer.from(body).toString('hex')}/${kind}`;
  const told = async (headers) => JSON.parse((await curl(`${url}/a?b`, { headers })).body);

  test('no other header reaches PostgREST, and none is odd', async () => {
    const list = ['authorization', 'x-api-key', 'content-type', 'accept', 'if-match', 'if-none-match', 'x-request-id', 'prefer',
      'user-agent', 'cookie', 'x-forwarded-for', 'x-real-ip', 'host', 'range', 'x-odd'];
    for (const value of ['caf\xe9', '\xff', 'a\xc0\xafb', '\x01\x7f']) {
      for (const header of list) {
        const answer = await raw(url, `GET /a?b HTTP/1.1\nHost: x\n${header}: ${value}\nConnection: close\n\n`);
        assert.ok([200, 400].includes(answer.status), `${header}: ${answer.status}`);
        assert.match(answer.body, /^[\x20-\x7e]+$/);
        for (const secret of [value, JSON.stringify(value).slice(1, -1)]) assert.ok(!answer.body.includes(secret), header);
      }
      for (const text of [`GET /${value} HTTP/1.1\nHost: x\n`, `GET /?${value} HTTP/1.1\nHost: x\n`,
        `POST / HTTP/1.1\nHost: x\nIdempotency-Key: ${value}\n`]) {
        assertWords(await raw(url, `${text}Connection: close\n\n`), unreadable);
      }
    }
    for (const odd of ['A: \x00', 'Accept: a\n b\xff', ' b\xff: c', 'X-\xff: a', ': a', 'X_API_Key: \xff', `A: ${'\xff'.repeat(4000)}`]) {
      assert.ok([200, 400].includes((await raw(url, `GET / HTTP/1.1\nHost: x\n${odd}\nConnection: close\n\n`)).status), odd);
    }
    for (let i = 0; i < 20; i++) assert.equal((await curl(url)).status, 200);
  });

  test('what the router reads arrives', async () => {
    const given = {
      authorization: 'Bearer a.b', 'content-type': 'application/json; charset=utf-8', accept: 'application/problem+json',
      'x-api-key': 'pbo_1\t2', 'if-match': '"a"', 'if-none-match': 'W/"b", *', 'idempotency-key': '~!', 'x-request-id': 'r.1-_',
    };
    const seen = await told({ ...given, 'X-Real-IP': '192.0.2.1', 'X-Forwarded-For': '192.0.2.1' });
    for (const [header, value] of Object.entries(given)) {
      const carried = ['authorization', 'content-type', 'accept'].includes(header) ? `x-pgbeam-${header}` : header;
      assert.equal(seen[carried], value, header);
    }
    assert.deepEqual([seen['x-real-ip'], seen['x-forwarded-for'], seen['x-pgbeam-uri'], seen['x-pgbeam-method'], seen.authorization],
      ['127.0.0.1', undefined, '/a?b', 'GET', undefined]);
    for (const strict of ['handling=strict', 'handling="strict"', 'a=b; c, HANDLING=STRICT;d', 'respond-async,handling="strict"']) {
      assert.equal((await told({ Prefer: strict })).prefer, 'handling=strict', strict);
    }
    for (const none of ['handling=lenient', 'handling=strictly', 'xhandling=strict', 'tx=rollback', '']) {
      assert.equal((await told({ Prefer: none })).prefer, undefined, none);
    }
    assert.match((await told({ 'X-Request-Id': 'a b' }))['x-request-id'], /^[0-9a-f]{32}$/);
  });

  test('the router\'s own refusals go on as they came', async () => {
    for (const status of [400, 401, 403, 404, 405, 409, 412, 413, 415, 429, 501, 503]) {
      const kinds = [['json', 'application/json'], ['problem', 'application/problem+json']];
      for (const [kind, type] of kinds.slice(0, status === 503 ? 2 : 1)) {
        const body = JSON.stringify({ status: 'degraded', a: 'ж\\" %24 $1 }' });
        const answer = await curl(answerOf(status, body, kind));
        assert.deepEqual([answer.status, answer.body], [status, body]);
        const { date, server, connection, 'content-length': length, 'www-authenticate': challenge, ...rest } = answer.headers;
        assert.deepEqual(rest, {
          'content-type': type, 'x-request-id': 'req_1', 'cache-control': 'private, no-cache', allow: 'GET', etag: '"a"',
          ratelimit: '"default";r=1', 'ratelimit-policy': '"default";q=1', 'x-ratelimit-limit': '1', 'x-ratelimit-remaining': '0',
          'preference-applied': 'handling=strict', ...(status === 503 && { 'retry-after': '5' }),
          ...(status === 429 && { 'retry-after': '7' }),
        }, String(status));
        const head = await curl(answerOf(status, body, kind), { method: 'HEAD' });
        assert.deepEqual([head.status, head.body, head.headers['content-type']], [status, '', type]);
      }
    }
    const long = `{${'x'.repeat(3500)}}`;
    assert.equal((await curl(answerOf(400, long))).body, long);
  });

  test('what others say of a failure becomes the API\'s words', async () => {
    for (const [state, status] of Object.entries(raised).filter(([state]) => state !== 'PT418')) {
      const answer = await curl(`${url}/raise/${state}`, { headers: { 'X-Request-Id': 'mine' } });
      assertWords(answer, status === 503 ? unavailable : internal, /^mine$/);
      assert.ok(!JSON.stringify(answer).includes('s3cret'), state);
      assert.deepEqual([answer.headers['proxy-status'], answer.headers['content-range']], [undefined, undefined]);
      assert.ok(!answer.reason.includes('s3cret'));
    }
    const document = await curl(`${url}/raise/P0001`, { headers: { Accept: 'text/html, application/problem+json' } });
    const { error, ...alone } = internal;
    assert.deepEqual([document.status, document.headers['content-type'], { ...JSON.parse(document.body), request_id: 0 }],
      [500, 'application/problem+json', { ...alone, request_id: 0 }]);
    assert.equal((await curl(`${url}/a`)).headers['content-range'], undefined);
  });

  test('the access log has a line a request, and no secret', async () => {
    const own = await startNginx(postgrest.url);
    await takeLines(own, 1);
    const key = `pbo_${'0'.repeat(26)}_${'s3cret'.repeat(8)}`;
    await curl(`${own.url}/v1/a?b=s3cret`, { method: 'POST', body: 's3cret', headers: { Authorization: 'Bearer s3cret', 'X-Request-Id': 'mine' } });
    await curl(`${own.url}/${key}/x`);
    await curl(`${own.url}/${key}/${key}`);
    await curl(answerOf(409, '{}', 'json').replace(url, own.url), { method: 'PATCH' });
    await raw(own.url, 's3cret\n\n');
    const lines = await takeLines(own, 5);
    assert.deepEqual(lines.map(([, address, method, path, status]) => [address, method, path, status].join(' ')), [
      '127.0.0.1 POST /v1/a 200', `127.0.0.1 GET /pbo_${'0'.repeat(26)}_.../x 200`, `127.0.0.1 GET /pbo_${'0'.repeat(26)}_... 200`,
      '127.0.0.1 PATCH /answer/409/7b7d/json 409',
      '127.0.0.1 - - 400',
    ]);
    for (const [time, , , , , seconds, id, ...rest] of lines) {
      assert.match(time, /^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d$/);
      assert.match(seconds, /^\d\.\d{3}$/);
      assert.ok(id && !rest.length);
    }
    assert.deepEqual([lines[0][6], lines[3][6]], ['mine', 'req_1']);
  });

  test('a health check asks the router for its health, without an address, and is not logged', async () => {
    const own = await startNginx(postgrest.url);
    await takeLines(own, 1);
    const seen = JSON.parse((await curl(`${own.url}/-/health`, { headers: { 'X-Real-IP': '192.0.2.1' } })).body);
    assert.deepEqual([seen['x-pgbeam-method'], seen['x-pgbeam-uri'], seen['x-real-ip']], ['GET', '/v1/health', undefined]);
    const other = JSON.parse((await curl(`${own.url}/-/health?x`)).body);
    assert.deepEqual([other['x-pgbeam-uri'], other['x-real-ip']], ['/-/health?x', '127.0.0.1']);
    assert.equal((await curl(`${own.url}/-/health`, { method: 'HEAD' })).status, 200);
    for (const method of ['POST', 'DELETE', 'OPTIONS', 'GETS']) {
      const seen = JSON.parse((await curl(`${own.url}/-/health`, { method })).body);
      assert.deepEqual([seen['x-pgbeam-uri'], seen['x-real-ip']], ['/-/health', '127.0.0.1'], method);
    }
    assert.deepEqual((await takeLines(own, 5)).map(([, , method]) => method), ['GET', 'POST', 'DELETE', 'OPTIONS', 'GETS']);
    assertWords(await curl(`${(await startNginx('http://127.0.0.1:9')).url}/-/health`), unavailable);
  });

  test('a statement that takes too long, and one whose server goes', async () => {
    await sql(`ALTER DATABASE ${name} SET statement_timeout = '500ms'`);
    const slow = await startPostgrest(name);
    await sql(`ALTER DATABASE ${name} RESET statement_timeout`);
    assertWords(await curl(`${(await startNginx(slow.url)).url}/sleep/5`), unavailable);
    const running = curl(`${url}/sleep/30`);
    await untilAsleep({ sql });
    await sql("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()");
    assertWords(await running, unavailable);
  });

  test('without a database, and without PostgREST', async () => {
    const lost = await startPostgrest(name, { PGHOST: '/nonexistent' }, false);
    assertWords(await curl((await startNginx(lost.url)).url), unavailable);
    assertWords(await curl((await startNginx('http://127.0.0.1:9')).url), unavailable);
  });

  test('what nginx refuses by itself', async () => {
    const head = 'HTTP/1.1\nHost: x\nConnection: close\n';
    for (const text of ['nonsense\n\n', 'GET / HTTP/1.1\n\n', `GET / ${head}Content-Length: x\n\n`, `TRACE / ${head}\n`,
      `POST / ${head}Transfer-Encoding: odd\n\n`, `GET /-/words.json ${head}\n`, `GET / ${head}A: \x00\n\n`]) {
      assertWords(await raw(url, text), unreadable);
    }
    assertWords(await raw(url, `GET / ${head}A: ${'a'.repeat(50_000)}\n\n`), tooMuch);
    assertWords(await raw(url, `GET /${'a'.repeat(50_000)} ${head}\n`), tooMuch);
    assertWords(await curl(url, { method: 'POST', body: Buffer.alloc(4_000_000) }), tooLarge);
  });
});
