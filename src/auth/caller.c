/*
 * caller.c
 *	  Who asks, what that lets him see and do, and what access a role is given.
 *
 * In a plain call of SQL the caller is the role whose rights the call has. In
 * an HTTP request he is whoever the credential proves, and no role counts;
 * what that may do is read as it is now, not as the caller's query sees it.
 */
#include "postgres.h"

#include "catalog/pg_proc.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "nodes/value.h"
#include "parser/parse_func.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"

#include "auth/apikey.h"
#include "auth/caller.h"
#include "auth/token.h"
#include "base/compat.h"
#include "base/sql.h"
#include "base/text.h"

static bool trust_request_claims;

#define API 0x1
#define DATA_PLANE 0x2
#define ADMIN 0x4
#define HTTP 0x8				/* a layer that tells all of a request */

static const struct
{
	const char *name;
	int			bit;
}			accesses[] =
{
	{"api", API},
	{"http", HTTP},
	{"data_plane", DATA_PLANE},
	{"admin", ADMIN},
};

/*
 * Who may execute what. The remaining functions are the owner's. http() takes
 * headers as an argument, the client's address among them: where clients call
 * functions by themselves, as through PostgREST, it must not be one of these.
 */
static const struct
{
	const char *function;
	int			accesses;
}			grants[] =
{
	{"typeid(pg_catalog.text)", API | DATA_PLANE | ADMIN},
	{"typeid_encode(pg_catalog.text, pg_catalog.uuid)", API | DATA_PLANE | ADMIN},
	{"typeid_decode(pg_catalog.text)", API | DATA_PLANE | ADMIN},
	{"typeid_timestamp(pg_catalog.text)", API | DATA_PLANE | ADMIN},
	{"create_project(pg_catalog.jsonb)", API | ADMIN},
	{"get_project(pg_catalog.text)", API | ADMIN},
	{"update_project(pg_catalog.text, pg_catalog.jsonb)", API | ADMIN},
	{"delete_project(pg_catalog.text)", API | ADMIN},
	{"list_projects(pg_catalog.text, pg_catalog.int4, pg_catalog.text, pg_catalog.text)", API | ADMIN},
	{"create_database(pg_catalog.text, pg_catalog.jsonb)", API | ADMIN},
	{"update_database(pg_catalog.text, pg_catalog.text, pg_catalog.jsonb)", API | ADMIN},
	{"delete_database(pg_catalog.text, pg_catalog.text)", API | ADMIN},
	{"list_databases(pg_catalog.text, pg_catalog.int4, pg_catalog.text)", API | ADMIN},
	{"get_database(pg_catalog.text, pg_catalog.text)", API | ADMIN},
	{"http(pg_catalog.text, pg_catalog.text, pg_catalog.jsonb, pg_catalog.bytea)", HTTP | ADMIN},
	{"http_forwarded(pg_catalog.bytea)", API | ADMIN},
	{"openapi()", API | ADMIN},
	{"health()", API | ADMIN},
	{"routes()", API | ADMIN},
	{"list_replicas(pg_catalog.text, pg_catalog.int4, pg_catalog.text)", API | ADMIN},
	{"create_replica(pg_catalog.text, pg_catalog.jsonb)", API | ADMIN},
	{"delete_replica(pg_catalog.text, pg_catalog.text)", API | ADMIN},
	{"list_custom_domains(pg_catalog.text, pg_catalog.int4, pg_catalog.text)", API | ADMIN},
	{"create_custom_domain(pg_catalog.text, pg_catalog.jsonb)", API | ADMIN},
	{"delete_custom_domain(pg_catalog.text, pg_catalog.text)", API | ADMIN},
	{"verify_custom_domain(pg_catalog.text, pg_catalog.text)", API | ADMIN},
	{"test_database_connection(pg_catalog.text, pg_catalog.text)", API | ADMIN},
	{"list_regions()", API | ADMIN},
	{"list_plans()", API | ADMIN},
	{"list_organizations()", API | ADMIN},
	{"get_organization_plan(pg_catalog.text)", API | ADMIN},
	{"report_connection_test(pg_catalog.text, pg_catalog.bool, pg_catalog.float8, pg_catalog.text, pg_catalog.text)", DATA_PLANE},
	{"report_domain(pg_catalog.text, pg_catalog.text)", ADMIN},
	{"release_domain(pg_catalog.text)", ADMIN},
	{"reveal_password(pg_catalog.text)", DATA_PLANE},
	{"set_organization(pg_catalog.text, pg_catalog.jsonb)", ADMIN},
	{"suspend_organization(pg_catalog.text)", ADMIN},
	{"resume_organization(pg_catalog.text)", ADMIN},
	{"set_member(pg_catalog.text, pg_catalog.text, pg_catalog.text)", ADMIN},
	{"remove_member(pg_catalog.text, pg_catalog.text)", ADMIN},
	{"list_members(pg_catalog.text)", ADMIN},
	{"create_api_key(pg_catalog.text, pg_catalog.text, pg_catalog.text, pg_catalog.interval)", ADMIN},
	{"list_api_keys(pg_catalog.text, pg_catalog.text)", ADMIN},
	{"revoke_api_key(pg_catalog.text)", ADMIN},
	{"revoke_api_keys(pg_catalog.text, pg_catalog.text)", ADMIN},
	{"set_jwks(pg_catalog.jsonb)", ADMIN},
	{"read_changes(pg_catalog.text, pg_catalog.int4)", ADMIN},
	{"feed_hold()", ADMIN},
	{"fields()", API | ADMIN},
	{"rewrap(pg_catalog.int4)", ADMIN},
	{"keyring()", ADMIN},
	{"key_status()", ADMIN},
	{"logging_profile()", ADMIN},
	{"check_configuration()", ADMIN},
};

/* Told by a function that 'admin' access alone may execute. */
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
pb_caller_define_settings(void)
{
	DefineCustomBoolVariable("pgbeam.trust_request_claims",
							 "Whether request.jwt.claims, which the HTTP layer has verified, tell who asks.",
							 "Only where nobody but that layer has SQL as its role.",
							 &trust_request_claims, false, PGC_SUSET, 0,
							 NULL, NULL, NULL);
}

bool
pb_caller_trusts_claims(void)
{
	return trust_request_claims;
}

/* The same words for every reason. */
static bool
refuse_credential(PbFaults *faults, const char *hint)
{
	pb_fault_set(faults, PB_UNAUTHORIZED, "missing or invalid authentication",
				 hint);
	return false;
}

/*
 * Trusted SQL: the owner, whom we run as, a superuser, or a role with 'admin'
 * access, with no HTTP request in progress.
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
take_claims(PbCaller *caller, const PbClaims *claims)
{
	caller->user_id = claims->user_id;
	caller->org_id = claims->org_id;
	return true;
}

static bool
refuse_suspended(PbFaults *faults)
{
	pb_fault_set(faults, PB_FORBIDDEN, "the organization is suspended",
				 "Whoever runs this service can resume it.");
	return false;
}

/* An organization's key works as long as the organization does. */
static bool
enter_organization(PbCaller *caller, text *org_id, PbFaults *faults)
{
	caller->org_id = org_id;
	pb_organization_find(PointerGetDatum(org_id), PB_LATEST,
						 &caller->organization);
	if (caller->organization.is_suspended)
		return refuse_suspended(faults);
	return caller->organization.is_known || refuse_credential(faults, NULL);
}

static bool
prove_key(PbCaller *caller, const char *key, size_t length, PbFaults *faults)
{
	text	   *owner = NULL;
	PbKeyProof	proof = pb_apikey_prove(key, length, &owner, &caller->key_id);

	if (proof == PB_KEY_REFUSED)
		return refuse_credential(faults, NULL);
	if (proof == PB_KEY_OF_ORGANIZATION)
		return enter_organization(caller, owner, faults);
	caller->user_id = owner;
	return true;
}

/*
 * Authorization: Bearer has a token, which has dots, or a key, which has none;
 * without that header X-API-Key has a key.
 */
static bool
prove_credential(PbRequest *request, PbFaults *faults)
{
	static const char scheme[] = "Bearer ";
	const int	skipped = sizeof(scheme) - 1;
	PbJson		header;
	PbClaims	claims;

	if (!pb_request_header(request, "authorization", &header))
		return pb_request_header(request, "x-api-key", &header) ?
			prove_key(&request->caller, header.text, header.length, faults) :
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
		return prove_key(&request->caller, header.text, header.length, faults);
	return pb_token_prove(header.text, header.length, &claims) ?
		take_claims(&request->caller, &claims) :
		refuse_credential(faults, NULL);
}

/* Claims without a subject are those of nobody, as of an anonymous request. */
static bool
has_trusted_claims(const PbRequest *request)
{
	PbJson		subject;

	return trust_request_claims &&
		pb_json_find(&request->claims, "sub", &subject);
}

/* Fills request->caller; false with faults for nobody that may ask. */
bool
pb_caller_identify(PbRequest *request, PbFaults *faults)
{
	PbClaims	claims;

	if (request->manner == PB_SQL)
		return trust_role(request, faults);
	if (!has_trusted_claims(request))
		return prove_credential(request, faults);
	return pb_token_read_bearer(&request->claims, &claims) ?
		take_claims(&request->caller, &claims) :
		refuse_credential(faults, NULL);
}

/* An API key speaks for itself, whosever it is. */
PbActor
pb_caller_actor(const PbRequest *request)
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
	actor.kind = caller->key_id != NULL ? PB_BY_API_KEY : PB_BY_USER;
	actor.name = PointerGetDatum(caller->key_id != NULL ?
								 caller->key_id : caller->user_id);
	return actor;
}

/* Nobody is not everybody, whatever was forgotten. */
static void
require_somebody(const PbCaller *caller)
{
	if (!caller->is_trusted && caller->org_id == NULL &&
		caller->user_id == NULL)
		elog(ERROR, "a caller was not identified");
}

/* The arguments of PB_IS_IN_SIGHT, and SPI's marks for them. */
void
pb_caller_sight(const PbCaller *caller, Datum *org_id, char *org_null,
				Datum *user_id, char *user_null)
{
	require_somebody(caller);
	*org_id = PointerGetDatum(caller->org_id);
	*org_null = caller->org_id == NULL ? 'n' : ' ';
	*user_id = PointerGetDatum(caller->user_id);
	*user_null = caller->user_id == NULL ? 'n' : ' ';
}

static bool
is_same_text(const text *a, Datum b)
{
	text	   *t = DatumGetTextPP(b);

	return VARSIZE_ANY_EXHDR(a) == VARSIZE_ANY_EXHDR(t) &&
		memcmp(VARDATA_ANY(a), VARDATA_ANY(t), VARSIZE_ANY_EXHDR(t)) == 0;
}

/* His role, if he is a member; an organization's own key is none's. */
static bool
find_role(const PbCaller *caller, Datum org_id, bool *may_write)
{
	*may_write = caller->user_id == NULL;
	if (caller->org_id != NULL && !is_same_text(caller->org_id, org_id))
		return false;
	return caller->user_id == NULL ||
		pb_member_find(org_id, PointerGetDatum(caller->user_id), may_write);
}

/*
 * Whether the caller may do so in this organization, which is read on the way;
 * false with faults, which are the same for one that is unknown and one that
 * is somebody else's. Trusted SQL may do all.
 */
bool
pb_caller_may(const PbCaller *caller, PbAccess access, Datum org_id,
			  PbOrganization *organization, PbFaults *faults)
{
	PbReading	reading = caller->is_trusted && access == PB_READ ?
	PB_SNAPSHOT : PB_LATEST;
	bool		may_write;

	require_somebody(caller);
	faults->org_id = org_id;
	*organization = caller->organization;
	if (!organization->is_known)
		pb_organization_find(org_id, reading, organization);
	if (caller->is_trusted)
		return true;
	if (!find_role(caller, org_id, &may_write) ||
		!organization->is_known)
		pb_fault_set(faults, PB_FORBIDDEN,
					 "you may not act for this organization", NULL);
	else if (organization->is_suspended)
		(void) refuse_suspended(faults);
	else if (access == PB_WRITE && !may_write)
		pb_fault_set(faults, PB_FORBIDDEN, "your role does not allow changes",
					 "An owner or admin of the organization may make them.");
	else
		return true;
	return false;
}

static int
access_bit(const char *name)
{
	StringInfoData names;

	initStringInfo(&names);
	for (int i = 0; i < (int) lengthof(accesses); i++)
	{
		if (strcmp(accesses[i].name, name) == 0)
			return accesses[i].bit;
		appendStringInfo(&names, "%s%s", i > 0 ? ", " : "", accesses[i].name);
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("access must be one of %s", names.data)));
}

/* Gives a role the functions of an access, as whoever calls may grant them. */
void
pb_caller_grant(Oid role, const char *access)
{
	int			bit = access_bit(access);
	const char *grantee = quote_identifier(GetUserNameFromId(role, false));
	StringInfoData functions;

	initStringInfo(&functions);
	for (int i = 0; i < (int) lengthof(grants); i++)
		if (grants[i].accesses & bit)
			appendStringInfo(&functions, "%spgbeam.%s",
							 functions.len > 0 ? ", " : "", grants[i].function);
	pb_sql_utility(psprintf("GRANT USAGE ON SCHEMA pgbeam TO %s", grantee));
	pb_sql_utility(psprintf("GRANT EXECUTE ON FUNCTION %s TO %s",
							functions.data, grantee));
}
