/*
 * resource.h
 *	  What every resource can have done to it, driven by its description.
 */
#ifndef PB_RESOURCE_H
#define PB_RESOURCE_H

#include "auth/authentication.h"
#include "auth/authorization.h"
#include "fields/field.h"
#include "resources/page.h"

/* The resource above in a path, by id. */
typedef struct PbParent
{
	const char *prefix;
	const char *id;				/* as the client gave it */
} PbParent;

/* prints a row's view */
typedef void (*PbShow) (StringInfo out, PbRow *row,
						const PbOrganization *organization);

/* An update of a resource: what is its own about it. */
typedef struct PbChange
{
	const PbResource *resource;
	const char *id;				/* as the client gave it */
	const PbParent *parent;		/* or NULL */

	/* what no field says of the request; NULL: nothing */
	void		(*check) (const PbRow *changes, PbFaults *faults);

	/* what no field says of the stored row's change; NULL: nothing. Gives a
	 * JSON object for the feed, or NULL. */
	const char *(*judge) (const PbRow *row, const PbRow *changes,
						  PbFaults *faults);

	/* lays what stands beside the row over it; tells whether it changed */
	bool		(*merge) (PbRow *row, const PbRow *changes, PbFaults *faults);

	/* fills what is computed, and prints */
	PbShow show;
} PbChange;

extern void pb_resource_stamp(PbRow *row, uint64 random);
extern void pb_resource_not_found(const PbResource *resource,
								  PbFaults *faults);
extern void pb_resource_tell(const PbRow *row, PbFaults *faults);
extern bool pb_resource_insert(const PbRequest *request, PbRow *row,
							   PbFaults *faults);
extern PbRow *pb_resource_find(const PbResource *resource,
							   const PbCaller *caller, PbPermission permission,
							   const char *id, const PbParent *parent,
							   PbOrganization *organization,
							   PbFaults *faults);
extern PbRow *pb_resource_lock(const PbRow *row, PbFaults *faults);
extern bool pb_resource_update(const PbRequest *request, PbRow *row,
							   bool may_be_taken, const char *detail,
							   PbFaults *faults);
extern int	pb_resource_list(const PbResource *resource, const PbPage *page,
							 Datum org_id, const Datum *parent_id,
							 PbRow **rows);
extern void pb_resource_show_page(PbReply *reply, const PbPage *page,
								  PbRow **rows, int count,
								  PbShow show,
								  const PbOrganization *organization);
extern void pb_resource_end_page(PbReply *reply);
extern void pb_resource_change(const PbChange *change,
							   const PbRequest *request, PbReply *reply);
extern bool pb_resource_delete(const PbRequest *request, const PbRow *row,
							   PbFaults *faults);
extern PbRow *pb_resource_lock_parent(const PbResource *parent,
									  const PbRequest *request,
									  PbOrganization *organization,
									  PbReply *reply);
extern PbRow *pb_resource_begin_below(const PbResource *resource,
									  const PbResource *parent,
									  const PbRequest *request,
									  PbOrganization *organization,
									  PbRow **made, PbReply *reply);
extern void pb_resource_finish_below(const PbRequest *request, PbRow *row,
									 PbReply *reply);
extern void pb_resource_list_below(const PbResource *resource,
								   const PbResource *parent,
								   const PbRequest *request, PbReply *reply,
								   PbShow show);
extern const char *pb_resource_spell(const PbResource *resource, Datum id);
extern const char *pb_resource_typeid(const PbRow *row);
extern Datum pb_resource_id(const PbRow *row);
extern Datum pb_resource_org(const PbRow *row);

#endif							/* PB_RESOURCE_H */
