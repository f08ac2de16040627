/*
 * distribution.c
 *	  How the tables are spread over the nodes of Citus.
 *
 * All that belongs to an organization stands on one node, so that a statement
 * that names the organization is run there, and foreign keys hold.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

#include "auth/apikey.h"
#include "auth/organization.h"
#include "auth/token.h"
#include "base/result.h"
#include "feed/change.h"
#include "feed/consumer.h"
#include "http/idempotency.h"
#include "plane/traffic.h"
#include "resources/cacherule.h"
#include "resources/connection.h"
#include "resources/database.h"
#include "resources/domain.h"
#include "resources/host.h"
#include "resources/member.h"
#include "resources/project.h"
#include "resources/replica.h"

PG_FUNCTION_INFO_V1(pgbeam_distribution);

typedef struct Distribution
{
	const PbResource *resource;
	const char *column;			/* its rows are spread by; NULL: each node has
								 * all of them */
	const PbResource *beside;	/* equal values of the column are on the same
								 * node as there; NULL: its own nodes */
	bool		is_local;		/* only the coordinator has its rows */
	bool		is_checked;		/* by a CHECK: others may write there too */
} Distribution;

#define BESIDE_ORGANIZATIONS(resource, column, is_checked) \
	{&(resource), column, &pb_organization, false, is_checked}

/*
 * In the order in which they are distributed: what a foreign key refers to
 * stands before what has it.
 *
 * API keys are looked up by their ids at every request and seldom written, so
 * that every node has them: the look-up is then local. An idempotency key
 * belongs to an organization or a user, and stands beside an organization's
 * rows.
 *
 * The feed is read on the coordinator alone, and so its consumers stay there.
 * A copy of their places on every node would make each move of a place a
 * commit on all nodes. The same holds for sources of traffic reports.
 */
static const Distribution distributions[] = {
	{&pb_api_key, NULL, NULL, false, true},
	{&pb_jwk, NULL, NULL, false, true},
	{&pb_feed_consumer, NULL, NULL, true, true},
	{&pb_traffic_source, NULL, NULL, true, true},
	{&pb_organization, "org_id", NULL, false, true},
	BESIDE_ORGANIZATIONS(pb_member, "org_id", true),
	BESIDE_ORGANIZATIONS(pb_project, "org_id", true),
	BESIDE_ORGANIZATIONS(pb_project_mark, "org_id", false),
	BESIDE_ORGANIZATIONS(pb_database, "org_id", true),
	BESIDE_ORGANIZATIONS(pb_replica, "org_id", true),
	BESIDE_ORGANIZATIONS(pb_custom_domain, "org_id", true),
	BESIDE_ORGANIZATIONS(pb_connection_test, "org_id", true),
	BESIDE_ORGANIZATIONS(pb_cache_rule, "org_id", true),
	BESIDE_ORGANIZATIONS(pb_traffic_total, "org_id", true),
	BESIDE_ORGANIZATIONS(pb_traffic_connection, "org_id", true),
	BESIDE_ORGANIZATIONS(pb_traffic_minute, "org_id", true),
	BESIDE_ORGANIZATIONS(pb_traffic_day, "org_id", true),
	BESIDE_ORGANIZATIONS(pb_traffic_org_day, "org_id", true),
	BESIDE_ORGANIZATIONS(pb_change, "org_id", false),
	BESIDE_ORGANIZATIONS(pb_idempotency_key, "owner_id", false),
	{&pb_host, "host", NULL, false, false},
};

/* the columns of pgbeam.distribution() */
enum
{
	TABLE_NAME, RESOURCE, COLUMN_NAME, BESIDE, IS_LOCAL, IS_CHECKED, COLUMNS
};

static const PbColumn columns[COLUMNS] = {
	[TABLE_NAME] = {"table_name", TEXTOID}, [RESOURCE] = {"resource", TEXTOID},
	[COLUMN_NAME] = {"column_name", TEXTOID}, [BESIDE] = {"beside", TEXTOID},
	[IS_LOCAL] = {"is_local", BOOLOID}, [IS_CHECKED] = {"is_checked", BOOLOID}
};

Datum
pgbeam_distribution(PG_FUNCTION_ARGS)
{
	pb_result_begin(fcinfo, columns, COLUMNS);
	for (int i = 0; i < (int) lengthof(distributions); i++)
	{
		const Distribution *distribution = &distributions[i];
		const PbResource *beside = distribution->beside;
		Datum		values[COLUMNS] = {
			CStringGetTextDatum(distribution->resource->table),
			CStringGetTextDatum(distribution->resource->name),
			[IS_LOCAL] = BoolGetDatum(distribution->is_local),
			[IS_CHECKED] = BoolGetDatum(distribution->is_checked)
		};
		bool		nulls[COLUMNS] = {
			[COLUMN_NAME] = distribution->column == NULL,
			[BESIDE] = beside == NULL
		};

		if (distribution->column != NULL)
			values[COLUMN_NAME] = CStringGetTextDatum(distribution->column);
		if (beside != NULL)
			values[BESIDE] = CStringGetTextDatum(beside->table);
		pb_result_add(fcinfo, values, nulls);
	}
	return (Datum) 0;
}
