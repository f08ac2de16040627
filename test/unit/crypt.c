/*
 * crypt.c
 *	  Unit test of src/crypt.c: keyrings, and sealed secrets that open where
 *	  they belong and nowhere else.
 */
#include "check.h"
#include "crypt.h"

#define KEY_ID_A "15efb04f51261b5f8854cb3e48574fa6"
#define KEY_ID_B "733d029aa280fcf9ce693fb1e4c92acd"
#define KEY_A "404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f"
#define KEY_B "606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f"
#define LINE_A KEY_ID_A " " KEY_A
#define LINE_B KEY_ID_B " " KEY_B
#define LINE_SIZE 97

#define HEADER (2 + PB_KEY_ID_BYTES)
#define TAG 16
#define OVERHEAD (HEADER + PB_NONCE_BYTES + TAG)
#define SEALED_LEAST (OVERHEAD + 64)

static const uint8_t project[16] = "a project's id  ";
static const uint8_t database[16] = "a database's id ";
static const uint8_t other[16] = "b database's id ";

static const PbPlace home = {
	"database.password", "org_abc123", 10, project, database, 1
};

/* A sealed secret and what it is sealed with. */
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

/* Opens a copy without a spare byte; what is refused must leave no secret. */
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
	};

	for (int i = 0; i < lengthof(cases); i++)
	{
		PbKeyring  *ring = ring_of(cases[i].text);
		char		hex[2 * PB_KEY_ID_BYTES + 1];
		size_t		count = pb_keyring_count(ring);

		CHECK(count == cases[i].keys, "keyring %d", i);
		pb_key_id_hex(pb_keyring_id(ring, count - 1), hex);
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
		{LINE_A "\r\n", "must be", 1},
		{LINE_A "\r\n" LINE_B "\r\n", "must be", 1},
		{LINE_A "\n\r\n", "must be", 2},
		{"\r\n" LINE_A "\n", "must be", 1},
		{KEY_ID_B " " KEY_A "\n", "belong", 1},
		{"# first\n\n" LINE_A "\n" KEY_ID_A " " KEY_B "\n", "belong", 4},
		{KEY_ID_A "  " KEY_A "\n", "must be", 1},
		{KEY_ID_A "\t" KEY_A "\n", "must be", 1},
		{KEY_ID_A KEY_A "\n", "must be", 1},
		{KEY_ID_A "0 " KEY_A "\n", "must be", 1},
		{" " LINE_A "\n", "must be", 1},
		{LINE_A " \n", "must be", 1},
		{LINE_A "00\n", "must be", 1},
		{LINE_A " # mine\n", "must be", 1},
		{" # no comment\n" LINE_A "\n", "must be", 1},
		{"\xef\xbb\xbf" LINE_A "\n", "must be", 1},
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

/* A line cut anywhere is no key, and neither is one with a wrong digit. */
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
		char		one[PB_KEY_LINE_MAX];

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
	char	   *first = exactly(PB_KEY_LINE_MAX);
	char	   *second = exactly(PB_KEY_LINE_MAX);
	char		both[2 * PB_KEY_LINE_MAX];
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
		char	   *hex = exactly(2 * PB_KEY_ID_BYTES + 1);

		pb_key_id_hex(pb_keyring_id(ring, i), hex);
		CHECK(strncmp(hex, i == 0 ? first : second, 32) == 0 && hex[32] == '\0',
			  "key %zu", i);
		free(hex);
	}
	pb_keyring_free(ring);
	free(first);
	free(second);
}

/*
 * Format version 1, pinned for ever: made by another implementation of
 * BLAKE2b and XChaCha20-Poly1305. Secrets that are stored out there look
 * like this; a change that breaks it needs a new version, not a new vector.
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
		{"old by new", new, by_old, PB_OPEN_UNKNOWN_KEY},
		{"new by old", old, by_both, PB_OPEN_UNKNOWN_KEY},
		{"new by both", both, by_both, PB_OPENED},
		{"new by new", new, by_both, PB_OPENED},
	};

	for (int i = 0; i < lengthof(cases); i++)
		CHECK(open_at(cases[i].ring, &home, cases[i].sealed, SEALED_LEAST,
					  "s") == cases[i].opened, "%s", cases[i].name);
	CHECK(memcmp(by_both + PB_SEALED_KEY_ID, pb_keyring_id(new, 0),
				 PB_KEY_ID_BYTES) == 0, "the key id in a secret");

	/* another key under the id of the right one */
	memcpy(by_old + PB_SEALED_KEY_ID, pb_keyring_id(new, 0), PB_KEY_ID_BYTES);
	CHECK(open_at(both, &home, by_old, SEALED_LEAST, "s") == PB_OPEN_FORGED,
		  "another key's id");
	pb_keyring_free(old);
	pb_keyring_free(both);
	pb_keyring_free(new);
	free(by_old);
	free(by_both);
}

/* Pairs of places, some of which are the same bytes in a row. */
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

/* What a change of this byte to this value must be taken for. */
static PbOpened
expected_of(size_t at, uint8_t value)
{
	if (at == 1 && value == 2)
		return PB_OPEN_OTHER_KIND;
	if (at < 2)
		return PB_OPEN_MALFORMED;
	return at < HEADER ? PB_OPEN_UNKNOWN_KEY : PB_OPEN_FORGED;
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

/* Cut short at each length, and with something behind it. */
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

/* A secret sealed to a public key is told apart whatever its length. */
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
	test_memory();
	return report("crypt");
}
