/*
 * page.h
 *	  Lists page by page: their parameters, order and tokens.
 */
#ifndef PB_PAGE_H
#define PB_PAGE_H

#include "fields/field.h"

/* How a list is ordered, and by what a page goes on behind another. */
typedef struct PbOrder
{
	const char *name;			/* as sort_by has it */
	const char *column;			/* unique within what is listed */
	const int  *leaf;			/* its leaf */
	bool		by_text;		/* the column is text, not a uuid */
	bool		descending;
	bool		is_indexed;		/* an index has the living in this order */
} PbOrder;

/* What a page is asked for. */
typedef struct PbPage
{
	const char *list;			/* the member with its items */
	const PbOrder *order;
	int			size;
	Datum		after;			/* the column of the last row before it */
	uint64		binding;		/* what else a token is bound to */
} PbPage;

/* the parameters page_size and page_token, for lists with others too */
#define PB_PAGE_PARAMETERS(at_) \
	{ \
		.name = "page_size", .kind = PB_INTEGER, .flags = PB_CREATE, \
		.least = 1, .most = 100, .fallback = "20", .at = &(at_).page_size, \
		.about = "Items on a page at most." \
	}, \
	{ \
		.name = "page_token", .kind = PB_TEXT, \
		.flags = PB_CREATE | PB_NULLABLE, .most = 1000, \
		.rule = pb_page_token_problem, .pattern = PB_TOKEN_PATTERN, \
		.at = &(at_).page_token, \
		.about = "next_page_token of the page before, with the same other parameters." \
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
