/*
 * probe.c
 *	  Whether new and changed databases can be reached.
 *
 * Few are tried at once and none for long, while the loop goes on: an upstream
 * that does not answer holds up nobody. The password is read for this alone,
 * which the registry's feed tells of, and wiped when the test ends. Names are
 * those that were resolved before: libpq is given the address. It is judged
 * directly before, because networks may be forbidden after it was written or
 * resolved.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "agent/probe.h"

#define LIMIT (5 * SECOND)
#define WAITING_MAX 10000		/* others are tried at their next change */
#define PROBLEM_MAX 1000
#define BLANK "***"				/* in the place of a password */

static const char get_upstream[] =
	"SELECT host, port, dbname, username, ssl_mode, pgbeam.reveal_password($1) "
	"FROM pgbeam.upstream($1)";

static const char has_upstream[] =
	"SELECT pg_catalog.to_regprocedure('pgbeam.upstream(text)') IS NOT NULL";

/* One that is gone by now is no failure. */
static const char tell_test[] =
	"SELECT pgbeam.report_connection_test(database_id => $1, ok => $2, "
	"latency_ms => $3, error => $4, server_version => $5) "
	"FROM pgbeam.upstream($1)";

void
probes_want(Probes *probes, const Keys *databases)
{
	for (int i = 0; i < databases->count &&
		 probes->waiting.count < WAITING_MAX; i++)
		if (!keys_have(&probes->waiting, databases->names[i]))
			keys_add(&probes->waiting, databases->names[i],
					 strlen(databases->names[i]));
}

static char *
first_waiting(Probes *probes)
{
	Keys	   *waiting = &probes->waiting;
	char	   *id = waiting->names[0];

	memmove(&waiting->names[0], &waiting->names[1],
			--waiting->count * sizeof(char *));
	return id;
}

/* The text without the password, which a server may quote: it was told. */
static char *
without_password(const Probe *probe, const char *text)
{
	size_t		length = probe->password == NULL ? 0 : strlen(probe->password);
	char	   *result = copy_of("");

	for (;;)
	{
		const char *found =
			length == 0 ? NULL : strstr(text, probe->password);
		char	   *longer =
			found == NULL ? printed("%s%s", result, text) :
			printed("%s%.*s" BLANK, result, (int) (found - text), text);

		free(result);
		result = longer;
		if (found == NULL)
			return result;
		text = found + length;
	}
}

/*
 * What a server says, in one line of printable ASCII: the registry refuses a
 * text that has another encoding than it claims.
 */
static char *
foreign_text(const Probe *probe, const char *text)
{
	char	   *clean = without_password(probe, text);
	size_t		length;

	if (strlen(clean) > PROBLEM_MAX)
		clean[PROBLEM_MAX] = '\0';
	for (char *letter = clean; *letter != '\0'; letter++)
		if (isspace((unsigned char) *letter))
			*letter = ' ';
		else if (*letter < ' ' || *letter > '~')
			*letter = '?';
	length = strlen(clean);
	while (length > 0 && clean[length - 1] == ' ')
		clean[--length] = '\0';
	return clean;
}

static void
tell(Registry *registry, const char *id, const char *latency,
	 const char *problem, const char *version)
{
	const char *values[] = {id, problem == NULL ? "true" : "false", latency, problem, version};

	PQclear(link_run(&registry->link, tell_test, 5, values));
}

static void
end_probe(Probe *probe)
{
	PQfinish(probe->conn);
	if (probe->password != NULL)
		explicit_bzero(probe->password, strlen(probe->password));
	free(probe->password);
	free(probe->id);
	*probe = (Probe) {0};
}

/* Ends those that run; what is tried no more is tried at its next change. */
void
probes_take_down(Probes *probes)
{
	for (int i = 0; i < PROBES; i++)
		if (probes->running[i].id != NULL)
			end_probe(&probes->running[i]);
	keys_clear(&probes->waiting);
}

static void
tell_failure(Probe *probe, Registry *registry, const char *problem)
{
	char	   *text = foreign_text(probe, problem);

	tell(registry, probe->id, NULL, text, NULL);
	free(text);
	end_probe(probe);
}

static void
tell_success(Probe *probe, Registry *registry)
{
	const char *version = PQparameterStatus(probe->conn, "server_version");
	char	   *text = foreign_text(probe, version != NULL ? version : "");
	char	   *latency = printed("%lld", (long long) (now() - probe->began));

	tell(registry, probe->id, latency, NULL, version != NULL ? text : NULL);
	free(latency);
	free(text);
	end_probe(probe);
}

/* Starts the connection of a row of get_upstream. */
static void
connect_to(Probe *probe, const char *address, PGresult *upstream,
		   const Options *options)
{
	const char *names[] = {
		"host", "hostaddr", "port", "dbname", "user", "sslmode", "password",
		"sslrootcert", "gssencmode", "application_name", NULL
	};
	const char *values[] = {
		PQgetvalue(upstream, 0, 0), address, PQgetvalue(upstream, 0, 1),
		PQgetvalue(upstream, 0, 2), PQgetvalue(upstream, 0, 3),
		PQgetvalue(upstream, 0, 4), PQgetvalue(upstream, 0, 5),
		options->authorities, "disable", "pgbeam_agent", NULL
	};

	probe->began = now();
	probe->password = copy_of(PQgetvalue(upstream, 0, 5));
	probe->wish = PGRES_POLLING_WRITING;
	probe->conn = PQconnectStartParams(names, values, 0);
}

/* Connects where no network forbids it; without a verdict to nothing. */
static void
try_address(Probe *probe, const char *address, PGresult *upstream,
			Registry *registry, const Options *options)
{
	char	   *problem;

	if (!address_judge(registry, PQgetvalue(upstream, 0, 0), address,
					   &problem))
		end_probe(probe);
	else if (problem != NULL)
		tell_failure(probe, registry, problem);
	else
		connect_to(probe, address, upstream, options);
	free(problem);
}

/* Tries the next one; one that is gone by now, or left out, is not tried. */
static void
begin_probe(Probe *probe, Probes *probes, Registry *registry, Names *names)
{
	const char *values[1];
	PGresult   *upstream;
	char	   *address;

	probe->id = first_waiting(probes);
	values[0] = probe->id;
	upstream = keys_have(&names->told, probe->id) ? NULL :
		link_run(&registry->link, get_upstream, 1, values);
	if (upstream == NULL || PQntuples(upstream) != 1 ||
		!names_knows(names, PQgetvalue(upstream, 0, 0)))
	{
		PQclear(upstream);
		end_probe(probe);
		return;
	}
	address = names_address(names, PQgetvalue(upstream, 0, 0));
	if (address == NULL)
		tell_failure(probe, registry, "the host's name does not lead to an address");
	else
		try_address(probe, address, upstream, registry, probes->options);
	free(address);
	PQclear(upstream);
}

static void
go_on(Probe *probe, Registry *registry)
{
	struct pollfd socket = {.fd = PQsocket(probe->conn)};

	if (PQstatus(probe->conn) == CONNECTION_BAD)
		probe->wish = PGRES_POLLING_FAILED;
	socket.events = probe->wish == PGRES_POLLING_READING ? POLLIN : POLLOUT;
	if (probe->wish != PGRES_POLLING_FAILED && poll(&socket, 1, 0) > 0)
		probe->wish = PQconnectPoll(probe->conn);
	if (probe->wish == PGRES_POLLING_OK)
		tell_success(probe, registry);
	else if (probe->wish == PGRES_POLLING_FAILED)
		tell_failure(probe, registry, PQerrorMessage(probe->conn));
	else if (probe->began + LIMIT <= now())
		tell_failure(probe, registry, "the server does not answer within 5 seconds");
}

/* A registry of an older version is asked for nothing it does not know. */
static bool
can_probe(Registry *registry)
{
	PGresult   *result;
	bool		can;

	if (registry->is_standby || registry->link.conn == NULL)
		return false;
	result = link_run(&registry->link, has_upstream, 0, NULL);
	can = result != NULL && *PQgetvalue(result, 0, 0) == 't';
	PQclear(result);
	return can;
}

void
probes_run(Probes *probes, Registry *registry, Names *names)
{
	if (probes->waiting.count > 0 && !can_probe(registry))
		keys_clear(&probes->waiting);
	for (int i = 0; i < PROBES; i++)
	{
		Probe	   *probe = &probes->running[i];

		if (probe->id != NULL)
			go_on(probe, registry);
		if (probe->id == NULL && probes->waiting.count > 0)
			begin_probe(probe, probes, registry, names);
	}
}

/* Adds what is waited for, at most PROBES. */
int
probes_sockets(const Probes *probes, struct pollfd *sockets)
{
	int			count = 0;

	for (int i = 0; i < PROBES; i++)
	{
		const Probe *probe = &probes->running[i];

		if (probe->id != NULL)
			sockets[count++] = (struct pollfd) {
				.fd = PQsocket(probe->conn),
				.events = probe->wish == PGRES_POLLING_READING ? POLLIN :
					POLLOUT
			};
	}
	return count;
}

/* When there is something to do, whatever the sockets say. */
int64_t
probes_until(const Probes *probes)
{
	int64_t		until = NEVER;

	for (int i = 0; i < PROBES; i++)
	{
		if (probes->running[i].id != NULL)
			until = earlier(until, probes->running[i].began + LIMIT);
		else if (probes->waiting.count > 0)
			until = 0;
	}
	return until;
}
