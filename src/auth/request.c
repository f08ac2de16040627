/*
 * request.c
 *	  Reads a request's headers.
 */
#include "postgres.h"

#include "auth/request.h"
#include "base/text.h"

typedef struct Search
{
	const char *wanted;
	const char *found;
	int			length;
	int			count;
} Search;

static void
compare_name(void *state, const char *name, int length)
{
	Search	   *search = state;

	if (!pb_text_is_alike(name, length, search->wanted))
		return;
	search->found = name;
	search->length = length;
	search->count++;
}

/*
 * A proxy in front of PostgREST renames these headers, because PostgREST would
 * judge them itself.
 */
static const char *
carried_name(const char *name)
{
	static const char *const carried[] = {"authorization", "content-type", "accept"};

	for (int i = 0; i < (int) lengthof(carried); i++)
		if (strcmp(name, carried[i]) == 0)
			return psprintf("x-pgbeam-%s", name);
	return name;
}

/* Counts a header. name is in lower case, that of the client in any case. */
static int
find_header(const PbRequest *request, const char *name, PbJson *value)
{
	Search		search = {
		.wanted = request->is_forwarded ? carried_name(name) : name
	};

	if (request->headers.type != PB_JSON_OBJECT)
		return 0;
	pb_json_names(&request->headers, compare_name, &search);
	if (search.count == 1)
		(void) pb_json_member(&request->headers, search.found, search.length,
							  value);
	return search.count;
}

/*
 * A header's value. An empty value counts as none. So do two headers whose
 * names differ in case only, because either could be meant.
 */
bool
pb_request_header(const PbRequest *request, const char *name, PbJson *value)
{
	return find_header(request, name, value) == 1 &&
		value->type == PB_JSON_TEXT && value->length > 0;
}

/* Whether there is such a header, even without a usable value. */
bool
pb_request_has_header(const PbRequest *request, const char *name)
{
	PbJson		value;
	int			count = find_header(request, name, &value);

	return count > 1 || (count == 1 && value.type != PB_JSON_NULL);
}

static bool
is_space(char c)
{
	return c == ' ' || c == '\t';
}

/* The next mark that does not stand between quotes, or the end. */
static const char *
find_mark(const char *at, const char *end, char mark)
{
	bool		quoted = false;

	for (; at < end && (quoted || *at != mark); at++)
		quoted ^= *at == '"';
	return at;
}

/* Finds the next item of a list, without the space around it. */
static bool
next_item(const char **at, const char *end, const char **item, int *length)
{
	const char *stop;

	while (*at < end && (is_space(**at) || **at == ','))
		(*at)++;
	if (*at >= end)
		return false;
	*item = *at;
	*at = stop = find_mark(*at, end, ',');
	while (stop > *item && is_space(stop[-1]))
		stop--;
	*length = stop - *item;
	return true;
}

static int
length_without_parameters(const char *item, int length)
{
	const char *stop = find_mark(item, item + length, ';');

	while (stop > item && is_space(stop[-1]))
		stop--;
	return stop - item;
}

/*
 * Whether a header, which is a list with commas, has this item. Parameters
 * behind a semicolon do not matter.
 */
bool
pb_request_header_has(const PbRequest *request, const char *name,
					  const char *item)
{
	PbJson		value;
	const char *at;
	const char *found;
	int			length;

	if (!pb_request_header(request, name, &value))
		return false;
	at = value.text;
	while (next_item(&at, value.text + value.length, &found, &length))
		if (pb_text_is_alike(found, length_without_parameters(found, length),
							 item))
			return true;
	return false;
}

/* Whether unknown members are refused (RFC 7240). */
bool
pb_request_is_strict(const PbRequest *request)
{
	return pb_request_header_has(request, "prefer", "handling=strict") ||
		pb_request_header_has(request, "prefer", "handling=\"strict\"");
}

/* The owner of an identified caller's request: the user where one is known. */
PbOwner
pb_request_owner(const PbRequest *request)
{
	const PbCaller *caller = &request->caller;

	if (caller->user_id != NULL)
		return (PbOwner) {PB_OF_USER, caller->user_id};
	return (PbOwner) {PB_OF_ORGANIZATION, caller->org_id};
}

/*
 * The entity tag of a representation: a digest of its bytes and its version.
 * The version is part of it because some changes are not shown.
 */
void
pb_request_etag(const char *body, int length, int64 version,
				char etag[PB_ETAG_SIZE + 1])
{
	uint8_t		digest[PB_DIGEST_BYTES];
	StringInfoData all;

	initStringInfo(&all);
	enlargeStringInfo(&all, length + sizeof(version));
	appendBinaryStringInfo(&all, body, length);
	appendBinaryStringInfo(&all, (const char *) &version, sizeof(version));
	pb_digest(all.data, all.len, digest);
	etag[0] = '"';
	pb_hex(digest, PB_ETAG_SIZE / 2 - 1, etag + 1);
	etag[PB_ETAG_SIZE - 1] = '"';
	etag[PB_ETAG_SIZE] = '\0';
}

/*
 * Whether a header with a list of entity tags has this one, or is *. A request
 * that only reads may use the weak tag (RFC 9110, 13.1).
 */
bool
pb_request_names_etag(const PbRequest *request, const char *header,
					  const char *etag, bool weakly)
{
	const char *weak = psprintf("W/%s", etag);
	PbJson		value;
	const char *at;
	const char *found;
	int			length;

	if (!pb_request_header(request, header, &value))
		return false;
	at = value.text;
	while (next_item(&at, value.text + value.length, &found, &length))
		if (pb_text_is(found, length, etag) || pb_text_is(found, length, "*") ||
			(weakly && pb_text_is(found, length, weak)))
			return true;
	return false;
}
