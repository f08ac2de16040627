/*
 * http.h
 *	  The API over HTTP: turns a request into an operation, and a reply into a
 *	  status, headers and a body.
 */
#ifndef PB_HTTP_H
#define PB_HTTP_H

#include "http/operation.h"

#define PB_HEADERS_MAX 16

typedef struct PbAnswer
{
	const PbOperation *operation;	/* that was asked for, or NULL */
	int			status;
	int			header_count;
	PbJsonPair	headers[PB_HEADERS_MAX];
} PbAnswer;

/* A request as the layer in front hands it over. */
typedef struct PbMessage
{
	const char *method;
	const char *uri;
	const char *body;			/* bytes, or NULL */
	size_t		body_length;
} PbMessage;

extern void pb_http_begin(PbRequest *request);
extern bool pb_http_admit(const PbOperation *operation, PbRequest *request,
						  PbReply *reply);
extern void pb_http_finish(const PbRequest *request,
						   const PbOperation *operation, PbReply *reply,
						   PbAnswer *answer);
extern void pb_http_handle(const PbMessage *message, PbRequest *request,
						   PbReply *reply, PbAnswer *answer);
extern void pb_http_repeat_body(const PbReply *reply, PbAnswer *answer);
extern void pb_http_header_list(StringInfo out, const PbAnswer *answer);

#endif							/* PB_HTTP_H */
