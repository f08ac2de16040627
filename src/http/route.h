/*
 * route.h
 *	  Finds the operation of a method and a path, and makes links for answers.
 */
#ifndef PB_ROUTE_H
#define PB_ROUTE_H

#include "http/operation.h"

/* What a path leads to. */
typedef struct PbMatch
{
	const PbOperation *operation;	/* NULL: the path has none with this
									 * method */
	const PbOperation *first;	/* any of this path; NULL: there is none */
	const char *unserved;		/* part of the API that pgbeam does not
								 * serve */
	const char *ids[PB_IDS_MAX];	/* still encoded, not terminated */
	int			lengths[PB_IDS_MAX];
} PbMatch;

extern void pb_route_match(const char *method, const char *path,
						   size_t length, PbMatch *match);
extern const char *pb_route_methods(const PbOperation *operation);
extern const char *pb_route_location(const PbOperation *found,
									 const PbRequest *request,
									 const PbReply *reply);
extern const char *pb_route_next_link(const PbRequest *request,
									  const PbReply *reply);

#endif							/* PB_ROUTE_H */
