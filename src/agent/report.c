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

#include "agent/report.h"

/* What stands where in SHOW STATS_TOTALS, and how a report calls it. */
static const struct
{
	const char *column;
	const char *member;
}			totals[] =
{
	{"query_count", "queries"},
	{"xact_count", "transactions"},
	{"query_time", "query_time_us"},
	{"wait_time", "wait_time_us"},
	{"server_assignment_count", "assignments"},
	{"bytes_received", "bytes_received"},
	{"bytes_sent", "bytes_sent"},
};

static const char takes_reports[] =
	"SELECT pg_catalog.to_regprocedure('pgbeam.report_traffic(jsonb)') IS NOT NULL";

static const char send_report[] =
	"SELECT pgbeam.report_traffic($1::pg_catalog.jsonb)";

static bool
is_own(const char *database)
{
	return strcmp(database, "pgbouncer") == 0 || strcmp(database, "pgbeam_registry") == 0;
}

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

/* Keys and numbers need no escapes. */
static void
print_database(FILE *to, PGresult *stats, int row, PGresult *pools)
{
	const char *key = cell(stats, row, "database");

	fprintf(to, "{\"key\": \"%s\"", key);
	for (size_t i = 0; i < LENGTH(totals); i++)
		fprintf(to, ", \"%s\": %s", totals[i].member, cell(stats, row, totals[i].column));
	fprintf(to, ", \"clients\": %ld}", clients_of(pools, key));
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

static void
print_head(FILE *to, const Options *options)
{
	char		stamp[32];
	struct tm	parts;
	time_t		seconds = time(NULL);

	gmtime_r(&seconds, &parts);
	strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%SZ", &parts);
	fputs("{\"source\": ", to);
	print_text(to, options->name);
	fprintf(to, ", \"at\": \"%s\", \"region\": ", stamp);
	if (options->region != NULL)
		print_text(to, options->region);
	else
		fputs("null", to);
	fputs(", \"databases\": [", to);
}

static char *
report_text(const Options *options, PGresult *stats, PGresult *pools)
{
	char	   *text = NULL;
	size_t		size;
	FILE	   *to = certain(open_memstream(&text, &size));
	bool		first = true;

	print_head(to, options);
	for (int row = 0; row < PQntuples(stats); row++)
	{
		if (is_own(cell(stats, row, "database")))
			continue;
		if (!first)
			fputs(", ", to);
		print_database(to, stats, row, pools);
		first = false;
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
send(Registry *registry, const char *text)
{
	const char *values[] = {text};
	PGresult   *result = link_run(&registry->link, send_report, 1, values);

	PQclear(result);
	return result != NULL;
}

/* Reports all databases that PgBouncer has counted anything for. */
bool
report_traffic(Registry *registry, Proxy *proxy)
{
	PGresult   *stats;
	PGresult   *pools;
	char	   *text;
	bool		done = false;

	if (!is_taken(registry) || !proxy_open(proxy))
		return false;
	stats = link_run(&proxy->console, "SHOW STATS_TOTALS", 0, NULL);
	pools = stats != NULL ? link_run(&proxy->console, "SHOW POOLS", 0, NULL) : NULL;
	if (pools != NULL)
	{
		text = report_text(registry->options, stats, pools);
		done = send(registry, text);
		free(text);
	}
	PQclear(stats);
	PQclear(pools);
	return done;
}
