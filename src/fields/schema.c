/*
 * schema.c
 *	  A field table as a JSON schema, in OpenAPI's dialect of it.
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "base/typeid.h"
#include "fields/schema.h"

/* The use of a schema decides which fields it has, and which are required. */
typedef enum Use
{
	CREATE,
	UPDATE,
	UPDATE_ITEM,				/* of a list in an update */
	VIEW,
	VIEW_ITEM					/* of a list in a view */
} Use;

static void put_members(StringInfo out, const PbField *fields, Use use);

/* Makes "CacheConfig" of "cache_config". */
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

/* A view that answers have in a member is named after that member too. */
const char *
pb_schema_view_name(const PbResource *resource)
{
	return psprintf("%s%s", pascal_case(resource->name),
					resource->around == NULL ? "" :
					pascal_case(resource->around));
}

const char *
pb_schema_create_name(const PbResource *resource)
{
	return psprintf("Create%sRequest", pascal_case(resource->name));
}

const char *
pb_schema_update_name(const PbResource *resource)
{
	return psprintf("Update%sRequest", pascal_case(resource->name));
}

const char *
pb_schema_list_name(const PbResource *resource)
{
	return psprintf("%sPage", pascal_case(resource->name));
}

/* Names the answer that has the view in a member. */
const char *
pb_schema_around_name(const PbResource *resource)
{
	return psprintf("%sAnswer", pascal_case(resource->name));
}

void
pb_schema_reference(StringInfo out, const char *name)
{
	pb_json_pair(out, "$ref", psprintf(PB_SCHEMAS "%s", name));
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

/* Only requests have patterns: a client need not judge an answer. */
static void
put_pattern(StringInfo out, const PbField *field, Use use)
{
	if (use == VIEW || use == VIEW_ITEM)
		return;
	if (field->rule != NULL && field->pattern == NULL)
		elog(ERROR, "the rule of %s has no pattern", field->name);
	pb_json_pair(out, "pattern", field->pattern != NULL ? field->pattern :
				 PB_TEXT_PATTERN);
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
put_number(StringInfo out, const PbField *field)
{
	static const char *const formats[] = {
		[PB_INTEGER] = "int32", [PB_LONG] = "int64", [PB_DOUBLE] = "double",
		[PB_DECIMAL] = NULL
	};

	pb_json_pair(out, "type",
				 field->kind == PB_DOUBLE || field->kind == PB_DECIMAL ?
				 "number" : "integer");
	if (formats[field->kind] != NULL)
		pb_json_pair(out, "format", formats[field->kind]);
	put_limit(out, "minimum", field->least);
	if (field->most > 0)
		put_limit(out, "maximum", field->most);
}

static Use
use_of_items(Use use)
{
	if (use == VIEW)
		return VIEW_ITEM;
	return use == UPDATE ? UPDATE_ITEM : use;
}

/* The items of a list are plain, or objects with members. */
static void
put_items(StringInfo out, const PbField *field, Use use)
{
	const PbField *item = field->fields;

	pb_json_pair(out, "type", "array");
	if (field->most > 0)
		put_limit(out, "maxItems", field->most);
	pb_json_open(out, "items");
	if (pb_field_lists_objects(field))
		put_members(out, item, use_of_items(use));
	else
	{
		pb_json_pair(out, "type", "string");
		put_text_limits(out, item);
		put_pattern(out, item, use);
	}
	pb_json_end(out, '}');
}

static void
put_type(StringInfo out, const PbField *field, Use use)
{
	switch (field->kind)
	{
		case PB_INTEGER:
		case PB_LONG:
		case PB_DOUBLE:
		case PB_DECIMAL:
			put_number(out, field);
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
	if (field->kind == PB_TEXT || field->kind == PB_SECRET)
		put_pattern(out, field, use);
	if (field->kind == PB_WORD)
		put_words(out, use == VIEW || field->settable == NULL ?
				  field->words : field->settable);
	else if (field->kind == PB_TIME)
		pb_json_pair(out, "format", "date-time");
	else if (field->kind == PB_SECRET)
		pb_json_pair(out, "format", "password");
	else if (field->kind == PB_ID)
		pb_json_pair(out, "pattern",
					 psprintf("^%s_[0-7][%s]{%d}$", field->prefix, pb_base32,
							  PB_TYPEID_SUFFIX - 1));
}

/* The default as JSON, or NULL. */
static const char *
default_of(const PbField *field)
{
	Datum		value;

	if (field->setting == NULL)
		return field->fallback;
	value = field->setting();
	if (field->kind == PB_BOOLEAN)
		return DatumGetBool(value) ? "true" : "false";
	return psprintf("\"%s\"", TextDatumGetCString(value));
}

/*
 * A default is told in words. The keyword "default" was rejected: generators
 * of clients take such a member for one that a request must have.
 */
static const char *
describe(const PbField *field, Use use)
{
	const char *fallback = use == CREATE ? default_of(field) : NULL;

	if (use == UPDATE && (field->flags & PB_BLANK_KEEPS))
		return psprintf("%s An empty text leaves it as it is.", field->about);
	if (use == UPDATE && (field->flags & PB_BLANK_RESETS))
		return psprintf("%s An empty text is as null.", field->about);
	return fallback == NULL ? field->about :
		psprintf("%s Default: %s.", field->about, fallback);
}

/* A reference stands alone, because readers ignore what is beside it. */
static void
put_field(StringInfo out, const PbField *field, Use use)
{
	pb_json_open(out, field->name);
	if (field->kind == PB_EMBEDDED)
		pb_schema_reference(out,
							pb_schema_create_name(pb_field_embedded(field)));
	else
	{
		put_type(out, field, use);
		if ((use == UPDATE && !(field->flags & (PB_REQUIRED | PB_KEPT))) ||
			(field->flags & PB_NULL_SHOWN))
		{
			pb_json_name(out, "nullable");
			pb_json_boolean(out, true);
		}
		if (field->about != NULL)
			pb_json_pair(out, "description", describe(field, use));
	}
	pb_json_end(out, '}');
}

static bool
is_part(const PbField *field, Use use)
{
	if (use == CREATE)
		return field->flags & PB_CREATE;
	return field->flags & (use == UPDATE || use == UPDATE_ITEM ?
						   PB_UPDATE : PB_SHOWN);
}

/* Whether a request must have the member, or an answer always has it. */
static bool
is_required(const PbField *field, Use use)
{
	if (use == VIEW)
		return !(field->flags & PB_NULLABLE) ||
			(field->flags & PB_BLANK_SHOWN);
	return use != UPDATE && (field->flags & PB_REQUIRED);
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
	pb_json_open(out, "properties");
	for (const PbField *field = fields; field->name != NULL; field++)
		if (is_part(field, use))
			put_field(out, field, use);
	pb_json_end(out, '}');
}

/* The object that answers have. */
void
pb_schema_view(StringInfo out, const PbResource *resource)
{
	put_members(out, resource->fields, VIEW);
}

/* The object that a create request is. */
void
pb_schema_create(StringInfo out, const PbResource *resource)
{
	put_members(out, resource->fields, CREATE);
}

/* The object that an update request is. */
void
pb_schema_update(StringInfo out, const PbResource *resource)
{
	put_members(out, resource->fields, UPDATE);
}

/* The schema of a parameter. */
void
pb_schema_parameter(StringInfo out, const PbField *field)
{
	put_type(out, field, CREATE);
}
