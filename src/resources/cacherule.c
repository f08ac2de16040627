/*
 * cacherule.c
 *	  Cache rules: whether the results of a query are cached, and for how long.
 *
 * Only a report makes a rule (queryreport.c). Until a PUT, the rule follows
 * its database, and may be dropped to make room. A PUT sets updated_at. A rule
 * that has updated_at is never dropped.
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "resources/cacherule.h"
#include "resources/database.h"
#include "resources/page.h"
#include "resources/prefix.h"
#include "resources/resource.h"

#define SECONDS_MAX 86400

static PbPrepared prepared;

static struct
{
	int			query_type;
	int			call_count;
	int			avg_latency;
	int			stability;
	int			recommendation;
}			at;

#define READ "read"

const char *const pb_query_types[] = {READ, "write", "other", NULL};

static const char *const recommendations[] = {
	"great", "good", "fair", "poor", NULL
};

/*
 * What a read must reach for each recommendation: so many calls, milliseconds
 * and stability. Whatever reaches none gets the last recommendation.
 */
static const struct
{
	int64		call_count;
	double		avg_latency_ms;
	double		stability_rate;
}			worth[] =
{
	{1000, 10, 0.9},
	{100, 1, 0.7},
	{10, 0, 0.5},
};

const char *
pb_query_hash_problem(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (strchr("0123456789abcdef", text[i]) == NULL || text[i] == '\0')
			return "must consist of the digits 0 to 9 and a to f";
	return NULL;
}

#define DATABASE_OF(row, column) \
	"(SELECT d." column " FROM pgbeam.databases AS d " \
	"WHERE d.org_id OPERATOR(pg_catalog.=) " row ".org_id " \
	"AND d.id OPERATOR(pg_catalog.=) " row ".database_id)"

/*
 * cache_enabled stands here twice. Answers show the first, which always has a
 * value. A PUT sets the second, which is stored and null until then.
 */
static const PbField fields[] = {
	{
		.name = "org_id", PB_ORG_ID_RULE, .at = &prepared.org_id,
		.about = "The organization that the database belongs to."
	},
	{
		.name = "project_id", .kind = PB_ID, .prefix = PB_PROJECT_PREFIX,
		.about = "The project that the database belongs to."
	},
	{
		.name = "database_id", .kind = PB_ID, .prefix = PB_DATABASE_PREFIX,
		.at = &prepared.parent,
		.about = "The database that the query is sent to."
	},
	{
		PB_QUERY_HASH, .flags = PB_SHOWN, .at = &prepared.id
	},
	{
		PB_NORMALIZED_SQL, .flags = PB_SHOWN
	},
	{
		PB_QUERY_TYPE, .flags = PB_SHOWN, .at = &at.query_type
	},
	{
		.name = "cache_enabled", .kind = PB_BOOLEAN,
		.flags = PB_SHOWN | PB_DERIVED,
		.expression = "coalesce(t.cache_enabled, "
		DATABASE_OF("t", "cache_enabled") ")",
		.about = "Whether results are cached: as the last PUT says, or else as the database says."
	},
	{
		.name = "cache_enabled", .kind = PB_BOOLEAN,
		.flags = PB_CREATE | PB_UPDATE | PB_REQUIRED | PB_NULLABLE,
		.about = "Whether results are cached. Null until a PUT: the database decides."
	},
	{
		.name = "cache_ttl_seconds", .kind = PB_INTEGER,
		.flags = PB_READ_WRITE | PB_NULLABLE | PB_NULL_SHOWN,
		.least = 0, .most = SECONDS_MAX,
		.about = "Seconds for which a cached result is fresh; null: as the database says."
	},
	{
		.name = "cache_swr_seconds", .kind = PB_INTEGER,
		.flags = PB_READ_WRITE | PB_NULLABLE | PB_NULL_SHOWN,
		.least = 0, .most = SECONDS_MAX,
		.about = "Seconds for which a stale result is served while it is renewed; null: as the database says."
	},
	{
		PB_CALL_COUNT, .flags = PB_SHOWN, .at = &at.call_count
	},
	{
		PB_AVG_LATENCY, .flags = PB_SHOWN, .at = &at.avg_latency
	},
	{
		PB_P95_LATENCY, .flags = PB_SHOWN
	},
	{
		PB_AVG_BYTES, .flags = PB_SHOWN
	},
	{
		PB_STABILITY, .flags = PB_SHOWN, .at = &at.stability
	},
	{
		.name = "recommendation", .kind = PB_WORD,
		.flags = PB_SHOWN | PB_DERIVED, .words = recommendations,
		.at = &at.recommendation,
		.about = "What a cache is worth for the query, by its type, calls, latency and stability."
	},
	{
		.name = "first_seen_at", .kind = PB_TIME, .flags = PB_SHOWN,
		.about = "When the query was first seen."
	},
	{
		.name = "last_seen_at", .kind = PB_TIME, .flags = PB_SHOWN,
		.about = "When the query was last seen."
	},
	{
		.name = "updated_at", .kind = PB_TIME,
		.flags = PB_NULLABLE | PB_STAMPED, .at = &prepared.updated_at,
		.about = "When a PUT last changed the rule; null: none has, and the rule makes room for others."
	},
	{0}
};

/*
 * Rules are listed by their hash. To list the most frequent first was
 * rejected: a client finds a rule by reading page after page, and a rule that
 * moves between pages would be missed.
 */
static const PbOrder orders[] = {
	{
		.name = "query_hash", .column = "query_hash", .leaf = &prepared.id,
		.by_text = true, .is_indexed = true
	},
	{0}
};

static void
derive(PbRow *row, const PbOrganization *organization)
{
	int64		calls = DatumGetInt64(row->values[at.call_count]);
	double		latency = DatumGetFloat8(row->values[at.avg_latency]);
	double		stability = DatumGetFloat8(row->values[at.stability]);
	int			i = pb_row_is_word(row, at.query_type, READ) ? 0 :
		(int) lengthof(worth);

	StaticAssertStmt(lengthof(recommendations) == lengthof(worth) + 2,
					 "a row for each recommendation except the last");
	while (i < (int) lengthof(worth) &&
		   (calls < worth[i].call_count ||
			latency < worth[i].avg_latency_ms ||
			stability < worth[i].stability_rate))
		i++;
	pb_row_set(row, at.recommendation,
			   CStringGetTextDatum(recommendations[i]));
}

static const PbHooks hooks = {
	.derive = derive,
};

const PbResource pb_cache_rule = {
	.name = "cache_rule",
	.plural = "entries",
	.around = "entry",
	.table = "pgbeam.cache_rules",
	.copying = PB_COPIED,
	.parent = &pb_database,
	.orders = orders,
	.fields = fields,
	.hooks = &hooks,
	.prepared = &prepared,
};
