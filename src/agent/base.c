/*
 * base.c
 *	  Time, memory and text, as all parts of the agent need them.
 *
 * Without memory the agent ends: what is on disk stays whole, and PgBouncer
 * runs on with it until the agent is started again.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/base.h"

/* Of a clock that nobody sets. */
int64_t
now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (int64_t) time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

int64_t
earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* The memory, where there was enough. */
void *
certain(void *memory)
{
	if (memory == NULL)
	{
		fputs("pgbeam_agent: out of memory\n", stderr);
		exit(1);
	}
	return memory;
}

void *
allot(size_t size)
{
	return certain(calloc(1, size > 0 ? size : 1));
}

void *
allot_more(void *memory, size_t size)
{
	return certain(realloc(memory, size > 0 ? size : 1));
}

char *
copy_of(const char *text)
{
	return certain(strdup(text));
}

char *
copy_of_part(const char *text, size_t length)
{
	return certain(strndup(text, length));
}

char *
printed(const char *format,...)
{
	va_list		arguments;
	char	   *text = NULL;

	va_start(arguments, format);
	if (vasprintf(&text, format, arguments) < 0)
		text = NULL;
	va_end(arguments);
	return certain(text);
}

bool
starts_with(const char *text, const char *start)
{
	return strncmp(text, start, strlen(start)) == 0;
}
