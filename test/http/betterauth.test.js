// A real Better Auth issues the tokens, in this process and with its users in
// memory. pgbeam knows only its JWKS.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { betterAuth } from 'better-auth';
import { memoryAdapter } from 'better-auth/adapters/memory';
import { jwt } from 'better-auth/plugins';
import {
  assertUnauthorized, bearer, caller, comparable, createDatabase, json, PASSWORD, projectBody,
  UNKNOWN_PROJECT,
} from './tokens.js';

const BASE = 'http://127.0.0.1:3000';
const DAY = 24 * 60 * 60;

const emptyStore = () => ({ user: [], session: [], account: [], verification: [], jwks: [] });

// Sign-up, tokens and keys, through the handler that a web server would mount.
class Auth {
  constructor(options = {}, store = emptyStore()) {
    this.store = store;
    this.server = betterAuth({
      baseURL: BASE,
      secret: 'k3Qz8vWm2Rt6Yp9Ld4Xc7Bn1Hs5Gf0Ja',
      database: memoryAdapter(store),
      emailAndPassword: { enabled: true },
      telemetry: { enabled: false },
      plugins: [jwt(options)],
    });
  }

  async request(path, init) {
    const response = await this.server.handler(new Request(`${BASE}/api/auth${path}`, init));
    assert.equal(response.status, 200, path);
    return { headers: response.headers, body: await response.json() };
  }

  async signUp(name) {
    const { headers, body } = await this.request('/sign-up/email', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ name, email: `${name}@example.com`, password: PASSWORD }),
    });
    const cookie = headers.getSetCookie().map((set) => set.split(';')[0]).join('; ');
    return { id: body.user.id, cookie };
  }

  async token(user) {
    const { body } = await this.request('/token', { headers: { Cookie: user.cookie } });
    return body.token;
  }

  async jwks() {
    return (await this.request('/jwks')).body;
  }
}

const partsOf = (token) =>
  token.split('.').slice(0, 2).map((part) => JSON.parse(Buffer.from(part, 'base64url')));

let database;
let call;
let auth;
let ada;
let eve;

before(async () => {
  database = await createDatabase('http_betterauth', { jwt_issuer: BASE, jwt_audience: BASE });
  auth = new Auth({ jwks: { rotationInterval: 30 * DAY, gracePeriod: DAY } });
  ada = await auth.signUp('ada');
  eve = await auth.signUp('eve');
  await database.setJwks(await auth.jwks());
  await database.run('set_organization', 'org_ada');
  await database.run('set_organization', 'org_eve');
  await database.run('set_member', 'org_ada', ada.id, 'owner');
  await database.run('set_member', 'org_eve', eve.id, 'owner');
  call = caller(await database.connect());
});

after(() => database?.close());

const create = (token, name, organization, by = call) =>
  by('POST', '/v1/projects', json(bearer(token)), projectBody(name, organization));
const read = (token, id, by = call) => by('GET', `/v1/projects/${id}`, bearer(token));
const remove = (token, id) => call('DELETE', `/v1/projects/${id}`, bearer(token));

async function createdId(token, name, organization) {
  const answer = await create(token, name, organization);
  assert.equal(answer.status, 201, answer.body);
  return JSON.parse(answer.body).project.id;
}

// A call that does not depend on any project.
async function assertKnown(token) {
  assert.equal((await read(token, UNKNOWN_PROJECT)).status, 404);
}

async function assertUnknown(token) {
  assertUnauthorized(await read(token, UNKNOWN_PROJECT));
}

test('what Better Auth puts into a token', async () => {
  const [header, claims] = partsOf(await auth.token(ada));
  const { keys } = await auth.jwks();
  assert.deepEqual(header, { alg: 'EdDSA', kid: keys[0].kid });
  assert.deepEqual(Object.keys(claims).sort(), ['aud', 'createdAt', 'email', 'emailVerified', 'exp',
    'iat', 'id', 'iss', 'name', 'sub', 'updatedAt']);
  assert.equal(claims.sub, ada.id);
  assert.equal(claims.iss, BASE);
  assert.equal(claims.aud, BASE);
  assert.equal(claims.exp - claims.iat, 900);
  assert.deepEqual(Object.keys(keys[0]).sort(), ['alg', 'crv', 'kid', 'kty', 'x']);
});

test('a member creates, reads and deletes a project', async () => {
  const token = await auth.token(ada);
  const made = await create(token, 'First', 'org_ada');
  assert.equal(made.status, 201, made.body);
  const { project, database: made1 } = JSON.parse(made.body);
  assert.equal(made.headers.Location, `/v1/projects/${project.id}`);
  assert.equal(project.org_id, 'org_ada');
  const seen = await read(token, project.id);
  assert.equal(seen.status, 200);
  assert.equal(JSON.parse(seen.body).name, 'First');
  const inner = await call('GET', `/v1/projects/${project.id}/databases/${made1.id}`, bearer(token));
  assert.equal(inner.status, 200, inner.body);
  const gone = await remove(token, project.id);
  assert.deepEqual([gone.status, gone.body], [204, '']);
  assert.equal((await read(token, project.id)).status, 404);
});

test('the token that comes with the session is as good', async () => {
  const { headers } = await auth.request('/get-session', { headers: { Cookie: ada.cookie } });
  await assertKnown(headers.get('set-auth-jwt'));
});

test('a user who is no member sees and makes nothing', async () => {
  const id = await createdId(await auth.token(ada), 'Hidden', 'org_ada');
  const token = await auth.token(eve);
  const missing = comparable(await read(token, UNKNOWN_PROJECT));
  assert.equal(missing.status, 404);
  assert.deepEqual(comparable(await read(token, id)), missing);
  assert.deepEqual(comparable(await remove(token, id)), missing);
  const foreign = await create(token, 'Theirs', 'org_ada');
  const unknown = await create(token, 'Theirs', 'org_nobody');
  assert.equal(foreign.status, 403);
  assert.equal(JSON.parse(foreign.body).error.code, 'FORBIDDEN');
  assert.deepEqual(comparable(unknown), comparable(foreign));
  assert.equal((await read(await auth.token(ada), id)).status, 200);
});

test('membership counts at the time of the call, not of the token', async () => {
  const id = await createdId(await auth.token(ada), 'Shared', 'org_ada');
  const token = await auth.token(eve);
  await database.run('set_member', 'org_ada', eve.id, 'member');
  assert.equal((await read(token, id)).status, 200);
  const refused = await remove(token, id);
  assert.deepEqual([refused.status, JSON.parse(refused.body).error.code], [403, 'FORBIDDEN']);
  await database.run('set_member', 'org_ada', eve.id, 'admin');
  assert.equal((await create(token, 'By an admin', 'org_ada')).status, 201);
  await database.run('remove_member', 'org_ada', eve.id);
  assert.equal((await read(token, id)).status, 404);
  assert.equal((await create(token, 'Too late', 'org_ada')).status, 403);
});

test('a key that Better Auth rotated counts while the JWKS has it', async () => {
  const before = await auth.token(ada);
  auth.store.jwks[0].expiresAt = new Date(Date.now() - 1000);
  const later = await auth.token(ada);
  assert.notEqual(partsOf(later)[0].kid, partsOf(before)[0].kid);
  await assertKnown(before);
  await assertUnknown(later); // until the new set is loaded
  assert.equal(await database.setJwks(await auth.jwks()), 2);
  await assertKnown(before);
  await assertKnown(later);
  auth.store.jwks[0].expiresAt = new Date(Date.now() - 1000 * (DAY + 1));
  assert.equal(await database.setJwks(await auth.jwks()), 1);
  await assertUnknown(before);
  await assertKnown(later);
});

test('another instance with the same users and new keys', async () => {
  const old = await auth.token(ada);
  const fresh = new Auth({}, { ...auth.store, jwks: [] });
  const token = await fresh.token(ada);
  assert.equal(partsOf(token)[1].sub, ada.id);
  await assertUnknown(token);
  const both = [...(await auth.jwks()).keys, ...(await fresh.jwks()).keys];
  assert.equal(await database.setJwks({ keys: both }), 2);
  await assertKnown(old);
  await assertKnown(token);
  await database.setJwks(await fresh.jwks());
  await assertUnknown(old);
  await assertKnown(token);
  await database.setJwks(await auth.jwks());
});

test('issuer, audience and lifetime of other plugin options', async (t) => {
  const variants = {
    'audience in a list': [{ audience: ['https://other.example', BASE] }, true],
    'other audience': [{ audience: 'https://other.example' }, false],
    'other issuer': [{ issuer: 'https://other.example' }, false],
    'five minutes': [{ expirationTime: '5m' }, true],
    'an hour': [{ expirationTime: '1h' }, false],
  };
  for (const [name, [options, isGood]] of Object.entries(variants))
    await t.test(name, async () => {
      const variant = new Auth({ jwt: options }, auth.store);
      const token = await variant.token(ada);
      await (isGood ? assertKnown(token) : assertUnknown(token));
    });
});

test('an algorithm other than EdDSA', async () => {
  const rsa = new Auth({ jwks: { keyPairConfig: { alg: 'RS256' } } }, { ...auth.store, jwks: [] });
  const token = await rsa.token(ada);
  await assert.rejects(database.setJwks(await rsa.jwks()), { code: 'PT400' });
  await assertUnknown(token);
});

test('a claim can name the one organization that a token is for', async (t) => {
  const withClaim = (org) => new Auth(
    { jwt: { definePayload: () => (org === undefined ? {} : { org }) } }, auth.store).token(ada);
  await database.run('set_organization', 'org_two');
  await database.run('set_member', 'org_two', ada.id, 'owner');
  const id = await createdId(await auth.token(ada), 'One', 'org_ada');
  const [, claims] = partsOf(await withClaim('org_ada'));
  assert.deepEqual(Object.keys(claims).sort(), ['aud', 'exp', 'iat', 'iss', 'org', 'sub']);
  await database.set({ jwt_organization_claim: 'org' });
  const by = caller(await database.connect());
  await database.set({ jwt_organization_claim: '' });

  await t.test('its own', async () => {
    const token = await withClaim('org_ada');
    assert.equal((await read(token, id, by)).status, 200);
    assert.equal((await create(token, 'Claimed', 'org_ada', by)).status, 201);
  });
  await t.test('another of the user\'s', async () => {
    const token = await withClaim('org_two');
    assert.equal((await read(token, id, by)).status, 404);
    assert.equal((await create(token, 'Crossed', 'org_ada', by)).status, 403);
    assert.equal((await create(token, 'Two', 'org_two', by)).status, 201);
  });
  await t.test('one that the user is no member of', async () => {
    const token = await withClaim('org_eve');
    assert.equal((await read(token, id, by)).status, 404);
    assert.equal((await create(token, 'Foreign', 'org_eve', by)).status, 403);
  });
  for (const org of [undefined, null, 5, '', true, ['org_ada'], { id: 'org_ada' }])
    await t.test(`no text: ${JSON.stringify(org)}`, async () =>
      assertUnauthorized(await read(await withClaim(org), id, by)));
  await t.test('without the setting the claim does not matter', async () => {
    assert.equal((await read(await withClaim('org_two'), id)).status, 200);
  });
});
