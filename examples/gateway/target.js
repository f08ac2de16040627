// Where the database is, by the PG* variables of libpq: the driver knows fewer
// of them, and means something else by some. One that cannot be obeyed ends
// the start, in one line: it may be what was to keep the connection safe.
import { readFileSync, statSync } from 'node:fs';
import { isIP } from 'node:net';
import { userInfo } from 'node:os';
import { checkServerIdentity, createSecureContext } from 'node:tls';
import readPasswordFile from 'pgpass';

export const obeyed = ['PGHOST', 'PGHOSTADDR', 'PGPORT', 'PGDATABASE', 'PGUSER', 'PGPASSWORD', 'PGPASSFILE', 'PGSSLMODE', 'PGSSLROOTCERT',
  'PGSSLCERT', 'PGSSLKEY', 'PGCONNECT_TIMEOUT', 'PGAPPNAME', 'PGOPTIONS'];

// Refused, but for the value that asks for what is done anyway.
export const refused = {
  PGSERVICE: null, PGREQUIREAUTH: null, PGREQUIREPEER: null, PGREQUIRESSL: '0', PGCHANNELBINDING: 'prefer', PGSSLNEGOTIATION: 'postgres',
  PGSSLCOMPRESSION: '0', PGSSLCERTMODE: 'allow', PGSSLCRL: null, PGSSLCRLDIR: null, PGSSLSNI: '1', PGSSLMINPROTOCOLVERSION: 'TLSv1.2',
  PGSSLMAXPROTOCOLVERSION: null, PGMINPROTOCOLVERSION: '3.0', PGMAXPROTOCOLVERSION: null, PGGSSENCMODE: 'disable', PGGSSDELEGATION: '0',
  PGGSSLIB: null, PGKRBSRVNAME: null, PGTARGETSESSIONATTRS: 'any', PGLOADBALANCEHOSTS: 'disable', PGCLIENTENCODING: 'UTF8',
  PGDATESTYLE: null, PGTZ: null, PGGEQO: null,
};

const modes = ['disable', 'prefer', 'require', 'verify-ca', 'verify-full'];

function refuseOthers(given) {
  for (const [name, value] of Object.entries(refused)) {
    if (given(name) === undefined || given(name) === value) continue;
    throw new Error(`${name} is ${value === null ? 'not supported' : `supported only as "${value}"`}: unset it`);
  }
  for (const name of ['PGHOST', 'PGHOSTADDR', 'PGPORT']) {
    if (given(name)?.includes(',')) throw new Error(`${name} names several servers, and only one is supported`);
  }
}

function readInteger(given, name, fallback, least, most) {
  const text = given(name) ?? String(fallback);
  if (/^\d{1,9}$/.test(text) && Number(text) >= least && Number(text) <= most) return Number(text);
  throw new Error(`${name} is ${least} to ${most}, not "${text}"`);
}

function readFileOf(given, name) {
  if (given(name) === undefined) return undefined;
  try {
    return readFileSync(given(name));
  } catch (error) {
    throw new Error(`${name}: ${error.message}`);
  }
}

// A file that would have no say is refused: somebody trusts that it has one.
function readTls(given, name, isSocket) {
  const mode = given('PGSSLMODE') ?? 'prefer';
  const root = given('PGSSLROOTCERT');
  if (!modes.includes(mode)) throw new Error(`PGSSLMODE is one of ${modes.join(', ')}, not "${mode}"`);
  if (root === 'system' && mode !== 'verify-full') throw new Error('PGSSLROOTCERT=system needs PGSSLMODE=verify-full');
  if (root !== undefined && ['disable', 'prefer'].includes(mode)) {
    throw new Error('PGSSLROOTCERT needs PGSSLMODE=require, verify-ca or verify-full');
  }
  if (mode === 'disable' || isSocket) return { mode, ssl: false };
  const ssl = {
    ...(root !== 'system' && { ca: readFileOf(given, 'PGSSLROOTCERT') }),
    cert: readFileOf(given, 'PGSSLCERT'),
    key: readFileOf(given, 'PGSSLKEY'),
    rejectUnauthorized: root !== undefined || mode.startsWith('verify'),
    checkServerIdentity: (_, certificate) => mode === 'verify-full' ? checkServerIdentity(name, certificate) : undefined,
    ...(!isIP(name) && { servername: name }),
  };
  try {
    createSecureContext(ssl);
  } catch (error) {
    throw new Error(`PGSSLROOTCERT, PGSSLCERT or PGSSLKEY is of no use: ${error.message}`);
  }
  return { mode, ssl };
}

// The file is read for each connection, so a new password needs no restart.
function readPassword(given, entry) {
  if (given('PGPASSWORD') !== undefined) return given('PGPASSWORD');
  const file = given('PGPASSFILE');
  if (file !== undefined) {
    readFileOf(given, 'PGPASSFILE');
    if (statSync(file).mode & 0o77) throw new Error('PGPASSFILE may be open to its owner alone: chmod 600');
  }
  return () => new Promise((resolve) => readPasswordFile(entry, resolve));
}

/** The driver's configuration, with the mode and a name for messages. */
export function readTarget(environment) {
  const given = (name) => environment[name] || undefined;
  refuseOthers(given);
  const name = given('PGHOST') ?? given('PGHOSTADDR') ?? 'localhost';
  const port = readInteger(given, 'PGPORT', 5432, 1, 65535);
  const user = given('PGUSER') ?? userInfo().username;
  const database = given('PGDATABASE') ?? user;
  const isSocket = name.startsWith('/') && given('PGHOSTADDR') === undefined;
  return {
    where: isSocket ? `${name}/.s.PGSQL.${port}` : `${name} port ${port}`,
    host: given('PGHOSTADDR') ?? name,
    port, user, database,
    password: readPassword(given, { host: name, port, database, user }),
    ...readTls(given, name, isSocket),
    connectionTimeoutMillis: 1000 * readInteger(given, 'PGCONNECT_TIMEOUT', 5, 0, 3600),
    application_name: given('PGAPPNAME') ?? 'pgbeam-gateway',
    options: given('PGOPTIONS'),
  };
}
