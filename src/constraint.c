/*
 * constraint.c
 *	  The second wall: what the field table says holds for stored rows too,
 *	  whoever writes them.
 *
 * One CHECK over the whole row, because the server reads and compiles the
 * text of every CHECK again for every statement: with one for each column
 * that took more time than all the rest of a create.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/typcache.h"

#include "constraint.h"
#include "rule.h"

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
 * An array holds a list's plain items, or one member of each of its objects;
 * list is the list, item what is asked of each item.
 */
static const char *
array_problem(const PbField *list, const PbField *item, Datum value)
{
	ArrayType  *array = DatumGetArrayTypeP(value);
	Datum	   *items;
	bool	   *nulls;
	int			count;
	const char *problem;

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

/* The arrays of a list's members are of one length. */
static bool
matches_neighbour(const PbRow *row, int leaf)
{
	const PbLeaf *leaves = row->shape->leaves;

	return leaf == 0 || leaves[leaf].list == NULL ||
		leaves[leaf].list != leaves[leaf - 1].list ||
		array_length(row->values[leaf]) == array_length(row->values[leaf - 1]);
}

/* The leaf's column in rows of this type; -1 for a derived leaf. */
static int
find_column(const PbResource *resource, TupleDesc descriptor,
			const PbLeaf *leaf)
{
	if (leaf->column == NULL)
		return -1;
	for (int i = 0; descriptor != NULL && i < descriptor->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(descriptor, i);

		if (!attribute->attisdropped && attribute->atttypid == leaf->type &&
			strcmp(NameStr(attribute->attname), leaf->column) == 0)
			return i;
	}
	ereport(ERROR,
			(errcode(ERRCODE_WRONG_OBJECT_TYPE),
			 errmsg("only rows of %s can be checked", resource->table)));
}

/* Finds the columns once for each state of the table's definition. */
static void
find_columns(const PbResource *resource, PbShape *shape,
			 const TypeCacheEntry *type)
{
	if (type->tupDesc != NULL && shape->columns_of == type->tupDesc_identifier)
		return;
	shape->columns_of = 0;
	for (int i = 0; i < shape->count; i++)
		shape->leaves[i].column_index = find_column(resource, type->tupDesc,
													&shape->leaves[i]);
	shape->columns_of = type->tupDesc_identifier;
}

static PbRow *
read_row(const PbResource *resource, HeapTupleHeader stored)
{
	TypeCacheEntry *type = lookup_type_cache(HeapTupleHeaderGetTypeId(stored),
											 TYPECACHE_TUPDESC);
	PbRow	   *row = pb_row_make(resource);
	HeapTupleData tuple;
	Datum	   *values;
	bool	   *nulls;

	find_columns(resource, row->shape, type);
	tuple.t_len = HeapTupleHeaderGetDatumLength(stored);
	tuple.t_data = stored;
	values = palloc(type->tupDesc->natts * sizeof(Datum));
	nulls = palloc(type->tupDesc->natts * sizeof(bool));
	heap_deform_tuple(&tuple, type->tupDesc, values, nulls);
	for (int i = 0; i < row->shape->count; i++)
	{
		int			column = row->shape->leaves[i].column_index;

		if (column >= 0 && !nulls[column])
			pb_row_set(row, i, values[column]);
	}
	return row;
}

/* Raises an error where the stored row breaks a rule of its fields. */
void
pb_constraint_check(const PbResource *resource, HeapTupleHeader stored)
{
	PbRow	   *row = read_row(resource, stored);
	PbFaults	faults = {0};

	for (int i = 0; i < row->shape->count; i++)
	{
		const PbLeaf *leaf = &row->shape->leaves[i];
		const char *problem;

		if (!pb_row_has(row, i))
			continue;
		problem = leaf_problem(leaf, row->values[i]);
		if (problem == NULL && !matches_neighbour(row, i))
			problem = "must have as many items as its neighbours";
		if (problem != NULL)
			refuse(resource, leaf->path, psprintf("%s %s", leaf->path, problem));
	}
	if (resource->rule != NULL)
		resource->rule(row, NULL, &faults);
	if (faults.count > 0)
		refuse(resource, faults.problems[0].field, faults.problems[0].detail);
}
