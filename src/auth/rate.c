/*
 * rate.c
 *	  How many requests a caller may make: token buckets in shared memory.
 *
 * The table has a fixed size, so that memory is bounded. A caller's bucket is
 * in one of the few slots of a set. Where other callers have all of them, the
 * new one takes over the bucket that will be full soonest. The caller who
 * loses it will begin with a full one again, and gains the least by that.
 *
 * A rollback does not give back what was taken, and a restart fills all
 * buckets.
 *
 * Without shared_preload_libraries there is no shared memory and no limit.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "portability/instr_time.h"
#include "storage/lwlock.h"
#include "utils/guc.h"

#include "auth/rate.h"
#include "base/crypt.h"
#include "base/shared.h"

#define SLOTS 8					/* in a set */
#define LOCKS 64
#define TRANCHE "pgbeam rate limit"

/* A request, in the unit that a rate of 1 fills in a microsecond. */
#define REQUEST INT64CONST(1000000)

#define RATE_MAX 1000000
#define BURST_MAX 1000000

/* microseconds in which the slowest rate fills the largest bucket */
#define LONGEST_FILL (BURST_MAX * REQUEST)

typedef struct Bucket
{
	uint64		owner;			/* 0: nobody's */
	uint64		filled_at;		/* microseconds of the clock below */
	uint64		full_at;		/* when it will be full; after a refusal,
								 * counted as if it were empty */
	int64		level;
} Bucket;

typedef struct Table
{
	uint8_t		hash_key[PB_HASH_KEY_BYTES];
	int			sets;
	LWLockPadded *locks;
	Bucket		buckets[FLEXIBLE_ARRAY_MEMBER];
} Table;

static Table *table = NULL;
static int	callers;
static int	rates[PB_METERS];
static int	bursts[PB_METERS];
static char *address_header;

static int
count_sets(void)
{
	return Max(callers / SLOTS, 1);
}

static Size
table_size(void)
{
	return offsetof(Table, buckets) +
		(Size) count_sets() * SLOTS * sizeof(Bucket);
}

static void
start_memory(void)
{
	pb_random(table->hash_key, sizeof(table->hash_key));
	table->sets = count_sets();
	table->locks = GetNamedLWLockTranche(TRANCHE);
}

static PbShared shared = {
	.name = TRANCHE, .size = table_size, .locks = LOCKS,
	.memory = (void **) &table, .start = start_memory
};

void
pb_rate_define_settings(void)
{
	DefineCustomIntVariable("pgbeam.rate_limit",
							"Requests a second that a caller may make over HTTP; 0: no limit.",
							"Counts only where the library is preloaded.",
							&rates[PB_PER_CALLER], 0, 0, RATE_MAX,
							PGC_SIGHUP, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("pgbeam.rate_burst",
							"Requests that a caller may make at once.",
							NULL, &bursts[PB_PER_CALLER], 200, 1, BURST_MAX,
							PGC_SIGHUP, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("pgbeam.address_rate_limit",
							"Requests a second that may come from an address, counted before the credential is checked; 0: no limit.",
							NULL, &rates[PB_PER_ADDRESS], 0, 0, RATE_MAX,
							PGC_SIGHUP, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("pgbeam.address_rate_burst",
							"Requests that may come from an address at once.",
							NULL, &bursts[PB_PER_ADDRESS], 400, 1, BURST_MAX,
							PGC_SIGHUP, 0, NULL, NULL, NULL);
	DefineCustomStringVariable("pgbeam.address_header",
							   "Header in which the HTTP layer passes the client's address; empty: none.",
							   "It must be one that a client cannot set.",
							   &address_header, "", PGC_SIGHUP, 0,
							   NULL, NULL, NULL);
	if (process_shared_preload_libraries_in_progress)
		DefineCustomIntVariable("pgbeam.rate_limit_callers",
								"Callers and addresses that are counted at the same time.",
								NULL, &callers, 16384, SLOTS, 16777216,
								PGC_POSTMASTER, 0, NULL, NULL, NULL);
	pb_shared_ask(&shared);
}

/* The header with the client's address; empty: none. */
const char *
pb_rate_address_header(void)
{
	return address_header;
}

/* Whether requests are counted. Addresses are only if a header has them. */
bool
pb_rate_is_on(void)
{
	return table != NULL &&
		(rates[PB_PER_CALLER] > 0 ||
		 (rates[PB_PER_ADDRESS] > 0 && address_header[0] != '\0'));
}

static uint64
owner_of(PbMeter meter, const char *kind, const char *id, int id_length)
{
	char		name[64 + 4 * 255];
	int			length = snprintf(name, 64, "%d %s ", (int) meter, kind);
	int			taken = Min(id_length, (int) sizeof(name) - length);
	uint64		hash;

	memcpy(name + length, id, taken);
	hash = pb_hash(table->hash_key, name, length + taken);
	return hash == 0 ? 1 : hash;
}

/* The owner's bucket, or the one that they take over, filled. */
static Bucket *
find_bucket(Bucket *set, uint64 owner, uint64 now, int64 full)
{
	Bucket	   *fullest = &set[0];

	for (int i = 0; i < SLOTS; i++)
	{
		if (set[i].owner == owner)
			return &set[i];
		if (set[i].full_at < fullest->full_at)
			fullest = &set[i];
	}
	*fullest = (Bucket) {owner, now, now, full};
	return fullest;
}

/* A clock that all backends share and that is never set back. */
static uint64
now_in_microseconds(void)
{
	instr_time	now;

	INSTR_TIME_SET_CURRENT(now);
	return INSTR_TIME_GET_MICROSEC(now);
}

/* now may be in the past: another backend with a later time came first. */
static void
fill(Bucket *bucket, uint64 now, int rate, int64 full)
{
	int64		elapsed;

	if (now <= bucket->filled_at)
		return;
	elapsed = Min(now - bucket->filled_at, LONGEST_FILL);
	bucket->level = Min(bucket->level + elapsed * rate, full);
	bucket->filled_at = now;
}

static int
seconds_for(int64 amount, int rate)
{
	int64		second = REQUEST * rate;

	return amount <= 0 ? 0 : (int) ((amount + second - 1) / second);
}

static void
tell(const Bucket *bucket, int rate, int64 full, PbBudget *budget)
{
	budget->burst = full / REQUEST;
	budget->remaining = bucket->level / REQUEST;
	budget->window = seconds_for(full, rate);
	budget->full_in = seconds_for(full - bucket->level, rate);
	budget->next_in = seconds_for(REQUEST - bucket->level, rate);
}

/*
 * Takes one request from the bucket that kind and id name; false when it is
 * empty.
 */
bool
pb_rate_take(PbMeter meter, const char *kind, const char *id, int id_length,
			 PbBudget *budget)
{
	int			rate = rates[meter];
	int64		full = bursts[meter] * REQUEST;
	uint64		now = now_in_microseconds();
	uint64		owner;
	int			set;
	LWLock	   *lock;
	Bucket	   *bucket;
	bool		taken;

	memset(budget, 0, sizeof(*budget));
	if (table == NULL || rate == 0)
		return true;
	owner = owner_of(meter, kind, id, id_length);
	set = owner % table->sets;
	lock = &table->locks[set % LOCKS].lock;
	LWLockAcquire(lock, LW_EXCLUSIVE);
	bucket = find_bucket(&table->buckets[(Size) set * SLOTS], owner, now,
						 full);
	fill(bucket, now, rate, full);
	taken = bucket->level >= REQUEST;
	if (taken)
		bucket->level -= REQUEST;
	bucket->full_at = now + (taken ? full - bucket->level : full) / rate;
	tell(bucket, rate, full, budget);
	LWLockRelease(lock);
	return taken;
}
