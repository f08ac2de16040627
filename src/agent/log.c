/*
 * log.c
 *	  What the agent tells: one line an event, on standard error.
 *
 * Whoever calls this hands in no secret. What servers say is cut to one line.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/base.h"
#include "agent/log.h"

/* Blanks and control characters, also line breaks, become one space. */
static void
flatten(char *text)
{
	char	   *to = text;

	for (const char *from = text; *from != '\0'; from++)
	{
		if ((unsigned char) *from > ' ')
			*to++ = *from;
		else if (to > text && to[-1] != ' ')
			*to++ = ' ';
	}
	if (to > text && to[-1] == ' ')
		to--;
	*to = '\0';
}

static char *flat_text(const char *format, va_list arguments)
			__attribute__((format(printf, 1, 0)));

static char *
flat_text(const char *format, va_list arguments)
{
	char	   *text = NULL;

	if (vasprintf(&text, format, arguments) < 0)
		return copy_of("out of memory");
	flatten(text);
	return text;
}

static void
print_line(const char *level, const char *text)
{
	char		stamp[32];
	struct tm	parts;
	time_t		seconds = time(NULL);

	gmtime_r(&seconds, &parts);
	strftime(stamp, sizeof(stamp), "%Y-%m-%d %H:%M:%S UTC", &parts);
	fprintf(stderr, "%s pgbeam_agent %s: %s\n", stamp, level, text);
}

void
note(const char *format,...)
{
	va_list		arguments;
	char	   *text;

	va_start(arguments, format);
	text = flat_text(format, arguments);
	va_end(arguments);
	print_line("note", text);
	free(text);
}

void
warn(const char *format,...)
{
	va_list		arguments;
	char	   *text;

	va_start(arguments, format);
	text = flat_text(format, arguments);
	va_end(arguments);
	print_line("warning", text);
	free(text);
}

/* The same trouble again is not told again; another one of the place is. */
void
trouble(Trouble *trouble, const char *format,...)
{
	va_list		arguments;
	char	   *text;

	va_start(arguments, format);
	text = flat_text(format, arguments);
	va_end(arguments);
	if (trouble->told != NULL && strcmp(trouble->told, text) == 0)
	{
		free(text);
		return;
	}
	free(trouble->told);
	trouble->told = printed("%s: %s", trouble->place, text);
	print_line("trouble", trouble->told);
	free(trouble->told);
	trouble->told = text;
}

void
well(Trouble *trouble)
{
	if (trouble->told == NULL)
		return;
	note("%s: well again", trouble->place);
	free(trouble->told);
	trouble->told = NULL;
}
