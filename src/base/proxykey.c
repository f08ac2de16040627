/*
 * proxykey.c
 *	  The route of a database, and the key that PgBouncer has for it.
 *
 * A route is what stands in the key behind the label of the project's host:
 * its cloud, a dot, and the database's name, or its id where the name cannot
 * stand there. The label alone would not do: two clouds may have the same.
 */
#include "base/proxykey.h"

#include <string.h>

#include "base/text.h"
#include "base/typeid.h"

static bool
is_key_character(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		(c >= '0' && c <= '9') || (c != '\0' && strchr("_.*-", c) != NULL);
}

static bool
is_of_keys_alphabet(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (!is_key_character(text[i]))
			return false;
	return length > 0;
}

static bool
ends_with(const char *text, size_t length, const char *suffix)
{
	size_t		size = strlen(suffix);

	return length >= size && memcmp(text + length - size, suffix, size) == 0;
}

/* An id leads to its own database, wherever it is read. */
static bool
is_id(const char *text, size_t length)
{
	PbTypeid	id;

	return pb_typeid_decode(text, length, &id) == NULL;
}

/*
 * Whether a name can be a key of PgBouncer's, alone or behind a dot, and means
 * nothing else there: * is every database, and .ro leads to replicas.
 */
bool
pb_proxykey_is_legal(const char *text, size_t length)
{
	return length <= PB_KEY_MAX && is_of_keys_alphabet(text, length) &&
		!pb_text_is(text, length, "*") &&
		!pb_text_is(text, length, PB_CONSOLE) &&
		!pb_text_is(text, length, PB_REGISTRY) &&
		!pb_text_is(text, length, &PB_REPLICAS_SUFFIX[1]) &&
		!ends_with(text, length, PB_REPLICAS_SUFFIX) && !is_id(text, length);
}

/* What a stored route must be, whoever has written it. */
const char *
pb_proxykey_route_problem(const char *text, size_t length)
{
	const char *dot = memchr(text, '.', length);

	if (!is_of_keys_alphabet(text, length))
		return "must consist of letters, digits, and the characters _ . * -";
	if (dot == NULL || dot == text || dot == text + length - 1)
		return "must be a cloud and a name, with a dot between them";
	if (ends_with(text, length, PB_REPLICAS_SUFFIX))
		return "must not end with " PB_REPLICAS_SUFFIX;
	return NULL;
}

static size_t
append(char *text, size_t length, const char *more, size_t size)
{
	memcpy(text + length, more, size);
	text[length + size] = '\0';
	return length + size;
}

/*
 * Makes the route of a new database; returns its length. The name is NULL
 * where another database has it.
 */
size_t
pb_proxykey_route(const char *cloud, const char *name, size_t length,
				  const char *id, char route[PB_ROUTE_MAX + 1])
{
	size_t		size = append(route, 0, cloud, strlen(cloud));

	size = append(route, size, ".", 1);
	if (name != NULL && pb_proxykey_is_legal(name, length))
		return append(route, size, name, length);
	return append(route, size, id, strlen(id));
}

/* The cloud of a route, and the dot behind it. */
static size_t
cloud_length(const char *route, size_t length)
{
	const char *dot = memchr(route, '.', length);

	return dot == NULL ? length : (size_t) (dot - route) + 1;
}

/*
 * Makes the key of a database: the label of its host, a dot and its route.
 * Where that is too long, the id stands in place of the name, and alone where
 * this is too long too. Returns the key's length.
 */
size_t
pb_proxykey(const char *host, size_t host_length, const char *route,
			size_t route_length, const char *id, char key[PB_KEY_MAX + 1])
{
	const char *dot = memchr(host, '.', host_length);
	size_t		label = dot == NULL ? host_length : (size_t) (dot - host);
	size_t		cloud = cloud_length(route, route_length);
	size_t		size;

	if (label + 1 + route_length > PB_KEY_MAX &&
		label + 1 + cloud + strlen(id) > PB_KEY_MAX)
		return append(key, 0, id, strlen(id));
	size = append(key, 0, host, label);
	size = append(key, size, ".", 1);
	if (size + route_length <= PB_KEY_MAX)
		return append(key, size, route, route_length);
	size = append(key, size, route, cloud);
	return append(key, size, id, strlen(id));
}

/* The key that leads to the replicas of a database; returns its length. */
size_t
pb_proxykey_replicas(const char *key, const char *id,
					 char replicas[PB_KEY_MAX + 1])
{
	size_t		suffix = strlen(PB_REPLICAS_SUFFIX);
	const char *stem = strlen(key) + suffix <= PB_KEY_MAX ? key : id;
	size_t		size = append(replicas, 0, stem, strlen(stem));

	return append(replicas, size, PB_REPLICAS_SUFFIX, suffix);
}
