/*
 * operation.h
 *	  An operation of the API: where it is found, what it takes, and what it
 *	  answers.
 */
#ifndef PB_OPERATION_H
#define PB_OPERATION_H

#include "auth/request.h"

#define PB_ERRORS_MAX 12

/* The schema of an answer. */
typedef enum PbGives
{
	PB_GIVES_OTHER,				/* none, or one that has no field table */
	PB_GIVES_ONE,				/* the resource's view; for a create that
								 * embeds another resource, both views */
	PB_GIVES_PAGE,				/* a page of its views */
	PB_GIVES_LIST				/* all of them, without pages */
} PbGives;

typedef struct PbOperation
{
	const char *name;			/* in the API */
	const char *function;		/* the SQL function that does the same */
	const char *method;
	const char *path;			/* {name} stands for an id */
	const PbResource *resource; /* it is about, or NULL */
	const PbResource *parameters;	/* of the query, or NULL */
	int			takes;			/* PB_CREATE or PB_UPDATE: which request the
								 * body is; 0: no body */
	PbGives		gives;
	int			status;			/* of success */
	int			degraded;		/* status that says that the service is
								 * degraded; 0: never */
	bool		is_public;		/* needs no credential */
	bool		writes;
	bool		tells_outsiders;	/* 403, not 404, for an organization that
									 * is not the caller's */
	bool		conflicts;		/* may conflict with what exists: 409 */
	bool		heeds_etag;		/* If-Match may forbid it */
	bool		counts;			/* a page has the total */
	void		(*run) (const PbRequest *request, PbReply *reply);
	const char *about;			/* one sentence */
} PbOperation;

/* An operation's place in the table, by its SQL function. */
typedef enum PbOperationPlace
{
#define OPERATION(function_, ...) PB_OPERATION_##function_,
#include "http/operationlist.h"
#undef OPERATION
	PB_OPERATIONS
} PbOperationPlace;

extern const PbOperation pb_operations[PB_OPERATIONS];

extern const PbOperation *pb_operation_of_created(const PbOperation *creates);
extern int	pb_operation_ids(const PbOperation *operation);
extern bool pb_operation_gets(const PbOperation *operation);
extern bool pb_operation_has_etag(const PbOperation *operation);
extern const char *pb_operation_id_name(const PbOperation *operation,
										int index);
extern const PbField *pb_operation_id_field(const PbOperation *operation,
											int index);
extern int	pb_operation_errors(const PbOperation *operation,
								int errors[PB_ERRORS_MAX]);

#endif							/* PB_OPERATION_H */
