/*
 * base64url.c
 *	  Base64url, both ways: any bytes have one spelling, and buffers never
 *	  overrun.
 */
#include "fuzz.h"
#include "base/jwt.h"

/* Decodes into exactly this much room. */
static bool
decode(const char *text, size_t length, size_t room, uint8_t **bytes,
	   size_t *size)
{
	bool		good;

	*bytes = exactly(room);
	good = pb_base64url_decode(text, length, *bytes, room, size);
	MUST(*size <= room);
	return good;
}

static void
decode_any(const char *text, size_t length)
{
	uint8_t    *bytes;
	uint8_t    *fewer;
	size_t		size;
	size_t		fewer_size;

	if (decode(text, length, length * 6 / 8, &bytes, &size))
	{
		size_t		again_length;
		char	   *again = base64url(bytes, size, &again_length);

		MUST(size == length * 6 / 8);
		MUST(again_length == length);
		MUST(memcmp(again, text, length) == 0);
		if (size > 0)
		{
			MUST(!decode(text, length, size - 1, &fewer, &fewer_size));
			free(fewer);
		}
		free(again);
	}
	free(bytes);
}

static void
encode_any(const uint8_t *data, size_t size)
{
	size_t		length;
	char	   *text = base64url(data, size, &length);
	uint8_t    *bytes;
	size_t		decoded;

	MUST(decode(text, length, size, &bytes, &decoded));
	MUST(decoded == size);
	MUST(memcmp(bytes, data, size) == 0);
	free(text);
	free(bytes);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char	   *text = text_of(data, size);
	uint8_t    *bytes = exact_copy(data, size);

	decode_any(text, size);
	encode_any(bytes, size);
	free(text);
	free(bytes);
	return 0;
}
