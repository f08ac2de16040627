/*
 * base.h
 *	  Time, memory and text, as all parts of the agent need them.
 */
#ifndef AGENT_BASE_H
#define AGENT_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SECOND ((int64_t) 1000)	/* times are in milliseconds */
#define MINUTE (60 * SECOND)
#define NEVER INT64_MAX

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

extern int64_t now(void);
extern int64_t earlier(int64_t a, int64_t b);
extern void *allot(size_t size);
extern void *allot_more(void *memory, size_t size);
extern char *copy_of(const char *text);
extern char *copy_of_part(const char *text, size_t length);
extern char *printed(const char *format,...)
			__attribute__((format(printf, 1, 2)));
extern bool starts_with(const char *text, const char *start);
extern void *certain(void *memory);

#endif
