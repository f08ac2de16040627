// Tokens whose contents nobody may accept, each made from a good one. Where
// possible the signature is valid, so that there is only one fault.
import { createHmac, generateKeyPairSync, sign } from 'node:crypto';
import { named, now, part, Signer } from './tokens.js';

function algorithms(signer) {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
  const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  const ed448 = generateKeyPairSync('ed448').privateKey;
  const raw = Buffer.from(signer.jwk.x, 'base64url');
  const pem = signer.publicKey.export({ type: 'spki', format: 'pem' });
  const input = (alg) => `${part(signer.header({ alg }))}.${part(signer.claims())}`;
  const unsigned = (alg) => `${input(alg)}.`;
  const withEd25519 = (alg) => signer.complete(input(alg));
  // HS512 has signatures of the same length as Ed25519.
  const withHmac = (secret, alg = 'HS256') => {
    const hash = createHmac(`sha${alg === 'HS256' ? 256 : 512}`, secret);
    return `${input(alg)}.${hash.update(input(alg)).digest('base64url')}`;
  };
  const withKey = (alg, hash, key) => `${input(alg)}.${part(sign(hash, Buffer.from(input(alg)), key))}`;

  return named('algorithm', {
    'none, no signature': unsigned('none'),
    'None, no signature': unsigned('None'),
    'nOnE, no signature': unsigned('nOnE'),
    'none, good signature': withEd25519('none'),
    'None, good signature': withEd25519('None'),
    'nOnE, good signature': withEd25519('nOnE'),
    'EdDSA, no signature': unsigned('EdDSA'),
    'HS256 under the public key': withHmac(raw),
    'HS256 under the base64url of it': withHmac(signer.jwk.x),
    'HS256 under the JWK as text': withHmac(JSON.stringify(signer.jwk)),
    'HS256 under the PEM': withHmac(pem),
    'HS256 under nothing': withHmac(''),
    'HS512 under the public key': withHmac(raw, 'HS512'),
    'HS512 under the base64url of it': withHmac(signer.jwk.x, 'HS512'),
    'HS512 under the JWK as text': withHmac(JSON.stringify(signer.jwk), 'HS512'),
    'EdDSA, signed as HS512': withHmac(raw, 'EdDSA'),
    'HS256, good signature': withEd25519('HS256'),
    'RS256': withKey('RS256', 'sha256', rsa),
    'ES256': withKey('ES256', 'sha256', { key: p256, dsaEncoding: 'ieee-p1363' }),
    'EdDSA over P-256': withKey('EdDSA', 'sha256', { key: p256, dsaEncoding: 'ieee-p1363' }),
    'EdDSA over Ed448': withKey('EdDSA', null, ed448),
    'ES256, good signature': withEd25519('ES256'),
    'eddsa': withEd25519('eddsa'),
    'EdDSA with a space': withEd25519('EdDSA '),
    'Ed25519, no signature': unsigned('Ed25519'),
    'Ed25519, signed as HS512': withHmac(raw, 'Ed25519'),
    'Ed25519 over P-256': withKey('Ed25519', 'sha256', { key: p256, dsaEncoding: 'ieee-p1363' }),
    'Ed25519 over Ed448': withKey('Ed25519', null, ed448),
    'ed25519': withEd25519('ed25519'),
    'Ed448, good signature': withEd25519('Ed448'),
    'both names': withEd25519('EdDSA Ed25519'),
    'missing': withEd25519(undefined),
    'null': withEd25519(null),
    'empty': withEd25519(''),
    'array': withEd25519(['EdDSA']),
    'number': withEd25519(0),
  });
}

function headers(signer) {
  const tokens = [];
  const add = (name, changes) =>
    tokens.push([`header: ${name}`, signer.token(signer.header(changes))]);
  const kids = {
    missing: undefined, null: null, number: 1, array: [signer.kid], empty: '', unknown: 'key-9',
    'with a space': `${signer.kid} `, 'in capitals': signer.kid.toUpperCase(),
    'of 65 characters': 'k'.repeat(65), 'with a NUL': `${signer.kid}\0`,
    'like a path': '../../../dev/null', 'like a URL': 'https://evil.example/key',
    'like SQL': "' OR '1'='1", 'like a pattern': '%',
  };
  for (const [name, kid] of Object.entries(kids)) add(`kid ${name}`, { kid });
  for (const typ of ['JWE', 'at+jwt', '', null, 1, ['JWT']]) add(`typ ${JSON.stringify(typ)}`, { typ });
  const others = {
    jku: 'https://evil.example/jwks', x5u: 'https://evil.example/cert', x5c: ['MIIB'], x5t: 'aa',
    jwk: signer.jwk, crit: ['exp'], b64: false, zip: 'DEF', cty: 'JWT', enc: 'A256GCM', iss: 'x',
  };
  for (const [name, value] of Object.entries(others)) add(`member ${name}`, { [name]: value });
  add('member crit, empty', { crit: [] });
  const attacker = new Signer(signer.kid);
  tokens.push(['header: own jwk, own signature', attacker.token(attacker.header({ jwk: attacker.jwk }))]);
  return tokens;
}

// JSON that says a thing twice, or that is not JSON.
function spellings(signer) {
  const header = JSON.stringify(signer.header());
  const claims = JSON.stringify(signer.claims());
  const ofHeader = (text) => signer.token(text);
  const ofClaims = (text) => signer.token(header, text);
  const first = (text, members) => text.replace('{', `{${members},`);
  const last = (text, members) => text.replace(/\}$/, `,${members}}`);
  const bytes = (...values) => Buffer.concat(values.map((value) => Buffer.from(value)));
  const name = (...values) => ofClaims(bytes(claims.replace(/\}$/, ',"name":"'), values, '"}'));
  const nested = (depth) => ofClaims(last(claims, `"deep":${'['.repeat(depth)}${']'.repeat(depth)}`));

  return [
    ...named('header', {
      'alg twice': ofHeader(first(header, '"alg":"none"')),
      'alg twice, the same': ofHeader(last(header, '"alg":"EdDSA"')),
      'alg twice, with an escape': ofHeader(first(header, '"\\u0061lg":"EdDSA"')),
      'kid twice': ofHeader(first(header, '"kid":"key-9"')),
      'kid twice, with an escape': ofHeader(last(header, `"k\\u0069d":"${signer.kid}"`)),
      'array': ofHeader(`[${header}]`),
      'text': ofHeader(JSON.stringify(header)),
      'null': ofHeader('null'),
      'empty object': ofHeader('{}'),
      'no JSON': ofHeader('alg=EdDSA'),
      'two objects': ofHeader(header + header),
      'byte order mark': ofHeader(`\ufeff${header}`),
      'NUL behind': ofHeader(`${header}\0`),
      'NUL escaped behind alg': ofHeader(header.replace('EdDSA', 'EdDSA\\u0000')),
      'trailing comma': ofHeader(header.replace(/\}$/, ',}')),
      'single quotes': ofHeader(header.replaceAll('"', "'")),
      'comment': ofHeader(`${header}/**/`),
    }),
    ...named('claims', {
      'sub twice': ofClaims(first(claims, '"sub":"user_eve"')),
      'sub twice, the same': ofClaims(last(claims, '"sub":"user_ada"')),
      'sub twice, with an escape': ofClaims(first(claims, '"\\u0073ub":"user_eve"')),
      'sub twice, the escape last': ofClaims(last(claims, '"s\\u0075b":"user_ada"')),
      'exp twice': ofClaims(last(claims, '"exp":99999999999')),
      'unknown member twice': ofClaims(last(claims, '"name":"a","name":"b"')),
      'member twice further down': ofClaims(last(claims, '"user":{"role":"a","role":"b"}')),
      'array': ofClaims(`[${claims}]`),
      'text': ofClaims(JSON.stringify(claims)),
      'number': ofClaims('5'),
      'null': ofClaims('null'),
      'empty object': ofClaims('{}'),
      'no JSON': ofClaims('sub=user_ada'),
      'two objects': ofClaims(claims + claims),
      'cut': ofClaims(claims.slice(0, -1)),
      'byte order mark': ofClaims(`\ufeff${claims}`),
      'UTF-16': ofClaims(Buffer.from(claims, 'utf16le')),
      'byte 0xff': name(0xff),
      'overlong NUL': name(0xc0, 0x80),
      'overlong slash': name(0xe0, 0x80, 0xaf),
      'surrogate in bytes': name(0xed, 0xa0, 0x80),
      'beyond Unicode': name(0xf4, 0x90, 0x80, 0x80),
      'NUL byte': name(0),
      'newline in a text': name(10),
      'NUL escaped': name(...Buffer.from('\\u0000')),
      'NUL escaped in sub': ofClaims(claims.replace('user_ada', 'user_ada\\u0000')),
      'high surrogate alone': name(...Buffer.from('\\ud800')),
      'low surrogate alone': name(...Buffer.from('\\udc00')),
      'surrogates in the wrong order': name(...Buffer.from('\\udc00\\ud800')),
      'NaN': ofClaims(claims.replace(/"exp":\d+/, '"exp":NaN')),
      'Infinity': ofClaims(claims.replace(/"exp":\d+/, '"exp":Infinity')),
      'number with leading zero': ofClaims(claims.replace('"exp":', '"exp":0')),
      'number with plus': ofClaims(claims.replace('"exp":', '"exp":+')),
      '100 levels': nested(100),
      '2500 levels': nested(2500),
      '2500 levels, unclosed': ofClaims('['.repeat(2500)),
    }),
  ];
}

function claims(signer) {
  const tokens = [];
  const add = (name, changes) =>
    tokens.push([`claims: ${name}`, signer.token(signer.header(), signer.claims(changes))]);
  const raw = (name, member, number) => {
    const text = JSON.stringify(signer.claims({ [member]: 0 }));
    const edited = text.replace(`"${member}":0`, `"${member}":${number}`);
    tokens.push([`claims: ${name}`, signer.token(signer.header(), edited)]);
  };
  const good = signer.claims();
  const values = { missing: undefined, null: null, true: true, empty: '', array: [], object: {} };
  for (const claim of ['iss', 'sub', 'aud', 'iat', 'exp']) {
    for (const [name, value] of Object.entries(values)) add(`${claim} ${name}`, { [claim]: value });
    add(`${claim} in two arrays`, { [claim]: [[good[claim]]] });
  }
  for (const claim of ['iss', 'aud', 'iat', 'exp']) add(`${claim} other`, { [claim]: 'other' });
  for (const claim of ['iss', 'sub', 'aud']) add(`${claim} number`, { [claim]: 5 });
  for (const claim of ['iss', 'sub']) add(`${claim} in an array`, { [claim]: [good[claim]] });
  for (const claim of ['iat', 'exp']) add(`${claim} as text`, { [claim]: String(good[claim]) });
  for (const claim of ['iss', 'aud']) add(`${claim} with a slash behind`, { [claim]: `${good[claim]}/` });
  for (const claim of ['iss', 'aud']) add(`${claim} in capitals`, { [claim]: good[claim].toUpperCase() });
  add('aud others', { aud: ['a', 'b'] });
  add('aud numbers', { aud: [1, 2] });
  add('aud with a number beside', { aud: [good.aud, 5] });
  add('aud array with null', { aud: [null] });
  add('aud object with the value as name', { aud: { [good.aud]: true } });
  add('sub of 256 characters', { sub: 's'.repeat(256) });
  add('exp a minute ago', { iat: now() - 120, exp: now() - 60 });
  add('exp just past the leeway', { iat: now() - 120, exp: now() - 31 });
  add('exp 0', { exp: 0 });
  add('exp negative', { exp: -1 });
  add('exp NaN as text', { exp: 'NaN' });
  add('exp Infinity as text', { exp: 'Infinity' });
  add('exp and iat the same', { exp: good.iat });
  add('exp before iat', { iat: now() + 20, exp: now() + 10 });
  add('lifetime a second too long', { iat: good.iat, exp: good.iat + 901 });
  add('lifetime of a year', { exp: good.iat + 31536000 });
  add('exp in milliseconds', { exp: good.exp * 1000 });
  add('iat two minutes ahead', { iat: now() + 120, exp: now() + 600 });
  add('iat 0', { iat: 0 });
  add('iat negative', { iat: -good.iat });
  add('nbf two minutes ahead', { nbf: now() + 120 });
  add('nbf text', { nbf: String(now()) });
  add('nbf null', { nbf: null });
  for (const number of ['1e400', '-1e400', '1e19', '1e-400', '9'.repeat(400), '9223372036854775808'])
    raw(`exp ${number.slice(0, 20)}`, 'exp', number);
  for (const number of ['1e400', '-1e400', '-9223372036854775809']) raw(`iat ${number}`, 'iat', number);
  raw('nbf 1e400', 'nbf', '1e400');
  return tokens;
}

export function badContents(signer) {
  return [algorithms, headers, spellings, claims].flatMap((group) => group(signer));
}
