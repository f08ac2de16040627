/*
 * key.h
 *	  The keys at hand; secrets sealed and opened with them.
 */
#ifndef PB_KEY_H
#define PB_KEY_H

#include "base/crypt.h"
#include "base/fault.h"
#include "base/json.h"

/* the secret is damaged, or was moved */
#define PB_UNOPENED_SECRET MAKE_SQLSTATE('P', 'B', '0', '0', '4')

extern const PbKeyring *pb_key_ring(PbFaults *faults);
extern const char *pb_key_create(PbFaults *faults);

extern bytea *pb_key_seal(const PbJson *secret, const PbPlace *place,
						  const uint8_t nonce[PB_NONCE_BYTES],
						  PbFaults *faults);
extern bool pb_key_fingerprint(const PbBytes *parts, int count,
							   const char *stored,
							   char hex[2 * PB_FINGERPRINT_BYTES + 1],
							   PbFaults *faults);
extern Datum pb_key_ids(bool older, PbFaults *faults);
extern void pb_key_no_secret(const char *owner, PbFaults *faults);
extern text *pb_key_open(const bytea *sealed, const PbPlace *place,
						 const char *owner, PbFaults *faults);

#endif							/* PB_KEY_H */
