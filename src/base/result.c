/*
 * result.c
 *	  The results of our functions: a row, or a set of rows.
 *
 * Each call compares the declared columns of the result with those that C
 * fills. They can differ, because a type can be altered, and because a library
 * can be newer than the functions that the script made. To fill columns that
 * are not there would crash the server.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "funcapi.h"
#include "utils/lsyscache.h"

#include "base/result.h"

pg_noreturn static void refuse_result(FunctionCallInfo fcinfo);

static void
refuse_result(FunctionCallInfo fcinfo)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATATYPE_MISMATCH),
			 errmsg("the result of \"%s\" is not as the extension made it",
					get_func_name(fcinfo->flinfo->fn_oid)),
			 errhint("Undo the change of its type. If a newer version of the extension was installed, run ALTER EXTENSION pgbeam UPDATE in this database.")));
}

static void
require_columns(FunctionCallInfo fcinfo, TupleDesc given,
				const PbColumn *columns, int count)
{
	if (given->natts != count)
		refuse_result(fcinfo);
	for (int i = 0; i < count; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(given, i);

		if (attribute->attisdropped ||
			attribute->atttypid != columns[i].type ||
			strcmp(NameStr(attribute->attname), columns[i].name) != 0)
			refuse_result(fcinfo);
	}
}

/* Makes the row that the function returns. */
HeapTuple
pb_result_row(FunctionCallInfo fcinfo, const PbColumn *columns, int count,
			  Datum *values, bool *nulls)
{
	TupleDesc	type;

	if (get_call_result_type(fcinfo, NULL, &type) != TYPEFUNC_COMPOSITE)
		refuse_result(fcinfo);
	require_columns(fcinfo, type, columns, count);
	return heap_form_tuple(BlessTupleDesc(type), values, nulls);
}

/* Begins a set of rows, which the server keeps in the ReturnSetInfo. */
void
pb_result_begin(FunctionCallInfo fcinfo, const PbColumn *columns, int count)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;

	InitMaterializedSRF(fcinfo, 0);
	require_columns(fcinfo, result->setDesc, columns, count);
}

void
pb_result_add(FunctionCallInfo fcinfo, Datum *values, bool *nulls)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;

	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/* Adds all rows of a statement, or nothing where rows is NULL. */
void
pb_result_add_all(FunctionCallInfo fcinfo, const SPITupleTable *rows)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;

	if (rows == NULL)
		return;
	if (rows->tupdesc->natts != result->setDesc->natts)
		refuse_result(fcinfo);
	for (int i = 0; i < rows->tupdesc->natts; i++)
		if (TupleDescAttr(rows->tupdesc, i)->atttypid !=
			TupleDescAttr(result->setDesc, i)->atttypid)
			refuse_result(fcinfo);
	for (uint64 i = 0; i < rows->numvals; i++)
		tuplestore_puttuple(result->setResult, rows->vals[i]);
}
