/*
 * percent.c
 *	  Percent-encoding, both ways: encoded bytes decode to the same, and
 *	  neither function overruns its buffer.
 */
#include "fuzz.h"
#include "base/text.h"

/* Unreserved characters, and bytes in upper-case hex behind a %. */
static bool
is_encoded(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
	{
		const char *legal = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
			"abcdefghijklmnopqrstuvwxyz0123456789-._~%";

		if (text[i] == '\0' || strchr(legal, text[i]) == NULL)
			return false;
		for (int digits = text[i] == '%' ? 2 : 0; digits > 0; digits--)
			if (++i == length || text[i] == '\0' ||
				strchr("0123456789ABCDEF", text[i]) == NULL)
				return false;
	}
	return true;
}

static void
round_trip(const char *text, size_t length)
{
	char	   *wide = exactly(3 * length);
	size_t		encoded_length = pb_text_percent_encode(text, length, wide);
	char	   *encoded = exact_copy(wide, encoded_length);
	char	   *decoded = exactly(encoded_length);
	size_t		size;

	MUST(encoded_length >= length && encoded_length <= 3 * length);
	MUST(is_encoded(encoded, encoded_length));
	MUST(pb_text_percent_decode(encoded, encoded_length, decoded, &size));
	MUST(size == length);
	MUST(memcmp(decoded, text, length) == 0);
	free(wide);
	free(encoded);
	free(decoded);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char	   *text = text_of(data, size);
	char	   *decoded = exactly(size);
	size_t		length;

	round_trip(text, size);
	if (pb_text_percent_decode(text, size, decoded, &length))
	{
		MUST(length <= size);
		round_trip(decoded, length);
	}
	else
		MUST(size > 0 && memchr(text, '%', size) != NULL);
	free(text);
	free(decoded);
	return 0;
}
