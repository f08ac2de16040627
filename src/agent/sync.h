/*
 * sync.h
 *	  The files on disk, as the registry wants them.
 */
#ifndef AGENT_SYNC_H
#define AGENT_SYNC_H

#include "agent/proxy.h"
#include "agent/registry.h"

#define PROXIES 7				/* one in front, and one for each ssl_mode */

typedef struct Sync
{
	const Options *options;
	Proxy		proxies[PROXIES];	/* the first is in front */
	Trouble		disk;
	Trouble		unfit;
	Trouble		unfit_rules;
	Keys		unfit_lines;	/* keys, by the last call */
	Keys		unfit_hba;		/* and lines of HBA files */
	char	   *left_out;		/* what was told of databases not served */
	int			changed;		/* databases, by the last call */
} Sync;

extern void sync_set_up(Sync *sync, const Options *options);
extern bool sync_recall(Sync *sync);
extern void sync_found(const Sync *sync, Files *files);
extern bool sync_write(Sync *sync, Files *files);
extern int	sync_compare(Sync *sync, Files *files);

#endif
