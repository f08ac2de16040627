/*
 * result.h
 *	  The results of our functions: a row, or a set of rows, of the columns
 *	  that C fills.
 */
#ifndef PB_RESULT_H
#define PB_RESULT_H

#include "executor/spi.h"
#include "fmgr.h"

#include "base/compat.h"

typedef struct PbColumn
{
	const char *name;
	Oid			type;
} PbColumn;

extern HeapTuple pb_result_row(FunctionCallInfo fcinfo,
							   const PbColumn *columns, int count,
							   Datum *values, bool *nulls);
extern void pb_result_begin(FunctionCallInfo fcinfo, const PbColumn *columns,
							int count);
extern void pb_result_add(FunctionCallInfo fcinfo, Datum *values,
						  bool *nulls);
extern void pb_result_add_all(FunctionCallInfo fcinfo,
							  const SPITupleTable *rows);

#endif							/* PB_RESULT_H */
