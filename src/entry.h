/*
 * entry.h
 *	  From a call of a function to a request, and from an answer to what the
 *	  call returns.
 */
#ifndef PB_ENTRY_H
#define PB_ENTRY_H

#include "fmgr.h"

#include "request.h"

extern PbManner pb_entry_manner(void);
extern const char *pb_entry_text(FunctionCallInfo fcinfo, int n);

#endif							/* PB_ENTRY_H */
