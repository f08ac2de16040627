/*
 * jwt.c
 *	  Takes a JSON Web Token apart; auth/token.c verifies it.
 */
#include "base/jwt.h"

#include <string.h>

/* The value of a character of base64url, -1 for any other. */
static int
digit_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '-')
		return 62;
	return c == '_' ? 63 : -1;
}

/*
 * Decodes base64url without padding (RFC 4648, 5) into at most room bytes.
 * Returns false for other characters, an impossible length, trailing bits that
 * are not 0, and where there is no room.
 */
bool
pb_base64url_decode(const char *text, size_t length, uint8_t *bytes,
					size_t room, size_t *size)
{
	uint32_t	bits = 0;
	int			held = 0;

	*size = 0;
	if (length % 4 == 1)
		return false;
	for (size_t i = 0; i < length; i++)
	{
		int			value = digit_value(text[i]);

		if (value < 0)
			return false;
		bits = (bits << 6 | (uint32_t) value) & 0xffff;
		held += 6;
		if (held < 8)
			continue;
		if (*size == room)
			return false;
		held -= 8;
		bytes[(*size)++] = (uint8_t) (bits >> held);
		bits &= (1U << held) - 1;
	}
	return bits == 0;
}

/*
 * Encodes to base64url without padding. text must have room for four
 * characters for every three bytes. Returns how many were written.
 */
size_t
pb_base64url_encode(const uint8_t *bytes, size_t size, char *text)
{
	static const char digits[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	uint32_t	bits = 0;
	int			held = 0;
	char	   *p = text;

	for (size_t i = 0; i < size; i++)
	{
		bits = (bits << 8 | bytes[i]) & 0xffff;
		for (held += 8; held >= 6; held -= 6)
			*p++ = digits[bits >> (held - 6) & 63];
	}
	if (held > 0)
		*p++ = digits[bits << (6 - held) & 63];
	return p - text;
}

/*
 * Decodes the part from *at to the next dot, or to the end when it is the
 * last one, into the free space of the buffer. *at moves behind the part.
 */
static bool
decode_part(const char *token, size_t length, size_t *at, bool last,
			char *buffer, size_t room, size_t *size)
{
	const char *start = token + *at;
	const char *dot = memchr(start, '.', length - *at);
	size_t		part = dot == NULL ? length - *at : (size_t) (dot - start);

	if ((dot == NULL) != last)
		return false;
	*at += part + !last;
	return part > 0 &&
		pb_base64url_decode(start, part, (uint8_t *) buffer, room, size);
}

/*
 * Takes apart a token in the compact serialization. Header and claims stand
 * in the buffer. Returns false where it is no token, or where its signature
 * does not have the size of Ed25519.
 */
bool
pb_jwt_split(const char *token, size_t length, char buffer[PB_JWT_MAX],
			 PbJwt *jwt)
{
	size_t		at = 0;
	size_t		used;
	size_t		size;

	if (length > PB_JWT_MAX)
		return false;
	if (!decode_part(token, length, &at, false, buffer, PB_JWT_MAX,
					 &jwt->header_length))
		return false;
	used = jwt->header_length;
	if (!decode_part(token, length, &at, false, buffer + used,
					 PB_JWT_MAX - used, &jwt->claims_length))
		return false;
	jwt->header = buffer;
	jwt->claims = buffer + used;
	jwt->signed_length = at - 1;
	return decode_part(token, length, &at, true, (char *) jwt->signature,
					   sizeof(jwt->signature), &size) &&
		size == sizeof(jwt->signature);
}
