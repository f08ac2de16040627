/*
 * resolve.c
 *	  Addresses of names, looked up at the same time.
 *
 * Whoever registers a name decides how its server answers, or that it does
 * not. A lookup of a silent one takes seconds, and nothing ends it. So each
 * kind of name has room of its own, and of the new ones those go first whose
 * domain has the fewest lookups. A round waits for first lookups and for
 * names that have an address, but not for those that were looked up in vain:
 * their answers are taken whenever they come.
 *
 * Sockets of our own, as for TXT records, were rejected: people expect of a
 * name that /etc/hosts and the resolver's search list count.
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "agent/resolve.h"

#define AGAIN MINUTE			/* a name is looked up */
#define STEP 5					/* ms until it is looked again who has ended */

Name *
name_make(const char *host)
{
	Name	   *name = allot(sizeof(Name));

	name->host = copy_of(host);
	name->request.ar_name = name->host;
	return name;
}

/*
 * What a resolver gave; an address that was there before is forgotten. Without
 * an answer all stays.
 */
static void
take_answer(Name *name)
{
	char		text[INET6_ADDRSTRLEN];

	if (name->request.ar_result == NULL)
		return;
	keys_clear(&name->addresses);
	for (struct addrinfo *info = name->request.ar_result; info != NULL; info =
		 info->ai_next)
	{
		const void *address = info->ai_family == AF_INET ?
			(const void *) &((struct sockaddr_in *) info->ai_addr)->sin_addr :
			(const void *) &((struct sockaddr_in6 *) info->ai_addr)->sin6_addr;

		if (inet_ntop(info->ai_family, address, text, sizeof(text)) != NULL &&
			!keys_have(&name->addresses, text))
			keys_add(&name->addresses, text, strlen(text));
	}
	freeaddrinfo(name->request.ar_result);
	name->request.ar_result = NULL;
	name->is_known |= name->addresses.count > 0;
}

static void
take_answers(Resolver *resolver)
{
	int			count = 0;

	for (int i = 0; i < resolver->count; i++)
		if (gai_error(&resolver->running[i]->request) == EAI_INPROGRESS)
			resolver->running[count++] = resolver->running[i];
		else
			take_answer(resolver->running[i]);
	resolver->count = count;
}

static bool
is_running(const Resolver *resolver, const Name *name)
{
	for (int i = 0; i < resolver->count; i++)
		if (resolver->running[i] == name)
			return true;
	return false;
}

/* The last two labels, which mostly are what somebody can register. */
static size_t
find_domain(const char *host, const char **domain)
{
	size_t		length = strlen(host);
	int			dots = 0;

	if (length > 0 && host[length - 1] == '.')
		length--;
	*domain = host + length;
	while (*domain > host && ((*domain)[-1] != '.' || ++dots < 2))
		(*domain)--;
	return host + length - *domain;
}

static bool
share_domain(const Name *a, const Name *b)
{
	const char *domain;
	const char *other;
	size_t		length = find_domain(a->host, &domain);

	return find_domain(b->host, &other) == length &&
		strncasecmp(domain, other, length) == 0;
}

/* Whether a name may begin, if its domain has less than its share so far. */
static bool
has_room(const Resolver *resolver, const Name *name, int share)
{
	int			of_kind = 0;
	int			of_domain = 0;

	for (int i = 0; i < resolver->count; i++)
		if (resolver->running[i]->is_known == name->is_known)
		{
			of_kind++;
			of_domain += share_domain(resolver->running[i], name);
		}
	return name->is_known ? of_kind < ROOM_KNOWN :
		of_kind < ROOM_NEW && of_domain < share;
}

static void
start(Resolver *resolver, Name *name)
{
	struct gaicb *requests[] = {&name->request};

	name->is_waited_for = name->is_known || !name->was_asked;
	name->was_asked = true;
	name->asked_at = now();
	if (getaddrinfo_a(GAI_NOWAIT, requests, 1, NULL) == 0)
		resolver->running[resolver->count++] = name;
}

/* Starts those that there is room for; the others keep their order. */
static void
start_new(Resolver *resolver, int share)
{
	Due		   *due = &resolver->fresh;
	int			count = 0;

	for (int i = 0; i < due->count; i++)
		if (!has_room(resolver, due->names[i], share))
			due->names[count++] = due->names[i];
		else
		{
			due->names[i]->is_due = false;
			start(resolver, due->names[i]);
		}
	due->count = count;
}

/* They are many, and share room with no others. Returns how many began. */
static int
start_known(Resolver *resolver, int begun)
{
	const Due  *due = &resolver->known;

	for (; begun < due->count && has_room(resolver, due->names[begun], 0);
		 begun++)
	{
		due->names[begun]->is_due = false;
		start(resolver, due->names[begun]);
	}
	return begun;
}

static bool
has_first(const Due *due)
{
	for (int i = 0; i < due->count; i++)
		if (!due->names[i]->was_asked)
			return true;
	return false;
}

static bool
is_any_waited_for(const Resolver *resolver)
{
	for (int i = 0; i < resolver->count; i++)
		if (resolver->running[i]->is_waited_for)
			return true;
	return false;
}

/*
 * gai_suspend() was rejected. In glibc it may return while a lookup that has
 * just ended still has to tell it so, on the stack that it has left: names
 * whose servers choose their moment could write there.
 */
static void
wait_a_step(void)
{
	const struct timespec step = {.tv_nsec = STEP * 1000000};

	nanosleep(&step, NULL);
}

static void
forget_due(Due *due)
{
	for (int i = 0; i < due->count; i++)
		due->names[i]->is_due = false;
	free(due->names);
	*due = (Due) {0};
}

/* Adds a name to the next round, unless it was looked up a short time ago. */
void
resolver_add(Resolver *resolver, Name *name)
{
	Due		   *due = name->is_known ? &resolver->known : &resolver->fresh;

	if (name->is_due || is_running(resolver, name) ||
		(name->was_asked && name->asked_at + AGAIN > now()))
		return;
	name->is_due = true;
	due->names = allot_more(due->names, (due->count + 1) * sizeof(Name *));
	due->names[due->count++] = name;
}

/*
 * Looks up what was added, until then. Those that had no turn are to be added
 * again; those that still run go on.
 */
void
resolver_run(Resolver *resolver, int64_t until)
{
	int			begun = 0;

	for (int i = 0; i < resolver->count; i++)
		resolver->running[i]->is_waited_for = false;
	for (;;)
	{
		take_answers(resolver);
		begun = start_known(resolver, begun);
		for (int share = 1; share <= ROOM_DOMAIN; share++)
			start_new(resolver, share);
		if (now() >= until || (!is_any_waited_for(resolver) &&
							   begun == resolver->known.count &&
							   !has_first(&resolver->fresh)))
			break;
		wait_a_step();
	}
	resolver->is_behind = has_first(&resolver->fresh);
	for (int i = 0; i < resolver->count; i++)
		resolver->is_behind |= resolver->running[i]->is_waited_for &&
			!resolver->running[i]->is_known;
	forget_due(&resolver->known);
	forget_due(&resolver->fresh);
}
