/*
 * route.h
 *	  The operations of the API, and the only place that names their paths.
 */
#ifndef PB_ROUTE_H
#define PB_ROUTE_H

#include "http/operation.h"

/* In the order of the table. */
typedef enum PbOperation
{
	PB_LIST_PROJECTS,
	PB_CREATE_PROJECT,
	PB_GET_PROJECT,
	PB_UPDATE_PROJECT,
	PB_DELETE_PROJECT,
	PB_LIST_DATABASES,
	PB_CREATE_DATABASE,
	PB_GET_DATABASE,
	PB_UPDATE_DATABASE,
	PB_DELETE_DATABASE,
	PB_TEST_DATABASE,
	PB_LIST_REPLICAS,
	PB_CREATE_REPLICA,
	PB_DELETE_REPLICA,
	PB_LIST_DOMAINS,
	PB_CREATE_DOMAIN,
	PB_DELETE_DOMAIN,
	PB_VERIFY_DOMAIN,
	PB_LIST_REGIONS,
	PB_LIST_PLANS,
	PB_LIST_ORGANIZATIONS,
	PB_GET_PLAN,
	PB_GET_HEALTH,
	PB_GET_OPENAPI,
	PB_OPERATIONS
} PbOperation;

/* What a path leads to. */
typedef struct PbMatch
{
	const PbRoute *route;		/* NULL: it has none with this method */
	const PbRoute *first;		/* NULL: it leads nowhere */
	const char *unserved;		/* what the API has there, not pgbeam */
	const char *ids[PB_IDS_MAX];	/* still encoded, not terminated */
	int			lengths[PB_IDS_MAX];
} PbMatch;

extern const PbRoute pb_routes[PB_OPERATIONS];

extern void pb_route_match(const char *method, const char *path,
						   size_t length, PbMatch *match);
extern const char *pb_route_methods(const PbRoute *route);
extern const char *pb_route_location(const PbRoute *route,
									 const PbRequest *request,
									 const PbReply *reply);
extern const char *pb_route_next_link(const PbRequest *request,
									  const PbReply *reply);
extern void pb_route_run(const PbRoute *route, const PbRequest *request,
						 PbReply *reply);

#endif							/* PB_ROUTE_H */
