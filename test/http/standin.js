// Stands in for PostgREST 14.17 where there is none: it answers calls of
// /rpc/<function> as PostgREST was seen to answer. It takes PostgREST's own
// settings from the environment, so that both start the same way: PG*,
// PGRST_DB_SCHEMAS (one), PGRST_DB_ANON_ROLE, PGRST_JWT_SECRET (a JWK set),
// PGRST_JWT_ROLE_CLAIM_KEY (one claim), PGRST_SERVER_HOST, PGRST_SERVER_PORT.
// Left out are hints for misspelt names, tables, embedding and CORS. PostgREST
// repeats 40001 and 40P01 for ever; here a test fails at once.
import { createPublicKey, verify } from 'node:crypto';
import { createServer } from 'node:http';
import pg from 'pg';

const env = process.env;
const schema = env.PGRST_DB_SCHEMAS;
const roleClaim = (env.PGRST_JWT_ROLE_CLAIM_KEY ?? '.role').replace(/^\.|"/g, '');
const pool = new pg.Pool({ types: { getTypeParser: () => (value) => value }, connectionTimeoutMillis: 10_000 });
pool.on('error', () => {});

class Refusal extends Error {
  constructor(status, code, message, { details = null, headers = {} } = {}) {
    super(message);
    Object.assign(this, { status, code, details, headers });
  }
}

const quoted = (name) => `"${name.replaceAll('"', '""')}"`;

// Headers are bytes, which Node decodes as Latin 1, in the order they arrived.
function readHeaders({ rawHeaders }) {
  const pairs = [];
  for (let i = 0; i < rawHeaders.length; i += 2) pairs.push([rawHeaders[i].toLowerCase(), rawHeaders[i + 1]]);
  const first = (name) => pairs.find(([other]) => other === name)?.[1];
  const all = (name) => pairs.filter(([other]) => other === name).map(([, value]) => value);
  return { pairs, first, all };
}

async function readBody(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks);
}

// A function's parameters and answer; no two functions share a name.
async function describe(name) {
  const { rows: [row] } = await pool.query(
    `SELECT array_to_json(coalesce(p.proargnames[1:p.pronargs], '{}')) AS names, p.pronargdefaults AS defaults,
            array_to_json(p.proargtypes::regtype[]::text[]) AS types, t.typname AS answer, p.provolatile AS volatility
       FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_type t ON t.oid = p.prorettype
      WHERE p.pronamespace = $1::regnamespace AND p.proname = $2`, [schema, name]);
  if (!row) return null;
  const types = JSON.parse(row.types);
  const names = types.map((_, i) => JSON.parse(row.names)[i] ?? '');
  return {
    name, names, types, required: names.slice(0, names.length - Number(row.defaults)), answer: row.answer,
    isVolatile: row.volatility === 'v', unnamed: types.length === 1 && !names[0] ? types[0] : null,
  };
}

const mediaType = (text) => text.split(';')[0].trim().toLowerCase();
const raw = { 'text/plain': 'text', 'text/xml': 'xml', 'application/octet-stream': 'bytea' };

// The function that was sought. If the body is no form, the keys are the whole
// body.
function notFound(name, given, type) {
  const keys = [...new Set(given)].sort();
  const list = keys.join(', ');
  const fn = `${schema}.${name}`;
  const sought = keys.length === 0 ? ' without parameters' : ` with parameter${keys.length > 1 ? 's' : ''} ${list}`;
  const searched = type in raw ? ` with a single unnamed ${raw[type]} parameter`
    : sought + (type === 'application/json' ? ' or with a single unnamed json/jsonb parameter' : '');
  const shown = type in raw ? '' : keys.length === 0 ? ' without parameters' : `(${list})`;
  return new Refusal(404, 'PGRST202', `Could not find the function ${fn}${shown} in the schema cache`,
    { details: `Searched for the function ${fn}${searched}, but no matches were found in the schema cache.` });
}

const isWhole = (value) => typeof value !== 'string' || value.isWellFormed();

// Beside an object, only an array of objects with the same keys passes; a
// scalar becomes an empty array. The text is passed on as it came.
function readJson(body) {
  if (body.length === 0) return { text: '', keys: [] };
  let text;
  let value;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body);
    value = JSON.parse(text, (key, member) => {
      if (!isWhole(key) || !isWhole(member)) throw new SyntaxError('a lone surrogate');
      return member;
    });
  } catch {
    throw new Refusal(400, 'PGRST102', 'Empty or invalid json');
  }
  return checkKeys(text, value);
}

function checkKeys(text, value) {
  if (value === null || typeof value !== 'object' || (Array.isArray(value) && value.length === 0)) return { text: '[]', keys: [] };
  if (!Array.isArray(value)) return { text, keys: Object.keys(value) };
  const keys = (item) => JSON.stringify(Object.keys(item).sort());
  if (value.some((item) => item === null || typeof item !== 'object' || Array.isArray(item) || keys(item) !== keys(value[0]))) {
    throw new Refusal(400, 'PGRST102', 'All object keys must match');
  }
  return { text, keys: Object.keys(value[0]) };
}

// Values with quotes are left out: no test needs them.
function readCsv(body) {
  const [names, ...lines] = body.toString().trim().split(/\r?\n/).map((line) => line.split(','));
  const rows = lines.map((line) => Object.fromEntries(names.map((name, i) => [name, line[i] === 'NULL' ? null : line[i]])));
  return checkKeys(JSON.stringify(rows), rows);
}

// The keys that choose the function, and the text with the arguments.
function readPayload(type, body) {
  if (type === 'application/json') return readJson(body);
  if (type === 'text/csv') return readCsv(body);
  if (type === 'application/x-www-form-urlencoded') {
    const form = Object.fromEntries(new URLSearchParams(body.toString()));
    return { text: JSON.stringify(form), keys: Object.keys(form) };
  }
  if (type in raw) return { text: body, keys: [] };
  throw new Refusal(400, 'PGRST102', `Content-Type not acceptable: ${type}`);
}

// Parameters with a default may be left out.
const takes = (fn, keys) => fn.names.length === 0 ? keys.length === 0
  : keys.every((name) => fn.names.includes(name)) && fn.required.every((name) => keys.includes(name));

function callByPost(name, fn, type, body) {
  const { text, keys } = readPayload(type, body);
  const target = `${quoted(schema)}.${quoted(name)}`;
  if (fn && takes(fn, keys) && !(fn.names.length === 0 && type in raw)) {
    const columns = fn.names.filter((other) => keys.includes(other));
    if (columns.length === 0) return { text: `SELECT ${target}()`, values: [] };
    const typed = columns.map((other) => `${quoted(other)} ${fn.types[fn.names.indexOf(other)]}`);
    const record = /^[\s]*\{/.test(text) ? 'json_to_record' : 'json_to_recordset';
    return {
      text: `SELECT ${target}(${columns.map((other) => `${quoted(other)} := r.${quoted(other)}`)})
               FROM (SELECT * FROM pg_catalog.${record}($1) AS r(${typed}) LIMIT 1) AS r`,
      values: [text],
    };
  }
  const wanted = type === 'application/json' ? ['json', 'jsonb'] : [raw[type]];
  if (!fn || !wanted.includes(fn.unnamed)) throw notFound(name, keys, type);
  return { text: `SELECT ${target}($1::${fn.unnamed})`, values: [text] };
}

const reserved = ['select', 'columns', 'on_conflict', 'order', 'limit', 'offset', 'and', 'or'];

function callByQuery(name, fn, query) {
  const given = Object.fromEntries([...query].filter(([key]) => !reserved.includes(key)));
  const keys = Object.keys(given);
  if (!fn || !takes(fn, keys)) throw notFound(name, keys, '');
  const columns = fn.names.filter((other) => keys.includes(other));
  const typed = columns.map((other, i) => `${quoted(other)} := $${i + 1}::${fn.types[fn.names.indexOf(other)]}`);
  return { text: `SELECT ${quoted(schema)}.${quoted(name)}(${typed})`, values: columns.map((other) => given[other]) };
}

const refuseToken = (code, message, details = null) => new Refusal(401, code, message,
  { details, headers: { 'WWW-Authenticate': `Bearer error="invalid_token", error_description="${message}"` } });

function decodeToken(parts) {
  try {
    return parts.slice(0, 2).map((part) => JSON.parse(Buffer.from(part, 'base64url')));
  } catch {
    throw refuseToken('PGRST301', 'JWT couldn\'t be decoded');
  }
}

function isSigned(parts, header, key) {
  try {
    return (header.kid === undefined || header.kid === key.kid) && header.alg === 'EdDSA' && verify(null,
      Buffer.from(`${parts[0]}.${parts[1]}`), createPublicKey({ key, format: 'jwk' }), Buffer.from(parts[2], 'base64url'));
  } catch {
    return false;
  }
}

// The claims of a bearer token; without one the caller is anonymous.
function claimsOf(authorization) {
  const token = /^bearer(?:\s+(.*))?$/i.exec(authorization ?? '');
  if (!token) return {};
  if (!env.PGRST_JWT_SECRET) throw new Refusal(500, 'PGRST300', 'Server lacks JWT secret');
  if (!token[1]) throw refuseToken('PGRST301', 'Empty JWT is sent in Authorization header');
  const parts = token[1].split('.');
  if (parts.length !== 3) throw refuseToken('PGRST301', `Expected 3 parts in JWT; got ${parts.length}`);
  const [header, claims] = decodeToken(parts);
  if (!JSON.parse(env.PGRST_JWT_SECRET).keys.some((key) => isSigned(parts, header ?? {}, key))) {
    throw refuseToken('PGRST301', 'No suitable key or wrong key type', 'None of the keys was able to decode the JWT');
  }
  const now = Date.now() / 1000;
  if (claims.exp + 30 < now) throw refuseToken('PGRST303', 'JWT expired');
  if (claims.nbf - 30 > now) throw refuseToken('PGRST303', 'JWT not yet valid');
  if (claims.iat - 30 > now) throw refuseToken('PGRST303', 'JWT issued at future');
  return claims;
}

const roleOf = (claims) => claims[roleClaim] === undefined ? env.PGRST_DB_ANON_ROLE
  : typeof claims[roleClaim] === 'string' ? claims[roleClaim] : JSON.stringify(claims[roleClaim]);

// A header that is no UTF-8 fails here, in the middle of the transaction.
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const decode = (value) => decoder.decode(Buffer.from(value, 'latin1'));
const isUndecoded = ({ code }) => code === 'ERR_ENCODING_INVALID_ENCODED_DATA';

// The settings that describe the request to the function, for this transaction
// only. If a header is repeated, the last one counts.
function settings({ method, path, headers, claims }) {
  const shown = headers.pairs.filter(([name]) => name !== 'cookie').map(([name, value]) => [name, decode(value)]);
  return Object.entries({
    search_path: `${quoted(schema)}, "public"`,
    role: roleOf(claims),
    'request.jwt.claims': JSON.stringify({ ...claims, role: roleOf(claims) }),
    'request.method': method,
    'request.path': path,
    'request.headers': JSON.stringify(Object.fromEntries(shown)),
    'request.cookies': '{}',
  });
}

// A transaction stays open if something is thrown outside of SQL, and its
// connection goes back to the pool.
async function inTransaction(isReadOnly, work) {
  const client = await pool.connect().catch((error) => {
    throw new Refusal(503, 'PGRST000', 'Database connection error.', { details: error.message });
  });
  let failure;
  try {
    if (client.isLeftOpen) throw new Refusal(500, '25001', 'there is already a transaction in progress');
    await client.query(`BEGIN ISOLATION LEVEL READ COMMITTED ${isReadOnly ? 'READ ONLY' : 'READ WRITE'}`);
    const result = await work(client);
    await client.query('COMMIT');
    return result;
  } catch (error) {
    client.isLeftOpen ||= isUndecoded(error);
    if (!client.isLeftOpen) await client.query('ROLLBACK').catch((lost) => { failure = lost; });
    throw error;
  } finally {
    client.release(failure);
  }
}

const run = (request, fn, call) => inTransaction(request.isRead || !fn.isVolatile, async (client) => {
  const pairs = settings(request);
  await client.query(`SELECT ${pairs.map((_, i) => `set_config($${2 * i + 1}, $${2 * i + 2}, true)`)}`, pairs.flat());
  if (request.method === 'HEAD' || request.query.get('limit') === '0') return { result: null, status: null, headers: null };
  const { rows: [[result]] } = await client.query({ ...call, rowMode: 'array' });
  const { rows: [response] } = await client.query(
    `SELECT nullif(current_setting('response.status', true), '') AS status,
            nullif(current_setting('response.headers', true), '') AS headers`);
  return { result: Number(request.query.get('offset')) > 0 ? null : result, ...response };
});

function responseHeaders(text) {
  const list = text === null ? [] : JSON.parse(text);
  if (!Array.isArray(list)) {
    throw new Refusal(500, 'PGRST111',
      'response.headers guc must be a JSON array composed of objects with a single key and a string value');
  }
  return Object.assign({}, ...list);
}

// The media types of a function that has none of its own.
function negotiate(fn, accept) {
  if (fn.answer === '*/*') return 'application/octet-stream';
  const accepted = (accept ?? '*/*').split(',').map(mediaType);
  const found = accepted.find((type) => ['*/*', 'application/json', 'text/csv'].includes(type));
  if (!found) throw new Refusal(406, 'PGRST107', `None of these media types are available: ${accepted.join(', ')}`);
  return found === 'text/csv' ? found : 'application/json';
}

const asCsv = (result) => `pgrst_scalar\n"${result.replaceAll('\\', '\\\\').replaceAll('"', '""')}"`;

function bodyOf(type, result) {
  if (type === 'application/octet-stream') return Buffer.from((result ?? '\\x').slice(2), 'hex');
  return Buffer.from(type === 'text/csv' && result !== null ? asCsv(result) : result ?? 'null');
}

const preferences = /^(resolution=(merge|ignore)-duplicates|return=(representation|minimal|headers-only)|count=(exact|planned|estimated)|tx=(commit|rollback)|missing=(default|null)|handling=(strict|lenient)|timezone=.*|max-affected=.*)$/;

function checkPreferences(headers) {
  const given = headers.all('prefer').flatMap((value) => value.split(',')).map((item) => item.trim());
  const handling = given.find((item) => ['handling=strict', 'handling=lenient'].includes(item));
  const invalid = given.filter((item) => !preferences.test(item));
  if (handling === 'handling=strict' && invalid.length > 0) {
    throw new Refusal(400, 'PGRST122', 'Invalid preferences given with handling=strict',
      { details: `Invalid preferences: ${invalid.join(', ')}` });
  }
  return handling;
}

function toAnswer(fn, type, handling, { result, status, headers }, isHead) {
  if (status !== null && !/^\d/.test(status)) throw new Refusal(500, 'PGRST112', 'response.status guc must be a valid status code');
  const body = bodyOf(type, result);
  const code = status === null ? (fn.answer === 'void' ? 204 : 200) : parseInt(status);
  const set = responseHeaders(headers);
  const isSet = (name) => Object.keys(set).some((other) => other.toLowerCase() === name.toLowerCase());
  const own = Object.entries({
    'Content-Range': '0-0/*', ...(handling && { 'Preference-Applied': handling }),
    'Content-Type': type === 'application/octet-stream' ? type : `${type}; charset=utf-8`, ...(!isHead && { 'Content-Length': body.length }),
  });
  return {
    status: code,
    headers: { ...Object.fromEntries(own.filter(([name]) => !isSet(name))), ...set },
    body: isHead || code === 204 || code === 304 ? '' : body,
  };
}

// Nothing is served until the database has been asked for its functions once.
let isLoaded = false;
async function load() {
  while (!isLoaded) {
    isLoaded = await pool.query('SELECT 1').then(() => true, () => false);
    if (!isLoaded) await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

function nameIn(path) {
  const parts = path.split('/').slice(1);
  if (path === '/') throw new Refusal(404, 'PGRST126', 'Root endpoint metadata is disabled');
  if (parts.length === 1) throw new Refusal(404, 'PGRST205', `Could not find the table '${schema}.${parts[0]}' in the schema cache`);
  if (parts.length !== 2 || parts[0] !== 'rpc') throw new Refusal(404, 'PGRST125', 'Invalid path specified in request URL');
  return decodeURIComponent(parts[1]);
}

async function answer(message) {
  const { pathname: path, searchParams: query } = new URL(message.url, 'http://localhost');
  const { method } = message;
  const headers = readHeaders(message);
  const claims = claimsOf(headers.first('authorization'));
  if (!isLoaded) throw new Refusal(503, 'PGRST002', 'Could not query the database for the schema cache. Retrying.');
  const body = await readBody(message);
  const name = nameIn(path);
  if (!['GET', 'HEAD', 'POST', 'OPTIONS'].includes(method)) throw new Refusal(405, 'PGRST101', `Cannot use the ${method} method on RPC`);
  const fn = await describe(name).catch((error) => {
    throw new Refusal(503, 'PGRST000', 'Database connection error.', { details: error.message });
  });
  const contentType = mediaType(headers.first('content-type') ?? 'application/json');
  const call = method === 'POST' ? callByPost(name, fn, contentType, body) : callByQuery(name, fn, query);
  if (method === 'OPTIONS') {
    return { status: 200, headers: { Allow: fn.isVolatile ? 'OPTIONS,POST' : 'OPTIONS,GET,HEAD,POST', 'Content-Length': 0 }, body: '' };
  }
  const type = negotiate(fn, headers.first('accept'));
  const handling = checkPreferences(headers);
  const request = { method, path, query, headers, claims, isRead: method !== 'POST' };
  return toAnswer(fn, type, handling, await run(request, fn, call), method === 'HEAD');
}

// The status of a SQLSTATE; the first that fits counts.
const statuses = [
  [403, /^(0L|0P|28)|^42501$/], [404, /^42883$|^42P01$/], [405, /^25006$/], [409, /^2350[35]$/], [400, /^P0001$/],
  [500, /^(09|21|25|2D|38|39|3B|40|54|55|58|F0|HV|XX|P0)|^42P17$|^53400$/], [503, /^(08|53)|^57P01$/], [500, /^57/],
  [400, /^/],
];

function statusOf({ code, message, status }, isAnonymous) {
  if (status) return status;
  if (/^PT\d\d\d$/.test(code)) return Number(code.slice(2));
  if (code === '42501' && isAnonymous) return 401;
  if (code === '22023' && /^role.*does not exist$/s.test(message)) return 401;
  return statuses.find(([, states]) => states.test(code))[0];
}

// Text that cannot be decoded is PostgREST's own failure, and its server
// reports it.
function toError(error, isAnonymous) {
  if (isUndecoded(error)) return { status: 500, headers: { 'Content-Type': 'text/plain; charset=utf-8' }, body: 'Something went wrong' };
  const { code = 'PGRST001', message, details = error.detail ?? null, hint = null, headers = {} } = error;
  const status = statusOf({ ...error, code, message }, isAnonymous);
  return {
    status,
    reason: code.startsWith('PT') && message,
    headers: {
      'Content-Type': 'application/json; charset=utf-8',
      'Proxy-Status': `PostgREST; error=${code}`,
      ...(status === 401 && { 'WWW-Authenticate': 'Bearer' }),
      ...(status === 503 && { 'Retry-After': '0' }),
      ...headers,
    },
    body: JSON.stringify({ code, message, details, hint }),
  };
}

// The message of PTxyz is the reason, line breaks and all.
function sendUnescaped({ socket }, { status, reason, headers, body }) {
  const lines = Object.entries({ ...headers, 'Content-Length': Buffer.byteLength(body), Connection: 'close' });
  socket.end([`HTTP/1.1 ${status} ${reason}`, ...lines.map((pair) => pair.join(': ')), '', body].join('\r\n'));
}

const asLatin1 = (text) => Buffer.from(String(text)).toString('latin1');

const server = createServer(async (message, response) => {
  const { status, reason, headers, body } = await answer(message).catch((error) =>
    toError(error, message.headers.authorization === undefined));
  if (reason && /[\r\n]/.test(reason)) return sendUnescaped(response, { status, reason, headers, body });
  const pairs = Object.entries(headers).flatMap(([name, value]) => [name, asLatin1(value)]);
  response.writeHead(status, ...(reason ? [asLatin1(reason)] : []), pairs).end(body);
});
server.listen(env.PGRST_SERVER_PORT ?? 3000, env.PGRST_SERVER_HOST ?? '127.0.0.1',
  () => console.log(server.address().port));
process.once('SIGTERM', () => server.close(() => process.exit()));
await load();
