/*
 * lead.c
 *	  A lead: columns by which rows of a table are sought, and an index that
 *	  has them side by side.
 *
 * An index is known by its shape. Its name tells nothing, as somebody may have
 * made another one of that name.
 */
#include "postgres.h"

#include "access/genam.h"
#include "catalog/pg_am.h"
#include "catalog/pg_index.h"
#include "commands/defrem.h"
#include "nodes/primnodes.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "base/lead.h"

/* The number of a column; 0 if it is not as the extension made it. */
static AttrNumber
find_column(Relation relation, const PbStoredColumn *column)
{
	AttrNumber	number = get_attnum(RelationGetRelid(relation), column->name);

	return number > 0 &&
		get_atttype(RelationGetRelid(relation), number) == column->type ?
		number : 0;
}

/* Whether an index's column is one of the table's, compared as there. */
static bool
is_plain_column(Relation relation, Relation index, int n)
{
	AttrNumber	number = index->rd_index->indkey.values[n];
	Form_pg_attribute column;

	if (number <= 0)
		return false;
	column = TupleDescAttr(RelationGetDescr(relation), number - 1);
	return index->rd_indcollation[n] == column->attcollation &&
		index->rd_opfamily[n] ==
		get_opclass_family(GetDefaultOpClass(column->atttypid, BTREE_AM_OID));
}

/* Whether an index begins with these columns of the table, in any order. */
bool
pb_lead_begins_with(Relation relation, Relation index,
					const AttrNumber *numbers, int count)
{
	const FormData_pg_index *form = index->rd_index;

	if (index->rd_rel->relam != BTREE_AM_OID || !form->indisvalid ||
		form->indnkeyatts < count)
		return false;
	for (int i = 0; i < count; i++)
	{
		int			place = 0;

		while (place < count && form->indkey.values[place] != numbers[i])
			place++;
		if (place == count || !is_plain_column(relation, index, place))
			return false;
	}
	return true;
}

/*
 * Whether an expression tells rows that are not deleted. It may be of a whole
 * row, whose number is that of no column.
 */
static bool
is_living(Relation relation, const Node *expression)
{
	const NullTest *test = (const NullTest *) expression;
	AttrNumber	number = get_attnum(RelationGetRelid(relation), "deleted_at");

	return number > 0 && IsA(expression, NullTest) &&
		test->nulltesttype == IS_NULL && IsA(test->arg, Var) &&
		((const Var *) test->arg)->varattno == number;
}

/* Whether an index has the rows that are not deleted, and no others. */
bool
pb_lead_has_living(Relation relation, Relation index)
{
	List	   *conditions = RelationGetIndexPredicate(index);

	return list_length(conditions) == 1 &&
		is_living(relation, linitial(conditions));
}

/* Whether an index's column is an expression that tells living rows. */
static bool
keeps_living(Relation relation, Relation index, int n)
{
	const FormData_pg_index *form = index->rd_index;

	return n < form->indnkeyatts && form->indkey.values[n] == 0 &&
		is_living(relation, linitial(RelationGetIndexExpressions(index)));
}

/* Whether an index's column is this one, in ascending order. */
static bool
goes_by(Relation relation, Relation index, int n,
		const PbStoredColumn *column)
{
	const FormData_pg_index *form = index->rd_index;

	return n < form->indnkeyatts && index->rd_indoption[n] == 0 &&
		form->indkey.values[n] != 0 &&
		form->indkey.values[n] == find_column(relation, column) &&
		is_plain_column(relation, index, n);
}

/*
 * Whether an index has the rows of the lead side by side. In an order they are
 * counted as they are met, so that it must pass what is deleted.
 */
static bool
leads(const PbLead *lead, Relation relation, Relation index)
{
	bool		in_order = lead->then.name != NULL;
	bool		keeps;

	if (index->rd_index->indcheckxmin ||
		!pb_lead_begins_with(relation, index, lead->numbers, lead->count))
		return false;
	keeps = lead->to_living && keeps_living(relation, index, lead->count);
	if (in_order &&
		!goes_by(relation, index, lead->count + keeps, &lead->then))
		return false;
	return RelationGetIndexPredicate(index) == NIL ?
		keeps || !in_order || !lead->to_living :
		in_order && lead->to_living && pb_lead_has_living(relation, index);
}

static bool
find_columns(PbLead *lead, Relation relation)
{
	for (int i = 0; i < lead->count; i++)
	{
		lead->numbers[i] = find_column(relation, &lead->columns[i]);
		if (lead->numbers[i] == InvalidAttrNumber)
			return false;
	}
	return lead->count > 0;
}

/* The place of a column among those whose values are known. */
static int
place_of(const PbLead *lead, AttrNumber column)
{
	int			place = 0;

	while (lead->numbers[place] != column)
		place++;
	Assert(place < lead->count);
	return place;
}

/* What compares values of an index's column. */
static RegProcedure
find_procedure(Relation index, int n, StrategyNumber strategy)
{
	Oid			type = index->rd_opcintype[n];
	Oid			operator = get_opfamily_member(index->rd_opfamily[n], type,
											   type, strategy);

	Assert(OidIsValid(operator));
	return get_opcode(operator);
}

/* To look this up at each search takes a fifth of it. */
static void
take(PbLead *lead, Relation relation, Relation index)
{
	int			next;

	lead->index = RelationGetRelid(index);
	lead->keeps_living = lead->to_living &&
		keeps_living(relation, index, lead->count);
	for (int n = 0; n < lead->count; n++)
		lead->places[n] = place_of(lead, index->rd_index->indkey.values[n]);
	next = lead->count + lead->keeps_living;
	for (int n = 0; n < next; n++)
		lead->equals[n] = find_procedure(index, n, BTEqualStrategyNumber);
	if (lead->then.name == NULL)
		return;
	lead->before = find_procedure(index, next, BTLessStrategyNumber);
	lead->behind = find_procedure(index, next, BTGreaterStrategyNumber);
}

/* Takes an index if it leads there. */
static void
try(PbLead *lead, Relation relation, Oid id)
{
	Relation	index = index_open(id, AccessShareLock);

	if (leads(lead, relation, index))
		take(lead, relation, index);
	index_close(index, NoLock);
}

/*
 * Finds an index that leads there. A table that others inherit from has rows
 * which no index of it has, and one that is not logged none on a standby.
 */
void
pb_lead_find(PbLead *lead, Relation relation)
{
	List	   *indexes;
	ListCell   *cell;

	lead->index = InvalidOid;
	if (relation->rd_rel->relhassubclass ||
		!RelationIsPermanent(relation) || !find_columns(lead, relation))
		return;
	indexes = RelationGetIndexList(relation);
	foreach(cell, indexes)
		if (!OidIsValid(lead->index))
			try(lead, relation, lfirst_oid(cell));
	list_free(indexes);
}
