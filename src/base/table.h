/*
 * table.h
 *	  What is known of one of our tables: in which ways it can be written.
 */
#ifndef PB_TABLE_H
#define PB_TABLE_H

#include "storage/lockdefs.h"

#include "base/lead.h"

/* Columns of a unique index at most. */
#define PB_UNIQUE_MAX 2

/* Orders of a list that an index has. */
#define PB_LISTED_MAX 2

/* What rows a table is searched for. */
typedef enum PbLeading
{
	PB_TO_ONE,					/* the one with a key */
	PB_TO_ID,					/* the one with an id, of any organization */
	PB_BELOW,					/* those of a parent */
	PB_LIVING,					/* the same, where an index tells the deleted
								 * ones apart, without these */
	PB_ALONG,					/* those with a mark, in an order */
	PB_LISTED,					/* the living ones of a list, in its first
								 * order; in the next ones thereafter */
	PB_LEADINGS = PB_LISTED + PB_LISTED_MAX
} PbLeading;

typedef struct PbTable
{
	const char *name;			/* qualified */
	const PbStoredColumn *columns;	/* of the values of a row; those without a
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
	PbLead		leads[PB_LEADINGS];
	/* what the last look at it found; the columns have room beside them */
	AttrNumber *numbers;
	bool		is_known;		/* nothing was heard of the table since */
	bool		was_told;		/* of a change, while it was looked at */
	bool		is_listed;		/* among those that are looked after */
	struct PbTable *next;
	Oid			id;
	Oid			parent_table;	/* or invalid */
	Oid			unique_id;
	bool		stores_as_given;
	bool		takes_rows;
	bool		keeps_keys;		/* foreign keys lead to nothing of a row that
								 * an update changes */
	bool		runs_code;
	bool		has_triggers;	/* of any kind, also those of foreign keys */
	struct PbStatement *finds;	/* see pb_seek_row(); NULL until it is asked */
} PbTable;

extern Relation pb_table_open(const PbTable *table, LOCKMODE mode);
extern bool pb_table_stores_as_given(PbTable *table);
extern bool pb_table_takes_rows(PbTable *table);
extern bool pb_table_runs_code(PbTable *table);
extern bool pb_table_may_be_read(PbTable *table, PbLeading leading);
extern bool pb_table_may_be_sought(PbTable *table, PbLeading leading);
extern bool pb_table_may_be_updated(PbTable *table, PbLeading leading);
extern bool pb_table_may_be_removed_from(PbTable *table);
extern void pb_table_spread(const PbTable *table, const Datum *columns,
							const bool *isnull, Datum *values, char *nulls);

#endif							/* PB_TABLE_H */
