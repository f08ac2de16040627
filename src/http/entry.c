/*
 * entry.c
 *	  Where SQL functions enter: turns a call into a request, and an answer
 *	  into the call's result.
 *
 * No other part reads the settings that describe an HTTP request (request.*),
 * or sets those that tell PostgREST what to answer (response.*).
 */
#include "postgres.h"

#include "access/detoast.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"

#include "auth/authentication.h"
#include "base/crypt.h"
#include "base/parse.h"
#include "base/result.h"
#include "base/sql.h"
#include "fields/query.h"
#include "http/dispatch.h"
#include "http/entry.h"
#include "http/http.h"
#include "http/operation.h"
#include "http/statistics.h"

PG_FUNCTION_INFO_V1(pgbeam_http);
PG_FUNCTION_INFO_V1(pgbeam_http_forwarded);

/*
 * NULL for a setting that is missing or empty: a local setting leaves ''
 * behind when its transaction ends.
 */
static const char *
session_says(const char *setting)
{
	const char *value = GetConfigOption(setting, true, false);

	return value == NULL || value[0] == '\0' ? NULL : value;
}

PbManner
pb_entry_manner(void)
{
	return session_says("request.method") == NULL ? PB_SQL : PB_HTTP;
}

/* Text that is not JSON is ignored, as if it were missing. */
static void
read_document(const char *text, PbJson *value)
{
	PbParsed	parsed;
	PbFaults	ignored = {0};

	if (text != NULL &&
		pb_parse(text, strlen(text), "", &parsed, &ignored))
		*value = parsed.value;
}

static void
read_session(PbRequest *request)
{
	const char *path = session_says("request.path");
	PbJson		headers = {0};

	request->path = path == NULL ? NULL : pstrdup(path);
	read_document(session_says("request.headers"), &headers);
	pb_request_take_headers(request, &headers);
	if (pb_authentication_trusts_claims())
		read_document(session_says("request.jwt.claims"), &request->claims);
	pb_http_begin(request);
}

static void
respond(const char *setting, const char *value)
{
	(void) set_config_option(setting, value, PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_LOCAL, true, 0, false);
}

/* Tells PostgREST the status and the headers of its response. */
static void
write_session(const PbAnswer *answer)
{
	StringInfoData list;

	initStringInfo(&list);
	pb_http_header_list(&list, answer);
	respond("response.status", psprintf("%d", answer->status));
	respond("response.headers", list.data);
}

/*
 * An argument, detoasted. If that makes a copy, the copy is wiped with its
 * memory context.
 */
static struct varlena *
whole_argument(Datum argument)
{
	struct varlena *given = (struct varlena *) DatumGetPointer(argument);
	struct varlena *whole = pg_detoast_datum(given);

	if (whole != given)
		pb_parse_wipe_later(whole);
	return whole;
}

static bool
read_body(Datum argument, PbRequest *request, PbFaults *faults)
{
	struct varlena *whole;

	if (toast_raw_datum_size(argument) > PB_BODY_MAX)
	{
		pb_fault_set(faults, PB_PAYLOAD_TOO_LARGE, PB_BODY_PROBLEM, NULL);
		return false;
	}
	whole = whole_argument(argument);
	request->raw = (PbBytes) {VARDATA(whole), VARSIZE(whole) - VARHDRSZ};
	pb_json_root(PointerGetDatum(whole), &request->body);
	return true;
}

/* Unknown members are ignored with a warning: they are usually mistakes. */
static void
warn_of_ignored(const PbFaults *ignored)
{
	for (int i = 0; i < Min(ignored->count, PB_PROBLEMS_MAX); i++)
		ereport(WARNING,
				(errmsg("%s and is ignored", ignored->problems[i].detail)));
	if (ignored->count > PB_PROBLEMS_MAX)
		ereport(WARNING,
				(errmsg("%d more members are ignored",
						ignored->count - PB_PROBLEMS_MAX)));
}

const char *
pb_entry_text(FunctionCallInfo fcinfo, int n)
{
	return PG_ARGISNULL(n) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(n));
}

/*
 * Reads the arguments in the order of the parameters. A null counts as
 * missing.
 */
static bool
read_parameters(FunctionCallInfo fcinfo, int first, const PbResource *asked,
				PbRequest *request, PbFaults *faults)
{
	StringInfoData out;

	pb_query_begin(&out);
	for (int i = first; i < PG_NARGS(); i++)
	{
		const PbField *field = &asked->fields[i - first];
		const char *value;

		if (PG_ARGISNULL(i))
			continue;
		value = field->kind == PB_INTEGER ?
			psprintf("%d", PG_GETARG_INT32(i)) : pb_entry_text(fcinfo, i);
		pb_query_text(&out, field, value, strlen(value));
	}
	return pb_query_end(&out, &request->parameters, faults);
}

/*
 * The arguments are the ids of the path, then the parameters of the query or
 * the body.
 */
static bool
read_arguments(FunctionCallInfo fcinfo, const PbOperation *operation,
			   PbRequest *request, PbFaults *faults)
{
	int			ids = pb_operation_ids(operation);

	request->id_count = ids;
	for (int i = 0; i < ids; i++)
		request->ids[i] = pb_entry_text(fcinfo, i);
	if (operation->parameters != NULL)
		return read_parameters(fcinfo, ids, operation->parameters, request,
							   faults);
	if (operation->takes == 0 || PG_ARGISNULL(ids))
		return true;
	return read_body(PG_GETARG_DATUM(ids), request, faults);
}

/* A call of one of our functions, from its arguments to its answer. */
typedef struct Call
{
	FunctionCallInfo fcinfo;
	const PbOperation *operation;		/* for an operation's own function */
	PbMessage	message;		/* for http() and http_forwarded() */
	PbRequest	request;
	PbFaults	ignored;
	PbReply		reply;
	PbAnswer	answer;
	MemoryContext memory;		/* of the result */
	Datum		headers;		/* jsonb, the same */
	PbSqlScope	scope;
	instr_time	begun;
} Call;

/*
 * Runs the call. The reply's buffer begins with room for a varlena header, so
 * that it can be returned without a copy.
 */
static void
run(Call *call, void (*act) (void *call), bool http)
{
	PbReply    *reply = &call->reply;

	call->request.scope = &call->scope;
	reply->unknown = &call->ignored;
	reply->body = makeStringInfo();
	appendStringInfoSpaces(reply->body, VARHDRSZ);
	reply->body_begin = VARHDRSZ;
	pb_statistics_begin(&call->begun);
	pb_sql_call(&call->scope, call->fcinfo->flinfo->fn_oid, http, act, call);
}

static Datum
body_of(const PbReply *reply)
{
	SET_VARSIZE(reply->body->data, reply->body->len);
	return PointerGetDatum(reply->body->data);
}

/* A refusal is an error for a caller in SQL, and an answer over HTTP. */
static void
conclude(const PbRequest *request, const PbOperation *operation,
		 PbReply *reply)
{
	PbAnswer	answer = {0};

	if (request->manner == PB_HTTP)
	{
		pb_http_finish(request, operation, reply, &answer);
		write_session(&answer);
		return;
	}
	if (reply->faults.refusal != PB_ACCEPTED)
		pb_fault_throw(&reply->faults);
	warn_of_ignored(reply->unknown);
}

static bool
admit(const PbOperation *operation, PbRequest *request, PbReply *reply)
{
	if (request->manner == PB_HTTP)
		return pb_http_admit(operation, request, reply);
	return operation->is_public || pb_authenticate(request, &reply->faults);
}

static void
operate(void *state)
{
	Call	   *call = state;
	PbRequest  *request = &call->request;
	PbReply    *reply = &call->reply;

	if (request->manner == PB_HTTP)
		read_session(request);
	if (admit(call->operation, request, reply) &&
		read_arguments(call->fcinfo, call->operation, request, &reply->faults))
		pb_dispatch(call->operation, request, reply);
	pb_statistics_end(call->operation, &reply->faults, &call->begun);
	conclude(request, call->operation, reply);
}

/* Runs an operation by its own function: JSON, null, or an error. */
static Datum
run_operation(FunctionCallInfo fcinfo, const PbOperation *operation)
{
	Call		call = {
		.fcinfo = fcinfo, .operation = operation,
		.request.manner = pb_entry_manner()
	};

	run(&call, operate, call.request.manner == PB_HTTP);
	if (call.reply.body->len == call.reply.body_begin)
		PG_RETURN_NULL();
	return body_of(&call.reply);
}

/* The SQL functions of the operations. */
#define OPERATION(function_, ...) \
	PG_FUNCTION_INFO_V1(pgbeam_##function_); \
	Datum \
	pgbeam_##function_(PG_FUNCTION_ARGS) \
	{ \
		return run_operation(fcinfo, \
							 &pb_operations[PB_OPERATION_##function_]); \
	}
#include "http/operationlist.h"
#undef OPERATION

static void
take_message_body(FunctionCallInfo fcinfo, int n, PbMessage *message)
{
	struct varlena *body;

	message->body = "";
	if (PG_ARGISNULL(n))
		return;
	message->body_length = toast_raw_datum_size(PG_GETARG_DATUM(n)) - VARHDRSZ;
	if (message->body_length > PB_BODY_MAX)
		return;
	body = whole_argument(PG_GETARG_DATUM(n));
	message->body = VARDATA(body);
}

Datum
pb_entry_required(FunctionCallInfo fcinfo, int n, const char *name)
{
	if (PG_ARGISNULL(n))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("%s must not be null", name)));
	return PG_GETARG_DATUM(n);
}

static const char *
required_text(FunctionCallInfo fcinfo, int n, const char *name)
{
	(void) pb_entry_required(fcinfo, n, name);
	return pb_entry_text(fcinfo, n);
}

/* Null means no headers. */
static void
take_headers(FunctionCallInfo fcinfo, int n, PbRequest *request)
{
	PbJson		headers;

	if (PG_ARGISNULL(n))
		return;
	pb_json_root(PointerGetDatum(whole_argument(PG_GETARG_DATUM(n))),
				 &headers);
	if (headers.type != PB_JSON_OBJECT)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("headers must be a JSON object of strings"),
				 errhint("Join repeated headers with a comma.")));
	pb_request_take_headers(request, &headers);
}

static Datum
answer_row(const Call *call)
{
	static const PbColumn columns[] = {
		{"status", INT4OID}, {"headers", JSONBOID}, {"body", TEXTOID}
	};
	Datum		values[lengthof(columns)] = {
		Int32GetDatum(call->answer.status), call->headers,
		body_of(&call->reply)
	};
	bool		nulls[lengthof(columns)] = {0};

	return HeapTupleGetDatum(pb_result_row(call->fcinfo, columns,
										   lengthof(columns),
										   values, nulls));
}

/* Answers a request whose operation its method and path name. */
static void
handle(Call *call)
{
	pb_http_handle(&call->message, &call->request, &call->reply,
				   &call->answer);
	pb_statistics_end(call->answer.operation, &call->reply.faults,
					  &call->begun);
}

static void
answer_message(void *state)
{
	Call	   *call = state;
	MemoryContext before;

	take_headers(call->fcinfo, 2, &call->request);
	pb_http_begin(&call->request);
	take_message_body(call->fcinfo, 3, &call->message);
	handle(call);
	before = MemoryContextSwitchTo(call->memory);
	call->headers = pb_json_object(call->answer.headers,
								   call->answer.header_count);
	MemoryContextSwitchTo(before);
}

Datum
pgbeam_http(PG_FUNCTION_ARGS)
{
	Call		call = {
		.fcinfo = fcinfo, .memory = CurrentMemoryContext,
		.message.method = required_text(fcinfo, 0, "method"),
		.message.uri = required_text(fcinfo, 1, "uri")
	};

	run(&call, answer_message, true);
	return answer_row(&call);
}

/* A header by which the front describes the request it forwards. */
static const char *
forwarded(const PbRequest *request, const char *header)
{
	PbJson		value;

	return pb_request_header(request, header, &value) ?
		pnstrdup(value.text, value.length) : "";
}

static void
answer_forwarded(void *state)
{
	Call	   *call = state;
	PbRequest  *request = &call->request;

	read_session(request);
	call->message.method = forwarded(request, "x-pgbeam-method");
	call->message.uri = forwarded(request, "x-pgbeam-uri");
	take_message_body(call->fcinfo, 0, &call->message);
	handle(call);
	pb_http_repeat_body(&call->reply, &call->answer);
	write_session(&call->answer);
}

Datum
pgbeam_http_forwarded(PG_FUNCTION_ARGS)
{
	Call		call = {.fcinfo = fcinfo, .request.is_forwarded = true};

	run(&call, answer_forwarded, true);
	return body_of(&call.reply);
}

static void
put_text(StringInfo out, const char *name, Datum value)
{
	if (value == (Datum) 0)
		pb_json_pair_null(out, name);
	else
		pb_json_pair(out, name, TextDatumGetCString(value));
}

/*
 * Who makes the call that runs: as the change feed tells it, with the
 * organization that the call is about and the role of the database. What is
 * no operation of the API is called by a role.
 */
bool
pb_entry_caller(StringInfo out)
{
	const PbSqlScope *scope = pb_sql_innermost();
	PbRequest	by_role = {.caller = {.is_trusted = true}, .scope = scope};
	const Call *call;
	PbActor		actor;

	if (scope == NULL)
		return false;
	call = scope->call;
	actor = pb_authentication_actor(call == NULL ? &by_role : &call->request);
	pb_json_begin(out, '{');
	pb_json_pair(out, "kind", pb_change_actor_kind(actor.kind));
	put_text(out, "id", actor.name);
	put_text(out, "organization",
			 call == NULL ? (Datum) 0 : call->reply.faults.org_id);
	pb_json_pair(out, "role", GetUserNameFromId(scope->caller, false));
	if (actor.request_id == NULL)
		pb_json_pair_null(out, "request_id");
	else
		pb_json_pair(out, "request_id", actor.request_id);
	pb_json_end(out, '}');
	return true;
}
