/*
 * plan.h
 *	  The plans that an organization can have.
 */
#ifndef PB_PLAN_H
#define PB_PLAN_H

/* Limits that are enforced or passed on here, in the order of the columns. */
typedef enum PbLimit
{
	PB_MAX_PROJECTS,
	PB_MAX_DATABASES,
	PB_MAX_CONNECTIONS,
	PB_QUERIES_PER_SECOND,
	PB_BURST_SIZE,
	PB_LIMITS
} PbLimit;

typedef struct PbPlan
{
	const char *label;			/* for people */
	int			monthly_price;	/* dollars; 0: by contract */
	int			annual_price;
	int			trial_days;		/* 0: none */
	bool		self_hosting;
	bool		custom_domains;
	int32		limits[PB_LIMITS];	/* 0: no limit */
	int64		queries_per_day;	/* the same */
	int64		bytes_per_month;
	int32		query_shapes;
	int32		seats;
} PbPlan;

#define PB_PLANS 4

extern const char *const pb_plan_names[PB_PLANS + 1];	/* NULL-terminated */
extern const PbPlan pb_plans[PB_PLANS];

extern const PbPlan *pb_plan_find(const char *name);

#endif							/* PB_PLAN_H */
