// The database behind the gateway: a pool of connections that outlives
// whatever the driver, the server and what stands between them do.
import { createHash } from 'node:crypto';
import pg from 'pg';
import { Call } from './call.js';
import { Client } from './client.js';

const text = `SELECT status, headers, body FROM pgbeam.http($1, $2, $3, $4)`;

// Its own for its text: behind a pooler others' statements have names too.
const statement = `pgbeam_${createHash('sha256').update(text).digest('hex').slice(0, 16)}`;

// Where a name has several addresses, each has an error of its own.
const wordsOf = (error) => error.errors?.map(wordsOf).join('; ') ?? error.message;

function whyNotConnected(error, { user, where }) {
  const words = /SASL.*password must be/.test(error.message) ? 'a password is needed: set PGPASSWORD or PGPASSFILE' : wordsOf(error);
  return new Error(`cannot connect to ${where} as ${user}: ${words}`, { cause: error });
}

function whyNotUsable(error, { database, user, where }) {
  if (/^(3F000|42883)$/.test(error.code)) return new Error(`database ${database} has no pgbeam: CREATE EXTENSION pgbeam`);
  if (error.code === '42501') {
    return new Error(`${user} may not call pgbeam.http: SELECT pgbeam.grant_access('${user.replaceAll("'", "''")}', 'http')`);
  }
  return new Error(`cannot use database ${database} at ${where}: ${wordsOf(error)}`);
}

// The pool throws a connection away whose statement failed, for nobody knows
// what state it is in (25P02).
function makePool(target, { POOL_SIZE, QUERY_TIMEOUT }) {
  const pool = new pg.Pool({ ...target, Client, max: POOL_SIZE, keepAlive: true, query_timeout: 1000 * QUERY_TIMEOUT });
  pool.on('error', (error) => console.error(`idle connection: ${error.code ?? error.message}`));
  return pool;
}

async function connect(target, settings) {
  const pool = makePool(target, settings);
  const client = await pool.connect().catch((error) => { throw whyNotConnected(error, target); });
  try {
    await client.query("SELECT FROM pgbeam.http('OPTIONS', '/', '{}', NULL)");
  } catch (error) {
    throw whyNotUsable(error, target);
  } finally {
    client.release();
  }
  return pool;
}

// PGSSLMODE=prefer is decided here, once.
async function connectAsPreferred(target, settings) {
  try {
    return await connect(target, settings);
  } catch (error) {
    if (target.mode !== 'prefer' || !/does not support SSL/.test(error.cause?.message)) throw error;
    return connect({ ...target, ssl: false }, settings);
  }
}

/** A wrong database, role or right is told here, not to the first client. */
export async function openDatabase(target, settings) {
  const pool = await connectAsPreferred(target, settings);
  let name = statement;

  const ask = (call) => pool.query(new Call(call));

  // A pooler may lead each statement to another server, where the name is
  // unknown, or known already. Nothing was done then; from then on there is no
  // name, which costs the server a parse a request.
  async function callRouter(...values) {
    const tried = name;
    try {
      return await ask({ name: tried, text, values });
    } catch (error) {
      if (tried === undefined || !/^(26000|42P05)$/.test(error.code)) throw error;
      if (name !== undefined) console.error('prepared statements do not last here: going on without');
      name = undefined;
      return ask({ text, values });
    }
  }
  return { callRouter, end: () => pool.end() };
}
