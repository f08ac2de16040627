/*
 * plans.c
 *	  The plans, and an organization's plan and spend limit, as the API shows
 *	  them.
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "auth/authentication.h"
#include "auth/authorization.h"
#include "auth/plan.h"
#include "base/decimal.h"
#include "fields/check.h"
#include "resources/plans.h"
#include "resources/resource.h"

/*
 * The limits of a plan or of an organization. Those that are not published are
 * 0.
 */
static void
put_limits(StringInfo out, const PbPlan *plan, const int32 limits[PB_LIMITS])
{
	static const PbPlan none = {0};
	const PbPlan *published = plan != NULL ? plan : &none;

	pb_json_open(out, "limits");
	pb_json_pair_long(out, "queries_per_day", published->queries_per_day);
	pb_json_pair_long(out, "max_projects", limits[PB_MAX_PROJECTS]);
	pb_json_pair_long(out, "max_databases", limits[PB_MAX_DATABASES]);
	pb_json_pair_long(out, "max_connections", limits[PB_MAX_CONNECTIONS]);
	pb_json_pair_long(out, "queries_per_second", limits[PB_QUERIES_PER_SECOND]);
	pb_json_pair_long(out, "bytes_per_month", published->bytes_per_month);
	pb_json_pair_long(out, "max_query_shapes", published->query_shapes);
	pb_json_pair_long(out, "included_seats", published->seats);
	pb_json_pair_long(out, "max_agent_credentials", 0);
	pb_json_pair_long(out, "audit_retention_days", 0);
	pb_json_pair_long(out, "sandbox_max_branches", 0);
	pb_json_pair_long(out, "sandbox_max_upstream_bytes", 0);
	pb_json_pair_long(out, "sandbox_idle_seconds", 0);
	pb_json_pair_long(out, "sandbox_ttl_seconds", 0);
	pb_json_end(out, '}');
}

/* listPlans */
void
pb_plans_list(const PbRequest *request, PbReply *reply)
{
	StringInfo	out = reply->body;

	pb_json_open_list(out, "plans");
	for (int i = 0; i < PB_PLANS; i++)
	{
		const PbPlan *plan = &pb_plans[i];

		pb_json_next(out);
		pb_json_begin(out, '{');
		pb_json_pair(out, "name", pb_plan_names[i]);
		pb_json_pair(out, "label", plan->label);
		pb_json_pair_long(out, "monthly_price", plan->monthly_price);
		if (plan->annual_price > 0)
			pb_json_pair_long(out, "annual_price", plan->annual_price);
		if (plan->trial_days > 0)
			pb_json_pair_long(out, "trial_days", plan->trial_days);
		put_limits(out, plan, plan->limits);
		pb_json_end(out, '}');
	}
	pb_json_close_list(out);
}

/*
 * An organization's plan. One without a plan has only limits of its own. It
 * answers as enterprise, where limits are set by contract. pgbeam bills
 * nothing, so no spending reaches a limit here.
 */
static void
put_plan(StringInfo out, const char *id, const PbOrganization *organization,
		 PbReading reading)
{
	Datum		limit;

	pb_json_begin(out, '{');
	pb_json_pair(out, "org_id", id);
	pb_json_pair(out, "plan", organization->plan == NULL ?
				 pb_plan_names[PB_PLANS - 1] :
				 pb_plan_names[organization->plan - pb_plans]);
	pb_json_pair(out, "billing_provider", "manual");
	pb_json_pair(out, "subscription_status", "active");
	pb_json_pair_boolean(out, "enabled", !organization->is_suspended);
	pb_json_pair_boolean(out, "custom_pricing", false);
	if (pb_organization_spend_limit(CStringGetTextDatum(id), reading, &limit))
	{
		pb_json_name(out, "spend_limit");
		pb_decimal_print(out, limit);
	}
	else
		pb_json_pair_null(out, "spend_limit");
	pb_json_pair_boolean(out, "spend_capped", false);
	pb_json_pair_null(out, "spend_capped_at");
	put_limits(out, organization->plan, organization->limits);
	pb_json_end(out, '}');
}

/* getOrganizationPlan */
void
pb_plans_get(const PbRequest *request, PbReply *reply)
{
	const char *id = request->ids[0];
	PbOrganization organization;

	if (pb_organization_check_id(id, "org_id", &reply->faults) &&
		pb_authorize(&request->caller, PB_READ, CStringGetTextDatum(id),
					 &organization, &reply->faults))
		put_plan(reply->body, id, &organization, PB_SNAPSHOT);
}

static PbPrepared prepared;

static int	limit_at;

/* The body of updateSpendLimit; null or nothing removes the limit. */
static const PbField fields[] = {
	{
		PB_SPEND_LIMIT, .flags = PB_CREATE | PB_NULLABLE | PB_NULL_SHOWN,
		.at = &limit_at
	},
	{0}
};

const PbResource pb_spend_limit = {
	.name = "spend_limit",
	.fields = fields,
	.prepared = &prepared,
};

/* updateSpendLimit */
void
pb_plans_limit_spending(const PbRequest *request, PbReply *reply)
{
	const PbActor actor = pb_authentication_actor(request);
	const char *id = request->ids[0];
	PbRow	   *row = pb_row_make(&pb_spend_limit);
	PbFaults   *faults = &reply->faults;
	PbOrganization organization;

	pb_check_create(row, &request->body, faults, reply->unknown);
	if (faults->refusal == PB_ACCEPTED &&
		pb_resource_enter(&request->caller, PB_LIMIT_SPENDING, id,
						  &organization, faults) &&
		pb_organization_limit_spending(CStringGetTextDatum(id),
									   row->values[limit_at],
									   !pb_row_has(row, limit_at), &actor,
									   faults))
		put_plan(reply->body, id, &organization, PB_LATEST);
}
