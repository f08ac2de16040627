// Other resources than projects and databases: replicas, custom domains,
// connection tests, regions, plans, organizations, health.
import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import { assertHeaders, assertProblems, assertRefusal, jsonHeaders } from './asserts.js';
import { createBody, organization } from './examples.js';
import { startForms } from './forms.js';
import { createPgbeam, masked } from './support.js';

const pgbeam = await createPgbeam('http_around');
const setPlan = (plan, id = organization) =>
  pgbeam.sql('SELECT pgbeam.set_organization($1, $2)', id, { plan, name: 'Acme Corp', slug: 'acme-corp' });
await setPlan('scale');
const { key } = await pgbeam.createKey({ organization });
await pgbeam.sql("SELECT pgbeam.set_member($1, 'u_admin', 'admin')", organization);
const userKey = (await pgbeam.createKey({ user: 'u_admin' })).key;
const strangerKey = (await pgbeam.createKey({ organization: 'org_stranger' })).key;

const version = await pgbeam.sql("SELECT extversion FROM pg_extension WHERE extname = 'pgbeam'");
const parsed = ({ body }) => JSON.parse(body);
const unknown = { project: 'prj_00000000000000000000000000', database: 'db_00000000000000000000000000' };

const starterLimits = {
  queries_per_day: 50000, max_projects: 5, max_databases: 3, max_connections: 20, queries_per_second: 10,
  bytes_per_month: 10000000000, max_query_shapes: 100, included_seats: 1, max_agent_credentials: 0,
  audit_retention_days: 0, sandbox_max_branches: 0, sandbox_max_upstream_bytes: 0, sandbox_idle_seconds: 0,
  sandbox_ttl_seconds: 0,
};

const replica = (given) => ({
  id: 'rep_...', database_id: 'db_...', host: 'replica.example.com', port: 5432, ssl_mode: 'verify-full',
  created_at: '...', updated_at: '...', ...given,
});

const domain = (token, given) => ({
  id: 'dom_...', project_id: 'prj_...', domain: 'db.example.com', verified: false, verified_at: null,
  tls_cert_expiry: null, dns_verification_token: token,
  dns_instructions: {
    cname_host: 'db.example.com', cname_target: 'my-app.aws.pgbeam.app',
    txt_host: '_pgbeam-verify.db.example.com', txt_value: `pgbeam-verify=${token}`,
    acme_cname_host: '_acme-challenge.db.example.com', acme_cname_target: '_acme-challenge.my-app.aws.pgbeam.app',
  },
  created_at: '...', updated_at: '...', ...given,
});

// Refused bodies: the member, its value, the rule.
const refusedReplicas = [
  ['port', undefined, 'required'], ['host', undefined, 'required'], ['host', 'a b', 'pattern'], ['host', '', 'shortest'],
  ['port', 0, 'least'], ['port', 65536, 'most'], ['port', '5432', 'type'], ['ssl_mode', 'full', 'enum'], ['ssl_mode', 1, 'type'],
];
const refusedDomains = ['-bad.example.com', 'bad-.example.com', 'a..b', 'exa mple.com', 'db.example.com.', 'db_1.example.com',
  '*.example.com', '', `${`${'a'.repeat(49)}.`.repeat(5)}abcd`, undefined, 5, 'localhost'];

function client(form) {
  const call = async (status, operation, ids, body, more) => {
    const answer = await form.call(operation, { key, ids, body, ...more });
    assert.equal(answer.status, status, `${operation}: ${answer.body}`);
    return answer;
  };
  const create = async (name = 'my-app') => {
    const { project, database } = parsed(await call(201, 'createProject', [], createBody({ name })));
    return [project.id, database.id];
  };
  return { call, create };
}

const notFound = (answer, what) => assertRefusal(answer, 404, 'NOT_FOUND', `${what} not found`);

function testConnections(form) {
  const { call, create } = client(form);
  const report = (id, ...rest) => pgbeam.sql('SELECT pgbeam.report_connection_test($1, $2, $3, $4, $5)', id, ...rest);

  test('a test tells what was reported last, and is never a failure', async () => {
    const ids = await create();
    const result = async () => (await call(200, 'testDatabaseConnection', ids)).body;
    assert.equal(await result(), '{"ok":false,"error":"no data plane has tried this connection yet"}');
    await report(ids[1], true, 12.4, null, '17.2');
    assert.deepEqual(JSON.parse(await result()), { ok: true, latency_ms: 12.4, server_version: '17.2' });
    const error = 'could not translate host name "db.example.com" to address';
    await report(ids[1], false, null, error, null);
    assert.equal(await result(), JSON.stringify({ ok: false, error }));
    assertHeaders(await call(200, 'testDatabaseConnection', ids), jsonHeaders);
  });

  test('below its own project only', async () => {
    const ids = await create();
    notFound(await form.call('testDatabaseConnection', { key, ids: [unknown.project, ids[1]] }), 'database');
    notFound(await form.call('testDatabaseConnection', { key: strangerKey, ids }), 'database');
  });
}

function testReplicas(form) {
  const { call, create } = client(form);
  const body = { host: 'replica.example.com', port: 5432 };

  test('added, listed, removed', async () => {
    const [, id] = await create();
    const list = async () => (await call(200, 'listReplicas', [id])).body;
    assert.equal(await list(), '{"replicas":[]}');
    const added = await call(201, 'createReplica', [id], body);
    assert.equal(masked(added.body), JSON.stringify(replica()));
    assertHeaders(added, jsonHeaders);
    await call(201, 'createReplica', [id], { host: '192.0.2.1', port: 1, ssl_mode: 'disable' });
    assert.equal(masked(await list()),
      JSON.stringify({ replicas: [replica(), replica({ host: '192.0.2.1', port: 1, ssl_mode: 'disable' })] }));
    assert.equal((await call(204, 'deleteReplica', [id, parsed(added).id])).body, '');
    assert.equal(JSON.parse(await list()).replicas.length, 1);
    notFound(await form.call('deleteReplica', { key, ids: [id, parsed(added).id] }), 'replica');
  });

  test('page by page', async () => {
    const [, id] = await create();
    for (const port of [1, 2, 3]) await call(201, 'createReplica', [id], { ...body, port });
    const ports = [];
    let page_token;
    do {
      const page = parsed(await call(200, 'listReplicas', [id], undefined, { query: { page_size: '2', ...(page_token && { page_token }) } }));
      ports.push(page.replicas.map(({ port }) => port));
      page_token = page.next_page_token;
    } while (page_token);
    assert.deepEqual(ports, [[1, 2], [3]]);
  });

  test('each broken rule', async () => {
    const [, id] = await create();
    for (const [member, value, rule] of refusedReplicas) {
      assertProblems(await form.call('createReplica', { key, ids: [id], body: { ...body, [member]: value } }), [[member, rule]]);
    }
    assert.equal((await call(200, 'listReplicas', [id])).body, '{"replicas":[]}');
  });

  test('of no database, or a foreign one', async () => {
    const [project, id] = await create();
    for (const [credential, database] of [[key, unknown.database], [key, project], [strangerKey, id]]) {
      notFound(await form.call('createReplica', { key: credential, ids: [database], body }), 'database');
      notFound(await form.call('listReplicas', { key: credential, ids: [database] }), 'database');
    }
    await call(204, 'deleteDatabase', [project, id]);
    notFound(await form.call('listReplicas', { key, ids: [id] }), 'database');
  });

  test('one that is sent again is there once', async () => {
    const [, id] = await create();
    const headers = { 'Idempotency-Key': `replica of ${id}` };
    const [first, again] = [await call(201, 'createReplica', [id], body, { headers }), await call(201, 'createReplica', [id], body, { headers })];
    assert.equal(first.body, again.body);
    assert.equal(parsed(await call(200, 'listReplicas', [id])).replicas.length, 1);
  });
}

function testDomains(form) {
  const { call, create } = client(form);
  const body = { domain: 'db.example.com' };
  const add = async (ids) => parsed(await call(201, 'createCustomDomain', [ids[0]], body));
  const verify = async (ids, id) => (await call(200, 'verifyCustomDomain', [ids[0], id])).body;

  test('added, proved, listed, removed', async () => {
    const ids = await create();
    assert.equal((await call(200, 'listCustomDomains', [ids[0]])).body, '{"domains":[]}');
    const added = await call(201, 'createCustomDomain', [ids[0]], body);
    const { id, dns_verification_token: token } = parsed(added);
    assert.equal(masked(added.body), JSON.stringify(domain(token)));
    assertHeaders(added, jsonHeaders);
    assert.equal(masked(await verify(ids, id)),
      JSON.stringify({ verified: false, error: 'TXT record not found', domain: domain(token) }));
    await pgbeam.sql('SELECT pgbeam.report_domain($1, $2)', body.domain, `pgbeam-verify=${token}`);
    assert.equal(masked(await verify(ids, id)),
      JSON.stringify({ verified: true, domain: domain(token, { verified: true, verified_at: '...' }) }));
    assert.equal(masked((await call(200, 'listCustomDomains', [ids[0]])).body),
      JSON.stringify({ domains: [domain(token, { verified: true, verified_at: '...' })] }));
    assert.equal((await call(204, 'deleteCustomDomain', [ids[0], id])).body, '');
    notFound(await form.call('verifyCustomDomain', { key, ids: [ids[0], id] }), 'custom domain');
    notFound(await form.call('deleteCustomDomain', { key, ids: [ids[0], id] }), 'custom domain');
  });

  test('each broken rule', async () => {
    const ids = await create();
    for (const value of refusedDomains) {
      const answer = await form.call('createCustomDomain', { key, ids: [ids[0]], body: { domain: value } });
      assert.deepEqual([answer.status, parsed(answer).error.code, parsed(answer).error.errors.map(({ field }) => field)],
        [400, 'INVALID_INPUT', ['domain']], value);
    }
  });

  test('a name belongs to the project that its DNS proves', async () => {
    const [one, other] = [await create('one'), await create('other')];
    const inUse = async (ids, spelled) => assertRefusal(
      await form.call('createCustomDomain', { key, ids: [ids[0]], body: { domain: spelled } }),
      409, 'RESOURCE_EXISTS', 'this domain is already in use');
    const claim = async (ids) => {
      const { id, dns_verification_token: token } = await add(ids);
      return { prove: () => pgbeam.sql('SELECT pgbeam.report_domain($1, $2)', body.domain, `pgbeam-verify=${token}`)
        .then(() => verify(ids, id)).then(JSON.parse) };
    };
    const [ones, others] = [await claim(one), await claim(other)];
    await inUse(one, 'db.example.com');
    await inUse(one, 'DB.Example.COM');
    assert.equal((await others.prove()).verified, true);
    const { verified, error } = await ones.prove();
    assert.deepEqual([verified, error], [false, 'this domain is already in use: another project has proved it']);
    await inUse(await create('third'), 'DB.example.com');
  });

  test('a plan without them', async () => {
    const ids = await create();
    await setPlan('pro');
    const answer = await form.call('createCustomDomain', { key, ids: [ids[0]], body });
    assertRefusal(answer, 403, 'PLAN_LIMIT_REACHED', 'custom domains are not part of your plan');
    await setPlan('scale');
    await add(ids);
  });

  test('a foreign one is as a missing one', async () => {
    const ids = await create();
    const { id } = await add(ids);
    for (const operation of ['verifyCustomDomain', 'deleteCustomDomain']) {
      notFound(await form.call(operation, { key: strangerKey, ids: [ids[0], id] }), 'custom domain');
    }
    notFound(await form.call('createCustomDomain', { key: strangerKey, ids: [ids[0]], body: { domain: 'x.example.com' } }), 'project');
    await call(200, 'verifyCustomDomain', [ids[0], id]);
  });
}

function testAccount(form) {
  const { call } = client(form);

  test('regions', async () => {
    const { regions } = parsed(await call(200, 'listRegions'));
    assert.deepEqual(regions[0], {
      id: 'us-east-1', name: 'US East (N. Virginia)', provider: 'aws', status: 'active', available: true,
      continent: 'North America', country: 'United States',
    });
    assert.deepEqual(regions.map(({ id }) => id),
      ['us-east-1', 'us-west-2', 'eu-west-1', 'ap-south-1', 'ap-southeast-1', 'ap-northeast-1']);
  });

  test('plans', async () => {
    const { plans } = parsed(await call(200, 'listPlans'));
    assert.equal(JSON.stringify(plans[0]), JSON.stringify({
      name: 'starter', label: 'Starter', monthly_price: 9, annual_price: 90, trial_days: 14, limits: starterLimits,
    }));
    assert.deepEqual(plans.map(({ name }) => name), ['starter', 'pro', 'scale', 'enterprise']);
  });

  test('an organization\'s plan', async () => {
    await setPlan('starter');
    const answer = await call(200, 'getOrganizationPlan', [organization]);
    await setPlan('scale');
    assert.equal(answer.body, JSON.stringify({
      org_id: organization, plan: 'starter', billing_provider: 'manual', subscription_status: 'active', enabled: true,
      custom_pricing: false, spend_limit: null, spend_capped: false, spend_capped_at: null, limits: starterLimits,
    }));
    const foreign = await form.call('getOrganizationPlan', { key: strangerKey, ids: [organization] });
    assertRefusal(foreign, 403, 'FORBIDDEN', 'you may not act for this organization');
  });

  test('an organization of any id is found by path and query', async () => {
    for (const id of ['орг', 'a b', 'a\nb', 'a/b', 'a%2Fb', 'a?b#c&d=e+f', '"', '😀'.repeat(255)]) {
      const own = (await pgbeam.createKey({ organization: id })).key;
      const plan = await form.call('getOrganizationPlan', { key: own, ids: [form.hasPaths ? encodeURIComponent(id) : id] });
      assert.deepEqual([plan.status, parsed(plan).org_id], [200, id]);
      const list = await form.call('listProjects', { key: own, query: { org_id: id } });
      assert.deepEqual([list.status, parsed(list).total], [200, 0]);
    }
  });

  test('organizations: with a role for a user, without for a key', async () => {
    const seen = { id: organization, name: 'Acme Corp', slug: 'acme-corp' };
    assert.equal((await call(200, 'listOrganizations')).body, JSON.stringify({ organizations: [seen] }));
    assert.equal((await form.call('listOrganizations', { key: userKey })).body,
      JSON.stringify({ organizations: [{ ...seen, role: 'admin' }] }));
  });

  test('health, without a credential', async () => {
    const answer = await form.call('getHealth', {});
    assert.equal(answer.status, 200);
    const { timestamp, ...rest } = parsed(answer);
    assert.deepEqual(rest, { status: 'ok', version, image_sha: '', rate_limit: 'off' });
    assert.ok(Math.abs(Date.now() - Date.parse(timestamp)) < 60_000);
  });

  test('nothing else without one', async () => {
    for (const operation of ['listRegions', 'listPlans', 'listOrganizations']) {
      const answer = await form.call(operation, {});
      assert.deepEqual([answer.status, parsed(answer).error.code], [401, 'UNAUTHORIZED'], operation);
    }
  });
}

for (const form of await startForms(pgbeam.name)) {
  describe(form.name, () => {
    beforeEach(() => pgbeam.pool.query('DELETE FROM pgbeam.custom_domains; DELETE FROM pgbeam.replicas').then(pgbeam.empty));
    describe('connections', () => testConnections(form));
    describe('replicas', () => testReplicas(form));
    describe('custom domains', () => testDomains(form));
    describe('account', () => testAccount(form));
  });
}
