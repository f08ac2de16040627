/*
 * route.c
 *	  Finds the operation of a method and a path, and makes links for answers.
 *
 * Paths in the table of operations are templates: {name} stands for an id.
 */
#include "postgres.h"

#include "base/text.h"
#include "http/route.h"

/*
 * Parts of the API that pgbeam does not serve, each with everything below its
 * path. No operation's path begins with one of these.
 */
#define PROJECT "/v1/projects/{project_id}"
#define OF_PROJECT(path_, what_) {PROJECT path_, what_}
#define OF_DATABASE(path_, what_) \
	{PROJECT "/databases/{database_id}" path_, what_}
#define OF_ORGANIZATION(path_, what_) \
	{"/v1/organizations/{org_id}" path_, what_}

static const struct
{
	const char *path;
	const char *what;
}			unserved[] =
{
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
	OF_PROJECT("/migrations:lint", "the check of migrations"),
	OF_PROJECT("/policies", "policy profiles"),
	OF_PROJECT("/policy-evaluations", "policy evaluations"),
	OF_PROJECT("/policy-replays", "policy replays"),
	OF_PROJECT("/schema-annotations", "schema annotations"),
	OF_PROJECT("/usage/agents", "usage of agents"),
	OF_PROJECT("/webhooks", "webhooks"),
	OF_ORGANIZATION("/cancellation-feedback", "feedback on cancellations"),
	OF_ORGANIZATION("/crm", "the CRM"),
	OF_ORGANIZATION("/invitations", "invitations"),
	OF_ORGANIZATION("/onboarding", "onboarding"),
	OF_ORGANIZATION("/self-host-enrollments", "enrollments of self-hosted proxies"),
	OF_ORGANIZATION("/support", "support cases"),
	OF_ORGANIZATION("/vercel-installation", "installations of Vercel"),
	{"/v1/account", "the export of accounts"},
	{"/v1/demo", "the demo"},
	{"/v1/internal", "internal operations"},
	{"/v1/mcp", "MCP"},
	{"/v1/payments", "payments"},
	{"/v1/scan", "the scan of texts"},
};

/*
 * Matches the beginning of a path against a template. Returns the rest of the
 * path, or NULL if it does not match. The ids go to match, still encoded.
 */
static const char *
match_beginning(const char *template, const char *path, const char *end,
				PbMatch *match)
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

/* The part of the API, not served here, that a path belongs to; or NULL. */
static const char *
find_unserved(const char *path, const char *end)
{
	PbMatch		ignored;

	for (int i = 0; i < (int) lengthof(unserved); i++)
	{
		const char *rest = match_beginning(unserved[i].path, path, end,
										   &ignored);

		if (rest != NULL && (rest == end || *rest == '/'))
			return unserved[i].what;
	}
	return NULL;
}

/* Finds the operation of a method and a path. HEAD counts as GET. */
void
pb_route_match(const char *method, const char *path, size_t length,
			   PbMatch *match)
{
	bool		is_head = strcmp(method, "HEAD") == 0;
	const char *end = path + length;

	memset(match, 0, sizeof(*match));
	for (int i = 0; i < PB_OPERATIONS && match->operation == NULL; i++)
	{
		const PbOperation *operation = &pb_operations[i];

		if (match_beginning(operation->path, path, end, match) != end)
			continue;
		if (match->first == NULL)
			match->first = operation;
		if (strcmp(operation->method, is_head ? "GET" : method) == 0)
			match->operation = operation;
	}
	if (match->first == NULL)
		match->unserved = find_unserved(path, end);
}

/* The methods of a path, as the header Allow lists them. */
const char *
pb_route_methods(const PbOperation *first)
{
	StringInfoData list;

	initStringInfo(&list);
	for (int i = 0; i < PB_OPERATIONS; i++)
	{
		const PbOperation *operation = &pb_operations[i];

		if (strcmp(operation->path, first->path) == 0)
			appendStringInfo(&list, "%s%s, ", operation->method,
							 strcmp(operation->method, "GET") == 0 ? ", HEAD" : "");
	}
	appendStringInfoString(&list, "OPTIONS");
	return list.data;
}

/* The path of a created object: the request's ids, then the new one. */
const char *
pb_route_location(const PbOperation *found, const PbRequest *request,
				  const PbReply *reply)
{
	StringInfoData path;
	int			id = 0;

	initStringInfo(&path);
	for (const char *p = found->path; *p != '\0'; p++)
	{
		if (*p != '{')
		{
			appendStringInfoChar(&path, *p);
			continue;
		}
		appendStringInfoString(&path, id < request->id_count ?
							   request->ids[id] : reply->created);
		id++;
		p = strchr(p, '}');
	}
	return path.data;
}

/*
 * Escapes what no URI may contain. A client may have sent it, and it could end
 * the link early.
 */
static void
append_in_link(StringInfo link, const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (text[i] <= ' ' || text[i] > '~' || strchr("<>\"", text[i]) != NULL)
			appendStringInfo(link, "%%%02X", (unsigned char) text[i]);
		else
			appendStringInfoChar(link, text[i]);
}

/* A link to the next page: the same request, relative as RFC 8288 allows. */
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
