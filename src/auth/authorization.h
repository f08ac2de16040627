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

#endif							/* PB_AUTHORIZATION_H */
