/*
 * change.c
 *	  The change feed: what was changed, when, and by whom.
 *
 * A row is written in the transaction of the change, and tells no values.
 * Transactions commit in another order than they write. So readers go by
 * transaction id, and stop before the oldest transaction that may still run:
 * they miss nothing and get nothing twice. A sequence was rejected, because
 * its numbers become visible out of order.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "commands/async.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"
#include "utils/xid8.h"

#include "base/id.h"
#include "base/insert.h"
#include "base/result.h"
#include "base/sql.h"
#include "feed/change.h"
#include "feed/retention.h"

#define CHANNEL "pgbeam_changes"
#define TABLE "pgbeam.changes"
#define RESOURCE_ID_MAX Max(PB_ORG_ID_MAX, PB_USER_ID_MAX)
#define DETAIL_MAX 1000

static bool notify;
static int	retention;			/* days; 0: for ever */

static PbPrepared prepared;

static const char *const actions[] = {
	"created", "updated", "deleted", "suspended", "resumed", "revoked",
	"revealed", NULL
};

static const char *const actor_kinds[] = {"api_key", "user", "role", NULL};

static const PbField fields[] = {
	{
		.name = "org_id", .kind = PB_TEXT, .most = PB_ORG_ID_MAX,
		.about = "The organization that the changed object belongs to; empty for a user's API key."
	},
	{
		.name = "id", .kind = PB_ID, .prefix = "chg",
		.about = "The change itself."
	},
	{
		.name = "resource", .kind = PB_TEXT, .least = 1, .most = NAMEDATALEN - 1,
		.about = "The kind of object."
	},
	{
		.name = "resource_id", .kind = PB_TEXT, .least = 1, .most = RESOURCE_ID_MAX,
		.about = "Which object: its TypeID, or what it is named by where it has none."
	},
	{
		.name = "action", .kind = PB_WORD, .words = actions,
		.about = "What was done."
	},
	{
		.name = "actor_kind", .kind = PB_WORD, .words = actor_kinds,
		.about = "Who did it: the holder of an API key, a user with a token, or a role with SQL."
	},
	{
		.name = "actor", .kind = PB_TEXT, .least = 1, .most = RESOURCE_ID_MAX,
		.about = "Which of them: the id of the API key or of the user, or the name of the role."
	},
	{
		.name = "request_id", .kind = PB_TEXT, .flags = PB_NULLABLE,
		.least = 1, .most = PB_REQUEST_ID_MAX,
		.about = "The X-Request-Id of the answer; absent for plain SQL."
	},
	{
		.name = "detail", .kind = PB_TEXT, .flags = PB_NULLABLE,
		.least = 2, .most = DETAIL_MAX,
		.about = "Details as a JSON object; never a value."
	},
	{
		.name = "changed_at", .kind = PB_TIME,
		.about = "When it was done. Changes are not in the order of this time."
	},
	{0}
};

const PbResource pb_change = {
	.name = "change",
	.table = TABLE,
	.fields = fields,
	.prepared = &prepared,
};

/* Changes that are written at once at most. */
#define NOTES_MAX PB_INSERTED_MAX

/* the columns of a change */
enum
{
	ORG_ID, XID, ID, RESOURCE, RESOURCE_ID, ACTION, ACTOR_KIND, ACTOR,
	REQUEST_ID, DETAIL, CHANGED_AT
};

static const PbStoredColumn columns[] = {
	[ORG_ID] = {"org_id", TEXTOID, false},
	[XID] = {"xid", XID8OID, false},
	[ID] = {"id", UUIDOID, false},
	[RESOURCE] = {"resource", TEXTOID, false},
	[RESOURCE_ID] = {"resource_id", TEXTOID, false},
	[ACTION] = {"action", TEXTOID, false},
	[ACTOR_KIND] = {"actor_kind", TEXTOID, false},
	[ACTOR] = {"actor", TEXTOID, false},
	[REQUEST_ID] = {"request_id", TEXTOID, true},
	[DETAIL] = {"detail", TEXTOID, true},
	[CHANGED_AT] = {"changed_at", TIMESTAMPTZOID, false}
};

#define COLUMNS lengthof(columns)

static PbTable stored = {
	.name = TABLE, .columns = columns, .count = COLUMNS
};

/* A statement for each number of changes, made at its first use. */
static PbStatement notes[NOTES_MAX];

void
pb_change_define_settings(void)
{
	DefineCustomBoolVariable("pgbeam.notify_changes",
							 "Whether listeners on " CHANNEL " are woken when something changes.",
							 "Notifications make commits wait for one another.",
							 &notify, false, PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("pgbeam.change_retention",
							"Days for which changes are kept; 0: for ever.",
							NULL, &retention, 30, 0, 36500, PGC_SUSET, 0,
							NULL, NULL, NULL);
}

/* For how many days changes are kept; 0: for ever. */
int
pb_change_retention(void)
{
	return retention;
}

static Datum
text_or_none(const char *string)
{
	return string == NULL ? (Datum) 0 : CStringGetTextDatum(string);
}

static void
make_note(PbStatement *note, int count)
{
	MemoryContext before = MemoryContextSwitchTo(pb_sql_memory());
	Oid		   *types = palloc(count * COLUMNS * sizeof(Oid));
	StringInfoData text;

	initStringInfo(&text);
	appendStringInfo(&text, "INSERT INTO %s (", stored.name);
	for (int i = 0; i < (int) COLUMNS; i++)
		appendStringInfo(&text, "%s%s", i == 0 ? "" : ", ", columns[i].name);
	appendStringInfoString(&text, ") VALUES ");
	for (int i = 0; i < (int) (count * COLUMNS); i++)
	{
		appendStringInfo(&text, "%s$%d", i == 0 ? "(" :
						 i % COLUMNS == 0 ? "), (" : ", ", i + 1);
		types[i] = columns[i % COLUMNS].type;
	}
	appendStringInfoChar(&text, ')');
	*note = (PbStatement) {
		.text = text.data, .nargs = count * COLUMNS, .types = types
	};
	MemoryContextSwitchTo(before);
}

const char *
pb_change_actor_kind(PbActorKind kind)
{
	return actor_kinds[kind];
}

static void
set_values(const PbActor *actor, const PbChange *change, TimestampTz now,
		   Datum *values, char *nulls)
{
	pg_uuid_t  *id = palloc(sizeof(pg_uuid_t));
	const Datum all[COLUMNS] = {
		[ORG_ID] = change->org_id,
		[XID] = FullTransactionIdGetDatum(GetTopFullTransactionId()),
		[ID] = UUIDPGetDatum(id),
		[RESOURCE] = CStringGetTextDatum(change->resource->name),
		[RESOURCE_ID] = CStringGetTextDatum(change->id),
		[ACTION] = CStringGetTextDatum(actions[change->action]),
		[ACTOR_KIND] = CStringGetTextDatum(pb_change_actor_kind(actor->kind)),
		[ACTOR] = actor->name,
		[REQUEST_ID] = text_or_none(actor->request_id),
		[DETAIL] = text_or_none(change->detail),
		[CHANGED_AT] = TimestampTzGetDatum(now)
	};

	pb_id_make(id->data);
	memcpy(values, all, sizeof(all));
	memset(nulls, ' ', COLUMNS);
	if (actor->request_id == NULL)
		nulls[REQUEST_ID] = 'n';
	if (change->detail == NULL)
		nulls[DETAIL] = 'n';
}

/* Writes the changes that the values are of, as the table wants it. */
static void
write_all(Datum *values, const char *nulls, int count)
{
	PbStatement *note = &notes[count - 1];

	if (pb_table_takes_rows(&stored))
	{
		(void) pb_insert(&stored, values, nulls, count);
		return;
	}
	if (note->text == NULL)
		make_note(note, count);
	if (pb_sql_run(note, values, nulls) != (uint64) count)
		pb_sql_vetoed(stored.name);
}

/* Notes as many changes as are written at once. */
static void
note_some(const PbActor *actor, const PbChange *changes, int count)
{
	TimestampTz now = GetCurrentTimestamp();
	Datum		values[NOTES_MAX * COLUMNS];
	char		nulls[NOTES_MAX * COLUMNS];

	for (int i = 0; i < count; i++)
		set_values(actor, &changes[i], now, &values[i * COLUMNS],
				   &nulls[i * COLUMNS]);
	write_all(values, nulls, count);
	for (int i = 0; i < count; i++)
		pb_retention_sweep(now, retention);
	if (notify)
		Async_Notify(CHANNEL, "");
}

/* Keeps a change, to be noted with the others of its operation. */
void
pb_change_collect(PbChanges *changes, PbChange change)
{
	if (changes->all == NULL)
	{
		changes->room = NOTES_MAX;
		changes->all = palloc(changes->room * sizeof(PbChange));
	}
	else if (changes->count == changes->room)
	{
		changes->room *= 2;
		changes->all = repalloc_huge(changes->all,
									 changes->room * sizeof(PbChange));
	}
	changes->all[changes->count++] = change;
}

/*
 * Notes what one operation has changed, as many at once as it takes.
 * Readers see it when the transaction has committed.
 */
void
pb_change_note_all(const PbActor *actor, const PbChange *changes, int count)
{
	for (int done = 0; done < count; done += NOTES_MAX)
		note_some(actor, changes + done, Min(count - done, NOTES_MAX));
}

/* The same for a single change. */
void
pb_change_note(const PbActor *actor, PbAction action,
			   const PbResource *resource, Datum org_id, const char *id,
			   const char *detail)
{
	const PbChange change = {action, resource, org_id, id, detail};

	pb_change_note_all(actor, &change, 1);
}
