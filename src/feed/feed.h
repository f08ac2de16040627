/*
 * feed.h
 *	  The change feed as it is read: behind a token, and what holds it back.
 *
 * Memory contexts: it keeps none. Rows that were read are in SPI's.
 */
#ifndef PB_FEED_H
#define PB_FEED_H

#include "access/transam.h"
#include "datatype/timestamp.h"
#include "utils/uuid.h"

#include "base/fault.h"

/* the digits of a transaction id, a dot, and a UUID */
#define PB_FEED_TOKEN_MAX 57

/* Where a change stands in the feed. A token is the printed form. */
typedef struct PbFeedPlace
{
	FullTransactionId xid;
	pg_uuid_t	id;
} PbFeedPlace;

/* What is behind a place, shown to readers or not. */
typedef struct PbFeedLag
{
	int64		rows;
	TimestampTz since;			/* the earliest time of these; 0: none */
} PbFeedLag;

/* The oldest running transaction, which changes wait for. */
typedef struct PbFeedHold
{
	TimestampTz waiting_since;	/* the first change that waits */
	bool		is_long;		/* longer than our own transactions run */
	TimestampTz held_since;		/* 0: unknown */
	int			pid;			/* 0: a prepared transaction, or unknown */
	const char *prepared;		/* its name, or NULL */
} PbFeedHold;

extern bool pb_feed_place(const char *token, PbFeedPlace *place);
extern const char *pb_feed_token_problem(const char *text, size_t length);
extern int	pb_feed_compare(const PbFeedPlace *a, const PbFeedPlace *b);
extern void pb_feed_require_readable(const char *token,
									 const PbFeedPlace *place);
pg_noreturn extern void pb_feed_refuse_swept(void);
extern const char *pb_feed_end(void);
extern bool pb_feed_has(const PbFeedPlace *place);
extern bool pb_feed_oldest(TimestampTz *changed_at);
extern void pb_feed_lag(const PbFeedPlace *place, PbFeedLag *lag);
extern bool pb_feed_read(const char *after, int32 max_rows,
						 PbFaults *faults);
extern bool pb_feed_is_held(PbFeedHold *hold);

#endif							/* PB_FEED_H */
