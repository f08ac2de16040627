/*
 * crypt.c
 *	  Unit test of src/base/crypt.c: keyrings, sealed secrets that open where they
 *	  belong and nowhere else, digests, and signatures with one spelling.
 */
#include "check.h"

#include <sys/wait.h>
#include <unistd.h>

#include "base/crypt.h"

#define KEY_ID_A "15efb04f51261b5f8854cb3e48574fa6"
#define KEY_ID_B "733d029aa280fcf9ce693fb1e4c92acd"
#define KEY_A "404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f"
#define KEY_B "606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f"
#define LINE_A KEY_ID_A " " KEY_A
#define LINE_B KEY_ID_B " " KEY_B
#define LINE_SIZE 97

#define HEADER (2 + PB_KEYRING_ID_BYTES)
#define TAG 16
#define OVERHEAD (HEADER + PB_NONCE_BYTES + TAG)
#define SEALED_LEAST (OVERHEAD + 64)

static const uint8_t project[16] = "a project's id  ";
static const uint8_t database[16] = "a database's id ";
static const uint8_t other[16] = "b database's id ";

static const PbPlace home = {
	"database.password", "org_abc123", 10, project, database, 1
};

/* A sealed secret, and what it was sealed with. */
typedef struct Sealed
{
	PbKeyring  *ring;
	uint8_t    *bytes;
	size_t		size;
} Sealed;

static PbKeyring *
parse(const char *text, size_t length, const char **problem, int *line)
{
	char	   *copy = exact_copy(text, length);
	PbKeyring  *ring = pb_keyring_parse(copy, length, problem, line);

	free(copy);
	return ring;
}

static PbKeyring *
ring_of(const char *text)
{
	const char *problem;
	int			line;
	PbKeyring  *ring = parse(text, strlen(text), &problem, &line);

	if (ring == NULL)
	{
		printf("keyring: %s in line %d\n", problem, line);
		exit(1);
	}
	return ring;
}

static uint8_t *
seal(const PbKeyring *ring, const PbPlace *place, const void *plain,
	 size_t size)
{
	uint8_t    *copy = exact_copy(plain, size);
	uint8_t    *sealed = exactly(pb_sealed_size(size));
	uint8_t		nonce[PB_NONCE_BYTES];

	random_fill(nonce, sizeof(nonce));
	CHECK(pb_seal(ring, place, nonce, copy, size, sealed), "%zu bytes", size);
	free(copy);
	return sealed;
}

static Sealed
make_sealed(const char *plain)
{
	Sealed		sealed;

	sealed.ring = ring_of(LINE_A "\n");
	sealed.bytes = seal(sealed.ring, &home, plain, strlen(plain));
	sealed.size = pb_sealed_size(strlen(plain));
	return sealed;
}

static void
free_sealed(Sealed *sealed)
{
	pb_keyring_free(sealed->ring);
	free(sealed->bytes);
}

static bool
contains(const uint8_t *bytes, size_t size, const void *part, size_t part_size)
{
	return part_size > 0 && memmem(bytes, size, part, part_size) != NULL;
}

/*
 * Opens a copy without a spare byte. A refusal must leave no part of the
 * secret.
 */
static PbOpened
open_at(const PbKeyring *ring, const PbPlace *place, const uint8_t *sealed,
		size_t size, const char *secret)
{
	uint8_t    *copy = exact_copy(sealed, size);
	uint8_t    *plain = exactly(size);
	size_t		plain_size = 0;
	PbOpened	opened;

	memset(plain, 0xee, size);
	opened = pb_open(ring, place, copy, size, plain, &plain_size);
	if (opened == PB_OPENED)
		CHECK(plain_size == strlen(secret) &&
			  memcmp(plain, secret, plain_size) == 0, "\"%s\"", secret);
	else
		CHECK(!contains(plain, size, secret, strlen(secret)), "\"%s\"", secret);
	free(copy);
	free(plain);
	return opened;
}

static void
test_keyrings(void)
{
	static const struct
	{
		const char *text;
		size_t		keys;
		const char *active;
	}			cases[] =
	{
		{LINE_A "\n", 1, KEY_ID_A},
		{LINE_A, 1, KEY_ID_A},
		{LINE_A "\n" LINE_B "\n", 2, KEY_ID_B},
		{LINE_B "\n" LINE_A, 2, KEY_ID_A},
		{"# keys\n\n" LINE_A "\n\n# a newer one\n" LINE_B "\n\n# end", 2, KEY_ID_B},
		{"#" LINE_B "\n" LINE_A "\n#" LINE_B, 1, KEY_ID_A},
		{"\n\n\n" LINE_B "\n\n\n", 1, KEY_ID_B},
		{"#\r\n" LINE_A "\n", 1, KEY_ID_A},
		{LINE_A "\r\n", 1, KEY_ID_A},
		{LINE_A "\r\n" LINE_B "\r\n", 2, KEY_ID_B},
		{LINE_A "\n\r\n", 1, KEY_ID_A},
		{"\r\n" LINE_A "\n", 1, KEY_ID_A},
		{LINE_A "\r\n" LINE_B "\n", 2, KEY_ID_B},
		{LINE_A "\r", 1, KEY_ID_A},
		{LINE_A " \n", 1, KEY_ID_A},
		{LINE_A "\t  \t\r\n" LINE_B " ", 2, KEY_ID_B},
		{"  \t\n" LINE_A "\n \n", 1, KEY_ID_A},
		{" # no key\n" LINE_A "\n", 1, KEY_ID_A},
		{LINE_B "\n\t#" LINE_A "\r\n", 1, KEY_ID_B},
		{"\xef\xbb\xbf" LINE_A "\n", 1, KEY_ID_A},
		{"\xef\xbb\xbf# by an editor\r\n" LINE_A "\r\n", 1, KEY_ID_A},
	};

	for (int i = 0; i < lengthof(cases); i++)
	{
		PbKeyring  *ring = ring_of(cases[i].text);
		char		hex[2 * PB_KEYRING_ID_BYTES + 1];
		size_t		count = pb_keyring_count(ring);

		CHECK(count == cases[i].keys, "keyring %d", i);
		pb_keyring_id_hex(pb_keyring_id(ring, count - 1), hex);
		CHECK(strcmp(hex, cases[i].active) == 0, "keyring %d", i);
		pb_keyring_free(ring);
	}
}

static void
test_no_keyrings(void)
{
	static const struct
	{
		const char *text;
		const char *word;
		int			line;
	}			cases[] =
	{
		{"", "no key", 0},
		{"\n", "no key", 0},
		{"\n\n\n", "no key", 0},
		{"# only a comment", "no key", 0},
		{"# only\n\n# comments\n", "no key", 0},
		{"\r\n \t\n", "no key", 0},
		{"\xef\xbb\xbf", "no key", 0},
		{"\xef\xbb\xbf # only a comment\r\n", "no key", 0},
		{KEY_ID_B " " KEY_A "\n", "belong", 1},
		{"# first\n\n" LINE_A "\n" KEY_ID_A " " KEY_B "\n", "belong", 4},
		{KEY_ID_A "  " KEY_A "\n", "must be", 1},
		{KEY_ID_A "\t" KEY_A "\n", "must be", 1},
		{KEY_ID_A KEY_A "\n", "must be", 1},
		{KEY_ID_A "0 " KEY_A "\n", "must be", 1},
		{" " LINE_A "\n", "must be", 1},
		{"\t" LINE_A "\n", "must be", 1},
		{LINE_A "\v\n", "must be", 1},
		{LINE_A "\r" LINE_B "\n", "must be", 1},
		{LINE_A "\xc2\xa0\n", "must be", 1},
		{LINE_A "00\n", "must be", 1},
		{LINE_A " # mine\n", "must be", 1},
		{LINE_A "\n\xef\xbb\xbf" LINE_B "\n", "must be", 2},
		{"\xef\xbb\xbf\xef\xbb\xbf" LINE_A "\n", "must be", 1},
		{"\xef\xbb" LINE_A "\n", "must be", 1},
		{"\xff\xfe" LINE_A "\n", "must be", 1},
		{" \xef\xbb\xbf" LINE_A "\n", "must be", 1},
		{LINE_A "\nx\n", "must be", 2},
		{LINE_A "\n" KEY_ID_B "\n", "must be", 2},
		{LINE_A "\n" LINE_B "\n" LINE_A "\n", "earlier", 3},
		{"-----BEGIN PRIVATE KEY-----\n", "must be", 1},
	};

	for (int i = 0; i < lengthof(cases); i++)
	{
		const char *problem;
		int			line;

		CHECK(parse(cases[i].text, strlen(cases[i].text), &problem, &line) == NULL,
			  "text %d", i);
		CHECK(strstr(problem, cases[i].word) != NULL, "text %d: %s", i, problem);
		CHECK(line == cases[i].line, "text %d: line %d", i, line);
	}
}

/* A line cut anywhere is not a key, and neither is one with a wrong digit. */
static void
test_damaged_lines(void)
{
	const char *problem;
	int			line;

	for (size_t length = 1; length < LINE_SIZE; length++)
		CHECK(parse(LINE_A, length, &problem, &line) == NULL && line == 1,
			  "the first %zu bytes", length);
	for (size_t at = 0; at < LINE_SIZE; at++)
		for (const char *c = "x gG#\n"; *c != '\0'; c++)
		{
			char		text[] = LINE_A;

			if (text[at] == *c)
				continue;
			text[at] = *c;
			CHECK(parse(text, LINE_SIZE, &problem, &line) == NULL,
				  "0x%02x at %zu", (uint8_t) *c, at);
		}
	for (size_t at = 0; at < LINE_SIZE; at++)
	{
		char		text[] = LINE_A;

		if (text[at] == ' ')
			continue;
		text[at] = text[at] == '0' ? '1' : '0';
		CHECK(parse(text, LINE_SIZE, &problem, &line) == NULL,
			  "another digit at %zu", at);
		text[at] = '\0';
		CHECK(parse(text, LINE_SIZE, &problem, &line) == NULL,
			  "a zero byte at %zu", at);
	}
}

/* Noise, and as many keys as a file of 64 kB holds. */
static void
test_large_texts(void)
{
	static const char some[] = "0123456789abcdef \n#\r";
	const char *problem;
	int			line;
	char		text[(LINE_SIZE + 1) * 668];
	PbKeyring  *ring;

	for (int i = 0; i < 2000; i++)
	{
		char		noise[400];
		size_t		length = 1 + next_random() % (sizeof(noise) - 1);

		for (size_t k = 0; k < length; k++)
			noise[k] = some[next_random() % (sizeof(some) - 1)];
		noise[0] = '0';
		CHECK(parse(noise, length, &problem, &line) == NULL, "noise %d", i);
	}
	for (size_t at = 0; at < sizeof(text); at += LINE_SIZE + 1)
	{
		char		one[PB_KEYRING_LINE_MAX];

		memcpy(text + at, one, pb_keyring_new_line(one));
	}
	ring = parse(text, sizeof(text), &problem, &line);
	CHECK(ring != NULL && pb_keyring_count(ring) == 668, "a full file");
	if (ring != NULL)
		pb_keyring_free(ring);
}

static void
test_new_line(void)
{
	char	   *first = exactly(PB_KEYRING_LINE_MAX);
	char	   *second = exactly(PB_KEYRING_LINE_MAX);
	char		both[2 * PB_KEYRING_LINE_MAX];
	PbKeyring  *ring;

	CHECK(pb_keyring_new_line(first) == LINE_SIZE + 1, "a new line");
	CHECK(strlen(first) == LINE_SIZE + 1 && first[LINE_SIZE] == '\n',
		  "a new line");
	pb_keyring_new_line(second);
	CHECK(memcmp(first, second, 32) != 0 &&
		  memcmp(first + 33, second + 33, 64) != 0, "two new lines");
	snprintf(both, sizeof(both), "%s%s", first, second);
	ring = ring_of(both);
	CHECK(pb_keyring_count(ring) == 2, "two new lines");
	for (size_t i = 0; i < 2; i++)
	{
		char	   *hex = exactly(2 * PB_KEYRING_ID_BYTES + 1);

		pb_keyring_id_hex(pb_keyring_id(ring, i), hex);
		CHECK(strncmp(hex, i == 0 ? first : second, 32) == 0 && hex[32] == '\0',
			  "key %zu", i);
		free(hex);
	}
	pb_keyring_free(ring);
	free(first);
	free(second);
}

/*
 * Format version 1, pinned for ever: another implementation of BLAKE2b and
 * XChaCha20-Poly1305 made this vector. Stored secrets look like this; a change
 * that breaks it needs a new version, not a new vector.
 */
static void
test_known_answer(void)
{
	static const char plain[] = "correct horse battery staple";
	static const char known[] =
		"0101"
		"15efb04f51261b5f8854cb3e48574fa6"
		"a0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7"
		"08b5638a1881a36b4275e5170922c29279c2b098206b48af757fe5e58c09fb88"
		"78a354b309d11ba0f1dfd931c8f02de1e80d67079743eeebc5528d97e304f46a"
		"ac9350c96e0169bea5cdad16cf924114";
	uint8_t		project_id[16];
	uint8_t		database_id[16];
	PbPlace		place = {
		"database.password", "org_abc123", 10, project_id, database_id, 7
	};
	uint8_t		expected[sizeof(known) / 2];
	uint8_t		sealed[sizeof(known) / 2];
	uint8_t		nonce[PB_NONCE_BYTES];
	PbKeyring  *ring = ring_of(LINE_A "\n");

	from_hex("01890a5dac96774bbcceb302099a8057", project_id);
	from_hex("01890a5dac967abc8123456789abcdef", database_id);
	from_hex("a0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7", nonce);
	CHECK(from_hex(known, expected) == SEALED_LEAST, "the known answer");
	CHECK(pb_sealed_size(strlen(plain)) == SEALED_LEAST, "the known answer");
	CHECK(pb_seal(ring, &place, nonce, plain, strlen(plain), sealed) &&
		  memcmp(sealed, expected, SEALED_LEAST) == 0, "the known answer");
	CHECK(open_at(ring, &place, expected, SEALED_LEAST, plain) == PB_OPENED,
		  "the known answer");
	pb_keyring_free(ring);
}

static void
check_round_trip(const PbKeyring *ring, size_t size)
{
	char	   *plain = exactly(size + 1);
	uint8_t    *first;
	uint8_t    *second;

	for (size_t i = 0; i < size; i++)
		plain[i] = (char) (1 + next_random() % 255);
	plain[size] = '\0';
	first = seal(ring, &home, plain, size);
	second = seal(ring, &home, plain, size);
	CHECK(pb_sealed_size(size) == OVERHEAD + (size / 64 + 1) * 64, "%zu bytes",
		  size);
	CHECK(open_at(ring, &home, first, pb_sealed_size(size), plain) == PB_OPENED,
		  "%zu bytes", size);
	CHECK(memcmp(first + HEADER + PB_NONCE_BYTES,
				 second + HEADER + PB_NONCE_BYTES, 64 + TAG) != 0,
		  "%zu bytes sealed twice", size);
	CHECK(size < 8 || !contains(first, pb_sealed_size(size), plain, 8),
		  "%zu bytes", size);
	free(plain);
	free(first);
	free(second);
}

static void
test_round_trips(void)
{
	PbKeyring  *ring = ring_of(LINE_A "\n");
	uint8_t		zeros[70] = {0};
	uint8_t    *sealed;
	uint8_t		plain[SEALED_LEAST + 64];
	size_t		plain_size;

	for (size_t size = 0; size <= 200; size++)
		check_round_trip(ring, size);
	check_round_trip(ring, 10000);

	/* bytes that look like padding */
	for (size_t size = 0; size <= sizeof(zeros); size++)
	{
		zeros[size / 2] = 0x80;
		sealed = seal(ring, &home, zeros, size);
		CHECK(pb_open(ring, &home, sealed, pb_sealed_size(size), plain,
					  &plain_size) == PB_OPENED &&
			  plain_size == size && memcmp(plain, zeros, size) == 0,
			  "%zu bytes like padding", size);
		free(sealed);
	}
	pb_keyring_free(ring);
}

/* The last key seals; every key of the ring opens. */
static void
test_active_key(void)
{
	PbKeyring  *old = ring_of(LINE_A "\n");
	PbKeyring  *both = ring_of(LINE_A "\n" LINE_B "\n");
	PbKeyring  *new = ring_of(LINE_B "\n");
	uint8_t    *by_old = seal(old, &home, "s", 1);
	uint8_t    *by_both = seal(both, &home, "s", 1);
	const struct
	{
		const char *name;
		PbKeyring  *ring;
		uint8_t    *sealed;
		PbOpened	opened;
	}			cases[] =
	{
		{"old by old", old, by_old, PB_OPENED},
		{"old by both", both, by_old, PB_OPENED},
		{"old by new", new, by_old, PB_OPEN_NOT_IN_KEYRING},
		{"new by old", old, by_both, PB_OPEN_NOT_IN_KEYRING},
		{"new by both", both, by_both, PB_OPENED},
		{"new by new", new, by_both, PB_OPENED},
	};

	for (int i = 0; i < lengthof(cases); i++)
		CHECK(open_at(cases[i].ring, &home, cases[i].sealed, SEALED_LEAST,
					  "s") == cases[i].opened, "%s", cases[i].name);
	CHECK(memcmp(by_both + PB_SEALED_KEYRING_ID, pb_keyring_id(new, 0),
				 PB_KEYRING_ID_BYTES) == 0, "the key id in a secret");

	/* another key under the id of the right one */
	memcpy(by_old + PB_SEALED_KEYRING_ID, pb_keyring_id(new, 0),
		   PB_KEYRING_ID_BYTES);
	CHECK(open_at(both, &home, by_old, SEALED_LEAST, "s") == PB_OPEN_FORGED,
		  "another key's id");
	pb_keyring_free(old);
	pb_keyring_free(both);
	pb_keyring_free(new);
	free(by_old);
	free(by_both);
}

/* Pairs of places; some have the same bytes when they are joined. */
static void
test_places(void)
{
	static const struct
	{
		const char *name;
		PbPlace		from;
		PbPlace		to;
	}			cases[] =
	{
		{"purpose",
			{"database.password", "org", 3, project, database, 1},
		{"replica.password", "org", 3, project, database, 1}},
		{"organization",
			{"p", "org_a", 5, project, database, 1},
		{"p", "org_b", 5, project, database, 1}},
		{"project",
			{"p", "org", 3, project, database, 1},
		{"p", "org", 3, other, database, 1}},
		{"database",
			{"p", "org", 3, project, database, 1},
		{"p", "org", 3, project, other, 1}},
		{"project and database exchanged",
			{"p", "org", 3, project, database, 1},
		{"p", "org", 3, database, project, 1}},
		{"generation",
			{"p", "org", 3, project, database, 1},
		{"p", "org", 3, project, database, 2}},
		{"high byte of generation",
			{"p", "org", 3, project, database, 1},
		{"p", "org", 3, project, database, 0x01000001}},
		{"bytes of generation in reverse",
			{"p", "org", 3, project, database, 1},
		{"p", "org", 3, project, database, 0x01000000}},
		{"a byte from organization to purpose",
			{"a", "bc", 2, project, database, 1},
		{"ab", "c", 1, project, database, 1}},
		{"all of organization to purpose",
			{"a", "bc", 2, project, database, 1},
		{"abc", "", 0, project, database, 1}},
		{"all of purpose to organization",
			{"a", "bc", 2, project, database, 1},
		{"", "abc", 3, project, database, 1}},
		{"shorter organization",
			{"p", "org", 3, project, database, 1},
		{"p", "or", 2, project, database, 1}},
		{"organization in upper case",
			{"p", "org", 3, project, database, 1},
		{"p", "ORG", 3, project, database, 1}},
		{"organization behind a zero byte",
			{"p", "o\0a", 3, project, database, 1},
		{"p", "o\0b", 3, project, database, 1}},
		{"no organization",
			{"p", "org", 3, project, database, 1},
		{"p", "", 0, project, database, 1}},
	};
	PbKeyring  *ring = ring_of(LINE_A "\n");

	for (int i = 0; i < lengthof(cases); i++)
	{
		uint8_t    *from = seal(ring, &cases[i].from, "s", 1);
		uint8_t    *to = seal(ring, &cases[i].to, "s", 1);

		CHECK(open_at(ring, &cases[i].from, from, SEALED_LEAST, "s") == PB_OPENED,
			  "%s, at home", cases[i].name);
		CHECK(open_at(ring, &cases[i].to, from, SEALED_LEAST, "s") ==
			  PB_OPEN_FORGED, "%s", cases[i].name);
		CHECK(open_at(ring, &cases[i].from, to, SEALED_LEAST, "s") ==
			  PB_OPEN_FORGED, "%s, the other way", cases[i].name);
		free(from);
		free(to);
	}
	pb_keyring_free(ring);
}

/* Organizations have at most 255 characters of at most 4 bytes. */
static void
test_longest_place(void)
{
	char	   *org = exactly(1020);
	char		longer[1021];
	uint8_t		project_id[16];
	PbPlace		longest = {"database.password", org, 1020, project_id, database, 1};
	PbPlace		too_long = {"database.password", longer, 1021, project_id, database, 1};
	PbKeyring  *ring = ring_of(LINE_A "\n");
	uint8_t		nonce[PB_NONCE_BYTES] = {0};
	uint8_t		sealed[SEALED_LEAST];

	memset(org, 'o', 1020);
	memset(longer, 'o', sizeof(longer));
	memcpy(project_id, project, sizeof(project_id));
	CHECK(pb_seal(ring, &longest, nonce, "s", 1, sealed), "1020 bytes");
	CHECK(open_at(ring, &longest, sealed, sizeof(sealed), "s") == PB_OPENED,
		  "1020 bytes");
	CHECK(open_at(ring, &too_long, sealed, sizeof(sealed), "s") !=
		  PB_OPENED, "1021 bytes");
	CHECK(!pb_seal(ring, &too_long, nonce, "s", 1, sealed), "1021 bytes");
	pb_keyring_free(ring);
	free(org);
}

/* The result when this byte is changed to this value. */
static PbOpened
expected_of(size_t at, uint8_t value)
{
	if (at == 1 && value == 2)
		return PB_OPEN_OTHER_KIND;
	if (at < 2)
		return PB_OPEN_MALFORMED;
	return at < HEADER ? PB_OPEN_NOT_IN_KEYRING : PB_OPEN_FORGED;
}

static void
test_each_byte(void)
{
	Sealed		sealed = make_sealed("canary");

	for (size_t at = 0; at < sealed.size; at++)
		for (int flip = 1; flip < 256; flip++)
		{
			sealed.bytes[at] ^= (uint8_t) flip;
			CHECK(open_at(sealed.ring, &home, sealed.bytes, sealed.size,
						  "canary") == expected_of(at, sealed.bytes[at]),
				  "byte %zu flipped by 0x%02x", at, flip);
			sealed.bytes[at] ^= (uint8_t) flip;
		}
	CHECK(open_at(sealed.ring, &home, sealed.bytes, sealed.size, "canary") ==
		  PB_OPENED, "the secret as it was");
	free_sealed(&sealed);
}

/* Cut at each length, and with bytes appended. */
static void
test_each_length(void)
{
	char		plain[131];
	uint8_t		longer[OVERHEAD + 4 * 64];
	Sealed		sealed;

	memset(plain, 'p', 130);
	plain[130] = '\0';
	sealed = make_sealed(plain);
	for (size_t size = 0; size < sealed.size; size++)
		CHECK(open_at(sealed.ring, &home, sealed.bytes, size, plain) ==
			  (size < SEALED_LEAST ? PB_OPEN_MALFORMED : PB_OPEN_FORGED),
			  "the first %zu bytes", size);
	memset(longer, 0, sizeof(longer));
	memcpy(longer, sealed.bytes, sealed.size);
	for (size_t size = sealed.size + 1; size <= sizeof(longer); size++)
		CHECK(open_at(sealed.ring, &home, longer, size, plain) ==
			  PB_OPEN_FORGED, "%zu bytes", size);
	free_sealed(&sealed);
}

/* A secret sealed to a public key is recognized at any length. */
static void
test_other_kind(void)
{
	Sealed		sealed = make_sealed("canary");

	sealed.bytes[1] = 2;
	for (size_t size = HEADER; size <= sealed.size; size++)
		CHECK(open_at(sealed.ring, &home, sealed.bytes, size, "canary") ==
			  PB_OPEN_OTHER_KIND, "%zu bytes", size);
	free_sealed(&sealed);
}

static void
mutate(uint8_t *bytes, size_t *size)
{
	int			changes = 1 + next_random() % 4;

	while (changes-- > 0)
		bytes[next_random() % *size] = (uint8_t) next_random();
	if (next_random() % 4 == 0)
		*size = next_random() % (*size + 1);
}

static void
test_mutations(void)
{
	Sealed		sealed = make_sealed("canary");

	for (int i = 0; i < 100000; i++)
	{
		uint8_t		bytes[SEALED_LEAST];
		size_t		size = sealed.size;
		bool		same;

		memcpy(bytes, sealed.bytes, size);
		mutate(bytes, &size);
		same = size == sealed.size && memcmp(bytes, sealed.bytes, size) == 0;
		CHECK((open_at(sealed.ring, &home, bytes, size, "canary") ==
			   PB_OPENED) == same, "mutation %d", i);
	}
	free_sealed(&sealed);
}

/* Noise that claims to be a secret of a known key. */
static void
test_noise(void)
{
	Sealed		sealed = make_sealed("canary");

	for (int i = 0; i < 10000; i++)
	{
		uint8_t		bytes[300];
		size_t		size = next_random() % (sizeof(bytes) + 1);

		random_fill(bytes, size);
		if (i % 2 == 0)
			memcpy(bytes, sealed.bytes, size < HEADER ? size : HEADER);
		CHECK(open_at(sealed.ring, &home, bytes, size, "canary") != PB_OPENED,
			  "noise %d", i);
	}
	free_sealed(&sealed);
}

static bool
digests_to(const char *text, size_t length, const char *hex)
{
	char	   *copy = exact_copy(text, length);
	uint8_t    *digest = exactly(PB_DIGEST_BYTES);
	uint8_t		expected[PB_DIGEST_BYTES];
	bool		result;

	pb_digest(copy, length, digest);
	result = from_hex(hex, expected) == PB_DIGEST_BYTES &&
		memcmp(digest, expected, PB_DIGEST_BYTES) == 0;
	free(copy);
	free(digest);
	return result;
}

/* Digests are kept in tables, so they may never change. */
static void
test_digest(void)
{
	uint8_t		first[PB_DIGEST_BYTES];
	uint8_t		other[PB_DIGEST_BYTES];
	char		text[] = "pbo_01h455vb4pex5vsknk084sn02q";

	CHECK(digests_to("abc", 3, "bddd813c634239723171ef3fee98579b"
					 "94964e3bb1cb3e427262c8c068d52319"), "abc");
	CHECK(digests_to("", 0, "0e5751c026e543b2e8ab2eb06099daa1"
					 "d1e5df47778f7787faab45cdf12fe3a8"), "no bytes");
	pb_digest(text, strlen(text), first);
	for (size_t bit = 0; bit < 8 * strlen(text); bit++)
	{
		text[bit / 8] ^= (char) (1 << bit % 8);
		pb_digest(text, sizeof(text) - 1, other);
		CHECK(memcmp(first, other, PB_DIGEST_BYTES) != 0, "bit %zu", bit);
		text[bit / 8] ^= (char) (1 << bit % 8);
	}
}

static void
test_same_bytes(void)
{
	for (size_t size = 0; size <= 65; size++)
	{
		uint8_t    *a = exactly(size);
		uint8_t    *b;

		random_fill(a, size);
		b = exact_copy(a, size);
		CHECK(pb_same_bytes(a, b, size), "%zu bytes", size);
		for (size_t bit = 0; bit < 8 * size; bit++)
		{
			b[bit / 8] ^= (uint8_t) (1 << bit % 8);
			CHECK(!pb_same_bytes(a, b, size), "bit %zu of %zu bytes", bit, size);
			b[bit / 8] ^= (uint8_t) (1 << bit % 8);
		}
		free(a);
		free(b);
	}
}

/* The first three of RFC 8032, 7.1. */
static const struct
{
	const char *key;
	const char *message;
	const char *signature;
}			signed_messages[] =
{
	{"d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
		"",
		"e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
	"5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"},
	{"3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
		"72",
		"92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
	"085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"},
	{"fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
		"af82",
		"6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
	"18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"},
};

typedef struct Signed
{
	uint8_t		key[PB_PUBLIC_KEY_BYTES];
	uint8_t		message[8];
	size_t		size;
	uint8_t		signature[PB_SIGNATURE_BYTES];
} Signed;

static Signed
signed_message(int i)
{
	Signed		one = {.size = 0};

	from_hex(signed_messages[i].key, one.key);
	one.size = from_hex(signed_messages[i].message, one.message);
	from_hex(signed_messages[i].signature, one.signature);
	return one;
}

static bool
fits(const Signed *one)
{
	uint8_t    *key = exact_copy(one->key, PB_PUBLIC_KEY_BYTES);
	uint8_t    *message = exact_copy(one->message, one->size);
	uint8_t    *signature = exact_copy(one->signature, PB_SIGNATURE_BYTES);
	bool		result = pb_signature_fits(signature, message, one->size, key);

	free(key);
	free(message);
	free(signature);
	return result;
}

static void
check_each_bit(Signed *one, uint8_t *bytes, size_t size, const char *of)
{
	for (size_t bit = 0; bit < 8 * size; bit++)
	{
		bytes[bit / 8] ^= (uint8_t) (1 << bit % 8);
		CHECK(!fits(one), "bit %zu of the %s", bit, of);
		bytes[bit / 8] ^= (uint8_t) (1 << bit % 8);
	}
	CHECK(fits(one), "the %s as it was", of);
}

static void
test_signatures(void)
{
	for (int i = 0; i < lengthof(signed_messages); i++)
	{
		Signed		one = signed_message(i);
		Signed		next = signed_message((i + 1) % lengthof(signed_messages));

		CHECK(fits(&one), "message %d", i);
		check_each_bit(&one, one.signature, PB_SIGNATURE_BYTES, "signature");
		check_each_bit(&one, one.message, one.size, "message");
		check_each_bit(&one, one.key, PB_PUBLIC_KEY_BYTES, "key");
		one.size++;
		CHECK(!fits(&one), "message %d and a zero byte", i);
		one.size--;
		memcpy(one.key, next.key, sizeof(one.key));
		CHECK(!fits(&one), "message %d and another key", i);
	}
}

/* S + L has the same effect on the curve: a second spelling. */
static void
test_malleable_signatures(void)
{
	uint8_t		order[32];

	from_hex("edd3f55c1a631258d69cf7a2def9de14"
			 "00000000000000000000000000000010", order);
	for (int i = 0; i < lengthof(signed_messages); i++)
	{
		Signed		one = signed_message(i);

		for (int times = 1; times < 15; times++)
		{
			int			carry = 0;

			for (int k = 0; k < 32; k++)
			{
				carry += one.signature[32 + k] + order[k];
				one.signature[32 + k] = (uint8_t) carry;
				carry >>= 8;
			}
			CHECK(carry == 0 && !fits(&one), "message %d, S + %d L", i, times);
		}
	}
}

static bool
is_sound(const uint8_t key[PB_PUBLIC_KEY_BYTES])
{
	uint8_t    *copy = exact_copy(key, PB_PUBLIC_KEY_BYTES);
	bool		result = pb_public_key_is_sound(copy);

	free(copy);
	return result;
}

/*
 * With a key of small order anybody can sign: the neutral point and S = 0 fit
 * every message. The same holds for keys outside of the group of prime order;
 * these are an RFC's with a point of small order added.
 */
static void
test_unsound_keys(void)
{
	static const struct
	{
		const char *key;
		const char *what;
	}			cases[] =
	{
		{"0000000000000000000000000000000000000000000000000000000000000000", "order 4"},
		{"0000000000000000000000000000000000000000000000000000000000000080", "order 4"},
		{"0100000000000000000000000000000000000000000000000000000000000000", "order 1"},
		{"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", "order 2"},
		{"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05", "order 8"},
		{"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85", "order 8"},
		{"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a", "order 8"},
		{"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa", "order 8"},
		{"0100000000000000000000000000000000000000000000000000000000000080", "order 1, -0"},
		{"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff", "order 2, -0"},
		{"3b5b475c4b82dd1572799fc546f4c6c03e478c6654aa4c7f945b347ea32af60d", "order 8 L"},
		{"9158312a9a8d6e3b34c891d6d61444f8b8211c5117ebad15bdb0bd68b07e0245", "order 8 L"},
		{"40c7570f4dd54835b9131184410ed4a0cc93e7d9ad053cbc6d07a62426999582", "order 4 L"},
		{"16a567fe7d4ef5482ab4012c369bf8c5f11e8d0c2559dcda50fde59708f8aee5", "order 2 L"},
		{"0200000000000000000000000000000000000000000000000000000000000000", "off the curve"},
		{"0700000000000000000000000000000000000000000000000000000000000080", "off the curve"},
	};

	for (int i = 0; i < lengthof(cases); i++)
	{
		uint8_t		key[PB_PUBLIC_KEY_BYTES];

		CHECK(from_hex(cases[i].key, key) == sizeof(key), "%s", cases[i].key);
		CHECK(!is_sound(key), "%s: %s", cases[i].what, cases[i].key);
	}
}

static void
test_public_keys(void)
{
	Signed		anything = {.key = {1}, .message = "any", .size = 3,
	.signature = {1}};
	uint8_t		key[PB_PUBLIC_KEY_BYTES];

	for (int i = 0; i < lengthof(signed_messages); i++)
		CHECK(is_sound(signed_message(i).key), "key %d", i);
	CHECK(!fits(&anything), "what fits every message");

	/* y of p or more, which is y - p spelled otherwise */
	memset(key, 0xff, sizeof(key));
	for (int low = 0xed; low <= 0xff; low++)
		for (int high = 0x7f; high <= 0xff; high += 0x80)
		{
			key[0] = (uint8_t) low;
			key[31] = (uint8_t) high;
			CHECK(!is_sound(key), "p + %d, %02x", low - 0xed, high);
		}
}

static void
test_memory(void)
{
	uint8_t		first[64] = {0};
	uint8_t		second[64] = {0};
	uint8_t		zeros[64] = {0};
	uint8_t    *guarded = pb_guarded_alloc(100);

	pb_random(first, sizeof(first));
	pb_random(second, sizeof(second));
	CHECK(memcmp(first, second, sizeof(first)) != 0, "two draws");
	CHECK(memcmp(first, zeros, sizeof(first)) != 0, "a draw");
	pb_wipe(first, sizeof(first));
	CHECK(memcmp(first, zeros, sizeof(first)) == 0, "wiped bytes");
	CHECK(guarded != NULL, "guarded memory");
	memset(guarded, 1, 100);
	pb_guarded_free(guarded);
	pb_guarded_free(NULL);
}

/* A process and one that it has forked draw no number twice. */
static void
test_numbers(void)
{
	uint64_t	drawn[200];
	int			ends[2];

	(void) pb_random_number();
	if (pipe(ends) != 0)
		abort();
	if (fork() == 0)
	{
		for (int i = 0; i < 100; i++)
			drawn[i] = pb_random_number();
		_exit(write(ends[1], drawn, 100 * sizeof(drawn[0])) < 0);
	}
	CHECK(read(ends[0], drawn, 100 * sizeof(drawn[0])) ==
		  100 * sizeof(drawn[0]), "the other process");
	(void) wait(NULL);
	for (int i = 100; i < lengthof(drawn); i++)
		drawn[i] = pb_random_number();
	for (int i = 0; i < lengthof(drawn); i++)
		for (int k = 0; k < i; k++)
			CHECK(drawn[i] != drawn[k], "%d and %d", k, i);
}

int
main(void)
{
	CHECK(pb_crypt_start(), "the library");
	CHECK(pb_crypt_start(), "the library, again");
	test_keyrings();
	test_no_keyrings();
	test_damaged_lines();
	test_large_texts();
	test_new_line();
	test_known_answer();
	test_round_trips();
	test_active_key();
	test_places();
	test_longest_place();
	test_each_byte();
	test_each_length();
	test_other_kind();
	test_mutations();
	test_noise();
	test_numbers();
	test_digest();
	test_same_bytes();
	test_signatures();
	test_malleable_signatures();
	test_unsound_keys();
	test_public_keys();
	test_memory();
	return report("crypt");
}
