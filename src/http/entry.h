/*
 * entry.h
 *	  Where SQL functions enter: turns a call into a request, and an answer
 *	  into the call's result.
 */
#ifndef PB_ENTRY_H
#define PB_ENTRY_H

#include "fmgr.h"

#include "auth/request.h"

extern PbManner pb_entry_manner(void);
extern const char *pb_entry_text(FunctionCallInfo fcinfo, int n);

/* What pgbeam.caller() returns; false outside of a call. */
extern bool pb_entry_caller(StringInfo out);

/* An argument; if it is null, raises an error that calls it by this name. */
extern Datum pb_entry_required(FunctionCallInfo fcinfo, int n,
							   const char *name);

#endif							/* PB_ENTRY_H */
