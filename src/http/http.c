/*
 * http.c
 *	  The API over HTTP: turns a request into an operation, and a reply into a
 *	  status, headers and a body.
 *
 * Checks run in the API's order: credential, path and method, size, media
 * type, syntax, then the operation's own. Until the operation runs, nothing
 * that a client sends can raise an error of the server.
 */
#include "postgres.h"

#include "utils/guc.h"

#include "auth/authentication.h"
#include "base/id.h"
#include "base/parse.h"
#include "base/text.h"
#include "fields/query.h"
#include "http/dispatch.h"
#include "http/http.h"
#include "http/idempotency.h"
#include "http/route.h"

#define INSTANCE_MAX 2048
#define RETRY_AFTER "5"			/* seconds */

static void
add_header(PbAnswer *answer, const char *name, const char *value)
{
	Assert(answer->header_count < PB_HEADERS_MAX);
	answer->headers[answer->header_count++] = (PbJsonPair) {name, value};
}

static bool
charge(PbMeter meter, const char *kind, const char *id, int id_length,
	   PbReply *reply)
{
	if (pb_rate_take(meter, kind, id, id_length, &reply->budget))
		return true;
	pb_fault_set(&reply->faults, PB_RATE_LIMITED, "too many requests", NULL);
	return false;
}

static bool
charge_address(const PbRequest *request, PbReply *reply)
{
	const char *header = pb_rate_address_header();
	PbJson		address;

	return header[0] == '\0' ||
		!pb_request_header(request, header, &address) ||
		charge(PB_PER_ADDRESS, "address", address.text, address.length, reply);
}

static bool
charge_caller(const PbRequest *request, PbReply *reply)
{
	PbOwner		owner = pb_request_owner(request);

	return charge(PB_PER_CALLER, pb_owner_words[owner.kind],
				  VARDATA_ANY(owner.id), VARSIZE_ANY_EXHDR(owner.id), reply);
}

/*
 * Identifies the caller, unless the operation is public, and charges the
 * request to the rate limits. False with faults.
 */
bool
pb_http_admit(const PbOperation *operation, PbRequest *request, PbReply *reply)
{
	if (!charge_address(request, reply))
		return false;
	if (operation != NULL && operation->is_public)
		return true;
	return pb_authenticate(request, &reply->faults) &&
		charge_caller(request, reply);
}

/* The client's X-Request-Id if it is well formed, or else a new id. */
static const char *
request_id(const PbRequest *request)
{
	PbJson		given;
	uint8		uuid[PB_UUID_BYTES];
	char		text[PB_TYPEID_MAX];
	size_t		length;

	if (pb_request_header(request, "x-request-id", &given) &&
		given.length <= PB_REQUEST_ID_MAX &&
		pb_text_path_id_problem(given.text, given.length) == NULL)
		return pnstrdup(given.text, given.length);
	pb_id_make(uuid);
	length = pb_typeid_encode("req", 3, uuid, text);
	return pnstrdup(text, length);
}

/* Begins an HTTP request. Its headers must be set. */
void
pb_http_begin(PbRequest *request)
{
	request->manner = PB_HTTP;
	request->id = request_id(request);
}

/*
 * Logs what is missing for the operator. The client learns only that the fault
 * is the service's.
 */
static void
conceal_unavailable(PbFaults *faults)
{
	if (faults->refusal != PB_UNAVAILABLE)
		return;
	ereport(LOG_SERVER_ONLY,
			(errcode(faults->sqlstate),
			 errmsg("%s", faults->problems[0].detail),
			 faults->log == NULL ? 0 : errdetail_log("%s", faults->log),
			 faults->problems[0].hint == NULL ? 0 :
			 errhint("%s", faults->problems[0].hint),
			 errhidestmt(true), errhidecontext(true)));
	pb_fault_set(faults, PB_UNAVAILABLE,
				 "the service cannot handle secrets at the moment", NULL);
}

/* The request's path; NULL if it is too long to be one of ours. */
static const char *
instance(const PbRequest *request)
{
	return request->path != NULL && strlen(request->path) <= INSTANCE_MAX ?
		request->path : NULL;
}

static void
print_refusal(const PbRequest *request, PbReply *reply, PbAnswer *answer)
{
	bool		as_document = pb_request_header_has(request, "accept",
													"application/problem+json");

	conceal_unavailable(&reply->faults);
	answer->status = pb_fault_status(&reply->faults);
	if (as_document)
		pb_fault_document(reply->body, &reply->faults, instance(request),
						  request->id);
	else
		pb_fault_envelope(reply->body, &reply->faults, request->id);
	add_header(answer, "Content-Type", as_document ?
			   "application/problem+json" : "application/json");
	if (reply->etag != NULL)
		add_header(answer, "ETag", reply->etag);
	if (reply->faults.refusal == PB_UNAUTHORIZED)
		add_header(answer, "WWW-Authenticate", "Bearer");
	else if (answer->status == 503)
		add_header(answer, "Retry-After", RETRY_AFTER);
	else if (reply->faults.refusal == PB_RATE_LIMITED)
		add_header(answer, "Retry-After", psprintf("%d", reply->budget.next_in));
}

/*
 * Adds the ETag. A GET answers 304 without a body to a client that has this
 * version already.
 */
static void
print_etag(const PbRequest *request, const PbOperation *operation,
		   PbReply *reply, PbAnswer *answer)
{
	char	   *etag = palloc(PB_ETAG_SIZE + 1);

	pb_request_etag(reply->body->data + reply->body_begin,
					reply->body->len - reply->body_begin, reply->version,
					etag);
	add_header(answer, "ETag", etag);
	if (!pb_operation_gets(operation) ||
		!pb_request_names_etag(request, "if-none-match", etag, true))
		return;
	answer->status = 304;
	reply->body->len = reply->body_begin;
}

static void
print_success(const PbRequest *request, const PbOperation *operation,
			  PbReply *reply, PbAnswer *answer)
{
	const PbOperation *found = pb_operation_of_created(operation);

	answer->status = reply->is_degraded ? operation->degraded :
		operation->status;
	if (answer->status == 200 && pb_operation_has_etag(operation))
		print_etag(request, operation, reply, answer);
	if (reply->next_page != NULL && request->query != NULL)
		add_header(answer, "Link", pb_route_next_link(request, reply));
	if (answer->status != 204 && answer->status != 304)
		add_header(answer, "Content-Type", "application/json");
	if (reply->created != NULL && found != NULL)
		add_header(answer, "Location",
				   pb_route_location(found, request, reply));
	if (operation->takes != 0 && pb_request_is_strict(request))
		add_header(answer, "Preference-Applied", "handling=strict");
}

static const char *
find_header(const PbAnswer *answer, const char *name)
{
	for (int i = 0; i < answer->header_count; i++)
		if (strcmp(answer->headers[i].name, name) == 0)
			return answer->headers[i].value;
	return NULL;
}

/* Prints the stored answer to a request that is sent again. */
static void
print_replay(const PbIdempotencyClaim *claim, PbReply *reply, PbAnswer *answer)
{
	answer->status = claim->status;
	if (claim->content_type != NULL)
		add_header(answer, "Content-Type", claim->content_type);
	if (claim->location != NULL)
		add_header(answer, "Location", claim->location);
	if (claim->body != NULL)
		appendBinaryStringInfo(reply->body, VARDATA_ANY(claim->body),
							   VARSIZE_ANY_EXHDR(claim->body));
}

static void
print_answer(const PbRequest *request, const PbOperation *operation,
			 PbReply *reply, PbAnswer *answer)
{
	if (reply->faults.refusal != PB_ACCEPTED)
		print_refusal(request, reply, answer);
	else
		print_success(request, operation, reply, answer);
	if (reply->claim != NULL)
		pb_idempotency_settle(reply->claim, answer->status,
							  find_header(answer, "Content-Type"),
							  find_header(answer, "Location"),
							  reply->body->data + reply->body_begin,
							  reply->body->len - reply->body_begin,
							  reply->faults.org_id);
}

/*
 * The headers of draft-ietf-httpapi-ratelimit-headers, and those that older
 * clients read.
 */
static void
print_budget(const PbBudget *budget, PbAnswer *answer)
{
	if (budget->burst == 0)
		return;
	add_header(answer, "RateLimit-Policy",
			   psprintf("\"default\";q=%d;w=%d;qu=\"requests\"",
						budget->burst, budget->window));
	add_header(answer, "RateLimit",
			   psprintf("\"default\";r=%d;t=%d", budget->remaining,
						budget->full_in));
	add_header(answer, "X-RateLimit-Limit", psprintf("%d", budget->burst));
	add_header(answer, "X-RateLimit-Remaining",
			   psprintf("%d", budget->remaining));
}

/* Makes the answer from a reply. A refusal gets its body here. */
void
pb_http_finish(const PbRequest *request, const PbOperation *operation,
			   PbReply *reply, PbAnswer *answer)
{
	add_header(answer, "X-Request-Id", request->id);
	add_header(answer, "Cache-Control", "private, no-cache");
	print_budget(&reply->budget, answer);
	if (reply->claim != NULL && reply->claim->is_replay)
		print_replay(reply->claim, reply, answer);
	else
		print_answer(request, operation, reply, answer);
}

static bool
refuse(PbReply *reply, PbRefusal refusal, const char *message)
{
	pb_fault_set(&reply->faults, refusal, message, NULL);
	return false;
}

/*
 * Whether an operation matches. The refusals differ for a method that the path
 * does not have, for a part of the API that pgbeam does not serve, and for an
 * unknown path. Clients take 404 for a deleted object, so it is only the last
 * of these.
 */
static bool
has_operation(const PbMatch *match, PbReply *reply, PbAnswer *answer)
{
	if (match->operation != NULL)
		return true;
	if (match->unserved != NULL)
		return refuse(reply, PB_NOT_IMPLEMENTED,
					  psprintf("pgbeam does not serve %s", match->unserved));
	if (match->first == NULL)
		return refuse(reply, PB_NOT_FOUND, "there is nothing at this path");
	add_header(answer, "Allow", pb_route_methods(match->first));
	return refuse(reply, PB_METHOD_NOT_ALLOWED,
				  "this path does not have this method");
}

/* Decodes the ids of the path. False with faults if one is not valid text. */
static bool
take_ids(const PbMatch *match, PbRequest *request, PbFaults *faults)
{
	request->id_count = pb_operation_ids(match->operation);
	for (int i = 0; i < request->id_count; i++)
	{
		request->ids[i] = pb_query_decode(match->ids[i], match->lengths[i]);
		if (request->ids[i] == NULL)
			pb_query_refuse(pb_operation_id_name(match->operation, i), faults);
	}
	return faults->refusal == PB_ACCEPTED;
}

static bool
is_json(const PbRequest *request)
{
	PbJson		type;

	return pb_request_header(request, "content-type", &type) &&
		pb_request_header_has(request, "content-type", "application/json") &&
		memchr(type.text, ',', type.length) == NULL;
}

static bool
take_body(const PbMessage *message, PbRequest *request, PbReply *reply)
{
	PbParsed	parsed;

	if (message->body_length > PB_BODY_MAX)
		return refuse(reply, PB_PAYLOAD_TOO_LARGE, PB_BODY_PROBLEM);
	if (message->body_length == 0)
		return refuse(reply, PB_INVALID_INPUT, "a body is required");
	if (!is_json(request))
		return refuse(reply, PB_UNSUPPORTED_MEDIA_TYPE,
					  "send Content-Type: application/json");
	if (!pb_parse(message->body, message->body_length, "the request body",
				  &parsed, &reply->faults))
		return false;
	request->body = parsed.value;
	request->raw = (PbBytes) {message->body, message->body_length};
	return true;
}

static void
serve(const PbMessage *message, const PbMatch *match, PbRequest *request,
	  PbReply *reply, PbAnswer *answer)
{
	const PbOperation *operation = match->operation;

	if (!pb_http_admit(operation, request, reply))
		return;
	if (!has_operation(match, reply, answer))
		return;
	if (!take_ids(match, request, &reply->faults))
		return;
	if (operation->parameters != NULL &&
		!pb_query_read(operation->parameters, request->query,
					   &request->parameters, &reply->faults))
		return;
	if (operation->takes == 0 || take_body(message, request, reply))
		pb_dispatch(operation, request, reply);
}

/* The text between ? and #, still encoded. */
static const char *
query_of(const char *rest)
{
	return *rest != '?' ? "" : pnstrdup(rest + 1, strcspn(rest + 1, "#"));
}

/*
 * Routes the message, runs its operation, and makes the answer. OPTIONS only
 * asks which methods a path has: it needs no credential, and is charged to the
 * client's address alone.
 */
void
pb_http_handle(const PbMessage *message, PbRequest *request, PbReply *reply,
			   PbAnswer *answer)
{
	static const PbOperation options = {.is_public = true, .status = 204};
	size_t		path_length = strcspn(message->uri, "?#");
	PbMatch		match;

	request->path = pnstrdup(message->uri, path_length);
	request->query = query_of(message->uri + path_length);
	pb_route_match(message->method, request->path, path_length, &match);
	if (match.first != NULL && strcmp(message->method, "OPTIONS") == 0)
	{
		match.operation = &options;
		(void) pb_http_admit(match.operation, request, reply);
		add_header(answer, "Allow", pb_route_methods(match.first));
	}
	else
		serve(message, &match, request, reply, answer);
	answer->operation = match.operation;
	pb_http_finish(request, match.operation, reply, answer);
	if (strcmp(message->method, "HEAD") == 0)
		reply->body->len = reply->body_begin;
}

/*
 * Repeats a refusal's body in a header. A front that replaces the bodies of
 * all failures can restore ours from it.
 */
void
pb_http_repeat_body(const PbReply *reply, PbAnswer *answer)
{
	if (answer->status >= 400)
		add_header(answer, "X-Pgbeam-Body",
				   pnstrdup(reply->body->data + reply->body_begin,
							reply->body->len - reply->body_begin));
}

/*
 * Appends the headers as PostgREST takes them: an array of objects with one
 * member each.
 */
void
pb_http_header_list(StringInfo out, const PbAnswer *answer)
{
	pb_json_begin(out, '[');
	for (int i = 0; i < answer->header_count; i++)
	{
		pb_json_next(out);
		pb_json_begin(out, '{');
		pb_json_pair(out, answer->headers[i].name, answer->headers[i].value);
		pb_json_end(out, '}');
	}
	pb_json_end(out, ']');
}
