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
#include "catalog/pg_constraint.h"
#include "catalog/pg_index.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/regproc.h"
#include "utils/syscache.h"

#include "base/sql.h"
#include "base/table.h"

/* The number of a column that is as the extension made it; 0 if none is. */
static AttrNumber
find_column(TupleDesc descriptor, const PbStoredColumn *column)
{
	for (int i = 0; i < descriptor->natts; i++)
	{
		Form_pg_attribute stored = TupleDescAttr(descriptor, i);

		if (!stored->attisdropped &&
			strcmp(NameStr(stored->attname), column->name) == 0)
			return stored->atttypid == column->type &&
				stored->atttypmod == -1 && stored->attgenerated == '\0' &&
				stored->attidentity != ATTRIBUTE_IDENTITY_ALWAYS &&
				(stored->attnotnull || column->may_be_null) ?
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

/* Whether a foreign key leads to nothing but the key of rows. */
static bool
leads_to_key(Relation relation, HeapTuple constraint)
{
	bool		isnull;
	Datum		columns = SysCacheGetAttr(CONSTROID, constraint,
										  Anum_pg_constraint_confkey,
										  &isnull);
	Datum	   *numbers;
	int			count = 0;

	if (!isnull)
		deconstruct_array(DatumGetArrayTypeP(columns), INT2OID, sizeof(int16),
						  true, TYPALIGN_SHORT, &numbers, NULL, &count);
	for (int i = 0; i < count; i++)
	{
		const char *name = get_attname(RelationGetRelid(relation),
									   DatumGetInt16(numbers[i]), false);

		if (strcmp(name, "org_id") != 0 && strcmp(name, "id") != 0)
			return false;
	}
	return count > 0;
}

/* Whether a trigger has nothing to do if an update keeps the key of a row. */
static bool
keeps_key(Relation relation, const Trigger *trigger)
{
	HeapTuple	constraint;
	bool		answer;

	if (RI_FKey_trigger_type(trigger->tgfoid) == RI_TRIGGER_FK)
		return true;
	constraint = SearchSysCache1(CONSTROID,
								 ObjectIdGetDatum(trigger->tgconstraint));
	if (!HeapTupleIsValid(constraint))
		return false;
	answer = leads_to_key(relation, constraint);
	ReleaseSysCache(constraint);
	return answer;
}

static bool
keeps_keys(Relation relation)
{
	const TriggerDesc *triggers = relation->trigdesc;

	for (int i = 0; triggers != NULL && i < triggers->numtriggers; i++)
		if (!keeps_key(relation, &triggers->triggers[i]))
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
		pb_lead_begins_with(relation, index, numbers, count) &&
		(table->unique_if_living ? pb_lead_has_living(relation, index) :
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

static void
find_leads(PbTable *table, Relation relation)
{
	for (int i = 0; i < PB_LEADINGS; i++)
		if (table->stores_as_given && !table->runs_code &&
			!pb_sql_may_be_distributed())
			pb_lead_find(&table->leads[i], relation);
		else
			table->leads[i].index = InvalidOid;
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

/* The tables that were looked at, once each. */
static PbTable *looked_at = NULL;

/*
 * The backend hears that a table was changed, or that it may have missed such
 * news. To forget all tables at each change of any was rejected: other
 * sessions make temporary tables, and to look again costs as much as a create.
 */
static void
forget(Datum argument, Oid relation)
{
	for (PbTable *table = looked_at; table != NULL; table = table->next)
		if (!OidIsValid(relation) || relation == table->id ||
			relation == table->parent_table)
		{
			table->is_known = false;
			table->was_told = true;
		}
}

/* From now on the table is forgotten when it is changed. */
static void
look_after(PbTable *table)
{
	if (looked_at == NULL)
		CacheRegisterRelcacheCallback(forget, (Datum) 0);
	table->next = looked_at;
	table->is_listed = true;
	looked_at = table;
}

/*
 * While it is looked at, news may come that the table was changed. It is
 * locked, so what was found is true, but it is looked at again at the next
 * question. To look until nothing is told was rejected: a server that is built
 * to forget everything at once always tells something. A look that an error
 * ends, as it waits for the lock of an index, has found nothing.
 */
static void
look(PbTable *table, Relation relation)
{
	if (!table->is_listed)
		look_after(table);
	table->is_known = false;
	table->was_told = false;
	table->id = RelationGetRelid(relation);
	table->parent_table = table->parent == NULL ? InvalidOid :
		find_table(table->parent);
	table->stores_as_given = stores_as_given(table, relation);
	table->takes_rows = takes_rows(table, relation);
	table->keeps_keys = keeps_keys(relation);
	table->runs_code = runs_code(relation);
	table->has_triggers = relation->trigdesc != NULL;
	find_leads(table, relation);
	table->is_known = !table->was_told;
}

static Relation
open_by_name(const PbTable *table, LOCKMODE mode)
{
	List	   *name = pb_qualified_name(table->name);

	return table_openrv(makeRangeVarFromNameList(name), mode);
}

/*
 * Locks the table. What is known of it stays true from then on: all of it
 * where the lock is one for writing, and else what reading needs.
 */
static Relation
open_and_look(PbTable *table, LOCKMODE mode)
{
	Relation	relation = table->is_known ?
		try_table_open(table->id, mode) : NULL;

	if (relation != NULL && table->is_known)
		return relation;
	if (relation != NULL)
		table_close(relation, mode);
	relation = open_by_name(table, mode);
	look(table, relation);
	return relation;
}

/*
 * Opens a table again that one of the questions below has locked, and does not
 * look again: somebody may be dropping an index concurrently, which stays
 * whole until this transaction ends.
 */
Relation
pb_table_open(const PbTable *table, LOCKMODE mode)
{
	return table_open(table->id, mode);
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
	if (!table->is_known)
		table_close(open_and_look(table, RowExclusiveLock), NoLock);
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
	table_close(open_and_look(table, RowExclusiveLock), NoLock);
	return table->takes_rows && needs_no_statement(table, ACL_INSERT);
}

/* Whether rows can be read by seek.c instead of a statement. */
bool
pb_table_may_be_read(PbTable *table, PbLeading leading)
{
	table_close(open_and_look(table, AccessShareLock), NoLock);
	return OidIsValid(table->leads[leading].index) &&
		needs_no_statement(table, ACL_SELECT);
}

/*
 * Whether rows can be looked for by seek.c instead of a statement. The table
 * is locked from then on, as for one that changes them.
 */
bool
pb_table_may_be_sought(PbTable *table, PbLeading leading)
{
	table_close(open_and_look(table, RowExclusiveLock), NoLock);
	return OidIsValid(table->leads[leading].index) &&
		needs_no_statement(table, ACL_SELECT);
}

/*
 * Whether update.c can also give them new values, but for their keys: nothing
 * follows from that but what it does.
 */
bool
pb_table_may_be_updated(PbTable *table, PbLeading leading)
{
	return pb_table_may_be_sought(table, leading) && table->takes_rows &&
		table->keeps_keys && needs_no_statement(table, ACL_UPDATE);
}

/* Whether seek.c can also remove one by its key: nothing follows from that. */
bool
pb_table_may_be_removed_from(PbTable *table)
{
	return pb_table_may_be_sought(table, PB_TO_ONE) && !table->has_triggers &&
		needs_no_statement(table, ACL_DELETE);
}

/*
 * Spreads the columns of a stored row over an array with a place for each
 * value; nulls gets 'n' or ' '.
 */
void
pb_table_spread(const PbTable *table, const Datum *columns, const bool *isnull,
				Datum *values, char *nulls)
{
	for (int i = 0; i < table->count; i++)
	{
		int			place = table->numbers[i] - 1;
		bool		has = place >= 0 && !isnull[place];

		values[i] = has ? columns[place] : (Datum) 0;
		nulls[i] = has ? ' ' : 'n';
	}
}

/* Whether code of users' runs when the table is written. */
bool
pb_table_runs_code(PbTable *table)
{
	if (!table->is_known)
		table_close(open_and_look(table, RowExclusiveLock), NoLock);
	return table->runs_code;
}
