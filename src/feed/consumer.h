/*
 * consumer.h
 *	  Consumers of the change feed, whose places are kept in the database.
 *
 * Memory contexts: it keeps none. Rows that were read are in SPI's.
 */
#ifndef PB_CONSUMER_H
#define PB_CONSUMER_H

#include "feed/feed.h"
#include "fields/field.h"

typedef struct PbConsumer
{
	Datum		name;			/* text */
	const char *token;			/* NULL: none */
	PbFeedPlace place;			/* of the token, or before all changes */
	TimestampTz confirmed_at;	/* 0: never */
	int			pid;			/* the backend that has its turn; 0: none */
	bool		is_lost;		/* changes behind its place are gone */
} PbConsumer;

extern const PbResource pb_feed_consumer;

extern const char *pb_consumer_subscribe(const PbJson *members,
										 PbFaults *faults);
extern bool pb_consumer_next(const PbJson *members, int32 max_rows,
							 PbFaults *faults);
extern void pb_consumer_confirm(const PbJson *members, PbFaults *faults);
extern void pb_consumer_unsubscribe(const PbJson *members, PbFaults *faults);
extern int	pb_consumer_list(PbConsumer **consumers);
extern void pb_consumer_watch(PbConsumer *consumer);

/*
 * The name of a consumer that has not confirmed all changes of an
 * organization, or NULL.
 */
extern const char *pb_consumer_behind(Datum org_id);

#endif							/* PB_CONSUMER_H */
