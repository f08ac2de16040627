/*
 * main.c
 *	  pgbeam_agent: brings a PgBouncer the databases of a pgbeam registry.
 *
 * It follows what changes in the registry, writes the files that PgBouncer
 * includes, and has PgBouncer read them. Its parts build on each other in the
 * order of the Makefile; loop.c is the one to begin with.
 */
#include <stdlib.h>
#include <sys/stat.h>

#include "agent/event.h"
#include "agent/loop.h"

int
main(int count, char **words)
{
	static Options options;

	umask(077);
	/* By default a silent name server holds a thread for 10 seconds. */
	setenv("RES_OPTIONS", "timeout:1 attempts:2", 0);
	read_options(&options, count, words);
	catch_signals();
	return options.job == FOLLOW ? follow(&options) : run_once(&options);
}
