// Particular to PostgREST: its own verification of tokens, calls by GET, and
// functions that are not for everybody.
import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { createBody, organization } from './examples.js';
import { createPgbeam, curl, exchange, isInstalled, startNginx, startPostgrest } from './support.js';
import { ISSUER, Signer } from './tokens.js';

const pgbeam = await createPgbeam('http_postgrest');
const { key } = await pgbeam.createKey({ organization });
const signer = new Signer('key-1');
await pgbeam.sql("SELECT pgbeam.set_member($1, 'user_ada', 'owner')", organization);
await pgbeam.sql('SELECT pgbeam.set_jwks($1)', JSON.stringify({ keys: [signer.jwk] }));
await pgbeam.sql(`ALTER DATABASE ${pgbeam.name} SET pgbeam.jwt_issuer = '${ISSUER}'`);
const plain = await startPostgrest(pgbeam.name);
const verifying = await startPostgrest(pgbeam.name, { PGRST_JWT_SECRET: JSON.stringify({ keys: [signer.jwk] }) });
beforeEach(pgbeam.empty);

const json = { 'Content-Type': 'application/json' };
const rpc = (server, fn, body, headers = {}) =>
  curl(`${server.url}/rpc/${fn}`, { method: 'POST', body: JSON.stringify(body), headers: { ...json, ...headers } });
const code = (answer) => JSON.parse(answer.body).code;

async function create() {
  const answer = await rpc(plain, 'create_project', createBody(), { 'X-API-Key': key });
  assert.equal(answer.status, 201, answer.body);
  return JSON.parse(answer.body).project.id;
}

test('an API key as a bearer token does not get past PostgREST', async () => {
  const headers = { Authorization: `Bearer ${key}` };
  const answers = await Promise.all([plain, verifying].map((server) => rpc(server, 'get_project', { project_id: 'x' }, headers)));
  assert.deepEqual(answers.map((answer) => [answer.status, code(answer)]), [[500, 'PGRST300'], [401, 'PGRST301']]);
});

test('a token that PostgREST verified is verified again', async () => {
  const id = await create();
  const get = async (token) =>
    (await rpc(verifying, 'get_project', { project_id: id }, { Authorization: `Bearer ${token}` })).status;
  assert.equal(await get(signer.token()), 200);
  assert.equal(await get(signer.token(signer.header(), signer.claims({ sub: 'user_bob' }))), 404);
  assert.equal(await get(signer.token(signer.header(), signer.claims({ iss: 'https://other.example.com' }))), 401);
  assert.equal(await get(new Signer('key-1').token()), 401);
});

test('verified claims count where that is the superuser\'s word', async () => {
  const id = await create();
  const foreign = signer.token(signer.header(), signer.claims({ iss: 'https://other.example.com' }));
  await pgbeam.sql(`ALTER DATABASE ${pgbeam.name} SET pgbeam.trust_request_claims = on`);
  const trusting = await startPostgrest(pgbeam.name, { PGRST_JWT_SECRET: JSON.stringify({ keys: [signer.jwk] }) });
  const status = async (headers) => (await rpc(trusting, 'get_project', { project_id: id }, headers)).status;
  assert.equal(await status({ Authorization: `Bearer ${foreign}` }), 200);
  assert.equal(await status({}), 401);
  assert.equal(await status({ 'X-API-Key': key }), 200);
  await pgbeam.sql(`ALTER DATABASE ${pgbeam.name} RESET pgbeam.trust_request_claims`);
});

test('a read can be called by GET, a write cannot', async () => {
  const id = await create();
  const get = (fn) => curl(`${plain.url}/rpc/${fn}?project_id=${id}`, { headers: { 'X-API-Key': key } });
  const answer = await get('get_project');
  assert.deepEqual([answer.status, JSON.parse(answer.body).id], [200, id]);
  assert.equal((await get('delete_project')).status, 405);
  const list = await curl(`${plain.url}/rpc/list_projects?org_id=${organization}&page_size=1`, { headers: { 'X-API-Key': key } });
  assert.deepEqual([list.status, JSON.parse(list.body).projects[0].id, list.headers.link], [200, id, undefined]);
  assert.equal((await get('list_databases')).status, 200);
  assert.equal((await get('get_project')).status, 200);
  assert.equal((await curl(`${plain.url}/rpc/get_project?project_id=${id}`)).status, 401);
});

test('media types and methods that PostgREST does not take', async () => {
  const post = (headers) => rpc(plain, 'create_project', createBody(), { 'X-API-Key': key, ...headers });
  for (const type of ['text/plain', 'application/x-www-form-urlencoded']) {
    const answer = await post({ 'Content-Type': type });
    assert.deepEqual([answer.status, code(answer)], [404, 'PGRST202']);
  }
  assert.equal((await post({ 'Content-Type': 'application/json; charset=utf-8' })).status, 201);
  const put = await curl(`${plain.url}/rpc/create_project`, { method: 'PUT', body: '{}', headers: json });
  assert.deepEqual([put.status, code(put)], [405, 'PGRST101']);
});

test('calls that PostgREST makes something of its own of', async () => {
  const id = await create();
  const get = (body, headers) => rpc(plain, 'get_project', body, { 'X-API-Key': key, ...headers });
  const twice = (values) => curl(`${plain.url}/rpc/get_project`, { method: 'POST', body: JSON.stringify({ project_id: id }),
    headers: [['Content-Type', 'application/json'], ...values.map((value) => ['X-API-Key', value])] });
  assert.deepEqual([(await twice([key, 'x'])).status, (await twice(['x', key])).status], [401, 200], 'the last one counts');
  const csv = await get({ project_id: id }, { Accept: 'text/csv' });
  assert.deepEqual([csv.status, csv.headers['content-type'], csv.body.split('\n')[0]], [200, 'application/json', 'pgrst_scalar']);
  assert.deepEqual([JSON.parse((await get([{ project_id: id }, { project_id: 'x' }])).body).id], [id], 'the first one counts');
  const head = await curl(`${plain.url}/rpc/get_project?project_id=x`, { method: 'HEAD' });
  assert.deepEqual([head.status, head.body], [200, ''], 'nothing is run');
  const options = await curl(`${plain.url}/rpc/get_project`, { method: 'OPTIONS' });
  assert.deepEqual([options.status, code(options)], [404, 'PGRST202']);
  const count = () => pgbeam.sql('SELECT count(*) FROM pgbeam.projects');
  for (const [query, status, projects] of [['limit=0', 200, '1'], ['offset=1', 201, '2']]) {
    const answer = await rpc(plain, `create_project?${query}`, createBody({ name: 'more' }), { 'X-API-Key': key });
    assert.deepEqual([answer.status, answer.body, await count()], [status, 'null', projects], query);
  }
  const strict = await get({ project_id: id }, { Prefer: 'handling=strict, nonsense' });
  assert.deepEqual([strict.status, code(strict)], [400, 'PGRST122']);
  const lone = await curl(`${plain.url}/rpc/get_project`, { method: 'POST', body: '{"project_id": "\\ud800"}', headers: json });
  assert.deepEqual([lone.status, code(lone)], [400, 'PGRST102']);
});

test('what PostgREST does not find it repeats', async () => {
  const form = await curl(`${plain.url}/rpc/create_project`, { method: 'POST', body: '{"password": "s3cret"}',
    headers: { 'Content-Type': 'application/x-www-form-urlencoded' } });
  assert.equal(JSON.parse(form.body).message,
    'Could not find the function pgbeam.create_project({"password": "s3cret"}) in the schema cache');
  assert.match(JSON.parse(form.body).details, /s3cret/);
  const text = await curl(`${plain.url}/rpc/create_project`, { method: 'POST', body: 's3cret', headers: { 'Content-Type': 'text/plain' } });
  assert.deepEqual([text.status, text.body.includes('s3cret')], [404, false]);
  const wrong = JSON.parse((await rpc(plain, 'get_project', { b: 1, a: 2 })).body);
  assert.equal(wrong.details, 'Searched for the function pgbeam.get_project with parameters a, b or with a single unnamed json/jsonb ' +
    'parameter, but no matches were found in the schema cache.');
});

test('no claim of a token chooses the database role', async () => {
  const id = await create();
  const get = (authorization) => rpc(verifying, 'get_project', { project_id: id }, { Authorization: authorization });
  const withClaims = (claims) => get(`Bearer ${signer.token(signer.header(), signer.claims(claims))}`);
  for (const role of ['user', 'http_gateway', ['admin']]) assert.equal((await withClaims({ role })).status, 200, role);
  const unknown = await withClaims({ database_role: 'nobody' });
  assert.deepEqual([unknown.status, code(unknown)], [401, '22023']);
  const foreign = await withClaims({ database_role: 'http_gateway' });
  assert.deepEqual([foreign.status, code(foreign)], [403, '42501']);
  for (const broken of ['Bearer', 'Bearer a.b.c', `Bearer ${signer.token().replace('.', '.x')}`, 'Bearer e30.e30.e30']) {
    const answer = await get(broken);
    assert.deepEqual([answer.status, code(answer)], [401, 'PGRST301'], broken);
  }
});

test('a transaction that PostgREST leaves open ends by the login\'s timeout', async () => {
  const own = await startPostgrest(pgbeam.name);
  const status = async (headers) => (await rpc(own, 'list_regions', {}, headers)).status;
  const request = `POST /rpc/list_regions HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n` +
    `X-Odd: caf\xe9\r\nContent-Length: 2\r\n\r\n{}`;
  assert.equal((await exchange(own.url, Buffer.from(request, 'latin1'))).status, 500);
  // A call that fails keeps the connection busy, so leave it alone.
  for (let tries = 0; tries < 10; tries++) {
    await new Promise((resolve) => setTimeout(resolve, 1500));
    if (await status({ 'X-Odd': 'café', 'X-API-Key': key }) === 200) break;
  }
  for (let i = 0; i < 5; i++) assert.equal(await status({ 'X-Odd': 'café', 'X-API-Key': key }), 200);
});

test('what takes admin access stays closed', async () => {
  const cases = {
    create_api_key: { org_id: organization, user_id: null, name: null, expires_in: null },
    set_member: { org_id: organization, user_id: 'u', role: 'owner' },
    suspend_organization: { org_id: organization },
    revoke_api_key: { id: 'x' },
    reveal_password: { database_id: 'x' },
  };
  for (const [fn, body] of Object.entries(cases)) {
    const answer = await rpc(plain, fn, body, { 'X-API-Key': key });
    assert.deepEqual([answer.status, code(answer)], [401, '42501'], fn);
  }
});

test('the router is no function for clients: they would choose the headers that a layer sets', async () => {
  for (const headers of [{}, { 'X-API-Key': key }, { 'X-API-Key': key, 'X-Real-IP': '192.0.2.1' }]) {
    const answer = await rpc(plain, 'http', { method: 'GET', uri: '/v1/projects/x', headers, body: null }, headers);
    assert.deepEqual([answer.status, code(answer)], [401, '42501']);
  }
});

test('what nginx calls asks a client who gets there for a credential too', async () => {
  const call = (headers) => curl(`${plain.url}/rpc/http_forwarded`, { method: 'POST', body: '',
    headers: { 'Content-Type': 'application/octet-stream', Accept: '*/*', 'X-Pgbeam-Method': 'GET', 'X-Pgbeam-Uri': '/v1/projects/x', ...headers } });
  assert.equal((await call({})).status, 401);
  assert.equal((await call({ 'X-API-Key': key })).status, 404);
});

test('tokens through nginx', { skip: !isInstalled('nginx') && 'there is no nginx' }, async () => {
  const id = await create();
  const nginx = await startNginx(plain.url);
  const get = async (token) =>
    (await curl(`${nginx.url}/v1/projects/${id}`, { headers: { Authorization: `Bearer ${token}` } })).status;
  assert.equal(await get(signer.token()), 200);
  assert.equal(await get(signer.token(signer.header(), signer.claims({ sub: 'user_bob' }))), 404);
  assert.equal(await get(new Signer('key-1').token()), 401);
});

test('without PostgREST, nginx answers in the API\'s words', { skip: !isInstalled('nginx') && 'there is no nginx' }, async () => {
  const nginx = await startNginx('http://127.0.0.1:9');
  const answer = await curl(`${nginx.url}/v1/projects`);
  assert.deepEqual([answer.status, answer.headers['content-type'], JSON.parse(answer.body).error.code],
    [503, 'application/json', 'SERVICE_UNAVAILABLE']);
});
