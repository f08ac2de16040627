/*
 * route.c
 *	  The operations of the API: where each is found, and how one is run.
 *
 * A path in the table is the API's, with {name} for an id.
 */
#include "postgres.h"

#include "auth/authorization.h"
#include "base/sql.h"
#include "base/state.h"
#include "base/text.h"
#include "http/idempotency.h"
#include "http/openapi.h"
#include "http/route.h"
#include "resources/account.h"
#include "resources/database.h"
#include "resources/domain.h"
#include "resources/health.h"
#include "resources/page.h"
#include "resources/project.h"
#include "resources/replica.h"

static void
get_openapi(const PbRequest *request, PbReply *reply)
{
	pb_openapi(reply->body, pb_routes, lengthof(pb_routes));
}

#define PROJECT "/v1/projects/{project_id}"
#define DATABASE PROJECT "/databases/{database_id}"
#define DOMAINS PROJECT "/domains"
#define REPLICAS "/v1/databases/{database_id}/replicas"

const PbRoute pb_routes[PB_OPERATIONS] = {
	[PB_LIST_PROJECTS] = {
		.operation = "listProjects", .function = "list_projects",
		.method = "GET", .path = "/v1/projects", .status = 200,
		.parameters = &pb_project_list_parameters,
		.gives = &pb_project, .lists = true, .counts = true,
		.run = pb_project_list,
		.about = "The projects of an organization, page by page."
	},
	[PB_CREATE_PROJECT] = {
		.operation = "createProject", .function = "create_project",
		.method = "POST", .path = "/v1/projects",
		.writes = true, .conflicts = true, .status = 201,
		.takes = &pb_project, .gives = &pb_project,
		.location = &pb_routes[PB_GET_PROJECT],
		.run = pb_project_create,
		.about = "Stores a project and its first database."
	},
	[PB_GET_PROJECT] = {
		.operation = "getProject", .function = "get_project",
		.method = "GET", .path = PROJECT, .status = 200,
		.gives = &pb_project, .has_etag = true, .run = pb_project_get,
		.about = "One project."
	},
	[PB_UPDATE_PROJECT] = {
		.operation = "updateProject", .function = "update_project",
		.method = "PATCH", .path = PROJECT,
		.writes = true, .conflicts = true, .status = 200,
		.takes = &pb_project, .changes = true,
		.gives = &pb_project, .has_etag = true, .run = pb_project_update,
		.about = "Changes what is given of a project."
	},
	[PB_DELETE_PROJECT] = {
		.operation = "deleteProject", .function = "delete_project",
		.method = "DELETE", .path = PROJECT,
		.writes = true, .status = 204, .run = pb_project_delete,
		.about = "Deletes a project and its databases."
	},
	[PB_LIST_DATABASES] = {
		.operation = "listDatabases", .function = "list_databases",
		.method = "GET", .path = PROJECT "/databases", .status = 200,
		.parameters = &pb_page_parameters,
		.gives = &pb_database, .lists = true, .run = pb_project_list_databases,
		.about = "The databases of a project, page by page."
	},
	[PB_CREATE_DATABASE] = {
		.operation = "createDatabase", .function = "create_database",
		.method = "POST", .path = PROJECT "/databases",
		.writes = true, .conflicts = true, .status = 201,
		.takes = &pb_database, .gives = &pb_database,
		.location = &pb_routes[PB_GET_DATABASE],
		.run = pb_project_add_database,
		.about = "Stores another database of a project."
	},
	[PB_GET_DATABASE] = {
		.operation = "getDatabase", .function = "get_database",
		.method = "GET", .path = DATABASE, .status = 200,
		.gives = &pb_database, .has_etag = true, .run = pb_database_get,
		.about = "One database of a project."
	},
	[PB_UPDATE_DATABASE] = {
		.operation = "updateDatabase", .function = "update_database",
		.method = "PATCH", .path = DATABASE,
		.writes = true, .status = 200,
		.takes = &pb_database, .changes = true,
		.gives = &pb_database, .has_etag = true, .run = pb_database_update,
		.about = "Changes what is given of a database, its password too."
	},
	[PB_DELETE_DATABASE] = {
		.operation = "deleteDatabase", .function = "delete_database",
		.method = "DELETE", .path = DATABASE,
		.writes = true, .status = 204, .run = pb_project_delete_database,
		.about = "Deletes a database."
	},
	[PB_TEST_DATABASE] = {
		.operation = "testDatabaseConnection",
		.function = "test_database_connection",
		.method = "POST", .path = DATABASE "/test-connection", .status = 200,
		.run = pb_database_test,
		.about = "Whether its upstream could be reached when a data plane tried last."
	},
	[PB_LIST_REPLICAS] = {
		.operation = "listReplicas", .function = "list_replicas",
		.method = "GET", .path = REPLICAS, .status = 200,
		.parameters = &pb_page_parameters,
		.gives = &pb_replica, .lists = true, .run = pb_database_list_replicas,
		.about = "The replicas of a database, page by page."
	},
	[PB_CREATE_REPLICA] = {
		.operation = "createReplica", .function = "create_replica",
		.method = "POST", .path = REPLICAS,
		.writes = true, .status = 201,
		.takes = &pb_replica, .gives = &pb_replica,
		.run = pb_database_add_replica,
		.about = "Stores a replica of a database."
	},
	[PB_DELETE_REPLICA] = {
		.operation = "deleteReplica", .function = "delete_replica",
		.method = "DELETE", .path = REPLICAS "/{replica_id}",
		.writes = true, .status = 204, .run = pb_database_delete_replica,
		.about = "Deletes a replica."
	},
	[PB_LIST_DOMAINS] = {
		.operation = "listCustomDomains", .function = "list_custom_domains",
		.method = "GET", .path = DOMAINS, .status = 200,
		.parameters = &pb_page_parameters,
		.gives = &pb_custom_domain, .lists = true,
		.run = pb_project_list_domains,
		.about = "The custom domains of a project, page by page."
	},
	[PB_CREATE_DOMAIN] = {
		.operation = "createCustomDomain", .function = "create_custom_domain",
		.method = "POST", .path = DOMAINS,
		.writes = true, .conflicts = true, .status = 201,
		.takes = &pb_custom_domain, .gives = &pb_custom_domain,
		.run = pb_project_add_domain,
		.about = "Gives a project a domain of its own."
	},
	[PB_DELETE_DOMAIN] = {
		.operation = "deleteCustomDomain", .function = "delete_custom_domain",
		.method = "DELETE", .path = DOMAINS "/{domain_id}",
		.writes = true, .status = 204, .run = pb_domain_delete,
		.about = "Takes a custom domain from its project."
	},
	[PB_VERIFY_DOMAIN] = {
		.operation = "verifyCustomDomain", .function = "verify_custom_domain",
		.method = "POST", .path = DOMAINS "/{domain_id}/verify",
		.writes = true, .status = 200, .run = pb_domain_verify,
		.about = "Verifies a custom domain by what is known of its TXT record."
	},
	[PB_LIST_REGIONS] = {
		.operation = "listRegions", .function = "list_regions",
		.method = "GET", .path = "/v1/regions", .status = 200,
		.run = pb_account_list_regions,
		.about = "The regions that are published."
	},
	[PB_LIST_PLANS] = {
		.operation = "listPlans", .function = "list_plans",
		.method = "GET", .path = "/v1/plans", .status = 200,
		.run = pb_account_list_plans,
		.about = "The plans there are."
	},
	[PB_LIST_ORGANIZATIONS] = {
		.operation = "listOrganizations", .function = "list_organizations",
		.method = "GET", .path = "/v1/organizations", .status = 200,
		.run = pb_account_list_organizations,
		.about = "The caller's organizations."
	},
	[PB_GET_PLAN] = {
		.operation = "getOrganizationPlan", .function = "get_organization_plan",
		.method = "GET", .path = "/v1/organizations/{org_id}/plan",
		.names_organization = true, .status = 200,
		.run = pb_account_get_plan,
		.about = "The plan of an organization, and its limits."
	},
	[PB_GET_HEALTH] = {
		.operation = "getHealth", .function = "health",
		.method = "GET", .path = "/v1/health",
		.is_public = true, .status = 200, .unfit = 503,
		.gives = &pb_health, .run = pb_health_get,
		.about = "Whether the service is fit for work."
	},
	[PB_GET_OPENAPI] = {
		.operation = "getOpenApi", .function = "openapi",
		.method = "GET", .path = "/openapi.json",
		.is_public = true, .status = 200,
		.run = get_openapi,
		.about = "This description."
	},
};

/*
 * What the API has beside these, each with all that stands below it; no path
 * of a route begins so.
 */
#define OF_PROJECT(path_, what_) {PROJECT path_, what_}
#define OF_DATABASE(path_, what_) {DATABASE path_, what_}
#define OF_ORGANIZATION(path_, what_) \
	{"/v1/organizations/{org_id}" path_, what_}

static const struct
{
	const char *path;
	const char *what;
}			unserved[] =
{
	OF_DATABASE("/cache-rules", "cache rules"),
	OF_DATABASE("/scan-pii", "the scan for personal data"),
	OF_DATABASE("/schema-catalog", "the schema catalog"),
	OF_PROJECT("/agents", "agent credentials"),
	OF_PROJECT("/anomalies", "anomaly alerts"),
	OF_PROJECT("/anomaly-rules", "anomaly rules"),
	OF_PROJECT("/approvals", "approval requests"),
	OF_PROJECT("/approval-rules", "approval rules"),
	OF_PROJECT("/audit-logs", "audit logs"),
	OF_PROJECT("/batch", "batches"),
	OF_PROJECT("/branches", "sandbox branches"),
	OF_PROJECT("/honeytokens", "honeytokens"),
	OF_PROJECT("/insights", "insights"),
	OF_PROJECT("/metrics", "metrics"),
	OF_PROJECT("/migrations:lint", "the check of migrations"),
	OF_PROJECT("/policies", "policy profiles"),
	OF_PROJECT("/policy-evaluations", "policy evaluations"),
	OF_PROJECT("/policy-replays", "policy replays"),
	OF_PROJECT("/schema-annotations", "schema annotations"),
	OF_PROJECT("/usage", "usage of projects"),
	OF_PROJECT("/webhooks", "webhooks"),
	OF_ORGANIZATION("/cancellation-feedback", "feedback on cancellations"),
	OF_ORGANIZATION("/crm", "the CRM"),
	OF_ORGANIZATION("/invitations", "invitations"),
	OF_ORGANIZATION("/members", "members"),
	OF_ORGANIZATION("/onboarding", "onboarding"),
	OF_ORGANIZATION("/self-host-enrollments", "enrollments of self-hosted proxies"),
	OF_ORGANIZATION("/spend-limit", "spend limits"),
	OF_ORGANIZATION("/support", "support cases"),
	OF_ORGANIZATION("/usage", "usage of organizations"),
	OF_ORGANIZATION("/vercel-installation", "installations of Vercel"),
	{"/v1/account", "the export of accounts"},
	{"/v1/demo", "the demo"},
	{"/v1/internal", "internal operations"},
	{"/v1/mcp", "MCP"},
	{"/v1/payments", "payments"},
	{"/v1/scan", "the scan of texts"},
};

/*
 * Behind the beginning of a path that is of the template; NULL where it does
 * not begin so. The texts that stand for its ids go to match, still encoded.
 */
static const char *
pass(const char *template, const char *path, const char *end, PbMatch *match)
{
	int			ids = 0;

	while (*template != '\0')
	{
		const char *start = path;

		if (*template != '{')
		{
			if (path == end || *path++ != *template++)
				return NULL;
			continue;
		}
		while (path < end && *path != '/')
			path++;
		if (path == start)
			return NULL;
		Assert(ids < PB_IDS_MAX);
		match->ids[ids] = start;
		match->lengths[ids++] = path - start;
		template = strchr(template, '}') + 1;
	}
	return path;
}

/* What the API has at a path without a route, or NULL. */
static const char *
find_unserved(const char *path, const char *end)
{
	PbMatch		ignored;

	for (int i = 0; i < (int) lengthof(unserved); i++)
	{
		const char *rest = pass(unserved[i].path, path, end, &ignored);

		if (rest != NULL && (rest == end || *rest == '/'))
			return unserved[i].what;
	}
	return NULL;
}

/* The route of a method and a path; HEAD is GET. */
void
pb_route_match(const char *method, const char *path, size_t length,
			   PbMatch *match)
{
	bool		is_head = strcmp(method, "HEAD") == 0;
	const char *end = path + length;

	memset(match, 0, sizeof(*match));
	for (int i = 0; i < PB_OPERATIONS && match->route == NULL; i++)
	{
		const PbRoute *route = &pb_routes[i];

		if (pass(route->path, path, end, match) != end)
			continue;
		if (match->first == NULL)
			match->first = route;
		if (strcmp(route->method, is_head ? "GET" : method) == 0)
			match->route = route;
	}
	if (match->first == NULL)
		match->unserved = find_unserved(path, end);
}

/* The methods that a path has, as the header Allow lists them. */
const char *
pb_route_methods(const PbRoute *first)
{
	StringInfoData list;

	initStringInfo(&list);
	for (int i = 0; i < PB_OPERATIONS; i++)
	{
		const PbRoute *route = &pb_routes[i];

		if (strcmp(route->path, first->path) == 0)
			appendStringInfo(&list, "%s%s, ", route->method,
							 strcmp(route->method, "GET") == 0 ? ", HEAD" : "");
	}
	appendStringInfoString(&list, "OPTIONS");
	return list.data;
}

/* The path of what was created: the request's ids, then the new one. */
const char *
pb_route_location(const PbRoute *route, const PbRequest *request,
				  const PbReply *reply)
{
	StringInfoData path;
	int			given = pb_operation_ids(route);
	int			id = 0;

	initStringInfo(&path);
	for (const char *p = route->location->path; *p != '\0'; p++)
	{
		if (*p != '{')
		{
			appendStringInfoChar(&path, *p);
			continue;
		}
		appendStringInfoString(&path,
							   id < given ? request->ids[id] : reply->created);
		id++;
		p = strchr(p, '}');
	}
	return path.data;
}

/* A client may have left what no URI may hold; it would end the link. */
static void
append_in_link(StringInfo link, const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (text[i] <= ' ' || text[i] > '~' || strchr("<>\"", text[i]) != NULL)
			appendStringInfo(link, "%%%02X", (unsigned char) text[i]);
		else
			appendStringInfoChar(link, text[i]);
}

/* The same request for the next page, relative: RFC 8288. */
const char *
pb_route_next_link(const PbRequest *request, const PbReply *reply)
{
	StringInfoData link;
	const char *query = request->query;

	initStringInfo(&link);
	appendStringInfo(&link, "<%s?", request->path);
	while (*query != '\0')
	{
		size_t		length = strcspn(query, "&");

		if (!pb_text_starts(query, length, "page_token="))
		{
			append_in_link(&link, query, length);
			appendStringInfoChar(&link, '&');
		}
		query += length + (query[length] == '&');
	}
	appendStringInfo(&link, "page_token=%s>; rel=\"next\"", reply->next_page);
	return link.data;
}

/*
 * Over HTTP an id that no object can have is a problem of the request. What
 * can be an organization's is told by its operation.
 */
static bool
check_ids(const PbRoute *route, const PbRequest *request, PbFaults *faults)
{
	for (int i = route->names_organization; i < pb_operation_ids(route); i++)
	{
		PbPath		path = {NULL, pb_operation_id_name(route, i), 0};
		const char *id = request->ids[i] != NULL ? request->ids[i] : "";
		const char *problem = pb_text_path_id_problem(id, strlen(id));

		if (problem != NULL)
			pb_fault_problem(faults, &path, problem, NULL);
	}
	return faults->refusal == PB_ACCEPTED;
}

typedef struct Run
{
	const PbRoute *route;
	const PbRequest *request;
	PbReply    *reply;
} Run;

static bool
run_one(void *state)
{
	Run		   *run = state;

	run->route->run(run->request, run->reply);
	return run->reply->faults.refusal == PB_ACCEPTED;
}

/* Runs an operation for an HTTP request; a refusal leaves nothing written. */
static void
run_undoable(const PbRoute *route, const PbRequest *request, PbReply *reply)
{
	Run			run = {route, request, reply};

	(void) pb_sql_try(request->scope, run_one, &run, NULL);
}

/* Whether the caller may ask today for what was answered before; or faults. */
static bool
may_still(const PbRequest *request, const PbReply *reply, PbFaults *faults)
{
	const PbClaim *claim = reply->claim;
	PbOrganization organization;

	return claim == NULL || !claim->is_replay ||
		claim->org_id == (Datum) 0 ||
		pb_authorize(&request->caller, PB_WRITE, claim->org_id,
					 &organization, faults);
}

static bool
run_in_vain(void *state)
{
	(void) run_one(state);
	return false;
}

/*
 * Refuses what was answered before as the operation refuses it to whoever may
 * not ask. It may have come to allow it again by now: then what it did is
 * undone, and the refusal stands that it was run for.
 */
static void
run_refused(const PbRoute *route, const PbRequest *request, PbReply *reply,
			const PbFaults *faults)
{
	Run			run = {route, request, reply};

	reply->claim = NULL;
	(void) pb_sql_try(request->scope, run_in_vain, &run, NULL);
	if (reply->faults.refusal != PB_ACCEPTED)
		return;
	reply->body->len = reply->body_begin;
	reply->faults = *faults;
}

/* DELETE needs no key: a second one is as good as the first. */
static void
run_writing(const PbRoute *route, const PbRequest *request, PbReply *reply)
{
	PbFaults	faults = {0};

	if (!pb_state_takes_writes(&reply->faults))
		return;
	pb_sql_require_read_committed("requests that write are answered only");
	if (strcmp(route->method, "DELETE") == 0 ||
		pb_idempotency_claim(route, request, reply))
		run_undoable(route, request, reply);
	else if (!may_still(request, reply, &faults))
		run_refused(route, request, reply, &faults);
}

/*
 * Runs an operation for a caller who has been identified. In the SQL manner a
 * refusal becomes an error, which undoes what was written.
 */
void
pb_route_run(const PbRoute *route, const PbRequest *request, PbReply *reply)
{
	if (pb_request_is_strict(request))
		reply->unknown = &reply->faults;
	if (request->manner == PB_SQL)
		route->run(request, reply);
	else if (!check_ids(route, request, &reply->faults))
		return;
	else if (route->writes)
		run_writing(route, request, reply);
	else
		route->run(request, reply);
}
