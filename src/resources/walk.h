/*
 * walk.h
 *	  Reads a page of the rows that the filters of a list leave, along an index
 *	  and without a statement.
 */
#ifndef PB_WALK_H
#define PB_WALK_H

#include "resources/way.h"

extern bool pb_walk_may(const PbSearch *search, PbForm form);
extern int	pb_walk_read(PbSearch *search, PbRow **rows, Datum *walked);

#endif							/* PB_WALK_H */
