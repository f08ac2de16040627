/*
 * connection.h
 *	  Connection tests: a data plane's last report on whether an upstream can
 *	  be reached.
 */
#ifndef PB_CONNECTION_H
#define PB_CONNECTION_H

#include "auth/request.h"
#include "fields/field.h"

/* A data plane's report; NULL: it does not say. */
typedef struct PbReport
{
	bool		ok;
	const double *latency_ms;
	const char *error;
	const char *server_version;
} PbReport;

extern const PbResource pb_connection_test;

extern void pb_connection_test_run(const PbRequest *request, PbReply *reply);
extern void pb_connection_report(const char *id, const PbReport *report,
								 PbFaults *faults);

#endif							/* PB_CONNECTION_H */
