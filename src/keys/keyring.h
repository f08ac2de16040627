/*
 * keyring.h
 *	  The keyring at hand; secrets sealed and opened with its keys.
 *
 * The keyring that was read last lives as long as the backend, in guarded
 * memory of crypt.c's. Sealed and opened secrets are in the current memory
 * context.
 */
#ifndef PB_KEYRING_H
#define PB_KEYRING_H

#include "base/crypt.h"
#include "base/fault.h"
#include "base/json.h"

/* the secret is damaged, or was moved */
#define PB_UNOPENED_SECRET MAKE_SQLSTATE('P', 'B', '0', '0', '4')

extern const PbKeyring *pb_keyring_current(PbFaults *faults);
extern const char *pb_keyring_create_key(PbFaults *faults);

extern bytea *pb_keyring_seal(const PbJson *secret, const PbPlace *place,
							  const uint8_t nonce[PB_NONCE_BYTES],
							  PbFaults *faults);
extern bool pb_keyring_fingerprint(const PbBytes *parts, int count,
								   const char *stored,
								   char hex[2 * PB_FINGERPRINT_BYTES + 1],
								   PbFaults *faults);
extern Datum pb_keyring_ids(bool older, PbFaults *faults);
extern void pb_keyring_no_secret(const char *owner, PbFaults *faults);
extern text *pb_keyring_open(const bytea *sealed, const PbPlace *place,
							 const char *owner, PbFaults *faults);

#endif							/* PB_KEYRING_H */
