/*
 * options.h
 *	  What whoever runs the agent has set, on the command line or in a file.
 */
#ifndef AGENT_OPTIONS_H
#define AGENT_OPTIONS_H

#include "agent/base.h"

typedef enum Job
{
	FOLLOW,						/* what changes, without an end */
	ONCE,
	CHECK,
	PRINT
} Job;

typedef struct Options
{
	Job			job;
	char	   *registry;		/* conninfos */
	char	   *console;
	char	   *folder;			/* where the files go */
	char	   *name;			/* as a consumer of the change feed */
	char	   *region;			/* which databases: NULL for all */
	char	   *cloud;
	char	   *project;		/* the only one, with host routing */
	char	   *ssl_mode;		/* of the PgBouncer in front */
	char	   *socket_folder;	/* of those behind it, NULL for none */
	char	   *common;			/* what all of them include */
	char	   *registry_entry; /* and have as pgbeam_registry */
	char	   *accepted;		/* the version of PgBouncer that is mended */
} Options;

extern void read_options(Options *options, int count, char **words);
extern bool reread_options(Options *options);

#endif
