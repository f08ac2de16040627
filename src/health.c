/*
 * health.c
 *	  Whether the service is fit for work, and what it is.
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "feed.h"
#include "health.h"
#include "key.h"
#include "show.h"

/* Without a key nothing that has a secret can be stored. */
static const char *
status(void)
{
	PbFaults	unheard = {0};

	return pb_key_ring(&unheard) != NULL ? "ok" : "degraded";
}

/* What readers of the change feed wait for, if they wait for long. */
static void
show_feed(StringInfo out)
{
	PbFeedHold	hold;
	TimestampTz since;

	if (!pb_feed_is_held(&hold) || !hold.is_long)
		return;
	since = hold.held_since != 0 ? hold.held_since : hold.waiting_since;
	pb_json_open(out, "feed");
	pb_json_name(out, "held_seconds");
	pb_json_number(out, (int32) ((GetCurrentTimestamp() - since) /
								 USECS_PER_SEC));
	if (hold.pid != 0)
	{
		pb_json_name(out, "pid");
		pb_json_number(out, hold.pid);
	}
	pb_json_end(out, '}');
}

/* getHealth: no image is run, so its digest is empty */
void
pb_health_get(const PbRequest *request, PbReply *reply)
{
	pb_json_begin(reply->body, '{');
	pb_json_pair(reply->body, "status", status());
	pb_json_pair(reply->body, "version", PGBEAM_VERSION);
	pb_json_pair(reply->body, "image_sha", "");
	pb_json_name(reply->body, "timestamp");
	pb_show_time(reply->body, GetCurrentTimestamp());
	pb_json_pair(reply->body, "rate_limit", pb_rate_is_on() ? "on" : "off");
	show_feed(reply->body);
	pb_json_end(reply->body, '}');
}
