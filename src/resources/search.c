/*
 * search.c
 *	  Reads and counts the rows of a list that its filters leave.
 *
 * Each page has one way to its rows: the index that has the matches of a
 * filter side by side, the marks that they have, the id of the only row that
 * may match, or else the order of the page. The other filters are conditions
 * on the rows that are met there.
 *
 * What a page may read is limited, because whoever lists chooses the filters,
 * and their rows may be very many. Of several ways the page takes one that has
 * few rows. A page that has met PB_WALKED_MAX rows ends with the matches among
 * them, even if these are none, and its token leads on. Where the way does not
 * have the rows in the order of the page, up to PB_SORTED_MAX are sorted. If
 * there are more of them, the page follows its order, where so many matches
 * are not far apart as a rule.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/uuid.h"

#include "base/sql.h"
#include "resources/mark.h"
#include "resources/resource.h"
#include "resources/search.h"
#include "resources/statement.h"
#include "resources/walk.h"
#include "resources/way.h"

static bool
is_given(const PbSearch *search, int n)
{
	return (search->page->filters & (1 << n)) != 0;
}

/* Whether rows are met that do not match. */
static bool
is_walked(const PbSearch *search)
{
	return search->rest != 0 && !pb_way_is_single(search);
}

static void
go(PbSearch *search, PbWay way, int by)
{
	search->way = way;
	search->by = by;
	search->rest = search->page->filters;
	if (way == PB_BY_RANGE || way == PB_BY_MARK)
		search->rest &= ~(1 << by);
}

/* The mark that the matches of a filter have; NULL where they have none. */
static const char *
mark_of(const PbSearch *search, int n, bool lacked)
{
	const PbFilter *filter = pb_way_filter(search, n);
	bool		lacks = false;
	const char *mark = filter->mark == NULL ? NULL :
		filter->mark(search->page->values[n], &lacks);

	return lacks == lacked ? mark : NULL;
}

/* Runs a statement; pages begin after a place and have a size. */
static uint64
run(const PbSearch *search, PbWayStatement *made)
{
	const PbPage *page = search->page;
	bool		pages = made->form < PB_COUNT;
	Datum		values[PB_AT_END] = {
		[PB_AT_ORG] = search->org_id, [PB_AT_PARENT] = search->parent_id,
		[PB_AT_AFTER] = pages ? search->after : (Datum) 0,
		[PB_AT_LIMIT] = Int64GetDatum(page->size + 1),
		[PB_AT_ID] = search->id, [PB_AT_IDS] = search->ids
	};
	char		nulls[PB_AT_END];

	if (search->mark != NULL)
		values[PB_AT_MARK] = Int64GetDatum(pb_mark_key(search->org_id,
													   search->mark));
	for (int i = 0; i < PB_FILTERS_MAX; i++)
		if (is_given(search, i))
			values[PB_AT_FILTERS + i] = page->values[i];
	for (int i = 0; i < PB_AT_END; i++)
		nulls[i] = values[i] == (Datum) 0 ? 'n' : ' ';
	/* a key may be 0 */
	nulls[PB_AT_MARK] = search->mark == NULL ? 'n' : ' ';
	return pb_sql_run(&made->statement, values, nulls);
}

static int64
count(const PbSearch *search, PbForm form)
{
	PbWayStatement *made = pb_way_statement(search, form);
	Datum		result;
	bool		isnull;

	(void) run(search, made);
	pb_sql_read(&made->statement, SPI_tuptable, 0, &result, &isnull);
	return DatumGetInt64(result);
}

/* Whether the way has so few rows that they can be sorted. */
static bool
leaves_few(PbSearch *search)
{
	search->few = count(search, PB_COUNT_FEW) <= PB_SORTED_MAX ?
		PB_FEW : PB_MANY;
	return search->few == PB_FEW;
}

static bool
goes_to_one(PbSearch *search)
{
	for (int i = 0; i < PB_FILTERS_MAX; i++)
	{
		const PbFilter *filter;

		if (!is_given(search, i))
			continue;
		filter = pb_way_filter(search, i);
		if (filter->range != NULL && filter->comparison == PB_IS)
		{
			go(search, PB_BY_RANGE, i);
			return true;
		}
		if (filter->find == NULL)
			continue;
		go(search, PB_BY_ID, i);
		if (!filter->find(search->page->values[i], search->org_id,
						  &search->id))
			search->way = PB_NOWHERE;
		return true;
	}
	return false;
}

/* Goes by one of the filters, if it has an index. */
static bool
goes_by(PbSearch *search, int n)
{
	const char *mark = is_given(search, n) ? mark_of(search, n, false) : NULL;

	if (mark != NULL)
	{
		search->mark = mark;
		go(search, PB_BY_MARK, n);
		return true;
	}
	if (!is_given(search, n) || pb_way_filter(search, n)->range == NULL)
		return false;
	go(search, PB_BY_RANGE, n);
	return true;
}

/*
 * Goes by a filter that leaves few rows, or else by the first. Only where
 * there are several is it asked how many each of them leaves.
 */
static bool
goes_by_any(PbSearch *search)
{
	int			ways[PB_FILTERS_MAX];
	int			count = 0;

	for (int i = 0; i < PB_FILTERS_MAX; i++)
		if (goes_by(search, i))
			ways[count++] = i;
	for (int i = 0; count > 1 && i < count; i++)
		if (goes_by(search, ways[i]) && leaves_few(search))
			return true;
	return count > 0 && goes_by(search, ways[0]);
}

static void
begin(PbSearch *search, const PbResource *resource, const PbPage *page,
	  Datum org_id, Datum parent_id)
{
	*search = (PbSearch) {
		.resource = resource, .page = page, .org_id = org_id,
		.parent_id = parent_id, .after = page->after
	};
	(void) pb_field_shape(resource);	/* the ways go by its leaves */
	if (!goes_to_one(search) && !goes_by_any(search))
		go(search, PB_BY_ORDER, -1);
}

static PbForm
in_order(const PbSearch *search)
{
	if (is_walked(search))
		return PB_WALKED_PAGE;
	return search->way == PB_BY_MARK ? PB_MARKS : PB_PAGE;
}

/*
 * Goes on where the way has the rows in another order: to sort them, or along
 * the order of the page.
 */
static PbForm
decide(PbSearch *search)
{
	if (pb_way_is_in_order(search))
		return in_order(search);
	if (search->few == PB_UNKNOWN ? leaves_few(search) : search->few == PB_FEW)
		return PB_SORTED_PAGE;
	go(search, PB_BY_ORDER, -1);
	for (int i = 0; i < PB_FILTERS_MAX; i++)
		if (goes_by(search, i) && pb_way_is_in_order(search))
			return in_order(search);
	go(search, PB_BY_ORDER, -1);
	return PB_WALKED_PAGE;
}

/* How far a walked page has come, if that is what the row tells. */
static bool
is_place(const PbWayStatement *made, HeapTuple tuple, Datum *walked)
{
	bool		isnull = true;

	if (made->form == PB_WALKED_PAGE)
		*walked = SPI_getbinval(tuple, SPI_tuptable->tupdesc,
								made->statement.nresults, &isnull);
	return !isnull;
}

/* Reads one row, whose columns a place may follow. */
static PbRow *
read_row(const PbWayStatement *made, int i)
{
	int			sources = pb_field_shape(made->resource)->sources;
	PbStatement whole = made->statement;
	Datum	   *values = palloc((sources + 1) * sizeof(Datum));
	bool	   *nulls = palloc(sources + 1);
	PbRow	   *row = pb_row_make(made->resource);

	whole.nresults = sources;
	whole.results = made->results;
	pb_sql_read(&whole, SPI_tuptable, i, values, nulls);
	memcpy(row->values, values, sources * sizeof(Datum));
	memcpy(row->failed, nulls, sources);
	pb_row_spread(row);
	return row;
}

/* The ids that a statement gave. */
static Datum
read_ids(PbSearch *search, const PbWayStatement *made, int count)
{
	Datum	   *ids = palloc(count * sizeof(Datum));
	bool		isnull;

	for (int i = 0; i < count; i++)
		pb_sql_read(&made->statement, SPI_tuptable, i, &ids[i], &isnull);
	search->after = ids[count - 1];
	return PointerGetDatum(construct_array(ids, count, UUIDOID, UUID_LEN,
										   false, TYPALIGN_CHAR));
}

static int
compare_ids(const void *a, const void *b, void *search)
{
	const PbOrder *order = ((const PbSearch *) search)->page->order;
	Datum		one = pb_row_value(*(PbRow *const *) a, *order->leaf);
	Datum		other = pb_row_value(*(PbRow *const *) b, *order->leaf);
	int			compared = memcmp(DatumGetUUIDP(one)->data,
								  DatumGetUUIDP(other)->data, UUID_LEN);

	return order->descending ? -compared : compared;
}

/* Reads the rows with the next ids that have the mark, in their order. */
static int
read_those(PbSearch *search, PbRow **rows)
{
	PbWayStatement *made = pb_way_statement(search, PB_MARKED);
	int			count = (int) run(search, made);

	for (int i = 0; i < count; i++)
		rows[i] = read_row(made, i);
	qsort_arg(rows, count, sizeof(PbRow *), compare_ids, search);
	return count;
}

/*
 * Reads a page of the rows with a mark: the ids first, and then their rows. A
 * mark is believed only where the row says the same; where some do not, more
 * are asked for, up to PB_WALKED_MAX.
 */
static int
read_marked(PbSearch *search, PbRow **rows, Datum *walked)
{
	int			most = search->page->size + 1;
	int			left = Max(PB_WALKED_MAX, most);
	PbRow	  **next = palloc(most * sizeof(PbRow *));
	int			found = 0;
	int			marks;

	do
	{
		PbWayStatement *made = pb_way_statement(search, PB_MARKS);
		int			count;

		marks = (int) run(search, made);
		if (marks == 0)
			break;
		search->ids = read_ids(search, made, marks);
		count = read_those(search, next);
		for (int i = 0; i < count && found < most; i++)
			rows[found++] = next[i];
		left -= marks;
	} while (marks == most && found < most && left > 0);
	if (marks == most && found < most)
		*walked = search->after;
	return found;
}

/*
 * Reads the rows of a page and the one after them, into an array with room for
 * them, and returns how many there are. Where the page has met all that it may
 * read, walked becomes the value after which the next one begins.
 */
int
pb_search_read(const PbResource *resource, const PbPage *page, Datum org_id,
			   Datum parent_id, PbRow **rows, Datum *walked)
{
	PbSearch	search;
	PbWayStatement *made;
	PbForm		form;
	int			count;
	int			found = 0;

	begin(&search, resource, page, org_id, parent_id);
	if (search.way == PB_NOWHERE)
		return 0;
	form = decide(&search);
	if (pb_walk_may(&search, form))
		return pb_walk_read(&search, rows, walked);
	if (form == PB_MARKS)
		return read_marked(&search, rows, walked);
	made = pb_way_statement(&search, form);
	count = (int) run(&search, made);
	for (int i = 0; i < count; i++)
		if (!is_place(made, SPI_tuptable->vals[i], walked))
			rows[found++] = read_row(made, i);
	return found;
}

/*
 * Counts the matches below no parent. Where an index has exactly them, these
 * are all, and else those among the first PB_WALKED_MAX rows that one filter
 * leaves. What lacks a mark is counted by what has it.
 */
int64
pb_search_count(const PbResource *resource, const PbPage *page, Datum org_id,
				int64 (*count_all) (Datum org_id))
{
	PbSearch	search;

	begin(&search, resource, page, org_id, (Datum) 0);
	if (search.way == PB_NOWHERE)
		return 0;
	if (search.way != PB_BY_ORDER)
		return count(&search, is_walked(&search) ? PB_WALKED_COUNT : PB_COUNT);
	for (int i = 0; i < PB_FILTERS_MAX; i++)
	{
		if (search.rest != 1 << i)
			continue;
		search.mark = mark_of(&search, i, true);
		if (search.mark == NULL)
			continue;
		go(&search, PB_BY_MARK, i);
		return count_all(org_id) - count(&search, PB_COUNT);
	}
	return count(&search, PB_WALKED_COUNT);
}
