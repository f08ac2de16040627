/*
 * administration.h
 *	  What the SQL functions for operators have in common: they serve trusted
 *	  SQL alone, and take arguments as the members of a resource.
 */
#ifndef PB_ADMINISTRATION_H
#define PB_ADMINISTRATION_H

#include "fmgr.h"

#include "auth/request.h"
#include "base/result.h"

/* Begins such a call, or raises an error; the actor is for the feed. */
extern void pb_administration_begin(FunctionCallInfo fcinfo,
									PbSqlScope *scope, PbActor *actor);
extern void pb_administration_end(PbSqlScope *scope, const PbFaults *faults);

/* The first arguments as JSON values, which the field tables check. */
extern void pb_administration_arguments(FunctionCallInfo fcinfo,
										PbJson *values, int count);

/* The whole of a call that gives nothing. */
extern Datum pb_administer(FunctionCallInfo fcinfo,
						   void (*act) (const PbJson *members,
										const PbActor *actor,
										PbFaults *faults));

/* The whole of a call that gives the rows which it leaves in SPI_tuptable. */
extern Datum pb_administration_list(FunctionCallInfo fcinfo,
									const PbColumn *columns, int count,
									void (*act) (const PbJson *members,
												 PbFaults *faults));

#endif							/* PB_ADMINISTRATION_H */
