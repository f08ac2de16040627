/*
 * mark.c
 *	  Marks: what few rows of a resource have, and many are searched by.
 *
 * The marks of a resource are rows of a table of their own, below its rows: a
 * row has one for each thing that it has. So a row that has nothing costs
 * nothing more. An index on the rows themselves was rejected: each create
 * would ask whether its row belongs there. A GIN index was rejected too: its
 * rows come in no order, so that a page would read all of them.
 *
 * The operations write them. Whoever deletes the row deletes its marks, as
 * they stand below it.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "base/sql.h"
#include "resources/mark.h"
#include "resources/resource.h"

/* What is made for the marks of a resource at the first use. */
typedef struct Made
{
	const PbResource *marks;
	PbStatement remove;			/* all but some */
	PbStatement insert[PB_MARKS_MAX];	/* so many and one more */
	struct Made *next;
} Made;

static const Oid remove_types[] = {TEXTOID, UUIDOID, TEXTARRAYOID};

static const char *
column_of(const PbResource *marks, int leaf)
{
	return pb_field_shape(marks)->leaves[leaf].column;
}

static void
make_remove(PbStatement *remove, const PbResource *marks)
{
	*remove = (PbStatement) {
		.text = psprintf("DELETE FROM %s WHERE org_id OPERATOR(pg_catalog.=) $1 "
						 "AND %s OPERATOR(pg_catalog.=) $2 "
						 "AND %s OPERATOR(pg_catalog.<>) ALL ($3)",
						 marks->table,
						 column_of(marks, marks->prepared->parent),
						 column_of(marks, marks->prepared->id)),
		.nargs = lengthof(remove_types), .types = remove_types
	};
}

/* Citus has no plan for an insert of what a function gives. */
static void
make_insert(PbStatement *insert, const PbResource *marks, int count)
{
	Oid		   *types = palloc((2 + count) * sizeof(Oid));
	StringInfoData text;

	types[0] = TEXTOID;
	types[1] = UUIDOID;
	initStringInfo(&text);
	appendStringInfo(&text, "INSERT INTO %s (org_id, %s, %s) VALUES ",
					 marks->table, column_of(marks, marks->prepared->parent),
					 column_of(marks, marks->prepared->id));
	for (int i = 0; i < count; i++)
	{
		types[2 + i] = TEXTOID;
		appendStringInfo(&text, "%s($1, $2, $%d)", i > 0 ? ", " : "", 3 + i);
	}
	appendStringInfoString(&text, " ON CONFLICT DO NOTHING");
	*insert = (PbStatement) {
		.text = text.data, .nargs = 2 + count, .types = types
	};
}

static Made *
find_or_make(const PbResource *marks)
{
	static Made *first = NULL;
	Made	   *made = first;
	MemoryContext before;

	while (made != NULL && made->marks != marks)
		made = made->next;
	if (made != NULL)
		return made;
	(void) pb_field_shape(marks);
	before = MemoryContextSwitchTo(pb_sql_memory());
	made = palloc0(sizeof(Made));
	made->marks = marks;
	make_remove(&made->remove, marks);
	for (int i = 0; i < PB_MARKS_MAX; i++)
		make_insert(&made->insert[i], marks, i + 1);
	made->next = first;
	first = made;
	MemoryContextSwitchTo(before);
	return made;
}

/*
 * Sets the marks of a stored row, each of which may stand there more than
 * once. Only what is new is written.
 */
void
pb_mark_row(const PbRow *row, const char *const *marks, int count, bool is_new)
{
	Datum		values[2 + PB_MARKS_MAX];
	Made	   *made;

	Assert(count <= PB_MARKS_MAX);
	if (is_new && count == 0)
		return;
	made = find_or_make(row->resource->marks);
	values[0] = pb_resource_org(row);
	values[1] = pb_resource_id(row);
	for (int i = 0; i < count; i++)
		values[2 + i] = CStringGetTextDatum(marks[i]);
	if (!is_new)
	{
		Datum		remove[] = {
			values[0], values[1],
			PointerGetDatum(construct_array(values + 2, count, TEXTOID, -1,
											false, TYPALIGN_INT))
		};

		(void) pb_sql_run(&made->remove, remove, NULL);
	}
	if (count > 0)
		(void) pb_sql_run(&made->insert[count - 1], values, NULL);
}
