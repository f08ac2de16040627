/*
 * update.c
 *	  Gives rows of a table new values without a statement.
 *
 * What is done here is what the server does with a row of an UPDATE: it is
 * written at once, and where another session was first, its latest version is
 * locked, judged again, and written.
 */
#include "postgres.h"

#include "access/tableam.h"
#include "access/xact.h"
#include "utils/snapmgr.h"

#include "base/seek.h"
#include "base/target.h"
#include "base/update.h"

typedef struct Update
{
	PbTarget	target;
	PbSeek		seek;
	const PbRevision *revision;
	TupleTableSlot *revised;
	LockTupleMode mode;			/* of the lock that the latest version needs */
} Update;

/* A row that the transaction's snapshot does not show must not be written. */
static Snapshot
crosscheck(void)
{
	return IsolationUsesXactSnapshot() ? GetTransactionSnapshot() :
		InvalidSnapshot;
}

static TM_Result
try_to_store(Update *update)
{
	PbTarget   *target = &update->target;
	TM_FailureData failure;
	TU_UpdateIndexes indexes;
	TM_Result	result;

	pb_target_fill(target, update->revised, update->revision->values,
				   update->revision->nulls);
	result = table_tuple_update(target->relation, &update->seek.slot->tts_tid,
								update->revised, GetCurrentCommandId(true),
								update->seek.snapshot, crosscheck(), true,
								&failure, &update->mode, &indexes);
	if (result == TM_Ok)
		pb_target_index_again(target, update->revised, indexes);
	return result;
}

/* Updates the found row; false if it is not meant, or gone. */
static bool
update_found(Update *update)
{
	const PbRevision *revision = update->revision;
	TupleTableSlot *found = update->seek.slot;
	TM_Result	result;

	do
	{
		slot_getallattrs(found);
		pb_table_spread(update->target.table, found->tts_values,
						found->tts_isnull, revision->values, revision->nulls);
		if (!revision->revise(revision->state))
			return false;
		result = try_to_store(update);
	} while (result != TM_Ok &&
			 pb_seek_latest(&update->seek, result, update->mode));
	if (result != TM_Ok)
		return false;
	if (revision->written != NULL)
		revision->written(revision->state);
	return true;
}

/*
 * Updates the rows with these values, one for each column of the lead, and
 * returns how many these are. None of the values may change. Callers do the
 * work of the table's CHECK. A row is revised again if it was changed
 * meanwhile. A unique index that has its new value raises an error.
 */
int
pb_update(PbTable *table, PbLeading leading, const Datum *sought,
		  const PbRevision *revision)
{
	Update		update = {.revision = revision};
	int			count = 0;

	pb_target_begin(&update.target, table, CMD_UPDATE);
	update.revised = pb_target_slot(&update.target);
	pb_seek_begin(&update.seek, table, leading, sought, RowExclusiveLock,
				  GetLatestSnapshot());
	while (pb_seek_next(&update.seek))
		count += update_found(&update);
	pb_seek_end(&update.seek);
	pb_target_end(&update.target);
	return count;
}
