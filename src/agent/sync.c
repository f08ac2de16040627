/*
 * sync.c
 *	  The files on disk, as the registry wants them.
 *
 * Only what differs is written, and what PgBouncer owes for it is noted
 * before. The files that may be there have fixed names, so that nothing else
 * is ever written or removed, whatever the registry says.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/files.h"
#include "agent/rules.h"
#include "agent/sync.h"

static const char *const modes[PROXIES] = {
	"", "disable", "allow", "prefer", "require", "verify-ca", "verify-full"
};

/* PgBouncer reads the first three, HAProxy the last one. */
static const char *const names[] = {
	HBA_FILE, DATABASES_FILE, CONFIGURATION, "domains.map"
};

#define READ_BY_PGBOUNCER 3

#define LINES_TOLD 10			/* of one round, for what is left out */

/* A file as it is wanted, and as it is; NULL where there is none. */
typedef struct Pair
{
	char	   *path;
	char	   *wanted;
	char	   *found;
	bool		differs;
} Pair;

void
sync_set_up(Sync *sync, const Options *options)
{
	memset(sync, 0, sizeof(*sync));
	sync->options = options;
	for (int i = 0; i < PROXIES; i++)
		proxy_set_up(&sync->proxies[i], options, modes[i]);
	sync->disk.place = "files";
	sync->unfit.place = DATABASES_FILE;
	sync->unfit_rules.place = HBA_FILE;
	sync->left_out = copy_of("");
}

static bool
tell_disk(Sync *sync, const char *path)
{
	trouble(&sync->disk, "%s: %s", path, strerror(errno));
	return false;
}

/* What an agent before this one left undone. */
bool
sync_recall(Sync *sync)
{
	for (int i = 0; i < PROXIES; i++)
		if (!proxy_recall(&sync->proxies[i]))
			return tell_disk(sync, sync->proxies[i].folder);
	return true;
}

/* The databases of each PgBouncer, as its file has them. */
void
sync_found(const Sync *sync, Files *files)
{
	*files = (Files) {.list = allot(PROXIES * sizeof(File))};
	for (int i = 0; i < PROXIES; i++)
	{
		char	   *path = proxy_path(&sync->proxies[i], DATABASES_FILE);
		char	   *content = file_read(path);

		if (content != NULL)
			files->list[files->count++] = (File) {path, content};
		else
			free(path);
	}
}

/* The file of another name, which the registry gives. */
static const char *
given_content(const Files *files, const Proxy *proxy, const char *name)
{
	char	   *below = printed("%s%s%s", proxy->mode, *proxy->mode == '\0' ? "" : "/", name);
	const char *content = file_named(files, below);

	free(below);
	return content;
}

/* Tells which lines were left out because PgBouncer could not read them. */
static void
tell_unfit(Sync *sync)
{
	const Keys *lines = &sync->unfit_lines;
	const Keys *rules = &sync->unfit_hba;

	if (lines->count > 0)
		trouble(&sync->unfit, "%d lines are left out that PgBouncer could not read, such as that of %.63s",
				lines->count, lines->names[0]);
	else
		well(&sync->unfit);
	if (rules->count > 0)
		trouble(&sync->unfit_rules, "%d lines are left out that PgBouncer could not read, such as %.100s",
				rules->count, rules->names[0]);
	else
		well(&sync->unfit_rules);
}

/* Of a PgBouncer behind the front, for each mode that is in use. */
static char *
wanted_content(Sync *sync, const Files *files, const Proxy *proxy,
			   const char *name)
{
	const char *content;

	if (strcmp(name, CONFIGURATION) == 0)
		return given_content(files, proxy, DATABASES_FILE) == NULL ? NULL :
			proxy_configuration(proxy);
	content = given_content(files, proxy, name);
	if (content == NULL)
		return NULL;
	if (strcmp(name, DATABASES_FILE) == 0)
		return fitting_lines(content, &sync->unfit_lines);
	return strcmp(name, HBA_FILE) == 0 ?
		fitting_rules(content, &sync->unfit_hba) : copy_of(content);
}

static bool
read_pair(Sync *sync, const Files *files, const Proxy *proxy, const char *name,
		  Pair *pair)
{
	if (*proxy->mode == '\0' && strcmp(name, CONFIGURATION) == 0)
		return true;			/* the front's is the operator's */
	pair->path = proxy_path(proxy, name);
	pair->found = file_read(pair->path);
	if (pair->found == NULL && errno != ENOENT)
		return tell_disk(sync, pair->path);
	pair->wanted = wanted_content(sync, files, proxy, name);
	pair->differs = pair->wanted == NULL ? pair->found != NULL :
		pair->found == NULL || strcmp(pair->wanted, pair->found) != 0;
	return true;
}

static void
clear_pairs(Pair *pairs)
{
	for (size_t i = 0; i < LENGTH(names); i++)
	{
		free(pairs[i].path);
		free(pairs[i].wanted);
		free(pairs[i].found);
	}
}

static const char *
text_or_none(const char *text)
{
	return text != NULL ? text : "";
}

static const char *
first_of(const Keys *keys)
{
	return keys->count > 0 ? keys->names[0] : "none";
}

/* Tells what changes for a PgBouncer, and notes what it owes for that. */
static bool
announce(Sync *sync, Proxy *proxy, const Pair *pairs)
{
	Keys		added = {0},
				changed = {0},
				gone = {0};
	const Pair *databases = &pairs[1];
	bool		done;

	compare_lines(text_or_none(databases->found),
				  text_or_none(databases->wanted), &added, &changed, &gone);
	done = sync->options->job == CHECK ||
		proxy_remember(proxy, &changed, &gone);
	if (!done)
		tell_disk(sync, proxy->folder);
	else
		note("%s%sdatabases: %d new (%s), %d changed (%s), %d gone (%s)%s", proxy->mode, *proxy->mode == '\0' ? "" : ": ",
			 added.count, first_of(&added), changed.count, first_of(&changed),
			 gone.count, first_of(&gone),
			 pairs[0].differs ? "; " HBA_FILE " differs" : "");
	sync->changed += added.count + changed.count + gone.count;
	keys_clear(&added);
	keys_clear(&changed);
	keys_clear(&gone);
	return done;
}

static bool
write_pair(Sync *sync, const Pair *pair)
{
	if (!pair->differs)
		return true;
	if (pair->wanted == NULL ? file_remove(pair->path) :
		file_write(pair->path, pair->wanted))
		return true;
	return tell_disk(sync, pair->path);
}

static bool
write_pairs(Sync *sync, Proxy *proxy, const Pair *pairs)
{
	bool		for_pgbouncer = false;

	for (int i = 0; i < READ_BY_PGBOUNCER; i++)
		for_pgbouncer |= pairs[i].differs;
	if (for_pgbouncer && !announce(sync, proxy, pairs))
		return false;
	for (size_t i = 0; i < LENGTH(names); i++)
		if (!write_pair(sync, &pairs[i]))
			return false;
	return true;
}

/* PgBouncer makes no folder for its socket. */
static bool
make_socket_folder(Sync *sync, const Proxy *proxy, const Pair *pairs)
{
	char	   *path;
	bool		done;

	if (*proxy->mode == '\0' || pairs[1].wanted == NULL ||
		sync->options->socket_folder == NULL)
		return true;
	path = printed("%s/%s", sync->options->socket_folder, proxy->mode);
	done = folder_make(sync->options->socket_folder) && folder_make(path);
	if (!done)
		tell_disk(sync, path);
	free(path);
	return done;
}

static bool
read_pairs(Sync *sync, const Files *files, const Proxy *proxy, Pair *pairs)
{
	memset(pairs, 0, LENGTH(names) * sizeof(Pair));
	for (size_t i = 0; i < LENGTH(names); i++)
		if (!read_pair(sync, files, proxy, names[i], &pairs[i]))
			return false;
	return true;
}

/* Tells once of each database that is not served, or not as it should. */
static void
tell_left_out(Sync *sync, const Files *files)
{
	const char *content = text_or_none(file_named(files, "left_out"));
	Keys		told = {0},
				lines = {0};
	int			count = 0;

	keys_of_lines(sync->left_out, &told);
	keys_of_lines(content, &lines);
	for (int i = 0; i < lines.count; i++)
		if (!keys_have(&told, lines.names[i]) && count++ < LINES_TOLD)
			warn("%s", lines.names[i]);
	if (count > LINES_TOLD)
		warn("%d more like these, see --print", count - LINES_TOLD);
	keys_clear(&told);
	keys_clear(&lines);
	free(sync->left_out);
	sync->left_out = copy_of(content);
}

/* Without the front's file this is no answer to cut everybody off for. */
static bool
is_whole(Sync *sync, const Files *files)
{
	if (file_named(files, DATABASES_FILE) != NULL)
		return true;
	trouble(&sync->disk, "the registry gave no " DATABASES_FILE);
	return false;
}

/* Brings the files up to date, as far as the disk allows. */
bool
sync_write(Sync *sync, Files *files)
{
	Pair		pairs[LENGTH(names)];
	bool		done = is_whole(sync, files);

	sync->changed = 0;
	keys_clear(&sync->unfit_lines);
	keys_clear(&sync->unfit_hba);
	for (int i = 0; done && i < PROXIES; i++)
	{
		done = read_pairs(sync, files, &sync->proxies[i], pairs) &&
			write_pairs(sync, &sync->proxies[i], pairs) &&
			make_socket_folder(sync, &sync->proxies[i], pairs);
		clear_pairs(pairs);
	}
	if (done)
	{
		well(&sync->disk);
		tell_unfit(sync);
		tell_left_out(sync, files);
	}
	return done;
}

/* Writes nothing, and returns how many files differ, or -1. */
int
sync_compare(Sync *sync, Files *files)
{
	Pair		pairs[LENGTH(names)];
	int			differing = 0;

	if (!is_whole(sync, files))
		return -1;
	for (int i = 0; i < PROXIES; i++)
	{
		if (!read_pairs(sync, files, &sync->proxies[i], pairs))
			return -1;
		for (size_t j = 0; j < LENGTH(names); j++)
		{
			differing += pairs[j].differs;
			if (pairs[j].differs)
				note("%s differs", pairs[j].path);
		}
		if (pairs[0].differs || pairs[1].differs)
			announce(sync, &sync->proxies[i], pairs);
		clear_pairs(pairs);
	}
	tell_unfit(sync);
	return differing;
}
