/*
 * mark.h
 *	  Marks: what few rows of a resource have, and many are searched by.
 */
#ifndef PB_MARK_H
#define PB_MARK_H

#include "fields/field.h"

/* Marks that a row has at most. */
#define PB_MARKS_MAX 16

/* A mark, and the key by which it is found. */
typedef struct PbMark
{
	const char *text;
	int64		key;
} PbMark;

/* The marks of a row, each once. */
typedef struct PbMarks
{
	Datum		org_id;			/* of the row */
	int			count;
	PbMark		marks[PB_MARKS_MAX];
} PbMarks;

extern int64 pb_mark_key(Datum org_id, const char *mark);
extern void pb_mark_add(PbMarks *marks, const char *text);
extern void pb_mark_read(const PbRow *row, PbMarks *marks);
extern void pb_mark_created(const PbRow *row);
extern void pb_mark_updated(const PbRow *row, const PbMarks *before);
extern void pb_mark_remove(const PbRow *row, const PbMarks *marks);

#endif							/* PB_MARK_H */
