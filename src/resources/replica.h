/*
 * replica.h
 *	  Replicas: more servers of a database's upstream, for reads.
 */
#ifndef PB_REPLICA_H
#define PB_REPLICA_H

#include "fields/field.h"

extern const PbResource pb_replica;

extern void pb_replica_define_settings(void);

#endif							/* PB_REPLICA_H */
