/*
 * mark.h
 *	  Marks: what few rows of a resource have, and many are searched by.
 */
#ifndef PB_MARK_H
#define PB_MARK_H

#include "fields/field.h"

/* Marks that a row has at most. */
#define PB_MARKS_MAX 16

extern void pb_mark_row(const PbRow *row, const char *const *marks, int count,
						bool is_new);

#endif							/* PB_MARK_H */
