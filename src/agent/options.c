/*
 * options.c
 *	  What whoever runs the agent has set, on the command line or in a file.
 *
 * One table gives names, help and places. The command line wins over the file,
 * so that a hangup changes only what stands in the file.
 */
#include <ctype.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libpq-fe.h"

#include "agent/log.h"
#include "agent/lookup.h"
#include "agent/options.h"

#define DEFAULT_CONSOLE "host=/var/run/postgresql port=6432"
#define DEFAULT_AUTHORITIES "/etc/ssl/certs/ca-certificates.crt"
#define NAME_MAX_SIZE 63		/* of a consumer of the feed */

typedef struct Setting
{
	const char *name;
	const char *value;			/* how help calls it */
	size_t		place;			/* in Options */
	const char *about;
} Setting;

#define SETTING(name, member, value, about) \
	{name, value, offsetof(Options, member), about}

static const Setting settings[] = {
	SETTING("registry", registry, "CONNINFO", "the database with pgbeam, by a role with data_plane access (default: as psql)"),
	SETTING("console", console, "CONNINFO", "PgBouncer's console (default: " DEFAULT_CONSOLE ")"),
	SETTING("report", report, "CONNINFO", "where reports go, if the registry is a standby"),
	SETTING("report-every", report_every, "SECONDS", "how often reports go (default: 60)"),
	SETTING("folder", folder, "FOLDER", "where the files go that PgBouncer includes; required"),
	SETTING("name", name, "NAME", "as a consumer of the change feed (default: agent. and the machine's name)"),
	SETTING("region", region, "REGION", "only databases of this region"),
	SETTING("cloud", cloud, "CLOUD", "only databases of this cloud"),
	SETTING("project", project, "ID", "only this project; needed where pgbeam.proxy_routing is host"),
	SETTING("ssl-mode", ssl_mode, "MODE", "server_tls_sslmode of the PgBouncer in front (default: verify-full)"),
	SETTING("socket-folder", socket_folder, "FOLDER", "of the sockets of a PgBouncer for each other ssl_mode"),
	SETTING("common", common, "FILE", "settings that each of these includes: auth_user, server_tls_ca_file"),
	SETTING("registry-entry", registry_entry, "TEXT", "pgbeam_registry of each of these, as in host=... dbname=..."),
	SETTING("authorities", authorities, "FILE", "certificates for connection tests (default: " DEFAULT_AUTHORITIES ")"),
	SETTING("dns-server", dns_server, "ADDRESS", "asked for the TXT records of domains, or " SERVER_NONE " (default: as /etc/resolv.conf)"),
	SETTING("accept-pgbouncer", accepted, "VERSION", "no warning: in this version CVE-2026-6664 is mended"),
};

static const struct
{
	const char *name;
	Job			job;
	const char *about;
}			jobs[] =
{
	{"--once", ONCE, "bring the files up to date, have PgBouncer read them, and end"},
	{"--check", CHECK, "write nothing, tell what differs; ends with 1 if anything does"},
	{"--print", PRINT, "write the files to standard output; needs no PgBouncer"},
};

/* The command line, kept for a hangup. */
static int	words_count;
static char **all_words;

static char **
place_of(Options *options, const Setting *setting)
{
	return (char **) ((char *) options + setting->place);
}

static const Setting *
find_setting(const char *name, size_t length)
{
	for (size_t i = 0; i < LENGTH(settings); i++)
		if (strlen(settings[i].name) == length &&
			strncmp(settings[i].name, name, length) == 0)
			return &settings[i];
	return NULL;
}

static void
print_help(void)
{
	puts("pgbeam_agent brings a PgBouncer the databases of a pgbeam registry.\n\n"
		 "Usage: pgbeam_agent [OPTION]...\n");
	for (size_t i = 0; i < LENGTH(jobs); i++)
		printf("  %-28s%s\n", jobs[i].name, jobs[i].about);
	puts("  --config=FILE               read options from it: lines of name = value");
	for (size_t i = 0; i < LENGTH(settings); i++)
	{
		char	   *option = printed("--%s=%s", settings[i].name, settings[i].value);

		printf("  %-28s%s\n", option, settings[i].about);
		free(option);
	}
	puts("  --help, --version\n\n"
		 "Without --once, --check and --print it follows what changes, until SIGTERM.\n"
		 "SIGHUP reads the file again. A password stands in a password file (PGPASSFILE)\n"
		 "or a service file (PGSERVICEFILE), never in an option.");
	exit(0);
}

/*
 * A problem of the command line ends the agent, one of a reread file does not.
 */
static bool
refuse(const char *what, const char *about)
{
	warn("%s: %s", what, about);
	return false;
}

/*
 * Everybody on the machine can read a command line, many a file of options.
 * libpq tells which members are secret: those that a form would hide.
 */
static bool
check_conninfo(const char *name, const char *conninfo)
{
	char	   *problem = NULL;
	bool		fits = true;
	PQconninfoOption *options = PQconninfoParse(conninfo, &problem);

	PQfreemem(problem);			/* it may quote a password */
	if (options == NULL)
		return refuse(name, "this is no conninfo");
	for (PQconninfoOption *option = options; option->keyword != NULL; option++)
		if (option->dispchar[0] == '*' && option->val != NULL)
			fits = refuse(name, "a password does not belong here, put it into a password file or a service file");
	PQconninfoFree(options);
	return fits;
}

/* Strips blanks at both ends, in place. */
static char *
stripped(char *text)
{
	char	   *end = text + strlen(text);

	while (end > text && isspace((unsigned char) end[-1]))
		*--end = '\0';
	while (isspace((unsigned char) *text))
		text++;
	return text;
}

static bool
read_line(Options *options, char *line, const char *path)
{
	char	   *value = strchr(line, '=');
	char	   *name = stripped(line);
	const Setting *setting;
	char	  **place;

	if (*name == '\0' || *name == '#')
		return true;
	if (value == NULL)
		return refuse(path, "a line is not of the form name = value");
	*value++ = '\0';
	name = stripped(name);
	setting = find_setting(name, strlen(name));
	if (setting == NULL)
		return refuse(name, "this option is not known");
	place = place_of(options, setting);
	if (*place == NULL)			/* else the command line has it */
		*place = copy_of(stripped(value));
	return true;
}

static bool
read_file_of_options(Options *options, const char *path)
{
	FILE	   *file = fopen(path, "re");
	char	   *line = NULL;
	size_t		size = 0;
	bool		fits = true;

	if (file == NULL)
		return refuse(path, strerror(errno));
	while (fits && getline(&line, &size, file) >= 0)
		fits = read_line(options, line, path);
	if (fits && ferror(file))
		fits = refuse(path, strerror(errno));	/* a folder, for example */
	free(line);
	fclose(file);
	return fits;
}

static bool
read_job(Options *options, const char *word)
{
	for (size_t i = 0; i < LENGTH(jobs); i++)
		if (strcmp(jobs[i].name, word) == 0)
		{
			options->job = jobs[i].job;
			return true;
		}
	return false;
}

/*
 * Reads a word of the command line, which may take the next one as its value.
 */
static bool
read_word(Options *options, int *at, const char **config)
{
	const char *word = all_words[*at];
	const char *name = word + 2;
	size_t		length = strcspn(name, "=");
	const char *value = name[length] == '=' ? name + length + 1 : NULL;
	const Setting *setting;

	if (read_job(options, word))
		return true;
	if (!starts_with(word, "--"))
		return refuse(word, "this is no option, see --help");
	setting = find_setting(name, length);
	if (setting == NULL && !(length == 6 && starts_with(name, "config")))
		return refuse(word, "this option is not known, see --help");
	if (value == NULL)
		value = all_words[++*at];
	if (value == NULL)
		return refuse(word, "this option needs a value");
	if (setting == NULL)
		*config = value;
	else
		*place_of(options, setting) = copy_of(value);
	return true;
}

static char *
default_name(void)
{
	char		machine[NAME_MAX_SIZE + 1 - sizeof("agent.") + 1] = "";

	gethostname(machine, sizeof(machine) - 1);
	for (char *letter = machine; *letter != '\0'; letter++)
		if (!isalnum((unsigned char) *letter) && strchr("_.-", *letter) == NULL)
			*letter = '-';
	return printed("agent.%s", machine);
}

static bool
read_pause(Options *options)
{
	char	   *end = "";
	long		seconds = 60;

	if (options->report_every != NULL)
		seconds = strtol(options->report_every, &end, 10);
	if (seconds < 1 || seconds > 3600 || *end != '\0')
		return refuse("--report-every", "this must be from 1 to 3600");
	options->report_pause = seconds * SECOND;
	return true;
}

static bool
check_dns_server(const char *address)
{
	Servers		servers;

	return address == NULL || strcmp(address, SERVER_NONE) == 0 ||
		servers_read(&servers, address) ||
		refuse("--dns-server", "this is no address, as in 192.0.2.1, 192.0.2.1:53 or [2001:db8::1]:53");
}

static bool
complete(Options *options)
{
	if (options->registry == NULL)
		options->registry = copy_of("");
	if (options->console == NULL)
		options->console = copy_of(DEFAULT_CONSOLE);
	if (options->authorities == NULL)
		options->authorities = copy_of(DEFAULT_AUTHORITIES);
	if (options->name == NULL)
		options->name = default_name();
	if (options->folder == NULL && options->job != PRINT)
		return refuse("--folder", "this option is needed");
	if (options->socket_folder != NULL &&
		(options->common == NULL || options->registry_entry == NULL))
		return refuse("--socket-folder", "this needs --common and --registry-entry");
	return read_pause(options) && check_dns_server(options->dns_server) &&
		check_conninfo("--registry", options->registry) &&
		check_conninfo("--console", options->console) &&
		(options->report == NULL || check_conninfo("--report", options->report));
}

static bool
read_all(Options *options)
{
	const char *config = NULL;

	memset(options, 0, sizeof(*options));
	for (int i = 1; i < words_count; i++)
		if (!read_word(options, &i, &config))
			return false;
	return (config == NULL || read_file_of_options(options, config)) &&
		complete(options);
}

/* Ends the program if they do not fit, or if they ask for help. */
void
read_options(Options *options, int count, char **words)
{
	words_count = count;
	all_words = words;
	for (int i = 1; i < count; i++)
	{
		if (strcmp(words[i], "--help") == 0)
			print_help();
		if (strcmp(words[i], "--version") == 0)
		{
			puts("pgbeam_agent (pgbeam) " PGBEAM_VERSION);
			exit(0);
		}
	}
	if (!read_all(options))
		exit(2);
}

/* Reads them again; those that were there stay if the new ones do not fit. */
bool
reread_options(Options *options)
{
	Options		fresh;

	if (!read_all(&fresh))
		return false;
	*options = fresh;			/* the old texts may still be in use */
	return true;
}
