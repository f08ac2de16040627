/*
 * describe.c
 *	  The field table as rows, for whoever wants to compare or print it.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "check.h"
#include "describe.h"

#define COLUMNS 11

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
	if (leaf->field->kind == PB_LIST)
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

/* Adds a row for each leaf: the columns of pgbeam.fields(). */
void
pb_describe(ReturnSetInfo *result, const PbResource *resource)
{
	PbRow	   *row = pb_row_make(resource);

	for (int i = 0; i < row->shape->count; i++)
	{
		const PbLeaf *leaf = &row->shape->leaves[i];
		const PbField *field = leaf->field;
		Datum		values[COLUMNS] = {0};
		bool		nulls[COLUMNS] = {0};

		put_text(values, nulls, 0, resource->table);
		put_text(values, nulls, 1, leaf->path);
		put_text(values, nulls, 2, leaf->column);
		put_text(values, nulls, 3, format_type_be(leaf->type));
		values[4] = BoolGetDatum(field->flags & PB_REQUIRED);
		values[5] = BoolGetDatum(field->flags & PB_NULLABLE);
		values[6] = Int32GetDatum(field->least);
		values[7] = Int32GetDatum(field->most);
		nulls[8] = field->words == NULL;
		if (!nulls[8])
			values[8] = words_of(field);
		put_text(values, nulls, 9, default_of(row, i));
		put_text(values, nulls, 10, field->about);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
}
