/*
 * write.c
 *	  Creates, updates and deletes the rows of any resource, and notes the
 *	  changes. Deleting a row also deletes the rows below it.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "auth/authentication.h"
#include "base/insert.h"
#include "base/sql.h"
#include "base/update.h"
#include "feed/change.h"
#include "fields/constraint.h"
#include "resources/mark.h"
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
 * ever delete the row below it. A trigger on the parent's table may do so by a
 * statement of its own, which is counted nowhere.
 */
static void
require_parent(const PbRow *row)
{
	const PbRow *above = row->above;
	Datum		values[PB_KEY_ARGUMENTS];

	if (above == NULL ||
		(above->lived_at == pb_resource_deletions &&
		 !pb_table_runs_code(pb_stored(above->resource))))
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

/*
 * Inserts a row; false if another row has its unique value. The check of a
 * request has judged what a client gives, and the constraint what else may be
 * wrong. A row below another one is written while that is locked, or new.
 */
static bool
insert(PbRow *row)
{
	PbTable    *stored = pb_stored(row->resource);

	if (!pb_table_takes_rows(stored))
		return pb_resource_run(&pb_statements(row->resource)->insert,
							   row->values, row->nulls, row);
	pb_constraint_require(row);
	return pb_insert(stored, row->values, row->nulls, 1);
}

static bool
refuse_unwritten(const PbRow *row, PbFaults *faults)
{
	if (is_taken(row))
		return refuse_taken(row, faults);
	pb_sql_vetoed(row->resource->table);
}

/* Notes that the row was created, and the one that it embeds. */
static void
note_created(const PbRequest *request, const PbRow *row)
{
	const PbActor actor = pb_authentication_actor(request);
	PbChange	changes[2];
	int			count = 0;

	for (; row != NULL; row = row->embedded)
	{
		Assert(count < 2);
		changes[count++] = (PbChange) {
			PB_CREATED, row->resource, pb_resource_org(row),
			pb_resource_typeid(row), NULL
		};
	}
	pb_change_note_all(&actor, changes, count);
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
	for (PbRow *one = row; one != NULL; one = one->embedded)
		if (!insert(one))
			return refuse_unwritten(one, faults);
	note_created(request, row);
	for (const PbRow *one = row; one != NULL; one = one->embedded)
	{
		require_parent(one);
		pb_mark_created(one);
	}
	return true;
}

/* An update that is to be written. */
typedef struct Update
{
	const PbRequest *request;
	PbRow	   *row;
	const char *detail;			/* for the feed, or NULL */
} Update;

/* A row that is written without a statement. */
typedef struct Revised
{
	PbRow	   *row;			/* as it is in the table, then as it will be */
	const PbRow *from;			/* what an update writes */
	Datum		now;			/* when it is deleted */
	PbMarks		marks;			/* that it had */
	List	   *ids;			/* of those that have been deleted */
} Revised;

/* Lays what an update writes over the row. */
static bool
lay_over(void *state)
{
	Revised    *revised = state;
	PbRow	   *row = revised->row;

	if (!pb_resource_is_living(row))
		return false;
	for (int i = 0; i < row->shape->count; i++)
	{
		if (!pb_leaf_is_updated(&row->shape->leaves[i]))
			continue;
		row->values[i] = revised->from->values[i];
		row->nulls[i] = revised->from->nulls[i];
	}
	pb_constraint_require(row);
	return true;
}

static int
update_found(PbTable *stored, const Datum *key, Revised *revised)
{
	const PbRevision revision = {
		.values = revised->row->values, .nulls = revised->row->nulls,
		.revise = lay_over, .state = revised
	};

	return pb_update(stored, PB_TO_ONE, key, &revision);
}

/*
 * Writes the row. One that is stored as given is not read back, unless another
 * session has altered the table since the question.
 */
static bool
update_row(PbRow *row)
{
	PbStatements *made = pb_statements(row->resource);
	PbTable    *stored = pb_stored(row->resource);
	Revised		revised = {.from = row};
	Datum		key[PB_KEY_ARGUMENTS];

	if (!pb_statement_derives_nothing(row->resource) ||
		!pb_table_stores_as_given(stored))
		return pb_resource_run(&made->update, row->values, row->nulls, row);
	if (pb_table_may_be_updated(stored, PB_TO_ONE))
	{
		pb_resource_set_key(row, key);
		revised.row = pb_row_make(row->resource);
		return update_found(stored, key, &revised) > 0;
	}
	if (pb_sql_run(&made->update_as_given, row->values, row->nulls) == 0)
		return false;
	if (pb_table_stores_as_given(stored))
		return true;
	pb_resource_set_key(row, key);
	return pb_resource_run(&made->read[PB_LATEST], key, NULL, row);
}

static void
note(const PbRequest *request, PbAction action, const PbRow *row,
	 const char *detail)
{
	const PbActor actor = pb_authentication_actor(request);

	pb_change_note(&actor, action, row->resource, pb_resource_org(row),
				   pb_resource_typeid(row), detail);
}

static bool
write_update(void *state)
{
	const Update *update = state;
	PbRow	   *row = update->row;

	if (!update_row(row))
		pb_sql_vetoed(row->resource->table);
	note(update->request, PB_UPDATED, row, update->detail);
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
	PbChanges	changes;
} Deletion;

static void delete_below(Deletion *deletion, const PbResource *resource,
						 Datum id, const char *spelt);

/* Sets leaves to what their texts say. */
static void
apply(PbRow *row, const PbSet *sets)
{
	for (; sets != NULL && sets->leaf != NULL; sets++)
	{
		Oid			input;
		Oid			parameter;

		if (sets->value == NULL)
		{
			pb_row_clear(row, *sets->leaf);
			continue;
		}
		getTypeInputInfo(row->shape->leaves[*sets->leaf].type, &input,
						 &parameter);
		pb_row_set(row, *sets->leaf,
				   OidInputFunctionCall(input,
										unconstify(char *, sets->value),
										parameter, -1));
	}
}

/*
 * Marks a row as deleted. It keeps its place, but not its secrets. The
 * statement of statement.c does the same.
 */
static bool
retire(void *state)
{
	Revised    *revised = state;
	PbRow	   *row = revised->row;

	if (!pb_resource_is_living(row))
		return false;
	if (row->resource->marks != NULL)
		pb_mark_read(row, &revised->marks);
	pb_row_set(row, row->resource->prepared->deleted_at, revised->now);
	for (int i = 0; i < row->shape->count; i++)
		if (row->shape->leaves[i].field->kind == PB_SECRET)
			pb_row_clear(row, i);
	apply(row, row->resource->retire);
	pb_constraint_require(row);
	return true;
}

/* Notes that a row was deleted, by an id that outlives it. */
static void
note_retired(void *state)
{
	Revised    *revised = state;
	pg_uuid_t  *id = palloc(sizeof(pg_uuid_t));

	*id = *DatumGetUUIDP(pb_resource_id(revised->row));
	revised->ids = lappend(revised->ids, id);
}

static int
retire_found(PbTable *stored, PbLeading leading, const Datum *sought,
			 Revised *revised)
{
	const PbRevision revision = {
		.values = revised->row->values, .nulls = revised->row->nulls,
		.revise = retire, .written = note_retired, .state = revised
	};

	return pb_update(stored, leading, sought, &revision);
}

/* Deletes rows by a statement. Returns the ids of those that it has marked. */
static List *
delete_by_statement(const PbResource *resource, Datum *values)
{
	PbStatements *made = pb_statements(resource);
	uint64		count = pb_sql_run(&made->delete_children, values, NULL);
	SPITupleTable *deleted = SPI_tuptable;
	List	   *ids = NIL;

	for (uint64 i = 0; i < count && pb_field_marks_deleted(resource); i++)
	{
		Datum		id;
		bool		isnull;

		pb_sql_read(&made->delete_children, deleted, i, &id, &isnull);
		ids = lappend(ids, DatumGetUUIDP(id));
	}
	if (!pb_table_stores_as_given(pb_stored(resource)) &&
		pb_sql_run(&made->has_children, values, NULL) > 0)
		pb_sql_vetoed(resource->table);
	return ids;
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
	PbTable    *stored = pb_stored(resource);
	Datum		values[] = {deletion->org_id, parent_id, deletion->now};
	Revised		revised = {.now = deletion->now};
	ListCell   *cell;

	if (pb_resource_has_none(resource, PB_LIVING, values))
		return;
	if (pb_field_marks_deleted(resource) &&
		pb_table_may_be_updated(stored, PB_LIVING))
	{
		revised.row = pb_row_make(resource);
		(void) retire_found(stored, PB_LIVING, values, &revised);
	}
	else
		revised.ids = delete_by_statement(resource, values);
	foreach(cell, revised.ids)
	{
		Datum		id = PointerGetDatum(lfirst(cell));

		delete_below(deletion, resource, id, pb_resource_spell(resource, id));
	}
}

/* Records that a row is deleted, and deletes the rows below it. */
static void
delete_below(Deletion *deletion, const PbResource *resource, Datum id,
			 const char *spelt)
{
	const PbChange change = {
		PB_DELETED, resource, deletion->org_id, spelt, NULL
	};

	pb_change_collect(&deletion->changes, change);
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
		.org_id = pb_resource_org(row), .now = now
	};

	delete_below(&deletion, row->resource, pb_resource_id(row),
				 pb_resource_typeid(row));
	pb_change_note_all(&actor, deletion.changes.all, deletion.changes.count);
}

/* Deletes the row by a statement, and reads its marks; false if it is gone. */
static bool
delete_row_by_statement(const PbRow *row, Datum *values, PbMarks *marks)
{
	PbStatement *delete = &pb_statements(row->resource)->delete;
	PbRow	   *deleted;

	if (row->resource->marks == NULL)
		return pb_sql_run(delete, values, NULL) > 0;
	deleted = pb_row_make(row->resource);
	if (!pb_resource_run(delete, values, NULL, deleted))
		return false;
	pb_mark_read(deleted, marks);
	return true;
}

/* Deletes the row and its marks; false if it is gone. */
static bool
delete_row(const PbRow *row, Datum *values)
{
	PbTable    *stored = pb_stored(row->resource);
	Revised		revised = {.now = values[PB_KEY_ARGUMENTS]};

	if (!pb_field_marks_deleted(row->resource) ||
		!pb_table_may_be_updated(stored, PB_TO_ONE))
	{
		if (!delete_row_by_statement(row, values, &revised.marks))
			return false;
	}
	else
	{
		revised.row = pb_row_make(row->resource);
		if (retire_found(stored, PB_TO_ONE, values, &revised) == 0)
			return false;
	}
	pb_mark_remove(row, &revised.marks);
	return true;
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
	if (delete_row(row, values))
	{
		delete_all_below(request, row, values[PB_KEY_ARGUMENTS]);
		return true;
	}
	if (pb_sql_run(&made->is_living, values, NULL) > 0)
		pb_sql_vetoed(row->resource->table);
	pb_resource_not_found(row->resource, faults);
	return false;
}
