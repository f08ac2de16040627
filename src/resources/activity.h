/*
 * activity.h
 *	  How many clients are connected to projects now, and lists by that.
 */
#ifndef PB_ACTIVITY_H
#define PB_ACTIVITY_H

#include "datatype/timestamp.h"

#include "resources/page.h"

/* Clients count for so long after the report that told of them. */
#define PB_ACTIVITY_AGE (3 * USECS_PER_MINUTE)

extern void pb_activity_read(Datum org_id, const Datum *projects, int count,
							 int32 *clients);
extern int	pb_activity_read_page(const PbResource *resource,
								  const PbPage *page, Datum org_id,
								  PbRow **rows, Datum *walked);

#endif							/* PB_ACTIVITY_H */
