/*
 * bulk.c
 *	  Many creates by one call, each refused on its own.
 */
#include "postgres.h"

#include "access/detoast.h"
#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "auth/authentication.h"
#include "base/result.h"
#include "base/sql.h"
#include "functions/administration.h"
#include "http/dispatch.h"
#include "http/entry.h"

PG_FUNCTION_INFO_V1(pgbeam_create_projects);

/*
 * Each create has a subtransaction of its own. With many of them in a
 * transaction, the snapshots of all others get slow.
 */
#define ITEMS_MAX 1000

#define STATUS_UNDONE 424		/* Failed Dependency, RFC 4918 section 11.4 */

enum
{
	ORDINALITY, ORG_ID, NAME, STATUS, CODE, PROBLEMS, ANSWER, COLUMNS
};

static const PbColumn columns[COLUMNS] = {
	[ORDINALITY] = {"ordinality", INT4OID}, [ORG_ID] = {"org_id", TEXTOID},
	[NAME] = {"name", TEXTOID}, [STATUS] = {"status", INT4OID},
	[CODE] = {"code", TEXTOID}, [PROBLEMS] = {"problems", TEXTARRAYOID},
	[ANSWER] = {"answer", JSONOID}
};

/* What became of one item. */
typedef struct Outcome
{
	PbReply		reply;
	ErrorData  *error;			/* that ended it, or NULL */
} Outcome;

typedef struct Bulk
{
	const PbSqlScope *scope;
	PbCaller	caller;
	PbJson		items;
	bool		atomic;
	Outcome    *outcomes;
} Bulk;

typedef struct Create
{
	PbRequest	request;
	PbReply    *reply;
} Create;

static bool
create(void *state)
{
	Create	   *one = state;

	pb_dispatch(&pb_operations[PB_OPERATION_create_project], &one->request,
				one->reply);
	return one->reply->faults.refusal == PB_ACCEPTED;
}

/* Whether it was created; otherwise it has left nothing. */
static bool
create_one(const Bulk *bulk, int i)
{
	Outcome    *outcome = &bulk->outcomes[i];
	Create		one = {
		.request = {
			.manner = PB_SQL, .scope = bulk->scope, .caller = bulk->caller
		},
		.reply = &outcome->reply
	};

	(void) pb_json_item(&bulk->items, i, &one.request.body);
	outcome->reply.body = makeStringInfo();
	outcome->reply.unknown = &outcome->reply.faults;
	return pb_sql_try_any(bulk->scope, create, &one, &outcome->error);
}

/* False undoes all, where one was refused and they belong together. */
static bool
create_all(void *state)
{
	Bulk	   *bulk = state;
	bool		all = true;

	for (int i = 0; i < bulk->items.size; i++)
		all &= create_one(bulk, i);
	return all || !bulk->atomic;
}

static void
set_text(Datum *values, bool *nulls, int column, const char *text)
{
	nulls[column] = text == NULL;
	if (text != NULL)
		values[column] = CStringGetTextDatum(text);
}

/* A member of an item, if it is a text, for people who look for the item. */
static void
set_member(Datum *values, bool *nulls, int column, const PbJson *item)
{
	PbJson		value;

	nulls[column] = item->type != PB_JSON_OBJECT ||
		!pb_json_find(item, columns[column].name, &value) ||
		value.type != PB_JSON_TEXT;
	if (!nulls[column])
		values[column] =
			PointerGetDatum(cstring_to_text_with_len(value.text,
													 value.length));
}

static Datum
problems_of(const PbFaults *faults)
{
	Datum		texts[PB_PROBLEMS_MAX];
	int			count = Min(faults->count, PB_PROBLEMS_MAX);

	for (int i = 0; i < count; i++)
		texts[i] = CStringGetTextDatum(faults->problems[i].detail);
	return PointerGetDatum(construct_array(texts, count, TEXTOID, -1, false,
										   TYPALIGN_INT));
}

static Datum
problem_of(const ErrorData *error)
{
	Datum		text = CStringGetTextDatum(error->message);

	return PointerGetDatum(construct_array(&text, 1, TEXTOID, -1, false,
										   TYPALIGN_INT));
}

static void
set_created(Datum *values, bool *nulls, const PbReply *reply, bool undone)
{
	values[STATUS] = Int32GetDatum(undone ? STATUS_UNDONE : 201);
	nulls[CODE] = nulls[PROBLEMS] = true;
	set_text(values, nulls, ANSWER, undone ? NULL : reply->body->data);
}

static void
set_refused(Datum *values, bool *nulls, const Outcome *outcome)
{
	const PbFaults *faults = &outcome->reply.faults;
	const ErrorData *error = outcome->error;

	values[STATUS] = Int32GetDatum(error != NULL ? 500 :
								   pb_fault_status(faults));
	set_text(values, nulls, CODE, error != NULL ?
			 unpack_sql_state(error->sqlerrcode) : pb_fault_code(faults));
	values[PROBLEMS] = error != NULL ? problem_of(error) :
		problems_of(faults);
	nulls[ANSWER] = true;
}

static void
add_row(FunctionCallInfo fcinfo, const Bulk *bulk, int i, bool undone)
{
	const Outcome *outcome = &bulk->outcomes[i];
	Datum		values[COLUMNS];
	bool		nulls[COLUMNS] = {false};
	PbJson		item;

	(void) pb_json_item(&bulk->items, i, &item);
	values[ORDINALITY] = Int32GetDatum(i + 1);
	set_member(values, nulls, ORG_ID, &item);
	set_member(values, nulls, NAME, &item);
	if (outcome->error == NULL &&
		outcome->reply.faults.refusal == PB_ACCEPTED)
		set_created(values, nulls, &outcome->reply, undone);
	else
		set_refused(values, nulls, outcome);
	pb_result_add(fcinfo, values, nulls);
}

/* Reads the array; its elements are checked one by one. */
static void
read_items(FunctionCallInfo fcinfo, PbJson *items, PbFaults *faults)
{
	Datum		argument = pb_entry_required(fcinfo, 0, "projects");

	if (toast_raw_datum_size(argument) > PB_BODY_MAX)
	{
		pb_fault_set(faults, PB_PAYLOAD_TOO_LARGE, PB_BODY_PROBLEM,
					 "Create the others by another call.");
		return;
	}
	pb_json_root(PointerGetDatum(PG_DETOAST_DATUM(argument)), items);
	if (items->type != PB_JSON_ARRAY || items->size > ITEMS_MAX)
		pb_fault_set(faults, PB_INVALID_INPUT,
					 psprintf("projects must be a JSON array of at most %d create requests",
							  ITEMS_MAX),
					 "Write pgbeam.create_projects('[{\"name\": \"a\", \"org_id\": \"...\", \"database\": {...}}]').");
}

static void
run(FunctionCallInfo fcinfo, Bulk *bulk)
{
	bool		kept;

	bulk->outcomes = palloc0(bulk->items.size * sizeof(Outcome));
	kept = pb_sql_try(bulk->scope, create_all, bulk, NULL);
	for (int i = 0; i < bulk->items.size; i++)
		add_row(fcinfo, bulk, i, !kept);
}

Datum
pgbeam_create_projects(PG_FUNCTION_ARGS)
{
	PbFaults	faults = {0};
	PbActor		actor;
	PbSqlScope	scope;
	Bulk		bulk = {.scope = &scope, .caller.is_trusted = true};

	pb_result_begin(fcinfo, columns, COLUMNS);
	pb_administration_begin(fcinfo, &scope, &actor);
	bulk.atomic = !PG_ARGISNULL(1) && PG_GETARG_BOOL(1);
	read_items(fcinfo, &bulk.items, &faults);
	if (faults.refusal == PB_ACCEPTED)
		run(fcinfo, &bulk);
	pb_administration_end(&scope, &faults);
	return (Datum) 0;
}
