/*
 * check.h
 *	  The common part of the unit tests: counted checks, buffers without a
 *	  spare byte, and random numbers that are the same in every run.
 */
#ifndef UNIT_CHECK_H
#define UNIT_CHECK_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE				/* for memmem() */
#endif

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define lengthof(array) ((int) (sizeof(array) / sizeof((array)[0])))
#define SHOWN_MAX 20

static long checks = 0;
static long failures = 0;

/* Shows the first failures with what the caller says about the case. */
__attribute__((format(printf, 4, 5)))
static inline void
check(bool holds, const char *condition, int line, const char *format,...)
{
	va_list		arguments;

	checks++;
	if (holds || ++failures > SHOWN_MAX)
		return;
	printf("line %d: %s fails for ", line, condition);
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	printf("\n");
}

#define CHECK(condition, ...) check((condition), #condition, __LINE__, __VA_ARGS__)

static inline int
report(const char *program)
{
	printf("%s: %ld checks, %ld failed\n", program, checks, failures);
	return failures == 0 && checks > 0 ? 0 : 1;
}

/* Memory of just this size, so that the sanitizer sees one byte too many. */
static inline void *
exactly(size_t size)
{
	void	   *memory = malloc(size);

	if (memory == NULL && size > 0)
		abort();
	return memory;
}

static inline void *
exact_copy(const void *bytes, size_t size)
{
	void	   *copy = exactly(size);

	if (size > 0)
		memcpy(copy, bytes, size);
	return copy;
}

/* splitmix64 */
static inline uint64_t
next_random(void)
{
	static uint64_t state = 20260401;
	uint64_t	z = state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static inline void
random_fill(void *bytes, size_t size)
{
	uint8_t    *p = bytes;

	for (size_t i = 0; i < size; i++)
		p[i] = (uint8_t) (next_random() >> 24);
}

/* Two hex digits a byte; returns the number of bytes. */
static inline size_t
from_hex(const char *hex, uint8_t *bytes)
{
	size_t		n = 0;
	unsigned	byte;

	for (; sscanf(hex, "%2x", &byte) == 1; hex += 2)
		bytes[n++] = (uint8_t) byte;
	return n;
}

#endif							/* UNIT_CHECK_H */
