// The claims that an HTTP layer says it has verified count only if the
// superuser allows it: pgbeam.trust_request_claims.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  assertUnauthorized, bearer, caller, createDatabase, ISSUER, projectBody, Signer,
} from './tokens.js';

const signer = new Signer('key-1');
const ada = { sub: 'user_ada', role: 'anything' };
let database;
let believing;
let doubting;

before(async () => {
  database = await createDatabase('http_claims', { jwt_issuer: ISSUER });
  await database.run('grant_access', database.role, 'api'); // for the plain functions
  await database.run('set_organization', 'org_ada');
  await database.run('set_member', 'org_ada', 'user_ada', 'owner');
  await database.setJwks({ keys: [signer.jwk] });
  doubting = await database.connect();
  await database.set({ trust_request_claims: 'on' });
  believing = await database.connect();
  await database.set({ trust_request_claims: 'off' });
});

after(() => database?.close());

// A function of the API, called as PostgREST calls it.
async function rpc(client, method, name, argument, { headers = {}, claims } = {}) {
  const local = { method, headers: JSON.stringify(headers) };
  if (claims !== undefined)
    local['jwt.claims'] = typeof claims === 'string' ? claims : JSON.stringify(claims);
  await client.query('BEGIN');
  try {
    for (const [setting, value] of Object.entries(local))
      await client.query('SELECT set_config($1, $2, true)', [`request.${setting}`, value]);
    const { rows } = await client.query(`SELECT pgbeam.${name}($1)::text AS body`, [argument]);
    const { rows: [response] } = await client.query(
      `SELECT current_setting('response.status', true) AS status,
         current_setting('response.headers', true) AS headers`);
    await client.query('COMMIT');
    return {
      status: Number(response.status || 200),
      headers: Object.assign({}, ...JSON.parse(response.headers || '[]')),
      body: rows[0].body,
    };
  } catch (error) {
    await client.query('ROLLBACK');
    throw error;
  }
}

const create = (client, name, request) => rpc(client, 'POST', 'create_project',
  JSON.stringify(projectBody(name, 'org_ada')), request);
const read = (client, id, request) => rpc(client, 'GET', 'get_project', id, request);

async function createdId(client, name, request) {
  const made = await create(client, name, request);
  assert.equal(made.status, 201, made.body);
  return JSON.parse(made.body).project.id;
}

test('with the setting on they are believed', async () => {
  const id = await createdId(believing, 'Believed', { claims: ada });
  const seen = await read(believing, id, { claims: ada });
  assert.equal(seen.status, 200);
  assert.equal(JSON.parse(seen.body).id, id);
  const eve = await read(believing, id, { claims: { sub: 'user_eve' } });
  assert.equal(eve.status, 404);
});

test('with the setting off they are not', async () => {
  const id = await createdId(doubting, 'Proven', { headers: bearer(signer.token()) });
  for (const claims of [ada, { ...ada, iss: ISSUER, aud: ISSUER }, undefined]) {
    assertUnauthorized(await read(doubting, id, { claims }));
    assertUnauthorized(await create(doubting, 'Doubted', { claims }));
  }
  const proven = await read(doubting, id, { headers: bearer(signer.token()), claims: { sub: 'user_eve' } });
  assert.equal(proven.status, 200);
});

test('believed claims must still name a user', async (t) => {
  const claims = {
    'none': undefined, 'empty': '', 'empty object': {}, 'sub null': { sub: null },
    'sub number': { sub: 5 }, 'sub empty': { sub: '' }, 'sub array': { sub: ['user_ada'] },
    'sub of 256 characters': { sub: 's'.repeat(256) }, 'array': [ada], 'text': '"user_ada"',
    'null': 'null', 'no JSON': 'sub=user_ada',
  };
  for (const [name, value] of Object.entries(claims))
    await t.test(name, async () => assertUnauthorized(
      await create(believing, 'Nobody', { claims: value })));
});

test('a role with api access cannot turn the setting on', async (t) => {
  await t.test('in an open session', () => assert.rejects(
    doubting.query('SET pgbeam.trust_request_claims = on'), { code: '42501' }));
  await t.test('before the library is loaded', async () => {
    const client = await database.connect();
    await client.query('SET pgbeam.trust_request_claims = on').catch(() => {});
    assertUnauthorized(await create(client, 'Early', { claims: ada }));
  });
  await t.test('at the start of the session', async () => {
    const client = await database.connect({ options: '-c pgbeam.trust_request_claims=on' })
      .catch(({ code }) => assert.equal(code, '42501'));
    if (client) assertUnauthorized(await create(client, 'Early', { claims: ada }));
  });
  await t.test('nor choose the issuer', async () => {
    const client = await database.connect();
    await client.query("SET pgbeam.jwt_issuer = 'https://evil.example'").catch(() => {});
    const claims = signer.claims({ iss: 'https://evil.example', aud: 'https://evil.example' });
    const call = caller(client);
    assertUnauthorized(await call('GET', '/v1/projects/x',
      bearer(signer.token(signer.header(), claims))));
    assert.equal((await call('GET', '/v1/projects/x', bearer(signer.token()))).status, 404);
  });
});

test('the router judges by the credential alone', async () => {
  await believing.query('BEGIN');
  await believing.query("SELECT set_config('request.method', 'GET', true)");
  await believing.query("SELECT set_config('request.jwt.claims', $1, true)", [JSON.stringify(ada)]);
  assertUnauthorized(await caller(believing)('GET', '/v1/projects/x'));
  await believing.query('ROLLBACK');
});

test('outside of a request claims are nothing', async () => {
  await believing.query('BEGIN');
  await believing.query("SELECT set_config('request.jwt.claims', $1, true)", [JSON.stringify(ada)]);
  await assert.rejects(believing.query("SELECT pgbeam.get_project('x')"), { code: 'PT401' });
  await believing.query('ROLLBACK');
});

test('what was refused is not there', async () => {
  const { rows } = await database.admin.query('SELECT name FROM pgbeam.projects ORDER BY id');
  assert.deepEqual(rows.map(({ name }) => name), ['Believed', 'Proven']);
});
