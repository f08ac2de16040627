/*
 * traffic.h
 *	  What data planes have counted: the tables, and how long rows stay.
 */
#ifndef PB_TRAFFIC_H
#define PB_TRAFFIC_H

#include "datatype/timestamp.h"

#include "fields/field.h"

/* The counters of a report, each of which only grows. */
typedef enum PbCounter
{
	PB_QUERIES,
	PB_TRANSACTIONS,
	PB_QUERY_TIME,
	PB_WAIT_TIME,
	PB_ASSIGNMENTS,
	PB_BYTES_RECEIVED,
	PB_BYTES_SENT,
	PB_COUNTERS
} PbCounter;

/* Their fields, which are those of an entry of a report too. */
#define PB_COUNTER_FIELDS(flags_, ats_) \
	{ \
		.name = "queries", .kind = PB_LONG, .flags = flags_, \
		.at = ats_ + PB_QUERIES, \
		.about = "Queries that were answered." \
	}, \
	{ \
		.name = "transactions", .kind = PB_LONG, .flags = flags_, \
		.at = ats_ + PB_TRANSACTIONS, \
		.about = "Transactions that were answered." \
	}, \
	{ \
		.name = "query_time_us", .kind = PB_LONG, .flags = flags_, \
		.at = ats_ + PB_QUERY_TIME, \
		.about = "Microseconds for which the upstream worked on queries." \
	}, \
	{ \
		.name = "wait_time_us", .kind = PB_LONG, .flags = flags_, \
		.at = ats_ + PB_WAIT_TIME, \
		.about = "Microseconds for which clients waited for a connection to the upstream." \
	}, \
	{ \
		.name = "assignments", .kind = PB_LONG, .flags = flags_, \
		.at = ats_ + PB_ASSIGNMENTS, \
		.about = "How often a client was given a connection to the upstream." \
	}, \
	{ \
		.name = "bytes_received", .kind = PB_LONG, .flags = flags_, \
		.at = ats_ + PB_BYTES_RECEIVED, \
		.about = "Bytes that came from clients." \
	}, \
	{ \
		.name = "bytes_sent", .kind = PB_LONG, .flags = flags_, \
		.at = ats_ + PB_BYTES_SENT, \
		.about = "Bytes that went to clients." \
	}

/* Who reports, and for which region. */
#define PB_SOURCE \
	.name = "source", .kind = PB_TEXT, .least = 1, .most = 255, \
	.rule = pb_text_control_problem, .pattern = PB_CONTROL_PATTERN, \
	.about = "The proxy that reports, by a name that no other one has."

#define PB_REGION_MAX 255

#define PB_REGION \
	.name = "region", .kind = PB_TEXT, .least = 1, .most = PB_REGION_MAX, \
	.rule = pb_text_control_problem, .pattern = PB_CONTROL_PATTERN, \
	.about = "The region of that proxy."

extern const PbResource pb_traffic_source;
extern const PbResource pb_traffic_total;
extern const PbResource pb_traffic_connection;
extern const PbResource pb_traffic_minute;
extern const PbResource pb_traffic_day;
extern const PbResource pb_traffic_org_day;

extern void pb_traffic_define_settings(void);
extern void pb_traffic_sweep(int written);
extern int64 pb_traffic_purge(int most);

#endif							/* PB_TRAFFIC_H */
