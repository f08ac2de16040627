/*
 * route.c
 *	  The operations of the API: where each is found, and how one is run.
 *
 * A path in the table is the API's, with {name} for an id.
 */
#include "postgres.h"

#include "database.h"
#include "health.h"
#include "idempotency.h"
#include "openapi.h"
#include "project.h"
#include "route.h"
#include "sql.h"
#include "text.h"

static void
get_openapi(const PbRequest *request, PbReply *reply)
{
	pb_openapi(reply->body, pb_routes, lengthof(pb_routes));
}

const PbRoute pb_routes[PB_OPERATIONS] = {
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
		.method = "GET", .path = "/v1/projects/{project_id}",
		.status = 200,
		.gives = &pb_project, .run = pb_project_get,
		.about = "One project."
	},
	[PB_DELETE_PROJECT] = {
		.operation = "deleteProject", .function = "delete_project",
		.method = "DELETE", .path = "/v1/projects/{project_id}",
		.writes = true, .status = 204,
		.run = pb_project_delete,
		.about = "Deletes a project and its databases."
	},
	[PB_GET_DATABASE] = {
		.operation = "getDatabase", .function = "get_database",
		.method = "GET",
		.path = "/v1/projects/{project_id}/databases/{database_id}",
		.status = 200,
		.gives = &pb_database, .run = pb_database_get,
		.about = "One database of a project."
	},
	[PB_GET_HEALTH] = {
		.operation = "getHealth", .function = "health",
		.method = "GET", .path = "/v1/health",
		.is_public = true, .status = 200,
		.run = pb_health_get,
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
 * Whether the path is one of the template's. The texts that stand for its ids
 * go to match, still encoded.
 */
static bool
fits(const char *template, const char *path, size_t length, PbMatch *match)
{
	const char *end = path + length;
	int			ids = 0;

	while (*template != '\0')
	{
		const char *start = path;

		if (*template != '{')
		{
			if (path == end || *path++ != *template++)
				return false;
			continue;
		}
		while (path < end && *path != '/')
			path++;
		if (path == start)
			return false;
		Assert(ids < PB_IDS_MAX);
		match->ids[ids] = start;
		match->lengths[ids++] = path - start;
		template = strchr(template, '}') + 1;
	}
	return path == end;
}

/* The route of a method and a path; HEAD is GET. */
void
pb_route_match(const char *method, const char *path, size_t length,
			   PbMatch *match)
{
	bool		is_head = strcmp(method, "HEAD") == 0;

	memset(match, 0, sizeof(*match));
	for (int i = 0; i < PB_OPERATIONS && match->route == NULL; i++)
	{
		const PbRoute *route = &pb_routes[i];

		if (!fits(route->path, path, length, match))
			continue;
		if (match->first == NULL)
			match->first = route;
		if (strcmp(route->method, is_head ? "GET" : method) == 0)
			match->route = route;
	}
}

/* The name of an id in the path. */
static const char *
id_name(const PbRoute *route, int index)
{
	const char *open = strchr(route->path, '{');

	for (; index > 0; index--)
		open = strchr(open + 1, '{');
	return pnstrdup(open + 1, strchr(open, '}') - open - 1);
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

/* Over HTTP an id that no object can have is a problem of the request. */
static bool
check_ids(const PbRoute *route, const PbRequest *request, PbFaults *faults)
{
	for (int i = 0; i < pb_operation_ids(route); i++)
	{
		PbPath		path = {NULL, id_name(route, i), 0};
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

	(void) pb_sql_try(request->scope, run_one, &run, 0);
}

/* DELETE needs no key: a second one is as good as the first. */
static void
run_writing(const PbRoute *route, const PbRequest *request, PbReply *reply)
{
	pb_sql_require_read_committed("requests that write are answered only");
	if (strcmp(route->method, "DELETE") == 0 ||
		pb_idempotency_claim(route, request, reply))
		run_undoable(route, request, reply);
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
