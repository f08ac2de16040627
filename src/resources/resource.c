/*
 * resource.c
 *	  Finds, locks and shows the rows of any resource, by its description.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "base/id.h"
#include "base/seek.h"
#include "base/sql.h"
#include "base/text.h"
#include "base/typeid.h"
#include "fields/show.h"
#include "resources/resource.h"
#include "resources/statement.h"

Datum
pb_resource_id(const PbRow *row)
{
	return pb_row_value(row, row->resource->prepared->id);
}

Datum
pb_resource_org(const PbRow *row)
{
	return pb_row_value(row, row->resource->prepared->org_id);
}

const PbHooks *
pb_hooks(const PbResource *resource)
{
	static const PbHooks none = {0};

	return resource->hooks == NULL ? &none : resource->hooks;
}

/* An id as a TypeID, the way clients spell it. */
const char *
pb_resource_spell(const PbResource *resource, Datum id)
{
	const char *prefix = resource->prefix;
	char		text[PB_TYPEID_MAX];
	size_t		length = pb_typeid_encode(prefix, strlen(prefix),
										  DatumGetUUIDP(id)->data, text);

	return pnstrdup(text, length);
}

/*
 * What the feed calls a row: its TypeID, or what the resource says, or its
 * parent's TypeID and its own key.
 */
const char *
pb_resource_typeid(const PbRow *row)
{
	const PbResource *resource = row->resource;
	Datum		parent;

	if (resource->prefix != NULL)
		return pb_resource_spell(resource, pb_resource_id(row));
	if (resource->called != NULL)
		return TextDatumGetCString(pb_row_value(row, *resource->called));
	parent = pb_row_value(row, resource->prepared->parent);
	return psprintf("%s/%s", pb_resource_spell(resource->parent, parent),
					TextDatumGetCString(pb_resource_id(row)));
}

/* Gives a new row its id and the instant of that id as its times. */
void
pb_resource_stamp(PbRow *row)
{
	const PbPrepared *at = row->resource->prepared;
	pg_uuid_t  *id = palloc(sizeof(pg_uuid_t));
	Datum		now;

	pb_id_make(id->data);
	now = TimestampTzGetDatum(pb_id_instant(id->data));
	pb_row_set(row, at->id, UUIDPGetDatum(id));
	pb_row_set(row, at->created_at, now);
	pb_row_set(row, at->updated_at, now);
}

/*
 * How many deletions this backend has begun. An operation may fire a user's
 * trigger that deletes a row which the operation needs. So a row notes this
 * number when it is known to exist, and is looked up again only if the number
 * has grown.
 */
uint64		pb_resource_deletions = 0;

/*
 * Runs a statement that returns at most one row of a resource. False if it
 * returns none.
 */
bool
pb_resource_run(PbStatement *statement, Datum *values, const char *nulls,
				PbRow *row)
{
	if (!pb_sql_row(statement, values, nulls, row->values, row->failed))
		return false;
	pb_row_spread(row);
	return true;
}

/*
 * Sets the arguments that begin a statement about one row; see statement.h.
 * One more may follow. A resource without a parent gets a UUID that nothing
 * reads: extensions that log parameters copy all of them.
 */
void
pb_resource_set_key(const PbRow *row, Datum values[PB_KEY_ARGUMENTS])
{
	static const pg_uuid_t none = {{0}};
	int			parent = row->resource->prepared->parent;

	values[0] = pb_resource_org(row);
	values[1] = pb_resource_id(row);
	values[2] = parent == PB_NO_LEAF ? UUIDPGetDatum(&none)
		: pb_row_value(row, parent);
}

/*
 * Tells faults, present and future, the organization and the name of a new
 * row, as far as they could be read.
 */
void
pb_resource_tell(const PbRow *row, PbFaults *faults)
{
	const PbUnique *unique = row->resource->unique;
	int			org_id = row->resource->prepared->org_id;

	if (pb_row_has(row, org_id))
		faults->org_id = pb_row_value(row, org_id);
	if (unique != NULL && pb_row_has(row, *unique->leaf))
		faults->name = pb_row_value(row, *unique->leaf);
}

void
pb_resource_not_found(const PbResource *resource, PbFaults *faults)
{
	char	   *name = pstrdup(resource->name);

	for (char *p = name; *p != '\0'; p++)
		if (*p == '_')
			*p = ' ';
	pb_fault_set(faults, PB_NOT_FOUND, psprintf("%s not found", name), NULL);
}

/*
 * False for a malformed id and for one of another resource: neither can be
 * found.
 */
static bool
read_id(const char *prefix, const char *text, pg_uuid_t *uuid)
{
	PbTypeid	id;

	if (text == NULL || pb_typeid_decode(text, strlen(text), &id) != NULL ||
		!pb_text_is(text, id.prefix_length, prefix))
		return false;
	memcpy(uuid->data, id.uuid, PB_UUID_BYTES);
	return true;
}

/* Where a row is sought by its id: what a caller may see, and its parent. */
typedef struct Sought
{
	PbSight		sight;
	pg_uuid_t	id;
	pg_uuid_t	parent;
	bool		has_parent;
} Sought;

static bool
find_by_statement(PbRow *row, Sought *sought, PbReading reading)
{
	PbStatements *made = pb_statements(row->resource);
	const PbSight *sight = &sought->sight;
	Datum		values[3] = {
		UUIDPGetDatum(&sought->id), UUIDPGetDatum(&sought->parent)
	};
	const char	nulls[] = {' ', sought->has_parent ? ' ' : 'n', ' '};

	if (sight->is_unlimited)
		return pb_resource_run(&made->find[reading], values, nulls, row);
	values[2] = sight->count == 1 ? sight->organizations[0] :
		pb_authorization_array(sight);
	return pb_resource_run(sight->count == 1 ? &made->find_in_one[reading] :
						   &made->find_in_some[reading], values, nulls, row);
}

/* Whether a found row is below the parent that is named. */
static bool
is_below(const PbRow *row, const Sought *sought)
{
	Datum		parent;

	if (!sought->has_parent)
		return true;
	parent = pb_row_value(row, row->resource->prepared->parent);
	return memcmp(DatumGetUUIDP(parent), &sought->parent, UUID_LEN) == 0;
}

/*
 * Finds a row with an id. Among several organizations a statement looks, as
 * the index on ids alone may have the row of another one; so it does where the
 * parent tells whose row is meant.
 */
static bool
find_sought(PbRow *row, Sought *sought, PbReading reading)
{
	const PbSight *sight = &sought->sight;
	PbLeading	leading = sight->is_unlimited ? PB_TO_ID : PB_TO_ONE;
	bool		is_ambiguous = sight->count > 1 ||
		(sight->is_unlimited && sought->has_parent);
	PbTable    *stored = pb_stored(row->resource);
	Datum		key[PB_SOUGHT_MAX] = {UUIDPGetDatum(&sought->id)};

	if (!sight->is_unlimited && sight->count == 0)
		return false;
	if (is_ambiguous || !pb_statement_derives_nothing(row->resource) ||
		!pb_table_may_be_read(stored, leading))
		return find_by_statement(row, sought, reading);
	if (!sight->is_unlimited)
	{
		key[1] = key[0];
		key[0] = sight->organizations[0];
	}
	return pb_seek_read(stored, leading, key, pb_sql_snapshot(reading),
						row->values, row->nulls) && is_below(row, sought);
}

/*
 * Finds a row by its TypeID, if the caller may see it. An id before it must be
 * its parent's; ids before that are not checked.
 */
static PbRow *
find_by_id(const PbResource *resource, const PbCaller *caller,
		   PbReading reading, const char *const *ids, int count)
{
	Sought		sought = {.has_parent = count > 1};
	PbRow	   *row = pb_row_make(resource);

	if (!read_id(resource->prefix, ids[count - 1], &sought.id) ||
		(sought.has_parent &&
		 !read_id(resource->parent->prefix, ids[count - 2], &sought.parent)))
		return NULL;
	sought.sight = pb_authorization_sight(caller);
	return find_sought(row, &sought, reading) ? row : NULL;
}

static bool
is_whole(const PbRow *row)
{
	const PbHooks *hooks = pb_hooks(row->resource);

	return hooks->is_whole == NULL || hooks->is_whole(row);
}

static PbRow *find_by_path(const PbResource *resource, const PbCaller *caller,
						   PbReading reading, const char *const *ids,
						   int count);

/*
 * Finds a row by its text key, below the parent that the ids before it name.
 */
static PbRow *
find_by_key(const PbResource *resource, const PbCaller *caller,
			PbReading reading, const char *const *ids, int count)
{
	PbRow	   *row = pb_row_make(resource);
	PbRow	   *parent;
	Datum		values[PB_KEY_ARGUMENTS];

	if (count < 2 || ids[count - 1] == NULL)
		return NULL;
	parent = find_by_path(resource->parent, caller, reading, ids, count - 1);
	if (parent == NULL || !is_whole(parent))
		return NULL;
	values[0] = pb_resource_org(parent);
	values[1] = CStringGetTextDatum(ids[count - 1]);
	values[2] = pb_resource_id(parent);
	return pb_resource_run(&pb_statements(resource)->read[reading], values,
						   NULL, row) ? row : NULL;
}

bool
pb_resource_is_living(const PbRow *row)
{
	int			deleted_at = row->resource->prepared->deleted_at;

	return deleted_at == PB_NO_LEAF || !pb_row_has(row, deleted_at);
}

/*
 * Finds the row that a path's ids name, its own last. NULL if it is deleted,
 * or if the caller may not see it.
 */
static PbRow *
find_by_path(const PbResource *resource, const PbCaller *caller,
			 PbReading reading, const char *const *ids, int count)
{
	PbRow	   *row = resource->prefix == NULL ?
		find_by_key(resource, caller, reading, ids, count) :
		find_by_id(resource, caller, reading, ids, count);

	return row != NULL && pb_resource_is_living(row) ? row : NULL;
}

/* Whether the caller may act in the organization that a path names. */
bool
pb_resource_enter(const PbCaller *caller, PbPermission permission,
				  const char *id, PbOrganization *organization,
				  PbFaults *faults)
{
	if (id != NULL)
		return pb_authorize_within(caller, permission,
								   CStringGetTextDatum(id), organization,
								   faults);
	pb_resource_not_found(&pb_organization, faults);
	return false;
}

/*
 * Finds a row by its text key, in the organization that the path names. Where
 * that is not the caller's, the row is not found: the refusal does not tell
 * whether there is the organization.
 */
static PbRow *
find_in_organization(const PbResource *resource, const PbCaller *caller,
					 PbPermission permission, const char *const *ids,
					 PbOrganization *organization, PbFaults *faults)
{
	PbReading	reading = permission == PB_READ ? PB_SNAPSHOT : PB_LATEST;
	PbRow	   *row = pb_row_make(resource);
	pg_uuid_t	no_parent = {{0}};
	Datum		values[PB_KEY_ARGUMENTS] = {0};

	if (!pb_resource_enter(caller, PB_READ, ids[0], organization, faults))
	{
		if (faults->refusal == PB_NOT_FOUND)
			pb_resource_not_found(resource, faults);
		return NULL;
	}
	values[0] = CStringGetTextDatum(ids[0]);
	values[1] = CStringGetTextDatum(ids[1] == NULL ? "" : ids[1]);
	values[2] = UUIDPGetDatum(&no_parent);
	if (pb_resource_run(&pb_statements(resource)->read[reading], values, NULL,
						row))
		return pb_authorize(caller, permission, values[0], organization,
							faults) ? row : NULL;
	pb_resource_not_found(resource, faults);
	return NULL;
}

/*
 * Finds a row and its organization, for a caller who needs a permission. NULL
 * with faults, which do not tell a missing row from one that the caller may
 * not see.
 */
static PbRow *
find(const PbResource *resource, const PbCaller *caller,
	 PbPermission permission, const char *const *ids, int count,
	 PbOrganization *organization, PbFaults *faults)
{
	PbReading	reading = permission == PB_READ ? PB_SNAPSHOT : PB_LATEST;
	PbRow	   *row;

	if (resource->of_organization)
		return find_in_organization(resource, caller, permission, ids,
									organization, faults);
	row = find_by_path(resource, caller, reading, ids, count);
	if (row != NULL &&
		!pb_authorize(caller, permission, pb_resource_org(row), organization,
					  faults))
		return NULL;
	if (row != NULL && is_whole(row))
		return row;
	pb_resource_not_found(resource, faults);
	return NULL;
}

/*
 * Finds the row that the request's path names; NULL with faults. To write, the
 * caller needs the permission that the resource asks for.
 */
PbRow *
pb_resource_find(const PbRequest *request, PbPermission permission,
				 PbOrganization *organization, PbFaults *faults)
{
	const PbHooks *hooks = pb_hooks(request->resource);

	if (permission == PB_WRITE && hooks->permission != PB_READ)
		permission = hooks->permission;
	return find(request->resource, &request->caller, permission, request->ids,
				request->id_count, organization, faults);
}

/*
 * Finds the parent that the first id_count ids of the path name; NULL with
 * faults.
 */
PbRow *
pb_resource_find_parent(const PbRequest *request, PbPermission permission,
						int id_count, PbOrganization *organization,
						PbFaults *faults)
{
	return find(request->resource->parent, &request->caller, permission,
				request->ids, id_count, organization, faults);
}

/* Finds a row by its TypeID alone; NULL with faults. */
PbRow *
pb_resource_find_id(const PbResource *resource, const PbCaller *caller,
					PbPermission permission, const char *id,
					PbOrganization *organization, PbFaults *faults)
{
	return find(resource, caller, permission, &id, 1, organization, faults);
}

/* Reads a TypeID of a resource; false if it is none. */
bool
pb_resource_read_id(const PbResource *resource, const char *text,
					pg_uuid_t *uuid)
{
	return read_id(resource->prefix, text, uuid);
}

/* Locks a found row and reads it again; NULL with faults if it is gone. */
PbRow *
pb_resource_lock(const PbRow *row, PbFaults *faults)
{
	PbStatements *made = pb_statements(row->resource);
	Datum		values[PB_KEY_ARGUMENTS];
	PbRow	   *locked = pb_row_make(row->resource);

	pb_resource_set_key(row, values);
	locked->lived_at = pb_resource_deletions;
	if (made->lock.nresults > 0 ?
		pb_resource_run(&made->lock, values, NULL, locked) :
		pb_sql_run(&made->lock, values, NULL) > 0 &&
		pb_resource_run(&made->read[PB_LATEST], values, NULL, locked))
		return locked;
	pb_resource_not_found(row->resource, faults);
	return NULL;
}

/*
 * Whether an index tells that there is nothing below a parent that is to be
 * written; parent is its organization and its id.
 */
bool
pb_resource_has_none(const PbResource *resource, PbLeading leading,
					 const Datum *parent)
{
	PbTable    *stored = pb_stored(resource);

	return pb_table_may_be_sought(stored, leading) &&
		!pb_seek(stored, leading, parent);
}

/*
 * Whether a parent may have one more row. The parent must be locked: then
 * every create waits for the one before it, and counts what that one wrote.
 */
bool
pb_resource_has_room(const PbResource *resource, const PbRow *parent,
					 PbFaults *faults)
{
	Datum		values[] = {
		pb_resource_org(parent), pb_resource_id(parent), (Datum) 0
	};

	if (resource->limit == NULL || *resource->limit == 0)
		return true;
	values[2] = Int64GetDatum(*resource->limit);
	if (pb_sql_run(&pb_statements(resource)->count_children, values,
				   NULL) < (uint64) *resource->limit)
		return true;
	pb_fault_set(faults, PB_PLAN_LIMIT_REACHED,
				 psprintf("limit of %s reached: a %s may have %d",
						  resource->plural, parent->resource->name,
						  *resource->limit),
				 psprintf("Delete one. Whoever runs this service can raise %s.",
						  resource->limit_setting));
	return false;
}

/* Fills what other tables know of rows, by one look for all of them. */
void
pb_resource_look_up(PbRow **rows, int count)
{
	if (count == 0 || pb_hooks(rows[0]->resource)->look_up == NULL)
		return;
	pb_hooks(rows[0]->resource)->look_up(rows, count);
	for (int i = 0; i < count; i++)
		rows[i]->is_complete = true;
}

/* Appends a row's view, with its derived values. */
void
pb_resource_show(StringInfo out, PbRow *row,
				 const PbOrganization *organization)
{
	const PbHooks *hooks = pb_hooks(row->resource);

	if (!row->is_complete)
		pb_resource_look_up(&row, 1);
	if (hooks->derive != NULL)
		hooks->derive(row, organization);
	pb_show(out, row);
}
