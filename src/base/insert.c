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
	TupleTableSlot *slots[PB_INSERTED_MAX];
	int			count;			/* of slots */
	List	   *arbiter;		/* the unique index, if there is one */
} Insert;

static void
begin(Insert *insert, PbTable *table, int count)
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
	insert->count = count;
	for (int i = 0; i < count; i++)
		insert->slots[i] = table_slot_create(insert->relation, NULL);
	MemoryContextSwitchTo(before);
}

/* The lock on the table stays until the transaction ends. */
static void
end(Insert *insert)
{
	for (int i = 0; i < insert->count; i++)
		ExecDropSingleTupleTableSlot(insert->slots[i]);
	ExecCloseIndices(insert->target);
	FreeExecutorState(insert->estate);
	table_close(insert->relation, NoLock);
	CommandCounterIncrement();
}

static void
require_not_null(const Insert *insert, const TupleTableSlot *slot)
{
	TupleDesc	descriptor = RelationGetDescr(insert->relation);

	for (int i = 0; i < descriptor->natts; i++)
	{
		Form_pg_attribute column = TupleDescAttr(descriptor, i);

		if (slot->tts_isnull[i] && column->attnotnull &&
			!column->attisdropped)
			ereport(ERROR,
					(errcode(ERRCODE_NOT_NULL_VIOLATION),
					 errmsg("a row of %s is refused: %s must not be null",
							insert->table->name, NameStr(column->attname))));
	}
}

/* Puts the values at the places of their columns. */
static void
fill(const Insert *insert, TupleTableSlot *slot, const Datum *values,
	 const char *nulls)
{
	const PbTable *table = insert->table;

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
	require_not_null(insert, slot);
}

/* Writes the index entries of a row. */
static void
add_to_indexes(const Insert *insert, TupleTableSlot *slot, bool no_error,
			   bool *is_taken)
{
	if (insert->target->ri_NumIndices > 0)
		(void) ExecInsertIndexTuples(insert->target, slot, insert->estate,
									 false, no_error, is_taken,
									 insert->arbiter PB_ALL_INDEXES);
	ResetPerTupleExprContext(insert->estate);
}

/* Several rows go into the table with one record of the WAL a page. */
static void
store_all(Insert *insert)
{
	CommandId	command = GetCurrentCommandId(true);

	if (insert->count == 1)
		table_tuple_insert(insert->relation, insert->slots[0], command, 0,
						   NULL);
	else
		table_multi_insert(insert->relation, insert->slots, insert->count,
						   command, 0, NULL);
	for (int i = 0; i < insert->count; i++)
		add_to_indexes(insert, insert->slots[i], false, NULL);
}

/* Waits for a session that is storing a row with the same value. */
static bool
is_free(const Insert *insert)
{
	ItemPointerData other;

	return ExecCheckIndexConstraints(insert->target, insert->slots[0],
									 insert->estate, &other PB_NO_ROW,
									 insert->arbiter);
}

/* False if another row got its index entry first: then this one is undone. */
static bool
try_to_store(const Insert *insert)
{
	TupleTableSlot *slot = insert->slots[0];
	TransactionId transaction = GetCurrentTransactionId();
	uint32		token = SpeculativeInsertionLockAcquire(transaction);
	bool		is_taken = false;

	table_tuple_insert_speculative(insert->relation, slot,
								   GetCurrentCommandId(true), 0, NULL, token);
	add_to_indexes(insert, slot, true, &is_taken);
	table_tuple_complete_speculative(insert->relation, slot, token,
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
 * Inserts up to PB_INSERTED_MAX rows whose values stand one behind the other;
 * nulls is NULL, or has 'n' for each null value and ' ' for the others.
 * Callers hold the parent of the rows, and have done the work of the table's
 * CHECK. A table with a unique index takes one row at a time: false if another
 * row has its unique value.
 */
bool
pb_insert(PbTable *table, const Datum *values, const char *nulls, int count)
{
	Insert		insert;
	bool		is_stored = true;

	Assert(count <= (table->unique == NULL ? PB_INSERTED_MAX : 1));
	begin(&insert, table, count);
	for (int i = 0; i < count; i++)
		fill(&insert, insert.slots[i], values + i * table->count,
			 nulls == NULL ? NULL : nulls + i * table->count);
	if (insert.arbiter != NIL)
		is_stored = store_unless_taken(&insert);
	else
		store_all(&insert);
	end(&insert);
	return is_stored;
}
