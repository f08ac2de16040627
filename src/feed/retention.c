/*
 * retention.c
 *	  Takes changes out of the feed that are older than what is kept.
 *
 * The oldest changes go first, and none goes before it could be read. The last
 * of the old ones stays: a reader who has read all still finds the row of
 * their token, and a token whose row is gone shows that changes behind it may
 * be gone too (feed.c).
 *
 * One transaction sweeps at a time. Otherwise one that is undone would leave
 * old changes behind it, while another has already swept newer ones.
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

#include "base/crypt.h"
#include "base/sql.h"
#include "base/sweep.h"
#include "feed/horizon.h"
#include "feed/retention.h"

#define IN_ORDER "ORDER BY " PB_CHANGE_ORDER " "

/* An advisory lock, but of no kind that SQL can take: those are 1 and 2. */
#define LOCK_NUMBER 0x70626368
#define LOCK_KIND 3

static const Oid last_old_types[] = {
	TIMESTAMPTZOID, XID8OID, UUIDOID, XID8OID, INT4OID
};
static const PbResult last_old_results[] = {
	{XID8OID, false}, {UUIDOID, false}, {TIMESTAMPTZOID, false}
};

/*
 * Among the first changes, the last one that is old, and the earliest time of
 * the old ones: the clock may have been wrong for some of them. Changes that
 * readers cannot see yet are not swept.
 */
static PbStatement last_old = {
	.text = "SELECT xid, id, pg_catalog.min(changed_at) OVER () "
	"FROM (SELECT xid, id, changed_at FROM pgbeam.changes "
	"WHERE ROW (xid, id) OPERATOR(pg_catalog.>=) ROW ($2, $3) "
	"AND xid OPERATOR(pg_catalog.<) $4 " IN_ORDER "LIMIT $5) AS first "
	"WHERE changed_at OPERATOR(pg_catalog.<) $1 "
	"ORDER BY xid USING OPERATOR(pg_catalog.>), "
	"id USING OPERATOR(pg_catalog.>) LIMIT 1",
	.nargs = lengthof(last_old_types), .types = last_old_types,
	.nresults = lengthof(last_old_results), .results = last_old_results
};

static const Oid sweep_types[] = {XID8OID, UUIDOID, XID8OID, UUIDOID};

#define BETWEEN \
	"ROW (xid, id) OPERATOR(pg_catalog.>=) ROW ($1, $2) " \
	"AND ROW (xid, id) OPERATOR(pg_catalog.<) ROW ($3, $4)"

/* Whatever stands before an old change is old too. */
static PbStatement delete = {
	.text = PB_SWEEP_DELETE("pgbeam.changes", BETWEEN, PB_CHANGE_ORDER),
	.nargs = lengthof(sweep_types), .types = sweep_types
};

/* The same for all nodes of Citus. */
static PbStatement delete_everywhere = {
	.text = "DELETE FROM pgbeam.changes WHERE " BETWEEN,
	.nargs = lengthof(sweep_types), .types = sweep_types
};

static const Oid from_types[] = {XID8OID, XID8OID};
static const PbResult from_results[] = {
	{XID8OID, false}, {TIMESTAMPTZOID, false}
};

static PbStatement first_from = {
	.text = "SELECT xid, changed_at FROM pgbeam.changes "
	"WHERE xid OPERATOR(pg_catalog.>=) $1 AND xid OPERATOR(pg_catalog.<) $2 "
	IN_ORDER "LIMIT 1",
	.nargs = lengthof(from_types), .types = from_types,
	.nresults = lengthof(from_results), .results = from_results
};

static PbSweep sweep;

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
find_last_old(TimestampTz before, PbPosition begin, uint64 horizon,
			  PbPosition *last, TimestampTz *oldest)
{
	Datum		arguments[] = {
		TimestampTzGetDatum(before), Int64GetDatum(begin.first),
		UUIDPGetDatum(&begin.id), UInt64GetDatum(horizon),
		Int32GetDatum(pb_sweep_rows())
	};
	Datum		values[lengthof(last_old_results)];
	bool		nulls[lengthof(last_old_results)];

	if (!pb_sql_row(&last_old, arguments, NULL, values, nulls))
		return false;
	last->first = DatumGetInt64(values[0]);
	last->id = *DatumGetUUIDP(values[1]);
	*oldest = DatumGetTimestampTz(values[2]);
	return true;
}

/*
 * The time of the last change before a given time, searched from an old change
 * on. The search is binary, as if times rose with transaction ids.
 */
static TimestampTz
last_change_before(TimestampTz time, PbPosition old, uint64 horizon)
{
	uint64		low = old.first;
	uint64		high = horizon;
	TimestampTz last = 0;

	while (low < high)
	{
		uint64		middle = low + (high - low) / 2;
		Datum		from[] = {UInt64GetDatum(middle), UInt64GetDatum(horizon)};
		Datum		values[lengthof(from_results)];
		bool		nulls[lengthof(from_results)];

		if (pb_sql_row(&first_from, from, NULL, values, nulls) &&
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

/* At most once an hour, or when the clock, which is in doubt, goes back. */
static void
warn_of_clock(TimestampTz now, TimestampTz believed)
{
	static TimestampTz warned_at = 0;

	if (now >= warned_at && now - warned_at < USECS_PER_HOUR)
		return;
	warned_at = now;
	ereport(WARNING,
			(errmsg("the clock went ahead by %d days, or nothing was changed for that long",
					(int) ((now - believed) / USECS_PER_DAY) + 1),
			 errdetail("Changes are swept as if one day had passed, until the clock has run on for a day."),
			 errhint("If the clock is right, nothing is to be done. If not, set it, and correct changed_at in pgbeam.changes.")));
}

/*
 * The time that sweeping goes by: at most a day after the last change that is
 * a day old. A clock that was set wrong would otherwise sweep everything.
 */
static TimestampTz
believed_time(TimestampTz now, PbPosition old, uint64 horizon)
{
	TimestampTz last = last_change_before(now - USECS_PER_DAY, old, horizon);
	TimestampTz believed = Min(now, last + USECS_PER_DAY);

	if (now - believed > USECS_PER_DAY)
		warn_of_clock(now, believed);
	return believed;
}

static void
delete_between(PbPosition begin, PbPosition end)
{
	Datum		values[] = {
		Int64GetDatum(begin.first), UUIDPGetDatum(&begin.id),
		Int64GetDatum(end.first), UUIDPGetDatum(&end.id)
	};

	if (memcmp(&begin, &end, sizeof(begin)) == 0)
		return;
	(void) pb_sql_run(pb_sql_may_be_distributed() ? &delete_everywhere :
					  &delete, values, NULL);
	pb_sweep_end(&sweep, end);
}

/* Sweeps at one change in so many, by chance. */
void
pb_retention_sweep(TimestampTz now, int retention)
{
	TimestampTz kept = retention * USECS_PER_DAY;
	TimestampTz oldest;
	PbHorizon	horizon;
	PbPosition	begin;
	PbPosition	last;
	uint64		end;
	bool		found;

	if (retention == 0 || !pb_sweep_is_due(&sweep, pb_random_number()) ||
		IsolationUsesXactSnapshot() || !take_turn())
		return;
	begin = pb_sweep_begin(&sweep);
	pb_horizon_find(&horizon);
	end = U64FromFullTransactionId(horizon.xmin);
	found = find_last_old(now - kept, begin, end, &last, &oldest);
	pb_sweep_found(&sweep, found);
	if (!found)
		return;
	if (now - kept - oldest > USECS_PER_DAY &&
		!find_last_old(believed_time(now, last, end) - kept, begin, end,
					   &last, &oldest))
		return;
	delete_between(begin, last);
}
