/*
 * sweep.c
 *	  Takes changes out of the feed that are older than what is kept.
 *
 * The oldest go first, none before it could be read, and the last of the old
 * ones stays: so whoever has read all finds the place of their token, and a
 * token whose row is gone tells that something behind it may be, too (see
 * feed.c). One transaction sweeps at a time, lest one that is undone leaves
 * behind it what another has swept beyond.
 *
 * A backend goes on where its last sweep ended: while an old snapshot keeps
 * the dead rows, a walk from the beginning would pass by all of them.
 */
#include "postgres.h"

#include "access/transam.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "storage/lock.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"
#include "utils/xid8.h"

#include "base/sql.h"
#include "feed/sweep.h"

/* One change in so many sweeps up to so many rows that have ended. */
#define SWEEP_EVERY 16
#define SWEEP_ROWS "64"

#define IN_ORDER "ORDER BY " PB_CHANGE_ORDER " "

/* Rows that no reader may see yet are not swept. */
#define READABLE \
	"xid OPERATOR(pg_catalog.<) " \
	"pg_catalog.pg_snapshot_xmin(pg_catalog.pg_current_snapshot())"

/* The lock: fields of an advisory one, but not of SQL's kinds 1 and 2. */
#define LOCK_NUMBER 0x70626368
#define LOCK_KIND 3

/* After so many transactions the server may have forgotten one's end. */
#define REMEMBERED 10000000

typedef struct Place
{
	FullTransactionId xid;
	pg_uuid_t	id;
} Place;

static const Oid last_old_types[] = {TIMESTAMPTZOID, XID8OID, UUIDOID};
static const PbResult last_old_results[] = {
	{XID8OID, false}, {UUIDOID, false}, {TIMESTAMPTZOID, false}
};

/*
 * Of the first, the last that is old, and when the oldest of them was: a clock
 * was wrong for some, maybe.
 */
static PbStatement last_old = {
	.text = "SELECT xid, id, pg_catalog.min(changed_at) OVER () "
	"FROM (SELECT xid, id, changed_at FROM pgbeam.changes "
	"WHERE ROW (xid, id) OPERATOR(pg_catalog.>=) ROW ($2, $3) AND " READABLE
	" " IN_ORDER "LIMIT " SWEEP_ROWS ") AS first "
	"WHERE changed_at OPERATOR(pg_catalog.<) $1 "
	"ORDER BY xid USING OPERATOR(pg_catalog.>), "
	"id USING OPERATOR(pg_catalog.>) LIMIT 1",
	.nargs = lengthof(last_old_types), .types = last_old_types,
	.nresults = lengthof(last_old_results), .results = last_old_results
};

static const Oid sweep_types[] = {XID8OID, UUIDOID, XID8OID, UUIDOID};

/* What stands before an old one is old. */
static PbStatement sweep = {
	.text = "DELETE FROM pgbeam.changes "
	"WHERE ctid OPERATOR(pg_catalog.=) ANY (ARRAY("
	"SELECT ctid FROM pgbeam.changes "
	"WHERE ROW (xid, id) OPERATOR(pg_catalog.>=) ROW ($1, $2) "
	"AND ROW (xid, id) OPERATOR(pg_catalog.<) ROW ($3, $4) "
	IN_ORDER "LIMIT " SWEEP_ROWS " FOR UPDATE SKIP LOCKED))",
	.nargs = lengthof(sweep_types), .types = sweep_types
};

static const Oid from_types[] = {XID8OID};
static const PbResult from_results[] = {
	{XID8OID, false}, {TIMESTAMPTZOID, false}
};

static PbStatement first_from = {
	.text = "SELECT xid, changed_at FROM pgbeam.changes "
	"WHERE xid OPERATOR(pg_catalog.>=) $1 AND " READABLE " "
	IN_ORDER "LIMIT 1",
	.nargs = lengthof(from_types), .types = from_types,
	.nresults = lengthof(from_results), .results = from_results
};

/* Where this backend's sweeps go on: all before is gone. */
static Place settled;

/* Where they will when a transaction has been committed; 0: none. */
static Place reached;
static TransactionId reached_by = InvalidTransactionId;

/* Where to go on, as far as that is certain. */
static Place
place_to_begin(void)
{
	if (!TransactionIdIsValid(reached_by))
		return settled;
	if (TransactionIdIsCurrentTransactionId(reached_by))
		return reached;
	if (ReadNextTransactionId() - reached_by < REMEMBERED &&
		TransactionIdDidCommit(reached_by))
		settled = reached;
	reached_by = InvalidTransactionId;
	return settled;
}

/* Whether nobody else sweeps until this transaction ends. */
static bool
take_turn(void)
{
	LOCKTAG		tag;

	SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, 0, LOCK_NUMBER, LOCK_KIND);
	return LockAcquire(&tag, ExclusiveLock, false, true) !=
		LOCKACQUIRE_NOT_AVAIL;
}

static bool
find_last_old(TimestampTz before, Place begin, Place *last,
			  TimestampTz *oldest)
{
	Datum		arguments[] = {
		TimestampTzGetDatum(before), FullTransactionIdGetDatum(begin.xid),
		UUIDPGetDatum(&begin.id)
	};
	Datum		values[lengthof(last_old_results)];
	bool		nulls[lengthof(last_old_results)];

	if (!pb_sql_row(&last_old, arguments, NULL, values, nulls))
		return false;
	last->xid = DatumGetFullTransactionId(values[0]);
	last->id = *DatumGetUUIDP(values[1]);
	*oldest = DatumGetTimestampTz(values[2]);
	return true;
}

/*
 * When the last change was that is older than this time, at or behind an old
 * one: by halves, as if times rose with transactions.
 */
static TimestampTz
last_change_before(TimestampTz time, FullTransactionId old)
{
	uint64		low = U64FromFullTransactionId(old);
	uint64		high = U64FromFullTransactionId(ReadNextFullTransactionId());
	TimestampTz last = 0;

	while (low < high)
	{
		uint64		middle = low + (high - low) / 2;
		Datum		from = UInt64GetDatum(middle);	/* as xid8 is kept */
		Datum		values[lengthof(from_results)];
		bool		nulls[lengthof(from_results)];

		if (pb_sql_row(&first_from, &from, NULL, values, nulls) &&
			DatumGetTimestampTz(values[1]) < time)
		{
			last = DatumGetTimestampTz(values[1]);
			low = DatumGetUInt64(values[0]) + 1;
		}
		else
			high = middle;
	}
	return last;
}

/* At most once an hour by the clock, which is what is in doubt. */
static void
warn_of_clock(TimestampTz now, TimestampTz believed)
{
	static TimestampTz warned_at = 0;

	if (now >= warned_at && now - warned_at < USECS_PER_HOUR)
		return;
	warned_at = now;
	ereport(WARNING,
			(errmsg("the clock went ahead by %d days, or nothing was changed for so long",
					(int) ((now - believed) / USECS_PER_DAY) + 1),
			 errdetail("Changes are swept as if one day had passed, until the clock has run on for a day."),
			 errhint("If the clock is right, nothing is to be done. If not, set it, and correct changed_at in pgbeam.changes.")));
}

/*
 * What the time is, for sweeping: no more than a day after the last change
 * that is a day old, because a clock that was set wrong would sweep all.
 */
static TimestampTz
believed_time(TimestampTz now, FullTransactionId old)
{
	TimestampTz last = last_change_before(now - USECS_PER_DAY, old);
	TimestampTz believed = Min(now, last + USECS_PER_DAY);

	if (now - believed > USECS_PER_DAY)
		warn_of_clock(now, believed);
	return believed;
}

static void
delete_between(Place begin, Place end)
{
	Datum		values[] = {
		FullTransactionIdGetDatum(begin.xid), UUIDPGetDatum(&begin.id),
		FullTransactionIdGetDatum(end.xid), UUIDPGetDatum(&end.id)
	};

	if (memcmp(&begin, &end, sizeof(begin)) == 0)
		return;
	(void) pb_sql_run(&sweep, values, NULL);
	reached = end;
	reached_by = GetCurrentTransactionId();
}

/* Sweeps at one change in so many; random tells at which. */
void
pb_sweep_sometimes(TimestampTz now, int retention, uint64 random)
{
	TimestampTz kept = retention * USECS_PER_DAY;
	TimestampTz oldest;
	Place		begin;
	Place		last;

	if (retention == 0 || random % SWEEP_EVERY != 0 ||
		IsolationUsesXactSnapshot() || !take_turn())
		return;
	begin = place_to_begin();
	if (!find_last_old(now - kept, begin, &last, &oldest))
		return;
	if (now - kept - oldest > USECS_PER_DAY &&
		!find_last_old(believed_time(now, last.xid) - kept, begin, &last,
					   &oldest))
		return;
	delete_between(begin, last);
}
