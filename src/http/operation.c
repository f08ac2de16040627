/*
 * operation.c
 *	  What follows from an operation's row: its ids, its refusals, and where to
 *	  find what it creates.
 */
#include "postgres.h"

#include "http/operation.h"

/* The number of ids in its path. */
int
pb_operation_ids(const PbOperation *operation)
{
	int			count = 0;

	for (const char *p = operation->path; *p != '\0'; p++)
		count += *p == '{';
	return count;
}

bool
pb_operation_gets(const PbOperation *operation)
{
	return strcmp(operation->method, "GET") == 0;
}

/*
 * Whether its answer has an ETag: every GET, and a write that If-Match may
 * forbid. What fails, or tells of a degraded service, has none.
 */
bool
pb_operation_has_etag(const PbOperation *operation)
{
	return operation->status == 200 &&
		(pb_operation_gets(operation) || operation->heeds_etag);
}

/* The name of an id in its path. */
const char *
pb_operation_id_name(const PbOperation *operation, int index)
{
	const char *open = strchr(operation->path, '{');

	for (; index > 0; index--)
		open = strchr(open + 1, '{');
	return pnstrdup(open + 1, strchr(open, '}') - open - 1);
}

/*
 * Finds the field that checks an id of the path, where the id is that of an
 * organization, or a text by whose name the resource has a field. NULL: the id
 * obeys the common pattern.
 */
const PbField *
pb_operation_id_field(const PbOperation *operation, int index)
{
	const char *name = pb_operation_id_name(operation, index);

	if (strcmp(name, pb_organization.fields[0].name) == 0)
		return &pb_organization.fields[0];
	if (operation->resource == NULL || operation->resource->prefix != NULL)
		return NULL;
	for (const PbField *field = operation->resource->fields;
		 field->name != NULL; field++)
		if (field->kind == PB_TEXT && strcmp(field->name, name) == 0)
			return field;
	return NULL;
}

/*
 * Fills errors with the statuses of its refusals, in ascending order; returns
 * how many.
 */
int
pb_operation_errors(const PbOperation *operation, int errors[PB_ERRORS_MAX])
{
	bool		has_ids = pb_operation_ids(operation) > 0;
	bool		has_body = operation->takes != 0;
	bool		has_input = has_ids || has_body ||
		operation->parameters != NULL;
	const struct
	{
		int			status;
		bool		may_be;
	}			all[] =
	{
		{400, has_input},
		{401, !operation->is_public},
		{403, !operation->is_public},
		{404, has_ids && !operation->tells_outsiders},
		{409, operation->conflicts},
		{412, operation->heeds_etag},
		{413, has_body},
		{415, has_body},
		{429, true},
		{503, operation->writes || operation->degraded == 503},
	};
	int			count = 0;

	StaticAssertStmt(lengthof(all) <= PB_ERRORS_MAX, "room for all");
	for (int i = 0; i < (int) lengthof(all); i++)
		if (all[i].may_be)
			errors[count++] = all[i].status;
	return count;
}

/*
 * The operation that gets what this one creates: its path has one more id.
 * NULL if there is none.
 */
const PbOperation *
pb_operation_of_created(const PbOperation *creates)
{
	size_t		length;

	if (creates->status != 201)
		return NULL;
	length = strlen(creates->path);
	for (int i = 0; i < PB_OPERATIONS; i++)
	{
		const PbOperation *found = &pb_operations[i];

		if (pb_operation_gets(found) &&
			strncmp(found->path, creates->path, length) == 0 &&
			strncmp(found->path + length, "/{", 2) == 0 &&
			strchr(found->path + length + 1, '/') == NULL)
			return found;
	}
	return NULL;
}
