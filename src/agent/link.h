/*
 * link.h
 *	  A connection to a server that is made, used and lost, with time limits.
 */
#ifndef AGENT_LINK_H
#define AGENT_LINK_H

#include "libpq-fe.h"

#include "agent/base.h"
#include "agent/log.h"

typedef struct Link
{
	char	   *conninfo;
	PGconn	   *conn;			/* NULL while there is none */
	Trouble		trouble;
	char		state[6];		/* SQLSTATE of the last failure, or empty */
	int64_t		retry_at;		/* no sooner is it made again */
	int64_t		pause;			/* after the next failure */
} Link;

extern void link_set_up(Link *link, const char *place, char *conninfo);
extern bool link_open(Link *link);
extern void link_close(Link *link);
extern void link_back_off(Link *link);
extern void link_rest(Link *link);
extern PGresult *link_run(Link *link, const char *command, int count,
						  const char *const *values);
extern bool link_is_lost(Link *link);
extern char *conninfo_with(const char *conninfo, const char *defaults);

#endif
