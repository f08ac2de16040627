/*
 * authorization.h
 *	  What a caller may see and do.
 */
#ifndef PB_AUTHORIZATION_H
#define PB_AUTHORIZATION_H

#include "auth/organization.h"
#include "auth/request.h"
#include "auth/role.h"

/* The organizations whose objects a caller may see. */
typedef struct PbSight
{
	bool		is_unlimited;	/* all of them */
	int			count;
	Datum	   *organizations;	/* texts */
} PbSight;

extern PbSight pb_authorization_sight(const PbCaller *caller);
extern Datum pb_authorization_array(const PbSight *sight);
extern bool pb_authorize(const PbCaller *caller, PbPermission permission,
						 Datum org_id, PbOrganization *organization,
						 PbFaults *faults);
extern bool pb_authorize_within(const PbCaller *caller,
								PbPermission permission, Datum org_id,
								PbOrganization *organization,
								PbFaults *faults);

#endif							/* PB_AUTHORIZATION_H */
