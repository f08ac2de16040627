/*
 * fault.c
 *	  Kinds of refusal, the list of problems, and the error it becomes.
 */
#include "postgres.h"

#include "lib/stringinfo.h"

#include "fault.h"

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
	[PB_PLAN_LIMIT_REACHED] = {"PLAN_LIMIT_REACHED", 403},
	[PB_NOT_FOUND] = {"NOT_FOUND", 404},
	[PB_RESOURCE_EXISTS] = {"RESOURCE_EXISTS", 409},
	[PB_PAYLOAD_TOO_LARGE] = {"PAYLOAD_TOO_LARGE", 413},
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

/* Adds a member that breaks a rule: "<path> <rule>". */
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

/* A refusal that is no member's fault. The message holds no client text. */
void
pb_fault_set(PbFaults *faults, PbRefusal refusal, const char *message,
			 const char *hint)
{
	faults->refusal = refusal;
	faults->count = 1;
	faults->problems[0] = (PbProblem) {NULL, message, hint};
}

/* What the server lacks, not the request: SQL sees a code of its own. */
void
pb_fault_unavailable(PbFaults *faults, int sqlstate, const char *message,
					 const char *hint)
{
	pb_fault_set(faults, PB_UNAVAILABLE, message, hint);
	faults->sqlstate = sqlstate;
}

static int
sqlstate_of(const PbFaults *faults)
{
	int			status = kinds[faults->refusal].status;

	if (faults->sqlstate != 0)
		return faults->sqlstate;
	return MAKE_SQLSTATE('P', 'T', '0' + status / 100, '0' + status / 10 % 10,
						 '0' + status % 10);
}

/* The problems behind the first, a line each; NULL when there are none. */
static const char *
other_problems(const PbFaults *faults)
{
	StringInfoData text;

	if (faults->count < 2)
		return NULL;
	initStringInfo(&text);
	for (int i = 1; i < Min(faults->count, PB_PROBLEMS_MAX); i++)
		appendStringInfo(&text, "%s%s", i > 1 ? "\n" : "",
						 faults->problems[i].detail);
	if (faults->count > PB_PROBLEMS_MAX)
		appendStringInfo(&text, "\nand %d more", faults->count - PB_PROBLEMS_MAX);
	return text.data;
}

/*
 * Raises the refusal as the SQL manner has it: the first problem in MESSAGE
 * and its way out in HINT, the others in DETAIL, the API's code in CONSTRAINT
 * NAME and the first path in COLUMN NAME.
 */
void
pb_fault_throw(const PbFaults *faults)
{
	const PbProblem *first = &faults->problems[0];
	const char *others = other_problems(faults);

	ereport(ERROR,
			(errcode(sqlstate_of(faults)),
			 errmsg("%s", first->detail),
			 others == NULL ? 0 : errdetail("%s", others),
			 first->hint == NULL ? 0 : errhint("%s", first->hint),
			 err_generic_string(PG_DIAG_CONSTRAINT_NAME,
								kinds[faults->refusal].code),
			 first->field == NULL ? 0 :
			 err_generic_string(PG_DIAG_COLUMN_NAME, first->field)));
	pg_unreachable();
}
