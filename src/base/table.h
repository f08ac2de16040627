/*
 * table.h
 *	  What is known of one of our tables: in which ways it can be written.
 */
#ifndef PB_TABLE_H
#define PB_TABLE_H

#include "utils/relcache.h"

#include "base/result.h"

/* Columns that a table is searched by at most, and those of a unique index. */
#define PB_SOUGHT_MAX 3
#define PB_UNIQUE_MAX 2

typedef struct PbTable
{
	const char *name;			/* qualified */
	const PbColumn *columns;	/* of the values of a row; those without a
								 * name are not stored */
	int			count;
	const char *unique;			/* the index that tells whether another row
								 * has a value; or NULL */
	const char *unique_columns[PB_UNIQUE_MAX];	/* it has, or NULL */
	bool		unique_if_living;	/* among rows that are not deleted */
	const char *check;			/* the function whose work in a CHECK callers
								 * do, qualified; or NULL */
	const char *parent;			/* the table that its foreign key leads to,
								 * qualified; or NULL */
	const char *parent_id;		/* by org_id and this column */
	const char *sought[PB_SOUGHT_MAX];	/* columns that it is searched by */
	int			sought_count;
	/* what the last look at it found; the columns have room beside them */
	AttrNumber *numbers;
	uint64		known_at;
	Oid			id;
	Oid			unique_id;
	Oid			sought_id;		/* an index whose first columns are those, in
								 * any order; or invalid */
	AttrNumber	sought_numbers[PB_SOUGHT_MAX];
	bool		stores_as_given;
	bool		takes_rows;
	bool		runs_code;
	bool		has_triggers;	/* of any kind, also those of foreign keys */
} PbTable;

extern Relation pb_table_open(PbTable *table);
extern bool pb_table_stores_as_given(PbTable *table);
extern bool pb_table_takes_rows(PbTable *table);
extern bool pb_table_runs_code(PbTable *table);
extern bool pb_table_may_be_sought(PbTable *table);
extern bool pb_table_may_be_removed_from(PbTable *table);
extern int	pb_table_sought(const PbTable *table, AttrNumber column);

#endif							/* PB_TABLE_H */
