/*
 * statement.h
 *	  The statements that a resource's operations run, made of its fields.
 */
#ifndef PB_STATEMENT_H
#define PB_STATEMENT_H

#include "base/sql.h"
#include "fields/field.h"

#define PB_ORDERS_MAX 4

typedef struct PbStatements
{
	PbStatement insert;
	PbStatement find[PB_LOCKED];	/* id, parent id or null */
	PbStatement find_in_sight[PB_LOCKED];	/* the same, and the caller's
											 * organization and user or null */
	PbStatement lists[PB_ORDERS_MAX];	/* org_id, parent id, after, limit */
	PbStatement lock;			/* org_id, id */
	PbStatement locked;			/* org_id, id */
	PbStatement update;			/* a value for each leaf */
	PbStatement is_taken;		/* org_id, id, what is unique */
	PbStatement delete;			/* org_id, id, now */
	PbStatement is_living;		/* org_id, id */
	PbStatement delete_children;	/* org_id, parent id, now */
	PbStatement has_living_children;	/* org_id, parent id */
	PbStatement count_children; /* org_id, parent id, limit */
} PbStatements;

extern PbStatements *pb_statements(const PbResource *resource);

#endif							/* PB_STATEMENT_H */
