/*
 * operation.c
 *	  What follows from what an operation is.
 */
#include "postgres.h"

#include "http/operation.h"

/* How many ids its path has. */
int
pb_operation_ids(const PbRoute *route)
{
	int			count = 0;

	for (const char *p = route->path; *p != '\0'; p++)
		count += *p == '{';
	return count;
}

/* The name of an id in its path. */
const char *
pb_operation_id_name(const PbRoute *route, int index)
{
	const char *open = strchr(route->path, '{');

	for (; index > 0; index--)
		open = strchr(open + 1, '{');
	return pnstrdup(open + 1, strchr(open, '}') - open - 1);
}

/* The statuses of its refusals, rising; tells how many. */
int
pb_operation_errors(const PbRoute *route, int errors[PB_ERRORS_MAX])
{
	bool		has_ids = pb_operation_ids(route) > 0;
	bool		has_body = route->takes != NULL;
	bool		has_input = has_ids || has_body || route->parameters != NULL;
	const struct
	{
		int			status;
		bool		may_be;
	}			all[] =
	{
		{400, has_input},
		{401, !route->is_public},
		{403, !route->is_public},
		{404, has_ids && !route->names_organization},
		{409, route->conflicts},
		{412, route->writes && route->has_etag},
		{413, has_body},
		{415, has_body},
		{429, true},
		{503, route->writes || route->unfit == 503},
	};
	int			count = 0;

	StaticAssertStmt(lengthof(all) <= PB_ERRORS_MAX, "room for all");
	for (int i = 0; i < (int) lengthof(all); i++)
		if (all[i].may_be)
			errors[count++] = all[i].status;
	return count;
}
