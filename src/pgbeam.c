/*
 * pgbeam.c
 *	  Start of the module, its settings, and the functions that SQL calls,
 *	  but for the API's operations, which entry.c has.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "admin/access.h"
#include "auth/apikey.h"
#include "auth/authentication.h"
#include "auth/member.h"
#include "auth/organization.h"
#include "auth/rate.h"
#include "auth/token.h"
#include "base/compat.h"
#include "base/crypt.h"
#include "base/id.h"
#include "base/result.h"
#include "base/sql.h"
#include "base/text.h"
#include "base/typeid.h"
#include "feed/change.h"
#include "feed/feed.h"
#include "fields/constraint.h"
#include "fields/describe.h"
#include "http/entry.h"
#include "http/http.h"
#include "http/idempotency.h"
#include "http/operation.h"
#include "keys/key.h"
#include "keys/keyfile.h"
#include "log/guard.h"
#include "resources/connection.h"
#include "resources/database.h"
#include "resources/domain.h"
#include "resources/health.h"
#include "resources/host.h"
#include "resources/page.h"
#include "resources/project.h"
#include "resources/replica.h"
#include "resources/rewrap.h"

#define ARGUMENTS_MAX 10

PB_MODULE_MAGIC;

const PbResource *const pb_resources[] = {
	&pb_organization, &pb_member, &pb_api_key, &pb_jwk,
	&pb_idempotency_key, &pb_change, &pb_host,
	&pb_project, &pb_database, &pb_replica, &pb_custom_domain,
	&pb_connection_test, NULL
};

/* Field tables without a table of the database. */
static const PbResource *const transients[] = {
	&pb_page_parameters, &pb_project_list_parameters, &pb_health
};

void		_PG_init(void);

PG_FUNCTION_INFO_V1(pgbeam_typeid);
PG_FUNCTION_INFO_V1(pgbeam_typeid_encode);
PG_FUNCTION_INFO_V1(pgbeam_typeid_decode);
PG_FUNCTION_INFO_V1(pgbeam_typeid_timestamp);
PG_FUNCTION_INFO_V1(pgbeam_fields);
PG_FUNCTION_INFO_V1(pgbeam_check_fields);
PG_FUNCTION_INFO_V1(pgbeam_create_key);
PG_FUNCTION_INFO_V1(pgbeam_keyring);
PG_FUNCTION_INFO_V1(pgbeam_set_organization);
PG_FUNCTION_INFO_V1(pgbeam_suspend_organization);
PG_FUNCTION_INFO_V1(pgbeam_resume_organization);
PG_FUNCTION_INFO_V1(pgbeam_set_member);
PG_FUNCTION_INFO_V1(pgbeam_remove_member);
PG_FUNCTION_INFO_V1(pgbeam_list_members);
PG_FUNCTION_INFO_V1(pgbeam_create_api_key);
PG_FUNCTION_INFO_V1(pgbeam_list_api_keys);
PG_FUNCTION_INFO_V1(pgbeam_revoke_api_key);
PG_FUNCTION_INFO_V1(pgbeam_revoke_api_keys);
PG_FUNCTION_INFO_V1(pgbeam_rewrap);
PG_FUNCTION_INFO_V1(pgbeam_secret_key_id);
PG_FUNCTION_INFO_V1(pgbeam_set_jwks);
PG_FUNCTION_INFO_V1(pgbeam_routes);
PG_FUNCTION_INFO_V1(pgbeam_grant_access);
PG_FUNCTION_INFO_V1(pgbeam_logging_profile);
PG_FUNCTION_INFO_V1(pgbeam_set_logging_profile);
PG_FUNCTION_INFO_V1(pgbeam_reveal_password);
PG_FUNCTION_INFO_V1(pgbeam_report_connection_test);
PG_FUNCTION_INFO_V1(pgbeam_report_domain);
PG_FUNCTION_INFO_V1(pgbeam_release_domain);
PG_FUNCTION_INFO_V1(pgbeam_read_changes);
PG_FUNCTION_INFO_V1(pgbeam_feed_hold);

void
_PG_init(void)
{
	if (!pb_crypt_start())
		elog(ERROR, "libsodium cannot be initialized");
	for (int i = 0; i < (int) lengthof(resources); i++)
		pb_field_start(resources[i]);
	for (int i = 0; i < (int) lengthof(transients); i++)
		pb_field_start(transients[i]);
	pb_keyfile_define_settings();
	pb_token_define_settings();
	pb_organization_define_settings();
	pb_authentication_define_settings();
	pb_rate_define_settings();
	pb_host_define_settings();
	pb_replica_define_settings();
	pb_database_define_settings();
	pb_project_define_settings();
	pb_domain_define_settings();
	pb_change_define_settings();
	pb_guard_define_settings();
	MarkGUCPrefixReserved("pgbeam");
	pb_guard_start();
	pb_sql_start();
}

/* EXECUTE, which 'data_plane' access gives, is the wall; never over HTTP. */
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

/* EXECUTE is the wall here too. */
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

Datum
pgbeam_create_key(PG_FUNCTION_ARGS)
{
	PbFaults	faults = {0};
	const char *id;

	if (!superuser())
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("only a superuser may create a key")));
	id = pb_key_create(&faults);
	if (id == NULL)
		pb_fault_throw(&faults);
	PG_RETURN_TEXT_P(cstring_to_text(id));
}

Datum
pgbeam_keyring(PG_FUNCTION_ARGS)
{
	static const PbColumn columns[] = {
		{"key_id", TEXTOID}, {"active", BOOLOID}
	};
	PbFaults	faults = {0};
	const PbKeyring *ring = pb_key_ring(&faults);
	size_t		count = ring == NULL ? 0 : pb_keyring_count(ring);

	pb_result_begin(fcinfo, columns, lengthof(columns));
	if (ring == NULL)
		ereport(WARNING,
				(errmsg("%s", faults.problems[0].detail),
				 faults.log == NULL ? 0 : errdetail_log("%s", faults.log),
				 faults.problems[0].hint == NULL ? 0 :
				 errhint("%s", faults.problems[0].hint)));
	for (size_t i = 0; i < count; i++)
	{
		char		id[2 * PB_KEY_ID_BYTES + 1];
		Datum		values[lengthof(columns)];
		bool		nulls[lengthof(columns)] = {0};

		pb_key_id_hex(pb_keyring_id(ring, i), id);
		values[0] = CStringGetTextDatum(id);
		values[1] = BoolGetDatum(i == count - 1);
		pb_result_add(fcinfo, values, nulls);
	}
	return (Datum) 0;
}

/* Begins what trusted SQL alone may do. */
static void
begin_administration(FunctionCallInfo fcinfo, PbSqlScope *scope,
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

static void
end_administration(PbSqlScope *scope, const PbFaults *faults)
{
	if (faults->refusal != PB_ACCEPTED)
		pb_fault_throw(faults);
	pb_sql_end(scope);
}

/* An argument, text or integer, as the JSON value it would be. */
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

/* As the function is declared: not every way to call it tells the types. */
static void
json_arguments(FunctionCallInfo fcinfo, PbJson *values, int count)
{
	Oid		   *types;
	int			declared;

	(void) get_func_signature(fcinfo->flinfo->fn_oid, &types, &declared);
	Assert(count <= ARGUMENTS_MAX);
	for (int i = 0; i < count; i++)
		values[i] = json_argument(fcinfo, i, types[i]);
}

/* Does something by arguments that are the first fields of a resource. */
static Datum
administer(FunctionCallInfo fcinfo,
		   void (*act) (const PbJson *members, const PbActor *actor,
						PbFaults *faults))
{
	PbFaults	faults = {0};
	PbJson		members[ARGUMENTS_MAX];
	PbActor		actor;
	PbSqlScope	scope;

	begin_administration(fcinfo, &scope, &actor);
	json_arguments(fcinfo, members, PG_NARGS());
	act(members, &actor, &faults);
	end_administration(&scope, &faults);
	PG_RETURN_VOID();
}

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
	begin_administration(fcinfo, &scope, &actor);
	json_arguments(fcinfo, &org_id, 1);
	if (!PG_ARGISNULL(1))
		pb_json_root(PointerGetDatum(PG_GETARG_VARLENA_P(1)), &settings);
	pb_organization_set(&org_id, &settings, &actor, &answer, &faults);
	end_administration(&scope, &faults);
	PG_RETURN_TEXT_P(cstring_to_text_with_len(answer.data, answer.len));
}

Datum
pgbeam_suspend_organization(PG_FUNCTION_ARGS)
{
	return administer(fcinfo, pb_organization_suspend);
}

Datum
pgbeam_resume_organization(PG_FUNCTION_ARGS)
{
	return administer(fcinfo, pb_organization_resume);
}

Datum
pgbeam_set_member(PG_FUNCTION_ARGS)
{
	return administer(fcinfo, pb_member_set);
}

Datum
pgbeam_remove_member(PG_FUNCTION_ARGS)
{
	return administer(fcinfo, pb_member_remove);
}

Datum
pgbeam_revoke_api_key(PG_FUNCTION_ARGS)
{
	return administer(fcinfo, pb_apikey_revoke);
}

Datum
pgbeam_revoke_api_keys(PG_FUNCTION_ARGS)
{
	PbFaults	faults = {0};
	PbJson		members[2];
	PbActor		actor;
	PbSqlScope	scope;
	int64		count;

	begin_administration(fcinfo, &scope, &actor);
	json_arguments(fcinfo, members, lengthof(members));
	count = pb_apikey_revoke_all(members, &actor, &faults);
	end_administration(&scope, &faults);
	PG_RETURN_INT64(count);
}

/* The same for what leaves rows in SPI_tuptable. */
static Datum
list(FunctionCallInfo fcinfo, const PbColumn *columns, int count,
	 void (*act) (const PbJson *members, PbFaults *faults))
{
	PbFaults	faults = {0};
	PbJson		members[ARGUMENTS_MAX];
	PbActor		actor;
	PbSqlScope	scope;

	pb_result_begin(fcinfo, columns, count);
	begin_administration(fcinfo, &scope, &actor);
	json_arguments(fcinfo, members, PG_NARGS());
	act(members, &faults);
	if (faults.count == 0)
		pb_result_add_all(fcinfo, SPI_tuptable);
	end_administration(&scope, &faults);
	return (Datum) 0;
}

Datum
pgbeam_list_members(PG_FUNCTION_ARGS)
{
	static const PbColumn columns[] = {
		{"user_id", TEXTOID}, {"role", TEXTOID}
	};

	return list(fcinfo, columns, lengthof(columns), pb_member_list);
}

Datum
pgbeam_list_api_keys(PG_FUNCTION_ARGS)
{
	static const PbColumn columns[] = {
		{"id", TEXTOID}, {"kind", TEXTOID}, {"owner_id", TEXTOID},
		{"name", TEXTOID}, {"created_at", TIMESTAMPTZOID},
		{"expires_at", TIMESTAMPTZOID}, {"revoked_at", TIMESTAMPTZOID}
	};

	return list(fcinfo, columns, lengthof(columns), pb_apikey_list);
}

/* EXECUTE is the wall of these two. */
Datum
pgbeam_read_changes(PG_FUNCTION_ARGS)
{
	static const PbColumn columns[] = {
		{"token", TEXTOID}, {"org_id", TEXTOID}, {"resource", TEXTOID},
		{"resource_id", TEXTOID}, {"action", TEXTOID}, {"actor", TEXTOID},
		{"actor_kind", TEXTOID}, {"request_id", TEXTOID}, {"detail", JSONOID},
		{"changed_at", TIMESTAMPTZOID}
	};
	int32		max_rows = PG_ARGISNULL(1) ? 0 : PG_GETARG_INT32(1);
	PbFaults	faults = {0};
	PbSqlScope	scope;

	pb_result_begin(fcinfo, columns, lengthof(columns));
	pb_sql_begin(&scope, fcinfo->flinfo->fn_oid);
	if (!pb_feed_read(pb_entry_text(fcinfo, 0), max_rows, &faults))
		pb_fault_throw(&faults);
	pb_result_add_all(fcinfo, SPI_tuptable);
	pb_sql_end(&scope);
	return (Datum) 0;
}

Datum
pgbeam_feed_hold(PG_FUNCTION_ARGS)
{
	static const PbColumn columns[] = {
		{"waiting_since", TIMESTAMPTZOID}, {"is_long", BOOLOID},
		{"held_since", TIMESTAMPTZOID}, {"pid", INT4OID}, {"prepared", TEXTOID}
	};
	PbFeedHold	hold;
	PbSqlScope	scope;

	pb_result_begin(fcinfo, columns, lengthof(columns));
	pb_sql_begin(&scope, fcinfo->flinfo->fn_oid);
	if (pb_feed_is_held(&hold))
	{
		Datum		values[] = {
			TimestampTzGetDatum(hold.waiting_since),
			BoolGetDatum(hold.is_long),
			TimestampTzGetDatum(hold.held_since), Int32GetDatum(hold.pid),
			hold.prepared == NULL ? (Datum) 0 :
			CStringGetTextDatum(hold.prepared)
		};
		bool		nulls[] = {
			false, false, hold.held_since == 0, hold.pid == 0,
			hold.prepared == NULL
		};

		pb_result_add(fcinfo, values, nulls);
	}
	pb_sql_end(&scope);
	return (Datum) 0;
}

Datum
pgbeam_release_domain(PG_FUNCTION_ARGS)
{
	return administer(fcinfo, pb_domain_release);
}

Datum
pgbeam_report_domain(PG_FUNCTION_ARGS)
{
	return administer(fcinfo, pb_domain_report);
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

	begin_administration(fcinfo, &scope, &actor);
	json_arguments(fcinfo, members, lengthof(members));
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
	end_administration(&scope, &faults);
	return HeapTupleGetDatum(row);
}

Datum
pgbeam_rewrap(PG_FUNCTION_ARGS)
{
	PbFaults	faults = {0};
	int64		left = 0;
	PbActor		actor;
	PbSqlScope	scope;

	begin_administration(fcinfo, &scope, &actor);
	if (PG_ARGISNULL(0) || PG_GETARG_INT32(0) < 1)
		pb_fault_set(&faults, PB_INVALID_INPUT, "batch must be at least 1",
					 NULL);
	else
		left = pb_rewrap(PG_GETARG_INT32(0), &faults);
	end_administration(&scope, &faults);
	PG_RETURN_INT64(left);
}

Datum
pgbeam_secret_key_id(PG_FUNCTION_ARGS)
{
	bytea	   *sealed = PG_GETARG_BYTEA_PP(0);
	char		hex[2 * PB_KEY_ID_BYTES + 1];

	if (VARSIZE_ANY_EXHDR(sealed) < PB_SEALED_KEY_ID + PB_KEY_ID_BYTES)
		PG_RETURN_NULL();
	pb_key_id_hex((const uint8_t *) VARDATA_ANY(sealed) + PB_SEALED_KEY_ID,
				  hex);
	PG_RETURN_TEXT_P(cstring_to_text(hex));
}

Datum
pgbeam_set_jwks(PG_FUNCTION_ARGS)
{
	PbFaults	faults = {0};
	PbJson		set = {.type = PB_JSON_NULL};
	int			keys;
	PbActor		actor;
	PbSqlScope	scope;

	begin_administration(fcinfo, &scope, &actor);
	if (!PG_ARGISNULL(0))
		pb_json_root(PointerGetDatum(PG_GETARG_VARLENA_P(0)), &set);
	keys = pb_token_set_keys(&set, &faults);
	end_administration(&scope, &faults);
	PG_RETURN_INT32(keys);
}

Datum
pgbeam_grant_access(PG_FUNCTION_ARGS)
{
	PbSqlScope	scope;
	Oid			role = DatumGetObjectId(pb_entry_required(fcinfo, 0, "role"));

	(void) pb_entry_required(fcinfo, 1, "access");
	pb_sql_begin(&scope, InvalidOid);
	pb_access_grant(role, pb_entry_text(fcinfo, 1));
	pb_sql_end(&scope);
	PG_RETURN_VOID();
}

Datum
pgbeam_logging_profile(PG_FUNCTION_ARGS)
{
	static const PbColumn columns[] = {
		{"setting", TEXTOID}, {"value", TEXTOID}, {"guarded", BOOLOID},
		{"leak", TEXTOID}
	};

	pb_result_begin(fcinfo, columns, lengthof(columns));
	for (int i = 0; pb_guard_profile[i].name != NULL; i++)
	{
		const PbLogSetting *setting = &pb_guard_profile[i];
		Datum		values[] = {
			CStringGetTextDatum(setting->name),
			CStringGetTextDatum(setting->value),
			BoolGetDatum(setting->guarded),
			CStringGetTextDatum(setting->leak)
		};
		bool		nulls[lengthof(values)] = {0};

		pb_result_add(fcinfo, values, nulls);
	}
	return (Datum) 0;
}

Datum
pgbeam_set_logging_profile(PG_FUNCTION_ARGS)
{
	PbSqlScope	scope;
	Oid			role = DatumGetObjectId(pb_entry_required(fcinfo, 0, "role"));

	if (!superuser())
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("only a superuser may set what is logged of a role")));
	pb_sql_begin(&scope, InvalidOid);
	pb_guard_set_profile(role);
	pb_sql_end(&scope);
	PG_RETURN_VOID();
}

static Datum
errors_of(const PbOperation *operation)
{
	int			errors[PB_ERRORS_MAX];
	Datum		values[PB_ERRORS_MAX];
	int			count = pb_operation_errors(operation, errors);

	for (int i = 0; i < count; i++)
		values[i] = Int32GetDatum(errors[i]);
	return PointerGetDatum(construct_array(values, count, INT4OID,
										   sizeof(int32), true, TYPALIGN_INT));
}

Datum
pgbeam_routes(PG_FUNCTION_ARGS)
{
	static const PbColumn columns[] = {
		{"operation", TEXTOID}, {"method", TEXTOID}, {"path", TEXTOID},
		{"function", TEXTOID}, {"needs_credential", BOOLOID},
		{"writes", BOOLOID}, {"status", INT4OID}, {"errors", INT4ARRAYOID}
	};

	pb_result_begin(fcinfo, columns, lengthof(columns));
	for (int i = 0; i < PB_OPERATIONS; i++)
	{
		const PbOperation *operation = &pb_operations[i];
		Datum		values[] = {
			CStringGetTextDatum(operation->name),
			CStringGetTextDatum(operation->method),
			CStringGetTextDatum(operation->path),
			CStringGetTextDatum(operation->function),
			BoolGetDatum(!operation->is_public),
			BoolGetDatum(operation->writes),
			Int32GetDatum(operation->status),
			errors_of(operation)
		};
		bool		nulls[lengthof(values)] = {0};

		pb_result_add(fcinfo, values, nulls);
	}
	return (Datum) 0;
}

Datum
pgbeam_fields(PG_FUNCTION_ARGS)
{
	pb_describe_begin(fcinfo);
	for (int i = 0; pb_resources[i] != NULL; i++)
		pb_describe(fcinfo, pb_resources[i]);
	return (Datum) 0;
}

Datum
pgbeam_check_fields(PG_FUNCTION_ARGS)
{
	text	   *name = PG_GETARG_TEXT_PP(0);

	for (int i = 0; pb_resources[i] != NULL; i++)
		if (pb_text_is(VARDATA_ANY(name), VARSIZE_ANY_EXHDR(name),
					   pb_resources[i]->name))
		{
			pb_constraint_check(pb_resources[i], PG_GETARG_HEAPTUPLEHEADER(1));
			PG_RETURN_BOOL(true);
		}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("there is no resource of this name")));
}

static text *
typeid_text(text *prefix, const uint8 *uuid)
{
	const char *problem = pb_typeid_prefix_problem(VARDATA_ANY(prefix),
												   VARSIZE_ANY_EXHDR(prefix));
	char		spelled[PB_TYPEID_MAX];

	if (problem != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid TypeID prefix"),
				 errdetail("As the TypeID specification has it, %s.", problem)));
	return cstring_to_text_with_len(spelled,
									pb_typeid_encode(VARDATA_ANY(prefix),
													 VARSIZE_ANY_EXHDR(prefix),
													 uuid, spelled));
}

static pg_uuid_t *
typeid_uuid(text *spelled)
{
	pg_uuid_t  *uuid = palloc(sizeof(pg_uuid_t));
	PbTypeid	id;
	const char *problem = pb_typeid_decode(VARDATA_ANY(spelled),
										   VARSIZE_ANY_EXHDR(spelled), &id);

	if (problem != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				 errmsg("invalid TypeID"),
				 errdetail("As the TypeID specification has it, %s.", problem)));
	memcpy(uuid->data, id.uuid, PB_UUID_BYTES);
	return uuid;
}

Datum
pgbeam_typeid(PG_FUNCTION_ARGS)
{
	uint8		uuid[PB_UUID_BYTES];
	uint64		random;

	pb_random(&random, sizeof(random));
	pb_id_make(random, uuid);
	PG_RETURN_TEXT_P(typeid_text(PG_GETARG_TEXT_PP(0), uuid));
}

Datum
pgbeam_typeid_encode(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(typeid_text(PG_GETARG_TEXT_PP(0),
								 PG_GETARG_UUID_P(1)->data));
}

Datum
pgbeam_typeid_decode(PG_FUNCTION_ARGS)
{
	PG_RETURN_UUID_P(typeid_uuid(PG_GETARG_TEXT_PP(0)));
}

Datum
pgbeam_typeid_timestamp(PG_FUNCTION_ARGS)
{
	pg_uuid_t  *uuid = typeid_uuid(PG_GETARG_TEXT_PP(0));

	if (uuid->data[6] >> 4 != 7)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a TypeID of UUID version %d has no timestamp",
						uuid->data[6] >> 4),
				 errdetail("Version 7 has one.")));
	PG_RETURN_TIMESTAMPTZ(pb_id_instant(uuid->data));
}
