// createProject as an application does it by hand, the opponent of pgbeam's
// router. FORM says how it writes: 'transaction' (BEGIN, three INSERTs,
// COMMIT) or 'statement' (the three INSERTs as one statement); its tables are
// in the schema of that name. KEYRING is the file with its keys; PG* variables
// name the database, HOST and PORT where to listen.

import { createHash, randomFillSync, randomUUID, timingSafeEqual } from 'node:crypto';
import { readFileSync } from 'node:fs';
import Ajv from 'ajv';
import fastify from 'fastify';
import pg from 'pg';
import sodium from 'sodium-native';

const { FORM, KEYRING, HOST, PORT } = process.env;

const pool = new pg.Pool({ options: `-c search_path=${FORM}` });
pool.on('error', (error) => console.error('idle connection:', error.message));

// What is wrong with a request, as the API words it.

class Refusal extends Error {
	constructor(status, code, message, errors) {
		super(message);
		Object.assign(this, { status, code, errors });
	}
}

const unauthorized = () => new Refusal(401, 'UNAUTHORIZED', 'missing or invalid authentication');

// Who calls: the organization of an API key, found by the public part of the
// key. The secret part is compared by its digest, in constant time.

const findKey = {
	name: 'find-key',
	text: `SELECT k.digest, o.org_id, o.plan, o.max_projects, o.max_connections,
			o.queries_per_second, o.burst_size, o.suspended
		FROM api_keys AS k JOIN organizations AS o ON o.org_id = k.org_id
		WHERE k.id = $1 AND k.revoked_at IS NULL
			AND (k.expires_at IS NULL OR k.expires_at > now())`,
};

const keyForm = /^(pbo_[0-9a-z]{26})_[0-9a-z]{52}$/;

async function authenticate(request) {
	const { authorization, 'x-api-key': bare } = request.headers;
	const token = authorization === undefined ? bare : /^Bearer +(.*)$/i.exec(authorization)?.[1];
	const publicPart = keyForm.exec(token ?? '')?.[1];
	if (publicPart === undefined) throw unauthorized();
	const { rows: [key] } = await pool.query(findKey, [publicPart]);
	const digest = createHash('sha256').update(token).digest();
	if (key === undefined || !timingSafeEqual(key.digest, digest)) throw unauthorized();
	if (key.suspended) throw new Refusal(403, 'FORBIDDEN', 'the organization is suspended');
	request.organization = key;
}

// Plans: an organization's own limits go before its plan's; 0 is no limit.

const plans = {
	starter: { max_projects: 5, max_connections: 20, queries_per_second: 10, burst_size: 0 },
	pro: { max_projects: 20, max_connections: 100, queries_per_second: 50, burst_size: 0 },
	scale: { max_projects: 100, max_connections: 500, queries_per_second: 250, burst_size: 0, self_hosting: true },
	enterprise: { self_hosting: true },
};

const limit = (organization, name) => organization[name] ?? plans[organization.plan]?.[name] ?? 0;

const maySelfHost = ({ plan }) => plan === null || plans[plan].self_hosting;

// The body's rules. Members that are null are absent, unless required.

const isText = (text) => !text.includes('\0') && text.isWellFormed();
const isPrintable = (text) => isText(text) && !/[\u0001-\u001f\u007f-\u009f]/.test(text);
const isHost = (text) => isPrintable(text) && !/^[/@]|[\s,]/.test(text);

const text = (limits) => ({ type: 'string', format: 'text', ...limits });
const word = (...words) => ({ type: 'string', enum: words });
const integer = (minimum, maximum) => ({ type: 'integer', minimum, maximum });
const boolean = { type: 'boolean' };

const optional = (schema) => ({
	...schema,
	nullable: true,
	...(schema.enum && { enum: [...schema.enum, null] }),
});

const object = (required, other) => ({
	type: 'object',
	required: Object.keys(required),
	properties: {
		...required,
		...Object.fromEntries(Object.entries(other).map(([name, schema]) => [name, optional(schema)])),
	},
});

const databaseSchema = object({
	host: { type: 'string', minLength: 1, format: 'host' },
	port: integer(1, 65535),
	name: { type: 'string', minLength: 1, format: 'printable' },
	username: { type: 'string', minLength: 1, format: 'printable' },
	password: text({ minLength: 1 }),
}, {
	ssl_mode: word('disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full'),
	role: word('primary', 'replica'),
	pool_region: text({ maxLength: 255 }),
	query_timeout_ms: integer(0, 300000),
	auto_read_routing: boolean,
	cache_config: object({}, {
		enabled: boolean,
		ttl_seconds: integer(0, 86400),
		max_entries: integer(0, 1000000),
		swr_seconds: integer(0, 86400),
	}),
	pool_config: object({}, {
		pool_size: integer(1, 10000),
		min_pool_size: integer(1, 10000),
		pool_mode: word('session', 'transaction', 'statement'),
		max_active: integer(1, 10000),
	}),
});

const validate = new Ajv({
	allErrors: true,
	formats: { text: isText, printable: isPrintable, host: isHost },
}).compile(object({
	name: text({ minLength: 1, maxLength: 100 }),
	org_id: text({ minLength: 1, maxLength: 255 }),
	database: databaseSchema,
}, {
	description: text({ maxLength: 500 }),
	tags: { type: 'array', maxItems: 10, items: text({ maxLength: 50 }) },
	cloud: word('aws', 'azure', 'gcp'),
	self_hosted: boolean,
}));

function problemOf({ instancePath, keyword, params, message }) {
	const path = instancePath.slice(1).replace(/\/(\d+)/g, '[$1]').replaceAll('/', '.');
	if (keyword !== 'required') return { field: path, detail: message };
	return { field: path ? `${path}.${params.missingProperty}` : params.missingProperty, detail: 'is required' };
}

function invalid(problems) {
	const [{ field, detail }] = problems;
	return new Refusal(400, 'INVALID_INPUT', `${field} ${detail}`.trimStart(), problems);
}

// The two resources as they are stored, but for ids, host and secret.

function readDatabase(body) {
	const cache = body.cache_config ?? {};
	const pool = body.pool_config ?? {};
	return {
		host: body.host,
		port: body.port,
		name: body.name,
		username: body.username,
		ssl_mode: body.ssl_mode ?? 'verify-full',
		role: body.role ?? 'primary',
		pool_region: body.pool_region || null,
		query_timeout_ms: body.query_timeout_ms ?? null,
		auto_read_routing: body.auto_read_routing ?? null,
		cache_enabled: cache.enabled ?? true,
		cache_ttl_seconds: cache.ttl_seconds ?? 60,
		cache_max_entries: cache.max_entries ?? 10000,
		cache_swr_seconds: cache.swr_seconds ?? 30,
		pool_size: pool.pool_size ?? 10,
		min_pool_size: pool.min_pool_size ?? 1,
		pool_mode: pool.pool_mode ?? 'session',
		max_active: pool.max_active ?? 200,
	};
}

function readBody(body) {
	if (!validate(body)) throw invalid(validate.errors.map(problemOf));
	const database = readDatabase(body.database);
	if (database.min_pool_size > database.pool_size)
		throw invalid([{ field: 'database.pool_config.min_pool_size', detail: 'must not be greater than pool_size' }]);
	const project = {
		org_id: body.org_id,
		name: body.name,
		description: body.description || null,
		tags: body.tags ?? [],
		cloud: body.cloud ?? 'aws',
		self_hosted: body.self_hosted ?? false,
	};
	return { project, database };
}

// Random bytes, drawn from the system many at a time and never used twice.

const drawn = Buffer.alloc(4096);
let used = drawn.length;

function randomInto(bytes) {
	if (used + bytes.length > drawn.length) {
		randomFillSync(drawn);
		used = 0;
	}
	drawn.copy(bytes, 0, used, used + bytes.length);
	drawn.fill(0, used, used + bytes.length);
	used += bytes.length;
	return bytes;
}

// Ids: UUIDs of version 7, spelled as TypeIDs.

const base32 = '0123456789abcdefghjkmnpqrstvwxyz';

function uuid7(now) {
	const id = randomInto(Buffer.allocUnsafe(16));
	id.writeUIntBE(now, 0, 6);
	id[6] = (id[6] & 0x0f) | 0x70;
	id[8] = (id[8] & 0x3f) | 0x80;
	return id;
}

function typeid(prefix, id) {
	let spelled = `${prefix}_${base32[id[0] >> 5]}${base32[id[0] & 31]}`;
	for (let i = 1; i < 16; i += 5) {
		const high = id[i] * 4096 + id[i + 1] * 16 + (id[i + 2] >> 4);
		const low = (id[i + 2] & 15) * 65536 + id[i + 3] * 256 + id[i + 4];
		spelled += base32[high >> 15] + base32[high >> 10 & 31] + base32[high >> 5 & 31] + base32[high & 31] +
			base32[low >> 15] + base32[low >> 10 & 31] + base32[low >> 5 & 31] + base32[low & 31];
	}
	return spelled;
}

// Hosts: a label from the project's name, with random characters behind it
// where that is taken.

const labelOf = (name) =>
	name.replace(/[A-Z]+/g, (letters) => letters.toLowerCase()).replace(/[^a-z0-9]+/g, '-')
		.replace(/^-/, '').slice(0, 54).replace(/-$/, '') || 'p';

function hostOf({ name, cloud }, attempt) {
	const label = labelOf(name);
	if (attempt === 0) return `${label}.${cloud}.pgbeam.app`;
	const suffix = Array.from(randomInto(Buffer.alloc(6)), (byte) => base32[byte & 31]).join('');
	return `${label}-${suffix}.${cloud}.pgbeam.app`;
}

// Secrets, sealed as pgbeam seals them: version, kind, key id, nonce, and the
// padded password under XChaCha20-Poly1305, bound to its row.

const PADDING = 64;
const NONCE = sodium.crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
const TAG = sodium.crypto_aead_xchacha20poly1305_ietf_ABYTES;

const [keyId, key] = readFileSync(KEYRING, 'latin1').split('\n')
	.filter((line) => line && !line.startsWith('#')).at(-1)
	.split(' ').map((hex) => Buffer.from(hex, 'hex'));
const header = Buffer.from([1, 1, ...keyId]);
const generation = Buffer.from([1, 0, 0, 0]);
const purpose = Buffer.from('database.password');

function lengthPrefixed(parts) {
	const data = Buffer.allocUnsafe(parts.reduce((size, part) => size + 4 + part.length, 0));
	let at = 0;
	for (const part of parts) {
		at = data.writeUInt32LE(part.length, at);
		at += part.copy(data, at);
	}
	return data;
}

function seal(password, org, project, database) {
	const size = Buffer.byteLength(password);
	const padded = Buffer.alloc(size + PADDING - size % PADDING);
	padded.write(password);
	padded[size] = 0x80;
	const sealed = Buffer.allocUnsafe(header.length + NONCE + padded.length + TAG);
	header.copy(sealed);
	const nonce = randomInto(sealed.subarray(header.length, header.length + NONCE));
	sodium.crypto_aead_xchacha20poly1305_ietf_encrypt(sealed.subarray(header.length + NONCE), padded,
		lengthPrefixed([purpose, Buffer.from(org), project, database, generation]), null, nonce, key);
	padded.fill(0);
	return sealed;
}

// What is written, either way: host, project, database.

const hostColumns = 'host, org_id, project_id, kind';
const projectColumns = `id, org_id, name, description, tags, cloud, self_hosted, proxy_host,
	allowed_cidrs, allowed_cidr_labels, residency, agents_disabled, database_count, status, created_at, updated_at`;
const databaseColumns = `id, org_id, project_id, host, port, name, username, password_sealed,
	password_generation, ssl_mode, role, pool_region, query_timeout_ms, auto_read_routing,
	cache_enabled, cache_ttl_seconds, cache_max_entries, cache_swr_seconds,
	pool_size, min_pool_size, pool_mode, max_active, route, created_at, updated_at`;

const insertHost = {
	name: 'insert-host',
	text: `INSERT INTO hosts (${hostColumns}) VALUES ($1, $2, $3, 'proxy') ON CONFLICT (host) DO NOTHING`,
};

const insertProject = {
	name: 'insert-project',
	text: `INSERT INTO projects (${projectColumns})
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, '{}', '{}', NULL, NULL, 1, 'active', $9, $9)`,
};

const insertDatabase = {
	name: 'insert-database',
	text: `INSERT INTO databases (${databaseColumns})
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 1, $9, $10, $11, $12, $13,
			$14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $23)`,
};

const insertAll = {
	name: 'insert-all',
	text: `WITH host AS (
			INSERT INTO hosts (${hostColumns}) VALUES ($1, $2, $3, 'proxy')
			ON CONFLICT (host) DO NOTHING RETURNING host
		), project AS (
			INSERT INTO projects (${projectColumns})
			SELECT $3, $2, $4, $5, $6, $7, $8, $1, '{}', '{}', NULL, NULL, 1, 'active', $9, $9
			FROM host RETURNING id
		)
		INSERT INTO databases (${databaseColumns})
		SELECT $10, $2, $3, $11, $12, $13, $14, $15, 1, $16, $17, $18, $19, $20,
			$21, $22, $23, $24, $25, $26, $27, $28, $29, $9, $9
		FROM project`,
};

const projectMembers = ({ name, description, tags, cloud, self_hosted }) =>
	[name, description, tags, cloud, self_hosted];

const databaseMembers = (d, { cloud }) => [d.host, d.port, d.name, d.username, d.sealed, d.ssl_mode, d.role,
	d.pool_region, d.query_timeout_ms, d.auto_read_routing, d.cache_enabled, d.cache_ttl_seconds,
	d.cache_max_entries, d.cache_swr_seconds, d.pool_size, d.min_pool_size, d.pool_mode, d.max_active,
	`${cloud}.${d.name}`];

// Each returns whether the host was free; a name that is taken is an error.
const writers = {
	async transaction(client, host, { project, database, at }) {
		const { org_id } = project;
		const { rowCount } = await client.query(insertHost, [host, org_id, project.uuid]);
		if (rowCount === 0) return false;
		await client.query(insertProject, [project.uuid, org_id, ...projectMembers(project), host, at]);
		await client.query(insertDatabase, [database.uuid, org_id, project.uuid, ...databaseMembers(database, project), at]);
		return true;
	},

	async statement(client, host, { project, database, at }) {
		const { rowCount } = await client.query(insertAll, [host, project.org_id, project.uuid,
			...projectMembers(project), at, database.uuid, ...databaseMembers(database, project)]);
		return rowCount === 1;
	},
};

const write = writers[FORM];

async function writeUnderFreeHost(client, created) {
	for (let attempt = 0; attempt < 5; attempt++) {
		const host = hostOf(created.project, attempt);
		if (await write(client, host, created)) return host;
	}
	throw new Error('no free host was found');
}

async function inTransaction(work) {
	const client = await pool.connect();
	let broken;
	try {
		await client.query('BEGIN');
		const result = await work(client);
		await client.query('COMMIT');
		return result;
	} catch (error) {
		await client.query('ROLLBACK').catch((lost) => { broken = lost; });
		throw error;
	} finally {
		client.release(broken);
	}
}

// Counts are exact when every create under a limit waits for the one before.
async function demandRoom(client, { org_id }, most) {
	await client.query('SELECT FROM organizations WHERE org_id = $1 FOR UPDATE', [org_id]);
	const { rowCount } = await client.query(
		'SELECT FROM projects WHERE org_id = $1 AND deleted_at IS NULL LIMIT $2', [org_id, most]);
	if (rowCount >= most)
		throw new Refusal(403, 'PLAN_LIMIT_REACHED', `project limit reached: your plan allows ${most} projects`);
}

async function store(created, organization) {
	const most = limit(organization, 'max_projects');
	try {
		if (most === 0 && FORM === 'statement') return await writeUnderFreeHost(pool, created);
		return await inTransaction(async (client) => {
			if (most > 0) await demandRoom(client, organization, most);
			return writeUnderFreeHost(client, created);
		});
	} catch (error) {
		if (error.code !== '23505' || error.constraint !== 'projects_org_id_name_idx') throw error;
		throw new Refusal(409, 'RESOURCE_EXISTS', 'a project with this name already exists in the organization');
	}
}

// The answer, with its members in the documented order.

const percent = (text) => encodeURIComponent(text)
	.replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);

function show({ project, database, at }, host, organization) {
	const printedAt = `${at.slice(0, 19)}Z`;
	return {
		project: {
			id: project.id,
			org_id: project.org_id,
			name: project.name,
			description: project.description ?? undefined,
			tags: project.tags,
			cloud: project.cloud,
			self_hosted: project.self_hosted,
			proxy_host: host,
			queries_per_second: limit(organization, 'queries_per_second'),
			burst_size: limit(organization, 'burst_size'),
			max_connections: limit(organization, 'max_connections'),
			allowed_cidrs: [],
			database_count: 1,
			active_connections: 0,
			status: 'active',
			created_at: printedAt,
			updated_at: printedAt,
		},
		database: {
			id: database.id,
			project_id: project.id,
			connection_string: `postgresql://${percent(database.username)}:YOUR_PASSWORD@${host}:5432/${percent(database.name)}`,
			host: database.host,
			port: database.port,
			name: database.name,
			username: database.username,
			ssl_mode: database.ssl_mode,
			role: database.role,
			pool_region: database.pool_region ?? undefined,
			query_timeout_ms: database.query_timeout_ms ?? undefined,
			auto_read_routing: database.auto_read_routing ?? undefined,
			cache_config: {
				enabled: database.cache_enabled,
				ttl_seconds: database.cache_ttl_seconds,
				max_entries: database.cache_max_entries,
				swr_seconds: database.cache_swr_seconds,
			},
			pool_config: {
				pool_size: database.pool_size,
				min_pool_size: database.min_pool_size,
				pool_mode: database.pool_mode,
				max_active: database.max_active,
			},
			created_at: printedAt,
			updated_at: printedAt,
		},
	};
}

async function createProject({ body, organization }, reply) {
	const created = readBody(body);
	const { project, database } = created;
	if (project.org_id !== organization.org_id)
		throw new Refusal(403, 'FORBIDDEN', 'the organization is not yours');
	if (project.self_hosted && !maySelfHost(organization))
		throw new Refusal(403, 'PLAN_LIMIT_REACHED', 'self_hosted is not part of your plan');

	const now = Date.now();
	const [projectId, databaseId] = [uuid7(now), uuid7(now)];
	created.at = new Date(now).toISOString();
	Object.assign(project, { uuid: projectId.toString('hex'), id: typeid('prj', projectId) });
	Object.assign(database, { uuid: databaseId.toString('hex'), id: typeid('db', databaseId),
		sealed: seal(body.database.password, project.org_id, projectId, databaseId) });

	const host = await store(created, organization);
	reply.code(201).header('location', `/v1/projects/${project.id}`);
	return show(created, host, organization);
}

// The server.

const codes = { 400: 'INVALID_INPUT', 413: 'PAYLOAD_TOO_LARGE', 415: 'UNSUPPORTED_MEDIA_TYPE' };

function refuse(error, request, reply) {
	const status = error.status ?? error.statusCode ?? 500;
	const code = error.status ? error.code : codes[status] ?? 'INTERNAL_ERROR';
	if (status === 500) console.error(error);
	if (status === 401) reply.header('www-authenticate', 'Bearer');
	reply.code(status).send({ error: {
		code,
		message: code === 'INTERNAL_ERROR' ? 'something went wrong' : error.message,
		errors: error.errors,
	} });
}

const requestId = /^[A-Za-z0-9._-]{1,128}$/;

const app = fastify({
	bodyLimit: 2 * 1024 * 1024,
	genReqId: ({ headers: { 'x-request-id': given = '' } }) => requestId.test(given) ? given : randomUUID(),
});
app.decorateRequest('organization', null);
app.addHook('onRequest', async (request, reply) => {
	reply.header('x-request-id', request.id).header('cache-control', 'private, no-cache');
	await authenticate(request);
});
app.setErrorHandler(refuse);
app.setNotFoundHandler((request, reply) =>
	refuse(new Refusal(404, 'NOT_FOUND', 'there is no such path'), request, reply));
app.post('/v1/projects', createProject);
await app.listen({ host: HOST ?? '127.0.0.1', port: Number(PORT ?? 0) });
console.log(app.server.address().port);
