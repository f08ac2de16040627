/*
 * resource.c
 *	  Creates, finds, lists, changes and deletes rows of any resource.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "base/crypt.h"
#include "base/id.h"
#include "base/sql.h"
#include "base/text.h"
#include "base/typeid.h"
#include "feed/change.h"
#include "fields/check.h"
#include "fields/show.h"
#include "resources/resource.h"
#include "resources/statement.h"

Datum
pb_resource_id(const PbRow *row)
{
	return row->values[row->resource->prepared->id];
}

/* An id as clients spell it. */
const char *
pb_resource_spell(const PbResource *resource, Datum id)
{
	const char *prefix = resource->prefix;
	char		text[PB_TYPEID_MAX];
	size_t		length = pb_typeid_encode(prefix, strlen(prefix),
										  DatumGetUUIDP(id)->data, text);

	return pnstrdup(text, length);
}

const char *
pb_resource_typeid(const PbRow *row)
{
	return pb_resource_spell(row->resource, pb_resource_id(row));
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

/*
 * How many deletions this backend has begun. A user's trigger may delete what
 * the operation that fired it stands on: a row notes the number when it is
 * known to live, and only where that has grown is it looked at again.
 */
static uint64 deletions = 0;

static void
note(const PbRequest *request, PbAction action, const PbRow *row,
	 const char *detail)
{
	const PbActor actor = pb_authentication_actor(request);

	pb_change_note(&actor, action, row->resource, pb_resource_org(row),
				   pb_resource_typeid(row), detail);
}

/* Runs a statement that gives one row of a resource, or none: false. */
static bool
run(PbStatement *statement, Datum *values, const char *nulls, PbRow *row)
{
	if (!pb_sql_row(statement, values, nulls, row->values, row->failed))
		return false;
	pb_row_spread(row);
	return true;
}

/* Whether another row, which may not be in sight, has what is unique. */
static bool
is_taken(const PbRow *row)
{
	const PbUnique *unique = row->resource->unique;
	Datum		values[3] = {pb_resource_org(row), pb_resource_id(row)};

	if (unique == NULL)
		return false;
	values[2] = row->values[*unique->leaf];
	return pb_sql_run(&pb_statements(row->resource)->is_taken, values,
					  NULL) > 0;
}

static bool
refuse_taken(const PbRow *row, PbFaults *faults)
{
	const PbUnique *unique = row->resource->unique;
	int			leaf = *unique->leaf;

	pb_fault_taken(faults, row->shape->leaves[leaf].path, row->values[leaf],
				   unique->taken, unique->hint);
	return false;
}

/*
 * Tells faults, there or to come, whose a new row is and what it is called, as
 * far as that could be read.
 */
void
pb_resource_tell(const PbRow *row, PbFaults *faults)
{
	const PbUnique *unique = row->resource->unique;
	int			org_id = row->resource->prepared->org_id;

	if (pb_row_has(row, org_id))
		faults->org_id = row->values[org_id];
	if (unique != NULL && pb_row_has(row, *unique->leaf))
		faults->name = row->values[*unique->leaf];
}

/* A row below another one that a trigger has deleted would live for ever. */
static void
require_parent(const PbRow *row)
{
	const PbRow *above = row->above;
	Datum		values[2];

	if (above == NULL || above->lived_at == deletions)
		return;
	values[0] = pb_resource_org(above);
	values[1] = pb_resource_id(above);
	if (pb_sql_run(&pb_statements(above->resource)->is_living, values,
				   NULL) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_TRIGGERED_ACTION_EXCEPTION),
				 errmsg("a %s was deleted while a %s was written below it",
						above->resource->name, row->resource->name),
				 errhint("A trigger on one of their tables deletes it.")));
}

/*
 * Writes the row and takes it back as it was stored. False with faults when
 * another has what is unique of it.
 */
bool
pb_resource_insert(const PbRequest *request, PbRow *row, PbFaults *faults)
{
	row->lived_at = deletions;
	if (!run(&pb_statements(row->resource)->insert, row->values, row->nulls,
			 row))
	{
		if (is_taken(row))
			return refuse_taken(row, faults);
		pb_sql_vetoed(row->resource->table);
	}
	require_parent(row);
	note(request, PB_CREATED, row, NULL);
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
	PbStatements *made = pb_statements(resource);
	PbStatement *find = made->find;
	PbRow	   *row = pb_row_make(resource);

	if (!read_id(resource->prefix, id, &uuids[0]) ||
		(parent != NULL && !read_id(parent->prefix, parent->id, &uuids[1])))
		return NULL;
	if (!caller->is_trusted)
	{
		find = made->find_in_sight;
		pb_authorization_sight(caller, &values[2], &nulls[2], &values[3],
							   &nulls[3]);
	}
	if (!run(&find[reading], values, nulls, row) ||
		pb_row_has(row, resource->prepared->deleted_at))
		return NULL;
	return row;
}

/*
 * The same for what the caller is about to do with it, and its organization.
 * NULL with faults, which are the same for a row that is not there and one
 * out of his sight.
 */
PbRow *
pb_resource_find(const PbResource *resource, const PbCaller *caller,
				 PbPermission permission, const char *id,
				 const PbParent *parent, PbOrganization *organization,
				 PbFaults *faults)
{
	PbRow	   *row = look_up(resource, caller,
							  permission == PB_WRITE ? PB_LATEST : PB_SNAPSHOT,
							  id, parent);

	if (row == NULL)
	{
		pb_resource_not_found(resource, faults);
		return NULL;
	}
	return pb_authorize(caller, permission, pb_resource_org(row), organization,
						faults) ? row : NULL;
}

/* A found row as it is now, and stays; NULL with faults when it is gone. */
PbRow *
pb_resource_lock(const PbRow *row, PbFaults *faults)
{
	PbStatements *made = pb_statements(row->resource);
	Datum		values[] = {pb_resource_org(row), pb_resource_id(row)};
	PbRow	   *locked = pb_row_make(row->resource);

	locked->lived_at = deletions;
	if (pb_sql_run(&made->lock, values, NULL) > 0 &&
		run(&made->locked, values, NULL, locked))
		return locked;
	pb_resource_not_found(row->resource, faults);
	return NULL;
}

static bool
update(void *state)
{
	PbRow	   *row = state;

	if (!run(&pb_statements(row->resource)->update, row->values, row->nulls,
			 row))
		pb_sql_vetoed(row->resource->table);
	return true;
}

/*
 * The same where another may have what is unique of the row. Who has a living
 * row's name is known by the index alone, which says so by an error; one that
 * it raises for another row, as a trigger may write it, is none of ours.
 */
static bool
update_unique(const PbRequest *request, PbRow *row, PbFaults *faults)
{
	ErrorData  *violation = NULL;

	if (pb_sql_try(request->scope, update, row, &violation))
		return true;
	if (pb_sql_is_of(violation, row->resource->unique->index) &&
		is_taken(row))
		return refuse_taken(row, faults);
	ReThrowError(violation);
}

/*
 * Writes a locked row and takes it back as it was stored, with its time. False
 * with faults when another has what is unique of it. Only where that may be is
 * there a subtransaction: a snapshot keeps no more than 64 of them at hand.
 * Detail is for the feed, or NULL.
 */
bool
pb_resource_update(const PbRequest *request, PbRow *row, bool may_be_taken,
				   const char *detail, PbFaults *faults)
{
	pb_row_set(row, row->resource->prepared->updated_at,
			   TimestampTzGetDatum(GetCurrentTimestamp()));
	if (!may_be_taken)
		(void) update(row);
	else if (!update_unique(request, row, faults))
		return false;
	note(request, PB_UPDATED, row, detail);
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
	int			order = page->order - resource->orders;
	PbStatement *list = &pb_statements(resource)->lists[order];
	Datum		values[] = {
		org_id, parent_id == NULL ? (Datum) 0 : *parent_id, page->after,
		Int64GetDatum(page->size + 1)
	};
	const char	nulls[] = {' ', parent_id == NULL ? 'n' : ' ', ' ', ' '};
	int			count = (int) pb_sql_run(list, values, nulls);

	for (int i = 0; i < count; i++)
	{
		rows[i] = pb_row_make(resource);
		pb_sql_read(list, SPI_tuptable, i, rows[i]->values, rows[i]->failed);
		pb_row_spread(rows[i]);
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
	StringInfoData body;
	char	   *etag = palloc(PB_ETAG_SIZE + 1);

	if (!pb_request_has_header(request, "if-match"))
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
	const PbUnique *unique = row->resource->unique;
	bool		may_be_taken = unique != NULL &&
	pb_row_differs(row, changes, *unique->leaf);
	const char *detail = change->judge == NULL ? NULL :
	change->judge(row, changes, faults);
	bool		changed = pb_row_merge(row, changes);

	if (change->merge != NULL)
		changed |= change->merge(row, changes, faults);
	if (row->resource->rule != NULL)
		row->resource->rule(row, NULL, faults);
	if (faults->refusal != PB_ACCEPTED)
		return false;
	return !changed ||
		pb_resource_update(request, row, may_be_taken, detail, faults);
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
	PbStatements *made = pb_statements(resource);
	Datum		values[] = {
		org_id, parent_id, TimestampTzGetDatum(GetCurrentTimestamp())
	};
	uint64		count = pb_sql_run(&made->delete_children, values, NULL);
	SPITupleTable *deleted = SPI_tuptable;

	for (uint64 i = 0; i < count; i++)
	{
		Datum		id;
		bool		isnull;

		pb_sql_read(&made->delete_children, deleted, i, &id, &isnull);
		delete_below(request, resource, org_id, id);
	}
	if (pb_sql_run(&made->has_living_children, values, NULL) > 0)
		pb_sql_vetoed(resource->table);
}

/* Notes that a row is deleted, and deletes what stands below it. */
static void
delete_below(const PbRequest *request, const PbResource *resource,
			 Datum org_id, Datum id)
{
	const PbActor actor = pb_authentication_actor(request);

	pb_change_note(&actor, PB_DELETED, resource, org_id,
				   pb_resource_spell(resource, id), NULL);
	if (resource->forget != NULL)
		resource->forget(org_id, id);
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
	PbStatements *made = pb_statements(row->resource);
	Datum		values[] = {
		pb_resource_org(row), pb_resource_id(row),
		TimestampTzGetDatum(GetCurrentTimestamp())
	};

	deletions++;
	if (pb_sql_run(&made->delete, values, NULL) > 0)
	{
		delete_below(request, row->resource, values[0], values[1]);
		return true;
	}
	if (pb_sql_run(&made->is_living, values, NULL) > 0)
		pb_sql_vetoed(row->resource->table);
	pb_resource_not_found(row->resource, faults);
	return false;
}

/* The row above, as the first id of the path names it. */
static PbRow *
find_parent(const PbResource *parent, const PbRequest *request,
			PbPermission permission, PbOrganization *organization,
			PbReply *reply)
{
	return pb_resource_find(parent, &request->caller, permission,
							request->ids[0], NULL, organization,
							&reply->faults);
}

/*
 * The same as it is now and stays, with its organization as it is after all
 * that was waited for; NULL with faults.
 */
PbRow *
pb_resource_lock_parent(const PbResource *parent, const PbRequest *request,
						PbOrganization *organization, PbReply *reply)
{
	PbRow	   *row = find_parent(parent, request, PB_WRITE, organization,
								  reply);

	if (row != NULL)
		row = pb_resource_lock(row, &reply->faults);
	if (row != NULL)
		pb_organization_find(pb_resource_org(row), PB_LATEST, organization);
	return row;
}

/*
 * Whether one more may stand below a parent, which is locked: every create
 * waits for the one before it, and counts what that one wrote.
 */
static bool
has_room_below(const PbResource *resource, const PbRow *parent,
			   PbFaults *faults)
{
	Datum		values[] = {
		pb_resource_org(parent), pb_resource_id(parent), (Datum) 0
	};

	if (resource->most == NULL || *resource->most == 0)
		return true;
	values[2] = Int64GetDatum(*resource->most);
	if (pb_sql_run(&pb_statements(resource)->count_children, values,
				   NULL) < (uint64) *resource->most)
		return true;
	pb_fault_set(faults, PB_PLAN_LIMIT_REACHED,
				 psprintf("limit of %s reached: a %s may have %d",
						  resource->plural, parent->resource->name,
						  *resource->most),
				 psprintf("Delete one. Whoever runs this service can raise %s.",
						  resource->most_setting));
	return false;
}

/*
 * Begins a create of what stands below another resource: the parent, locked
 * against its deletion, its organization, and a checked row with its id, times
 * and place. NULL with faults.
 */
PbRow *
pb_resource_begin_below(const PbResource *resource, const PbResource *parent,
						const PbRequest *request,
						PbOrganization *organization, PbRow **made,
						PbReply *reply)
{
	PbRow	   *above;
	PbRow	   *row = pb_row_make(resource);
	uint64		random;

	pb_check_create(row, &request->body, &reply->faults, reply->unknown);
	if (reply->faults.refusal != PB_ACCEPTED)
		return NULL;
	above = pb_resource_lock_parent(parent, request, organization, reply);
	if (above == NULL || !has_room_below(resource, above, &reply->faults))
		return NULL;
	pb_random(&random, sizeof(random));
	pb_resource_stamp(row, random);
	pb_row_set(row, resource->prepared->org_id, pb_resource_org(above));
	pb_row_set(row, resource->prepared->parent, pb_resource_id(above));
	row->above = above;
	*made = row;
	return above;
}

/* Writes such a row and answers it. */
void
pb_resource_finish_below(const PbRequest *request, PbRow *row, PbReply *reply)
{
	(void) pb_resource_insert(request, row, &reply->faults);
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
	const char *of = request->ids[0];
	PbOrganization organization;
	PbRow	   *above;
	PbRow	  **rows;
	Datum		id;
	int			count;

	pb_check_create(asked, &request->parameters, &reply->faults,
					reply->unknown);
	if (reply->faults.refusal != PB_ACCEPTED)
		return;
	page.binding = pb_page_binding(page.list,
								   CStringGetTextDatum(of == NULL ? "" : of),
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
