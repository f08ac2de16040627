/*
 * consumer.h
 *	  Consumers of the change feed, whose places are kept in the database.
 *
 * Memory contexts: it keeps none. Rows that were read are in SPI's.
 */
#ifndef PB_CONSUMER_H
#define PB_CONSUMER_H

#include "fields/field.h"

extern const PbResource pb_feed_consumer;

extern const char *pb_consumer_subscribe(const PbJson *members,
										 PbFaults *faults);
extern bool pb_consumer_next(const PbJson *members, int32 max_rows,
							 PbFaults *faults);
extern void pb_consumer_confirm(const PbJson *members, PbFaults *faults);
extern void pb_consumer_unsubscribe(const PbJson *members, PbFaults *faults);

/*
 * The name of a consumer that has not confirmed all changes of an
 * organization, or NULL.
 */
extern const char *pb_consumer_behind(Datum org_id);

#endif							/* PB_CONSUMER_H */
