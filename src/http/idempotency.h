/*
 * idempotency.h
 *	  Requests that may be sent again: the first one's answer is every one's.
 */
#ifndef PB_IDEMPOTENCY_H
#define PB_IDEMPOTENCY_H

#include "http/operation.h"

/* A key that a request has claimed, or what was answered under it before. */
typedef struct PbClaim
{
	Datum		owner_id;
	Datum		kind;
	Datum		key;
	bool		is_replay;		/* the rest is what was answered */
	int			status;
	const char *content_type;	/* NULL: none */
	const char *location;		/* NULL: none */
	text	   *body;			/* NULL: none */
	Datum		org_id;			/* text: whom it was about; 0: not known */
} PbClaim;

extern const PbResource pb_idempotency_key;

extern bool pb_idempotency_claim(const PbOperation *operation,
								 const PbRequest *request, PbReply *reply);
extern void pb_idempotency_settle(const PbClaim *claim, int status,
								  const char *content_type,
								  const char *location,
								  const char *body, int body_length,
								  Datum org_id);

#endif							/* PB_IDEMPOTENCY_H */
