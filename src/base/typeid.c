/*
 * typeid.c
 *	  UUIDs of version 7 that only move forward, and their TypeID spelling.
 */
#include "base/typeid.h"

#include <string.h>

#define NS_PER_MS UINT64_C(1000000)
#define FRACTION_BITS 12

/* the least step that changes the fraction: 1 ms / 4096, rounded up */
#define LEAST_STEP_NS (NS_PER_MS / (1 << FRACTION_BITS) + 1)

const char	pb_base32[33] = "0123456789abcdefghjkmnpqrstvwxyz";

/*
 * Makes a UUID of version 7 that is greater than all that were made before
 * with the same last_ns. When the clock stands still or steps back, time goes
 * on from the last id by the least step (RFC 9562 section 6.2, method 3, with
 * 12 bits of sub-millisecond fraction in rand_a).
 */
void
pb_uuid7(uint64_t *last_ns, uint64_t now_ns, uint64_t random,
		 uint8_t uuid[PB_UUID_BYTES])
{
	uint64_t	ns = now_ns;
	uint64_t	ms;
	uint64_t	fraction;

	if (ns < *last_ns + LEAST_STEP_NS)
		ns = *last_ns + LEAST_STEP_NS;
	*last_ns = ns;

	ms = ns / NS_PER_MS;
	fraction = ((ns % NS_PER_MS) << FRACTION_BITS) / NS_PER_MS;

	for (int i = 0; i < 6; i++)
		uuid[i] = (uint8_t) (ms >> (40 - 8 * i));
	uuid[6] = (uint8_t) (0x70 | (fraction >> 8));
	uuid[7] = (uint8_t) fraction;
	for (int i = 0; i < 8; i++)
		uuid[8 + i] = (uint8_t) (random >> (56 - 8 * i));
	uuid[8] = (uuid[8] & 0x3f) | 0x80;
}

/* The first 48 bits: milliseconds since 1970 in a UUID version 7. */
uint64_t
pb_uuid7_milliseconds(const uint8_t uuid[PB_UUID_BYTES])
{
	uint64_t	ms = 0;

	for (int i = 0; i < 6; i++)
		ms = ms << 8 | uuid[i];
	return ms;
}

/* Returns the broken rule as the end of a sentence, or NULL. */
const char *
pb_typeid_prefix_problem(const char *prefix, size_t length)
{
	if (length > PB_TYPEID_PREFIX_MAX)
		return "the prefix must have at most 63 characters";
	for (size_t i = 0; i < length; i++)
		if (!(prefix[i] >= 'a' && prefix[i] <= 'z') && prefix[i] != '_')
			return "the prefix must consist of the letters a to z and underscores";
	if (length > 0 && (prefix[0] == '_' || prefix[length - 1] == '_'))
		return "the prefix must begin and end with a letter";
	return NULL;
}

/* Five bits, from the left, of the 130 of two zero bits and the UUID. */
static unsigned
quintet(const uint8_t uuid[PB_UUID_BYTES], int index)
{
	int			bit = index * 5 - 2;
	int			byte = bit / 8;
	unsigned	window;

	if (bit < 0)
		return uuid[0] >> 5;
	window = uuid[byte] << 8;
	if (byte + 1 < PB_UUID_BYTES)
		window |= uuid[byte + 1];
	return window >> (11 - bit % 8) & 31;
}

/* Writes the text, not terminated, and returns its length. */
size_t
pb_typeid_encode(const char *prefix, size_t prefix_length,
				 const uint8_t uuid[PB_UUID_BYTES], char text[PB_TYPEID_MAX])
{
	char	   *p = text;

	if (prefix_length > 0)
	{
		memcpy(p, prefix, prefix_length);
		p += prefix_length;
		*p++ = '_';
	}
	for (int i = 0; i < PB_TYPEID_SUFFIX; i++)
		*p++ = pb_base32[quintet(uuid, i)];
	return p - text;
}

/* The value of a base-32 character, or -1. */
static int
digit_value(char c)
{
	const char *found = c == '\0' ? NULL : strchr(pb_base32, c);

	return found == NULL ? -1 : (int) (found - pb_base32);
}

static const char *
decode_suffix(const char *suffix, uint8_t uuid[PB_UUID_BYTES])
{
	unsigned	bits = 0;
	int			have = -2;		/* the first two bits belong to no byte */
	int			byte = 0;

	if (suffix[0] > '7')
		return "the first character after the prefix must be 0 to 7";
	for (int i = 0; i < PB_TYPEID_SUFFIX; i++)
	{
		int			value = digit_value(suffix[i]);

		if (value < 0)
			return "the part after the prefix must be written in "
				"0123456789abcdefghjkmnpqrstvwxyz";
		bits = (bits << 5 | value) & 0xfff;
		have += 5;
		if (have >= 8)
		{
			have -= 8;
			uuid[byte++] = (uint8_t) (bits >> have);
		}
	}
	return NULL;
}

/* Returns the broken rule as the end of a sentence, or NULL and fills id. */
const char *
pb_typeid_decode(const char *text, size_t length, PbTypeid *id)
{
	const char *problem;
	size_t		prefix_length;

	if (length < PB_TYPEID_SUFFIX)
		return "a TypeID ends in 26 characters of base 32";
	prefix_length = length - PB_TYPEID_SUFFIX;
	if (prefix_length > 0)
	{
		if (text[--prefix_length] != '_')
			return "a TypeID is a prefix, an underscore and 26 characters of base 32";
		if (prefix_length == 0)
			return "an empty prefix is written without an underscore";
	}
	problem = pb_typeid_prefix_problem(text, prefix_length);
	if (problem != NULL)
		return problem;
	id->prefix_length = prefix_length;
	return decode_suffix(text + length - PB_TYPEID_SUFFIX, id->uuid);
}
