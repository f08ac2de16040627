/*
 * authorization.h
 *	  What a caller may see and do.
 */
#ifndef PB_AUTHORIZATION_H
#define PB_AUTHORIZATION_H

#include "auth/member.h"
#include "auth/organization.h"
#include "auth/request.h"

/* What an operation does to an organization's objects. */
typedef enum PbPermission
{
	PB_READ,
	PB_WRITE
} PbPermission;

/* SQL: whether the caller may see objects of org. */
#define PB_IS_IN_SIGHT(caller_org, caller_user, org) \
	"(" caller_org " IS NULL OR " org " OPERATOR(pg_catalog.=) " caller_org \
	") AND " PB_IS_MEMBER(caller_user, org)

extern void pb_authorization_sight(const PbCaller *caller, Datum *org_id,
								   char *org_null, Datum *user_id,
								   char *user_null);
extern bool pb_authorize(const PbCaller *caller, PbPermission permission,
						 Datum org_id, PbOrganization *organization,
						 PbFaults *faults);

#endif							/* PB_AUTHORIZATION_H */
