/*
 * regions.h
 *	  The published regions.
 */
#ifndef PB_REGIONS_H
#define PB_REGIONS_H

#include "auth/request.h"

extern void pb_regions_list(const PbRequest *request, PbReply *reply);

#endif							/* PB_REGIONS_H */
