/*
 * statement.h
 *	  The statements that a resource's operations run, made from its fields.
 *	  They stand in the memory context pb_sql_memory().
 */
#ifndef PB_STATEMENT_H
#define PB_STATEMENT_H

#include "base/sql.h"
#include "base/table.h"
#include "fields/field.h"

#define PB_ORDERS_MAX 4

/*
 * A statement about one row begins with these arguments: org_id, id, and the
 * parent's id. It needs the last if an id is unique only below its parent.
 */
#define PB_KEY_ARGUMENTS 3

typedef struct PbStatements
{
	PbStatement insert;			/* a value for each leaf */
	PbStatement find[PB_LOCKED];	/* id, parent id or null */
	PbStatement find_in_one[PB_LOCKED]; /* the same, and org_id */
	PbStatement find_in_some[PB_LOCKED];	/* the same, and an array of
											 * several */
	PbStatement lists[PB_ORDERS_MAX];	/* org_id, parent id, after, limit */
	PbStatement lock;			/* the key; it gives no row where SQL derives
								 * values of it */
	PbStatement read[PB_LOCKED];	/* the key */
	PbStatement update;			/* a value for each leaf */
	PbStatement update_as_given;	/* the same, and it gives no row; there is
									 * none where SQL derives values of it */
	PbStatement is_taken;		/* the key, what is unique */
	PbStatement delete;			/* the key, now */
	PbStatement is_living;		/* the key */
	PbStatement delete_children;	/* org_id, parent id, now */
	PbStatement has_children;	/* org_id, parent id */
	PbStatement count_children; /* org_id, parent id, limit */
} PbStatements;

/*
 * SQL: a condition that hides a partial index: without statistics, the planner
 * would take it for a small one and choose it.
 */
#define PB_IS_LIVING "CASE WHEN deleted_at IS NULL THEN true ELSE false END"

extern void pb_statement_columns(StringInfo text, const PbShape *shape);
extern PbResult *pb_statement_results(const PbShape *shape);
extern bool pb_statement_derives_nothing(const PbResource *resource);
extern void pb_statement_sets(StringInfo text, const PbResource *resource,
							  const PbSet *sets);
extern PbStatements *pb_statements(const PbResource *resource);
extern PbTable *pb_stored(const PbResource *resource);

#endif							/* PB_STATEMENT_H */
