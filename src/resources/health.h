/*
 * health.h
 *	  Whether the service is fit for work, and what it is.
 */
#ifndef PB_HEALTH_H
#define PB_HEALTH_H

#include "auth/request.h"

extern const PbResource pb_health;

extern void pb_health_get(const PbRequest *request, PbReply *reply);

#endif							/* PB_HEALTH_H */
