/*
 * link.c
 *	  A connection to a server that is made, used and lost, with time limits.
 *
 * libpq's waiting calls are used nowhere: they would hold up a stop for as
 * long as a server that is there but silent. Failures are told once, and the
 * next try comes later each time.
 */
#include <stdlib.h>
#include <string.h>

#include "agent/event.h"
#include "agent/link.h"

#define OPEN_LIMIT (5 * SECOND)
#define RUN_LIMIT (60 * SECOND)
#define PAUSE_MIN (SECOND / 4)
#define PAUSE_MAX (10 * SECOND)

void
link_set_up(Link *link, const char *place, char *conninfo)
{
	memset(link, 0, sizeof(*link));
	link->trouble.place = place;
	link->conninfo = conninfo;
	link->pause = PAUSE_MIN;
}

void
link_close(Link *link)
{
	PQfinish(link->conn);
	link->conn = NULL;
}

/* The next try comes later, and the one behind it later still. */
void
link_back_off(Link *link)
{
	link->retry_at = now() + link->pause;
	link->pause = earlier(2 * link->pause, PAUSE_MAX);
}

/* All went well: the next failure is tried again soon. */
void
link_rest(Link *link)
{
	link->retry_at = 0;
	link->pause = PAUSE_MIN;
	well(&link->trouble);
}

/* Tells of a failure and loses the connection. */
static bool
lose(Link *link, const char *problem)
{
	trouble(&link->trouble, "%s", problem);
	link_close(link);
	link_back_off(link);
	return false;
}

/* Whether the socket became ready; a stop does not let it. */
static bool
wait_on(PGconn *conn, short events, int64_t until)
{
	struct pollfd socket = {.fd = PQsocket(conn),.events = events};

	while (!is_stopping() && now() < until)
		if (wait_for(&socket, 1, until))
			return true;
	return false;
}

/* What servers give notice of is not for the log. */
static void
ignore_notice(void *about, const PGresult *notice)
{
	(void) about;
	(void) notice;
}

bool
link_open(Link *link)
{
	int64_t		until = now() + OPEN_LIMIT;
	PostgresPollingStatusType wish = PGRES_POLLING_WRITING;

	if (link->conn != NULL)
		return true;
	link->state[0] = '\0';
	link->conn = PQconnectStart(link->conninfo);
	if (link->conn == NULL || PQstatus(link->conn) == CONNECTION_BAD)
		return lose(link, PQerrorMessage(link->conn));
	while (wish == PGRES_POLLING_READING || wish == PGRES_POLLING_WRITING)
	{
		short		events = wish == PGRES_POLLING_READING ? POLLIN : POLLOUT;

		if (!wait_on(link->conn, events, until))
			return lose(link, "does not answer in time");
		wish = PQconnectPoll(link->conn);
	}
	if (wish != PGRES_POLLING_OK)
		return lose(link, PQerrorMessage(link->conn));
	PQsetNoticeReceiver(link->conn, ignore_notice, NULL);
	return true;
}

/*
 * The last result of what was sent; NULL if the connection did not give one.
 */
static PGresult *
collect(Link *link, int64_t until)
{
	PGresult   *last = NULL;
	PGresult   *next;

	for (;;)
	{
		while (PQisBusy(link->conn))
		{
			if (!wait_on(link->conn, POLLIN, until))
			{
				PQclear(last);
				return NULL;
			}
			if (!PQconsumeInput(link->conn))
				break;
		}
		next = PQgetResult(link->conn);
		if (next == NULL)
			return last;
		PQclear(last);
		last = next;
	}
}

/*
 * Runs a command, without values by the simple protocol, as PgBouncer's
 * console wants it. Returns its rows, or NULL, when the failure was told; the
 * connection is kept if only the command failed.
 */
PGresult *
link_run(Link *link, const char *command, int count, const char *const *values)
{
	PGresult   *result;
	ExecStatusType status;
	const char *state;

	if (link->conn == NULL)
		return NULL;
	link->state[0] = '\0';
	if (!(count == 0 ? PQsendQuery(link->conn, command) :
		  PQsendQueryParams(link->conn, command, count, NULL, values, NULL,
							NULL, 0)))
	{
		lose(link, PQerrorMessage(link->conn));
		return NULL;
	}
	result = collect(link, now() + RUN_LIMIT);
	if (result == NULL)
	{
		lose(link, "does not answer in time");
		return NULL;
	}
	status = PQresultStatus(result);
	if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK)
		return result;
	state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	strncpy(link->state, state != NULL ? state : "", sizeof(link->state) - 1);
	trouble(&link->trouble, "%s", PQresultErrorMessage(result));
	PQclear(result);
	if (PQstatus(link->conn) == CONNECTION_BAD)
		link_close(link);
	link_back_off(link);
	return NULL;
}

/* Reads what has come without being asked for; tells of an end. */
bool
link_is_lost(Link *link)
{
	if (link->conn == NULL)
		return false;
	if (PQconsumeInput(link->conn) && PQstatus(link->conn) == CONNECTION_OK)
		return false;
	lose(link, PQerrorMessage(link->conn));
	return true;
}

/* What whoever runs the agent has set stands behind, and so wins. */
char *
conninfo_with(const char *conninfo, const char *defaults)
{
	if (starts_with(conninfo, "postgres://") || starts_with(conninfo, "postgresql://"))
		return copy_of(conninfo);
	return printed("%s %s", defaults, conninfo);
}
