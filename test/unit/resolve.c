/*
 * resolve.c
 *	  Unit test of src/agent/resolve.c, before a resolver whose servers of some
 *	  names are silent: whom they hold up, and whom not.
 */
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "agent/resolve.h"

#define ROUND 150				/* ms, instead of 2 s */
#define ADDRESS "192.0.2.1"

/* The resolver: names that begin so never have an answer, or none is there. */
#define SILENT "silent"
#define MISSING "missing"

static int	at_once;
static int	most_at_once;

static bool
is_silent(const struct gaicb *request)
{
	return strncmp(request->ar_name, SILENT, strlen(SILENT)) == 0;
}

int
getaddrinfo_a(int mode, struct gaicb *list[], int count, struct sigevent *event)
{
	const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST};

	CHECK(mode == GAI_NOWAIT && count == 1 && event == NULL, "one at a time");
	at_once += is_silent(list[0]);
	if (at_once > most_at_once)
		most_at_once = at_once;
	if (!is_silent(list[0]) && strncmp(list[0]->ar_name, MISSING, strlen(MISSING)) != 0)
		return getaddrinfo(ADDRESS, NULL, &hints, &list[0]->ar_result);
	return 0;
}

/* Silent ones end, without an answer, when they are told to. */
static bool is_over;

int
gai_error(struct gaicb *request)
{
	if (!is_silent(request))
		return request->ar_result != NULL ? 0 : EAI_NONAME;
	return is_over ? EAI_AGAIN : EAI_INPROGRESS;
}

/* A name that is added to the round; made at first. */
static Name *
add(Resolver *resolver, Name **name, const char *host)
{
	if (*name == NULL)
		*name = name_make(host);
	resolver_add(resolver, *name);
	return *name;
}

static Name *
add_numbered(Resolver *resolver, Name **name, const char *format, int number)
{
	char		host[100];

	snprintf(host, sizeof(host), format, number);
	return add(resolver, name, host);
}

static int
count_asked(Name **names, int count)
{
	int			asked = 0;

	for (int i = 0; i < count; i++)
		asked += names[i]->was_asked;
	return asked;
}

/* Runs a round. Returns how long it took. */
static int64_t
run_round(Resolver *resolver)
{
	int64_t		begin = now();

	resolver_run(resolver, begin + ROUND);
	return now() - begin;
}

static void
end_silence(Resolver *resolver)
{
	is_over = true;
	resolver_run(resolver, now());
	is_over = false;
	at_once = 0;
}

static void
test_answers(void)
{
	Resolver	resolver = {0};
	Name	   *names[3] = {0};

	add(&resolver, &names[0], "db.example.com");
	add(&resolver, &names[1], MISSING ".example.com");
	add(&resolver, &names[1], MISSING ".example.com");
	add(&resolver, &names[2], "com");
	CHECK(run_round(&resolver) < ROUND, "what is answered is not waited for");
	CHECK(names[0]->addresses.count == 1 && strcmp(names[0]->addresses.names[0], ADDRESS) == 0, "an address");
	CHECK(names[0]->is_known && names[2]->is_known, "it is known");
	CHECK(!names[1]->is_known && names[1]->was_asked, "a missing one is not");
	CHECK(!resolver.is_behind, "nothing is left to do");
	names[0]->asked_at -= MINUTE;
	names[0]->request.ar_name = MISSING;
	add(&resolver, &names[0], NULL);
	CHECK(resolver.known.count == 1, "it is looked up again after a minute");
	(void) run_round(&resolver);
	CHECK(names[0]->addresses.count == 1 && names[0]->is_known, "without an answer it keeps its address");
	add(&resolver, &names[0], NULL);
	CHECK(resolver.known.count == 0, "and not before");
}

/* What one domain's names cost the others. */
static void
test_silent_domain(void)
{
	Resolver	resolver = {0};
	Name	   *silent[100] = {0};
	Name	   *near[2] = {0};

	for (int i = 0; i < 100; i++)
		add_numbered(&resolver, &silent[i], i % 2 ? SILENT "%d.Example.org" : SILENT "%d.db.example.ORG.", i);
	add(&resolver, &near[0], "db.example.com");
	CHECK(run_round(&resolver) >= ROUND, "first lookups are waited for");
	CHECK(near[0]->is_known, "a domain's silent names do not hold up another's");
	CHECK(count_asked(silent, 100) == ROOM_DOMAIN, "it has its share and no more");
	CHECK(resolver.is_behind, "there is more to do");
	end_silence(&resolver);
	for (int i = 0; i < 100; i++)
		add_numbered(&resolver, &silent[i], "", i);
	add(&resolver, &near[1], "db.example.net");
	(void) run_round(&resolver);
	CHECK(near[1]->is_known && count_asked(silent, 100) == 2 * ROOM_DOMAIN, "nor later");
	end_silence(&resolver);
}

/* Those that fill all the room for new names. */
static void
test_silent_domains(void)
{
	Resolver	resolver = {0};
	Name	   *silent[60] = {0};
	Name	   *near = NULL;
	Name	   *known = NULL;

	for (int i = 0; i < 60; i++)
		add_numbered(&resolver, &silent[i], i % 3 == 0 ? SILENT "%d.a.org" : i % 3 == 1 ? SILENT "%d.b.org" : SILENT "%d.c.org", i);
	(void) run_round(&resolver);
	CHECK(count_asked(silent, 60) == ROOM_NEW, "there is room for so many");
	known = name_make("db.example.com");
	known->is_known = true;
	resolver_add(&resolver, known);
	add(&resolver, &near, "db.example.net");
	(void) run_round(&resolver);
	CHECK(known->addresses.count == 1, "names that are known have room of their own");
	CHECK(!near->was_asked && resolver.is_behind, "a new one waits for the end of a lookup");
	end_silence(&resolver);
	for (int i = 0; i < 60; i++)
		add_numbered(&resolver, &silent[i], "", i);
	add(&resolver, &near, NULL);
	(void) run_round(&resolver);
	CHECK(near->is_known, "and goes before other names of those domains");
	end_silence(&resolver);
}

/* Names that had an address once, and whose servers are silent by now. */
static void
test_silent_known(void)
{
	Resolver	resolver = {0};
	Name	   *silent[50] = {0};
	Name	   *near = NULL;

	for (int i = 0; i < 50; i++)
	{
		add_numbered(&resolver, &silent[i], SILENT "%d.example.org", i);
		silent[i]->is_known = true;
		silent[i]->is_due = false;
	}
	resolver.fresh.count = 0;
	for (int i = 0; i < 50; i++)
		add_numbered(&resolver, &silent[i], "", i);
	add(&resolver, &near, "db.example.org");
	(void) run_round(&resolver);
	CHECK(near->is_known, "they do not hold up new ones, even of their domain");
	CHECK(count_asked(silent, 50) == ROOM_KNOWN && !resolver.is_behind, "and are not behind: they keep what they had");
	end_silence(&resolver);
}

/* A name that was looked up in vain. */
static void
test_again(void)
{
	Resolver	resolver = {0};
	Name	   *silent = NULL;

	add(&resolver, &silent, SILENT ".example.org");
	(void) run_round(&resolver);
	CHECK(run_round(&resolver) < ROUND && !resolver.is_behind, "a later round does not wait for its end");
	add(&resolver, &silent, NULL);
	CHECK(resolver.fresh.count == 0, "it is not asked for twice");
	end_silence(&resolver);
	silent->asked_at -= MINUTE;
	add(&resolver, &silent, NULL);
	CHECK(resolver.fresh.count == 1, "but again after a minute");
	CHECK(run_round(&resolver) < ROUND && silent->was_asked && resolver.count == 1 && !resolver.is_behind, "which no round waits for");
	end_silence(&resolver);
}

int
main(void)
{
	test_answers();
	test_silent_domain();
	test_silent_domains();
	test_silent_known();
	test_again();
	CHECK(most_at_once <= ROOM_KNOWN + ROOM_NEW, "never more than the C library has threads for");
	return report("resolve");
}
