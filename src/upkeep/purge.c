/*
 * purge.c
 *	  Removes what was deleted long ago, with all that stands below it.
 *
 * A row goes together with the rows below it, in one transaction: what is
 * there is always whole. It is locked before these, as in a delete. Rows that
 * another session has locked are left for later.
 *
 * Each kind of row has an index of its deleted rows alone. A queue of what is
 * to be purged was rejected: a create would not pay for it, but what is
 * deleted by a statement of the owner's would stay for ever.
 *
 * The writes of the API purge a few things now and then. Somebody's trigger or
 * foreign key may forbid it. That must not make the writes of others fail, so
 * that a WARNING is all that comes of it.
 */
#include "postgres.h"

#include <math.h>

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "portability/instr_time.h"
#include "storage/latch.h"
#include "utils/guc.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"
#include "utils/wait_event.h"

#include "auth/apikey.h"
#include "base/crypt.h"
#include "base/own.h"
#include "base/sql.h"
#include "base/sweep.h"
#include "plane/traffic.h"
#include "resources/resource.h"
#include "resources/statement.h"
#include "upkeep/purge.h"

#define KINDS_MAX 32

/*
 * One write in 16 may purge so many things. Half a thing a write is enough:
 * what is deleted was also created.
 */
#define SWEEP_SHARE (PB_SWEEP_ROWS / 8)

/* After so many milliseconds of work a purge rests. */
#define WORKED_MAX 0.5

/* So many sweeps after a failed one take a single thing each. */
#define CAREFUL_SWEEPS 16

static int	retention;			/* days; 0: for ever */
static int	delay;				/* milliseconds; 0: none */

/* What is known of a resource. */
typedef struct Kind
{
	PbStatement find;			/* the oldest rows, of all organizations */
	PbStatement lock;
	PbStatement remove;
	PbStatement remove_below;	/* all rows of a parent, deleted or not */
	PbStatement has_below;
	PbSweep		sweep;
	int			careful;		/* sweeps to come that take one thing */
} Kind;

static Kind kinds[KINDS_MAX];	/* as pb_resources */

/* When purge() began, or its last rest ended. */
static instr_time worked_since;

/* When writes purge. The places that they have reached are the kinds'. */
static PbSweep turn;

static const Oid find_types[] = {
	TIMESTAMPTZOID, TIMESTAMPTZOID, UUIDOID, INT4OID
};
static const Oid key_types[] = {TEXTOID, UUIDOID, TIMESTAMPTZOID};

/* the columns of find */
enum
{
	ORG, ID, DELETED, FOUND_COLUMNS
};

static const PbResult found_results[FOUND_COLUMNS] = {
	[ORG] = {TEXTOID, false}, [ID] = {UUIDOID, false},
	[DELETED] = {TIMESTAMPTZOID, false}
};

/* the columns of what is removed: its id, its project's, its host */
enum
{
	OWN_ID, PROJECT, HOST, REMOVED_COLUMNS
};

static const PbResult removed_results[REMOVED_COLUMNS] = {
	[OWN_ID] = {UUIDOID, false}, [PROJECT] = {UUIDOID, false},
	[HOST] = {TEXTOID, true}
};

void
pb_purge_define_settings(void)
{
	DefineCustomIntVariable("pgbeam.deleted_retention",
							"Days for which deleted things, and API keys that have ended, are kept; 0: for ever.",
							NULL, &retention, 90, 0, 36500, PGC_SUSET, 0,
							NULL, NULL, NULL);
	DefineCustomIntVariable("pgbeam.purge_delay",
							"For so long purge() rests after each half millisecond of work, so that others have the processor; 0: not at all.",
							NULL, &delay, 1, 0, 60000, PGC_SUSET, GUC_UNIT_MS,
							NULL, NULL, NULL);
}

/* Whether rows are marked as deleted, and may be purged on their own. */
static bool
is_purged(const PbResource *resource)
{
	return resource->prefix != NULL && pb_field_marks_deleted(resource) &&
		resource->prepared->org_id != PB_NO_LEAF;
}

static const char *
parent_column(const PbResource *resource)
{
	const PbShape *shape = pb_field_shape(resource);

	return shape->leaves[resource->prepared->parent].column;
}

/* SQL: the columns of what is removed. */
static const char *
removed_columns(const PbResource *resource)
{
	const char *host = pb_hooks(resource)->host;

	return psprintf("id, %s, %s",
					resource->parent == NULL ? "id" : parent_column(resource),
					host == NULL ? "NULL::pg_catalog.text" : host);
}

/*
 * SQL: the condition for a row that was not deleted together with its parent.
 * One that was goes with it, so that what can be restored is whole.
 */
static const char *
went_alone(const PbResource *resource)
{
	if (resource->parent == NULL)
		return "";
	return psprintf(" AND NOT EXISTS (SELECT FROM %s AS above "
					"WHERE above.org_id OPERATOR(pg_catalog.=) t.org_id "
					"AND above.id OPERATOR(pg_catalog.=) t.%s "
					"AND above.deleted_at OPERATOR(pg_catalog.=) t.deleted_at)",
					resource->parent->table, parent_column(resource));
}

/* The statements about rows that are purged on their own. */
static void
make_own(Kind *kind, const PbResource *resource)
{
	const char *columns = removed_columns(resource);

	kind->sweep = (PbSweep) {.beginning.first = DT_NOBEGIN, .anew_every = 16};
	kind->find = (PbStatement) {
		.text = psprintf("SELECT org_id, id, deleted_at FROM %s "
						 "WHERE deleted_at OPERATOR(pg_catalog.<) $1 "
						 "AND ROW (deleted_at, id) OPERATOR(pg_catalog.>) ROW ($2, $3) "
						 "ORDER BY deleted_at USING OPERATOR(pg_catalog.<), "
						 "id USING OPERATOR(pg_catalog.<) LIMIT $4",
						 resource->table),
		.nargs = lengthof(find_types), .types = find_types,
		.nresults = FOUND_COLUMNS, .results = found_results
	};
	kind->lock = (PbStatement) {
		.text = psprintf("SELECT %s FROM %s AS t "
						 "WHERE org_id OPERATOR(pg_catalog.=) $1 "
						 "AND id OPERATOR(pg_catalog.=) $2 "
						 "AND CASE WHEN deleted_at OPERATOR(pg_catalog.<) $3 "
						 "THEN true ELSE false END%s "
						 "FOR UPDATE OF t SKIP LOCKED",
						 columns, resource->table, went_alone(resource)),
		.nargs = lengthof(key_types), .types = key_types,
		.nresults = REMOVED_COLUMNS, .results = removed_results
	};
	kind->remove = (PbStatement) {
		.text = psprintf("DELETE FROM %s "
						 "WHERE org_id OPERATOR(pg_catalog.=) $1 "
						 "AND id OPERATOR(pg_catalog.=) $2", resource->table),
		.nargs = 2, .types = key_types
	};
}

/* The statements about the rows below a parent. */
static void
make_below(Kind *kind, const PbResource *resource)
{
	const char *where =
		psprintf("FROM %s WHERE org_id OPERATOR(pg_catalog.=) $1 "
				 "AND %s OPERATOR(pg_catalog.=) $2", resource->table,
				 parent_column(resource));

	kind->remove_below = (PbStatement) {
		.text = psprintf("DELETE %s", where),
		.nargs = 2, .types = key_types
	};
	kind->has_below = (PbStatement) {
		.text = psprintf("SELECT %s LIMIT 1", where),
		.nargs = 2, .types = key_types
	};
	if (!is_purged(resource))
		return;
	kind->remove_below.text = psprintf("DELETE %s RETURNING %s", where,
									   removed_columns(resource));
	kind->remove_below.nresults = REMOVED_COLUMNS;
	kind->remove_below.results = removed_results;
}

static Kind *
kind_of(const PbResource *resource)
{
	Kind	   *kind = kinds;
	MemoryContext before;

	for (const PbResource *const *at = pb_resources; *at != resource; at++)
		kind++;
	Assert(kind < kinds + KINDS_MAX);
	if (kind->find.text != NULL || kind->has_below.text != NULL)
		return kind;
	before = MemoryContextSwitchTo(pb_sql_memory());
	if (is_purged(resource))
		make_own(kind, resource);
	if (resource->parent != NULL)
		make_below(kind, resource);
	MemoryContextSwitchTo(before);
	return kind;
}

static bool remove_all_below(const PbResource *resource, Datum org_id,
							 Datum id);

/* Removes the rows of a resource below a parent; false if some stay. */
static bool
remove_below(const PbResource *resource, Datum org_id, Datum parent_id)
{
	Kind	   *kind = kind_of(resource);
	const PbHooks *hooks = pb_hooks(resource);
	Datum		key[] = {org_id, parent_id};
	SPITupleTable *removed;
	uint64		count;

	if (pb_resource_has_none(resource, PB_BELOW, key))
		return true;
	count = pb_sql_run(&kind->remove_below, key, NULL);
	removed = SPI_tuptable;
	for (uint64 i = 0; i < count && is_purged(resource); i++)
	{
		Datum		row[REMOVED_COLUMNS];
		bool		nulls[REMOVED_COLUMNS];

		pb_sql_read(&kind->remove_below, removed, i, row, nulls);
		if (!remove_all_below(resource, org_id, row[OWN_ID]))
			return false;
		if (hooks->purge_host != NULL)
			(void) hooks->purge_host(row[HOST], org_id, row[PROJECT]);
	}
	return pb_table_stores_as_given(pb_stored(resource)) ||
		pb_sql_run(&kind->has_below, key, NULL) == 0;
}

static bool
remove_all_below(const PbResource *resource, Datum org_id, Datum id)
{
	for (const PbResource *const *child = pb_resources; *child != NULL;
		 child++)
		if ((*child)->parent == resource && !remove_below(*child, org_id, id))
			return false;
	return true;
}

/* What became of a row that was to be purged. */
typedef enum Outcome
{
	PURGED,
	LEFT,						/* another session has it, or has restored it,
								 * or it goes with its parent */
	VETOED						/* a trigger keeps it, or a row below it */
} Outcome;

/* Purges a row that is older, with all below it. */
static Outcome
purge_one(const PbResource *resource, Datum org_id, Datum id,
		  TimestampTz before)
{
	Kind	   *kind = kind_of(resource);
	const PbHooks *hooks = pb_hooks(resource);
	Datum		key[] = {org_id, id, TimestampTzGetDatum(before)};
	Datum		row[REMOVED_COLUMNS];
	bool		nulls[REMOVED_COLUMNS];

	CHECK_FOR_INTERRUPTS();
	if (!pb_sql_row(&kind->lock, key, NULL, row, nulls) ||
		(hooks->purge_host != NULL &&
		 !hooks->purge_host(row[HOST], org_id, row[PROJECT])))
		return LEFT;
	return remove_all_below(resource, org_id, id) &&
		pb_sql_run(&kind->remove, key, NULL) > 0 ? PURGED : VETOED;
}

/* Rows that were found to be old enough. */
typedef struct Batch
{
	const PbResource *resource;
	TimestampTz before;
	bool		rests;			/* now and then */
	PbPosition	end;			/* where the last of them stands */
	SPITupleTable *rows;
	int			count;
	int			purged;
} Batch;

/* Finds the oldest rows behind the place that was reached; false for none. */
static bool
find_batch(Kind *kind, Batch *batch, int most)
{
	PbPosition	begin = pb_sweep_begin(&kind->sweep);
	Datum		values[] = {
		TimestampTzGetDatum(batch->before), TimestampTzGetDatum(begin.first),
		UUIDPGetDatum(&begin.id), Int32GetDatum(most)
	};

	batch->count = (int) pb_sql_run(&kind->find, values, NULL);
	batch->rows = SPI_tuptable;
	batch->end = begin;
	batch->purged = 0;
	return batch->count > 0;
}

static double
milliseconds_passed(void)
{
	instr_time	now;

	INSTR_TIME_SET_CURRENT(now);
	INSTR_TIME_SUBTRACT(now, worked_since);
	return INSTR_TIME_GET_MILLISEC(now);
}

/*
 * Rests after some work. Without it a long purge would keep one processor
 * busy, and requests would wait for their turn on the others. A rest after
 * each thing was rejected: where nothing else runs, the transaction would
 * last seven times as long, and hold the feed back. API keys and metrics go by
 * one statement, in which there is no rest. The requests' own writes do not
 * rest either: they purge little, and somebody waits for their answers.
 */
static void
rest(void)
{
	double		end = milliseconds_passed() + delay;
	double		left = delay;

	if (delay == 0 || end - delay < WORKED_MAX)
		return;
	while (left > 0)
	{
		(void) WaitLatch(MyLatch,
						 WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 (long) ceil(left), PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
		left = end - milliseconds_passed();
	}
	INSTR_TIME_SET_CURRENT(worked_since);
}

/* Purges a batch; false at the first row that is vetoed. */
static bool
purge_batch(void *state)
{
	Batch	   *batch = state;
	PbStatement *find = &kind_of(batch->resource)->find;

	for (int i = 0; i < batch->count; i++)
	{
		Datum		row[FOUND_COLUMNS];
		bool		nulls[FOUND_COLUMNS];
		Outcome		outcome;

		pb_sql_read(find, batch->rows, i, row, nulls);
		outcome = purge_one(batch->resource, row[ORG], row[ID], batch->before);
		if (outcome == VETOED)
			return false;
		if (outcome == PURGED)
			batch->purged++;
		batch->end.first = DatumGetTimestampTz(row[DELETED]);
		batch->end.id = *DatumGetUUIDP(row[ID]);
		if (batch->rests)
			rest();
	}
	return true;
}

/* At most once an hour. */
static void
warn_of_objection(TimestampTz now)
{
	static TimestampTz warned_at = 0;

	if (now >= warned_at && now - warned_at < USECS_PER_HOUR)
		return;
	warned_at = now;
	ereport(WARNING,
			(errmsg("a trigger or a foreign key that was added to the tables of pgbeam keeps deleted rows from being purged"),
			 errdetail("Other deleted rows are purged, but not these."),
			 errhint("SELECT pgbeam.purge() raises the error that tells which it is.")));
}

/*
 * Purges a few rows of a resource in a subtransaction, and tells whether there
 * were any.
 */
static bool
sweep_some(const PbSqlScope *scope, const PbResource *resource,
		   TimestampTz now)
{
	Kind	   *kind = kind_of(resource);
	Batch		batch = {
		.resource = resource, .before = now - retention * USECS_PER_DAY
	};
	int			most = kind->careful > 0 ? 1 :
		pb_sweep_rows() / SWEEP_SHARE;
	ErrorData  *objection = NULL;

	if (!find_batch(kind, &batch, most))
		return false;
	if (kind->careful > 0)
		kind->careful--;
	if (!pb_sql_try_any(scope, purge_batch, &batch, &objection))
	{
		kind->careful = CAREFUL_SWEEPS;
		warn_of_objection(now);
	}
	pb_sweep_end(&kind->sweep, batch.end);
	return true;
}

/*
 * What a write purges, now and then. In other isolation levels than READ
 * COMMITTED it might fail, as rows may have changed since the snapshot.
 */
void
pb_purge_sweep(const PbSqlScope *scope)
{
	TimestampTz now;
	bool		found = false;

	if (retention == 0 || !pb_sweep_is_due(&turn, pb_random_number()) ||
		IsolationUsesXactSnapshot())
		return;
	now = GetCurrentTimestamp();
	for (const PbResource *const *at = pb_resources; *at != NULL; at++)
		if (is_purged(*at))
			found |= sweep_some(scope, *at, now);
	found |= pb_apikey_purge(now - retention * USECS_PER_DAY,
							 PB_SWEEP_ROWS) > 0;
	pb_sweep_found(&turn, found);
}

/*
 * Purges rows of a resource, at most so many; returns how many. Behind the
 * last row it begins anew, once, for rows that the session left there before.
 */
static int
purge_some(const PbResource *resource, TimestampTz before, int most)
{
	Kind	   *kind = kind_of(resource);
	Batch		batch = {
		.resource = resource, .before = before, .rests = true
	};
	bool		is_anew = false;
	int			purged = 0;

	while (purged < most)
	{
		if (!find_batch(kind, &batch, most - purged))
		{
			if (is_anew)
				break;
			pb_sweep_begin_anew(&kind->sweep);
			is_anew = true;
			continue;
		}
		if (!purge_batch(&batch))
			pb_sql_vetoed(resource->table);
		pb_sweep_end(&kind->sweep, batch.end);
		purged += batch.purged;
	}
	return purged;
}

/* Purges at most so many things that were deleted long enough ago. */
static int64
purge_deleted(int batch)
{
	TimestampTz before = GetCurrentTimestamp() - retention * USECS_PER_DAY;
	int			purged = 0;

	if (retention == 0)
		return 0;
	for (const PbResource *const *at = pb_resources; *at != NULL; at++)
		if (is_purged(*at))
			purged += purge_some(*at, before, batch - purged);
	return purged < batch ?
		purged + pb_apikey_purge(before, batch - purged) : purged;
}

/*
 * Purges at most so many things that are old enough; returns how many. None is
 * left if it returns 0, but for those that other sessions hold.
 */
int64
pb_purge(int batch)
{
	int64		purged;

	INSTR_TIME_SET_CURRENT(worked_since);
	purged = purge_deleted(batch);
	return purged < batch ? purged + pb_traffic_purge(batch - purged) : purged;
}
