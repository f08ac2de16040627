/*
 * write.c
 *	  Creates, updates and deletes the rows of any resource, and notes the
 *	  changes. Deleting a row also deletes the rows below it.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "auth/authentication.h"
#include "base/sql.h"
#include "feed/change.h"
#include "resources/resource.h"
#include "resources/statement.h"
#include "resources/write.h"

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
	pb_resource_set_key(row, values);
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
 * Raises an error if a trigger has deleted the parent meanwhile: nothing would
 * ever delete the row below it.
 */
static void
require_parent(const PbRow *row)
{
	const PbRow *above = row->above;
	Datum		values[PB_KEY_ARGUMENTS];

	if (above == NULL || above->lived_at == pb_resource_deletions)
		return;
	pb_resource_set_key(above, values);
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
		pb_resource_set_key(row, key);
		if (!pb_resource_run(&pb_statements(row->resource)->read[PB_LATEST],
							 key, NULL, row))
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
		pb_resource_run(statement, values, nulls, row);
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
		if (!pb_resource_run(&pb_statements(one->resource)->insert,
							 one->values, one->nulls, one))
			return refuse_unwritten(one, faults);
	pb_change_note_all(&actor, changes, list_created(row, changes));
	return true;
}

/*
 * Creates the row, and the one that it embeds. False with faults if another
 * row has its unique value.
 */
bool
pb_write_create(const PbRequest *request, PbRow *row, PbFaults *faults)
{
	for (PbRow *one = row; one != NULL; one = one->embedded)
		one->lived_at = pb_resource_deletions;
	if (!(is_stored_as_given(row) ? create_at_once(request, row, faults) :
		  create_in_turn(request, row, faults)))
		return false;
	for (const PbRow *one = row; one != NULL; one = one->embedded)
		require_parent(one);
	return true;
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
note(const PbRequest *request, PbAction action, const PbRow *row,
	 const char *detail)
{
	const PbActor actor = pb_authentication_actor(request);

	pb_change_note(&actor, action, row->resource, pb_resource_org(row),
				   pb_resource_typeid(row), detail);
}

static void
update_in_turn(const Update *update)
{
	PbRow	   *row = update->row;

	if (!pb_resource_run(&pb_statements(row->resource)->update, row->values,
						 row->nulls, row))
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
pb_write_update(const PbRequest *request, PbRow *row, bool may_be_taken,
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

/* The rows that a delete has deleted so far. */
typedef struct Deletion
{
	Datum		org_id;
	Datum		now;			/* of all of them: purge and undelete know by
								 * it what went together */
	int			count;
	int			room;
	PbChange   *changes;
} Deletion;

static void delete_below(Deletion *deletion, const PbResource *resource,
						 Datum id, const char *spelt);

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
	Datum		values[] = {deletion->org_id, parent_id, deletion->now};
	uint64		count = pb_sql_run(&made->delete_children, values, NULL);
	SPITupleTable *deleted = SPI_tuptable;
	bool		is_marked = pb_field_marks_deleted(resource);

	for (uint64 i = 0; i < count && is_marked; i++)
	{
		Datum		id;
		bool		isnull;

		pb_sql_read(&made->delete_children, deleted, i, &id, &isnull);
		delete_below(deletion, resource, id, pb_resource_spell(resource, id));
	}
	if (!pb_stores_as_given(resource) &&
		pb_sql_run(&made->has_children, values, NULL) > 0)
		pb_sql_vetoed(resource->table);
}

/* Records that a row is deleted, and deletes the rows below it. */
static void
delete_below(Deletion *deletion, const PbResource *resource, Datum id,
			 const char *spelt)
{
	if (deletion->count == deletion->room)
	{
		deletion->room *= 2;
		deletion->changes = repalloc_huge(deletion->changes,
										  deletion->room * sizeof(PbChange));
	}
	deletion->changes[deletion->count++] = (PbChange) {
		PB_DELETED, resource, deletion->org_id, spelt, NULL
	};
	for (const PbResource *const *child = pb_resources; *child != NULL;
		 child++)
		if ((*child)->parent == resource)
			delete_children(deletion, *child, id);
}

/* Deletes what stands below a deleted row, and notes all of it. */
static void
delete_all_below(const PbRequest *request, const PbRow *row, Datum now)
{
	const PbActor actor = pb_authentication_actor(request);
	Deletion	deletion = {
		.org_id = pb_resource_org(row), .now = now, .room = 8,
		.changes = palloc(8 * sizeof(PbChange))
	};

	delete_below(&deletion, row->resource, pb_resource_id(row),
				 pb_resource_typeid(row));
	pb_change_note_all(&actor, deletion.changes, deletion.count);
}

/*
 * Deletes a found row and all rows below it; false with faults if it is gone.
 */
bool
pb_write_delete(const PbRequest *request, const PbRow *row, PbFaults *faults)
{
	PbStatements *made = pb_statements(row->resource);
	Datum		values[PB_KEY_ARGUMENTS + 1];

	pb_resource_set_key(row, values);
	values[PB_KEY_ARGUMENTS] = TimestampTzGetDatum(GetCurrentTimestamp());
	pb_resource_deletions++;
	if (pb_sql_run(&made->delete, values, NULL) > 0)
	{
		delete_all_below(request, row, values[PB_KEY_ARGUMENTS]);
		return true;
	}
	if (pb_sql_run(&made->is_living, values, NULL) > 0)
		pb_sql_vetoed(row->resource->table);
	pb_resource_not_found(row->resource, faults);
	return false;
}
