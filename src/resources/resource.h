/*
 * resource.h
 *	  The rows of any resource, driven by its description: found, locked,
 *	  written, deleted. What stands below a row goes with it.
 */
#ifndef PB_RESOURCE_H
#define PB_RESOURCE_H

#include "auth/authorization.h"
#include "fields/field.h"

/*
 * What a resource alone knows of the standard operations (standard.h), each in
 * the order in which they are called; NULL: nothing. A hook that answers false
 * has set faults, and nothing is written.
 */
typedef struct PbHooks
{
	/* create, before anything is written; the row has its id and its place */

	/* what the plan says, and what is stored already */
	bool		(*admit) (const PbRequest *request, PbRow *row,
						  PbOrganization *organization, PbFaults *faults);

	/* fills what is made for it: secrets, tokens, counts */
	bool		(*prepare) (PbRow *row, PbFaults *faults);

	/* create, around the writing of the row */

	/* writes what must stand before it */
	void		(*precede) (PbRow *row);

	/* writes what follows from it; where it is set, a create and a delete
	 * have the parent locked, as row->above */
	void		(*created) (PbRow *row);
	void		(*deleted) (PbRow *row);

	/* update */

	/* what no field says of the request */
	void		(*check) (const PbRow *update, PbFaults *faults);

	/* what no field says of the stored row's update. Gives a JSON object for
	 * the feed, or NULL. */
	const char *(*judge) (const PbRow *row, const PbRow *update,
						  PbFaults *faults);

	/* lays what stands beside the row over it; tells whether it changed */
	bool		(*merge) (PbRow *row, const PbRow *update, PbFaults *faults);

	/* find: whether the row has what it cannot be without */
	bool		(*is_whole) (const PbRow *row);

	/* show: fills what is computed; the organization is that of a read or a
	 * write, and unknown (zero) where none was asked for */
	void		(*derive) (PbRow *row, const PbOrganization *organization);
} PbHooks;

extern const PbHooks *pb_hooks(const PbResource *resource);

extern void pb_resource_stamp(PbRow *row);
extern void pb_resource_not_found(const PbResource *resource,
								  PbFaults *faults);
extern void pb_resource_tell(const PbRow *row, PbFaults *faults);
extern bool pb_resource_insert(const PbRequest *request, PbRow *row,
							   PbFaults *faults);
extern PbRow *pb_resource_find(const PbRequest *request,
							   PbPermission permission,
							   PbOrganization *organization,
							   PbFaults *faults);
extern PbRow *pb_resource_find_parent(const PbRequest *request,
									  PbPermission permission, int id_count,
									  PbOrganization *organization,
									  PbFaults *faults);
extern PbRow *pb_resource_find_id(const PbResource *resource,
								  const PbCaller *caller,
								  PbPermission permission, const char *id,
								  PbOrganization *organization,
								  PbFaults *faults);
extern PbRow *pb_resource_lock(const PbRow *row, PbFaults *faults);
extern bool pb_resource_update(const PbRequest *request, PbRow *row,
							   bool may_be_taken, const char *detail,
							   PbFaults *faults);
extern bool pb_resource_delete(const PbRequest *request, const PbRow *row,
							   PbFaults *faults);
extern bool pb_resource_has_room(const PbResource *resource,
								 const PbRow *parent, PbFaults *faults);
extern void pb_resource_show(StringInfo out, PbRow *row,
							 const PbOrganization *organization);
extern const char *pb_resource_spell(const PbResource *resource, Datum id);
extern const char *pb_resource_typeid(const PbRow *row);
extern Datum pb_resource_id(const PbRow *row);
extern Datum pb_resource_org(const PbRow *row);

#endif							/* PB_RESOURCE_H */
