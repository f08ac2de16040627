/*
 * names.c
 *	  Where the names of upstreams lead, and lines that lead where none may.
 *
 * The registry refuses addresses of forbidden networks when they are written.
 * A name may lead there all the same, so names are resolved here, and a line
 * with one that leads there is left out. PgBouncer resolves again later, and
 * what it gets then is for the firewall to judge.
 *
 * Names are resolved for a short time only: a resolver that is slow must
 * not hold up other tenants. A name that is not resolved in time keeps what
 * was found last. A new one is left out until it leads to an address: else
 * it were enough to answer slowly. What stands in PgBouncer's file was
 * allowed once, so that an agent that starts while the resolver is down cuts
 * nobody off.
 */
#include <arpa/inet.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/names.h"

#define PATIENCE (2 * SECOND)	/* for all of a round */

#define FORBIDDEN "host %s leads to %s, which is in a forbidden network"

/* A line of a file that is guarded, by a name in it. */
typedef struct Visit
{
	Names	   *names;
	Keys	   *addresses;		/* of all names */
} Visit;

static const char forbidden[] =
	"SELECT pg_catalog.host(a), pgbeam.forbidden_network(a) "
	"FROM pg_catalog.unnest($1::pg_catalog.inet[]) AS a "
	"WHERE pgbeam.forbidden_network(a) IS NOT NULL";

static const char tell_test[] =
	"SELECT pgbeam.report_connection_test(database_id => $1, ok => false, error => $2) "
	"FROM pgbeam.upstream($1)";

static int
compare_names(const void *a, const void *b)
{
	return strcmp(((const Name *) a)->host, ((const Name *) b)->host);
}

static Name *
find_name(Names *names, const char *host)
{
	Name		wanted = {.host = (char *) host};
	Name	  **found = tfind(&wanted, &names->tree, compare_names);
	Name	   *name;

	if (found != NULL)
		return *found;
	name = name_make(host);
	certain(tsearch(name, &names->tree, compare_names));
	return name;
}

/* Sockets are ours, and addresses were judged when they were written. */
static bool
is_name(const char *host)
{
	char		address[sizeof(struct in6_addr)];

	return *host != '/' && *host != '[' && *host != '\0' &&
		inet_pton(AF_INET, host, address) != 1 &&
			inet_pton(AF_INET6, host, address) != 1;
}

/* Whether it is an address, or a name of a line that there was. */
bool
names_knows(Names *names, const char *host)
{
	Name		wanted = {.host = (char *) host};

	return !is_name(host) ||
		tfind(&wanted, &names->tree, compare_names) != NULL;
}

/* The address that a host leads to; NULL if it leads nowhere. */
char *
names_address(Names *names, const char *host)
{
	const Name *name;

	if (*host == '[')
		return copy_of_part(host + 1, strcspn(host + 1, "]"));
	if (!is_name(host))
		return copy_of(host);
	name = find_name(names, host);
	return name->addresses.count == 0 ? NULL :
		copy_of(name->addresses.names[0]);
}

/* The hosts of a line, one by one; false behind the last one. */
static bool
next_host(const char **at, char *host, size_t size)
{
	size_t		length = strcspn(*at, ",'\n");

	if (**at == '\'' || **at == '\n' || **at == '\0')
		return false;
	snprintf(host, size, "%.*s", (int) length, *at);
	*at += length;
	if (**at == ',')
		(*at)++;
	return true;
}

/* One that PgBouncer could not read is left out elsewhere. */
static const char *
hosts_of(const Line *line)
{
	static const char start[] = " = host='";

	return line_fits(line->text) && starts_with(line->text + line->key, start) ? line->text + line->key + strlen(start) : "";
}

static bool
is_databases_file(const char *name)
{
	const char *slash = strrchr(name, '/');

	return strcmp(slash == NULL ? name : slash + 1, "databases.ini") == 0;
}

static void
visit_names(Visit *visit, const Files *files, void (*deal) (Visit *, Name *))
{
	char		host[256];

	for (int i = 0; i < files->count; i++)
	{
		Index		index;

		if (!is_databases_file(files->list[i].name))
			continue;
		index = index_lines(files->list[i].content);
		for (int j = 0; j < index.count; j++)
			for (const char *at =
				 hosts_of(&index.lines[j]); next_host(&at, host,
													  sizeof(host));)
				if (is_name(host))
					deal(visit, find_name(visit->names, host));
		free(index.lines);
	}
}

static void
gather(Visit *visit, Name *name)
{
	for (int i = 0; i < name->addresses.count; i++)
		keys_add(visit->addresses, name->addresses.names[i],
				 strlen(name->addresses.names[i]));
}

/* Addresses as an array of SQL, which needs no escapes. */
static char *
array_of(const Keys *keys)
{
	char	   *text = NULL;
	size_t		size;
	FILE	   *to = certain(open_memstream(&text, &size));

	for (int i = 0; i < keys->count; i++)
		fprintf(to, "%c%s", i == 0 ? '{' : ',', keys->names[i]);
	fputs(keys->count == 0 ? "{}" : "}", to);
	certain(fclose(to) == 0 ? text : NULL);
	return text;
}

/* An address of the name that is forbidden, or NULL. */
static const char *
forbidden_address(const Name *name, const Keys *addresses)
{
	for (int i = 0; i < name->addresses.count; i++)
		if (keys_have(addresses, name->addresses.names[i]))
			return name->addresses.names[i];
	return NULL;
}

/* What is wrong with a line: the caller frees it; NULL if nothing is. */
static char *
problem_of(Names *names, const Line *line, const Keys *addresses)
{
	char		host[256];

	for (const char *at = hosts_of(line); next_host(&at, host, sizeof(host));)
	{
		const char *address =
			is_name(host) ? forbidden_address(find_name(names, host),
											  addresses) : NULL;

		if (address != NULL)
			return printed(FORBIDDEN, host, address);
		if (is_name(host) && !find_name(names, host)->is_known)
			return printed("host %s does not lead to an address so far", host);
	}
	return NULL;
}

/* The owner of the database reads it as the answer of its connection test. */
static void
tell_owner(Names *names, Registry *registry, const char *id,
		   const char *problem)
{
	const char *values[] = {id, problem};

	keys_add(&names->left, id, strlen(id));
	if (keys_have(&names->told, id))
		return;
	warn("%s is left out: %s", id, problem);
	if (registry->options->job == CHECK || registry->options->job == PRINT ||
		registry->is_standby)
		return;
	if (strstr(id, ".ro") == NULL)
		PQclear(link_run(&registry->link, tell_test, 2, values));
}

/* The content without lines that lead where none may. */
static char *
allowed_lines(Names *names, Registry *registry, const char *content,
			  const Keys *addresses)
{
	Index		index = index_lines(content);
	char	   *allowed = copy_of(content);

	for (int i = index.count - 1; i >= 0; i--)
	{
		const Line *line = &index.lines[i];
		char	   *problem = problem_of(names, line, addresses);
		char	   *key;
		char	   *id;

		if (problem == NULL)
			continue;
		key = copy_of_part(line->text, line->key);
		id = id_of_key(&index, key);
		tell_owner(names, registry, id != NULL ? id : key, problem);
		allowed[line->text - content] = ';';	/* a remark to PgBouncer */
		free(id);
		free(key);
		free(problem);
	}
	free(index.lines);
	return allowed;
}

/* The addresses that are forbidden, of those that names lead to. */
static bool
judge(Registry *registry, const Keys *addresses, Keys *bad)
{
	char	   *array = array_of(addresses);
	const char *values[] = {array};
	PGresult   *result = addresses->count == 0 ? NULL :
		link_run(&registry->link, forbidden, 1, values);
	bool		done = addresses->count == 0 || result != NULL;

	for (int i = 0; result != NULL && i < PQntuples(result); i++)
		keys_add(bad, PQgetvalue(result, i, 0), PQgetlength(result, i, 0));
	PQclear(result);
	free(array);
	return done;
}

/*
 * Whether the registry has judged an address of a host, directly before it is
 * connected to. The caller frees the problem, which is NULL if there is none.
 */
bool
address_judge(Registry *registry, const char *host, const char *address,
			  char **problem)
{
	Keys		addresses = {0},
				bad = {0};
	bool		done;

	keys_add(&addresses, address, strlen(address));
	done = judge(registry, &addresses, &bad);
	*problem = bad.count > 0 ? printed(FORBIDDEN, host, address) : NULL;
	keys_clear(&addresses);
	keys_clear(&bad);
	return done;
}

/* What stands in the files was allowed when it was written. */
static void
allow(Visit *visit, Name *name)
{
	(void) visit;
	name->is_known = true;
}

void
names_recall(Names *names, const Files *files)
{
	Visit		visit = {.names = names};

	visit_names(&visit, files, allow);
}

static void
ask_for(Visit *visit, Name *name)
{
	resolver_add(&visit->names->resolver, name);
}

/* Whether a name waits for an address. */
static void
look_for_new(Visit *visit, Name *name)
{
	visit->names->is_waiting |= !name->is_known;
}

/* Those that are no longer left out, and may be told of again. */
static void
take_stock(Names *names)
{
	keys_clear(&names->mended);
	for (int i = 0; i < names->told.count; i++)
		if (!keys_have(&names->left, names->told.names[i]))
			keys_add(&names->mended, names->told.names[i],
					 strlen(names->told.names[i]));
	keys_clear(&names->told);
	names->told = names->left;
	names->left = (Keys) {0};
}

/* Takes the lines out of the files whose names lead to forbidden networks. */
bool
names_guard(Names *names, Registry *registry, Files *files)
{
	Keys		addresses = {0},
				bad = {0};
	Visit		visit = {.names = names,.addresses = &addresses};
	bool		done;

	visit_names(&visit, files, ask_for);
	resolver_run(&names->resolver, now() + PATIENCE);
	visit_names(&visit, files, gather);
	done = judge(registry, &addresses, &bad);
	names->is_waiting = false;
	if (done)
		visit_names(&visit, files, look_for_new);
	for (int i = 0; done && i < files->count; i++)
	{
		char	   *content = files->list[i].content;

		if (!is_databases_file(files->list[i].name))
			continue;
		files->list[i].content = allowed_lines(names, registry, content, &bad);
		free(content);
	}
	if (done)
		take_stock(names);
	keys_clear(&addresses);
	keys_clear(&bad);
	return done;
}
