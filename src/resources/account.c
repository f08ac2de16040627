/*
 * account.c
 *	  Plans, regions, and a caller's organizations, as the API shows them.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

#include "auth/authorization.h"
#include "auth/plan.h"
#include "base/sql.h"
#include "resources/account.h"

static const struct
{
	const char *id;
	const char *name;
	const char *continent;
	const char *country;
}			regions[] =
{
	{"us-east-1", "US East (N. Virginia)", "North America", "United States"},
	{"us-west-2", "US West (Oregon)", "North America", "United States"},
	{"eu-west-1", "Europe (Ireland)", "Europe", "Ireland"},
	{"ap-south-1", "Asia Pacific (Mumbai)", "Asia", "India"},
	{"ap-southeast-1", "Asia Pacific (Singapore)", "Asia", "Singapore"},
	{"ap-northeast-1", "Asia Pacific (Tokyo)", "Asia", "Japan"},
};

static void
open_list(StringInfo out, const char *name)
{
	pb_json_begin(out, '{');
	pb_json_name(out, name);
	pb_json_begin(out, '[');
}

static void
close_list(StringInfo out)
{
	pb_json_end(out, ']');
	pb_json_end(out, '}');
}

static void
put_number(StringInfo out, const char *name, int64 number)
{
	pb_json_name(out, name);
	pb_json_long(out, number);
}

static void
put_boolean(StringInfo out, const char *name, bool boolean)
{
	pb_json_name(out, name);
	pb_json_boolean(out, boolean);
}

static void
put_null(StringInfo out, const char *name)
{
	pb_json_name(out, name);
	appendStringInfoString(out, "null");
}

/* listRegions: those that are published */
void
pb_account_list_regions(const PbRequest *request, PbReply *reply)
{
	StringInfo	out = reply->body;

	open_list(out, "regions");
	for (int i = 0; i < (int) lengthof(regions); i++)
	{
		pb_json_next(out);
		pb_json_begin(out, '{');
		pb_json_pair(out, "id", regions[i].id);
		pb_json_pair(out, "name", regions[i].name);
		pb_json_pair(out, "provider", "aws");
		pb_json_pair(out, "status", "active");
		put_boolean(out, "available", true);
		pb_json_pair(out, "continent", regions[i].continent);
		pb_json_pair(out, "country", regions[i].country);
		pb_json_end(out, '}');
	}
	close_list(out);
}

/* A plan's limits, or an organization's; what is not published is 0. */
static void
put_limits(StringInfo out, const PbPlan *plan, const int32 limits[PB_LIMITS])
{
	static const PbPlan none = {0};
	const PbPlan *published = plan != NULL ? plan : &none;

	pb_json_open(out, "limits");
	put_number(out, "queries_per_day", published->queries_per_day);
	put_number(out, "max_projects", limits[PB_MAX_PROJECTS]);
	put_number(out, "max_databases", limits[PB_MAX_DATABASES]);
	put_number(out, "max_connections", limits[PB_MAX_CONNECTIONS]);
	put_number(out, "queries_per_second", limits[PB_QUERIES_PER_SECOND]);
	put_number(out, "bytes_per_month", published->bytes_per_month);
	put_number(out, "max_query_shapes", published->query_shapes);
	put_number(out, "included_seats", published->seats);
	put_number(out, "max_agent_credentials", 0);
	put_number(out, "audit_retention_days", 0);
	put_number(out, "sandbox_max_branches", 0);
	put_number(out, "sandbox_max_upstream_bytes", 0);
	put_number(out, "sandbox_idle_seconds", 0);
	put_number(out, "sandbox_ttl_seconds", 0);
	pb_json_end(out, '}');
}

/* listPlans */
void
pb_account_list_plans(const PbRequest *request, PbReply *reply)
{
	StringInfo	out = reply->body;

	open_list(out, "plans");
	for (int i = 0; i < PB_PLANS; i++)
	{
		const PbPlan *plan = &pb_plans[i];

		pb_json_next(out);
		pb_json_begin(out, '{');
		pb_json_pair(out, "name", pb_plan_names[i]);
		pb_json_pair(out, "label", plan->label);
		put_number(out, "monthly_price", plan->monthly_price);
		if (plan->annual_price > 0)
			put_number(out, "annual_price", plan->annual_price);
		if (plan->trial_days > 0)
			put_number(out, "trial_days", plan->trial_days);
		put_limits(out, plan, plan->limits);
		pb_json_end(out, '}');
	}
	close_list(out);
}

/*
 * getOrganizationPlan. Who has no plan has no limits but his own, as by
 * contract. Nothing is billed here, so no spending is limited.
 */
void
pb_account_get_plan(const PbRequest *request, PbReply *reply)
{
	StringInfo	out = reply->body;
	const char *id = request->ids[0];
	PbOrganization organization;

	if (!pb_organization_check_id(id, "org_id", &reply->faults) ||
		!pb_authorize(&request->caller, PB_READ, CStringGetTextDatum(id),
					  &organization, &reply->faults))
		return;
	pb_json_begin(out, '{');
	pb_json_pair(out, "org_id", id);
	pb_json_pair(out, "plan", organization.plan == NULL ?
				 pb_plan_names[PB_PLANS - 1] :
				 pb_plan_names[organization.plan - pb_plans]);
	pb_json_pair(out, "billing_provider", "manual");
	pb_json_pair(out, "subscription_status", "active");
	put_boolean(out, "enabled", !organization.is_suspended);
	put_boolean(out, "custom_pricing", false);
	put_null(out, "spend_limit");
	put_boolean(out, "spend_capped", false);
	put_null(out, "spend_capped_at");
	put_limits(out, organization.plan, organization.limits);
	pb_json_end(out, '}');
}

static const Oid list_types[] = {TEXTOID, TEXTOID};

static const char *const members[] = {"id", "name", "slug", "role"};

static const PbResult list_results[lengthof(members)] = {
	{TEXTOID, false}, {TEXTOID, false}, {TEXTOID, false}, {TEXTOID, true}
};

static PbStatement list = {
	.text = "SELECT o.org_id, coalesce(o.name, o.org_id), "
	"coalesce(o.slug, o.org_id), (SELECT u.role FROM pgbeam.members AS u "
	"WHERE u.org_id OPERATOR(pg_catalog.=) o.org_id "
	"AND u.user_id OPERATOR(pg_catalog.=) $2) "
	"FROM pgbeam.organizations AS o WHERE "
	PB_IS_IN_SIGHT("$1", "$2", "o.org_id")
	" ORDER BY o.org_id USING OPERATOR(pg_catalog.<)",
	.nargs = lengthof(list_types), .types = list_types,
	.nresults = lengthof(list_results), .results = list_results
};

static void
put_organization(StringInfo out, uint64 row)
{
	Datum		values[lengthof(members)];
	bool		nulls[lengthof(members)];

	pb_sql_read(&list, SPI_tuptable, row, values, nulls);
	pb_json_next(out);
	pb_json_begin(out, '{');
	for (int i = 0; i < (int) lengthof(members); i++)
		if (!nulls[i])
			pb_json_pair(out, members[i], TextDatumGetCString(values[i]));
	pb_json_end(out, '}');
}

/* listOrganizations: a key's own, a user's by his memberships */
void
pb_account_list_organizations(const PbRequest *request, PbReply *reply)
{
	Datum		values[2];
	char		nulls[2];
	uint64		count;

	pb_authorization_sight(&request->caller, &values[0], &nulls[0], &values[1],
						   &nulls[1]);
	count = pb_sql_run(&list, values, nulls);
	open_list(reply->body, "organizations");
	for (uint64 i = 0; i < count; i++)
		put_organization(reply->body, i);
	close_list(reply->body);
}
