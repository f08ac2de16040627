/*
 * account.h
 *	  Plans, regions, and a caller's organizations, as the API shows them.
 */
#ifndef PB_ACCOUNT_H
#define PB_ACCOUNT_H

#include "auth/request.h"

extern void pb_account_list_plans(const PbRequest *request, PbReply *reply);
extern void pb_account_list_regions(const PbRequest *request, PbReply *reply);
extern void pb_account_list_organizations(const PbRequest *request,
										  PbReply *reply);
extern void pb_account_get_plan(const PbRequest *request, PbReply *reply);

#endif							/* PB_ACCOUNT_H */
