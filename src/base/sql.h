/*
 * sql.h
 *	  A statement: its text, argument types and kept plan; running it.
 *
 * Memory contexts: pb_sql_memory() is the context "pgbeam" below
 * TopMemoryContext. What is in it lives until the backend ends: generated
 * statements, shapes, and the table of our statements' texts. The server keeps
 * the plans. Rows that a statement gives live in SPI's context, until
 * pb_sql_end().
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
 * Text, types and results are set once. The plan is made at the first use and
 * kept until the backend ends. The text must qualify its names and operators.
 */
typedef struct PbStatement
{
	const char *text;
	int			nargs;
	const Oid  *types;
	int			nresults;
	const PbResult *results;
	bool		reads;			/* it writes nothing, and uses the caller's
								 * snapshot if the function is not volatile */
	bool		sees_all;		/* also rows newer than the transaction's
								 * snapshot, as foreign keys do: to write one
								 * is a serialization failure */
	SPIPlanPtr	plan;
	uint64		rewritten_at;	/* the generation at which a rule was found to
								 * replace it; 0: never */
} PbStatement;

/* Which state of the rows a look-up reads. */
typedef enum PbReading
{
	PB_SNAPSHOT,				/* the one that the caller's query sees, unless
								 * the function is volatile */
	PB_LATEST,					/* the state that was committed last */
	PB_LOCKED					/* the same, and locked so that it stays */
} PbReading;

/* What an entry point holds while it runs. */
typedef struct PbSqlScope
{
	ErrorContextCallback callback;
	Oid			caller;			/* the user it was called as */
	int			security;		/* the context of that */
	bool		is_volatile;	/* reads what was written since */
	const void *call;			/* the state of pb_sql_call(), or NULL */
} PbSqlScope;

extern void pb_sql_start(void);
extern void pb_sql_begin(PbSqlScope *scope, Oid function);
extern void pb_sql_end(PbSqlScope *scope);
extern void pb_sql_call(PbSqlScope *scope, Oid function, bool http,
						void (*act) (void *state), void *state);
extern const PbSqlScope *pb_sql_innermost(void);
extern bool pb_sql_try(const PbSqlScope *scope, bool (*act) (void *state),
					   void *state, ErrorData **violation);
extern bool pb_sql_try_any(const PbSqlScope *scope,
						   bool (*act) (void *state), void *state,
						   ErrorData **error);
extern bool pb_sql_is_of(const ErrorData *violation, const char *index);

extern bool pb_sql_may_be_distributed(void);
extern bool pb_sql_is_distributed(void);
extern uint64 pb_sql_generation(void);
extern void pb_sql_tell_generation(const char *table);
extern Snapshot pb_sql_snapshot(PbReading reading);
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
