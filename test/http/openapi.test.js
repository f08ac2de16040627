// The description at /openapi.json: it is valid and true, and makes a client
// in TypeScript.
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import Ajv from 'ajv-draft-04';
import addFormats from 'ajv-formats';
import { Validator } from '@seriousme/openapi-schema-validator';
import openapiTS, { astToString } from 'openapi-typescript';
import ts from 'typescript';
import { createBody, organization } from './examples.js';
import { createPgbeam, curl, startGateway } from './support.js';

const pgbeam = await createPgbeam('http_openapi');
const { key } = await pgbeam.createKey({ organization });
const { url } = await startGateway(pgbeam.name);
const answer = await curl(`${url}/openapi.json`);
const description = JSON.parse(answer.body);
const folder = await mkdtemp(join(tmpdir(), 'pgbeam-openapi.'));
after(() => rm(folder, { recursive: true }));

test('it is served without a credential, and is what SQL has', async () => {
  assert.deepEqual([answer.status, answer.headers['content-type']], [200, 'application/json']);
  assert.equal(answer.body, await pgbeam.sql('SELECT pgbeam.openapi()::text'));
});

test('it is valid OpenAPI 3.0', async () => {
  const validator = new Validator();
  const { valid, errors } = await validator.validate(structuredClone(description));
  assert.ok(valid, JSON.stringify(errors, null, 1));
  assert.equal(validator.version, '3.0');
});

test('it has the routes that there are, and their statuses', async () => {
  const { rows } = await pgbeam.pool.query('SELECT operation, method, path, status, errors FROM pgbeam.routes()');
  assert.deepEqual(Object.keys(description.paths).sort(), [...new Set(rows.map(({ path }) => path))].sort());
  for (const { operation, method, path, status, errors } of rows) {
    const described = description.paths[path][method.toLowerCase()];
    assert.equal(described.operationId, operation);
    const statuses = Object.keys(described.responses).filter((name) => name !== 'default').map(Number);
    for (const expected of [status, ...errors]) assert.ok(statuses.includes(expected), `${operation}: ${expected}`);
  }
});

async function diagnose(name, program) {
  const file = join(folder, `${name}.ts`);
  await writeFile(file, program);
  const options = {
    strict: true, noEmit: true, exactOptionalPropertyTypes: true, types: [],
    target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.NodeNext,
  };
  const found = ts.getPreEmitDiagnostics(ts.createProgram([file], options));
  return found.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'));
}

const head = `
  import type { operations } from './api.js';
  type Operation = operations['createProject'];
  type Body = Operation['requestBody']['content']['application/json'];
  type Created = Operation['responses'][201]['content']['application/json'];
  type Refused = Operation['responses'][400]['content']['application/json'];`;

test('openapi-typescript makes definitions of it that compile', async () => {
  await writeFile(join(folder, 'package.json'), '{"type": "module"}');
  await writeFile(join(folder, 'api.ts'), astToString(await openapiTS(structuredClone(description))));
  assert.deepEqual(await diagnose('client', `${head}
    export const body: Body = ${JSON.stringify(createBody())};
    export const more: Body = ${JSON.stringify(createBody({ tags: ['a'] }, { pool_config: { pool_mode: 'transaction' } }))};
    export async function create(body: Body): Promise<Created> {
      const response = await fetch('/v1/projects', { method: 'POST', body: JSON.stringify(body) });
      if (response.status !== 201) throw new Error((await response.json() as Refused).error.message);
      return await response.json() as Created;
    }
    export const status = ({ project }: Created): 'active' | 'suspended' | 'deleted' => project.status;
    export const texts = ({ project, database }: Created): [string, string, string | undefined] =>
      [project.id, database.connection_string, project.description];
    export const limit = ({ database }: Created): number => database.pool_config.max_active;
    export const fields = ({ error }: Refused): string[] | undefined => error.errors?.map(({ field }) => field);`), []);
});

test('a program with them creates and lists', async () => {
  const program = `${head}
    type Listed = operations['listProjects']['responses'][200]['content']['application/json'];
    export async function createAndList(url: string, key: string, body: Body): Promise<[string, number, number]> {
      const headers = { 'Authorization': \`Bearer \${key}\`, 'Content-Type': 'application/json' };
      const made = await fetch(\`\${url}/v1/projects\`, { method: 'POST', headers, body: JSON.stringify(body) });
      const { project, database } = await made.json() as Created;
      const found = await fetch(\`\${url}/v1/projects?org_id=\${body.org_id}\`, { headers });
      return [project.name, database.port, (await found.json() as Listed).total];
    }`;
  assert.deepEqual(await diagnose('program', program), []);
  const { outputText } = ts.transpileModule(program, { compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext } });
  await writeFile(join(folder, 'program.mjs'), outputText);
  const { createAndList } = await import(pathToFileURL(join(folder, 'program.mjs')));
  assert.deepEqual(await createAndList(url, key, createBody()), ['my-app', 5432, 1]);
  await pgbeam.empty();
});

test('bodies that are wrong do not compile', async () => {
  const { password, ...withoutPassword } = createBody().database;
  const wrong = [
    {}, createBody({ name: 1 }), createBody({ nmae: 'x' }), createBody({}, { port: '5432' }), createBody({}, { ssl_mode: 'on' }),
    { ...createBody(), database: withoutPassword },
  ].map((body, i) => `
    // @ts-expect-error
    export const body${i}: Body = ${JSON.stringify(body)};`);
  assert.deepEqual(await diagnose('wrong', `${head}${wrong.join('')}
    // @ts-expect-error
    export const password = (created: Created) => created.database.password;`), []);
});

/** The description, changed so that members it does not name are errors. */
function closed(node) {
  if (Array.isArray(node)) return node.map(closed);
  if (node === null || typeof node !== 'object') return node;
  const copy = Object.fromEntries(Object.entries(node).map(([name, value]) => [name, closed(value)]));
  return node.type === 'object' && node.properties ? { ...copy, additionalProperties: false } : copy;
}

test('what is asked and answered is as described', async () => {
  const ajv = addFormats(new Ajv({ strict: false }));
  ajv.addSchema(closed(description), 'api');
  const resolve = (part) => part.$ref ? part.$ref.slice(2).split('/').reduce((node, name) => node[name], description) : part;
  const assertFits = (part, value) => {
    const { content } = resolve(part);
    const fits = ajv.compile({ $ref: `api${content['application/json'].schema.$ref}` });
    assert.ok(fits(value), JSON.stringify(fits.errors));
  };
  const call = async (method, path, { template = path, body, headers = { Authorization: `Bearer ${key}` } } = {}) => {
    const given = body === undefined ? {} : { 'Content-Type': 'application/json' };
    const request = { method, body: JSON.stringify(body), headers: { ...headers, ...given } };
    const { status, body: text } = await curl(url + path, request);
    const { requestBody, responses } = description.paths[template][method.toLowerCase()];
    if (status < 300 && body !== undefined) assertFits(requestBody, body);
    if (text !== '') assertFits(responses[status], JSON.parse(text));
    return { status, value: text && JSON.parse(text) };
  };
  const full = createBody({ description: 'd', tags: ['t'], cloud: 'gcp', self_hosted: true },
    { ssl_mode: 'require', role: 'replica', pool_region: 'r', query_timeout_ms: 1, cache_config: { enabled: false } });
  const { status, value: { project, database } } = await call('POST', '/v1/projects', { body: full });
  assert.equal(status, 201);
  const template = '/v1/projects/{project_id}';
  const path = `/v1/projects/${project.id}`;
  const inDatabase = { template: `${template}/databases/{database_id}` };
  const statuses = [
    await call('POST', '/v1/projects', { body: full }),
    await call('POST', '/v1/projects', { body: {} }),
    await call('POST', '/v1/projects', { body: createBody({ org_id: 'other' }) }),
    await call('POST', '/v1/projects', { body: full, headers: {} }),
    await call('GET', path, { template }),
    await call('GET', `${path}/databases/${database.id}`, inDatabase),
    await call('GET', `${path}/databases/x`, inDatabase),
    await call('GET', "/v1/projects/'", { template }),
    await call('DELETE', path, { template }),
    await call('DELETE', path, { template }),
  ].map(({ status }) => status);
  assert.deepEqual(statuses, [409, 400, 403, 401, 200, 200, 404, 400, 204, 404]);
});
