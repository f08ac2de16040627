/*
 * trafficreport.h
 *	  Traffic reports: what proxies have counted becomes metrics and usage.
 */
#ifndef PB_TRAFFICREPORT_H
#define PB_TRAFFICREPORT_H

#include "fields/field.h"

extern int64 pb_traffic_report_store(const PbJson *report, PbFaults *faults);

#endif							/* PB_TRAFFICREPORT_H */
