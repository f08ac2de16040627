// The common part of the tests of credentials: a database of their own, calls
// through pgbeam.http() without any HTTP, and tokens signed with node:crypto.
import assert from 'node:assert/strict';
import { generateKeyPairSync, sign } from 'node:crypto';
import pg from 'pg';
import { refusalBody } from './asserts.js';

export const PASSWORD = 'canary-password-Vq7R2x';
export const ISSUER = 'https://auth.example.com';
export const UNKNOWN_PROJECT = 'prj_00000000000000000000000000';

// The servers' variables (PGHOST, PGUSER, ...) say where.
async function connect(options) {
  const client = new pg.Client(options);
  await client.connect();
  return client;
}

/*
 * A new database with the extension, and a login role that has api access and
 * nothing else. Both stay behind: the search for the canary reads them.
 */
export async function createDatabase(name, settings = {}) {
  const role = `${name}_api`;
  const server = await connect({ database: process.env.PGDATABASE ?? 'postgres' });
  let database;
  try {
    // One at a time: files of tests run side by side.
    await server.query('SELECT pg_advisory_lock(754)');
    await server.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
    await server.query(`DROP ROLE IF EXISTS ${role}`);
    await server.query(`CREATE DATABASE ${name} TEMPLATE template0 ENCODING 'UTF8'`);
    await server.query(`CREATE ROLE ${role} LOGIN`);
    database = new Database(name, role, await connect({ database: name }));
    await database.prepare();
    await database.set(settings);
    return database;
  } catch (error) {
    await database?.close();
    throw error;
  } finally {
    await server.end();
  }
}

class Database {
  constructor(name, role, admin) {
    this.name = name;
    this.role = role;
    this.admin = admin;
    this.clients = [admin];
  }

  async prepare() {
    await this.admin.query('CREATE EXTENSION pgbeam');
    const { rowCount } = await this.admin.query('SELECT FROM pgbeam.keyring()');
    if (rowCount === 0) await this.run('create_key');
    await this.admin.query("SELECT pgbeam.grant_access($1::text::regrole, 'http')", [this.role]);
  }

  // Settings apply to new connections.
  async set(settings) {
    for (const [setting, value] of Object.entries(settings)) {
      const literal = pg.escapeLiteral(value);
      await this.admin.query(`ALTER DATABASE ${this.name} SET pgbeam.${setting} = ${literal}`);
    }
  }

  async connect(options = {}) {
    const client = await connect({ database: this.name, user: this.role, ...options });
    this.clients.push(client);
    return client;
  }

  // One value of a function of pgbeam, called as the superuser.
  async run(name, ...values) {
    const places = values.map((_, i) => `$${i + 1}`).join(', ');
    const { rows } = await this.admin.query(`SELECT pgbeam.${name}(${places}) AS value`, values);
    return rows[0].value;
  }

  // Loads keys from an object, or from any text; returns how many are now
  // known.
  setJwks(jwks) {
    return this.run('set_jwks', typeof jwks === 'string' ? jwks : JSON.stringify(jwks));
  }

  async close() {
    await Promise.all(this.clients.map((client) => client.end()));
  }
}

// call(method, uri, headers, body) on one connection.
export function caller(client) {
  return async (method, uri, headers = {}, body = null) => {
    const text = body === null || Buffer.isBuffer(body) ? body : Buffer.from(JSON.stringify(body));
    const { rows } = await client.query(
      'SELECT status, headers, body FROM pgbeam.http($1, $2, $3, $4)',
      [method, uri, JSON.stringify(headers), text]);
    return rows[0];
  };
}

export const bearer = (token) => ({ Authorization: `Bearer ${token}` });
export const json = (headers) => ({ 'Content-Type': 'application/json', ...headers });

export function projectBody(name, organization) {
  return {
    name,
    org_id: organization,
    database: {
      host: 'db.example.com', port: 5432, name: 'mydb', username: 'app', password: PASSWORD,
    },
  };
}

// An answer without values that differ from request to request.
export function comparable({ status, headers, body }) {
  const { 'X-Request-Id': requestId, ...others } = headers;
  assert.match(requestId, /^[A-Za-z0-9._-]{1,128}$/);
  return { status, headers: others, body: body.replaceAll(requestId, '(request)') };
}

// The one answer to every credential that is not accepted.
export function assertUnauthorized(answer) {
  assert.equal(answer.status, 401, answer.body);
  assert.equal(answer.headers['WWW-Authenticate'], 'Bearer');
  assert.equal(answer.headers['Content-Type'], 'application/json');
  assert.equal(answer.body, JSON.stringify(refusalBody(401, 'UNAUTHORIZED', 'missing or invalid authentication',
    answer.headers['X-Request-Id'])));
}

// A part of a token: text and bytes unchanged, anything else as JSON.
export function part(content) {
  const asItIs = typeof content === 'string' || Buffer.isBuffer(content);
  return Buffer.from(asItIs ? content : JSON.stringify(content)).toString('base64url');
}

// [prefix: name, token] for each member.
export const named = (prefix, tokens) =>
  Object.entries(tokens).map(([name, token]) => [`${prefix}: ${name}`, token]);

export const now = () => Math.floor(Date.now() / 1000);

// One Ed25519 key, and tokens under it.
export class Signer {
  constructor(kid) {
    this.kid = kid;
    Object.assign(this, generateKeyPairSync('ed25519'));
    this.jwk = { ...this.publicKey.export({ format: 'jwk' }), kid };
  }

  header(changes = {}) {
    return { alg: 'EdDSA', kid: this.kid, ...changes };
  }

  claims(changes = {}) {
    const iat = now();
    return { iss: ISSUER, aud: ISSUER, sub: 'user_ada', iat, exp: iat + 600, ...changes };
  }

  signature(input) {
    return sign(null, Buffer.from(input), this.privateKey);
  }

  // Two parts, unchanged, with the signature that fits them.
  complete(input) {
    return `${input}.${part(this.signature(input))}`;
  }

  token(header = this.header(), claims = this.claims()) {
    return this.complete(`${part(header)}.${part(claims)}`);
  }
}
