/*
 * pgbouncer.h
 *	  What a PgBouncer before the upstreams needs, as files: its databases and
 *	  its clients.
 */
#ifndef PB_PGBOUNCER_H
#define PB_PGBOUNCER_H

#include "fields/field.h"

/* the arguments of pgbeam.pgbouncer_files() */
#define PB_PGBOUNCER_ARGUMENTS 5

extern const PbResource pb_pgbouncer_arguments;

typedef void (*PbTakeFile) (void *state, const char *file,
							const StringInfo content);

extern void pb_pgbouncer_files(const PbJson *arguments, PbTakeFile take,
							   void *state, PbFaults *faults);

#endif							/* PB_PGBOUNCER_H */
