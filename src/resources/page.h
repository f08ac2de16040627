/*
 * page.h
 *	  Paging of lists: parameters, orders and tokens.
 */
#ifndef PB_PAGE_H
#define PB_PAGE_H

#include "fields/field.h"

/* An order of a list. Its column tells where the next page begins. */
struct PbPage;

typedef struct PbOrder
{
	const char *name;			/* in sort_by */
	const char *column;			/* unique among the listed rows */
	const int  *leaf;			/* its leaf */
	bool		by_text;		/* the column is text, not a uuid */
	bool		descending;
	bool		is_indexed;		/* an index has the living rows in this
								 * order */
	int			(*read) (const PbResource *resource,
						 const struct PbPage *page, Datum org_id,
						 PbRow **rows, Datum *walked);	/* where no column
														 * has it; else NULL */
} PbOrder;

#define PB_FILTERS_MAX 8

typedef enum PbComparison
{
	PB_IS,						/* the value is equal */
	PB_BEGINS_WITH,
	PB_HAS						/* one of the values in a list is equal */
} PbComparison;

/*
 * A filter of a list: the parameter that asks for it, and how the matches are
 * found. Without any of the last three, a page reads the rows in its order, up
 * to a number of them; see search.c.
 */
typedef struct PbFilter
{
	const char *name;			/* the parameter */
	const int  *leaf;			/* of the resource, what it looks at */
	PbComparison comparison;
	const PbOrder *range;		/* the index of this order has the matches side
								 * by side */
	bool		(*find) (Datum value, Datum org_id, Datum *id); /* the one row
																 * that may
																 * match */
	const char *(*mark) (Datum value, bool *lacks); /* the mark that the
													 * matches have, or lack;
													 * see mark.c */
} PbFilter;

/* A request for a page. */
typedef struct PbPage
{
	const char *list;			/* the member with its items */
	const PbOrder *order;
	int			filters;		/* a bit for each that is given */
	Datum		values[PB_FILTERS_MAX]; /* of these */
	int			size;
	Datum		after;			/* the column's value in the last row before
								 * it */
	uint64		binding;		/* what else a token is bound to */
} PbPage;

/* the parameters page_size and page_token, which every list has */
#define PB_PAGE_PARAMETERS \
	{ \
		.name = "page_size", .kind = PB_INTEGER, .flags = PB_CREATE, \
		.least = 1, .most = 100, .fallback = "20", \
		.about = "The most items on a page." \
	}, \
	{ \
		.name = "page_token", .kind = PB_TEXT, \
		.flags = PB_CREATE | PB_NULLABLE, .most = 1000, \
		.rule = pb_page_token_problem, .pattern = PB_PAGE_TOKEN_PATTERN, \
		.about = "The next_page_token of the page before. The other parameters must be the same." \
	}

extern const PbResource pb_page_parameters;

extern const char *pb_page_token_problem(const char *text, size_t length);
extern bool pb_page_read(PbPage *page, const PbResource *listed,
						 const PbRow *parameters, Datum of, PbFaults *faults);
extern bool pb_page_is_same(Datum text, Datum other);
extern bool pb_page_passes(const PbFilter *filter, Datum value, Datum wanted);
extern bool pb_page_fits(const PbPage *page, const PbRow *row);
extern const char *pb_page_token(const PbPage *page, Datum last);

#endif							/* PB_PAGE_H */
