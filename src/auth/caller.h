/*
 * caller.h
 *	  Who asks, and what that lets him see and do.
 */
#ifndef PB_CALLER_H
#define PB_CALLER_H

#include "auth/member.h"
#include "auth/organization.h"
#include "auth/request.h"

/* What an operation does to an organization's objects. */
typedef enum PbAccess
{
	PB_READ,
	PB_WRITE
} PbAccess;

/* SQL: whether the caller may know of what belongs to org. */
#define PB_IS_IN_SIGHT(caller_org, caller_user, org) \
	"(" caller_org " IS NULL OR " org " OPERATOR(pg_catalog.=) " caller_org \
	") AND " PB_IS_MEMBER(caller_user, org)

extern void pb_caller_define_settings(void);
extern bool pb_caller_trusts_claims(void);
extern bool pb_caller_identify(PbRequest *request, PbFaults *faults);
extern PbActor pb_caller_actor(const PbRequest *request);
extern void pb_caller_sight(const PbCaller *caller, Datum *org_id,
							char *org_null, Datum *user_id, char *user_null);
extern bool pb_caller_may(const PbCaller *caller, PbAccess access,
						  Datum org_id, PbOrganization *organization,
						  PbFaults *faults);
extern void pb_caller_grant(Oid role, const char *access);

#endif							/* PB_CALLER_H */
