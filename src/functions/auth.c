/*
 * auth.c
 *	  SQL functions of the folder auth: organizations, API keys, JWKS.
 */
#include "postgres.h"

#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "auth/apikey.h"
#include "auth/organization.h"
#include "auth/token.h"
#include "base/result.h"
#include "base/sql.h"
#include "functions/administration.h"

PG_FUNCTION_INFO_V1(pgbeam_set_organization);
PG_FUNCTION_INFO_V1(pgbeam_get_organization);
PG_FUNCTION_INFO_V1(pgbeam_list_all_organizations);
PG_FUNCTION_INFO_V1(pgbeam_suspend_organization);
PG_FUNCTION_INFO_V1(pgbeam_resume_organization);
PG_FUNCTION_INFO_V1(pgbeam_create_api_key);
PG_FUNCTION_INFO_V1(pgbeam_list_api_keys);
PG_FUNCTION_INFO_V1(pgbeam_revoke_api_key);
PG_FUNCTION_INFO_V1(pgbeam_revoke_api_keys);
PG_FUNCTION_INFO_V1(pgbeam_set_jwks);

Datum
pgbeam_set_organization(PG_FUNCTION_ARGS)
{
	PbFaults	faults = {0};
	PbJson		org_id;
	PbJson		settings = {.type = PB_JSON_NULL};
	StringInfoData answer;
	PbActor		actor;
	PbSqlScope	scope;

	initStringInfo(&answer);
	pb_administration_begin(fcinfo, &scope, &actor);
	pb_administration_arguments(fcinfo, &org_id, 1);
	if (!PG_ARGISNULL(1))
		pb_json_root(PointerGetDatum(PG_GETARG_VARLENA_P(1)), &settings);
	pb_organization_set(&org_id, &settings, &actor, &answer, &faults);
	pb_administration_end(&scope, &faults);
	PG_RETURN_TEXT_P(cstring_to_text_with_len(answer.data, answer.len));
}

Datum
pgbeam_get_organization(PG_FUNCTION_ARGS)
{
	PbFaults	faults = {0};
	PbJson		org_id;
	StringInfoData answer;
	PbActor		actor;
	PbSqlScope	scope;

	initStringInfo(&answer);
	pb_administration_begin(fcinfo, &scope, &actor);
	pb_administration_arguments(fcinfo, &org_id, 1);
	pb_organization_get(&org_id, &answer, &faults);
	pb_administration_end(&scope, &faults);
	PG_RETURN_TEXT_P(cstring_to_text_with_len(answer.data, answer.len));
}

Datum
pgbeam_list_all_organizations(PG_FUNCTION_ARGS)
{
	static const PbColumn columns[] = {
		{"org_id", TEXTOID}, {"plan", TEXTOID}, {"max_projects", INT4OID},
		{"max_databases", INT4OID}, {"max_connections", INT4OID},
		{"queries_per_second", INT4OID}, {"burst_size", INT4OID},
		{"name", TEXTOID}, {"slug", TEXTOID}, {"spend_limit", NUMERICOID},
		{"suspended_at", TIMESTAMPTZOID}
	};

	return pb_administration_list(fcinfo, columns, lengthof(columns),
								  pb_organization_list);
}

Datum
pgbeam_suspend_organization(PG_FUNCTION_ARGS)
{
	return pb_administer(fcinfo, pb_organization_suspend);
}

Datum
pgbeam_resume_organization(PG_FUNCTION_ARGS)
{
	return pb_administer(fcinfo, pb_organization_resume);
}

Datum
pgbeam_create_api_key(PG_FUNCTION_ARGS)
{
	static const PbColumn columns[] = {
		{"id", TEXTOID}, {"key", TEXTOID}, {"expires_at", TIMESTAMPTZOID}
	};
	PbFaults	faults = {0};
	PbJson		members[3];
	PbNewApiKey made;
	HeapTuple	row = NULL;
	PbActor		actor;
	PbSqlScope	scope;

	pb_administration_begin(fcinfo, &scope, &actor);
	pb_administration_arguments(fcinfo, members, lengthof(members));
	if (pb_apikey_create(members,
						 PG_ARGISNULL(3) ? NULL : PG_GETARG_INTERVAL_P(3),
						 &actor, &made, &faults))
	{
		Datum		values[] = {
			CStringGetTextDatum(made.id), CStringGetTextDatum(made.key),
			made.expires_at
		};
		bool		nulls[] = {false, false, made.never};

		row = SPI_copytuple(pb_result_row(fcinfo, columns, lengthof(columns),
										  values, nulls));
	}
	pb_administration_end(&scope, &faults);
	return HeapTupleGetDatum(row);
}

Datum
pgbeam_list_api_keys(PG_FUNCTION_ARGS)
{
	static const PbColumn columns[] = {
		{"id", TEXTOID}, {"kind", TEXTOID}, {"owner_id", TEXTOID},
		{"name", TEXTOID}, {"created_at", TIMESTAMPTZOID},
		{"expires_at", TIMESTAMPTZOID}, {"revoked_at", TIMESTAMPTZOID}
	};

	return pb_administration_list(fcinfo, columns, lengthof(columns),
								  pb_apikey_list);
}

Datum
pgbeam_revoke_api_key(PG_FUNCTION_ARGS)
{
	return pb_administer(fcinfo, pb_apikey_revoke);
}

Datum
pgbeam_revoke_api_keys(PG_FUNCTION_ARGS)
{
	PbFaults	faults = {0};
	PbJson		members[2];
	PbActor		actor;
	PbSqlScope	scope;
	int64		count;

	pb_administration_begin(fcinfo, &scope, &actor);
	pb_administration_arguments(fcinfo, members, lengthof(members));
	count = pb_apikey_revoke_all(members, &actor, &faults);
	pb_administration_end(&scope, &faults);
	PG_RETURN_INT64(count);
}

Datum
pgbeam_set_jwks(PG_FUNCTION_ARGS)
{
	PbFaults	faults = {0};
	PbJson		set = {.type = PB_JSON_NULL};
	int			keys;
	PbActor		actor;
	PbSqlScope	scope;

	pb_administration_begin(fcinfo, &scope, &actor);
	if (!PG_ARGISNULL(0))
		pb_json_root(PointerGetDatum(PG_GETARG_VARLENA_P(0)), &set);
	keys = pb_token_set_jwks(&set, &faults);
	pb_administration_end(&scope, &faults);
	PG_RETURN_INT32(keys);
}
