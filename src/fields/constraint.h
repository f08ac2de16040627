/*
 * constraint.h
 *	  The field table as the CHECK of its table.
 */
#ifndef PB_CONSTRAINT_H
#define PB_CONSTRAINT_H

#include "access/htup.h"

#include "fields/field.h"

extern void pb_constraint_require(const PbRow *row);
extern void pb_constraint_check(const PbResource *resource,
								HeapTupleHeader stored);

#endif							/* PB_CONSTRAINT_H */
