/*
 * sweep.c
 *	  Unit test of src/base/sweep.c: where the sweeps of a backend go on, after
 *	  transactions that were committed, undone, or forgotten by the server.
 *
 * What sweep.c takes from the server stands here, in a few lines.
 */
#include "postgres.h"

#include "access/transam.h"
#include "access/xact.h"

#include "base/sql.h"
#include "base/sweep.h"

/* check.h has these by other means */
#undef lengthof
#undef printf
#undef vprintf
#undef snprintf
#undef sprintf
#undef vsnprintf
#include "check.h"

#define ANEW_EVERY 4
#define REMEMBERED 10000000

static bool is_distributed = false;
static TransactionId current = 1000;
static bool is_running = true;
static bool was_committed = false;
static int	questions = 0;

bool
pb_sql_may_be_distributed(void)
{
	return is_distributed;
}

TransactionId
GetCurrentTransactionId(void)
{
	return current;
}

bool
TransactionIdIsCurrentTransactionId(TransactionId xid)
{
	return is_running && xid == current;
}

bool
TransactionIdDidCommit(TransactionId xid)
{
	questions++;
	return was_committed;
}

FullTransactionId
ReadNextFullTransactionId(void)
{
	return FullTransactionIdFromEpochAndXid(0, current + 1);
}

/* The running transaction ends, and the next one begins. */
static void
end(bool commits)
{
	is_running = false;
	was_committed = commits;
}

static void
begin(TransactionId xid)
{
	current = xid;
	is_running = true;
}

static void
sweep_to(PbSweep *sweep, int64 first)
{
	PbPosition	position = {.first = first};

	(void) pb_sweep_begin(sweep);
	pb_sweep_end(sweep, position);
}

static void
test_within_a_transaction(void)
{
	PbSweep		sweep = {.pause = 0};

	CHECK(pb_sweep_begin(&sweep).first == 0, "the first sweep");
	CHECK(pb_sweep_begin(&sweep).first == 0, "nothing was deleted");
	sweep_to(&sweep, 10);
	CHECK(pb_sweep_begin(&sweep).first == 10, "the same transaction");
}

static void
test_after_a_commit(void)
{
	PbSweep		sweep = {.pause = 0};

	sweep_to(&sweep, 10);
	end(true);
	begin(current + 1);
	questions = 0;
	CHECK(pb_sweep_begin(&sweep).first == 10, "what was committed stays");
	CHECK(pb_sweep_begin(&sweep).first == 10, "once more");
	CHECK(questions == 1, "the server is asked once, not %d times", questions);
}

static void
test_after_a_rollback(void)
{
	PbSweep		sweep = {.pause = 0};

	sweep_to(&sweep, 10);
	end(true);
	begin(current + 1);
	sweep_to(&sweep, 20);
	end(false);
	begin(current + 1);
	CHECK(pb_sweep_begin(&sweep).first == 10, "what was undone is there again");
}

/* The server may have thrown away what it knew of an old transaction. */
static void
test_much_later(void)
{
	PbSweep		sweep = {.pause = 0};

	sweep_to(&sweep, 10);
	end(true);
	begin(current + REMEMBERED + 1);
	questions = 0;
	CHECK(pb_sweep_begin(&sweep).first == 0, "begins at the beginning");
	CHECK(questions == 0, "the server is not asked");
}

static void
test_anew(void)
{
	PbSweep		sweep = {.beginning.first = -5, .anew_every = ANEW_EVERY};

	CHECK(pb_sweep_begin(&sweep).first == -5, "the first sweep");
	pb_sweep_end(&sweep, (PbPosition) {.first = 10});
	for (int i = 1; i < ANEW_EVERY; i++)
		CHECK(pb_sweep_begin(&sweep).first == 10, "sweep %d", i);
	CHECK(pb_sweep_begin(&sweep).first == -5, "anew");
	CHECK(pb_sweep_begin(&sweep).first == -5, "the old end is forgotten");
	pb_sweep_end(&sweep, (PbPosition) {.first = 10});
	sweep.pause = ANEW_EVERY;
	for (int i = 0; i < ANEW_EVERY; i++)
		CHECK(!pb_sweep_is_due(&sweep, 0), "left out");
	CHECK(pb_sweep_is_due(&sweep, 0) && pb_sweep_begin(&sweep).first == -5,
		  "anew after those that were left out");
}

/* To all nodes there are fewer sweeps, of as many rows. */
static void
test_distributed(void)
{
	PbSweep		sweep = {0};
	int			due = 0;

	CHECK(pb_sweep_rows() == 64, "%d rows on one server", pb_sweep_rows());
	is_distributed = true;
	for (uint64 random = 0; random < 102400; random++)
		due += pb_sweep_is_due(&sweep, random);
	CHECK(due == 100, "%d of 102400", due);
	CHECK(pb_sweep_rows() == 4096, "%d rows", pb_sweep_rows());
	is_distributed = false;
}

static void
test_how_often(void)
{
	static const int expected[] = {100, 50, 25, 12, 6, 6, 100};
	PbSweep		sweep = {0};

	for (int i = 0; i < (int) (sizeof(expected) / sizeof(expected[0])); i++)
	{
		int			due = 0;

		sweep.left_out = 0;
		for (uint64 random = 0; random < 1600; random++)
			due += pb_sweep_is_due(&sweep, random);
		CHECK(due == expected[i], "%d of 1600 after %d in vain", due, i);
		pb_sweep_found(&sweep, i == 5);
	}
}

int
main(void)
{
	test_within_a_transaction();
	test_after_a_commit();
	test_after_a_rollback();
	test_much_later();
	test_anew();
	test_how_often();
	test_distributed();
	return report("sweep");
}
