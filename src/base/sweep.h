/*
 * sweep.h
 *	  Sweeps: whoever writes rows to a table deletes a few that are too old.
 */
#ifndef PB_SWEEP_H
#define PB_SWEEP_H

#include "utils/uuid.h"

#include "base/compat.h"

/* One sweep deletes no more rows than this, on one server. */
#define PB_SWEEP_ROWS 64

/*
 * SQL: the delete of a sweep on one server. Rows that others have locked stay.
 * Citus cannot plan it.
 */
#define PB_SWEEP_DELETE(table, condition, order) \
	"DELETE FROM " table " WHERE ctid OPERATOR(pg_catalog.=) ANY (ARRAY(" \
	"SELECT ctid FROM " table " WHERE " condition " ORDER BY " order \
	" LIMIT " CppAsString2(PB_SWEEP_ROWS) " FOR UPDATE SKIP LOCKED))"

/* A place in the order that a table is swept in. */
typedef struct PbPosition
{
	int64		first;			/* the first column of the order */
	pg_uuid_t	id;				/* the second one, where there is one */
} PbPosition;

/* The sweeps of a table by this backend. */
typedef struct PbSweep
{
	PbPosition	beginning;		/* before all rows */
	int			anew_every;		/* the first sweep and one in so many begin
								 * there; 0: none has to */
	int			until_anew;		/* sweeps before the next such one, with those
								 * that are left out */
	PbPosition	settled;		/* where the next one begins: what it has
								 * passed is gone */
	PbPosition	reached;		/* where it begins once that is committed */
	TransactionId reached_by;	/* 0: nothing waits */
	int			pause;			/* due sweeps to leave out before the next */
	int			left_out;
} PbSweep;

extern bool pb_sweep_is_due(PbSweep *sweep, uint64 random);
extern void pb_sweep_found(PbSweep *sweep, bool something);
extern int	pb_sweep_rows(void);
extern void pb_sweep_begin_anew(PbSweep *sweep);
extern PbPosition pb_sweep_begin(PbSweep *sweep);
extern void pb_sweep_end(PbSweep *sweep, PbPosition reached);

#endif							/* PB_SWEEP_H */
