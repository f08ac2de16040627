/*
 * probe.h
 *	  Whether new and changed databases can be reached.
 */
#ifndef AGENT_PROBE_H
#define AGENT_PROBE_H

#include "libpq-fe.h"

#include "agent/event.h"
#include "agent/names.h"
#include "agent/registry.h"

#define PROBES 3				/* at once */

typedef struct Probe
{
	char	   *id;				/* NULL while there is none */
	PGconn	   *conn;
	char	   *password;		/* to be kept out of what is told */
	PostgresPollingStatusType wish;
	int64_t		began;
} Probe;

typedef struct Probes
{
	const Options *options;
	Keys		waiting;		/* ids of databases */
	Probe		running[PROBES];
} Probes;

extern void probes_want(Probes *probes, const Keys *databases);
extern void probes_take_down(Probes *probes);
extern void probes_run(Probes *probes, Registry *registry, Names *names);
extern int	probes_sockets(const Probes *probes, struct pollfd *sockets);
extern int64_t probes_until(const Probes *probes);

#endif
