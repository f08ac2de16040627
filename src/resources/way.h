/*
 * way.h
 *	  The ways to the rows that the filters of a list leave, and the statements
 *	  that go there.
 */
#ifndef PB_WAY_H
#define PB_WAY_H

#include "resources/page.h"
#include "resources/statement.h"

/*
 * So many rows one page reads at most, where no index has the rows that all
 * filters leave. A row takes about a microsecond, or some while it is not in
 * memory.
 */
#define PB_WALKED_MAX 1000

/* So many rows a page collects and sorts, where an index has them unsorted. */
#define PB_SORTED_MAX 1000

typedef enum PbWay
{
	PB_BY_ORDER,				/* along the index of the page's order */
	PB_BY_RANGE,				/* along a part of the index that a filter
								 * names */
	PB_BY_MARK,
	PB_BY_ID,
	PB_NOWHERE					/* no row matches */
} PbWay;

typedef enum PbForm
{
	PB_PAGE,
	PB_WALKED_PAGE,				/* reads up to PB_WALKED_MAX rows */
	PB_SORTED_PAGE,
	PB_MARKS,					/* the next ids that have the mark */
	PB_MARKED,					/* the matches among rows with some ids */
	PB_COUNT,
	PB_WALKED_COUNT,			/* counts among so many rows */
	PB_COUNT_FEW				/* counts the rows of the way, up to a limit */
} PbForm;

/* Whether a way has at most PB_SORTED_MAX rows. */
typedef enum PbFew
{
	PB_UNKNOWN, PB_FEW, PB_MANY
} PbFew;

typedef struct PbSearch
{
	const PbResource *resource;
	const PbPage *page;
	Datum		org_id;
	Datum		parent_id;
	Datum		after;			/* where it begins */
	PbWay		way;
	int			by;				/* the filter that leads there, or -1 */
	int			rest;			/* the filters that are looked at on the way */
	Datum		id;				/* of PB_BY_ID */
	const char *mark;			/* of PB_BY_MARK */
	Datum		ids;			/* of PB_MARKED */
	PbFew		few;
} PbSearch;

/* the places of the parameters of all statements */
enum
{
	PB_AT_ORG, PB_AT_PARENT, PB_AT_AFTER, PB_AT_LIMIT, PB_AT_MARK, PB_AT_ID,
	PB_AT_IDS, PB_AT_FILTERS, PB_AT_END = PB_AT_FILTERS + PB_FILTERS_MAX
};

/* A statement, and what it was made for. */
typedef struct PbWayStatement
{
	const PbResource *resource;
	const PbOrder *order;
	PbWay		way;
	int			by;
	int			rest;
	PbForm		form;
	PbStatement statement;
	PbResult   *results;		/* of a row */
	struct PbWayStatement *next;
} PbWayStatement;

extern const PbFilter *pb_way_filter(const PbSearch *search, int n);
extern bool pb_way_is_single(const PbSearch *search);
extern bool pb_way_is_in_order(const PbSearch *search);
extern PbWayStatement *pb_way_statement(const PbSearch *search, PbForm form);

#endif							/* PB_WAY_H */
