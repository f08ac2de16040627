/*
 * lead.h
 *	  A lead: columns by which rows of a table are sought, and an index that
 *	  has them side by side.
 */
#ifndef PB_LEAD_H
#define PB_LEAD_H

#include "utils/relcache.h"

#include "base/compat.h"

/* Columns of a lead at most. */
#define PB_SOUGHT_MAX 3

/* A column of a table, as the extension made it. */
typedef struct PbStoredColumn
{
	const char *name;
	Oid			type;
	bool		may_be_null;
} PbStoredColumn;

typedef struct PbLead
{
	PbStoredColumn columns[PB_SOUGHT_MAX]; /* whose values are known */
	int			count;			/* of them; 0: there is no such lead */
	bool		to_living;		/* not to those that are deleted, where an
								 * index tells them apart; in an order it has
								 * to */
	PbStoredColumn then;		/* in whose order the rows are sought; without
								 * a name: in any */
	/* what the last look found */
	Oid			index;			/* its first columns are those, in any order,
								 * and then that one; or invalid */
	AttrNumber	numbers[PB_SOUGHT_MAX];
	bool		keeps_living;	/* it tells them apart by its next column */
	int			places[PB_SOUGHT_MAX];	/* of the index's columns among those
										 * of the lead */
	RegProcedure equals[PB_SOUGHT_MAX + 1];	/* what compares each, and the
											 * next one */
	RegProcedure before;		/* and in the order: < and > */
	RegProcedure behind;
} PbLead;

extern bool pb_lead_begins_with(Relation relation, Relation index,
								const AttrNumber *numbers, int count);
extern bool pb_lead_has_living(Relation relation, Relation index);
extern void pb_lead_find(PbLead *lead, Relation relation);

#endif							/* PB_LEAD_H */
