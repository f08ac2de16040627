/*
 * registry.c
 *	  What the agent asks of pgbeam: the files, what has changed, its place.
 *
 * The feed tells that something has changed, and keeps the place up to which
 * this PgBouncer has it, where operators see it. What is written comes from
 * one call that gives all files of one snapshot: no change can be
 * misunderstood.
 */
#include <stdlib.h>
#include <string.h>

#include "agent/files.h"
#include "agent/registry.h"

#define START_OVER(state) \
	(strcmp(state, "PB006") == 0 || strcmp(state, "PB007") == 0)

static const char next_changes[] =
	"SELECT token, resource, resource_id, action "
	"FROM pgbeam.next_changes($1, 10000) WITH ORDINALITY ORDER BY ordinality";

static const char read_changes[] =
	"SELECT token, resource, resource_id, action "
	"FROM pgbeam.read_changes($1, 10000) WITH ORDINALITY ORDER BY ordinality";

static const char last_of_all[] =
	"SELECT max(token) FROM (SELECT last_value(token) OVER (ORDER BY ordinality "
	"ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS token "
	"FROM pgbeam.read_changes($1, 10000) WITH ORDINALITY) AS changes";

static const char get_files[] =
	"SELECT file, content FROM pgbeam.pgbouncer_files("
	"region => $1, cloud => $2, ssl_mode => $3, socket_folder => $4, "
	"project_id => $5)";

void
registry_set_up(Registry *registry, const char *place, const char *conninfo,
				const Options *options)
{
	memset(registry, 0, sizeof(*registry));
	registry->options = options;
	link_set_up(&registry->link, place,
				conninfo_with(conninfo,
							  "fallback_application_name=pgbeam_agent keepalives_idle=30 tcp_user_timeout=60000"));
}

static bool
run(Registry *registry, const char *command, int count,
	const char *const *values)
{
	PGresult   *result = link_run(&registry->link, command, count, values);

	PQclear(result);
	return result != NULL;
}

static char *
place_file(Registry *registry)
{
	return printed("%s/place", registry->options->folder);
}

/* Where the standby's feed ends, where nothing tells how far the agent was. */
static bool
find_place(Registry *registry)
{
	char	   *path = place_file(registry);
	char	   *place = file_read(path);

	free(path);
	for (;;)
	{
		const char *values[] = {place};
		PGresult   *result;

		if (place != NULL && *place != '\0')
			break;
		result = link_run(&registry->link, last_of_all, 1, values);
		if (result == NULL)
			return false;
		free(place);
		place = PQgetisnull(result, 0, 0) ? NULL :
			copy_of(PQgetvalue(result, 0, 0));
		PQclear(result);
		if (place == NULL)
			break;
	}
	free(registry->place);
	registry->place = place;
	return true;
}

static bool
subscribe(Registry *registry)
{
	const char *values[] = {registry->options->name};

	return run(registry, "SELECT pgbeam.subscribe($1)", 1, values);
}

/* A standby keeps no places, and wakes nobody. */
static bool
begin_following(Registry *registry)
{
	if (registry->is_standby)
		return registry->place != NULL || find_place(registry);
	return run(registry, "LISTEN pgbeam_changes", 0, NULL) && subscribe(registry);
}

static bool
begin_session(Registry *registry)
{
	PGresult   *result = link_run(&registry->link, "SELECT pg_catalog.pg_is_in_recovery()", 0, NULL);

	if (result == NULL)
		return false;
	registry->is_standby = strcmp(PQgetvalue(result, 0, 0), "t") == 0;
	PQclear(result);
	return run(registry, "SET statement_timeout = '60s'", 0, NULL);
}

/* Opens the connection, unless it is open; follow asks for the feed too. */
bool
registry_open(Registry *registry, bool follow)
{
	if (registry->link.conn != NULL)
		return true;
	if (link_open(&registry->link) && begin_session(registry) &&
		(!follow || begin_following(registry)))
		return true;
	link_close(&registry->link);
	return false;
}

/* Whether a change was told of since this was asked last. */
bool
registry_woken(Registry *registry)
{
	PGnotify   *notice;
	bool		woken = false;

	if (registry->link.conn == NULL || link_is_lost(&registry->link))
		return false;
	while ((notice = PQnotifies(registry->link.conn)) != NULL)
	{
		woken = true;
		PQfreemem(notice);
	}
	return woken;
}

/* Changes are gone that were not dealt with: the files show what is so now. */
static bool
start_over(Registry *registry)
{
	const char *values[] = {registry->options->name};

	if (!START_OVER(registry->link.state) && strcmp(registry->link.state, "PT404") != 0)
		return false;
	if (registry->is_standby)
	{
		char	   *path = place_file(registry);

		file_remove(path);
		free(path);
		return find_place(registry);
	}
	if (START_OVER(registry->link.state) &&
		!run(registry, "SELECT pgbeam.unsubscribe($1)", 1, values))
		return false;
	return subscribe(registry);
}

static void
take_change(Changes *changes, PGresult *result, int row)
{
	const char *action = PQgetvalue(result, row, 3);

	changes->is_news |= strcmp(action, "revealed") != 0;
	changes->is_claim |= strcmp(PQgetvalue(result, row, 1), "custom_domain") == 0;
	if (strcmp(PQgetvalue(result, row, 1), "database") == 0 &&
		(strcmp(action, "created") == 0 || strcmp(action, "updated") == 0))
		keys_add(&changes->databases, PQgetvalue(result, row, 2),
				 PQgetlength(result, row, 2));
}

/*
 * The next changes behind the place. A consumer that has to start over is told
 * of one change, so that all is compared.
 */
bool
registry_changes(Registry *registry, Changes *changes)
{
	const char *values[] =
		{registry->is_standby ? registry->place : registry->options->name};
	const char *query = registry->is_standby ? read_changes : next_changes;
	PGresult   *result = link_run(&registry->link, query, 1, values);

	*changes = (Changes) {0};
	if (result == NULL)
	{
		changes->count = 1;
		changes->is_news = true;
		return start_over(registry);
	}
	changes->count = PQntuples(result);
	for (int row = 0; row < changes->count; row++)
		take_change(changes, result, row);
	if (changes->count > 0)
		changes->token = copy_of(PQgetvalue(result, changes->count - 1, 0));
	PQclear(result);
	return true;
}

/* What was asked for up to the token has been done. */
bool
registry_confirm(Registry *registry, const char *token)
{
	const char *values[] = {registry->options->name, token};
	char	   *path;
	bool		done;

	if (!registry->is_standby)
		return run(registry, "SELECT pgbeam.confirm($1, $2)", 2, values);
	path = place_file(registry);
	done = file_write(path, token);
	free(path);
	if (done)
	{
		free(registry->place);
		registry->place = copy_of(token);
	}
	return done;
}

bool
registry_files(Registry *registry, Files *files)
{
	const Options *options = registry->options;
	const char *values[] =
		{options->region, options->cloud, options->ssl_mode,
		 options->socket_folder, options->project};
	PGresult   *result = link_run(&registry->link, get_files, 5, values);

	*files = (Files) {0};
	if (result == NULL)
		return false;
	files->count = PQntuples(result);
	files->list = allot(files->count * sizeof(File));
	for (int row = 0; row < files->count; row++)
		files->list[row] =
			(File) {copy_of(PQgetvalue(result, row, 0)),
					copy_of(PQgetvalue(result, row, 1))};
	PQclear(result);
	return true;
}

/* The content, or NULL if the registry gave no file of this name. */
const char *
file_named(const Files *files, const char *name)
{
	for (int i = 0; i < files->count; i++)
		if (strcmp(files->list[i].name, name) == 0)
			return files->list[i].content;
	return NULL;
}

void
files_clear(Files *files)
{
	for (int i = 0; i < files->count; i++)
	{
		free(files->list[i].name);
		free(files->list[i].content);
	}
	free(files->list);
	*files = (Files) {0};
}

void
changes_clear(Changes *changes)
{
	free(changes->token);
	keys_clear(&changes->databases);
	*changes = (Changes) {0};
}
