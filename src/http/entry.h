/*
 * entry.h
 *	  From a call of a function to a request, and from an answer to what the
 *	  call returns.
 */
#ifndef PB_ENTRY_H
#define PB_ENTRY_H

#include "fmgr.h"

#include "auth/request.h"

extern PbManner pb_entry_manner(void);
extern const char *pb_entry_text(FunctionCallInfo fcinfo, int n);

/* An argument that must be there, which an error calls by this name. */
extern Datum pb_entry_required(FunctionCallInfo fcinfo, int n,
							   const char *name);

#endif							/* PB_ENTRY_H */
