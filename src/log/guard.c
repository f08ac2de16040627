/*
 * guard.c
 *	  Keeps requests out of the server's log: the hook that every message to it
 *	  passes, and the settings that do the same, less well, for a role.
 *
 * What is logged before and after our functions run is the server's own: the
 * statement, its parameters, a piece of JSON that was no JSON. The hook lets
 * none of it through once anything in sight names the schema, an API key or
 * the headers of a request. It looks at text alone, never at a catalog, for it
 * runs in every process, and when memory has run out.
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
#include "log/sight.h"

#define SCHEMA "pgbeam"

/* Of the statement of a process that crashed the server logs no more. */
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
 * Whether the user has the schema's name, as which "$user" stands in a path. A
 * function of theirs that is SECURITY DEFINER is known by what it calls.
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

/* Whether a name without a schema may be ours. */
static bool
has_schema_in_path(void)
{
	return strstr(namespace_search_path, SCHEMA) != NULL ||
		(strstr(namespace_search_path, "$user") != NULL && is_user_named_so());
}

/* Whether what the session runs may be a request. */
static bool
runs_request(void)
{
	return pb_sight_has_request() ||
		pb_sight_names_request(debug_query_string) || has_schema_in_path();
}

/*
 * Whether this process runs statements for somebody. Some is logged of them
 * when they have ended, so that they are not known any more.
 */
static bool
is_session(void)
{
	return MyProcPort != NULL || debug_query_string != NULL ||
		pb_sight_has_request();
}

/*
 * The statements of other processes that a message tells are cut, and the name
 * may be in what is missing.
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

/* What holds no statement is left, and loses the rest. */
static void
strip(ErrorData *message)
{
	message->hide_stmt = true;
	drop(&message->detail);
}

/*
 * A hook may keep a message out of the log, but not change it for the log
 * alone: the client is yet to get it. So one of the same level goes there.
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

/* By the text domain of who raised it, which no SQL can choose. */
static bool
is_own(const ErrorData *message)
{
	return message->domain != NULL && strcmp(message->domain, TEXTDOMAIN) == 0;
}

/* Whether a message may show what a request holds. */
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

/* Neither the log nor the client is told in which statement it came up. */
static void
drop_context(ErrorData *message)
{
	drop(&message->context);
	drop(&message->internalquery);
	message->internalpos = 0;
}

/* Nothing of it goes into the log, but that there was something. */
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
 * Ours hold nothing of a request's, but may be raised outside of the context
 * that hides where.
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
 * Workers of other libraries tell what they have others run, and the errors
 * that came of it: what the server did not log of a session, they would. The
 * session's own message stands in the log anyway.
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

/* The postmaster and its like tell of statements in details alone. */
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

/* Nothing here may fail where the message itself would not have. */
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

/* Tells the truth to whoever asks; later sessions are told by the check. */
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
	pb_sight_start();
	next_hook = emit_log_hook;
	emit_log_hook = guard;
}

/* The profile for whatever the role does in sessions to come. */
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
