/*
 * describe.h
 *	  The field table as rows.
 */
#ifndef PB_DESCRIBE_H
#define PB_DESCRIBE_H

#include "funcapi.h"

#include "field.h"

extern void pb_describe(ReturnSetInfo *result, const PbResource *resource);

#endif							/* PB_DESCRIBE_H */
