/*
 * activity.c
 *	  How many clients are connected to projects now, and lists by that.
 *
 * A report writes the number of each project that has clients, or had some
 * (trafficreport.c). It holds until another report, or for 3 minutes. All
 * other projects have 0, and most have no row.
 *
 * A list by this number begins with the projects that have clients, along an
 * index on the numbers. The others follow, the latest first. A project whose
 * number changes between two pages may be missed or repeated. To keep the
 * number on the projects' own rows was rejected: each report would write all
 * of them, and an update would wait for that.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "base/crypt.h"
#include "base/seek.h"
#include "base/sql.h"
#include "resources/activity.h"
#include "resources/search.h"
#include "resources/statement.h"
#include "resources/way.h"

static const Oid read_types[] = {TEXTOID, UUIDARRAYOID, TIMESTAMPTZOID};
static const PbResult read_results[] = {{UUIDOID, false}, {INT4OID, false}};

static PbStatement read_clients = {
	.text = "SELECT project_id, clients FROM pgbeam.traffic_connections "
	"WHERE org_id OPERATOR(pg_catalog.=) $1 "
	"AND project_id OPERATOR(pg_catalog.=) ANY ($2) "
	"AND received_at OPERATOR(pg_catalog.>=) $3",
	.nargs = lengthof(read_types), .types = read_types,
	.nresults = lengthof(read_results), .results = read_results, .reads = true
};

static const PbStoredColumn columns[] = {
	{"project_id", UUIDOID, false}, {"clients", INT4OID, false}
};

static PbTable stored = {
	.name = "pgbeam.traffic_connections", .columns = columns,
	.count = lengthof(columns),
	.leads[PB_BELOW] = {.columns = {{"org_id", TEXTOID, false}}, .count = 1}
};

static Datum
oldest(void)
{
	return TimestampTzGetDatum(GetCurrentTimestamp() - PB_ACTIVITY_AGE);
}

static bool
is_same(Datum a, Datum b)
{
	return memcmp(DatumGetUUIDP(a)->data, DatumGetUUIDP(b)->data,
				  UUID_LEN) == 0;
}

/* Whether an index tells that no project of the organization ever had any. */
static bool
has_none(Datum org_id)
{
	return pb_table_may_be_read(&stored, PB_BELOW) &&
		!pb_seek_any(&stored, PB_BELOW, &org_id, pb_sql_snapshot(PB_SNAPSHOT));
}

static void
read_clients_of(Datum org_id, const Datum *projects, int count,
				int32 *clients)
{
	Datum		values[] = {
		org_id,
		PointerGetDatum(construct_array(unconstify(Datum *, projects), count,
										UUIDOID, UUID_LEN, false,
										TYPALIGN_CHAR)),
		oldest()
	};
	uint64		found = pb_sql_run(&read_clients, values, NULL);

	for (uint64 i = 0; i < found; i++)
	{
		Datum		row[lengthof(read_results)];
		bool		nulls[lengthof(read_results)];

		pb_sql_read(&read_clients, SPI_tuptable, i, row, nulls);
		for (int n = 0; n < count; n++)
			if (is_same(projects[n], row[0]))
				clients[n] = DatumGetInt32(row[1]);
	}
}

/*
 * Reads how many clients projects of an organization have. Where no proxy
 * reports, the statement would be a seventh of a page.
 */
void
pb_activity_read(Datum org_id, const Datum *projects, int count,
				 int32 *clients)
{
	memset(clients, 0, count * sizeof(int32));
	if (!has_none(org_id))
		read_clients_of(org_id, projects, count, clients);
}

static const Oid next_types[] = {
	TEXTOID, TIMESTAMPTZOID, INT4OID, UUIDOID, INT4OID
};

static PbStatement next_busy = {
	.text = "SELECT project_id, clients FROM pgbeam.traffic_connections "
	"WHERE org_id OPERATOR(pg_catalog.=) $1 "
	"AND received_at OPERATOR(pg_catalog.>=) $2 "
	"AND clients OPERATOR(pg_catalog.>) 0 "
	"AND ROW (clients, project_id) OPERATOR(pg_catalog.<) ROW ($3, $4) "
	"ORDER BY clients USING OPERATOR(pg_catalog.>), "
	"project_id USING OPERATOR(pg_catalog.>) LIMIT $5",
	.nargs = lengthof(next_types), .types = next_types,
	.nresults = lengthof(read_results), .results = read_results, .reads = true
};

/*
 * So many projects with clients one page looks at, each by its key, where
 * filters leave few.
 */
#define BUSY_WALKED_MAX 1000

/* A page that is being read. */
typedef struct Busiest
{
	const PbResource *resource;
	const PbPage *page;
	Datum		org_id;
	PbRow	  **rows;
	int32	   *clients;		/* of those that have some */
	int			count;
	int			walked;			/* projects that were looked at */
	Datum		last;			/* the last of them */
} Busiest;

static bool
is_full(const Busiest *list)
{
	return list->count > list->page->size;
}

/* Reads a project; NULL where it is deleted. */
static PbRow *
read_row(const Busiest *list, Datum id)
{
	static const pg_uuid_t none = {{0}};
	PbStatement *read = &pb_statements(list->resource)->read[PB_SNAPSHOT];
	Datum		key[] = {list->org_id, id, UUIDPGetDatum(&none)};
	PbRow	   *row = pb_row_make(list->resource);

	if (!pb_sql_row(read, key, NULL, row->values, row->failed))
		return NULL;
	pb_row_spread(row);
	return row;
}

/*
 * Reads the next projects that have clients, as many as a page may have, and
 * keeps those that match. False if there are no more.
 */
static bool
read_busy(Busiest *list, Datum *clients, Datum *after)
{
	int			most = list->page->size + 1;
	Datum		values[] = {
		list->org_id, oldest(), *clients, *after, Int32GetDatum(most)
	};
	int			found = (int) pb_sql_run(&next_busy, values, NULL);
	SPITupleTable *busy = SPI_tuptable;

	for (int i = 0; i < found && !is_full(list); i++)
	{
		Datum		project[lengthof(read_results)];
		bool		nulls[lengthof(read_results)];
		PbRow	   *row;

		pb_sql_read(&next_busy, busy, i, project, nulls);
		*after = list->last = project[0];
		*clients = project[1];
		list->walked++;
		row = read_row(list, project[0]);
		if (row == NULL || !pb_page_fits(list->page, row))
			continue;
		list->clients[list->count] = DatumGetInt32(project[1]);
		list->rows[list->count++] = row;
	}
	return found == most;
}

/* Keeps those of some rows that have no clients. */
static void
keep_idle(Busiest *list, PbRow **rows, int count)
{
	int			id = list->resource->prepared->id;
	Datum	   *ids = palloc(count * sizeof(Datum));
	int32	   *clients = palloc(count * sizeof(int32));

	for (int i = 0; i < count; i++)
		ids[i] = pb_row_value(rows[i], id);
	pb_activity_read(list->org_id, ids, count, clients);
	for (int i = 0; i < count && !is_full(list); i++)
	{
		list->last = ids[i];
		list->walked++;
		if (clients[i] == 0)
			list->rows[list->count++] = rows[i];
	}
}

/*
 * Reads the next projects by their ids, and keeps those that have no clients.
 * False if there are no more.
 */
static bool
read_idle(Busiest *list, PbPage *page, Datum *walked)
{
	PbRow	  **rows = palloc((page->size + 1) * sizeof(PbRow *));
	int			count;

	*walked = (Datum) 0;
	count = pb_search_read(list->resource, page, list->org_id, (Datum) 0,
						   rows, walked);
	if (count > 0)
		keep_idle(list, rows, count);
	page->after = list->last;
	return count > page->size;
}

#define PLACE_BYTES (sizeof(int32) + UUID_LEN)

/*
 * A place in the list, for the token of the next page: it has the number too,
 * as the project's own may be another one by then.
 */
static Datum
write_place(int32 clients, Datum project)
{
	uint8		bytes[PLACE_BYTES];
	char		hex[2 * PLACE_BYTES + 1];

	memcpy(bytes, &clients, sizeof(clients));
	memcpy(bytes + sizeof(clients), DatumGetUUIDP(project)->data, UUID_LEN);
	pb_hex(bytes, PLACE_BYTES, hex);
	return PointerGetDatum(cstring_to_text_with_len(hex, 2 * PLACE_BYTES));
}

/* The place where a page begins; before all where the token has none. */
static int32
read_place(Datum after, pg_uuid_t *project)
{
	const text *place = DatumGetTextPP(after);
	uint8		bytes[PLACE_BYTES];
	int32		clients = PG_INT32_MAX;

	memset(project->data, 0xff, UUID_LEN);
	if (VARSIZE_ANY_EXHDR(place) != 2 * PLACE_BYTES ||
		!pb_read_hex(VARDATA_ANY(place), PLACE_BYTES, bytes))
		return clients;
	memcpy(&clients, bytes, sizeof(clients));
	memcpy(project->data, bytes + sizeof(clients), UUID_LEN);
	return clients;
}

/*
 * Reads the projects without clients behind one of them. Returns the last one
 * that was looked at, where there are more, and else nothing.
 */
static Datum
read_all_idle(Busiest *list, const pg_uuid_t *after)
{
	PbPage		page = *list->page;
	Datum		walked = (Datum) 0;
	bool		more = true;

	page.order = list->resource->orders;
	page.after = UUIDPGetDatum(after);
	while (more && !is_full(list) && walked == (Datum) 0)
	{
		more = read_idle(list, &page, &walked);
		if (more && list->walked >= PB_WALKED_MAX)
			walked = list->last;
	}
	return walked;
}

/* Leaves out the row behind the page, and tells where the next one begins. */
static Datum
end_page(Busiest *list, int busy)
{
	int			last = --list->count - 1;

	return write_place(last < busy ? list->clients[last] : 0,
					   pb_row_value(list->rows[last],
									list->resource->prepared->id));
}

/*
 * Reads the rows of a page, the busiest first. Where there are more, walked
 * becomes the place where the next page begins.
 */
int
pb_activity_read_page(const PbResource *resource, const PbPage *page,
					  Datum org_id, PbRow **rows, Datum *walked)
{
	Busiest		list = {
		.resource = resource, .page = page, .org_id = org_id, .rows = rows,
		.clients = palloc((page->size + 1) * sizeof(int32))
	};
	pg_uuid_t	place;
	int32		clients = read_place(page->after, &place);
	Datum		number = Int32GetDatum(clients);
	Datum		after = UUIDPGetDatum(&place);
	Datum		idle = (Datum) 0;
	bool		more = clients > 0;
	int			busy;

	while (more && !is_full(&list) && list.walked < BUSY_WALKED_MAX)
		more = read_busy(&list, &number, &after);
	busy = list.count;
	if (!more && !is_full(&list))
	{
		if (clients > 0)
			memset(place.data, 0xff, UUID_LEN);
		idle = read_all_idle(&list, &place);
	}
	if (is_full(&list))
		*walked = end_page(&list, busy);
	else if (more)
		*walked = write_place(DatumGetInt32(number), list.last);
	else if (idle != (Datum) 0)
		*walked = write_place(0, idle);
	return list.count;
}
