/*
 * lines.c
 *	  The lines of a [databases] section: which fit, and which have changed.
 *
 * PgBouncer refuses a whole file, or reads it only to there, for one line that
 * it cannot read: one tenant's line would stop the changes of all. So lines
 * are read here as PgBouncer reads them, and those that do not fit are left
 * out.
 */
#include <stdlib.h>
#include <string.h>

#include "agent/lines.h"

#define KEY_LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.*-"
#define KEY_MAX 63
#define LOGIN "pgbeam.pgbouncer_login(''"
#define REPLICAS ".ro"
#define NAME_LETTERS "abcdefghijklmnopqrstuvwxyz_"

/* What no tenant's line may be: all databases, the console, the registry. */
static const char *const reserved[] = {"*", "pgbouncer", "pgbeam_registry"};

void
keys_add(Keys *keys, const char *name, size_t length)
{
	keys->names = allot_more(keys->names, (keys->count + 1) * sizeof(char *));
	keys->names[keys->count++] = copy_of_part(name, length);
}

void
keys_clear(Keys *keys)
{
	for (int i = 0; i < keys->count; i++)
		free(keys->names[i]);
	free(keys->names);
	*keys = (Keys) {0};
}

bool
keys_have(const Keys *keys, const char *name)
{
	for (int i = 0; i < keys->count; i++)
		if (strcmp(keys->names[i], name) == 0)
			return true;
	return false;
}

static size_t
line_length(const char *text)
{
	return strcspn(text, "\n");
}

static const char *
next_line(const char *text)
{
	text += line_length(text);
	return *text == '\n' ? text + 1 : text;
}

static bool
is_remark(const char *text)
{
	return *text == ';' || *text == '#' || *text == '\n' || *text == '\0';
}

/* Steps over name=value or name='value'; NULL where there is none. */
static const char *
behind_value(const char *text)
{
	size_t		name = strspn(text, NAME_LETTERS);

	if (name == 0 || text[name] != '=')
		return NULL;
	text += name + 1;
	if (*text != '\'')
		return text + strcspn(text, " \n");
	for (text++; *text != '\n' && *text != '\0'; text++)
	{
		if (*text != '\'')
			continue;
		if (text[1] != '\'')
			return text + 1;
		text++;
	}
	return NULL;
}

static bool
has_control(const char *text)
{
	for (size_t i = 0; i < line_length(text); i++)
		if ((unsigned char) text[i] < ' ')
			return true;
	return false;
}

static bool
is_reserved(const char *key, size_t length)
{
	for (size_t i = 0; i < LENGTH(reserved); i++)
		if (strlen(reserved[i]) == length &&
			strncmp(reserved[i], key, length) == 0)
			return true;
	return false;
}

/* The length of the key at the beginning of a text; 0 if there is none. */
size_t
key_length(const char *text)
{
	size_t		length = strspn(text, KEY_LETTERS);

	return length > KEY_MAX ? 0 : length;
}

/* Whether PgBouncer can read the line of a database. */
bool
line_fits(const char *text)
{
	size_t		key = key_length(text);

	if (is_remark(text))
		return true;
	if (key == 0 || is_reserved(text, key) ||
		has_control(text))
		return false;
	text += key;
	if (!starts_with(text, " = "))
		return false;
	for (text += 2; *text == ' ';)
	{
		text += strspn(text, " ");
		if (*text == '\n' || *text == '\0')
			return true;
		text = behind_value(text);
		if (text == NULL)
			return false;
	}
	return *text == '\n' || *text == '\0';
}

/*
 * The content without lines that do not fit. Of these their beginnings are
 * given, up to one of some characters.
 */
char *
fitting_part(const char *content, bool (*fits) (const char *line),
			 const char *stops, Keys *unfit)
{
	char	   *fitting = allot(strlen(content) + 1);
	char	   *end = fitting;

	for (const char *text = content; *text != '\0'; text = next_line(text))
	{
		size_t		length = next_line(text) - text;

		if (!fits(text))
		{
			keys_add(unfit, text, strcspn(text, stops));
			continue;
		}
		memcpy(end, text, length);
		end += length;
	}
	return fitting;
}

char *
fitting_lines(const char *content, Keys *unfit)
{
	return fitting_part(content, line_fits, " =\n", unfit);
}

/* Whole lines, as they stand. */
void
keys_of_lines(const char *content, Keys *keys)
{
	for (const char *text = content; *text != '\0'; text = next_line(text))
		keys_add(keys, text, line_length(text));
}

static int
compare_keys(const Line *a, const Line *b)
{
	size_t		common = a->key < b->key ? a->key : b->key;
	int			order = strncmp(a->text, b->text, common);

	return order != 0 ? order : (a->key > b->key) - (a->key < b->key);
}

static int
compare_for_sort(const void *a, const void *b)
{
	return compare_keys(a, b);
}

/* The caller frees the lines. */
Index
index_lines(const char *content)
{
	Index		index = {0};
	Line	   *lines = NULL;
	int			count = 0;

	for (const char *text = content; *text != '\0'; text = next_line(text))
	{
		if (is_remark(text))
			continue;
		if (count % 1024 == 0)
			lines = allot_more(lines, (count + 1024) * sizeof(Line));
		lines[count++] =
			(Line) {text, strspn(text, KEY_LETTERS), line_length(text)};
	}
	if (count > 0)
		qsort(lines, count, sizeof(Line), compare_for_sort);
	index.count = count;
	index.lines = lines;
	return index;
}

/*
 * The id in the auth_query of a key's line, as reports name databases: with
 * .ro for its replicas. NULL where there is none.
 */
char *
id_of_key(const Index *index, const char *key)
{
	Line		wanted = {key, strlen(key), strlen(key)};
	const Line *line = index->count == 0 ? NULL :
		bsearch(&wanted, index->lines, index->count, sizeof(Line),
				compare_for_sort);
	const char *call = line == NULL ? NULL : strstr(line->text, LOGIN);
	const char *id;

	if (call == NULL || call > line->text + line->length)
		return NULL;
	id = call + strlen(LOGIN);
	return printed("%.*s%s", (int) strcspn(id, "'\n"), id,
				   wanted.key > strlen(REPLICAS) && strcmp(key + wanted.key - strlen(REPLICAS), REPLICAS) == 0 ? REPLICAS : "");
}

void
compare_lines(const char *old, const char *new,
			  Keys *added, Keys *changed, Keys *gone)
{
	Index		olds = index_lines(old);
	Index		news = index_lines(new);
	int			i = 0,
				j = 0;

	while (i < olds.count || j < news.count)
	{
		const Line *from = &olds.lines[i];
		const Line *to = &news.lines[j];
		int			order = i == olds.count ? 1 : j == news.count ? -1 :
			compare_keys(from, to);

		if (order < 0)
			keys_add(gone, from->text, from->key);
		else if (order > 0)
			keys_add(added, to->text, to->key);
		else if (from->length != to->length ||
				 strncmp(from->text, to->text, from->length) != 0)
			keys_add(changed, to->text, to->key);
		i += order <= 0;
		j += order >= 0;
	}
	free(olds.lines);
	free(news.lines);
}
