/*
 * token.c
 *	  Judges JSON Web Tokens (RFC 7519, 8037, 8725) and keeps the keys they are
 *	  signed with (RFC 7517).
 *
 * The only algorithm is Ed25519, whatever a token says of itself. It has two
 * names: Ed25519 (RFC 9864), and EdDSA (RFC 8037), which leaves the curve
 * open. A public key is found by its kid in the key set that was loaded, never
 * at an address that a token names. A client with a bad token does not learn
 * the reason; the operator finds it in the log, where log_min_messages is
 * debug1 or lower.
 */
#include "postgres.h"

#include <limits.h>
#include <math.h>
#include <time.h>

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/guc.h"

#include "auth/organization.h"
#include "auth/token.h"
#include "base/crypt.h"
#include "base/jwt.h"
#include "base/parse.h"
#include "base/sql.h"
#include "base/text.h"
#include "fields/check.h"

#define KID_MAX 64
#define PUBLIC_KEY_SIZE 43		/* 32 bytes in base64url */

static const char *const algorithm_names[] = {"EdDSA", "Ed25519", NULL};

static char *issuer;
static char *audience;
static char *organization_claim;
static int	leeway;
static int	max_lifetime;

static PbPrepared prepared;

static struct
{
	int			kid;
	int			x;
}			at;

static const PbField fields[] = {
	{
		.name = "kid", .kind = PB_TEXT, .flags = PB_SHOWN | PB_REQUIRED,
		.least = 1, .most = KID_MAX, .at = &at.kid,
		.about = "The id by which tokens name the key."
	},
	{
		.name = "x", .kind = PB_TEXT, .flags = PB_SHOWN | PB_REQUIRED,
		.least = PUBLIC_KEY_SIZE, .most = PUBLIC_KEY_SIZE, .at = &at.x,
		.about = "The public key of Ed25519 in base64url."
	},
	{0}
};

const PbResource pb_jwk = {
	.name = "jwk",
	.table = "pgbeam.jwks",
	.copying = PB_NEVER_COPIED,
	.fields = fields,
	.prepared = &prepared,
};

static const Oid types[] = {TEXTOID, TEXTOID};

static const PbResult find_results[] = {{TEXTOID, false}};

static PbStatement find = {
	.text = "SELECT x FROM pgbeam.jwks WHERE kid OPERATOR(pg_catalog.=) $1",
	.nargs = 1, .types = types,
	.nresults = lengthof(find_results), .results = find_results
};

static PbStatement clear = {
	.text = "DELETE FROM pgbeam.jwks"
};

static PbStatement insert = {
	.text = "INSERT INTO pgbeam.jwks (kid, x) VALUES ($1, $2) "
	"ON CONFLICT (kid) DO NOTHING",
	.nargs = 2, .types = types
};

void
pb_token_define_settings(void)
{
	DefineCustomStringVariable("pgbeam.jwt_issuer",
							   "Claim iss of tokens that are accepted; empty: no token is accepted.",
							   NULL, &issuer, "", PGC_SUSET, 0,
							   NULL, NULL, NULL);
	DefineCustomStringVariable("pgbeam.jwt_audience",
							   "Claim aud of tokens that are accepted; empty: the issuer.",
							   NULL, &audience, "", PGC_SUSET, 0,
							   NULL, NULL, NULL);
	DefineCustomStringVariable("pgbeam.jwt_organization_claim",
							   "Claim with the only organization that a token acts for; empty: all of its user's.",
							   NULL, &organization_claim, "", PGC_SUSET, 0,
							   NULL, NULL, NULL);
	DefineCustomIntVariable("pgbeam.jwt_leeway",
							"How far the clocks of issuer and server may be apart.",
							NULL, &leeway, 30, 0, 300, PGC_SUSET, GUC_UNIT_S,
							NULL, NULL, NULL);
	DefineCustomIntVariable("pgbeam.jwt_max_lifetime",
							"Longest time from a token's iat to its exp.",
							NULL, &max_lifetime, 900, 1, INT_MAX, PGC_SUSET,
							GUC_UNIT_S, NULL, NULL, NULL);
}

/* The reason goes to the log, for the operator alone. */
static bool
refuse(const char *reason)
{
	pb_fault_log_refusal("a token", reason);
	return false;
}

/* Reads a public key as a JWK spells it. */
static bool
read_public_key(const char *x, size_t length,
				uint8_t key[PB_PUBLIC_KEY_BYTES])
{
	size_t		size;

	return pb_base64url_decode(x, length, key, PB_PUBLIC_KEY_BYTES, &size) &&
		size == PB_PUBLIC_KEY_BYTES && pb_public_key_is_sound(key);
}

static bool
is_kid(const PbJson *value)
{
	return value->type == PB_JSON_TEXT && value->length > 0 &&
		pb_text_characters(value->text, value->length) <= KID_MAX;
}

static bool
find_public_key(const PbJson *kid, uint8_t key[PB_PUBLIC_KEY_BYTES])
{
	Datum		id = PointerGetDatum(cstring_to_text_with_len(kid->text,
															  kid->length));
	Datum		stored;
	bool		isnull;
	text	   *x;

	if (!pb_sql_row(&find, &id, NULL, &stored, &isnull))
		return false;
	x = DatumGetTextPP(stored);
	return read_public_key(VARDATA_ANY(x), VARSIZE_ANY_EXHDR(x), key);
}

static bool
names_algorithm(const PbJson *alg)
{
	for (const char *const *name = algorithm_names; *name != NULL; name++)
		if (pb_json_text_is(alg, *name))
			return true;
	return false;
}

/* The header must say Ed25519, name a key, and ask for nothing else. */
static bool
prove_header(const PbJwt *jwt, uint8_t key[PB_PUBLIC_KEY_BYTES])
{
	PbJson		header;
	PbJson		member;
	int			known = 2;

	if (!pb_parse_unique(jwt->header, jwt->header_length, &header))
		return refuse("its header is no JSON object with unique members");
	if (!pb_json_find(&header, "alg", &member) || !names_algorithm(&member))
		return refuse("alg is neither EdDSA nor Ed25519");
	if (pb_json_find(&header, "typ", &member))
	{
		known++;
		if (!pb_json_text_is(&member, "JWT"))
			return refuse("typ is not JWT");
	}
	if (!pb_json_find(&header, "kid", &member) || !is_kid(&member))
		return refuse("kid is missing, or no key id");
	if (header.size != known)
		return refuse("its header has members beside alg, typ and kid");
	return find_public_key(&member, key) ||
		refuse("kid is not in the key set that was loaded");
}

static bool
read_time(const PbJson *claims, const char *name, double *seconds)
{
	PbJson		value;

	if (!pb_json_find(claims, name, &value) || value.type != PB_JSON_NUMBER)
		return false;
	*seconds = pb_json_double(&value);
	return isfinite(*seconds);
}

static bool
prove_times(const PbJson *claims)
{
	double		now = (double) time(NULL);
	double		issued;
	double		ends;
	double		begins;
	PbJson		ignored;

	if (!read_time(claims, "iat", &issued) || !read_time(claims, "exp", &ends))
		return refuse("iat or exp is missing, or no number");
	if (ends <= now - leeway)
		return refuse("it has expired");
	if (issued > now + leeway)
		return refuse("it was issued in the future");
	if (ends <= issued || ends - issued > max_lifetime)
		return refuse("it lives longer than pgbeam.jwt_max_lifetime");
	if (!pb_json_find(claims, "nbf", &ignored))
		return true;
	if (!read_time(claims, "nbf", &begins) || begins > now + leeway)
		return refuse("nbf is in the future, or no number");
	return true;
}

/* Whether it is the wanted string, or a list of strings that has it. */
static bool
names_audience(const PbJson *claim, const char *wanted)
{
	bool		found = pb_json_text_is(claim, wanted);

	if (claim->type != PB_JSON_ARRAY)
		return found;
	for (int i = 0; i < claim->size; i++)
	{
		PbJson		item;

		(void) pb_json_item(claim, i, &item);
		if (item.type != PB_JSON_TEXT)
			return false;
		found |= pb_json_text_is(&item, wanted);
	}
	return found;
}

static bool
prove_claims(const PbJson *claims)
{
	const char *wanted = audience[0] != '\0' ? audience : issuer;
	PbJson		claim;

	if (!pb_json_find(claims, "iss", &claim) ||
		!pb_json_text_is(&claim, issuer))
		return refuse("iss is not pgbeam.jwt_issuer");
	if (!pb_json_find(claims, "aud", &claim) ||
		!names_audience(&claim, wanted))
		return refuse("aud is not pgbeam.jwt_audience");
	return prove_times(claims);
}

/* A claim that is an id of at most so many characters, or NULL. */
static text *
read_id(const PbJson *claims, const char *name, int most)
{
	PbJson		claim;

	if (!pb_json_find(claims, name, &claim) || claim.type != PB_JSON_TEXT ||
		claim.length == 0 ||
		pb_text_characters(claim.text, claim.length) > (size_t) most)
		return NULL;
	return cstring_to_text_with_len(claim.text, claim.length);
}

/* Reads whose claims these are, which somebody has verified. */
bool
pb_token_read_bearer(const PbJson *payload, PbTokenClaims *claims)
{
	claims->user_id = read_id(payload, "sub", PB_USER_ID_MAX);
	if (claims->user_id == NULL)
		return refuse("sub is missing, or no id");
	claims->org_id = NULL;
	if (organization_claim[0] == '\0')
		return true;
	claims->org_id = read_id(payload, organization_claim, PB_ORG_ID_MAX);
	return claims->org_id != NULL ||
		refuse("the claim that pgbeam.jwt_organization_claim names is missing, or no id");
}

/* Reads whose token it is; false for a token with any flaw. */
bool
pb_token_prove(const char *token, size_t length, PbTokenClaims *claims)
{
	char	   *buffer = palloc(PB_JWT_MAX);
	uint8_t		key[PB_PUBLIC_KEY_BYTES];
	PbJwt		jwt;
	PbJson		payload;

	if (issuer[0] == '\0')
		return refuse("pgbeam.jwt_issuer is not set");
	if (!pb_jwt_split(token, length, buffer, &jwt))
		return refuse("it is no JWT that an Ed25519 key could have signed");
	if (!prove_header(&jwt, key))
		return false;
	if (!pb_signature_fits(jwt.signature, token, jwt.signed_length, key))
		return refuse("its signature does not fit");
	if (!pb_parse_unique(jwt.claims, jwt.claims_length, &payload))
		return refuse("its claims are no JSON object with unique members");
	return prove_claims(&payload) && pb_token_read_bearer(&payload, claims);
}

/* Takes a JWK into row, or adds to faults what is wrong with it. */
static void
take_public_key(PbRow *row, const PbJson *jwk, const PbPath *path,
				PbFaults *faults)
{
	PbPath		x_path = {path, "x", 0};
	PbPath		kid_path = {path, "kid", 0};
	PbPath		d_path = {path, "d", 0};
	PbJson		kid;
	PbJson		x;
	uint8_t		key[PB_PUBLIC_KEY_BYTES];

	if (pb_json_find(jwk, "d", &x))
		pb_fault_problem(faults, &d_path,
						 "must not be there: it is the private half of the key",
						 "Load the public key set, and replace this key: it has been shown.");
	if (!pb_json_find(jwk, "x", &x) || x.type != PB_JSON_TEXT ||
		!read_public_key(x.text, x.length, key))
		pb_fault_problem(faults, &x_path,
						 "must be a public key of Ed25519 in base64url without padding",
						 NULL);
	else
		pb_check_value(row, at.x, &x, faults);
	if (!pb_json_find(jwk, "kid", &kid) || !is_kid(&kid))
		pb_fault_problem(faults, &kid_path,
						 psprintf("must be a string of 1 to %d characters",
								  KID_MAX), NULL);
	else
		pb_check_value(row, at.kid, &kid, faults);
}

static bool
has_word(const PbJson *jwk, const char *name, const char *word)
{
	PbJson		member;

	return pb_json_find(jwk, name, &member) &&
		pb_json_text_is(&member, word);
}

/* Whether a member has this word, or is missing. */
static bool
says_at_most(const PbJson *jwk, const char *name, const char *word)
{
	PbJson		member;

	return !pb_json_find(jwk, name, &member) ||
		pb_json_text_is(&member, word);
}

static bool
lists_at_least(const PbJson *jwk, const char *name, const char *word)
{
	PbJson		list;
	PbJson		item;
	bool		found = false;

	if (!pb_json_find(jwk, name, &list))
		return true;
	for (int i = 0; list.type == PB_JSON_ARRAY && i < list.size; i++)
		found |= pb_json_item(&list, i, &item) &&
			pb_json_text_is(&item, word);
	return found;
}

/* The same for the algorithm, by either of its names. */
static bool
is_of_algorithm(const PbJson *jwk)
{
	PbJson		alg;

	return !pb_json_find(jwk, "alg", &alg) || names_algorithm(&alg);
}

/* A public key of Ed25519 that is meant to verify (RFC 7517, 8037). */
static bool
is_verifying_jwk(const PbJson *jwk)
{
	return has_word(jwk, "kty", "OKP") && has_word(jwk, "crv", "Ed25519") &&
		says_at_most(jwk, "use", "sig") &&
		is_of_algorithm(jwk) &&
		lists_at_least(jwk, "key_ops", "verify");
}

/* Stores a public key. With two of one kid a token could mean either. */
static void
store_public_key(PbRow *row, const PbPath *path, PbFaults *faults)
{
	PbPath		kid_path = {path, "kid", 0};

	if (pb_sql_run(&insert, row->values, NULL) == 0)
		pb_fault_problem(faults, &kid_path,
						 "must not be that of another key", NULL);
}

/* Takes the set. Keys of other kinds are passed over, as RFC 7517 (5) asks. */
static int
take_public_keys(const PbJson *keys, const PbPath *up, PbFaults *faults)
{
	int			taken = 0;

	for (int i = 0; i < keys->size; i++)
	{
		PbPath		path = {up, NULL, i};
		PbRow	   *row = pb_row_make(&pb_jwk);
		PbJson		jwk;

		(void) pb_json_item(keys, i, &jwk);
		if (!is_verifying_jwk(&jwk))
		{
			ereport(WARNING,
					(errmsg("keys[%d] is no key that verifies with Ed25519 and is passed over",
							i)));
			continue;
		}
		take_public_key(row, &jwk, &path, faults);
		if (faults->count == 0)
			store_public_key(row, &path, faults);
		taken++;
	}
	return taken;
}

/*
 * Replaces the key set by another one, and tells how many keys that has. The
 * caller turns faults into an error, which brings the old set back. The lock
 * lets one session at a time replace the set: two at once would leave the keys
 * of both.
 */
int
pb_token_set_jwks(const PbJson *set, PbFaults *faults)
{
	PbPath		path = {NULL, "keys", 0};
	PbJson		keys;
	int			taken;

	if (!pb_json_find(set, "keys", &keys) || keys.type != PB_JSON_ARRAY)
	{
		pb_fault_problem(faults, &path, "must be an array",
						 "Load the document that the issuer publishes as its JWKS.");
		return 0;
	}
	pb_sql_require_read_committed("keys are loaded only");
	pb_sql_utility("LOCK TABLE pgbeam.jwks IN SHARE ROW EXCLUSIVE MODE");
	(void) pb_sql_run(&clear, NULL, NULL);
	taken = take_public_keys(&keys, &path, faults);
	if (keys.size == 0)
		ereport(NOTICE, (errmsg("no public key is left: no token is accepted")));
	if (taken == 0 && keys.size > 0)
		pb_fault_problem(faults, &path, "must have a key that verifies with Ed25519", NULL);
	return taken;
}
