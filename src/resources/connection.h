/*
 * connection.h
 *	  Whether an upstream can be reached: what a data plane reported last.
 */
#ifndef PB_CONNECTION_H
#define PB_CONNECTION_H

#include "auth/request.h"
#include "fields/field.h"

/* A data plane's report; NULL: not told. */
typedef struct PbReport
{
	bool		ok;
	const double *latency_ms;
	const char *error;
	const char *server_version;
} PbReport;

extern const PbResource pb_connection_test;

extern void pb_connection_show(StringInfo out, Datum org_id,
							   Datum database_id, TimestampTz changed_at);
extern void pb_connection_store(Datum org_id, Datum database_id,
								const PbReport *report, PbFaults *faults);
extern void pb_connection_forget(Datum org_id, Datum database_id);

#endif							/* PB_CONNECTION_H */
