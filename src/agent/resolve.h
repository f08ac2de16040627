/*
 * resolve.h
 *	  Addresses of names, looked up at the same time.
 */
#ifndef AGENT_RESOLVE_H
#define AGENT_RESOLVE_H

#include <netdb.h>

#include "agent/lines.h"

/*
 * What runs at once. The C library has 20 threads for it, and what is beyond
 * that waits for any of them. So names that have an address leave room for
 * those that have none so far, and those of one domain for those of others.
 */
#define ROOM_KNOWN 8
#define ROOM_NEW 12
#define ROOM_DOMAIN 4			/* of the room for new names */

typedef struct Name
{
	char	   *host;			/* the first member, which is compared */
	struct gaicb request;
	bool		is_known;		/* it led to an address, or was allowed */
	bool		is_due;			/* waits for its turn */
	bool		is_waited_for;	/* runs, and holds the round up */
	bool		was_asked;
	int64_t		asked_at;
	Keys		addresses;		/* that it led to last */
} Name;

/* Names that wait for their turn, in the order in which they came. */
typedef struct Due
{
	int			count;
	Name	  **names;
} Due;

typedef struct Resolver
{
	int			count;			/* of those that run */
	Name	   *running[ROOM_KNOWN + ROOM_NEW];
	Due			known;
	Due			fresh;
	bool		is_behind;		/* a name's first lookup is not at its end */
} Resolver;

extern Name *name_make(const char *host);
extern void resolver_add(Resolver *resolver, Name *name);
extern void resolver_run(Resolver *resolver, int64_t until);

#endif
