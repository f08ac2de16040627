/*
 * erasure.h
 *	  Deletes organizations, and erases every trace of them.
 */
#ifndef PB_ERASURE_H
#define PB_ERASURE_H

#include "auth/request.h"

extern void pb_organization_delete(const PbRequest *request,
								   const PbJson *org_id, bool cascade,
								   PbFaults *faults);
extern int64 pb_organization_erase(const PbRequest *request,
								   const PbJson *org_id, bool force,
								   PbFaults *faults);

#endif							/* PB_ERASURE_H */
