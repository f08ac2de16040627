/*
 * resource.h
 *	  Finds, locks and shows the rows of any resource, by its description.
 */
#ifndef PB_RESOURCE_H
#define PB_RESOURCE_H

#include "utils/uuid.h"

#include "auth/authorization.h"
#include "fields/field.h"
#include "resources/statement.h"

struct PbMarks;

/*
 * A resource's own part in the standard operations (standard.h), in the order
 * of the calls. A hook is NULL where the resource has no part. A hook that
 * returns false has set faults, and nothing is written.
 */
typedef struct PbHooks
{
	/*
	 * create, before anything is written; the row has its id, times and parent
	 */

	/* checks the plan's limits, and what is stored already */
	bool		(*admit) (const PbRequest *request, PbRow *row,
						  PbOrganization *organization, PbFaults *faults);

	/* fills generated values: secrets, tokens, counts */
	bool		(*prepare) (PbRow *row, PbFaults *faults);

	/* create, around the writing of the row */

	/* writes rows that must exist before this one */
	void		(*precede) (PbRow *row);

	/*
	 * write what follows from it. row->above is the parent, locked; it is NULL
	 * for a resource without one. A delete locks the parent only where the
	 * hook is set.
	 */
	void		(*created) (PbRow *row);
	void		(*deleted) (PbRow *row);

	/* update and delete */

	/* what the caller needs; PB_READ: what projects need */
	PbPermission permission;

	/*
	 * whether the caller may change this row. It and its organization are
	 * locked, and rights that the caller had before may be gone.
	 */
	bool		(*permit) (const PbRequest *request, const PbRow *row,
						   PbFaults *faults);

	/* update */

	/*
	 * checks of the request against the stored row. Returns a JSON object for
	 * the feed, or NULL.
	 */
	const char *(*judge) (const PbRow *row, const PbRow *update,
						  PbFaults *faults);

	/*
	 * applies what the update has beside its values, as a secret; returns
	 * whether the row changed
	 */
	bool		(*merge) (PbRow *row, const PbRow *update, PbFaults *faults);

	/* find: whether the row is complete */
	bool		(*is_whole) (const PbRow *row);

	/*
	 * show: fills what other tables know of rows of one organization. New rows
	 * are left out.
	 */
	void		(*look_up) (PbRow **rows, int count);

	/*
	 * show: fills derived values. The organization is zero if the operation
	 * has not read it.
	 */
	void		(*derive) (PbRow *row, const PbOrganization *organization);

	/* search */

	/* adds the marks that the row should have, see mark.h */
	void		(*mark) (const PbRow *row, struct PbMarks *marks);

	/* purge */

	/* SQL: the host that a row may have in pgbeam.hosts */
	const char *host;

	/*
	 * does with that host what follows from a purge of its project, or of the
	 * row below that project; false if it must wait
	 */
	bool		(*purge_host) (Datum host, Datum org_id, Datum project_id);
} PbHooks;

extern const PbHooks *pb_hooks(const PbResource *resource);

extern uint64 pb_resource_deletions;

extern bool pb_resource_run(PbStatement *statement, Datum *values,
							const char *nulls, PbRow *row);
extern void pb_resource_set_key(const PbRow *row,
								Datum values[PB_KEY_ARGUMENTS]);
extern bool pb_resource_is_living(const PbRow *row);
extern void pb_resource_stamp(PbRow *row);
extern void pb_resource_not_found(const PbResource *resource,
								  PbFaults *faults);
extern void pb_resource_tell(const PbRow *row, PbFaults *faults);
extern bool pb_resource_enter(const PbCaller *caller, PbPermission permission,
							  const char *id, PbOrganization *organization,
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
extern bool pb_resource_read_id(const PbResource *resource, const char *text,
								pg_uuid_t *uuid);
extern PbRow *pb_resource_lock(const PbRow *row, PbFaults *faults);
extern bool pb_resource_has_none(const PbResource *resource,
								 PbLeading leading, const Datum *parent);
extern bool pb_resource_has_room(const PbResource *resource,
								 const PbRow *parent, PbFaults *faults);
extern void pb_resource_look_up(PbRow **rows, int count);
extern void pb_resource_show(StringInfo out, PbRow *row,
							 const PbOrganization *organization);
extern const char *pb_resource_spell(const PbResource *resource, Datum id);
extern const char *pb_resource_typeid(const PbRow *row);
extern Datum pb_resource_id(const PbRow *row);
extern Datum pb_resource_org(const PbRow *row);

#endif							/* PB_RESOURCE_H */
