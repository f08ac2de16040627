/*
 * seek.c
 *	  Finds rows by the index of a table, and removes them, without a
 *	  statement.
 *
 * A delete asks for rows below the deleted one in many tables, most of which
 * have none. To ask an index costs a third of a statement that finds nothing.
 * As with inserts, a table that somebody has put something on is asked by a
 * statement: see table.c.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "base/compat.h"
#include "base/seek.h"

/* A search for the rows with some values. */
typedef struct Seek
{
	const PbTable *table;
	Relation	relation;
	Relation	index;
	Snapshot	snapshot;
	IndexScanDesc scan;
	TupleTableSlot *slot;
} Seek;

/* The key of the index's column n, which is the one of a value sought. */
static void
make_key(ScanKey key, const Seek *seek, int n, const Datum *sought)
{
	const FormData_pg_index *form = seek->index->rd_index;
	Oid			type = seek->index->rd_opcintype[n];
	Oid			equals = get_opfamily_member(seek->index->rd_opfamily[n],
											 type, type,
											 BTEqualStrategyNumber);
	int			i = pb_table_sought(seek->table, form->indkey.values[n]);

	Assert(OidIsValid(equals) && i >= 0);
	ScanKeyEntryInitialize(key, 0, n + 1, BTEqualStrategyNumber, InvalidOid,
						   seek->index->rd_indcollation[n],
						   get_opcode(equals), sought[i]);
}

/*
 * The snapshot is the latest one, as foreign keys take it: a row that was
 * committed after the transaction began is below the deleted one too.
 */
static void
begin(Seek *seek, PbTable *table, const Datum *sought)
{
	ScanKeyData keys[PB_SOUGHT_MAX];

	seek->table = table;
	seek->relation = pb_table_open(table);
	if (!OidIsValid(table->sought_id))
		elog(ERROR, "%s has no index to find rows by", table->name);
	seek->index = index_open(table->sought_id, AccessShareLock);
	seek->snapshot = RegisterSnapshot(GetLatestSnapshot());
	seek->slot = table_slot_create(seek->relation, NULL);
	for (int i = 0; i < table->sought_count; i++)
		make_key(&keys[i], seek, i, sought);
	seek->scan = index_beginscan(seek->relation, seek->index,
								 seek->snapshot PB_NO_INSTRUMENT,
								 table->sought_count, 0);
	index_rescan(seek->scan, keys, table->sought_count, NULL, 0);
}

static bool
find_next(const Seek *seek)
{
	return index_getnext_slot(seek->scan, ForwardScanDirection, seek->slot);
}

/* The locks stay until the transaction ends. */
static void
end(Seek *seek)
{
	index_endscan(seek->scan);
	ExecDropSingleTupleTableSlot(seek->slot);
	UnregisterSnapshot(seek->snapshot);
	index_close(seek->index, NoLock);
	table_close(seek->relation, NoLock);
}

/*
 * Whether the table has a row with these values: one for each column that the
 * table is searched by.
 */
bool
pb_seek(PbTable *table, const Datum *sought)
{
	Seek		seek;
	bool		is_there;

	begin(&seek, table, sought);
	is_there = find_next(&seek);
	end(&seek);
	return is_there;
}

/* A row that another session has removed is gone, which is what is wanted. */
static void
remove_found(const Seek *seek)
{
	TM_FailureData failure;
	TM_Result	result = table_tuple_delete(seek->relation,
											&seek->slot->tts_tid,
											GetCurrentCommandId(true),
											seek->snapshot, InvalidSnapshot,
											true, &failure, false);

	if (result == TM_Ok ||
		(result == TM_Deleted && !IsolationUsesXactSnapshot()))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
			 errmsg("a row of %s was changed at the same moment",
					seek->table->name),
			 errhint("Try again.")));
}

/* Removes the rows with these values. */
void
pb_seek_remove(PbTable *table, const Datum *sought)
{
	Seek		seek;

	PreventCommandIfReadOnly("DELETE");
	PreventCommandIfParallelMode("DELETE");
	begin(&seek, table, sought);
	CheckCmdReplicaIdentity(seek.relation, CMD_DELETE);
	while (find_next(&seek))
		remove_found(&seek);
	end(&seek);
	CommandCounterIncrement();
}
