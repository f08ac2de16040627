// Tokens whose form or signature nobody may accept, each made from a good one.
import { named, now, part, Signer } from './tokens.js';

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const GROUP_ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;

// The spare bits of the last character, one of them set.
function dirty(text) {
  const last = ALPHABET.indexOf(text.at(-1));
  return text.slice(0, -1) + ALPHABET[last + 1];
}

// JSON with blanks after it, so that its base64url has spare bits.
function withSpareBits(value) {
  const text = JSON.stringify(value);
  return part(text + ' '.repeat((4 - (text.length % 3)) % 3));
}

function withSpecials(signer, letter) {
  for (let jti = 0; ; jti++) {
    const token = signer.token(signer.header(), signer.claims({ jti: String(jti) }));
    if (token.split('.')[2].includes(letter)) return token;
  }
}

function encodings(signer) {
  const good = signer.token();
  const [header, body, signature] = good.split('.');
  const spare = [withSpareBits(signer.header()), withSpareBits(signer.claims())];
  const withMinus = withSpecials(signer, '-');
  const withUnderscore = withSpecials(signer, '_');
  const inTwo = good.length >> 1;
  return named('encoding', {
    'dirty bits in the header': signer.complete(`${dirty(spare[0])}.${spare[1]}`),
    'dirty bits in the claims': signer.complete(`${spare[0]}.${dirty(spare[1])}`),
    'dirty bits in the signature': `${header}.${body}.${dirty(signature)}`,
    'padded header': signer.complete(`${spare[0]}==.${spare[1]}`),
    'padded claims': signer.complete(`${spare[0]}.${spare[1]}==`),
    'padded signature': `${good}==`,
    'plus for minus': withMinus.replaceAll('-', '+'),
    'slash for underscore': withUnderscore.replaceAll('_', '/'),
    'percent for minus': withMinus.replaceAll('-', '%2D'),
    'space in the middle': `${good.slice(0, inTwo)} ${good.slice(inTwo)}`,
    'newline in the middle': `${good.slice(0, inTwo)}\n${good.slice(inTwo)}`,
    'space around the dot': `${header} . ${body}.${signature}`,
    'newline behind': `${good}\n`,
    'carriage return behind': `${good}\r\n`,
    'escape for the dot': good.replace('.', '\\u002e'),
    'zero-width space behind': `${good}\u200b`,
    'full-width dot': good.replace('.', '\uff0e'),
    'quotes': `"${good}"`,
    'comma and another': `${good},${good}`,
    'header empty': signer.complete(`.${body}`),
    'claims empty': signer.complete(`${header}.`),
    'signature empty': `${header}.${body}.`,
    'dots only': '..',
    'one part': header,
    'two parts': `${header}.${body}`,
    'four parts': `${good}.${signature}`,
    'five parts': `${good}.${signature}.${signature}`,
    'dot in front': `.${good}`,
    'dot behind': `${good}.`,
    'parts swapped': `${body}.${header}.${signature}`,
    'one character less': good.slice(0, -1),
    'header of one character': signer.complete(`A.${body}`),
    'cut in two': good.slice(0, inTwo),
    'twice': good + good,
    'over 8 kB': longToken(signer, 8193),
    'of 1 MB': longToken(signer, 2 ** 20),
  });
}

// A good token of at least this many bytes, and at most two more.
export function longToken(signer, size) {
  const short = signer.token(signer.header(), signer.claims({ pad: '' }));
  let pad = Math.floor(((size - short.length) * 3) / 4) - 3;
  for (; ; pad++) {
    const token = signer.token(signer.header(), signer.claims({ pad: 'x'.repeat(Math.max(pad, 0)) }));
    if (token.length >= size) return token;
  }
}

// S + L is as good as S for a verifier that does not check the range.
function malleable(signature) {
  const hex = Buffer.from(signature.subarray(32)).reverse().toString('hex');
  const sum = (BigInt(`0x${hex}`) + GROUP_ORDER).toString(16).padStart(64, '0');
  return Buffer.concat([signature.subarray(0, 32), Buffer.from(sum, 'hex').reverse()]);
}

function signatures(signer) {
  const input = `${part(signer.header())}.${part(signer.claims())}`;
  const good = signer.signature(input);
  const ended = (bytes) => `${input}.${part(bytes)}`;
  const identity = Buffer.concat([Buffer.from([1]), Buffer.alloc(63)]);
  const earlier = signer.claims({ iat: now() - 10 });
  return named('signature', {
    'by another key': new Signer(signer.kid).token(),
    'of another token': ended(signer.signature(`${part(signer.header())}.${part(earlier)}`)),
    'of the claims alone': ended(signer.signature(input.split('.')[1])),
    'of the JSON': ended(signer.signature(JSON.stringify(signer.claims()))),
    'a byte short': ended(good.subarray(0, 63)),
    'a byte long': ended(Buffer.concat([good, Buffer.alloc(1)])),
    'twice': ended(Buffer.concat([good, good])),
    'halves swapped': ended(Buffer.concat([good.subarray(32), good.subarray(0, 32)])),
    'zeros': ended(Buffer.alloc(64)),
    'ones': ended(Buffer.alloc(64, 0xff)),
    'of the identity': ended(identity),
    'S + L': ended(malleable(good)),
    'in hex': `${input}.${good.toString('hex')}`,
  });
}

// One bit of every seventh byte, a different one each time.
function flips(signer) {
  const good = signer.token();
  const tokens = [];
  for (let at = 0; at < good.length; at += 7) {
    const bit = 1 << ((at / 7) % 7);
    const flipped = String.fromCharCode(good.charCodeAt(at) ^ bit);
    tokens.push([`bit flipped: byte ${at}`, good.slice(0, at) + flipped + good.slice(at + 1)]);
  }
  return tokens;
}

export function badForms(signer) {
  return [encodings, signatures, flips].flatMap((group) => group(signer));
}
