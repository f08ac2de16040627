/*
 * pgbeam.c
 *	  Start of the module, its settings, and the functions that SQL calls.
 *
 * Every operation goes through answer(): it alone reads what a session says
 * of an HTTP request, and turns a refusal into what the caller sees.
 */
#include "postgres.h"

#include "access/detoast.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "caller.h"
#include "compat.h"
#include "constraint.h"
#include "crypt.h"
#include "database.h"
#include "describe.h"
#include "host.h"
#include "key.h"
#include "keyfile.h"
#include "organization.h"
#include "project.h"
#include "resource.h"
#include "sql.h"
#include "text.h"
#include "typeid.h"

PB_MODULE_MAGIC;

#define BODY_MAX (2 * 1024 * 1024)

typedef void (*Operation) (const PbRequest *request, PbReply *reply);

static const PbResource *const resources[] = {
	&pb_organization, &pb_host, &pb_project, &pb_database
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
PG_FUNCTION_INFO_V1(pgbeam_grant_access);
PG_FUNCTION_INFO_V1(pgbeam_create_project);
PG_FUNCTION_INFO_V1(pgbeam_get_project);
PG_FUNCTION_INFO_V1(pgbeam_delete_project);
PG_FUNCTION_INFO_V1(pgbeam_get_database);
PG_FUNCTION_INFO_V1(pgbeam_reveal_password);

void
_PG_init(void)
{
	if (!pb_crypt_start())
		elog(ERROR, "libsodium cannot be initialized");
	pb_keyfile_define_settings();
	pb_host_define_settings();
	pb_database_define_settings();
	MarkGUCPrefixReserved("pgbeam");
}

/* Missing or empty is a plain call: a local setting leaves '' behind. */
static PbManner
manner_of_call(void)
{
	const char *method = GetConfigOption("request.method", true, false);

	return method == NULL || method[0] == '\0' ? PB_SQL : PB_HTTP;
}

static void
wipe_body(void *body)
{
	pb_wipe(body, VARSIZE(body));
}

/* Reads a jsonb argument; a copy made of it is wiped with its context. */
static bool
read_body(Datum argument, PbJson *body, PbFaults *faults)
{
	struct varlena *given = (struct varlena *) DatumGetPointer(argument);
	struct varlena *whole;

	if (toast_raw_datum_size(argument) > BODY_MAX)
	{
		pb_fault_set(faults, PB_PAYLOAD_TOO_LARGE,
					 "the request body exceeds 2 MB", NULL);
		return false;
	}
	whole = pg_detoast_datum(given);
	if (whole != given)
	{
		MemoryContextCallback *wipe = palloc(sizeof(MemoryContextCallback));

		wipe->func = wipe_body;
		wipe->arg = whole;
		MemoryContextRegisterResetCallback(CurrentMemoryContext, wipe);
	}
	pb_json_root(PointerGetDatum(whole), body);
	return true;
}

/* Unknown members do no harm, but are seldom meant. */
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

static const char *
text_argument(FunctionCallInfo fcinfo, int n)
{
	return PG_ARGISNULL(n) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(n));
}

/* The arguments are the ids of the path, then the body where there is one. */
static bool
read_arguments(FunctionCallInfo fcinfo, int ids, PbRequest *request,
			   PbFaults *faults)
{
	for (int i = 0; i < ids; i++)
		request->ids[i] = text_argument(fcinfo, i);
	if (PG_NARGS() == ids || PG_ARGISNULL(ids))
		return true;
	return read_body(PG_GETARG_DATUM(ids), &request->body, faults);
}

/* Runs an operation for a trusted caller: JSON, null, or an error. */
static Datum
answer(FunctionCallInfo fcinfo, int ids, Operation operation)
{
	PbRequest	request = {.manner = manner_of_call()};
	PbFaults	ignored = {0};
	PbReply		reply = {.body = makeStringInfo(), .unknown = &ignored};
	PbSqlScope	scope;

	appendStringInfoSpaces(reply.body, VARHDRSZ);
	pb_sql_begin(&scope, fcinfo->flinfo->fn_oid);
	request.role = scope.caller;
	if (pb_caller_is_trusted(&request, &reply.faults) &&
		read_arguments(fcinfo, ids, &request, &reply.faults))
		operation(&request, &reply);
	if (reply.faults.refusal != PB_ACCEPTED)
		pb_fault_throw(&reply.faults);
	warn_of_ignored(&ignored);
	pb_sql_end(&scope);

	if (reply.body->len == VARHDRSZ)
		PG_RETURN_NULL();
	SET_VARSIZE(reply.body->data, reply.body->len);
	PG_RETURN_POINTER(reply.body->data);
}

Datum
pgbeam_create_project(PG_FUNCTION_ARGS)
{
	return answer(fcinfo, 0, pb_project_create);
}

Datum
pgbeam_get_project(PG_FUNCTION_ARGS)
{
	return answer(fcinfo, 1, pb_project_get);
}

Datum
pgbeam_delete_project(PG_FUNCTION_ARGS)
{
	return answer(fcinfo, 1, pb_project_delete);
}

Datum
pgbeam_get_database(PG_FUNCTION_ARGS)
{
	return answer(fcinfo, 2, pb_database_get);
}

/* EXECUTE, which 'data_plane' access gives, is the wall; never over HTTP. */
Datum
pgbeam_reveal_password(PG_FUNCTION_ARGS)
{
	PbFaults	faults = {0};
	PbSqlScope	scope;
	text	   *plain = NULL;
	text	   *result = NULL;

	pb_sql_begin(&scope, fcinfo->flinfo->fn_oid);
	if (manner_of_call() == PB_SQL)
		plain = pb_database_password(text_argument(fcinfo, 0), &faults);
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
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	PbFaults	faults = {0};
	const PbKeyring *ring = pb_key_ring(&faults);
	size_t		count = ring == NULL ? 0 : pb_keyring_count(ring);

	InitMaterializedSRF(fcinfo, 0);
	if (ring == NULL)
		ereport(WARNING,
				(errmsg("%s", faults.problems[0].detail),
				 faults.problems[0].hint == NULL ? 0 :
				 errhint("%s", faults.problems[0].hint)));
	for (size_t i = 0; i < count; i++)
	{
		char		id[2 * PB_KEY_ID_BYTES + 1];
		Datum		values[2];
		bool		nulls[2] = {0};

		pb_key_id_hex(pb_keyring_id(ring, i), id);
		values[0] = CStringGetTextDatum(id);
		values[1] = BoolGetDatum(i == count - 1);
		tuplestore_putvalues(result->setResult, result->setDesc,
							 values, nulls);
	}
	return (Datum) 0;
}

Datum
pgbeam_set_organization(PG_FUNCTION_ARGS)
{
	PbRequest	request = {.manner = manner_of_call()};
	PbFaults	faults = {0};
	PbJson		members[2 + PB_LIMITS] = {0};
	PbSqlScope	scope;

	pb_sql_begin(&scope, fcinfo->flinfo->fn_oid);
	request.role = scope.caller;
	for (int i = 0; i < PG_NARGS(); i++)
	{
		if (PG_ARGISNULL(i))
			members[i].type = PB_JSON_NULL;
		else if (i < 2)
			pb_json_from_text(PG_GETARG_TEXT_PP(i), &members[i]);
		else
			pb_json_from_integer(PG_GETARG_INT32(i), &members[i]);
	}
	if (pb_caller_is_trusted(&request, &faults))
		pb_organization_set(members, &faults);
	if (faults.refusal != PB_ACCEPTED)
		pb_fault_throw(&faults);
	pb_sql_end(&scope);
	PG_RETURN_VOID();
}

Datum
pgbeam_grant_access(PG_FUNCTION_ARGS)
{
	PbSqlScope	scope;

	pb_sql_begin(&scope, InvalidOid);
	pb_caller_grant(PG_GETARG_OID(0), text_argument(fcinfo, 1));
	pb_sql_end(&scope);
	PG_RETURN_VOID();
}

Datum
pgbeam_fields(PG_FUNCTION_ARGS)
{
	InitMaterializedSRF(fcinfo, 0);
	for (int i = 0; i < (int) lengthof(resources); i++)
		pb_describe((ReturnSetInfo *) fcinfo->resultinfo, resources[i]);
	return (Datum) 0;
}

Datum
pgbeam_check_fields(PG_FUNCTION_ARGS)
{
	text	   *name = PG_GETARG_TEXT_PP(0);

	for (int i = 0; i < (int) lengthof(resources); i++)
		if (pb_text_is(VARDATA_ANY(name), VARSIZE_ANY_EXHDR(name),
					   resources[i]->name))
		{
			pb_constraint_check(resources[i], PG_GETARG_HEAPTUPLEHEADER(1));
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
	pb_resource_new_id(random, uuid);
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
	PG_RETURN_TIMESTAMPTZ(pb_resource_instant(uuid->data));
}
