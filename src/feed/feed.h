/*
 * feed.h
 *	  The change feed as it is read: behind a token, and what holds it back.
 */
#ifndef PB_FEED_H
#define PB_FEED_H

#include "datatype/timestamp.h"

#include "base/fault.h"

/* The oldest transaction that runs, for whose end changes wait. */
typedef struct PbFeedHold
{
	TimestampTz waiting_since;	/* the first change that waits */
	bool		is_long;		/* longer than transactions of ours run */
	TimestampTz held_since;		/* 0: unknown */
	int			pid;			/* 0: a prepared transaction, or unknown */
	const char *prepared;		/* its name, or NULL */
} PbFeedHold;

extern bool pb_feed_read(const char *after, int32 max_rows,
						 PbFaults *faults);
extern bool pb_feed_is_held(PbFeedHold *hold);

#endif							/* PB_FEED_H */
