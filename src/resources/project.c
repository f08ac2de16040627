/*
 * project.c
 *	  Projects: fields, the plan's limit, the proxy host, and the count of
 *	  databases.
 *
 * A create writes the host first, then the project, then the database, so that
 * no project ever stands under another one's host. Locks are taken in the
 * order organization, host, project, database.
 *
 * Operations that add or delete a database lock its project and count. Gets
 * and lists read that count with the row. Counting for each of them was
 * rejected, as it would take most of their time.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"

#include "auth/authentication.h"
#include "auth/authorization.h"
#include "auth/organization.h"
#include "base/sql.h"
#include "base/text.h"
#include "fields/check.h"
#include "resources/activity.h"
#include "resources/host.h"
#include "resources/mark.h"
#include "resources/page.h"
#include "resources/prefix.h"
#include "resources/project.h"
#include "resources/resource.h"
#include "resources/search.h"
#include "resources/standard.h"

#define PROJECT_NAME_MAX 100
#define TAGS_MAX 10
#define TAG_MAX 50				/* characters */

static PbPrepared prepared;

static struct
{
	int			name;
	int			tags;
	int			cloud;
	int			self_hosted;
	int			proxy_host;
	int			queries_per_second;
	int			burst_size;
	int			max_connections;
	int			database_count;
	int			active_connections;
	int			status;
}			at;

static bool allow_empty_database;

static bool is_no_database(const PbJson *database);

static const char *const residencies[] = {"any", "us", "eu", NULL};
static const char *const states[] = {"active", "suspended", "deleted", NULL};
static const char *const settable_states[] = {"active", "suspended", NULL};

static const PbField tag[] = {
	{.name = "", .kind = PB_TEXT, .most = TAG_MAX},
	{0}
};

static const PbField cidr_entry[] = {
	{
		.name = "cidr", .column = "allowed_cidrs", .kind = PB_TEXT,
		.flags = PB_READ_WRITE | PB_REQUIRED,
		.most = PB_CIDR_MAX, .rule = pb_text_cidr_problem,
		.pattern = PB_CIDR_PATTERN,
		.about = "IPv4 or IPv6 address or network from which clients may connect."
	},
	{
		.name = "label", .column = "allowed_cidr_labels", .kind = PB_TEXT,
		.flags = PB_READ_WRITE | PB_NULLABLE, .most = 100,
		.about = "What that network is."
	},
	{0}
};

static const PbField fields[] = {
	{
		.name = "id", .kind = PB_ID, .flags = PB_SHOWN, .prefix = PB_PROJECT_PREFIX,
		.at = &prepared.id,
		.about = "The project's id."
	},
	{
		.name = "org_id", PB_ORG_ID_RULE,
		.flags = PB_CREATE | PB_SHOWN | PB_REQUIRED, .at = &prepared.org_id,
		.about = "The organization that it belongs to. It never changes."
	},
	{
		.name = "name", .kind = PB_TEXT, .flags = PB_READ_WRITE | PB_REQUIRED,
		.least = 1, .most = PROJECT_NAME_MAX, .at = &at.name,
		.about = "Its name, unique in the organization."
	},
	{
		.name = "description", .kind = PB_TEXT, .flags = PB_READ_WRITE | PB_NULLABLE,
		.most = 500,
		.about = "What the project is for."
	},
	{
		.name = "tags", .kind = PB_LIST, .flags = PB_READ_WRITE, .most = TAGS_MAX,
		.fields = tag, .fallback = "[]", .at = &at.tags,
		.about = "Words to find it by, in the given order."
	},
	{
		.name = "cloud", .kind = PB_WORD, .flags = PB_CREATE | PB_SHOWN,
		.words = pb_clouds, .fallback = "\"aws\"", .at = &at.cloud,
		.about = "The cloud that its proxy runs in. It never changes."
	},
	{
		.name = "self_hosted", .kind = PB_BOOLEAN,
		.flags = PB_CREATE | PB_SHOWN,
		.fallback = "false", .at = &at.self_hosted,
		.about = "Whether the organization runs the proxy itself."
	},
	{
		.name = "proxy_host", .kind = PB_TEXT, .flags = PB_SHOWN,
		.least = 1, .most = PB_DNS_NAME_MAX, .at = &at.proxy_host,
		.about = "The host that clients connect to. It never changes."
	},
	{
		.name = "queries_per_second", .kind = PB_INTEGER,
		.flags = PB_SHOWN | PB_DERIVED, .at = &at.queries_per_second,
		.about = "The organization's limit; 0 means none."
	},
	{
		.name = "burst_size", .kind = PB_INTEGER,
		.flags = PB_SHOWN | PB_DERIVED, .at = &at.burst_size,
		.about = "The organization's limit; 0 means the same as queries_per_second."
	},
	{
		.name = "max_connections", .kind = PB_INTEGER,
		.flags = PB_SHOWN | PB_DERIVED, .at = &at.max_connections,
		.about = "The organization's limit; 0 means none."
	},
	{
		.name = "allowed_cidrs", .kind = PB_LIST, .flags = PB_READ_WRITE,
		.most = 50, .fields = cidr_entry,
		.about = "Networks from which clients may connect; an empty list allows all."
	},
	{
		.name = "default_policy_profile_id", .kind = PB_ID, .prefix = "pol",
		.flags = PB_UPDATE | PB_SHOWN | PB_NULLABLE,
		.about = "The policy profile of agents without one of their own."
	},
	{
		.name = "residency", .kind = PB_WORD,
		.flags = PB_UPDATE | PB_SHOWN | PB_NULLABLE | PB_SPARSE |
			PB_BLANK_RESETS,
		.words = residencies, .fallback = "\"any\"",
		.about = "Where its data may be processed."
	},
	{
		.name = "agents_disabled", .kind = PB_BOOLEAN,
		.flags = PB_UPDATE | PB_SHOWN | PB_NULLABLE | PB_SPARSE,
		.fallback = "false",
		.about = "Whether agents are kept out."
	},
	{
		.name = "database", .kind = PB_EMBEDDED,
		.flags = PB_CREATE | PB_REQUIRED, .embeds = "database",
		.may_be_none = &allow_empty_database, .is_none = is_no_database,
		.about = "The project's first database."
	},
	{
		.name = "database_count", .kind = PB_INTEGER, .flags = PB_SHOWN,
		.most = PG_INT32_MAX, .at = &at.database_count,
		.about = "The number of its databases."
	},
	{
		.name = "active_connections", .kind = PB_INTEGER,
		.flags = PB_SHOWN | PB_DERIVED, .at = &at.active_connections,
		.about = "Clients that are connected, by the last reports; 0 while no data plane reports any."
	},
	{
		.name = "status", .kind = PB_WORD,
		.flags = PB_UPDATE | PB_SHOWN | PB_KEPT | PB_BLANK_KEEPS,
		.words = states, .settable = settable_states,
		.otherwise = "Delete the project.",
		.fallback = "\"active\"", .at = &at.status,
		.about = "Whether it serves clients."
	},
	PB_TIMES(prepared),
	{0}
};

void
pb_project_define_settings(void)
{
	DefineCustomBoolVariable("pgbeam.allow_empty_database",
							 "Takes a database with an empty host, name and username, and with port 0, for none.",
							 NULL, &allow_empty_database, false,
							 PGC_SUSET, 0, NULL, NULL, NULL);
}

static bool
is_blank(const PbJson *object, const char *name)
{
	PbJson		value;

	return pb_json_find(object, name, &value) &&
		pb_json_text_is(&value, "");
}

/*
 * Whether a client that must send a database has none to send. Then it sends
 * the members that a create must have, all of them empty, and nothing else.
 */
static bool
is_no_database(const PbJson *database)
{
	PbJson		port;
	int32		number;

	return is_blank(database, "host") && is_blank(database, "name") &&
		is_blank(database, "username") &&
		pb_json_find(database, "port", &port) &&
		port.type == PB_JSON_NUMBER &&
		pb_json_integer(&port, &number) == PB_NUMBER_INTEGER && number == 0 &&
		database->size == 4 + is_blank(database, "password");
}

static void
check_row(const PbRow *row, const PbPath *up, PbFaults *faults)
{
	PbPath		path = {up, "status", 0};
	bool		deleted = pb_row_has(row, prepared.deleted_at);

	if (deleted != pb_row_is_word(row, at.status, "deleted"))
		pb_fault_problem(faults, &path,
						 "must be deleted when deleted_at is set, and only then",
						 NULL);
}

static const PbOrder orders[] = {
	{
		.name = "created_at", .column = "id", .leaf = &prepared.id,
		.descending = true, .is_indexed = true
	},
	{
		.name = "name", .column = "name", .leaf = &at.name, .by_text = true,
		.is_indexed = true
	},
	{
		.name = "active_connections", .column = "id", .leaf = &prepared.id,
		.by_text = true, .descending = true, .read = pb_activity_read_page
	},
	{0}
};

#define SUSPENDED_MARK "status=suspended"

static const char *
mark_of_tag(Datum tag, bool *lacks)
{
	return psprintf("tag=%s", TextDatumGetCString(tag));
}

/* Nearly all are active, and are known by lacking the mark. */
static const char *
mark_of_status(Datum status, bool *lacks)
{
	*lacks = strcmp(TextDatumGetCString(status), "suspended") != 0;
	return SUSPENDED_MARK;
}

#define BY_NAME 1

static const PbFilter filters[] = {
	{
		.name = "name", .leaf = &at.name, .comparison = PB_IS,
		.range = &orders[BY_NAME]
	},
	{
		.name = "host", .leaf = &at.proxy_host, .comparison = PB_IS,
		.find = pb_host_find
	},
	{
		.name = "tag", .leaf = &at.tags, .comparison = PB_HAS,
		.mark = mark_of_tag
	},
	{
		.name = "status", .leaf = &at.status, .comparison = PB_IS,
		.mark = mark_of_status
	},
	{
		.name = "name_prefix", .leaf = &at.name, .comparison = PB_BEGINS_WITH,
		.range = &orders[BY_NAME]
	},
	{0}
};

static const PbUnique name_unique = {
	.leaf = &at.name,
	.index = "projects_name_key",
	.taken = "a project with this name already exists in the organization",
	.hint = "Choose another name, or delete the project that has it."
};

static const Oid count_types[] = {TEXTOID, INT8OID};

/* Counts up to the limit. */
static PbStatement count_projects = {
	.text = "SELECT FROM pgbeam.projects "
	"WHERE org_id OPERATOR(pg_catalog.=) $1 AND deleted_at IS NULL LIMIT $2",
	.nargs = lengthof(count_types), .types = count_types
};

/*
 * Locks the organization, so that every create under a limit waits for the one
 * before it, and counts what that one wrote.
 */
static void
lock_limits(Datum org_id, PbOrganization *organization)
{
	pb_sql_require_read_committed("a project under a plan limit can be created only");
	pb_organization_find(org_id, PB_LOCKED, organization);
}

static bool
has_room(Datum org_id, int32 limit)
{
	Datum		values[] = {org_id, Int64GetDatum(limit)};

	return pb_sql_run(&count_projects, values, NULL) < (uint64) limit;
}

/*
 * Whether the plan allows one more project. An organization with a limit is
 * locked.
 */
bool
pb_project_is_allowed(Datum org_id, bool self_hosted,
					  PbOrganization *organization, PbFaults *faults)
{
	int32		limit;

	if (organization->limits[PB_MAX_PROJECTS] > 0)
		lock_limits(org_id, organization);
	limit = organization->limits[PB_MAX_PROJECTS];
	if (self_hosted && !pb_organization_may_self_host(organization))
		pb_fault_set(faults, PB_PLAN_LIMIT_REACHED,
					 "self_hosted is not part of your plan",
					 "The plans scale and enterprise have it.");
	else if (limit > 0 && !has_room(org_id, limit))
		pb_fault_set(faults, PB_PLAN_LIMIT_REACHED,
					 limit == 1 ?
					 "project limit reached: your plan allows 1 project" :
					 psprintf("project limit reached: your plan allows %d projects",
							  limit),
					 "Delete a project, or change the plan.");
	else
		return true;
	return false;
}

/*
 * Whether the plan allows the project. Trusted SQL may name an unknown
 * organization, which is then registered, or refused.
 */
static bool
admit(const PbRequest *request, PbRow *project, PbOrganization *organization,
	  PbFaults *faults)
{
	Datum		org_id = pb_resource_org(project);
	bool		self_hosted;

	if (!organization->is_known)
	{
		const PbActor actor = pb_authentication_actor(request);

		if (!pb_organization_register(org_id, &actor, faults))
			return false;
		pb_organization_find(org_id, PB_LATEST, organization);
	}
	self_hosted = DatumGetBool(pb_row_value(project, at.self_hosted));
	return pb_project_is_allowed(org_id, self_hosted, organization, faults);
}

static bool
prepare(PbRow *row, PbFaults *faults)
{
	pb_row_set(row, at.database_count, Int32GetDatum(row->embedded != NULL));
	return true;
}

static const Oid recount_types[] = {TEXTOID, UUIDOID};
static const PbResult recount_results[] = {{INT4OID, false}};

static PbStatement recount_databases = {
	.text = "UPDATE pgbeam.projects AS t SET database_count = "
	"(SELECT pg_catalog.count(*) FROM pgbeam.databases AS d "
	"WHERE d.org_id OPERATOR(pg_catalog.=) t.org_id "
	"AND d.project_id OPERATOR(pg_catalog.=) t.id AND d.deleted_at IS NULL) "
	"WHERE org_id OPERATOR(pg_catalog.=) $1 "
	"AND id OPERATOR(pg_catalog.=) $2 RETURNING database_count",
	.nargs = lengthof(recount_types), .types = recount_types,
	.nresults = lengthof(recount_results), .results = recount_results
};

static uint64 recounts = 0;		/* by this backend */

/*
 * Counts anew. Adding one was rejected: a number once set by hand would stay
 * wrong.
 */
void
pb_project_recount(PbRow *project)
{
	Datum		values[] = {pb_resource_org(project), pb_resource_id(project)};
	Datum		count;
	bool		isnull;

	recounts++;
	if (!pb_sql_row(&recount_databases, values, NULL, &count, &isnull))
		pb_sql_vetoed(pb_project.table);
	pb_row_set(project, at.database_count, count);
}

static void
claim_host(PbRow *row)
{
	row->noted = recounts;
	pb_row_set(row, at.proxy_host,
			   pb_host_claim(pb_row_value(row, at.name),
							 pb_row_value(row, at.cloud), pb_resource_org(row),
							 pb_resource_id(row)));
}

/* Counts again if a trigger has added or deleted databases. */
static void
recount_if_changed(PbRow *row)
{
	if (recounts != row->noted)
		pb_project_recount(row);
}

/*
 * The marks of a project: its tags, and that it is suspended. One that has
 * just been deleted may have been.
 */
static void
mark(const PbRow *row, PbMarks *marks)
{
	Datum	   *tags;
	int			count;

	StaticAssertStmt(TAGS_MAX < PB_MARKS_MAX, "a project has too many marks");
	deconstruct_array(DatumGetArrayTypeP(pb_row_value(row, at.tags)), TEXTOID,
					  -1, false, TYPALIGN_INT, &tags, NULL, &count);
	for (int i = 0; i < Min(count, TAGS_MAX); i++)
		pb_mark_add(marks, mark_of_tag(tags[i], NULL));
	if (!pb_row_is_word(row, at.status, "active"))
		pb_mark_add(marks, SUSPENDED_MARK);
}

static void
derive(PbRow *row, const PbOrganization *organization)
{
	pb_row_set(row, at.queries_per_second,
			   Int32GetDatum(organization->limits[PB_QUERIES_PER_SECOND]));
	pb_row_set(row, at.burst_size,
			   Int32GetDatum(organization->limits[PB_BURST_SIZE]));
	pb_row_set(row, at.max_connections,
			   Int32GetDatum(organization->limits[PB_MAX_CONNECTIONS]));
	if (!pb_row_has(row, at.active_connections))
		pb_row_set(row, at.active_connections, Int32GetDatum(0));
}

/* Fills how many clients the projects have. */
static void
look_up(PbRow **rows, int count)
{
	Datum	   *ids = palloc(count * sizeof(Datum));
	int32	   *clients = palloc(count * sizeof(int32));

	for (int i = 0; i < count; i++)
		ids[i] = pb_resource_id(rows[i]);
	pb_activity_read(pb_resource_org(rows[0]), ids, count, clients);
	for (int i = 0; i < count; i++)
		pb_row_set(rows[i], at.active_connections, Int32GetDatum(clients[i]));
}

static const PbHooks hooks = {
	.admit = admit,
	.prepare = prepare,
	.precede = claim_host,
	.created = recount_if_changed,
	.mark = mark,
	.look_up = look_up,
	.derive = derive,
	.host = "proxy_host",
	.purge_host = pb_host_purge_proxy,
};

static const PbSet retired[] = {
	{&at.status, "deleted"}, {&at.database_count, "0"}, {NULL}
};

static const PbSet restored[] = {{&at.status, "active"}, {NULL}};

const PbResource pb_project = {
	.name = "project",
	.plural = "projects",
	.orders = orders,
	.filters = filters,
	.parameters = &pb_project_list_parameters,
	.marks = &pb_project_mark,
	.table = "pgbeam.projects",
	.copying = PB_COPIED,
	.prefix = PB_PROJECT_PREFIX,
	.unique = &name_unique,
	.retire = retired,
	.restore = restored,
	.fields = fields,
	.rule = check_row,
	.hooks = &hooks,
	.prepared = &prepared,
};

static PbPrepared mark_prepared;

static const PbField mark_fields[] = {
	{
		.name = "org_id", PB_ORG_ID_RULE, .at = &mark_prepared.org_id,
		.about = "The organization of the project."
	},
	{
		.name = "project_id", .kind = PB_ID, .prefix = PB_PROJECT_PREFIX,
		.at = &mark_prepared.parent,
		.about = "The project that has it."
	},
	{
		.name = "mark", .kind = PB_TEXT, .least = 1,
		.most = sizeof("tag=") - 1 + TAG_MAX, .at = &mark_prepared.text,
		.about = "What it has: tag= and a tag, or status=suspended."
	},
	{
		.name = "key", .kind = PB_LONG, .at = &mark_prepared.id,
		.about = "The key of the mark, by which it is found: pgbeam.mark_key(org_id, mark)."
	},
	{0}
};

const PbResource pb_project_mark = {
	.name = "project_mark",
	.table = "pgbeam.project_marks",
	.copying = PB_NEVER_COPIED,
	.fields = mark_fields,
	.prepared = &mark_prepared,
};

int32
pb_project_database_count(const PbRow *project)
{
	return DatumGetInt32(pb_row_value(project, at.database_count));
}

Datum
pb_project_cloud(const PbRow *project)
{
	return pb_row_value(project, at.cloud);
}

/*
 * The proxy host that a row below a project shows: its parent's during a
 * create, otherwise what its own leaf has read.
 */
Datum
pb_project_host(const PbRow *row, int leaf)
{
	if (row->above != NULL)
		return pb_row_value(row->above, at.proxy_host);
	if (!pb_row_has(row, leaf))
		ereport(ERROR,
				(errcode(ERRCODE_FOREIGN_KEY_VIOLATION),
				 errmsg("a row of %s has no project", row->resource->table),
				 errhint("Delete the row, or bring its project back.")));
	return pb_row_value(row, leaf);
}

static PbPrepared list_prepared;

static struct
{
	int			org_id;
	int			sort_by;
	int			name;
	int			name_prefix;
	int			host;
}			list_at;

static const char *const sorts[] = {
	"name", "created_at", "active_connections", NULL
};

static const PbField list_fields[] = {
	{
		.name = "org_id", PB_ORG_ID_RULE, .flags = PB_CREATE | PB_REQUIRED,
		.at = &list_at.org_id,
		.about = "The organization whose projects are listed."
	},
	PB_PAGE_PARAMETERS,
	{
		.name = "sort_by", .kind = PB_WORD, .flags = PB_CREATE,
		.words = sorts, .fallback = "\"created_at\"", .at = &list_at.sort_by,
		.about = "The order: by name, or the latest first, or the busiest first. Without it a list with name_prefix is in the order of names."
	},
	{
		.name = "name", .kind = PB_TEXT, .flags = PB_CREATE | PB_NULLABLE,
		.least = 1, .most = PROJECT_NAME_MAX, .at = &list_at.name,
		.about = "Only the project with this name."
	},
	{
		.name = "name_prefix", .kind = PB_TEXT,
		.flags = PB_CREATE | PB_NULLABLE, .least = 1, .most = PROJECT_NAME_MAX,
		.at = &list_at.name_prefix,
		.about = "Only projects whose name begins with this text."
	},
	{
		.name = "tag", .kind = PB_TEXT, .flags = PB_CREATE | PB_NULLABLE,
		.least = 1, .most = TAG_MAX,
		.about = "Only projects with this tag."
	},
	{
		.name = "status", .kind = PB_WORD, .flags = PB_CREATE | PB_NULLABLE,
		.words = settable_states,
		.hint = "Deleted projects are in no list.",
		.about = "Only projects with this status."
	},
	{
		.name = "host", .kind = PB_TEXT, .flags = PB_CREATE | PB_NULLABLE,
		.least = 1, .most = PB_DNS_NAME_MAX, .at = &list_at.host,
		.about = "Only the project with this proxy_host."
	},
	{0}
};

const PbResource pb_project_list_parameters = {
	.name = "project_list",
	.fields = list_fields,
	.prepared = &list_prepared,
};

/*
 * The matches of a prefix stand together in the order of names, so that is
 * their order if no other is asked for. Where at most one matches, any will
 * do.
 */
static const PbOrder *
find_order(const PbRow *asked)
{
	const char *name =
		TextDatumGetCString(pb_row_value(asked, list_at.sort_by));

	if (pb_row_has(asked, list_at.name_prefix) &&
		!pb_row_is_given(asked, list_at.sort_by))
		return &orders[BY_NAME];
	if (pb_row_has(asked, list_at.name) || pb_row_has(asked, list_at.host))
		return orders;
	for (const PbOrder *order = orders; order->name != NULL; order++)
		if (strcmp(order->name, name) == 0)
			return order;
	elog(ERROR, "there is no order \"%s\"", name);
}

static const PbResult count_results[] = {{INT8OID, false}};

static PbStatement count_living = {
	.text = "SELECT pg_catalog.count(*) FROM pgbeam.projects "
	"WHERE org_id OPERATOR(pg_catalog.=) $1 AND deleted_at IS NULL",
	.nargs = 1, .types = count_types,
	.nresults = lengthof(count_results), .results = count_results,
	.reads = true
};

static int64
count_all(Datum org_id)
{
	Datum		count = Int64GetDatum(0);
	bool		isnull;

	(void) pb_sql_row(&count_living, &org_id, NULL, &count, &isnull);
	return DatumGetInt64(count);
}

/* Reads a request for a page of projects; false with faults. */
static bool
read_list_request(const PbRequest *request, PbReply *reply, Datum *org_id,
				  PbPage *page)
{
	PbRow	   *asked = pb_row_make(&pb_project_list_parameters);

	pb_check_create(asked, &request->parameters, &reply->faults,
					reply->unknown);
	if (reply->faults.refusal != PB_ACCEPTED)
		return false;
	*org_id = pb_row_value(asked, list_at.org_id);
	page->order = find_order(asked);
	return pb_page_read(page, &pb_project, asked, *org_id, &reply->faults);
}

/* listProjects */
void
pb_project_list(const PbRequest *request, PbReply *reply)
{
	PbOrganization organization;
	PbPage		page;
	Datum		org_id;

	if (!read_list_request(request, reply, &org_id, &page) ||
		!pb_authorize(&request->caller, PB_READ, org_id, &organization,
					  &reply->faults))
		return;
	pb_standard_show_page(&pb_project, &page, org_id, (Datum) 0, &organization,
						  reply);
	pb_json_pair_long(reply->body, "total", page.filters == 0 ?
					  count_all(org_id) :
					  pb_search_count(&pb_project, &page, org_id, count_all));
	pb_standard_end_page(reply);
}
