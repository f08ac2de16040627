/*
 * check.c
 *	  Checks a request by the field table: it gives values, or problems.
 *
 * All problems are collected, in the order of the table. No message holds a
 * value of the request.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "base/instant.h"
#include "base/sql.h"
#include "base/text.h"
#include "base/typeid.h"
#include "fields/check.h"
#include "fields/rule.h"

typedef struct Check
{
	PbRow	   *row;
	PbFaults   *faults;
	PbFaults   *ignored;		/* takes unknown members */
	int			asked;			/* flag of the members it may have */
	int			leaf;			/* the next one */
	int			found;			/* members met so far */
	bool		unknown;		/* there are members beside them */
	bool		resets;			/* below an object that is null */
} Check;

typedef struct Unknown
{
	Check	   *check;
	const PbField *fields;
	const PbPath *up;
} Unknown;

static const char *
type_rule(const PbField *field)
{
	switch (field->kind)
	{
		case PB_INTEGER:
		case PB_LONG:
			return "must be an integer";
		case PB_DOUBLE:
		case PB_DECIMAL:
			return "must be a number";
		case PB_BOOLEAN:
			return "must be a boolean";
		case PB_LIST:
			return "must be an array";
		case PB_OBJECT:
		case PB_EMBEDDED:
			return "must be an object";
		default:
			return "must be a string";
	}
}

/* Whether a string begins with the bracket, after white space as in JSON. */
static bool
begins_with(const PbJson *value, char bracket)
{
	int			i = 0;

	if (value->type != PB_JSON_TEXT)
		return false;
	while (i < value->length && strchr(" \t\n\r", value->text[i]) != NULL)
		i++;
	return i < value->length && value->text[i] == bracket;
}

/* What to write instead, where a string stands in place of an object. */
static const char *
object_hint(const PbJson *value)
{
	if (value->type != PB_JSON_TEXT)
		return NULL;
	if (begins_with(value, '{'))
		return "Write the object itself, not a string that holds it.";
	return "pgbeam.fields() lists the members that the object has.";
}

static bool
is_numeric(const PbField *field)
{
	return field->kind == PB_INTEGER || field->kind == PB_LONG ||
		field->kind == PB_DOUBLE || field->kind == PB_DECIMAL;
}

static const char *
value_hint(const PbField *field, const PbJson *value)
{
	if (field->hint != NULL || value->type != PB_JSON_TEXT)
		return field->hint;
	if (is_numeric(field))
		return "Write the number without quotes.";
	if (field->kind == PB_BOOLEAN)
		return "Write true or false without quotes.";
	if (field->kind == PB_LIST && begins_with(value, '['))
		return "Write the array itself, not a string that holds it.";
	if (field->kind == PB_OBJECT || field->kind == PB_EMBEDDED)
		return object_hint(value);
	return NULL;
}

static const char *
text_problem(const PbField *field, const PbJson *value)
{
	return pb_rule_text(field, value->text, value->length);
}

static const char *
integer_problem(const PbField *field, PbNumber number, int64 integer)
{
	if (number == PB_NUMBER_FRACTION)
		return type_rule(field);
	if (number == PB_NUMBER_TOO_SMALL)
		return pb_rule_least(field);
	if (number == PB_NUMBER_TOO_LARGE)
		return pb_rule_most(field);
	return pb_rule_integer(field, integer);
}

/* Stores a number of any kind, or returns the broken rule. */
static const char *
take_number(PbRow *row, int leaf, const PbField *field, const PbJson *value)
{
	const char *problem;
	PbNumber	number;
	int32		integer;
	int64		big;
	double		any;
	Datum		decimal;

	if (field->kind == PB_DECIMAL)
	{
		decimal = pb_json_numeric(value);
		problem = pb_rule_decimal(field, decimal);
		if (problem == NULL)
			pb_row_set(row, leaf, decimal);
	}
	else if (field->kind == PB_DOUBLE)
	{
		any = pb_json_double(value);
		problem = pb_rule_number(field, any);
		if (problem == NULL)
			pb_row_set(row, leaf, Float8GetDatum(any));
	}
	else if (field->kind == PB_LONG)
	{
		number = pb_json_big_integer(value, &big);
		problem = integer_problem(field, number, big);
		if (problem == NULL)
			pb_row_set(row, leaf, Int64GetDatum(big));
	}
	else
	{
		number = pb_json_integer(value, &integer);
		problem = integer_problem(field, number, integer);
		if (problem == NULL)
			pb_row_set(row, leaf, Int32GetDatum(integer));
	}
	return problem;
}

/* Reads a list of texts as text[]. The problems of its items go to faults. */
static const char *
list_problem(const PbField *field, const PbJson *value, const PbPath *path,
			 PbFaults *faults, Datum *array)
{
	const PbField *item_field = field->fields;
	Datum	   *items;
	int			before = faults->count;
	const char *too_many = pb_rule_count(field, value->size);

	if (too_many != NULL)
		return too_many;
	items = palloc(value->size * sizeof(Datum));
	for (int i = 0; i < value->size; i++)
	{
		PbPath		item_path = {path, NULL, i};
		PbJson		item;
		const char *problem;

		(void) pb_json_item(value, i, &item);
		problem = item.type == PB_JSON_TEXT ? text_problem(item_field, &item) :
			type_rule(item_field);
		if (problem != NULL)
			pb_fault_problem(faults, &item_path, problem, NULL);
		else
			items[i] = PointerGetDatum(cstring_to_text_with_len(item.text,
																item.length));
	}
	if (faults->count == before)
		*array = PointerGetDatum(construct_array(items, value->size, TEXTOID,
												 -1, false, TYPALIGN_INT));
	return NULL;
}

static bool
type_fits(const PbField *field, const PbJson *value)
{
	switch (field->kind)
	{
		case PB_INTEGER:
		case PB_LONG:
		case PB_DOUBLE:
		case PB_DECIMAL:
			return value->type == PB_JSON_NUMBER;
		case PB_BOOLEAN:
			return value->type == PB_JSON_BOOLEAN;
		case PB_LIST:
			return value->type == PB_JSON_ARRAY;
		case PB_OBJECT:
		case PB_EMBEDDED:
			return value->type == PB_JSON_OBJECT;
		default:
			return value->type == PB_JSON_TEXT;
	}
}

static bool
is_blank(const PbJson *value)
{
	return value->type == PB_JSON_TEXT && value->length == 0;
}

/* "" counts as no value where the member may be without one. */
static bool
is_none(const PbField *field, const PbJson *value)
{
	return is_blank(value) && (field->flags & PB_NULLABLE);
}

/* Stores an id, or returns the broken rule. */
static const char *
take_id(PbRow *row, int leaf, const PbField *field, const PbJson *value)
{
	pg_uuid_t  *uuid = palloc(sizeof(pg_uuid_t));
	PbTypeid	id;

	if (is_none(field, value))
		return NULL;
	if (pb_typeid_decode(value->text, value->length, &id) != NULL ||
		!pb_text_is(value->text, id.prefix_length, field->prefix))
		return psprintf("must be an id that begins with %s_", field->prefix);
	memcpy(uuid->data, id.uuid, PB_UUID_BYTES);
	pb_row_set(row, leaf, UUIDPGetDatum(uuid));
	return NULL;
}

static const char *
take_time(PbRow *row, int leaf, const PbField *field, const PbJson *value)
{
	int64_t		instant;

	if (is_none(field, value))
		return NULL;
	if (!pb_instant_read(value->text, value->length, &instant))
		return "must be a time as RFC 3339 has it, such as 2026-01-15T09:30:00Z";
	pb_row_set(row, leaf, TimestampTzGetDatum(instant));
	return NULL;
}

/* Stores the value, or returns the broken rule. */
static const char *
take_value(PbRow *row, int leaf, const PbField *field, const PbJson *value,
		   const PbPath *path, PbFaults *faults)
{
	const char *problem = NULL;
	Datum		array = (Datum) 0;
	text	   *copy;

	switch (field->kind)
	{
		case PB_INTEGER:
		case PB_LONG:
		case PB_DOUBLE:
		case PB_DECIMAL:
			return take_number(row, leaf, field, value);
		case PB_BOOLEAN:
			pb_row_set(row, leaf, BoolGetDatum(value->boolean));
			return NULL;
		case PB_LIST:
			problem = list_problem(field, value, path, faults, &array);
			if (array != (Datum) 0)
				pb_row_set(row, leaf, array);
			return problem;
		case PB_SECRET:
			row->secret = *value;
			return text_problem(field, value);
		case PB_ID:
			return take_id(row, leaf, field, value);
		case PB_TIME:
			return take_time(row, leaf, field, value);
		default:
			problem = text_problem(field, value);
			if (problem == NULL && !is_none(field, value))
			{
				copy = cstring_to_text_with_len(value->text, value->length);
				pb_row_set(row, leaf, PointerGetDatum(copy));
			}
			return problem;
	}
}

static void
check_value(PbRow *row, int leaf, const PbField *field, const PbJson *value,
			const PbPath *path, PbFaults *faults)
{
	int			before = faults->count;
	const char *hint = NULL;
	const char *problem = type_fits(field, value) ?
	take_value(row, leaf, field, value, path, faults) : type_rule(field);

	if (problem != NULL)
		hint = value_hint(field, value);
	else if (field->refuse != NULL)
		problem = field->refuse(value->text, value->length, &hint);
	if (problem != NULL)
		pb_fault_problem(faults, path, problem, hint);
	row->failed[leaf] = faults->count > before;
}

/* Checks the value of one leaf, which messages call by name. */
void
pb_check_value_as(PbRow *row, int leaf, const char *name,
				  const PbJson *value, PbFaults *faults)
{
	PbPath		path = {NULL, name, 0};

	check_value(row, leaf, row->shape->leaves[leaf].field, value, &path,
				faults);
}

void
pb_check_value(PbRow *row, int leaf, const PbJson *value, PbFaults *faults)
{
	pb_check_value_as(row, leaf, row->shape->leaves[leaf].field->name, value,
					  faults);
}

/* Checks values for the first leaves. Null is no value where that is legal. */
void
pb_check_members(PbRow *row, const PbJson *members, int count,
				 PbFaults *faults)
{
	for (int i = 0; i < count; i++)
		if (members[i].type != PB_JSON_NULL ||
			!(row->shape->leaves[i].field->flags & PB_NULLABLE))
			pb_check_value(row, i, &members[i], faults);
}

/* Checks the field's default as if a client had sent it. */
static void
make_fallback(const PbResource *resource, PbLeaf *leaf, int index)
{
	MemoryContext before = MemoryContextSwitchTo(pb_sql_memory());
	PbRow	   *scratch = pb_row_make(resource);
	PbFaults	faults = {0};
	PbJson		value;

	pb_json_root(DirectFunctionCall1(jsonb_in,
									 CStringGetDatum(leaf->field->fallback)),
				 &value);
	pb_check_value(scratch, index, &value, &faults);
	MemoryContextSwitchTo(before);
	if (faults.count > 0)
		elog(ERROR, "default of %s: %s", leaf->path, faults.problems[0].detail);
	leaf->fallback = scratch->values[index];
	leaf->has_fallback = true;
}

/* The field's default; false where it has none. */
bool
pb_check_fallback(const PbRow *row, int index, Datum *value)
{
	PbLeaf	   *leaf = &row->shape->leaves[index];

	if (leaf->field->setting != NULL)
	{
		*value = leaf->field->setting();
		return true;
	}
	if (leaf->field->fallback == NULL)
		return false;
	if (!leaf->has_fallback)
		make_fallback(row->resource, leaf, index);
	*value = leaf->fallback;
	return true;
}

static bool
is_update(const Check *check)
{
	return check->asked == PB_UPDATE;
}

/* Whether the value says that the update does not change the member. */
static bool
keeps(const Check *check, const PbField *field, const PbJson *value)
{
	return is_update(check) && (field->flags & PB_BLANK_KEEPS) &&
		is_blank(value);
}

/* Whether the value stands for none. */
static bool
resets(const Check *check, const PbField *field, const PbJson *value)
{
	if (value->type != PB_JSON_NULL)
		return is_update(check) && (field->flags & PB_BLANK_RESETS) &&
			is_blank(value);
	return !(field->flags & PB_REQUIRED) &&
		!(is_update(check) && (field->flags & PB_KEPT));
}

/*
 * Looks for the member's value. A value that stands for none counts as absent,
 * and resets the member in an update.
 */
static bool
find_member(Check *check, const PbField *field, const PbJson *object,
			PbJson *value, bool *reset)
{
	*reset = check->resets && (field->flags & check->asked);
	if (object == NULL || !(field->flags & check->asked) ||
		!pb_json_member(object, field->name, strlen(field->name), value))
		return false;
	check->found++;
	if (resets(check, field, value))
		*reset = is_update(check);
	else if (!keeps(check, field, value))
		return true;
	return false;
}

/* Sets the default, or no value, which is a sparse member's default. */
static void
fall_back(Check *check, int leaf)
{
	const PbField *field = check->row->shape->leaves[leaf].field;
	Datum		fallback;

	if (!(field->flags & PB_SPARSE) &&
		pb_check_fallback(check->row, leaf, &fallback))
		pb_row_set(check->row, leaf, fallback);
	else
		pb_row_clear(check->row, leaf);
}

static void check_fields(Check *check, const PbField *fields,
						 const PbJson *object, const PbPath *up);
static bool check_row(PbRow *row, const PbJson *object, int asked,
					  const PbPath *up, PbFaults *faults, PbFaults *ignored);

/* Checks a value that a request gives. */
static void
check_given(Check *check, int leaf, const PbField *field, const PbJson *value,
			const PbPath *path)
{
	const char *problem = value->type != PB_JSON_TEXT ? NULL :
		pb_rule_settable(field, value->text, value->length);

	check_value(check->row, leaf, field, value, path, check->faults);
	check->row->given[leaf] = true;
	if (problem == NULL)
		return;
	pb_fault_problem(check->faults, path, problem, field->otherwise);
	check->row->failed[leaf] = true;
}

static void
check_leaf(Check *check, const PbField *field, const PbJson *object,
		   const PbPath *up)
{
	int			leaf = check->leaf++;
	PbPath		path = {up, field->name, 0};
	PbJson		value;
	bool		reset;

	if (find_member(check, field, object, &value, &reset))
		check_given(check, leaf, field, &value, &path);
	else if (is_update(check))
	{
		check->row->given[leaf] = reset;
		if (reset)
			fall_back(check, leaf);
	}
	else if ((field->flags & PB_REQUIRED) && object != NULL)
	{
		pb_fault_problem(check->faults, &path, "is required", NULL);
		check->row->failed[leaf] = true;
	}
	else
		fall_back(check, leaf);
}

/* The members of a nested object have leaves even where it is absent. */
static void
check_object(Check *check, const PbField *field, const PbJson *object,
			 const PbPath *up)
{
	PbPath		path = {up, field->name, 0};
	PbJson		value;
	bool		reset;
	bool		found = find_member(check, field, object, &value, &reset);
	bool		fits = found && type_fits(field, &value);

	if (found && !fits)
		pb_fault_problem(check->faults, &path, type_rule(field),
						 value_hint(field, &value));
	check->resets = reset;
	check_fields(check, field->fields, fits ? &value : NULL, &path);
	check->resets = false;
}

static void
check_embedded(Check *check, const PbField *field, const PbJson *object,
			   const PbPath *up)
{
	PbPath		path = {up, field->name, 0};
	PbJson		value;
	bool		reset;

	if (is_update(check))
		return;
	if (!find_member(check, field, object, &value, &reset))
		pb_fault_problem(check->faults, &path, "is required", NULL);
	else if (!type_fits(field, &value))
		pb_fault_problem(check->faults, &path, type_rule(field),
						 value_hint(field, &value));
	else if (field->may_be_none == NULL || !*field->may_be_none ||
			 !field->is_none(&value))
	{
		check->row->embedded = pb_row_make(pb_field_embedded(field));
		check->unknown |= check_row(check->row->embedded, &value, PB_CREATE,
									&path, check->faults, check->ignored);
	}
}

/* Reads a member of an object in a list; true where it has a value. */
static bool
take_item_member(Check *check, const PbField *member, const PbJson *item,
				 const PbPath *up, Datum *text)
{
	PbPath		path = {up, member->name, 0};
	PbJson		value;
	bool		reset;
	const char *problem;

	if (!find_member(check, member, item, &value, &reset))
	{
		if (member->flags & PB_REQUIRED)
			pb_fault_problem(check->faults, &path, "is required", NULL);
		return false;
	}
	problem = value.type == PB_JSON_TEXT ? text_problem(member, &value) :
		type_rule(member);
	if (problem != NULL)
		pb_fault_problem(check->faults, &path, problem, NULL);
	else
		*text = PointerGetDatum(cstring_to_text_with_len(value.text,
														 value.length));
	return problem == NULL && !is_none(member, &value);
}

/* One member of all objects of a list as an array; null where absent. */
static Datum
take_item_members(Check *check, const PbField *member, const PbJson *list,
				  const PbPath *up)
{
	Datum	   *texts = palloc0(list->size * sizeof(Datum));
	bool	   *nulls = palloc(list->size * sizeof(bool));
	int			lower = 1;

	for (int i = 0; i < list->size; i++)
	{
		PbPath		path = {up, NULL, i};
		PbJson		item;

		(void) pb_json_item(list, i, &item);
		nulls[i] = item.type != PB_JSON_OBJECT ||
			!take_item_member(check, member, &item, &path, &texts[i]);
	}
	if (list->size == 0)
		return PointerGetDatum(construct_empty_array(TEXTOID));
	return PointerGetDatum(construct_md_array(texts, nulls, 1,
											  unconstify(int *, &list->size),
											  &lower, TEXTOID, -1, false,
											  TYPALIGN_INT));
}

static bool
names_field(const PbField *fields, int asked, const char *name, int length)
{
	for (const PbField *field = fields; field->name != NULL; field++)
		if ((field->flags & asked) &&
			pb_text_is(name, length, field->name))
			return true;
	return false;
}

static void
note_unknown(void *state, const char *name, int length)
{
	Unknown    *unknown = state;
	PbPath		path = {unknown->up, pb_path_name(name, length), 0};

	if (names_field(unknown->fields, unknown->check->asked, name, length))
		return;
	unknown->check->unknown = true;
	pb_fault_problem(unknown->check->ignored, &path,
					 "is not a member that this request has", NULL);
}

/*
 * Finds items that are no objects, and members that they must not have.
 * Returns false where the list itself is wrong.
 */
static bool
check_items(Check *check, const PbField *field, const PbJson *list,
			const PbPath *path)
{
	const char *problem = type_fits(field, list) ?
	pb_rule_count(field, list->size) : type_rule(field);

	if (problem != NULL)
		pb_fault_problem(check->faults, path, problem,
						 value_hint(field, list));
	for (int i = 0; problem == NULL && i < list->size; i++)
	{
		PbPath		item_path = {path, NULL, i};
		PbJson		item;

		(void) pb_json_item(list, i, &item);
		if (item.type != PB_JSON_OBJECT)
			pb_fault_problem(check->faults, &item_path, "must be an object",
							 object_hint(&item));
		else
		{
			Unknown		unknown = {check, field->fields, &item_path};

			pb_json_names(&item, note_unknown, &unknown);
		}
	}
	return problem == NULL;
}

/* A list of objects becomes an array for each of their members. */
static void
check_objects(Check *check, const PbField *field, const PbJson *object,
			  const PbPath *up)
{
	static const PbJson none = {.type = PB_JSON_ARRAY};
	PbPath		path = {up, field->name, 0};
	PbJson		list;
	bool		reset;
	bool		is_given = find_member(check, field, object, &list, &reset);
	bool		fits = is_given && check_items(check, field, &list, &path);
	int			found = check->found;

	for (const PbField *member = field->fields; member->name != NULL; member++)
	{
		int			leaf = check->leaf++;

		check->row->given[leaf] = is_given || reset;
		pb_row_set(check->row, leaf,
				   take_item_members(check, member, fits ? &list : &none,
									 &path));
	}
	check->found = found;
}

/*
 * Checks the members of an object; object is NULL where it is absent or none.
 * The names in it are read only when it has more members than were found.
 */
static void
check_fields(Check *check, const PbField *fields, const PbJson *object,
			 const PbPath *up)
{
	int			found_outside = check->found;

	check->found = 0;
	for (const PbField *field = fields; field->name != NULL; field++)
	{
		if (field->kind == PB_OBJECT)
			check_object(check, field, object, up);
		else if (field->kind == PB_EMBEDDED)
			check_embedded(check, field, object, up);
		else if (pb_field_lists_objects(field))
			check_objects(check, field, object, up);
		else
			check_leaf(check, field, object, up);
	}
	if (object != NULL && check->found < object->size)
	{
		Unknown		unknown = {check, fields, up};

		pb_json_names(object, note_unknown, &unknown);
	}
	check->found = found_outside;
}

/* Checks a whole resource; tells whether it has unknown members. */
static bool
check_row(PbRow *row, const PbJson *object, int asked, const PbPath *up,
		  PbFaults *faults, PbFaults *ignored)
{
	Check		check = {
		.row = row, .asked = asked, .faults = faults, .ignored = ignored
	};

	check_fields(&check, row->resource->fields, object, up);
	if (asked == PB_CREATE && row->resource->rule != NULL)
		row->resource->rule(row, up, faults);
	return check.unknown;
}

static void
check_request(PbRow *row, const PbJson *body, int asked, PbFaults *faults,
			  PbFaults *ignored)
{
	if (begins_with(body, '{'))
		pb_fault_set(faults, PB_INVALID_INPUT,
					 "the request body must be a JSON object, not a string that holds one",
					 "Encode the object once: no quotes around it, no backslashes in front of those in it.");
	else if (body->type != PB_JSON_OBJECT)
		pb_fault_set(faults, PB_INVALID_INPUT,
					 "the request body must be a JSON object", NULL);
	else if (check_row(row, body, asked, NULL, faults, ignored) &&
			 pb_json_deeper_than(body, PB_NESTING_MAX))
		pb_fault_set(faults, PB_INVALID_INPUT,
					 psprintf("the request body must not be nested deeper than %d levels",
							  PB_NESTING_MAX), NULL);
}

/*
 * Fills row from a create request, defaults included, or adds a fault for each
 * rule that the request breaks. Unknown members go to ignored. Only below them
 * can a request be nested deeper than the table is.
 */
void
pb_check_create(PbRow *row, const PbJson *body, PbFaults *faults,
				PbFaults *ignored)
{
	check_request(row, body, PB_CREATE, faults, ignored);
}

/*
 * Checks an item of a list as a create request of its own. Paths begin with
 * the item's index, below up.
 */
void
pb_check_item(PbRow *row, const PbJson *list, int index, const PbPath *up,
			  PbFaults *faults, PbFaults *ignored)
{
	PbPath		path = {up, NULL, index};
	PbJson		item;

	(void) pb_json_item(list, index, &item);
	if (item.type != PB_JSON_OBJECT)
		pb_fault_problem(faults, &path, "must be an object",
						 object_hint(&item));
	else
		(void) check_row(row, &item, PB_CREATE, &path, faults, ignored);
}

/*
 * The same for an update request: fills the leaves that it sets, and marks
 * them as given. The rule over the whole row is checked on the merged row.
 */
void
pb_check_update(PbRow *row, const PbJson *body, PbFaults *faults,
				PbFaults *ignored)
{
	check_request(row, body, PB_UPDATE, faults, ignored);
}
