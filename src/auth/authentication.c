/*
 * authentication.c
 *	  Who the caller is.
 *
 * In a plain call of SQL the caller is the role whose rights the call has. In
 * an HTTP request the caller is whoever the credential proves; the role does
 * not count.
 */
#include "postgres.h"

#include "catalog/pg_proc.h"
#include "miscadmin.h"
#include "nodes/value.h"
#include "parser/parse_func.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"

#include "auth/apikey.h"
#include "auth/authentication.h"
#include "auth/token.h"
#include "base/compat.h"
#include "base/text.h"

static bool trust_request_claims;

/*
 * Whether a role was given 'admin' access: it may then execute this function,
 * which no other access includes.
 */
static bool
has_admin_access(Oid role)
{
	List	   *name = list_make2(makeString("pgbeam"),
								  makeString("set_organization"));
	Oid			function = LookupFuncName(name, -1, NULL, true);

	return OidIsValid(function) &&
		object_aclcheck(ProcedureRelationId, function, role,
						ACL_EXECUTE) == ACLCHECK_OK;
}

void
pb_authentication_define_settings(void)
{
	DefineCustomBoolVariable("pgbeam.trust_request_claims",
							 "Whether request.jwt.claims, which the HTTP layer has verified, name the caller.",
							 "Turn it on only where nobody but that layer can run SQL as its role.",
							 &trust_request_claims, false, PGC_SUSET, 0,
							 NULL, NULL, NULL);
}

bool
pb_authentication_trusts_claims(void)
{
	return trust_request_claims;
}

/* The words are the same for every reason: the client must not learn it. */
static bool
refuse_credential(PbFaults *faults, const char *hint)
{
	pb_fault_set(faults, PB_UNAUTHORIZED, "missing or invalid authentication",
				 hint);
	return false;
}

/*
 * Without an HTTP request SQL is trusted from three kinds of role: a
 * superuser, a role that may act as the owner of the extension (our functions
 * run as the owner), and a role with 'admin' access.
 */
static bool
trust_role(PbRequest *request, PbFaults *faults)
{
	request->caller.is_trusted = superuser_arg(request->scope->caller) ||
		has_privs_of_role(request->scope->caller, GetUserId()) ||
		has_admin_access(request->scope->caller);
	return request->caller.is_trusted ||
		refuse_credential(faults, "For an HTTP client call pgbeam.http(), or set request.method and request.headers as PostgREST does. Trusted SQL needs the access \"admin\".");
}

static bool
take_claims(PbCaller *caller, const PbTokenClaims *claims)
{
	caller->user_id = claims->user_id;
	caller->org_id = claims->org_id;
	return true;
}

/* An organization's key is refused while the organization is suspended. */
static bool
enter_organization(PbCaller *caller, text *org_id, PbFaults *faults)
{
	caller->org_id = org_id;
	pb_organization_find(PointerGetDatum(org_id), PB_LATEST,
						 &caller->organization);
	if (caller->organization.is_suspended)
		return pb_organization_refuse_suspended(faults);
	return caller->organization.is_known || refuse_credential(faults, NULL);
}

static bool
prove_api_key(PbCaller *caller, const char *api_key, size_t length,
			  PbFaults *faults)
{
	PbOwner		owner;

	if (!pb_apikey_prove(api_key, length, &owner, &caller->api_key_id))
		return refuse_credential(faults, NULL);
	if (owner.kind == PB_OF_ORGANIZATION)
		return enter_organization(caller, owner.id, faults);
	caller->user_id = owner.id;
	return true;
}

/*
 * "Authorization: Bearer" carries a token, which has dots, or an API key,
 * which has none. Only without that header does X-API-Key count.
 */
static bool
prove_credential(PbRequest *request, PbFaults *faults)
{
	static const char scheme[] = "Bearer ";
	const int	skipped = sizeof(scheme) - 1;
	PbJson		header;
	PbTokenClaims claims;

	if (!pb_request_header(request, "authorization", &header))
		return pb_request_header(request, "x-api-key", &header) ?
			prove_api_key(&request->caller, header.text, header.length,
						  faults) :
			refuse_credential(faults, NULL);
	if (!pb_text_starts(header.text, header.length, scheme))
	{
		pb_fault_log_refusal("a credential",
							 "Authorization does not begin with \"Bearer \"");
		return refuse_credential(faults, NULL);
	}
	header.text += skipped;
	header.length -= skipped;
	if (memchr(header.text, '.', header.length) == NULL)
		return prove_api_key(&request->caller, header.text, header.length,
							 faults);
	return pb_token_prove(header.text, header.length, &claims) ?
		take_claims(&request->caller, &claims) :
		refuse_credential(faults, NULL);
}

/* Claims without a subject name nobody: PostgREST's anonymous requests. */
static bool
has_trusted_claims(const PbRequest *request)
{
	PbJson		subject;

	return trust_request_claims &&
		pb_json_find(&request->claims, "sub", &subject);
}

/* Fills request->caller; false with faults where nothing proves one. */
bool
pb_authenticate(PbRequest *request, PbFaults *faults)
{
	PbTokenClaims claims;

	if (request->manner == PB_SQL)
		return trust_role(request, faults);
	if (!has_trusted_claims(request))
		return prove_credential(request, faults);
	return pb_token_read_bearer(&request->claims, &claims) ?
		take_claims(&request->caller, &claims) :
		refuse_credential(faults, NULL);
}

/* Who acts, for the change feed: an API key by itself, not by its owner. */
PbActor
pb_authentication_actor(const PbRequest *request)
{
	const PbCaller *caller = &request->caller;
	PbActor		actor = {.request_id = request->id};
	Oid			role = request->scope->caller;

	if (caller->is_trusted)
	{
		actor.kind = PB_BY_ROLE;
		actor.name = CStringGetTextDatum(GetUserNameFromId(role, false));
		return actor;
	}
	actor.kind = caller->api_key_id != NULL ? PB_BY_API_KEY : PB_BY_USER;
	actor.name = PointerGetDatum(caller->api_key_id != NULL ?
								 caller->api_key_id : caller->user_id);
	return actor;
}

