/*
 * horizon.c
 *	  Up to which transaction changes are readable: all before it have ended.
 *
 * On one server its snapshot tells. The tables may be distributed by Citus,
 * though. A transaction that has written on several nodes ends here first, and
 * its rows become visible on each node when that node is told. Between the
 * two, or until the node can be reached again, the transaction is prepared
 * there. A reader who went past it would never get its changes. So the nodes
 * are asked, after the snapshot was taken and before rows are read.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/xid8.h"

#include "base/sql.h"
#include "feed/horizon.h"

#define SNAPSHOT(end) \
	"pg_catalog.pg_snapshot_" end "(pg_catalog.pg_current_snapshot())"

static const PbResult ends_results[] = {{XID8OID, false}, {XID8OID, false}};

static PbStatement ends = {
	.text = "SELECT " SNAPSHOT("xmin") ", " SNAPSHOT("xmax"),
	.nresults = lengthof(ends_results), .results = ends_results,
	.reads = true
};

/*
 * Citus keeps a record of each prepared transaction that was committed, until
 * a while after its node has heard of it.
 */
static PbStatement any_record = {
	.text = "SELECT 1 FROM pg_catalog.pg_dist_transaction LIMIT 1",
	.nresults = 1, .results = (const PbResult[]) {{INT4OID, false}},
	.reads = true
};

/* the columns of pending */
enum
{
	SUCCESS, RESULT, GID, XID, COLUMNS
};

static const PbResult pending_results[COLUMNS] = {
	[SUCCESS] = {BOOLOID, false}, [RESULT] = {TEXTOID, true},
	[GID] = {TEXTOID, true}, [XID] = {XIDOID, true}
};

/* What is prepared on a node though it was committed here. */
static PbStatement pending = {
	.text = "SELECT n.success, n.result, t.gid, t.xmin "
	"FROM pg_catalog.run_command_on_all_nodes("
	"'SELECT pg_catalog.json_agg(gid) FROM pg_catalog.pg_prepared_xacts "
	"WHERE database OPERATOR(pg_catalog.=) pg_catalog.current_database()') AS n "
	"LEFT JOIN pg_catalog.pg_dist_transaction AS t "
	"ON t.gid OPERATOR(pg_catalog.=) ANY (ARRAY("
	"SELECT pg_catalog.json_array_elements_text(CASE WHEN n.success "
	"THEN nullif(n.result, '')::pg_catalog.json END)))",
	.nresults = COLUMNS, .results = pending_results, .reads = true
};

/* The transaction before next that has these low bits. */
static FullTransactionId
widen(TransactionId xid, FullTransactionId next)
{
	uint32		epoch = EpochFromFullTransactionId(next);

	if (xid > XidFromFullTransactionId(next))
		epoch--;
	return FullTransactionIdFromEpochAndXid(epoch, xid);
}

static void
require_answer(const Datum values[COLUMNS], const bool nulls[COLUMNS])
{
	if (DatumGetBool(values[SUCCESS]))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_CONNECTION_FAILURE),
			 errmsg("a node of Citus cannot be asked which transactions are prepared"),
			 nulls[RESULT] ? 0 :
			 errdetail("It says: %s", TextDatumGetCString(values[RESULT])),
			 errhint("Changes can be read when all nodes are there again.")));
}

static void
stay_before_pending(PbHorizon *horizon)
{
	uint64		count = pb_sql_run(&pending, NULL, NULL);

	for (uint64 i = 0; i < count; i++)
	{
		Datum		values[COLUMNS];
		bool		nulls[COLUMNS];
		FullTransactionId xid;

		pb_sql_read(&pending, SPI_tuptable, i, values, nulls);
		require_answer(values, nulls);
		if (nulls[XID])
			continue;
		xid = widen(DatumGetTransactionId(values[XID]), horizon->xmax);
		if (FullTransactionIdFollowsOrEquals(xid, horizon->xmin))
			continue;
		horizon->xmin = xid;
		horizon->prepared = TextDatumGetCString(values[GID]);
	}
}

/*
 * A node has a snapshot of its own. In other isolation levels than READ
 * COMMITTED it is as old as the transaction's first look at that node, and
 * nothing tells what was prepared there at that moment.
 */
void
pb_horizon_find(PbHorizon *horizon)
{
	Datum		values[lengthof(ends_results)];
	bool		nulls[lengthof(ends_results)];

	(void) pb_sql_row(&ends, NULL, NULL, values, nulls);
	horizon->xmin = DatumGetFullTransactionId(values[0]);
	horizon->xmax = DatumGetFullTransactionId(values[1]);
	horizon->prepared = NULL;
	if (!pb_sql_is_distributed())
		return;
	pb_sql_require_read_committed("distributed changes can be read only");
	if (pb_sql_run(&any_record, NULL, NULL) > 0)
		stay_before_pending(horizon);
}
