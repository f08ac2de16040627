/*
 * dispatch.h
 *	  Runs an operation for a caller who has been identified.
 */
#ifndef PB_DISPATCH_H
#define PB_DISPATCH_H

#include "http/operation.h"

extern void pb_dispatch(const PbOperation *operation, PbRequest *request,
						PbReply *reply);

#endif							/* PB_DISPATCH_H */
