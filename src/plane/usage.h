/*
 * usage.h
 *	  Metrics and usage, as the API shows them.
 */
#ifndef PB_USAGE_H
#define PB_USAGE_H

#include "auth/request.h"

extern const PbResource pb_metrics_snapshot;
extern const PbResource pb_metrics_parameters;
extern const PbResource pb_project_daily_usage;
extern const PbResource pb_daily_usage;
extern const PbResource pb_usage_parameters;

extern void pb_usage_metrics(const PbRequest *request, PbReply *reply);
extern void pb_usage_of_project(const PbRequest *request, PbReply *reply);
extern void pb_usage_of_organization(const PbRequest *request,
									 PbReply *reply);

#endif							/* PB_USAGE_H */
