/*
 * feed.h
 *	  The change feed as it is read: behind a token, and what holds it back.
 *
 * Memory contexts: it keeps none. Rows that were read are in SPI's.
 */
#ifndef PB_FEED_H
#define PB_FEED_H

#include "datatype/timestamp.h"

#include "base/fault.h"

/* The oldest running transaction, which changes wait for. */
typedef struct PbFeedHold
{
	TimestampTz waiting_since;	/* the first change that waits */
	bool		is_long;		/* longer than our own transactions run */
	TimestampTz held_since;		/* 0: unknown */
	int			pid;			/* 0: a prepared transaction, or unknown */
	const char *prepared;		/* its name, or NULL */
} PbFeedHold;

extern bool pb_feed_read(const char *after, int32 max_rows,
						 PbFaults *faults);
extern bool pb_feed_is_held(PbFeedHold *hold);

#endif							/* PB_FEED_H */
