/*
 * resource.c
 *	  Creates, finds and deletes rows of any resource, by statements made of
 *	  its field table.
 *
 * Each statement has a parameter or a column for every leaf of the table, so
 * a row's arrays are its arguments and its results as they stand. The
 * statements are made once per backend, in pb_sql_memory().
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "id.h"
#include "member.h"
#include "resource.h"
#include "sql.h"
#include "text.h"
#include "typeid.h"

typedef struct PbStatements
{
	PbStatement insert;
	PbStatement find[PB_LOCKED];	/* id, parent id or null, the caller's
									 * organization and user or null */
	PbStatement delete;			/* org_id, id, now */
	PbStatement is_living;		/* org_id, id */
	PbStatement delete_children;	/* org_id, parent id, now */
	PbStatement has_living_children;	/* org_id, parent id */
} PbStatements;

static const Oid find_types[] = {UUIDOID, UUIDOID, TEXTOID, TEXTOID};
static const Oid delete_types[] = {TEXTOID, UUIDOID, TIMESTAMPTZOID};

/* Where a leaf has no column, a null of its type keeps the place. */
static void
append_column(StringInfo text, const PbLeaf *leaf, bool derive)
{
	if (leaf->column != NULL)
		appendStringInfoString(text, leaf->column);
	else if (derive && leaf->field->column != NULL)
		appendStringInfoString(text, leaf->field->column);
	else
		appendStringInfo(text, "NULL::%s",
						 format_type_extended(leaf->type, -1,
											  FORMAT_TYPE_FORCE_QUALIFY));
}

static void
append_columns(StringInfo text, const PbShape *shape, bool derive)
{
	for (int i = 0; i < shape->count; i++)
	{
		if (i > 0)
			appendStringInfoString(text, ", ");
		append_column(text, &shape->leaves[i], derive);
	}
}

static void
make_insert(PbStatement *insert, const PbResource *resource,
			const PbShape *shape)
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
	if (resource->conflict != NULL)
		appendStringInfo(&text, "ON CONFLICT %s DO NOTHING ",
						 resource->conflict);
	appendStringInfoString(&text, "RETURNING ");
	append_columns(&text, shape, false);
	*insert = (PbStatement) {
		.text = text.data, .nargs = shape->count, .types = types
	};
}

/*
 * By id alone, so that no statistics lead to another index than that on id;
 * of deleted rows the planner would go through the partial one on all others.
 */
static void
make_finds(PbStatements *made, const PbResource *resource,
		   const PbShape *shape)
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
	else
		appendStringInfoString(&text, " AND $2 IS NULL");
	appendStringInfoString(&text,
						   " AND " PB_IS_IN_SIGHT("$3", "$4", "t.org_id"));
	made->find[PB_LATEST] = (PbStatement) {
		.text = text.data, .nargs = lengthof(find_types), .types = find_types
	};
	made->find[PB_SNAPSHOT] = made->find[PB_LATEST];
	made->find[PB_SNAPSHOT].reads = true;
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

/* The one row of an id, or those below a parent, with $1 the org_id. */
static char *
living(const char *key)
{
	return psprintf("WHERE org_id OPERATOR(pg_catalog.=) $1 "
					"AND %s OPERATOR(pg_catalog.=) $2 AND deleted_at IS NULL",
					key);
}

static void
make_delete(PbStatement *delete, PbStatement *is_living,
			const PbResource *resource, const PbShape *shape, const char *key)
{
	*delete = (PbStatement) {
		.text = psprintf("%s %s", retirement(resource, shape, 3), living(key)),
		.nargs = lengthof(delete_types), .types = delete_types
	};
	*is_living = (PbStatement) {
		.text = psprintf("SELECT FROM %s %s LIMIT 1", resource->table,
						 living(key)),
		.nargs = 2, .types = delete_types
	};
}

static PbStatements *
statements(const PbResource *resource)
{
	const PbShape *shape;
	MemoryContext before;
	PbStatements *made;

	if (resource->prepared->statements != NULL)
		return resource->prepared->statements;
	shape = pb_field_shape(resource);
	before = MemoryContextSwitchTo(pb_sql_memory());
	made = palloc0(sizeof(PbStatements));
	make_insert(&made->insert, resource, shape);
	make_finds(made, resource, shape);
	make_delete(&made->delete, &made->is_living, resource, shape, "id");
	if (resource->parent != NULL)
		make_delete(&made->delete_children, &made->has_living_children,
					resource, shape, resource->parent);
	MemoryContextSwitchTo(before);
	resource->prepared->statements = made;
	return made;
}

Datum
pb_resource_id(const PbRow *row)
{
	return row->values[row->resource->prepared->id];
}

/* The id as clients spell it. */
const char *
pb_resource_typeid(const PbRow *row)
{
	const char *prefix = row->resource->prefix;
	char		text[PB_TYPEID_MAX];
	const uint8 *uuid = DatumGetUUIDP(pb_resource_id(row))->data;
	size_t		length = pb_typeid_encode(prefix, strlen(prefix), uuid, text);

	return pnstrdup(text, length);
}

Datum
pb_resource_org(const PbRow *row)
{
	return row->values[row->resource->prepared->org_id];
}

/* Gives a new row its id and the instant of that id as its times. */
void
pb_resource_stamp(PbRow *row, uint64 random)
{
	const PbPrepared *at = row->resource->prepared;
	pg_uuid_t  *id = palloc(sizeof(pg_uuid_t));
	Datum		now;

	pb_id_make(random, id->data);
	now = TimestampTzGetDatum(pb_id_instant(id->data));
	pb_row_set(row, at->id, UUIDPGetDatum(id));
	pb_row_set(row, at->created_at, now);
	pb_row_set(row, at->updated_at, now);
}

/*
 * Writes the row and takes it back as it was stored. False when it was not:
 * something unique is taken, or a trigger vetoed it.
 */
bool
pb_resource_insert(PbRow *row)
{
	TupleDesc	descriptor;
	HeapTuple	stored = pb_sql_row(&statements(row->resource)->insert,
									row->values, row->nulls, &descriptor);

	if (stored == NULL)
		return false;
	pb_row_load(row, stored, descriptor);
	return true;
}

void
pb_resource_not_found(const PbResource *resource, PbFaults *faults)
{
	pb_fault_set(faults, PB_NOT_FOUND,
				 psprintf("%s not found", resource->name), NULL);
}

/* An id of another resource, or none at all, is simply unknown. */
static bool
read_id(const char *prefix, const char *text, pg_uuid_t *uuid)
{
	PbTypeid	id;

	if (text == NULL || pb_typeid_decode(text, strlen(text), &id) != NULL ||
		!pb_text_is(text, id.prefix_length, prefix))
		return false;
	memcpy(uuid->data, id.uuid, PB_UUID_BYTES);
	return true;
}

/* The row of this id that is in sight, below the parent if one is named. */
static PbRow *
look_up(const PbResource *resource, const PbCaller *caller, PbReading reading,
		const char *id, const PbParent *parent)
{
	pg_uuid_t	uuids[2];
	Datum		values[4] = {
		UUIDPGetDatum(&uuids[0]), UUIDPGetDatum(&uuids[1])
	};
	char		nulls[4] = {' ', parent == NULL ? 'n' : ' '};
	PbRow	   *row;
	HeapTuple	stored;
	TupleDesc	descriptor;

	if (!read_id(resource->prefix, id, &uuids[0]) ||
		(parent != NULL && !read_id(parent->prefix, parent->id, &uuids[1])))
		return NULL;
	pb_caller_sight(caller, &values[2], &nulls[2], &values[3], &nulls[3]);
	stored = pb_sql_row(&statements(resource)->find[reading], values, nulls,
						&descriptor);
	if (stored == NULL)
		return NULL;
	row = pb_row_make(resource);
	pb_row_load(row, stored, descriptor);
	return pb_row_has(row, resource->prepared->deleted_at) ? NULL : row;
}

/*
 * The same for what the caller is about to do with it, and its organization.
 * NULL with faults, which are the same for a row that is not there and one
 * out of his sight.
 */
PbRow *
pb_resource_find(const PbResource *resource, const PbCaller *caller,
				 PbAccess access, const char *id, const PbParent *parent,
				 PbOrganization *organization, PbFaults *faults)
{
	PbRow	   *row = look_up(resource, caller,
							  access == PB_WRITE ? PB_LATEST : PB_SNAPSHOT,
							  id, parent);

	if (row == NULL)
	{
		pb_resource_not_found(resource, faults);
		return NULL;
	}
	return pb_caller_may(caller, access, pb_resource_org(row), organization,
						 faults) ? row : NULL;
}

/* Deletes a row that was found; false with faults when it is gone. */
bool
pb_resource_delete(const PbRow *row, PbFaults *faults)
{
	PbStatements *run = statements(row->resource);
	Datum		values[] = {
		pb_resource_org(row), pb_resource_id(row),
		TimestampTzGetDatum(GetCurrentTimestamp())
	};

	if (pb_sql_run(&run->delete, values, NULL) > 0)
		return true;
	if (pb_sql_run(&run->is_living, values, NULL) > 0)
		pb_sql_vetoed(row->resource->table);
	pb_resource_not_found(row->resource, faults);
	return false;
}

/* Deletes all rows below a parent. */
void
pb_resource_delete_children(const PbResource *resource, const PbRow *parent)
{
	PbStatements *run = statements(resource);
	Datum		values[] = {
		pb_resource_org(parent), pb_resource_id(parent),
		TimestampTzGetDatum(GetCurrentTimestamp())
	};

	(void) pb_sql_run(&run->delete_children, values, NULL);
	if (pb_sql_run(&run->has_living_children, values, NULL) > 0)
		pb_sql_vetoed(resource->table);
}
