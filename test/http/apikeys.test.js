// No bad API key opens anything.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  assertUnauthorized, bearer, caller, comparable, createDatabase, json, projectBody,
} from './tokens.js';

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';
let database;
let call;
let uri;
let refusal;
let key;

async function createKey(arguments_) {
  const names = Object.keys(arguments_).map((name, i) => `${name} => $${i + 1}`);
  const { rows } = await database.admin.query(
    `SELECT id, key, expires_at FROM pgbeam.create_api_key(${names.join(', ')})`,
    Object.values(arguments_));
  return rows[0];
}

before(async () => {
  database = await createDatabase('http_apikeys');
  await database.run('set_organization', 'org_ada');
  await database.run('set_member', 'org_ada', 'user_ada', 'owner');
  call = caller(await database.connect());
  key = (await createKey({ org_id: 'org_ada' })).key;
  const made = await call('POST', '/v1/projects', json(bearer(key)), projectBody('Ada', 'org_ada'));
  assert.equal(made.status, 201, made.body);
  uri = `/v1/projects/${JSON.parse(made.body).project.id}`;
  refusal = comparable(await call('GET', uri));
});

after(() => database?.close());

const get = (headers) => call('GET', uri, headers);

async function assertRefused(headers) {
  const answer = await get(headers);
  assertUnauthorized(answer);
  assert.deepEqual(comparable(answer), refusal);
}

async function assertAccepted(headers) {
  const answer = await get(headers);
  assert.equal(answer.status, 200, answer.body);
}

const assertKeyRefused = async (bad) => {
  await assertRefused(bearer(bad));
  await assertRefused({ 'X-API-Key': bad });
};

test('good keys open', async (t) => {
  assert.match(key, /^pbo_[0-9a-hjkmnp-tv-z]{26}_[0-9a-hjkmnp-tv-z]{52}$/);
  const personal = await createKey({ user_id: 'user_ada', expires_in: '1 day' });
  assert.match(personal.key, /^pbu_[0-9a-hjkmnp-tv-z]{26}_[0-9a-hjkmnp-tv-z]{52}$/);
  for (const good of [key, personal.key]) {
    await t.test('as Bearer', () => assertAccepted(bearer(good)));
    await t.test('as X-API-Key', () => assertAccepted({ 'x-api-key': good }));
  }
});

test('bad keys', async (t) => {
  const another = (await createKey({ org_id: 'org_ada' })).key;
  const personal = (await createKey({ user_id: 'user_ada' })).key;
  const [prefix, id, secret] = key.split('_');
  const swap = (text, letter) => (text.startsWith(letter) ? '1' : letter) + text.slice(1);
  const keys = {
    'secret of another': `${prefix}_${id}_${another.split('_')[2]}`,
    'secret reversed': `${prefix}_${id}_${[...secret].reverse().join('')}`,
    'secret of zeros': `${prefix}_${id}_${'0'.repeat(52)}`,
    'secret empty': `${prefix}_${id}_`,
    'no secret': `${prefix}_${id}`,
    'id of zeros': `${prefix}_${'0'.repeat(26)}_${secret}`,
    'id unknown': `${prefix}_${swap(id, '0').replace(/.$/, '0')}_${secret}`,
    'id empty': `${prefix}__${secret}`,
    'id and secret swapped': `${prefix}_${secret}_${id}`,
    'prefix of a personal key': `pbu_${id}_${secret}`,
    'prefix of the samples': `pgb_${id}_${secret}`,
    'prefix pbk': `pbk_${id}_${secret}`,
    'prefix pba': `pba_${id}_${secret}`,
    'prefix in capitals': `PBO_${id}_${secret}`,
    'no prefix': `${id}_${secret}`,
    'prefix empty': `_${id}_${secret}`,
    'prefix twice': `${prefix}_${key}`,
    'a personal key as an organization\'s': personal.replace('pbu', 'pbo'),
    'id in capitals': `${prefix}_${id.toUpperCase()}_${secret}`,
    'secret in capitals': `${prefix}_${id}_${secret.toUpperCase()}`,
    'all in capitals': key.toUpperCase(),
    'a byte less': key.slice(0, -1),
    'ten bytes less': key.slice(0, -10),
    'first byte missing': key.slice(1),
    'a byte more': `${key}0`,
    'another part': `${key}_0`,
    'space behind': `${key} `,
    'space in front': ` ${key}`,
    'newline behind': `${key}\n`,
    'newline and more': `${key}\nx`,
    'dot behind': `${key}.`,
    'hyphens': key.replaceAll('_', '-'),
    'quotes': `"${key}"`,
    'twice': key + key,
    'list': `${key},${key}`,
    'full-width digit': key.replace(/.$/, '\uff10'),
    'letters alike': key.replaceAll('0', 'o').replaceAll('1', 'l'),
    'pattern': `${prefix}_${'%'.repeat(26)}_${'%'.repeat(52)}`,
    'SQL': "' OR ''='",
    'empty': '',
    'underscores': '__',
    '1 MB': 'a'.repeat(2 ** 20),
  };
  for (const [name, bad] of Object.entries(keys))
    await t.test(name, async () => {
      assert.notEqual(bad, key);
      await assertKeyRefused(bad);
    });
  t.diagnostic(`${Object.keys(keys).length} bad keys`);
});

// Also keys with spare bits set: every key has one spelling.
test('one character changed, at every place', async (t) => {
  let tried = 0;
  for (let at = 0; at < key.length; at++) {
    const everything = [4, 29, 31, 82].includes(at);
    const step = everything ? 1 : 1 + (at % 31);
    const position = ALPHABET.indexOf(key[at]);
    for (let turn = step; turn < 32; turn += everything ? 1 : 32, tried++)
      await assertRefused(bearer(key.slice(0, at) + ALPHABET[(position + turn) % 32] + key.slice(at + 1)));
  }
  t.diagnostic(`${tried} keys`);
});

test('a revoked key, at once', async () => {
  const revoked = await createKey({ org_id: 'org_ada' });
  await assertAccepted(bearer(revoked.key));
  await database.run('revoke_api_key', revoked.id);
  await assertKeyRefused(revoked.key);
});

test('an expired key', async () => {
  const expired = await createKey({ org_id: 'org_ada', expires_in: '1 hour' });
  await assertAccepted(bearer(expired.key));
  await database.admin.query(
    'UPDATE pgbeam.api_keys SET expires_at = now() WHERE id = pgbeam.typeid_decode($1)',
    [expired.id]);
  await assertKeyRefused(expired.key);
});

test('the personal key of one who is no member any more', async () => {
  await database.run('set_member', 'org_ada', 'user_bob', 'member');
  const personal = (await createKey({ user_id: 'user_bob' })).key;
  await assertAccepted(bearer(personal));
  await database.run('remove_member', 'org_ada', 'user_bob');
  assert.equal((await get(bearer(personal))).status, 404);
});

test('where two credentials are, Authorization counts', async () => {
  await assertRefused({ Authorization: 'Bearer x', 'X-API-Key': key });
  await assertRefused({ Authorization: '', 'X-API-Key': `${key}x` });
  await assertAccepted({ ...bearer(key), 'X-API-Key': 'x' });
});

test('a key elsewhere', async () => {
  await assertRefused({ Cookie: `key=${key}` });
  await assertRefused({ Authorization: key });
  await assertRefused({ Authorization: `Basic ${Buffer.from(`${key}:`).toString('base64')}` });
  for (const name of ['key', 'api_key', 'apikey', 'X-API-Key'])
    assertUnauthorized(await call('GET', `${uri}?${name}=${key}`));
});

test('no secret is stored', async () => {
  const { rows } = await database.admin.query('SELECT k::text AS row FROM pgbeam.api_keys k');
  assert.ok(rows.length > 0);
  for (const { row } of rows) assert.ok(!row.includes(key.split('_')[2]));
});

test('a good key still opens', () => assertAccepted(bearer(key)));
