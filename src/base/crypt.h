/*
 * crypt.h
 *	  The only user of libsodium: random bytes, keyrings, sealed secrets,
 *	  digests, signatures.
 *
 * It does not need a server. A sealed secret is
 *	  version 1 | kind 1 | id of the keyring key 16 | body
 * and the body of the symmetric kind is
 *	  nonce 24 | ciphertext of the plaintext padded to 64 bytes | tag 16
 * by XChaCha20-Poly1305. Additional data binds it to its place.
 *
 * Keyrings and text that holds keys lie in memory of libsodium's own: guarded,
 * locked where the limits allow it, and never in a memory context.
 */
#ifndef PB_CRYPT_H
#define PB_CRYPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PB_KEYRING_KEY_BYTES 32
#define PB_KEYRING_ID_BYTES 16
#define PB_NONCE_BYTES 24
#define PB_DIGEST_BYTES 32
#define PB_HASH_KEY_BYTES 16
#define PB_FINGERPRINT_BYTES (PB_KEYRING_ID_BYTES + PB_DIGEST_BYTES)
#define PB_SIGNATURE_BYTES 64
#define PB_PUBLIC_KEY_BYTES 32
#define PB_KEYRING_LINE_MAX \
	(2 * PB_KEYRING_ID_BYTES + 1 + 2 * PB_KEYRING_KEY_BYTES + 2)

/* where the id of the keyring key stands in a sealed secret */
#define PB_SEALED_KEYRING_ID 2

typedef struct PbKeyring PbKeyring;

/* What a secret belongs to: it does not open in another place. */
typedef struct PbPlace
{
	const char *purpose;		/* such as "database.password" */
	const char *org;
	size_t		org_length;		/* bytes */
	const uint8_t *project;		/* 16 bytes */
	const uint8_t *database;	/* 16 bytes */
	uint32_t	generation;		/* grows with every new value */
} PbPlace;

typedef struct PbBytes
{
	const void *bytes;
	size_t		size;
} PbBytes;

typedef enum PbOpened
{
	PB_OPENED,
	PB_OPEN_NOT_IN_KEYRING,		/* the keyring lacks the key it names */
	PB_OPEN_OTHER_KIND,			/* sealed to somebody else's key */
	PB_OPEN_MALFORMED,			/* no sealed secret at all */
	PB_OPEN_FORGED				/* damaged, or moved from its place */
} PbOpened;

extern bool pb_crypt_start(void);
extern void pb_random(void *bytes, size_t size);
extern uint64_t pb_random_number(void);
extern void pb_wipe(void *bytes, size_t size);
extern void *pb_guarded_alloc(size_t size);
extern void pb_guarded_free(void *memory);

extern void pb_hex(const uint8_t *bytes, size_t size, char *hex);
extern bool pb_read_hex(const char *text, size_t size, uint8_t *bytes);
extern void pb_digest(const void *bytes, size_t size,
					  uint8_t digest[PB_DIGEST_BYTES]);
extern uint64_t pb_hash(const uint8_t key[PB_HASH_KEY_BYTES],
						const void *bytes, size_t size);
extern bool pb_same_bytes(const void *a, const void *b, size_t size);
extern bool pb_signature_fits(const uint8_t signature[PB_SIGNATURE_BYTES],
							  const void *message, size_t size,
							  const uint8_t key[PB_PUBLIC_KEY_BYTES]);
extern bool pb_public_key_is_sound(const uint8_t key[PB_PUBLIC_KEY_BYTES]);

extern PbKeyring *pb_keyring_parse(const char *text, size_t length,
								   const char **problem, int *line);
extern void pb_keyring_free(PbKeyring *ring);
extern size_t pb_keyring_count(const PbKeyring *ring);
extern const uint8_t *pb_keyring_id(const PbKeyring *ring, size_t index);
extern size_t pb_keyring_new_line(char line[PB_KEYRING_LINE_MAX]);
extern void pb_keyring_id_hex(const uint8_t id[PB_KEYRING_ID_BYTES],
							  char hex[2 * PB_KEYRING_ID_BYTES + 1]);

extern bool pb_fingerprint(const PbKeyring *ring, const PbBytes *parts,
						   int count, const uint8_t *key_id,
						   uint8_t fingerprint[PB_FINGERPRINT_BYTES]);

extern size_t pb_sealed_size(size_t plain_size);
extern bool pb_seal(const PbKeyring *ring, const PbPlace *place,
					const uint8_t nonce[PB_NONCE_BYTES],
					const void *plain, size_t plain_size, uint8_t *sealed);
extern PbOpened pb_open(const PbKeyring *ring, const PbPlace *place,
						const uint8_t *sealed, size_t sealed_size,
						uint8_t *plain, size_t *plain_size);

#endif							/* PB_CRYPT_H */
