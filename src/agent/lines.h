/*
 * lines.h
 *	  The lines of a [databases] section: which fit, and which have changed.
 */
#ifndef AGENT_LINES_H
#define AGENT_LINES_H

#include "agent/base.h"

typedef struct Keys
{
	int			count;
	char	  **names;
} Keys;

extern void keys_add(Keys *keys, const char *name, size_t length);
extern void keys_clear(Keys *keys);
extern bool keys_have(const Keys *keys, const char *name);

typedef struct Line
{
	const char *text;			/* begins with the key */
	size_t		key;			/* how long that is */
	size_t		length;
} Line;

/* Lines by their keys; they point into the content. */
typedef struct Index
{
	int			count;
	Line	   *lines;
} Index;

extern Index index_lines(const char *content);
extern char *id_of_key(const Index *index, const char *key);

extern bool line_fits(const char *text);
extern size_t key_length(const char *text);
extern char *fitting_part(const char *content,
						  bool (*fits) (const char *line),
						  const char *stops, Keys *unfit);
extern char *fitting_lines(const char *content, Keys *unfit);
extern void keys_of_lines(const char *content, Keys *keys);
extern void compare_lines(const char *old, const char *new,
						  Keys *added, Keys *changed, Keys *gone);

#endif
