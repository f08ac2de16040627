/*
 * jwt.c
 *	  Unit test of src/base/jwt.c: base64url and tokens with one spelling each,
 *	  judged against a second, slower implementation.
 */
#include "check.h"
#include "base/jwt.h"

#define SIGNATURE_SIZE 86		/* 64 bytes in base64url */

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	"abcdefghijklmnopqrstuvwxyz0123456789-_";

/*
 * The ends of each range of digits, their neighbours, characters of other
 * kinds of base64, and the zero byte.
 */
static const char some[] = "@ABZ[`abyz{/0159:-_+=., \n%\x7f\x80\xc3\xff";

/* The buffer for making a token. */
typedef struct Token
{
	char		text[PB_JWT_MAX + 200];
	size_t		length;
} Token;

static int
value_of(char c)
{
	const char *digit = c == '\0' ? NULL : strchr(digits, c);

	return digit == NULL ? -1 : (int) (digit - digits);
}

/* The bit at this place of the text, the first one of a digit its highest. */
static int
bit_of(const char *text, size_t place)
{
	return value_of(text[place / 6]) >> (5 - place % 6) & 1;
}

/* The right result of decoding: the number of bytes, or -1 for bad text. */
static long
oracle_decode(const char *text, size_t length, uint8_t *bytes)
{
	size_t		size = length * 6 / 8;

	if (length % 4 == 1)
		return -1;
	for (size_t i = 0; i < length; i++)
		if (value_of(text[i]) < 0)
			return -1;
	for (size_t place = size * 8; place < length * 6; place++)
		if (bit_of(text, place) != 0)
			return -1;
	memset(bytes, 0, size);
	for (size_t place = 0; place < size * 8; place++)
		bytes[place / 8] |= (uint8_t) (bit_of(text, place) << (7 - place % 8));
	return (long) size;
}

/* Returns the number of characters. */
static size_t
encode(const uint8_t *bytes, size_t size, char *text)
{
	size_t		length = (size * 8 + 5) / 6;

	for (size_t i = 0; i < length; i++)
	{
		int			value = 0;

		for (size_t place = i * 6; place < i * 6 + 6; place++)
			value = value << 1 |
				(place < size * 8 ? bytes[place / 8] >> (7 - place % 8) & 1 : 0);
		text[i] = digits[value];
	}
	return length;
}

/* Decodes into exactly this much room; -1 for a refusal. */
static long
decode(const char *text, size_t length, size_t room, uint8_t *bytes)
{
	char	   *copy = exact_copy(text, length);
	uint8_t    *decoded = exactly(room);
	size_t		size;
	bool		good = pb_base64url_decode(copy, length, decoded, room, &size);

	if (good && size > 0)
		memcpy(bytes, decoded, size);
	free(copy);
	free(decoded);
	return good ? (long) size : -1;
}

/* True when the text is legal. */
static bool
check_decode(const char *text, size_t length)
{
	uint8_t		expected[16];
	uint8_t		bytes[16];
	long		want = oracle_decode(text, length, expected);
	long		got = decode(text, length, length * 6 / 8, bytes);

	CHECK(got == want, "\"%.*s\": %ld, not %ld", (int) length, text, got, want);
	CHECK(got != want || got <= 0 || memcmp(bytes, expected, got) == 0,
		  "\"%.*s\"", (int) length, text);
	return got >= 0;
}

/*
 * Tries every text of this many of the characters; returns how many are legal.
 */
static long
check_texts(const char *characters, int count, int length)
{
	char		text[4];
	long		texts = 1;
	long		legal = 0;

	for (int i = 0; i < length; i++)
		texts *= count;
	for (long n = 0; n < texts; n++)
	{
		long		rest = n;

		for (int i = 0; i < length; i++, rest /= count)
			text[i] = characters[rest % count];
		legal += check_decode(text, length);
	}
	return legal;
}

static void
test_short_texts(void)
{
	char		all[256];
	uint8_t		byte;

	for (int c = 0; c < 256; c++)
		all[c] = (char) c;
	CHECK(decode("", 0, 0, &byte) == 0, "no text");
	CHECK(check_texts(all, 256, 1) == 0, "one character");
	CHECK(check_texts(all, 256, 2) == 256, "a text for each byte");
	CHECK(check_texts(digits, 64, 3) == 65536, "a text for each two bytes");
	for (int length = 1; length <= 4; length++)
		(void) check_texts(some, sizeof(some), length);
}

/* Every byte, in each place of texts of each length. */
static void
test_each_byte(void)
{
	for (size_t length = 2; length <= 12; length++)
		for (size_t at = 0; at < length; at++)
			for (int c = 0; c < 256; c++)
			{
				char		text[] = "AAAAAAAAAAAA";

				text[at] = (char) c;
				(void) check_decode(text, length);
			}
}

static void
test_round_trips(void)
{
	for (size_t size = 0; size <= 200; size++)
	{
		uint8_t		bytes[200];
		uint8_t		decoded[200];
		char		text[270];
		size_t		length;

		random_fill(bytes, size);
		length = encode(bytes, size, text);
		CHECK(decode(text, length, size, decoded) == (long) size &&
			  memcmp(decoded, bytes, size) == 0, "%zu bytes", size);
		CHECK(decode(text, length, size + 1, decoded) == (long) size,
			  "%zu bytes with room to spare", size);
		for (size_t room = 0; room < size; room++)
			CHECK(decode(text, length, room, decoded) == -1,
				  "%zu bytes in room for %zu", size, room);
		memcpy(text + length, "==", 2);
		CHECK(decode(text, length + 1, size + 3, decoded) == -1 &&
			  decode(text, length + 2, size + 3, decoded) == -1,
			  "%zu bytes, padded", size);
	}
}

/* Of spellings that differ only in spare bits, one is legal. */
static void
test_left_over_bits(void)
{
	uint8_t		bytes[200];
	uint8_t		decoded[200];
	char		text[270];

	for (size_t size = 1; size <= 200; size++)
	{
		size_t		length;
		int			legal = 0;
		int			spellings = size % 3 == 0 ? 1 : size % 3 == 1 ? 16 : 4;
		int			last;

		random_fill(bytes, size);
		length = encode(bytes, size, text);
		last = value_of(text[length - 1]);
		for (int bits = 0; bits < spellings; bits++)
		{
			text[length - 1] = digits[last | bits];
			legal += decode(text, length, size, decoded) == (long) size;
		}
		CHECK(legal == 1, "%zu bytes: %d spellings", size, legal);
	}
}

static void
add(Token *token, const void *text, size_t length)
{
	if (token->length + length > sizeof(token->text))
		abort();
	if (length > 0)
		memcpy(token->text + token->length, text, length);
	token->length += length;
}

/* A part of this many random bytes; the oracle tells what they are. */
static void
add_part(Token *token, size_t size)
{
	uint8_t		bytes[PB_JWT_MAX];
	char		text[PB_JWT_MAX * 4 / 3 + 2];

	random_fill(bytes, size);
	add(token, text, encode(bytes, size, text));
}

static void
make_token(Token *token, size_t header, size_t claims, size_t signature)
{
	token->length = 0;
	add_part(token, header);
	add(token, ".", 1);
	add_part(token, claims);
	add(token, ".", 1);
	add_part(token, signature);
}

/* Whether the part at *at is as the oracle says; moves past its dot. */
static bool
is_part(const char *token, size_t length, size_t *at, const void *bytes,
		size_t size)
{
	uint8_t		expected[PB_JWT_MAX];
	size_t		part = 0;
	size_t		start = *at;

	while (start + part < length && token[start + part] != '.')
		part++;
	*at += part + 1;
	return oracle_decode(token + start, part, expected) == (long) size &&
		memcmp(bytes, expected, size) == 0;
}

/* Three parts that are not empty, the last one a signature. */
static bool
oracle_accepts(const char *token, size_t length)
{
	uint8_t		bytes[PB_JWT_MAX + 200];
	size_t		start = 0;
	int			parts = 0;
	long		size = 0;

	for (size_t at = 0; at <= length; at++)
	{
		if (at < length && token[at] != '.')
			continue;
		size = oracle_decode(token + start, at - start, bytes);
		if (size <= 0)
			return false;
		start = at + 1;
		parts++;
	}
	return length <= PB_JWT_MAX && parts == 3 && size == PB_SIGNATURE_BYTES;
}

/* Whether all that was read from a token is there, in its own buffer. */
static bool
is_taken_apart(const char *token, size_t length, const char *buffer,
			   const PbJwt *jwt)
{
	size_t		at = 0;

	return jwt->header >= buffer && jwt->claims >= buffer &&
		jwt->header + jwt->header_length <= buffer + PB_JWT_MAX &&
		jwt->claims + jwt->claims_length <= buffer + PB_JWT_MAX &&
		is_part(token, length, &at, jwt->header, jwt->header_length) &&
		is_part(token, length, &at, jwt->claims, jwt->claims_length) &&
		jwt->signed_length == at - 1 &&
		is_part(token, length, &at, jwt->signature, sizeof(jwt->signature)) &&
		at == length + 1;
}

/* True when the token is accepted. */
static bool
check_split(const char *token, size_t length, const char *name)
{
	char	   *copy = exact_copy(token, length);
	char	   *buffer = exactly(PB_JWT_MAX);
	PbJwt	   *jwt = exactly(sizeof(PbJwt));
	bool		accepted;

	memset(jwt, 0xee, sizeof(*jwt));
	memset(buffer, 0xee, PB_JWT_MAX);
	accepted = pb_jwt_split(copy, length, buffer, jwt);
	CHECK(accepted == oracle_accepts(token, length), "%s, %zu: %.*s", name,
		  length, (int) length, token);
	CHECK(!accepted || is_taken_apart(token, length, buffer, jwt),
		  "%s, %zu: %.*s", name, length, (int) length, token);
	free(copy);
	free(buffer);
	free(jwt);
	return accepted;
}

/* The example of RFC 8037, A.4. */
static void
test_known_token(void)
{
	static const char token[] = "eyJhbGciOiJFZERTQSJ9"
		".RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc"
		".hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt"
		"9g7sVvpAr_MuM0KAg";
	static const char header[] = "{\"alg\":\"EdDSA\"}";
	static const char claims[] = "Example of Ed25519 signing";
	char		buffer[PB_JWT_MAX];
	PbJwt		jwt;

	CHECK(pb_jwt_split(token, strlen(token), buffer, &jwt), "the token");
	CHECK(jwt.header_length == strlen(header) &&
		  memcmp(jwt.header, header, jwt.header_length) == 0, "its header");
	CHECK(jwt.claims_length == strlen(claims) &&
		  memcmp(jwt.claims, claims, jwt.claims_length) == 0, "its claims");
	CHECK(jwt.signed_length == strlen(token) - SIGNATURE_SIZE - 1 &&
		  jwt.signature[0] == 0x86 && jwt.signature[63] == 0x02,
		  "its signature");
	(void) check_split(token, strlen(token), "the token");
}

static void
test_part_sizes(void)
{
	Token		token;

	for (size_t header = 0; header <= 9; header++)
		for (size_t claims = 0; claims <= 9; claims++)
		{
			make_token(&token, header, claims, PB_SIGNATURE_BYTES);
			CHECK(check_split(token.text, token.length, "parts") ==
				  (header > 0 && claims > 0), "%zu and %zu bytes", header,
				  claims);
		}
	for (size_t signature = 0; signature <= 200; signature++)
	{
		make_token(&token, 30, 100, signature);
		CHECK(check_split(token.text, token.length, "signature") ==
			  (signature == PB_SIGNATURE_BYTES), "a signature of %zu bytes",
			  signature);
	}
}

/* Returns the length of a token of these parts. */
static size_t
check_length(size_t header, size_t claims)
{
	Token		token;

	make_token(&token, header, claims, PB_SIGNATURE_BYTES);
	CHECK(check_split(token.text, token.length, "length") ==
		  (token.length <= PB_JWT_MAX), "%zu bytes", token.length);
	return token.length;
}

/* Each length near the largest, most of it header or most of it claims. */
static void
test_largest(void)
{
	bool		seen[PB_JWT_MAX + 200] = {false};

	for (size_t small = 1; small <= 3; small++)
		for (size_t large = 6060; large <= 6090; large++)
		{
			seen[check_length(small, large)] = true;
			seen[check_length(large, small)] = true;
		}
	for (size_t length = PB_JWT_MAX - 9; length <= PB_JWT_MAX + 9; length++)
		CHECK(seen[length], "%zu bytes", length);
}

/* Dots, and little else. */
static void
test_dots(void)
{
	for (int length = 0; length <= 6; length++)
		for (int n = 0; n < 1 << (2 * length); n++)
		{
			char		text[6];

			for (int i = 0; i < length; i++)
				text[i] = "..Aw"[n >> (2 * i) & 3];
			CHECK(!check_split(text, length, "dots"), "text %d of %d", n, length);
		}
}

/*
 * A dot is inserted anywhere, and a character is removed or cut off anywhere.
 */
static void
test_each_place(void)
{
	Token		good;

	make_token(&good, 33, 77, PB_SIGNATURE_BYTES);
	CHECK(check_split(good.text, good.length, "good"), "a good token");
	for (size_t at = 0; at <= good.length; at++)
	{
		Token		token = {.length = 0};

		add(&token, good.text, at);
		CHECK(at == good.length ||
			  !check_split(token.text, token.length, "cut"), "cut at %zu", at);
		add(&token, ".", 1);
		add(&token, good.text + at, good.length - at);
		CHECK(!check_split(token.text, token.length, "dot"), "a dot at %zu", at);
		token.length = at;
		if (at < good.length)
			add(&token, good.text + at + 1, good.length - at - 1);
		(void) check_split(token.text, token.length, "one less");
	}
	for (size_t at = 0; at < good.length; at++)
		for (size_t c = 0; c < sizeof(some); c++)
		{
			char		before = good.text[at];

			good.text[at] = some[c];
			(void) check_split(good.text, good.length, "one other");
			good.text[at] = before;
		}
}

static void
mutate(Token *token)
{
	size_t		at = next_random() % token->length;
	size_t		rest = token->length - at - 1;

	switch (next_random() % 4)
	{
		case 0:
			memmove(token->text + at, token->text + at + 1, rest);
			token->length--;
			break;
		case 1:
			memmove(token->text + at + 1, token->text + at, rest + 1);
			token->length++;
			/* fall through */
		default:
			token->text[at] = next_random() % 2 == 0 ?
				digits[next_random() % 64] :
				some[next_random() % sizeof(some)];
	}
}

/* Some random changes leave a token, which is then a different one. */
static void
test_mutations(void)
{
	int			accepted = 0;
	Token		good;

	make_token(&good, 20, 40, PB_SIGNATURE_BYTES);
	for (int i = 0; i < 100000; i++)
	{
		Token		token = {.length = 0};
		int			changes = 1 + next_random() % 3;

		add(&token, good.text, good.length);
		while (changes-- > 0)
			mutate(&token);
		accepted += check_split(token.text, token.length, "mutation");
	}
	CHECK(accepted > 1000 && accepted < 99000, "%d of the mutations", accepted);
}

static void
test_noise(void)
{
	for (int i = 0; i < 20000; i++)
	{
		char		noise[300];
		size_t		length = next_random() % (sizeof(noise) + 1);

		random_fill(noise, length);
		if (i % 2 == 0)
			for (size_t k = 0; k < length; k++)
				noise[k] = digits[(uint8_t) noise[k] % 64];
		for (int dots = 2; length > 0 && dots-- > 0;)
			noise[next_random() % length] = '.';
		(void) check_split(noise, length, "noise");
	}
}

int
main(void)
{
	test_short_texts();
	test_each_byte();
	test_round_trips();
	test_left_over_bits();
	test_known_token();
	test_part_sizes();
	test_largest();
	test_dots();
	test_each_place();
	test_mutations();
	test_noise();
	return report("jwt");
}
