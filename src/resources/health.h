/*
 * health.h
 *	  Tells whether the service is working, and which version it is.
 */
#ifndef PB_HEALTH_H
#define PB_HEALTH_H

#include "auth/request.h"

extern const PbResource pb_health;

extern void pb_health_get(const PbRequest *request, PbReply *reply);

#endif							/* PB_HEALTH_H */
