/*
 * insert.h
 *	  Inserts rows into a table that takes them without a statement.
 *
 * Memory contexts: what an insert needs is in one of its own, and freed.
 */
#ifndef PB_INSERT_H
#define PB_INSERT_H

#include "base/table.h"

/* Rows that are inserted at once at most. */
#define PB_INSERTED_MAX 16

extern bool pb_insert(PbTable *table, const Datum *values, const char *nulls,
					  int count);

#endif							/* PB_INSERT_H */
