/*
 * sweep.c
 *	  Sweeps: whoever writes rows to a table deletes a few that are too old.
 *
 * So a table keeps its size without anybody's help. A background worker was
 * rejected, because it needs a preloaded library; a job of the operator's,
 * because it can be forgotten; and a sweep at every write, for its cost.
 *
 * A sweep goes along an index, the oldest row first. A backend goes on where
 * its last sweep ended: while an old snapshot keeps the dead rows, a walk from
 * the beginning would pass all of them again.
 */
#include "postgres.h"

#include "access/transam.h"
#include "access/xact.h"

#include "base/crypt.h"
#include "base/sql.h"
#include "base/sweep.h"

/* One write in so many sweeps. */
#define SWEEP_EVERY 16

#define DISTRIBUTED_FACTOR 64

/* Of the sweeps that are due, one in so many, plus one, looks at least. */
#define PAUSE_MAX 15

/* After so many transactions the server may have forgotten how one ended. */
#define REMEMBERED 10000000

/*
 * Where tables are distributed a sweep goes to all nodes. So there are fewer,
 * and each takes so many times the rows.
 */
static unsigned
factor(void)
{
	return pb_sql_may_be_distributed() ? DISTRIBUTED_FACTOR : 1;
}

/*
 * Whether this write sweeps; random has random bits. While nothing is old,
 * fewer and fewer do: to find that out costs as much as another write.
 */
bool
pb_sweep_is_due(PbSweep *sweep, uint64 random)
{
	if (random % (SWEEP_EVERY * factor()) != 0)
		return false;
	if (sweep->left_out++ < sweep->pause)
	{
		sweep->until_anew--;
		return false;
	}
	sweep->left_out = 0;
	return true;
}

/* A sweep has found something to delete, or nothing. */
void
pb_sweep_found(PbSweep *sweep, bool something)
{
	sweep->pause = something ? 0 : Min(2 * sweep->pause + 1, PAUSE_MAX);
}

/* How many rows one sweep deletes at most. */
int
pb_sweep_rows(void)
{
	return PB_SWEEP_ROWS * factor();
}

/* Whether a transaction is over and its deletes are known to stay. */
static bool
was_committed(TransactionId xid)
{
	return ReadNextTransactionId() - xid < REMEMBERED &&
		TransactionIdDidCommit(xid);
}

/* The next sweep begins before all rows. */
void
pb_sweep_begin_anew(PbSweep *sweep)
{
	sweep->settled = sweep->beginning;
	sweep->reached_by = InvalidTransactionId;
}

/*
 * Where a sweep begins. What a transaction that was undone has deleted is
 * there again, so that its end does not count.
 */
PbPosition
pb_sweep_begin(PbSweep *sweep)
{
	if (sweep->anew_every > 0 && sweep->until_anew-- <= 0)
	{
		pb_sweep_begin_anew(sweep);
		sweep->until_anew = sweep->anew_every - 1;
	}
	if (!TransactionIdIsValid(sweep->reached_by))
		return sweep->settled;
	if (TransactionIdIsCurrentTransactionId(sweep->reached_by))
		return sweep->reached;
	if (was_committed(sweep->reached_by))
		sweep->settled = sweep->reached;
	sweep->reached_by = InvalidTransactionId;
	return sweep->settled;
}

/* This transaction has deleted what stood before a position. */
void
pb_sweep_end(PbSweep *sweep, PbPosition reached)
{
	sweep->reached = reached;
	sweep->reached_by = GetCurrentTransactionId();
}
