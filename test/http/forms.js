// The ways to the API over HTTP: the documented paths through the gateway or
// through nginx and PostgREST, and PostgREST's plain calls of functions.
import { curl, isInstalled, startGateway, startNginx, startPostgrest } from './support.js';

const operations = {
  createProject: { method: 'POST', path: '/v1/projects', fn: 'create_project', ids: [] },
  getProject: { method: 'GET', path: '/v1/projects/{project_id}', fn: 'get_project', ids: ['project_id'] },
  deleteProject: { method: 'DELETE', path: '/v1/projects/{project_id}', fn: 'delete_project', ids: ['project_id'] },
  getDatabase: {
    method: 'GET', path: '/v1/projects/{project_id}/databases/{database_id}', fn: 'get_database',
    ids: ['project_id', 'database_id'],
  },
};

const asText = (body) => body === undefined || typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body);

/** An operation by its documented path. */
function callPath(url) {
  return (operation, { ids = [], key, body, headers = {} } = {}) => {
    const { method, path } = operations[operation];
    let i = 0;
    return curl(url + path.replaceAll(/{\w+}/g, () => ids[i++]), {
      method,
      body: asText(body),
      headers: {
        ...(key && { Authorization: `Bearer ${key}` }),
        ...(body !== undefined && { 'Content-Type': 'application/json' }),
        ...headers,
      },
    });
  };
}

/** An operation by its function; an API key has to come as X-API-Key. */
function callFunction(url) {
  return (operation, { ids = [], key, body, headers = {} } = {}) => {
    const { fn, ids: names } = operations[operation];
    const parameters = Object.fromEntries(names.map((name, i) => [name, ids[i]]));
    return curl(`${url}/rpc/${fn}`, {
      method: 'POST',
      body: asText(operation === 'createProject' ? body : parameters),
      headers: { ...(key && { 'X-API-Key': key }), 'Content-Type': 'application/json', ...headers },
    });
  };
}

/** All forms that can be had here, each a way to call an operation. */
export async function startForms(name) {
  const gateway = await startGateway(name);
  const postgrest = await startPostgrest(name);
  const forms = [
    { name: 'gateway', url: gateway.url, call: callPath(gateway.url), hasPaths: true },
    {
      name: postgrest.isReal ? 'PostgREST' : 'stand-in', url: postgrest.url, call: callFunction(postgrest.url),
      hasPaths: false,
    },
  ];
  if (isInstalled('nginx')) {
    const nginx = await startNginx(postgrest.url);
    forms.push({ name: `nginx, ${forms[1].name}`, url: nginx.url, call: callPath(nginx.url), hasPaths: true });
  }
  return forms;
}
