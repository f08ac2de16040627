/*
 * mention.c
 *	  What a text names: the schema, an API key, the headers of a request, or
 *	  the command EXECUTE. NULL names nothing.
 *
 * Doubt is a mention: what is taken for one by mistake is missing in a log,
 * what is overlooked shows a password there.
 */
#include <string.h>

#include "log/mention.h"

#define SCHEMA "pgbeam"
#define BLANKS " \t\n\r\f\v"

static char
lower(char letter)
{
	return letter >= 'A' && letter <= 'Z' ? letter + ('a' - 'A') : letter;
}

/* Within a text: what goes on with the word, which is in lower case. */
static bool
starts_with(const char *text, const char *word)
{
	while (*word != '\0')
		if (lower(*text++) != *word++)
			return false;
	return true;
}

/*
 * What stands behind the schema's name and a dot, as SQL may have them; NULL
 * where they do not begin the text. Behind a comment there may be a dot.
 */
static const char *
behind_schema(const char *text)
{
	if (!starts_with(text, SCHEMA))
		return NULL;
	text += strlen(SCHEMA);
	text += strspn(text, BLANKS "\"");
	if (*text == '.')
		return text + 1 + strspn(text + 1, BLANKS "\"");
	return starts_with(text, "/*") || starts_with(text, "--") ? text : NULL;
}

/* SET search_path, set_config('search_path', ...), SET SCHEMA '...' */
static bool
sets_path(const char *text)
{
	if (starts_with(text, "search_path"))
		return true;
	if (!starts_with(text, "schema"))
		return false;
	text += strlen("schema");
	return text[strspn(text, BLANKS)] == '\'';
}

/* The beginning of an API key. */
static bool
is_key(const char *text)
{
	return starts_with(text, "pbo_") || starts_with(text, "pbu_");
}

/*
 * The schema with a dot, or as the search path; an API key; the setting in
 * which PostgREST has a request's headers; a name in Unicode escapes, which
 * may be any of them.
 */
bool
pb_mention_request(const char *text)
{
	bool		has_path = false;
	bool		has_schema = false;

	for (; text != NULL && *text != '\0'; text++)
	{
		char		letter = lower(*text);

		if (letter == 'p' && (behind_schema(text) != NULL || is_key(text)))
			return true;
		if (letter == 'r' && starts_with(text, "request.header"))
			return true;
		if (letter == 'u' && starts_with(text, "u&\""))
			return true;
		has_schema |= letter == 'p' && starts_with(text, SCHEMA);
		has_path |= letter == 's' && sets_path(text);
		if (has_schema && has_path)
			return true;
	}
	return false;
}

/*
 * Whether what stands in the body of a function names something of the schema
 * that may see a request, as all do but the functions for TypeIDs.
 */
bool
pb_mention_call(const char *body)
{
	for (; body != NULL && *body != '\0'; body++)
	{
		const char *name = behind_schema(body);

		if (name != NULL && !starts_with(name, "typeid"))
			return true;
	}
	return false;
}

static bool
is_part_of_word(char letter)
{
	return (lower(letter) >= 'a' && lower(letter) <= 'z') ||
		(letter >= '0' && letter <= '9') || letter == '_' || letter == '$' ||
		(letter & 0x80) != 0;
}

/* Whether the text goes on with that word, and not with a longer one. */
static bool
starts_with_word(const char *text, const char *word)
{
	return starts_with(text, word) && !is_part_of_word(text[strlen(word)]);
}

/*
 * Whether a statement may execute a prepared one, anywhere within it; EXECUTE
 * ON is a right, and no statement can be named so.
 */
bool
pb_mention_execute(const char *statement)
{
	bool		is_within = false;

	for (; statement != NULL && *statement != '\0'; statement++)
	{
		if (!is_within && starts_with_word(statement, "execute"))
		{
			const char *next = statement + strlen("execute");

			if (!starts_with_word(next + strspn(next, BLANKS), "on"))
				return true;
		}
		is_within = is_part_of_word(*statement);
	}
	return false;
}
