/*
 * operation.h
 *	  What an operation of the API is: where it is found, what it takes, gives
 *	  and may answer.
 */
#ifndef PB_OPERATION_H
#define PB_OPERATION_H

#include "auth/request.h"

#define PB_ERRORS_MAX 12

/* The schema of an answer. */
typedef enum PbGives
{
	PB_GIVES_OTHER,				/* none, or one that no field table tells */
	PB_GIVES_ONE,				/* the view of the resource; of a create that
								 * embeds another one, both views */
	PB_GIVES_PAGE				/* views of it, page by page */
} PbGives;

typedef struct PbOperation
{
	const char *name;			/* as the API has it */
	const char *function;		/* the SQL function that does the same */
	const char *method;
	const char *path;			/* {name} stands for an id */
	const PbResource *resource; /* that it is about, or NULL */
	const PbResource *parameters;	/* what the query may have, or NULL */
	int			takes;			/* PB_CREATE or PB_UPDATE: the body is such a
								 * request of the resource; 0: no body */
	PbGives		gives;
	int			status;			/* of success */
	int			unfit;			/* of the same answer where it says that the
								 * service is not fit for work; 0: never */
	bool		is_public;		/* needs no credential */
	bool		writes;
	bool		names_organization; /* by the first id: 403 for one that is
									 * not the caller's */
	bool		conflicts;		/* with what is there: 409 */
	bool		has_etag;		/* versions of its answer are told apart */
	bool		counts;			/* a page also tells how many there are */
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
extern const char *pb_operation_id_name(const PbOperation *operation,
										int index);
extern int	pb_operation_errors(const PbOperation *operation,
								int errors[PB_ERRORS_MAX]);

#endif							/* PB_OPERATION_H */
