/*
 * replica.c
 *	  Replicas: fields. They log in as their database does.
 */
#include "postgres.h"

#include "utils/guc.h"

#include "auth/organization.h"
#include "base/text.h"
#include "resources/host.h"
#include "resources/page.h"
#include "resources/replica.h"

const char *const pb_ssl_modes[] = {
	"disable", "allow", "prefer", "require", "verify-ca", "verify-full", NULL
};

#define PREFIX "rep"

#define MOST_SETTING "pgbeam.max_replicas"

static PbPrepared prepared;

static int	most;

static const PbField fields[] = {
	{
		.name = "id", .kind = PB_ID, .flags = PB_SHOWN, .prefix = PREFIX,
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
		.name = "host", .kind = PB_TEXT,
		.flags = PB_CREATE | PB_SHOWN | PB_REQUIRED,
		.least = 1, .most = PB_DNS_NAME_MAX, .rule = pb_text_host_problem,
		.pattern = PB_HOST_PATTERN,
		.about = "Host name or address of the replica; brackets round an IPv6 address are not part of it."
	},
	{
		.name = "port", .kind = PB_INTEGER,
		.flags = PB_CREATE | PB_SHOWN | PB_REQUIRED,
		.least = 1, .most = PB_PORT_MAX,
		.about = "Port of the replica."
	},
	{
		.name = "ssl_mode", .kind = PB_WORD, .flags = PB_CREATE | PB_SHOWN,
		.words = pb_ssl_modes, .fallback = "\"verify-full\"",
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
	.prefix = PREFIX,
	.parent = "database_id",
	.most = &most,
	.most_setting = MOST_SETTING,
	.orders = orders,
	.fields = fields,
	.prepared = &prepared,
};

void
pb_replica_define_settings(void)
{
	DefineCustomIntVariable(MOST_SETTING,
							"Replicas that a database may have; 0: no limit.",
							NULL, &most, 20, 0, 10000, PGC_SUSET, 0,
							NULL, NULL, NULL);
}
