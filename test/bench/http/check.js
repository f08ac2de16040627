// What is measured is right: the variants answer and refuse alike, what they
// acknowledged is stored, and its passwords open.

import assert from 'node:assert/strict';
import { bodyOf, nameOf } from './load.js';
import { ask, one, org, password, variants } from './variants.js';

async function post({ port, key }, body, type = 'application/json') {
	const answer = await fetch(`http://127.0.0.1:${port}/v1/projects`, {
		method: 'POST',
		headers: { authorization: `Bearer ${key}`, 'content-type': type },
		body,
	});
	return { status: answer.status, headers: answer.headers, body: await answer.json() };
}

const varying = new Set(['id', 'project_id', 'created_at', 'updated_at']);
const lasting = (body) => JSON.stringify(body, (member, value) => varying.has(member) ? typeof value : value)
	.replaceAll(body.project.name, 'NAME');

async function create(variant, sent) {
	const { status, headers, body } = await post(variant, sent);
	assert.equal(status, 201, `${variant.title}: ${JSON.stringify(body)}`);
	assert.equal(headers.get('location'), `/v1/projects/${body.project.id}`);
	assert.match(headers.get('x-request-id'), /^[\w.-]{1,128}$/);
	assert.match(headers.get('content-type'), /^application\/json/);
	variant.acknowledged++;
	return lasting(body);
}

async function refuse(variant, status, sent, type) {
	const answer = await post(variant, sent, type);
	assert.equal(answer.status, status, `${variant.title}: ${JSON.stringify(answer.body)}`);
	return answer.body.error;
}

function spoil(sent) {
	const { database: { port, ...database }, ...project } = JSON.parse(sent);
	return JSON.stringify({ ...project, database, cloud: 'AWS', tags: [1] });
}

export async function compareAnswers() {
	let expected;
	for (const variant of variants) {
		const name = nameOf('sample', variant.title);
		const sent = bodyOf(name, org, password);
		const answer = await create(variant, sent);
		expected ??= answer;
		assert.equal(answer, expected, variant.title);

		const forged = variant.key.replace(/.$/, (last) => last === '0' ? '1' : '0');
		await refuse({ ...variant, key: forged }, 401, sent);
		await refuse(variant, 415, sent, 'text/csv');
		await refuse(variant, 400, '{');
		await refuse(variant, 403, bodyOf(name, 'org_other', password));
		await refuse(variant, 409, sent);
		const { errors } = await refuse(variant, 400, spoil(sent));
		assert.deepEqual(errors.map(({ field }) => field).sort(), ['cloud', 'database.port', 'tags[0]'], variant.title);
	}
}

const countStored = (schema) => one(`SELECT count(*)::integer
	FROM ${schema}.projects AS p
	JOIN ${schema}.hosts AS h ON (h.host, h.org_id, h.project_id) = (p.proxy_host, p.org_id, p.id)
	JOIN ${schema}.databases AS d ON (d.org_id, d.project_id) = (p.org_id, p.id)
	WHERE p.org_id = $1`, [org]);

// The application seals as pgbeam does, so its rows must open as pgbeam's own,
// and keep the CHECKs of pgbeam's tables.
async function countOpened(schema) {
	await ask('BEGIN');
	await ask(`CREATE TEMPORARY TABLE opened ON COMMIT DROP AS
		SELECT id, org_id, project_id FROM ${schema}.databases ORDER BY id DESC LIMIT 100`);
	if (schema !== 'pgbeam') {
		await ask(`INSERT INTO pgbeam.projects SELECT p.* FROM ${schema}.projects AS p
			JOIN opened AS o ON (p.org_id, p.id) = (o.org_id, o.project_id)`);
		await ask(`INSERT INTO pgbeam.databases SELECT d.* FROM ${schema}.databases AS d JOIN opened AS o USING (org_id, id)`);
	}
	const opened = await one(`SELECT count(*)::integer FROM opened
		WHERE pgbeam.reveal_password(pgbeam.typeid_encode('db', id)) = $1`, [password]);
	await ask('ROLLBACK');
	return opened;
}

export async function verifyRows() {
	for (const schema of new Set(variants.map((variant) => variant.schema))) {
		const acknowledged = variants.filter((variant) => variant.schema === schema)
			.reduce((sum, variant) => sum + variant.acknowledged, 0);
		assert.equal(await countStored(schema), acknowledged, `rows of ${schema} as acknowledged`);
		assert.equal(await countOpened(schema), Math.min(100, acknowledged), `passwords of ${schema} that open`);
	}
}
