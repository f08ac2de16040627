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

#include "change.h"
#include "check.h"
#include "crypt.h"
#include "id.h"
#include "member.h"
#include "resource.h"
#include "show.h"
#include "sql.h"
#include "text.h"
#include "typeid.h"

#define ORDERS_MAX 4

typedef struct PbStatements
{
	PbStatement insert;
	PbStatement find[PB_LOCKED];	/* id, parent id or null, the caller's
									 * organization and user or null */
	PbStatement lists[ORDERS_MAX];	/* org_id, parent id, after, limit */
	PbStatement lock;			/* org_id, id */
	PbStatement locked;			/* org_id, id */
	PbStatement update;			/* a value for each leaf */
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

/* Hides a partial index, which without statistics is taken for a small one. */
#define IS_LIVING "CASE WHEN deleted_at IS NULL THEN true ELSE false END"

/* The one row of an id, or those below a parent, with $1 the org_id. */
static char *
living(const char *key)
{
	return psprintf("WHERE org_id OPERATOR(pg_catalog.=) $1 "
					"AND %s OPERATOR(pg_catalog.=) $2 AND " IS_LIVING,
					key);
}

/* A page of the living, behind a value of the order's column. */
static void
make_list(PbStatement *list, const PbResource *resource, const PbShape *shape,
		  const PbOrder *order)
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
					 "WHERE org_id OPERATOR(pg_catalog.=) $1 AND ",
					 resource->table);
	if (resource->parent != NULL)
		appendStringInfo(&text, "%s OPERATOR(pg_catalog.=) $2",
						 resource->parent);
	else
		appendStringInfoString(&text, "$2 IS NULL");
	appendStringInfo(&text, " AND %s AND %s OPERATOR(pg_catalog.%s) $3 "
					 "ORDER BY %s USING OPERATOR(pg_catalog.%s) LIMIT $4",
					 order->by_text ? "deleted_at IS NULL" : IS_LIVING,
					 order->column, beyond, order->column, first);
	*list = (PbStatement) {
		.text = text.data, .nargs = 4, .types = types, .reads = true
	};
}

static void
make_lists(PbStatements *made, const PbResource *resource,
		   const PbShape *shape)
{
	for (int i = 0; resource->orders != NULL &&
		 resource->orders[i].name != NULL; i++)
	{
		Assert(i < ORDERS_MAX);
		make_list(&made->lists[i], resource, shape, &resource->orders[i]);
	}
}

/*
 * The row is read when it is locked: a statement that waited has an older
 * snapshot, and would count what belongs to the row by that.
 */
static void
make_lock(PbStatements *made, const PbResource *resource,
		  const PbShape *shape)
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
		.text = text.data, .nargs = 2, .types = delete_types
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
			const PbShape *shape)
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
		.text = text.data, .nargs = shape->count, .types = types
	};
}

static void
make_delete(PbStatement *delete, PbStatement *is_living,
			const PbResource *resource, const PbShape *shape, const char *key)
{
	*delete = (PbStatement) {
		.text = psprintf("%s %s RETURNING id", retirement(resource, shape, 3),
						 living(key)),
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
	make_lists(made, resource, shape);
	make_lock(made, resource, shape);
	make_update(&made->update, resource, shape);
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

static void delete_below(const PbRequest *request, const PbResource *resource,
						 Datum org_id, Datum id);

static void
note(const PbRequest *request, PbAction action, const PbRow *row)
{
	pb_change_note(request, action, row->resource, pb_resource_org(row),
				   pb_resource_id(row));
}

/*
 * Writes the row and takes it back as it was stored. False when it was not:
 * something unique is taken, or a trigger vetoed it.
 */
bool
pb_resource_insert(const PbRequest *request, PbRow *row)
{
	TupleDesc	descriptor;
	HeapTuple	stored = pb_sql_row(&statements(row->resource)->insert,
									row->values, row->nulls, &descriptor);

	if (stored == NULL)
		return false;
	pb_row_load(row, stored, descriptor);
	note(request, PB_CREATED, row);
	return true;
}

void
pb_resource_not_found(const PbResource *resource, PbFaults *faults)
{
	char	   *name = pstrdup(resource->name);

	for (char *p = name; *p != '\0'; p++)
		if (*p == '_')
			*p = ' ';
	pb_fault_set(faults, PB_NOT_FOUND, psprintf("%s not found", name), NULL);
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

/* A found row as it is now, and stays; NULL with faults when it is gone. */
PbRow *
pb_resource_lock(const PbRow *row, PbFaults *faults)
{
	PbStatements *run = statements(row->resource);
	Datum		values[] = {pb_resource_org(row), pb_resource_id(row)};
	TupleDesc	descriptor;
	HeapTuple	stored = NULL;
	PbRow	   *locked;

	if (pb_sql_run(&run->lock, values, NULL) > 0)
		stored = pb_sql_row(&run->locked, values, NULL, &descriptor);
	if (stored == NULL)
	{
		pb_resource_not_found(row->resource, faults);
		return NULL;
	}
	locked = pb_row_make(row->resource);
	pb_row_load(locked, stored, descriptor);
	return locked;
}

typedef struct Update
{
	PbRow	   *row;
	bool		vetoed;
} Update;

static bool
update(void *state)
{
	Update	   *update = state;
	PbRow	   *row = update->row;
	TupleDesc	descriptor;
	HeapTuple	stored = pb_sql_row(&statements(row->resource)->update,
									row->values, row->nulls, &descriptor);

	update->vetoed = stored == NULL;
	if (stored != NULL)
		pb_row_load(row, stored, descriptor);
	return true;
}

/*
 * Writes a locked row and takes it back as it was stored, with its time.
 * False when something unique is taken, where that can be told.
 */
bool
pb_resource_update(const PbRequest *request, PbRow *row, bool may_be_taken)
{
	Update		state = {row, false};
	int			expected = may_be_taken ? ERRCODE_UNIQUE_VIOLATION : 0;

	pb_row_set(row, row->resource->prepared->updated_at,
			   TimestampTzGetDatum(GetCurrentTimestamp()));
	if (!pb_sql_try(request->scope, update, &state, expected))
		return false;
	if (state.vetoed)
		pb_sql_vetoed(row->resource->table);
	note(request, PB_UPDATED, row);
	return true;
}

/*
 * The rows of a page and the one behind it, into an array with room for them;
 * tells how many there are.
 */
int
pb_resource_list(const PbResource *resource, const PbPage *page,
				 Datum org_id, const Datum *parent_id, PbRow **rows)
{
	PbStatement *list = &statements(resource)->lists[page->order -
													 resource->orders];
	Datum		values[] = {
		org_id, parent_id == NULL ? (Datum) 0 : *parent_id, page->after,
		Int64GetDatum(page->size + 1)
	};
	const char	nulls[] = {' ', parent_id == NULL ? 'n' : ' ', ' ', ' '};
	int			count = (int) pb_sql_run(list, values, nulls);

	for (int i = 0; i < count; i++)
	{
		rows[i] = pb_row_make(resource);
		pb_row_load(rows[i], SPI_tuptable->vals[i], SPI_tuptable->tupdesc);
	}
	return count;
}

/*
 * Prints the rows of a page, without the one behind it, which tells that there
 * is another page. Members of its own may follow, then the end.
 */
void
pb_resource_show_page(PbReply *reply, const PbPage *page, PbRow **rows,
					  int count, PbShow show,
					  const PbOrganization *organization)
{
	int			shown = Min(count, page->size);

	pb_json_begin(reply->body, '{');
	pb_json_name(reply->body, page->list);
	pb_json_begin(reply->body, '[');
	for (int i = 0; i < shown; i++)
	{
		pb_json_next(reply->body);
		show(reply->body, rows[i], organization);
	}
	pb_json_end(reply->body, ']');
	if (count > shown)
	{
		const PbRow *last = rows[shown - 1];

		reply->next_page = pb_page_token(page,
										 last->values[*page->order->leaf]);
	}
}

void
pb_resource_end_page(PbReply *reply)
{
	if (reply->next_page != NULL)
		pb_json_pair(reply->body, "next_page_token", reply->next_page);
	pb_json_end(reply->body, '}');
}

/* If-Match: whether the client has seen the row as it is. */
static bool
is_as_seen(const PbChange *change, PbRow *row,
		   const PbOrganization *organization, const PbRequest *request,
		   PbReply *reply)
{
	PbJson		header;
	StringInfoData body;
	char	   *etag = palloc(PB_ETAG_SIZE + 1);

	if (!pb_request_header(request, "if-match", &header))
		return true;
	initStringInfo(&body);
	change->show(&body, row, organization);
	pb_request_etag(body.data, body.len, pb_row_version(row), etag);
	if (pb_request_names_etag(request, "if-match", etag, false))
		return true;
	reply->etag = etag;
	pb_fault_set(&reply->faults, PB_PRECONDITION_FAILED,
				 "the resource has changed since the version this request was based on",
				 "Read it again.");
	return false;
}

/* Lays the changes over the row and writes it; false with faults. */
static bool
apply(const PbChange *change, const PbRequest *request, PbRow *row,
	  const PbRow *changes, PbFaults *faults)
{
	bool		changed = pb_row_merge(row, changes);
	bool		may_be_taken = change->unique != NULL &&
	changes->given[*change->unique];

	if (change->merge != NULL)
		changed |= change->merge(row, changes, faults);
	if (row->resource->rule != NULL)
		row->resource->rule(row, NULL, faults);
	if (faults->refusal != PB_ACCEPTED)
		return false;
	if (!changed || pb_resource_update(request, row, may_be_taken))
		return true;
	pb_fault_set(faults, PB_RESOURCE_EXISTS, change->taken, NULL);
	return false;
}

/*
 * Updates a row by the request's body and answers it as it is then. Only what
 * is given changes; where nothing does, nothing is written.
 */
void
pb_resource_change(const PbChange *change, const PbRequest *request,
				   PbReply *reply)
{
	PbRow	   *changes = pb_row_make(change->resource);
	PbFaults   *faults = &reply->faults;
	PbOrganization organization;
	PbRow	   *row;

	pb_check_update(changes, &request->body, faults, reply->unknown);
	if (change->check != NULL)
		change->check(changes, faults);
	if (faults->refusal != PB_ACCEPTED)
		return;
	row = pb_resource_find(change->resource, &request->caller, PB_WRITE,
						   change->id, change->parent, &organization, faults);
	if (row != NULL)
		row = pb_resource_lock(row, faults);
	if (row == NULL ||
		!is_as_seen(change, row, &organization, request, reply) ||
		!apply(change, request, row, changes, faults))
		return;
	change->show(reply->body, row, &organization);
	reply->version = pb_row_version(row);
}

/* Deletes what stands below a row that has been deleted. */
static void
delete_children(const PbRequest *request, const PbResource *resource,
				Datum org_id, Datum parent_id)
{
	PbStatements *run = statements(resource);
	Datum		values[] = {
		org_id, parent_id, TimestampTzGetDatum(GetCurrentTimestamp())
	};
	uint64		count = pb_sql_run(&run->delete_children, values, NULL);
	SPITupleTable *deleted = SPI_tuptable;

	for (uint64 i = 0; i < count; i++)
	{
		bool		isnull;

		delete_below(request, resource, org_id,
					 SPI_getbinval(deleted->vals[i], deleted->tupdesc, 1,
								   &isnull));
	}
	if (pb_sql_run(&run->has_living_children, values, NULL) > 0)
		pb_sql_vetoed(resource->table);
}

/* Notes that a row is deleted, and deletes what stands below it. */
static void
delete_below(const PbRequest *request, const PbResource *resource,
			 Datum org_id, Datum id)
{
	pb_change_note(request, PB_DELETED, resource, org_id, id);
	for (const PbResource *const *child = resource->children;
		 child != NULL && *child != NULL; child++)
		delete_children(request, *child, org_id, id);
}

/*
 * Deletes a row that was found, with all below it; false with faults when it
 * is gone.
 */
bool
pb_resource_delete(const PbRequest *request, const PbRow *row,
				   PbFaults *faults)
{
	PbStatements *run = statements(row->resource);
	Datum		values[] = {
		pb_resource_org(row), pb_resource_id(row),
		TimestampTzGetDatum(GetCurrentTimestamp())
	};

	if (pb_sql_run(&run->delete, values, NULL) > 0)
	{
		delete_below(request, row->resource, values[0], values[1]);
		return true;
	}
	if (pb_sql_run(&run->is_living, values, NULL) > 0)
		pb_sql_vetoed(row->resource->table);
	pb_resource_not_found(row->resource, faults);
	return false;
}

/* The row above, as the first id of the path names it. */
static PbRow *
find_parent(const PbResource *parent, const PbRequest *request,
			PbAccess access, PbOrganization *organization, PbReply *reply)
{
	return pb_resource_find(parent, &request->caller, access, request->ids[0],
							NULL, organization, &reply->faults);
}

/*
 * Begins a create of what stands below another resource: the parent, locked
 * against its deletion, and a checked row with its id, times and place. NULL
 * with faults.
 */
PbRow *
pb_resource_begin_below(const PbResource *resource, const PbResource *parent,
						const PbRequest *request, PbRow **made,
						PbReply *reply)
{
	PbOrganization organization;
	PbRow	   *above;
	PbRow	   *row = pb_row_make(resource);
	uint64		random;

	pb_check_create(row, &request->body, &reply->faults, reply->unknown);
	if (reply->faults.refusal != PB_ACCEPTED)
		return NULL;
	above = find_parent(parent, request, PB_WRITE, &organization, reply);
	if (above != NULL)
		above = pb_resource_lock(above, &reply->faults);
	if (above == NULL)
		return NULL;
	pb_random(&random, sizeof(random));
	pb_resource_stamp(row, random);
	pb_row_set(row, resource->prepared->org_id, pb_resource_org(above));
	pb_row_set(row, resource->prepared->parent, pb_resource_id(above));
	*made = row;
	return above;
}

/* Writes such a row and answers it. */
void
pb_resource_finish_below(const PbRequest *request, PbRow *row, PbReply *reply)
{
	if (!pb_resource_insert(request, row))
		pb_sql_vetoed(row->resource->table);
	reply->created = pb_resource_typeid(row);
	pb_show(reply->body, row);
}

/* A page of what stands below the resource that the path names. */
void
pb_resource_list_below(const PbResource *resource, const PbResource *parent,
					   const PbRequest *request, PbReply *reply,
					   PbShow show)
{
	PbRow	   *asked = pb_row_make(&pb_page_parameters);
	PbPage		page = {.list = resource->plural, .order = resource->orders};
	PbOrganization organization;
	PbRow	   *above;
	PbRow	  **rows;
	Datum		id;
	int			count;

	pb_check_create(asked, &request->parameters, &reply->faults,
					reply->unknown);
	if (reply->faults.refusal != PB_ACCEPTED)
		return;
	page.binding = pb_page_binding(page.list, CStringGetTextDatum(request->ids[0] == NULL ? "" : request->ids[0]),
								   page.order);
	if (!pb_page_take(&page, asked, &reply->faults))
		return;
	above = find_parent(parent, request, PB_READ, &organization, reply);
	if (above == NULL)
		return;
	id = pb_resource_id(above);
	rows = palloc((page.size + 1) * sizeof(PbRow *));
	count = pb_resource_list(resource, &page, pb_resource_org(above), &id,
							 rows);
	pb_resource_show_page(reply, &page, rows, count, show, &organization);
	pb_resource_end_page(reply);
}
