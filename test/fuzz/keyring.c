/*
 * keyring.c
 *	  Keyring files: the keys of a text are those on its lines, in order, each
 *	  once. Every ring is given back: after some ten thousand that were not, no
 *	  guarded memory would be left.
 *
 * Nobody can guess an id that fits its key, so keyring.dict has some.
 */
#include <strings.h>

#include "fuzz.h"
#include "base/crypt.h"

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/*
 * The line's text without trailing blanks, and its length; moves *at past it.
 * A byte order mark is not part of the first line.
 */
static const char *
next_line(const char *text, size_t size, size_t *at, size_t *length)
{
	const char *line = text + *at;
	const char *stop = memchr(line, '\n', size - *at);

	*length = stop == NULL ? size - *at : (size_t) (stop - line);
	*at += *length + (stop != NULL);
	if (line == text && *length >= 3 && memcmp(line, "\xef\xbb\xbf", 3) == 0)
	{
		line += 3;
		*length -= 3;
	}
	while (*length > 0 && is_blank(line[*length - 1]))
		--*length;
	return line;
}

/* The rest of a line is a comment or nothing. */
static bool
says_nothing(const char *line, size_t length)
{
	size_t		blanks = 0;

	while (blanks < length && is_blank(line[blanks]))
		blanks++;
	return blanks == length || line[blanks] == '#';
}

static bool
has_twins(const PbKeyring *ring)
{
	for (size_t i = 0; i < pb_keyring_count(ring); i++)
		for (size_t k = 0; k < i; k++)
			if (memcmp(pb_keyring_id(ring, i), pb_keyring_id(ring, k),
					   PB_KEYRING_ID_BYTES) == 0)
				return true;
	return false;
}

static void
compare(const PbKeyring *ring, const char *text, size_t size)
{
	size_t		keys = 0;
	size_t		length;

	for (size_t at = 0; at < size;)
	{
		const char *line = next_line(text, size, &at, &length);
		char		hex[2 * PB_KEYRING_ID_BYTES + 1];

		if (says_nothing(line, length))
			continue;
		MUST(length == PB_KEYRING_LINE_MAX - 2);
		MUST(keys < pb_keyring_count(ring));
		pb_keyring_id_hex(pb_keyring_id(ring, keys++), hex);
		MUST(strncasecmp(hex, line, 2 * PB_KEYRING_ID_BYTES) == 0);
		MUST(line[2 * PB_KEYRING_ID_BYTES] == ' ');
	}
	MUST(keys > 0 && keys == pb_keyring_count(ring));
	MUST(!has_twins(ring));
}

/* A line that is blamed is one that is checked at all. */
static void
judge_problem(const char *problem, int line, const char *text, size_t size)
{
	const char *blamed = NULL;
	size_t		length = 0;
	size_t		at = 0;

	MUST(problem != NULL && strstr(problem, "memory") == NULL);
	MUST(line >= 0);
	for (int i = 0; i < line; i++)
	{
		MUST(at < size);
		blamed = next_line(text, size, &at, &length);
	}
	MUST(blamed == NULL || !says_nothing(blamed, length));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool is_started = false;
	char	   *text = text_of(data, size);
	const char *problem;
	int			line;
	PbKeyring  *ring;

	if (!is_started)
		MUST(is_started = pb_crypt_start());
	ring = pb_keyring_parse(text, size, &problem, &line);
	if (ring == NULL)
		judge_problem(problem, line, text, size);
	else
	{
		MUST(problem == NULL);
		compare(ring, text, size);
		pb_keyring_free(ring);
	}
	free(text);
	return 0;
}
