/*
 * trafficrows.h
 *	  Writes what a traffic report adds.
 */
#ifndef PB_TRAFFICROWS_H
#define PB_TRAFFICROWS_H

#include "plane/trafficentry.h"

extern Datum pb_traffic_array(const Datum *values, bool *nulls, int count,
							  Oid type);
extern TimestampTz pb_traffic_begin_of(TimestampTz time, int64 unit);
extern int	pb_traffic_compare_places(const void *a, const void *b);
extern void pb_traffic_write_totals(const PbTrafficEntry *entries, int count,
									const PbTrafficReport *report);
extern void pb_traffic_write_connections(const PbTrafficEntry *entries,
										 int count,
										 const PbTrafficReport *report);
extern int	pb_traffic_write_sums(const PbTrafficEntry *entries, int count,
								  const PbTrafficReport *report);

#endif							/* PB_TRAFFICROWS_H */
