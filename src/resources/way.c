/*
 * way.c
 *	  The statements that go the ways to the rows that the filters of a list
 *	  leave.
 *
 * The planner is not asked for the way. It would choose by statistics, which
 * may describe another kind of organization, and for few values only. So each
 * statement has one index that gives the order it names, and OFFSET 0 keeps
 * the parts of a statement apart.
 *
 * A statement is made at the first use of a way with a set of filters, in
 * pb_sql_memory(). All have the same parameters. What a client sends is never
 * part of a text.
 */
#include "postgres.h"

#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"

#include "base/sql.h"
#include "resources/way.h"

static const PbResult count_results[] = {{INT8OID, false}};
static const PbResult marks_results[] = {{UUIDOID, false}};

const PbFilter *
pb_way_filter(const PbSearch *search, int n)
{
	return &search->resource->filters[n];
}

static const char *
column_of(const PbSearch *search, int n)
{
	const PbShape *shape = pb_field_shape(search->resource);

	return shape->leaves[*pb_way_filter(search, n)->leaf].column;
}

/* Whether the way leads to one row at most. */
bool
pb_way_is_single(const PbSearch *search)
{
	return search->way == PB_BY_ID ||
		(search->way == PB_BY_RANGE &&
		 pb_way_filter(search, search->by)->comparison == PB_IS);
}

/* Whether the way has the rows in the order of the page. */
bool
pb_way_is_in_order(const PbSearch *search)
{
	const PbOrder *order = search->page->order;

	if (search->way == PB_BY_MARK)
		return *order->leaf == search->resource->prepared->id;
	return search->way != PB_BY_RANGE || pb_way_is_single(search) ||
		*pb_way_filter(search, search->by)->range->leaf == *order->leaf;
}

/* SQL: the conditions of filters on the row t. */
static void
append_conditions(StringInfo text, const PbSearch *search, int filters)
{
	for (int i = 0; i < PB_FILTERS_MAX; i++)
	{
		const char *column;
		int			n = PB_AT_FILTERS + i + 1;

		if (!(filters & (1 << i)))
			continue;
		column = column_of(search, i);
		switch (pb_way_filter(search, i)->comparison)
		{
			case PB_IS:
				appendStringInfo(text, " AND t.%s OPERATOR(pg_catalog.=) $%d",
								 column, n);
				break;
			case PB_BEGINS_WITH:
				appendStringInfo(text, " AND pg_catalog.starts_with(t.%s, $%d)",
								 column, n);
				break;
			case PB_HAS:
				appendStringInfo(text, " AND $%d OPERATOR(pg_catalog.=) ANY (t.%s)",
								 n, column);
				break;
		}
	}
}

static const char *
direction(const PbOrder *order)
{
	return order->descending ? ">" : "<";
}

/* SQL: the condition for what comes after the page before. */
static void
append_after(StringInfo text, const PbOrder *order, const char *column)
{
	appendStringInfo(text, " AND %s OPERATOR(pg_catalog.%s) $%d", column,
					 order->descending ? "<" : ">", PB_AT_AFTER + 1);
}

/*
 * SQL: the part of an index that a filter names. One value is a part too:
 * beside an equality the planner would not need the index for the order.
 * Behind all that begins with a text come the last letters that there are, as
 * many as the column can have. The column is in C order, which is that of the
 * letters.
 */
static void
append_range(StringInfo text, const PbSearch *search)
{
	const PbFilter *filter = pb_way_filter(search, search->by);
	const PbShape *shape = pb_field_shape(search->resource);
	int			n = PB_AT_FILTERS + search->by + 1;

	appendStringInfo(text, " AND t.%s OPERATOR(pg_catalog.>=) $%d "
					 "AND t.%s OPERATOR(pg_catalog.<=) ",
					 filter->range->column, n, filter->range->column);
	if (filter->comparison == PB_IS)
		appendStringInfo(text, "$%d", n);
	else
		appendStringInfo(text, "($%d OPERATOR(pg_catalog.||) "
						 "pg_catalog.repeat(pg_catalog.chr(1114111), %d))",
						 n, shape->leaves[*filter->leaf].field->most);
}

/* What is selected on the way, beside the order. */
typedef struct Part
{
	const char *columns;
	bool		after;			/* only what comes after the page before */
	int			filters;		/* that are conditions */
	const char *tail;			/* LIMIT or OFFSET */
} Part;

/* SQL: rows of the table, along an index. */
static void
append_rows(StringInfo text, const PbSearch *search, const Part *part)
{
	const PbResource *resource = search->resource;
	const PbShape *shape = pb_field_shape(resource);
	const PbOrder *along = search->way == PB_BY_RANGE ?
		pb_way_filter(search, search->by)->range : search->page->order;

	Assert(along->is_indexed);
	appendStringInfo(text, "SELECT %s FROM %s AS t "
					 "WHERE t.org_id OPERATOR(pg_catalog.=) $1",
					 part->columns, resource->table);
	if (resource->parent != NULL)
		appendStringInfo(text, " AND t.%s OPERATOR(pg_catalog.=) $2",
						 shape->leaves[resource->prepared->parent].column);
	if (pb_field_marks_deleted(resource))
		appendStringInfoString(text, " AND deleted_at IS NULL");
	if (search->way == PB_BY_RANGE)
		append_range(text, search);
	if (part->after)
		append_after(text, search->page->order,
					 psprintf("t.%s", search->page->order->column));
	append_conditions(text, search, part->filters);
	appendStringInfo(text, " ORDER BY t.%s USING OPERATOR(pg_catalog.%s)%s",
					 along->column, direction(along), part->tail);
}

/* SQL: the one row that may match. */
static void
append_row(StringInfo text, const PbSearch *search, const Part *part)
{
	appendStringInfo(text, "SELECT %s FROM %s AS t "
					 "WHERE t.org_id OPERATOR(pg_catalog.=) $1 "
					 "AND t.id OPERATOR(pg_catalog.=) $%d AND " PB_IS_LIVING,
					 part->columns, search->resource->table, PB_AT_ID + 1);
	if (part->after)
		append_after(text, search->page->order,
					 psprintf("t.%s", search->page->order->column));
	append_conditions(text, search, part->filters);
	appendStringInfoString(text, part->tail);
}

/* SQL: the ids of rows with the mark, in their order. */
static void
append_marks(StringInfo text, const PbSearch *search, bool after,
			 const char *tail)
{
	const PbResource *marks = search->resource->marks;
	const PbShape *shape = pb_field_shape(marks);
	const char *id = shape->leaves[marks->prepared->parent].column;

	appendStringInfo(text, "SELECT %s AS marked FROM %s "
					 "WHERE org_id OPERATOR(pg_catalog.=) $1 "
					 "AND %s OPERATOR(pg_catalog.=) $%d", id, marks->table,
					 shape->leaves[marks->prepared->id].column,
					 PB_AT_MARK + 1);
	if (after)
		append_after(text, search->page->order, id);
	appendStringInfo(text, " ORDER BY %s USING OPERATOR(pg_catalog.%s)%s", id,
					 pb_way_is_in_order(search) ?
					 direction(search->page->order) : "<", tail);
}

#define IN_ORDER_OF_MARKS " ORDER BY m.marked USING OPERATOR(pg_catalog.%s)"

/*
 * SQL: FROM items: the marks as m, and the row t of each. A mark is believed
 * only where the row says the same.
 */
static void
append_marked(StringInfo text, const PbSearch *search, bool after,
			  const char *tail)
{
	appendStringInfoChar(text, '(');
	append_marks(text, search, after, tail);
	appendStringInfo(text, ") AS m CROSS JOIN LATERAL (SELECT * FROM %s AS t "
					 "WHERE t.org_id OPERATOR(pg_catalog.=) $1 "
					 "AND t.id OPERATOR(pg_catalog.=) m.marked "
					 "AND " PB_IS_LIVING, search->resource->table);
	append_conditions(text, search, search->rest | 1 << search->by);
	appendStringInfoString(text, " OFFSET 0) AS t");
}

/*
 * SQL: the columns of the row t. What they look up in other tables is of the
 * list's organization, which is named by the parameter: Citus does not find
 * out that a row of a subquery has it.
 */
static const char *
columns_of(const PbSearch *search)
{
	StringInfoData columns;
	Datum		named;

	initStringInfo(&columns);
	pb_statement_columns(&columns, pb_field_shape(search->resource));
	named = DirectFunctionCall3Coll(replace_text, C_COLLATION_OID,
									CStringGetTextDatum(columns.data),
									CStringGetTextDatum("t.org_id"),
									CStringGetTextDatum("$1"));
	return TextDatumGetCString(named);
}

/* A page from a way that has the rows in its order. */
static void
append_page(StringInfo text, const PbSearch *search)
{
	const char *limit = psprintf(" LIMIT $%d", PB_AT_LIMIT + 1);
	const Part	part = {columns_of(search), true, search->rest, limit};

	if (search->way == PB_BY_ID)
		append_row(text, search, &part);
	else
		append_rows(text, search, &part);
}

/*
 * The matches among rows with some ids, in any order. A join with the marks
 * was rejected: it copies each row, and a page costs half as much again. The
 * organization is hidden from the planner, so that it takes the index on ids
 * alone, where a look-up compares no texts. Citus must see it, to know the
 * server.
 */
static void
append_those(StringInfo text, const PbSearch *search)
{
	appendStringInfo(text, "SELECT %s FROM %s AS t "
					 "WHERE t.id OPERATOR(pg_catalog.=) ANY ($%d) AND %s"
					 "t.org_id OPERATOR(pg_catalog.=) $1%s AND " PB_IS_LIVING,
					 columns_of(search), search->resource->table,
					 PB_AT_IDS + 1,
					 pb_sql_may_be_distributed() ? "" : "CASE WHEN ",
					 pb_sql_may_be_distributed() ? "" :
					 " THEN true ELSE false END");
	append_conditions(text, search, search->page->filters);
}

/* SQL: nulls in place of a row. */
static void
append_nulls(StringInfo text, const PbShape *shape)
{
	for (int i = 0; i < shape->count; i++)
		if (shape->leaves[i].source != NULL)
			appendStringInfo(text, "NULL::%s, ",
							 format_type_extended(shape->leaves[i].type, -1,
												  FORMAT_TYPE_FORCE_QUALIFY));
}

/*
 * A page of the matches among the next rows. When so many rows are met, a last
 * one has no values, but tells how far that was. It comes from the same
 * statement, so that both see the same rows. The server reads it only if the
 * matches do not fill the page.
 */
static void
append_walked_page(StringInfo text, const PbSearch *search)
{
	const PbShape *shape = pb_field_shape(search->resource);
	const PbOrder *order = search->page->order;
	const char *way = direction(order);
	const char *all = psprintf(" LIMIT %d", PB_WALKED_MAX);
	const char *last = psprintf(" OFFSET %d LIMIT 1", PB_WALKED_MAX - 1);

	appendStringInfo(text, "SELECT * FROM ((SELECT %s, NULL::%s FROM ",
					 columns_of(search), order->by_text ? "pg_catalog.text" :
					 "pg_catalog.uuid");
	if (search->way == PB_BY_MARK)
	{
		append_marked(text, search, true, all);
		appendStringInfo(text, IN_ORDER_OF_MARKS, way);
	}
	else
	{
		appendStringInfoChar(text, '(');
		append_rows(text, search, &(Part) {"*", true, 0, all});
		appendStringInfoString(text, ") AS t WHERE true");
		append_conditions(text, search, search->rest);
		appendStringInfo(text, " ORDER BY t.%s USING OPERATOR(pg_catalog.%s)",
						 order->column, way);
	}
	appendStringInfoString(text, ") UNION ALL (SELECT ");
	append_nulls(text, shape);
	if (search->way == PB_BY_MARK)
	{
		appendStringInfoString(text, "m.marked FROM (");
		append_marks(text, search, true, last);
		appendStringInfoString(text, ") AS m");
	}
	else
	{
		appendStringInfo(text, "m.%s FROM (", order->column);
		append_rows(text, search, &(Part) {
			psprintf("t.%s", order->column), true, 0, last
		});
		appendStringInfoString(text, ") AS m");
	}
	appendStringInfo(text, ")) AS parts LIMIT $%d", PB_AT_LIMIT + 1);
}

/* A page from few rows that are in another order. */
static void
append_sorted_page(StringInfo text, const PbSearch *search)
{
	const PbOrder *order = search->page->order;

	appendStringInfo(text, "SELECT %s FROM (", columns_of(search));
	if (search->way == PB_BY_MARK)
	{
		appendStringInfoString(text, "SELECT t.* FROM ");
		append_marked(text, search, false, " OFFSET 0");
		appendStringInfoString(text, " OFFSET 0");
	}
	else
		append_rows(text, search,
					&(Part) {"*", false, search->rest, " OFFSET 0"});
	appendStringInfoString(text, ") AS t WHERE true");
	append_after(text, order, psprintf("t.%s", order->column));
	appendStringInfo(text, " ORDER BY t.%s USING OPERATOR(pg_catalog.%s) LIMIT $%d",
					 order->column, direction(order), PB_AT_LIMIT + 1);
}

/*
 * Counts all matches, or the matches among the next rows, or the rows that the
 * way has, up to a limit.
 */
static void
append_count(StringInfo text, const PbSearch *search, PbForm form)
{
	const char *tail = form == PB_COUNT ? " OFFSET 0" :
		psprintf(" LIMIT %d", form == PB_WALKED_COUNT ? PB_WALKED_MAX :
				 PB_SORTED_MAX + 1);

	appendStringInfoString(text, "SELECT pg_catalog.count(*) FROM ");
	if (search->way == PB_BY_MARK && form == PB_WALKED_COUNT)
	{
		append_marked(text, search, false, tail);
		return;
	}
	appendStringInfoChar(text, '(');
	if (search->way == PB_BY_MARK)
		append_marks(text, search, false, tail);
	else if (search->way == PB_BY_ID)
		append_row(text, search, &(Part) {"", false, search->rest, tail});
	else
		append_rows(text, search, &(Part) {
			form == PB_WALKED_COUNT ? "*" : "", false,
			form == PB_COUNT ? search->rest : 0, tail
		});
	appendStringInfoString(text, ") AS t");
	if (form == PB_WALKED_COUNT)
	{
		appendStringInfoString(text, " WHERE true");
		append_conditions(text, search, search->rest);
	}
}

static void
append_statement(StringInfo text, const PbSearch *search, PbForm form)
{
	switch (form)
	{
		case PB_PAGE:
			append_page(text, search);
			break;
		case PB_WALKED_PAGE:
			append_walked_page(text, search);
			break;
		case PB_SORTED_PAGE:
			append_sorted_page(text, search);
			break;
		case PB_MARKS:
			append_marks(text, search, true,
						 psprintf(" LIMIT $%d", PB_AT_LIMIT + 1));
			break;
		case PB_MARKED:
			append_those(text, search);
			break;
		default:
			append_count(text, search, form);
	}
}

static Oid *
make_types(const PbOrder *order)
{
	Oid		   *types = palloc(PB_AT_END * sizeof(Oid));

	types[PB_AT_ORG] = TEXTOID;
	types[PB_AT_PARENT] = UUIDOID;
	types[PB_AT_AFTER] = order->by_text ? TEXTOID : UUIDOID;
	types[PB_AT_LIMIT] = INT8OID;
	types[PB_AT_MARK] = INT8OID;
	types[PB_AT_ID] = UUIDOID;
	types[PB_AT_IDS] = UUIDARRAYOID;
	for (int i = PB_AT_FILTERS; i < PB_AT_END; i++)
		types[i] = TEXTOID;
	return types;
}

/* The columns of a walked page: those of a row, or nulls, and the place. */
static const PbResult *
make_walked_results(const PbShape *shape, const PbOrder *order,
					const PbResult *results)
{
	PbResult   *walked = palloc((shape->sources + 1) * sizeof(PbResult));

	for (int i = 0; i < shape->sources; i++)
		walked[i] = (PbResult) {results[i].type, true};
	walked[shape->sources] = (PbResult) {
		order->by_text ? TEXTOID : UUIDOID, true
	};
	return walked;
}

static PbWayStatement *
make(const PbSearch *search, PbForm form)
{
	MemoryContext before = MemoryContextSwitchTo(pb_sql_memory());
	const PbShape *shape = pb_field_shape(search->resource);
	const PbOrder *order = search->page->order;
	PbWayStatement *made = palloc0(sizeof(PbWayStatement));
	StringInfoData text;

	*made = (PbWayStatement) {
		.resource = search->resource, .order = order, .way = search->way,
		.by = search->by, .rest = search->rest, .form = form,
		.results = pb_statement_results(shape)
	};
	initStringInfo(&text);
	append_statement(&text, search, form);
	made->statement = (PbStatement) {
		.text = text.data, .nargs = PB_AT_END, .types = make_types(order),
		.nresults = shape->sources, .results = made->results, .reads = true
	};
	if (form == PB_WALKED_PAGE)
	{
		made->statement.nresults++;
		made->statement.results = make_walked_results(shape, order,
													  made->results);
	}
	else if (form == PB_MARKS)
	{
		made->statement.nresults = lengthof(marks_results);
		made->statement.results = marks_results;
	}
	else if (form >= PB_COUNT)
	{
		made->statement.nresults = lengthof(count_results);
		made->statement.results = count_results;
	}
	MemoryContextSwitchTo(before);
	return made;
}

PbWayStatement *
pb_way_statement(const PbSearch *search, PbForm form)
{
	static PbWayStatement *first = NULL;
	PbWayStatement *made = first;

	while (made != NULL &&
		   (made->resource != search->resource ||
			made->order != search->page->order || made->way != search->way ||
			made->by != search->by || made->rest != search->rest ||
			made->form != form))
		made = made->next;
	if (made != NULL)
		return made;
	made = make(search, form);
	made->next = first;
	first = made;
	return made;
}

