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

/* After so many transactions the server may have forgotten how one ended. */
#define REMEMBERED 10000000

/* Whether this write sweeps; random has random bits. */
bool
pb_sweep_is_due(uint64 random)
{
	return random % SWEEP_EVERY == 0;
}

/*
 * Where tables are distributed a sweep goes to all nodes. So most of those
 * that are due are left out, and the others take so many times the rows.
 */
static unsigned
factor(void)
{
	return pb_sql_may_be_distributed() ? DISTRIBUTED_FACTOR : 1;
}

bool
pb_sweep_is_left_out(void)
{
	unsigned	random = 0;

	if (factor() > 1)
		pb_random(&random, sizeof(random));
	return random % factor() != 0;
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

static void
begin_anew(PbSweep *sweep)
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
	if (sweep->anew_every > 0 && sweep->count++ % sweep->anew_every == 0)
		begin_anew(sweep);
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
