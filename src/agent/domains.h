/*
 * domains.h
 *	  The TXT records of the custom domains that wait to be proved.
 */
#ifndef AGENT_DOMAINS_H
#define AGENT_DOMAINS_H

#include "agent/lookup.h"
#include "agent/registry.h"

#define LOOKUPS 16				/* at once */

/* A name that is claimed, and not yet proved. */
typedef struct Claim
{
	char	   *name;
	int64_t		ask_at;
	int64_t		pause;			/* before it is asked for again */
	bool		is_asked;		/* now */
	bool		is_found;		/* proofs were reported last, or nothing was */
} Claim;

typedef struct Domains
{
	const Options *options;
	int64_t		list_at;		/* the registry is asked what is claimed */
	int			count;
	Claim	   *claims;			/* by their names */
	Servers		servers;
	Lookup		running[LOOKUPS];
	int			unheard;		/* lookups in a row */
	Trouble		trouble;
} Domains;

extern void domains_set_up(Domains *domains, const Options *options);
extern void domains_take_down(Domains *domains);
extern void domains_want(Domains *domains);
extern void domains_run(Domains *domains, Registry *registry);
extern int	domains_sockets(const Domains *domains, struct pollfd *sockets);
extern int64_t domains_until(const Domains *domains);

#endif
