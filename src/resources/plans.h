/*
 * plans.h
 *	  The plans, and an organization's plan and spend limit, as the API shows
 *	  them.
 */
#ifndef PB_PLANS_H
#define PB_PLANS_H

#include "auth/request.h"

extern const PbResource pb_spend_limit;

extern void pb_plans_list(const PbRequest *request, PbReply *reply);
extern void pb_plans_get(const PbRequest *request, PbReply *reply);
extern void pb_plans_limit_spending(const PbRequest *request, PbReply *reply);

#endif							/* PB_PLANS_H */
