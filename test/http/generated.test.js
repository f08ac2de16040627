// Runs published clients, and clients generated from the description, against
// the server. If a machine lacks something (Python, Go, their registries),
// tests are skipped with the reason.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { createBody, organization } from './examples.js';
import { createPgbeam, curl, isInstalled, startGateway } from './support.js';

const run = promisify(execFile);
const pgbeam = await createPgbeam('http_generated');
await pgbeam.sql('SELECT pgbeam.set_organization($1, $2)', organization, '{}');
const { key } = await pgbeam.createKey({ organization });
const { url } = await startGateway(pgbeam.name);
const folder = await mkdtemp(join(tmpdir(), 'pgbeam-generated.'));
after(() => rm(folder, { recursive: true, force: true, maxRetries: 3 }));
await writeFile(join(folder, 'openapi.json'), (await curl(`${url}/openapi.json`)).body);

const body = JSON.stringify(createBody());
const environment = { ...process.env, PATH: `${join(folder, 'venv', 'bin')}:${process.env.PATH}`, PGBEAM_URL: url, PGBEAM_KEY: key, PGBEAM_BODY: body, PGBEAM_ORG: organization, GOBIN: join(folder, 'bin') };
// The Go programs alone take minutes where nothing of them was compiled before.
const inFolder = (command, args, cwd = folder) => run(command, args, { cwd, timeout: 900_000, env: environment });

/** The reason why something is not available here; undefined if it is. */
async function lack(command, ...args) {
  try {
    await inFolder(command, args);
  } catch (error) {
    return `${args.at(-1)} is not to be had: ${String(error.stderr || error.message).trim().split('\n').at(-1).slice(0, 120)}`;
  }
}

const python = join(folder, 'venv', 'bin', 'python');
const noPython = isInstalled('python3') ? await lack('python3', '-m', 'venv', 'venv') : 'Python is not installed';
const pip = async (...packages) => noPython ?? lack(python, '-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', ...packages);

/** The JSON that a Python program prints. */
async function printed(program) {
  const { stdout } = await inFolder(python, ['-c', program]);
  return JSON.parse(stdout);
}

before(pgbeam.empty);

test('the published SDK for Python goes through a life cycle, and reads refusals', async (t) => {
  const reason = await pip('pgbeam==0.4.1');
  if (reason) return t.skip(reason);
  const seen = await printed(`
import json, os
from pgbeam import PgBeamClient
from pgbeam.errors import ApiError
client = PgBeamClient(token=os.environ["PGBEAM_KEY"], base_url=os.environ["PGBEAM_URL"])
body = json.loads(os.environ["PGBEAM_BODY"])
seen = {}
created = client.projects.create_project(body=body)
id = created["project"]["id"]
seen["created"] = [created["project"]["name"], created["project"]["self_hosted"], created["database"]["host"]]
seen["listed"] = client.projects.list_projects(org_id=body["org_id"])["total"]
seen["updated"] = client.projects.update_project(id, body={"residency": "any"})["residency"]
def refused(call):
    try:
        call()
    except ApiError as e:
        return [e.status, e.code, str(e), len(e.errors), bool(e.request_id)]
seen["taken"] = refused(lambda: client.projects.create_project(body=body))
seen["wrong"] = refused(lambda: client.projects.update_project(id, body={"name": "", "status": "x"}))
seen["rules"] = client.projects.list_cache_rules(id, created["database"]["id"])
seen["unseen"] = refused(lambda: client.projects.update_cache_rule(id, created["database"]["id"], "a1b2c3d4e5f60718", body={"cache_enabled": True}))
seen["metrics"] = client.projects.get_project_metrics(id, limit=10)
seen["usage"] = client.analytics.get_project_usage(id, start_date="2026-01-01", end_date="2026-01-31")
seen["unserved"] = refused(lambda: client.analytics.get_project_insights(id))
client.projects.delete_project(id)
seen["gone"] = refused(lambda: client.projects.get_project(id))
print(json.dumps(seen))`);
  assert.deepEqual(seen, {
    created: ['my-app', false, 'db.example.com'], listed: 1, updated: 'any',
    taken: [409, 'RESOURCE_EXISTS', 'a project with this name already exists in the organization', 0, true],
    wrong: [400, 'INVALID_INPUT', 'name must not be empty', 2, true],
    rules: { entries: [] },
    unseen: [404, 'NOT_FOUND', 'cache rule not found', 0, true],
    metrics: { snapshots: [] },
    usage: { usage: [] },
    unserved: [501, 'NOT_IMPLEMENTED', 'pgbeam does not serve insights', 0, true],
    gone: [404, 'NOT_FOUND', 'project not found', 0, true],
  });
});

test('the published SDK for Python reads and changes members, and sets a spend limit', async (t) => {
  const reason = await pip('pgbeam==0.4.1');
  if (reason) return t.skip(reason);
  await pgbeam.sql(`SELECT pgbeam.set_member($1, 'u_owner', 'owner'), pgbeam.set_member($1, 'u_1', 'member', 'engineer@example.com', 'Alex Rivera')`,
    organization);
  const seen = await printed(`
import json, os
from pgbeam import PgBeamClient
from pgbeam.errors import ApiError
client = PgBeamClient(token=os.environ["PGBEAM_KEY"], base_url=os.environ["PGBEAM_URL"])
org = os.environ["PGBEAM_ORG"]
def refused(call):
    try:
        call()
    except ApiError as e:
        return [e.status, e.code]
first = client.account.list_org_members(org, page_size=1)
members = first["members"] + client.account.list_org_members(org, page_token=first["next_page_token"])["members"]
owner, member = sorted(members, key=lambda m: m["user_id"], reverse=True)
changed = client.account.update_org_member_role(org, member["id"], body={"role": "policy-author"})
seen = {"listed": [owner["role"], member["email"], member["name"]], "changed": [changed["role"], changed["id"] == member["id"]]}
seen["owner"] = refused(lambda: client.account.update_org_member_role(org, owner["id"], body={"role": "admin"}))
seen["to_owner"] = refused(lambda: client.account.update_org_member_role(org, member["id"], body={"role": "owner"}))
client.account.remove_org_member(org, member["id"])
seen["gone"] = refused(lambda: client.account.remove_org_member(org, member["id"]))
seen["limit"] = client.analytics.update_spend_limit(org, body={"spend_limit": 0.1})["spend_limit"]
seen["read"] = client.analytics.get_organization_plan(org)["spend_limit"]
seen["none"] = client.analytics.update_spend_limit(org, body={"spend_limit": None})["spend_limit"]
seen["negative"] = refused(lambda: client.analytics.update_spend_limit(org, body={"spend_limit": -1}))
print(json.dumps(seen))`);
  assert.deepEqual(seen, {
    listed: ['owner', 'engineer@example.com', 'Alex Rivera'], changed: ['policy-author', true],
    owner: [403, 'FORBIDDEN'], to_owner: [400, 'INVALID_INPUT'], gone: [404, 'NOT_FOUND'],
    limit: 0.1, read: 0.1, none: null, negative: [400, 'INVALID_INPUT'],
  });
});

test('openapi-python-client makes a client that creates and lists', async (t) => {
  const reason = await pip('openapi-python-client==0.29.1');
  if (reason) return t.skip(reason);
  const { stdout, stderr } = await inFolder(python, ['-m', 'openapi_python_client', 'generate', '--path', 'openapi.json',
    '--meta', 'none', '--output-path', 'generated_client']);
  assert.doesNotMatch(stdout + stderr, /warning|error|Traceback/i);
  const seen = await printed(`
import json, os
from generated_client import AuthenticatedClient
from generated_client.api.default import create_project, list_projects
from generated_client.models import CreateProjectRequest
client = AuthenticatedClient(base_url=os.environ["PGBEAM_URL"], token=os.environ["PGBEAM_KEY"])
body = CreateProjectRequest.from_dict(json.loads(os.environ["PGBEAM_BODY"]))
created = create_project.sync(client=client, body=body)
again = create_project.sync(client=client, body=body)
listed = list_projects.sync(client=client, org_id=os.environ["PGBEAM_ORG"])
print(json.dumps([created.project.name, created.database.port, again.error.code, again.code, listed.total, listed.projects[0].id == created.project.id]))`);
  assert.deepEqual(seen, ['my-app', 5432, 'RESOURCE_EXISTS', 'RESOURCE_EXISTS', 1, true]);
  await pgbeam.empty();
});

const go = `package main

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
)

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func main() {
	client, err := NewClientWithResponses(os.Getenv("PGBEAM_URL"), WithRequestEditorFn(func(_ context.Context, r *http.Request) error {
		r.Header.Set("Authorization", "Bearer "+os.Getenv("PGBEAM_KEY"))
		return nil
	}))
	check(err)
	var body CreateProjectRequest
	check(json.Unmarshal([]byte(os.Getenv("PGBEAM_BODY")), &body))
	created, err := client.CreateProjectWithResponse(context.Background(), body)
	check(err)
	listed, err := client.ListProjectsWithResponse(context.Background(), &ListProjectsParams{OrgId: body.OrgId})
	check(err)
	check(json.NewEncoder(os.Stdout).Encode([]any{created.StatusCode(), created.JSON201.Project.Name, created.JSON201.Database.Port, listed.JSON200.Total}))
}
`;

test('oapi-codegen makes a client by its default call that compiles, creates and lists', async (t) => {
  if (!isInstalled('go')) return t.skip('Go is not installed');
  const reason = await lack('go', 'install', 'github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen@v2.8.2');
  if (reason) return t.skip(reason);
  const module = join(folder, 'module');
  await mkdir(module);
  await inFolder(join(folder, 'bin', 'oapi-codegen'), ['-package', 'main', '-o', 'module/api.go', 'openapi.json']);
  await writeFile(join(module, 'main.go'), go);
  await writeFile(join(module, 'go.mod'), 'module client\n\ngo 1.26.0\n\nrequire github.com/oapi-codegen/runtime v1.9.0\n');
  const noRuntime = await run('go', ['mod', 'tidy'], { cwd: module, timeout: 900_000, env: environment }).then(() => undefined, (error) => error.stderr);
  if (noRuntime) return t.skip(`the runtime of oapi-codegen is not to be had: ${noRuntime.trim().split('\n').at(-1).slice(0, 120)}`);
  const { stdout } = await inFolder('go', ['run', '.'], module);
  assert.deepEqual(JSON.parse(stdout), [201, 'my-app', 5432, 1]);
});
