/*
 * crypt.c
 *	  Random bytes, keyrings, sealed secrets, digests and signatures, by
 *	  libsodium.
 *
 * A keyring is one block of sodium_malloc(): guarded, locked where the limits
 * allow it, left out of core dumps, and read-only once it is filled.
 */
#include "base/crypt.h"

#include <pthread.h>
#include <sodium.h>
#include <string.h>

#define VERSION 1
#define KIND_SYMMETRIC 1
#define KIND_SEALED_BOX 2
#define HEADER (PB_SEALED_KEYRING_ID + PB_KEYRING_ID_BYTES)
#define TAG crypto_aead_xchacha20poly1305_ietf_ABYTES
#define OVERHEAD (HEADER + PB_NONCE_BYTES + TAG)
#define PADDING 64
#define ORG_MAX 1020			/* 255 characters of at most 4 bytes */
#define PURPOSE_MAX 64
#define PLACE_MAX (5 * 4 + PURPOSE_MAX + ORG_MAX + 16 + 16 + 4)

_Static_assert(PB_KEYRING_KEY_BYTES ==
			   crypto_aead_xchacha20poly1305_ietf_KEYBYTES, "key size");
_Static_assert(PB_NONCE_BYTES == crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
			   "nonce size");
_Static_assert(PB_DIGEST_BYTES == crypto_generichash_BYTES, "digest size");
_Static_assert(PB_HASH_KEY_BYTES == crypto_shorthash_KEYBYTES &&
			   sizeof(uint64_t) == crypto_shorthash_BYTES, "hash sizes");
_Static_assert(PB_SIGNATURE_BYTES == crypto_sign_BYTES, "signature size");
_Static_assert(PB_PUBLIC_KEY_BYTES == crypto_sign_PUBLICKEYBYTES,
			   "public key size");

typedef struct KeyringKey
{
	uint8_t		id[PB_KEYRING_ID_BYTES];
	uint8_t		secret[PB_KEYRING_KEY_BYTES];
} KeyringKey;

struct PbKeyring
{
	size_t		count;
	KeyringKey	keys[];			/* the last one is active */
};

/* Those at the beginning have not been given out. */
static uint64_t numbers[32];
static size_t numbers_left = 0;

static void
forget_numbers(void)
{
	numbers_left = 0;
}

/* Must be called once in a process, before anything else here. */
bool
pb_crypt_start(void)
{
	return sodium_init() >= 0 &&
		pthread_atfork(NULL, NULL, forget_numbers) == 0;
}

void
pb_random(void *bytes, size_t size)
{
	randombytes_buf(bytes, size);
}

/*
 * A random number for an id, or for a choice. Numbers are drawn ahead, because
 * a call of the system for each costs more than the rest of the id. A process
 * that is forked draws its own. Nothing secret may be made of them, and no
 * nonce: a machine that is copied while it runs has the same numbers ahead.
 *
 * libsodium's generator within the process was rejected, because it ends a
 * process that was forked after its start.
 */
uint64_t
pb_random_number(void)
{
	if (numbers_left == 0)
	{
		randombytes_buf(numbers, sizeof(numbers));
		numbers_left = sizeof(numbers) / sizeof(numbers[0]);
	}
	return numbers[--numbers_left];
}

void
pb_wipe(void *bytes, size_t size)
{
	sodium_memzero(bytes, size);
}

/* Memory for text that holds keys; NULL when there is none. */
void *
pb_guarded_alloc(size_t size)
{
	return sodium_malloc(size);
}

/* Wipes the memory and frees it. */
void
pb_guarded_free(void *memory)
{
	sodium_free(memory);
}

/* BLAKE2b with 256 bits, unkeyed: for secrets that are random and long. */
void
pb_digest(const void *bytes, size_t size, uint8_t digest[PB_DIGEST_BYTES])
{
	crypto_generichash(digest, PB_DIGEST_BYTES, bytes, size, NULL, 0);
}

/* SipHash-2-4, for tables whose entries others choose. */
uint64_t
pb_hash(const uint8_t key[PB_HASH_KEY_BYTES], const void *bytes, size_t size)
{
	uint64_t	hash;

	crypto_shorthash((uint8_t *) &hash, bytes, size, key);
	return hash;
}

/* Compares in a time that does not tell where the bytes differ. */
bool
pb_same_bytes(const void *a, const void *b, size_t size)
{
	return sodium_memcmp(a, b, size) == 0;
}

/* Ed25519 (RFC 8032), strict: a signature has one spelling. */
bool
pb_signature_fits(const uint8_t signature[PB_SIGNATURE_BYTES],
				  const void *message, size_t size,
				  const uint8_t key[PB_PUBLIC_KEY_BYTES])
{
	return crypto_sign_verify_detached(signature, message, size, key) == 0;
}

/* Whether a public key of Ed25519 is a point that can be trusted. */
bool
pb_public_key_is_sound(const uint8_t key[PB_PUBLIC_KEY_BYTES])
{
	return crypto_core_ed25519_is_valid_point(key) == 1;
}

/*
 * The id of a keyring key is a digest of it. So a key that was damaged is told
 * from a key of another keyring.
 */
static void
make_id(const uint8_t secret[PB_KEYRING_KEY_BYTES],
		uint8_t id[PB_KEYRING_ID_BYTES])
{
	static const char context[] = "pgbeam key id";

	crypto_generichash(id, PB_KEYRING_ID_BYTES, (const uint8_t *) context,
					   sizeof(context) - 1, secret, PB_KEYRING_KEY_BYTES);
}

/* Lower-case hex, terminated. */
void
pb_hex(const uint8_t *bytes, size_t size, char *hex)
{
	sodium_bin2hex(hex, 2 * size + 1, bytes, size);
}

void
pb_keyring_id_hex(const uint8_t id[PB_KEYRING_ID_BYTES],
				  char hex[2 * PB_KEYRING_ID_BYTES + 1])
{
	pb_hex(id, PB_KEYRING_ID_BYTES, hex);
}

/* Exactly 2 * size hex digits. */
bool
pb_read_hex(const char *text, size_t size, uint8_t *bytes)
{
	size_t		read;
	int			result = sodium_hex2bin(bytes, size, text, 2 * size, NULL,
										&read, NULL);

	return result == 0 && read == size;
}

/* One line without its end: "<32 hex digits> <64 hex digits>". */
static const char *
parse_key(const char *line, size_t length, KeyringKey *key)
{
	const char *secret = line + 2 * PB_KEYRING_ID_BYTES + 1;
	uint8_t		id[PB_KEYRING_ID_BYTES];

	if (length != 2 * PB_KEYRING_ID_BYTES + 1 + 2 * PB_KEYRING_KEY_BYTES ||
		line[2 * PB_KEYRING_ID_BYTES] != ' ' ||
		!pb_read_hex(line, PB_KEYRING_ID_BYTES, key->id) ||
		!pb_read_hex(secret, PB_KEYRING_KEY_BYTES, key->secret))
		return "a line must be a key id of 32 hex digits, a space and a key "
			"of 64 hex digits";
	make_id(key->secret, id);
	if (sodium_memcmp(id, key->id, PB_KEYRING_ID_BYTES) != 0)
		return "the key id does not belong to the key beside it";
	return NULL;
}

static const KeyringKey *
find_key(const PbKeyring *ring, const uint8_t id[PB_KEYRING_ID_BYTES])
{
	for (size_t i = 0; i < ring->count; i++)
		if (memcmp(ring->keys[i].id, id, PB_KEYRING_ID_BYTES) == 0)
			return &ring->keys[i];
	return NULL;
}

/* Adds the key on a line to the keyring, or returns what is wrong with it. */
static const char *
add_line(PbKeyring *ring, const char *line, size_t length)
{
	KeyringKey *key = &ring->keys[ring->count];
	const char *problem = parse_key(line, length, key);

	if (problem == NULL && find_key(ring, key->id) != NULL)
		problem = "the key stands on an earlier line too";
	if (problem == NULL)
		ring->count++;
	return problem;
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* The length without the blanks at the end, among them the CR of CR LF. */
static size_t
trimmed(const char *line, size_t length)
{
	while (length > 0 && is_blank(line[length - 1]))
		length--;
	return length;
}

/* Whether a line is blank or a comment, which may be indented. */
static bool
is_silent(const char *line, size_t length)
{
	size_t		i = 0;

	while (i < length && is_blank(line[i]))
		i++;
	return i == length || line[i] == '#';
}

/* Steps over the byte order mark that some editors put before UTF-8. */
static const char *
skip_mark(const char *text, const char *end)
{
	static const char mark[] = "\xef\xbb\xbf";
	const size_t size = sizeof(mark) - 1;

	return (size_t) (end - text) >= size && memcmp(text, mark, size) == 0 ?
		text + size : text;
}

/*
 * Reads the text of a keyring file, which has a key on each line. Blanks at
 * the end of a line, blank lines, comments behind # and a byte order mark do
 * not count. Returns NULL where the text is no keyring, with the problem and
 * the number of its line (0: none).
 */
PbKeyring *
pb_keyring_parse(const char *text, size_t length, const char **problem,
				 int *line)
{
	size_t		least = 2 * (PB_KEYRING_ID_BYTES + PB_KEYRING_KEY_BYTES);
	size_t		room = length / least + 1;
	PbKeyring  *ring = sodium_malloc(sizeof(PbKeyring) +
									 room * sizeof(KeyringKey));
	const char *end = text + length;

	*line = 0;
	*problem = NULL;
	if (ring == NULL)
	{
		*problem = "there is no memory for the keys";
		return NULL;
	}
	ring->count = 0;
	text = skip_mark(text, end);
	while (text < end && *problem == NULL)
	{
		const char *stop = memchr(text, '\n', end - text);
		size_t		size = (stop == NULL ? end : stop) - text;

		++*line;
		if (!is_silent(text, size))
			*problem = add_line(ring, text, trimmed(text, size));
		text = stop == NULL ? end : stop + 1;
	}
	if (*problem == NULL && ring->count == 0)
	{
		*line = 0;
		*problem = "it holds no key";
	}
	if (*problem != NULL)
	{
		sodium_free(ring);
		return NULL;
	}
	sodium_mprotect_readonly(ring);
	return ring;
}

void
pb_keyring_free(PbKeyring *ring)
{
	sodium_free(ring);
}

size_t
pb_keyring_count(const PbKeyring *ring)
{
	return ring->count;
}

const uint8_t *
pb_keyring_id(const PbKeyring *ring, size_t index)
{
	return ring->keys[index].id;
}

/* The line of a new key, newline included. The caller wipes it. */
size_t
pb_keyring_new_line(char line[PB_KEYRING_LINE_MAX])
{
	KeyringKey	key;

	randombytes_buf(key.secret, sizeof(key.secret));
	make_id(key.secret, key.id);
	pb_hex(key.id, PB_KEYRING_ID_BYTES, line);
	line[2 * PB_KEYRING_ID_BYTES] = ' ';
	pb_hex(key.secret, PB_KEYRING_KEY_BYTES,
		   line + 2 * PB_KEYRING_ID_BYTES + 1);
	line[PB_KEYRING_LINE_MAX - 2] = '\n';
	line[PB_KEYRING_LINE_MAX - 1] = '\0';
	sodium_memzero(&key, sizeof(key));
	return PB_KEYRING_LINE_MAX - 1;
}

static uint8_t *
add_part(uint8_t *at, const void *part, size_t size)
{
	at[0] = (uint8_t) size;
	at[1] = (uint8_t) (size >> 8);
	at[2] = (uint8_t) (size >> 16);
	at[3] = (uint8_t) (size >> 24);
	memcpy(at + 4, part, size);
	return at + 4 + size;
}

/* The additional data: each part behind its length. 0: there is no room. */
static size_t
describe_place(const PbPlace *place, uint8_t data[PLACE_MAX])
{
	uint8_t		generation[4];
	uint8_t    *at = data;

	if (place->org_length > ORG_MAX || strlen(place->purpose) > PURPOSE_MAX)
		return 0;
	for (int i = 0; i < 4; i++)
		generation[i] = (uint8_t) (place->generation >> (8 * i));
	at = add_part(at, place->purpose, strlen(place->purpose));
	at = add_part(at, place->org, place->org_length);
	at = add_part(at, place->project, 16);
	at = add_part(at, place->database, 16);
	at = add_part(at, generation, sizeof(generation));
	return at - data;
}

/*
 * A digest of the parts, each behind its length, that only a holder of the
 * keyring key can make: the key's id, and BLAKE2b under a key derived from it.
 * key_id names the keyring key; NULL names the active one. Returns false where
 * the keyring lacks it.
 */
bool
pb_fingerprint(const PbKeyring *ring, const PbBytes *parts, int count,
			   const uint8_t *key_id,
			   uint8_t fingerprint[PB_FINGERPRINT_BYTES])
{
	static const char context[] = "pgbeam fingerprint";
	const KeyringKey *key = key_id == NULL ?
	&ring->keys[ring->count - 1] : find_key(ring, key_id);
	uint8_t		derived[PB_KEYRING_KEY_BYTES];
	crypto_generichash_state state;

	if (key == NULL)
		return false;
	crypto_generichash(derived, sizeof(derived), (const uint8_t *) context,
					   sizeof(context) - 1, key->secret, PB_KEYRING_KEY_BYTES);
	crypto_generichash_init(&state, derived, sizeof(derived), PB_DIGEST_BYTES);
	for (int i = 0; i < count; i++)
	{
		uint8_t		size[8];

		for (int b = 0; b < 8; b++)
			size[b] = (uint8_t) ((uint64_t) parts[i].size >> (8 * b));
		crypto_generichash_update(&state, size, sizeof(size));
		crypto_generichash_update(&state, parts[i].bytes, parts[i].size);
	}
	memcpy(fingerprint, key->id, PB_KEYRING_ID_BYTES);
	crypto_generichash_final(&state, fingerprint + PB_KEYRING_ID_BYTES,
							 PB_DIGEST_BYTES);
	sodium_memzero(derived, sizeof(derived));
	sodium_memzero(&state, sizeof(state));
	return true;
}

static size_t
padded_size(size_t plain_size)
{
	return (plain_size / PADDING + 1) * PADDING;
}

size_t
pb_sealed_size(size_t plain_size)
{
	return OVERHEAD + padded_size(plain_size);
}

/*
 * Seals under the keyring's active key into pb_sealed_size() bytes. The nonce
 * must be fresh random bytes. Returns false when a name of the place is too
 * long.
 */
bool
pb_seal(const PbKeyring *ring, const PbPlace *place,
		const uint8_t nonce[PB_NONCE_BYTES],
		const void *plain, size_t plain_size, uint8_t *sealed)
{
	const KeyringKey *key = &ring->keys[ring->count - 1];
	uint8_t    *body = sealed + HEADER + PB_NONCE_BYTES;
	size_t		padded = padded_size(plain_size);
	uint8_t		data[PLACE_MAX];
	size_t		data_size = describe_place(place, data);

	if (data_size == 0)
		return false;
	sealed[0] = VERSION;
	sealed[1] = KIND_SYMMETRIC;
	memcpy(sealed + PB_SEALED_KEYRING_ID, key->id, PB_KEYRING_ID_BYTES);
	memcpy(sealed + HEADER, nonce, PB_NONCE_BYTES);

	/* Encrypted in place, so that no copy has to be wiped. */
	memcpy(body, plain, plain_size);
	sodium_pad(NULL, body, plain_size, PADDING, padded);
	crypto_aead_xchacha20poly1305_ietf_encrypt(body, NULL, body, padded,
											   data, data_size, NULL,
											   nonce, key->secret);
	return true;
}

/*
 * Opens into plain, which must have room for sealed_size bytes. It holds
 * nothing of the secret unless PB_OPENED is returned.
 */
PbOpened
pb_open(const PbKeyring *ring, const PbPlace *place,
		const uint8_t *sealed, size_t sealed_size,
		uint8_t *plain, size_t *plain_size)
{
	const uint8_t *nonce = sealed + HEADER;
	const uint8_t *body = nonce + PB_NONCE_BYTES;
	const KeyringKey *key;
	uint8_t		data[PLACE_MAX];
	size_t		data_size = describe_place(place, data);
	size_t		padded;

	if (sealed_size < HEADER || sealed[0] != VERSION)
		return PB_OPEN_MALFORMED;
	if (sealed[1] == KIND_SEALED_BOX)
		return PB_OPEN_OTHER_KIND;
	if (sealed[1] != KIND_SYMMETRIC || sealed_size < OVERHEAD + PADDING ||
		data_size == 0)
		return PB_OPEN_MALFORMED;
	key = find_key(ring, sealed + PB_SEALED_KEYRING_ID);
	if (key == NULL)
		return PB_OPEN_NOT_IN_KEYRING;
	padded = sealed_size - OVERHEAD;
	if (crypto_aead_xchacha20poly1305_ietf_decrypt(plain, NULL, NULL,
												   body, padded + TAG,
												   data, data_size,
												   nonce, key->secret) != 0)
		return PB_OPEN_FORGED;
	if (sodium_unpad(plain_size, plain, padded, PADDING) != 0)
	{
		sodium_memzero(plain, padded);
		return PB_OPEN_FORGED;
	}
	return PB_OPENED;
}
