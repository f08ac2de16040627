/*
 * describe.c
 *	  The field table as rows, to be compared or printed.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "base/result.h"
#include "fields/check.h"
#include "fields/describe.h"

/* the columns of pgbeam.fields() */
enum
{
	TABLE_NAME, FIELD, COLUMN_NAME, TYPE, IN_CREATE, REQUIRED, NULLABLE,
	MINIMUM, MAXIMUM, WORDS, DEFAULT_VALUE, ABOUT, COLUMNS
};

static const PbColumn columns[COLUMNS] = {
	[TABLE_NAME] = {"table_name", TEXTOID}, [FIELD] = {"field", TEXTOID},
	[COLUMN_NAME] = {"column_name", TEXTOID}, [TYPE] = {"type", TEXTOID},
	[IN_CREATE] = {"in_create", BOOLOID}, [REQUIRED] = {"required", BOOLOID},
	[NULLABLE] = {"nullable", BOOLOID}, [MINIMUM] = {"minimum", INT4OID},
	[MAXIMUM] = {"maximum", INT4OID}, [WORDS] = {"words", TEXTARRAYOID},
	[DEFAULT_VALUE] = {"default_value", TEXTOID}, [ABOUT] = {"about", TEXTOID}
};

static Datum
words_of(const PbField *field)
{
	int			count = 0;
	Datum	   *words;

	while (field->words[count] != NULL)
		count++;
	words = palloc(count * sizeof(Datum));
	for (int i = 0; i < count; i++)
		words[i] = CStringGetTextDatum(field->words[i]);
	return PointerGetDatum(construct_array(words, count, TEXTOID, -1, false,
										   TYPALIGN_INT));
}

static char *
default_of(PbRow *row, int index)
{
	const PbLeaf *leaf = &row->shape->leaves[index];
	Datum		value;

	if (!pb_check_fallback(row, index, &value))
		return NULL;
	if (leaf->field->kind == PB_INTEGER)
		return psprintf("%d", DatumGetInt32(value));
	if (leaf->field->kind == PB_BOOLEAN)
		return pstrdup(DatumGetBool(value) ? "true" : "false");
	if (leaf->field->kind == PB_LIST || leaf->field->kind == PB_LONG ||
		leaf->field->kind == PB_DOUBLE)
		return pstrdup(leaf->field->fallback);
	return TextDatumGetCString(value);
}

static void
put_text(Datum *values, bool *nulls, int column, const char *text)
{
	nulls[column] = text == NULL;
	if (text != NULL)
		values[column] = CStringGetTextDatum(text);
}

static void
put_limits(Datum *values, bool *nulls, const PbField *field)
{
	bool		limited = field->words == NULL &&
		(field->kind == PB_INTEGER || field->kind == PB_LONG ||
		 field->kind == PB_DOUBLE || field->kind == PB_DECIMAL ||
		 field->kind == PB_TEXT ||
		 field->kind == PB_SECRET || field->kind == PB_LIST);

	values[MINIMUM] = Int32GetDatum(field->least);
	nulls[MINIMUM] = !limited;
	values[MAXIMUM] = Int32GetDatum(field->most);
	nulls[MAXIMUM] = !limited || field->most == 0;
}

void
pb_describe_begin(FunctionCallInfo fcinfo)
{
	pb_result_begin(fcinfo, columns, COLUMNS);
}

/* Adds a row for each leaf. */
void
pb_describe(FunctionCallInfo fcinfo, const PbResource *resource)
{
	PbRow	   *row = pb_row_make(resource);

	for (int i = 0; i < row->shape->count; i++)
	{
		const PbLeaf *leaf = &row->shape->leaves[i];
		const PbField *field = leaf->field;
		Datum		values[COLUMNS] = {0};
		bool		nulls[COLUMNS] = {0};

		put_text(values, nulls, TABLE_NAME, resource->table);
		put_text(values, nulls, FIELD, leaf->path);
		put_text(values, nulls, COLUMN_NAME, leaf->column);
		put_text(values, nulls, TYPE, format_type_be(leaf->type));
		values[IN_CREATE] = BoolGetDatum(field->flags & PB_CREATE);
		values[REQUIRED] = BoolGetDatum(field->flags & PB_REQUIRED);
		values[NULLABLE] = BoolGetDatum(pb_leaf_may_be_null(leaf));
		put_limits(values, nulls, field);
		nulls[WORDS] = field->words == NULL;
		if (!nulls[WORDS])
			values[WORDS] = words_of(field);
		put_text(values, nulls, DEFAULT_VALUE, default_of(row, i));
		put_text(values, nulls, ABOUT, field->about);
		pb_result_add(fcinfo, values, nulls);
	}
}
