/*
 * loop.c
 *	  What the agent does, and when: one loop, which waits in one place.
 *
 * A change alone is dealt with at once. Where many come, the wait between two
 * rounds grows, because PgBouncer serves nobody while it reads its files.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/domains.h"
#include "agent/event.h"
#include "agent/files.h"
#include "agent/loop.h"
#include "agent/names.h"
#include "agent/probe.h"
#include "agent/report.h"
#include "agent/sync.h"

#define ASK_EVERY SECOND		/* what has changed, where nothing wakes us */
#define GAP_MIN (SECOND / 20)
#define GAP_MAX (SECOND * 3 / 2)
#define GAP_GROWTH 3
#define FEW 2					/* changes of a round that are no burst */
#define DISK_PAUSE (5 * SECOND)

typedef struct Loop
{
	Options    *options;
	Registry	registry;
	Names		names;
	Probes		probes;
	Domains		domains;
	Sync		sync;
	int64_t		ask_at;
	int64_t		round_at;		/* when the files are compared next */
	int64_t		round_ended;
	int64_t		gap;			/* between two rounds */
	int64_t		patience;		/* with names that do not resolve */
	int64_t		look_at;		/* at what PgBouncer has, next */
	int64_t		report_at;		/* what PgBouncer has done, next */
	Registry	reports;		/* where reports go,
		if the other is a standby */
	Changes		changes;		/* that the next round deals with */
	char	   *dealt_with;		/* token to confirm */
	char	   *seen;			/* token up to which databases are tried */
} Loop;

static void
want_round(Loop *loop)
{
	int64_t		at = loop->round_ended + loop->gap;

	loop->round_at = earlier(loop->round_at, at > now() ? at : now());
}

/* A change comes again until it is confirmed, and is dealt with here once. */
static void
try_new(Loop *loop)
{
	const char *token = loop->changes.token;

	if (token == NULL ||
		(loop->seen != NULL && strcmp(loop->seen, token) == 0))
		return;
	probes_want(&loop->probes, &loop->changes.databases);
	if (loop->changes.is_claim)
		domains_want(&loop->domains);
	free(loop->seen);
	loop->seen = copy_of(token);
}

/* What the feed has told is done once PgBouncer has obeyed. */
static void
deal_with(Loop *loop)
{
	if (loop->changes.token == NULL)
		return;
	free(loop->dealt_with);
	loop->dealt_with = copy_of(loop->changes.token);
}

/* Asks the feed. More than one batch is asked for again after the round. */
static bool
ask(Loop *loop)
{
	loop->ask_at = now() + ASK_EVERY;
	changes_clear(&loop->changes);
	if (!registry_changes(&loop->registry, &loop->changes))
	{
		loop->ask_at = loop->registry.link.retry_at;
		return false;
	}
	if (loop->changes.count == 0)
		return true;
	try_new(loop);
	if (loop->dealt_with != NULL && loop->changes.token != NULL &&
		strcmp(loop->dealt_with, loop->changes.token) == 0)
		return true;
	if (loop->changes.is_news)
		want_round(loop);
	else
		deal_with(loop);		/* our own reading of a password, for one */
	return true;
}

/* A change that the feed does not show yet is in the files all the same. */
static void
wake(Loop *loop)
{
	if (ask(loop) && loop->changes.count == 0)
		want_round(loop);
}

static void
set_gap(Loop *loop)
{
	loop->gap = loop->sync.changed <= FEW ? GAP_MIN :
		earlier(GAP_GROWTH * (loop->gap > 0 ? loop->gap : GAP_MIN), GAP_MAX);
}

/* The files, without lines that lead where none may. */
static bool
get_files(Loop *loop, Files *files)
{
	if (!registry_files(&loop->registry, files))
		return false;
	if (names_guard(&loop->names, &loop->registry, files))
		return true;
	files_clear(files);
	return false;
}

/* A new name that does not resolve is waited for, longer each time. */
static void
wait_for_names(Loop *loop)
{
	probes_want(&loop->probes, &loop->names.mended);
	if (!loop->names.is_waiting)
		loop->patience = 0;
	else if (loop->names.resolver.is_behind || loop->patience == 0)
		loop->patience = SECOND;
	else
		loop->patience = earlier(2 * loop->patience, MINUTE);
	if (loop->names.is_waiting)
		loop->round_at = earlier(loop->round_at, now() + loop->patience);
}

/* What PgBouncer has by its files was allowed. */
static bool
recall(Loop *loop)
{
	Files		files;
	bool		known = sync_recall(&loop->sync);

	sync_found(&loop->sync, &files);
	names_recall(&loop->names, &files);
	files_clear(&files);
	return known;
}

/* Takes a fresh look at the feed first: the files are of a later snapshot. */
static void
run_round(Loop *loop)
{
	Files		files;
	bool		done = ask(loop);

	if (!get_files(loop, &files))
	{
		loop->round_at = loop->registry.link.retry_at;
		return;
	}
	if (done)
		link_rest(&loop->registry.link);
	loop->round_at = now() + MINUTE;
	wait_for_names(loop);
	done = !proxy_is_refused(&loop->sync.proxies[0]) &&
		sync_write(&loop->sync, &files);
	files_clear(&files);
	loop->round_ended = now();
	set_gap(loop);
	if (!done)
	{
		loop->round_at = now() + DISK_PAUSE;
		return;
	}
	deal_with(loop);
}

/* Each PgBouncer is on its own: one that is down holds up no other. */
static bool
reload_owing(Loop *loop)
{
	bool		all = true;

	for (int i = 0; i < PROXIES; i++)
	{
		Proxy	   *proxy = &loop->sync.proxies[i];

		if (proxy->owes &&
			(proxy->console.retry_at > now() || !proxy_reload(proxy)))
			all = false;
	}
	return all;
}

/* The place in the feed says how far PgBouncer is, so it comes last. */
static void
confirm(Loop *loop)
{
	if (loop->dealt_with == NULL || loop->registry.link.conn == NULL ||
		!registry_confirm(&loop->registry, loop->dealt_with))
		return;
	free(loop->dealt_with);
	loop->dealt_with = NULL;
	loop->ask_at = now();		/* there may be more */
}

static void
look_at_front(Loop *loop)
{
	Proxy	   *front = &loop->sync.proxies[0];
	Keys		none = {0};
	bool		was_refused = proxy_is_refused(front);

	if (front->console.retry_at > now() || !proxy_open(front))
	{
		loop->look_at = front->console.retry_at;
		return;
	}
	loop->look_at = now() + MINUTE;
	if (was_refused)
		want_round(loop);
	if (front->owes)
		return;
	if (proxy_is_current(front))
		link_rest(&front->console);
	else
		proxy_remember(front, &none, &none);
}

/*
 * Who takes reports: a standby does not, but its primary, where that is known.
 */
static Registry *
reported_to(Loop *loop)
{
	if (loop->options->report != NULL)
		return &loop->reports;
	return loop->registry.is_standby ? NULL : &loop->registry;
}

/* The registry that is followed is opened elsewhere, where it listens too. */
static bool
can_report(Loop *loop, Registry *to)
{
	if (to == NULL || to == &loop->registry)
		return to != NULL && to->link.conn != NULL;
	return to->link.retry_at <= now() && registry_open(to, false);
}

static void
report(Loop *loop)
{
	Registry   *to = reported_to(loop);
	Proxy	   *front = &loop->sync.proxies[0];

	loop->report_at = now() + loop->options->report_pause;
	if (front->console.retry_at > now() || !can_report(loop, to))
		return;
	if (report_traffic(to, front) && to == &loop->reports)
		link_rest(&to->link);
}

static void
find_domains(Loop *loop)
{
	Registry   *to = reported_to(loop);

	if (to == NULL)
		return;
	if (loop->domains.list_at <= now())
		can_report(loop, to);
	domains_run(&loop->domains, to);
}

static void
rest(Loop *loop)
{
	struct pollfd sockets[SOCKETS_MAX] = {{.fd = -1, .events = POLLIN}};
	int			count = 1 + probes_sockets(&loop->probes, &sockets[1]);
	Link	   *link = &loop->registry.link;
	int64_t		until = earlier(loop->look_at, loop->report_at);

	if (reported_to(loop) != NULL)
	{
		count += domains_sockets(&loop->domains, &sockets[count]);
		until = earlier(until, domains_until(&loop->domains));
	}
	if (link->conn != NULL)
	{
		sockets[0].fd = PQsocket(link->conn);
		until = earlier(until, earlier(loop->ask_at, loop->round_at));
	}
	else
		until = earlier(until, link->retry_at);
	for (int i = 0; i < PROXIES; i++)
		if (loop->sync.proxies[i].owes)
			until = earlier(until, loop->sync.proxies[i].console.retry_at);
	wait_for(sockets, count, earlier(until, probes_until(&loop->probes)));
}

static void
set_up(Loop *loop, Options *options)
{
	memset(loop, 0, sizeof(*loop));
	loop->options = options;
	registry_set_up(&loop->registry, "registry", options->registry, options);
	registry_set_up(&loop->reports, "reports", options->report != NULL ? options->report : "", options);
	sync_set_up(&loop->sync, options);
	loop->probes.options = options;
	domains_set_up(&loop->domains, options);
}

static void
take_down(Loop *loop)
{
	probes_take_down(&loop->probes);
	domains_take_down(&loop->domains);
	link_close(&loop->registry.link);
	link_close(&loop->reports.link);
	for (int i = 0; i < PROXIES; i++)
		link_close(&loop->sync.proxies[i].console);
}

/* The hangup's new options mean new connections, and all from the start. */
static void
start_again(Loop *loop)
{
	char	   *folder = loop->options->folder;

	if (!reread_options(loop->options))
	{
		warn("the options stay as they were");
		return;
	}
	if (strcmp(folder, loop->options->folder) != 0)
	{
		warn("another folder needs a restart");
		loop->options->folder = folder;
	}
	note("has read the options again");
	take_down(loop);
	set_up(loop, loop->options);
	recall(loop);
}

static void
open_registry(Loop *loop)
{
	if (loop->registry.link.conn != NULL ||
		loop->registry.link.retry_at > now())
		return;
	if (registry_open(&loop->registry, true))
		loop->round_at = loop->ask_at = now();
}

static bool
take_folder(const Options *options)
{
	if (folder_make(options->folder) && folder_lock(options->folder))
		return true;
	warn("%s: this folder cannot be used, or another agent uses it", options->folder);
	return false;
}

int
follow(Options *options)
{
	Loop		loop;

	if (!take_folder(options))
		return 1;
	set_up(&loop, options);
	recall(&loop);
	note("begins, version " PGBEAM_VERSION ", as consumer %s, with files in %s", options->name, options->folder);
	while (!is_stopping())
	{
		if (take_hangup())
			start_again(&loop);
		open_registry(&loop);
		if (loop.look_at <= now())
			look_at_front(&loop);
		if (registry_woken(&loop.registry))
			wake(&loop);
		if (loop.registry.link.conn != NULL && loop.ask_at <= now())
			ask(&loop);
		if (loop.registry.link.conn != NULL && loop.round_at <= now())
			run_round(&loop);
		if (reload_owing(&loop))
			confirm(&loop);
		probes_run(&loop.probes, &loop.registry, &loop.names);
		find_domains(&loop);
		if (loop.report_at <= now())
			report(&loop);
		rest(&loop);
	}
	note("ends");
	take_down(&loop);
	return 0;
}

static void
print_files(const Files *files)
{
	for (int i = 0; i < files->count; i++)
		printf("# %s\n%s", files->list[i].name, files->list[i].content);
}

static int
write_once(Loop *loop, Files *files)
{
	if (!take_folder(loop->options) || !recall(loop))
		return 1;
	proxy_open(&loop->sync.proxies[0]);
	if (proxy_is_refused(&loop->sync.proxies[0]) ||
		!sync_write(&loop->sync, files))
		return 1;
	return reload_owing(loop) ? 0 : 1;
}

/* As the shell's tests: 1 for what differs, 2 for what cannot be told. */
static int
check_once(Loop *loop, Files *files)
{
	int			differing = sync_compare(&loop->sync, files);

	if (differing < 0 || !proxy_open(&loop->sync.proxies[0]))
		return 2;
	if (!proxy_is_current(&loop->sync.proxies[0]))
	{
		note("PgBouncer does not have the databases of its file");
		return 1;
	}
	return differing > 0;
}

int
run_once(const Options *options)
{
	Loop		loop;
	Files		files;
	int			status = 0;

	set_up(&loop, (Options *) options);
	if (options->folder != NULL)
		recall(&loop);
	if (!registry_open(&loop.registry, false) ||
		!get_files(&loop, &files))
		return 2;
	if (options->job == PRINT)
		print_files(&files);
	else if (options->job == CHECK)
		status = check_once(&loop, &files);
	else
		status = write_once(&loop, &files);
	files_clear(&files);
	take_down(&loop);
	return status;
}
