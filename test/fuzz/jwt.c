/*
 * jwt.c
 *	  JSON Web Tokens: one that splits is its parts joined again, and any parts
 *	  joined split again.
 */
#include "fuzz.h"
#include "base/jwt.h"

/* The header, claims and signature as a token; the caller frees it. */
static char *
join(const PbJwt *jwt, size_t *length)
{
	const void *parts[] = {jwt->header, jwt->claims, jwt->signature};
	size_t		sizes[] = {jwt->header_length, jwt->claims_length,
	sizeof(jwt->signature)};
	char	   *token = exactly((sizes[0] + sizes[1]) * 2 + 100);

	*length = 0;
	for (int i = 0; i < 3; i++)
	{
		size_t		part_length;
		char	   *part = base64url(parts[i], sizes[i], &part_length);

		if (i > 0)
			token[(*length)++] = '.';
		memcpy(token + *length, part, part_length);
		*length += part_length;
		free(part);
	}
	return token;
}

static void
split_any(const char *token, size_t length)
{
	char	   *buffer = exactly(PB_JWT_MAX);
	PbJwt		jwt;

	if (pb_jwt_split(token, length, buffer, &jwt))
	{
		size_t		again_length;
		char	   *again = join(&jwt, &again_length);

		MUST(length <= PB_JWT_MAX);
		MUST(jwt.header_length > 0 && jwt.claims_length > 0);
		MUST(jwt.signed_length < length && token[jwt.signed_length] == '.');
		MUST(again_length == length);
		MUST(memcmp(again, token, length) == 0);
		free(again);
	}
	free(buffer);
}

static bool
is_same(const char *part, size_t length,
		const char *other, size_t other_length)
{
	return length == other_length && memcmp(part, other, length) == 0;
}

/* Splits the token of these parts, which may be too long for one. */
static void
split_joined(const PbJwt *parts)
{
	size_t		length;
	char	   *token = join(parts, &length);
	char	   *exact = exact_copy(token, length);
	char	   *buffer = exactly(PB_JWT_MAX);
	bool		good = length <= PB_JWT_MAX && parts->header_length > 0;
	PbJwt		jwt;

	MUST(pb_jwt_split(exact, length, buffer, &jwt) == good);
	if (good)
	{
		MUST(is_same(jwt.header, jwt.header_length,
					 parts->header, parts->header_length));
		MUST(is_same(jwt.claims, jwt.claims_length,
					 parts->claims, parts->claims_length));
		MUST(memcmp(jwt.signature, parts->signature, PB_SIGNATURE_BYTES) == 0);
		MUST(jwt.signed_length == length - 87);
	}
	free(token);
	free(exact);
	free(buffer);
}

/* The first line is the header; the whole input, repeated, is the claims. */
static void
join_any(const uint8_t *data, size_t size)
{
	const uint8_t *line = memchr(data, '\n', size);
	size_t		times = 1 + data[size - 1] % 16;
	char	   *claims = exactly(times * size);
	PbJwt		parts;

	for (size_t i = 0; i < times; i++)
		memcpy(claims + i * size, data, size);
	parts.header = (const char *) data;
	parts.header_length = line == NULL ? size : (size_t) (line - data);
	parts.claims = claims;
	parts.claims_length = times * size;
	memset(parts.signature, (int) size, sizeof(parts.signature));
	split_joined(&parts);
	free(claims);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char	   *token = text_of(data, size);

	split_any(token, size);
	if (size > 0)
		join_any(data, size);
	free(token);
	return 0;
}
