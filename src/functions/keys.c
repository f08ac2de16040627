/*
 * keys.c
 *	  SQL functions of the folder keys: the keyring, and the secrets under it.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/builtins.h"

#include "base/crypt.h"
#include "base/result.h"
#include "base/sql.h"
#include "functions/administration.h"
#include "http/statistics.h"
#include "keys/keyring.h"
#include "upkeep/rewrap.h"

PG_FUNCTION_INFO_V1(pgbeam_create_key);
PG_FUNCTION_INFO_V1(pgbeam_keyring);
PG_FUNCTION_INFO_V1(pgbeam_rewrap);
PG_FUNCTION_INFO_V1(pgbeam_secret_key_id);

Datum
pgbeam_create_key(PG_FUNCTION_ARGS)
{
	PbFaults	faults = {0};
	const char *id;

	if (!superuser())
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("only a superuser may create a key")));
	id = pb_keyring_create_key(&faults);
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
	const PbKeyring *ring = pb_keyring_current(&faults);
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
		char		id[2 * PB_KEYRING_ID_BYTES + 1];
		Datum		values[lengthof(columns)];
		bool		nulls[lengthof(columns)] = {0};

		pb_keyring_id_hex(pb_keyring_id(ring, i), id);
		values[0] = CStringGetTextDatum(id);
		values[1] = BoolGetDatum(i == count - 1);
		pb_result_add(fcinfo, values, nulls);
	}
	return (Datum) 0;
}

Datum
pgbeam_rewrap(PG_FUNCTION_ARGS)
{
	PbFaults	faults = {0};
	int64		left = 0;
	PbActor		actor;
	PbSqlScope	scope;

	pb_administration_begin(fcinfo, &scope, &actor);
	if (PG_ARGISNULL(0) || PG_GETARG_INT32(0) < 1)
		pb_fault_set(&faults, PB_INVALID_INPUT, "batch must be at least 1",
					 NULL);
	else
		left = pb_rewrap(PG_GETARG_INT32(0), &faults);
	pb_administration_end(&scope, &faults);
	pb_statistics_rewrapped(left);
	PG_RETURN_INT64(left);
}

Datum
pgbeam_secret_key_id(PG_FUNCTION_ARGS)
{
	bytea	   *sealed = PG_GETARG_BYTEA_PP(0);
	char		hex[2 * PB_KEYRING_ID_BYTES + 1];

	if (VARSIZE_ANY_EXHDR(sealed) <
		PB_SEALED_KEYRING_ID + PB_KEYRING_ID_BYTES)
		PG_RETURN_NULL();
	pb_keyring_id_hex((const uint8_t *) VARDATA_ANY(sealed) +
					  PB_SEALED_KEYRING_ID, hex);
	PG_RETURN_TEXT_P(cstring_to_text(hex));
}
