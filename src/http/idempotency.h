/*
 * idempotency.h
 *	  Requests that may be sent again: all get the answer of the first one.
 */
#ifndef PB_IDEMPOTENCY_H
#define PB_IDEMPOTENCY_H

#include "http/operation.h"

/* An idempotency key that a request has claimed, and the stored answer. */
typedef struct PbIdempotencyClaim
{
	Datum		owner_id;
	Datum		kind;
	Datum		key;			/* the header's value */
	bool		is_replay;		/* the rest is the stored answer */
	int			status;
	const char *content_type;	/* NULL: none */
	const char *location;		/* NULL: none */
	text	   *body;			/* NULL: none */
	Datum		org_id;			/* text: the organization that the request was
								 * about; 0: not known */
} PbIdempotencyClaim;

extern const PbResource pb_idempotency_key;

extern bool pb_idempotency_claim(const PbOperation *operation,
								 const PbRequest *request, PbReply *reply);
extern void pb_idempotency_settle(const PbIdempotencyClaim *claim, int status,
								  const char *content_type,
								  const char *location,
								  const char *body, int body_length,
								  Datum org_id);

#endif							/* PB_IDEMPOTENCY_H */
