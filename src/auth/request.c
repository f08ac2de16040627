/*
 * request.c
 *	  Reads a request's headers.
 */
#include "postgres.h"

#include "auth/request.h"
#include "base/text.h"

/* Takes the headers, once for all look-ups. What is no object has none. */
void
pb_request_take_headers(PbRequest *request, const PbJson *headers)
{
	if (headers->type != PB_JSON_OBJECT)
		return;
	request->header_count = headers->size;
	request->headers = palloc0(headers->size * sizeof(PbJsonMember));
	pb_json_members(headers, request->headers);
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
	const char *wanted = request->is_forwarded ? carried_name(name) : name;
	int			count = 0;

	for (int i = 0; i < request->header_count; i++)
	{
		const PbJsonMember *header = &request->headers[i];

		if (!pb_text_is_alike(header->name, header->length, wanted))
			continue;
		*value = header->value;
		count++;
	}
	return count;
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

/* A member of answers that changes without anybody's request: a number. */
#define LIVE_MEMBER "\"active_connections\":"

/*
 * Appends a body without the numbers of live members. A quote within a string
 * has a backslash before it, so that no string is taken for the member.
 */
static void
append_lasting(StringInfo out, const char *body, int length)
{
	char	   *all = pnstrdup(body, length);
	const char *at = all;
	const char *live;

	while ((live = strstr(at, LIVE_MEMBER)) != NULL)
	{
		live += sizeof(LIVE_MEMBER) - 1;
		appendBinaryStringInfo(out, at, live - at);
		at = live + strspn(live, "0123456789");
	}
	appendStringInfoString(out, at);
}

/* The hex digits of each half of a tag. */
#define HALF_DIGITS ((PB_ETAG_SIZE - 2) / 2)

/* Writes half a tag: a digest of what is in all. */
static void
put_half(StringInfo all, char *hex)
{
	uint8_t		digest[PB_DIGEST_BYTES];

	pb_digest(all->data, all->len, digest);
	pb_hex(digest, HALF_DIGITS / 2, hex);
}

/*
 * The entity tag of a representation: a digest of what changes by requests
 * alone, its version included, and one of all its bytes. The version is part
 * of it because some changes are not shown.
 */
void
pb_request_etag(const char *body, int length, int64 version,
				char etag[PB_ETAG_SIZE + 1])
{
	StringInfoData all;

	etag[0] = '"';
	initStringInfo(&all);
	append_lasting(&all, body, length);
	appendBinaryStringInfo(&all, (const char *) &version, sizeof(version));
	put_half(&all, etag + 1);
	resetStringInfo(&all);
	appendBinaryStringInfo(&all, body, length);
	appendBinaryStringInfo(&all, (const char *) &version, sizeof(version));
	put_half(&all, etag + 1 + HALF_DIGITS);
	etag[PB_ETAG_SIZE - 1] = '"';
	etag[PB_ETAG_SIZE] = '\0';
}

/*
 * Whether an item of a header is this tag. A change is not refused because of
 * what changes by itself, so that for it the first half is enough.
 */
static bool
is_tag(const char *item, int length, const char *etag, bool reads)
{
	if (!reads)
		return length == PB_ETAG_SIZE && item[length - 1] == '"' &&
			memcmp(item, etag, 1 + HALF_DIGITS) == 0;
	return pb_text_is(item, length, etag) ||
		(length > 2 && memcmp(item, "W/", 2) == 0 &&
		 pb_text_is(item + 2, length - 2, etag));
}

/*
 * Whether a header with a list of entity tags has this one, or is *. A request
 * that only reads may use the weak tag (RFC 9110, 13.1).
 *
 * The API promises to take up to 1,024 characters. More are taken too: caches
 * on the way put the tags of several clients into one list. A refusal would
 * take the answer from all of them.
 */
bool
pb_request_names_etag(const PbRequest *request, const char *header,
					  const char *etag, bool reads)
{
	PbJson		value;
	const char *at;
	const char *found;
	int			length;

	if (!pb_request_header(request, header, &value))
		return false;
	at = value.text;
	while (next_item(&at, value.text + value.length, &found, &length))
		if (pb_text_is(found, length, "*") ||
			is_tag(found, length, etag, reads))
			return true;
	return false;
}
