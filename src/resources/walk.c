/*
 * walk.c
 *	  Reads a page of the rows that the filters of a list leave, along an index
 *	  and without a statement.
 *
 * The walk meets row after row, in the order of the page, and takes those that
 * match. A statement that tells how far it has come has two halves, and half
 * of what a page costs goes into its beginning. See table.c for the tables
 * that are read here.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/uuid.h"

#include "base/seek.h"
#include "base/sql.h"
#include "resources/mark.h"
#include "resources/resource.h"
#include "resources/statement.h"
#include "resources/walk.h"

/* Whether the found row passes a filter. */
static bool
passes(const PbSearch *search, int n, const PbSeek *found)
{
	const PbFilter *filter = pb_way_filter(search, n);
	bool		isnull;
	Datum		value = pb_seek_value(found, *filter->leaf, &isnull);

	return !isnull &&
		pb_page_passes(filter, value, search->page->values[n]);
}

/*
 * Whether the found row is as all filters want it. It is looked at before it
 * is copied, as most rows on the way may be no matches.
 */
static bool
is_match(const PbSearch *search, const PbSeek *found)
{
	for (int i = 0; i < PB_FILTERS_MAX; i++)
		if ((search->page->filters & (1 << i)) != 0 &&
			!passes(search, i, found))
			return false;
	return true;
}

static PbRow *
copy_row(const PbSearch *search, const PbSeek *found)
{
	PbRow	   *row = pb_row_make(search->resource);

	pb_seek_copy(found, row->values, row->nulls);
	return row;
}

/* The place of the found row in the order of the page. */
static Datum
copy_place(const PbSearch *search, const PbSeek *found)
{
	const PbOrder *order = search->page->order;
	bool		isnull;
	Datum		place = pb_seek_value(found, *order->leaf, &isnull);

	return datumCopy(place, false, order->by_text ? -1 : UUID_LEN);
}

/* The lead that has the rows in the order of the page. */
static PbLeading
leading_of(const PbSearch *search)
{
	return PB_LISTED + (search->page->order - search->resource->orders);
}

/* Reads a page along its order, in which no row is deleted. */
static int
walk_rows(const PbSearch *search, PbRow **rows, Datum *walked)
{
	const PbPage *page = search->page;
	int			left = PB_WALKED_MAX;
	Datum		sought[] = {search->org_id, search->parent_id};
	PbSeek		seek;
	int			found = 0;

	pb_seek_begin_after(&seek, pb_stored(search->resource),
						leading_of(search), sought, page->after,
						page->order->descending, pb_sql_snapshot(PB_SNAPSHOT));
	for (; found <= page->size && left > 0 && pb_seek_next(&seek); left--)
	{
		CHECK_FOR_INTERRUPTS();
		if (is_match(search, &seek))
			rows[found++] = copy_row(search, &seek);
	}
	if (found <= page->size && left == 0)
		*walked = copy_place(search, &seek);
	pb_seek_end(&seek);
	return found;
}

/*
 * Reads the row that a mark is of, if the row says the same; or NULL. The
 * index on ids alone may have the row of another organization too, but no
 * texts are compared there. Nearly each row is a match, so that all are copied
 * and looked at once.
 */
static PbRow *
find_owner(const PbSearch *search, PbSeek *owners, Datum id)
{
	pb_seek_again(owners, &id);
	while (pb_seek_next(owners))
	{
		PbRow	   *row = copy_row(search, owners);

		if (pb_resource_is_living(row) &&
			pb_page_is_same(pb_resource_org(row), search->org_id) &&
			pb_page_fits(search->page, row))
			return row;
	}
	return NULL;
}

/* Reads a page along the marks of its rows. */
static int
walk_marks(PbSearch *search, PbRow **rows, Datum *walked)
{
	int			most = search->page->size + 1;
	int			left = Max(PB_WALKED_MAX, most);
	Snapshot	snapshot = pb_sql_snapshot(PB_SNAPSHOT);
	Datum		key = Int64GetDatum(pb_mark_key(search->org_id,
												search->mark));
	PbSeek		marks;
	PbSeek		owners;
	pg_uuid_t  *id;
	int			found = 0;

	pb_seek_begin_along(&marks, pb_stored(search->resource->marks), &key,
						search->after, search->page->order->descending, most,
						snapshot);
	pb_seek_begin(&owners, pb_stored(search->resource), PB_TO_ID,
				  &search->after, AccessShareLock, snapshot);
	for (; found < most && left > 0 && pb_seek_next_id(&marks, &id); left--)
	{
		CHECK_FOR_INTERRUPTS();
		rows[found] = find_owner(search, &owners, UUIDPGetDatum(id));
		found += rows[found] != NULL;
	}
	pb_seek_end(&owners);
	pb_seek_end(&marks);
	if (found < most && left == 0)
		*walked = datumCopy(UUIDPGetDatum(id), false, UUID_LEN);
	return found;
}

/*
 * Whether the page can be read here: its way has the rows in its order, and
 * what somebody has done to the tables does not forbid it.
 */
bool
pb_walk_may(const PbSearch *search, PbForm form)
{
	const PbResource *resource = search->resource;

	if ((form != PB_MARKS && form != PB_WALKED_PAGE) ||
		!pb_statement_derives_nothing(resource))
		return false;
	if (search->way == PB_BY_MARK)
		return pb_table_may_be_read(pb_stored(resource->marks), PB_ALONG) &&
			pb_table_may_be_read(pb_stored(resource), PB_TO_ID);
	return search->way == PB_BY_ORDER && leading_of(search) < PB_LEADINGS &&
		pb_table_may_be_read(pb_stored(resource), leading_of(search));
}

/* Reads a page as pb_search_read() does. */
int
pb_walk_read(PbSearch *search, PbRow **rows, Datum *walked)
{
	return search->way == PB_BY_MARK ? walk_marks(search, rows, walked) :
		walk_rows(search, rows, walked);
}
