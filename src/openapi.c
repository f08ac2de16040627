/*
 * openapi.c
 *	  The API's description (OpenAPI 3.0.3), from routes and field tables.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/formatting.h"

#include "openapi.h"
#include "text.h"
#include "typeid.h"

#define SCHEMAS "#/components/schemas/"

/* What a schema is for: which fields it has, and which must be there. */
typedef enum Use
{
	REQUEST,
	VIEW,
	VIEW_ITEM					/* of a list in a view */
} Use;

static void put_members(StringInfo out, const PbField *fields, Use use);

/* "cache_config" as "CacheConfig". */
static const char *
pascal_case(const char *name)
{
	StringInfoData out;
	bool		starts = true;

	initStringInfo(&out);
	for (; *name != '\0'; name++)
	{
		if (*name != '_')
			appendStringInfoChar(&out,
								 starts ? pg_ascii_toupper(*name) : *name);
		starts = *name == '_';
	}
	return out.data;
}

static const char *
view_name(const PbResource *resource)
{
	return pascal_case(resource->name);
}

static const char *
request_name(const PbResource *resource)
{
	return psprintf("Create%sRequest", pascal_case(resource->name));
}

static void
open_object(StringInfo out, const char *name)
{
	pb_json_name(out, name);
	pb_json_begin(out, '{');
}

static void
put_reference(StringInfo out, const char *name)
{
	pb_json_pair(out, "$ref", psprintf(SCHEMAS "%s", name));
}

static void
put_limit(StringInfo out, const char *name, int limit)
{
	pb_json_name(out, name);
	pb_json_number(out, limit);
}

static void
put_text_limits(StringInfo out, const PbField *field)
{
	if (field->least > 0)
		put_limit(out, "minLength", field->least);
	if (field->most > 0)
		put_limit(out, "maxLength", field->most);
}

static void
put_words(StringInfo out, const char *const *words)
{
	pb_json_name(out, "enum");
	pb_json_begin(out, '[');
	for (int i = 0; words[i] != NULL; i++)
	{
		pb_json_next(out);
		pb_json_string(out, words[i]);
	}
	pb_json_end(out, ']');
}

static void
put_integer(StringInfo out, const PbField *field)
{
	pb_json_pair(out, "type", "integer");
	pb_json_pair(out, "format", "int32");
	put_limit(out, "minimum", field->least);
	if (field->most > 0)
		put_limit(out, "maximum", field->most);
}

/* A list's items are plain, or objects with members. */
static void
put_items(StringInfo out, const PbField *field, Use use)
{
	const PbField *item = field->fields;

	pb_json_pair(out, "type", "array");
	if (field->most > 0)
		put_limit(out, "maxItems", field->most);
	open_object(out, "items");
	if (pb_field_lists_objects(field))
		put_members(out, item, use == VIEW ? VIEW_ITEM : use);
	else
	{
		pb_json_pair(out, "type", "string");
		put_text_limits(out, item);
	}
	pb_json_end(out, '}');
}

static void
put_type(StringInfo out, const PbField *field, Use use)
{
	switch (field->kind)
	{
		case PB_INTEGER:
			put_integer(out, field);
			break;
		case PB_BOOLEAN:
			pb_json_pair(out, "type", "boolean");
			break;
		case PB_LIST:
			put_items(out, field, use);
			break;
		case PB_OBJECT:
			put_members(out, field->fields, use);
			break;
		default:
			pb_json_pair(out, "type", "string");
			put_text_limits(out, field);
			break;
	}
	if (field->kind == PB_WORD)
		put_words(out, field->words);
	else if (field->kind == PB_TIME)
		pb_json_pair(out, "format", "date-time");
	else if (field->kind == PB_SECRET)
		pb_json_pair(out, "format", "password");
	else if (field->kind == PB_ID)
		pb_json_pair(out, "pattern",
					 psprintf("^%s_[0-7][%s]{%d}$", field->prefix, pb_base32,
							  PB_TYPEID_SUFFIX - 1));
}

static void
put_default(StringInfo out, const PbField *field)
{
	Datum		value;

	if (field->setting == NULL && field->fallback == NULL)
		return;
	pb_json_name(out, "default");
	if (field->setting == NULL)
	{
		appendStringInfoString(out, field->fallback);
		return;
	}
	value = field->setting();
	if (field->kind == PB_BOOLEAN)
		pb_json_boolean(out, DatumGetBool(value));
	else
		pb_json_string(out, TextDatumGetCString(value));
}

/* A reference stands alone: whatever is beside it is not read. */
static void
put_field(StringInfo out, const PbField *field, Use use)
{
	open_object(out, field->name);
	if (field->kind == PB_EMBEDDED)
		put_reference(out, request_name(field->resource));
	else
	{
		put_type(out, field, use);
		if (field->about != NULL)
			pb_json_pair(out, "description", field->about);
		if (use == REQUEST)
			put_default(out, field);
	}
	pb_json_end(out, '}');
}

static bool
is_part(const PbField *field, Use use)
{
	return field->flags & (use == REQUEST ? PB_CREATE : PB_SHOWN);
}

/* Whether a request must have the member, or an answer always has it. */
static bool
is_required(const PbField *field, Use use)
{
	if (use == VIEW)
		return !(field->flags & (PB_NULLABLE | PB_QUIET));
	return field->flags & PB_REQUIRED;
}

static void
put_required(StringInfo out, const PbField *fields, Use use)
{
	bool		any = false;

	for (const PbField *f = fields; f->name != NULL; f++)
	{
		if (!is_part(f, use) || !is_required(f, use))
			continue;
		if (any)
			pb_json_next(out);
		else
		{
			pb_json_name(out, "required");
			pb_json_begin(out, '[');
		}
		pb_json_string(out, f->name);
		any = true;
	}
	if (any)
		pb_json_end(out, ']');
}

/* An object with the fields of that use. */
static void
put_members(StringInfo out, const PbField *fields, Use use)
{
	pb_json_pair(out, "type", "object");
	put_required(out, fields, use);
	open_object(out, "properties");
	for (const PbField *field = fields; field->name != NULL; field++)
		if (is_part(field, use))
			put_field(out, field, use);
	pb_json_end(out, '}');
}

static void
put_schema(StringInfo out, const char *name, const PbResource *resource,
		   Use use)
{
	open_object(out, name);
	put_members(out, resource->fields, use);
	pb_json_end(out, '}');
}

/* What a create request of the resource has within it, or NULL. */
static const PbResource *
embedded_in(const PbResource *resource)
{
	for (const PbField *f = resource->fields; f->name != NULL; f++)
		if (f->kind == PB_EMBEDDED)
			return f->resource;
	return NULL;
}

/* A create that embeds another resource answers with both, by name. */
static const PbResource *
given_beside(const PbRoute *route)
{
	return route->takes == NULL ? NULL : embedded_in(route->takes);
}

static const char *
response_name(const PbRoute *route)
{
	return given_beside(route) == NULL ? view_name(route->gives) :
		psprintf("Create%sResponse", view_name(route->gives));
}

static void
put_part(StringInfo out, const PbResource *resource)
{
	open_object(out, resource->name);
	put_reference(out, view_name(resource));
	pb_json_end(out, '}');
}

static void
put_response_schema(StringInfo out, const PbRoute *route)
{
	const PbResource *beside = given_beside(route);

	open_object(out, response_name(route));
	pb_json_pair(out, "type", "object");
	pb_json_name(out, "required");
	pb_json_begin(out, '[');
	pb_json_string(out, route->gives->name);
	pb_json_next(out);
	pb_json_string(out, beside->name);
	pb_json_end(out, ']');
	open_object(out, "properties");
	put_part(out, route->gives);
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
	if (resource != NULL && is_new(defined, view_name(resource)))
		put_schema(out, view_name(resource), resource, VIEW);
}

static void
put_request(StringInfo out, StringInfo defined, const PbResource *resource)
{
	if (resource != NULL && is_new(defined, request_name(resource)))
		put_schema(out, request_name(resource), resource, REQUEST);
}

static void
put_schemas(StringInfo out, const PbRoute *routes, int count)
{
	StringInfoData defined;

	initStringInfo(&defined);
	for (int i = 0; i < count; i++)
	{
		const PbResource *beside = given_beside(&routes[i]);

		put_view(out, &defined, routes[i].gives);
		put_view(out, &defined, beside);
		put_request(out, &defined, routes[i].takes);
		put_request(out, &defined, beside);
		if (beside != NULL && is_new(&defined, response_name(&routes[i])))
			put_response_schema(out, &routes[i]);
	}
}

/* Of a path, the parameters in it. */
static void
put_parameters(StringInfo out, const char *path)
{
	const char *open;

	pb_json_name(out, "parameters");
	pb_json_begin(out, '[');
	while ((open = strchr(path, '{')) != NULL)
	{
		const char *close = strchr(open, '}');

		pb_json_next(out);
		pb_json_begin(out, '{');
		pb_json_pair(out, "name", pnstrdup(open + 1, close - open - 1));
		pb_json_pair(out, "in", "path");
		pb_json_name(out, "required");
		pb_json_boolean(out, true);
		open_object(out, "schema");
		pb_json_pair(out, "type", "string");
		pb_json_pair(out, "pattern", "^[a-zA-Z0-9_.-]+$");
		pb_json_end(out, '}');
		pb_json_end(out, '}');
		path = close;
	}
	pb_json_end(out, ']');
}

static void
put_content(StringInfo out, const char *schema)
{
	open_object(out, "content");
	open_object(out, "application/json");
	open_object(out, "schema");
	if (schema != NULL)
		put_reference(out, schema);
	else
		pb_json_pair(out, "type", "object");
	pb_json_end(out, '}');
	pb_json_end(out, '}');
	pb_json_end(out, '}');
}

static void
put_success(StringInfo out, const PbRoute *route)
{
	open_object(out, psprintf("%d", route->status));
	pb_json_pair(out, "description", route->about);
	if (route->location != NULL)
	{
		open_object(out, "headers");
		open_object(out, "Location");
		open_object(out, "schema");
		pb_json_pair(out, "type", "string");
		pb_json_end(out, '}');
		pb_json_end(out, '}');
		pb_json_end(out, '}');
	}
	if (route->status != 204)
		put_content(out,
					route->gives == NULL ? NULL : response_name(route));
	pb_json_end(out, '}');
}

static void
put_responses(StringInfo out, const PbRoute *route)
{
	open_object(out, "responses");
	put_success(out, route);
	for (const int *status = route->errors; *status != 0; status++)
	{
		open_object(out, psprintf("%d", *status));
		pb_json_pair(out, "$ref", "#/components/responses/Refusal");
		pb_json_end(out, '}');
	}
	pb_json_end(out, '}');
}

static void
put_operation(StringInfo out, const PbRoute *route)
{
	open_object(out, asc_tolower(route->method, strlen(route->method)));
	pb_json_pair(out, "operationId", route->operation);
	pb_json_pair(out, "summary", route->about);
	put_parameters(out, route->path);
	if (route->takes != NULL)
	{
		open_object(out, "requestBody");
		pb_json_name(out, "required");
		pb_json_boolean(out, true);
		put_content(out, request_name(route->takes));
		pb_json_end(out, '}');
	}
	put_responses(out, route);
	if (route->is_public)
	{
		pb_json_name(out, "security");
		pb_json_begin(out, '[');
		pb_json_end(out, ']');
	}
	pb_json_end(out, '}');
}

/* Routes of one path stand together in the table. */
static void
put_paths(StringInfo out, const PbRoute *routes, int count)
{
	open_object(out, "paths");
	for (int i = 0; i < count; i++)
	{
		if (i == 0 || strcmp(routes[i].path, routes[i - 1].path) != 0)
			open_object(out, routes[i].path);
		put_operation(out, &routes[i]);
		if (i == count - 1 || strcmp(routes[i].path, routes[i + 1].path) != 0)
			pb_json_end(out, '}');
	}
	pb_json_end(out, '}');
}

/* JSON with ' for ", which it has not. */
static void
append_fixed(StringInfo out, const char *json)
{
	for (; *json != '\0'; json++)
		appendStringInfoCharMacro(out, *json == '\'' ? '"' : *json);
}

static const char head[] =
"{'openapi':'3.0.3',"
"'info':{'title':'pgbeam','version':'" PGBEAM_VERSION "',"
"'description':'Compatible with the published API of PgBeam, not affiliated with it.',"
"'license':{'name':'PostgreSQL','url':'https://www.postgresql.org/about/licence/'}},"
"'servers':[{'url':'/'}],"
"'security':[{'BearerAuth':[]},{'ApiKeyAuth':[]},{'ApiKeyHeader':[]}]";

/* Refusals, which are the same for all operations. */
static const char refusal_schemas[] =
"'Problems':{'type':'array','description':'Members at fault, up to 20.',"
"'items':{'type':'object','required':['field','detail'],'properties':{"
"'field':{'type':'string','description':'Dotted path; items as name[index].'},"
"'detail':{'type':'string'}}}},"
"'Error':{'type':'object','required':['error'],'properties':{"
"'error':{'type':'object','required':['code','message'],'properties':{"
"'code':{'type':'string','description':'An open set.'},"
"'message':{'type':'string'},"
"'errors':{'$ref':'" SCHEMAS "Problems'}}}}},"
"'ProblemDocument':{'type':'object','description':'RFC 9457.',"
"'required':['type','title','status','code','request_id'],'properties':{"
"'type':{'type':'string','format':'uri'},"
"'title':{'type':'string'},"
"'status':{'type':'integer'},"
"'detail':{'type':'string'},"
"'instance':{'type':'string'},"
"'code':{'type':'string'},"
"'request_id':{'type':'string'},"
"'errors':{'$ref':'" SCHEMAS "Problems'}}}";

static const char other_components[] =
",'responses':{'Refusal':{'description':'The request is refused.','content':{"
"'application/json':{'schema':{'$ref':'" SCHEMAS "Error'}},"
"'application/problem+json':{'schema':{'$ref':'" SCHEMAS "ProblemDocument'}}}}},"
"'securitySchemes':{"
"'BearerAuth':{'type':'http','scheme':'bearer','bearerFormat':'JWT'},"
"'ApiKeyAuth':{'type':'http','scheme':'bearer'},"
"'ApiKeyHeader':{'type':'apiKey','in':'header','name':'X-API-Key'}}";

/* Appends the document. */
void
pb_openapi(StringInfo out, const PbRoute *routes, int count)
{
	append_fixed(out, head);
	put_paths(out, routes, count);
	open_object(out, "components");
	open_object(out, "schemas");
	put_schemas(out, routes, count);
	pb_json_next(out);
	append_fixed(out, refusal_schemas);
	pb_json_end(out, '}');
	append_fixed(out, other_components);
	pb_json_end(out, '}');
	pb_json_end(out, '}');
}
