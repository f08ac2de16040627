/*
 * pgbeam.c
 *	  Starts the module: its settings and its hooks, and the list of all
 *	  resources that have a table.
 */
#include "postgres.h"

#include "utils/guc.h"

#include "auth/apikey.h"
#include "auth/authentication.h"
#include "auth/organization.h"
#include "auth/rate.h"
#include "auth/token.h"
#include "base/compat.h"
#include "base/crypt.h"
#include "base/sql.h"
#include "feed/change.h"
#include "feed/consumer.h"
#include "fields/field.h"
#include "http/idempotency.h"
#include "http/statistics.h"
#include "keys/keyfile.h"
#include "log/guard.h"
#include "plane/pgbouncer.h"
#include "plane/queryreport.h"
#include "plane/traffic.h"
#include "plane/trafficentry.h"
#include "plane/usage.h"
#include "resources/cacherule.h"
#include "resources/connection.h"
#include "resources/database.h"
#include "resources/domain.h"
#include "resources/health.h"
#include "resources/host.h"
#include "resources/member.h"
#include "resources/page.h"
#include "resources/plans.h"
#include "resources/project.h"
#include "resources/replica.h"
#include "resources/upstream.h"
#include "upkeep/purge.h"

PB_MODULE_MAGIC;

const PbResource *const pb_resources[] = {
	&pb_organization, &pb_member, &pb_api_key, &pb_jwk,
	&pb_idempotency_key, &pb_change, &pb_feed_consumer, &pb_host,
	&pb_project, &pb_project_mark, &pb_database, &pb_replica,
	&pb_custom_domain, &pb_connection_test, &pb_cache_rule,
	&pb_traffic_source, &pb_traffic_total, &pb_traffic_connection,
	&pb_traffic_minute,
	&pb_traffic_day, &pb_traffic_org_day, NULL
};

/* Field tables that have no table in the database. */
static const PbResource *const transients[] = {
	&pb_page_parameters, &pb_project_list_parameters,
	&pb_database_list_parameters, &pb_health, &pb_query_report,
	&pb_pgbouncer_arguments, &pb_spend_limit, &pb_traffic_report,
	&pb_traffic_entry, &pb_metrics_snapshot, &pb_metrics_parameters,
	&pb_project_daily_usage, &pb_daily_usage, &pb_usage_parameters, NULL
};

static void
start_fields(const PbResource *const *resources)
{
	for (; *resources != NULL; resources++)
		pb_field_start(*resources);
}

void		_PG_init(void);

void
_PG_init(void)
{
	if (!pb_crypt_start())
		elog(ERROR, "libsodium cannot be initialized");
	start_fields(pb_resources);
	start_fields(transients);
	pb_keyfile_define_settings();
	pb_token_define_settings();
	pb_organization_define_settings();
	pb_authentication_define_settings();
	pb_rate_define_settings();
	pb_host_define_settings();
	pb_upstream_define_settings();
	pb_replica_define_settings();
	pb_database_define_settings();
	pb_project_define_settings();
	pb_domain_define_settings();
	pb_change_define_settings();
	pb_purge_define_settings();
	pb_traffic_define_settings();
	pb_guard_define_settings();
	pb_statistics_start();
	MarkGUCPrefixReserved("pgbeam");
	pb_guard_start();
	pb_sql_start();
}
