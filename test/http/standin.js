// Stands in for PostgREST 14 where there is none: POST and GET /rpc/<function>
// for the functions that the tests call, as PostgREST was seen to answer. It
// takes PostgREST's own settings from the environment, so that either can be
// started the same way: PG*, PGRST_DB_SCHEMAS (one), PGRST_DB_ANON_ROLE,
// PGRST_JWT_SECRET (a JWK set), PGRST_SERVER_HOST, PGRST_SERVER_PORT.
import { createPublicKey, verify } from 'node:crypto';
import { createServer } from 'node:http';
import pg from 'pg';

const env = process.env;
const schema = env.PGRST_DB_SCHEMAS;
const pool = new pg.Pool({ types: { getTypeParser: () => (value) => value } });

class Refusal extends Error {
  constructor(status, code, message, headers = {}) {
    super(message);
    Object.assign(this, { status, code, headers });
  }
}

async function readBody(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks);
}

const quoted = (name) => `"${name.replaceAll('"', '""')}"`;

// A function's parameters and answer; there is one function of a name.
async function describe(name) {
  const { rows: [row] } = await pool.query(
    `SELECT array_to_json(coalesce(p.proargnames[1:p.pronargs], '{}')) AS names, p.pronargdefaults AS defaults,
            array_to_json(p.proargtypes::regtype[]::text[]) AS types, t.typname AS answer
       FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_type t ON t.oid = p.prorettype
      WHERE p.pronamespace = $1::regnamespace AND p.proname = $2`, [schema, name]);
  if (!row) return null;
  const names = JSON.parse(row.names);
  const types = JSON.parse(row.types);
  const required = names.slice(0, names.length - Number(row.defaults));
  return { name, names, types, required, answer: row.answer, unnamed: types.length === 1 && !names[0] ? types[0] : null };
}

const notFound = (name) => new Refusal(404, 'PGRST202',
  `Could not find the function ${schema}.${name} in the schema cache`);

// Only an array of objects with the same keys passes beside an object; a
// scalar becomes an empty array.
function checkPayload(body) {
  let text;
  let value;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body);
    value = JSON.parse(text);
  } catch {
    throw new Refusal(400, 'PGRST102', 'Empty or invalid json');
  }
  if (value === null || typeof value !== 'object') return '[]';
  const keys = (item) => JSON.stringify(Object.keys(item).sort());
  if (Array.isArray(value) && value.some((item) => item === null || typeof item !== 'object' ||
      Array.isArray(item) || keys(item) !== keys(value[0]))) {
    throw new Refusal(400, 'PGRST102', 'All object keys must match');
  }
  return text;
}

// The call as SQL: by one unnamed parameter, or by names.
function callWithBody(fn, contentType, body) {
  const target = `${quoted(schema)}.${quoted(fn.name)}`;
  if (fn.unnamed === 'bytea' && contentType === 'application/octet-stream') {
    return { text: `SELECT ${target}($1::bytea)`, values: [body] };
  }
  if (contentType !== 'application/json') throw notFound(fn.name);
  if (fn.unnamed === 'jsonb') {
    if (body.length === 0) throw new Refusal(400, '22P02', 'invalid input syntax for type json');
    return { text: `SELECT ${target}($1::jsonb)`, values: [checkPayload(body)] };
  }
  const payload = checkPayload(body);
  const columns = namedParameters(fn, Object.keys(JSON.parse(payload)));
  const record = columns.length === 0 ? '' :
    ` FROM pg_catalog.json_to_record($1) AS r(${columns.map(({ name, type }) => `${quoted(name)} ${type}`)})`;
  return {
    text: `SELECT ${target}(${columns.map(({ name }) => `${quoted(name)} => r.${quoted(name)}`)})${record}`,
    values: columns.length === 0 ? [] : [payload],
  };
}

// Those given; what has a default may be left out.
function namedParameters(fn, keys) {
  if (fn.unnamed || !keys.every((name) => fn.names.includes(name)) ||
      !fn.required.every((name) => keys.includes(name))) {
    throw notFound(fn.name);
  }
  return keys.map((name) => ({ name, type: fn.types[fn.names.indexOf(name)] }));
}

function callWithQuery(fn, target, given) {
  const columns = namedParameters(fn, Object.keys(given));
  return {
    text: `SELECT ${target}(${columns.map(({ name, type }, i) => `${quoted(name)} => $${i + 1}::${type}`)})`,
    values: columns.map(({ name }) => given[name]),
  };
}

// The claims of a bearer token; without one the caller is anonymous.
function claimsOf(authorization) {
  const token = /^Bearer (.*)$/i.exec(authorization ?? '')?.[1];
  if (token === undefined) return {};
  if (!env.PGRST_JWT_SECRET) throw new Refusal(500, 'PGRST300', 'Server lacks JWT secret');
  const refuse = (code, message) => new Refusal(401, code, message,
    { 'WWW-Authenticate': `Bearer error="invalid_token", error_description="${message}"` });
  const parts = token.split('.');
  if (parts.length !== 3) throw refuse('PGRST301', `Expected 3 parts in JWT; got ${parts.length}`);
  const [header, claims] = parts.slice(0, 2).map((part) => JSON.parse(Buffer.from(part, 'base64url')));
  const { keys } = JSON.parse(env.PGRST_JWT_SECRET);
  const signed = Buffer.from(`${parts[0]}.${parts[1]}`);
  const fits = (key) => (header.kid === undefined || header.kid === key.kid) && header.alg === 'EdDSA' &&
    verify(null, signed, createPublicKey({ key, format: 'jwk' }), Buffer.from(parts[2], 'base64url'));
  if (!keys.some(fits)) throw refuse('PGRST301', 'No suitable key or wrong key type');
  if (claims.exp !== undefined && claims.exp + 30 < Date.now() / 1000) throw refuse('PGRST303', 'JWT expired');
  return claims;
}

// What the function finds about its request, for this transaction only.
function settings(request, path, claims) {
  const { cookie, ...headers } = request.headers;
  return Object.entries({
    search_path: `${quoted(schema)}, "public"`,
    role: claims.role ?? env.PGRST_DB_ANON_ROLE,
    'request.jwt.claims': JSON.stringify(claims),
    'request.method': request.method,
    'request.path': path,
    'request.headers': JSON.stringify(headers),
    'request.cookies': '{}',
  });
}

async function inTransaction(readOnly, work) {
  const client = await pool.connect();
  try {
    await client.query(`BEGIN ISOLATION LEVEL READ COMMITTED ${readOnly ? 'READ ONLY' : 'READ WRITE'}`);
    const result = await work(client);
    await client.query('COMMIT');
    return result;
  } catch (error) {
    await client.query('ROLLBACK');
    throw error;
  } finally {
    client.release();
  }
}

async function run(request, path, claims, call) {
  return inTransaction(request.method === 'GET', async (client) => {
    const pairs = settings(request, path, claims);
    await client.query(`SELECT ${pairs.map((_, i) => `set_config($${2 * i + 1}, $${2 * i + 2}, true)`)}`, pairs.flat());
    const { rows: [[result]] } = await client.query({ ...call, rowMode: 'array' });
    const { rows: [response] } = await client.query(
      `SELECT nullif(current_setting('response.status', true), '') AS status,
              nullif(current_setting('response.headers', true), '') AS headers`);
    return { result, ...response };
  });
}

function responseHeaders(text) {
  const list = text === null ? [] : JSON.parse(text);
  if (!Array.isArray(list)) {
    throw new Refusal(500, 'PGRST111', 'response.headers guc must be a JSON array of objects with a single key');
  }
  return Object.assign({}, ...list);
}

function toAnswer(fn, { result, status, headers }) {
  if (status !== null && !/^\d+$/.test(status)) {
    throw new Refusal(500, 'PGRST112', 'response.status guc must be a valid status code');
  }
  const raw = fn.answer === '*/*';
  const code = Number(status ?? (fn.answer === 'void' ? 204 : 200));
  const type = raw ? 'application/octet-stream' : 'application/json; charset=utf-8';
  const body = raw ? Buffer.from((result ?? '\\x').slice(2), 'hex') : Buffer.from(result ?? 'null');
  const own = Object.entries({ 'Content-Type': type, 'Content-Length': body.length });
  const set = responseHeaders(headers);
  const isSet = (name) => Object.keys(set).some((other) => other.toLowerCase() === name.toLowerCase());
  return {
    status: code,
    headers: { ...Object.fromEntries(own.filter(([name]) => !isSet(name))), ...set },
    body: code === 204 || code === 304 ? '' : body,
  };
}

async function answer(request) {
  const url = new URL(request.url, 'http://localhost');
  const name = /^\/rpc\/([^/]+)$/.exec(url.pathname)?.[1];
  if (name === undefined) throw new Refusal(404, 'PGRST125', 'Invalid path specified in request URL');
  if (!['GET', 'POST'].includes(request.method)) {
    throw new Refusal(405, 'PGRST101', `Cannot use the ${request.method} method on RPC`);
  }
  const body = await readBody(request);
  const claims = claimsOf(request.headers.authorization);
  const fn = await describe(name);
  if (!fn) throw notFound(name);
  if (fn.answer !== '*/*' && !/\*\/\*|application\/(\*|json)/.test(request.headers.accept ?? '*/*')) {
    throw new Refusal(406, 'PGRST107', `None of these media types are available: ${request.headers.accept}`);
  }
  const contentType = (request.headers['content-type'] ?? 'application/json').split(';')[0].trim().toLowerCase();
  const call = request.method === 'GET'
    ? callWithQuery(fn, `${quoted(schema)}.${quoted(name)}`, Object.fromEntries(url.searchParams))
    : callWithBody(fn, contentType, body);
  return toAnswer(fn, await run(request, url.pathname, claims, call));
}

// The status of a SQLSTATE; the first that fits counts.
const statuses = [
  [403, /^(0L|0P|28)|^42501$/], [404, /^42883$|^42P01$/], [405, /^25006$/], [409, /^2350[35]$/], [400, /^P0001$/],
  [500, /^(09|25|2D|38|39|3B|40|54|55|58|F0|HV|XX|P0|PG)|^42P17$|^53400$/], [503, /^(08|53)|^57P01$/], [500, /^57/],
  [400, /^/],
];

// PostgREST retries 40001 and 40P01 for ever; here a test fails at once.
function toError(error, anonymous) {
  const { code = 'PGRST000', message, detail = null, hint = null, status, headers = {} } = error;
  const asked = /^PT(\d\d\d)$/.exec(code)?.[1];
  let found = status ?? asked ?? statuses.find(([, states]) => states.test(code))[0];
  if (code === '42501' && anonymous) found = 401;
  return {
    status: Number(found),
    reason: asked && message,
    headers: {
      'Content-Type': 'application/json; charset=utf-8',
      ...(Number(found) === 401 && { 'WWW-Authenticate': 'Bearer' }),
      ...headers,
    },
    body: JSON.stringify({ code, details: detail, hint, message }),
  };
}

const server = createServer(async (request, response) => {
  const { status, reason, headers, body } = await answer(request).catch((error) =>
    toError(error, request.headers.authorization === undefined));
  response.writeHead(status, ...(reason ? [reason] : []), headers).end(body);
});
server.listen(env.PGRST_SERVER_PORT ?? 3000, env.PGRST_SERVER_HOST ?? '127.0.0.1',
  () => console.log(server.address().port));
process.once('SIGTERM', () => server.close(() => pool.end()));
