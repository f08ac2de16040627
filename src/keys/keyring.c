/*
 * keyring.c
 *	  The keyring at hand; secrets sealed and opened with its keys.
 *
 * The keyring file is read again in three cases: after a reload of the
 * configuration, when no keyring is at hand, and when a secret names a key
 * that the keyring lacks. No call looks at the file otherwise.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "keys/keyring.h"
#include "keys/keyfile.h"

#define UNKNOWN_KEY MAKE_SQLSTATE('P', 'B', '0', '0', '2')

static PbKeyring *ring = NULL;
static TimestampTz ring_reload; /* the reload it was read after */

static void
keep_ring(PbKeyring *read)
{
	if (ring != NULL)
		pb_keyring_free(ring);
	ring = read;
	ring_reload = PgReloadTime;
}

/* The keyring; NULL with faults when none can be used. */
const PbKeyring *
pb_keyring_current(PbFaults *faults)
{
	if (ring == NULL || ring_reload != PgReloadTime)
		keep_ring(pb_keyfile_read(faults));
	return ring;
}

/*
 * Reads the file again: another server, or a session of this one, may have
 * added the key that a secret names. The keyring at hand is kept when the file
 * gives none.
 */
static bool
read_again(void)
{
	PbFaults	unheard = {0};
	PbKeyring  *read = pb_keyfile_read(&unheard);

	if (read != NULL)
		keep_ring(read);
	return read != NULL;
}

/*
 * Seals a secret of a request under the active key. Returns NULL with faults
 * when no keyring can be used.
 */
bytea *
pb_keyring_seal(const PbJson *secret, const PbPlace *place,
				const uint8_t nonce[PB_NONCE_BYTES], PbFaults *faults)
{
	const PbKeyring *keys = pb_keyring_current(faults);
	size_t		size = pb_sealed_size(secret->length);
	bytea	   *sealed;

	if (keys == NULL)
		return NULL;
	sealed = palloc(VARHDRSZ + size);
	SET_VARSIZE(sealed, VARHDRSZ + size);
	if (!pb_seal(keys, place, nonce, secret->text, secret->length,
				 (uint8_t *) VARDATA(sealed)))
		elog(ERROR, "a secret cannot be bound to its place");
	return sealed;
}

static void
refuse_key(const uint8_t id[PB_KEYRING_ID_BYTES], PbFaults *faults)
{
	char		hex[2 * PB_KEYRING_ID_BYTES + 1];

	pb_keyring_id_hex(id, hex);
	pb_fault_unavailable(faults, UNKNOWN_KEY,
						 psprintf("key %s is not in this server's keyring", hex),
						 "Copy its line from the keyring file of the server that wrote the secret; pgbeam.key_status() counts the secrets that need it.");
}

/*
 * A keyed digest in hex: under the keyring key that a stored digest names, or
 * under the active one where stored is NULL. Returns false with faults when
 * that key is not at hand.
 */
bool
pb_keyring_fingerprint(const PbBytes *parts, int count, const char *stored,
					   char hex[2 * PB_FINGERPRINT_BYTES + 1],
					   PbFaults *faults)
{
	const PbKeyring *keys = pb_keyring_current(faults);
	uint8_t		id[PB_KEYRING_ID_BYTES];
	const uint8_t *wanted = stored == NULL ? NULL : id;
	uint8_t		made[PB_FINGERPRINT_BYTES];

	if (keys == NULL)
		return false;
	if (stored != NULL && !pb_read_hex(stored, PB_KEYRING_ID_BYTES, id))
	{
		pb_fault_unavailable(faults, ERRCODE_DATA_CORRUPTED,
							 "the fingerprint of an earlier request is not in a format that this version knows",
							 "Use another Idempotency-Key.");
		return false;
	}
	if (!pb_fingerprint(keys, parts, count, wanted, made) &&
		!(read_again() && pb_fingerprint(ring, parts, count, wanted, made)))
	{
		refuse_key(id, faults);
		return false;
	}
	pb_hex(made, sizeof(made), hex);
	return true;
}

static void
refuse_secret(PbOpened opened, const uint8_t *sealed, const char *owner,
			  PbFaults *faults)
{
	if (opened == PB_OPEN_NOT_IN_KEYRING)
		refuse_key(sealed + PB_SEALED_KEYRING_ID, faults);
	else if (opened == PB_OPEN_OTHER_KIND)
		pb_fault_unavailable(faults, ERRCODE_FEATURE_NOT_SUPPORTED,
							 psprintf("the secret of %s is sealed to a key that this server does not hold", owner),
							 "Open it where its private key is.");
	else if (opened == PB_OPEN_MALFORMED)
		pb_fault_unavailable(faults, PB_UNOPENED_SECRET,
							 psprintf("the secret of %s is not in a format that this version knows", owner),
							 "The row was changed, or written by a newer version.");
	else
		pb_fault_unavailable(faults, PB_UNOPENED_SECRET,
							 psprintf("the secret of %s fails authentication", owner),
							 "The row was damaged, changed or moved from another place; store the secret anew.");
}

/* Adds the fault that a row has no secret although it should have one. */
void
pb_keyring_no_secret(const char *owner, PbFaults *faults)
{
	pb_fault_unavailable(faults, PB_UNOPENED_SECRET,
						 psprintf("%s has no secret", owner),
						 "It was deleted and brought back, or the row was changed by hand; store the secret anew.");
}

/*
 * Opens a stored secret; NULL with faults when it does not open. Messages call
 * the object that has the secret by owner. The caller wipes the text.
 */
text *
pb_keyring_open(const bytea *sealed, const PbPlace *place, const char *owner,
				PbFaults *faults)
{
	const uint8_t *bytes = (const uint8_t *) VARDATA_ANY(sealed);
	size_t		size = VARSIZE_ANY_EXHDR(sealed);
	const PbKeyring *keys = pb_keyring_current(faults);
	text	   *plain;
	size_t		plain_size;
	PbOpened	opened;

	if (keys == NULL)
		return NULL;
	plain = palloc(VARHDRSZ + size);
	opened = pb_open(keys, place, bytes, size, (uint8_t *) VARDATA(plain),
					 &plain_size);
	if (opened == PB_OPEN_NOT_IN_KEYRING && read_again())
		opened = pb_open(ring, place, bytes, size, (uint8_t *) VARDATA(plain),
						 &plain_size);
	if (opened != PB_OPENED)
	{
		refuse_secret(opened, bytes, owner, faults);
		return NULL;
	}
	SET_VARSIZE(plain, VARHDRSZ + plain_size);
	return plain;
}

/*
 * The ids of the keyring's keys as text[] in hex: all of them, or the older
 * ones, which are all but the active one. 0 with faults when no keyring can be
 * used.
 */
Datum
pb_keyring_ids(bool older, PbFaults *faults)
{
	const PbKeyring *keys = pb_keyring_current(faults);
	size_t		count = keys == NULL ? 0 : pb_keyring_count(keys) - older;
	Datum	   *ids = palloc(Max(count, 1) * sizeof(Datum));

	if (keys == NULL)
		return (Datum) 0;
	for (size_t i = 0; i < count; i++)
	{
		char		hex[2 * PB_KEYRING_ID_BYTES + 1];

		pb_keyring_id_hex(pb_keyring_id(keys, i), hex);
		ids[i] = CStringGetTextDatum(hex);
	}
	return PointerGetDatum(construct_array(ids, count, TEXTOID, -1, false,
										   TYPALIGN_INT));
}

/* Adds an active key to the file. Its id in hex, or NULL with faults. */
const char *
pb_keyring_create_key(PbFaults *faults)
{
	const char *id = pb_keyfile_add(faults);

	if (id != NULL)
		(void) read_again();
	return id;
}
