/*
 * sql.c
 *	  Statements with kept plans, and the one error context of an entry point.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_proc.h"
#include "commands/extension.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "optimizer/planner.h"
#include "utils/float.h"
#include "utils/guc.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/plancache.h"
#include "utils/regproc.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "base/sql.h"
#include "base/state.h"

/* SQLSTATE class 23, integrity constraint violation */
#define IS_CLASS_23(code) \
	(ERRCODE_TO_CATEGORY(code) == ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION)

/*
 * Keeps the content of a request out of messages about it. A statement may
 * carry a password. The DETAIL of an error of class 23 prints the row, that of
 * a deadlock the statements.
 */
static void
hide_request(void *argument)
{
	errhidestmt(true);
	errhidecontext(true);
	if (IS_CLASS_23(geterrcode()))
		errdetail("The row is not shown, because it may hold a secret.");
	else if (geterrcode() == ERRCODE_T_R_DEADLOCK_DETECTED)
		errdetail_log("The statements are not shown, because they may hold a secret.");
}

/*
 * Reads the function's owner, who has the rights on the tables, and whether
 * the function is volatile: it then sees what the statement around it has
 * written so far.
 */
static void
enter(PbSqlScope *scope, Oid function)
{
	HeapTuple	row = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	Form_pg_proc form;

	if (!HeapTupleIsValid(row))
		elog(ERROR, "cache lookup failed for function %u", function);
	form = (Form_pg_proc) GETSTRUCT(row);
	scope->is_volatile = form->provolatile == PROVOLATILE_VOLATILE;
	SetUserIdAndSecContext(form->proowner, scope->security |
						   SECURITY_LOCAL_USERID_CHANGE);
	ReleaseSysCache(row);
}

/*
 * Opens what every statement needs, and switches to the owner of function, or
 * stays with the caller where function is InvalidOid. After an error no end is
 * needed: the server restores the user.
 *
 * SECURITY DEFINER was rejected, because it hides the caller: within such a
 * function only the session's role is known. That is a superuser when ANALYZE
 * runs the function of another role's index, or when a superuser calls another
 * role's function.
 */
void
pb_sql_begin(PbSqlScope *scope, Oid function)
{
	GetUserIdAndSecContext(&scope->caller, &scope->security);
	scope->is_volatile = true;
	scope->call = NULL;
	if (OidIsValid(function))
		enter(scope, function);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	scope->callback.callback = hide_request;
	scope->callback.arg = scope;
	scope->callback.previous = error_context_stack;
	error_context_stack = &scope->callback;
}

void
pb_sql_end(PbSqlScope *scope)
{
	error_context_stack = scope->callback.previous;
	if (SPI_finish() != SPI_OK_FINISH)
		elog(ERROR, "SPI_finish failed");
	SetUserIdAndSecContext(scope->caller, scope->security);
}

/*
 * Runs act between begin and end. Over HTTP an error that leaves act is told
 * in the words of state.c. That happens out here and not where the error is
 * raised: a trigger that handles an error of its own statements must see the
 * original SQLSTATE.
 */
void
pb_sql_call(PbSqlScope *scope, Oid function, bool http,
			void (*act) (void *state), void *state)
{
	MemoryContext memory = CurrentMemoryContext;

	pb_sql_begin(scope, function);
	scope->call = state;
	if (!http)
		act(state);
	else
	{
		PG_TRY();
		{
			act(state);
		}
		PG_CATCH();
		{
			pb_state_retell(memory);
			PG_RE_THROW();
		}
		PG_END_TRY();
	}
	pb_sql_end(scope);
}

/* The scope of the entry point that was entered last; NULL outside of all. */
const PbSqlScope *
pb_sql_innermost(void)
{
	const ErrorContextCallback *callback = error_context_stack;

	while (callback != NULL && callback->callback != hide_request)
		callback = callback->previous;
	return callback == NULL ? NULL : callback->arg;
}

/* Begins as the caller: should it be ended by mistake, their rights return. */
static void
begin_subtransaction(const PbSqlScope *scope)
{
	Oid			user;
	int			security;

	GetUserIdAndSecContext(&user, &security);
	SetUserIdAndSecContext(scope->caller, scope->security);
	BeginInternalSubTransaction(NULL);
	SetUserIdAndSecContext(user, security);
}

static bool
is_violation(int sqlstate)
{
	return sqlstate == ERRCODE_UNIQUE_VIOLATION;
}

/*
 * Whether an error is of what act did: not of somebody who cancels it, of
 * another transaction, or of memory, which ends all that follows too.
 */
static bool
is_own(int sqlstate)
{
	return sqlstate != ERRCODE_QUERY_CANCELED &&
		sqlstate != ERRCODE_OUT_OF_MEMORY &&
		ERRCODE_TO_CATEGORY(sqlstate) != ERRCODE_TRANSACTION_ROLLBACK;
}

/*
 * Runs act in a subtransaction. It is undone when act returns false, and when
 * act raises an error: a handler further out ends whatever subtransaction is
 * current, which must not be this one.
 *
 * Where error is not NULL, it takes an error of this kind, and the result is
 * false. Any other error goes on without an allocation, because memory may be
 * exhausted. What act allocates stays; rows that it has read do not.
 */
static bool
try(const PbSqlScope *scope, bool (*act) (void *state), void *state,
	bool (*is_kind) (int sqlstate), ErrorData **error)
{
	MemoryContext memory = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	int			level = GetCurrentTransactionNestLevel();
	volatile bool keep = false;
	Oid			user;
	int			security;

	GetUserIdAndSecContext(&user, &security);
	begin_subtransaction(scope);
	MemoryContextSwitchTo(memory);
	PG_TRY();
	{
		keep = act(state);
		if (keep)
			ReleaseCurrentSubTransaction();
		else
			RollbackAndReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		MemoryContext error_memory = CurrentMemoryContext;

		if (GetCurrentTransactionNestLevel() > level)
			RollbackAndReleaseCurrentSubTransaction();
		CurrentResourceOwner = owner;
		if (error == NULL || !is_kind(geterrcode()))
		{
			MemoryContextSwitchTo(error_memory);
			PG_RE_THROW();
		}
		MemoryContextSwitchTo(memory);
		*error = CopyErrorData();
		FlushErrorState();
		keep = false;
	}
	PG_END_TRY();
	SetUserIdAndSecContext(user, security);
	MemoryContextSwitchTo(memory);
	CurrentResourceOwner = owner;
	return keep;
}

/*
 * Takes a unique violation, where violation is not NULL: the caller recognizes
 * it, or raises it again.
 */
bool
pb_sql_try(const PbSqlScope *scope, bool (*act) (void *state), void *state,
		   ErrorData **violation)
{
	return try(scope, act, state, is_violation, violation);
}

/* Takes any error of what act did. */
bool
pb_sql_try_any(const PbSqlScope *scope, bool (*act) (void *state),
			   void *state, ErrorData **error)
{
	return try(scope, act, state, is_own, error);
}

static bool
is_of_name(char c)
{
	return isalnum((unsigned char) c) || c == '_';
}

/*
 * Whether the message names the index of a shard. Citus passes on what another
 * node has said, but of the names only those within the message.
 */
static bool
names_shard_of(const char *message, const char *index)
{
	const char *at = strstr(message, index);
	size_t		digits;

	if (at == NULL || at == message || is_of_name(at[-1]) ||
		at[strlen(index)] != '_')
		return false;
	at += strlen(index) + 1;
	digits = strspn(at, "0123456789");
	return digits > 0 && !is_of_name(at[digits]);
}

/*
 * Whether a unique violation is of this index of ours. Triggers may violate
 * other indexes, and users may have added some.
 */
bool
pb_sql_is_of(const ErrorData *violation, const char *index)
{
	if (violation->constraint_name == NULL)
		return pb_sql_may_be_distributed() && violation->message != NULL &&
			names_shard_of(violation->message, index);
	return violation->schema_name != NULL &&
		strcmp(violation->schema_name, "pgbeam") == 0 &&
		strcmp(violation->constraint_name, index) == 0;
}

/* The context of what lives as long as the backend. */
MemoryContext
pb_sql_memory(void)
{
	static MemoryContext context = NULL;

	if (context == NULL)
		context = AllocSetContextCreate(TopMemoryContext, "pgbeam",
										ALLOCSET_SMALL_SIZES);
	return context;
}

/* Begins the text of every statement, for people who watch the server. */
#define MARK "/* pgbeam */ "

static planner_hook_type next_planner = NULL;

/*
 * The addresses of the texts of our kept plans, which stay there until the
 * backend ends. By them our planner hook knows our statements. A user's
 * statement cannot have such an address, whatever its text is.
 *
 * The server may plan a kept plan again at any time, and nothing but its text
 * travels with it to the planner. So three other ways were rejected: SET on
 * our functions would also apply within users' triggers, hints need another
 * extension, and a mark within the text could be copied.
 */
static HTAB *kept_texts = NULL;

static bool
is_ours(const char *text)
{
	return kept_texts != NULL &&
		hash_search(kept_texts, &text, HASH_FIND, NULL) != NULL;
}

static void
note_as_ours(SPIPlanPtr kept)
{
	HASHCTL		control = {
		.keysize = sizeof(char *), .entrysize = sizeof(char *),
		.hcxt = pb_sql_memory()
	};
	const CachedPlanSource *source;

	if (kept_texts == NULL)
		kept_texts = hash_create("texts of pgbeam's plans", 128, &control,
								 HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	source = linitial(SPI_plan_get_plan_sources(kept));
	(void) hash_search(kept_texts, &source->query_string, HASH_ENTER, NULL);
}

/*
 * Plans our statements to walk along indexes in their order. A table that is
 * small when the plan is made may be very large when the plan is used, and
 * statistics may describe another kind of organization. No join of ours looks
 * for the same row twice, so a cache of what was found only costs. JIT is off,
 * because the disabled paths have enormous costs where no index fits, and
 * these would start the compiler.
 */
static PlannedStmt *
plan(Query *query, const char *text, int options, ParamListInfo parameters)
{
	static const char *const off[] = {
		"enable_seqscan", "enable_bitmapscan", "enable_sort", "enable_memoize",
		"jit"
	};
	planner_hook_type planner = next_planner != NULL ? next_planner :
	standard_planner;
	PlannedStmt *planned;
	int			level;

	if (!is_ours(text))
		return planner(query, text, options, parameters);
	level = NewGUCNestLevel();
	for (int i = 0; i < (int) lengthof(off); i++)
		(void) set_config_option(off[i], "off", PGC_USERSET, PGC_S_SESSION,
								 GUC_ACTION_SAVE, true, 0, false);
	planned = planner(query, text, options, parameters);
	AtEOXact_GUC(true, level);
	return planned;
}

static ExecutorRun_hook_type next_run = NULL;
static ExecutorFinish_hook_type next_finish = NULL;

/*
 * Takes SPI's callback off the stack of error contexts while a statement of
 * ours runs, and returns the stack as it was. The callback adds the text of
 * the statement to the context of an error. Behind two kilobytes of it, nobody
 * finds the line of their trigger that has failed.
 */
static ErrorContextCallback *
leave_out_text(const QueryDesc *query)
{
	ErrorContextCallback *stack = error_context_stack;

	if (stack != NULL && stack->previous != NULL &&
		stack->previous->callback == hide_request &&
		is_ours(query->sourceText))
		error_context_stack = stack->previous;
	return stack;
}

static void
run(QueryDesc *query, ScanDirection direction, uint64 count PB_ONCE_PARAMETER)
{
	ErrorContextCallback *stack = leave_out_text(query);

	if (next_run != NULL)
		next_run(query, direction, count PB_ONCE);
	else
		standard_ExecutorRun(query, direction, count PB_ONCE);
	error_context_stack = stack;
}

/* AFTER triggers are run here. */
static void
finish(QueryDesc *query)
{
	ErrorContextCallback *stack = leave_out_text(query);

	if (next_finish != NULL)
		next_finish(query);
	else
		standard_ExecutorFinish(query);
	error_context_stack = stack;
}

/* Grows with every change of a table that this backend hears of. */
static uint64 generation = 1;

static void
count_generation(Datum argument, Oid relation)
{
	generation++;
}

/*
 * What is known of a table's columns and triggers stays true while this number
 * stays the same. The backend learns of changes when a statement begins.
 */
uint64
pb_sql_generation(void)
{
	return generation;
}

/*
 * Makes the number grow, and once this transaction commits in all backends. It
 * is told once in a subtransaction: all that goes by the table is planned
 * again.
 */
void
pb_sql_tell_generation(const char *table)
{
	static TransactionId told_in = InvalidTransactionId;
	RangeVar   *name;

	generation++;
	if (told_in == GetCurrentTransactionId())
		return;
	told_in = GetCurrentTransactionId();
	name = makeRangeVarFromNameList(pb_qualified_name(table));
	CacheInvalidateRelcacheByRelid(RangeVarGetRelid(name, NoLock, false));
}

void
pb_sql_start(void)
{
	next_planner = planner_hook;
	planner_hook = plan;
	next_run = ExecutorRun_hook;
	ExecutorRun_hook = run;
	next_finish = ExecutorFinish_hook;
	ExecutorFinish_hook = finish;
	CacheRegisterRelcacheCallback(count_generation, (Datum) 0);
}

#define SETTING_OF_CITUS "citus.shard_count"

/*
 * Whether tables may be distributed over other servers, since Citus is loaded.
 * It is either loaded when the server starts or not at all. A setting that was
 * set for a library that is not there is a placeholder.
 */
bool
pb_sql_may_be_distributed(void)
{
	static int	answer = -1;

	if (answer < 0)
		answer = GetConfigOption(SETTING_OF_CITUS, true, false) != NULL &&
			(GetConfigOptionFlags(SETTING_OF_CITUS, true) &
			 GUC_CUSTOM_PLACEHOLDER) == 0;
	return answer == 1;
}

/* Whether Citus is also installed in this database. */
bool
pb_sql_is_distributed(void)
{
	return pb_sql_may_be_distributed() &&
		OidIsValid(get_extension_oid("citus", true));
}

/*
 * Every statement goes by an index, so that one plan fits all values. But not
 * where Citus plans: it chooses the server by the values, and the server
 * chooses between the kinds of plans by the costs that Citus tells.
 */
static int
plan_options(void)
{
	return pb_sql_may_be_distributed() ? 0 : CURSOR_OPT_GENERIC_PLAN;
}

static void
prepare(PbStatement *statement)
{
	SPIPlanPtr	kept;

	kept = SPI_prepare_cursor(psprintf(MARK "%s", statement->text),
							  statement->nargs,
							  unconstify(Oid *, statement->types),
							  plan_options());
	if (kept == NULL)
		elog(ERROR, "cannot prepare \"%s\": %s", statement->text,
			 SPI_result_code_string(SPI_result));
	if (SPI_keepplan(kept) != 0)
		elog(ERROR, "cannot keep the plan of \"%s\"", statement->text);
	note_as_ours(kept);
	statement->plan = kept;
	statement->rewritten_at = 0;
}

/*
 * Whether a plan may be stale that a rule has left nothing of. It depends on
 * no table any more, so the server would keep it when the rule is gone. The
 * old one is not freed: a trigger may have been called by it.
 */
static bool
may_be_stale(const PbStatement *statement)
{
	return statement->rewritten_at != 0 &&
		statement->rewritten_at != generation;
}

/* A column that was altered must not be read as what it was. */
static void
refuse_column(const PbStatement *statement, TupleDesc descriptor, int column)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATATYPE_MISMATCH),
			 errmsg("column \"%s\" is not as the extension made it",
					NameStr(TupleDescAttr(descriptor, column)->attname)),
			 errdetail("It is read by: %s", statement->text),
			 errhint("Undo the change of the table.")));
}

static void
require_types(const PbStatement *statement, TupleDesc descriptor)
{
	if (descriptor->natts != statement->nresults)
		elog(ERROR, "\"%s\" gives %d columns, not %d", statement->text,
			 descriptor->natts, statement->nresults);
	for (int i = 0; i < descriptor->natts; i++)
		if (TupleDescAttr(descriptor, i)->atttypid !=
			statement->results[i].type)
			refuse_column(statement, descriptor, i);
}

/*
 * The scope that runs statements now. It stands in the stack of error contexts
 * and nowhere else: an error skips pb_sql_end(), but its handler restores this
 * stack.
 */
static const PbSqlScope *
current_scope(void)
{
	if (error_context_stack == NULL ||
		error_context_stack->callback != hide_request)
		elog(ERROR, "a statement of pgbeam's is run outside of a call");
	return error_context_stack->arg;
}

#ifdef USE_ASSERT_CHECKING
/*
 * Whether each parameter without a value is marked as null. Libraries that log
 * parameters copy all others, and crash on a pointer to nothing.
 */
static bool
marks_nulls(const PbStatement *statement, const Datum *values,
			const char *nulls)
{
	for (int i = 0; i < statement->nargs; i++)
		if (values[i] == (Datum) 0 && (nulls == NULL || nulls[i] != 'n') &&
			!get_typbyval(statement->types[i]))
			return false;
	return true;
}
#endif

/*
 * Citus sends values to the nodes as text, spelt as the session wants it, and
 * the nodes read it by settings of their own. So another day might be stored
 * than is meant, and a number lose its last digits. Returns what ends the
 * spelling that all read alike; 0 where the session has it anyway.
 */
static int
begin_spelling(void)
{
	static const char *const settings[][2] = {
		{"DateStyle", "ISO"}, {"extra_float_digits", "1"}
	};
	int			level;

	if (!pb_sql_may_be_distributed() ||
		(DateStyle == USE_ISO_DATES && extra_float_digits > 0))
		return 0;
	level = NewGUCNestLevel();
	for (int i = 0; i < (int) lengthof(settings); i++)
		(void) set_config_option(settings[i][0], settings[i][1], PGC_USERSET,
								 PGC_S_SESSION, GUC_ACTION_SAVE, true, 0,
								 false);
	return level;
}

/*
 * The snapshot that a statement would read with; what was written so far is
 * seen as by a statement.
 */
Snapshot
pb_sql_snapshot(PbReading reading)
{
	if (reading == PB_SNAPSHOT && !current_scope()->is_volatile)
		return GetActiveSnapshot();
	CommandCounterIncrement();
	return GetTransactionSnapshot();
}

/*
 * Runs the statement and returns how many rows it gave or changed. Rows that
 * it gave stand in SPI_tuptable. nulls is NULL, or has 'n' for each null value
 * and ' ' for the others, as SPI wants it.
 */
uint64
pb_sql_run(PbStatement *statement, Datum *values, const char *nulls)
{
	int			spelling = begin_spelling();
	int			result;

	Assert(marks_nulls(statement, values, nulls));
	if (statement->plan == NULL || may_be_stale(statement))
		prepare(statement);
	if (statement->sees_all && IsolationUsesXactSnapshot())
		result = SPI_execute_snapshot(statement->plan, values, nulls,
									  GetLatestSnapshot(),
									  GetTransactionSnapshot(),
									  false, true, 0);
	else
		result = SPI_execute_plan(statement->plan, values, nulls,
								  statement->reads &&
								  !current_scope()->is_volatile, 0);
	if (spelling > 0)
		AtEOXact_GUC(true, spelling);
	if (result == SPI_OK_REWRITTEN)
		statement->rewritten_at = generation;
	if (result < 0)
		elog(ERROR, "cannot run \"%s\": %s", statement->text,
			 SPI_result_code_string(result));
	if (SPI_tuptable != NULL)
		require_types(statement, SPI_tuptable->tupdesc);
	return SPI_processed;
}

/*
 * Raises an error for a row that was not written although nothing of ours
 * prevented it. table may have a trigger that did.
 */
void
pb_sql_vetoed(const char *table)
{
	ereport(ERROR,
			(errcode(ERRCODE_TRIGGERED_ACTION_EXCEPTION),
			 errmsg("a row of %s was not written, though nothing stands in its way",
					table),
			 errhint("A BEFORE trigger on the table may have skipped it, or a unique index that was added to it; if there is neither, something was deleted at the same moment: try again.")));
}

/* Reads a row that a statement gave. Its values are not copied. */
void
pb_sql_read(const PbStatement *statement, const SPITupleTable *rows, uint64 i,
			Datum *row, bool *row_nulls)
{
	heap_deform_tuple(rows->vals[i], rows->tupdesc, row, row_nulls);
	for (int column = 0; column < statement->nresults; column++)
		if (row_nulls[column] && !statement->results[column].may_be_null)
			refuse_column(statement, rows->tupdesc, column);
}

/* Runs a statement that gives one row, or none: false. Reads the row. */
bool
pb_sql_row(PbStatement *statement, Datum *values, const char *nulls,
		   Datum *row, bool *row_nulls)
{
	uint64		count = pb_sql_run(statement, values, nulls);

	if (count == 0 || SPI_tuptable == NULL)
		return false;
	if (count > 1)
		elog(ERROR, "\"%s\" gave more than one row", statement->text);
	pb_sql_read(statement, SPI_tuptable, 0, row, row_nulls);
	return true;
}

/* Refuses an old snapshot; what is the beginning of the message. */
void
pb_sql_require_read_committed(const char *what)
{
	if (IsolationUsesXactSnapshot())
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TRANSACTION_STATE),
				 errmsg("%s at isolation level READ COMMITTED", what),
				 errhint("Begin the transaction with ISOLATION LEVEL READ COMMITTED, or set default_transaction_isolation.")));
}

/* Runs a statement without parameters. Names in the text must be quoted. */
void
pb_sql_utility(const char *text)
{
	int			result = SPI_execute(text, false, 0);

	if (result != SPI_OK_UTILITY)
		elog(ERROR, "cannot run \"%s\": %s", text,
			 SPI_result_code_string(result));
}
