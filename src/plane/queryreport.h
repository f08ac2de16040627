/*
 * queryreport.h
 *	  Query reports: what data planes observed of queries is added to the cache
 *	  rules.
 */
#ifndef PB_QUERYREPORT_H
#define PB_QUERYREPORT_H

#include "fields/field.h"

/* The fields of an entry of a report, which has no table. */
extern const PbResource pb_query_report;

extern int64 pb_query_report_store(const PbJson *report, PbFaults *faults);

#endif							/* PB_QUERYREPORT_H */
