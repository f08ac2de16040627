/*
 * field.c
 *	  The shape of a resource, and rows of that shape.
 *
 * A shape is made once per backend, in pb_sql_memory().
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "field.h"
#include "sql.h"
#include "text.h"

static const Oid type_of_kind[] = {
	[PB_TEXT] = TEXTOID,
	[PB_WORD] = TEXTOID,
	[PB_INTEGER] = INT4OID,
	[PB_BOOLEAN] = BOOLOID,
	[PB_TIME] = TIMESTAMPTZOID,
	[PB_ID] = UUIDOID,
	[PB_SECRET] = BYTEAOID,
	[PB_LIST] = TEXTARRAYOID,
};

/* Whether a list holds objects; each of their members has an array column. */
bool
pb_field_lists_objects(const PbField *field)
{
	return field->kind == PB_LIST && field->fields[0].name[0] != '\0';
}

static void
add_leaf(PbShape *shape, const PbField *field, const char *path,
		 const PbField *list)
{
	PbLeaf	   *leaf = &shape->leaves[shape->count];

	leaf->field = field;
	leaf->list = list;
	leaf->path = path;
	leaf->type = list != NULL ? TEXTARRAYOID : type_of_kind[field->kind];
	leaf->column_index = -1;
	leaf->has_fallback = false;
	if (field->flags & PB_DERIVED)
		leaf->column = NULL;
	else
		leaf->column = field->column != NULL ? field->column : field->name;
	if (field->at != NULL)
		*field->at = shape->count;
	shape->count++;
}

static void
add_leaves(PbShape *shape, const PbField *fields, const char *above,
		   const PbField *list)
{
	for (const PbField *field = fields; field->name != NULL; field++)
	{
		const char *path = psprintf("%s%s", above, field->name);

		shape->leaves = repalloc(shape->leaves,
								 (shape->count + 1) * sizeof(PbLeaf));
		if (field->kind == PB_OBJECT)
			add_leaves(shape, field->fields, psprintf("%s.", path), list);
		else if (pb_field_lists_objects(field))
			add_leaves(shape, field->fields, psprintf("%s[].", path), field);
		else if (field->kind != PB_EMBEDDED)
			add_leaf(shape, field, path, list);
	}
}

/* The resource's leaves in order. */
PbShape *
pb_field_shape(const PbResource *resource)
{
	MemoryContext before;
	PbShape    *shape;

	if (resource->prepared->shape != NULL)
		return resource->prepared->shape;
	before = MemoryContextSwitchTo(pb_sql_memory());
	shape = palloc0(sizeof(PbShape));
	shape->leaves = palloc(sizeof(PbLeaf));
	add_leaves(shape, resource->fields, "", NULL);
	MemoryContextSwitchTo(before);
	resource->prepared->shape = shape;
	return shape;
}

/* A row without values, in the current memory context. */
PbRow *
pb_row_make(const PbResource *resource)
{
	PbRow	   *row = palloc0(sizeof(PbRow));

	row->resource = resource;
	row->shape = pb_field_shape(resource);
	row->values = palloc0(row->shape->count * sizeof(Datum));
	row->nulls = palloc(row->shape->count);
	memset(row->nulls, 'n', row->shape->count);
	row->failed = palloc0(row->shape->count * sizeof(bool));
	row->given = palloc0(row->shape->count * sizeof(bool));
	return row;
}

void
pb_row_set(PbRow *row, int leaf, Datum value)
{
	row->values[leaf] = value;
	row->nulls[leaf] = ' ';
}

void
pb_row_clear(PbRow *row, int leaf)
{
	row->values[leaf] = (Datum) 0;
	row->nulls[leaf] = 'n';
}

static bool
is_same(const PbRow *a, const PbRow *b, int leaf)
{
	int16		length;
	bool		by_value;

	if (!pb_row_has(a, leaf) || !pb_row_has(b, leaf))
		return pb_row_has(a, leaf) == pb_row_has(b, leaf);
	get_typlenbyval(a->shape->leaves[leaf].type, &length, &by_value);
	return datum_image_eq(a->values[leaf], b->values[leaf], by_value, length);
}

/*
 * Lays what an update sets over a stored row, but for secrets, which stand
 * beside the row; tells whether anything changes.
 */
bool
pb_row_merge(PbRow *row, const PbRow *changes)
{
	bool		changed = false;

	for (int i = 0; i < row->shape->count; i++)
	{
		if (!changes->given[i] ||
			row->shape->leaves[i].field->kind == PB_SECRET ||
			is_same(row, changes, i))
			continue;
		row->values[i] = changes->values[i];
		row->nulls[i] = changes->nulls[i];
		changed = true;
	}
	return changed;
}

bool
pb_row_has(const PbRow *row, int leaf)
{
	return row->nulls[leaf] == ' ';
}

/* Another one after each update: microseconds of its time. */
int64
pb_row_version(const PbRow *row)
{
	return DatumGetInt64(row->values[row->resource->prepared->updated_at]);
}

/* Whether the leaf, of a kind of text, has this value. */
bool
pb_row_is_word(const PbRow *row, int leaf, const char *word)
{
	text	   *t;

	if (!pb_row_has(row, leaf))
		return false;
	t = DatumGetTextPP(row->values[leaf]);
	return pb_text_is(VARDATA_ANY(t), VARSIZE_ANY_EXHDR(t), word);
}

/* Rows of a table that was altered are not taken for what they were. */
static void
require_sound(const PbRow *row, int index, Oid type, bool isnull)
{
	const PbLeaf *leaf = &row->shape->leaves[index];
	bool		may_be_null = leaf->column == NULL ||
		(leaf->field->flags & PB_NULLABLE);

	if (type == leaf->type && (may_be_null || !isnull))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_DATATYPE_MISMATCH),
			 errmsg("column \"%s\" of %s is not as the extension made it",
					leaf->column != NULL ? leaf->column : leaf->path,
					row->resource->table),
			 errhint("Undo the change of the table.")));
}

/*
 * Takes the values from a tuple with a column for each leaf; the values stay
 * in the tuple.
 */
void
pb_row_load(PbRow *row, HeapTuple tuple, TupleDesc descriptor)
{
	bool	   *isnull = row->failed;

	if (descriptor->natts != row->shape->count)
		elog(ERROR, "a row of %s has %d columns, not %d", row->resource->table,
			 descriptor->natts, row->shape->count);
	heap_deform_tuple(tuple, descriptor, row->values, isnull);
	for (int i = 0; i < row->shape->count; i++)
	{
		require_sound(row, i, TupleDescAttr(descriptor, i)->atttypid,
					  isnull[i]);
		row->nulls[i] = isnull[i] ? 'n' : ' ';
		isnull[i] = false;
	}
}
