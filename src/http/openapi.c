/*
 * openapi.c
 *	  Writes the API's description (OpenAPI 3.0.3) from the operations and
 *	  their fields.
 */
#include "postgres.h"

#include "utils/formatting.h"

#include "base/text.h"
#include "fields/schema.h"
#include "http/openapi.h"

/* Appends constant JSON, written with ' in place of " to save escapes. */
static void
append_fixed(StringInfo out, const char *json)
{
	for (; *json != '\0'; json++)
		appendStringInfoCharMacro(out, *json == '\'' ? '"' : *json);
}

/* The field that embeds another resource in a create request, or NULL. */
static const PbField *
embedded_in(const PbResource *resource)
{
	for (const PbField *f = resource->fields; f->name != NULL; f++)
		if (f->kind == PB_EMBEDDED)
			return f;
	return NULL;
}

/*
 * A create that embeds another resource answers with both. This is the
 * embedded one, or NULL.
 */
static const PbResource *
given_beside(const PbOperation *operation)
{
	const PbField *embedded = operation->takes != PB_CREATE ? NULL :
		embedded_in(operation->resource);

	return embedded == NULL ? NULL : pb_field_embedded(embedded);
}

static bool
gives_many(const PbOperation *operation)
{
	return operation->gives == PB_GIVES_PAGE ||
		operation->gives == PB_GIVES_LIST;
}

/*
 * A schema must not be named as an operation with "Response" appended: client
 * generators use that name for the operation's answer.
 */
static const char *
response_name(const PbOperation *operation)
{
	if (gives_many(operation))
		return pb_schema_list_name(operation->resource);
	if (operation->resource->around != NULL)
		return pb_schema_around_name(operation->resource);
	return psprintf("%s%s", given_beside(operation) == NULL ? "" : "Created",
					pb_schema_view_name(operation->resource));
}

/* A PUT takes the members of a create, but creates nothing; so may a PATCH. */
static bool
puts_it(const PbOperation *operation)
{
	return operation->takes == PB_CREATE && operation->status != 201;
}

static const char *
request_name(const PbOperation *operation)
{
	return operation->takes == PB_UPDATE || puts_it(operation) ?
		pb_schema_update_name(operation->resource) :
		pb_schema_create_name(operation->resource);
}

static void
put_part(StringInfo out, const PbResource *resource)
{
	pb_json_open(out, resource->name);
	pb_schema_reference(out, pb_schema_view_name(resource));
	pb_json_end(out, '}');
}

/* Whether a create request may do without the embedded resource. */
static bool
may_lack(const PbResource *taken)
{
	const PbField *embedded = embedded_in(taken);

	return embedded->may_be_none != NULL && *embedded->may_be_none;
}

static void
put_response_schema(StringInfo out, const PbOperation *operation)
{
	const PbResource *beside = given_beside(operation);

	pb_json_open(out, response_name(operation));
	pb_json_pair(out, "type", "object");
	pb_json_name(out, "required");
	pb_json_begin(out, '[');
	pb_json_string(out, operation->resource->name);
	if (!may_lack(operation->resource))
	{
		pb_json_next(out);
		pb_json_string(out, beside->name);
	}
	pb_json_end(out, ']');
	pb_json_open(out, "properties");
	put_part(out, operation->resource);
	put_part(out, beside);
	pb_json_end(out, '}');
	pb_json_end(out, '}');
}

/* Whether a name is defined already. */
static bool
is_new(StringInfo defined, const char *name)
{
	const char *entry = psprintf(" %s ", name);

	if (strstr(defined->data, entry) != NULL)
		return false;
	appendStringInfoString(defined, entry);
	return true;
}

static void
put_view(StringInfo out, StringInfo defined, const PbResource *resource)
{
	if (resource == NULL || !is_new(defined, pb_schema_view_name(resource)))
		return;
	pb_json_open(out, pb_schema_view_name(resource));
	pb_schema_view(out, resource);
	pb_json_end(out, '}');
}

static void
put_create(StringInfo out, StringInfo defined, const PbResource *resource)
{
	if (resource == NULL || !is_new(defined, pb_schema_create_name(resource)))
		return;
	pb_json_open(out, pb_schema_create_name(resource));
	pb_schema_create(out, resource);
	pb_json_end(out, '}');
}

static void
put_request(StringInfo out, StringInfo defined, const PbOperation *operation)
{
	if (operation->takes == PB_CREATE && !puts_it(operation))
		put_create(out, defined, operation->resource);
	else if (operation->takes != 0 &&
			 is_new(defined, request_name(operation)))
	{
		pb_json_open(out, request_name(operation));
		if (puts_it(operation))
			pb_schema_create(out, operation->resource);
		else
			pb_schema_update(out, operation->resource);
		pb_json_end(out, '}');
	}
}

/* Describes the answer that has one row in a member. */
static void
put_around(StringInfo out, StringInfo defined, const PbOperation *operation)
{
	const char *around;

	if (operation->gives != PB_GIVES_ONE ||
		operation->resource->around == NULL ||
		!is_new(defined, response_name(operation)))
		return;
	around = operation->resource->around;
	pb_json_open(out, response_name(operation));
	append_fixed(out, "'type':'object','required':[");
	pb_json_string(out, around);
	append_fixed(out, "],'properties':{");
	pb_json_open(out, around);
	pb_schema_reference(out, pb_schema_view_name(operation->resource));
	append_fixed(out, "}}}");
}

/*
 * A list has its items, and a page of one the next page's token and the total
 * where the operation counts.
 */
static void
put_list(StringInfo out, StringInfo defined, const PbOperation *operation)
{
	if (!gives_many(operation) ||
		!is_new(defined, response_name(operation)))
		return;
	pb_json_open(out, response_name(operation));
	append_fixed(out, "'type':'object','required':[");
	pb_json_string(out, operation->resource->plural);
	append_fixed(out, operation->counts ? ",'total']" : "]");
	pb_json_open(out, "properties");
	pb_json_open(out, operation->resource->plural);
	append_fixed(out, "'type':'array','items':{");
	pb_schema_reference(out, pb_schema_view_name(operation->resource));
	append_fixed(out, "}}");
	if (operation->counts)
		append_fixed(out, ",'total':{'type':'integer','description':'The number of items on all pages.'}");
	if (operation->gives == PB_GIVES_PAGE)
		append_fixed(out, ",'next_page_token':{'type':'string','pattern':'" PB_PATH_ID_PATTERN "','description':'Absent on the last page.'}");
	append_fixed(out, "}}");
}

static void
put_schemas(StringInfo out, const PbOperation *operations, int count)
{
	StringInfoData defined;

	initStringInfo(&defined);
	for (int i = 0; i < count; i++)
	{
		const PbResource *beside = given_beside(&operations[i]);

		if (operations[i].gives != PB_GIVES_OTHER)
			put_view(out, &defined, operations[i].resource);
		put_view(out, &defined, beside);
		put_request(out, &defined, &operations[i]);
		put_create(out, &defined, beside);
		put_list(out, &defined, &operations[i]);
		put_around(out, &defined, &operations[i]);
		if (beside != NULL && is_new(&defined, response_name(&operations[i])))
			put_response_schema(out, &operations[i]);
	}
}

/* All ids share a pattern, except texts, which have a field. */
static void
put_path_schema(StringInfo out, const PbField *field)
{
	pb_json_open(out, "schema");
	if (field != NULL)
		pb_schema_parameter(out, field);
	else
		append_fixed(out, "'type':'string','pattern':'" PB_PATH_ID_PATTERN "'");
	pb_json_end(out, '}');
}

static void
put_path_parameters(StringInfo out, const PbOperation *operation)
{
	for (int i = 0; i < pb_operation_ids(operation); i++)
	{
		pb_json_next(out);
		pb_json_begin(out, '{');
		pb_json_pair(out, "name", pb_operation_id_name(operation, i));
		append_fixed(out, ",'in':'path','required':true");
		put_path_schema(out, pb_operation_id_field(operation, i));
		pb_json_end(out, '}');
	}
}

static void
put_query_parameters(StringInfo out, const PbField *fields)
{
	for (const PbField *field = fields; field->name != NULL; field++)
	{
		pb_json_next(out);
		pb_json_begin(out, '{');
		pb_json_pair(out, "name", field->name);
		pb_json_pair(out, "in", "query");
		if (field->flags & PB_REQUIRED)
			append_fixed(out, ",'required':true");
		pb_json_pair(out, "description", field->about);
		pb_json_open(out, "schema");
		pb_schema_parameter(out, field);
		append_fixed(out, "}}");
	}
}

static void
put_reference(StringInfo out, const char *component)
{
	pb_json_pair(out, "$ref", psprintf("#/components/%s", component));
}

/* The header that names an ETag, where the operation looks at one. */
static void
put_condition(StringInfo out, const PbOperation *operation)
{
	if (!pb_operation_has_etag(operation))
		return;
	pb_json_next(out);
	pb_json_begin(out, '{');
	put_reference(out, pb_operation_gets(operation) ?
				  "parameters/IfNoneMatch" : "parameters/IfMatch");
	pb_json_end(out, '}');
}

static void
put_parameters(StringInfo out, const PbOperation *operation)
{
	pb_json_name(out, "parameters");
	pb_json_begin(out, '[');
	put_path_parameters(out, operation);
	if (operation->parameters != NULL)
		put_query_parameters(out, operation->parameters->fields);
	put_condition(out, operation);
	pb_json_end(out, ']');
}

static void
put_content(StringInfo out, const char *schema)
{
	pb_json_open(out, "content");
	pb_json_open(out, "application/json");
	pb_json_open(out, "schema");
	if (schema != NULL)
		pb_schema_reference(out, schema);
	else
		pb_json_pair(out, "type", "object");
	pb_json_end(out, '}');
	pb_json_end(out, '}');
	pb_json_end(out, '}');
}

/* The header that an answer has of its own. */
static void
put_headers(StringInfo out, const PbOperation *operation, int status)
{
	const char *name = pb_operation_of_created(operation) != NULL ?
		"Location" : status == 200 && pb_operation_has_etag(operation) ?
		"ETag" : NULL;

	if (name == NULL)
		return;
	pb_json_open(out, "headers");
	pb_json_open(out, name);
	put_reference(out, psprintf("headers/%s", name));
	pb_json_end(out, '}');
	pb_json_end(out, '}');
}

static void
put_answer(StringInfo out, const PbOperation *operation, int status)
{
	pb_json_open(out, psprintf("%d", status));
	pb_json_pair(out, "description", operation->about);
	put_headers(out, operation, status);
	if (operation->status != 204)
		put_content(out, operation->gives == PB_GIVES_OTHER ? NULL :
					response_name(operation));
	pb_json_end(out, '}');
}

/* An answer that stands among the components. */
static void
put_shared_answer(StringInfo out, int status, const char *component)
{
	pb_json_open(out, psprintf("%d", status));
	put_reference(out, component);
	pb_json_end(out, '}');
}

static void
put_responses(StringInfo out, const PbOperation *operation)
{
	int			errors[PB_ERRORS_MAX];
	int			count = pb_operation_errors(operation, errors);

	pb_json_open(out, "responses");
	put_answer(out, operation, operation->status);
	if (operation->degraded != 0)
		put_answer(out, operation, operation->degraded);
	if (pb_operation_gets(operation))
		put_shared_answer(out, 304, "responses/Unchanged");
	for (int i = 0; i < count; i++)
		if (errors[i] != operation->degraded)
			put_shared_answer(out, errors[i], "responses/Refusal");
	pb_json_end(out, '}');
}

static void
put_operation(StringInfo out, const PbOperation *operation)
{
	pb_json_open(out,
				 asc_tolower(operation->method, strlen(operation->method)));
	pb_json_pair(out, "operationId", operation->name);
	pb_json_pair(out, "summary", operation->about);
	put_parameters(out, operation);
	if (operation->takes != 0)
	{
		pb_json_open(out, "requestBody");
		pb_json_name(out, "required");
		pb_json_boolean(out, true);
		put_content(out, request_name(operation));
		pb_json_end(out, '}');
	}
	put_responses(out, operation);
	if (operation->is_public)
	{
		pb_json_name(out, "security");
		pb_json_begin(out, '[');
		pb_json_end(out, ']');
	}
	pb_json_end(out, '}');
}

/* The table has the operations of one path side by side. */
static void
put_paths(StringInfo out, const PbOperation *operations, int count)
{
	pb_json_open(out, "paths");
	for (int i = 0; i < count; i++)
	{
		if (i == 0 || strcmp(operations[i].path, operations[i - 1].path) != 0)
			pb_json_open(out, operations[i].path);
		put_operation(out, &operations[i]);
		if (i == count - 1 ||
			strcmp(operations[i].path, operations[i + 1].path) != 0)
			pb_json_end(out, '}');
	}
	pb_json_end(out, '}');
}

static const char head[] =
"{'openapi':'3.0.3',"
"'info':{'title':'pgbeam','version':'" PGBEAM_VERSION "',"
"'description':'Compatible with the published API of PgBeam, not affiliated with it.',"
"'license':{'name':'PostgreSQL','url':'https://www.postgresql.org/about/licence/'}},"
"'servers':[{'url':'/'}],"
"'security':[{'BearerAuth':[]},{'ApiKeyAuth':[]},{'ApiKeyHeader':[]}]";

#define PROBLEM_REQUIRED "'type','title','status','detail','code','request_id'"
#define PROBLEM_MEMBERS \
"'type':{'type':'string','format':'uri'}," \
"'title':{'type':'string'}," \
"'status':{'type':'integer'}," \
"'detail':{'type':'string'}," \
"'code':{'type':'string','description':'More codes may be added.'}," \
"'request_id':{'type':'string','description':'The same as the header X-Request-Id.'}," \
"'errors':{'$ref':'" PB_SCHEMAS "Problems'}"

/* Refusals, which are the same for all operations. */
static const char refusal_schemas[] =
"'Problems':{'type':'array','description':'Members at fault, up to 20.',"
"'items':{'type':'object','required':['field','detail'],'properties':{"
"'field':{'type':'string','description':'Dotted path; items as name[index].'},"
"'detail':{'type':'string'}}}},"
"'Error':{'type':'object','description':'The problem document, with the member error for older clients.',"
"'required':['error'," PROBLEM_REQUIRED "],'properties':{"
"'error':{'type':'object','required':['code','message'],'properties':{"
"'code':{'type':'string','description':'More codes may be added.'},"
"'message':{'type':'string'},"
"'errors':{'$ref':'" PB_SCHEMAS "Problems'}}},"
PROBLEM_MEMBERS "}},"
"'ProblemDocument':{'type':'object','description':'RFC 9457.',"
"'required':[" PROBLEM_REQUIRED "],'properties':{"
"'instance':{'type':'string','description':'The path of the request.'},"
PROBLEM_MEMBERS "}}";

/* of a header: printable ASCII and tabs */
#define HEADER_SCHEMA "'type':'string','pattern':'^[\\\\x20-\\\\x7E\\\\t]+$'"

static const char other_components[] =
",'parameters':{"
"'IfNoneMatch':{'name':'If-None-Match','in':'header','description':'ETags of answers that the client has, or *: the answer is 304 if it would be one of them.','schema':{" HEADER_SCHEMA "}},"
"'IfMatch':{'name':'If-Match','in':'header','description':'ETags of answers that the change is based on, or *: it is made only if the answer still has one of them.','schema':{" HEADER_SCHEMA "}}},"
"'headers':{"
"'ETag':{'description':'Another one for another answer.','schema':{'type':'string'}},"
"'Location':{'description':'The path of what was created.','schema':{'type':'string'}}},"
"'responses':{"
"'Unchanged':{'description':'The client has this answer already.','headers':{'ETag':{'$ref':'#/components/headers/ETag'}}},"
"'Refusal':{'description':'The request is refused.','content':{"
"'application/json':{'schema':{'$ref':'" PB_SCHEMAS "Error'}},"
"'application/problem+json':{'schema':{'$ref':'" PB_SCHEMAS "ProblemDocument'}}}}},"
"'securitySchemes':{"
"'BearerAuth':{'type':'http','scheme':'bearer','bearerFormat':'JWT'},"
"'ApiKeyAuth':{'type':'http','scheme':'bearer'},"
"'ApiKeyHeader':{'type':'apiKey','in':'header','name':'X-API-Key'}}";

/* Appends the document. */
void
pb_openapi(StringInfo out, const PbOperation *operations, int count)
{
	append_fixed(out, head);
	put_paths(out, operations, count);
	pb_json_open(out, "components");
	pb_json_open(out, "schemas");
	put_schemas(out, operations, count);
	pb_json_next(out);
	append_fixed(out, refusal_schemas);
	pb_json_end(out, '}');
	append_fixed(out, other_components);
	pb_json_end(out, '}');
	pb_json_end(out, '}');
}
