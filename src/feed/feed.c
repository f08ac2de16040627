/*
 * feed.c
 *	  The change feed as it is read: behind a token, and what holds it back.
 *
 * A token is the position of a row, and that row must still be there. Then all
 * changes behind it are there too, because the oldest go first (retention.c),
 * and the row is this server's, because no other server made the same id. So
 * a reader never misses changes unawares: not after a restore, a recovery to
 * an earlier time, a failover to a standby that lagged, or a long absence.
 */
#include "postgres.h"

#include "access/transam.h"
#include "catalog/pg_type.h"
#include "utils/backend_status.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"
#include "utils/xid8.h"

#include "base/sql.h"
#include "feed/feed.h"
#include "feed/horizon.h"
#include "feed/retention.h"

#define ROWS_MAX 10000
#define PATIENCE 10				/* seconds that a change may wait */
#define XID_DIGITS 20
#define UUID_SIZE 36

/* SQLSTATEs of our own: a token that is ahead, and one that is too old */
#define AHEAD MAKE_SQLSTATE('P', 'B', '0', '0', '6')
#define SWEPT MAKE_SQLSTATE('P', 'B', '0', '0', '7')

#define START_OVER \
	"To start over, unsubscribe and subscribe the consumer, or read from null to the end and keep the last token. Then take a full copy of the state, and go on from there."

StaticAssertDecl(XID_DIGITS + 1 + UUID_SIZE == PB_FEED_TOKEN_MAX,
				 "a token has its longest form");

static const Oid types[] = {XID8OID, UUIDOID, INT4OID, XID8OID};

static const PbResult read_results[] = {
	{TEXTOID, false}, {TEXTOID, false}, {TEXTOID, false}, {TEXTOID, false},
	{TEXTOID, false}, {TEXTOID, false}, {TEXTOID, false}, {TEXTOID, true},
	{JSONOID, true}, {TIMESTAMPTZOID, false}
};

/* The columns of read_changes(). */
static PbStatement read_rows = {
	.text = "SELECT pg_catalog.concat(xid, '.', id), org_id, resource, "
	"resource_id, action, actor, actor_kind, request_id, "
	"detail::pg_catalog.text::pg_catalog.json, changed_at "
	"FROM pgbeam.changes WHERE xid OPERATOR(pg_catalog.<) $4 "
	"AND ROW (xid, id) OPERATOR(pg_catalog.>) ROW ($1, $2) "
	"ORDER BY " PB_CHANGE_ORDER " LIMIT $3",
	.nargs = 4, .types = types,
	.nresults = lengthof(read_results), .results = read_results,
	.reads = true
};

static const PbResult one[] = {{INT4OID, false}};

/* Whether the row of a token is there. */
static PbStatement the_row = {
	.text = "SELECT 1 FROM pgbeam.changes "
	"WHERE xid OPERATOR(pg_catalog.=) $1 AND id OPERATOR(pg_catalog.=) $2",
	.nargs = 2, .types = types,
	.nresults = lengthof(one), .results = one, .reads = true
};

/* The last of the rows that the snapshot's end does not explain. */
static PbStatement last_from = {
	.text = "SELECT xid FROM pgbeam.changes "
	"WHERE xid OPERATOR(pg_catalog.>=) $1 "
	"ORDER BY xid USING OPERATOR(pg_catalog.>) LIMIT 1",
	.nargs = 1, .types = types,
	.nresults = 1, .results = (const PbResult[]) {{XID8OID, false}},
	.reads = true
};

/* Whether an older row is kept, for a token whose row is not there. */
static PbStatement older = {
	.text = "SELECT 1 FROM pgbeam.changes "
	"WHERE ROW (xid, id) OPERATOR(pg_catalog.<) ROW ($1, $2) LIMIT 1",
	.nargs = 2, .types = types,
	.nresults = lengthof(one), .results = one, .reads = true
};

/* The last row that readers may see. */
static PbStatement end_of_readable = {
	.text = "SELECT pg_catalog.concat(xid, '.', id) FROM pgbeam.changes "
	"WHERE xid OPERATOR(pg_catalog.<) $1 "
	"ORDER BY xid USING OPERATOR(pg_catalog.>), "
	"id USING OPERATOR(pg_catalog.>) LIMIT 1",
	.nargs = 1, .types = types,
	.nresults = 1, .results = (const PbResult[]) {{TEXTOID, false}}
};

/* The first row. */
static PbStatement first = {
	.text = "SELECT changed_at FROM pgbeam.changes "
	"ORDER BY " PB_CHANGE_ORDER " LIMIT 1",
	.nresults = 1, .results = (const PbResult[]) {{TIMESTAMPTZOID, false}},
	.reads = true
};

static const PbResult behind_results[] = {
	{INT8OID, false}, {TIMESTAMPTZOID, true}
};

static PbStatement behind = {
	.text = "SELECT pg_catalog.count(*), pg_catalog.min(changed_at) "
	"FROM pgbeam.changes "
	"WHERE ROW (xid, id) OPERATOR(pg_catalog.>) ROW ($1, $2)",
	.nargs = 2, .types = types,
	.nresults = lengthof(behind_results), .results = behind_results,
	.reads = true
};

static const PbResult waiting_results[] = {{TIMESTAMPTZOID, false}};

static PbStatement waiting = {
	.text = "SELECT changed_at FROM pgbeam.changes "
	"WHERE xid OPERATOR(pg_catalog.>=) $1 "
	"ORDER BY " PB_CHANGE_ORDER " LIMIT 1",
	.nargs = 1, .types = types,
	.nresults = lengthof(waiting_results), .results = waiting_results,
	.reads = true
};

static const PbResult prepared_results[] = {
	{TEXTOID, false}, {TIMESTAMPTZOID, false}
};

static PbStatement prepared_one = {
	.text = "SELECT gid, prepared FROM pg_catalog.pg_prepared_xact() "
	"WHERE transaction OPERATOR(pg_catalog.=) $1",
	.nargs = 1, .types = (const Oid[]) {XIDOID},
	.nresults = lengthof(prepared_results), .results = prepared_results,
	.reads = true
};

/* Reads the digits of a number, and moves behind them. */
static bool
read_xid(const char **at, FullTransactionId *xid)
{
	const char *begin = *at;
	uint64		number;

	*at += strspn(begin, "0123456789");
	if (*at == begin || *at - begin > XID_DIGITS)
		return false;
	errno = 0;
	number = strtou64(begin, NULL, 10);
	*xid = FullTransactionIdFromU64(number);
	return errno == 0;
}

/* Reads a UUID in the printed form alone; the server reads others too. */
static bool
read_uuid(const char *text, pg_uuid_t *id)
{
	static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";

	if (strlen(text) != UUID_SIZE)
		return false;
	for (int i = 0; i < UUID_SIZE; i++)
		if (form[i] == '-' ? text[i] != '-' :
			strchr("0123456789abcdef", text[i]) == NULL)
			return false;
	*id = *DatumGetUUIDP(DirectFunctionCall1(uuid_in, CStringGetDatum(text)));
	return true;
}

/* Reads a token; false where it is none. */
bool
pb_feed_place(const char *token, PbFeedPlace *place)
{
	const char *at = token;

	memset(place, 0, sizeof(*place));
	return read_xid(&at, &place->xid) && *at == '.' &&
		read_uuid(at + 1, &place->id);
}

/* The rule of a field that holds a token. */
const char *
pb_feed_token_problem(const char *text, size_t length)
{
	PbFeedPlace place;

	return pb_feed_place(pnstrdup(text, length), &place) ? NULL :
		"must be the token of a row of read_changes()";
}

/* Less than 0 where a place is before another one, 0 where they are equal. */
int
pb_feed_compare(const PbFeedPlace *a, const PbFeedPlace *b)
{
	if (FullTransactionIdEquals(a->xid, b->xid))
		return memcmp(&a->id, &b->id, sizeof(a->id));
	return FullTransactionIdPrecedes(a->xid, b->xid) ? -1 : 1;
}

static bool
read_token(const char *after, PbFeedPlace *place, PbFaults *faults)
{
	PbPath		path = {NULL, "after", 0};
	const char *problem;

	memset(place, 0, sizeof(*place));
	if (after == NULL || pb_feed_place(after, place))
		return true;
	problem = pb_feed_token_problem(after, strlen(after));
	pb_fault_problem(faults, &path, problem,
					 "Null reads from the first change on.");
	return false;
}

static void
refuse_ahead(void)
{
	ereport(ERROR,
			(errcode(AHEAD),
			 errmsg("the token is ahead of this server"),
			 errdetail("No change of this server has it: it is another server's, or from a time that a restore or a recovery has undone."),
			 errhint("On a standby that lags, or in a transaction that began before the token was read, ask again later. " START_OVER)));
}

/* Refuses a place behind which changes are gone. */
void
pb_feed_refuse_swept(void)
{
	ereport(ERROR,
			(errcode(SWEPT),
			 errmsg("the token is older than what the feed keeps"),
			 errdetail("Changes behind it are gone: swept by age (pgbeam.change_retention) or by hand, or left out of a dump that was restored."),
			 errhint(START_OVER)));
}

static void
refuse_foreign(void)
{
	ereport(ERROR,
			(errcode(AHEAD),
			 errmsg("the feed has changes that are ahead of this server"),
			 errdetail("They were written by another server, and would hide this one's."),
			 errhint("TRUNCATE pgbeam.changes. " START_OVER)));
}

/*
 * Whether a row is ahead of this server, because another one wrote it. On
 * other nodes of Citus a row may be newer than the snapshot, and so may be
 * rows of the running transaction, but none is newer than the next one.
 */
static bool
has_foreign(const PbHorizon *horizon)
{
	Datum		xmax = FullTransactionIdGetDatum(horizon->xmax);
	Datum		last;
	bool		isnull;

	return pb_sql_row(&last_from, &xmax, NULL, &last, &isnull) &&
		FullTransactionIdFollowsOrEquals(DatumGetFullTransactionId(last),
										 ReadNextFullTransactionId());
}

/* Refuses a token behind which changes may be missing. */
static void
require_whole(const char *after, FullTransactionId xid, Datum place[2],
			  const PbHorizon *horizon)
{
	if (has_foreign(horizon))
		refuse_foreign();
	if (after == NULL)
		return;
	if (FullTransactionIdFollowsOrEquals(xid, horizon->xmax))
		refuse_ahead();
	if (pb_sql_run(&the_row, place, NULL) > 0)
		return;
	if (pb_sql_run(&older, place, NULL) > 0)
		refuse_ahead();
	pb_feed_refuse_swept();
}

static bool
check_size(int32 max_rows, PbFaults *faults)
{
	PbPath		path = {NULL, "max_rows", 0};

	if (max_rows >= 1 && max_rows <= ROWS_MAX)
		return true;
	pb_fault_problem(faults, &path, psprintf("must be from 1 to %d", ROWS_MAX),
					 "Ask again with the last token, until there are no more.");
	return false;
}

/*
 * Leaves the rows behind a token, or the first rows, in SPI_tuptable. Returns
 * false with faults.
 */
bool
pb_feed_read(const char *after, int32 max_rows, PbFaults *faults)
{
	PbFeedPlace place;
	PbHorizon	horizon;
	Datum		values[4];
	bool		is_token = read_token(after, &place, faults);

	if (!check_size(max_rows, faults) || !is_token)
		return false;
	pb_horizon_find(&horizon);
	values[0] = FullTransactionIdGetDatum(place.xid);
	values[1] = UUIDPGetDatum(&place.id);
	values[2] = Int32GetDatum(max_rows);
	values[3] = FullTransactionIdGetDatum(horizon.xmin);
	require_whole(after, place.xid, values, &horizon);
	(void) pb_sql_run(&read_rows, values, NULL);
	return true;
}

/* Refuses a place that readers cannot have reached. */
void
pb_feed_require_readable(const char *token, const PbFeedPlace *place)
{
	PbHorizon	horizon;
	Datum		values[] = {
		FullTransactionIdGetDatum(place->xid), UUIDPGetDatum(&place->id)
	};

	pb_horizon_find(&horizon);
	require_whole(token, place->xid, values, &horizon);
	if (FullTransactionIdFollowsOrEquals(place->xid, horizon.xmin))
		refuse_ahead();
}

/* The token of the last change that readers may see, or NULL. */
const char *
pb_feed_end(void)
{
	PbHorizon	horizon;
	Datum		xmin;
	Datum		token;
	bool		isnull;

	pb_horizon_find(&horizon);
	if (has_foreign(&horizon))
		refuse_foreign();
	xmin = FullTransactionIdGetDatum(horizon.xmin);
	return pb_sql_row(&end_of_readable, &xmin, NULL, &token, &isnull) ?
		TextDatumGetCString(token) : NULL;
}

/* Whether the change of a token is kept. */
bool
pb_feed_has(const PbFeedPlace *place)
{
	Datum		values[] = {
		FullTransactionIdGetDatum(place->xid), UUIDPGetDatum(&place->id)
	};

	return pb_sql_run(&the_row, values, NULL) > 0;
}

/* The time of the first change that is kept; false where there is none. */
bool
pb_feed_oldest(TimestampTz *changed_at)
{
	Datum		value;
	bool		isnull;

	if (!pb_sql_row(&first, NULL, NULL, &value, &isnull))
		return false;
	*changed_at = DatumGetTimestampTz(value);
	return true;
}

/* Counts what is behind a place. This reads all of it. */
void
pb_feed_lag(const PbFeedPlace *place, PbFeedLag *lag)
{
	Datum		arguments[] = {
		FullTransactionIdGetDatum(place->xid), UUIDPGetDatum(&place->id)
	};
	Datum		values[lengthof(behind_results)];
	bool		nulls[lengthof(behind_results)];

	(void) pb_sql_row(&behind, arguments, NULL, values, nulls);
	lag->rows = DatumGetInt64(values[0]);
	lag->since = nulls[1] ? 0 : DatumGetTimestampTz(values[1]);
}

/* Finds the backend that runs the transaction, for a caller of any role. */
static void
find_backend(TransactionId xid, PbFeedHold *hold)
{
	for (int i = 1; i <= pgstat_fetch_stat_numbackends(); i++)
	{
		LocalPgBackendStatus *local = pgstat_get_local_beentry_by_index(i);

		if (local == NULL || local->backend_xid != xid)
			continue;
		hold->pid = local->backendStatus.st_procpid;
		hold->held_since = local->backendStatus.st_xact_start_timestamp;
		return;
	}
}

static void
find_prepared(TransactionId xid, PbFeedHold *hold)
{
	Datum		value = TransactionIdGetDatum(xid);
	Datum		values[lengthof(prepared_results)];
	bool		nulls[lengthof(prepared_results)];

	if (!pb_sql_row(&prepared_one, &value, NULL, values, nulls))
		return;
	hold->prepared = TextDatumGetCString(values[0]);
	hold->held_since = DatumGetTimestampTz(values[1]);
}

/* Finds what holds the horizon: a backend, or a prepared transaction. */
static void
find_holder(const PbHorizon *horizon, PbFeedHold *hold)
{
	TransactionId xid = XidFromFullTransactionId(horizon->xmin);

	hold->prepared = horizon->prepared;
	if (hold->prepared != NULL)
		return;
	find_backend(xid, hold);
	if (hold->pid == 0)
		find_prepared(xid, hold);
}

/* Whether changes wait for an older transaction to end, and for which. */
bool
pb_feed_is_held(PbFeedHold *hold)
{
	PbHorizon	horizon;
	Datum		xmin;
	Datum		since;
	bool		isnull;

	memset(hold, 0, sizeof(*hold));
	pb_horizon_find(&horizon);
	xmin = FullTransactionIdGetDatum(horizon.xmin);
	if (!pb_sql_row(&waiting, &xmin, NULL, &since, &isnull))
		return false;
	hold->waiting_since = DatumGetTimestampTz(since);
	hold->is_long = TimestampDifferenceExceeds(hold->waiting_since,
											   GetCurrentTimestamp(),
											   PATIENCE * 1000);
	find_holder(&horizon, hold);
	return true;
}
