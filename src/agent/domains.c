/*
 * domains.c
 *	  The TXT records of the custom domains that wait to be proved.
 *
 * The registry says which names are claimed, and hears what their records say;
 * whether that proves a name is for the registry to judge. Few are asked for
 * at once, while the loop goes on. One whose owner is slow to write the record
 * is asked for again later each time, so that nobody is flooded.
 *
 * What cannot be found out is not reported: what was known stays.
 */
#include <stdlib.h>
#include <string.h>

#include "agent/domains.h"

#define LIST_EVERY (30 * SECOND)
#define PAUSE_MIN (5 * SECOND)
#define PAUSE_MAX (5 * MINUTE)
#define CLAIMS_MAX "100000"
#define UNHEARD_MAX 3			/* in a row: no fault of the names */

/* A registry of an older version has no list of them. */
static const char has_claims[] =
	"SELECT pg_catalog.to_regprocedure('pgbeam.claimed_domains()') IS NOT NULL";

/* Names are ASCII: in this order strcmp() finds them. */
static const char get_claims[] =
	"SELECT d FROM pgbeam.claimed_domains() AS d ORDER BY d COLLATE \"C\" "
	"LIMIT " CLAIMS_MAX;

/* One that is proved or gone by now is no failure. */
static const char tell_proofs[] =
	"SELECT pgbeam.report_domain(d, $2) FROM pgbeam.claimed_domains() AS d "
	"WHERE d OPERATOR(pg_catalog.=) $1";

void
domains_set_up(Domains *domains, const Options *options)
{
	memset(domains, 0, sizeof(*domains));
	domains->options = options;
	domains->trouble.place = "names of domains";
}

static void
clear_claims(Claim *claims, int count)
{
	for (int i = 0; i < count; i++)
		free(claims[i].name);
	free(claims);
}

void
domains_take_down(Domains *domains)
{
	for (int i = 0; i < LOOKUPS; i++)
		lookup_end(&domains->running[i]);
	clear_claims(domains->claims, domains->count);
	domains->claims = NULL;
	domains->count = 0;
}

/* A claim is new or gone: the list is asked for at once. */
void
domains_want(Domains *domains)
{
	domains->list_at = 0;
}

static int
compare_claims(const void *a, const void *b)
{
	return strcmp(((const Claim *) a)->name, ((const Claim *) b)->name);
}

static Claim *
find_claim(Domains *domains, const char *name)
{
	const Claim wanted = {.name = (char *) name};

	return domains->count == 0 ? NULL :
		bsearch(&wanted, domains->claims, domains->count, sizeof(Claim),
				compare_claims);
}

/* Those that are claimed now; one that was known keeps what it has. */
static void
take_claims(Domains *domains, PGresult *result)
{
	int			count = PQntuples(result);
	Claim	   *claims = allot(count * sizeof(Claim));

	for (int row = 0; row < count; row++)
	{
		Claim	   *known = find_claim(domains, PQgetvalue(result, row, 0));

		claims[row] = known != NULL ? *known : (Claim) {.is_found = true};
		claims[row].name = copy_of(PQgetvalue(result, row, 0));
	}
	clear_claims(domains->claims, domains->count);
	domains->claims = claims;
	domains->count = count;
}

static bool
knows_claims(Registry *registry)
{
	PGresult   *result = link_run(&registry->link, has_claims, 0, NULL);
	bool		knows = result != NULL && *PQgetvalue(result, 0, 0) == 't';

	PQclear(result);
	return knows;
}

/* The operator may have changed the resolver's configuration meanwhile. */
static bool
find_servers(Domains *domains)
{
	Servers		servers;
	bool		found = domains->options->dns_server != NULL ?
		servers_read(&servers, domains->options->dns_server) :
		servers_find(&servers);

	if (found)
		domains->servers = servers;
	return domains->servers.count > 0;
}

static bool
is_wanted(const Domains *domains)
{
	return domains->options->dns_server == NULL ||
		strcmp(domains->options->dns_server, SERVER_NONE) != 0;
}

static void
ask_claims(Domains *domains, Registry *registry)
{
	PGresult   *result = link_run(&registry->link, get_claims, 0, NULL);

	if (result != NULL)
		take_claims(domains, result);
	PQclear(result);
}

static void
list_claims(Domains *domains, Registry *registry)
{
	domains->list_at = now() + LIST_EVERY;
	if (registry->link.conn == NULL)
		domains->list_at = now() + SECOND;
	else if (is_wanted(domains) && find_servers(domains) &&
			 knows_claims(registry))
		ask_claims(domains, registry);
}

/*
 * Proofs are reported each time: another project may have claimed the name
 * since. That there are none is told once. False if the registry did not hear.
 */
static bool
tell(Claim *claim, Registry *registry, const char *proofs)
{
	const char *values[] = {claim->name, proofs};
	PGresult   *result;

	if (proofs == NULL && !claim->is_found)
		return true;
	result = link_run(&registry->link, tell_proofs, 2, values);
	if (result == NULL)
		return false;
	claim->is_found = proofs != NULL;
	PQclear(result);
	return true;
}

/* The servers of a name may be silent, and then the resolver often is. */
static void
count_unheard(Domains *domains, LookupState state)
{
	if (state != LOOKUP_UNHEARD)
	{
		domains->unheard = 0;
		well(&domains->trouble);
	}
	else if (++domains->unheard == UNHEARD_MAX)
		trouble(&domains->trouble, "the resolver does not answer");
}

static void
end_lookup(Domains *domains, Lookup *lookup, LookupState state,
		   const char *proofs, Registry *registry)
{
	Claim	   *claim = find_claim(domains, lookup->name);

	count_unheard(domains, state);
	if (claim != NULL)
	{
		claim->is_asked = false;
		claim->pause = claim->pause == 0 ? PAUSE_MIN :
			earlier(2 * claim->pause, PAUSE_MAX);
		if (state == LOOKUP_ANSWERED && !tell(claim, registry, proofs))
			claim->pause = PAUSE_MIN;
		claim->ask_at = now() + claim->pause;
	}
	lookup_end(lookup);
}

static void
go_on(Domains *domains, Lookup *lookup, Registry *registry)
{
	char	   *proofs;
	LookupState state = lookup_go_on(lookup, &proofs);

	if (state != LOOKUP_WAITS)
		end_lookup(domains, lookup, state, proofs, registry);
	free(proofs);
}

/* The one that has waited longest, or NULL. */
static Claim *
next_claim(Domains *domains)
{
	Claim	   *next = NULL;

	for (int i = 0; i < domains->count; i++)
	{
		Claim	   *claim = &domains->claims[i];

		if (!claim->is_asked && (next == NULL || claim->ask_at < next->ask_at))
			next = claim;
	}
	return next;
}

/* Asks for the next one; false if none is due. */
static bool
begin(Domains *domains, Lookup *lookup, Registry *registry)
{
	Claim	   *claim = next_claim(domains);
	LookupState state;

	if (claim == NULL || claim->ask_at > now())
		return false;
	claim->is_asked = true;
	state = lookup_begin(lookup, &domains->servers, claim->name);
	if (state != LOOKUP_WAITS)
		end_lookup(domains, lookup, state, NULL, registry);
	return true;
}

/* Does what can be done now. The registry is one that takes reports. */
void
domains_run(Domains *domains, Registry *registry)
{
	bool		is_due = true;

	if (domains->list_at <= now())
		list_claims(domains, registry);
	for (int i = 0; i < LOOKUPS; i++)
	{
		Lookup	   *lookup = &domains->running[i];

		if (lookup->name != NULL)
			go_on(domains, lookup, registry);
		if (lookup->name == NULL && is_due)
			is_due = begin(domains, lookup, registry);
	}
}

/* Adds what is waited for, at most LOOKUPS. */
int
domains_sockets(const Domains *domains, struct pollfd *sockets)
{
	int			count = 0;

	for (int i = 0; i < LOOKUPS; i++)
		if (domains->running[i].name != NULL)
			sockets[count++] = (struct pollfd) {
				.fd = domains->running[i].socket,
				.events = domains->running[i].events
			};
	return count;
}

/* When there is something to do, whatever the sockets say. */
int64_t
domains_until(const Domains *domains)
{
	int64_t		until = domains->list_at;
	bool		is_full = true;

	for (int i = 0; i < LOOKUPS; i++)
	{
		is_full &= domains->running[i].name != NULL;
		if (domains->running[i].name != NULL)
			until = earlier(until, domains->running[i].until);
	}
	if (is_full)
		return until;
	for (int i = 0; i < domains->count; i++)
		if (!domains->claims[i].is_asked)
			until = earlier(until, domains->claims[i].ask_at);
	return until;
}
