/*
 * retention.h
 *	  Takes changes out of the feed that are older than what is kept.
 */
#ifndef PB_RETENTION_H
#define PB_RETENTION_H

#include "datatype/timestamp.h"

/* SQL: the order in which changes are read and swept. */
#define PB_CHANGE_ORDER \
	"xid USING OPERATOR(pg_catalog.<), id USING OPERATOR(pg_catalog.<)"

extern void pb_retention_sweep(TimestampTz now, int retention);

#endif							/* PB_RETENTION_H */
