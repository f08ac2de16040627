/*
 * base.c
 *	  SQL functions of the folder base: TypeIDs.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "base/compat.h"
#include "base/id.h"
#include "base/own.h"
#include "base/typeid.h"

PG_FUNCTION_INFO_V1(pgbeam_typeid);
PG_FUNCTION_INFO_V1(pgbeam_typeid_encode);
PG_FUNCTION_INFO_V1(pgbeam_typeid_decode);
PG_FUNCTION_INFO_V1(pgbeam_typeid_timestamp);

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

	pb_id_make(uuid);
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
