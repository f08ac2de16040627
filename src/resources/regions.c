/*
 * regions.c
 *	  The published regions.
 */
#include "postgres.h"

#include "resources/regions.h"

static const struct
{
	const char *id;
	const char *name;
	const char *continent;
	const char *country;
}			regions[] =
{
	{"us-east-1", "US East (N. Virginia)", "North America", "United States"},
	{"us-west-2", "US West (Oregon)", "North America", "United States"},
	{"eu-west-1", "Europe (Ireland)", "Europe", "Ireland"},
	{"ap-south-1", "Asia Pacific (Mumbai)", "Asia", "India"},
	{"ap-southeast-1", "Asia Pacific (Singapore)", "Asia", "Singapore"},
	{"ap-northeast-1", "Asia Pacific (Tokyo)", "Asia", "Japan"},
};

/* listRegions */
void
pb_regions_list(const PbRequest *request, PbReply *reply)
{
	StringInfo	out = reply->body;

	pb_json_open_list(out, "regions");
	for (int i = 0; i < (int) lengthof(regions); i++)
	{
		pb_json_next(out);
		pb_json_begin(out, '{');
		pb_json_pair(out, "id", regions[i].id);
		pb_json_pair(out, "name", regions[i].name);
		pb_json_pair(out, "provider", "aws");
		pb_json_pair(out, "status", "active");
		pb_json_pair_boolean(out, "available", true);
		pb_json_pair(out, "continent", regions[i].continent);
		pb_json_pair(out, "country", regions[i].country);
		pb_json_end(out, '}');
	}
	pb_json_close_list(out);
}
