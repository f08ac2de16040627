/*
 * query.c
 *	  The query of a URI, and arguments, as the parameters of an operation.
 *
 * They become an object, so that the field table judges them as it judges the
 * body of a request.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"

#include "base/parse.h"
#include "base/text.h"
#include "fields/query.h"

void
pb_query_begin(StringInfo out)
{
	initStringInfo(out);
	pb_json_begin(out, '{');
}

static bool
is_integer(const char *text, size_t length)
{
	size_t		i = length > 1 && text[0] == '-' ? 1 : 0;

	if (length == i || length > 18 || (text[i] == '0' && length > i + 1))
		return false;
	for (; i < length; i++)
		if (text[i] < '0' || text[i] > '9')
			return false;
	return true;
}

/* Writes a parameter. Its value is text, wherever it came from. */
void
pb_query_text(StringInfo out, const PbField *field, const char *value,
			  size_t length)
{
	pb_json_name(out, field->name);
	if (field->kind == PB_INTEGER && is_integer(value, length))
		appendBinaryStringInfo(out, value, length);
	else
		pb_json_text(out, value, length);
}

bool
pb_query_end(StringInfo out, PbJson *object, PbFaults *faults)
{
	PbParsed	parsed;

	pb_json_end(out, '}');
	if (pb_parse(out->data, out->len, "the query", &parsed, faults))
	{
		*object = parsed.value;
		return true;
	}
	if (faults->refusal == PB_PAYLOAD_TOO_LARGE)
		pb_fault_set(faults, PB_INVALID_INPUT,
					 "the query has too many parameters", NULL);
	return false;
}

static const PbField *
find_parameter(const PbResource *parameters, const char *name, size_t length)
{
	for (const PbField *f = parameters->fields; f->name != NULL; f++)
		if (pb_text_is(name, length, f->name))
			return f;
	return NULL;
}

/* Decodes percent-encoded text of a URI; NULL where it is no text. */
char *
pb_query_decode(const char *text, size_t length)
{
	char	   *decoded = palloc(length + 1);
	size_t		size;

	if (!pb_text_percent_decode(text, length, decoded, &size) ||
		memchr(decoded, '\0', size) != NULL ||
		!pg_verify_mbstr(PG_UTF8, decoded, size, true))
		return NULL;
	decoded[size] = '\0';
	return decoded;
}

/* Refuses a part of the path or of the query. */
void
pb_query_refuse(const char *name, PbFaults *faults)
{
	PbPath		path = {NULL, name, 0};

	pb_fault_problem(faults, &path, "must be percent-encoded text", NULL);
}

/* In a query a plus stands for a space, as in forms. */
static char *
decode_value(const char *text, size_t length)
{
	char	   *spaced = pnstrdup(text, length);

	for (size_t i = 0; i < length; i++)
		if (spaced[i] == '+')
			spaced[i] = ' ';
	return pb_query_decode(spaced, length);
}

/* Reads one "name=value". A name that is no parameter is skipped. */
static bool
read_pair(const PbResource *parameters, const char *pair, size_t length,
		  StringInfo out, PbFaults *faults)
{
	const char *equals = memchr(pair, '=', length);
	size_t		name_length = equals == NULL ? length :
	(size_t) (equals - pair);
	const char *value = equals == NULL ? pair + length : equals + 1;
	const PbField *field = find_parameter(parameters, pair, name_length);
	char	   *decoded;

	if (field == NULL)
		return true;
	decoded = decode_value(value, pair + length - value);
	if (decoded == NULL)
	{
		pb_query_refuse(field->name, faults);
		return false;
	}
	pb_query_text(out, field, decoded, strlen(decoded));
	return true;
}

/* Reads the parameters of a query. If one is repeated, the last counts. */
bool
pb_query_read(const PbResource *parameters, const char *query,
			  PbJson *object, PbFaults *faults)
{
	StringInfoData out;

	pb_query_begin(&out);
	while (*query != '\0')
	{
		size_t		length = strcspn(query, "&");

		if (!read_pair(parameters, query, length, &out, faults))
			return false;
		query += length + (query[length] == '&');
	}
	return pb_query_end(&out, object, faults);
}
