/*
 * constraint.c
 *	  The second wall: the field table also holds for stored rows, whoever
 *	  writes them.
 *
 * A table has one CHECK over the whole row. A CHECK for each column was
 * rejected: the server reads and compiles the text of every CHECK again for
 * every statement, and that took more time than all the rest of a create.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/typcache.h"

#include "fields/constraint.h"
#include "fields/rule.h"

static void
refuse(const PbResource *resource, const char *field, const char *problem)
{
	ereport(ERROR,
			(errcode(ERRCODE_CHECK_VIOLATION),
			 errmsg("a row of %s is refused: %s", resource->table, problem),
			 err_generic_string(PG_DIAG_COLUMN_NAME, field)));
}

static const char *
text_problem(const PbField *field, Datum value)
{
	text	   *t = DatumGetTextPP(value);

	return pb_rule_text(field, VARDATA_ANY(t), VARSIZE_ANY_EXHDR(t));
}

/*
 * The problem of an array, which holds the plain items of a list, or one
 * member of each of its objects. item has the rule for each item.
 */
static const char *
array_problem(const PbField *list, const PbField *item, Datum value)
{
	ArrayType  *array = DatumGetArrayTypeP(value);
	Datum	   *items;
	bool	   *nulls;
	int			count;
	const char *problem;

	if (ARR_NDIM(array) > 1)
		return "must have one dimension";
	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &items, &nulls,
					  &count);
	problem = pb_rule_count(list, count);
	for (int i = 0; i < count && problem == NULL; i++)
		if (!nulls[i])
			problem = text_problem(item, items[i]);
		else if (item->name[0] == '\0' || (item->flags & PB_REQUIRED))
			problem = "must not have nulls";
	return problem;
}

static const char *
leaf_problem(const PbLeaf *leaf, Datum value)
{
	const PbField *field = leaf->field;

	if (leaf->list != NULL)
		return array_problem(leaf->list, field, value);
	switch (field->kind)
	{
		case PB_TEXT:
		case PB_WORD:
			return text_problem(field, value);
		case PB_INTEGER:
			return pb_rule_integer(field, DatumGetInt32(value));
		case PB_LONG:
			return pb_rule_integer(field, DatumGetInt64(value));
		case PB_DOUBLE:
			return pb_rule_number(field, DatumGetFloat8(value));
		case PB_DECIMAL:
			return pb_rule_decimal(field, value);
		case PB_LIST:
			return array_problem(field, field->fields, value);
		default:
			return NULL;
	}
}

static int
array_length(Datum value)
{
	ArrayType  *array = DatumGetArrayTypeP(value);

	return ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
}

/* The arrays of one list must have the same length. */
static bool
matches_neighbour(const PbRow *row, int leaf)
{
	const PbLeaf *leaves = row->shape->leaves;

	return leaf == 0 || leaves[leaf].list == NULL ||
		leaves[leaf].list != leaves[leaf - 1].list ||
		!pb_row_has(row, leaf - 1) ||
		array_length(row->values[leaf]) == array_length(row->values[leaf - 1]);
}

pg_noreturn static void refuse_type(void);

static void
refuse_type(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_WRONG_OBJECT_TYPE),
			 errmsg("a row of this type does not have the columns of the resource")));
}

/* The column of a leaf in rows of this type; -1 for a derived leaf. */
static int
find_column(TupleDesc descriptor, const PbLeaf *leaf)
{
	if (leaf->column == NULL)
		return -1;
	for (int i = 0; i < descriptor->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(descriptor, i);

		if (!attribute->attisdropped && attribute->atttypid == leaf->type &&
			strcmp(NameStr(attribute->attname), leaf->column) == 0)
			return i;
	}
	refuse_type();
}

/* Finds the columns, once for as long as the table stays as it is. */
static void
find_columns(PbShape *shape, const TypeCacheEntry *type)
{
	if (type->tupDesc == NULL)
		refuse_type();
	if (shape->columns_of == type->tupDesc_identifier)
		return;
	shape->columns_of = 0;
	for (int i = 0; i < shape->count; i++)
		shape->leaves[i].column_index = find_column(type->tupDesc,
													&shape->leaves[i]);
	shape->columns_of = type->tupDesc_identifier;
}

static PbRow *
read_row(const PbResource *resource, TupleDesc descriptor,
		 HeapTupleHeader stored)
{
	PbRow	   *row = pb_row_make(resource);
	Datum	   *values = palloc(descriptor->natts * sizeof(Datum));
	bool	   *nulls = palloc(descriptor->natts * sizeof(bool));
	HeapTupleData tuple;

	tuple.t_len = HeapTupleHeaderGetDatumLength(stored);
	tuple.t_data = stored;
	heap_deform_tuple(&tuple, descriptor, values, nulls);
	for (int i = 0; i < row->shape->count; i++)
	{
		int			column = row->shape->leaves[i].column_index;

		if (column >= 0 && !nulls[column])
			pb_row_set(row, i, values[column]);
	}
	return row;
}

/*
 * A living row must have its secret, and a deleted one must not. One that was
 * restored has none until an update gives it one.
 */
static const char *
secret_problem(const PbRow *row, int leaf)
{
	const PbField *field = row->shape->leaves[leaf].field;

	if (pb_row_has(row, row->resource->prepared->deleted_at))
		return pb_row_has(row, leaf) ?
			"must not be there when deleted_at is set" : NULL;
	return pb_row_has(row, leaf) || (field->flags & PB_UPDATE) ? NULL :
		"must be there until deleted_at is set";
}

static const char *
problem_of(const PbRow *row, int index)
{
	const PbLeaf *leaf = &row->shape->leaves[index];
	const char *problem;

	if (leaf->field->kind == PB_SECRET)
		return secret_problem(row, index);
	if (!pb_row_has(row, index))
		return NULL;
	problem = leaf_problem(leaf, row->values[index]);
	if (problem == NULL && !matches_neighbour(row, index))
		problem = "must have as many items as its neighbours";
	return problem;
}

/*
 * Raises an error where the row breaks a rule of its resource's fields: for
 * rows that come to the table past its CHECK.
 */
void
pb_constraint_require(const PbRow *row)
{
	const PbResource *resource = row->resource;
	PbFaults	faults = {0};

	for (int i = 0; i < row->shape->count; i++)
	{
		const char *path = row->shape->leaves[i].path;
		const char *problem = problem_of(row, i);

		if (problem != NULL)
			refuse(resource, path, psprintf("%s %s", path, problem));
	}
	if (resource->rule != NULL)
		resource->rule(row, NULL, &faults);
	if (faults.count > 0)
		refuse(resource, faults.problems[0].field, faults.problems[0].detail);
}

/*
 * The same for a stored row. The columns identify its type, because the table
 * of a shard has another name.
 */
void
pb_constraint_check(const PbResource *resource, HeapTupleHeader stored)
{
	TypeCacheEntry *type = lookup_type_cache(HeapTupleHeaderGetTypeId(stored),
											 TYPECACHE_TUPDESC);

	find_columns(pb_field_shape(resource), type);
	pb_constraint_require(read_row(resource, type->tupDesc, stored));
}
