/*
 * watch.c
 *	  Watches what a process runs: whether it is a request, or leads to one.
 *
 * The text of the client's statement does not tell. It may execute a prepared
 * statement, fetch from a cursor, read a view, or write to a table with a
 * trigger.
 *
 * A function counts as a request when it is one of the schema's, except those
 * for TypeIDs, or when its body names one. The watch notices a request when
 *	  - a query with such a function is planned, started or continued,
 *	  - such a function is made ready to be called, by any caller,
 *	  - a prepared statement with such a function is executed,
 *	  - a table that has such a function as a trigger is written to; where only
 *		a partition has the trigger, when the trigger fires.
 * The request counts until the client's next message. It counts until the end
 * of the transaction where the client's statement does not name it, or where
 * the call is within a function. For PL/pgSQL makes its expressions ready only
 * once a transaction, and the server logs some of a message that runs a portal
 * before anything runs.
 *
 * The watch keeps the times at which the message and the transaction began. So
 * nothing has to announce their end, which an error would skip.
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/transam.h"
#include "access/xact.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_aggregate.h"
#include "catalog/pg_proc.h"
#include "commands/prepare.h"
#include "executor/executor.h"
#include "fmgr.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/planner.h"
#include "parser/parsetree.h"
#include "storage/ipc.h"
#include "tcop/pquery.h"
#include "tcop/tcopprot.h"
#include "tcop/utility.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "base/sql.h"
#include "log/mention.h"
#include "log/watch.h"

#define SCHEMA "pgbeam"

/* What is known of a function, which plans name by a hash. */
typedef struct Verdict
{
	uint32		function;		/* hash of its key in pg_proc */
	bool		is_request;
	bool		is_stale;		/* it was changed afterwards */
} Verdict;

static HTAB *verdicts = NULL;

/* The beginnings of the last message and transaction with a request. */
static TimestampTz message_seen = DT_NOBEGIN;
static TimestampTz transaction_seen = DT_NOBEGIN;

/* Whether the session has prepared a statement with a request. */
static bool has_prepared = false;

static planner_hook_type next_planner = NULL;
static ExecutorStart_hook_type next_start = NULL;
static ExecutorRun_hook_type next_run = NULL;
static ProcessUtility_hook_type next_utility = NULL;
static object_access_hook_type next_access = NULL;
static needs_fmgr_hook_type next_needs = NULL;
static fmgr_hook_type next_call = NULL;

static bool is_request(Oid function);
static bool find_request(Node *node, void *context);

/* An aggregate has no body; its functions count. */
static bool
aggregates_request(Oid aggregate)
{
	HeapTuple	row = SearchSysCache1(AGGFNOID, ObjectIdGetDatum(aggregate));
	Form_pg_aggregate form;
	bool		found;

	if (!HeapTupleIsValid(row))
		return false;
	form = (Form_pg_aggregate) GETSTRUCT(row);
	found = is_request(form->aggtransfn) || is_request(form->aggfinalfn) ||
		is_request(form->aggmtransfn) || is_request(form->aggminvtransfn) ||
		is_request(form->aggmfinalfn) || is_request(form->aggcombinefn) ||
		is_request(form->aggserialfn) || is_request(form->aggdeserialfn);
	ReleaseSysCache(row);
	return found;
}

/* Judges a function outside the schema by its body. */
static bool
calls_request(HeapTuple row)
{
	bool		is_null;
	Datum		body;

	body = SysCacheGetAttr(PROCOID, row, Anum_pg_proc_prosqlbody, &is_null);
	if (!is_null)
		return find_request(stringToNode(TextDatumGetCString(body)), NULL);
	body = SysCacheGetAttr(PROCOID, row, Anum_pg_proc_prosrc, &is_null);
	return !is_null && pb_mention_call(TextDatumGetCString(body));
}

static bool
judge(Oid function)
{
	HeapTuple	row = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	Form_pg_proc form;
	const char *schema;
	bool		found;

	if (!HeapTupleIsValid(row))
		return false;
	form = (Form_pg_proc) GETSTRUCT(row);
	schema = get_namespace_name(form->pronamespace);
	if (schema != NULL && strcmp(schema, SCHEMA) == 0)
		found = strncmp(NameStr(form->proname), "typeid", 6) != 0;
	else if (form->prokind == PROKIND_AGGREGATE)
		found = aggregates_request(function);
	else
		found = calls_request(row);
	ReleaseSysCache(row);
	return found;
}

static bool
is_request(Oid function)
{
	Verdict    *verdict;
	uint32		key;
	bool		is_known;

	if (function < FirstNormalObjectId)
		return false;
	key = GetSysCacheHashValue1(PROCOID, ObjectIdGetDatum(function));
	verdict = hash_search(verdicts, &key, HASH_ENTER, &is_known);
	if (is_known && !verdict->is_stale)
		return verdict->is_request;
	/* The verdict for a body that calls itself, and after an error. */
	verdict->is_request = true;
	verdict->is_stale = false;
	verdict->is_request = judge(function);
	return verdict->is_request;
}

/*
 * When a function has changed its verdict stays, for older plans: a cursor may
 * still run one. The hash 0 stands for all functions.
 */
static void
age_verdicts(Datum argument, int cache, uint32 function)
{
	HASH_SEQ_STATUS scan;
	Verdict    *verdict;

	if (function != 0)
	{
		verdict = hash_search(verdicts, &function, HASH_FIND, NULL);
		if (verdict != NULL)
			verdict->is_stale = true;
		return;
	}
	hash_seq_init(&scan, verdicts);
	while ((verdict = hash_seq_search(&scan)) != NULL)
		verdict->is_stale = true;
}

static bool
has_request_trigger(Relation relation)
{
	const TriggerDesc *triggers = relation->trigdesc;

	for (int i = 0; triggers != NULL && i < triggers->numtriggers; i++)
		if (is_request(triggers->triggers[i].tgfoid))
			return true;
	return false;
}

/* Whether a write fires a request. The table is locked already. */
static bool
fires_request(Index table, List *tables)
{
	Relation	relation;
	bool		fires;

	relation = RelationIdGetRelation(rt_fetch(table, tables)->relid);
	if (!RelationIsValid(relation))
		return false;
	fires = has_request_trigger(relation);
	RelationClose(relation);
	return fires;
}

static bool
writes_request(const Query *query)
{
	return query->resultRelation != 0 &&
		fires_request(query->resultRelation, query->rtable);
}

static bool
is_request_called(Oid function, void *context)
{
	return is_request(function);
}

/* Walks a tree that parse analysis or rewriting has made. */
static bool
find_request(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (check_functions_in_node(node, is_request_called, NULL))
		return true;
	if (!IsA(node, Query))
		return expression_tree_walker(node, find_request, context);
	return writes_request((Query *) node) ||
		query_tree_walker((Query *) node, find_request, context, 0);
}

/*
 * A plan lists the functions whose change would invalidate it, and the tables
 * that it writes to.
 */
static bool
is_request_plan(const PlannedStmt *plan)
{
	ListCell   *cell;

	foreach(cell, plan->invalItems)
	{
		const PlanInvalItem *item = lfirst(cell);
		const Verdict *verdict;

		if (item->cacheId != PROCOID)
			continue;
		verdict = hash_search(verdicts, &item->hashValue, HASH_FIND, NULL);
		if (verdict != NULL && verdict->is_request)
			return true;
	}
	foreach(cell, plan->resultRelations)
		if (fires_request(lfirst_int(cell), plan->rtable))
			return true;
	return false;
}

/* Whether the text of a statement names a request. */
bool
pb_watch_names_request(const char *statement)
{
	return pb_mention_request(statement) ||
		(has_prepared && pb_mention_execute(statement));
}

/* Whether a call comes from a function that a portal runs. */
static bool
is_within_function(void)
{
	return ActivePortal != NULL && ActivePortal->status == PORTAL_ACTIVE &&
		pb_sql_innermost() == NULL;
}

static void
see(void)
{
	message_seen = GetCurrentStatementStartTimestamp();
}

/* Notices a request that the next messages may not show again. */
static void
see_all(bool is_within)
{
	see();
	if (transaction_seen != GetCurrentTransactionStartTimestamp() &&
		(is_within || !pb_watch_names_request(debug_query_string)))
		transaction_seen = GetCurrentTransactionStartTimestamp();
}

/* Whether the process runs a request. While it exits it runs nothing. */
bool
pb_watch_has_request(void)
{
	return !proc_exit_inprogress &&
		(message_seen == GetCurrentStatementStartTimestamp() ||
		 transaction_seen == GetCurrentTransactionStartTimestamp());
}

/* Planning may already evaluate what the client has sent. */
static PlannedStmt *
plan(Query *query, const char *text, int options, ParamListInfo parameters)
{
	if (find_request((Node *) query, NULL))
		see_all(false);
	return (next_planner != NULL ? next_planner : standard_planner)
		(query, text, options, parameters);
}

/* A kept plan is not planned again. */
static void
start(QueryDesc *query, int flags)
{
	if (is_request_plan(query->plannedstmt))
		see_all(false);
	(next_start != NULL ? next_start : standard_ExecutorStart) (query, flags);
}

/* A cursor goes on in a later message. */
static void
run(QueryDesc *query, ScanDirection direction, uint64 count PB_ONCE_PARAMETER)
{
	if (is_request_plan(query->plannedstmt))
		see();
	(next_run != NULL ? next_run : standard_ExecutorRun)
		(query, direction, count PB_ONCE);
}

/* PL/pgSQL evaluates some expressions without a plan. */
static void
reach(ObjectAccessType event, Oid catalog, Oid object, int part, void *rest)
{
	if (event == OAT_FUNCTION_EXECUTE && is_request(object))
		see_all(is_within_function());
	if (next_access != NULL)
		next_access(event, catalog, object, part, rest);
}

/*
 * Any other call: by a trigger, an operator or a cast. A call in a plan was
 * noticed before.
 */
static void
see_called(Oid function)
{
	if (message_seen != GetCurrentStatementStartTimestamp() &&
		is_request(function))
		see_all(false);
}

/* The server asks this for functions without SET and SECURITY DEFINER. */
static bool
needs(Oid function)
{
	see_called(function);
	return next_needs != NULL && next_needs(function);
}

/* The server calls this for functions that have one of these. */
static void
call(FmgrHookEventType event, FmgrInfo *function, Datum *rest)
{
	if (event == FHET_START)
		see_called(function->fn_oid);
	if (next_call != NULL)
		next_call(event, function, rest);
}

static bool
is_request_prepared(const char *name)
{
	const PreparedStatement *statement = FetchPreparedStatement(name, false);
	const CachedPlanSource *source;

	if (statement == NULL)
		return false;
	source = statement->plansource;
	return pb_mention_request(source->query_string) ||
		find_request((Node *) source->query_list, NULL);
}

static bool
is_request_call(const CallStmt *call)
{
	return find_request((Node *) call->funcexpr, NULL);
}

/* COPY reads its input, which may be logged, before a trigger fires. */
static bool
copies_to_request(const CopyStmt *copy)
{
	Relation	relation;
	bool		fires;

	if (!copy->is_from || copy->relation == NULL)
		return false;
	relation = relation_openrv_extended(copy->relation, AccessShareLock, true);
	if (relation == NULL)
		return false;
	fires = has_request_trigger(relation);
	relation_close(relation, NoLock);
	return fires;
}

/* Whether a utility command runs a request itself, without a plan. */
static bool
is_request_utility(const Node *command)
{
	const Node *query = NULL;

	switch (nodeTag(command))
	{
		case T_ExecuteStmt:
			return is_request_prepared(((const ExecuteStmt *) command)->name);
		case T_CallStmt:
			return is_request_call((const CallStmt *) command);
		case T_CopyStmt:
			return copies_to_request((const CopyStmt *) command);
		case T_ExplainStmt:
			query = ((const ExplainStmt *) command)->query;
			break;
		case T_CreateTableAsStmt:
			query = ((const CreateTableAsStmt *) command)->query;
			break;
		default:
			break;
	}
	return query != NULL && IsA(query, Query) &&
		((const Query *) query)->utilityStmt != NULL &&
		is_request_utility(((const Query *) query)->utilityStmt);
}

static void
utility(PlannedStmt *statement, const char *text, bool is_read_only,
		ProcessUtilityContext context, ParamListInfo parameters,
		QueryEnvironment *environment, DestReceiver *receiver,
		QueryCompletion *completion)
{
	const Node *command = statement->utilityStmt;
	const char *prepared = IsA(command, PrepareStmt) ?
	((const PrepareStmt *) command)->name : NULL;

	if (is_request_utility(command))
		see();
	(next_utility != NULL ? next_utility : standard_ProcessUtility)
		(statement, text, is_read_only, context, parameters, environment,
		 receiver, completion);
	if (prepared != NULL && is_request_prepared(prepared))
		has_prepared = true;
}

static void
make_verdicts(void)
{
	HASHCTL		control = {
		.keysize = sizeof(uint32),
		.entrysize = sizeof(Verdict),
		.hcxt = TopMemoryContext
	};

	verdicts = hash_create("pgbeam verdicts", 128, &control,
						   HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	CacheRegisterSyscacheCallback(PROCOID, age_verdicts, (Datum) 0);
}

/* Starts the watch in every process, like the log guard. */
void
pb_watch_start(void)
{
	make_verdicts();
	next_planner = planner_hook;
	planner_hook = plan;
	next_start = ExecutorStart_hook;
	ExecutorStart_hook = start;
	next_run = ExecutorRun_hook;
	ExecutorRun_hook = run;
	next_utility = ProcessUtility_hook;
	ProcessUtility_hook = utility;
	next_access = object_access_hook;
	object_access_hook = reach;
	next_needs = needs_fmgr_hook;
	needs_fmgr_hook = needs;
	next_call = fmgr_hook;
	fmgr_hook = call;
}
