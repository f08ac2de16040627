// The ways to the API over HTTP: the documented paths through the gateway or
// through nginx and PostgREST, and PostgREST's plain calls of functions.
import { test } from 'node:test';
import { curl, isInstalled, startGateway, startNginx, startPostgrest } from './support.js';

const projects = '/v1/projects';
const project = `${projects}/{project_id}`;
const databases = `${project}/databases`;
const database = `${databases}/{database_id}`;
const replicas = '/v1/databases/{database_id}/replicas';
const domains = `${project}/domains`;
const members = '/v1/organizations/{org_id}/members';

const describeAll = (rows) => Object.fromEntries(rows.map(([name, method, path, fn]) =>
  [name, { method, path, fn, ids: [...path.matchAll(/{(\w+)}/g)].map(([, id]) => id) }]));

// The contract's first ring, with createProject.
const core = describeAll([
  ['listProjects', 'GET', projects, 'list_projects'],
  ['createProject', 'POST', projects, 'create_project'],
  ['getProject', 'GET', project, 'get_project'],
  ['updateProject', 'PATCH', project, 'update_project'],
  ['deleteProject', 'DELETE', project, 'delete_project'],
  ['listDatabases', 'GET', databases, 'list_databases'],
  ['createDatabase', 'POST', databases, 'create_database'],
  ['getDatabase', 'GET', database, 'get_database'],
  ['updateDatabase', 'PATCH', database, 'update_database'],
  ['deleteDatabase', 'DELETE', database, 'delete_database'],
]);

// And its second.
const around = describeAll([
  ['testDatabaseConnection', 'POST', `${database}/test-connection`, 'test_database_connection'],
  ['listReplicas', 'GET', replicas, 'list_replicas'],
  ['createReplica', 'POST', replicas, 'create_replica'],
  ['deleteReplica', 'DELETE', `${replicas}/{replica_id}`, 'delete_replica'],
  ['listCacheRules', 'GET', `${database}/cache-rules`, 'list_cache_rules'],
  ['updateCacheRule', 'PUT', `${database}/cache-rules/{query_hash}`, 'update_cache_rule'],
  ['getProjectMetrics', 'GET', `${project}/metrics`, 'get_project_metrics'],
  ['getProjectUsage', 'GET', `${project}/usage`, 'get_project_usage'],
  ['listCustomDomains', 'GET', domains, 'list_custom_domains'],
  ['createCustomDomain', 'POST', domains, 'create_custom_domain'],
  ['deleteCustomDomain', 'DELETE', `${domains}/{domain_id}`, 'delete_custom_domain'],
  ['verifyCustomDomain', 'POST', `${domains}/{domain_id}/verify`, 'verify_custom_domain'],
  ['listRegions', 'GET', '/v1/regions', 'list_regions'],
  ['listPlans', 'GET', '/v1/plans', 'list_plans'],
  ['listOrganizations', 'GET', '/v1/organizations', 'list_organizations'],
  ['getOrganizationPlan', 'GET', '/v1/organizations/{org_id}/plan', 'get_organization_plan'],
  ['getOrganizationUsage', 'GET', '/v1/organizations/{org_id}/usage', 'get_organization_usage'],
  ['updateSpendLimit', 'PUT', '/v1/organizations/{org_id}/spend-limit', 'update_spend_limit'],
  ['listOrgMembers', 'GET', members, 'list_org_members'],
  ['updateOrgMemberRole', 'PATCH', `${members}/{member_id}`, 'update_org_member_role'],
  ['removeOrgMember', 'DELETE', `${members}/{member_id}`, 'remove_org_member'],
  ['getHealth', 'GET', '/v1/health', 'health'],
]);

const operations = { ...core, ...around };

export const operationNames = Object.keys(core);
export const idsOf = (operation) => operations[operation].ids;
export const takesBody = (operation) => ['POST', 'PUT', 'PATCH'].includes(operations[operation].method);

const asText = (body) => body === undefined || typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body);

const asQuery = (query) => query === undefined ? '' : `?${typeof query === 'string' ? query : new URLSearchParams(query)}`;

/** An operation by its documented path. */
function callPath(url) {
  return (operation, { ids = [], query, key, body, headers = {}, method } = {}) => {
    const { method: own, path } = operations[operation];
    let i = 0;
    return curl(url + path.replaceAll(/{\w+}/g, () => ids[i++]) + asQuery(query), {
      method: method ?? own,
      body: asText(body),
      headers: {
        ...(key && { Authorization: `Bearer ${key}` }),
        ...(body !== undefined && { 'Content-Type': 'application/json' }),
        ...headers,
      },
    });
  };
}

// The body of a plain call: the request's own body, or an object of parameters
// that contains it as it was spelled.
function argumentsOf(operation, ids, query, body) {
  const { ids: names, method } = operations[operation];
  if (names.length === 0 && query === undefined && method !== 'GET') return asText(body);
  const parameters = { ...Object.fromEntries(names.map((name, i) => [name, ids[i]])), ...query };
  const text = JSON.stringify(parameters);
  return body === undefined ? text : Buffer.concat([`${text.slice(0, -1)},"body":`, asText(body), '}'].map((part) => Buffer.from(part)));
}

/** An operation by its function; an API key has to come as X-API-Key. */
function callFunction(url) {
  return (operation, { ids = [], query, key, body, headers = {} } = {}) => {
    return curl(`${url}/rpc/${operations[operation].fn}`, {
      method: 'POST',
      body: argumentsOf(operation, ids, query, body),
      headers: { ...(key && { 'X-API-Key': key }), 'Content-Type': 'application/json', ...headers },
    });
  };
}

/** All forms that are available here, each a way to call an operation. */
export async function startForms(name) {
  const gateway = await startGateway(name);
  const postgrest = await startPostgrest(name);
  const forms = [
    { name: 'gateway', url: gateway.url, call: callPath(gateway.url), hasPaths: true, joinsHeaders: true },
    {
      name: postgrest.isReal ? 'PostgREST' : 'stand-in', url: postgrest.url, call: callFunction(postgrest.url),
      hasPaths: false,
    },
  ];
  if (isInstalled('nginx')) {
    const nginx = await startNginx(postgrest.url);
    forms.push({
      name: `nginx, ${forms[1].name}`, url: nginx.url, call: callPath(nginx.url), hasPaths: true, joinsHeaders: nginx.joinsHeaders,
    });
  } else {
    test('through nginx', { skip: 'there is no nginx' });
  }
  return forms;
}
