/*
 * resource.c
 *	  Finds, locks, writes and deletes the rows of any resource, by its
 *	  description. Deleting a row also deletes the rows below it.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "auth/authentication.h"
#include "base/id.h"
#include "base/sql.h"
#include "base/text.h"
#include "base/typeid.h"
#include "feed/change.h"
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
 * What identifies a row: its TypeID, or its parent's TypeID and its own key.
 */
const char *
pb_resource_typeid(const PbRow *row)
{
	const PbResource *resource = row->resource;
	Datum		parent;

	if (resource->prefix != NULL)
		return pb_resource_spell(resource, pb_resource_id(row));
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

/* The rows that a delete has deleted so far. */
typedef struct Deletion
{
	Datum		org_id;
	int			count;
	int			room;
	PbChange   *changes;
} Deletion;

static void delete_below(Deletion *deletion, const PbResource *resource,
						 Datum id);

/*
 * How many deletions this backend has begun. An operation may fire a user's
 * trigger that deletes a row which the operation needs. So a row notes this
 * number when it is known to exist, and is looked up again only if the number
 * has grown.
 */
static uint64 deletions = 0;

static void
note(const PbRequest *request, PbAction action, const PbRow *row,
	 const char *detail)
{
	const PbActor actor = pb_authentication_actor(request);

	pb_change_note(&actor, action, row->resource, pb_resource_org(row),
				   pb_resource_typeid(row), detail);
}

/*
 * Runs a statement that returns at most one row of a resource. False if it
 * returns none.
 */
static bool
run(PbStatement *statement, Datum *values, const char *nulls, PbRow *row)
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
static void
set_key(const PbRow *row, Datum values[PB_KEY_ARGUMENTS])
{
	static const pg_uuid_t none = {{0}};
	int			parent = row->resource->prepared->parent;

	values[0] = pb_resource_org(row);
	values[1] = pb_resource_id(row);
	values[2] = parent == PB_NO_LEAF ? UUIDPGetDatum(&none)
		: pb_row_value(row, parent);
}

/*
 * Whether another row has the unique value, even one committed after the
 * transaction's snapshot.
 */
static bool
is_taken(const PbRow *row)
{
	const PbUnique *unique = row->resource->unique;
	Datum		values[PB_KEY_ARGUMENTS + 1];

	if (unique == NULL)
		return false;
	set_key(row, values);
	values[PB_KEY_ARGUMENTS] = pb_row_value(row, *unique->leaf);
	return pb_sql_run(&pb_statements(row->resource)->is_taken, values,
					  NULL) > 0;
}

static bool
refuse_taken(const PbRow *row, PbFaults *faults)
{
	const PbUnique *unique = row->resource->unique;
	int			leaf = *unique->leaf;

	pb_fault_taken(faults, row->shape->leaves[leaf].path,
				   pb_row_value(row, leaf), unique->taken, unique->hint);
	return false;
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

/*
 * Raises an error if a trigger has deleted the parent meanwhile: nothing would
 * ever delete the row below it.
 */
static void
require_parent(const PbRow *row)
{
	const PbRow *above = row->above;
	Datum		values[PB_KEY_ARGUMENTS];

	if (above == NULL || above->lived_at == deletions)
		return;
	set_key(above, values);
	if (pb_sql_run(&pb_statements(above->resource)->is_living, values,
				   NULL) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_TRIGGERED_ACTION_EXCEPTION),
				 errmsg("a %s was deleted while a %s was written below it",
						above->resource->name, row->resource->name),
				 errhint("A trigger on one of their tables deletes it.")));
}

/* The changes of a create: of the row, and of the one that it embeds. */
static int
list_created(const PbRow *row, PbChange changes[2])
{
	int			count = 0;

	for (; row != NULL; row = row->embedded)
	{
		Assert(count < 2);
		changes[count++] = (PbChange) {
			PB_CREATED, row->resource, pb_resource_org(row),
			pb_resource_typeid(row), NULL
		};
	}
	return count;
}

/*
 * Whether the row and the one that it embeds are stored as given, and changes
 * are too. Where tables may be distributed, each row has a statement of its
 * own: Citus plans few of the others.
 */
static bool
is_stored_as_given(const PbRow *row)
{
	if (pb_sql_may_be_distributed())
		return false;
	for (; row != NULL; row = row->embedded)
		if (!pb_stores_as_given(row->resource))
			return false;
	return pb_stores_as_given(&pb_change);
}

/*
 * Reads written rows back, if another session has altered a table since the
 * question whether it stores them as given. Changes cannot be found by their
 * ids, so a trigger that skips them would go unnoticed.
 */
static void
read_altered(PbRow *row)
{
	Datum		key[PB_KEY_ARGUMENTS];

	if (is_stored_as_given(row))
		return;
	if (!pb_stores_as_given(&pb_change))
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("%s was altered while a %s was written",
						pb_change.table, row->resource->name),
				 errhint("Try again.")));
	for (; row != NULL; row = row->embedded)
	{
		set_key(row, key);
		if (!run(&pb_statements(row->resource)->read[PB_LATEST], key, NULL,
				 row))
			pb_sql_vetoed(row->resource->table);
	}
}

/*
 * Runs a statement that writes the row, the one that it embeds, and so many
 * changes.
 */
static bool
write_noted(const PbRequest *request, PbStatement *statement, PbRow *row,
			const PbChange *changes, int count)
{
	const PbActor actor = pb_authentication_actor(request);
	Datum	   *values = palloc(statement->nargs * sizeof(Datum));
	char	   *nulls = palloc(statement->nargs);
	int			set = 0;
	bool		is_written;

	for (const PbRow *one = row; one != NULL; one = one->embedded)
	{
		memcpy(values + set, one->values, one->shape->count * sizeof(Datum));
		memcpy(nulls + set, one->nulls, one->shape->count);
		set += one->shape->count;
	}
	pb_change_set_values(&actor, changes, count, values + set, nulls + set);
	is_written = statement->nresults == 0 ?
		pb_sql_run(statement, values, nulls) > 0 :
		run(statement, values, nulls, row);
	if (is_written)
		pb_change_written(count);
	return is_written;
}

static bool
refuse_unwritten(const PbRow *row, PbFaults *faults)
{
	if (is_taken(row))
		return refuse_taken(row, faults);
	pb_sql_vetoed(row->resource->table);
}

/* Creates the rows by one statement. */
static bool
create_at_once(const PbRequest *request, PbRow *row, PbFaults *faults)
{
	PbStatements *made = pb_statements(row->resource);
	PbChange	changes[2];
	int			count = list_created(row, changes);

	if (!write_noted(request, row->embedded == NULL ? &made->create :
					 &made->create_both, row, changes, count))
		return refuse_unwritten(row, faults);
	read_altered(row);
	return true;
}

/* Creates the rows by a statement for each, which returns it as stored. */
static bool
create_in_turn(const PbRequest *request, PbRow *row, PbFaults *faults)
{
	const PbActor actor = pb_authentication_actor(request);
	PbChange	changes[2];

	for (PbRow *one = row; one != NULL; one = one->embedded)
		if (!run(&pb_statements(one->resource)->insert, one->values,
				 one->nulls, one))
			return refuse_unwritten(one, faults);
	pb_change_note_all(&actor, changes, list_created(row, changes));
	return true;
}

/*
 * Creates the row, and the one that it embeds. False with faults if another
 * row has its unique value.
 */
bool
pb_resource_create(const PbRequest *request, PbRow *row, PbFaults *faults)
{
	for (PbRow *one = row; one != NULL; one = one->embedded)
		one->lived_at = deletions;
	if (!(is_stored_as_given(row) ? create_at_once(request, row, faults) :
		  create_in_turn(request, row, faults)))
		return false;
	for (const PbRow *one = row; one != NULL; one = one->embedded)
		require_parent(one);
	return true;
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

/*
 * The statement that finds what a caller may see, and the organizations to
 * look in. NULL if they see nothing.
 */
static PbStatement *
choose_find(PbStatements *made, const PbCaller *caller, Datum *organizations)
{
	PbSight		sight = pb_authorization_sight(caller);

	if (sight.is_unlimited)
		return made->find;
	if (sight.count == 0)
		return NULL;
	*organizations = sight.organizations[0];
	if (sight.count == 1)
		return made->find_in_one;
	*organizations = pb_authorization_array(&sight);
	return made->find_in_some;
}

/*
 * Finds a row by its TypeID, if the caller may see it. An id before it must be
 * its parent's; ids before that are not checked.
 */
static PbRow *
find_by_id(const PbResource *resource, const PbCaller *caller,
		   PbReading reading, const char *const *ids, int count)
{
	pg_uuid_t	uuids[2];
	Datum		values[3] = {
		UUIDPGetDatum(&uuids[0]), UUIDPGetDatum(&uuids[1])
	};
	const char	nulls[] = {' ', count == 1 ? 'n' : ' ', ' '};
	PbStatement *find;
	PbRow	   *row = pb_row_make(resource);

	if (!read_id(resource->prefix, ids[count - 1], &uuids[0]) ||
		(count > 1 &&
		 !read_id(resource->parent->prefix, ids[count - 2], &uuids[1])))
		return NULL;
	find = choose_find(pb_statements(resource), caller, &values[2]);
	return find != NULL && run(&find[reading], values, nulls, row) ? row :
		NULL;
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
	return run(&pb_statements(resource)->read[reading], values, NULL, row) ?
		row : NULL;
}

static bool
is_living(const PbRow *row)
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

	return row != NULL && is_living(row) ? row : NULL;
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
	PbReading	reading = permission == PB_WRITE ? PB_LATEST : PB_SNAPSHOT;
	PbRow	   *row = find_by_path(resource, caller, reading, ids, count);

	if (row != NULL &&
		!pb_authorize(caller, permission, pb_resource_org(row), organization,
					  faults))
		return NULL;
	if (row != NULL && is_whole(row))
		return row;
	pb_resource_not_found(resource, faults);
	return NULL;
}

/* Finds the row that the request's path names; NULL with faults. */
PbRow *
pb_resource_find(const PbRequest *request, PbPermission permission,
				 PbOrganization *organization, PbFaults *faults)
{
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

/* Locks a found row and reads it again; NULL with faults if it is gone. */
PbRow *
pb_resource_lock(const PbRow *row, PbFaults *faults)
{
	PbStatements *made = pb_statements(row->resource);
	Datum		values[PB_KEY_ARGUMENTS];
	PbRow	   *locked = pb_row_make(row->resource);

	set_key(row, values);
	locked->lived_at = deletions;
	if (made->lock.nresults > 0 ? run(&made->lock, values, NULL, locked) :
		pb_sql_run(&made->lock, values, NULL) > 0 &&
		run(&made->read[PB_LATEST], values, NULL, locked))
		return locked;
	pb_resource_not_found(row->resource, faults);
	return NULL;
}

/* An update that is to be written. */
typedef struct Update
{
	const PbRequest *request;
	PbRow	   *row;
	const char *detail;			/* for the feed, or NULL */
} Update;

static void
update_at_once(const Update *update)
{
	PbRow	   *row = update->row;
	const PbChange change = {
		PB_UPDATED, row->resource, pb_resource_org(row),
		pb_resource_typeid(row), update->detail
	};

	if (!write_noted(update->request,
					 &pb_statements(row->resource)->noted_update, row,
					 &change, 1))
		pb_sql_vetoed(row->resource->table);
	read_altered(row);
}

static void
update_in_turn(const Update *update)
{
	PbRow	   *row = update->row;

	if (!run(&pb_statements(row->resource)->update, row->values, row->nulls,
			 row))
		pb_sql_vetoed(row->resource->table);
	note(update->request, PB_UPDATED, row, update->detail);
}

static bool
write_update(void *state)
{
	const Update *update = state;

	if (is_stored_as_given(update->row))
		update_at_once(update);
	else
		update_in_turn(update);
	return true;
}

/*
 * Updates a row whose new unique value may be taken. A look-up before the
 * update was rejected, because another session may take the value in between:
 * only the unique index can tell, and it does so by an error. An error about
 * another row, which a trigger may write, is raised again.
 */
static bool
update_unique(Update *update, PbFaults *faults)
{
	const PbRow *row = update->row;
	ErrorData  *violation = NULL;

	if (pb_sql_try(update->request->scope, write_update, update, &violation))
		return true;
	if (pb_sql_is_of(violation, row->resource->unique->index) &&
		is_taken(row))
		return refuse_taken(row, faults);
	ReThrowError(violation);
}

/*
 * Updates a locked row, and sets its time. False with faults if another row
 * has its unique value. A subtransaction for every update was rejected: with
 * over 64 of them in a transaction, snapshots get slow. Detail is for the
 * feed, or NULL.
 */
bool
pb_resource_update(const PbRequest *request, PbRow *row, bool may_be_taken,
				   const char *detail, PbFaults *faults)
{
	int			updated_at = row->resource->prepared->updated_at;
	Update		update = {request, row, detail};

	if (updated_at != PB_NO_LEAF)
		pb_row_set(row, updated_at,
				   TimestampTzGetDatum(GetCurrentTimestamp()));
	if (may_be_taken)
		return update_unique(&update, faults);
	(void) write_update(&update);
	return true;
}

/*
 * Deletes the rows of a resource below a deleted row. Rows without a deletion
 * mark are removed, and leave no change in the feed: the parent's change says
 * enough.
 */
static void
delete_children(Deletion *deletion, const PbResource *resource,
				Datum parent_id)
{
	PbStatements *made = pb_statements(resource);
	Datum		values[] = {
		deletion->org_id, parent_id, TimestampTzGetDatum(GetCurrentTimestamp())
	};
	uint64		count = pb_sql_run(&made->delete_children, values, NULL);
	SPITupleTable *deleted = SPI_tuptable;
	bool		is_marked = resource->prepared->deleted_at != PB_NO_LEAF;

	for (uint64 i = 0; i < count && is_marked; i++)
	{
		Datum		id;
		bool		isnull;

		pb_sql_read(&made->delete_children, deleted, i, &id, &isnull);
		delete_below(deletion, resource, id);
	}
	if (!pb_stores_as_given(resource) &&
		pb_sql_run(&made->has_children, values, NULL) > 0)
		pb_sql_vetoed(resource->table);
}

/* Records that a row is deleted, and deletes the rows below it. */
static void
delete_below(Deletion *deletion, const PbResource *resource, Datum id)
{
	if (deletion->count == deletion->room)
	{
		deletion->room *= 2;
		deletion->changes = repalloc_huge(deletion->changes,
										  deletion->room * sizeof(PbChange));
	}
	deletion->changes[deletion->count++] = (PbChange) {
		PB_DELETED, resource, deletion->org_id,
		pb_resource_spell(resource, id), NULL
	};
	for (const PbResource *const *child = pb_resources; *child != NULL;
		 child++)
		if ((*child)->parent == resource)
			delete_children(deletion, *child, id);
}

/* Deletes what stands below a deleted row, and notes all of it. */
static void
delete_all_below(const PbRequest *request, const PbRow *row)
{
	const PbActor actor = pb_authentication_actor(request);
	Deletion	deletion = {
		.org_id = pb_resource_org(row), .room = 8,
		.changes = palloc(8 * sizeof(PbChange))
	};

	delete_below(&deletion, row->resource, pb_resource_id(row));
	pb_change_note_all(&actor, deletion.changes, deletion.count);
}

/*
 * Deletes a found row and all rows below it; false with faults if it is gone.
 */
bool
pb_resource_delete(const PbRequest *request, const PbRow *row,
				   PbFaults *faults)
{
	PbStatements *made = pb_statements(row->resource);
	Datum		values[PB_KEY_ARGUMENTS + 1];

	set_key(row, values);
	values[PB_KEY_ARGUMENTS] = TimestampTzGetDatum(GetCurrentTimestamp());
	deletions++;
	if (pb_sql_run(&made->delete, values, NULL) > 0)
	{
		delete_all_below(request, row);
		return true;
	}
	if (pb_sql_run(&made->is_living, values, NULL) > 0)
		pb_sql_vetoed(row->resource->table);
	pb_resource_not_found(row->resource, faults);
	return false;
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

/* Appends a row's view, with its derived values. */
void
pb_resource_show(StringInfo out, PbRow *row,
				 const PbOrganization *organization)
{
	const PbHooks *hooks = pb_hooks(row->resource);

	if (hooks->derive != NULL)
		hooks->derive(row, organization);
	pb_show(out, row);
}
