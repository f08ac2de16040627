/*
 * organizations.h
 *	  A caller's organizations, as the API shows them.
 */
#ifndef PB_ORGANIZATIONS_H
#define PB_ORGANIZATIONS_H

#include "auth/request.h"

extern void pb_organizations_list(const PbRequest *request, PbReply *reply);

#endif							/* PB_ORGANIZATIONS_H */
