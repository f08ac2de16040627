/*
 * target.c
 *	  A table that rows are written to without a statement: what inserts and
 *	  updates share.
 *
 * A statement begins with more work than the row is: the server sets up a plan
 * for every column, reads and compiles the text of each CHECK again, and asks
 * the foreign key for a parent that was locked a moment ago. That is a third
 * of a create. A table that somebody has put a trigger on, or altered, is
 * still written by statements: see table.c.
 */
#include "postgres.h"

#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/rel.h"

#include "base/compat.h"
#include "base/target.h"

/* Opens the table for one of the commands CMD_INSERT and CMD_UPDATE. */
void
pb_target_begin(PbTarget *target, PbTable *table, CmdType command)
{
	const char *name = command == CMD_INSERT ? "INSERT" : "UPDATE";
	bool		asks = command == CMD_INSERT && table->unique != NULL;
	MemoryContext before;

	target->table = table;
	target->relation = pb_table_open(table, RowExclusiveLock);
	if (!table->takes_rows)
		elog(ERROR, "%s takes no rows without a statement", table->name);
	PreventCommandIfReadOnly(name);
	PreventCommandIfParallelMode(name);
	CheckCmdReplicaIdentity(target->relation, command);
	target->estate = CreateExecutorState();
	before = MemoryContextSwitchTo(target->estate->es_query_cxt);
	target->result = makeNode(ResultRelInfo);
	InitResultRelInfo(target->result, target->relation, 0, NULL, 0);
	target->arbiter = asks ? list_make1_oid(table->unique_id) : NIL;
	ExecOpenIndices(target->result, asks);
	MemoryContextSwitchTo(before);
}

/* The lock on the table stays until the transaction ends. */
void
pb_target_end(PbTarget *target)
{
	ExecCloseIndices(target->result);
	ExecResetTupleTable(target->estate->es_tupleTable, false);
	FreeExecutorState(target->estate);
	table_close(target->relation, NoLock);
	CommandCounterIncrement();
}

/* A slot for a row of the table, which ends with the target. */
TupleTableSlot *
pb_target_slot(const PbTarget *target)
{
	MemoryContext before =
		MemoryContextSwitchTo(target->estate->es_query_cxt);
	TupleTableSlot *slot = table_slot_create(target->relation,
											 &target->estate->es_tupleTable);

	MemoryContextSwitchTo(before);
	return slot;
}

static void
require_not_null(const PbTarget *target, const TupleTableSlot *slot)
{
	TupleDesc	descriptor = RelationGetDescr(target->relation);

	for (int i = 0; i < descriptor->natts; i++)
	{
		Form_pg_attribute column = TupleDescAttr(descriptor, i);

		if (slot->tts_isnull[i] && column->attnotnull &&
			!column->attisdropped)
			ereport(ERROR,
					(errcode(ERRCODE_NOT_NULL_VIOLATION),
					 errmsg("a row of %s is refused: %s must not be null",
							target->table->name, NameStr(column->attname))));
	}
}

/*
 * Puts the values of a row at the places of their columns; nulls is NULL, or
 * has 'n' for each null value and ' ' for the others.
 */
void
pb_target_fill(const PbTarget *target, TupleTableSlot *slot,
			   const Datum *values, const char *nulls)
{
	const PbTable *table = target->table;

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
	require_not_null(target, slot);
}

/*
 * Writes the index entries of a new row. False if another row may have been
 * first with its unique value, and may_be_taken allows that for the indexes
 * that are asked; for all, if these are NIL.
 */
bool
pb_target_index(const PbTarget *target, TupleTableSlot *slot,
				bool may_be_taken, List *asked)
{
	bool		is_taken = false;

	if (target->result->ri_NumIndices > 0)
		(void) ExecInsertIndexTuples(target->result, slot, target->estate,
									 false, may_be_taken, &is_taken, asked
									 PB_ONLY_SUMMARIZING(TU_All));
	ResetPerTupleExprContext(target->estate);
	return !is_taken;
}

/* Writes those that the server says an updated row needs. */
void
pb_target_index_again(const PbTarget *target, TupleTableSlot *slot,
					  TU_UpdateIndexes indexes)
{
	if (indexes != TU_None && target->result->ri_NumIndices > 0)
		(void) ExecInsertIndexTuples(target->result, slot, target->estate,
									 true, false, NULL, NIL
									 PB_ONLY_SUMMARIZING(indexes));
	ResetPerTupleExprContext(target->estate);
}
