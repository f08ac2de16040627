/*
 * seek.h
 *	  Finds rows by the index of a table, and removes them, without a
 *	  statement.
 *
 * Memory contexts: what a search needs is freed when it ends.
 */
#ifndef PB_SEEK_H
#define PB_SEEK_H

#include "access/genam.h"
#include "access/tableam.h"
#include "executor/tuptable.h"
#include "utils/snapshot.h"
#include "utils/uuid.h"

#include "base/sql.h"
#include "base/table.h"

/* A search for rows with some values. */
typedef struct PbSeek
{
	const PbTable *table;
	const PbLead *lead;
	Relation	relation;
	Relation	index;
	Snapshot	snapshot;
	IndexScanDesc scan;
	ScanKeyData keys[PB_SOUGHT_MAX + 2];
	int			count;			/* of keys */
	ScanDirection direction;
	int			most;			/* entries read at once, along marks */
	int			room;			/* for so many more of them */
	FmgrInfo	equal;			/* what compares the key that limits them */
	pg_uuid_t	id;				/* of the entry that was read last */
	pg_uuid_t	after;			/* the id after which the search goes on */
	TupleTableSlot *slot;		/* the row that was found last */
	Buffer		visible;		/* the page that tells which pages of the
								 * table all can see, or none */
} PbSeek;

extern void pb_seek_begin(PbSeek *seek, PbTable *table, PbLeading leading,
						  const Datum *sought, LOCKMODE mode,
						  Snapshot snapshot);
extern void pb_seek_begin_after(PbSeek *seek, PbTable *table,
								PbLeading leading, const Datum *sought,
								Datum after, bool descending,
								Snapshot snapshot);
extern void pb_seek_begin_along(PbSeek *seek, PbTable *table,
								const Datum *sought, Datum after,
								bool descending, int most, Snapshot snapshot);
extern void pb_seek_again(PbSeek *seek, const Datum *sought);
extern bool pb_seek_next(PbSeek *seek);
extern bool pb_seek_next_id(PbSeek *seek, pg_uuid_t **id);
extern void pb_seek_end(PbSeek *seek);
extern bool pb_seek_latest(PbSeek *seek, TM_Result result, LockTupleMode mode);
extern bool pb_seek(PbTable *table, PbLeading leading, const Datum *sought);
extern Datum pb_seek_value(const PbSeek *seek, int n, bool *isnull);
extern void pb_seek_copy(const PbSeek *seek, Datum *values, char *nulls);
extern bool pb_seek_any(PbTable *table, PbLeading leading,
						const Datum *sought, Snapshot snapshot);
extern bool pb_seek_read(PbTable *table, PbLeading leading,
						 const Datum *sought, Snapshot snapshot,
						 Datum *values, char *nulls);
extern bool pb_seek_row(PbTable *table, PbReading reading, Datum *key,
						Datum *values, bool *isnull);
extern void pb_seek_remove(PbTable *table, const Datum *key);

#endif							/* PB_SEEK_H */
