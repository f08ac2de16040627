/*
 * served.c
 *	  What a proxy serves: databases under the keys that it knows them by, with
 *	  their replicas, and the hosts that lead to their projects.
 *
 * The statements read whole tables, and what belongs together is joined here.
 * A join in SQL was rejected: its plan is kept, and one that was made while
 * the tables were small took seconds for some thousand rows.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/uuid.h"

#include "base/sql.h"
#include "plane/served.h"
#include "resources/database.h"
#include "resources/project.h"
#include "resources/replica.h"
#include "resources/resource.h"

/* the columns of find_projects */
enum
{
	PROJECT_ID, PROXY_HOST, NETWORKS, PROJECT_COLUMNS
};

static const Oid project_types[] = {TEXTOID, UUIDOID};

static const PbResult project_results[PROJECT_COLUMNS] = {
	[PROJECT_ID] = {UUIDOID, false}, [PROXY_HOST] = {TEXTOID, false},
	[NETWORKS] = {TEXTARRAYOID, false}
};

/*
 * The projects that the proxy serves: of a cloud, of organizations that are
 * not suspended, and one or all but those that have a proxy of their own.
 * Networks are in the one form that PgBouncer reads.
 */
static PbStatement find_projects = {
	.text = "SELECT id, proxy_host, "
	"CASE WHEN pg_catalog.cardinality(allowed_cidrs) OPERATOR(pg_catalog.=) 0 "
	"THEN '{0.0.0.0/0,::/0}'::pg_catalog.text[] "
	"ELSE ARRAY(SELECT DISTINCT pg_catalog.text(pg_catalog.network("
	"c::pg_catalog.inet)::pg_catalog.inet) COLLATE \"C\" "
	"FROM pg_catalog.unnest(allowed_cidrs) AS c ORDER BY 1) END "
	"FROM pgbeam.projects WHERE deleted_at IS NULL "
	"AND status OPERATOR(pg_catalog.=) 'active' "
	"AND NOT (org_id OPERATOR(pg_catalog.=) ANY (ARRAY("
	"SELECT o.org_id FROM pgbeam.organizations AS o "
	"WHERE o.suspended_at IS NOT NULL))) "
	"AND ($1 IS NULL OR cloud OPERATOR(pg_catalog.=) $1) "
	"AND CASE WHEN $2 IS NULL THEN NOT self_hosted "
	"ELSE id OPERATOR(pg_catalog.=) $2 END",
	.nargs = lengthof(project_types), .types = project_types,
	.nresults = PROJECT_COLUMNS, .results = project_results, .reads = true
};

/* the columns of find_databases */
enum
{
	ID, PARENT, ROUTE, HOST, PORT, NAME, GENERATION, HAS_PASSWORD, SSL_MODE,
	POOL_SIZE, MIN_POOL_SIZE, POOL_MODE, MAX_ACTIVE, COLUMNS
};

static const Oid database_types[] = {TEXTOID};

static const PbResult database_results[COLUMNS] = {
	[ID] = {UUIDOID, false}, [PARENT] = {UUIDOID, false},
	[ROUTE] = {TEXTOID, false}, [HOST] = {TEXTOID, false},
	[PORT] = {INT4OID, false}, [NAME] = {TEXTOID, false},
	[GENERATION] = {INT4OID, false}, [HAS_PASSWORD] = {BOOLOID, false},
	[SSL_MODE] = {TEXTOID, false}, [POOL_SIZE] = {INT4OID, false},
	[MIN_POOL_SIZE] = {INT4OID, false}, [POOL_MODE] = {TEXTOID, false},
	[MAX_ACTIVE] = {INT4OID, false}
};

static PbStatement find_databases = {
	.text = "SELECT id, project_id, route, host, port, name, "
	"password_generation, password_sealed IS NOT NULL, ssl_mode, pool_size, "
	"min_pool_size, pool_mode, max_active FROM pgbeam.databases "
	"WHERE deleted_at IS NULL AND ($1 IS NULL OR pool_region IS NULL "
	"OR pool_region OPERATOR(pg_catalog.=) $1)",
	.nargs = lengthof(database_types), .types = database_types,
	.nresults = COLUMNS, .results = database_results, .reads = true
};

/* the columns of find_replicas */
enum
{
	REPLICA_ID, REPLICA_PARENT, REPLICA_HOST, REPLICA_PORT, REPLICA_SSL_MODE,
	REPLICA_COLUMNS
};

static const PbResult replica_results[REPLICA_COLUMNS] = {
	[REPLICA_ID] = {UUIDOID, false}, [REPLICA_PARENT] = {UUIDOID, false},
	[REPLICA_HOST] = {TEXTOID, false}, [REPLICA_PORT] = {INT4OID, false},
	[REPLICA_SSL_MODE] = {TEXTOID, false}
};

static PbStatement find_replicas = {
	.text = "SELECT id, database_id, host, port, ssl_mode "
	"FROM pgbeam.replicas WHERE deleted_at IS NULL",
	.nresults = REPLICA_COLUMNS, .results = replica_results, .reads = true
};

/* the columns of find_domains */
enum
{
	DOMAIN_ID, DOMAIN_PARENT, DOMAIN_NAME, DOMAIN_COLUMNS
};

static const PbResult domain_results[DOMAIN_COLUMNS] = {
	[DOMAIN_ID] = {UUIDOID, false}, [DOMAIN_PARENT] = {UUIDOID, false},
	[DOMAIN_NAME] = {TEXTOID, false}
};

static PbStatement find_domains = {
	.text = "SELECT id, project_id, pg_catalog.lower(domain) "
	"FROM pgbeam.custom_domains "
	"WHERE verified_at IS NOT NULL AND deleted_at IS NULL",
	.nresults = DOMAIN_COLUMNS, .results = domain_results, .reads = true
};

/* A row of any of these: the first column is its id, the second its parent. */
typedef struct Row
{
	Datum		values[COLUMNS];
	bool		nulls[COLUMNS];
} Row;

typedef struct Rows
{
	Row		   *rows;
	int			count;
} Rows;

static int
compare_ids(Datum a, Datum b)
{
	return memcmp(DatumGetUUIDP(a), DatumGetUUIDP(b), UUID_LEN);
}

static int
compare_rows(const void *a, const void *b)
{
	return compare_ids(((const Row *) a)->values[0],
					   ((const Row *) b)->values[0]);
}

static int
compare_parents(const void *a, const void *b)
{
	int			order = compare_ids(((const Row *) a)->values[1],
									((const Row *) b)->values[1]);

	return order != 0 ? order : compare_rows(a, b);
}

/* Reads the rows of a statement in an order. */
static Rows
read_rows(PbStatement *statement, Datum *values, const char *nulls,
		  int (*compare) (const void *a, const void *b))
{
	Rows		all = {.count = (int) pb_sql_run(statement, values, nulls)};

	all.rows = palloc_extended(Max(all.count, 1) * sizeof(Row),
							   MCXT_ALLOC_HUGE);
	for (int i = 0; i < all.count; i++)
		pb_sql_read(statement, SPI_tuptable, i, all.rows[i].values,
					all.rows[i].nulls);
	qsort(all.rows, all.count, sizeof(Row), compare);
	return all;
}

/* The place of the first row whose column is an id, or is beyond it. */
static int
find_place(const Rows *all, int column, Datum id)
{
	int			low = 0;
	int			high = all->count;

	while (low < high)
	{
		int			middle = low + (high - low) / 2;

		if (compare_ids(all->rows[middle].values[column], id) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* The project of that id, or NULL if the proxy does not serve it. */
static const Datum *
find_project(const Rows *projects, Datum id)
{
	int			place = find_place(projects, PROJECT_ID, id);

	return place < projects->count &&
		compare_ids(projects->rows[place].values[PROJECT_ID], id) == 0 ?
		projects->rows[place].values : NULL;
}

/* A host without the brackets that an address of IPv6 may have. */
static const char *
bare_host(Datum host)
{
	char	   *name = TextDatumGetCString(host);

	if (name[0] != '[')
		return name;
	name[strlen(name) - 1] = '\0';
	return name + 1;
}

static const char **
list_networks(Datum networks)
{
	Datum	   *values;
	bool	   *nulls;
	int			count;
	const char **list;

	deconstruct_array(DatumGetArrayTypeP(networks), TEXTOID, -1, false,
					  TYPALIGN_INT, &values, &nulls, &count);
	list = palloc((count + 1) * sizeof(char *));
	for (int i = 0; i < count; i++)
		list[i] = TextDatumGetCString(values[i]);
	list[count] = NULL;
	return list;
}

static void
give_replicas(PbServed *database, Datum id, const Rows *replicas)
{
	int			first = find_place(replicas, REPLICA_PARENT, id);
	int			last = first;

	while (last < replicas->count &&
		   compare_ids(replicas->rows[last].values[REPLICA_PARENT], id) == 0)
		last++;
	database->replica_count = last - first;
	database->replicas = palloc((last - first) * sizeof(PbServedReplica));
	for (int i = first; i < last; i++)
	{
		const Datum *values = replicas->rows[i].values;

		database->replicas[i - first] = (PbServedReplica) {
			.id = pb_resource_spell(&pb_replica, values[REPLICA_ID]),
			.host = bare_host(values[REPLICA_HOST]),
			.port = DatumGetInt32(values[REPLICA_PORT]),
			.ssl_mode = TextDatumGetCString(values[REPLICA_SSL_MODE])
		};
	}
}

/* Gives a database its id as a key, because its own cannot be. */
static void
give_id(PbServed *database, const char *why)
{
	strlcpy(database->key, database->id, sizeof(database->key));
	database->why_id = why;
}

static void
give_key(PbServed *database, Datum route, Datum proxy_host)
{
	text	   *behind = DatumGetTextPP(route);
	text	   *host = DatumGetTextPP(proxy_host);

	if (pb_database_is_routed_by_key())
		(void) pb_proxykey(VARDATA_ANY(host), VARSIZE_ANY_EXHDR(host),
						   VARDATA_ANY(behind), VARSIZE_ANY_EXHDR(behind),
						   database->id, database->key);
	else if (pb_proxykey_is_legal(database->name, strlen(database->name)))
		strlcpy(database->key, database->name, sizeof(database->key));
	else
		give_id(database, "PgBouncer cannot have its name as a key");
}

static PbServed
make_database(const Datum *values, const Datum *project, const Rows *replicas)
{
	PbServed	database = {
		.id = pb_resource_spell(&pb_database, values[ID]),
		.host = bare_host(values[HOST]),
		.port = DatumGetInt32(values[PORT]),
		.name = TextDatumGetCString(values[NAME]),
		.generation = DatumGetInt32(values[GENERATION]),
		.has_password = DatumGetBool(values[HAS_PASSWORD]),
		.ssl_mode = TextDatumGetCString(values[SSL_MODE]),
		.pool_size = DatumGetInt32(values[POOL_SIZE]),
		.min_pool_size = DatumGetInt32(values[MIN_POOL_SIZE]),
		.pool_mode = TextDatumGetCString(values[POOL_MODE]),
		.max_active = DatumGetInt32(values[MAX_ACTIVE]),
		.networks = list_networks(project[NETWORKS])
	};

	give_key(&database, values[ROUTE], project[PROXY_HOST]);
	give_replicas(&database, values[ID], replicas);
	return database;
}

/* By key; the oldest first where several have one, as ids sort by age. */
static int
compare_keys(const void *a, const void *b)
{
	const PbServed *one = a;
	const PbServed *other = b;
	int			order = strcmp(one->key, other->key);

	return order != 0 ? order : strcmp(one->id, other->id);
}

/*
 * No two databases may have one key: the second line would win, and lead the
 * clients of the first one to it. With host routing two databases of a project
 * may have one name. With database routing two projects have one label and
 * cloud only where pgbeam.proxy_domain was another one meanwhile.
 */
static void
part_keys(PbServed *databases, int count)
{
	const char *previous = "";

	qsort(databases, count, sizeof(PbServed), compare_keys);
	for (int i = 0; i < count; i++)
		if (strcmp(databases[i].key, previous) != 0)
			previous = databases[i].key;
		else
			give_id(&databases[i], "an older database has its key");
	qsort(databases, count, sizeof(PbServed), compare_keys);
}

static Rows
read_projects(const PbServedBy *by)
{
	Datum		values[] = {by->cloud, by->project_id};

	return read_rows(&find_projects, values, by->nulls + 1, compare_rows);
}

/* The databases that a proxy serves, by their keys. */
PbServed *
pb_served_databases(const PbServedBy *by, int *count)
{
	Datum		region = by->region;
	Rows		projects = read_projects(by);
	Rows		rows = read_rows(&find_databases, &region, by->nulls,
								 compare_rows);
	Rows		replicas = read_rows(&find_replicas, NULL, NULL,
									 compare_parents);
	PbServed   *databases = palloc_extended(Max(rows.count, 1) *
											sizeof(PbServed), MCXT_ALLOC_HUGE);

	*count = 0;
	for (int i = 0; i < rows.count; i++)
	{
		const Datum *values = rows.rows[i].values;
		const Datum *project = find_project(&projects, values[PARENT]);

		if (project != NULL)
			databases[(*count)++] = make_database(values, project, &replicas);
	}
	part_keys(databases, *count);
	return databases;
}

static PbServedHost
make_host(Datum host, Datum project_id)
{
	return (PbServedHost) {
		.host = TextDatumGetCString(host),
		.project_id = pb_resource_spell(&pb_project, project_id)
	};
}

static int
compare_hosts(const void *a, const void *b)
{
	return strcmp(((const PbServedHost *) a)->host,
				  ((const PbServedHost *) b)->host);
}

/* The hosts of a proxy's projects, and the domains that lead to them. */
PbServedHost *
pb_served_hosts(const PbServedBy *by, int *count)
{
	Rows		projects = read_projects(by);
	Rows		domains = read_rows(&find_domains, NULL, NULL, compare_rows);
	Size		most = domains.count + projects.count + 1;
	PbServedHost *hosts = palloc_extended(most * sizeof(PbServedHost),
										  MCXT_ALLOC_HUGE);

	*count = 0;
	for (int i = 0; i < projects.count; i++)
	{
		const Datum *values = projects.rows[i].values;

		hosts[(*count)++] = make_host(values[PROXY_HOST], values[PROJECT_ID]);
	}
	for (int i = 0; i < domains.count; i++)
	{
		const Datum *values = domains.rows[i].values;

		if (find_project(&projects, values[DOMAIN_PARENT]) != NULL)
			hosts[(*count)++] = make_host(values[DOMAIN_NAME],
										  values[DOMAIN_PARENT]);
	}
	qsort(hosts, *count, sizeof(PbServedHost), compare_hosts);
	return hosts;
}
