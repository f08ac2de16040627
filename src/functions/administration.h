/*
 * administration.h
 *	  The common part of SQL functions for operators: they serve trusted SQL
 *	  only, and take their arguments as the members of a resource.
 */
#ifndef PB_ADMINISTRATION_H
#define PB_ADMINISTRATION_H

#include "fmgr.h"

#include "auth/request.h"
#include "base/result.h"

/* Begins such a call, or raises an error. The actor is for the feed. */
extern void pb_administration_begin(FunctionCallInfo fcinfo,
									PbSqlScope *scope, PbActor *actor);
extern void pb_administration_end(PbSqlScope *scope, const PbFaults *faults);

/* The first arguments as JSON values, which the field tables check. */
extern void pb_administration_arguments(FunctionCallInfo fcinfo,
										PbJson *values, int count);

/* A whole call that returns nothing. */
extern Datum pb_administer(FunctionCallInfo fcinfo,
						   void (*act) (const PbJson *members,
										const PbActor *actor,
										PbFaults *faults));

/* A whole call that returns the rows which act leaves in SPI_tuptable. */
extern Datum pb_administration_list(FunctionCallInfo fcinfo,
									const PbColumn *columns, int count,
									void (*act) (const PbJson *members,
												 PbFaults *faults));

#endif							/* PB_ADMINISTRATION_H */
