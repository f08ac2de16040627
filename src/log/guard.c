/*
 * guard.c
 *	  Keeps requests out of the server's log: a hook that every message passes,
 *	  and settings that do the same for a role, less well.
 *
 * Before and after our functions run, the server itself logs parts of a
 * request: the statement, its parameters, a piece of invalid JSON. The hook
 * withholds all of this as soon as anything at hand names the schema, an API
 * key or the headers of a request. It reads text alone and never a catalog,
 * because it runs in every process, and also when memory is exhausted.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "miscadmin.h"
#include "postmaster/bgworker.h"
#include "tcop/tcopprot.h"
#include "utils/backend_status.h"
#include "utils/builtins.h"
#include "utils/guc.h"

#include "base/sql.h"
#include "log/guard.h"
#include "log/mention.h"
#include "log/watch.h"

#define SCHEMA "pgbeam"

/* The server logs no more than this of the statement of a crashed process. */
#define CRASHED_MAX 1024

static bool log_guard = false;
static bool is_preloaded = false;
static emit_log_hook_type next_hook = NULL;

static const char substitute[] = "withheld by pgbeam.log_guard (SQLSTATE %s)";
static int	substitute_level;

const PbLogSetting pb_guard_profile[] = {
	{"log_statement", "none", true,
	"statements are logged, with literals and parameters"},
	{"log_min_duration_statement", "-1", true,
	"slow statements are logged, with literals and parameters"},
	{"log_min_duration_sample", "-1", true,
	"a sample of statements is logged, with literals and parameters"},
	{"log_transaction_sample_rate", "0", true,
	"the statements of a sample of transactions are logged"},
	{"log_parameter_max_length", "0", true,
	"statements that are logged show their parameters"},
	{"log_parameter_max_length_on_error", "0", true,
	"errors show parameters, to the log and to the client"},
	{"log_min_error_statement", "panic", true,
	"statements that fail are logged, with literals"},
	{"log_error_verbosity", "terse", true,
	"errors in JSON are logged with a piece of it as context"},
	{"log_statement_stats", "off", true,
	"statistics are logged with the statement"},
	{"log_parser_stats", "off", true,
	"statistics are logged with the statement"},
	{"log_planner_stats", "off", true,
	"statistics are logged with the statement"},
	{"log_executor_stats", "off", true,
	"statistics are logged with the statement"},
	{"debug_print_parse", "off", true,
	"literals are logged as parts of the query's tree"},
	{"debug_print_rewritten", "off", true,
	"literals are logged as parts of the query's tree"},
	{"debug_print_plan", "off", true,
	"literals are logged as parts of the plan"},
	{"auto_explain.log_min_duration", "-1", true,
	"plans are logged, with literals and with parameters folded into them"},
	{"pgaudit.log", "none", true,
	"statements are audited into the log"},
	{"pgaudit.log_parameter", "off", true,
	"audited statements show their parameters"},
	{"pgaudit.role", "", true,
	"statements on some tables are audited into the log"},
	{"pg_stat_statements.track_utility", "off", false,
	"literals in DO, DECLARE, COPY, EXPLAIN and CREATE TABLE AS are kept in a file"},
	{0}
};

/*
 * Whether the user has the name of the schema: "$user" in a search path stands
 * for it then. Their SECURITY DEFINER functions are known by what they call.
 */
static bool
is_user_named_so(void)
{
	static const char *const settings[] = {"session_authorization", "role"};

	for (size_t i = 0; i < lengthof(settings); i++)
	{
		const char *name = GetConfigOption(settings[i], true, false);

		if (name != NULL && strcmp(name, SCHEMA) == 0)
			return true;
	}
	return false;
}

/* Whether a name without a schema may mean one of ours. */
static bool
has_schema_in_path(void)
{
	return strstr(namespace_search_path, SCHEMA) != NULL ||
		(strstr(namespace_search_path, "$user") != NULL && is_user_named_so());
}

/* Whether the session may be running a request. */
static bool
runs_request(void)
{
	return pb_watch_has_request() ||
		pb_watch_names_request(debug_query_string) || has_schema_in_path();
}

/*
 * Whether this process runs statements of clients or libraries. The server
 * logs some of it after they have ended, when nothing tells what they were.
 */
static bool
is_session(void)
{
	return MyProcPort != NULL || debug_query_string != NULL ||
		pb_watch_has_request();
}

/*
 * Messages cut the statements of other processes, and the name may be in the
 * part that is missing.
 */
static bool
is_cut(const char *text)
{
	return text != NULL && strlen(text) >=
		(size_t) Min(pgstat_track_activity_query_size, CRASHED_MAX) - 1;
}

static void
drop(char **text)
{
	if (*text != NULL)
		pfree(*text);
	*text = NULL;
}

/* A message that holds no statement passes, without its other fields. */
static void
strip(ErrorData *message)
{
	message->hide_stmt = true;
	drop(&message->detail);
}

/*
 * The hook can keep a message out of the log, but cannot change it for the log
 * alone: the client is still to get it. So another message of the same level
 * goes to the log.
 */
static void
log_substitute(ErrorData *message)
{
	ErrorContextCallback *callbacks = error_context_stack;

	message->output_to_server = false;
	substitute_level = message->elevel;
	error_context_stack = NULL; /* which tells what is withheld */
	HOLD_INTERRUPTS();
	ereport(LOG_SERVER_ONLY,
			(errcode(message->sqlerrcode),
			 errmsg_internal(substitute,
							 unpack_sql_state(message->sqlerrcode)),
			 errhidestmt(true), errhidecontext(true)));
	RESUME_INTERRUPTS();
	error_context_stack = callbacks;
}

/* Whether we raised it. It has our text domain, which no SQL can choose. */
static bool
is_own(const ErrorData *message)
{
	return message->domain != NULL && strcmp(message->domain, TEXTDOMAIN) == 0;
}

/* Whether a message may show something of a request. */
static bool
tells_request(const ErrorData *message)
{
	return runs_request() ||
		pb_mention_request(message->message) ||
		pb_mention_request(message->detail) ||
		pb_mention_request(message->hint) ||
		pb_mention_request(message->internalquery) ||
		(!message->hide_ctx && pb_mention_request(message->context));
}

/* Neither the log nor the client learns which statement it came from. */
static void
drop_context(ErrorData *message)
{
	drop(&message->context);
	drop(&message->internalquery);
	message->internalpos = 0;
}

/* The log learns only that there was a message. */
static void
withhold(ErrorData *message)
{
	drop_context(message);
	if (message->elevel >= FATAL || in_error_recursion_trouble())
		strip(message);
	else
		log_substitute(message);
}

/*
 * Our own messages hold nothing of a request. But some are raised outside of
 * the error context that hides the statement.
 */
static void
guard_session(ErrorData *message)
{
	bool		is_request = tells_request(message);

	if (!is_own(message))
	{
		if (is_request)
			withhold(message);
	}
	else if (is_request || (message->hide_stmt && message->hide_ctx))
	{
		message->hide_stmt = true;
		drop_context(message);
	}
}

/*
 * Workers of other libraries log the statements that they have sessions run,
 * and the errors of these: they would log what the guard withheld from the
 * session. The session's own message is in the log anyway.
 */
static bool
tells_of_session(const ErrorData *message)
{
	return MyBgworkerEntry != NULL &&
		strcmp(MyBgworkerEntry->bgw_library_name, "postgres") != 0 &&
		message->message != NULL &&
		(pb_mention_request(message->message) ||
		 strstr(message->message, "ERROR: ") != NULL);
}

/* The postmaster and its helpers show statements in details alone. */
static void
guard_server(ErrorData *message)
{
	if (!is_own(message) && tells_of_session(message))
	{
		withhold(message);
		return;
	}
	if (pb_mention_request(message->detail) || is_cut(message->detail))
		drop(&message->detail);
	if (pb_mention_request(message->context))
		drop(&message->context);
}

/* The hook must not fail where the message alone would not. */
static void
guard(ErrorData *message)
{
	if (message->message_id == substitute)
		message->elevel = substitute_level;
	else if (log_guard)
	{
		if (pb_mention_request(message->detail_log) ||
			is_cut(message->detail_log))
			drop(&message->detail_log);
		if (is_session())
			guard_session(message);
		else
			guard_server(message);
	}
	if (message->output_to_server && next_hook != NULL)
		next_hook(message);
}

/* The setting shows off where it has no effect, and a WARNING says why. */
static bool
check_log_guard(bool *value, void **extra, GucSource source)
{
	if (!*value || is_preloaded)
		return true;
	if (IsTransactionState())
		ereport(WARNING,
				(errmsg("pgbeam.log_guard has no effect without preloading"),
				 errhint("Add pgbeam to shared_preload_libraries and restart the server.")));
	*value = false;
	return true;
}

void
pb_guard_define_settings(void)
{
	is_preloaded = process_shared_preload_libraries_in_progress;
	DefineCustomBoolVariable("pgbeam.log_guard",
							 "Keeps statements and parameters that name the schema pgbeam out of the log.",
							 "Works where pgbeam is in shared_preload_libraries.",
							 &log_guard, false, PGC_SIGHUP, 0,
							 check_log_guard, NULL, NULL);
}

void
pb_guard_start(void)
{
	if (!is_preloaded)
		return;
	pb_watch_start();
	next_hook = emit_log_hook;
	emit_log_hook = guard;
}

/* Sets the profile for all later sessions of the role. */
void
pb_guard_set_profile(Oid role)
{
	const char *name = quote_identifier(GetUserNameFromId(role, false));
	const PbLogSetting *setting;

	for (setting = pb_guard_profile; setting->name != NULL; setting++)
		pb_sql_utility(psprintf("ALTER ROLE %s SET %s = %s", name,
								setting->name,
								quote_literal_cstr(setting->value)));
}
