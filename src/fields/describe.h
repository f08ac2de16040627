/*
 * describe.h
 *	  The field table as rows.
 */
#ifndef PB_DESCRIBE_H
#define PB_DESCRIBE_H

#include "fmgr.h"

#include "fields/field.h"

extern void pb_describe_begin(FunctionCallInfo fcinfo);
extern void pb_describe(FunctionCallInfo fcinfo, const PbResource *resource);

#endif							/* PB_DESCRIBE_H */
