/*
 * json.c
 *	  Reads and builds jsonb documents; prints JSON.
 */
#include "postgres.h"

#include <math.h>

#include "common/shortest_dec.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/json.h"
#include "utils/jsonb.h"
#include "utils/numeric.h"

#include "base/decimal.h"
#include "base/json.h"
#include "base/own.h"
#include "base/text.h"

static void
set_container(PbJson *value, JsonbContainer *container)
{
	value->type = JsonContainerIsObject(container) ? PB_JSON_OBJECT :
		PB_JSON_ARRAY;
	value->internal = container;
	value->size = JsonContainerSize(container);
}

static void
set_value(PbJson *value, const JsonbValue *from)
{
	switch (from->type)
	{
		case jbvNull:
			value->type = PB_JSON_NULL;
			break;
		case jbvString:
			value->type = PB_JSON_TEXT;
			value->text = from->val.string.val;
			value->length = from->val.string.len;
			break;
		case jbvNumeric:
			value->type = PB_JSON_NUMBER;
			value->internal = from->val.numeric;
			break;
		case jbvBool:
			value->type = PB_JSON_BOOLEAN;
			value->boolean = from->val.boolean;
			break;
		case jbvBinary:
			set_container(value, from->val.binary.data);
			break;
		default:
			elog(ERROR, "unexpected jsonb value type %d", (int) from->type);
	}
}

/* Reads a whole document, which must be detoasted. */
void
pb_json_root(Datum jsonb, PbJson *value)
{
	Jsonb	   *document = (Jsonb *) DatumGetPointer(jsonb);

	if (JB_ROOT_IS_SCALAR(document))
	{
		JsonbValue	scalar;

		(void) JsonbExtractScalar(&document->root, &scalar);
		set_value(value, &scalar);
	}
	else
		set_container(value, &document->root);
}

/* Makes the value that a JSON string would have. */
void
pb_json_from_text(const text *t, PbJson *value)
{
	value->type = PB_JSON_TEXT;
	value->text = VARDATA_ANY(t);
	value->length = VARSIZE_ANY_EXHDR(t);
}

/* Makes the value that a JSON integer would have. */
void
pb_json_from_integer(int32 integer, PbJson *value)
{
	value->type = PB_JSON_NUMBER;
	value->internal = int64_to_numeric(integer);
}

/* Reads a member; false when the object has no such member. */
bool
pb_json_member(const PbJson *object, const char *name, int length,
			   PbJson *value)
{
	JsonbValue	found;

	if (getKeyJsonValueFromContainer(object->internal, name, length,
									 &found) == NULL)
		return false;
	set_value(value, &found);
	return true;
}

/* The same for a terminated name. The value need not be an object. */
bool
pb_json_find(const PbJson *object, const char *name, PbJson *value)
{
	return object->type == PB_JSON_OBJECT &&
		pb_json_member(object, name, strlen(name), value);
}

/* Whether the value is this string. */
bool
pb_json_text_is(const PbJson *value, const char *word)
{
	return value->type == PB_JSON_TEXT &&
		pb_text_is(value->text, value->length, word);
}

/* Reads an item; false behind the end of the array. */
bool
pb_json_item(const PbJson *array, int index, PbJson *value)
{
	JsonbValue *found = getIthJsonbValueFromContainer(array->internal, index);

	if (found == NULL)
		return false;
	set_value(value, found);
	return true;
}

static bool
same_number(Numeric a, Numeric b)
{
	return DatumGetBool(DirectFunctionCall2(numeric_eq, NumericGetDatum(a),
											NumericGetDatum(b)));
}

static bool
is_below(Numeric a, Numeric b)
{
	return DatumGetBool(DirectFunctionCall2(numeric_lt, NumericGetDatum(a),
											NumericGetDatum(b)));
}

static bool
is_integral(Numeric number)
{
	Datum		whole = DirectFunctionCall2(numeric_trunc,
											NumericGetDatum(number),
											Int32GetDatum(0));

	return same_number(number, DatumGetNumeric(whole));
}

/* Reads an integer in any spelling of a number; it never rounds. */
PbNumber
pb_json_integer(const PbJson *number, int32 *integer)
{
	Numeric		numeric = number->internal;
	bool		outside = false;

	*integer = numeric_int4_opt_error(numeric, &outside);
	if (!outside && same_number(numeric, int64_to_numeric(*integer)))
		return PB_NUMBER_INTEGER;
	if (!is_integral(numeric))
		return PB_NUMBER_FRACTION;
	return is_below(numeric, int64_to_numeric(0)) ?
		PB_NUMBER_TOO_SMALL : PB_NUMBER_TOO_LARGE;
}

/*
 * The same for 64 bits. Older servers cannot convert such a number without
 * raising an error, so its range is checked first.
 */
PbNumber
pb_json_big_integer(const PbJson *number, int64 *integer)
{
	Numeric		numeric = number->internal;
	int32		small;
	PbNumber	read = pb_json_integer(number, &small);

	*integer = small;
	if (read == PB_NUMBER_INTEGER || read == PB_NUMBER_FRACTION)
		return read;
	if (is_below(numeric, int64_to_numeric(PG_INT64_MIN)))
		return PB_NUMBER_TOO_SMALL;
	if (is_below(int64_to_numeric(PG_INT64_MAX), numeric))
		return PB_NUMBER_TOO_LARGE;
	*integer = DatumGetInt64(DirectFunctionCall1(numeric_int8,
												 NumericGetDatum(numeric)));
	return PB_NUMBER_INTEGER;
}

/* Reads a number; infinite where a double cannot hold it. */
double
pb_json_double(const PbJson *number)
{
	Numeric		numeric = number->internal;

	return DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow,
											  NumericGetDatum(numeric)));
}

/* Reads a number as it is spelled, without zeros at its end. */
Datum
pb_json_numeric(const PbJson *number)
{
	return pb_decimal_trim(NumericGetDatum((Numeric) number->internal));
}

/* Calls visit with the name of each member, in the server's order. */
void
pb_json_names(const PbJson *object,
			  void (*visit) (void *state, const char *name, int length),
			  void *state)
{
	JsonbIterator *iterator = JsonbIteratorInit(object->internal);
	JsonbValue	value;
	JsonbIteratorToken token;

	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
		if (token == WJB_KEY)
			visit(state, value.val.string.val, value.val.string.len);
}

/*
 * Reads all members, in the server's order. There is room for as many as the
 * object has.
 */
void
pb_json_members(const PbJson *object, PbJsonMember *members)
{
	JsonbIterator *iterator = JsonbIteratorInit(object->internal);
	JsonbValue	value;
	JsonbIteratorToken token;

	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
		if (token == WJB_KEY)
		{
			members->name = value.val.string.val;
			members->length = value.val.string.len;
		}
		else if (token == WJB_VALUE)
			set_value(&(members++)->value, &value);
}

static void
push(PbJsonBuilder *builder, JsonbIteratorToken token, JsonbValue *value)
{
	JsonbParseState *state = builder->state;

	builder->document = pushJsonbValue(&state, token, value);
	builder->state = state;
}

/* The names of an object's members are added in between. */
void
pb_json_add_begin(PbJsonBuilder *builder, char bracket)
{
	push(builder, bracket == '{' ? WJB_BEGIN_OBJECT : WJB_BEGIN_ARRAY, NULL);
}

void
pb_json_add_end(PbJsonBuilder *builder, char bracket)
{
	push(builder, bracket == '}' ? WJB_END_OBJECT : WJB_END_ARRAY, NULL);
}

/* A value that stands in no container is the whole document. */
static void
add(PbJsonBuilder *builder, JsonbValue *value)
{
	const JsonbParseState *state = builder->state;

	if (state != NULL)
		push(builder, state->contVal.type == jbvObject ? WJB_VALUE : WJB_ELEM,
			 value);
	else
	{
		builder->document = palloc(sizeof(JsonbValue));
		*(JsonbValue *) builder->document = *value;
	}
}

/* The text is not copied: it must last until the document is made. */
static JsonbValue
string_of(const char *text, int length)
{
	JsonbValue	value = {.type = jbvString};

	value.val.string.val = unconstify(char *, text);
	value.val.string.len = length;
	return value;
}

void
pb_json_add_name(PbJsonBuilder *builder, const char *text, int length)
{
	JsonbValue	value = string_of(text, length);

	push(builder, WJB_KEY, &value);
}

void
pb_json_add_text(PbJsonBuilder *builder, const char *text, int length)
{
	JsonbValue	value = string_of(text, length);

	add(builder, &value);
}

/* Adds a number as it is spelled in JSON; it must be one the server holds. */
void
pb_json_add_number(PbJsonBuilder *builder, const char *text, int length)
{
	JsonbValue	value = {.type = jbvNumeric};
	const char *spelled = pnstrdup(text, length);
	Datum		number = DirectFunctionCall3(numeric_in,
											 CStringGetDatum(spelled),
											 ObjectIdGetDatum(InvalidOid),
											 Int32GetDatum(-1));

	value.val.numeric = DatumGetNumeric(number);
	add(builder, &value);
}

void
pb_json_add_boolean(PbJsonBuilder *builder, bool boolean)
{
	JsonbValue	value = {.type = jbvBool};

	value.val.boolean = boolean;
	add(builder, &value);
}

void
pb_json_add_null(PbJsonBuilder *builder)
{
	JsonbValue	value = {.type = jbvNull};

	add(builder, &value);
}

/* The document, once it is complete. */
Datum
pb_json_built(const PbJsonBuilder *builder)
{
	return JsonbPGetDatum(JsonbValueToJsonb(builder->document));
}

/* Makes a document: an object of strings. */
Datum
pb_json_object(const PbJsonPair *pairs, int count)
{
	PbJsonBuilder builder = {0};

	pb_json_add_begin(&builder, '{');
	for (int i = 0; i < count; i++)
	{
		pb_json_add_name(&builder, pairs[i].name, strlen(pairs[i].name));
		pb_json_add_text(&builder, pairs[i].value, strlen(pairs[i].value));
	}
	pb_json_add_end(&builder, '}');
	return pb_json_built(&builder);
}

/* Counts the members of all objects in value, each name of an object once. */
int
pb_json_count_members(const PbJson *value)
{
	JsonbIterator *iterator = JsonbIteratorInit(value->internal);
	JsonbValue	ignored;
	JsonbIteratorToken token;
	int			count = 0;

	while ((token = JsonbIteratorNext(&iterator, &ignored, false)) != WJB_DONE)
		if (token == WJB_KEY)
			count++;
	return count;
}

/* Whether value has containers nested deeper than so many levels. */
bool
pb_json_deeper_than(const PbJson *value, int levels)
{
	JsonbIterator *iterator;
	JsonbValue	ignored;
	JsonbIteratorToken token;
	int			depth = 0;

	if (value->type != PB_JSON_ARRAY && value->type != PB_JSON_OBJECT)
		return false;
	iterator = JsonbIteratorInit(value->internal);
	while ((token = JsonbIteratorNext(&iterator, &ignored, false)) != WJB_DONE)
	{
		CHECK_FOR_INTERRUPTS();
		if (token == WJB_BEGIN_ARRAY || token == WJB_BEGIN_OBJECT)
			depth++;
		else if (token == WJB_END_ARRAY || token == WJB_END_OBJECT)
			depth--;
		if (depth > levels)
			return true;
	}
	return false;
}

void
pb_json_begin(StringInfo out, char bracket)
{
	appendStringInfoCharMacro(out, bracket);
}

void
pb_json_end(StringInfo out, char bracket)
{
	appendStringInfoCharMacro(out, bracket);
}

/* Writes a comma, unless a container has just begun. */
void
pb_json_next(StringInfo out)
{
	char		last = out->data[out->len - 1];

	if (last != '{' && last != '[')
		appendStringInfoCharMacro(out, ',');
}

/* Writes the name of a member, which is ours and needs no escapes. */
void
pb_json_name(StringInfo out, const char *name)
{
	pb_json_next(out);
	appendStringInfoCharMacro(out, '"');
	appendStringInfoString(out, name);
	appendBinaryStringInfo(out, "\":", 2);
}

static bool
needs_escapes(const char *text, int length)
{
	for (int i = 0; i < length; i++)
		if ((unsigned char) text[i] < ' ' || text[i] == '"' || text[i] == '\\')
			return true;
	return false;
}

/* Writes a string. Most text needs no escapes; the server writes the rest. */
void
pb_json_text(StringInfo out, const char *text, int length)
{
	if (needs_escapes(text, length))
	{
		escape_json(out, pnstrdup(text, length));
		return;
	}
	appendStringInfoCharMacro(out, '"');
	appendBinaryStringInfo(out, text, length);
	appendStringInfoCharMacro(out, '"');
}

void
pb_json_string(StringInfo out, const char *string)
{
	pb_json_text(out, string, strlen(string));
}

/* Begins a member that is an object. */
void
pb_json_open(StringInfo out, const char *name)
{
	pb_json_name(out, name);
	pb_json_begin(out, '{');
}

/* Writes a member that is a string. */
void
pb_json_pair(StringInfo out, const char *name, const char *string)
{
	pb_json_name(out, name);
	pb_json_string(out, string);
}

void
pb_json_pair_long(StringInfo out, const char *name, int64 number)
{
	pb_json_name(out, name);
	pb_json_long(out, number);
}

void
pb_json_pair_boolean(StringInfo out, const char *name, bool boolean)
{
	pb_json_name(out, name);
	pb_json_boolean(out, boolean);
}

void
pb_json_pair_null(StringInfo out, const char *name)
{
	pb_json_name(out, name);
	appendStringInfoString(out, "null");
}

/* Writes an object with a list as its only member. */
void
pb_json_open_list(StringInfo out, const char *name)
{
	pb_json_begin(out, '{');
	pb_json_name(out, name);
	pb_json_begin(out, '[');
}

void
pb_json_close_list(StringInfo out)
{
	pb_json_end(out, ']');
	pb_json_end(out, '}');
}

void
pb_json_number(StringInfo out, int32 number)
{
	char		digits[12];

	appendBinaryStringInfo(out, digits, pg_ltoa(number, digits));
}

void
pb_json_long(StringInfo out, int64 number)
{
	char		digits[MAXINT8LEN + 1];

	appendBinaryStringInfo(out, digits, pg_lltoa(number, digits));
}

/*
 * Prints a finite number with the fewest digits that read back as the same
 * number, whatever extra_float_digits says.
 */
void
pb_json_decimal(StringInfo out, double number)
{
	char		digits[DOUBLE_SHORTEST_DECIMAL_LEN];

	Assert(isfinite(number));
	appendBinaryStringInfo(out, digits,
						   double_to_shortest_decimal_bufn(number, digits));
}

void
pb_json_boolean(StringInfo out, bool boolean)
{
	appendStringInfoString(out, boolean ? "true" : "false");
}
