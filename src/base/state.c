/*
 * state.c
 *	  States of the server in which a request cannot be served now, and how a
 *	  client over HTTP is told.
 *
 * A state that is known before anything is written is a refusal. A state that
 * is met later stays an error, which undoes everything. Where it passes by
 * itself, the error asks for 503, with a message that we wrote: PostgREST
 * prints the message of such an error as the reason phrase of its answer, and
 * the message of a trigger could be anything.
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"

#include "base/state.h"

/* 503, as PostgREST knows it */
#define TRY_AGAIN MAKE_SQLSTATE('P', 'T', '5', '0', '3')

/* PTxyz, by which an error asks PostgREST for the status xyz */
#define ASKS_FOR_STATUS(code) \
	(ERRCODE_TO_CATEGORY(code) == MAKE_SQLSTATE('P', 'T', '0', '0', '0'))

typedef enum Treatment
{
	KNOWN_BEFORE,				/* a refusal */
	RAISED,						/* passes by itself: 503 */
	LASTING						/* until somebody changes a setting: 500 */
} Treatment;

/* The SQLSTATEs and their treatments. Any other SQLSTATE lasts. */
static const struct State
{
	int			sqlstate;
	Treatment	treatment;
	const char *message;		/* NULL: the error's own */
	const char *hint;
}			states[] =
{
	{
		ERRCODE_READ_ONLY_SQL_TRANSACTION, KNOWN_BEFORE,
		"the service takes no writes at the moment", NULL
	},
	{
		ERRCODE_LOCK_NOT_AVAILABLE, RAISED,
		"another request holds what this one needs", "Send it again."
	},
	{
		ERRCODE_T_R_SERIALIZATION_FAILURE, RAISED,
		"another request came between", "Send it again."
	},
	{
		ERRCODE_T_R_DEADLOCK_DETECTED, RAISED,
		"this request and another one waited for each other", "Send it again."
	},
	{
		ERRCODE_CONNECTION_FAILURE, RAISED,
		"a part of the service cannot be reached", "Send it again later."
	},
	/* the isolation level of a role: pb_sql_require_read_committed() */
	{ERRCODE_INVALID_TRANSACTION_STATE, LASTING, NULL, NULL},
};

static const struct State *
find_state(int sqlstate)
{
	for (int i = 0; i < (int) lengthof(states); i++)
		if (states[i].sqlstate == sqlstate)
			return &states[i];
	return NULL;
}

/*
 * Whether the server takes writes; false with the refusal. Where only the
 * transaction is READ ONLY, because the layer began it so, the server raises
 * its own error.
 */
bool
pb_state_takes_writes(PbFaults *faults)
{
	const struct State *state;

	if (!XactReadOnly || !(RecoveryInProgress() || DefaultXactReadOnly))
		return true;
	state = find_state(ERRCODE_READ_ONLY_SQL_TRANSACTION);
	pb_fault_set(faults, PB_READ_ONLY, state->message, state->hint);
	return false;
}

/* The log keeps the original words; client and layer do not get them. */
static void
use_our_words(ErrorData *error, const struct State *state)
{
	const char *before = error->detail_log;

	error->detail_log = psprintf("It was: %s (SQLSTATE %s)%s%s",
								 error->message,
								 unpack_sql_state(error->sqlerrcode),
								 before == NULL ? "" : "\n",
								 before == NULL ? "" : before);
	error->sqlerrcode = TRY_AGAIN;
	error->message = pstrdup(state->message);
	error->hint = pstrdup(state->hint);
	error->detail = NULL;
	error->context = NULL;
	error->internalquery = NULL;
	error->internalpos = 0;
	error->cursorpos = 0;
	error->schema_name = NULL;
	error->table_name = NULL;
	error->column_name = NULL;
	error->datatype_name = NULL;
	error->constraint_name = NULL;
}

/* A line break within a reason phrase would begin a header. */
static void
make_one_line(char *message)
{
	for (char *p = message; *p != '\0'; p++)
		if ((unsigned char) *p < ' ' || *p == 0x7f)
			*p = ' ';
}

/*
 * To be called in a PG_CATCH. It raises the error in the words for a client
 * over HTTP, copied into memory; it returns where the error is to stay as it
 * is. It allocates nothing when the error is that memory is exhausted.
 */
void
pb_state_retell(MemoryContext memory)
{
	const struct State *state = find_state(geterrcode());
	bool		passes = state != NULL && state->treatment == RAISED;
	ErrorData  *error;

	if (!passes && !ASKS_FOR_STATUS(geterrcode()))
		return;
	MemoryContextSwitchTo(memory);
	error = CopyErrorData();
	FlushErrorState();
	if (passes)
		use_our_words(error, state);
	else if (error->message != NULL)
		make_one_line(error->message);
	ReThrowError(error);
}
