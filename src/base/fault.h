/*
 * fault.h
 *	  Refusals: what kind, and the list of problems that led to it.
 *
 * A refusal is a value, not an error. The part that answers the client turns
 * it into an error or a document, and undoes what was written before.
 */
#ifndef PB_FAULT_H
#define PB_FAULT_H

#include "lib/stringinfo.h"

#include "base/compat.h"

/* In the order of the table in fault.c. */
typedef enum PbRefusal
{
	PB_ACCEPTED,
	PB_INVALID_INPUT,
	PB_UNAUTHORIZED,
	PB_FORBIDDEN,
	PB_PLAN_LIMIT_REACHED,
	PB_NOT_FOUND,
	PB_METHOD_NOT_ALLOWED,
	PB_RESOURCE_EXISTS,
	PB_INVALID_STATE,
	PB_IDEMPOTENCY_KEY_REUSED,
	PB_PRECONDITION_FAILED,
	PB_PAYLOAD_TOO_LARGE,
	PB_UNSUPPORTED_MEDIA_TYPE,
	PB_RATE_LIMITED,
	PB_NOT_IMPLEMENTED,
	PB_READ_ONLY,
	PB_UNAVAILABLE				/* the operator is told what is missing */
} PbRefusal;

#define PB_PROBLEMS_MAX 20

/* Where a value stands in a request, from the innermost frame outwards. */
typedef struct PbPath
{
	const struct PbPath *up;	/* NULL: a member of the request itself */
	const char *name;			/* NULL: an item of the array above */
	int			index;
} PbPath;

typedef struct PbProblem
{
	const char *field;			/* dotted path */
	const char *detail;			/* a sentence's beginning: path and rule */
	const char *hint;			/* the way out, or NULL */
} PbProblem;

typedef struct PbFaults
{
	PbRefusal	refusal;
	int			sqlstate;		/* where it is not that of the kind, else 0 */
	const char *log;			/* a sentence for the server's log alone, or
								 * NULL */
	int			count;			/* of all problems, kept or not */
	PbProblem	problems[PB_PROBLEMS_MAX];
	Datum		org_id;			/* text: the organization; 0: not known */
	Datum		name;			/* text: the object's name; 0: not known */
	const char *column;			/* what is taken, or NULL */
} PbFaults;

extern const char *pb_path_name(const char *name, int length);
extern void pb_fault_problem(PbFaults *faults, const PbPath *path,
							 const char *rule, const char *hint);
extern void pb_fault_set(PbFaults *faults, PbRefusal refusal,
						 const char *message, const char *hint);
extern void pb_fault_taken(PbFaults *faults, const char *column, Datum value,
						   const char *message, const char *hint);
extern void pb_fault_unavailable(PbFaults *faults, int sqlstate,
								 const char *message, const char *hint);
extern const char *pb_fault_code(const PbFaults *faults);
extern int	pb_fault_status(const PbFaults *faults);
extern void pb_fault_envelope(StringInfo out, const PbFaults *faults,
							  const char *request_id);
extern void pb_fault_document(StringInfo out, const PbFaults *faults,
							  const char *instance, const char *request_id);
extern void pb_fault_log_refusal(const char *what, const char *reason);
pg_noreturn extern void pb_fault_throw(const PbFaults *faults);

#endif							/* PB_FAULT_H */
