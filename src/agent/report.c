/*
 * report.c
 *	  What a PgBouncer has done, as the registry takes it.
 *
 * The totals go as they are: what was done between two reports, and whether
 * PgBouncer was started again, is for the registry to find. So a report that
 * is lost, or comes twice, does no harm. Only the front is asked, which all
 * clients come by.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/files.h"
#include "agent/report.h"

/* What stands where in SHOW STATS_TOTALS, and how a report calls it. */
static const struct
{
	const char *column;
	const char *member;
}			columns[] =
{
	{"query_count", "queries"},
	{"xact_count", "transactions"},
	{"query_time", "query_time_us"},
	{"wait_time", "wait_time_us"},
	{"server_assignment_count", "assignments"},
	{"bytes_received", "bytes_received"},
	{"bytes_sent", "bytes_sent"},
};

#define PART_MAX 1000			/* databases of one call */

typedef struct Totals
{
	PGresult   *stats;
	PGresult   *pools;
	Index		index;			/* of the lines that PgBouncer has */
} Totals;

static const char takes_reports[] =
	"SELECT pg_catalog.to_regprocedure('pgbeam.report_traffic(jsonb)') IS NOT NULL";

static const char send_report[] =
	"SELECT pgbeam.report_traffic($1::pg_catalog.jsonb)";

/* The cell of a column; PgBouncer's versions differ in where it stands. */
static const char *
cell(PGresult *result, int row, const char *column)
{
	int			at = PQfnumber(result, column);

	return at < 0 ? "0" : PQgetvalue(result, row, at);
}

/* How many clients of a database there are now, of all its users. */
static long
clients_of(PGresult *pools, const char *database)
{
	long		clients = 0;

	for (int row = 0; row < PQntuples(pools); row++)
		if (strcmp(cell(pools, row, "database"), database) == 0)
			clients += atol(cell(pools, row, "cl_active")) + atol(cell(pools, row, "cl_waiting"));
	return clients;
}

/* Ids and numbers need no escapes. */
static void
print_database(FILE *to, const char *id, PGresult *stats, int row,
			   PGresult *pools)
{
	fprintf(to, "{\"key\": \"%s\"", id);
	for (size_t i = 0; i < LENGTH(columns); i++)
		fprintf(to, ", \"%s\": %s", columns[i].member, cell(stats, row, columns[i].column));
	fprintf(to, ", \"clients\": %ld}", clients_of(pools, cell(stats, row, "database")));
}

static void
print_text(FILE *to, const char *text)
{
	putc('"', to);
	for (; *text != '\0'; text++)
	{
		if (*text == '"' || *text == '\\')
			putc('\\', to);
		if ((unsigned char) *text >= ' ')
			putc(*text, to);
	}
	putc('"', to);
}

/* Each part has a time of its own, because one time counts once. */
static void
print_head(FILE *to, const Options *options, const struct timespec *at)
{
	char		stamp[32];
	struct tm	parts;

	gmtime_r(&at->tv_sec, &parts);
	strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &parts);
	fputs("{\"source\": ", to);
	print_text(to, options->name);
	fprintf(to, ", \"at\": \"%s.%03ldZ\", \"region\": ", stamp, at->tv_nsec / 1000000);
	if (options->region != NULL)
		print_text(to, options->region);
	else
		fputs("null", to);
	fputs(", \"databases\": [", to);
}

/*
 * The next part of a report, from a row on, which moves. What has no id is not
 * a tenant's: the console, the registry.
 */
static char *
next_part(const Options *options, const Totals *totals, int *row,
		  const struct timespec *at)
{
	char	   *text = NULL;
	size_t		size;
	FILE	   *to = certain(open_memstream(&text, &size));
	int			count = 0;

	print_head(to, options, at);
	for (; *row < PQntuples(totals->stats) && count < PART_MAX; (*row)++)
	{
		char	   *id = id_of_key(&totals->index, cell(totals->stats, *row, "database"));

		if (id == NULL)
			continue;
		if (count++ > 0)
			fputs(", ", to);
		print_database(to, id, totals->stats, *row, totals->pools);
		free(id);
	}
	fputs("]}", to);
	certain(fclose(to) == 0 ? text : NULL);
	return text;
}

/* A registry of an older version takes no reports, and is sent none. */
static bool
is_taken(Registry *registry)
{
	PGresult   *result = link_run(&registry->link, takes_reports, 0, NULL);
	bool		taken = result != NULL && strcmp(PQgetvalue(result, 0, 0), "t") == 0;

	PQclear(result);
	return taken;
}

static bool
send_part(Registry *registry, const char *text)
{
	const char *values[] = {text};
	PGresult   *result = link_run(&registry->link, send_report, 1, values);

	PQclear(result);
	return result != NULL;
}

/* The first part goes also where there is nothing to tell. */
static bool
send_parts(Registry *registry, const Totals *totals)
{
	struct timespec at;
	int			row = 0;
	bool		done;

	clock_gettime(CLOCK_REALTIME, &at);
	do
	{
		char	   *text = next_part(registry->options, totals, &row, &at);

		done = send_part(registry, text);
		free(text);
		at.tv_nsec += 1000000;
		if (at.tv_nsec >= 1000000000)
		{
			at.tv_nsec -= 1000000000;
			at.tv_sec++;
		}
	} while (done && row < PQntuples(totals->stats));
	return done;
}

/* Reports all databases that PgBouncer has counted anything for. */
bool
report_traffic(Registry *registry, Proxy *proxy)
{
	char	   *path = proxy_path(proxy, DATABASES_FILE);
	char	   *lines = file_read(path);
	Totals		totals = {0};
	bool		done = false;

	if (lines != NULL && is_taken(registry) && proxy_open(proxy))
	{
		totals.index = index_lines(lines);
		totals.stats = link_run(&proxy->console, "SHOW STATS_TOTALS", 0, NULL);
		totals.pools = link_run(&proxy->console, "SHOW POOLS", 0, NULL);
		done = totals.stats != NULL && totals.pools != NULL &&
			send_parts(registry, &totals);
	}
	PQclear(totals.stats);
	PQclear(totals.pools);
	free(totals.index.lines);
	free(lines);
	free(path);
	return done;
}
