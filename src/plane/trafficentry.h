/*
 * trafficentry.h
 *	  A traffic report as it is read: its head, and its entries.
 */
#ifndef PB_TRAFFICENTRY_H
#define PB_TRAFFICENTRY_H

#include "utils/uuid.h"

#include "plane/traffic.h"

/* The fields of a report and of its entries, which have no table. */
extern const PbResource pb_traffic_report;
extern const PbResource pb_traffic_entry;

/* SQL: the columns of the counters. */
#define PB_COUNTER_COLUMNS \
	"queries, transactions, query_time_us, wait_time_us, assignments, " \
	"bytes_received, bytes_sent"

/* A report, and what was known of its source. */
typedef struct PbTrafficReport
{
	Datum		source;
	Datum		region;
	TimestampTz time;
	TimestampTz received_at;
	TimestampTz before;			/* of its last report */
	bool		is_first;
} PbTrafficReport;

/* What is added to a row of a minute or of a day. */
typedef struct PbTrafficSum
{
	int64		counters[PB_COUNTERS];
	int64		connection_ms;
	int64		p99_latency;	/* below 0: not known */
	int64		clients;
} PbTrafficSum;

typedef struct PbTrafficEntry
{
	pg_uuid_t	database;
	bool		of_replicas;
	int			place;			/* in the report */
	Datum		org_id;			/* 0: the database does not exist */
	Datum		project_id;
	int32		clients;
	int32		most_clients;
	int64		counters[PB_COUNTERS];
	bool		has_last;		/* it was reported before */
	bool		is_same;		/* as it was then, and without clients */
	TimestampTz last_at;		/* when, and what */
	int32		last_clients;
	int32		last_most;
	int64		last[PB_COUNTERS];
	PbTrafficSum added;
} PbTrafficEntry;

extern void pb_traffic_read_head(PbTrafficReport *report, const PbJson *json,
								 PbFaults *faults);
extern PbTrafficEntry *pb_traffic_read_entries(const PbJson *report,
											   int *count, PbFaults *faults);
extern int	pb_traffic_compare_keys(const void *a, const void *b);

#endif							/* PB_TRAFFICENTRY_H */
