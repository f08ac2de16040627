/*
 * plan.c
 *	  The plans that an organization can have, as published. The limits of
 *	  enterprise are by contract: the operator sets them.
 */
#include "postgres.h"

#include "auth/plan.h"
#include "base/own.h"

#define GB INT64CONST(1000000000)

const char *const pb_plan_names[PB_PLANS + 1] = {
	"starter", "pro", "scale", "enterprise", NULL
};

/* In the order of their names. */
const PbPlan pb_plans[PB_PLANS] = {
	{
		.label = "Starter", .monthly_price = 9, .annual_price = 90,
		.trial_days = 14,
		.limits = {5, 3, 20, 10, 0}, .queries_per_day = 50000,
		.bytes_per_month = 10 * GB, .query_shapes = 100, .seats = 1
	},
	{
		.label = "Pro", .monthly_price = 29, .annual_price = 290,
		.limits = {20, 10, 100, 50, 0}, .queries_per_day = 250000,
		.bytes_per_month = 50 * GB, .query_shapes = 1000, .seats = 3
	},
	{
		.label = "Scale", .monthly_price = 99, .annual_price = 990,
		.self_hosting = true, .custom_domains = true,
		.limits = {100, 50, 500, 250, 0}, .queries_per_day = 2000000,
		.bytes_per_month = 200 * GB, .query_shapes = 10000, .seats = 5
	},
	{
		.label = "Enterprise", .self_hosting = true, .custom_domains = true
	},
};

const PbPlan *
pb_plan_find(const char *name)
{
	for (int i = 0; i < PB_PLANS; i++)
		if (strcmp(pb_plan_names[i], name) == 0)
			return &pb_plans[i];
	elog(ERROR, "there is no plan \"%s\"", name);
}
