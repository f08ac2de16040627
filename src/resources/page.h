/*
 * page.h
 *	  Paging of lists: parameters, orders and tokens.
 */
#ifndef PB_PAGE_H
#define PB_PAGE_H

#include "fields/field.h"

/* An order of a list. Its column tells where the next page begins. */
typedef struct PbOrder
{
	const char *name;			/* in sort_by */
	const char *column;			/* unique among the listed rows */
	const int  *leaf;			/* its leaf */
	bool		by_text;		/* the column is text, not a uuid */
	bool		descending;
	bool		is_indexed;		/* an index has the living rows in this
								 * order */
} PbOrder;

/* A request for a page. */
typedef struct PbPage
{
	const char *list;			/* the member with its items */
	const PbOrder *order;
	int			size;
	Datum		after;			/* the column's value in the last row before
								 * it */
	uint64		binding;		/* what else a token is bound to */
} PbPage;

/* the parameters page_size and page_token, for lists that have others too */
#define PB_PAGE_PARAMETERS(at_) \
	{ \
		.name = "page_size", .kind = PB_INTEGER, .flags = PB_CREATE, \
		.least = 1, .most = 100, .fallback = "20", .at = &(at_).page_size, \
		.about = "The most items on a page." \
	}, \
	{ \
		.name = "page_token", .kind = PB_TEXT, \
		.flags = PB_CREATE | PB_NULLABLE, .most = 1000, \
		.rule = pb_page_token_problem, .pattern = PB_PAGE_TOKEN_PATTERN, \
		.at = &(at_).page_token, \
		.about = "The next_page_token of the page before. The other parameters must be the same." \
	}

extern const PbResource pb_page_parameters;

extern const char *pb_page_token_problem(const char *text, size_t length);
extern uint64 pb_page_binding(const char *list, Datum of,
							  const PbOrder *order);
extern bool pb_page_read(PbPage *page, const PbRow *parameters, int page_size,
						 int page_token, PbFaults *faults);
extern bool pb_page_take(PbPage *page, const PbRow *parameters,
						 PbFaults *faults);
extern const char *pb_page_token(const PbPage *page, Datum last);

#endif							/* PB_PAGE_H */
