/*
 * statement.c
 *	  Makes the SQL of any resource from its field table.
 *
 * An insert and an update have a parameter for every leaf of the table, so a
 * row's arrays serve as their arguments unchanged. A statement that returns
 * rows has a column for every leaf with a source; see pb_row_spread(). If
 * these are the table's columns in their order, the server returns its rows
 * without copying. Statements are made once per backend, in the memory context
 * pb_sql_memory().
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

#include "auth/authorization.h"
#include "resources/page.h"
#include "resources/statement.h"

static const Oid find_types[] = {UUIDOID, UUIDOID, TEXTOID};
static const Oid find_in_some_types[] = {UUIDOID, UUIDOID, TEXTARRAYOID};
static const Oid delete_types[] = {TEXTOID, UUIDOID, TIMESTAMPTZOID};
static const Oid count_types[] = {TEXTOID, UUIDOID, INT8OID};
static const PbResult delete_results[] = {{UUIDOID, false}};

static const char *
column_of(const PbResource *resource, int leaf)
{
	return resource->prepared->shape->leaves[leaf].column;
}

static const char *
id_column(const PbResource *resource)
{
	return column_of(resource, resource->prepared->id);
}

static const char *
parent_column(const PbResource *resource)
{
	return column_of(resource, resource->prepared->parent);
}

/* Whether a row's key is unique only below its parent. */
static bool
is_keyed_below(const PbResource *resource)
{
	return resource->prefix == NULL &&
		resource->prepared->parent != PB_NO_LEAF;
}

/* The types of the key's arguments and of one more. */
static const Oid *
key_types(const PbResource *resource, Oid more)
{
	Oid		   *types = palloc((PB_KEY_ARGUMENTS + 1) * sizeof(Oid));

	types[0] = TEXTOID;
	types[1] = resource->prefix == NULL ? TEXTOID : UUIDOID;
	types[2] = UUIDOID;
	types[3] = more;
	return types;
}

/* Without derive, a null stands in place of an expression. */
static void
append_column(StringInfo text, const PbLeaf *leaf, bool derive)
{
	if (derive || leaf->column != NULL)
		appendStringInfoString(text, leaf->source);
	else
		appendStringInfo(text, "NULL::%s",
						 format_type_extended(leaf->type, -1,
											  FORMAT_TYPE_FORCE_QUALIFY));
}

static void
append_columns(StringInfo text, const PbShape *shape, bool derive)
{
	const char *separator = "";

	for (int i = 0; i < shape->count; i++)
	{
		if (shape->leaves[i].source == NULL)
			continue;
		appendStringInfoString(text, separator);
		append_column(text, &shape->leaves[i], derive);
		separator = ", ";
	}
}

/* SQL: the columns that an answer is made of. */
void
pb_statement_columns(StringInfo text, const PbShape *shape)
{
	append_columns(text, shape, true);
}

/* What these are. */
PbResult *
pb_statement_results(const PbShape *shape)
{
	PbResult   *results = palloc(shape->sources * sizeof(PbResult));
	int			result = 0;

	for (int i = 0; i < shape->count; i++)
	{
		const PbLeaf *leaf = &shape->leaves[i];

		if (leaf->source != NULL)
			results[result++] = (PbResult) {
				leaf->type,
				leaf->column == NULL || pb_leaf_may_be_null(leaf)
			};
	}
	return results;
}

/* The columns of a row that is inserted, or with parameters their values. */
static void
append_values(StringInfo text, const PbShape *shape, bool parameters)
{
	const char *separator = "";

	for (int i = 0; i < shape->count; i++)
	{
		if (shape->leaves[i].column == NULL)
			continue;
		appendStringInfoString(text, separator);
		if (parameters)
			appendStringInfo(text, "$%d", i + 1);
		else
			appendStringInfoString(text, shape->leaves[i].column);
		separator = ", ";
	}
}

static void
make_insert(PbStatements *made, const PbResource *resource,
			const PbShape *shape, const PbResult *results)
{
	StringInfoData text;
	Oid		   *types = palloc(shape->count * sizeof(Oid));

	for (int i = 0; i < shape->count; i++)
		types[i] = shape->leaves[i].type;
	initStringInfo(&text);
	appendStringInfo(&text, "INSERT INTO %s (", resource->table);
	append_values(&text, shape, false);
	appendStringInfoString(&text, ") VALUES (");
	append_values(&text, shape, true);
	appendStringInfoChar(&text, ')');
	if (resource->unique != NULL)
		appendStringInfo(&text, " ON CONFLICT (org_id, %s) "
						 "WHERE deleted_at IS NULL DO NOTHING",
						 shape->leaves[*resource->unique->leaf].column);
	appendStringInfoString(&text, " RETURNING ");
	append_columns(&text, shape, false);
	made->insert = (PbStatement) {
		.text = text.data, .nargs = shape->count, .types = types,
		.nresults = shape->sources, .results = results
	};
}

/*
 * No statistics may lead the planner to another index than one on id alone, or
 * on org_id and id. A condition on deleted_at was rejected: with it the
 * planner might walk the whole partial index of living rows. Several
 * organizations are hidden from it, as it might look into an index for each of
 * them. Citus must see them, to know the servers.
 */
#define IS_IN_SOME "org_id OPERATOR(pg_catalog.=) ANY ($3)"

static void
make_finds(PbStatement finds[PB_LOCKED], const PbResource *resource,
		   const PbShape *shape, const PbResult *results, const char *where,
		   int nargs, const Oid *types)
{
	StringInfoData text;

	initStringInfo(&text);
	appendStringInfoString(&text, "SELECT ");
	append_columns(&text, shape, true);
	appendStringInfo(&text, " FROM %s AS t WHERE id OPERATOR(pg_catalog.=) $1",
					 resource->table);
	if (resource->parent != NULL)
		appendStringInfo(&text, " AND ($2 IS NULL OR %s OPERATOR(pg_catalog.=) $2)",
						 parent_column(resource));
	appendStringInfoString(&text, where);
	finds[PB_LATEST] = (PbStatement) {
		.text = text.data, .nargs = nargs, .types = types,
		.nresults = shape->sources, .results = results
	};
	finds[PB_SNAPSHOT] = finds[PB_LATEST];
	finds[PB_SNAPSHOT].reads = true;
}

/* SQL: more items of SET. */
void
pb_statement_sets(StringInfo text, const PbResource *resource,
				  const PbSet *sets)
{
	for (; sets != NULL && sets->leaf != NULL; sets++)
		appendStringInfo(text, ", %s = %s", column_of(resource, *sets->leaf),
						 sets->value == NULL ? "NULL" :
						 quote_literal_cstr(sets->value));
}

/* SQL: marks rows as deleted. They keep their place, but not their secrets. */
static char *
marks_deleted(const PbResource *resource, const PbShape *shape, int now)
{
	StringInfoData text;

	initStringInfo(&text);
	appendStringInfo(&text, "UPDATE %s SET deleted_at = $%d", resource->table,
					 now);
	for (int i = 0; i < shape->count; i++)
		if (shape->leaves[i].field->kind == PB_SECRET)
			appendStringInfo(&text, ", %s = NULL", shape->leaves[i].column);
	pb_statement_sets(&text, resource, resource->retire);
	return text.data;
}

static bool
is_marked_deleted(const PbResource *resource)
{
	return pb_field_marks_deleted(resource);
}

/* SQL: the condition for the one living row with a key. */
static char *
where_key(const PbResource *resource)
{
	StringInfoData text;

	initStringInfo(&text);
	appendStringInfo(&text, "WHERE org_id OPERATOR(pg_catalog.=) $1 "
					 "AND %s OPERATOR(pg_catalog.=) $2", id_column(resource));
	if (is_keyed_below(resource))
		appendStringInfo(&text, " AND %s OPERATOR(pg_catalog.=) $3",
						 parent_column(resource));
	if (is_marked_deleted(resource))
		appendStringInfoString(&text, " AND " PB_IS_LIVING);
	return text.data;
}

/*
 * SQL: the condition for the living rows below a parent. The index by parent
 * keeps living rows apart, and only the plain condition on deleted_at leads
 * there.
 */
static char *
where_parent(const PbResource *resource)
{
	return psprintf("WHERE org_id OPERATOR(pg_catalog.=) $1 "
					"AND %s OPERATOR(pg_catalog.=) $2%s",
					parent_column(resource),
					is_marked_deleted(resource) ? " AND deleted_at IS NULL" :
					"");
}

/* A page of living rows, after a value of the order's column. */
static void
make_list(PbStatement *list, const PbResource *resource, const PbShape *shape,
		  const PbResult *results, const PbOrder *order)
{
	const char *beyond = order->descending ? "<" : ">";
	const char *first = order->descending ? ">" : "<";
	Oid		   *types = palloc(4 * sizeof(Oid));
	StringInfoData text;

	types[0] = TEXTOID;
	types[1] = UUIDOID;
	types[2] = order->by_text ? TEXTOID : UUIDOID;
	types[3] = INT8OID;
	initStringInfo(&text);
	appendStringInfoString(&text, "SELECT ");
	append_columns(&text, shape, true);
	appendStringInfo(&text, " FROM %s AS t "
					 "WHERE org_id OPERATOR(pg_catalog.=) $1",
					 resource->table);
	if (resource->parent != NULL)
		appendStringInfo(&text, " AND %s OPERATOR(pg_catalog.=) $2",
						 parent_column(resource));
	if (is_marked_deleted(resource))
		appendStringInfo(&text, " AND %s", order->is_indexed ?
						 "deleted_at IS NULL" : PB_IS_LIVING);
	appendStringInfo(&text, " AND %s OPERATOR(pg_catalog.%s) $3 "
					 "ORDER BY %s USING OPERATOR(pg_catalog.%s) LIMIT $4",
					 order->column, beyond, order->column, first);
	*list = (PbStatement) {
		.text = text.data, .nargs = 4, .types = types,
		.nresults = shape->sources, .results = results, .reads = true
	};
}

static void
make_lists(PbStatements *made, const PbResource *resource,
		   const PbShape *shape, const PbResult *results)
{
	for (int i = 0; resource->orders != NULL &&
		 resource->orders[i].name != NULL; i++)
	{
		Assert(i < PB_ORDERS_MAX);
		make_list(&made->lists[i], resource, shape, results,
				  &resource->orders[i]);
	}
}

/* Whether SQL derives values of the row. */
static bool
has_expressions(const PbShape *shape)
{
	for (int i = 0; i < shape->count; i++)
		if (shape->leaves[i].field->expression != NULL)
			return true;
	return false;
}

/*
 * The statement that locks a row also reads it, unless SQL derives values of
 * it. Such values would come from the statement's snapshot, which is old if
 * the statement had to wait: then another statement reads the row.
 */
static void
make_lock(PbStatements *made, const PbResource *resource,
		  const PbShape *shape, const PbResult *results)
{
	const char *where = where_key(resource);
	const Oid  *types = key_types(resource, InvalidOid);
	StringInfoData text;

	initStringInfo(&text);
	appendStringInfoString(&text, "SELECT ");
	append_columns(&text, shape, true);
	appendStringInfo(&text, " FROM %s AS t %s", resource->table, where);
	made->read[PB_LATEST] = (PbStatement) {
		.text = text.data, .nargs = PB_KEY_ARGUMENTS, .types = types,
		.nresults = shape->sources, .results = results
	};
	made->read[PB_SNAPSHOT] = made->read[PB_LATEST];
	made->read[PB_SNAPSHOT].reads = true;
	made->lock = made->read[PB_LATEST];
	made->lock.text = psprintf("%s FOR UPDATE", text.data);
	if (!has_expressions(shape))
		return;
	made->lock.text = psprintf("SELECT FROM %s %s FOR UPDATE",
							   resource->table, where);
	made->lock.nresults = 0;
}

/* Like where_key(), but the arguments are the row's own values. */
static void
append_own_key(StringInfo text, const PbResource *resource)
{
	const PbPrepared *at = resource->prepared;

	appendStringInfo(text, " WHERE org_id OPERATOR(pg_catalog.=) $%d "
					 "AND %s OPERATOR(pg_catalog.=) $%d",
					 at->org_id + 1, id_column(resource), at->id + 1);
	if (is_keyed_below(resource))
		appendStringInfo(text, " AND %s OPERATOR(pg_catalog.=) $%d",
						 parent_column(resource), at->parent + 1);
	if (is_marked_deleted(resource))
		appendStringInfoString(text, " AND " PB_IS_LIVING);
}

/*
 * Sets every column that may change: the server itself finds out which values
 * are new. Statements for single columns were rejected, as each would need a
 * plan of its own.
 */
static void
make_update(PbStatements *made, const PbResource *resource,
			const PbShape *shape, const PbResult *results)
{
	StringInfoData text;
	Oid		   *types = palloc(shape->count * sizeof(Oid));
	const char *separator = "";

	initStringInfo(&text);
	appendStringInfo(&text, "UPDATE %s AS t SET ", resource->table);
	for (int i = 0; i < shape->count; i++)
	{
		types[i] = shape->leaves[i].type;
		if (!pb_leaf_is_updated(&shape->leaves[i]))
			continue;
		appendStringInfo(&text, "%s%s = $%d", separator,
						 shape->leaves[i].column, i + 1);
		separator = ", ";
	}
	append_own_key(&text, resource);
	if (!has_expressions(shape))
		made->update_as_given = (PbStatement) {
			.text = pstrdup(text.data), .nargs = shape->count, .types = types
		};
	appendStringInfoString(&text, " RETURNING ");
	append_columns(&text, shape, true);
	made->update = (PbStatement) {
		.text = text.data, .nargs = shape->count, .types = types,
		.nresults = shape->sources, .results = results
	};
}

/*
 * Finds another row with the unique value, by the unique index, which is
 * partial.
 */
static void
make_is_taken(PbStatement *is_taken, const PbResource *resource,
			  const PbShape *shape)
{
	const PbLeaf *leaf = &shape->leaves[*resource->unique->leaf];

	Assert(leaf->type == TEXTOID);
	*is_taken = (PbStatement) {
		.text = psprintf("SELECT FROM %s WHERE org_id OPERATOR(pg_catalog.=) $1 "
						 "AND id OPERATOR(pg_catalog.<>) $2 "
						 "AND %s OPERATOR(pg_catalog.=) $4 "
						 "AND deleted_at IS NULL LIMIT 1",
						 resource->table, leaf->column),
		.nargs = PB_KEY_ARGUMENTS + 1, .types = key_types(resource, TEXTOID),
		.sees_all = true
	};
}

/*
 * Deletes one row: marks it, or removes that of a resource without a mark. It
 * gives the row where this tells what else goes, see mark.c.
 */
static void
make_delete(PbStatements *made, const PbResource *resource,
			const PbShape *shape, const PbResult *results)
{
	const char *where = where_key(resource);
	const Oid  *types = key_types(resource, TIMESTAMPTZOID);

	made->delete = (PbStatement) {
		.text = is_marked_deleted(resource) ?
		psprintf("%s %s", marks_deleted(resource, shape, 4), where) :
		psprintf("DELETE FROM %s %s", resource->table, where),
		.nargs = PB_KEY_ARGUMENTS + 1, .types = types, .sees_all = true
	};
	if (resource->marks != NULL)
	{
		StringInfoData text;

		Assert(!has_expressions(shape));
		initStringInfo(&text);
		appendStringInfo(&text, "%s RETURNING ", made->delete.text);
		append_columns(&text, shape, true);
		made->delete.text = text.data;
		made->delete.nresults = shape->sources;
		made->delete.results = results;
	}
	made->is_living = (PbStatement) {
		.text = psprintf("SELECT FROM %s %s LIMIT 1", resource->table, where),
		.nargs = PB_KEY_ARGUMENTS, .types = types, .sees_all = true
	};
}

/*
 * Deletes what stands below a parent: marks the rows, or removes those of a
 * resource without a mark.
 */
static void
make_delete_children(PbStatements *made, const PbResource *resource,
					 const PbShape *shape)
{
	const char *where = where_parent(resource);
	bool		is_marked = is_marked_deleted(resource);

	made->delete_children = (PbStatement) {
		.text = is_marked ?
		psprintf("%s %s RETURNING id", marks_deleted(resource, shape, 3), where) :
		psprintf("DELETE FROM %s %s", resource->table, where),
		.nargs = is_marked ? 3 : 2, .types = delete_types,
		.nresults = is_marked ? lengthof(delete_results) : 0,
		.results = delete_results, .sees_all = true
	};
	made->has_children = (PbStatement) {
		.text = psprintf("SELECT FROM %s %s LIMIT 1", resource->table, where),
		.nargs = 2, .types = delete_types, .sees_all = true
	};
}

/* Counts the rows below a parent, up to a limit. */
static void
make_count(PbStatement *count, const PbResource *resource)
{
	*count = (PbStatement) {
		.text = psprintf("SELECT FROM %s %s LIMIT $3", resource->table,
						 where_parent(resource)),
		.nargs = lengthof(count_types), .types = count_types, .sees_all = true
	};
}

/* The statements of a resource whose rows have an id or a key of their own. */
static void
make_own(PbStatements *made, const PbResource *resource, const PbShape *shape)
{
	PbResult   *results = pb_statement_results(shape);

	make_insert(made, resource, shape, results);
	if (resource->prefix != NULL)
	{
		make_finds(made->find, resource, shape, results, "", 2, find_types);
		make_finds(made->find_in_one, resource, shape, results,
				   " AND org_id OPERATOR(pg_catalog.=) $3", 3, find_types);
		make_finds(made->find_in_some, resource, shape, results,
				   pb_sql_may_be_distributed() ? " AND " IS_IN_SOME :
				   " AND CASE WHEN " IS_IN_SOME " THEN true ELSE false END",
				   3, find_in_some_types);
	}
	make_lists(made, resource, shape, results);
	make_lock(made, resource, shape, results);
	make_update(made, resource, shape, results);
	if (resource->unique != NULL)
		make_is_taken(&made->is_taken, resource, shape);
	make_delete(made, resource, shape, results);
}

/* Whether a row is what its table stores: SQL derives no value of it. */
bool
pb_statement_derives_nothing(const PbResource *resource)
{
	return !has_expressions(pb_field_shape(resource));
}

PbStatements *
pb_statements(const PbResource *resource)
{
	const PbShape *shape;
	MemoryContext before;
	PbStatements *made;

	if (resource->prepared->statements != NULL)
		return resource->prepared->statements;
	shape = pb_field_shape(resource);
	before = MemoryContextSwitchTo(pb_sql_memory());
	made = palloc0(sizeof(PbStatements));
	if (resource->prepared->id != PB_NO_LEAF)
		make_own(made, resource, shape);
	if (resource->parent != NULL)
	{
		make_delete_children(made, resource, shape);
		make_count(&made->count_children, resource);
	}
	MemoryContextSwitchTo(before);
	resource->prepared->statements = made;
	return made;
}

static PbStoredColumn
column_as_made(const PbResource *resource, int n)
{
	const PbLeaf *leaf = &resource->prepared->shape->leaves[n];

	return (PbStoredColumn) {
		leaf->column, leaf->type, pb_leaf_may_be_null(leaf)
	};
}

/* The columns of a resource's leaves. */
static const PbStoredColumn *
make_columns(const PbResource *resource)
{
	int			count = resource->prepared->shape->count;
	PbStoredColumn *columns = palloc(count * sizeof(PbStoredColumn));

	for (int i = 0; i < count; i++)
		columns[i] = column_as_made(resource, i);
	return columns;
}

static void
set_unique(PbTable *stored, const PbResource *resource)
{
	stored->unique = resource->unique->index;
	stored->unique_columns[0] = "org_id";
	stored->unique_columns[1] = column_of(resource, *resource->unique->leaf);
	stored->unique_if_living = true;
}

static void
add_to_lead(PbLead *lead, const PbResource *resource, int leaf)
{
	lead->columns[lead->count++] = column_as_made(resource, leaf);
}

/* By what the rows of a list are found, in each order that an index has. */
static void
set_orders(PbTable *stored, const PbResource *resource)
{
	const PbPrepared *at = resource->prepared;

	for (int i = 0; i < PB_LISTED_MAX && resource->orders != NULL &&
		 resource->orders[i].is_indexed; i++)
	{
		PbLead	   *lead = &stored->leads[PB_LISTED + i];

		add_to_lead(lead, resource, at->org_id);
		if (resource->parent != NULL)
			add_to_lead(lead, resource, at->parent);
		lead->to_living = pb_field_marks_deleted(resource);
		lead->then = column_as_made(resource, *resource->orders[i].leaf);
	}
}

/*
 * By what rows are found: one by the arguments that begin a statement about
 * it, those below a parent, and marks in the order of the rows that have them.
 */
static void
set_leads(PbTable *stored, const PbResource *resource)
{
	const PbPrepared *at = resource->prepared;
	PbLead	   *one = &stored->leads[PB_TO_ONE];

	if (at->org_id == PB_NO_LEAF)
		return;
	if (at->id != PB_NO_LEAF)
	{
		add_to_lead(one, resource, at->org_id);
		add_to_lead(one, resource, at->id);
		if (is_keyed_below(resource))
			add_to_lead(one, resource, at->parent);
	}
	if (resource->prefix != NULL)
		add_to_lead(&stored->leads[PB_TO_ID], resource, at->id);
	set_orders(stored, resource);
	if (at->parent == PB_NO_LEAF)
		return;
	if (resource->parent == NULL)
	{
		add_to_lead(&stored->leads[PB_ALONG], resource, at->id);
		stored->leads[PB_ALONG].then = column_as_made(resource, at->parent);
	}
	else
	{
		add_to_lead(&stored->leads[PB_BELOW], resource, at->org_id);
		add_to_lead(&stored->leads[PB_BELOW], resource, at->parent);
		stored->leads[PB_LIVING] = stored->leads[PB_BELOW];
		stored->leads[PB_LIVING].to_living = true;
	}
}

/* The table of a resource, for rows with a value for each leaf. */
PbTable *
pb_stored(const PbResource *resource)
{
	const PbShape *shape = pb_field_shape(resource);
	MemoryContext before;
	PbTable    *stored = resource->prepared->stored;

	if (stored != NULL)
		return stored;
	before = MemoryContextSwitchTo(pb_sql_memory());
	stored = palloc0(sizeof(PbTable));
	stored->name = resource->table;
	stored->columns = make_columns(resource);
	stored->count = shape->count;
	stored->check = "pgbeam.check_fields";
	if (resource->unique != NULL)
		set_unique(stored, resource);
	if (resource->parent != NULL)
	{
		stored->parent = resource->parent->table;
		stored->parent_id = parent_column(resource);
	}
	set_leads(stored, resource);
	MemoryContextSwitchTo(before);
	resource->prepared->stored = stored;
	return stored;
}
