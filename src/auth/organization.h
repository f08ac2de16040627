/*
 * organization.h
 *	  Organizations, their plan and limits.
 */
#ifndef PB_ORGANIZATION_H
#define PB_ORGANIZATION_H

#include "auth/plan.h"
#include "base/sql.h"
#include "feed/change.h"
#include "fields/field.h"

/*
 * Dollars a month that an organization wants to spend at most. A fraction of a
 * cent is kept: what it is worth is for whoever enforces the limit.
 */
#define PB_SPEND_LIMIT \
	.name = "spend_limit", .kind = PB_DECIMAL, .most = 1000000000, \
	.about = "Dollars a month that it may cost at most, for a data plane to enforce; null: no limit."

typedef struct PbOrganization
{
	bool		is_known;		/* has a row */
	bool		is_suspended;
	const PbPlan *plan;	/* NULL: none */
	int32		limits[PB_LIMITS];	/* 0: no limit */
} PbOrganization;

extern const PbResource pb_organization;

extern bool pb_organization_check_id(const char *id, const char *name,
									 PbFaults *faults);
extern void pb_organization_find(Datum org_id, PbReading reading,
								 PbOrganization *organization);
extern void pb_organization_define_settings(void);
extern bool pb_organization_refuse_unknown(PbFaults *faults);
extern bool pb_organization_refuse_suspended(PbFaults *faults);
extern bool pb_organization_require(Datum org_id, PbFaults *faults);
extern bool pb_organization_register(Datum org_id, const PbActor *actor,
									 PbFaults *faults);
extern bool pb_organization_has_domains(const PbOrganization *organization);
extern bool pb_organization_may_self_host(const PbOrganization *organization);
extern void pb_organization_set(const PbJson *org_id, const PbJson *settings,
								const PbActor *actor, StringInfo answer,
								PbFaults *faults);
extern void pb_organization_get(const PbJson *org_id, StringInfo answer,
								PbFaults *faults);
extern bool pb_organization_spend_limit(Datum org_id, PbReading reading,
										Datum *limit);
extern bool pb_organization_limit_spending(Datum org_id, Datum limit,
										   bool is_none, const PbActor *actor,
										   PbFaults *faults);
extern void pb_organization_list(const PbJson *members, PbFaults *faults);
extern void pb_organization_remove(Datum org_id, const PbActor *actor);
extern void pb_organization_suspend(const PbJson *members,
									const PbActor *actor, PbFaults *faults);
extern void pb_organization_resume(const PbJson *members,
									const PbActor *actor, PbFaults *faults);

#endif							/* PB_ORGANIZATION_H */
