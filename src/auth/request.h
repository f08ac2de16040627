/*
 * request.h
 *	  A request: how it came, its caller and its content. And its reply.
 *
 * Memory contexts: it keeps none. A request and its reply live in the context
 * of the call.
 */
#ifndef PB_REQUEST_H
#define PB_REQUEST_H

#include "auth/organization.h"
#include "auth/owner.h"
#include "auth/rate.h"
#include "base/crypt.h"
#include "base/fault.h"
#include "base/json.h"
#include "base/sql.h"
#include "feed/change.h"
#include "fields/field.h"

typedef enum PbManner
{
	PB_SQL,						/* a plain function call */
	PB_HTTP						/* on behalf of an HTTP request */
} PbManner;

/* Who the caller is; authorization.h tells what they may see and do. */
typedef struct PbCaller
{
	bool		is_trusted;		/* SQL that may name any organization */
	text	   *org_id;			/* the only one they act for, or NULL */
	text	   *user_id;		/* whose memberships count, or NULL */
	text	   *api_key_id;		/* of the API key that was shown, or NULL */
	PbOrganization organization;	/* the owner of the key, if it is one */
} PbCaller;

#define PB_IDS_MAX 3			/* in a path */
#define PB_BODY_MAX (2 * 1024 * 1024)
#define PB_BODY_PROBLEM "the request body exceeds 2 MB"

typedef struct PbRequest
{
	PbManner	manner;
	const char *id;				/* X-Request-Id; NULL in plain SQL */
	const PbSqlScope *scope;	/* of the call; has the role that calls */
	PbCaller	caller;
	PbJsonMember *headers;
	int			header_count;
	bool		is_forwarded;	/* see pb_request_header() */
	PbJson		claims;			/* that the HTTP layer verified; the same */
	PbJson		parameters;		/* of the query, an object */
	PbJson		body;
	PbBytes		raw;			/* the body as it came */
	const char *path;			/* of the URI, where it is known */
	const char *query;			/* of the URI, still encoded; the same */
	const PbResource *resource; /* that the operation is about, or NULL */
	int			id_count;
	const char *ids[PB_IDS_MAX];	/* of the path, outermost first; may be
									 * NULL */
} PbRequest;

typedef struct PbReply
{
	PbFaults	faults;			/* a refusal, or PB_ACCEPTED */
	PbFaults   *unknown;		/* takes unknown members: faults itself where
								 * they are refused */
	StringInfo	body;			/* JSON, or nothing where none is due */
	int			body_begin;		/* bytes before it */
	const char *created;		/* id of what was created */
	struct PbIdempotencyClaim *claim;	/* or NULL */
	PbBudget	budget;			/* what the caller has left */
	const char *etag;			/* of the object, where If-Match does not name
								 * it */
	int64		version;		/* of the row that is answered */
	const char *next_page;		/* its token, or NULL */
	bool		is_degraded;	/* the service cannot do all its work */
} PbReply;

#define PB_ETAG_SIZE (2 + 32)	/* quotes and hex digits */

extern PbOwner pb_request_owner(const PbRequest *request);
extern void pb_request_etag(const char *body, int length, int64 version,
							char etag[PB_ETAG_SIZE + 1]);
extern bool pb_request_names_etag(const PbRequest *request,
								  const char *header, const char *etag,
								  bool reads);
extern void pb_request_take_headers(PbRequest *request, const PbJson *headers);
extern bool pb_request_has_header(const PbRequest *request, const char *name);
extern bool pb_request_header(const PbRequest *request, const char *name,
							  PbJson *value);
extern bool pb_request_is_strict(const PbRequest *request);
extern bool pb_request_header_has(const PbRequest *request, const char *name,
								  const char *item);

#endif							/* PB_REQUEST_H */
