/*
 * sql.c
 *	  Statements with kept plans, and the one error context of an entry point.
 *
 * Generated statements live in the context "pgbeam" below TopMemoryContext
 * until the backend ends, kept plans where the server keeps them. Rows live in
 * SPI's context, until pb_sql_end().
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/pg_proc.h"
#include "miscadmin.h"
#include "optimizer/planner.h"
#include "utils/guc.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/plancache.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "base/sql.h"
#include "base/state.h"

/* SQLSTATE class 23, integrity constraint violation */
#define IS_CLASS_23(code) \
	(ERRCODE_TO_CATEGORY(code) == ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION)

/*
 * Keeps what a request holds out of messages about it: the statement may
 * carry a password, the DETAIL of class 23 prints the row, that of a deadlock
 * the statements.
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
 * The rights on the tables are those of the function's owner; what it reads is
 * as its declaration says: a volatile one sees what the statement around it
 * has written so far.
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
 * Opens what every statement needs, and goes on as the owner of function, or
 * as the caller where that is InvalidOid. An error needs no matching end: the
 * server gives the user back.
 *
 * SECURITY DEFINER would do the same, but hide who calls: within it only the
 * session's role is known, which is a superuser when ANALYZE runs the function
 * of somebody's index, or a superuser somebody's function.
 */
void
pb_sql_begin(PbSqlScope *scope, Oid function)
{
	GetUserIdAndSecContext(&scope->caller, &scope->security);
	scope->is_volatile = true;
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
 * Runs act between begin and end. Over HTTP an error that leaves it is told as
 * the states' table has it: here, so that a trigger that handles an error of
 * what it does itself knows it by its own SQLSTATE.
 */
void
pb_sql_call(PbSqlScope *scope, Oid function, bool http,
			void (*act) (void *state), void *state)
{
	MemoryContext memory = CurrentMemoryContext;

	pb_sql_begin(scope, function);
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

/* Whether an entry point is on the way here. */
bool
pb_sql_is_inside(void)
{
	const ErrorContextCallback *callback = error_context_stack;

	while (callback != NULL && callback->callback != hide_request)
		callback = callback->previous;
	return callback != NULL;
}

/* As the caller, who gets his own rights from whoever ends it by mistake. */
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

/*
 * Runs act in a subtransaction, which is undone when act says false, and when
 * it raises an error: whoever catches that further out ends the subtransaction
 * that is current, which must not be this one. A unique violation is false as
 * well where violation, which takes it, is not NULL: the caller knows it for
 * theirs, or raises it again. What act allocates stays; rows that it has read
 * do not. Nothing is allocated on the way of another error, which may be that
 * there is no memory.
 */
bool
pb_sql_try(const PbSqlScope *scope, bool (*act) (void *state), void *state,
		   ErrorData **violation)
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
		if (violation == NULL || geterrcode() != ERRCODE_UNIQUE_VIOLATION)
		{
			MemoryContextSwitchTo(error_memory);
			PG_RE_THROW();
		}
		MemoryContextSwitchTo(memory);
		*violation = CopyErrorData();
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
 * Whether a unique violation is of this index of ours, and not of one that a
 * trigger met on its way, or that was added.
 */
bool
pb_sql_is_of(const ErrorData *violation, const char *index)
{
	return violation->schema_name != NULL &&
		violation->constraint_name != NULL &&
		strcmp(violation->schema_name, "pgbeam") == 0 &&
		strcmp(violation->constraint_name, index) == 0;
}

/* Where what a backend keeps for its life is allocated. */
MemoryContext
pb_sql_memory(void)
{
	static MemoryContext context = NULL;

	if (context == NULL)
		context = AllocSetContextCreate(TopMemoryContext, "pgbeam",
										ALLOCSET_SMALL_SIZES);
	return context;
}

/* Begins the text of every statement, for whoever watches. */
#define MARK "/* pgbeam */ "

static planner_hook_type next_planner = NULL;

/*
 * Where the texts of our kept plans stand, as long as the backend lives. That
 * is the mark by which the planner knows a statement of ours: a backend makes
 * it up as it goes, and no statement of a user's has it, whatever it begins
 * with. Of a kept plan, which may be made again at any time, nothing but its
 * text reaches the planner. (Settings on our functions would reach into users'
 * triggers, hints are another extension's, a word in the text can be copied.)
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
 * Plans a statement of ours as a walk along indexes in their order: what is a
 * small table when a plan is made, or one whose statistics are of another
 * organization's kind, may be a very large one when it is used. Where there is
 * no such index, what that is said to cost must not start the compiler.
 */
static PlannedStmt *
plan(Query *query, const char *text, int options, ParamListInfo parameters)
{
	static const char *const off[] = {
		"enable_seqscan", "enable_bitmapscan", "enable_sort", "jit"
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

void
pb_sql_start(void)
{
	next_planner = planner_hook;
	planner_hook = plan;
}

static void
prepare(PbStatement *statement)
{
	SPIPlanPtr	kept;

	/* Every statement is a look-up or a write by key: one plan fits all. */
	kept = SPI_prepare_cursor(psprintf(MARK "%s", statement->text),
							  statement->nargs,
							  unconstify(Oid *, statement->types),
							  CURSOR_OPT_GENERIC_PLAN);
	if (kept == NULL)
		elog(ERROR, "cannot prepare \"%s\": %s", statement->text,
			 SPI_result_code_string(SPI_result));
	if (SPI_keepplan(kept) != 0)
		elog(ERROR, "cannot keep the plan of \"%s\"", statement->text);
	note_as_ours(kept);
	statement->plan = kept;
}

/* Columns of a table that was altered are not taken for what they were. */
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
 * The call that runs statements now. An error leads past pb_sql_end(), and its
 * handler sets the stack right, so that it is kept nowhere else.
 */
static const PbSqlScope *
current_scope(void)
{
	if (error_context_stack == NULL ||
		error_context_stack->callback != hide_request)
		elog(ERROR, "a statement of pgbeam's is run outside of a call");
	return error_context_stack->arg;
}

/*
 * Runs the statement and returns how many rows it gave or touched; they stand
 * in SPI_tuptable. Nulls is NULL, or as SPI has it: 'n' for each null value.
 */
uint64
pb_sql_run(PbStatement *statement, Datum *values, const char *nulls)
{
	int			result;

	if (statement->plan == NULL)
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
	if (result < 0)
		elog(ERROR, "cannot run \"%s\": %s", statement->text,
			 SPI_result_code_string(result));
	if (SPI_tuptable != NULL)
		require_types(statement, SPI_tuptable->tupdesc);
	return SPI_processed;
}

/*
 * For a row that was not written though nothing stood in its way; table is
 * where a trigger would stand.
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

/* Reads one of the rows that a statement gave; its values stay in them. */
void
pb_sql_read(const PbStatement *statement, const SPITupleTable *rows, uint64 i,
			Datum *row, bool *row_nulls)
{
	heap_deform_tuple(rows->vals[i], rows->tupdesc, row, row_nulls);
	for (int column = 0; column < statement->nresults; column++)
		if (row_nulls[column] && !statement->results[column].may_be_null)
			refuse_column(statement, rows->tupdesc, column);
}

/* Runs a statement that gives one row, which is read, or none: false. */
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

/* For what must see all that was committed before; what begins the message. */
void
pb_sql_require_read_committed(const char *what)
{
	if (IsolationUsesXactSnapshot())
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TRANSACTION_STATE),
				 errmsg("%s at isolation level READ COMMITTED", what),
				 errhint("Begin the transaction with ISOLATION LEVEL READ COMMITTED, or set default_transaction_isolation.")));
}

/* Runs a statement that takes no parameters; names in the text are quoted. */
void
pb_sql_utility(const char *text)
{
	int			result = SPI_execute(text, false, 0);

	if (result != SPI_OK_UTILITY)
		elog(ERROR, "cannot run \"%s\": %s", text,
			 SPI_result_code_string(result));
}
