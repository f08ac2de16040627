/*
 * standard.c
 *	  The standard operations of any resource.
 *
 * A path has the ids of a resource's parents, then its own. In a create and a
 * list, all ids are the parents'.
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "auth/authorization.h"
#include "base/sql.h"
#include "fields/check.h"
#include "resources/mark.h"
#include "resources/resource.h"
#include "resources/search.h"
#include "resources/standard.h"
#include "resources/statement.h"
#include "resources/write.h"

/* Prints the answer about one row, in the member around it, if any. */
static void
print(StringInfo out, PbRow *row, const PbOrganization *organization)
{
	const char *around = row->resource->around;

	if (around != NULL)
	{
		pb_json_begin(out, '{');
		pb_json_name(out, around);
	}
	pb_resource_show(out, row, organization);
	if (around != NULL)
		pb_json_end(out, '}');
}

static void
answer(PbRow *row, const PbOrganization *organization, PbReply *reply)
{
	print(reply->body, row, organization);
	reply->version = pb_row_version(row);
}

/* getProject and the like */
void
pb_standard_get(const PbRequest *request, PbReply *reply)
{
	PbOrganization organization;
	PbRow	   *row = pb_resource_find(request, PB_READ, &organization,
									   &reply->faults);

	if (row != NULL)
		answer(row, &organization, reply);
}

/*
 * Locks the parent that the first id_count ids name. Its organization is read
 * after all waiting, so it is current too. NULL with faults.
 */
static PbRow *
lock_parent(const PbRequest *request, int id_count,
			PbOrganization *organization, PbFaults *faults)
{
	PbRow	   *row = pb_resource_find_parent(request, PB_WRITE, id_count,
											  organization, faults);

	if (row != NULL)
		row = pb_resource_lock(row, faults);
	if (row != NULL)
		pb_organization_find(pb_resource_org(row), PB_LATEST, organization);
	return row;
}

/* Gives a new row its id, its times and its parent. */
static void
place(PbRow *row, PbRow *above)
{
	const PbPrepared *at = row->resource->prepared;

	pb_resource_stamp(row);
	row->is_complete = true;
	row->above = above;
	if (above == NULL)
		return;
	pb_row_set(row, at->org_id, pb_resource_org(above));
	pb_row_set(row, at->parent, pb_resource_id(above));
}

/*
 * Gives a new row its place, if the caller may write there. False with faults.
 */
static bool
enter(const PbRequest *request, PbRow *row, PbOrganization *organization,
	  PbFaults *faults)
{
	PbRow	   *above;

	if (row->resource->parent == NULL)
	{
		place(row, NULL);
		return pb_authorize(&request->caller, PB_WRITE, pb_resource_org(row),
							organization, faults);
	}
	above = lock_parent(request, request->id_count, organization, faults);
	if (above == NULL || !pb_resource_has_room(row->resource, above, faults))
		return false;
	place(row, above);
	return true;
}

/* Prepares a row for writing, and the row that it embeds. */
static bool
prepare(PbRow *row, PbFaults *faults)
{
	const PbHooks *hooks = pb_hooks(row->resource);

	if (hooks->prepare != NULL && !hooks->prepare(row, faults))
		return false;
	if (row->embedded == NULL)
		return true;
	place(row->embedded, row);
	return prepare(row->embedded, faults);
}

/* Writes rows that must exist before a new row, and the one it embeds. */
static void
precede(PbRow *row)
{
	for (; row != NULL; row = row->embedded)
		if (pb_hooks(row->resource)->precede != NULL)
			pb_hooks(row->resource)->precede(row);
}

static void
show_named(StringInfo out, PbRow *row, const PbOrganization *organization)
{
	pb_json_name(out, row->resource->name);
	pb_resource_show(out, row, organization);
}

/*
 * A resource that may embed another is answered together with it, each under
 * its name.
 */
static void
answer_created(PbRow *row, const PbOrganization *organization, PbReply *reply)
{
	StringInfo	out = reply->body;

	reply->created = pb_resource_typeid(row);
	if (pb_field_embeds(row->resource) == NULL)
	{
		answer(row, organization, reply);
		return;
	}
	pb_json_begin(out, '{');
	show_named(out, row, organization);
	if (row->embedded != NULL)
		show_named(out, row->embedded, organization);
	pb_json_end(out, '}');
}

/* createProject and the like */
void
pb_standard_create(const PbRequest *request, PbReply *reply)
{
	const PbHooks *hooks = pb_hooks(request->resource);
	PbFaults   *faults = &reply->faults;
	PbRow	   *row = pb_row_make(request->resource);
	PbOrganization organization;

	pb_check_create(row, &request->body, faults, reply->unknown);
	pb_resource_tell(row, faults);
	if (faults->refusal != PB_ACCEPTED ||
		!enter(request, row, &organization, faults))
		return;
	if (hooks->admit != NULL &&
		!hooks->admit(request, row, &organization, faults))
		return;
	if (!prepare(row, faults))
		return;
	precede(row);
	if (!pb_write_create(request, row, faults))
		return;
	if (hooks->created != NULL)
		hooks->created(row);
	answer_created(row, &organization, reply);
}

/*
 * If-Match: whether the client has seen the row's current version. False with
 * faults.
 */
static bool
is_as_seen(const PbRequest *request, PbRow *row,
		   const PbOrganization *organization, PbReply *reply)
{
	StringInfoData body;
	char	   *etag = palloc(PB_ETAG_SIZE + 1);

	if (!pb_request_has_header(request, "if-match"))
		return true;
	initStringInfo(&body);
	print(&body, row, organization);
	pb_request_etag(body.data, body.len, pb_row_version(row), etag);
	if (pb_request_names_etag(request, "if-match", etag, false))
		return true;
	reply->etag = etag;
	pb_fault_set(&reply->faults, PB_PRECONDITION_FAILED,
				 "the resource has changed since the version this request was based on",
				 "Read it again.");
	return false;
}

/* Merges the update into the row and writes it; false with faults. */
static bool
apply(const PbRequest *request, PbRow *row, const PbRow *update,
	  PbFaults *faults)
{
	const PbHooks *hooks = pb_hooks(row->resource);
	const PbUnique *unique = row->resource->unique;
	PbMarks		before;
	bool		may_be_taken = unique != NULL &&
		pb_row_differs(row, update, *unique->leaf);
	const char *detail = hooks->judge == NULL ? NULL :
		hooks->judge(row, update, faults);
	bool		changed;

	pb_mark_read(row, &before);
	changed = pb_row_merge(row, update);
	if (hooks->merge != NULL)
		changed |= hooks->merge(row, update, faults);
	if (row->resource->rule != NULL)
		row->resource->rule(row, NULL, faults);
	if (faults->refusal != PB_ACCEPTED)
		return false;
	if (!changed)
		return true;
	if (!pb_write_update(request, row, may_be_taken, detail, faults))
		return false;
	pb_mark_updated(row, &before);
	return true;
}

/*
 * Finds and locks the row of a checked update or delete, if the caller may
 * change it; NULL with faults. Where a hook decides that, the organization is
 * locked first: then it can count others, and nobody else changes them.
 */
static PbRow *
find_locked(const PbRequest *request, PbOrganization *organization,
			PbFaults *faults)
{
	const PbHooks *hooks = pb_hooks(request->resource);
	PbRow	   *row = pb_resource_find(request, PB_WRITE, organization,
									   faults);

	if (row != NULL && hooks->permit != NULL)
		pb_organization_find(pb_resource_org(row), PB_LOCKED, organization);
	if (row != NULL)
		row = pb_resource_lock(row, faults);
	if (row != NULL && hooks->permit != NULL &&
		!hooks->permit(request, row, faults))
		return NULL;
	return row;
}

/*
 * updateProject and the like: only the given members change. If nothing
 * changes, nothing is written.
 */
void
pb_standard_update(const PbRequest *request, PbReply *reply)
{
	PbRow	   *update = pb_row_make(request->resource);
	PbFaults   *faults = &reply->faults;
	PbOrganization organization;
	PbRow	   *row;

	pb_check_update(update, &request->body, faults, reply->unknown);
	if (faults->refusal != PB_ACCEPTED)
		return;
	row = find_locked(request, &organization, faults);
	if (row != NULL && is_as_seen(request, row, &organization, reply) &&
		apply(request, row, update, faults))
		answer(row, &organization, reply);
}

/*
 * updateCacheRule, updateOrgMemberRole: sets every member that a client may
 * give, as a create would, so that absent members are reset, or refused where
 * they are required. The row must exist: reports or the operator make the rows
 * of such a resource.
 *
 * If-Match is ignored: the API does not declare it for these, and the answer
 * has no ETag that a client could send.
 */
void
pb_standard_put(const PbRequest *request, PbReply *reply)
{
	PbRow	   *update = pb_row_make(request->resource);
	PbFaults   *faults = &reply->faults;
	PbOrganization organization;
	PbRow	   *row;

	pb_check_create(update, &request->body, faults, reply->unknown);
	if (faults->refusal != PB_ACCEPTED)
		return;
	for (int i = 0; i < update->shape->count; i++)
		update->given[i] =
			(update->shape->leaves[i].field->flags & PB_CREATE) != 0;
	row = find_locked(request, &organization, faults);
	if (row != NULL && apply(request, row, update, faults))
		answer(row, &organization, reply);
}

/*
 * deleteProject and the like: also deletes the rows below. If a hook needs the
 * parent, it is locked first, as all locks are taken from the top down.
 */
void
pb_standard_delete(const PbRequest *request, PbReply *reply)
{
	const PbHooks *hooks = pb_hooks(request->resource);
	PbFaults   *faults = &reply->faults;
	PbOrganization organization;
	PbRow	   *row = hooks->permit != NULL ?
		find_locked(request, &organization, faults) :
		pb_resource_find(request, PB_WRITE, &organization, faults);

	if (row == NULL)
		return;
	if (hooks->deleted != NULL)
	{
		row->above = lock_parent(request, request->id_count - 1,
								 &organization, faults);
		if (row->above == NULL)
			return;
	}
	if (pb_write_delete(request, row, faults) && hooks->deleted != NULL)
		hooks->deleted(row);
}

/*
 * Reads the rows of a page and the one after them, into an array with room for
 * them. Returns how many there are.
 */
static int
read_page(const PbResource *resource, const PbPage *page, Datum org_id,
		  Datum parent_id, PbRow **rows)
{
	int			order = page->order - resource->orders;
	PbStatement *list = &pb_statements(resource)->lists[order];
	Datum		values[] = {
		org_id, parent_id, page->after, Int64GetDatum(page->size + 1)
	};
	const char	nulls[] = {' ', parent_id == (Datum) 0 ? 'n' : ' ', ' ', ' '};
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
 * Prints a page of an organization's rows, below the parent if there is one.
 * The row after the page only shows that there is another page. A page that
 * ends before it is full leads on too. The list's own members may follow, then
 * the end.
 */
void
pb_standard_show_page(const PbResource *resource, const PbPage *page,
					  Datum org_id, Datum parent_id,
					  const PbOrganization *organization, PbReply *reply)
{
	PbRow	  **rows = palloc((page->size + 1) * sizeof(PbRow *));
	Datum		walked = (Datum) 0;
	int			count = page->order->read != NULL ?
		page->order->read(resource, page, org_id, rows, &walked) :
		page->filters == 0 ?
		read_page(resource, page, org_id, parent_id, rows) :
		pb_search_read(resource, page, org_id, parent_id, rows, &walked);
	int			shown = Min(count, page->size);

	pb_resource_look_up(rows, shown);
	pb_json_begin(reply->body, '{');
	pb_json_name(reply->body, page->list);
	pb_json_begin(reply->body, '[');
	for (int i = 0; i < shown; i++)
	{
		pb_json_next(reply->body);
		pb_resource_show(reply->body, rows[i], organization);
	}
	pb_json_end(reply->body, ']');
	if (count > shown)
		reply->next_page =
			pb_page_token(page, rows[shown - 1]->values[*page->order->leaf]);
	else if (walked != (Datum) 0)
		reply->next_page = pb_page_token(page, walked);
}

void
pb_standard_end_page(PbReply *reply)
{
	if (reply->next_page != NULL)
		pb_json_pair(reply->body, "next_page_token", reply->next_page);
	pb_json_end(reply->body, '}');
}

/* The path's ids, which a page's token is bound to. */
static Datum
ids_of(const PbRequest *request)
{
	StringInfoData all;

	initStringInfo(&all);
	for (int i = 0; i < request->id_count; i++)
		appendStringInfo(&all, "%s%s", i > 0 ? " " : "",
						 request->ids[i] == NULL ? "" : request->ids[i]);
	return CStringGetTextDatum(all.data);
}

/* Reads a request for a page; false with faults. */
static bool
read_list_request(const PbRequest *request, PbPage *page, PbReply *reply)
{
	const PbResource *listed = request->resource;
	PbRow	   *asked = pb_row_make(listed->parameters == NULL ?
									&pb_page_parameters : listed->parameters);

	pb_check_create(asked, &request->parameters, &reply->faults,
					reply->unknown);
	if (reply->faults.refusal != PB_ACCEPTED)
		return false;
	page->order = listed->orders;
	return pb_page_read(page, listed, asked, ids_of(request), &reply->faults);
}

/* Where a list's rows stand. */
typedef struct Place
{
	Datum		org_id;
	Datum		parent_id;		/* 0: none */
} Place;

/* Finds the parent that the path names; false with faults. */
static bool
find_place(const PbRequest *request, Place *place,
		   PbOrganization *organization, PbFaults *faults)
{
	PbRow	   *above;

	if (request->resource->of_organization)
	{
		if (!pb_resource_enter(&request->caller, PB_READ, request->ids[0],
							   organization, faults))
			return false;
		*place = (Place) {CStringGetTextDatum(request->ids[0]), (Datum) 0};
		return true;
	}
	above = pb_resource_find_parent(request, PB_READ, request->id_count,
									organization, faults);
	if (above == NULL)
		return false;
	*place = (Place) {pb_resource_org(above), pb_resource_id(above)};
	return true;
}

/*
 * listDatabases and the like: a page of the rows below a parent, or of an
 * organization
 */
void
pb_standard_list(const PbRequest *request, PbReply *reply)
{
	PbOrganization organization;
	PbPage		page;
	Place		place;

	if (!read_list_request(request, &page, reply) ||
		!find_place(request, &place, &organization, &reply->faults))
		return;
	pb_standard_show_page(request->resource, &page, place.org_id,
						  place.parent_id, &organization, reply);
	pb_standard_end_page(reply);
}
