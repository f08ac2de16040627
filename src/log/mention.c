/*
 * mention.c
 *	  Whether a text mentions the schema, an API key, the headers of a request,
 *	  or the command EXECUTE. NULL mentions nothing.
 *
 * In doubt it is a mention. A mention by mistake takes a message out of the
 * log, but one that is missed shows a password there.
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

/* Whether the text begins with the word, which is in lower case. */
static bool
starts_with(const char *text, const char *word)
{
	while (*word != '\0')
		if (lower(*text++) != *word++)
			return false;
	return true;
}

/*
 * Steps over the schema's name and a dot, in any spelling of SQL; NULL where
 * the text does not begin with them. A dot may follow a comment.
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

/* Whether the text begins like an API key. */
static bool
is_key(const char *text)
{
	return starts_with(text, "pbo_") || starts_with(text, "pbu_");
}

/*
 * The schema before a dot or in a search path; an API key; the setting in
 * which PostgREST passes the headers of a request; or a name in Unicode
 * escapes, which could be any of these.
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
 * Whether the body of a function names something of the schema that may see a
 * request. Only the functions for TypeIDs see none.
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

/* Whether the text begins with that word, and not with a longer one. */
static bool
starts_with_word(const char *text, const char *word)
{
	return starts_with(text, word) && !is_part_of_word(text[strlen(word)]);
}

/*
 * Whether a statement may execute a prepared statement anywhere. EXECUTE ON is
 * a right, because no prepared statement can have the name ON.
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
