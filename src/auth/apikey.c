/*
 * apikey.c
 *	  API keys: made, looked up, revoked.
 *
 * The table has a digest of each API key. A key is found by its id and judged
 * by its digest, in constant time. A digest is compared even where there is no
 * row, so that the time of a refusal tells next to nothing of its reason: a
 * microsecond, which reading the row takes.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "auth/apikey.h"
#include "auth/organization.h"
#include "base/crypt.h"
#include "base/id.h"
#include "base/seek.h"
#include "base/sql.h"
#include "base/text.h"
#include "base/typeid.h"
#include "fields/check.h"

#define SECRET_BYTES 32
#define SECRET_SIZE ((SECRET_BYTES * 8 + 4) / 5)	/* characters */
#define PREFIX_SIZE 3
#define LIFETIME_MAX 100		/* years */
#define ID_SIZE (PREFIX_SIZE + 1 + PB_TYPEID_SUFFIX)
#define API_KEY_SIZE (ID_SIZE + 1 + SECRET_SIZE)

static PbPrepared prepared;

static struct
{
	int			kind;
	int			owner_id;
	int			name;
	int			digest;
	int			created_at;
	int			expires_at;
}			at;

#define ORGANIZATION_PREFIX "pbo"
#define USER_PREFIX "pbu"

/* the prefix of the ids of an owner's API keys */
static const char *const prefixes[PB_OWNER_KINDS] = {
	[PB_OF_ORGANIZATION] = ORGANIZATION_PREFIX, [PB_OF_USER] = USER_PREFIX
};

static const PbField fields[] = {
	{
		.name = "id", .kind = PB_ID, .prefix = ORGANIZATION_PREFIX, .flags = PB_SHOWN,
		.at = &prepared.id,
		.about = "The public part of the API key; its prefix is pbo or pbu."
	},
	{
		.name = "kind", PB_OWNER_KIND_RULE, .at = &at.kind,
		.flags = PB_SHOWN,
		.about = "The kind of owner: an organization, or a user in all of their organizations."
	},
	{
		.name = "owner_id", PB_OWNER_ID_RULE,
		.flags = PB_SHOWN, .at = &at.owner_id,
		.about = "The organization or the user."
	},
	{
		.name = "name", .kind = PB_TEXT, .most = 100, .at = &at.name,
		.flags = PB_SHOWN | PB_NULLABLE,
		.about = "What the API key is for."
	},
	{
		.name = "key", .column = "digest", .kind = PB_SECRET,
		.flags = PB_NULLABLE, .at = &at.digest,
		.about = "BLAKE2b-256 of the API key; wiped when it is revoked."
	},
	{
		.name = "created_at", .kind = PB_TIME, .flags = PB_SHOWN,
		.at = &at.created_at,
		.about = "When it was made."
	},
	{
		.name = "expires_at", .kind = PB_TIME, .flags = PB_SHOWN | PB_NULLABLE,
		.at = &at.expires_at,
		.about = "When it expires; absent: never."
	},
	{
		.name = "revoked_at", .kind = PB_TIME, .flags = PB_SHOWN | PB_NULLABLE,
		.at = &prepared.deleted_at,
		.about = "When it was revoked, if it was."
	},
	{0}
};

const PbResource pb_api_key = {
	.name = "api_key",
	.table = "pgbeam.api_keys",
	.copying = PB_NEVER_COPIED,
	.fields = fields,
	.prepared = &prepared,
};

static const Oid id_types[] = {UUIDOID, TEXTOID, TIMESTAMPTZOID};

/* the columns of a key that is found */
enum
{
	KIND, OWNER, DIGEST, EXPIRES, COLUMNS
};

static const PbStoredColumn find_columns[COLUMNS] = {
	[KIND] = {"kind", TEXTOID, false}, [OWNER] = {"owner_id", TEXTOID, false},
	[DIGEST] = {"digest", BYTEAOID, true},
	[EXPIRES] = {"expires_at", TIMESTAMPTZOID, true}
};

static PbTable stored = {
	.name = "pgbeam.api_keys", .columns = find_columns, .count = COLUMNS,
	.leads[PB_TO_ONE] = {.columns = {{"id", UUIDOID, false}}, .count = 1}
};

static const Oid list_types[] = {TEXTOID, TEXTOID};

static const PbResult list_results[] = {
	{TEXTOID, false}, {TEXTOID, false}, {TEXTOID, false}, {TEXTOID, true},
	{TIMESTAMPTZOID, false}, {TIMESTAMPTZOID, true}, {TIMESTAMPTZOID, true}
};

#define IS_OF(kind_word) "kind OPERATOR(pg_catalog.=) '" kind_word "'"

static PbStatement list = {
	.text = "SELECT pgbeam.typeid_encode(CASE WHEN " IS_OF(PB_USER_WORD)
	" THEN '" USER_PREFIX "' ELSE '" ORGANIZATION_PREFIX "' END, id), "
	"kind, owner_id, name, created_at, expires_at, revoked_at "
	"FROM pgbeam.api_keys WHERE ($1 IS NULL AND $2 IS NULL) "
	"OR (" IS_OF(PB_ORGANIZATION_WORD) " "
	"AND owner_id OPERATOR(pg_catalog.=) $1) "
	"OR (" IS_OF(PB_USER_WORD) " "
	"AND owner_id OPERATOR(pg_catalog.=) $2) "
	"ORDER BY id USING OPERATOR(pg_catalog.<)",
	.nargs = 2, .types = list_types,
	.nresults = lengthof(list_results), .results = list_results, .reads = true
};

static const PbResult retire_results[] = {{TEXTOID, false}, {UUIDOID, false}};

static PbStatement retire = {
	.text = "UPDATE pgbeam.api_keys SET digest = NULL, revoked_at = $3 "
	"WHERE id OPERATOR(pg_catalog.=) $1 "
	"AND kind OPERATOR(pg_catalog.=) $2 AND revoked_at IS NULL "
	"RETURNING owner_id, id",
	.nargs = 3, .types = id_types,
	.nresults = lengthof(retire_results), .results = retire_results
};

static const Oid retire_all_types[] = {TEXTOID, TEXTOID, TIMESTAMPTZOID};

static PbStatement retire_all = {
	.text = "UPDATE pgbeam.api_keys SET digest = NULL, revoked_at = $3 "
	"WHERE owner_id OPERATOR(pg_catalog.=) $1 "
	"AND kind OPERATOR(pg_catalog.=) $2 AND revoked_at IS NULL "
	"RETURNING owner_id, id",
	.nargs = lengthof(retire_all_types), .types = retire_all_types,
	.nresults = lengthof(retire_results), .results = retire_results
};

static const Oid insert_types[] = {
	UUIDOID, TEXTOID, TEXTOID, TEXTOID, BYTEAOID, TIMESTAMPTZOID,
	TIMESTAMPTZOID
};

static PbStatement insert = {
	.text = "INSERT INTO pgbeam.api_keys "
	"(id, kind, owner_id, name, digest, created_at, expires_at) "
	"VALUES ($1, $2, $3, $4, $5, $6, $7)",
	.nargs = lengthof(insert_types), .types = insert_types
};

/* Reads the id at the head of an API key, or an id by itself. */
static bool
read_id(const char *text, size_t length, PbOwnerKind *kind, pg_uuid_t *uuid)
{
	PbTypeid	id;

	if (length < ID_SIZE || pb_typeid_decode(text, ID_SIZE, &id) != NULL)
		return false;
	memcpy(uuid->data, id.uuid, PB_UUID_BYTES);
	for (*kind = 0; *kind < PB_OWNER_KINDS; (*kind)++)
		if (pb_text_is(text, id.prefix_length, prefixes[*kind]))
			return true;
	return false;
}

/* The reason goes to the log, for the operator alone. */
static bool
refuse(const char *reason)
{
	pb_fault_log_refusal("an API key", reason);
	return false;
}

static bool
has_expired(Datum expires_at, bool never)
{
	return !never && DatumGetTimestampTz(expires_at) <= GetCurrentTimestamp();
}

/* The digest of a stored row; without one, a digest that no API key has. */
static const uint8_t *
digest_of(bool found, Datum digest, bool isnull)
{
	static const uint8_t nobody[PB_DIGEST_BYTES];

	if (!found || isnull ||
		VARSIZE_ANY_EXHDR(DatumGetByteaPP(digest)) != PB_DIGEST_BYTES)
		return nobody;
	return (uint8_t *) VARDATA_ANY(DatumGetByteaPP(digest));
}

/*
 * Whether a stored row, or none, is that of the API key with this digest. The
 * digests are compared before anything else is looked at, so that the time of
 * a refusal does not tell its reason.
 */
static bool
fits(const uint8_t digest[PB_DIGEST_BYTES], bool found,
	 const Datum values[COLUMNS], const bool nulls[COLUMNS])
{
	bool		same = pb_same_bytes(digest, digest_of(found, values[DIGEST],
													   nulls[DIGEST]),
									 PB_DIGEST_BYTES);

	if (!found)
		return refuse("no API key has its id");
	if (nulls[DIGEST])
		return refuse("it has been revoked");
	if (!same)
		return refuse("its secret is wrong");
	if (has_expired(values[EXPIRES], nulls[EXPIRES]))
		return refuse("it has expired");
	return true;
}

static bool
is_of_kind(Datum word, PbOwnerKind kind)
{
	text	   *t = DatumGetTextPP(word);

	return pb_text_is(VARDATA_ANY(t), VARSIZE_ANY_EXHDR(t),
					  pb_owner_words[kind]);
}

/*
 * Whether an API key is good; its owner and its id, which live as long as the
 * entry point.
 */
bool
pb_apikey_prove(const char *api_key, size_t length, PbOwner *owner, text **id)
{
	pg_uuid_t	uuid;
	Datum		key = UUIDPGetDatum(&uuid);
	uint8_t		digest[PB_DIGEST_BYTES];
	Datum		values[COLUMNS] = {0};
	bool		nulls[COLUMNS] = {0};
	bool		found;

	if (!read_id(api_key, length, &owner->kind, &uuid) ||
		length != API_KEY_SIZE || api_key[ID_SIZE] != '_')
		return refuse("it does not have the form of an API key");
	pb_digest(api_key, length, digest);
	found = pb_seek_row(&stored, PB_LATEST, &key, values, nulls) &&
		is_of_kind(values[KIND], owner->kind);
	if (!fits(digest, found, values, nulls))
		return false;
	owner->id = DatumGetTextPP(values[OWNER]);
	*id = cstring_to_text_with_len(api_key, ID_SIZE);
	return true;
}

/* Spells random bits in base 32, from the lowest bit of the first byte on. */
static void
spell_secret(const uint8_t bytes[SECRET_BYTES], char text[SECRET_SIZE])
{
	uint32_t	bits = 0;
	int			held = 0;
	int			next = 0;

	for (int i = 0; i < SECRET_SIZE; i++)
	{
		if (held < 5 && next < SECRET_BYTES)
		{
			bits |= (uint32_t) bytes[next++] << held;
			held += 8;
		}
		text[i] = pb_base32[bits & 31];
		bits >>= 5;
		held -= 5;
	}
}

/* The text of a new API key, in the current memory context. */
static char *
spell(PbOwnerKind kind, const pg_uuid_t *uuid)
{
	char	   *api_key = palloc(PB_TYPEID_MAX + 1 + SECRET_SIZE + 1);
	uint8_t		secret[SECRET_BYTES];
	size_t		length;

	length = pb_typeid_encode(prefixes[kind], PREFIX_SIZE, uuid->data,
							  api_key);
	api_key[length++] = '_';
	pb_random(secret, sizeof(secret));
	spell_secret(secret, api_key + length);
	pb_wipe(secret, sizeof(secret));
	api_key[length + SECRET_SIZE] = '\0';
	return api_key;
}

/* Takes the owner that the members name; false where it is not just one. */
static bool
choose_owner(PbRow *row, const PbJson members[2], const char *hint,
			 PbOwnerKind *kind, PbFaults *faults)
{
	const PbJson *org_id = &members[0];
	const PbJson *user_id = &members[1];
	bool		of_user = org_id->type == PB_JSON_NULL;

	if (of_user == (user_id->type == PB_JSON_NULL))
	{
		pb_fault_set(faults, PB_INVALID_INPUT,
					 "a key must have one owner: org_id or user_id, not both",
					 hint);
		return false;
	}
	pb_check_value_as(row, at.owner_id, of_user ? "user_id" : "org_id",
					  of_user ? user_id : org_id, faults);
	*kind = of_user ? PB_OF_USER : PB_OF_ORGANIZATION;
	return true;
}

/* What is wrong with a lifetime; timestamps would hold far more. */
static const char *
lifetime_problem(const Interval *lifetime)
{
	double		days = lifetime->month * 30.0 + lifetime->day +
	(double) lifetime->time / USECS_PER_DAY;

	if (days <= 0)
		return "must be positive";
	return days > LIFETIME_MAX * 365.25 ?
		psprintf("must be at most %d years", LIFETIME_MAX) : NULL;
}

static void
set_times(PbRow *row, const Interval *expires_in, PbFaults *faults)
{
	PbPath		path = {NULL, "expires_in", 0};
	Datum		now = TimestampTzGetDatum(GetCurrentTimestamp());
	const char *problem;

	pb_row_set(row, at.created_at, now);
	if (expires_in == NULL)
		return;
	problem = lifetime_problem(expires_in);
	if (problem != NULL)
		pb_fault_problem(faults, &path, problem, NULL);
	else
		pb_row_set(row, at.expires_at,
				   DirectFunctionCall2(timestamptz_pl_interval, now,
									   IntervalPGetDatum(expires_in)));
}

static void
set_digest(PbRow *row, const char *api_key)
{
	bytea	   *digest = palloc(VARHDRSZ + PB_DIGEST_BYTES);

	SET_VARSIZE(digest, VARHDRSZ + PB_DIGEST_BYTES);
	pb_digest(api_key, strlen(api_key), (uint8_t *) VARDATA(digest));
	pb_row_set(row, at.digest, PointerGetDatum(digest));
}

/* A change of a user's API key belongs to no organization. */
static PbChange
change_of(PbAction action, PbOwnerKind kind, Datum owner_id, const char *id)
{
	return (PbChange) {
		action, &pb_api_key, kind == PB_OF_ORGANIZATION ? owner_id :
			CStringGetTextDatum(""), id, NULL
	};
}

/*
 * Makes an API key, which is told in made; false with faults. Members are
 * org_id, user_id and name.
 */
bool
pb_apikey_create(const PbJson members[3], const Interval *expires_in,
				 const PbActor *actor, PbNewApiKey *made, PbFaults *faults)
{
	PbRow	   *row = pb_row_make(&pb_api_key);
	PbOwnerKind kind;
	pg_uuid_t	uuid;
	PbChange	change;

	if (!choose_owner(row, members, "Name the arguments: pgbeam.create_api_key(org_id => '...', name => 'deployment').",
					  &kind, faults))
		return false;
	if (members[2].type != PB_JSON_NULL)
		pb_check_value(row, at.name, &members[2], faults);
	set_times(row, expires_in, faults);
	if (faults->count > 0 ||
		(kind == PB_OF_ORGANIZATION &&
		 !pb_organization_require(pb_row_value(row, at.owner_id), faults)))
		return false;
	pb_id_make(uuid.data);
	made->key = spell(kind, &uuid);
	made->id = pnstrdup(made->key, ID_SIZE);
	made->never = !pb_row_has(row, at.expires_at);
	made->expires_at = pb_row_value(row, at.expires_at);
	set_digest(row, made->key);
	pb_row_set(row, prepared.id, UUIDPGetDatum(&uuid));
	pb_row_set(row, at.kind, pb_owner_word(kind));
	if (pb_sql_run(&insert, row->values, row->nulls) == 0)
		pb_sql_vetoed(pb_api_key.table);
	change = change_of(PB_CREATED, kind, pb_row_value(row, at.owner_id),
					   made->id);
	pb_change_note_all(actor, &change, 1);
	return true;
}

/* Runs a statement that ends API keys, and notes those that it ended. */
static uint64
end_keys(PbStatement *statement, Datum *values, PbOwnerKind kind,
		 const PbActor *actor)
{
	uint64		count = pb_sql_run(statement, values, NULL);
	SPITupleTable *ended = SPI_tuptable;
	PbChanges	changes = {0};

	for (uint64 i = 0; i < count; i++)
	{
		Datum		row[lengthof(retire_results)];
		bool		nulls[lengthof(retire_results)];
		char		id[PB_TYPEID_MAX];

		pb_sql_read(statement, ended, i, row, nulls);
		(void) pb_typeid_encode(prefixes[kind], PREFIX_SIZE,
								DatumGetUUIDP(row[1])->data, id);
		pb_change_collect(&changes, change_of(PB_REVOKED, kind, row[0],
											  pnstrdup(id, ID_SIZE)));
	}
	pb_change_note_all(actor, changes.all, changes.count);
	return count;
}

/* Ends an API key, which is named by its id, from the next request on. */
void
pb_apikey_revoke(const PbJson *id, const PbActor *actor, PbFaults *faults)
{
	pg_uuid_t	uuid;
	PbOwnerKind kind;

	if (id->type == PB_JSON_TEXT && id->length == ID_SIZE &&
		read_id(id->text, id->length, &kind, &uuid))
	{
		Datum		values[] = {
			UUIDPGetDatum(&uuid), pb_owner_word(kind),
			TimestampTzGetDatum(GetCurrentTimestamp())
		};

		if (end_keys(&retire, values, kind, actor) > 0)
			return;
	}
	pb_fault_set(faults, PB_NOT_FOUND, "API key not found",
				 "pgbeam.list_api_keys() shows the ids, and which keys are revoked; a key is not its id.");
}

/* Ends all API keys of an organization or a user, and tells how many. */
int64
pb_apikey_revoke_all(const PbJson members[2], const PbActor *actor,
					 PbFaults *faults)
{
	PbRow	   *row = pb_row_make(&pb_api_key);
	PbOwnerKind kind;
	Datum		values[3];

	if (!choose_owner(row, members, "Name the argument: pgbeam.revoke_api_keys(org_id => '...').",
					  &kind, faults) || faults->count > 0)
		return 0;
	values[0] = pb_row_value(row, at.owner_id);
	values[1] = pb_owner_word(kind);
	values[2] = TimestampTzGetDatum(GetCurrentTimestamp());
	return end_keys(&retire_all, values, kind, actor);
}

static const Oid ended_types[] = {TIMESTAMPTZOID, INT4OID};
static const PbResult ended_results[] = {{UUIDOID, false}};

static PbStatement lock_ended = {
	.text = "SELECT id FROM pgbeam.api_keys "
	"WHERE LEAST(revoked_at, expires_at) OPERATOR(pg_catalog.<) $1 "
	"ORDER BY LEAST(revoked_at, expires_at) USING OPERATOR(pg_catalog.<) "
	"LIMIT $2 FOR UPDATE SKIP LOCKED",
	.nargs = lengthof(ended_types), .types = ended_types,
	.nresults = lengthof(ended_results), .results = ended_results
};

static PbStatement remove_ended = {
	.text = "DELETE FROM pgbeam.api_keys WHERE id OPERATOR(pg_catalog.=) $1",
	.nargs = 1, .types = id_types
};

/*
 * Deletes the rows of API keys that were revoked or have expired before a
 * time, at most so many. Returns how many.
 */
int64
pb_apikey_purge(TimestampTz before, int most)
{
	Datum		values[] = {TimestampTzGetDatum(before), Int32GetDatum(most)};
	uint64		count = pb_sql_run(&lock_ended, values, NULL);
	SPITupleTable *ended = SPI_tuptable;
	int64		removed = 0;

	for (uint64 i = 0; i < count; i++)
	{
		Datum		id;
		bool		isnull;

		pb_sql_read(&lock_ended, ended, i, &id, &isnull);
		removed += (int64) pb_sql_run(&remove_ended, &id, NULL);
	}
	return removed;
}

static Datum
text_or_none(const PbJson *value)
{
	return value->type != PB_JSON_TEXT ? (Datum) 0 :
		PointerGetDatum(cstring_to_text_with_len(value->text, value->length));
}

/* Leaves the API keys of an organization, a user or all in SPI_tuptable. */
void
pb_apikey_list(const PbJson *members, PbFaults *faults)
{
	Datum		values[] = {
		text_or_none(&members[0]), text_or_none(&members[1])
	};
	char		nulls[] = {
		values[0] == (Datum) 0 ? 'n' : ' ', values[1] == (Datum) 0 ? 'n' : ' '
	};

	(void) pb_sql_run(&list, values, nulls);
}
