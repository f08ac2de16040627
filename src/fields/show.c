/*
 * show.c
 *	  Prints a row as the field table orders it.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "datatype/timestamp.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "base/decimal.h"
#include "base/typeid.h"
#include "fields/show.h"

#define MEMBERS_MAX 8			/* of an object in a list */

typedef struct Show
{
	StringInfo	out;
	const PbRow *row;
	int			leaf;			/* the next one */
} Show;

static void
show_text(StringInfo out, Datum value)
{
	text	   *t = DatumGetTextPP(value);

	pb_json_text(out, VARDATA_ANY(t), VARSIZE_ANY_EXHDR(t));
}

static void
show_id(StringInfo out, const char *prefix, Datum value)
{
	char		text[PB_TYPEID_MAX];
	size_t		length = pb_typeid_encode(prefix, strlen(prefix),
										  DatumGetUUIDP(value)->data, text);

	pb_json_text(out, text, length);
}

static char *
put_number(char *p, char before, int number, int digits)
{
	*p++ = before;
	return pg_ultostr_zeropad(p, number, digits);
}

/* RFC 3339, UTC, whole seconds. TimeZone and DateStyle do not matter. */
void
pb_show_time(StringInfo out, TimestampTz time)
{
	struct pg_tm tm;
	fsec_t		fraction;
	char		text[64];
	char	   *p = text;

	if (TIMESTAMP_NOT_FINITE(time) ||
		timestamp2tm(time, NULL, &tm, &fraction, NULL, NULL) != 0 ||
		tm.tm_year < 1 || tm.tm_year > 9999)
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("timestamp out of range")));
	p = put_number(p, '"', tm.tm_year, 4);
	p = put_number(p, '-', tm.tm_mon, 2);
	p = put_number(p, '-', tm.tm_mday, 2);
	p = put_number(p, 'T', tm.tm_hour, 2);
	p = put_number(p, ':', tm.tm_min, 2);
	p = put_number(p, ':', tm.tm_sec, 2);
	*p++ = 'Z';
	*p++ = '"';
	appendBinaryStringInfo(out, text, p - text);
}

static int
read_list(Datum value, Datum **items, bool **nulls)
{
	int			count;

	deconstruct_array(DatumGetArrayTypeP(value), TEXTOID, -1, false,
					  TYPALIGN_INT, items, nulls, &count);
	return count;
}

static void
show_texts(StringInfo out, Datum value)
{
	Datum	   *items;
	bool	   *nulls;
	int			count = read_list(value, &items, &nulls);

	pb_json_begin(out, '[');
	for (int i = 0; i < count; i++)
	{
		if (nulls[i])
			continue;
		pb_json_next(out);
		show_text(out, items[i]);
	}
	pb_json_end(out, ']');
}

/* A list of objects is stored as an array for each member; null is absent. */
static void
show_objects(Show *show, const PbField *field)
{
	StringInfo	out = show->out;
	int			first = show->leaf;
	int			count = 0;
	int			length;
	int			members = 0;
	Datum	   *items[MEMBERS_MAX];
	bool	   *nulls[MEMBERS_MAX];

	/* The arrays have one length unless a row evades the constraint. */
	for (const PbField *f = field->fields; f->name != NULL; f++, members++)
	{
		Assert(members < MEMBERS_MAX);
		length = read_list(show->row->values[first + members],
						   &items[members], &nulls[members]);
		count = members == 0 ? length : Min(count, length);
	}
	pb_json_begin(out, '[');
	for (int i = 0; i < count; i++)
	{
		pb_json_next(out);
		pb_json_begin(out, '{');
		for (int m = 0; m < members; m++)
		{
			if (nulls[m][i])
				continue;
			pb_json_name(out, field->fields[m].name);
			show_text(out, items[m][i]);
		}
		pb_json_end(out, '}');
	}
	pb_json_end(out, ']');
	show->leaf += members;
}

/* An owner may have dropped the table's CHECK, so the number is checked. */
static void
show_double(StringInfo out, double number)
{
	if (!isfinite(number))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("number out of range")));
	pb_json_decimal(out, number);
}

static void
show_value(StringInfo out, const PbField *field, Datum value)
{
	switch (field->kind)
	{
		case PB_INTEGER:
			pb_json_number(out, DatumGetInt32(value));
			break;
		case PB_LONG:
			pb_json_long(out, DatumGetInt64(value));
			break;
		case PB_DOUBLE:
			show_double(out, DatumGetFloat8(value));
			break;
		case PB_DECIMAL:
			pb_decimal_print(out, value);
			break;
		case PB_BOOLEAN:
			pb_json_boolean(out, DatumGetBool(value));
			break;
		case PB_TIME:
			pb_show_time(out, DatumGetTimestampTz(value));
			break;
		case PB_ID:
			show_id(out, field->prefix, value);
			break;
		case PB_LIST:
			show_texts(out, value);
			break;
		case PB_TEXT:
		case PB_WORD:
			show_text(out, value);
			break;
		default:
			elog(ERROR, "a field of kind %d cannot be shown", (int) field->kind);
	}
}

/* What is shown in place of no value; NULL: nothing. */
static const char *
none_of(const PbField *field)
{
	return field->flags & PB_NULL_SHOWN ? "null" :
		field->flags & PB_BLANK_SHOWN ? "\"\"" : NULL;
}

static void
show_leaf(Show *show, const PbField *field)
{
	int			leaf = show->leaf++;
	const char *none = none_of(field);

	if (!(field->flags & PB_SHOWN) ||
		(!pb_row_has(show->row, leaf) && none == NULL))
		return;
	pb_json_name(show->out, field->name);
	if (!pb_row_has(show->row, leaf))
		appendStringInfoString(show->out, none);
	else
		show_value(show->out, field, show->row->values[leaf]);
}

/*
 * Skips an object that may be absent, where none of its members has a value.
 * The members must be leaves.
 */
static bool
skip_empty(Show *show, const PbField *object)
{
	int			leaf = show->leaf;

	if (!(object->flags & PB_NULLABLE))
		return false;
	for (const PbField *field = object->fields; field->name != NULL; field++)
		if (pb_row_has(show->row, leaf++))
			return false;
	show->leaf = leaf;
	return true;
}

static void
show_fields(Show *show, const PbField *fields)
{
	pb_json_begin(show->out, '{');
	for (const PbField *field = fields; field->name != NULL; field++)
	{
		if (field->kind == PB_OBJECT)
		{
			if (skip_empty(show, field))
				continue;
			pb_json_name(show->out, field->name);
			show_fields(show, field->fields);
		}
		else if (pb_field_lists_objects(field))
		{
			pb_json_name(show->out, field->name);
			show_objects(show, field);
		}
		else if (field->kind != PB_EMBEDDED)
			show_leaf(show, field);
	}
	pb_json_end(show->out, '}');
}

void
pb_show(StringInfo out, const PbRow *row)
{
	Show		show = {out, row, 0};

	show_fields(&show, row->resource->fields);
}
