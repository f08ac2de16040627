/*
 * report.h
 *	  What a PgBouncer has done, as the registry takes it.
 */
#ifndef AGENT_REPORT_H
#define AGENT_REPORT_H

#include "agent/proxy.h"
#include "agent/registry.h"

extern bool report_traffic(Registry *registry, Proxy *proxy);

#endif
