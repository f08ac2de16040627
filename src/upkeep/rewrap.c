/*
 * rewrap.c
 *	  Reseals secrets that are sealed under older keys, under the active one.
 *
 * A session walks through the table batch by batch, and counts what is left at
 * both ends of the walk. Two other ways were rejected: counting at every call
 * would make the whole work quadratic, and an index by key would slow down
 * every create.
 *
 * The walk's place is kept until the backend ends, with the older keys in the
 * memory context pb_sql_memory(). It promises nothing: the count at the end
 * finds what a rollback undid, and rows that other sessions held.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/memutils.h"
#include "utils/uuid.h"

#include "auth/organization.h"
#include "base/crypt.h"
#include "base/sql.h"
#include "keys/keyring.h"
#include "resources/database.h"
#include "resources/resource.h"
#include "upkeep/rewrap.h"

static const Oid pick_types[] = {
	TEXTARRAYOID, TEXTOID, UUIDOID, TEXTOID, INT4OID
};
static const Oid reseal_types[] = {TEXTOID, UUIDOID, BYTEAOID};

#define UNDER_KEYS \
	"FROM pgbeam.databases WHERE password_sealed IS NOT NULL " \
	"AND pgbeam.secret_key_id(password_sealed) " \
	"OPERATOR(pg_catalog.=) ANY ($1)"

/* the columns of pick */
enum
{
	ORG, PROJECT, ID, GENERATION, SEALED, COLUMNS
};

static const PbResult pick_results[COLUMNS] = {
	[ORG] = {TEXTOID, false}, [PROJECT] = {UUIDOID, false},
	[ID] = {UUIDOID, false}, [GENERATION] = {INT4OID, false},
	[SEALED] = {BYTEAOID, false}
};
static const PbResult count_results[] = {{INT8OID, false}};

#define BEHIND \
	" AND ROW (org_id, id) OPERATOR(pg_catalog.>) ROW ($2, $3) "

/* The organization of the next secret. */
static PbStatement find_next = {
	.text = "SELECT org_id " UNDER_KEYS BEHIND
	"ORDER BY org_id USING OPERATOR(pg_catalog.<), "
	"id USING OPERATOR(pg_catalog.<) LIMIT 1",
	.nargs = 3, .types = pick_types,
	.nresults = 1, .results = pick_results
};

/* Its secrets. Rows of several organizations cannot be locked on Citus. */
static PbStatement pick = {
	.text = "SELECT org_id, project_id, id, password_generation, password_sealed "
	UNDER_KEYS BEHIND "AND org_id OPERATOR(pg_catalog.=) $4 "
	"ORDER BY id USING OPERATOR(pg_catalog.<) LIMIT $5 FOR UPDATE SKIP LOCKED",
	.nargs = lengthof(pick_types), .types = pick_types,
	.nresults = lengthof(pick_results), .results = pick_results
};

static PbStatement count_left = {
	.text = "SELECT pg_catalog.count(*) " UNDER_KEYS,
	.nargs = 1, .types = pick_types,
	.nresults = lengthof(count_results), .results = count_results
};

/* Secrets under none of the keys, or under a key that cannot be told. */
static PbStatement count_lost = {
	.text = "SELECT pg_catalog.count(*) FROM pgbeam.databases "
	"WHERE password_sealed IS NOT NULL "
	"AND (pgbeam.secret_key_id(password_sealed) "
	"OPERATOR(pg_catalog.=) ANY ($1)) IS NOT TRUE",
	.nargs = 1, .types = pick_types,
	.nresults = lengthof(count_results), .results = count_results
};

static PbStatement reseal = {
	.text = "UPDATE pgbeam.databases SET password_sealed = $3 "
	"WHERE org_id OPERATOR(pg_catalog.=) $1 "
	"AND id OPERATOR(pg_catalog.=) $2",
	.nargs = lengthof(reseal_types), .types = reseal_types
};

/* Seals the secret of a picked row under the active key; NULL with faults. */
static bytea *
seal_anew(const Datum row[COLUMNS], PbFaults *faults)
{
	PbPlace		place = pb_database_place(row[ORG], row[PROJECT], row[ID],
										  row[GENERATION]);
	uint8_t		nonce[PB_NONCE_BYTES];
	text	   *plain;
	bytea	   *sealed;
	PbJson		secret;

	plain = pb_keyring_open(DatumGetByteaPP(row[SEALED]), &place,
							psprintf("database %s",
									 pb_resource_spell(&pb_database, row[ID])),
							faults);
	if (plain == NULL)
		return NULL;
	pb_json_from_text(plain, &secret);
	pb_random(nonce, sizeof(nonce));
	sealed = pb_keyring_seal(&secret, &place, nonce, faults);
	pb_wipe(plain, VARSIZE(plain));
	return sealed;
}

/* Reseals one secret. If that fails, a WARNING tells why. */
static bool
rewrap(const Datum row[COLUMNS])
{
	PbFaults	faults = {0};
	bytea	   *sealed = seal_anew(row, &faults);
	Datum		values[] = {row[ORG], row[ID], PointerGetDatum(sealed)};

	if (sealed == NULL)
	{
		ereport(WARNING,
				(errmsg("%s", faults.problems[0].detail),
				 errhint("%s", faults.problems[0].hint)));
		return false;
	}
	if (pb_sql_run(&reseal, values, NULL) == 0)
		pb_sql_vetoed(pb_database.table);
	pfree(sealed);
	return true;
}

static int64
count_by(PbStatement *statement, Datum keys)
{
	Datum		count = Int64GetDatum(0);
	bool		isnull;

	(void) pb_sql_row(statement, &keys, NULL, &count, &isnull);
	return DatumGetInt64(count);
}

/* A walk through the secrets of older keys. */
typedef struct Walk
{
	bool		is_under_way;
	Datum		keys;			/* text[]: the older keys */
	char		org_id[4 * PB_ORG_ID_MAX + 1];	/* of the last row it passed */
	pg_uuid_t	id;				/* the same */
	int64		left;			/* after that row, by the count at its start */
	int64		failed;			/* secrets that did not open */
} Walk;

static Walk walk;				/* the session's, after its last batch */

static void
begin_walk(Datum keys)
{
	MemoryContext before = MemoryContextSwitchTo(pb_sql_memory());

	if (walk.keys != (Datum) 0)
		pfree(DatumGetPointer(walk.keys));
	walk.keys = (Datum) 0;
	walk.keys = datumCopy(keys, false, -1);
	MemoryContextSwitchTo(before);
	walk.org_id[0] = '\0';
	memset(&walk.id, 0, sizeof(walk.id));
	walk.left = count_by(&count_left, keys);
	walk.failed = 0;
	walk.is_under_way = true;
}

static void
advance(Walk *at, const Datum row[COLUMNS])
{
	strlcpy(at->org_id, TextDatumGetCString(row[ORG]), sizeof(at->org_id));
	at->id = *DatumGetUUIDP(row[ID]);
	at->left--;
}

/*
 * Reseals secrets of one organization, at most so many; returns how many it
 * picked. If these are fewer, the walk passes what others have locked.
 */
static int
seal_some(Walk *at, Datum values[lengthof(pick_types)], int most)
{
	SPITupleTable *picked;
	int			count;

	values[4] = Int32GetDatum(most);
	count = (int) pb_sql_run(&pick, values, NULL);
	picked = SPI_tuptable;
	for (int i = 0; i < count; i++)
	{
		Datum		row[COLUMNS];
		bool		nulls[COLUMNS];

		CHECK_FOR_INTERRUPTS();
		pb_sql_read(&pick, picked, i, row, nulls);
		if (!rewrap(row))
			at->failed++;
		advance(at, row);
	}
	if (count < most)
	{
		strlcpy(at->org_id, TextDatumGetCString(values[3]),
				sizeof(at->org_id));
		memset(&at->id, 0xff, sizeof(at->id));
	}
	return count;
}

/*
 * Reseals a batch; returns how many of the picked secrets were done. A batch
 * that fails leaves the walk where it was.
 */
static int
seal_batch(int32 batch, int *count)
{
	Walk		at = walk;
	int			done;

	*count = 0;
	while (*count < batch)
	{
		Datum		values[lengthof(pick_types)] = {
			at.keys, CStringGetTextDatum(at.org_id), UUIDPGetDatum(&at.id)
		};
		bool		isnull;

		if (!pb_sql_row(&find_next, values, NULL, &values[3], &isnull))
			break;
		*count += seal_some(&at, values, batch - *count);
	}
	done = *count - (int) (at.failed - walk.failed);
	walk = at;
	return done;
}

/*
 * How many secrets are left that can be resealed. They are counted again at
 * the end of the walk.
 */
static int64
count_rest(bool at_end)
{
	if (!at_end && walk.left > 0)
		return walk.left;
	walk.is_under_way = false;
	return count_by(&count_left, walk.keys) - walk.failed;
}

/* Tells how many secrets cannot be resealed, once no others are left. */
static void
warn_of_missing_keys(PbFaults *faults)
{
	int64		count = count_by(&count_lost, pb_keyring_ids(false, faults));

	if (count > 0)
		ereport(WARNING,
				(errmsg("secrets sealed under keys that are not in the keyring: %lld",
						(long long) count),
				 errdetail("They stay as they are, and cannot be opened here."),
				 errhint("pgbeam.key_status() tells which keys: put their lines back into the keyring, before the active key's, or store these passwords anew.")));
}

/*
 * Reseals at most batch secrets; returns how many are left that can be
 * resealed.
 */
int64
pb_rewrap(int32 batch, PbFaults *faults)
{
	Datum		keys = pb_keyring_ids(true, faults);
	int			count;
	int			done;
	int64		left;

	if (keys == (Datum) 0)
		return 0;
	if (!walk.is_under_way || !datumIsEqual(keys, walk.keys, false, -1))
		begin_walk(keys);
	done = seal_batch(batch, &count);
	if (count > 0 && done == 0)
	{
		walk.is_under_way = count == batch;
		pb_fault_unavailable(faults, PB_UNOPENED_SECRET,
							 "none of the secrets tried can be opened",
							 "The warnings tell which they are; store them anew, or delete them. The next call goes on after them.");
		return 0;
	}
	left = count_rest(count < batch);
	ereport(NOTICE,
			(errmsg("secrets sealed under the active key: %d, left: %lld",
					done, (long long) left)));
	if (left == 0)
		warn_of_missing_keys(faults);
	return left;
}
