/*
 * idempotency.c
 *	  Requests that may be sent again: all get the answer of the first one.
 *
 * A request with an Idempotency-Key writes the row of that key before anything
 * else. Another request with the same key waits for the row until the first
 * one is over, and then finds its answer. A refusal does not undo the row.
 *
 * The row holds no request, but a digest of it under a keyring key. A plain
 * digest was rejected: whoever reads the table could try passwords on it.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "auth/organization.h"
#include "base/crypt.h"
#include "base/sql.h"
#include "base/sweep.h"
#include "base/text.h"
#include "http/idempotency.h"
#include "keys/keyring.h"

#define IDEMPOTENCY_KEY_MAX 255
#define HEADER_MAX 255
#define ANSWER_MAX (128 * 1024)
#define LIFETIME (24 * 60 * 60)	/* seconds */
#define TRIES 5

#define FINGERPRINT_SIZE (2 * PB_FINGERPRINT_BYTES)

static PbPrepared prepared;

static const PbField fields[] = {
	{
		.name = "owner_id", PB_OWNER_ID_RULE,
		.about = "The organization or the user that the idempotency key belongs to."
	},
	{
		.name = "kind", PB_OWNER_KIND_RULE,
		.about = "The kind of owner."
	},
	{
		.name = "key", .kind = PB_TEXT, .least = 1, .most = IDEMPOTENCY_KEY_MAX,
		.about = "The Idempotency-Key."
	},
	{
		.name = "fingerprint", .kind = PB_TEXT,
		.least = FINGERPRINT_SIZE, .most = FINGERPRINT_SIZE,
		.about = "Keyed digest of the request, in hex, after the id of the keyring key."
	},
	{
		.name = "created_at", .kind = PB_TIME,
		.about = "When the idempotency key was used first."
	},
	{
		.name = "status", .kind = PB_INTEGER, .flags = PB_NULLABLE,
		.least = 200, .most = 499,
		.about = "The status of the answer."
	},
	{
		.name = "content_type", .kind = PB_TEXT, .flags = PB_NULLABLE,
		.most = HEADER_MAX,
		.about = "The media type of the answer."
	},
	{
		.name = "location", .kind = PB_TEXT, .flags = PB_NULLABLE,
		.most = HEADER_MAX,
		.about = "The Location header of the answer."
	},
	{
		.name = "body", .kind = PB_TEXT, .flags = PB_NULLABLE,
		.most = ANSWER_MAX,
		.about = "The body of the answer. It holds no secret."
	},
	{
		.name = "organization", .kind = PB_TEXT, .flags = PB_NULLABLE,
		.least = 1, .most = PB_ORG_ID_MAX,
		.about = "The organization that the request was about: its caller must still have access when the answer is repeated."
	},
	{0}
};

const PbResource pb_idempotency_key = {
	.name = "idempotency_key",
	.table = "pgbeam.idempotency_keys",
	.copying = PB_NEVER_COPIED,
	.fields = fields,
	.prepared = &prepared,
};

#define OF_KEY \
	"WHERE owner_id OPERATOR(pg_catalog.=) $1 " \
	"AND kind OPERATOR(pg_catalog.=) $2 AND key OPERATOR(pg_catalog.=) $3"

static const Oid claim_types[] = {
	TEXTOID, TEXTOID, TEXTOID, TEXTOID, TIMESTAMPTZOID
};
static const Oid find_types[] = {TEXTOID, TEXTOID, TEXTOID, TIMESTAMPTZOID};
static const Oid settle_types[] = {
	TEXTOID, TEXTOID, TEXTOID, INT4OID, TEXTOID, TEXTOID, TEXTOID, TEXTOID
};
static const Oid sweep_types[] = {TIMESTAMPTZOID, TIMESTAMPTZOID};
static const Oid sweep_end_types[] = {TIMESTAMPTZOID, INT4OID};
static const PbResult sweep_results[] = {{TIMESTAMPTZOID, false}};

static PbStatement claim_key = {
	.text = "INSERT INTO pgbeam.idempotency_keys "
	"(owner_id, kind, key, fingerprint, created_at) "
	"VALUES ($1, $2, $3, $4, $5) "
	"ON CONFLICT (owner_id, kind, key) DO NOTHING",
	.nargs = lengthof(claim_types), .types = claim_types
};

/* the columns of find */
enum
{
	FINGERPRINT, STATUS, CONTENT_TYPE, LOCATION, BODY, ORGANIZATION, COLUMNS
};

static const PbResult find_results[COLUMNS] = {
	[FINGERPRINT] = {TEXTOID, false}, [STATUS] = {INT4OID, true},
	[CONTENT_TYPE] = {TEXTOID, true}, [LOCATION] = {TEXTOID, true},
	[BODY] = {TEXTOID, true}, [ORGANIZATION] = {TEXTOID, true}
};

static PbStatement find = {
	.text = "SELECT fingerprint, status, content_type, location, body, "
	"organization "
	"FROM pgbeam.idempotency_keys " OF_KEY
	" AND created_at OPERATOR(pg_catalog.>=) $4",
	.nargs = lengthof(find_types), .types = find_types,
	.nresults = lengthof(find_results), .results = find_results
};

static PbStatement forget = {
	.text = "DELETE FROM pgbeam.idempotency_keys " OF_KEY
	" AND created_at OPERATOR(pg_catalog.<) $4",
	.nargs = lengthof(find_types), .types = find_types
};

static PbStatement settle = {
	.text = "UPDATE pgbeam.idempotency_keys "
	"SET status = $4, content_type = $5, location = $6, body = $7, "
	"organization = $8 " OF_KEY,
	.nargs = lengthof(settle_types), .types = settle_types
};

#define IN_ORDER "created_at USING OPERATOR(pg_catalog.<)"

static PbStatement sweep_away = {
	.text = PB_SWEEP_DELETE("pgbeam.idempotency_keys",
							"created_at OPERATOR(pg_catalog.<) $1 "
							"AND created_at OPERATOR(pg_catalog.>=) $2",
							IN_ORDER)
	" RETURNING created_at",
	.nargs = lengthof(sweep_types), .types = sweep_types,
	.nresults = lengthof(sweep_results), .results = sweep_results
};

/* For all nodes of Citus: the end of what one sweep takes, and its delete. */
static PbStatement sweep_end = {
	.text = "SELECT created_at FROM pgbeam.idempotency_keys "
	"WHERE created_at OPERATOR(pg_catalog.<) $1 "
	"ORDER BY " IN_ORDER " LIMIT 1 OFFSET $2",
	.nargs = lengthof(sweep_end_types), .types = sweep_end_types,
	.nresults = lengthof(sweep_results), .results = sweep_results
};

static PbStatement sweep_everywhere = {
	.text = "DELETE FROM pgbeam.idempotency_keys "
	"WHERE created_at OPERATOR(pg_catalog.<) $1",
	.nargs = 1, .types = sweep_end_types
};

/* An idempotency key counts if it was first used after this. */
static TimestampTz
horizon(TimestampTz now)
{
	return now - LIFETIME * USECS_PER_SEC;
}

/*
 * Digests what makes two requests the same: the operation, the ids, the body,
 * and the organization that the caller is limited to. It is made under the
 * keyring key of the stored digest, or under the active one. False with
 * faults.
 */
static bool
fingerprint(const PbOperation *operation, const PbRequest *request,
			const char *stored, char hex[FINGERPRINT_SIZE + 1],
			PbFaults *faults)
{
	const text *org_id = request->caller.org_id;
	PbBytes		parts[3 + PB_IDS_MAX];

	parts[0] = (PbBytes) {operation->name, strlen(operation->name)};
	for (int i = 0; i < PB_IDS_MAX; i++)
	{
		const char *id = request->ids[i] != NULL ? request->ids[i] : "";

		parts[1 + i] = (PbBytes) {id, strlen(id)};
	}
	parts[1 + PB_IDS_MAX] = request->raw;
	parts[2 + PB_IDS_MAX] = org_id == NULL ? (PbBytes) {"", 0} :
		(PbBytes) {VARDATA_ANY(org_id), VARSIZE_ANY_EXHDR(org_id)};
	return pb_keyring_fingerprint(parts, lengthof(parts), stored, hex, faults);
}

static Datum
text_or_null(const char *string, char *null)
{
	*null = string == NULL ? 'n' : ' ';
	return string == NULL ? (Datum) 0 : CStringGetTextDatum(string);
}

static char *
string_or_none(Datum value, bool isnull)
{
	return isnull ? NULL : TextDatumGetCString(value);
}

/* Reads the answer that was stored; false where there is none. */
static bool
read_answer(PbIdempotencyClaim *claim, const Datum values[COLUMNS],
			const bool nulls[COLUMNS])
{
	if (nulls[STATUS])
		return false;
	claim->is_replay = true;
	claim->status = DatumGetInt32(values[STATUS]);
	claim->content_type = string_or_none(values[CONTENT_TYPE],
										 nulls[CONTENT_TYPE]);
	claim->location = string_or_none(values[LOCATION], nulls[LOCATION]);
	claim->body = nulls[BODY] ? NULL : DatumGetTextPP(values[BODY]);
	claim->org_id = nulls[ORGANIZATION] ? (Datum) 0 : values[ORGANIZATION];
	return true;
}

static void
refuse_reuse(PbFaults *faults)
{
	pb_fault_set(faults, PB_IDEMPOTENCY_KEY_REUSED,
				 "Idempotency-Key was already used for another request",
				 NULL);
}

/*
 * The idempotency key has a row: takes its answer, or refuses the key because
 * it was used for another request.
 */
static void
replay(PbIdempotencyClaim *claim, const PbOperation *operation,
	   const PbRequest *request,
	   PbReply *reply, const Datum values[COLUMNS], const bool nulls[COLUMNS])
{
	char	   *stored = TextDatumGetCString(values[FINGERPRINT]);
	char		hex[FINGERPRINT_SIZE + 1];

	if (!fingerprint(operation, request, stored, hex, &reply->faults))
		return;
	if (pb_same_bytes(hex, stored, FINGERPRINT_SIZE) &&
		read_answer(claim, values, nulls))
		reply->claim = claim;
	else
		refuse_reuse(&reply->faults);
}

/*
 * Tries once to claim the idempotency key or to take its answer. False if a
 * row was in the way that is gone or too old: then it is worth trying again.
 */
static bool
try_claim(PbIdempotencyClaim *claim, const char *hex,
		  const PbOperation *operation,
		  const PbRequest *request, PbReply *reply)
{
	TimestampTz now = GetCurrentTimestamp();
	Datum		row_values[] = {
		claim->owner_id, claim->kind, claim->key, CStringGetTextDatum(hex),
		TimestampTzGetDatum(now)
	};
	Datum		key_values[] = {
		claim->owner_id, claim->kind, claim->key,
		TimestampTzGetDatum(horizon(now))
	};
	Datum		values[COLUMNS];
	bool		nulls[COLUMNS];

	if (pb_sql_run(&claim_key, row_values, NULL) > 0)
	{
		reply->claim = claim;
		return true;
	}
	if (!pb_sql_row(&find, key_values, NULL, values, nulls))
	{
		(void) pb_sql_run(&forget, key_values, NULL);
		return false;
	}
	replay(claim, operation, request, reply, values, nulls);
	return true;
}

static PbSweep sweep = {
	.beginning.first = DT_NOBEGIN, .anew_every = 16
};

/*
 * Several backends may sweep at once, and a clock may be set back, so a sweep
 * can leave rows before its position. Some sweeps begin at the beginning to
 * catch these.
 */
static void
sweep_keys(void)
{
	PbPosition	position = pb_sweep_begin(&sweep);
	Datum		values[] = {
		TimestampTzGetDatum(horizon(GetCurrentTimestamp())),
		TimestampTzGetDatum(position.first)
	};
	uint64		count = pb_sql_run(&sweep_away, values, NULL);

	for (uint64 i = 0; i < count; i++)
	{
		Datum		created_at;
		bool		isnull;

		pb_sql_read(&sweep_away, SPI_tuptable, i, &created_at, &isnull);
		position.first = Max(position.first, DatumGetTimestampTz(created_at));
	}
	pb_sweep_found(&sweep, count > 0);
	if (count > 0)
		pb_sweep_end(&sweep, position);
}

/*
 * The same where the table may be distributed: each node looks for its oldest
 * rows, so that no position helps.
 */
static void
sweep_keys_everywhere(void)
{
	Datum		values[] = {
		TimestampTzGetDatum(horizon(GetCurrentTimestamp())),
		Int32GetDatum(pb_sweep_rows())
	};
	Datum		end;
	bool		isnull;

	if (pb_sql_row(&sweep_end, values, NULL, &end, &isnull))
		values[0] = TimestampTzGetDatum(DatumGetTimestampTz(end));
	pb_sweep_found(&sweep, pb_sql_run(&sweep_everywhere, values, NULL) > 0);
}

static void
sweep_sometimes(void)
{
	if (!pb_sweep_is_due(&sweep, pb_random_number()))
		return;
	if (pb_sql_may_be_distributed())
		sweep_keys_everywhere();
	else
		sweep_keys();
}

static bool
read_idempotency_key(const PbRequest *request, PbIdempotencyClaim *claim,
					 PbFaults *faults)
{
	PbPath		path = {NULL, "Idempotency-Key", 0};
	PbOwner		owner = pb_request_owner(request);
	PbJson		key;

	if (!pb_request_has_header(request, "idempotency-key"))
		return false;
	if (!pb_request_header(request, "idempotency-key", &key) ||
		pb_text_characters(key.text, key.length) > IDEMPOTENCY_KEY_MAX)
	{
		pb_fault_problem(faults, &path,
						 psprintf("must have 1 to %d characters", IDEMPOTENCY_KEY_MAX),
						 NULL);
		return true;
	}
	claim->owner_id = PointerGetDatum(owner.id);
	claim->kind = pb_owner_word(owner.kind);
	claim->key = PointerGetDatum(cstring_to_text_with_len(key.text,
														  key.length));
	return true;
}

/*
 * Claims the request's idempotency key, if it has one. Returns true when the
 * operation is to run; otherwise the reply has faults, or a claim with the
 * stored answer.
 */
bool
pb_idempotency_claim(const PbOperation *operation, const PbRequest *request,
					 PbReply *reply)
{
	PbIdempotencyClaim *claim = palloc0(sizeof(PbIdempotencyClaim));
	char		hex[FINGERPRINT_SIZE + 1];

	if (!read_idempotency_key(request, claim, &reply->faults))
		return true;
	if (reply->faults.refusal != PB_ACCEPTED ||
		!fingerprint(operation, request, NULL, hex, &reply->faults))
		return false;
	sweep_sometimes();
	for (int i = 0; i < TRIES; i++)
		if (try_claim(claim, hex, operation, request, reply))
			return reply->claim != NULL && !claim->is_replay;
	pb_sql_vetoed(pb_idempotency_key.table);
}

/* Whether the same request may get another answer the next time. */
static bool
is_transient(int status)
{
	return status == 412 || status == 429 || status >= 500;
}

/*
 * Stores the answer under the claimed idempotency key. An answer that may be
 * another the next time is not stored, and the key is free again.
 */
void
pb_idempotency_settle(const PbIdempotencyClaim *claim, int status,
					  const char *content_type, const char *location,
					  const char *body, int body_length, Datum org_id)
{
	char		nulls[] = "        ";
	Datum		values[] = {
		claim->owner_id, claim->kind, claim->key, Int32GetDatum(status),
		text_or_null(content_type, &nulls[4]),
		text_or_null(location, &nulls[5]),
		PointerGetDatum(cstring_to_text_with_len(body, body_length)), org_id
	};
	Datum		key_values[] = {
		claim->owner_id, claim->kind, claim->key,
		TimestampTzGetDatum(DT_NOEND)
	};

	if (org_id == (Datum) 0)
		nulls[7] = 'n';
	if (is_transient(status))
		(void) pb_sql_run(&forget, key_values, NULL);
	else if (pb_sql_run(&settle, values, nulls) == 0)
		pb_sql_vetoed(pb_idempotency_key.table);
}
