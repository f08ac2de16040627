/*
 * plans.h
 *	  The plans, and the plan of an organization, as the API shows them.
 */
#ifndef PB_PLANS_H
#define PB_PLANS_H

#include "auth/request.h"

extern void pb_plans_list(const PbRequest *request, PbReply *reply);
extern void pb_plans_get(const PbRequest *request, PbReply *reply);

#endif							/* PB_PLANS_H */
