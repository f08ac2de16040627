/*
 * field.c
 *	  The shape of a resource, and rows of that shape.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "base/sql.h"
#include "base/text.h"
#include "fields/field.h"

static const Oid type_of_kind[] = {
	[PB_TEXT] = TEXTOID,
	[PB_WORD] = TEXTOID,
	[PB_INTEGER] = INT4OID,
	[PB_LONG] = INT8OID,
	[PB_DOUBLE] = FLOAT8OID,
	[PB_DECIMAL] = NUMERICOID,
	[PB_BOOLEAN] = BOOLOID,
	[PB_TIME] = TIMESTAMPTZOID,
	[PB_ID] = UUIDOID,
	[PB_SECRET] = BYTEAOID,
	[PB_LIST] = TEXTARRAYOID,
};

static void
unset_numbers(const PbField *fields)
{
	for (const PbField *field = fields; field->name != NULL; field++)
	{
		if (field->at != NULL)
			*field->at = PB_NO_LEAF;
		if (field->fields != NULL)
			unset_numbers(field->fields);
	}
}

/*
 * At the start of the module: sets all numbers of leaves to PB_NO_LEAF. If
 * they were 0 until the shape is made, they would pass for the first leaf.
 *
 * This walks the field table, so that a resource needs nothing but its place
 * in the list of resources. Three other ways were rejected: an initializer
 * names each number once more, numbers from 1 on must be shifted at each use,
 * and a constructor function runs where nobody looks for it.
 */
void
pb_field_start(const PbResource *resource)
{
	PbPrepared *prepared = resource->prepared;

	prepared->id = prepared->org_id = prepared->parent = PB_NO_LEAF;
	prepared->text = PB_NO_LEAF;
	prepared->created_at = prepared->updated_at = PB_NO_LEAF;
	prepared->deleted_at = PB_NO_LEAF;
	unset_numbers(resource->fields);
}

/* Whether a list holds objects. Each of their members has an array column. */
bool
pb_field_lists_objects(const PbField *field)
{
	return field->kind == PB_LIST && field->fields[0].name[0] != '\0';
}

/*
 * The resource that a PB_EMBEDDED member is a create request of. It is found
 * by its name: a parent includes no header of a child.
 */
const PbResource *
pb_field_embedded(const PbField *field)
{
	for (const PbResource *const *resource = pb_resources; *resource != NULL;
		 resource++)
		if (strcmp((*resource)->name, field->embeds) == 0)
			return *resource;
	elog(ERROR, "there is no resource \"%s\"", field->embeds);
}

/* The resource that a create request may embed in that of another, or NULL. */
const PbResource *
pb_field_embeds(const PbResource *resource)
{
	for (const PbField *field = resource->fields; field->name != NULL; field++)
		if (field->kind == PB_EMBEDDED)
			return pb_field_embedded(field);
	return NULL;
}

/*
 * Whether rows of the resource are marked as deleted. The shape tells, which
 * this backend may not have made yet.
 */
bool
pb_field_marks_deleted(const PbResource *resource)
{
	(void) pb_field_shape(resource);
	return resource->prepared->deleted_at != PB_NO_LEAF;
}

/* Whether the column may be null; in the array of a list an item may be. */
bool
pb_leaf_may_be_null(const PbLeaf *leaf)
{
	return leaf->list == NULL && (leaf->field->flags & PB_NULLABLE);
}

/* Whether an update writes it. */
bool
pb_leaf_is_updated(const PbLeaf *leaf)
{
	return leaf->column != NULL &&
		((leaf->field->flags & (PB_UPDATE | PB_STAMPED)) ||
		 leaf->field->kind == PB_SECRET);
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
	leaf->column = field->flags & PB_DERIVED ? NULL :
		field->column != NULL ? field->column : field->name;
	leaf->source = field->flags & PB_DERIVED ? field->expression :
		leaf->column;
	shape->sources += leaf->source != NULL;
	if (field->at != NULL)
	{
		Assert(*field->at == PB_NO_LEAF);
		*field->at = shape->count;
	}
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

/* The shape of a resource: its leaves in order. */
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

/* Makes a row without values. */
PbRow *
pb_row_make(const PbResource *resource)
{
	PbShape    *shape = pb_field_shape(resource);
	int			count = shape->count;
	PbRow	   *row = palloc0(sizeof(PbRow) + count * (sizeof(Datum) + 3));

	row->resource = resource;
	row->shape = shape;
	row->values = (Datum *) (row + 1);
	row->nulls = (char *) (row->values + count);
	row->failed = (bool *) (row->nulls + count);
	row->given = row->failed + count;
	memset(row->nulls, 'n', count);
	return row;
}

void
pb_row_set(PbRow *row, int leaf, Datum value)
{
	pb_row_require(row, leaf);
	row->values[leaf] = value;
	row->nulls[leaf] = ' ';
}

void
pb_row_clear(PbRow *row, int leaf)
{
	pb_row_require(row, leaf);
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

/* Whether an update sets a leaf to another value than it has. */
bool
pb_row_differs(const PbRow *row, const PbRow *changes, int leaf)
{
	return pb_row_is_given(changes, leaf) && !is_same(row, changes, leaf);
}

/*
 * Lays the values of an update over a stored row, and tells whether anything
 * changes. Secrets are left out: they stand beside the row.
 */
bool
pb_row_merge(PbRow *row, const PbRow *changes)
{
	bool		changed = false;

	for (int i = 0; i < row->shape->count; i++)
	{
		if (row->shape->leaves[i].field->kind == PB_SECRET ||
			!pb_row_differs(row, changes, i))
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
	pb_row_require(row, leaf);
	return row->nulls[leaf] == ' ';
}

/*
 * The version of a row, which each update changes: its time in microseconds.
 * 0 for a resource without versions.
 */
int64
pb_row_version(const PbRow *row)
{
	int			updated_at = row->resource->prepared->updated_at;

	return updated_at == PB_NO_LEAF ? 0 :
		DatumGetInt64(pb_row_value(row, updated_at));
}

/* Whether a leaf that is text has this value. */
bool
pb_row_is_word(const PbRow *row, int leaf, const char *word)
{
	text	   *t;

	if (!pb_row_has(row, leaf))
		return false;
	t = DatumGetTextPP(row->values[leaf]);
	return pb_text_is(VARDATA_ANY(t), VARSIZE_ANY_EXHDR(t), word);
}

/*
 * Moves the results of a statement to their leaves. They stand at the front of
 * the row's arrays, one for each leaf that has a source: values, and in failed
 * whether they are null.
 */
void
pb_row_spread(PbRow *row)
{
	int			result = row->shape->sources;

	for (int i = row->shape->count - 1; i >= 0; i--)
	{
		bool		has = row->shape->leaves[i].source != NULL &&
		!row->failed[--result];

		row->values[i] = has ? row->values[result] : (Datum) 0;
		row->nulls[i] = has ? ' ' : 'n';
		row->failed[i] = false;
	}
}
