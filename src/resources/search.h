/*
 * search.h
 *	  Reads and counts the rows of a list that its filters leave.
 */
#ifndef PB_SEARCH_H
#define PB_SEARCH_H

#include "resources/page.h"

extern int	pb_search_read(const PbResource *resource, const PbPage *page,
						   Datum org_id, Datum parent_id, PbRow **rows,
						   Datum *walked);
extern int64 pb_search_count(const PbResource *resource, const PbPage *page,
							 Datum org_id, int64 (*count_all) (Datum org_id));

#endif							/* PB_SEARCH_H */
