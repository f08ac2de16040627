/*
 * health.c
 *	  Whether the service is fit for work, and what it is.
 */
#include "postgres.h"

#include "utils/timestamp.h"

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
	pb_json_end(reply->body, '}');
}
