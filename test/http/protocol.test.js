// HTTP itself, on the documented paths: methods, paths, sizes, media types,
// credentials, and requests that no client library sends.
import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { createBody, organization } from './examples.js';
import { startForms } from './forms.js';
import { createPgbeam, curl, exchange } from './support.js';

const pgbeam = await createPgbeam('http_protocol');
const { key } = await pgbeam.createKey({ organization });
const authorized = { Authorization: `Bearer ${key}` };
const json = { 'Content-Type': 'application/json' };
const missing = '/v1/projects/prj_00000000000000000000000000';

const errorOf = (answer) => JSON.parse(answer.body).error;

function assertError(answer, status, code, message) {
  assert.deepEqual([answer.status, errorOf(answer).code], [status, code], answer.body);
  if (message !== undefined) assert.equal(errorOf(answer).message, message);
  assert.equal(answer.headers['content-type'], 'application/json');
  assert.equal(answer.headers['cache-control'], 'private, no-cache');
  assert.ok(answer.headers['x-request-id']);
}

async function create(form, name) {
  const answer = await form.call('createProject', { key, body: createBody({ name }) });
  assert.equal(answer.status, 201, answer.body);
  return JSON.parse(answer.body);
}

function testMethods(form) {
  test('HEAD answers as GET does, without the body', async () => {
    const { project, database } = await create(form, 'head');
    const found = `/v1/projects/${project.id}`;
    for (const path of [found, `${found}/databases/${database.id}`, missing, '/nowhere', '/openapi.json']) {
      const headers = { ...authorized, 'X-Request-Id': 'same' };
      const get = await curl(form.url + path, { headers });
      const head = await curl(form.url + path, { method: 'HEAD', headers });
      assert.deepEqual([head.status, head.body], [get.status, ''], path);
      const ofBoth = ({ headers: { date, 'content-length': length, 'transfer-encoding': encoding, ...rest } }) => rest;
      assert.deepEqual(ofBoth(head), ofBoth(get), path);
      assert.ok([undefined, get.headers['content-length']].includes(head.headers['content-length']),
        `${path}: HEAD has length ${head.headers['content-length']}, GET ${get.headers['content-length']}`);
    }
    assert.equal((await curl(form.url + missing, { method: 'HEAD' })).status, 401);
  });

  test('OPTIONS tells the methods, without a credential', async () => {
    const allowed = async (path) => {
      const answer = await curl(form.url + path, { method: 'OPTIONS' });
      assert.deepEqual([answer.status, answer.body], [204, '']);
      assert.ok(answer.headers['x-request-id']);
      return answer.headers.allow;
    };
    assert.equal(await allowed('/v1/projects'), 'GET, HEAD, POST, OPTIONS');
    assert.equal(await allowed('/v1/projects?a=b'), 'GET, HEAD, POST, OPTIONS');
    assert.equal(await allowed(missing), 'GET, HEAD, PATCH, DELETE, OPTIONS');
    assert.equal(await allowed(`${missing}/databases/x`), 'GET, HEAD, PATCH, DELETE, OPTIONS');
    assert.equal(await allowed(`${missing}/databases/x/test-connection`), 'POST, OPTIONS');
    assert.equal(await allowed('/openapi.json'), 'GET, HEAD, OPTIONS');
  });

  test('other methods are refused, and the header Allow names those there are', async () => {
    const cases = [
      ['/v1/projects', 'GET, HEAD, POST, OPTIONS', ['PUT', 'PATCH', 'DELETE', 'PROPFIND', 'QUERY', 'LINK']],
      [missing, 'GET, HEAD, PATCH, DELETE, OPTIONS', ['POST', 'PUT']],
      [`${missing}/databases/x`, 'GET, HEAD, PATCH, DELETE, OPTIONS', ['POST', 'PUT']],
      [`${missing}/databases/x/test-connection`, 'POST, OPTIONS', ['GET', 'HEAD', 'PUT', 'PATCH', 'DELETE']],
    ];
    for (const [path, allow, methods] of cases) {
      for (const method of methods) {
        const answer = await curl(form.url + path, { method, headers: authorized });
        assert.deepEqual([answer.status, answer.headers.allow], [405, allow], `${method} ${path}`);
        if (method !== 'HEAD') assertError(answer, 405, 'METHOD_NOT_ALLOWED');
        assert.equal((await curl(form.url + path, { method })).status, 401, 'credentials come first');
      }
    }
  });
}

function testPaths(form) {
  test('paths that lead nowhere', async () => {
    for (const path of ['/', '/v1', '/v1/', '/v1/projects/', '/v2/projects', '/V1/projects', '//v1/projects', '/v1/projects/a/',
      '/v1/projects/a/database', '/v1/projects/a/databases/', '/v1/projects/a/databases/b/c', '/v1/projects//databases/b',
      '/rpc/create_project', '/openapi.json/', '/v1/projects%2Fa', '/%76%31/projects', '/v1/projects;a/b']) {
      assertError(await curl(form.url + path, { headers: authorized }), 404, 'NOT_FOUND');
      assert.equal((await curl(form.url + path)).status, 401, path);
    }
  });

  test('ids in paths', async () => {
    const { project } = await create(form, 'path');
    const get = (id) => curl(`${form.url}/v1/projects/${id}`, { headers: authorized });
    const encoded = [...project.id].map((c) => `%${c.charCodeAt(0).toString(16)}`).join('');
    for (const id of [project.id, `${project.id}?a=b`, `${project.id}?`, encoded, encoded.toUpperCase()]) {
      const answer = await get(id);
      assert.deepEqual([answer.status, JSON.parse(answer.body).id], [200, project.id], id);
    }
    for (const id of ['prj%20x', 'a%2Fb', 'a%2fb', "a'b", 'a*b', 'a:b', '%E2%82%AC', 'a%0Ab', '%25', 'a+b', '~', '(a)', 'a%2C']) {
      const answer = await get(id);
      assertError(answer, 400, 'INVALID_INPUT');
      assert.deepEqual(errorOf(answer).errors.map(({ field }) => field), ['project_id'], id);
    }
    const both = await curl(`${form.url}/v1/projects/a'/databases/b'`, { headers: authorized });
    assert.deepEqual(errorOf(both).errors.map(({ field }) => field), ['project_id', 'database_id']);
    assertError(await get(project.id.toUpperCase()), 404, 'NOT_FOUND');
    assertError(await get('a'.repeat(4000)), 404, 'NOT_FOUND');
  });

  test('malformed escapes in paths', async () => {
    for (const id of ['%', '%4', '%zz', 'a%', '%00', '%C3%28', '%FF']) {
      const answer = await curl(`${form.url}/v1/projects/${id}`, { headers: authorized });
      assert.equal(answer.status, 400, `${id}: ${answer.status}`);
      assert.equal(errorOf(answer).code, 'INVALID_INPUT', id);
    }
  });
}

function testBodies(form) {
  const url = `${form.url}/v1/projects`;
  const post = (body, headers = {}) => curl(url, { method: 'POST', body, headers: { ...authorized, ...headers } });
  const text = JSON.stringify(createBody({ name: 'media' }));

  test('media types', async () => {
    const taken = ['application/json', 'Application/JSON', 'application/json; charset=utf-8', 'application/json;charset="UTF-8"'];
    for (const type of taken) {
      const answer = await post(text, { 'Content-Type': type });
      assert.equal(answer.status, 201, `${type}: ${answer.body}`);
      await pgbeam.empty();
    }
    const refused = ['text/plain', 'application/x-www-form-urlencoded', 'application/jsonp', 'application/problem+json',
      'multipart/form-data; boundary=x', 'json', '*/*', 'application/*', ';;;', 'application/json, text/plain',
      'text/plain; a=application/json'];
    for (const type of refused) {
      assertError(await post(text, { 'Content-Type': type }), 415, 'UNSUPPORTED_MEDIA_TYPE');
    }
    assertError(await post(text), 415, 'UNSUPPORTED_MEDIA_TYPE');
    assertError(await post(undefined, json), 400, 'INVALID_INPUT');
    assertError(await post(undefined), 400, 'INVALID_INPUT');
  });

  test('sizes', async () => {
    const sized = (bytes) => text.padEnd(bytes, ' ');
    const most = 2 * 1024 * 1024;
    const answer = await post(sized(most), json);
    assert.equal(answer.status, 201, answer.body);
    for (const bytes of [most + 1, most + 2, 2_500_000]) {
      assertError(await post(sized(bytes), json), 413, 'PAYLOAD_TOO_LARGE');
      assertError(await post(sized(bytes), { 'Content-Type': 'text/plain' }), 413, 'PAYLOAD_TOO_LARGE');
      assert.equal((await curl(url, { method: 'POST', body: sized(bytes), headers: json })).status, 401);
    }
    const huge = await post(sized(8_000_000), json);
    assert.deepEqual([huge.status, errorOf(huge).code], [413, 'PAYLOAD_TOO_LARGE']);
  });

  test('a body in chunks', async () => {
    const answer = await post(text, { ...json, 'Transfer-Encoding': 'chunked' });
    assert.equal(answer.status, 201, answer.body);
  });

  test('bodies where none is due do not matter', async () => {
    const { project } = await create(form, 'due');
    const url = `${form.url}/v1/projects/${project.id}`;
    assert.equal((await curl(url, { headers: authorized, body: '{' })).status, 200);
    assert.equal((await curl(url, { method: 'DELETE', headers: { ...authorized, ...json }, body: '{' })).status, 204);
  });
}

function testCredentials(form) {
  const statusOf = async (headers) => (await curl(form.url + missing, { headers })).status;

  test('where a credential stands', async () => {
    const good = [{ Authorization: `Bearer ${key}` }, { authorization: `bearer ${key}` }, { 'X-API-Key': key },
      { 'x-api-key': key }, { Authorization: `Bearer ${key}`, 'X-API-Key': 'pbo_wrong' }];
    for (const headers of good) {
      assert.equal(await statusOf(headers), 404, JSON.stringify(headers));
    }
    const bad = [key, `Basic ${key}`, 'Bearer', 'Bearer ', `Bearer  ${key} x`, `Bearer ${key}x`, `Bearer ${key.slice(0, -1)}`,
      `Bearer ${key.toUpperCase()}`, 'Bearer null', `Bearer ${'a'.repeat(7000)}`].map((Authorization) => ({ Authorization }));
    const misplaced = [{}, { Authorization: 'Bearer x', 'X-API-Key': key }, { Authorization: 'Basic x', 'X-API-Key': key },
      { 'X-API-Key': `Bearer ${key}` }, { Cookie: `Authorization=Bearer ${key}` }];
    for (const headers of [...bad, ...misplaced]) {
      assert.equal(await statusOf(headers), 401, JSON.stringify(headers));
    }
    assert.equal((await curl(`${form.url}${missing}?api_key=${key}&access_token=${key}`)).status, 401);
  });

  test('two credentials in one header are none', async () => {
    const twice = (name, values) => curl(form.url + missing, { headers: values.map((value) => [name, value]) });
    assert.equal((await twice('X-API-Key', ['pbo_wrong', key])).status, 401);
    // nginx before 1.23 tells nobody that there is a second one.
    assert.equal((await twice('X-API-Key', [key, 'pbo_wrong'])).status, form.joinsHeaders ? 401 : 404);
    if (form.name === 'gateway') {
      assert.equal((await twice('Authorization', [`Bearer ${key}`, 'Bearer x'])).status, 401);
      assert.equal((await twice('Authorization', ['Bearer x', `Bearer ${key}`])).status, 401);
    }
  });

  if (form.name !== 'gateway') test('the headers between nginx and PostgREST cannot be forged', async () => {
    const answer = await curl(form.url + missing, {
      headers: {
        'X-Pgbeam-Method': 'OPTIONS', 'X-Pgbeam-Uri': '/openapi.json', 'X-Pgbeam-Authorization': `Bearer ${key}`,
        'X-Pgbeam-Content-Type': 'a/b', 'X-Pgbeam-Accept': 'application/problem+json',
        X_Pgbeam_Authorization: `Bearer ${key}`,
      },
    });
    assertError(answer, 401, 'UNAUTHORIZED');
    const headers = {
      ...authorized, 'Content-Profile': 'public', 'Accept-Profile': 'public', Range: '5-1', 'Range-Unit': 'items',
      Prefer: 'tx=rollback, params=single-object, handling=lenient, nonsense',
    };
    assertError(await curl(`${form.url}${missing}?limit=0&select=a&or=(`, { headers }), 404, 'NOT_FOUND');
  });
}

function testRaw(form) {
  const raw = (text) => exchange(form.url, Buffer.from(text.replaceAll('\n', '\r\n'), 'latin1'));
  const head = `Host: x\nConnection: close\nAuthorization: Bearer ${key}\n`;

  test('odd requests get an answer of the API', async () => {
    assertError(await raw(`GET ${missing} HTTP/1.1\n${head}Set-Cookie: a\nSet-Cookie: b\n\n`), 404, 'NOT_FOUND');
    assertError(await raw(`GET ${missing} HTTP/1.1\n${head}X-Odd: caf\xe9\x80\xff "\\\n\n`), 404, 'NOT_FOUND');
    assertError(await raw(`GET ${missing} HTTP/1.1\n${head}__proto__: a\nconstructor: b\n\n`), 404, 'NOT_FOUND');
    assertError(await raw(`GET ${missing}#fragment HTTP/1.1\n${head}\n`), 404, 'NOT_FOUND');
    assertError(await raw(`GET ${missing} HTTP/1.0\nAuthorization: Bearer ${key}\n\n`), 404, 'NOT_FOUND');
    assertError(await raw(`GET ${missing} HTTP/1.1\n${head}Upgrade: websocket\n\n`), 404, 'NOT_FOUND');
    const cut = `POST /v1/projects HTTP/1.1\n${head}Content-Type: application/json\nContent-Length: 1\n\n{`;
    assertError(await raw(cut), 400, 'INVALID_INPUT');
  });

  test('no byte of a header or a URI is a failure', async () => {
    const names = ['Authorization', 'X-API-Key', 'Accept', 'Content-Type', 'Prefer', 'If-Match', 'If-None-Match', 'Idempotency-Key',
      'X-Request-Id', 'X-Real-IP', 'Cookie', 'X-Odd'];
    const request = (line, more) => raw(`${line} HTTP/1.1\nHost: x\nConnection: close\n${more}\n`);
    const bearer = `Authorization: Bearer ${key}\n`;
    for (const value of ['caf\xe9', '\xff\xfe', 'a\xc0\xafb', '\x01', 'a\n \xe9', '\x00']) {
      for (const name of names) {
        const { status } = await request('GET /v1/regions', (name === 'Authorization' ? '' : bearer) + `${name}: ${value}\n`);
        assert.ok([200, 400, 401].includes(status), `${name}: ${JSON.stringify(value)}: ${status}`);
      }
      for (const uri of [`/v1/regions/${value}`, `/v1/projects?org_id=${value}`]) {
        const answer = await request(`GET ${uri.replace('\n', '')}`, bearer);
        assert.ok([400, 403, 404].includes(answer.status), `${JSON.stringify(uri)}: ${answer.status}`);
      }
      const post = `${bearer}Content-Type: application/json\nIdempotency-Key: ${value}\nContent-Length: 2\n\n{}`;
      assert.equal((await request('POST /v1/projects', post)).status, 400, 'the key is refused, or the body');
    }
    const statuses = await Promise.all(Array.from({ length: 12 }, () => curl(`${form.url}/v1/regions`, { headers: authorized })));
    assert.deepEqual(new Set(statuses.map(({ status }) => status)), new Set([200]));
  });

  test('what is no HTTP is refused, and the server goes on', async () => {
    for (const text of ['nonsense\n\n', 'GET / HTTP/1.1\n\n', `GET ${missing} HTTP/1.1\n${head}Content-Length: x\n\n`,
      `GET ${missing} HTTP/1.1\n${head}A: \x00\n\n`,
      `POST /v1/projects HTTP/1.1\n${head}Content-Length: 1\nContent-Length: 2\n\n{}`]) {
      const { status } = await raw(text);
      assert.ok(status >= 400 && status < 500, `${JSON.stringify(text)}: ${status}`);
    }
    assert.equal((await curl(form.url + missing, { headers: authorized })).status, 404);
  });
}

for (const form of (await startForms(pgbeam.name)).filter(({ hasPaths }) => hasPaths)) {
  describe(form.name, () => {
    beforeEach(pgbeam.empty);
    testMethods(form);
    testPaths(form);
    testBodies(form);
    testCredentials(form);
    testRaw(form);
  });
}
