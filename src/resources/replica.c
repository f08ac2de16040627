/*
 * replica.c
 *	  Replicas: their fields. A proxy logs in to them as it does to their
 *	  database.
 */
#include "postgres.h"

#include "utils/guc.h"

#include "resources/database.h"
#include "resources/page.h"
#include "resources/prefix.h"
#include "resources/replica.h"
#include "resources/upstream.h"

#define LIMIT_SETTING "pgbeam.max_replicas"

static PbPrepared prepared;

static int	limit;

static const PbField fields[] = {
	{
		.name = "id", .kind = PB_ID, .flags = PB_SHOWN, .prefix = PB_REPLICA_PREFIX,
		.at = &prepared.id,
		.about = "The replica's id."
	},
	{
		.name = "org_id", PB_ORG_ID_RULE,
		.at = &prepared.org_id,
		.about = "The organization that its database belongs to."
	},
	{
		.name = "database_id", .kind = PB_ID, .flags = PB_SHOWN,
		.prefix = PB_DATABASE_PREFIX, .at = &prepared.parent,
		.about = "The database it is a replica of."
	},
	{
		PB_UPSTREAM_HOST, .flags = PB_CREATE | PB_SHOWN | PB_REQUIRED,
		.about = "Host name or address of the replica; brackets round an IPv6 address are not part of it."
	},
	{
		PB_UPSTREAM_PORT, .flags = PB_CREATE | PB_SHOWN | PB_REQUIRED,
		.about = "Port of the replica."
	},
	{
		PB_UPSTREAM_SSL_MODE, .flags = PB_CREATE | PB_SHOWN,
		.about = "How the connection to the replica is secured, as libpq's sslmode."
	},
	PB_TIMES(prepared),
	{0}
};

static const PbOrder orders[] = {
	{
		.name = "created_at", .column = "id", .leaf = &prepared.id,
		.is_indexed = true
	},
	{0}
};

const PbResource pb_replica = {
	.name = "replica",
	.plural = "replicas",
	.table = "pgbeam.replicas",
	.copying = PB_COPIED,
	.prefix = PB_REPLICA_PREFIX,
	.parent = &pb_database,
	.limit = &limit,
	.limit_setting = LIMIT_SETTING,
	.orders = orders,
	.fields = fields,
	.prepared = &prepared,
};

void
pb_replica_define_settings(void)
{
	DefineCustomIntVariable(LIMIT_SETTING,
							"Replicas that a database may have; 0: no limit.",
							NULL, &limit, 20, 0, 10000, PGC_SUSET, 0,
							NULL, NULL, NULL);
}
