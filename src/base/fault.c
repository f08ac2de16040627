/*
 * fault.c
 *	  Kinds of refusal, the list of problems, and what they become: an error,
 *	  the API's envelope, or a problem document (RFC 9457).
 */
#include "postgres.h"

#include "utils/guc.h"

#include "base/fault.h"
#include "base/json.h"
#include "base/text.h"

#define NAME_SHOWN_MAX 64
#define ERRORS_DOCUMENTED "https://pgbeam.com/docs/api/errors/"

/* The API's code and HTTP status; the SQLSTATE is PT and the status. */
static const struct
{
	const char *code;
	int			status;
}			kinds[] =
{
	[PB_ACCEPTED] = {"", 200},
	[PB_INVALID_INPUT] = {"INVALID_INPUT", 400},
	[PB_UNAUTHORIZED] = {"UNAUTHORIZED", 401},
	[PB_FORBIDDEN] = {"FORBIDDEN", 403},
	[PB_PLAN_LIMIT_REACHED] = {"PLAN_LIMIT_REACHED", 403},
	[PB_NOT_FOUND] = {"NOT_FOUND", 404},
	[PB_METHOD_NOT_ALLOWED] = {"METHOD_NOT_ALLOWED", 405},
	[PB_RESOURCE_EXISTS] = {"RESOURCE_EXISTS", 409},
	[PB_INVALID_STATE] = {"INVALID_STATE", 409},
	[PB_IDEMPOTENCY_KEY_REUSED] = {"IDEMPOTENCY_KEY_REUSED", 409},
	[PB_PRECONDITION_FAILED] = {"PRECONDITION_FAILED", 412},
	[PB_PAYLOAD_TOO_LARGE] = {"PAYLOAD_TOO_LARGE", 413},
	[PB_UNSUPPORTED_MEDIA_TYPE] = {"UNSUPPORTED_MEDIA_TYPE", 415},
	[PB_RATE_LIMITED] = {"RATE_LIMITED", 429},
	[PB_NOT_IMPLEMENTED] = {"NOT_IMPLEMENTED", 501},
	[PB_READ_ONLY] = {"SERVICE_UNAVAILABLE", 503},
	[PB_UNAVAILABLE] = {"SERVICE_UNAVAILABLE", 503},
};

static void
append_path(StringInfo out, const PbPath *path)
{
	if (path->up != NULL)
		append_path(out, path->up);
	if (path->name == NULL)
		appendStringInfo(out, "[%d]", path->index);
	else
	{
		if (out->len > 0)
			appendStringInfoChar(out, '.');
		appendStringInfoString(out, path->name);
	}
}

/* The name that a client gave a member, as messages may show it. */
const char *
pb_path_name(const char *name, int length)
{
	return length <= NAME_SHOWN_MAX && pb_text_is_name(name, length) ?
		pnstrdup(name, length) : "(a member)";
}

/* Adds the problem that a member breaks a rule: "<path> <rule>". */
void
pb_fault_problem(PbFaults *faults, const PbPath *path, const char *rule,
				 const char *hint)
{
	PbProblem  *problem;
	StringInfoData text;

	faults->refusal = PB_INVALID_INPUT;
	if (faults->count++ >= PB_PROBLEMS_MAX)
		return;
	problem = &faults->problems[faults->count - 1];
	initStringInfo(&text);
	append_path(&text, path);
	problem->field = pstrdup(text.data);
	appendStringInfo(&text, " %s", rule);
	problem->detail = text.data;
	problem->hint = hint;
}

/* A refusal that no member causes. The message must hold no client text. */
void
pb_fault_set(PbFaults *faults, PbRefusal refusal, const char *message,
			 const char *hint)
{
	faults->refusal = refusal;
	faults->count = 1;
	faults->problems[0] = (PbProblem) {NULL, message, hint};
}

/* Refuses what another object has already; an error in SQL tells the value. */
void
pb_fault_taken(PbFaults *faults, const char *column, Datum value,
			   const char *message, const char *hint)
{
	pb_fault_set(faults, PB_RESOURCE_EXISTS, message, hint);
	faults->column = column;
	faults->name = value;
}

/* Refuses for what the server lacks; an error in SQL has a code of its own. */
void
pb_fault_unavailable(PbFaults *faults, int sqlstate, const char *message,
					 const char *hint)
{
	pb_fault_set(faults, PB_UNAVAILABLE, message, hint);
	faults->sqlstate = sqlstate;
}

/* The API's code of the refusal. */
const char *
pb_fault_code(const PbFaults *faults)
{
	return kinds[faults->refusal].code;
}

/* The HTTP status of the refusal. */
int
pb_fault_status(const PbFaults *faults)
{
	return kinds[faults->refusal].status;
}

/*
 * Tells the operator, in the server's log, why a credential is refused. The
 * client does not learn it.
 */
void
pb_fault_log_refusal(const char *what, const char *reason)
{
	if (log_min_messages <= DEBUG1)
		ereport(LOG_SERVER_ONLY,
				(errcode(ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION),
				 errmsg("%s is refused: %s", what, reason),
				 errhidestmt(true), errhidecontext(true)));
}

static int
sqlstate_of(const PbFaults *faults)
{
	int			status = pb_fault_status(faults);

	if (faults->sqlstate != 0)
		return faults->sqlstate;
	return MAKE_SQLSTATE('P', 'T', '0' + status / 100, '0' + status / 10 % 10,
						 '0' + status % 10);
}

static void
append_shown(StringInfo out, Datum value)
{
	text	   *t = DatumGetTextPP(value);
	char		shown[PB_TEXT_SHOWN_SIZE];
	size_t		size = pb_text_shown(VARDATA_ANY(t), VARSIZE_ANY_EXHDR(t),
									 shown);

	appendStringInfo(out, "\"%.*s\"", (int) size, shown);
}

/* Which one of the requests it was: a statement may make many of them. */
static void
append_subject(StringInfo out, const PbFaults *faults)
{
	if (faults->org_id == (Datum) 0)
		return;
	if (out->len > 0)
		appendStringInfoChar(out, '\n');
	appendStringInfoString(out, "The organization is ");
	append_shown(out, faults->org_id);
	if (faults->name != (Datum) 0)
	{
		appendStringInfoString(out, ", the name ");
		append_shown(out, faults->name);
	}
	appendStringInfoChar(out, '.');
}

/* The problems after the first, and what the refusal is about: a line each. */
static const char *
detail_of(const PbFaults *faults)
{
	StringInfoData text;

	initStringInfo(&text);
	for (int i = 1; i < Min(faults->count, PB_PROBLEMS_MAX); i++)
		appendStringInfo(&text, "%s%s", i > 1 ? "\n" : "",
						 faults->problems[i].detail);
	if (faults->count > PB_PROBLEMS_MAX)
		appendStringInfo(&text, "\nand %d more", faults->count - PB_PROBLEMS_MAX);
	append_subject(&text, faults);
	return text.len > 0 ? text.data : NULL;
}

/*
 * Raises the refusal as an error. MESSAGE has the first problem, HINT its way
 * out, DETAIL the other problems, CONSTRAINT NAME the API's code, and COLUMN
 * NAME the path of the first problem.
 */
void
pb_fault_throw(const PbFaults *faults)
{
	const PbProblem *first = &faults->problems[0];
	const char *column = first->field != NULL ? first->field : faults->column;
	const char *detail = detail_of(faults);

	ereport(ERROR,
			(errcode(sqlstate_of(faults)),
			 errmsg("%s", first->detail),
			 detail == NULL ? 0 : errdetail("%s", detail),
			 faults->log == NULL ? 0 : errdetail_log("%s", faults->log),
			 first->hint == NULL ? 0 : errhint("%s", first->hint),
			 err_generic_string(PG_DIAG_CONSTRAINT_NAME,
								kinds[faults->refusal].code),
			 column == NULL ? 0 :
			 err_generic_string(PG_DIAG_COLUMN_NAME, column)));
	pg_unreachable();
}

/* The members at fault and their problems; nothing where no member is. */
static void
append_errors(StringInfo out, const PbFaults *faults)
{
	if (faults->problems[0].field == NULL)
		return;
	pb_json_name(out, "errors");
	pb_json_begin(out, '[');
	for (int i = 0; i < Min(faults->count, PB_PROBLEMS_MAX); i++)
	{
		pb_json_next(out);
		pb_json_begin(out, '{');
		pb_json_pair(out, "field", faults->problems[i].field);
		pb_json_pair(out, "detail", faults->problems[i].detail);
		pb_json_end(out, '}');
	}
	if (faults->count > PB_PROBLEMS_MAX)
	{
		pb_json_next(out);
		pb_json_begin(out, '{');
		pb_json_pair(out, "field", "");
		pb_json_pair(out, "detail", psprintf("and %d more", faults->count -
											 PB_PROBLEMS_MAX));
		pb_json_end(out, '}');
	}
	pb_json_end(out, ']');
}

/* INVALID_INPUT as "invalid-input". */
static char *
kebab_case(const char *code)
{
	char	   *kebab = pstrdup(code);

	for (char *p = kebab; *p != '\0'; p++)
		*p = *p == '_' ? '-' : pg_ascii_tolower(*p);
	return kebab;
}

/* INVALID_INPUT as "Invalid input". */
static char *
title_case(const char *code)
{
	char	   *title = pstrdup(code);

	for (char *p = title + 1; *p != '\0'; p++)
		*p = *p == '_' ? ' ' : pg_ascii_tolower(*p);
	return title;
}

/* Writes the members of a problem document, behind those already written. */
static void
append_problem(StringInfo out, const PbFaults *faults, const char *instance,
			   const char *request_id)
{
	const char *code = kinds[faults->refusal].code;

	pb_json_pair(out, "type", psprintf("%s%s", ERRORS_DOCUMENTED, kebab_case(code)));
	pb_json_pair(out, "title", title_case(code));
	pb_json_name(out, "status");
	pb_json_number(out, pb_fault_status(faults));
	pb_json_pair(out, "detail", faults->problems[0].detail);
	if (instance != NULL)
		pb_json_pair(out, "instance", instance);
	pb_json_pair(out, "code", code);
	pb_json_pair(out, "request_id", request_id);
	append_errors(out, faults);
}

/* The refusal as application/problem+json. */
void
pb_fault_document(StringInfo out, const PbFaults *faults,
				  const char *instance, const char *request_id)
{
	pb_json_begin(out, '{');
	append_problem(out, faults, instance, request_id);
	pb_json_end(out, '}');
}

/*
 * The refusal as application/json. It has {"error": {"code", "message"}} for
 * older clients, and beside it the members of the problem document, for newer
 * ones that do not ask for that.
 */
void
pb_fault_envelope(StringInfo out, const PbFaults *faults,
				  const char *request_id)
{
	pb_json_begin(out, '{');
	pb_json_open(out, "error");
	pb_json_pair(out, "code", kinds[faults->refusal].code);
	pb_json_pair(out, "message", faults->problems[0].detail);
	append_errors(out, faults);
	pb_json_end(out, '}');
	append_problem(out, faults, NULL, request_id);
	pb_json_end(out, '}');
}
