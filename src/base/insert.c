/*
 * insert.c
 *	  Inserts rows into a table that takes them without a statement.
 *
 * What is done here is what the server's logical replication does with a row
 * (ExecSimpleRelationInsert), and what ON CONFLICT DO NOTHING does.
 */
#include "postgres.h"

#include "access/tableam.h"
#include "access/xact.h"
#include "executor/executor.h"
#include "storage/lmgr.h"

#include "base/compat.h"
#include "base/insert.h"
#include "base/target.h"

/* Several rows go into the table with one record of the WAL a page. */
static void
store_all(const PbTarget *target, TupleTableSlot **slots, int count)
{
	CommandId	command = GetCurrentCommandId(true);

	if (count == 1)
		table_tuple_insert(target->relation, slots[0], command, 0, NULL);
	else
		table_multi_insert(target->relation, slots, count, command, 0, NULL);
	for (int i = 0; i < count; i++)
		(void) pb_target_index(target, slots[i], false, NIL);
}

/* Waits for a session that is storing a row with the same value. */
static bool
is_free(const PbTarget *target, TupleTableSlot *slot)
{
	ItemPointerData other;

	return ExecCheckIndexConstraints(target->result, slot, target->estate,
									 &other PB_NO_ROW, target->arbiter);
}

/*
 * False if another row has its value in an index of those that are asked, or
 * in any where these are NIL: then this row is undone.
 */
static bool
try_to_store(const PbTarget *target, TupleTableSlot *slot, List *asked)
{
	TransactionId transaction = GetCurrentTransactionId();
	uint32		token = SpeculativeInsertionLockAcquire(transaction);
	bool		is_first;

	table_tuple_insert_speculative(target->relation, slot,
								   GetCurrentCommandId(true), 0, NULL, token);
	is_first = pb_target_index(target, slot, true, asked);
	table_tuple_complete_speculative(target->relation, slot, token, is_first);
	SpeculativeInsertionLockRelease(transaction);
	return is_first;
}

/*
 * To store a row tells whether its value is taken, but leaves a dead row where
 * it is. To ask before takes another search of the index: 3 % of a create
 * among a million hosts. Where a host is taken, a create takes 4 % more and
 * leaves the row. Most names are free.
 *
 * Other unique indexes may tell too, such as one that REINDEX CONCURRENTLY is
 * building. They raise an error only when the value is known to be free.
 */
static bool
store_unless_taken(const PbTarget *target, TupleTableSlot *slot)
{
	if (try_to_store(target, slot, NIL))
		return true;
	while (is_free(target, slot))
		if (try_to_store(target, slot, target->arbiter))
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
	TupleTableSlot *slots[PB_INSERTED_MAX];
	PbTarget	target;
	bool		is_stored = true;

	Assert(count <= (table->unique == NULL ? PB_INSERTED_MAX : 1));
	pb_target_begin(&target, table, CMD_INSERT);
	for (int i = 0; i < count; i++)
	{
		slots[i] = pb_target_slot(&target);
		pb_target_fill(&target, slots[i], values + i * table->count,
					   nulls == NULL ? NULL : nulls + i * table->count);
	}
	if (table->unique != NULL)
		is_stored = store_unless_taken(&target, slots[0]);
	else
		store_all(&target, slots, count);
	pb_target_end(&target);
	return is_stored;
}
