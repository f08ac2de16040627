/*
 * seek.h
 *	  Finds rows by the index of a table, and removes them, without a
 *	  statement.
 *
 * Memory contexts: what a search needs is freed when it ends.
 */
#ifndef PB_SEEK_H
#define PB_SEEK_H

#include "base/table.h"

extern bool pb_seek(PbTable *table, const Datum *sought);
extern void pb_seek_remove(PbTable *table, const Datum *sought);

#endif							/* PB_SEEK_H */
