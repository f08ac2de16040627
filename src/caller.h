/*
 * caller.h
 *	  A request: how it came, who asks, what it says. And its reply.
 */
#ifndef PB_CALLER_H
#define PB_CALLER_H

#include "fault.h"
#include "json.h"

typedef enum PbManner
{
	PB_SQL,						/* a plain function call */
	PB_HTTP						/* on behalf of an HTTP request */
} PbManner;

typedef struct PbRequest
{
	PbManner	manner;
	Oid			role;			/* that calls */
	PbJson		body;
	const char *ids[2];			/* of the path, outermost first; may be NULL */
} PbRequest;

typedef struct PbReply
{
	PbFaults	faults;			/* a refusal, or PB_ACCEPTED */
	PbFaults   *unknown;		/* takes members that the request should not
								 * have; faults itself when they are refused */
	StringInfo	body;			/* JSON; nothing in it where none is due */
} PbReply;

extern bool pb_caller_is_trusted(const PbRequest *request, PbFaults *faults);
extern void pb_caller_grant(Oid role, const char *access);

#endif							/* PB_CALLER_H */
