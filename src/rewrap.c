/*
 * rewrap.c
 *	  Seals the secrets of older keys under the active one.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"

#include "crypt.h"
#include "database.h"
#include "key.h"
#include "resource.h"
#include "rewrap.h"
#include "sql.h"

static const Oid pick_types[] = {TEXTARRAYOID, INT4OID};
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

static PbStatement pick = {
	.text = "SELECT org_id, project_id, id, password_generation, password_sealed "
	UNDER_KEYS " LIMIT $2 FOR UPDATE SKIP LOCKED",
	.nargs = lengthof(pick_types), .types = pick_types,
	.nresults = lengthof(pick_results), .results = pick_results
};

static PbStatement count_left = {
	.text = "SELECT pg_catalog.count(*) " UNDER_KEYS,
	.nargs = 1, .types = pick_types,
	.nresults = lengthof(count_results), .results = count_results
};

static PbStatement reseal = {
	.text = "UPDATE pgbeam.databases SET password_sealed = $3 "
	"WHERE org_id OPERATOR(pg_catalog.=) $1 "
	"AND id OPERATOR(pg_catalog.=) $2",
	.nargs = lengthof(reseal_types), .types = reseal_types
};

/* The secret of a picked row under the active key; NULL with faults. */
static bytea *
seal_anew(const Datum row[COLUMNS], PbFaults *faults)
{
	PbPlace		place = pb_database_place(row[ORG], row[PROJECT], row[ID],
										  row[GENERATION]);
	uint8_t		nonce[PB_NONCE_BYTES];
	text	   *plain;
	bytea	   *sealed;
	PbJson		secret;

	plain = pb_key_open(DatumGetByteaPP(row[SEALED]), &place,
						psprintf("database %s",
								 pb_resource_spell(&pb_database, row[ID])),
						faults);
	if (plain == NULL)
		return NULL;
	pb_json_from_text(plain, &secret);
	pb_random(nonce, sizeof(nonce));
	sealed = pb_key_seal(&secret, &place, nonce, faults);
	pb_wipe(plain, VARSIZE(plain));
	return sealed;
}

/* True when it is done; a WARNING tells what cannot be. */
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
count_under(Datum keys)
{
	Datum		count = Int64GetDatum(0);
	bool		isnull;

	(void) pb_sql_row(&count_left, &keys, NULL, &count, &isnull);
	return DatumGetInt64(count);
}

/*
 * Seals at most batch secrets of older keys under the active one; how many are
 * left that it could still do.
 */
int64
pb_rewrap(int32 batch, PbFaults *faults)
{
	Datum		keys = pb_key_older_ids(faults);
	Datum		values[] = {keys, Int32GetDatum(batch)};
	SPITupleTable *picked;
	uint64		count;
	uint64		done = 0;
	int64		left;

	if (keys == (Datum) 0)
		return 0;
	count = pb_sql_run(&pick, values, NULL);
	picked = SPI_tuptable;
	for (uint64 i = 0; i < count; i++)
	{
		Datum		row[COLUMNS];
		bool		nulls[COLUMNS];

		CHECK_FOR_INTERRUPTS();
		pb_sql_read(&pick, picked, i, row, nulls);
		done += rewrap(row);
	}
	if (count > 0 && done == 0)
	{
		pb_fault_unavailable(faults, PB_UNOPENED_SECRET,
							 "none of the secrets that were tried opens",
							 "The warnings tell which they are; store them anew, or delete them.");
		return 0;
	}
	left = count_under(keys) - (int64) (count - done);
	ereport(NOTICE,
			(errmsg("secrets sealed under the active key: %llu, left: %lld",
					(unsigned long long) done, (long long) left)));
	return left;
}
