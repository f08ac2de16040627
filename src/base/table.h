/*
 * table.h
 *	  What is known of one of our tables: in which ways it can be written.
 */
#ifndef PB_TABLE_H
#define PB_TABLE_H

#include "utils/relcache.h"

#include "base/result.h"

typedef struct PbTable
{
	const char *name;			/* qualified */
	const PbColumn *columns;	/* of the values of a row; those without a
								 * name are not stored */
	int			count;
	const char *unique;			/* the index that tells whether another row
								 * has a value; or NULL */
	const char *check;			/* the function whose work in a CHECK callers
								 * do, qualified; or NULL */
	const char *parent;			/* the table that its foreign key leads to,
								 * qualified; or NULL */
	const char *parent_id;		/* by org_id and this column */
	/* what the last look at it found; the columns have room beside them */
	AttrNumber *numbers;
	uint64		known_at;
	Oid			id;
	Oid			unique_id;
	bool		stores_as_given;
	bool		takes_rows;
	bool		runs_code;
} PbTable;

extern Relation pb_table_open(PbTable *table);
extern bool pb_table_stores_as_given(PbTable *table);
extern bool pb_table_takes_rows(PbTable *table);
extern bool pb_table_runs_code(PbTable *table);

#endif							/* PB_TABLE_H */
