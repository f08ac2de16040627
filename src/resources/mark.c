/*
 * mark.c
 *	  Marks: what few rows of a resource have, and many are searched by.
 *
 * The marks of a resource are rows of a table of their own: a row has one for
 * each thing that it has, so that a row that has nothing costs nothing. An
 * index on the rows themselves was rejected: each create would ask whether its
 * row belongs there. A GIN index was rejected too: it gives rows in no order,
 * so that a page would read all of them.
 *
 * The table has no other index than the one that is searched by. So it is the
 * row that tells which marks are to be removed.
 *
 * That index begins with a key: a hash of the organization and the mark. With
 * these two texts in its place, a create with two tags took 9 % more among a
 * million projects (5 % with the organization in front of the hash). Two marks
 * of one row with the same key are one. What is found by a key is believed
 * only where the row says the same.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "base/crypt.h"
#include "base/insert.h"
#include "base/seek.h"
#include "base/sql.h"
#include "resources/mark.h"
#include "resources/resource.h"

/* What is made for the marks of a resource at the first use. */
typedef struct Made
{
	const PbResource *marks;
	PbStatement remove;
	PbStatement add[PB_MARKS_MAX];	/* one more than this */
	struct Made *next;
} Made;

#define COLUMNS 4				/* of marks: all fields */

static const Oid remove_types[] = {TEXTOID, INT8ARRAYOID, UUIDOID};

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
						 "AND %s OPERATOR(pg_catalog.=) ANY ($2) "
						 "AND %s OPERATOR(pg_catalog.=) $3",
						 marks->table,
						 column_of(marks, marks->prepared->id),
						 column_of(marks, marks->prepared->parent)),
		.nargs = lengthof(remove_types), .types = remove_types
	};
}

/*
 * A statement for each number of marks: Citus has no plan for an insert of
 * what a function gives.
 */
static void
make_add(PbStatement *add, const PbResource *marks, int count)
{
	Oid		   *types = palloc((2 + 2 * count) * sizeof(Oid));
	StringInfoData text;

	types[0] = TEXTOID;
	types[1] = UUIDOID;
	initStringInfo(&text);
	appendStringInfo(&text, "INSERT INTO %s (org_id, %s, %s, %s) VALUES ",
					 marks->table, column_of(marks, marks->prepared->parent),
					 column_of(marks, marks->prepared->text),
					 column_of(marks, marks->prepared->id));
	for (int i = 0; i < count; i++)
	{
		types[2 + 2 * i] = TEXTOID;
		types[3 + 2 * i] = INT8OID;
		appendStringInfo(&text, "%s($1, $2, $%d, $%d)", i > 0 ? ", " : "",
						 3 + 2 * i, 4 + 2 * i);
	}
	appendStringInfoString(&text, " ON CONFLICT DO NOTHING");
	*add = (PbStatement) {
		.text = text.data, .nargs = 2 + 2 * count, .types = types
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
		make_add(&made->add[i], marks, i + 1);
	made->next = first;
	first = made;
	MemoryContextSwitchTo(before);
	return made;
}

/*
 * The key of an organization's mark. It must stay as it is, for rows are
 * stored under it. The hash's own key is no secret: whoever makes two marks of
 * one key, in some 2^32 tries, gets a wrong total in their own lists. To meet
 * the key of another organization's mark takes 2^63.
 */
int64
pb_mark_key(Datum org_id, const char *mark)
{
	static const uint8_t hash_key[PB_HASH_KEY_BYTES] = "pgbeam mark";
	const text *org = DatumGetTextPP(org_id);
	StringInfoData both;

	initStringInfo(&both);
	appendBinaryStringInfo(&both, VARDATA_ANY(org), VARSIZE_ANY_EXHDR(org));
	appendStringInfoChar(&both, '\0');
	appendStringInfoString(&both, mark);
	return pb_hash(hash_key, both.data, both.len) & PG_INT64_MAX;
}

static bool
has(const PbMarks *marks, int64 key)
{
	for (int i = 0; i < marks->count; i++)
		if (marks->marks[i].key == key)
			return true;
	return false;
}

void
pb_mark_add(PbMarks *marks, const char *text)
{
	int64		key = pb_mark_key(marks->org_id, text);

	Assert(marks->count < PB_MARKS_MAX);
	if (!has(marks, key))
		marks->marks[marks->count++] = (PbMark) {text, key};
}

/* The marks that a row should have. */
void
pb_mark_read(const PbRow *row, PbMarks *marks)
{
	const PbHooks *hooks = pb_hooks(row->resource);

	marks->count = 0;
	if (hooks->mark == NULL)
		return;
	marks->org_id = pb_resource_org(row);
	hooks->mark(row, marks);
}

static void
leave_out(PbMarks *marks, const PbMarks *others)
{
	int			count = 0;

	for (int i = 0; i < marks->count; i++)
		if (!has(others, marks->marks[i].key))
			marks->marks[count++] = marks->marks[i];
	marks->count = count;
}

/* Adds marks, some of which a statement by hand may have left there. */
static void
add(const PbRow *row, const PbMarks *marks)
{
	Datum		values[2 + 2 * PB_MARKS_MAX];
	Made	   *made;

	if (marks->count == 0)
		return;
	made = find_or_make(row->resource->marks);
	values[0] = pb_resource_org(row);
	values[1] = pb_resource_id(row);
	for (int i = 0; i < marks->count; i++)
	{
		values[2 + 2 * i] = CStringGetTextDatum(marks->marks[i].text);
		values[3 + 2 * i] = Int64GetDatum(marks->marks[i].key);
	}
	(void) pb_sql_run(&made->add[marks->count - 1], values, NULL);
}

/* Adds the marks of a new row, which has none. */
static void
add_first(const PbRow *row, const PbMarks *marks, PbTable *stored)
{
	const PbPrepared *at = row->resource->marks->prepared;
	Datum		values[PB_MARKS_MAX * COLUMNS];

	StaticAssertStmt(PB_MARKS_MAX <= PB_INSERTED_MAX,
					 "the marks of a row are inserted at once");
	Assert(stored->count == COLUMNS);
	for (int i = 0; i < marks->count; i++)
	{
		Datum	   *mark = &values[i * COLUMNS];

		mark[at->org_id] = pb_resource_org(row);
		mark[at->parent] = pb_resource_id(row);
		mark[at->text] = CStringGetTextDatum(marks->marks[i].text);
		mark[at->id] = Int64GetDatum(marks->marks[i].key);
	}
	(void) pb_insert(stored, values, NULL, marks->count);
}

static void
remove_by_statement(const PbRow *row, Datum *keys, int count)
{
	ArrayType  *array = construct_array(keys, count, INT8OID, sizeof(int64),
										FLOAT8PASSBYVAL, TYPALIGN_DOUBLE);
	Datum		values[lengthof(remove_types)] = {
		pb_resource_org(row), PointerGetDatum(array), pb_resource_id(row)
	};

	(void) pb_sql_run(&find_or_make(row->resource->marks)->remove, values,
					  NULL);
}

/* Removes marks of a row. */
void
pb_mark_remove(const PbRow *row, const PbMarks *marks)
{
	Datum		keys[PB_MARKS_MAX];
	PbTable    *stored;

	if (marks->count == 0)
		return;
	for (int i = 0; i < marks->count; i++)
		keys[i] = Int64GetDatum(marks->marks[i].key);
	stored = pb_stored(row->resource->marks);
	if (!pb_table_may_be_removed_from(stored))
	{
		remove_by_statement(row, keys, marks->count);
		return;
	}
	for (int i = 0; i < marks->count; i++)
	{
		const Datum key[] = {
			pb_resource_org(row), keys[i], pb_resource_id(row)
		};

		pb_seek_remove(stored, key);
	}
}

/* Writes the marks of a new row. */
void
pb_mark_created(const PbRow *row)
{
	PbMarks		marks;
	PbTable    *stored;

	pb_mark_read(row, &marks);
	if (marks.count == 0)
		return;
	stored = pb_stored(row->resource->marks);
	if (pb_table_takes_rows(stored))
		add_first(row, &marks, stored);
	else
		add(row, &marks);
}

/* Writes those that a row has, and did not have before. */
void
pb_mark_updated(const PbRow *row, const PbMarks *before)
{
	PbMarks		gone = *before;
	PbMarks		added;
	PbMarks		now;

	pb_mark_read(row, &now);
	added = now;
	leave_out(&gone, &now);
	leave_out(&added, before);
	pb_mark_remove(row, &gone);
	add(row, &added);
}
