/*
 * pgbouncer.c
 *	  What a PgBouncer before the upstreams needs, as files: its databases and
 *	  its clients.
 *
 * PgBouncer asks for the password of a login by the auth_query of its
 * database. The text of that has the database's id, so that no client of one
 * database gets in by the password of another. A list of users and passwords
 * in a file was rejected: it is one for all databases, and a tenant's password
 * would open the databases of all who have a user of that name.
 *
 * PgBouncer has one ssl_mode for all its upstreams. The front has one, and
 * leads the databases of another one on to a second PgBouncer of that mode,
 * whose socket lies in a folder named after the mode.
 *
 * A line that PgBouncer does not understand would make it refuse all lines
 * behind it. So nothing is printed here that has not been checked when it was
 * stored, all texts stand in quotes, and keys are made by proxykey.c.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "utils/builtins.h"

#include "base/text.h"
#include "fields/check.h"
#include "plane/pgbouncer.h"
#include "plane/served.h"
#include "resources/database.h"
#include "resources/host.h"
#include "resources/prefix.h"
#include "resources/upstream.h"

/* with the names of a mode and a socket below it, a socket's longest path */
#define SOCKET_FOLDER_MAX 80
#define SOCKET_PORT 5432

#define DEFAULT_SSL_MODE "verify-full"

#define HEAD "made by pgbeam.pgbouncer_files(); changes are lost"

static PbPrepared prepared;

static struct
{
	int			region;
	int			cloud;
	int			ssl_mode;
	int			socket_folder;
	int			project_id;
}			at;

/* A comma would make a list of it, of which the parts need not be folders. */
static const char *
folder_problem(const char *text, size_t length)
{
	if (length == 0 || text[0] != '/')
		return "must be an absolute path";
	if (length > SOCKET_FOLDER_MAX)
		return "must have at most 80 bytes";
	if (memchr(text, ',', length) != NULL)
		return "must not contain commas";
	return pb_text_control_problem(text, length);
}

static const PbField fields[PB_PGBOUNCER_ARGUMENTS + 1] = {
	{
		.name = "region", .kind = PB_TEXT, .flags = PB_NULLABLE,
		.least = 1, .most = 255, .at = &at.region,
		.about = "The region of the proxy: databases whose pool_region is another one are left out."
	},
	{
		.name = "cloud", .kind = PB_WORD, .flags = PB_NULLABLE,
		.words = pb_clouds, .at = &at.cloud,
		.about = "The cloud of the proxy: projects of others are left out."
	},
	{
		.name = "ssl_mode", .kind = PB_WORD, .flags = PB_NULLABLE,
		.words = pb_ssl_modes, .at = &at.ssl_mode,
		.about = "The proxy's server_tls_sslmode."
	},
	{
		.name = "socket_folder", .kind = PB_TEXT, .flags = PB_NULLABLE,
		.rule = folder_problem, .at = &at.socket_folder,
		.about = "Where the sockets of the proxies of other modes are, each in a folder named after its mode."
	},
	{
		.name = "project_id", .kind = PB_ID, .flags = PB_NULLABLE,
		.prefix = PB_PROJECT_PREFIX, .at = &at.project_id,
		.about = "The one project that the proxy serves."
	},
	{0}
};

const PbResource pb_pgbouncer_arguments = {
	.name = "pgbouncer",
	.fields = fields,
	.prepared = &prepared,
};

/* What the proxy of another mode needs. */
typedef struct Mode
{
	StringInfoData databases;
	bool		is_used;
} Mode;

#define MODES_MAX 6

typedef struct Files
{
	const char *ssl_mode;
	const char *socket_folder;	/* or NULL */
	StringInfoData databases;
	StringInfoData hba;
	StringInfoData domains;
	StringInfoData left_out;
	Mode		modes[MODES_MAX];	/* as pb_ssl_modes */
} Files;

/* As a value of PgBouncer's, where two quotes stand for one. */
static void
append_quoted(StringInfo out, const char *value)
{
	appendStringInfoChar(out, '\'');
	for (; *value != '\0'; value++)
	{
		if (*value == '\'')
			appendStringInfoChar(out, '\'');
		appendStringInfoChar(out, *value);
	}
	appendStringInfoChar(out, '\'');
}

/*
 * Appends a line that leads to hosts. The password's number stands in it, so
 * that a new password makes another line.
 */
static void
append_line(StringInfo out, const char *key, const char *hosts, int port,
			const char *name, const PbServed *database)
{
	appendStringInfo(out, "%s = host=", key);
	append_quoted(out, hosts);
	appendStringInfo(out, " port=%d dbname=", port);
	append_quoted(out, name);
	appendStringInfo(out, " pool_size=%d min_pool_size=%d pool_mode=%s max_db_connections=%d"
					 " auth_query='SELECT username, password FROM pgbeam.pgbouncer_login(''%s'', $1) /* %d */'\n",
					 database->pool_size, database->min_pool_size,
					 database->pool_mode, database->max_active, database->id,
					 database->generation);
}

static int
mode_of(const char *ssl_mode)
{
	int			mode = 0;

	while (strcmp(pb_ssl_modes[mode], ssl_mode) != 0)
		mode++;
	Assert(mode < MODES_MAX);
	return mode;
}

static void
note(Files *files, const char *id, const char *what)
{
	appendStringInfo(&files->left_out, "%s %s\n", id, what);
}

/* Leads a key on to the proxy of another mode. */
static void
lead_on(Files *files, const char *key, const char *hosts, int port,
		const char *ssl_mode, const PbServed *database)
{
	Mode	   *mode = &files->modes[mode_of(ssl_mode)];
	const char *folder = psprintf("%s/%s", files->socket_folder, ssl_mode);

	append_line(&files->databases, key, folder, SOCKET_PORT, key, database);
	append_line(&mode->databases, key, hosts, port, database->name, database);
	mode->is_used = true;
}

/* Whether a host may be printed: it may be older than the setting. */
static bool
may_lead_to(Files *files, const char *id, const char *host)
{
	const char *network = pb_upstream_network_of(host, strlen(host));

	if (network != NULL)
		note(files, id, psprintf("is left out: it leads to the network %s, which is closed to upstreams",
								 network));
	return network == NULL;
}

/* Prints a key that leads to hosts. False if it has been left out. */
static bool
print_key(Files *files, const char *id, const char *key, const char *hosts,
		  int port, const char *ssl_mode, const PbServed *database)
{
	if (strcmp(ssl_mode, files->ssl_mode) == 0)
		append_line(&files->databases, key, hosts, port, database->name,
					database);
	else if (files->socket_folder != NULL)
		lead_on(files, key, hosts, port, ssl_mode, database);
	else
	{
		note(files, id, "is left out: its ssl_mode is not the proxy's, and there is no socket_folder");
		return false;
	}
	return true;
}

/* Prints the line of the replicas that can stand in one. False if none. */
static bool
print_replicas(Files *files, const PbServed *database, const char *key)
{
	const PbServedReplica *first = NULL;
	StringInfoData hosts;

	initStringInfo(&hosts);
	for (int i = 0; i < database->replica_count; i++)
	{
		const PbServedReplica *replica = &database->replicas[i];

		if (!may_lead_to(files, replica->id, replica->host))
			continue;
		if (first == NULL)
			first = replica;
		if (replica->port != first->port ||
			strcmp(replica->ssl_mode, first->ssl_mode) != 0)
			note(files, replica->id, "is left out: its port or ssl_mode is not that of the first replica");
		else
			appendStringInfo(&hosts, "%s%s", hosts.len > 0 ? "," : "",
							 replica->host);
	}
	return first != NULL &&
		print_key(files, first->id, key, hosts.data, first->port,
				  first->ssl_mode, database);
}

/* A line for each network that clients may come from. */
static void
print_networks(Files *files, const char *keys, const PbServed *database)
{
	for (const char **network = database->networks; *network != NULL;
		 network++)
		appendStringInfo(&files->hba, "host %s all %s scram-sha-256\n", keys,
						 *network);
}

static void
print_database(Files *files, const PbServed *database)
{
	char		replicas_key[PB_KEY_MAX + 1];
	StringInfoData keys;

	if (database->why_id != NULL)
		note(files, database->id, psprintf("is reached by its id alone: %s",
										   database->why_id));
	if (!database->has_password)
	{
		note(files, database->id, "is left out: it has no password");
		return;
	}
	initStringInfo(&keys);
	if (may_lead_to(files, database->id, database->host) &&
		print_key(files, database->id, database->key, database->host,
				  database->port, database->ssl_mode, database))
		appendStringInfo(&keys, "\"%s\"", database->key);
	(void) pb_proxykey_replicas(database->key, database->id, replicas_key);
	if (print_replicas(files, database, replicas_key))
		appendStringInfo(&keys, "%s\"%s\"", keys.len > 0 ? "," : "",
						 replicas_key);
	if (keys.len > 0)
		print_networks(files, keys.data, database);
}

static void
begin_files(Files *files, const PbRow *asked)
{
	*files = (Files) {
		.ssl_mode = pb_row_has(asked, at.ssl_mode) ?
		TextDatumGetCString(pb_row_value(asked, at.ssl_mode)) :
		DEFAULT_SSL_MODE,
		.socket_folder = pb_row_has(asked, at.socket_folder) ?
		TextDatumGetCString(pb_row_value(asked, at.socket_folder)) : NULL
	};
	initStringInfo(&files->databases);
	initStringInfo(&files->hba);
	initStringInfo(&files->domains);
	initStringInfo(&files->left_out);
	appendStringInfoString(&files->databases, "; " HEAD "\n");
	appendStringInfoString(&files->hba, "# " HEAD "\n"
						   "local \"" PB_REGISTRY "\" all reject\n"
						   "host \"" PB_REGISTRY "\" all 0.0.0.0/0 reject\n"
						   "host \"" PB_REGISTRY "\" all ::/0 reject\n");
	appendStringInfoString(&files->domains, "# " HEAD "\n");
	for (int i = 0; pb_ssl_modes[i] != NULL; i++)
	{
		initStringInfo(&files->modes[i].databases);
		appendStringInfoString(&files->modes[i].databases, "; " HEAD "\n");
	}
}

/* Only the front reaches the socket of another proxy, and it has judged. */
static void
hand_out(Files *files, PbTakeFile take, void *state)
{
	StringInfoData hba;

	initStringInfo(&hba);
	appendStringInfoString(&hba, "# " HEAD "\n"
						   "local \"" PB_REGISTRY "\" all reject\n"
						   "local all all scram-sha-256\n");
	take(state, "databases.ini", &files->databases);
	take(state, "domains.map", &files->domains);
	take(state, "hba.conf", &files->hba);
	take(state, "left_out", &files->left_out);
	for (int i = 0; pb_ssl_modes[i] != NULL; i++)
		if (files->modes[i].is_used)
		{
			take(state, psprintf("%s/databases.ini", pb_ssl_modes[i]),
				 &files->modes[i].databases);
			take(state, psprintf("%s/hba.conf", pb_ssl_modes[i]), &hba);
		}
}

static void
print_all(Files *files, const PbServedBy *by)
{
	int			count;
	PbServed   *databases = pb_served_databases(by, &count);
	PbServedHost *hosts;

	for (int i = 0; i < count; i++)
		print_database(files, &databases[i]);
	hosts = pb_served_hosts(by, &count);
	for (int i = 0; i < count; i++)
		appendStringInfo(&files->domains, "%s %s\n", hosts[i].host,
						 hosts[i].project_id);
}

static PbServedBy
served_by(const PbRow *asked)
{
	return (PbServedBy) {
		.region = pb_row_value(asked, at.region),
		.cloud = pb_row_value(asked, at.cloud),
		.project_id = pb_row_value(asked, at.project_id),
		.nulls = {
			asked->nulls[at.region], asked->nulls[at.cloud],
			asked->nulls[at.project_id]
		}
	};
}

/*
 * Makes the files and hands out each. All statements read one snapshot, as
 * the function is stable.
 */
void
pb_pgbouncer_files(const PbJson *arguments, PbTakeFile take, void *state,
				   PbFaults *faults)
{
	const PbPath path = {NULL, "project_id", 0};
	PbRow	   *asked = pb_row_make(&pb_pgbouncer_arguments);
	PbServedBy	by;
	Files		files;

	pb_check_members(asked, arguments, PB_PGBOUNCER_ARGUMENTS, faults);
	if (!pb_database_is_routed_by_key() && !pb_row_has(asked, at.project_id))
		pb_fault_problem(faults, &path,
						 "is required with host routing, where each project has a proxy of its own",
						 "Set pgbeam.proxy_routing to database for a proxy of many projects.");
	if (faults->refusal != PB_ACCEPTED)
		return;
	by = served_by(asked);
	begin_files(&files, asked);
	print_all(&files, &by);
	hand_out(&files, take, state);
}
