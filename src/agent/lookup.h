/*
 * lookup.h
 *	  Asking name servers for the TXT records of a name.
 */
#ifndef AGENT_LOOKUP_H
#define AGENT_LOOKUP_H

#include <sys/socket.h>

#include "agent/answer.h"
#include "agent/event.h"

#define SERVERS_MAX 3			/* as the resolver's configuration */
#define SERVER_NONE "none"		/* in the place of one: nobody is asked */

typedef struct Servers
{
	int			count;
	struct sockaddr_storage addresses[SERVERS_MAX];
} Servers;

typedef enum LookupState
{
	LOOKUP_WAITS,				/* for its socket, or for the end of a try */
	LOOKUP_ANSWERED,
	LOOKUP_FAILED,				/* no server knows */
	LOOKUP_UNHEARD				/* no server has said anything */
} LookupState;

typedef struct Lookup
{
	char	   *name;			/* of the domain; NULL while there is none */
	char	   *host;			/* where the records are */
	const Servers *servers;
	int			tries;
	int			socket;
	bool		is_stream;
	bool		is_heard;
	short		events;			/* that the socket is waited for */
	int64_t		until;			/* the end of this try */
	uint8_t		question[QUESTION_MAX];
	size_t		question_size;
	uint8_t    *answer;			/* with its size before it, by a stream */
	size_t		got;
} Lookup;

extern bool servers_find(Servers *servers);
extern bool servers_read(Servers *servers, const char *address);
extern LookupState lookup_begin(Lookup *lookup, const Servers *servers,
								const char *name);
extern LookupState lookup_go_on(Lookup *lookup, char **proofs);
extern void lookup_end(Lookup *lookup);

#endif
