/*
 * rate.h
 *	  How many requests a caller may make: token buckets in shared memory.
 *
 * It keeps its table in the server's shared memory, and nothing in memory
 * contexts.
 */
#ifndef PB_RATE_H
#define PB_RATE_H

/* What a bucket is for. */
typedef enum PbMeter
{
	PB_PER_CALLER,
	PB_PER_ADDRESS,
	PB_METERS
} PbMeter;

/* What a caller has left; all zero where no limit is set. */
typedef struct PbBudget
{
	int			burst;			/* requests that a full bucket has */
	int			remaining;		/* that it has now */
	int			window;			/* seconds in which an empty one fills */
	int			full_in;		/* seconds until it is full */
	int			next_in;		/* seconds until it has one; 0: now */
} PbBudget;

extern void pb_rate_define_settings(void);
extern bool pb_rate_is_on(void);
extern const char *pb_rate_address_header(void);
extern bool pb_rate_take(PbMeter meter, const char *kind, const char *id,
						 int id_length, PbBudget *budget);

#endif							/* PB_RATE_H */
