/*
 * dispatch.c
 *	  Runs an operation for a caller who has been identified. Over HTTP this
 *	  also checks ids, claims the idempotency key, and undoes what a refused
 *	  operation wrote.
 */
#include "postgres.h"

#include "auth/authorization.h"
#include "base/sql.h"
#include "base/state.h"
#include "base/text.h"
#include "fields/rule.h"
#include "http/dispatch.h"
#include "http/idempotency.h"
#include "upkeep/purge.h"

/* Over HTTP a malformed id is a problem of the request. */
static bool
check_ids(const PbOperation *operation, const PbRequest *request,
		  PbFaults *faults)
{
	for (int i = 0; i < request->id_count; i++)
	{
		PbPath		path = {NULL, pb_operation_id_name(operation, i), 0};
		const char *id = request->ids[i] != NULL ? request->ids[i] : "";
		const PbField *field = pb_operation_id_field(operation, i);
		const char *problem = field != NULL ?
			pb_rule_text(field, id, strlen(id)) :
			pb_text_path_id_problem(id, strlen(id));

		if (problem != NULL)
			pb_fault_problem(faults, &path, problem, NULL);
	}
	return faults->refusal == PB_ACCEPTED;
}

typedef struct Run
{
	const PbOperation *operation;
	const PbRequest *request;
	PbReply    *reply;
} Run;

static bool
run_one(void *state)
{
	Run		   *run = state;

	run->operation->run(run->request, run->reply);
	return run->reply->faults.refusal == PB_ACCEPTED;
}

/* Runs an operation so that a refusal leaves nothing written. */
static void
run_undoable(const PbOperation *operation, const PbRequest *request,
			 PbReply *reply)
{
	Run			run = {operation, request, reply};

	(void) pb_sql_try(request->scope, run_one, &run, NULL);
}

/*
 * Whether the caller still has the rights that a stored answer needs; false
 * with faults.
 */
static bool
may_see_stored(const PbRequest *request, const PbReply *reply,
			   PbFaults *faults)
{
	const PbIdempotencyClaim *claim = reply->claim;
	PbOrganization organization;

	return claim == NULL || !claim->is_replay ||
		claim->org_id == (Datum) 0 ||
		pb_authorize(&request->caller, PB_WRITE, claim->org_id,
					 &organization, faults);
}

static bool
run_and_undo(void *state)
{
	(void) run_one(state);
	return false;
}

/*
 * Refuses a stored answer to a caller who has lost their rights. The operation
 * runs only to make its own refusal, and is undone. It might succeed, if the
 * caller has just got the rights back: then the faults that led here are the
 * refusal.
 */
static void
run_refused(const PbOperation *operation, const PbRequest *request,
			PbReply *reply, const PbFaults *faults)
{
	Run			run = {operation, request, reply};

	reply->claim = NULL;
	(void) pb_sql_try(request->scope, run_and_undo, &run, NULL);
	if (reply->faults.refusal != PB_ACCEPTED)
		return;
	reply->body->len = reply->body_begin;
	reply->faults = *faults;
}

/* DELETE and PUT need no key: a second one changes nothing more. */
static bool
is_idempotent(const PbOperation *operation)
{
	return strcmp(operation->method, "DELETE") == 0 ||
		strcmp(operation->method, "PUT") == 0;
}

static void
run_writing(const PbOperation *operation, const PbRequest *request,
			PbReply *reply)
{
	PbFaults	faults = {0};

	if (!pb_state_takes_writes(&reply->faults))
		return;
	pb_sql_require_read_committed("requests that write are answered only");
	if (is_idempotent(operation) ||
		pb_idempotency_claim(operation, request, reply))
		run_undoable(operation, request, reply);
	else if (!may_see_stored(request, reply, &faults))
		run_refused(operation, request, reply, &faults);
}

/*
 * Runs an operation for a caller who has been identified. For a caller in SQL
 * a refusal becomes an error, which undoes what was written.
 */
void
pb_dispatch(const PbOperation *operation, PbRequest *request, PbReply *reply)
{
	request->resource = operation->resource;
	if (pb_request_is_strict(request))
		reply->unknown = &reply->faults;
	if (request->manner == PB_SQL)
		operation->run(request, reply);
	else if (!check_ids(operation, request, &reply->faults))
		return;
	else if (operation->writes)
		run_writing(operation, request, reply);
	else
		operation->run(request, reply);
	if (operation->writes && reply->faults.refusal == PB_ACCEPTED)
		pb_purge_sweep(request->scope);
}
