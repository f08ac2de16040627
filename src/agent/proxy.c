/*
 * proxy.c
 *	  A PgBouncer: what it has to read again, and that it did.
 *
 * What it owes stands in a file from before the first change until it has
 * obeyed. So an agent that was killed between the two goes on there.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/files.h"
#include "agent/proxy.h"

#define OWED_FILE "pending"
#define RECONNECT "reconnect "
#define GONE "gone "

/* Per-database auth_query is there since the first, the second is mended. */
#define VERSION_MIN 12200
#define VERSION_MENDED 12502

/* The user pgbouncer needs no password from the same user of the system. */
#define CONSOLE "dbname=pgbouncer user=pgbouncer fallback_application_name=pgbeam_agent"

static const char *
place_of(const Proxy *proxy, const char *what)
{
	return *proxy->mode == '\0' ? what : printed("%s of %s", what, proxy->mode);
}

static char *
console_of(const Options *options, const char *mode)
{
	if (*mode == '\0')
		return conninfo_with(options->console, CONSOLE);
	return printed(CONSOLE " port=5432 host='%s/%s'", options->socket_folder, mode);
}

/* The mode's text is kept by the caller. */
void
proxy_set_up(Proxy *proxy, const Options *options, const char *mode)
{
	memset(proxy, 0, sizeof(*proxy));
	proxy->mode = mode;
	proxy->options = options;
	proxy->folder = printed(*mode == '\0' ? "%s" : "%s/%s", options->folder, mode);
	proxy->refused.place = place_of(proxy, "PgBouncer");
	proxy->rules.place = proxy->refused.place;
	link_set_up(&proxy->console, proxy->refused.place,
				console_of(options, mode));
}

char *
proxy_path(const Proxy *proxy, const char *file)
{
	return printed("%s/%s", proxy->folder, file);
}

/*
 * What a PgBouncer behind the front is started with. Only the front reaches
 * it. What must be so stands behind what the operator has set for all, in the
 * same section: PgBouncer forgets a section's settings when it begins again.
 */
char *
proxy_configuration(const Proxy *proxy)
{
	return printed("; Written by pgbeam_agent: for databases with ssl_mode %s.\n"
				   "[databases]\n"
				   "pgbeam_registry = %s\n"
				   "%%include %s/" DATABASES_FILE "\n"
				   "[pgbouncer]\n"
				   "%%include %s\n"
				   "listen_addr =\n"
				   "listen_port = 5432\n"
				   "unix_socket_dir = %s/%s\n"
				   "auth_type = hba\n"
				   "auth_hba_file = %s/" HBA_FILE "\n"
				   "client_tls_sslmode = disable\n"
				   "server_tls_sslmode = %s\n",
				   proxy->mode, proxy->options->registry_entry, proxy->folder,
				   proxy->options->common, proxy->options->socket_folder,
					proxy->mode, proxy->folder,
				   proxy->mode);
}

static void
recall_line(Proxy *proxy, const char *line, size_t length)
{
	if (starts_with(line, RECONNECT))
		keys_add(&proxy->reconnect, line + strlen(RECONNECT),
				 length - strlen(RECONNECT));
	else if (starts_with(line, GONE))
		keys_add(&proxy->gone, line + strlen(GONE), length - strlen(GONE));
}

/* Reads what an agent before this one left undone. */
bool
proxy_recall(Proxy *proxy)
{
	char	   *path = proxy_path(proxy, OWED_FILE);
	char	   *content = file_read(path);
	bool		known = content != NULL || errno == ENOENT || errno == ENOTDIR;

	free(path);
	if (content == NULL)
		return known;
	proxy->owes = true;
	for (char *line = content; *line != '\0'; line += strcspn(line, "\n"), line += *line == '\n')
		recall_line(proxy, line, strcspn(line, "\n"));
	free(content);
	return true;
}

static void
print_keys(FILE *to, const char *start, const Keys *keys)
{
	for (int i = 0; i < keys->count; i++)
		fprintf(to, "%s%s\n", start, keys->names[i]);
}

static void
add_new(Keys *to, const Keys *from)
{
	for (int i = 0; i < from->count; i++)
		if (!keys_have(to, from->names[i]))
			keys_add(to, from->names[i], strlen(from->names[i]));
}

/* A database that is gone cannot reconnect. */
static void
drop(Keys *from, const Keys *gone)
{
	int			kept = 0;

	for (int i = 0; i < from->count; i++)
	{
		if (keys_have(gone, from->names[i]))
			free(from->names[i]);
		else
			from->names[kept++] = from->names[i];
	}
	from->count = kept;
}

/* What it owes, as a text. */
static char *
owed_text(const Proxy *proxy)
{
	char	   *text = NULL;
	size_t		size;
	FILE	   *to = certain(open_memstream(&text, &size));

	print_keys(to, RECONNECT, &proxy->reconnect);
	print_keys(to, GONE, &proxy->gone);
	certain(fclose(to) == 0 ? text : NULL);
	return text;
}

/* Adds to what it owes, and makes that last. */
bool
proxy_remember(Proxy *proxy, const Keys *changed, const Keys *gone)
{
	char	   *path = proxy_path(proxy, OWED_FILE);
	char	   *owed;
	bool		done;

	add_new(&proxy->reconnect, changed);
	add_new(&proxy->gone, gone);
	drop(&proxy->reconnect, gone);
	owed = owed_text(proxy);
	done = folder_make(proxy->folder) && file_write(path, owed);
	proxy->owes |= done;
	free(owed);
	free(path);
	return done;
}

static void
forget(Proxy *proxy)
{
	char	   *path = proxy_path(proxy, OWED_FILE);

	file_remove(path);			/* else it reads its files once more */
	free(path);
	proxy->owes = false;
	keys_clear(&proxy->reconnect);
	keys_clear(&proxy->gone);
}

static int
version_number(const char *text)
{
	int			major = 0,
				minor = 0,
				patch = 0;

	sscanf(text, "%*[^0-9]%d.%d.%d", &major, &minor, &patch);
	return major * 10000 + minor * 100 + patch;
}

static void
tell_version(Proxy *proxy, const char *version)
{
	const char *accepted = proxy->options->accepted;

	if (proxy->version != NULL && strcmp(proxy->version, version) == 0)
		return;
	free(proxy->version);
	proxy->version = copy_of(version);
	note("%s: %s", proxy->refused.place, version);
	if (version_number(version) >= VERSION_MENDED ||
		(accepted != NULL && strcmp(version + strcspn(version, "0123456789"), accepted) == 0))
		return;
	warn("%s: a version before 1.25.2 can be crashed by anybody who reaches it, without a password (CVE-2026-6664); "
		 "update it, or say --accept-pgbouncer=%s if the package is mended",
		 proxy->refused.place, version + strcspn(version, "0123456789"));
}

static bool
check_version(Proxy *proxy)
{
	PGresult   *result = link_run(&proxy->console, "SHOW VERSION", 0, NULL);
	char	   *version;

	if (result == NULL)
		return false;
	version = copy_of(PQntuples(result) == 1 ? PQgetvalue(result, 0, 0) : "no PgBouncer");
	PQclear(result);
	if (version_number(version) < VERSION_MIN)
	{
		trouble(&proxy->refused, "%s: 1.22 or later is needed, which asks for logins by database; nothing is written for this one",
				version);
		link_close(&proxy->console);
		link_back_off(&proxy->console);
		free(version);
		return false;
	}
	well(&proxy->refused);
	tell_version(proxy, version);
	free(version);
	return true;
}

/* It was there, and is too old. */
bool
proxy_is_refused(const Proxy *proxy)
{
	return proxy->refused.told != NULL;
}

bool
proxy_open(Proxy *proxy)
{
	if (proxy->console.conn != NULL && !link_is_lost(&proxy->console))
		return true;
	return link_open(&proxy->console) && check_version(proxy);
}

static bool
command(Proxy *proxy, const char *verb, const char *key)
{
	char	   *text = key == NULL ? copy_of(verb) : printed("%s \"%s\"", verb, key);
	PGresult   *result = link_run(&proxy->console, text, 0, NULL);

	free(text);
	PQclear(result);
	return result != NULL;
}

/* The keys that it has, as the lines of a file. */
static char *
shown_lines(Proxy *proxy)
{
	PGresult   *result = link_run(&proxy->console, "SHOW DATABASES", 0, NULL);
	char	   *text = NULL;
	size_t		size;
	FILE	   *to;

	if (result == NULL)
		return NULL;
	to = certain(open_memstream(&text, &size));
	for (int row = 0; row < PQntuples(result); row++)
		fprintf(to, "%s\n", PQgetvalue(result, row, PQfnumber(result, "name")));
	certain(fclose(to) == 0 ? text : NULL);
	PQclear(result);
	return text;
}

/* Compares what it has with its file. */
static bool
compare(Proxy *proxy, Keys *missing, Keys *surplus)
{
	char	   *path = proxy_path(proxy, DATABASES_FILE);
	char	   *wanted = file_read(path);
	char	   *shown = wanted != NULL ? shown_lines(proxy) : NULL;
	Keys		common = {0};

	if (shown != NULL)
		compare_lines(shown, wanted, missing, &common, surplus);
	keys_clear(&common);
	free(path);
	free(wanted);
	free(shown);
	return shown != NULL;
}

/* A client of what is gone goes too, where PgBouncer has not cut it. */
static bool
cut_gone(Proxy *proxy, const Keys *surplus)
{
	for (int i = 0; i < proxy->gone.count; i++)
		if (keys_have(surplus, proxy->gone.names[i]) &&
			!command(proxy, "KILL", proxy->gone.names[i]))
			return false;
	return true;
}

/* The first of what is gone that it still has, or NULL. */
static const char *
first_kept(const Proxy *proxy, const Keys *surplus)
{
	for (int i = 0; i < proxy->gone.count; i++)
		if (keys_have(surplus, proxy->gone.names[i]))
			return proxy->gone.names[i];
	return NULL;
}

/* Before 1.25 it says that all went well, whatever it could not read. */
static bool
tell_untaken(Proxy *proxy, const Keys *missing, const char *kept)
{
	if (missing->count > 0)
		trouble(&proxy->console.trouble, "has not taken %d databases, such as %s: its log has the reason, or its configuration does not include %s/" DATABASES_FILE,
				missing->count, missing->names[0], proxy->folder);
	else if (kept != NULL)
		trouble(&proxy->console.trouble, "still has databases that are gone, such as %s: its log has the reason",
				kept);
	else
		return true;
	link_back_off(&proxy->console);
	return false;
}

/* Whether it has what its file has; the clients of what is gone go anyway. */
static bool
check_taken(Proxy *proxy)
{
	Keys		missing = {0},
				surplus = {0};
	bool		done = compare(proxy, &missing, &surplus) &&
		cut_gone(proxy, &surplus) &&
		tell_untaken(proxy, &missing, first_kept(proxy, &surplus));

	keys_clear(&missing);
	keys_clear(&surplus);
	return done;
}

/* It has said what is wrong; the clients of what is gone go all the same. */
static void
cut_in_spite(Proxy *proxy)
{
	Keys		missing = {0},
				surplus = {0};

	if (proxy->console.conn != NULL && compare(proxy, &missing, &surplus))
		cut_gone(proxy, &surplus);
	keys_clear(&missing);
	keys_clear(&surplus);
}

/* The value of one of its settings, or "". */
static const char *
setting_of(PGresult *settings, const char *name)
{
	for (int row = 0; row < PQntuples(settings); row++)
		if (strcmp(PQgetvalue(settings, row, 0), name) == 0)
			return PQgetvalue(settings, row, 1);
	return "";
}

/* Whether two paths are certainly of two files. */
static bool
are_two_files(const char *a, const char *b)
{
	struct stat of_a,
				of_b;

	return stat(a, &of_a) == 0 && stat(b, &of_b) == 0 &&
		(of_a.st_dev != of_b.st_dev || of_a.st_ino != of_b.st_ino);
}

/*
 * Tells where it does not go by our rules: then allowed_cidrs count for
 * nothing, and clients reach the registry's own entry. That it could read the
 * rules is not to be seen, and so they are judged before they are written.
 */
static void
check_rules(Proxy *proxy)
{
	PGresult   *settings = link_run(&proxy->console, "SHOW CONFIG", 0, NULL);
	char	   *ours = proxy_path(proxy, HBA_FILE);
	const char *type;
	const char *file;

	if (settings != NULL)
	{
		type = setting_of(settings, "auth_type");
		file = setting_of(settings, "auth_hba_file");
		if (strcmp(type, "hba") != 0)
			trouble(&proxy->rules, "its auth_type is %s: without hba nobody keeps to allowed_cidrs, and clients reach its registry", type);
		else if (*file == '\0' || are_two_files(file, ours))
			trouble(&proxy->rules, "its auth_hba_file is not %s: nobody keeps to allowed_cidrs", ours);
		else
			well(&proxy->rules);
	}
	PQclear(settings);
	free(ours);
}

static bool
reconnect_changed(Proxy *proxy)
{
	for (int i = 0; i < proxy->reconnect.count; i++)
		if (!command(proxy, "RECONNECT", proxy->reconnect.names[i]))
			return false;
	return true;
}

/* Has it read its files again, and use what stands in them. */
bool
proxy_reload(Proxy *proxy)
{
	bool		is_open = proxy_open(proxy);
	bool		is_read = is_open && command(proxy, "RELOAD", NULL);

	if (is_read)
		check_rules(proxy);
	else if (is_open)
		cut_in_spite(proxy);
	if (!is_read || !check_taken(proxy) || !reconnect_changed(proxy))
	{
		if (proxy->console.retry_at <= now())
			link_back_off(&proxy->console);
		return false;
	}
	note("%s: has read its files again, %d databases reconnect", proxy->refused.place, proxy->reconnect.count);
	link_rest(&proxy->console);
	forget(proxy);
	return true;
}

/* Whether it has the databases of its file; not known is as good as yes. */
bool
proxy_is_current(Proxy *proxy)
{
	Keys		missing = {0},
				surplus = {0};
	bool		current = !proxy_open(proxy) ||
		!compare(proxy, &missing, &surplus) || missing.count == 0;

	if (proxy->console.conn != NULL)
		check_rules(proxy);
	keys_clear(&missing);
	keys_clear(&surplus);
	return current;
}
