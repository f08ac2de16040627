/*
 * cacherule.h
 *	  Cache rules: whether the results of a query are cached, and for how long.
 */
#ifndef PB_CACHERULE_H
#define PB_CACHERULE_H

#include "fields/field.h"

#define PB_QUERY_HASH_LENGTH 16
#define PB_NORMALIZED_SQL_MAX 10000
#define PB_LATENCY_MAX 86400000 /* milliseconds: a day */

/* the fields that a rule shares with reports, except their flags */
#define PB_QUERY_HASH \
	.name = "query_hash", .kind = PB_TEXT, \
	.least = PB_QUERY_HASH_LENGTH, .most = PB_QUERY_HASH_LENGTH, \
	.rule = pb_query_hash_problem, .pattern = "^[a-f0-9]+$", \
	.about = "The hash of the normalized SQL: 16 hex digits that a data plane chooses."

#define PB_NORMALIZED_SQL \
	.name = "normalized_sql", .kind = PB_TEXT, .least = 1, .most = PB_NORMALIZED_SQL_MAX, \
	.about = "The query, with $1, $2 and so on in place of its literals."

#define PB_QUERY_TYPE \
	.name = "query_type", .kind = PB_WORD, .words = pb_query_types, \
	.about = "What the query does."

#define PB_CALL_COUNT \
	.name = "call_count", .kind = PB_LONG, .least = 1, \
	.about = "How often the query was executed."

#define PB_AVG_LATENCY \
	.name = "avg_latency_ms", .kind = PB_DOUBLE, .most = PB_LATENCY_MAX, \
	.about = "Milliseconds that an execution took on average."

#define PB_P95_LATENCY \
	.name = "p95_latency_ms", .kind = PB_DOUBLE, .most = PB_LATENCY_MAX, \
	.about = "Milliseconds within which 95 of 100 executions ended, as last reported."

#define PB_AVG_BYTES \
	.name = "avg_response_bytes", .kind = PB_LONG, \
	.about = "Bytes that a result had on average."

#define PB_STABILITY \
	.name = "stability_rate", .kind = PB_DOUBLE, .most = 1, \
	.about = "How seldom the result changes, from 0 to 1, as last reported."

extern const PbResource pb_cache_rule;

/* NULL-terminated */
extern const char *const pb_query_types[];

extern const char *pb_query_hash_problem(const char *text, size_t length);

#endif							/* PB_CACHERULE_H */
