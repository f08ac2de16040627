/*
 * resource.h
 *	  What every resource can have done to it, driven by its description.
 */
#ifndef PB_RESOURCE_H
#define PB_RESOURCE_H

#include "caller.h"
#include "field.h"

/* The resource above in a path, by id. */
typedef struct PbParent
{
	const char *prefix;
	const char *id;				/* as the client gave it */
} PbParent;

extern void pb_resource_stamp(PbRow *row, uint64 random);
extern void pb_resource_not_found(const PbResource *resource,
								  PbFaults *faults);
extern bool pb_resource_insert(PbRow *row);
extern PbRow *pb_resource_find(const PbResource *resource,
							   const PbCaller *caller, PbAccess access,
							   const char *id, const PbParent *parent,
							   PbOrganization *organization,
							   PbFaults *faults);
extern bool pb_resource_delete(const PbRow *row, PbFaults *faults);
extern void pb_resource_delete_children(const PbResource *resource,
										const PbRow *parent);
extern const char *pb_resource_typeid(const PbRow *row);
extern Datum pb_resource_id(const PbRow *row);
extern Datum pb_resource_org(const PbRow *row);

#endif							/* PB_RESOURCE_H */
