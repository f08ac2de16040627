/*
 * fields.c
 *	  SQL functions of the folder fields: they show the field tables as rows,
 *	  and check rows against them.
 */
#include "postgres.h"


#include "base/text.h"
#include "fields/constraint.h"
#include "fields/describe.h"

PG_FUNCTION_INFO_V1(pgbeam_fields);
PG_FUNCTION_INFO_V1(pgbeam_check_fields);

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
