/*
 * seek.c
 *	  Finds rows by the index of a table, and removes them, without a
 *	  statement.
 *
 * To ask an index costs a third of a statement that finds one row or none. A
 * delete asks for rows below the deleted one in many tables, most of which
 * have none; every call asks for an organization, and most for a project. As
 * with inserts, a table that somebody has put something on is asked by a
 * statement: see table.c.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/visibilitymap.h"
#include "access/xact.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "storage/predicate.h"
#include "utils/datum.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "base/compat.h"
#include "base/seek.h"

static void
add_key(PbSeek *seek, StrategyNumber strategy, RegProcedure procedure,
		Datum value)
{
	int			n = seek->count++;

	ScanKeyEntryInitialize(&seek->keys[n], 0, n + 1, strategy, InvalidOid,
						   seek->index->rd_indcollation[n], procedure, value);
}

static void
open_table(PbSeek *seek, PbTable *table, PbLeading leading,
		   const Datum *sought, LOCKMODE mode, Snapshot snapshot)
{
	seek->table = table;
	seek->relation = pb_table_open(table, mode);
	seek->lead = &table->leads[leading];
	if (!OidIsValid(seek->lead->index))
		elog(ERROR, "%s has no index to find rows by", table->name);
	seek->index = index_open(seek->lead->index, AccessShareLock);
	seek->snapshot = RegisterSnapshot(snapshot);
	seek->slot = table_slot_create(seek->relation, NULL);
	seek->direction = ForwardScanDirection;
	seek->visible = InvalidBuffer;
	seek->count = 0;
	for (int n = 0; n < seek->lead->count; n++)
		add_key(seek, BTEqualStrategyNumber, seek->lead->equals[n],
				sought[seek->lead->places[n]]);
	if (seek->lead->keeps_living)
		add_key(seek, BTEqualStrategyNumber, seek->lead->equals[seek->count],
				BoolGetDatum(true));
}

/* Begins the scan, of index entries too where they are read. */
static void
scan(PbSeek *seek, bool reads_entries)
{
	seek->scan = index_beginscan(seek->relation, seek->index,
								 seek->snapshot PB_NO_INSTRUMENT, seek->count,
								 0);
	seek->scan->xs_want_itup = reads_entries;
	index_rescan(seek->scan, seek->keys, seek->count, NULL, 0);
}

/*
 * Begins a search for the rows with these values: one for each column of the
 * lead, in its order. Callers have asked whether that may be.
 */
void
pb_seek_begin(PbSeek *seek, PbTable *table, PbLeading leading,
			  const Datum *sought, LOCKMODE mode, Snapshot snapshot)
{
	open_table(seek, table, leading, sought, mode, snapshot);
	scan(seek, false);
}

/* Wants what comes after a value of the column in whose order entries are. */
static void
add_place(PbSeek *seek, Datum after, bool descending)
{
	const PbLead *lead = seek->lead;

	seek->direction = descending ?
		BackwardScanDirection : ForwardScanDirection;
	if (descending)
		add_key(seek, BTLessStrategyNumber, lead->before, after);
	else
		add_key(seek, BTGreaterStrategyNumber, lead->behind, after);
}

/*
 * Begins a search for the rows that come after a value of the column in whose
 * order they are, ascending or descending.
 */
void
pb_seek_begin_after(PbSeek *seek, PbTable *table, PbLeading leading,
					const Datum *sought, Datum after, bool descending,
					Snapshot snapshot)
{
	open_table(seek, table, leading, sought, AccessShareLock, snapshot);
	add_place(seek, after, descending);
	scan(seek, false);
}

/* Whether two values are equal, and there is room for one more entry. */
static Datum
is_equal_and_fits(PG_FUNCTION_ARGS)
{
	PbSeek	   *seek = fcinfo->flinfo->fn_extra;

	if (seek->room == 0)
		return BoolGetDatum(false);
	seek->room--;
	return FunctionCall2Coll(&seek->equal, PG_GET_COLLATION(),
							 PG_GETARG_DATUM(0), PG_GETARG_DATUM(1));
}

/*
 * Has the scan read so many entries at once. A B-tree takes all entries of a
 * leaf that are as its keys want them before it gives the first one. These are
 * hundreds where a page of a list wants 21, and to compare them took a tenth
 * of the page. The scan ends where a value that is to be equal is not, so that
 * the last of these values is equal only so often here. The tree finds the
 * place where it begins by functions of its own.
 */
static void
limit(PbSeek *seek, int most)
{
	ScanKey		key = &seek->keys[seek->count - 1];

	seek->most = seek->room = most;
	seek->equal = key->sk_func;
	key->sk_func.fn_addr = is_equal_and_fits;
	key->sk_func.fn_extra = seek;
}

/*
 * Begins a search along marks for the ids that come after one, ascending or
 * descending. Only the entries of the index are read, so many at once.
 */
void
pb_seek_begin_along(PbSeek *seek, PbTable *table, const Datum *sought,
					Datum after, bool descending, int most, Snapshot snapshot)
{
	open_table(seek, table, PB_ALONG, sought, AccessShareLock, snapshot);
	limit(seek, most);
	seek->id = *DatumGetUUIDP(after);
	add_place(seek, after, descending);
	scan(seek, true);
}

/* Goes on with other values, which costs less than to begin. */
void
pb_seek_again(PbSeek *seek, const Datum *sought)
{
	for (int n = 0; n < seek->lead->count; n++)
		seek->keys[n].sk_argument = sought[seek->lead->places[n]];
	index_rescan(seek->scan, seek->keys, seek->count, NULL, 0);
}

bool
pb_seek_next(PbSeek *seek)
{
	return index_getnext_slot(seek->scan, seek->direction, seek->slot);
}

/*
 * Whether the row of an index entry is there. The table is not read where all
 * can see its page, as in an index-only scan: rows with a mark are far apart.
 */
static bool
is_visible(PbSeek *seek, ItemPointer tid)
{
	if (!VM_ALL_VISIBLE(seek->relation, ItemPointerGetBlockNumber(tid),
						&seek->visible))
		return index_fetch_heap(seek->scan, seek->slot);
	PredicateLockPage(seek->relation, ItemPointerGetBlockNumber(tid),
					  seek->snapshot);
	return true;
}

/* Notes the id of an entry, which stands behind the values sought. */
static void
note_id(PbSeek *seek)
{
	bool		isnull;
	Datum		id = index_getattr(seek->scan->xs_itup, seek->lead->count + 1,
								   seek->scan->xs_itupdesc, &isnull);

	seek->id = *DatumGetUUIDP(id);
}

/*
 * Goes on after the last entry, seen or not, where the search has ended for
 * want of room. False where it has met all there is.
 *
 * There is twice as much room each time. The tree also compares entries that
 * it does not give, such as the first one of each leaf, be it known to be
 * dead. Where these take all the room, the search would else go on from the
 * same place for ever.
 */
static bool
goes_on(PbSeek *seek)
{
	if (seek->room > 0)
		return false;
	CHECK_FOR_INTERRUPTS();
	seek->most = Min(seek->most, INT_MAX / 2) * 2;
	seek->room = seek->most;
	seek->after = seek->id;
	seek->keys[seek->count - 1].sk_argument = UUIDPGetDatum(&seek->after);
	index_rescan(seek->scan, seek->keys, seek->count, NULL, 0);
	return true;
}

/* Finds the next id along marks, which is valid until the next call. */
bool
pb_seek_next_id(PbSeek *seek, pg_uuid_t **id)
{
	ItemPointer tid;

	*id = &seek->id;
	do
		while ((tid = index_getnext_tid(seek->scan, seek->direction)) != NULL)
		{
			note_id(seek);
			if (is_visible(seek, tid))
				return true;
		}
	while (goes_on(seek));
	return false;
}

/* The locks stay until the transaction ends. */
void
pb_seek_end(PbSeek *seek)
{
	if (BufferIsValid(seek->visible))
		ReleaseBuffer(seek->visible);
	index_endscan(seek->scan);
	ExecDropSingleTupleTableSlot(seek->slot);
	UnregisterSnapshot(seek->snapshot);
	index_close(seek->index, NoLock);
	table_close(seek->relation, NoLock);
}

/*
 * Begins a search for rows to write. The snapshot is the latest one, as
 * foreign keys take it: a row that was committed after the transaction began
 * is found too.
 */
static void
begin_writing(PbSeek *seek, PbTable *table, PbLeading leading,
			  const Datum *sought)
{
	pb_seek_begin(seek, table, leading, sought, RowExclusiveLock,
				  GetLatestSnapshot());
}

/* Whether the table has a row with these values, which is to be written. */
bool
pb_seek(PbTable *table, PbLeading leading, const Datum *sought)
{
	PbSeek		seek;
	bool		is_there;

	begin_writing(&seek, table, leading, sought);
	is_there = pb_seek_next(&seek);
	pb_seek_end(&seek);
	return is_there;
}

/* The found row's value of a column of the table, until the next search. */
Datum
pb_seek_value(const PbSeek *seek, int n, bool *isnull)
{
	return slot_getattr(seek->slot, seek->table->numbers[n], isnull);
}

/*
 * Copies the found row, so that it outlives the search, and reads the copy.
 * Each of its columns has a place in values, and in nulls 'n' or ' '.
 */
void
pb_seek_copy(const PbSeek *seek, Datum *values, char *nulls)
{
	TupleDesc	descriptor = RelationGetDescr(seek->relation);
	Datum	   *columns = palloc(descriptor->natts * sizeof(Datum));
	bool	   *isnull = palloc(descriptor->natts);

	heap_deform_tuple(ExecCopySlotHeapTuple(seek->slot), descriptor, columns,
					  isnull);
	pb_table_spread(seek->table, columns, isnull, values, nulls);
}

/* Whether there is a row to read with these values. */
bool
pb_seek_any(PbTable *table, PbLeading leading, const Datum *sought,
			Snapshot snapshot)
{
	PbSeek		seek;
	bool		is_there;

	pb_seek_begin(&seek, table, leading, sought, AccessShareLock, snapshot);
	is_there = pb_seek_next(&seek);
	pb_seek_end(&seek);
	return is_there;
}

/* Copies the only row with these values; false if there is none. */
bool
pb_seek_read(PbTable *table, PbLeading leading, const Datum *sought,
			 Snapshot snapshot, Datum *values, char *nulls)
{
	PbSeek		seek;
	bool		is_there;

	pb_seek_begin(&seek, table, leading, sought, AccessShareLock, snapshot);
	is_there = pb_seek_next(&seek);
	if (is_there)
		pb_seek_copy(&seek, values, nulls);
	if (is_there && pb_seek_next(&seek))
		elog(ERROR, "%s has two rows with one id", table->name);
	pb_seek_end(&seek);
	return is_there;
}

/* SQL: finds the row with a key. */
static const char *
find_text(const PbTable *table)
{
	const PbLead *one = &table->leads[PB_TO_ONE];
	StringInfoData text;

	initStringInfo(&text);
	for (int i = 0; i < table->count; i++)
		appendStringInfo(&text, "%s%s", i == 0 ? "SELECT " : ", ",
						 table->columns[i].name);
	appendStringInfo(&text, " FROM %s", table->name);
	for (int i = 0; i < one->count; i++)
		appendStringInfo(&text, " %s %s OPERATOR(pg_catalog.=) $%d",
						 i == 0 ? "WHERE" : "AND", one->columns[i].name,
						 i + 1);
	return text.data;
}

/* Makes the statements that find a row, one for each reading. */
static PbStatement *
make_finds(const PbTable *table)
{
	MemoryContext before = MemoryContextSwitchTo(pb_sql_memory());
	const PbLead *one = &table->leads[PB_TO_ONE];
	PbStatement *finds = palloc0((PB_LOCKED + 1) * sizeof(PbStatement));
	const char *text = find_text(table);
	Oid		   *types = palloc(one->count * sizeof(Oid));
	PbResult   *results = palloc(table->count * sizeof(PbResult));

	for (int i = 0; i < one->count; i++)
		types[i] = one->columns[i].type;
	for (int i = 0; i < table->count; i++)
		results[i] = (PbResult) {
			table->columns[i].type, table->columns[i].may_be_null
		};
	for (PbReading reading = 0; reading <= PB_LOCKED; reading++)
		finds[reading] = (PbStatement) {
			.text = reading == PB_LOCKED ?
			psprintf("%s FOR UPDATE", text) : text,
			.nargs = one->count, .types = types, .nresults = table->count,
			.results = results, .reads = reading == PB_SNAPSHOT
		};
	MemoryContextSwitchTo(before);
	return finds;
}

/*
 * Reads the only row with a key, all of whose columns are stored; by a
 * statement where it is to be locked, or where the table must not be read
 * here. False if there is no row.
 */
bool
pb_seek_row(PbTable *table, PbReading reading, Datum *key, Datum *values,
			bool *isnull)
{
	char	   *nulls;

	if (reading == PB_LOCKED || !pb_table_may_be_read(table, PB_TO_ONE))
	{
		if (table->finds == NULL)
			table->finds = make_finds(table);
		return pb_sql_row(&table->finds[reading], key, NULL, values, isnull);
	}
	nulls = palloc(table->count);
	if (!pb_seek_read(table, PB_TO_ONE, key, pb_sql_snapshot(reading), values,
					  nulls))
		return false;
	for (int i = 0; i < table->count; i++)
		isnull[i] = nulls[i] == 'n';
	return true;
}

/* Raises an error in the server's own words, which clients may look for. */
pg_noreturn static void refuse_changed(const PbSeek *seek);

static void
refuse_changed(const PbSeek *seek)
{
	ereport(ERROR,
			(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
			 errmsg("could not serialize access due to concurrent update"),
			 errdetail("A row of %s was changed at the same moment.",
					   seek->table->name),
			 errhint("Try again.")));
}

/* Whether the latest version still has the values that were sought. */
static bool
is_still_sought(const PbSeek *seek)
{
	const PbLead *lead = seek->lead;
	TupleTableSlot *found = seek->slot;

	slot_getallattrs(found);
	for (int n = 0; n < lead->count; n++)
	{
		int			place = lead->numbers[lead->places[n]] - 1;
		Form_pg_attribute column = TupleDescAttr(found->tts_tupleDescriptor,
												 place);

		if (found->tts_isnull[place] ||
			!datum_image_eq(found->tts_values[place],
							seek->keys[n].sk_argument, column->attbyval,
							column->attlen))
			return false;
	}
	return true;
}

/*
 * Locks the latest version of a found row that another session has changed,
 * and reads it. False if the row is gone, or is another one now.
 */
bool
pb_seek_latest(PbSeek *seek, TM_Result result, LockTupleMode mode)
{
	ItemPointerData tid = seek->slot->tts_tid;
	TM_FailureData failure;

	if (IsolationUsesXactSnapshot())
		refuse_changed(seek);
	if (result == TM_Updated)
		result = table_tuple_lock(seek->relation, &tid, seek->snapshot,
								  seek->slot, GetCurrentCommandId(true), mode,
								  LockWaitBlock,
								  TUPLE_LOCK_FLAG_FIND_LAST_VERSION,
								  &failure);
	if (result == TM_Deleted)
		return false;
	if (result != TM_Ok)
		refuse_changed(seek);
	return is_still_sought(seek);
}

static void
remove_found(PbSeek *seek)
{
	TM_FailureData failure;
	TM_Result	result;

	do
		result = table_tuple_delete(seek->relation, &seek->slot->tts_tid,
									GetCurrentCommandId(true), seek->snapshot,
									InvalidSnapshot, true, &failure, false);
	while (result != TM_Ok &&
		   pb_seek_latest(seek, result, LockTupleExclusive));
}

/* Removes the rows with a key. */
void
pb_seek_remove(PbTable *table, const Datum *key)
{
	PbSeek		seek;

	PreventCommandIfReadOnly("DELETE");
	PreventCommandIfParallelMode("DELETE");
	begin_writing(&seek, table, PB_TO_ONE, key);
	CheckCmdReplicaIdentity(seek.relation, CMD_DELETE);
	while (pb_seek_next(&seek))
		remove_found(&seek);
	pb_seek_end(&seek);
	CommandCounterIncrement();
}
