// Whatever the description calls valid is accepted: every text that a
// request's schema accepts, out of the texts that rules are about.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import Ajv from 'ajv-draft-04';
import addFormats from 'ajv-formats';
import { createBody, organization } from './examples.js';
import { createPgbeam, curl, startGateway } from './support.js';

const pgbeam = await createPgbeam('http_described');
await pgbeam.sql('SELECT pgbeam.set_organization($1, $2)', organization, '{"plan": "enterprise"}');
await pgbeam.sql(`ALTER DATABASE ${pgbeam.name} SET pgbeam.forbidden_networks = ''`); // no description knows settings
const { key } = await pgbeam.createKey({ organization });
const { url } = await startGateway(pgbeam.name);
const description = JSON.parse((await curl(`${url}/openapi.json`)).body);
const ajv = addFormats(new Ajv({ strict: false }));
ajv.addSchema(description, 'api');
const validator = (name) => ajv.compile({ $ref: `api#/components/schemas/${name}` });

async function ask(method, path, body) {
  const { status, body: text } = await curl(url + path, {
    method, body: JSON.stringify(body), headers: { Authorization: `Bearer ${key}`, 'Content-Type': 'application/json' },
  });
  return { status, value: JSON.parse(text) };
}

// Sends each sample alone in a body; returns how many the schema accepts.
async function assertTaken(schema, method, path, bodies) {
  const fits = validator(schema);
  let taken = 0;
  for (const body of bodies) {
    if (!fits(body)) continue;
    taken++;
    const { status, value } = await ask(method, path, body);
    assert.notEqual(status, 400, `${JSON.stringify(body)}: ${value.detail}`);
  }
  return taken;
}

const { project, database } = (await ask('POST', '/v1/projects', createBody())).value;
const ofProject = `/v1/projects/${project.id}`;
const ofDatabase = `${ofProject}/databases/${database.id}`;

const hosts = ['db.example.com', 'h', 'a_b', '-x-', '127.0.0.1', '::1', '2001:db8::1', '1:2:3:4:5:6:7:8', '::ffff', '1::', 'db.0a', 'x.com0',
  'a\u0001b', 'a b', 'a\u0085b', 'a\u3000b', 'a..b', '.a', 'a.', 'h:5432', '/tmp', '@x', 'a,b', 'postgres://u:p@h/d', '127.1', '0x7f.1',
  '256.1.1.1', '01.2.3.4', '1:2', ':::', '1::2::3', '[::1]', 'fe80::1%eth0', '2130706433', '0', 'x'.repeat(254), ''];
const names = ['d', 'my db/1', 'ü', '\u{1F600}', 'a\nb', 'a\u007fb', 'a\u0000b', 'a\u009fb', '', 'n'.repeat(256)];
const words = ['active', 'suspended', 'deleted', '', 'ACTIVE'];
const networks = ['10.0.0.0/8', '10.0.0.0/33', '10.0.0.0/08', '::/0', '::/129', '::1', '1.2.3', '1.2.3.4/', 'fe80::1%eth0/64', '10.1.2.3/8'];
const domains = ['db.example.com', 'localhost', 'a..b', '-a.com', 'a-.com', 'a.1', 'a.0x1', 'A.example.com', 'a_b.com', `${'d'.repeat(63)}.com`,
  `${'d'.repeat(64)}.com`, 'db.example.com.', ''];

test('hosts, names and ports of a database', async () => {
  const taken = [
    await assertTaken('UpdateDatabaseRequest', 'PATCH', ofDatabase, hosts.map((host) => ({ host }))),
    await assertTaken('UpdateDatabaseRequest', 'PATCH', ofDatabase, names.map((name) => ({ name }))),
    await assertTaken('UpdateDatabaseRequest', 'PATCH', ofDatabase, names.map((username) => ({ username }))),
    await assertTaken('CreateReplicaRequest', 'POST', `/v1/databases/${database.id}/replicas`, hosts.map((host) => ({ host, port: 1 }))),
  ];
  assert.deepEqual(taken, [10, 4, 4, 10]);
});

test('status, networks and texts of a project', async () => {
  const taken = [
    await assertTaken('UpdateProjectRequest', 'PATCH', ofProject, words.map((status) => ({ status }))),
    await assertTaken('UpdateProjectRequest', 'PATCH', ofProject, networks.map((cidr) => ({ allowed_cidrs: [{ cidr }] }))),
    await assertTaken('UpdateProjectRequest', 'PATCH', ofProject, names.map((description) => ({ description }))),
    await assertTaken('UpdateProjectRequest', 'PATCH', ofProject, names.map((tag) => ({ tags: [tag] }))),
  ];
  assert.deepEqual(taken, [2, 4, 9, 8]);
});

test('domains', async () => {
  const taken = await assertTaken('CreateCustomDomainRequest', 'POST', `${ofProject}/domains`, domains.map((domain) => ({ domain })));
  assert.equal(taken, 3);
});

test('what is not taken is told: no text of a request is without a form', () => {
  const loose = [];
  const walk = (node, path) => {
    if (node === null || typeof node !== 'object') return;
    if (node.type === 'string' && !node.pattern && !node.enum && !node.format) loose.push(path);
    for (const [name, value] of Object.entries(node)) walk(value, `${path}.${name}`);
  };
  for (const [name, schema] of Object.entries(description.components.schemas)) if (/Request$/.test(name)) walk(schema, name);
  for (const [path, operations] of Object.entries(description.paths)) {
    for (const [method, { parameters }] of Object.entries(operations)) walk(parameters, `${method} ${path}`);
  }
  assert.deepEqual(loose, []);
});
