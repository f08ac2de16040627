/*
 * sql.h
 *	  A statement: its text, argument types and kept plan; running it.
 */
#ifndef PB_SQL_H
#define PB_SQL_H

#include "executor/spi.h"

#include "base/compat.h"

/* A column of the rows that a statement gives. */
typedef struct PbResult
{
	Oid			type;
	bool		may_be_null;
} PbResult;

/*
 * Text, types and results are set once; the plan follows at first use and is
 * kept for the life of the backend. Names and operators in the text are
 * qualified.
 */
typedef struct PbStatement
{
	const char *text;
	int			nargs;
	const Oid  *types;
	int			nresults;
	const PbResult *results;
	bool		reads;			/* no writes: in the caller's snapshot, where
								 * the function that is called says so */
	bool		sees_all;		/* rows that came after a transaction's
								 * snapshot too, as foreign keys do: to write
								 * one is a serialization failure */
	SPIPlanPtr	plan;
} PbStatement;

/* Which state of the rows a look-up reads. */
typedef enum PbReading
{
	PB_SNAPSHOT,				/* the one that the caller's query sees, unless
								 * the function that it calls is volatile */
	PB_LATEST,					/* the last that was committed */
	PB_LOCKED					/* that, and it stays so */
} PbReading;

/* What an entry point holds while it runs. */
typedef struct PbSqlScope
{
	ErrorContextCallback callback;
	Oid			caller;			/* the user it was called as */
	int			security;		/* the context of that */
	bool		is_volatile;	/* reads what was written since */
} PbSqlScope;

extern void pb_sql_start(void);
extern void pb_sql_begin(PbSqlScope *scope, Oid function);
extern void pb_sql_end(PbSqlScope *scope);
extern void pb_sql_call(PbSqlScope *scope, Oid function, bool http,
						void (*act) (void *state), void *state);
extern bool pb_sql_is_inside(void);
extern bool pb_sql_try(const PbSqlScope *scope, bool (*act) (void *state),
					   void *state, ErrorData **violation);
extern bool pb_sql_is_of(const ErrorData *violation, const char *index);

extern uint64 pb_sql_run(PbStatement *statement, Datum *values,
						 const char *nulls);
extern bool pb_sql_row(PbStatement *statement, Datum *values,
					   const char *nulls, Datum *row, bool *row_nulls);
extern void pb_sql_read(const PbStatement *statement,
						const SPITupleTable *rows, uint64 i,
						Datum *row, bool *row_nulls);
pg_noreturn extern void pb_sql_vetoed(const char *table);
extern void pb_sql_require_read_committed(const char *what);
extern void pb_sql_utility(const char *text);
extern MemoryContext pb_sql_memory(void);

#endif							/* PB_SQL_H */
