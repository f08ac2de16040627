/*
 * rewrap.h
 *	  Seals the secrets of older keys under the active one.
 */
#ifndef PB_REWRAP_H
#define PB_REWRAP_H

#include "base/fault.h"

extern int64 pb_rewrap(int32 batch, PbFaults *faults);

#endif							/* PB_REWRAP_H */
