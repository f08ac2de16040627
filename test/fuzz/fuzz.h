/*
 * fuzz.h
 *	  The common part of the fuzz targets. Each is a program for libFuzzer, or
 *	  for replay.c if there is no clang, and dies if a rule fails that must
 *	  hold for any bytes.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include "../unit/check.h"

#define MUST(condition) \
	((condition) ? (void) 0 : must(#condition, __FILE__, __LINE__))

extern int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

__attribute__((noreturn))
static inline void
must(const char *condition, const char *file, int line)
{
	fprintf(stderr, "%s:%d: %s does not hold\n", file, line, condition);
	abort();
}

/* The input as text without a spare byte; the target frees it. */
static inline char *
text_of(const uint8_t *data, size_t size)
{
	return exact_copy(data, size);
}

/* Base64url without padding (RFC 4648, 5); the target frees it. */
static inline char *
base64url(const uint8_t *bytes, size_t size, size_t *length)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
		"abcdefghijklmnopqrstuvwxyz0123456789-_";
	char	   *text = exactly((size * 8 + 5) / 6);
	uint32_t	bits = 0;
	int			held = 0;

	*length = 0;
	for (size_t i = 0; i < size; i++)
	{
		bits = (bits << 8 | bytes[i]) & 0xffff;
		for (held += 8; held >= 6; held -= 6)
			text[(*length)++] = digits[bits >> (held - 6) & 63];
	}
	if (held > 0)
		text[(*length)++] = digits[bits << (6 - held) & 63];
	return text;
}

#endif							/* FUZZ_H */
