/*
 * health.c
 *	  Tells whether the service is working, and which version it is.
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "feed/feed.h"
#include "fields/show.h"
#include "keys/keyring.h"
#include "resources/health.h"

#define TEXT_MAX 255
#define CAUSES_MAX 10

static PbPrepared prepared;

static struct
{
	int			status;
	int			version;
	int			image_sha;
	int			timestamp;
	int			rate_limit;
	int			read_only;
	int			causes;
	int			held_seconds;
	int			pid;
}			at;

static const char *const states[] = {"ok", "degraded", NULL};
static const char *const switches[] = {"off", "on", NULL};

static const PbField cause[] = {
	{.name = "", .kind = PB_TEXT, .most = TEXT_MAX},
	{0}
};

static const PbField feed[] = {
	{
		.name = "held_seconds", .kind = PB_INTEGER,
		.flags = PB_SHOWN | PB_DERIVED, .most = PG_INT32_MAX,
		.at = &at.held_seconds,
		.about = "For how long an older transaction has held back the feed."
	},
	{
		.name = "pid", .kind = PB_INTEGER,
		.flags = PB_SHOWN | PB_DERIVED | PB_NULLABLE, .most = PG_INT32_MAX,
		.at = &at.pid,
		.about = "The process of that transaction. Absent if it has none because it is prepared."
	},
	{0}
};

static const PbField fields[] = {
	{
		.name = "status", .kind = PB_WORD, .flags = PB_SHOWN | PB_DERIVED,
		.words = states, .at = &at.status,
		.about = "Whether the service can do all its work."
	},
	{
		.name = "version", .kind = PB_TEXT, .flags = PB_SHOWN | PB_DERIVED,
		.most = TEXT_MAX, .at = &at.version,
		.about = "The running version."
	},
	{
		.name = "image_sha", .kind = PB_TEXT, .flags = PB_SHOWN | PB_DERIVED,
		.most = TEXT_MAX, .at = &at.image_sha,
		.about = "Always empty: there is no image."
	},
	{
		.name = "timestamp", .kind = PB_TIME, .flags = PB_SHOWN | PB_DERIVED,
		.at = &at.timestamp,
		.about = "The server's clock."
	},
	{
		.name = "rate_limit", .kind = PB_WORD, .flags = PB_SHOWN | PB_DERIVED,
		.words = switches, .at = &at.rate_limit,
		.about = "Whether requests are counted."
	},
	{
		.name = "read_only", .kind = PB_BOOLEAN,
		.flags = PB_SHOWN | PB_DERIVED | PB_NULLABLE, .at = &at.read_only,
		.about = "True if the server takes no writes: it is a standby, or set to be read-only. Otherwise absent."
	},
	{
		.name = "causes", .kind = PB_LIST,
		.flags = PB_SHOWN | PB_DERIVED | PB_NULLABLE, .fields = cause,
		.most = CAUSES_MAX, .at = &at.causes,
		.about = "Why the service is degraded. Absent if it is not."
	},
	{
		.name = "feed", .kind = PB_OBJECT,
		.flags = PB_SHOWN | PB_DERIVED | PB_NULLABLE, .fields = feed,
		.about = "What readers of the change feed are waiting for. Absent unless they have waited long."
	},
	{0}
};

const PbResource pb_health = {
	.name = "health",
	.fields = fields,
	.prepared = &prepared,
};

/* Without a usable key no secret can be stored. */
static bool
lacks_key(void)
{
	PbFaults	ignored = {0};

	return pb_keyring_current(&ignored) == NULL;
}

/*
 * A standby is meant to take no writes. XactReadOnly is not asked: the layer
 * may begin a transaction as READ ONLY, whatever the server is.
 */
static bool
is_set_read_only(void)
{
	return DefaultXactReadOnly && !RecoveryInProgress();
}

/* What degrades the service. The words may be shown to anybody. */
static const struct
{
	const char *word;
	bool		(*is_so) (void);
}			causes[] =
{
	{"keyring", lacks_key},
	{"read_only", is_set_read_only},
};

static int
find_causes(Datum words[lengthof(causes)])
{
	int			count = 0;

	for (int i = 0; i < (int) lengthof(causes); i++)
		if (causes[i].is_so())
			words[count++] = CStringGetTextDatum(causes[i].word);
	return count;
}

/*
 * Tells what readers of the change feed are waiting for, if they have waited
 * long. This degrades nothing, as requests are answered all the same.
 */
static void
set_feed(PbRow *row)
{
	PbFeedHold	hold;
	TimestampTz since;

	if (!pb_feed_is_held(&hold) || !hold.is_long)
		return;
	since = hold.held_since != 0 ? hold.held_since : hold.waiting_since;
	pb_row_set(row, at.held_seconds,
			   Int32GetDatum((GetCurrentTimestamp() - since) /
							 USECS_PER_SEC));
	if (hold.pid != 0)
		pb_row_set(row, at.pid, Int32GetDatum(hold.pid));
}

/*
 * getHealth: a degraded service answers the same way, but over HTTP with
 * another status
 */
void
pb_health_get(const PbRequest *request, PbReply *reply)
{
	PbRow	   *row = pb_row_make(&pb_health);
	Datum		words[lengthof(causes)];
	int			count = find_causes(words);

	reply->is_degraded = count > 0;
	pb_row_set(row, at.status, CStringGetTextDatum(states[count > 0]));
	pb_row_set(row, at.version, CStringGetTextDatum(PGBEAM_VERSION));
	pb_row_set(row, at.image_sha, CStringGetTextDatum(""));
	pb_row_set(row, at.timestamp,
			   TimestampTzGetDatum(GetCurrentTimestamp()));
	pb_row_set(row, at.rate_limit,
			   CStringGetTextDatum(switches[pb_rate_is_on()]));
	if (RecoveryInProgress() || DefaultXactReadOnly)
		pb_row_set(row, at.read_only, BoolGetDatum(true));
	if (count > 0)
		pb_row_set(row, at.causes,
				   PointerGetDatum(construct_array(words, count, TEXTOID, -1,
												   false, TYPALIGN_INT)));
	set_feed(row);
	pb_show(reply->body, row);
}
