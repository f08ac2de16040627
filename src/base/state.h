/*
 * state.h
 *	  States of the server in which a request cannot be served now, and how a
 *	  client over HTTP is told.
 */
#ifndef PB_STATE_H
#define PB_STATE_H

#include "base/fault.h"

extern bool pb_state_takes_writes(PbFaults *faults);
extern void pb_state_retell(MemoryContext memory);

#endif							/* PB_STATE_H */
