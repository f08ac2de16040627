/*
 * statement.c
 *	  The SQL of any resource, made of its field table.
 *
 * An insert and an update have a parameter for every leaf of the table, so a
 * row's arrays are their arguments as they stand. What gives rows gives a
 * column for every leaf with a source, see pb_row_spread(): where these are a
 * table's columns in their order, the server hands out its rows as they are.
 * The statements are made once per backend, in pb_sql_memory().
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

#include "auth/authorization.h"
#include "resources/page.h"
#include "resources/statement.h"

static const Oid find_types[] = {UUIDOID, UUIDOID, TEXTOID, TEXTOID};
static const Oid delete_types[] = {TEXTOID, UUIDOID, TIMESTAMPTZOID};
static const Oid taken_types[] = {TEXTOID, UUIDOID, TEXTOID};
static const Oid count_types[] = {TEXTOID, UUIDOID, INT8OID};
static const PbResult delete_results[] = {{UUIDOID, false}};

/* In place of an expression that is not asked for stands a null. */
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

static PbResult *
make_results(const PbShape *shape)
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

static void
make_insert(PbStatement *insert, const PbResource *resource,
			const PbShape *shape, const PbResult *results)
{
	StringInfoData columns;
	StringInfoData values;
	StringInfoData text;
	Oid		   *types = palloc(shape->count * sizeof(Oid));

	initStringInfo(&columns);
	initStringInfo(&values);
	initStringInfo(&text);
	for (int i = 0; i < shape->count; i++)
	{
		const PbLeaf *leaf = &shape->leaves[i];

		types[i] = leaf->type;
		if (leaf->column == NULL)
			continue;
		appendStringInfo(&columns, "%s%s", columns.len > 0 ? ", " : "",
						 leaf->column);
		appendStringInfo(&values, "%s$%d", values.len > 0 ? ", " : "", i + 1);
	}
	appendStringInfo(&text, "INSERT INTO %s (%s) VALUES (%s) ",
					 resource->table, columns.data, values.data);
	if (resource->unique != NULL)
		appendStringInfo(&text, "ON CONFLICT (org_id, %s) "
						 "WHERE deleted_at IS NULL DO NOTHING ",
						 shape->leaves[*resource->unique->leaf].column);
	appendStringInfoString(&text, "RETURNING ");
	append_columns(&text, shape, false);
	*insert = (PbStatement) {
		.text = text.data, .nargs = shape->count, .types = types,
		.nresults = shape->sources, .results = results
	};
}

/*
 * By id alone, so that no statistics lead to another index than that on id;
 * of deleted rows the planner would go through the partial one on all others.
 */
static void
make_finds(PbStatement finds[PB_LOCKED], const PbResource *resource,
		   const PbShape *shape, const PbResult *results, bool in_sight)
{
	StringInfoData text;

	initStringInfo(&text);
	appendStringInfoString(&text, "SELECT ");
	append_columns(&text, shape, true);
	appendStringInfo(&text, " FROM %s AS t WHERE id OPERATOR(pg_catalog.=) $1",
					 resource->table);
	if (resource->parent != NULL)
		appendStringInfo(&text, " AND ($2 IS NULL OR %s OPERATOR(pg_catalog.=) $2)",
						 resource->parent);
	if (in_sight)
		appendStringInfoString(&text,
							   " AND " PB_IS_IN_SIGHT("$3", "$4", "t.org_id"));
	finds[PB_LATEST] = (PbStatement) {
		.text = text.data, .nargs = in_sight ? 4 : 2, .types = find_types,
		.nresults = shape->sources, .results = results
	};
	finds[PB_SNAPSHOT] = finds[PB_LATEST];
	finds[PB_SNAPSHOT].reads = true;
}

/* A deleted row keeps its place, not its secrets. */
static char *
retirement(const PbResource *resource, const PbShape *shape, int now)
{
	StringInfoData text;

	initStringInfo(&text);
	appendStringInfo(&text, "UPDATE %s SET deleted_at = $%d", resource->table,
					 now);
	for (int i = 0; i < shape->count; i++)
		if (shape->leaves[i].field->kind == PB_SECRET)
			appendStringInfo(&text, ", %s = NULL", shape->leaves[i].column);
	if (resource->retire != NULL)
		appendStringInfo(&text, ", %s", resource->retire);
	return text.data;
}

/* Hides a partial index, which without statistics is taken for a small one. */
#define IS_LIVING "CASE WHEN deleted_at IS NULL THEN true ELSE false END"

/*
 * The one row of an id, or those below a parent, with $1 the org_id. The index
 * by parents has the living apart, and only the plain condition leads there.
 */
static char *
living(const char *key)
{
	return psprintf("WHERE org_id OPERATOR(pg_catalog.=) $1 "
					"AND %s OPERATOR(pg_catalog.=) $2 AND %s", key,
					strcmp(key, "id") == 0 ? IS_LIVING : "deleted_at IS NULL");
}

/* A page of the living, behind a value of the order's column. */
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
						 resource->parent);
	appendStringInfo(&text, " AND %s AND %s OPERATOR(pg_catalog.%s) $3 "
					 "ORDER BY %s USING OPERATOR(pg_catalog.%s) LIMIT $4",
					 order->is_indexed ? "deleted_at IS NULL" : IS_LIVING,
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

/*
 * The row is read when it is locked: a statement that waited has an older
 * snapshot, and would count what belongs to the row by that.
 */
static void
make_lock(PbStatements *made, const PbResource *resource,
		  const PbShape *shape, const PbResult *results)
{
	StringInfoData text;

	made->lock = (PbStatement) {
		.text = psprintf("SELECT FROM %s %s FOR UPDATE", resource->table,
						 living("id")),
		.nargs = 2, .types = delete_types
	};
	initStringInfo(&text);
	appendStringInfoString(&text, "SELECT ");
	append_columns(&text, shape, true);
	appendStringInfo(&text, " FROM %s AS t %s", resource->table, living("id"));
	made->locked = (PbStatement) {
		.text = text.data, .nargs = 2, .types = delete_types,
		.nresults = shape->sources, .results = results
	};
}

static bool
is_updated(const PbLeaf *leaf)
{
	return leaf->column != NULL &&
		((leaf->field->flags & (PB_UPDATE | PB_STAMPED)) ||
		 leaf->field->kind == PB_SECRET);
}

/* The row as a whole: which of its values are new is known by itself. */
static void
make_update(PbStatement *update, const PbResource *resource,
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
		if (!is_updated(&shape->leaves[i]))
			continue;
		appendStringInfo(&text, "%s%s = $%d", separator,
						 shape->leaves[i].column, i + 1);
		separator = ", ";
	}
	appendStringInfo(&text, " WHERE org_id OPERATOR(pg_catalog.=) $%d "
					 "AND id OPERATOR(pg_catalog.=) $%d "
					 "AND " IS_LIVING " RETURNING ",
					 resource->prepared->org_id + 1,
					 resource->prepared->id + 1);
	append_columns(&text, shape, true);
	*update = (PbStatement) {
		.text = text.data, .nargs = shape->count, .types = types,
		.nresults = shape->sources, .results = results
	};
}

/* Another row than that of the id; by the unique index, which is partial. */
static void
make_is_taken(PbStatement *is_taken, const PbResource *resource,
			  const PbShape *shape)
{
	const PbLeaf *leaf = &shape->leaves[*resource->unique->leaf];

	Assert(leaf->type == TEXTOID);
	*is_taken = (PbStatement) {
		.text = psprintf("SELECT FROM %s WHERE org_id OPERATOR(pg_catalog.=) $1 "
						 "AND id OPERATOR(pg_catalog.<>) $2 "
						 "AND %s OPERATOR(pg_catalog.=) $3 "
						 "AND deleted_at IS NULL LIMIT 1",
						 resource->table, leaf->column),
		.nargs = lengthof(taken_types), .types = taken_types, .sees_all = true
	};
}

static void
make_delete(PbStatement *delete, PbStatement *is_living,
			const PbResource *resource, const PbShape *shape, const char *key)
{
	*delete = (PbStatement) {
		.text = psprintf("%s %s RETURNING id", retirement(resource, shape, 3),
						 living(key)),
		.nargs = lengthof(delete_types), .types = delete_types,
		.nresults = lengthof(delete_results), .results = delete_results,
		.sees_all = true
	};
	*is_living = (PbStatement) {
		.text = psprintf("SELECT FROM %s %s LIMIT 1", resource->table,
						 living(key)),
		.nargs = 2, .types = delete_types, .sees_all = true
	};
}

/* The living below a parent, no further than a limit. */
static void
make_count(PbStatement *count, const PbResource *resource)
{
	*count = (PbStatement) {
		.text = psprintf("SELECT FROM %s %s LIMIT $3", resource->table,
						 living(resource->parent)),
		.nargs = lengthof(count_types), .types = count_types, .sees_all = true
	};
}

PbStatements *
pb_statements(const PbResource *resource)
{
	const PbShape *shape;
	MemoryContext before;
	PbStatements *made;
	PbResult   *results;

	if (resource->prepared->statements != NULL)
		return resource->prepared->statements;
	shape = pb_field_shape(resource);
	before = MemoryContextSwitchTo(pb_sql_memory());
	made = palloc0(sizeof(PbStatements));
	results = make_results(shape);
	make_insert(&made->insert, resource, shape, results);
	make_finds(made->find, resource, shape, results, false);
	make_finds(made->find_in_sight, resource, shape, results, true);
	make_lists(made, resource, shape, results);
	make_lock(made, resource, shape, results);
	make_update(&made->update, resource, shape, results);
	if (resource->unique != NULL)
		make_is_taken(&made->is_taken, resource, shape);
	make_delete(&made->delete, &made->is_living, resource, shape, "id");
	if (resource->parent != NULL)
	{
		make_delete(&made->delete_children, &made->has_living_children,
					resource, shape, resource->parent);
		make_count(&made->count_children, resource);
	}
	MemoryContextSwitchTo(before);
	resource->prepared->statements = made;
	return made;
}
