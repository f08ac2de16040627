/*
 * names.h
 *	  Where the names of upstreams lead, and lines that lead where none may.
 */
#ifndef AGENT_NAMES_H
#define AGENT_NAMES_H

#include "agent/registry.h"
#include "agent/resolve.h"

/* Names that were looked up before. */
typedef struct Names
{
	void	   *tree;
	Resolver	resolver;
	Keys		told;			/* databases that are left out */
	Keys		left;			/* that are left out by this round */
	Keys		mended;			/* that were, and no longer are */
	bool		is_waiting;		/* for an address of a new one */
} Names;

extern bool names_knows(Names *names, const char *host);
extern char *names_address(Names *names, const char *host);
extern bool address_judge(Registry *registry, const char *host,
						  const char *address, char **problem);
extern void names_recall(Names *names, const Files *files);
extern bool names_guard(Names *names, Registry *registry, Files *files);

#endif
