/*
 * administration.c
 *	  The common part of SQL functions for operators: they serve trusted SQL
 *	  only, and take their arguments as the members of a resource.
 */
#include "postgres.h"

#include "utils/lsyscache.h"

#include "auth/authentication.h"
#include "base/sql.h"
#include "functions/administration.h"
#include "http/entry.h"

#define ARGUMENTS_MAX 10

/* Begins a call that only trusted SQL may make. */
void
pb_administration_begin(FunctionCallInfo fcinfo, PbSqlScope *scope,
					 PbActor *actor)
{
	PbRequest	request = {.manner = pb_entry_manner()};
	PbFaults	faults = {0};

	pb_sql_begin(scope, fcinfo->flinfo->fn_oid);
	request.scope = scope;
	if (request.manner == PB_HTTP)
		pb_fault_set(&faults, PB_UNAUTHORIZED,
					 "this is not done on behalf of HTTP requests",
					 "The session has request.method set.");
	else
		(void) pb_authenticate(&request, &faults);
	if (faults.refusal != PB_ACCEPTED)
		pb_fault_throw(&faults);
	*actor = pb_authentication_actor(&request);
}

void
pb_administration_end(PbSqlScope *scope, const PbFaults *faults)
{
	if (faults->refusal != PB_ACCEPTED)
		pb_fault_throw(faults);
	pb_sql_end(scope);
}

/* A text or integer argument as a JSON value. */
static PbJson
json_argument(FunctionCallInfo fcinfo, int n, Oid type)
{
	PbJson		value = {.type = PB_JSON_NULL};

	if (PG_ARGISNULL(n))
		return value;
	if (type == INT4OID)
		pb_json_from_integer(PG_GETARG_INT32(n), &value);
	else
		pb_json_from_text(PG_GETARG_TEXT_PP(n), &value);
	return value;
}

/*
 * Takes the types from the function's declaration, as not every way of calling
 * it tells them.
 */
void
pb_administration_arguments(FunctionCallInfo fcinfo, PbJson *values, int count)
{
	Oid		   *types;
	int			declared;

	(void) get_func_signature(fcinfo->flinfo->fn_oid, &types, &declared);
	Assert(count <= ARGUMENTS_MAX);
	for (int i = 0; i < count; i++)
		values[i] = json_argument(fcinfo, i, types[i]);
}

/* Calls act with arguments that are the first fields of a resource. */
Datum
pb_administer(FunctionCallInfo fcinfo,
		   void (*act) (const PbJson *members, const PbActor *actor,
						PbFaults *faults))
{
	PbFaults	faults = {0};
	PbJson		members[ARGUMENTS_MAX];
	PbActor		actor;
	PbSqlScope	scope;

	pb_administration_begin(fcinfo, &scope, &actor);
	pb_administration_arguments(fcinfo, members, PG_NARGS());
	act(members, &actor, &faults);
	pb_administration_end(&scope, &faults);
	PG_RETURN_VOID();
}

/* The same for an act that leaves rows in SPI_tuptable. */
Datum
pb_administration_list(FunctionCallInfo fcinfo, const PbColumn *columns,
					   int count, void (*act) (const PbJson *members,
											   PbFaults *faults))
{
	PbFaults	faults = {0};
	PbJson		members[ARGUMENTS_MAX];
	PbActor		actor;
	PbSqlScope	scope;

	pb_result_begin(fcinfo, columns, count);
	pb_administration_begin(fcinfo, &scope, &actor);
	pb_administration_arguments(fcinfo, members, PG_NARGS());
	act(members, &faults);
	if (faults.count == 0)
		pb_result_add_all(fcinfo, SPI_tuptable);
	pb_administration_end(&scope, &faults);
	return (Datum) 0;
}
