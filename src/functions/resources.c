/*
 * resources.c
 *	  SQL functions of the folder resources, other than the API's operations:
 *	  what data planes and operators read and report.
 */
#include "postgres.h"

#include "access/detoast.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"

#include "auth/authentication.h"
#include "base/crypt.h"
#include "base/result.h"
#include "base/sql.h"
#include "functions/administration.h"
#include "http/entry.h"
#include "plane/queryreport.h"
#include "plane/trafficreport.h"
#include "resources/connection.h"
#include "resources/database.h"
#include "resources/domain.h"
#include "resources/mark.h"
#include "resources/member.h"
#include "upkeep/erasure.h"
#include "upkeep/purge.h"
#include "upkeep/undelete.h"

PG_FUNCTION_INFO_V1(pgbeam_reveal_password);
PG_FUNCTION_INFO_V1(pgbeam_report_connection_test);
PG_FUNCTION_INFO_V1(pgbeam_report_queries);
PG_FUNCTION_INFO_V1(pgbeam_report_traffic);
PG_FUNCTION_INFO_V1(pgbeam_report_domain);
PG_FUNCTION_INFO_V1(pgbeam_release_domain);
PG_FUNCTION_INFO_V1(pgbeam_set_member);
PG_FUNCTION_INFO_V1(pgbeam_remove_member);
PG_FUNCTION_INFO_V1(pgbeam_list_members);
PG_FUNCTION_INFO_V1(pgbeam_purge);
PG_FUNCTION_INFO_V1(pgbeam_delete_organization);
PG_FUNCTION_INFO_V1(pgbeam_erase_organization);
PG_FUNCTION_INFO_V1(pgbeam_undelete_project);
PG_FUNCTION_INFO_V1(pgbeam_mark_key);

/*
 * Only EXECUTE guards this, which 'data_plane' access gives. HTTP requests are
 * refused in any case.
 */
Datum
pgbeam_reveal_password(PG_FUNCTION_ARGS)
{
	PbRequest	request = {.caller = {.is_trusted = true}};
	PbActor		actor;
	PbFaults	faults = {0};
	PbSqlScope	scope;
	text	   *plain = NULL;
	text	   *result = NULL;

	pb_sql_begin(&scope, fcinfo->flinfo->fn_oid);
	request.scope = &scope;
	actor = pb_authentication_actor(&request);
	if (pb_entry_manner() == PB_SQL)
		plain = pb_database_reveal(pb_entry_text(fcinfo, 0), &actor, &faults);
	else
		pb_fault_set(&faults, PB_UNAUTHORIZED,
					 "passwords are not revealed to HTTP requests", NULL);
	if (plain == NULL)
		pb_fault_throw(&faults);
	result = SPI_palloc(VARSIZE(plain));
	memcpy(result, plain, VARSIZE(plain));
	pb_wipe(plain, VARSIZE(plain));
	pb_sql_end(&scope);
	PG_RETURN_TEXT_P(result);
}

/* Only EXECUTE guards this too. */
Datum
pgbeam_report_connection_test(PG_FUNCTION_ARGS)
{
	PbFaults	faults = {0};
	double		latency = PG_ARGISNULL(2) ? 0 : PG_GETARG_FLOAT8(2);
	const PbReport report = {
		.ok = !PG_ARGISNULL(1) && PG_GETARG_BOOL(1),
		.latency_ms = PG_ARGISNULL(2) ? NULL : &latency,
		.error = pb_entry_text(fcinfo, 3),
		.server_version = pb_entry_text(fcinfo, 4),
	};
	PbSqlScope	scope;

	pb_sql_begin(&scope, fcinfo->flinfo->fn_oid);
	if (pb_entry_manner() != PB_SQL)
		pb_fault_set(&faults, PB_UNAUTHORIZED,
					 "this is not done on behalf of HTTP requests", NULL);
	else if (PG_ARGISNULL(1))
		pb_fault_set(&faults, PB_INVALID_INPUT, "ok must not be null", NULL);
	else
		pb_connection_report(pb_entry_text(fcinfo, 0), &report, &faults);
	if (faults.refusal != PB_ACCEPTED)
		pb_fault_throw(&faults);
	pb_sql_end(&scope);
	PG_RETURN_VOID();
}

#define QUERY_REPORT_MAX 2		/* MB */
#define TRAFFIC_REPORT_MAX 8

static int64
take_report(FunctionCallInfo fcinfo, Size most,
			int64 (*store) (const PbJson *report, PbFaults *faults),
			PbFaults *faults)
{
	PbJson		report = {.type = PB_JSON_NULL};

	if (pb_entry_manner() != PB_SQL)
		pb_fault_set(faults, PB_UNAUTHORIZED,
					 "this is not done on behalf of HTTP requests", NULL);
	else if (!PG_ARGISNULL(0) &&
			 toast_raw_datum_size(PG_GETARG_DATUM(0)) > most * 1024 * 1024)
		pb_fault_set(faults, PB_PAYLOAD_TOO_LARGE,
					 psprintf("the report exceeds %zu MB", most),
					 "Report the others by another call.");
	if (faults->refusal != PB_ACCEPTED)
		return 0;
	if (!PG_ARGISNULL(0))
		pb_json_root(PointerGetDatum(PG_GETARG_VARLENA_P(0)), &report);
	return store(&report, faults);
}

/* EXECUTE is the wall here too. */
static Datum
report(FunctionCallInfo fcinfo, Size most,
	   int64 (*store) (const PbJson *report, PbFaults *faults))
{
	PbFaults	faults = {0};
	PbSqlScope	scope;
	int64		stored;

	pb_sql_begin(&scope, fcinfo->flinfo->fn_oid);
	stored = take_report(fcinfo, most, store, &faults);
	if (faults.refusal != PB_ACCEPTED)
		pb_fault_throw(&faults);
	pb_sql_end(&scope);
	PG_RETURN_INT64(stored);
}

/* EXECUTE is the wall here too. */
Datum
pgbeam_report_queries(PG_FUNCTION_ARGS)
{
	return report(fcinfo, QUERY_REPORT_MAX, pb_query_report_store);
}

Datum
pgbeam_report_traffic(PG_FUNCTION_ARGS)
{
	return report(fcinfo, TRAFFIC_REPORT_MAX, pb_traffic_report_store);
}

Datum
pgbeam_report_domain(PG_FUNCTION_ARGS)
{
	PbFaults	faults = {0};
	PbJson		members[2];
	PbSqlScope	scope;

	pb_sql_begin(&scope, fcinfo->flinfo->fn_oid);
	pb_administration_arguments(fcinfo, members, lengthof(members));
	if (pb_entry_manner() != PB_SQL)
		pb_fault_set(&faults, PB_UNAUTHORIZED,
					 "this is not done on behalf of HTTP requests", NULL);
	else
		pb_domain_report(members, &faults);
	pb_administration_end(&scope, &faults);
	PG_RETURN_VOID();
}

Datum
pgbeam_release_domain(PG_FUNCTION_ARGS)
{
	return pb_administer(fcinfo, pb_domain_release);
}

Datum
pgbeam_set_member(PG_FUNCTION_ARGS)
{
	return pb_administer(fcinfo, pb_member_set);
}

Datum
pgbeam_remove_member(PG_FUNCTION_ARGS)
{
	return pb_administer(fcinfo, pb_member_remove);
}

Datum
pgbeam_list_members(PG_FUNCTION_ARGS)
{
	static const PbColumn columns[] = {
		{"user_id", TEXTOID}, {"role", TEXTOID}, {"id", TEXTOID},
		{"email", TEXTOID}, {"name", TEXTOID}, {"image", TEXTOID},
		{"created_at", TIMESTAMPTZOID}
	};

	return pb_administration_list(fcinfo, columns, lengthof(columns),
								  pb_member_list);
}

Datum
pgbeam_purge(PG_FUNCTION_ARGS)
{
	PbFaults	faults = {0};
	int64		purged = 0;
	PbActor		actor;
	PbSqlScope	scope;

	pb_administration_begin(fcinfo, &scope, &actor);
	if (PG_ARGISNULL(0) || PG_GETARG_INT32(0) < 1)
		pb_fault_set(&faults, PB_INVALID_INPUT, "batch must be at least 1",
					 NULL);
	else
		purged = pb_purge(PG_GETARG_INT32(0));
	pb_administration_end(&scope, &faults);
	PG_RETURN_INT64(purged);
}

/*
 * Begins a call whose operation takes a request, since it fires what a request
 * of the API fires.
 */
static void
begin_request(FunctionCallInfo fcinfo, PbSqlScope *scope, PbRequest *request)
{
	PbActor		actor;

	pb_administration_begin(fcinfo, scope, &actor);
	*request = (PbRequest) {
		.manner = PB_SQL, .scope = scope, .caller = {.is_trusted = true}
	};
}

/* Whether an argument is true. */
static bool
is_true(FunctionCallInfo fcinfo, int n)
{
	return !PG_ARGISNULL(n) && PG_GETARG_BOOL(n);
}

Datum
pgbeam_delete_organization(PG_FUNCTION_ARGS)
{
	PbFaults	faults = {0};
	PbRequest	request;
	PbSqlScope	scope;
	PbJson		org_id;

	begin_request(fcinfo, &scope, &request);
	pb_administration_arguments(fcinfo, &org_id, 1);
	pb_organization_delete(&request, &org_id, is_true(fcinfo, 1), &faults);
	pb_administration_end(&scope, &faults);
	PG_RETURN_VOID();
}

Datum
pgbeam_erase_organization(PG_FUNCTION_ARGS)
{
	PbFaults	faults = {0};
	PbRequest	request;
	PbSqlScope	scope;
	PbJson		org_id;
	int64		erased;

	begin_request(fcinfo, &scope, &request);
	pb_administration_arguments(fcinfo, &org_id, 1);
	erased = pb_organization_erase(&request, &org_id, is_true(fcinfo, 1),
								   &faults);
	pb_administration_end(&scope, &faults);
	PG_RETURN_INT64(erased);
}

Datum
pgbeam_undelete_project(PG_FUNCTION_ARGS)
{
	PbFaults	faults = {0};
	PbRequest	request;
	PbSqlScope	scope;
	StringInfoData answer;

	initStringInfo(&answer);
	begin_request(fcinfo, &scope, &request);
	pb_project_undelete(&request, pb_entry_text(fcinfo, 0), &answer, &faults);
	pb_administration_end(&scope, &faults);
	PG_RETURN_TEXT_P(cstring_to_text_with_len(answer.data, answer.len));
}

Datum
pgbeam_mark_key(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64(pb_mark_key(PG_GETARG_DATUM(0),
								text_to_cstring(PG_GETARG_TEXT_PP(1))));
}
