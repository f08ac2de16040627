/*
 * horizon.h
 *	  Up to which transaction changes are readable: all before it have ended.
 */
#ifndef PB_HORIZON_H
#define PB_HORIZON_H

#include "access/transam.h"

typedef struct PbHorizon
{
	FullTransactionId xmin;		/* what began before it has ended, and its
								 * rows are visible */
	FullTransactionId xmax;		/* what began from it on is not visible */
	const char *prepared;		/* the prepared transaction on a node of Citus
								 * that xmin stands at, or NULL */
} PbHorizon;

extern void pb_horizon_find(PbHorizon *horizon);

#endif							/* PB_HORIZON_H */
