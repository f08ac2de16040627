/*
 * operation.h
 *	  What an operation of the API is: where it is found, what it takes, gives
 *	  and may answer.
 */
#ifndef PB_OPERATION_H
#define PB_OPERATION_H

#include "auth/request.h"

#define PB_ERRORS_MAX 12

typedef struct PbRoute
{
	const char *operation;		/* the API's name of it */
	const char *method;
	const char *path;			/* {name} stands for an id */
	const char *function;		/* the SQL function that does the same */
	bool		is_public;		/* asks for no credential */
	bool		writes;
	bool		names_organization; /* by the first id: 403 for what is not
									 * theirs */
	bool		conflicts;		/* with what is there: 409 */
	int			status;			/* of success */
	int			unfit;			/* of the same answer where it says that the
								 * service is not fit for work; 0: never */
	bool		has_etag;		/* one thing, whose versions are told apart */
	bool		lists;			/* a page of what it gives, by its plural */
	bool		counts;			/* and how many there are in all */
	const PbResource *parameters;	/* what the query may have, or NULL */
	bool		changes;		/* takes an update request, not a create one */
	const PbResource *takes;	/* whose create request the body is, or NULL */
	const PbResource *gives;	/* whose view the answer is; with what it
								 * embeds where it takes that too */
	const struct PbRoute *location; /* where a created one is found */
	void		(*run) (const PbRequest *request, PbReply *reply);
	const char *about;			/* one sentence */
} PbRoute;

extern int	pb_operation_ids(const PbRoute *route);
extern const char *pb_operation_id_name(const PbRoute *route, int index);
extern int	pb_operation_errors(const PbRoute *route,
								int errors[PB_ERRORS_MAX]);

#endif							/* PB_OPERATION_H */
