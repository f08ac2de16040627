// No bad token opens anything, and all get exactly the same answer.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { badContents } from './badcontents.js';
import { badForms, longToken } from './badforms.js';
import {
  assertUnauthorized, bearer, caller, comparable, createDatabase, ISSUER, json, now, part,
  projectBody, Signer, UNKNOWN_PROJECT,
} from './tokens.js';

const signer = new Signer('key-1');
let database;
let call;
let uri;
let refusal;

before(async () => {
  database = await createDatabase('http_tokens', { jwt_issuer: ISSUER });
  await database.run('set_organization', 'org_ada');
  await database.run('set_member', 'org_ada', 'user_ada', 'owner');
  await database.setJwks({ keys: [signer.jwk, new Signer('key-2').jwk] });
  call = caller(await database.connect());
  const made = await call('POST', '/v1/projects', json(bearer(signer.token())),
    projectBody('Ada', 'org_ada'));
  assert.equal(made.status, 201, made.body);
  uri = `/v1/projects/${JSON.parse(made.body).project.id}`;
  refusal = comparable(await call('GET', uri));
});

after(() => database?.close());

async function assertRefused(headers, at = uri) {
  const answer = await call('GET', at, headers);
  assertUnauthorized(answer);
  assert.deepEqual(comparable(answer), refusal);
}

async function assertAccepted(headers) {
  const answer = await call('GET', uri, headers);
  assert.equal(answer.status, 200, answer.body);
}

const good = () => bearer(signer.token());

test('a good token opens', () => assertAccepted(good()));

test('no credential: the documented answer', async () => {
  assertUnauthorized(await call('GET', uri));
  assert.deepEqual(Object.keys(refusal.headers).sort(),
    ['Cache-Control', 'Content-Type', 'WWW-Authenticate']);
});

test('what may differ, may', async (t) => {
  const claims = signer.claims();
  const text = JSON.stringify(claims);
  const kid64 = new Signer('k'.repeat(64));
  const wideKid64 = new Signer('ü'.repeat(64));
  await database.run('set_member', 'org_ada', 's'.repeat(255), 'member');
  await database.run('set_member', 'org_ada', 'ü€😀', 'member');
  await database.setJwks({ keys: [signer.jwk, kid64.jwk, wideKid64.jwk] });
  const tokens = {
    'typ JWT': signer.token(signer.header({ typ: 'JWT' })),
    'kid of 64 characters': kid64.token(),
    'kid of 64 characters in 128 bytes': wideKid64.token(),
    'header in another order': signer.token({ kid: 'key-1', alg: 'EdDSA' }),
    'alg Ed25519 (RFC 9864)': signer.token(signer.header({ alg: 'Ed25519' })),
    'alg Ed25519 with an escape': signer.token('{"alg":"\\u0045d25519","kid":"key-1"}'),
    'blanks in the JSON': signer.token(JSON.stringify(signer.header(), null, 2), ` ${text}\r\n\t`),
    'escapes in names and texts': signer.token('{"\\u0061lg":"\\u0045dDSA","kid":"key\\u002d1"}',
      text.replace('"sub"', '"\\u0073ub"')),
    'other claims': signer.token(signer.header(),
      { name: 'Ada', email: null, n: [1, { a: true }], ...claims }),
    'names alike, one in capitals': signer.token(signer.header(), { SUB: 'user_eve', ...claims }),
    'aud in an array': signer.token(signer.header(), { ...claims, aud: ['other', ISSUER] }),
    'sub of 255 characters': signer.token(signer.header(), { ...claims, sub: 's'.repeat(255) }),
    'sub of any characters': signer.token(signer.header(), { ...claims, sub: 'ü€😀' }),
    'nbf past': signer.token(signer.header(), { ...claims, nbf: now() - 5 }),
    'nbf within the leeway': signer.token(signer.header(), { ...claims, nbf: now() + 20 }),
    'iat within the leeway': signer.token(signer.header(), { ...claims, iat: now() + 20 }),
    'exp within the leeway': signer.token(signer.header(),
      { ...claims, iat: now() - 600, exp: now() - 20 }),
    'the longest life': signer.token(signer.header(), { ...claims, exp: claims.iat + 900 }),
    'times with fractions': signer.token(signer.header(),
      { ...claims, iat: claims.iat - 0.5, exp: claims.exp + 0.25 }),
    'times with exponents': signer.token(signer.header(),
      text.replace(/"exp":(\d+)/, (_, exp) => `"exp":${exp / 10}e1`)),
    'of 8 kB': longToken(signer, 8189),
  };
  for (const [name, token] of Object.entries(tokens)) {
    assert.ok(token.length <= 8192);
    await t.test(name, () => assertAccepted(bearer(token)));
  }
  for (const scheme of ['bearer', 'BEARER', 'bEaReR'])
    await t.test(`scheme ${scheme}`, () =>
      assertAccepted({ Authorization: `${scheme} ${signer.token()}` }));
  for (const name of ['authorization', 'AUTHORIZATION'])
    await t.test(`header ${name}`, () => assertAccepted({ [name]: `Bearer ${signer.token()}` }));
});

test('bad tokens', async (t) => {
  const tokens = [...badContents(signer), ...badForms(signer)];
  assert.ok(tokens.length >= 90);
  assert.equal(new Set(tokens.map(([name]) => name)).size, tokens.length);
  for (const [name, token] of tokens) await t.test(name, () => assertRefused(bearer(token)));
  t.diagnostic(`${tokens.length} bad tokens`);
});

test('a good token in the wrong place', async (t) => {
  const token = signer.token();
  const basic = Buffer.from(`ada:${token}`).toString('base64');
  const schemes = {
    'no scheme': token,
    'scheme alone': 'Bearer',
    'scheme and a space': 'Bearer ',
    'two spaces': `Bearer  ${token}`,
    'tab': `Bearer\t${token}`,
    'no space': `Bearer${token}`,
    'colon': `Bearer: ${token}`,
    'equals': `Bearer=${token}`,
    'space in front': ` Bearer ${token}`,
    'no-break space': `Bearer\u00a0${token}`,
    'word behind': `Bearer ${token} x`,
    'parameter behind': `Bearer ${token}, realm="x"`,
    'twice': `Bearer Bearer ${token}`,
    'list': `Bearer x, Bearer ${token}`,
    'scheme Basic': `Basic ${basic}`,
    'scheme Basic with the token': `Basic ${token}`,
    'scheme Token': `Token ${token}`,
    'scheme JWT': `JWT ${token}`,
    'scheme DPoP': `DPoP ${token}`,
    'empty': '',
  };
  for (const [name, value] of Object.entries(schemes))
    await t.test(`scheme: ${name}`, () => assertRefused({ Authorization: value }));
  const others = {
    'cookie': { Cookie: `token=${token}; better-auth.session_token=${token}` },
    'Proxy-Authorization': { 'Proxy-Authorization': `Bearer ${token}` },
    'name with an underscore': { 'Author_ization': `Bearer ${token}` },
    'name with a space': { 'Authorization ': `Bearer ${token}` },
    'behind a bad one': { Authorization: 'Bearer x', 'X-API-Key': token },
    'in an array': { Authorization: [`Bearer ${token}`] },
    'in an object': { Authorization: { Bearer: token } },
  };
  for (const [name, headers] of Object.entries(others))
    await t.test(`header: ${name}`, () => assertRefused(headers));
  for (const name of ['access_token', 'token', 'jwt', 'apikey', 'Authorization', 'X-API-Key'])
    await t.test(`query: ${name}`, () => assertRefused({}, `${uri}?${name}=${token}`));
  await t.test('query: with the scheme', () =>
    assertRefused({}, `${uri}?authorization=Bearer%20${token}`));
});

test('the answer does not tell what is there', async () => {
  const bad = bearer(new Signer('key-1').token());
  for (const at of [`/v1/projects/${UNKNOWN_PROJECT}`, '/v1/projects/%00', '/v1/nothing', '/'])
    await assertRefused(bad, at);
  for (const method of ['POST', 'DELETE', 'PATCH', 'BREW']) {
    const answer = await call(method, uri, json(bad), projectBody('Eve', 'org_ada'));
    assert.deepEqual(comparable(answer), refusal);
  }
});

test('a bad token writes nothing', async () => {
  const { rows } = await database.admin.query('SELECT name, status FROM pgbeam.projects');
  assert.deepEqual(rows, [{ name: 'Ada', status: 'active' }]);
});

test('a token of nobody sees nothing, but is no bad token', async () => {
  const nobody = bearer(signer.token(signer.header(), signer.claims({ sub: 'user_eve' })));
  const hidden = await call('GET', uri, nobody);
  const missing = await call('GET', `/v1/projects/${UNKNOWN_PROJECT}`, nobody);
  assert.equal(hidden.status, 404);
  assert.deepEqual(comparable(hidden), comparable(missing));
});

test('a good token still opens', () => assertAccepted(good()));
