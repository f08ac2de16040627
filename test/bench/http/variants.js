// What is measured: pgbeam behind a gateway, and an application that does the
// same by hand. PG* variables name the database.

import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';

export const org = 'org_http';
export const password = 'canary-password-Vq7R2x';

export const database = new pg.Client();
await database.connect();
export const ask = async (text, values) => (await database.query(text, values)).rows;
export const one = async (text, values) => Object.values((await ask(text, values))[0])[0];

// Keys of callers.

const base32 = '0123456789abcdefghjkmnpqrstvwxyz';
const randomText = (length) => Array.from(randomBytes(length), (byte) => base32[byte & 31]).join('');

async function makeAppKey({ schema }) {
	const id = `pbo_${randomText(26)}`;
	const key = `${id}_${randomText(52)}`;
	await ask(`INSERT INTO ${schema}.organizations (org_id, plan) VALUES ($1, 'enterprise')`, [org]);
	await ask(`INSERT INTO ${schema}.api_keys (id, org_id, digest) VALUES ($1, $2, $3)`,
		[id, org, createHash('sha256').update(key).digest()]);
	return key;
}

async function makePgbeamKey() {
	await ask(`SELECT pgbeam.set_organization($1, '{"plan": "enterprise"}')`, [org]);
	return one('SELECT key FROM pgbeam.create_api_key(org_id => $1)', [org]);
}

// Servers, which end with this process, and it with them.

const servers = [];
process.once('exit', () => servers.forEach((server) => server.kill()));
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));

function run(command, args, environment, output) {
	const server = spawn(command, args, {
		env: { ...process.env, ...environment },
		stdio: ['ignore', output, 'inherit'],
	});
	servers.push(server);
	server.once('error', stopped);
	server.once('exit', () => stopped(new Error('it ended')));
	return server;

	function stopped(error) {
		console.error(`${command} ${args.join(' ')}: ${error.message}`);
		process.exit(1);
	}
}

const startNode = (script, environment) => async () => {
	const server = run(process.execPath, [script], { NODE_ENV: 'production', PORT: '0', ...environment }, 'pipe');
	const [line] = await once(createInterface(server.stdout), 'line');
	return { port: Number(/\d+$/.exec(line)), pids: [server.pid] };
};

async function freePort() {
	const server = createServer().listen(0, '127.0.0.1');
	await once(server, 'listening');
	const { port } = server.address();
	await once(server.close(), 'close');
	return port;
}

async function untilAnswered(port) {
	for (let tries = 0; tries < 100; tries++) {
		const answer = await fetch(`http://127.0.0.1:${port}/v1/projects`, { method: 'POST' }).catch(() => undefined);
		if (answer?.status === 401) return;
		await sleep(100);
	}
	throw new Error('PostgREST behind nginx does not answer');
}

async function startPostgrest() {
	const inner = await freePort();
	const port = await freePort();
	await ask('CREATE ROLE bench_http');
	await ask("SELECT pgbeam.grant_access('bench_http', 'api')");
	writeFileSync('front.conf', readFileSync('../../../examples/postgrest/nginx.conf', 'utf8')
		.replace('127.0.0.1:3000', `127.0.0.1:${inner}`).replace('127.0.0.1:8080', `127.0.0.1:${port}`));
	const postgrest = run('postgrest', [], {
		PGRST_DB_URI: 'postgresql://', PGRST_DB_SCHEMAS: 'pgbeam', PGRST_DB_ANON_ROLE: 'bench_http',
		PGRST_SERVER_HOST: '127.0.0.1', PGRST_SERVER_PORT: String(inner), PGRST_LOG_LEVEL: 'crit',
	}, 'ignore');
	const folder = process.cwd();
	const nginx = run('nginx', ['-p', folder, '-e', 'stderr', '-c', `${folder}/front.conf`], {}, 'ignore');
	await untilAnswered(port);
	return { port, pids: [postgrest.pid, nginx.pid] };
}

const isHere = (command) => process.env.PATH.split(':').some((folder) => existsSync(`${folder}/${command}`));
export const hasPostgrest = isHere('postgrest') && isHere('nginx');

// The application's tables have been made (app.sql); its secrets are sealed
// under pgbeam's keys.
const keyring = await one('SHOW pgbeam.keyring_file');
const application = (title, form) => ({
	title, schema: form, makeKey: makeAppKey, start: startNode('app.js', { FORM: form, KEYRING: keyring }),
});

// The application keeps no access log, so the gateway keeps none here.
export const pgbeam = {
	title: 'pgbeam, Node gateway', schema: 'pgbeam', makeKey: makePgbeamKey,
	start: startNode('../../../examples/gateway/gateway.js', { ACCESS_LOG: 'off' }),
};
export const inTransaction = application('application, transaction', 'transaction');
export const inStatement = application('application, one statement', 'statement');
export const variants = [pgbeam, inTransaction, inStatement];
if (hasPostgrest)
	variants.push({ title: 'pgbeam, PostgREST, nginx', schema: 'pgbeam', makeKey: makePgbeamKey, start: startPostgrest });

export async function start(variant) {
	Object.assign(variant, { acknowledged: 0, rounds: [], key: await variant.makeKey(variant) }, await variant.start());
}
