/*
 * consumer.c
 *	  Consumers of the change feed, whose places are kept in the database.
 *
 * A place is the token of the last change that was dealt with. It moves in the
 * consumer's own transaction, so that a change is dealt with at least once. If
 * what is done with it is undone together with the place, it is exactly once.
 *
 * The transaction that reads has the consumer's turn until it ends. Another
 * one gets no rows meanwhile. To wait was rejected: a statement that waits
 * keeps VACUUM from removing rows, and two consumers taken in different orders
 * would be a deadlock. The turn is an advisory lock. To lock the consumer's
 * row was rejected: that writes, and takes a transaction id, at each look for
 * changes.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "storage/lock.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"
#include "utils/xid8.h"

#include "base/sql.h"
#include "base/state.h"
#include "base/text.h"
#include "feed/change.h"
#include "feed/consumer.h"
#include "feed/feed.h"
#include "feed/retention.h"
#include "fields/check.h"

#define NAME_MAX_LENGTH 63

/* An advisory lock, but of no kind that SQL can take: those are 1 and 2. */
#define LOCK_KIND 4

static PbPrepared prepared;

static struct
{
	int			name;
	int			token;
}			at;

static const PbField fields[] = {
	{
		.name = "name", .kind = PB_TEXT, .least = 1, .most = NAME_MAX_LENGTH,
		.rule = pb_text_path_id_problem, .at = &at.name,
		.about = "What the consumer is called by."
	},
	{
		.name = "token", .kind = PB_TEXT, .flags = PB_NULLABLE,
		.least = 1, .most = PB_FEED_TOKEN_MAX, .rule = pb_feed_token_problem,
		.at = &at.token,
		.about = "The last change that was dealt with; null: none, and there was none when it subscribed."
	},
	{
		.name = "subscribed_at", .kind = PB_TIME,
		.about = "When it subscribed."
	},
	{
		.name = "confirmed_at", .kind = PB_TIME, .flags = PB_NULLABLE,
		.about = "When its place was moved last."
	},
	{0}
};

const PbResource pb_feed_consumer = {
	.name = "feed_consumer",
	.table = "pgbeam.feed_consumers",
	.copying = PB_NEVER_COPIED,
	.fields = fields,
	.prepared = &prepared,
};

static const Oid types[] = {TEXTOID, TEXTOID, TIMESTAMPTZOID};

static PbStatement insert = {
	.text = "INSERT INTO pgbeam.feed_consumers (name, token, subscribed_at) "
	"VALUES ($1, $2, $3) ON CONFLICT (name) DO NOTHING",
	.nargs = 3, .types = types
};

static const PbResult token_results[] = {{TEXTOID, true}};

#define PLACE \
	"SELECT token FROM pgbeam.feed_consumers " \
	"WHERE name OPERATOR(pg_catalog.=) $1"

static PbStatement find = {
	.text = PLACE, .nargs = 1, .types = types,
	.nresults = lengthof(token_results), .results = token_results
};

static PbStatement lock = {
	.text = PLACE " FOR UPDATE", .nargs = 1, .types = types,
	.nresults = lengthof(token_results), .results = token_results
};

static PbStatement move = {
	.text = "UPDATE pgbeam.feed_consumers SET token = $2, confirmed_at = $3 "
	"WHERE name OPERATOR(pg_catalog.=) $1",
	.nargs = 3, .types = types
};

static PbStatement delete = {
	.text = "DELETE FROM pgbeam.feed_consumers "
	"WHERE name OPERATOR(pg_catalog.=) $1",
	.nargs = 1, .types = types
};

static const PbResult all_results[] = {
	{TEXTOID, false}, {TEXTOID, true}, {TIMESTAMPTZOID, true}
};

static PbStatement all = {
	.text = "SELECT name, token, confirmed_at FROM pgbeam.feed_consumers "
	"ORDER BY name USING OPERATOR(pg_catalog.<)",
	.nresults = lengthof(all_results), .results = all_results, .reads = true
};

static const Oid turn_types[] = {OIDOID, OIDOID, OIDOID, INT4OID};

static PbStatement holder = {
	.text = "SELECT pid FROM pg_catalog.pg_lock_status() "
	"WHERE locktype OPERATOR(pg_catalog.=) 'advisory' AND granted "
	"AND database OPERATOR(pg_catalog.=) $1 "
	"AND classid OPERATOR(pg_catalog.=) $2 "
	"AND objid OPERATOR(pg_catalog.=) $3 "
	"AND objsubid OPERATOR(pg_catalog.=) $4",
	.nargs = lengthof(turn_types), .types = turn_types,
	.nresults = 1, .results = (const PbResult[]) {{INT4OID, true}},
	.reads = true
};

static const Oid behind_types[] = {TEXTOID, XID8OID, UUIDOID};

static PbStatement behind = {
	.text = "SELECT 1 FROM pgbeam.changes "
	"WHERE org_id OPERATOR(pg_catalog.=) $1 "
	"AND ROW (xid, id) OPERATOR(pg_catalog.>) ROW ($2, $3) LIMIT 1",
	.nargs = lengthof(behind_types), .types = behind_types,
	.nresults = 1, .results = (const PbResult[]) {{INT4OID, false}}
};

static void
set_not_found(PbFaults *faults)
{
	pb_fault_set(faults, PB_NOT_FOUND, "consumer not found",
				 "pgbeam.subscribe() makes one.");
}

/* Checks the first members; NULL where there are problems. */
static PbRow *
check(const PbJson *members, int count, PbFaults *faults)
{
	PbRow	   *row = pb_row_make(&pb_feed_consumer);

	pb_check_members(row, members, count, faults);
	return faults->count == 0 && pb_state_takes_writes(faults) ? row : NULL;
}

/* Reads a consumer's token, NULL for none; false with the fault. */
static bool
find_place(PbStatement *statement, Datum name, const char **token,
		   PbFaults *faults)
{
	Datum		value;
	bool		isnull;

	if (!pb_sql_row(statement, &name, NULL, &value, &isnull))
	{
		set_not_found(faults);
		return false;
	}
	*token = isnull ? NULL : TextDatumGetCString(value);
	return true;
}

/* The place of one that is there; a token cannot be meant for it. */
static const char *
place_again(const PbRow *row, PbFaults *faults)
{
	const char *token = NULL;

	if (pb_row_has(row, at.token))
		pb_fault_set(faults, PB_RESOURCE_EXISTS,
					 "the consumer has a place already",
					 "pgbeam.confirm() moves it on. To begin elsewhere, call pgbeam.unsubscribe() first.");
	else
		(void) find_place(&find, pb_row_value(row, at.name), &token, faults);
	return token;
}

/* Makes a consumer, if it is not there. Returns its token, NULL for none. */
const char *
pb_consumer_subscribe(const PbJson *members, PbFaults *faults)
{
	PbRow	   *row = check(members, 2, faults);
	const char *token;
	PbFeedPlace place;
	Datum		values[3];

	if (row == NULL)
		return NULL;
	token = pb_row_has(row, at.token) ?
		TextDatumGetCString(pb_row_value(row, at.token)) : NULL;
	if (token != NULL && pb_feed_place(token, &place))
		pb_feed_require_readable(token, &place);
	else
		token = pb_feed_end();
	values[0] = pb_row_value(row, at.name);
	values[1] = token == NULL ? (Datum) 0 : CStringGetTextDatum(token);
	values[2] = TimestampTzGetDatum(GetCurrentTimestamp());
	if (pb_sql_run(&insert, values, token == NULL ? " n " : NULL) > 0)
		return token;
	return place_again(row, faults);
}

/* The lock that is a consumer's turn. */
static LOCKTAG
turn_of(Datum name)
{
	text	   *string = DatumGetTextPP(name);
	uint64		hash;
	LOCKTAG		tag;

	hash = hash_bytes_extended((unsigned char *) VARDATA_ANY(string),
							   VARSIZE_ANY_EXHDR(string), 0);
	SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, (uint32) (hash >> 32),
						 (uint32) hash, LOCK_KIND);
	return tag;
}

/* Whether the consumer's turn is this transaction's, until it ends. */
static bool
take_turn(Datum name)
{
	LOCKTAG		tag = turn_of(name);

	return LockAcquire(&tag, ExclusiveLock, false, true) !=
		LOCKACQUIRE_NOT_AVAIL;
}

/*
 * Without a token, no row shows that changes are gone. But the last of the old
 * ones stays: if any was swept by its age, then the first one is old.
 */
static bool
has_all_since_begin(void)
{
	TimestampTz kept = pb_change_retention() * USECS_PER_DAY;
	TimestampTz first;

	return kept == 0 || !pb_feed_oldest(&first) ||
		first >= GetCurrentTimestamp() - kept;
}

/*
 * Leaves the rows behind a consumer's place in SPI_tuptable. Returns false
 * where there are none to be had: another transaction has the turn, or there
 * are faults.
 */
bool
pb_consumer_next(const PbJson *members, int32 max_rows, PbFaults *faults)
{
	PbRow	   *row = check(members, 1, faults);
	const char *token;

	if (row == NULL || !take_turn(pb_row_value(row, at.name)) ||
		!find_place(&find, pb_row_value(row, at.name), &token, faults))
		return false;
	if (token == NULL && !has_all_since_begin())
		pb_feed_refuse_swept();
	return pb_feed_read(token, max_rows, faults);
}

/* Less than 0 where a token is before another one, which may be NULL. */
static int
compare(const char *token, const char *other)
{
	PbFeedPlace a;
	PbFeedPlace b;

	if (other == NULL)
		return 1;
	(void) pb_feed_place(token, &a);
	(void) pb_feed_place(other, &b);
	return pb_feed_compare(&a, &b);
}

static void
move_to(const PbRow *row, const char *token)
{
	PbFeedPlace place;
	Datum		values[] = {
		pb_row_value(row, at.name), pb_row_value(row, at.token),
		TimestampTzGetDatum(GetCurrentTimestamp())
	};

	(void) pb_feed_place(token, &place);
	pb_feed_require_readable(token, &place);
	if (pb_sql_run(&move, values, NULL) == 0)
		pb_sql_vetoed(pb_feed_consumer.table);
}

/* Moves a consumer's place. */
void
pb_consumer_confirm(const PbJson *members, PbFaults *faults)
{
	PbPath		path = {NULL, "token", 0};
	PbRow	   *row;
	const char *token;
	const char *confirmed;
	int			order;

	if (members[1].type == PB_JSON_NULL)
		pb_fault_problem(faults, &path, "is required", NULL);
	row = check(members, 2, faults);
	if (row == NULL ||
		!find_place(&lock, pb_row_value(row, at.name), &confirmed, faults))
		return;
	token = TextDatumGetCString(pb_row_value(row, at.token));
	order = compare(token, confirmed);
	if (order > 0)
		move_to(row, token);
	else if (order < 0)
		pb_fault_problem(faults, &path,
						 "must not be before the token that was confirmed last",
						 "To go back, call pgbeam.unsubscribe(), and pgbeam.subscribe() with the token.");
}

/* Forgets a consumer. */
void
pb_consumer_unsubscribe(const PbJson *members, PbFaults *faults)
{
	PbRow	   *row = check(members, 1, faults);
	Datum		name;

	if (row == NULL)
		return;
	name = pb_row_value(row, at.name);
	if (pb_sql_run(&delete, &name, NULL) == 0)
		set_not_found(faults);
}

/* The backend whose transaction has a consumer's turn; 0 for none. */
static int
find_holder(Datum name)
{
	LOCKTAG		tag = turn_of(name);
	Datum		values[] = {
		ObjectIdGetDatum(tag.locktag_field1),
		ObjectIdGetDatum(tag.locktag_field2),
		ObjectIdGetDatum(tag.locktag_field3),
		Int32GetDatum(tag.locktag_field4)
	};
	Datum		pid;
	bool		isnull;

	return pb_sql_row(&holder, values, NULL, &pid, &isnull) && !isnull ?
		DatumGetInt32(pid) : 0;
}

static void
read_consumer(const SPITupleTable *rows, uint64 i, PbConsumer *consumer)
{
	Datum		values[lengthof(all_results)];
	bool		nulls[lengthof(all_results)];

	memset(consumer, 0, sizeof(*consumer));
	pb_sql_read(&all, rows, i, values, nulls);
	consumer->name = values[0];
	consumer->token = nulls[1] ? NULL : TextDatumGetCString(values[1]);
	consumer->confirmed_at = nulls[2] ? 0 : DatumGetTimestampTz(values[2]);
	if (consumer->token != NULL)
		(void) pb_feed_place(consumer->token, &consumer->place);
}

/* Lists all consumers, by name, and returns their number. */
int
pb_consumer_list(PbConsumer **consumers)
{
	int			count = (int) pb_sql_run(&all, NULL, NULL);
	SPITupleTable *rows = SPI_tuptable;

	*consumers = palloc(count * sizeof(PbConsumer));
	for (int i = 0; i < count; i++)
		read_consumer(rows, i, &(*consumers)[i]);
	return count;
}

/* Adds what is not in the consumer's row. */
void
pb_consumer_watch(PbConsumer *consumer)
{
	consumer->pid = find_holder(consumer->name);
	consumer->is_lost = consumer->token == NULL ? !has_all_since_begin() :
		!pb_feed_has(&consumer->place);
}

/*
 * For what must not happen before all consumers have heard of something that
 * was done in an organization. Changes count that readers cannot see yet, also
 * those of the running transaction.
 */
const char *
pb_consumer_behind(Datum org_id)
{
	PbConsumer *consumers;
	int			count = pb_consumer_list(&consumers);

	for (int i = 0; i < count; i++)
	{
		Datum		arguments[] = {
			org_id, FullTransactionIdGetDatum(consumers[i].place.xid),
			UUIDPGetDatum(&consumers[i].place.id)
		};

		if (pb_sql_run(&behind, arguments, NULL) > 0)
			return TextDatumGetCString(consumers[i].name);
	}
	return NULL;
}
