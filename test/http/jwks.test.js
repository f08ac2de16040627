// set_jwks() takes public Ed25519 keys, and refuses those that cannot be good
// keys.
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { after, before, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import {
  assertUnauthorized, bearer, caller, createDatabase, ISSUER, part, Signer, UNKNOWN_PROJECT,
} from './tokens.js';

const signer = new Signer('key-1');
const other = new Signer('key-2');
let database;
let call;

before(async () => {
  database = await createDatabase('http_jwks', { jwt_issuer: ISSUER });
  call = caller(await database.connect());
  await database.setJwks({ keys: [signer.jwk] });
});

after(() => database?.close());

const ask = (token) => call('GET', `/v1/projects/${UNKNOWN_PROJECT}`, bearer(token));
const isKnown = async (token) => (await ask(token)).status === 404;

// A refused set leaves the one before in force.
async function assertSetRefused(set) {
  await assert.rejects(database.setJwks(set), (error) => {
    assert.equal(error.code, 'PT400', error.message);
    return true;
  });
  assert.ok(await isKnown(signer.token()));
}

async function warningsOf(work) {
  const warnings = [];
  const listen = ({ severity, message }) => severity === 'WARNING' && warnings.push(message);
  database.admin.on('notice', listen);
  const result = await work();
  database.admin.off('notice', listen);
  return { result, warnings };
}

test('a set that is none', async (t) => {
  const sets = {
    'array': [signer.jwk], 'text': '"keys"', 'number': '5', 'null': 'null', 'empty': {},
    'a key alone': signer.jwk, 'keys in capitals': { KEYS: [signer.jwk] },
    'keys null': { keys: null }, 'keys an object': { keys: signer.jwk }, 'keys text': { keys: 'x' },
    'key null': { keys: [null] }, 'key text': { keys: ['x'] },
    'key array': { keys: [[signer.jwk]] },
  };
  for (const [name, set] of Object.entries(sets)) await t.test(name, () => assertSetRefused(set));
});

test('a key that is none', async (t) => {
  const { x } = other.jwk;
  const bytes = Buffer.from(x, 'base64url');
  const changes = {
    'kty missing': { kty: undefined }, 'kty null': { kty: null }, 'kty number': { kty: 1 },
    'kty in lower case': { kty: 'okp' }, 'kty EC': { kty: 'EC' }, 'kty oct': { kty: 'oct' },
    'crv missing': { crv: undefined }, 'crv X25519': { crv: 'X25519' }, 'crv Ed448': { crv: 'Ed448' },
    'crv in lower case': { crv: 'ed25519' }, 'crv array': { crv: ['Ed25519'] },
    'x missing': { x: undefined }, 'x null': { x: null }, 'x number': { x: 5 }, 'x array': { x: [x] },
    'x empty': { x: '' }, 'x of 31 bytes': { x: part(bytes.subarray(1)) },
    'x of 33 bytes': { x: part(Buffer.concat([bytes, bytes.subarray(31)])) },
    'x of 64 bytes': { x: part(Buffer.concat([bytes, bytes])) },
    'x in hex': { x: bytes.toString('hex') }, 'x padded': { x: `${x}=` },
    'x with a newline': { x: `${x}\n` }, 'x with a space in front': { x: ` ${x}` },
    'x with plus': { x: `+${x.slice(1)}` }, 'x with slash': { x: `/${x.slice(1)}` },
    'x with dirty bits': { x: dirtied(x) },
    'kid missing': { kid: undefined }, 'kid null': { kid: null }, 'kid number': { kid: 1 },
    'kid array': { kid: ['key-2'] }, 'kid empty': { kid: '' },
    'kid of 65 characters': { kid: 'k'.repeat(65) },
    'd beside': other.privateKey.export({ format: 'jwk' }),
    'd null': { d: null }, 'd empty': { d: '' },
  };
  for (const [name, change] of Object.entries(changes))
    await t.test(name, () => assertSetRefused({ keys: [{ ...other.jwk, ...change }] }));
  await t.test('d beside a good key', () => assertSetRefused(
    { keys: [signer.jwk, { ...other.privateKey.export({ format: 'jwk' }), kid: 'key-2' }] }));
});

// The last of 43 characters has 4 bits and 2 spare ones.
function dirtied(x) {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  return x.slice(0, -1) + alphabet[alphabet.indexOf(x.at(-1)) + 1];
}

test('a kid twice', async (t) => {
  const twin = { ...other.jwk, kid: 'key-1' };
  await t.test('two keys', () => assertSetRefused({ keys: [signer.jwk, twin] }));
  await t.test('the same key', () => assertSetRefused({ keys: [signer.jwk, signer.jwk] }));
});

const point = (start, middle, end) =>
  part(Buffer.from(start + middle.repeat(31 - start.length / 2) + end, 'hex'));
const SMALL_ORDER = {
  'zero': point('00', '00', '00'), 'zero, sign': point('00', '00', '80'),
  'one': point('01', '00', '00'), 'one, sign': point('01', '00', '80'),
  'minus one': point('ec', 'ff', '7f'), 'minus one, sign': point('ec', 'ff', 'ff'),
  'p': point('ed', 'ff', '7f'), 'p, sign': point('ed', 'ff', 'ff'),
  'p + 1': point('ee', 'ff', '7f'), 'p + 1, sign': point('ee', 'ff', 'ff'),
  'order 8': point('26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc', '', '05'),
  'order 8, sign': point('26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc', '', '85'),
  'other of order 8': point('c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03', '', '7a'),
  'other of order 8, sign': point('c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03', '', 'fa'),
  'ones': point('ff', 'ff', 'ff'),
  'two, which is no point': point('02', '00', '00'),
};

test('a point under which anybody can sign', async (t) => {
  // With the identity as the key, the identity as R and S = 0 fit every
  // message.
  const identity = Buffer.concat([Buffer.from([1]), Buffer.alloc(63)]);
  for (const [name, x] of Object.entries(SMALL_ORDER))
    await t.test(name, async () => {
      const weak = { ...other.jwk, x };
      await assertSetRefused({ keys: [weak] });
      await assertSetRefused({ keys: [signer.jwk, weak] });
      const forged = `${part(other.header())}.${part(other.claims())}.${part(identity)}`;
      assertUnauthorized(await ask(forged));
    });
});

test('keys of other kinds are ignored with a WARNING', async (t) => {
  const jwk = (...how) => generateKeyPairSync(...how).publicKey.export({ format: 'jwk' });
  const kinds = {
    RSA: jwk('rsa', { modulusLength: 2048 }), EC: jwk('ec', { namedCurve: 'P-256' }),
    Ed448: jwk('ed448'), X25519: jwk('x25519'), oct: { kty: 'oct', k: 'c2VjcmV0' },
    'a kind to come': { kty: 'AKP', alg: 'ML-DSA-44', pub: 'AA' },
  };
  for (const [name, key] of Object.entries(kinds))
    await t.test(name, async () => {
      const set = { keys: [{ ...key, kid: 'other' }, signer.jwk] };
      const { result, warnings } = await warningsOf(() => database.setJwks(set));
      assert.equal(result, 1);
      assert.equal(warnings.length, 1);
      assert.ok(await isKnown(signer.token()));
      await assertSetRefused({ keys: [{ ...key, kid: 'other' }] });
    });
});

test('other members do not matter', async () => {
  const key = { ...signer.jwk, alg: 'EdDSA', use: 'sig', key_ops: ['verify'], created: 1 };
  const { result, warnings } = await warningsOf(() => database.setJwks({ keys: [key], issuer: 'x' }));
  assert.equal(result, 1);
  assert.deepEqual(warnings, []);
  assert.ok(await isKnown(signer.token()));
});

test('alg of a key, by both names, with tokens of both', async (t) => {
  for (const alg of ['EdDSA', 'Ed25519'])
    await t.test(alg, async () => {
      const { result, warnings } = await warningsOf(() => database.setJwks({ keys: [{ ...signer.jwk, alg }] }));
      assert.deepEqual([result, warnings], [1, []]);
      for (const named of ['EdDSA', 'Ed25519']) assert.ok(await isKnown(signer.token(signer.header({ alg: named }))));
    });
  for (const alg of ['ed25519', 'Ed448', 'ES256', '', null, ['Ed25519']])
    await t.test(`not ${JSON.stringify(alg)}`, () => assertSetRefused({ keys: [{ ...signer.jwk, alg }] }));
  await database.setJwks({ keys: [signer.jwk] });
});

test('the set is replaced whole, at once, for sessions that are open too', async () => {
  assert.equal(await database.setJwks({ keys: [signer.jwk, other.jwk] }), 2);
  assert.ok(await isKnown(signer.token()));
  assert.ok(await isKnown(other.token()));
  assert.equal(await database.setJwks({ keys: [other.jwk] }), 1);
  assertUnauthorized(await ask(signer.token()));
  assert.ok(await isKnown(other.token()));
  // The kid now stands for another key.
  assert.equal(await database.setJwks({ keys: [{ ...signer.jwk, kid: 'key-2' }] }), 1);
  assertUnauthorized(await ask(other.token()));
  assert.equal(await database.setJwks({ keys: [signer.jwk] }), 1);
});

test('an empty set ends all tokens', async () => {
  assert.equal(await database.setJwks({ keys: [] }), 0);
  assertUnauthorized(await ask(signer.token()));
  await database.setJwks({ keys: [signer.jwk] });
});

test('of two sets loaded at once, the last alone remains', async () => {
  const rival = await database.connect({ user: database.admin.user });
  await rival.query('BEGIN');
  await rival.query('SELECT pgbeam.set_jwks($1)', [JSON.stringify({ keys: [other.jwk] })]);
  const last = database.setJwks({ keys: [signer.jwk] });
  await untilSomebodyWaits(rival);
  await rival.query('COMMIT');
  assert.equal(await last, 1);
  const { rows } = await database.admin.query('SELECT kid FROM pgbeam.jwks');
  await database.setJwks({ keys: [signer.jwk] });
  assert.deepEqual(rows, [{ kid: 'key-1' }]);
});

// Waits for a lock in this database, at most for a second.
async function untilSomebodyWaits(client) {
  for (let turn = 0; turn < 100; turn++) {
    const { rowCount } = await client.query(`SELECT FROM pg_stat_activity
      WHERE datname = current_database() AND wait_event_type = 'Lock'`);
    if (rowCount > 0) return;
    await setTimeout(10);
  }
}

test('a set that is rolled back was never there', async () => {
  await database.admin.query('BEGIN');
  await database.setJwks({ keys: [other.jwk] });
  assert.ok(await isKnown(signer.token()));
  await database.admin.query('ROLLBACK');
  assert.ok(await isKnown(signer.token()));
  assertUnauthorized(await ask(other.token()));
});

test('api access does not include set_jwks', async () => {
  const client = await database.connect();
  const set = JSON.stringify({ keys: [other.jwk] });
  await assert.rejects(client.query('SELECT pgbeam.set_jwks($1)', [set]), { code: '42501' });
});

test('without an issuer every token is refused', async () => {
  await database.set({ jwt_issuer: '' });
  const later = caller(await database.connect());
  assertUnauthorized(await later('GET', `/v1/projects/${UNKNOWN_PROJECT}`, bearer(signer.token())));
  const claims = signer.claims({ iss: '', aud: '' });
  assertUnauthorized(await later('GET', `/v1/projects/${UNKNOWN_PROJECT}`,
    bearer(signer.token(signer.header(), claims))));
});
