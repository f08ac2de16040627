/*
 * replica.h
 *	  Replicas: further servers of a database's upstream, for reads.
 */
#ifndef PB_REPLICA_H
#define PB_REPLICA_H

#include "fields/field.h"

/* how a connection to an upstream is secured, as libpq has it */
extern const char *const pb_ssl_modes[];

extern const PbResource pb_replica;

extern void pb_replica_define_settings(void);

#endif							/* PB_REPLICA_H */
