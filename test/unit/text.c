/*
 * text.c
 *	  Unit test of src/base/text.c: characters, hosts, networks, labels,
 *	  percent-encoding, ids and domains, on every code point and on bytes that
 *	  are no UTF-8.
 */
#include "check.h"
#include "base/letter.h"
#include "base/text.h"

#define LAST_CODE_POINT 0x10ffff
#define NAME_CHARACTERS "abcdefghijklmnopqrstuvwxyz" \
	"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."

#define A9 "aaaaaaaaa"
#define A18 A9 A9
#define A53 A18 A18 A9 "aaaaaaaa"
#define A54 A53 "a"
#define A63 A54 A9
#define A64 A63 "a"
#define A191 A63 "." A63 "." A63

/* The white space of ECMA-262, all 25. */
static const uint32_t white_space[] = {
	0x0009, 0x000a, 0x000b, 0x000c, 0x000d, 0x0020, 0x00a0, 0x1680,
	0x2000, 0x2001, 0x2002, 0x2003, 0x2004, 0x2005, 0x2006, 0x2007,
	0x2008, 0x2009, 0x200a, 0x2028, 0x2029, 0x202f, 0x205f, 0x3000, 0xfeff
};

/* Often taken for white space, but not. */
static const uint32_t no_white_space[] = {
	0x180e, 0x200b, 0x200c, 0x200d, 0x2060, 0x2800, 0x3164, 0xfffd, 0x1f600
};

static bool
is_among(uint32_t c, const uint32_t *list, int count)
{
	for (int i = 0; i < count; i++)
		if (list[i] == c)
			return true;
	return false;
}

static bool
is_surrogate(uint32_t c)
{
	return c >= 0xd800 && c <= 0xdfff;
}

static size_t
to_utf8(uint32_t c, char *out)
{
	static const uint8_t lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
	size_t		size = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

	for (size_t i = size; i-- > 1; c >>= 6)
		out[i] = (char) (0x80 | (c & 0x3f));
	out[0] = (char) (lead[size] | c);
	return size;
}

/* A problem is given by a word of its message; NULL: none. */
static bool
is_problem(const char *problem, const char *word)
{
	if (problem == NULL || word == NULL)
		return problem == word;
	return strstr(problem, word) != NULL;
}

typedef const char *(*Rule) (const char *text, size_t length);

static const char *
apply(Rule rule, const char *text, size_t length)
{
	char	   *copy = exact_copy(text, length);
	const char *problem = rule(copy, length);

	free(copy);
	return problem;
}

static void
test_characters(void)
{
	static const struct
	{
		const char *text;
		size_t		characters;
	}			cases[] =
	{
		{"", 0},
		{"a", 1},
		{"abc", 3},
		{"\x7f", 1},
		{"\xc2\x80", 1},
		{"na\xc3\xafve", 5},
		{"\xe2\x82\xac\xe2\x82\xac", 2},	/* two euro signs */
		{"\xf0\x9f\x98\x80", 1},	/* an emoji */
		{"e\xcc\x81", 2},		/* a letter and its combining accent */
		{"\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x91\xa7", 3},	/* joined emoji */
		{"\xf4\x8f\xbf\xbf", 1},	/* the last code point */

		/* no UTF-8: bytes that continue nothing add nothing */
		{"\x80", 0},
		{"\x80\x80" "a", 1},
		{"\xff\xff", 2},
		{"\xe2\x82", 1},
		{"\xc3" "a", 2},
		{"a\xf0", 2},
	};

	for (int i = 0; i < lengthof(cases); i++)
	{
		size_t		length = strlen(cases[i].text);
		char	   *copy = exact_copy(cases[i].text, length);

		CHECK(pb_text_characters(copy, length) == cases[i].characters,
			  "text %d", i);
		free(copy);
	}
	CHECK(pb_text_characters("a\0b", 3) == 3, "a zero byte");
}

/* A word of the message about a host with this character. */
static const char *
host_word(uint32_t c)
{
	if (is_among(c, white_space, lengthof(white_space)))
		return "white space";
	if (c < 0x20 || (c >= 0x7f && c <= 0x9f))
		return "control";
	if (c >= 0x80)
		return pb_is_letter(c) ? NULL : "symbols";
	if (c == ',')
		return "comma";
	return strchr(NAME_CHARACTERS, (int) c) == NULL ? "consist" : NULL;
}

/* Every code point in the middle, at the end and alone. */
static void
test_hosts_by_code_point(void)
{
	for (uint32_t c = 0; c <= LAST_CODE_POINT; c++)
	{
		char		host[6] = "a";
		size_t		size;
		const char *word = host_word(c);

		if (is_surrogate(c))
			continue;
		size = to_utf8(c, host + 1);
		host[1 + size] = 'b';
		CHECK(is_problem(pb_text_host_problem(host, size + 2), word),
			  "U+%04X in the middle", c);
		if (c == '.')
			word = "end with a dot";
		CHECK(is_problem(apply(pb_text_host_problem, host, size + 1), word),
			  "U+%04X at the end", c);
		if (c == '.')
			word = "empty";
		if (c == '/' || c == '@')
			word = "begin";
		if (c >= '0' && c <= '9')
			word = "number";
		CHECK(is_problem(pb_text_host_problem(host + 1, size), word),
			  "U+%04X alone", c);
	}
}

static void
test_controls_by_code_point(void)
{
	for (uint32_t c = 0; c <= LAST_CODE_POINT; c++)
	{
		char		text[6] = "a";
		bool		control = c < 0x20 || (c >= 0x7f && c <= 0x9f);
		size_t		size;

		if (is_surrogate(c))
			continue;
		size = 1 + to_utf8(c, text + 1);
		CHECK(is_problem(apply(pb_text_control_problem, text, size),
						 control ? "control" : NULL), "U+%04X", c);
	}
}

static void
test_emails(void)
{
	static const struct
	{
		const char *text;
		const char *word;
	}			cases[] =
	{
		{"", NULL}, {"a@b", NULL}, {"engineer@example.com", NULL},
		{"j\xc3\xbcrgen@example.com", NULL}, {"@b", "one @"},
		{"a@", "one @"}, {"@", "one @"}, {"ab", "one @"}, {"a@b@c", "one @"},
		{"a@@b", "one @"}, {"a b@c", "white space"}, {"a@b\n", "white space"},
		{"a@b\xc2\xa0", "white space"}, {"a\x01@b", "control"},
		{"a@b\x7f", "control"}, {"a@b\xc2\x85", "control"},
	};

	for (int i = 0; i < lengthof(cases); i++)
		CHECK(is_problem(apply(pb_text_email_problem, cases[i].text,
							   strlen(cases[i].text)), cases[i].word),
			  "email %d", i);
	CHECK(pb_text_email_problem("a\0@b", 4) != NULL, "a zero byte");
}

static void
test_near_white_space(void)
{
	for (int i = 0; i < lengthof(no_white_space); i++)
	{
		char		host[4];
		size_t		size = to_utf8(no_white_space[i], host);

		CHECK(is_problem(apply(pb_text_host_problem, host, size), "symbols"),
			  "U+%04X", no_white_space[i]);
	}
}

static void
test_hosts(void)
{
	static const struct
	{
		const char *host;
		const char *word;
	}			cases[] =
	{
		{"", NULL},				/* another rule checks its length */
		{"db.example.com", NULL},
		{"DB_1.Example-2.com", NULL},
		{"db", NULL},
		{"a-.-b", NULL},		/* legal to some, and misleads nobody */
		{"a.b1", NULL},
		{"a.1b", NULL},
		{"1.b", NULL},
		{"0x7f.b", NULL},
		{"x0", NULL},
		{"xn--bcher-kva.example", NULL},
		{"b\xc3\xbc" "cher.example", NULL},
		{"\xe4\xb8\xad\xe6\x96\x87.\xe4\xb8\xad\xe5\x9b\xbd", NULL},
		{"\xd8\xb9.\xd9\xa1", NULL},	/* its digits are not those of an
										 * address */
		{A64 "." A64, NULL},	/* resolvers know their own limits */

		{"10.0.0.1", NULL},
		{"255.255.255.255", NULL},
		{"::1", NULL},
		{"::", NULL},
		{"2001:db8::a.b.c.d", "consist"},
		{"::ffff:192.0.2.1", NULL},
		{"2001:DB8:1:2:3:4:5:6", NULL},
		{"[::1]", NULL},
		{"[2001:db8::1]", NULL},

		/* a URL, and maybe more */
		{"postgres://app:S3CRET@db.example.com/mydb", "URL"},
		{"/ a://", "URL"},
		{"://", "URL"},

		/* more than a host */
		{"db:5432", "put the port into port"},
		{"10.0.0.1:5432", "put the port into port"},
		{"[::1]:5432", "put the port into port"},
		{"[db]:5432", "put the port into port"},
		{"db:0", "put the port into port"},
		{":5432", "consist"},
		{"db:", "consist"},
		{"db:x", "consist"},
		{"db:5432/x", "consist"},
		{"a:b:1", "consist"},
		{"1::2::3", "consist"},
		{"h/db", "consist"},
		{"u@h", "consist"},
		{"app:S3CRET@h", "consist"},
		{"h?x=1", "consist"},
		{"h#f", "consist"},
		{"host=foo", "consist"},
		{"a'\"\\b", "consist"},
		{"%2Fvar%2Frun", "consist"},
		{"*.b", "consist"},
		{"fe80::1%eth0", "consist"},
		{"[fe80::1%eth0]", "consist"},
		{"10.0.0.0/8", "consist"},
		{"::1/128", "consist"},
		{"[::1", "consist"},
		{"::1]", "consist"},
		{"[]", "consist"},
		{"[", "consist"},
		{"[[::1]]", "consist"},
		{"[10.0.0.1]", "consist"},
		{"[db.example.com]", "consist"},

		/* empty parts */
		{"a..b", "empty"},
		{".a", "empty"},
		{"a.", "end with a dot"},
		{".", "empty"},

		/* addresses in other spellings */
		{"2130706433", "number"},
		{"127.1", "number"},
		{"0x7f.1", "number"},
		{"127.0x1", "number"},
		{"0x7f000001", "number"},
		{"0X7F", "number"},
		{"0x", "number"},
		{"010.0.0.1", "number"},
		{"10.0.0.256", "number"},
		{"10.0.0.1.1", "number"},
		{"a.1", "number"},
		{"\xef\xbc\x91.b", "symbols"},	/* a digit of full width */
		{"127\xe3\x80\x82" "1", "symbols"},	/* and a dot */

		/* invisible characters */
		{"db\xe2\x80\x8b.example.com", "symbols"},
		{"db\xc2\xad" "x", "symbols"},
		{"\xe2\x80\xae" "moc", "symbols"},
		{"db\xef\xb8\x8f", "symbols"},
		{"db\xf3\xa0\x80\xa1", "symbols"},
		{"\xef\xbb\xbf" "db", "white space"},
		{"db\xf0\x9f\x98\x80", "symbols"},

		{"'; DROP TABLE x", "white space"},
		{"/var/run/postgresql", "begin"},
		{"@abstract", "begin"},
		{"/", "begin"},
		{"@", "begin"},
		{"a,b", "comma"},
		{",", "comma"},
		{" a", "white space"},
		{"a ", "white space"},
		{"a\tb,c", "white space"},
		{"a\x01" "b", "control"},
		{"a\x7f", "control"},

		/*
		 * Not UTF-8: such bytes count one by one, so that none of them hides
		 * the next.
		 */
		{"\xc3,", "comma"},
		{"\xe2,a", "comma"},
		{"\xe2\x80,", "control"},	/* 0x80 by itself */
		{"\xf0,,,", "comma"},
		{"\xff,,,", "comma"},
		{"\xc3\x01", "control"},
		{"\xf0\x9f\x98 ", "control"},
		{"\xf0\xaf\xa8 ", "white space"},
		{"a\xe2\x80", "control"},
		{"a\xc3", NULL},
	};

	for (int i = 0; i < lengthof(cases); i++)
		CHECK(is_problem(apply(pb_text_host_problem, cases[i].host,
							   strlen(cases[i].host)), cases[i].word),
			  "host %d: %s", i, cases[i].word == NULL ? "none" : cases[i].word);
	CHECK(pb_text_host_problem("a\0b", 3) != NULL, "a zero byte");
	CHECK(pb_text_control_problem("a\0b", 3) != NULL, "a zero byte");
}

/* An ASCII character that no host has, among random bytes. */
static void
test_hosts_in_noise(void)
{
	static const char forbidden[] = " ,\t\n\x01\x7f/@?#=%'\"\\*";

	for (int i = 0; i < 100000; i++)
	{
		char		noise[8];
		size_t		length = 1 + next_random() % sizeof(noise);
		size_t		at = next_random() % length;

		random_fill(noise, length);
		noise[at] = forbidden[next_random() % (sizeof(forbidden) - 1)];
		CHECK(apply(pb_text_host_problem, noise, length) != NULL,
			  "noise %d: 0x%02x behind 0x%02x", i, noise[at],
			  at == 0 ? 0 : (uint8_t) noise[at - 1]);
	}
}

/*
 * PostgreSQL's inet reads everything legal as well. Notes tell where it is
 * lenient with the others: shorthand, leading zeros and wrapped numbers mean
 * something else to other readers.
 */
static void
test_cidrs(void)
{
	static const struct
	{
		const char *cidr;
		const char *word;
	}			cases[] =
	{
		{"0.0.0.0", NULL},
		{"0.0.0.0/0", NULL},
		{"10.0.0.0/8", NULL},
		{"10.1.2.3/8", NULL},	/* host bits set: inet, not cidr */
		{"192.0.2.1/32", NULL},
		{"255.255.255.255/31", NULL},
		{"::", NULL},
		{"::/0", NULL},
		{"::1", NULL},
		{"::1/128", NULL},
		{"2001:db8::/32", NULL},
		{"2001:DB8::a/32", NULL},
		{"2001:db8:0:0:0:0:0:1", NULL},
		{"2001:0db8:0000:0000:0000:0000:0000:0001/64", NULL},
		{"1::", NULL},
		{"1:2:3:4:5:6:7::", NULL},	/* one zero group for the two colons */
		{"::2:3:4:5:6:7:8", NULL},
		{"::ffff:192.0.2.1", NULL},	/* IPv6, though it carries IPv4 */
		{"::ffff:192.0.2.1/128", NULL},
		{"64:ff9b::192.0.2.33/96", NULL},
		{"ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255/127", NULL},

		{"", "address"},
		{"/", "address"},
		{"/8", "address"},
		{"//", "address"},
		{"10", "address"},
		{"10/8", "address"},	/* inet: 10.0.0.0/8 */
		{"10.0/16", "address"},
		{"10.0.0/24", "address"},
		{"10.0.0.", "address"},
		{".10.0.0.1", "address"},
		{"10..0.1", "address"},
		{"10.0.0.1.2", "address"},
		{"10.0.0.256", "address"},
		{"10.0.0.1000", "address"},
		{"010.0.0.1", "address"},	/* inet: 10.0.0.1; octal to others */
		{"10.0.0.00", "address"},
		{"0x0a.0.0.1", "address"},
		{"a.b.c.d", "address"},
		{"167772161", "address"},
		{"10.0.0.1:5432", "address"},
		{":", "address"},
		{":::", "address"},
		{"1", "address"},
		{"dead", "address"},
		{"1:2:3:4:5:6:7", "address"},
		{"1:2:3:4:5:6:7:8:9", "address"},
		{"1:2:3:4:5:6:7:8::", "address"},
		{"1::2::3", "address"},
		{":1:2:3:4:5:6:7:8", "address"},
		{"1:2:3:4:5:6:7:8:", "address"},
		{"12345::", "address"},
		{"::g", "address"},
		{"::1.2.3", "address"},	/* inet: ::1.2.3.0 */
		{"::1.2.3.256", "address"},
		{"::1.2.3.4:5", "address"},
		{"fe80::1%eth0", "address"},
		{"[::1]", "address"},
		{"::1 ", "address"},
		{" 10.0.0.1", "address"},
		{"10.0.0.1\n", "address"},
		{"db.example.com", "address"},
		{"\xef\xbc\x91.1.1.1", "address"},	/* a wide digit */
		{"10.0.0.1\xff", "address"},
		{"0ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255", "address"},

		{"10.0.0.0/", "0 to 32 "},
		{"10.0.0.0/33", "0 to 32 "},
		{"10.0.0.0/08", "0 to 32 "},	/* inet: 8 */
		{"10.0.0.0/00", "0 to 32 "},
		{"10.0.0.0/+8", "0 to 32 "},
		{"10.0.0.0/-1", "0 to 32 "},
		{"10.0.0.0/ 8", "0 to 32 "},
		{"10.0.0.0/8 ", "0 to 32 "},
		{"10.0.0.0/8/8", "0 to 32 "},
		{"10.0.0.0/255.0.0.0", "0 to 32 "},
		{"10.0.0.0/a", "0 to 32 "},
		{"10.0.0.0/4294967304", "0 to 32 "},	/* inet: 8, wrapped */
		{"10.0.0.0/18446744073709551624", "0 to 32 "},
		{"::/", "0 to 128 "},
		{"::/129", "0 to 128 "},
		{"::/064", "0 to 128 "},
		{"::/1280", "0 to 128 "},
		{"::/0x40", "0 to 128 "},
		{"::ffff:192.0.2.1/129", "0 to 128 "},
	};

	for (int i = 0; i < lengthof(cases); i++)
		CHECK(is_problem(apply(pb_text_cidr_problem, cases[i].cidr,
							   strlen(cases[i].cidr)), cases[i].word),
			  "\"%s\"", cases[i].cidr);
	CHECK(pb_text_cidr_problem("::1\0", 4) != NULL, "a zero byte");
	CHECK(pb_text_cidr_problem("10.0.0.0\0/8", 11) != NULL, "a zero byte");
	CHECK(pb_text_cidr_problem("10.0.0.0/8\0", 11) != NULL, "a zero byte");
}

/* Every number after the slash, and every byte in an address. */
static void
test_cidr_parts(void)
{
	static const char digits[] = "0123456789abcdefABCDEF";

	for (int bits = 0; bits < 1000; bits++)
	{
		char		text[32];
		size_t		length = sprintf(text, "198.51.100.7/%d", bits);

		CHECK(is_problem(apply(pb_text_cidr_problem, text, length),
						 bits <= 32 ? NULL : "0 to 32 "), "%s", text);
		length = sprintf(text, "2001:db8::7/%d", bits);
		CHECK(is_problem(apply(pb_text_cidr_problem, text, length),
						 bits <= 128 ? NULL : "0 to 128 "), "%s", text);
	}
	for (int byte = 0; byte < 256; byte++)
	{
		char		text[] = {'1', ':', ':', (char) byte};
		bool		good = byte != 0 && strchr(digits, byte) != NULL;

		CHECK((apply(pb_text_cidr_problem, text, sizeof(text)) == NULL) == good,
			  "byte 0x%02x", byte);
	}
}

static void
test_percent_encode(void)
{
	static const char unreserved[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
		"abcdefghijklmnopqrstuvwxyz0123456789-._~";
	char		all[256];
	char		expected[3 * 256 + 1];
	size_t		n = 0;
	char	   *encoded = exactly(66 + 190 * 3);

	for (int byte = 0; byte < 256; byte++)
	{
		char	   *one = exactly(3);
		bool		kept = byte != 0 && strchr(unreserved, byte) != NULL;
		size_t		length;

		all[byte] = (char) byte;
		length = pb_text_percent_encode(&all[byte], 1, one);
		sprintf(expected + n, kept ? "%c" : "%%%02X", byte);
		CHECK(length == (kept ? 1 : 3) && memcmp(one, expected + n, length) == 0,
			  "byte %d", byte);
		n += length;
		free(one);
	}
	CHECK(pb_text_percent_encode(all, sizeof(all), encoded) == n &&
		  n == 66 + 190 * 3 && memcmp(encoded, expected, n) == 0, "all bytes");
	CHECK(pb_text_percent_encode("", 0, encoded) == 0, "no bytes");
	CHECK(pb_text_percent_encode("my db/1", 7, encoded) == 11 &&
		  memcmp(encoded, "my%20db%2F1", 11) == 0, "my db/1");
	free(encoded);
}

/* The value of a hex digit in either case, -1 for any other. */
static int
hex_value(int c)
{
	static const char hex[] = "0123456789abcdef0123456789ABCDEF";
	const char *digit = c == 0 ? NULL : strchr(hex, c);

	return digit == NULL ? -1 : (int) (digit - hex) % 16;
}

/* Decodes into no more room than it may use; -1 for a refusal. */
static long
decode(const char *text, size_t length, char *bytes)
{
	char	   *copy = exact_copy(text, length);
	char	   *decoded = exactly(length);
	size_t		size;
	bool		good = pb_text_percent_decode(copy, length, decoded, &size);

	if (good && size > 0)
		memcpy(bytes, decoded, size);
	free(copy);
	free(decoded);
	return good ? (long) size : -1;
}

static bool
decodes_to(const char *text, size_t length, const char *expected, size_t size)
{
	char		bytes[1000];

	return decode(text, length, bytes) == (long) size &&
		memcmp(bytes, expected, size) == 0;
}

/* Encoded bytes decode to the same, in upper and lower case digits. */
static void
test_percent_round_trips(void)
{
	char		all[256];
	char		encoded[3 * 256];
	char		text[4];

	for (int byte = 0; byte < 256; byte++)
	{
		char		c = (char) byte;

		all[byte] = c;
		CHECK(decodes_to(encoded, pb_text_percent_encode(&c, 1, encoded), &c, 1),
			  "byte %d", byte);
		sprintf(text, "%%%02x", byte);
		CHECK(decodes_to(text, 3, &c, 1), "%s", text);
		CHECK(byte == '%' || decodes_to(&c, 1, &c, 1), "byte %d as it is", byte);
	}
	CHECK(decodes_to(encoded, pb_text_percent_encode(all, 256, encoded), all, 256),
		  "all bytes");
	for (int i = 0; i < 10000; i++)
	{
		char		noise[256];
		size_t		length = next_random() % (sizeof(noise) + 1);

		random_fill(noise, length);
		CHECK(decodes_to(encoded, pb_text_percent_encode(noise, length, encoded),
						 noise, length), "noise %d", i);
	}
}

/* Any two bytes after a %, at the end of a text and before it. */
static void
test_percent_pairs(void)
{
	for (int high = 0; high < 256; high++)
		for (int low = 0; low < 256; low++)
		{
			const char	text[] = {'a', '%', (char) high, (char) low, 'b'};
			bool		good = hex_value(high) >= 0 && hex_value(low) >= 0;
			const char	expected[] = {
				'a', (char) (16 * hex_value(high) + hex_value(low)), 'b'
			};
			char		bytes[5];

			CHECK(good ? decodes_to(text + 1, 3, expected + 1, 1) :
				  decode(text + 1, 3, bytes) == -1, "%02x %02x alone", high, low);
			CHECK(good ? decodes_to(text, 4, expected, 2) :
				  decode(text, 4, bytes) == -1, "%02x %02x at the end", high, low);
			CHECK(good ? decodes_to(text, 5, expected, 3) :
				  decode(text, 5, bytes) == -1, "%02x %02x", high, low);
		}
}

static void
test_percent_decode(void)
{
	static const struct
	{
		const char *text;
		const char *decoded;	/* NULL: refused */
	}			cases[] =
	{
		{"", ""},
		{"a+b c", "a+b c"},
		{"%25", "%"},
		{"%2541", "%41"},		/* once, not twice */
		{"%41%42%43", "ABC"},
		{"%4a%4A", "JJ"},
		{"prj%5F1", "prj_1"},
		{"a%2Fb", "a/b"},

		{"%", NULL},
		{"a%", NULL},
		{"ab%", NULL},
		{"%4", NULL},
		{"a%4", NULL},
		{"%%", NULL},
		{"%%%", NULL},
		{"%%41", NULL},
		{"%4%41", NULL},
		{"%41%", NULL},
		{"%41%4", NULL},
		{"% 41", NULL},
		{"%0x41", NULL},
		{"%+1", NULL},
		{"%-1", NULL},
		{"%u0041", NULL},
	};

	for (int i = 0; i < lengthof(cases); i++)
	{
		size_t		length = strlen(cases[i].text);
		char		bytes[8];

		CHECK(cases[i].decoded == NULL ?
			  decode(cases[i].text, length, bytes) == -1 :
			  decodes_to(cases[i].text, length, cases[i].decoded,
						 strlen(cases[i].decoded)), "\"%s\"", cases[i].text);
	}
}

static void
test_path_ids(void)
{
	static const char legal[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
		"abcdefghijklmnopqrstuvwxyz0123456789_.-";

	CHECK(is_problem(apply(pb_text_path_id_problem, "", 0), "empty"), "no id");
	CHECK(apply(pb_text_path_id_problem, legal, strlen(legal)) == NULL,
		  "all that is legal");
	for (int byte = 0; byte < 256; byte++)
	{
		const char *word = byte != 0 && strchr(legal, byte) != NULL ?
			NULL : "consist";

		for (size_t length = 1; length <= 4; length++)
			for (size_t at = 0; at < length; at++)
			{
				char		id[] = "aZ0_";

				id[at] = (char) byte;
				CHECK(is_problem(apply(pb_text_path_id_problem, id, length), word),
					  "0x%02x at %zu of %zu", byte, at, length);
			}
	}
}

/* On texts without a byte after their end; the word is terminated. */
static bool
starts(const char *text, size_t length, const char *prefix)
{
	char	   *copy = exact_copy(text, length);
	char	   *exact = exact_copy(prefix, strlen(prefix) + 1);
	bool		result = pb_text_starts(copy, length, exact);

	free(copy);
	free(exact);
	return result;
}

static bool
is_alike(const char *text, size_t length, const char *word)
{
	char	   *copy = exact_copy(text, length);
	char	   *exact = exact_copy(word, strlen(word) + 1);
	bool		result = pb_text_is_alike(copy, length, exact);

	free(copy);
	free(exact);
	return result;
}

/* Every two bytes: the same, or a letter of ASCII in both cases. */
static void
test_alike_bytes(void)
{
	static const char letters[] = "AaBbCcDdEeFfGgHhIiJjKkLlMmNnOoPpQqRrSsTtUuVv"
		"WwXxYyZz";

	for (int a = 0; a < 256; a++)
		for (int b = 1; b < 256; b++)
		{
			const char	text[] = {(char) a, 'x'};
			const char	word[] = {(char) b, '\0'};
			const char *at = a == 0 ? NULL : strchr(letters, a);
			bool		alike = a == b ||
				(at != NULL && letters[(at - letters) ^ 1] == b);

			CHECK(is_alike(text, 1, word) == alike, "0x%02x and 0x%02x", a, b);
			CHECK(starts(text, 1, word) == alike, "0x%02x and 0x%02x", a, b);
			CHECK(starts(text, 2, word) == alike, "0x%02x and 0x%02x", a, b);
			CHECK(!is_alike(text, 2, word), "0x%02x and 0x%02x", a, b);
		}
}

static void
test_alike(void)
{
	static const struct
	{
		const char *text;
		const char *word;
		bool		starts;
		bool		alike;
	}			cases[] =
	{
		{"", "", true, true},
		{"a", "", true, false},
		{"", "a", false, false},
		{"Bearer x", "Bearer ", true, false},
		{"bEARER x", "Bearer ", true, false},
		{"Bearer", "Bearer ", false, false},
		{"Bearer ", "BEARER ", true, true},
		{"Beare", "Bearer", false, false},
		{"Basic x", "Bearer ", false, false},
		{" Bearer x", "Bearer ", false, false},
		{"Content-Type", "content-type", true, true},
		{"Content-Types", "content-type", true, false},
		{"Content_Type", "content-type", false, false},
		{"\xc3\x84", "\xc3\xa4", false, false},	/* umlauts stay apart */
		{"\xe2\x84\xaa", "k", false, false},	/* the Kelvin sign is no k */
	};

	for (int i = 0; i < lengthof(cases); i++)
	{
		size_t		length = strlen(cases[i].text);

		CHECK(starts(cases[i].text, length, cases[i].word) == cases[i].starts,
			  "\"%s\" and \"%s\"", cases[i].text, cases[i].word);
		CHECK(is_alike(cases[i].text, length, cases[i].word) == cases[i].alike,
			  "\"%s\" and \"%s\"", cases[i].text, cases[i].word);
	}
	CHECK(!is_alike("a\0b", 3, "a") && starts("a\0b", 3, "a"), "a zero byte");
}

static void
test_labels(void)
{
	static const struct
	{
		const char *name;
		const char *label;
	}			cases[] =
	{
		{"my-app", "my-app"},
		{"MyProject", "myproject"},
		{"My  App!!", "my-app"},
		{"--a--b--", "a-b"},
		{"a_b.c d", "a-b-c-d"},
		{"42", "42"},
		{"AZaz09", "azaz09"},
		{"@[`{/:", "p"},		/* the neighbours of A, Z, a, z, 0, 9 */

		{"", "p"},
		{"-", "p"},
		{"!?*", "p"},
		{" ", "p"},
		{"\xe6\x97\xa5\xe6\x9c\xac", "p"},
		{"\xf0\x9f\x98\x80", "p"},
		{"\xe2\x84\xaa", "p"},	/* the Kelvin sign is no k */
		{"caf\xc3\xa9", "caf"},
		{"\xc3\x9cn\xc3\xaf" "c\xc3\xb6" "d\xc3\xa9", "n-c-d"},
		{"stra\xc3\x9f" "e 1", "stra-e-1"},
		{"\xff\x80" "a\xfe", "a"},

		{A54, A54},
		{A54 "a", A54},
		{A54 "-", A54},
		{A54 "-b", A54},
		{A53, A53},
		{A53 "-", A53},
		{A53 "-b", A53},
		{A53 "--", A53},
		{A53 "\xc3\xa9" "b", A53},
		{"-" A54 "b", A54},
		{A18 "-" A18 "-" A18 "b", A18 "-" A18 "-" A9 "aaaaaaa"},
		{A64 A64 A64, A54},
	};

	for (int i = 0; i < lengthof(cases); i++)
	{
		char	   *name = exact_copy(cases[i].name, strlen(cases[i].name));
		char	   *label = exactly(PB_LABEL_MAX);
		size_t		length = pb_text_label(name, strlen(cases[i].name), label);

		CHECK(length == strlen(cases[i].label) &&
			  memcmp(label, cases[i].label, length) == 0, "\"%s\"",
			  cases[i].name);
		free(name);
		free(label);
	}
}

static bool
is_label(const char *label, size_t length)
{
	if (length < 1 || length > PB_LABEL_MAX || label[0] == '-' ||
		label[length - 1] == '-')
		return false;
	for (size_t i = 0; i < length; i++)
	{
		char		c = label[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-')
			return false;
		if (c == '-' && label[i - 1] == '-')
			return false;
	}
	return true;
}

/* Random letters, punctuation and bytes always make a label. */
static void
test_any_label(void)
{
	static const char some[] = "abYZ09-- ._\xc3\xa9";

	for (int i = 0; i < 100000; i++)
	{
		char		name[80];
		char		label[PB_LABEL_MAX];
		size_t		length = next_random() % sizeof(name);

		random_fill(name, length);
		if (i % 2 == 0)
			for (size_t k = 0; k < length; k++)
				name[k] = some[(uint8_t) name[k] % (sizeof(some) - 1)];
		CHECK(is_label(label, pb_text_label(name, length, label)), "name %d", i);
	}
}

static void
test_label_suffix(void)
{
	static const struct
	{
		uint32_t	random;
		const char *suffix;
	}			cases[] =
	{
		{0, "000000"},
		{1, "100000"},
		{31, "z00000"},
		{32, "010000"},
		{0x3fffffff, "zzzzzz"},
		{0xffffffff, "zzzzzz"},
	};

	for (int i = 0; i < lengthof(cases); i++)
	{
		char	   *suffix = exactly(PB_LABEL_SUFFIX);

		pb_text_label_suffix(cases[i].random, suffix);
		CHECK(memcmp(suffix, cases[i].suffix, PB_LABEL_SUFFIX) == 0, "%s",
			  cases[i].suffix);
		free(suffix);
	}
	CHECK(PB_LABEL_MAX + 1 + PB_LABEL_SUFFIX <= PB_DNS_LABEL_MAX,
		  "a label and its suffix");
}

static void
test_domains(void)
{
	static const struct
	{
		const char *domain;
		const char *word;
	}			cases[] =
	{
		{"aws.pgbeam.app", NULL},
		{"localhost", NULL},
		{"a", NULL},
		{"1.2.3", NULL},
		{"a-b.c--d", NULL},
		{A63, NULL},
		{A63 ".b", NULL},
		{"b." A63, NULL},
		{A191, NULL},			/* 54 + 1 + 6 + 1 + 191 = 253 */

		{"", "between"},
		{".", "between"},
		{".a", "between"},
		{"a.", "end with a dot"},
		{"a..b", "between"},
		{A64, "between"},
		{A64 ".b", "between"},
		{"b." A64, "between"},
		{"-a", "hyphen"},
		{"a-", "hyphen"},
		{"-", "hyphen"},
		{"a.-b", "hyphen"},
		{"a-.b", "hyphen"},
		{"A.b", "lower case"},
		{"a_b", "consist"},
		{"a b", "consist"},
		{"a/b", "consist"},
		{"<cloud>.pgbeam.app", "consist"},
		{"b\xc3\xbc" "cher", "consist"},
		{"a\n", "consist"},
		{A63 "." A63 "." A54 A9 "a", "too long"},
		{A191 ".b", "too long"},
	};

	for (int i = 0; i < lengthof(cases); i++)
		CHECK(is_problem(apply(pb_text_domain_problem, cases[i].domain,
							   strlen(cases[i].domain)), cases[i].word),
			  "\"%s\"", cases[i].domain);
	CHECK(pb_text_domain_problem("a\0b", 3) != NULL, "a zero byte");
}

static void
test_dns_names(void)
{
	static const struct
	{
		const char *name;
		const char *word;
	}			cases[] =
	{
		{"db.example.com", NULL},
		{"DB.Example.COM", NULL},
		{"a.b", NULL},
		{"1.2.3.4.in-addr.arpa", NULL},
		{"xn--bcher-kva.example", NULL},
		{A63 "." A63, NULL},

		{"", "between"},
		{"a..b", "between"},
		{"a.b.", "end with a dot"},
		{A64 ".b", "between"},
		{"a.b-", "hyphen"},
		{"*.a.b", "consist"},
		{"a_b.c", "consist"},
		{"b\xc3\xbc" "cher.de", "consist"},
		{"localhost", "dot"},
		{"10.0.0.1", "address"},
		{"127.0x1", "address"},
		{"a.0X", "address"},
		{"a.b1", NULL},			/* not a number, although it ends like one */
	};

	for (int i = 0; i < lengthof(cases); i++)
		CHECK(is_problem(apply(pb_text_dns_name_problem, cases[i].name,
							   strlen(cases[i].name)), cases[i].word),
			  "\"%s\"", cases[i].name);
}

int
main(void)
{
	test_characters();
	test_hosts_by_code_point();
	test_controls_by_code_point();
	test_emails();
	test_near_white_space();
	test_hosts();
	test_hosts_in_noise();
	test_cidrs();
	test_cidr_parts();
	test_percent_encode();
	test_percent_round_trips();
	test_percent_pairs();
	test_percent_decode();
	test_path_ids();
	test_alike_bytes();
	test_alike();
	test_labels();
	test_any_label();
	test_label_suffix();
	test_domains();
	test_dns_names();
	return report("text");
}
