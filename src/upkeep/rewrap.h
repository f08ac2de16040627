/*
 * rewrap.h
 *	  Reseals secrets that are sealed under older keys, under the active one.
 *	  Keeps a list of keys in the memory context pb_sql_memory().
 */
#ifndef PB_REWRAP_H
#define PB_REWRAP_H

#include "base/fault.h"

extern int64 pb_rewrap(int32 batch, PbFaults *faults);

#endif							/* PB_REWRAP_H */
