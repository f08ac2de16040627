/*
 * statistics.c
 *	  Counts the calls of the operations, where the library is preloaded.
 *
 * The counters are atomic numbers in shared memory. A call adds to four of
 * them, and takes no lock. To write rows was rejected for its cost, and
 * because a call that is undone would not be counted. A restart of the server
 * begins anew.
 */
#include "postgres.h"

#include "port/atomics.h"
#include "portability/instr_time.h"

#include "base/shared.h"
#include "http/statistics.h"

#define REFUSALS (PB_UNAVAILABLE + 1)

/* in microseconds; a call that took longer is in the last bucket */
static const int bounds[] = {
	500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 1000000,
	5000000
};

#define BUCKETS (lengthof(bounds) + 1)

/* Each operation's counters, and those of what names no operation. */
typedef struct Counters
{
	pg_atomic_uint64 ended[REFUSALS];	/* calls, by how they were answered */
	pg_atomic_uint64 buckets[BUCKETS];	/* calls, by how long they took */
	pg_atomic_uint64 microseconds;
} Counters;

#define NO_OPERATION PB_OPERATIONS

typedef struct Table
{
	pg_atomic_uint64 begun;
	pg_atomic_uint64 rewrapped; /* 1 when there is a number of secrets */
	pg_atomic_uint64 secrets_left;
	char		apart[PG_CACHE_LINE_SIZE];
	Counters	counters[PB_OPERATIONS + 1];
} Table;

static Table *table = NULL;

static Size
table_size(void)
{
	return sizeof(Table);
}

static void
start_all(pg_atomic_uint64 *counters, int count)
{
	for (int i = 0; i < count; i++)
		pg_atomic_init_u64(&counters[i], 0);
}

static void
start_memory(void)
{
	pg_atomic_init_u64(&table->begun, 0);
	pg_atomic_init_u64(&table->rewrapped, 0);
	pg_atomic_init_u64(&table->secrets_left, 0);
	for (int i = 0; i <= NO_OPERATION; i++)
	{
		start_all(table->counters[i].ended, REFUSALS);
		start_all(table->counters[i].buckets, BUCKETS);
		pg_atomic_init_u64(&table->counters[i].microseconds, 0);
	}
}

static PbShared shared = {
	.name = "pgbeam statistics", .size = table_size,
	.memory = (void **) &table, .start = start_memory
};

void
pb_statistics_start(void)
{
	pb_shared_ask(&shared);
}

/* A call begins. */
void
pb_statistics_begin(instr_time *begun)
{
	if (table == NULL)
		return;
	INSTR_TIME_SET_CURRENT(*begun);
	(void) pg_atomic_fetch_add_u64(&table->begun, 1);
}

static int
place_of(const PbOperation *operation)
{
	return operation >= pb_operations &&
		operation < pb_operations + PB_OPERATIONS ?
		(int) (operation - pb_operations) : NO_OPERATION;
}

static int
bucket_of(uint64 microseconds)
{
	int			bucket = 0;

	while (bucket < (int) lengthof(bounds) &&
		   microseconds > (uint64) bounds[bucket])
		bucket++;
	return bucket;
}

/*
 * A call has been answered. One that an error ends is begun, but never ended.
 * operation is NULL, or none of the list, for a request of no operation.
 */
void
pb_statistics_end(const PbOperation *operation, const PbFaults *faults,
				  const instr_time *begun)
{
	instr_time	elapsed;
	Counters   *counters;
	uint64		microseconds;

	if (table == NULL)
		return;
	INSTR_TIME_SET_CURRENT(elapsed);
	INSTR_TIME_SUBTRACT(elapsed, *begun);
	microseconds = INSTR_TIME_GET_MICROSEC(elapsed);
	counters = &table->counters[place_of(operation)];
	(void) pg_atomic_fetch_add_u64(&counters->ended[faults->refusal], 1);
	(void) pg_atomic_fetch_add_u64(&counters->buckets[bucket_of(microseconds)],
								   1);
	(void) pg_atomic_fetch_add_u64(&counters->microseconds, microseconds);
}

/* rewrap() has said how many secrets are left: that is its progress. */
void
pb_statistics_rewrapped(int64 left)
{
	if (table == NULL)
		return;
	pg_atomic_write_u64(&table->secrets_left, (uint64) left);
	pg_atomic_write_u64(&table->rewrapped, 1);
}

static const char *
code_of(int refusal)
{
	const PbFaults faults = {.refusal = refusal};

	return refusal == PB_ACCEPTED ? "OK" : pb_fault_code(&faults);
}

/* Several kinds of refusals may have one code. */
static uint64
count_of_code(Counters *counters, const char *code)
{
	uint64		count = 0;

	for (int i = 0; i < REFUSALS; i++)
		if (strcmp(code_of(i), code) == 0)
			count += pg_atomic_read_u64(&counters->ended[i]);
	return count;
}

static bool
has_earlier(int refusal)
{
	for (int i = 0; i < refusal; i++)
		if (strcmp(code_of(i), code_of(refusal)) == 0)
			return true;
	return false;
}

static void
tell_calls(const char *name, Counters *counters, PbStatisticsAdd add,
		   void *state)
{
	for (int i = 0; i < REFUSALS; i++)
	{
		uint64		count = count_of_code(counters, code_of(i));

		if (count > 0 && !has_earlier(i))
			add(state, "pgbeam_calls_total",
				psprintf("{\"operation\": \"%s\", \"code\": \"%s\"}", name,
						 code_of(i)), (double) count);
	}
}

/* Buckets of such a histogram include all that are smaller. */
static void
tell_times(const char *name, Counters *counters, PbStatisticsAdd add,
		   void *state)
{
	uint64		count = 0;

	for (int i = 0; i < (int) BUCKETS; i++)
	{
		const char *bound = i == (int) lengthof(bounds) ? "+Inf" :
			psprintf("%g", bounds[i] / 1e6);

		count += pg_atomic_read_u64(&counters->buckets[i]);
		add(state, "pgbeam_call_seconds_bucket",
			psprintf("{\"operation\": \"%s\", \"le\": \"%s\"}", name, bound),
			(double) count);
	}
	add(state, "pgbeam_call_seconds_sum",
		psprintf("{\"operation\": \"%s\"}", name),
		pg_atomic_read_u64(&counters->microseconds) / 1e6);
	add(state, "pgbeam_call_seconds_count",
		psprintf("{\"operation\": \"%s\"}", name), (double) count);
}

static bool
was_called(Counters *counters)
{
	for (int i = 0; i < REFUSALS; i++)
		if (pg_atomic_read_u64(&counters->ended[i]) > 0)
			return true;
	return false;
}

/*
 * Tells all counters of operations that were called. Calls end meanwhile, so
 * numbers may differ by these.
 */
void
pb_statistics_tell(PbStatisticsAdd add, void *state)
{
	if (table == NULL)
		return;
	add(state, "pgbeam_calls_begun_total", "{}",
		(double) pg_atomic_read_u64(&table->begun));
	if (pg_atomic_read_u64(&table->rewrapped) > 0)
		add(state, "pgbeam_rewrap_secrets_left", "{}",
			(double) pg_atomic_read_u64(&table->secrets_left));
	for (int i = 0; i <= NO_OPERATION; i++)
	{
		Counters   *counters = &table->counters[i];
		const char *name = i == NO_OPERATION ? "none" : pb_operations[i].name;

		if (!was_called(counters))
			continue;
		tell_calls(name, counters, add, state);
		tell_times(name, counters, add, state);
	}
}
