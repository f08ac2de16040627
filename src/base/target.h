/*
 * target.h
 *	  A table that rows are written to without a statement: what inserts and
 *	  updates share.
 *
 * Memory contexts: what writing needs is in one of its own, and freed.
 */
#ifndef PB_TARGET_H
#define PB_TARGET_H

#include "access/tableam.h"
#include "nodes/execnodes.h"

#include "base/table.h"

typedef struct PbTarget
{
	const PbTable *table;
	Relation	relation;
	EState	   *estate;
	ResultRelInfo *result;
	List	   *arbiter;		/* the unique index that tells whether a new
								 * row is taken, if there is one */
} PbTarget;

extern void pb_target_begin(PbTarget *target, PbTable *table, CmdType command);
extern void pb_target_end(PbTarget *target);
extern TupleTableSlot *pb_target_slot(const PbTarget *target);
extern void pb_target_fill(const PbTarget *target, TupleTableSlot *slot,
						   const Datum *values, const char *nulls);
extern bool pb_target_index(const PbTarget *target, TupleTableSlot *slot,
							bool may_be_taken, List *asked);
extern void pb_target_index_again(const PbTarget *target,
								  TupleTableSlot *slot,
								  TU_UpdateIndexes indexes);

#endif							/* PB_TARGET_H */
