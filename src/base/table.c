/*
 * table.c
 *	  What is known of one of our tables: in which ways it can be written.
 *
 * People put triggers, rules and policies on our tables, and alter them. What
 * they have done is looked up once, and again when the backend hears that a
 * table was changed. It hears that at the latest when it locks the table.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/pg_am.h"
#include "catalog/pg_index.h"
#include "commands/defrem.h"
#include "commands/trigger.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/regproc.h"
#include "utils/syscache.h"

#include "base/sql.h"
#include "base/table.h"

/* The number of a column that is as the extension made it; 0 if none is. */
static AttrNumber
find_column(TupleDesc descriptor, const PbColumn *column)
{
	for (int i = 0; i < descriptor->natts; i++)
	{
		Form_pg_attribute stored = TupleDescAttr(descriptor, i);

		if (!stored->attisdropped &&
			strcmp(NameStr(stored->attname), column->name) == 0)
			return stored->atttypid == column->type &&
				stored->atttypmod == -1 && stored->attgenerated == '\0' ?
				stored->attnum : 0;
	}
	return 0;
}

/* Finds the columns. False if one is not as the extension made it. */
static bool
find_columns(PbTable *table, TupleDesc descriptor)
{
	if (table->numbers == NULL)
		table->numbers = MemoryContextAllocZero(pb_sql_memory(),
												table->count *
												sizeof(AttrNumber));
	for (int i = 0; i < table->count; i++)
	{
		if (table->columns[i].name == NULL)
			continue;
		table->numbers[i] = find_column(descriptor, &table->columns[i]);
		if (table->numbers[i] == 0)
			return false;
	}
	return true;
}

static bool
has_triggers_before(const TriggerDesc *triggers)
{
	return triggers != NULL &&
		(triggers->trig_insert_before_row ||
		 triggers->trig_update_before_row ||
		 triggers->trig_delete_before_row);
}

/* The catalog says that a table has rules until it is vacuumed. */
static bool
stores_as_given(PbTable *table, Relation relation)
{
	return relation->rd_rel->relkind == RELKIND_RELATION &&
		relation->rd_rules == NULL && !relation->rd_rel->relrowsecurity &&
		!has_triggers_before(relation->trigdesc) &&
		find_columns(table, RelationGetDescr(relation));
}

/* Whether there are no columns beside ours, which may have a default. */
static bool
has_no_more_columns(const PbTable *table, TupleDesc descriptor)
{
	int			ours = 0;
	int			all = 0;

	for (int i = 0; i < table->count; i++)
		ours += table->columns[i].name != NULL;
	for (int i = 0; i < descriptor->natts; i++)
		all += !TupleDescAttr(descriptor, i)->attisdropped;
	return all == ours;
}

static bool
is_function(Oid function, const char *qualified)
{
	const char *schema = get_namespace_name(get_func_namespace(function));

	return strcmp(psprintf("%s.%s", schema, get_func_name(function)),
				  qualified) == 0;
}

/*
 * Whether a CHECK only calls the function whose work callers do. A name would
 * not tell: somebody may have put another one in its place.
 */
static bool
is_own_check(const PbTable *table, const ConstrCheck *check)
{
	const Node *condition = stringToNode(check->ccbin);

	return table->check != NULL && IsA(condition, FuncExpr) &&
		is_function(((const FuncExpr *) condition)->funcid, table->check);
}

static bool
has_no_more_checks(const PbTable *table, TupleDesc descriptor)
{
	const TupleConstr *constraints = descriptor->constr;

	for (int i = 0; constraints != NULL && i < constraints->num_check; i++)
		if (!is_own_check(table, &constraints->check[i]))
			return false;
	return true;
}

static Oid
find_table(const char *name)
{
	return RangeVarGetRelid(makeRangeVarFromNameList(pb_qualified_name(name)),
							NoLock, true);
}

/* Whether a column leads to one of the parent as our foreign key does. */
static bool
is_own_pair(const PbTable *table, const char *from, const char *to)
{
	return strcmp(to, "org_id") == 0 ? strcmp(from, "org_id") == 0 :
		strcmp(to, "id") == 0 && strcmp(from, table->parent_id) == 0;
}

/* Whether a foreign key asks for nothing but the parent of a row. */
static bool
is_own_key(const PbTable *table, const ForeignKeyCacheInfo *key)
{
	if (table->parent == NULL || key->confrelid != find_table(table->parent))
		return false;
	for (int i = 0; i < key->nkeys; i++)
		if (!is_own_pair(table,
						 get_attname(key->conrelid, key->conkey[i], false),
						 get_attname(key->confrelid, key->confkey[i], false)))
			return false;
	return true;
}

/* A list of its own: the server forgets its one when it hears of a change. */
static bool
has_no_more_keys(const PbTable *table, Relation relation)
{
	List	   *keys = copyObject(RelationGetFKeyList(relation));
	ListCell   *cell;

	foreach(cell, keys)
		if (!is_own_key(table, lfirst(cell)))
			return false;
	return true;
}

/*
 * Whether a trigger has nothing to do where rows are inserted below a parent
 * that this transaction holds: it is of a foreign key that leads to the table,
 * or of one of its own, which are judged by their columns.
 */
static bool
may_be_left_out(const Trigger *trigger)
{
	int			kind = RI_FKey_trigger_type(trigger->tgfoid);

	return trigger->tgisinternal &&
		(kind == RI_TRIGGER_PK || kind == RI_TRIGGER_FK);
}

static bool
has_no_more_triggers(const TriggerDesc *triggers)
{
	for (int i = 0; triggers != NULL && i < triggers->numtriggers; i++)
		if (!may_be_left_out(&triggers->triggers[i]))
			return false;
	return true;
}

/* Whether somebody has put a rule or a trigger on the table. */
static bool
runs_code(Relation relation)
{
	const TriggerDesc *triggers = relation->trigdesc;

	for (int i = 0; triggers != NULL && i < triggers->numtriggers; i++)
		if (!triggers->triggers[i].tgisinternal)
			return true;
	return relation->rd_rules != NULL;
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
static bool
begins_with(Relation relation, Relation index, const AttrNumber *numbers,
			int count)
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

/* Whether an index has the rows that are not deleted, and no others. */
static bool
has_living(Relation relation, Relation index)
{
	List	   *conditions = RelationGetIndexPredicate(index);
	const NullTest *test;

	if (list_length(conditions) != 1 || !IsA(linitial(conditions), NullTest))
		return false;
	test = linitial(conditions);
	return test->nulltesttype == IS_NULL && IsA(test->arg, Var) &&
		((const Var *) test->arg)->varattno ==
		get_attnum(RelationGetRelid(relation), "deleted_at");
}

static bool
tells_unique(const PbTable *table, Relation relation, Relation index)
{
	AttrNumber	numbers[PB_UNIQUE_MAX];
	int			count = 0;

	for (; count < PB_UNIQUE_MAX && table->unique_columns[count] != NULL;
		 count++)
		numbers[count] = get_attnum(RelationGetRelid(relation),
									table->unique_columns[count]);
	return index->rd_index->indisunique && index->rd_index->indimmediate &&
		index->rd_index->indnkeyatts == count &&
		begins_with(relation, index, numbers, count) &&
		(table->unique_if_living ? has_living(relation, index) :
		 RelationGetIndexPredicate(index) == NIL);
}

/*
 * Finds the unique index. False if somebody has dropped or altered it, or has
 * made another one of its name.
 */
static bool
find_unique(PbTable *table, Relation relation)
{
	Relation	index;
	bool		answer;

	if (table->unique == NULL)
		return true;
	table->unique_id = get_relname_relid(table->unique,
										 RelationGetNamespace(relation));
	if (!list_member_oid(RelationGetIndexList(relation), table->unique_id))
		return false;
	index = index_open(table->unique_id, AccessShareLock);
	answer = tells_unique(table, relation, index);
	index_close(index, NoLock);
	return answer;
}

/* The place of a column among those that the table is searched by, or -1. */
int
pb_table_sought(const PbTable *table, AttrNumber column)
{
	for (int i = 0; i < table->sought_count; i++)
		if (table->sought_numbers[i] == column)
			return i;
	return -1;
}

/* Whether an index holds all rows, and begins with the columns sought. */
static bool
leads_to_sought(const PbTable *table, Relation relation, Relation index)
{
	return !index->rd_index->indcheckxmin &&
		RelationGetIndexPredicate(index) == NIL &&
		begins_with(relation, index, table->sought_numbers,
					table->sought_count);
}

static bool
is_lead(const PbTable *table, Relation relation, Oid id)
{
	Relation	index = index_open(id, AccessShareLock);
	bool		answer = leads_to_sought(table, relation, index);

	index_close(index, NoLock);
	return answer;
}

static bool
find_sought_columns(PbTable *table)
{
	for (int i = 0; i < table->sought_count; i++)
	{
		table->sought_numbers[i] = get_attnum(table->id, table->sought[i]);
		if (table->sought_numbers[i] == InvalidAttrNumber)
			return false;
	}
	return table->sought_count > 0;
}

/*
 * Finds an index to search by; invalid if there is none. A table that others
 * inherit from has rows which no index of it has.
 */
static Oid
find_sought(PbTable *table, Relation relation)
{
	List	   *indexes;
	ListCell   *cell;
	Oid			found = InvalidOid;

	if (!table->stores_as_given || table->runs_code ||
		pb_sql_may_be_distributed() || relation->rd_rel->relhassubclass ||
		!find_sought_columns(table))
		return InvalidOid;
	indexes = RelationGetIndexList(relation);
	foreach(cell, indexes)
		if (!OidIsValid(found) && is_lead(table, relation, lfirst_oid(cell)))
			found = lfirst_oid(cell);
	list_free(indexes);
	return found;
}

/* Citus has the rows of a table elsewhere. */
static bool
takes_rows(PbTable *table, Relation relation)
{
	TupleDesc	descriptor = RelationGetDescr(relation);

	return table->stores_as_given && !pb_sql_may_be_distributed() &&
		!relation->rd_rel->relispartition &&
		has_no_more_columns(table, descriptor) &&
		has_no_more_checks(table, descriptor) &&
		has_no_more_keys(table, relation) &&
		has_no_more_triggers(relation->trigdesc) &&
		find_unique(table, relation);
}

static bool
is_known(const PbTable *table)
{
	return table->known_at == pb_sql_generation();
}

/*
 * What is looked up may tell that other tables were changed. The table itself
 * is locked, so what was found is true, but it is looked up again at the next
 * use. To look until nothing is told was rejected: a server that is built to
 * forget everything at once always tells something.
 */
static void
look(PbTable *table, Relation relation)
{
	table->known_at = pb_sql_generation();
	table->id = RelationGetRelid(relation);
	table->stores_as_given = stores_as_given(table, relation);
	table->takes_rows = takes_rows(table, relation);
	table->runs_code = runs_code(relation);
	table->has_triggers = relation->trigdesc != NULL;
	table->sought_id = find_sought(table, relation);
}

static Relation
open_by_name(const PbTable *table)
{
	List	   *name = pb_qualified_name(table->name);

	return table_openrv(makeRangeVarFromNameList(name), RowExclusiveLock);
}

/* Locks the table for writing. What is known of it stays true from then on. */
Relation
pb_table_open(PbTable *table)
{
	Relation	relation = is_known(table) ?
		try_table_open(table->id, RowExclusiveLock) : NULL;

	if (relation != NULL && is_known(table))
		return relation;
	if (relation != NULL)
		table_close(relation, RowExclusiveLock);
	relation = open_by_name(table);
	look(table, relation);
	return relation;
}

/*
 * Whether the server stores rows exactly as given. Then an update or a delete
 * needs no RETURNING, which costs about a tenth of it. The answer is no if
 * somebody has put a BEFORE trigger on the table, a rule or a policy, or has
 * altered it.
 */
bool
pb_table_stores_as_given(PbTable *table)
{
	if (!is_known(table))
		table_close(pb_table_open(table), NoLock);
	return table->stores_as_given;
}

/*
 * Whether a statement would be allowed and seen by nobody. The right is asked
 * for each time: a role may have it by being in another one. A library that
 * asks for rights, or writes down who does what, does so when a statement
 * begins.
 */
static bool
needs_no_statement(const PbTable *table, AclMode right)
{
	return ExecutorCheckPerms_hook == NULL &&
		pg_class_aclcheck(table->id, GetUserId(), right) == ACLCHECK_OK;
}

/*
 * Whether rows can be inserted without a statement: nothing is to be asked or
 * done for them but what insert.c does. The table is locked from then on, so
 * that the answer stays true.
 */
bool
pb_table_takes_rows(PbTable *table)
{
	table_close(pb_table_open(table), NoLock);
	return table->takes_rows && needs_no_statement(table, ACL_INSERT);
}

/*
 * Whether rows can be looked for by seek.c instead of a statement that would
 * change them. The table is locked from then on.
 */
bool
pb_table_may_be_sought(PbTable *table)
{
	table_close(pb_table_open(table), NoLock);
	return OidIsValid(table->sought_id) &&
		needs_no_statement(table, ACL_SELECT);
}

/* Whether seek.c can also remove them: nothing follows from that. */
bool
pb_table_may_be_removed_from(PbTable *table)
{
	return pb_table_may_be_sought(table) && !table->has_triggers &&
		needs_no_statement(table, ACL_DELETE);
}

/* Whether code of users' runs when the table is written. */
bool
pb_table_runs_code(PbTable *table)
{
	if (!is_known(table))
		table_close(pb_table_open(table), NoLock);
	return table->runs_code;
}
