/*
 * insert.c
 *	  Inserts rows into a table that takes them without a statement.
 *
 * A statement that inserts a row begins with more work than the row is: the
 * server sets up a plan for every column, reads and compiles the text of each
 * CHECK again, and asks the foreign key for a parent that was locked a moment
 * ago. That is a third of a create. A table that somebody has put a trigger
 * on, or altered, still gets its rows by a statement: see table.c.
 *
 * What is done here is what the server's logical replication does with a row
 * (ExecSimpleRelationInsert), and what ON CONFLICT DO NOTHING does.
 */
#include "postgres.h"

#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/rel.h"

#include "base/compat.h"
#include "base/insert.h"

/* Rows that are being inserted. */
typedef struct Insert
{
	const PbTable *table;
	Relation	relation;
	EState	   *estate;
	ResultRelInfo *target;
	TupleTableSlot *slot;
	List	   *arbiter;		/* the unique index, if there is one */
} Insert;

static void
begin(Insert *insert, PbTable *table)
{
	MemoryContext before;

	insert->table = table;
	insert->relation = pb_table_open(table);
	if (!table->takes_rows)
		elog(ERROR, "%s takes no rows without a statement", table->name);
	PreventCommandIfReadOnly("INSERT");
	PreventCommandIfParallelMode("INSERT");
	insert->estate = CreateExecutorState();
	before = MemoryContextSwitchTo(insert->estate->es_query_cxt);
	insert->target = makeNode(ResultRelInfo);
	InitResultRelInfo(insert->target, insert->relation, 0, NULL, 0);
	insert->arbiter = table->unique == NULL ? NIL :
		list_make1_oid(table->unique_id);
	ExecOpenIndices(insert->target, insert->arbiter != NIL);
	insert->slot = table_slot_create(insert->relation, NULL);
	MemoryContextSwitchTo(before);
}

/* The lock on the table stays until the transaction ends. */
static void
end(Insert *insert)
{
	ExecDropSingleTupleTableSlot(insert->slot);
	ExecCloseIndices(insert->target);
	FreeExecutorState(insert->estate);
	table_close(insert->relation, NoLock);
	CommandCounterIncrement();
}

static void
require_not_null(const Insert *insert)
{
	TupleDesc	descriptor = RelationGetDescr(insert->relation);

	for (int i = 0; i < descriptor->natts; i++)
	{
		Form_pg_attribute column = TupleDescAttr(descriptor, i);

		if (insert->slot->tts_isnull[i] && column->attnotnull &&
			!column->attisdropped)
			ereport(ERROR,
					(errcode(ERRCODE_NOT_NULL_VIOLATION),
					 errmsg("a row of %s is refused: %s must not be null",
							insert->table->name, NameStr(column->attname))));
	}
}

/* Puts the values at the places of their columns. */
static void
fill(const Insert *insert, const Datum *values, const char *nulls)
{
	const PbTable *table = insert->table;
	TupleTableSlot *slot = insert->slot;

	ExecClearTuple(slot);
	memset(slot->tts_isnull, true, slot->tts_tupleDescriptor->natts);
	for (int i = 0; i < table->count; i++)
	{
		int			place = table->numbers[i] - 1;

		if (place < 0)
			continue;
		slot->tts_values[place] = values[i];
		slot->tts_isnull[place] = nulls != NULL && nulls[i] == 'n';
	}
	ExecStoreVirtualTuple(slot);
	require_not_null(insert);
}

/* Writes the index entries of the row in the slot. */
static void
add_to_indexes(const Insert *insert, bool no_error, bool *is_taken)
{
	if (insert->target->ri_NumIndices > 0)
		(void) ExecInsertIndexTuples(insert->target, insert->slot,
									 insert->estate, false, no_error,
									 is_taken, insert->arbiter
									 PB_ALL_INDEXES);
}

static void
store(const Insert *insert)
{
	table_tuple_insert(insert->relation, insert->slot,
					   GetCurrentCommandId(true), 0, NULL);
	add_to_indexes(insert, false, NULL);
}

/* Waits for a session that is storing a row with the same value. */
static bool
is_free(const Insert *insert)
{
	ItemPointerData other;

	return ExecCheckIndexConstraints(insert->target, insert->slot,
									 insert->estate, &other PB_NO_ROW,
									 insert->arbiter);
}

/* False if another row got its index entry first: then this one is undone. */
static bool
try_to_store(const Insert *insert)
{
	TransactionId transaction = GetCurrentTransactionId();
	uint32		token = SpeculativeInsertionLockAcquire(transaction);
	bool		is_taken = false;

	table_tuple_insert_speculative(insert->relation, insert->slot,
								   GetCurrentCommandId(true), 0, NULL, token);
	add_to_indexes(insert, true, &is_taken);
	table_tuple_complete_speculative(insert->relation, insert->slot, token,
									 !is_taken);
	SpeculativeInsertionLockRelease(transaction);
	return !is_taken;
}

static bool
store_unless_taken(const Insert *insert)
{
	while (is_free(insert))
		if (try_to_store(insert))
			return true;
	return false;
}

/*
 * Inserts rows whose values stand one behind the other; nulls is NULL, or has
 * 'n' for each null value and ' ' for the others. Callers hold the parent of
 * the rows, and have done the work of the table's CHECK. False if another row
 * has the unique value of one; the rows before that are inserted.
 */
bool
pb_insert(PbTable *table, const Datum *values, const char *nulls, int count)
{
	Insert		insert;
	bool		is_stored = true;

	begin(&insert, table);
	for (int i = 0; i < count && is_stored; i++)
	{
		fill(&insert, values, nulls);
		if (insert.arbiter != NIL)
			is_stored = store_unless_taken(&insert);
		else
			store(&insert);
		ResetPerTupleExprContext(insert.estate);
		values += table->count;
		nulls += nulls == NULL ? 0 : table->count;
	}
	end(&insert);
	return is_stored;
}
