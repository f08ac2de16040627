/*
 * typeid.c
 *	  Unit test of src/base/typeid.c: the vectors of the TypeID specification 0.3,
 *	  the layout of RFC 9562, and a generator that only moves forward.
 */
#include "check.h"
#include "base/typeid.h"

#define MILLION 1000000
#define HOUR_NS (UINT64_C(3600) * 1000000000)
#define NOW_NS UINT64_C(1775035800123456789)
#define LEAST_STEP_NS 245		/* 1 ms / 4096, rounded up */

#define PREFIX_63 "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijk"
#define NIL "00000000000000000000000000"
#define NIL_HEX "00000000000000000000000000000000"

/* encoded and decoded both ways */
static const struct
{
	const char *prefix;
	const char *suffix;
	const char *uuid;
}			valid[] =
{
	{"", NIL, NIL_HEX},
	{"", "00000000000000000000000001", "00000000000000000000000000000001"},
	{"", "0000000000000000000000000a", "0000000000000000000000000000000a"},
	{"", "0000000000000000000000000g", "00000000000000000000000000000010"},
	{"", "00000000000000000000000010", "00000000000000000000000000000020"},
	{"", "7zzzzzzzzzzzzzzzzzzzzzzzzz", "ffffffffffffffffffffffffffffffff"},
	{"prefix", "0123456789abcdefghjkmnpqrs", "0110c8531d0952d8d73e1194e95b5f19"},
	{"prefix", "01h455vb4pex5vsknk084sn02q", "01890a5dac96774bbcceb302099a8057"},
	{"pre_fix", NIL, NIL_HEX},

	/* beyond the specification's own */
	{"prj", "01h455vb4pex5vsknk084sn02q", "01890a5dac96774bbcceb302099a8057"},
	{"", "40000000000000000000000000", "80000000000000000000000000000000"},
	{"", "0tvwxyz0000000000000000000", "1adf3bef800000000000000000000000"},
	{"a", NIL, NIL_HEX},
	{"a__b", NIL, NIL_HEX},
	{"a_b_c_d", NIL, NIL_HEX},
	{PREFIX_63, NIL, NIL_HEX},
};

static const char *const invalid[] = {
	"PREFIX_" NIL,
	"12345_" NIL,
	"pre.fix_" NIL,
	"pr\xc3\xa9" "fix_" NIL,
	"  prefix_" NIL,
	PREFIX_63 "l_" NIL,
	"_" NIL,
	"_",
	"prefix_1234567890123456789012345",
	"prefix_123456789012345678901234567",
	"prefix_1234567890123456789012345 ",
	"prefix_0123456789ABCDEFGHJKMNPQRS",
	"prefix_123456789-123456789-123456",
	"prefix_ooooooiiiiiiuuuuuuulllllll",
	"prefix_i23456789ol23456789oi23456",
	"prefix_123456789-0123456789-0123456",
	"prefix_8zzzzzzzzzzzzzzzzzzzzzzzzz",
	"_prefix_" NIL,
	"prefix__" NIL,

	/* beyond the specification's own */
	"",
	"prefix",
	"prefix_",
	"__" NIL,
	"p1_" NIL,
	"prefix-" NIL,
	"prefix" NIL,
	" " NIL,
	NIL " ",
	NIL "\n",
	"0" NIL,
	"80000000000000000000000000",
	"z0000000000000000000000000",
	"\xff" "0000000000000000000000000",
	"-0000000000000000000000000",
	"0000000000000000000000000\x80",
	"prefix_0000000000000000000000000u",
};

static const struct
{
	const char *prefix;
	bool		legal;
}			prefixes[] =
{
	{"", true},
	{"a", true},
	{"prj", true},
	{"a_z", true},
	{"a__z", true},
	{PREFIX_63, true},
	{PREFIX_63 "l", false},
	{"_", false},
	{"_a", false},
	{"a_", false},
	{"A", false},
	{"a1", false},
	{"a-b", false},
	{"a b", false},
	{"a\n", false},
	{"\xc3\xa9", false},
	{"`", false},				/* the neighbours of a and z */
	{"{", false},
};

static const char *
decode(const char *text, size_t length, PbTypeid *id)
{
	char	   *copy = exact_copy(text, length);
	const char *problem = pb_typeid_decode(copy, length, id);

	free(copy);
	return problem;
}

static void
test_valid(void)
{
	for (int i = 0; i < lengthof(valid); i++)
	{
		const char *prefix = valid[i].prefix;
		char		expected[PB_TYPEID_MAX + 1];
		char	   *text = exactly(PB_TYPEID_MAX);
		uint8_t		uuid[PB_UUID_BYTES];
		PbTypeid	id;
		size_t		length;

		from_hex(valid[i].uuid, uuid);
		snprintf(expected, sizeof(expected), "%s%s%s", prefix,
				 prefix[0] == '\0' ? "" : "_", valid[i].suffix);
		length = pb_typeid_encode(prefix, strlen(prefix), uuid, text);
		CHECK(length == strlen(expected), "%s", expected);
		CHECK(memcmp(text, expected, length) == 0, "%s", expected);

		CHECK(decode(expected, length, &id) == NULL, "%s", expected);
		CHECK(id.prefix_length == strlen(prefix), "%s", expected);
		CHECK(memcmp(id.uuid, uuid, PB_UUID_BYTES) == 0, "%s", expected);
		free(text);
	}
}

static void
test_invalid(void)
{
	PbTypeid	id;

	for (int i = 0; i < lengthof(invalid); i++)
		CHECK(decode(invalid[i], strlen(invalid[i]), &id) != NULL, "\"%s\"",
			  invalid[i]);
	CHECK(decode("prefix_\0" "0000000000000000000000000", 33, &id) != NULL,
		  "a zero byte in the suffix");
	CHECK(decode("pre\0fix_" NIL, 34, &id) != NULL, "a zero byte in the prefix");
}

/* Every byte at every place of the suffix: only the alphabet decodes. */
static void
test_alphabet(void)
{
	static const char alphabet[] = "0123456789abcdefghjkmnpqrstvwxyz";

	for (int place = 0; place < PB_TYPEID_SUFFIX; place++)
		for (int byte = 0; byte < 256; byte++)
		{
			char		text[] = "prefix_" NIL;
			bool		legal = byte != 0 && strchr(alphabet, byte) != NULL &&
				(place > 0 || byte <= '7');
			PbTypeid	id;

			text[7 + place] = (char) byte;
			CHECK((decode(text, sizeof(text) - 1, &id) == NULL) == legal,
				  "byte %d at %d", byte, place);
		}
}

static void
test_prefixes(void)
{
	for (int i = 0; i < lengthof(prefixes); i++)
	{
		size_t		length = strlen(prefixes[i].prefix);
		char	   *copy = exact_copy(prefixes[i].prefix, length);

		CHECK((pb_typeid_prefix_problem(copy, length) == NULL) ==
			  prefixes[i].legal, "\"%s\"", prefixes[i].prefix);
		free(copy);
	}
}

/* Every UUID comes back, and texts sort as UUIDs do. */
static void
test_round_trip(void)
{
	uint8_t		before[PB_UUID_BYTES] = {0};
	char		text_before[PB_TYPEID_MAX];

	pb_typeid_encode("x", 1, before, text_before);
	for (int i = 0; i < 100000; i++)
	{
		uint8_t		uuid[PB_UUID_BYTES];
		char		text[PB_TYPEID_MAX];
		PbTypeid	id;
		size_t		length;

		random_fill(uuid, sizeof(uuid));
		length = pb_typeid_encode("x", 1, uuid, text);
		CHECK(length == 28 && pb_typeid_decode(text, length, &id) == NULL &&
			  memcmp(id.uuid, uuid, PB_UUID_BYTES) == 0, "random UUID %d", i);
		CHECK((memcmp(uuid, before, PB_UUID_BYTES) > 0) ==
			  (memcmp(text, text_before, length) > 0), "random UUID %d", i);
		memcpy(before, uuid, sizeof(before));
		memcpy(text_before, text, length);
	}
}

static unsigned
fraction_of(const uint8_t uuid[PB_UUID_BYTES])
{
	return (uuid[6] & 0x0f) << 8 | uuid[7];
}

/* Version, variant, milliseconds, fraction of one, and all random bits. */
static void
check_layout(uint64_t now_ns, uint64_t random)
{
	uint64_t	last_ns = 0;
	uint8_t		uuid[PB_UUID_BYTES];
	uint64_t	low = 0;

	pb_uuid7(&last_ns, now_ns, random, uuid);
	for (int i = 8; i < PB_UUID_BYTES; i++)
		low = low << 8 | uuid[i];
	CHECK(uuid[6] >> 4 == 7, "%llu ns", (unsigned long long) now_ns);
	CHECK(uuid[8] >> 6 == 2, "%llu ns", (unsigned long long) now_ns);
	CHECK(pb_uuid7_milliseconds(uuid) == now_ns / 1000000, "%llu ns",
		  (unsigned long long) now_ns);
	CHECK(fraction_of(uuid) == now_ns % 1000000 * 4096 / 1000000, "%llu ns",
		  (unsigned long long) now_ns);
	CHECK((low ^ random) << 2 == 0, "%llu ns", (unsigned long long) now_ns);
	CHECK(last_ns == now_ns, "%llu ns", (unsigned long long) now_ns);
}

static void
test_layout(void)
{
	static const uint64_t instants[] = {
		NOW_NS, 1000000, 1000244, 1000245, 1499999, 1500000, 1999999,
		UINT64_C(1645557742000000000),	/* the sample of RFC 9562 */
		INT64_MAX
	};
	uint8_t		uuid[PB_UUID_BYTES];

	for (int i = 0; i < lengthof(instants); i++)
	{
		check_layout(instants[i], 0);
		check_layout(instants[i], UINT64_MAX);
		check_layout(instants[i], next_random());
	}
	for (int i = 0; i < 10000; i++)
		check_layout(NOW_NS + next_random() % HOUR_NS, next_random());
	from_hex("017f22e279b07cc398c4dc0c0c07398f", uuid);
	CHECK(pb_uuid7_milliseconds(uuid) == UINT64_C(1645557742000),
		  "the sample of RFC 9562");
	from_hex("ffffffffffff70008000000000000000", uuid);
	CHECK(pb_uuid7_milliseconds(uuid) == (UINT64_C(1) << 48) - 1,
		  "the last millisecond");
}

/* What the clock says at the n-th id. */
typedef uint64_t (*Clock) (int n);

static uint64_t
still(int n)
{
	(void) n;
	return NOW_NS;
}

static uint64_t
ticking(int n)
{
	return NOW_NS + (uint64_t) n;
}

static uint64_t
running(int n)
{
	return NOW_NS + (uint64_t) n * 1000;
}

static uint64_t
set_back_an_hour(int n)
{
	return running(n) - (n >= MILLION / 2 ? HOUR_NS : 0);
}

static uint64_t
back_a_nanosecond_each(int n)
{
	return NOW_NS - (uint64_t) n;
}

static uint64_t
swaying(int n)
{
	return NOW_NS + (uint64_t) n * 300 - (n % 7 == 0 ? 1 : 0) * HOUR_NS;
}

static const struct
{
	const char *name;
	Clock		clock;
}			clocks[] =
{
	{"a clock that stands still", still},
	{"a clock slower than the least step", ticking},
	{"a running clock", running},
	{"a clock set back by an hour", set_back_an_hour},
	{"a clock going back by nanoseconds", back_a_nanosecond_each},
	{"a swaying clock", swaying},
};

/* Falling random bits, so that only time and fraction can make ids rise. */
static void
test_rising(void)
{
	for (int c = 0; c < lengthof(clocks); c++)
	{
		uint64_t	last_ns = 0;
		uint8_t		before[PB_UUID_BYTES] = {0};
		long		wrong = 0;

		for (int n = 0; n < MILLION; n++)
		{
			uint8_t		uuid[PB_UUID_BYTES];

			pb_uuid7(&last_ns, clocks[c].clock(n), UINT64_MAX - n, uuid);
			wrong += memcmp(uuid, before, PB_UUID_BYTES) <= 0 ||
				uuid[6] >> 4 != 7 || uuid[8] >> 6 != 2;
			memcpy(before, uuid, sizeof(before));
		}
		CHECK(wrong == 0, "%s: %ld times", clocks[c].name, wrong);
	}
}

/* Ids run ahead of the clock only by the steps that they had to make. */
static void
test_drift(void)
{
	uint64_t	last_ns = 0;
	uint8_t		uuid[PB_UUID_BYTES];

	for (int n = 0; n < MILLION; n++)
		pb_uuid7(&last_ns, still(n), next_random(), uuid);
	CHECK(last_ns == NOW_NS + (MILLION - 1) * (uint64_t) LEAST_STEP_NS,
		  "a million ids in one instant");
	pb_uuid7(&last_ns, NOW_NS + HOUR_NS, next_random(), uuid);
	CHECK(last_ns == NOW_NS + HOUR_NS, "a clock that has caught up");
	CHECK(pb_uuid7_milliseconds(uuid) == (NOW_NS + HOUR_NS) / 1000000,
		  "a clock that has caught up");
}

/*
 * A clock set back by a nanosecond moves on by the least step, into the next
 * fraction.
 */
static void
test_least_step(void)
{
	for (uint64_t ns = 1000000; ns < 1002000; ns++)
	{
		uint64_t	last_ns = 0;
		uint8_t		first[PB_UUID_BYTES];
		uint8_t		second[PB_UUID_BYTES];

		pb_uuid7(&last_ns, ns, UINT64_MAX, first);
		pb_uuid7(&last_ns, ns - 1, 0, second);
		CHECK(last_ns == ns + LEAST_STEP_NS, "%d ns", (int) ns);
		CHECK(memcmp(first, second, 8) < 0, "%d ns", (int) ns);
	}
}

int
main(void)
{
	test_valid();
	test_invalid();
	test_alphabet();
	test_prefixes();
	test_round_trip();
	test_layout();
	test_rising();
	test_drift();
	test_least_step();
	return report("typeid");
}
