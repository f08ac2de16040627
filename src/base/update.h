/*
 * update.h
 *	  Gives rows of a table new values without a statement.
 *
 * Memory contexts: what an update needs is in one of its own, and freed.
 */
#ifndef PB_UPDATE_H
#define PB_UPDATE_H

#include "base/table.h"

/*
 * Where a found row is read to, and what gives it its new values there. It is
 * asked again where another session was first; false: the row is not meant.
 */
typedef struct PbRevision
{
	Datum	   *values;			/* a place for each of the table's columns;
								 * none is valid when the update has ended */
	char	   *nulls;			/* 'n' or ' ' */
	bool		(*revise) (void *state);
	void		(*written) (void *state);	/* told of each row; or NULL */
	void	   *state;
} PbRevision;

extern int	pb_update(PbTable *table, PbLeading leading, const Datum *sought,
					  const PbRevision *revision);

#endif							/* PB_UPDATE_H */
