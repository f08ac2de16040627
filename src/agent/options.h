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
	char	   *report;			/* where reports go, NULL: to the registry */
	char	   *folder;			/* where the files go */
	char	   *report_every;	/* in seconds */
	int64_t		report_pause;	/* the same as a time */
	char	   *name;			/* as a consumer of the change feed */
	char	   *region;			/* which databases: NULL for all */
	char	   *cloud;
	char	   *project;		/* the only one, with host routing */
	char	   *ssl_mode;		/* of the PgBouncer in front */
	char	   *socket_folder;	/* of those behind it, NULL for none */
	char	   *common;			/* what all of them include */
	char	   *registry_entry; /* and have as pgbeam_registry */
	char	   *authorities;	/* a file with their certificates */
	char	   *dns_server;		/* for TXT records, NULL: as the resolver */
	char	   *accepted;		/* the version of PgBouncer that is mended */
} Options;

extern void read_options(Options *options, int count, char **words);
extern bool reread_options(Options *options);

#endif
