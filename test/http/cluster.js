// A database cluster for one test, for cases that the shared one cannot show:
// TLS, passwords, a preloaded library, PgBouncer.
import { execFile } from 'node:child_process';
import { chownSync, mkdirSync, mkdtempSync, statSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { promisify } from 'node:util';
import pg from 'pg';
import { freePort, start, until } from './support.js';

// No server runs as root: these belong to the user of the shared one.
const { uid, gid } = statSync(process.env.PGHOST);

function makeFolder() {
  const folder = mkdtempSync(join(tmpdir(), 'pgbeam-cluster.'));
  mkdirSync(join(folder, 'keys'), { mode: 0o700 });
  for (const path of [folder, join(folder, 'keys')]) chownSync(path, uid, gid);
  return folder;
}

const runIn = (cwd, command, args) => promisify(execFile)(command, args, { cwd, uid, gid });

/**
 * A certificate authority and its certificates: the server's, for
 * db.example.com, and that of a client named http_certified.
 */
async function makeCertificates(folder) {
  const openssl = (...args) => runIn(folder, 'openssl', args);
  const make = async (name, subject, extension) => {
    const request = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj', `/CN=${subject}`,
      '-keyout', `${name}.key`, '-out', `${name}.crt`];
    await openssl(...request, ...(extension ? ['-addext', extension, '-CA', 'root.crt', '-CAkey', 'root.key'] : []));
  };
  await make('root', 'an authority');
  await make('other', 'another authority');
  await make('server', 'db.example.com', 'subjectAltName=DNS:db.example.com');
  await make('client', 'http_certified', 'extendedKeyUsage=clientAuth');
}

/**
 * The superuser connects by the socket; hba has the other rules. A server may
 * have been built without TLS.
 */
export async function startCluster(hba, settings = '') {
  const folder = makeFolder();
  await makeCertificates(folder);
  await runIn(folder, 'initdb', ['-D', 'data', '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C.UTF-8', '-N']);
  const hasTls = (await runIn(folder, 'postgres', ['-D', 'data', '-C', 'ssl_library'])).stdout.trim() !== '';
  const port = await freePort();
  writeFileSync(join(folder, 'data/pg_hba.conf'), `local all postgres trust\n${hasTls ? hba : hba.replaceAll(/^ *hostssl.*/gm, '')}`);
  writeFileSync(join(folder, 'data/postgresql.auto.conf'), `
    listen_addresses = '127.0.0.1'
    port = ${port}
    unix_socket_directories = '${folder}'
    fsync = off
    ssl = ${hasTls}
    ssl_cert_file = '${folder}/server.crt'
    ssl_key_file = '${folder}/server.key'
    ssl_ca_file = '${folder}/root.crt'
    pgbeam.keyring_file = '${folder}/keys/keyring'
    ${settings}`);
  const server = start('postgres', ['-D', join(folder, 'data')], {}, { uid, gid, signal: 'SIGINT' });
  const pool = new pg.Pool({ host: folder, port, user: 'postgres', database: 'postgres', max: 1 });
  pool.on('error', () => {});
  const sql = async (text, ...values) => (await pool.query({ text, values, rowMode: 'array' })).rows[0]?.[0];
  await until(async () => await sql('SELECT 1').catch(() => 0) === 1, 'a server that answers')
    .catch((error) => { throw new Error(server.log(), { cause: error }); });
  const stop = async () => {
    await pool.end();
    await server.stop();
    await rm(folder, { recursive: true });
  };
  after(stop);
  return { folder, port, sql, hasTls, file: (name) => join(folder, name) };
}

/**
 * PgBouncer in transaction mode before a cluster, with two connections to it;
 * prepared statements do not last there, as in all of before 1.21.
 */
export async function startPgbouncer(cluster, users) {
  const port = await freePort();
  writeFileSync(cluster.file('users.txt'), users.map(([user, password]) => `"${user}" "${password}"\n`).join(''));
  writeFileSync(cluster.file('pgbouncer.ini'), `
[databases]
* = host=${cluster.folder} port=${cluster.port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = plain
auth_file = ${cluster.file('users.txt')}
pool_mode = transaction
max_prepared_statements = 0
default_pool_size = 2
`);
  const server = start('pgbouncer', [cluster.file('pgbouncer.ini')], {}, { uid, gid, signal: 'SIGINT' });
  await until(() => server.log().includes('process up'), 'PgBouncer');
  return { ...server, port };
}
