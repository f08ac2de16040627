/*
 * standard.h
 *	  The standard operations of any resource: create, get, list, update, put
 *	  and delete, driven by its description and its hooks. A list is of what
 *	  stands below a parent or belongs to the organization that the path names;
 *	  other resources list themselves.
 */
#ifndef PB_STANDARD_H
#define PB_STANDARD_H

#include "auth/request.h"
#include "resources/page.h"

extern void pb_standard_create(const PbRequest *request, PbReply *reply);
extern void pb_standard_get(const PbRequest *request, PbReply *reply);
extern void pb_standard_list(const PbRequest *request, PbReply *reply);
extern void pb_standard_update(const PbRequest *request, PbReply *reply);
extern void pb_standard_put(const PbRequest *request, PbReply *reply);
extern void pb_standard_delete(const PbRequest *request, PbReply *reply);

extern void pb_standard_show_page(const PbResource *resource,
								  const PbPage *page, Datum org_id,
								  Datum parent_id,
								  const PbOrganization *organization,
								  PbReply *reply);
extern void pb_standard_end_page(PbReply *reply);

#endif							/* PB_STANDARD_H */
