/*
 * member.c
 *	  Members of organizations. The operator makes them. Those with a role that
 *	  allows it change and remove them.
 *
 * An organization that has an owner keeps one: requests can neither demote nor
 * remove the last. The operator can, who can also make another.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "auth/organization.h"
#include "auth/role.h"
#include "base/crypt.h"
#include "base/id.h"
#include "base/sql.h"
#include "base/text.h"
#include "fields/check.h"
#include "resources/member.h"
#include "resources/page.h"
#include "resources/resource.h"

#define ID_LENGTH (2 * PB_UUID_BYTES)
#define NAME_LENGTH_MAX 255
#define IMAGE_MAX 2048

static PbPrepared prepared;

static struct
{
	int			user_id;
	int			email;
	int			name;
	int			image;
	int			role;
}			at;

static const PbField fields[] = {
	{
		.name = "org_id", PB_ORG_ID_RULE, .at = &prepared.org_id,
		.about = "The organization."
	},
	{
		.name = "id", .kind = PB_TEXT, .flags = PB_SHOWN,
		.least = ID_LENGTH, .most = ID_LENGTH, .at = &prepared.id,
		.about = "The membership: 32 hexadecimal digits, which stay when the rest changes."
	},
	{
		.name = "user_id", .kind = PB_TEXT, .flags = PB_SHOWN,
		.least = 1, .most = PB_USER_ID_MAX, .at = &at.user_id,
		.about = "The user: the claim sub of their tokens."
	},
	{
		.name = "email", .kind = PB_TEXT,
		.flags = PB_SHOWN | PB_NULLABLE | PB_BLANK_SHOWN,
		.most = PB_EMAIL_MAX, .rule = pb_text_email_problem,
		.at = &at.email,
		.about = "Their address; empty where the operator has told none."
	},
	{
		.name = "name", .kind = PB_TEXT,
		.flags = PB_SHOWN | PB_NULLABLE | PB_BLANK_SHOWN,
		.most = NAME_LENGTH_MAX, .rule = pb_text_control_problem,
		.at = &at.name,
		.about = "Their name; empty where the operator has told none."
	},
	{
		.name = "image", .kind = PB_TEXT, .flags = PB_SHOWN | PB_NULLABLE,
		.most = IMAGE_MAX, .rule = pb_text_control_problem, .at = &at.image,
		.about = "The URL of their picture; absent where the operator has told none."
	},
	{
		.name = "role", .kind = PB_WORD,
		.flags = PB_READ_WRITE | PB_REQUIRED,
		.words = pb_role_names, .settable = PB_ASSIGNABLE_ROLES,
		.otherwise = "Only the operator of the service makes owners.",
		.at = &at.role,
		.about = "What they may do: owner everything, admin everything but what is about owners, the others look; billing_admin also sets the spend limit."
	},
	{
		.name = "created_at", .kind = PB_TIME, .flags = PB_SHOWN,
		.at = &prepared.created_at,
		.about = "Since when they are a member."
	},
	{0}
};

/* Ids are made of times, so that the oldest members stand first. */
static const PbOrder orders[] = {
	{
		.name = "id", .column = "id", .leaf = &prepared.id, .by_text = true,
		.is_indexed = true
	},
	{0}
};

static const Oid types[] = {TEXTOID, TEXTOID};

/* sees_all: also those that were demoted while this session waited. */
static PbStatement other_owner = {
	.text = "SELECT FROM pgbeam.members "
	"WHERE org_id OPERATOR(pg_catalog.=) $1 "
	"AND user_id OPERATOR(pg_catalog.<>) $2 "
	"AND role OPERATOR(pg_catalog.=) '" PB_OWNER_ROLE "' LIMIT 1",
	.nargs = lengthof(types), .types = types, .sees_all = true
};

static bool
is_last_owner(const PbRow *row)
{
	Datum		values[] = {
		pb_resource_org(row), pb_row_value(row, at.user_id)
	};

	return pb_sql_run(&other_owner, values, NULL) == 0;
}

/*
 * Only an owner changes an owner, and nobody the last. No request makes an
 * owner, so that a change of one is always the end of their ownership.
 */
static bool
permit(const PbRequest *request, const PbRow *row, PbFaults *faults)
{
	bool		is_owner = pb_row_is_word(row, at.role, PB_OWNER_ROLE);
	PbOrganization organization;

	if (!pb_authorize_within(&request->caller, is_owner ? PB_MANAGE_OWNERS :
							 PB_MANAGE_MEMBERS, pb_resource_org(row),
							 &organization, faults))
		return false;
	if (!is_owner || !is_last_owner(row))
		return true;
	pb_fault_set(faults, PB_INVALID_STATE,
				 "the last owner of an organization can be neither changed nor removed",
				 "Whoever runs this service can make another owner first.");
	return false;
}

static const PbHooks hooks = {
	.permission = PB_MANAGE_MEMBERS,
	.permit = permit,
};

const PbResource pb_member = {
	.name = "member",
	.plural = "members",
	.table = "pgbeam.members",
	.copying = PB_NEVER_COPIED,
	.of_organization = true,
	.called = &at.user_id,
	.orders = orders,
	.fields = fields,
	.hooks = &hooks,
	.prepared = &prepared,
};

/* The arguments of the operator's calls, in their order. */
static const int *const arguments[] = {
	&prepared.org_id, &at.user_id, &at.role, &at.email, &at.name, &at.image
};

/* Checks so many arguments. Null is no value where that is legal. */
static void
check_arguments(PbRow *row, const PbJson *given, int count, PbFaults *faults)
{
	Assert(count <= (int) lengthof(arguments));
	for (int i = 0; i < count; i++)
	{
		int			leaf = *arguments[i];

		row->given[leaf] = given[i].type != PB_JSON_NULL;
		if (row->given[leaf] ||
			!(row->shape->leaves[leaf].field->flags & PB_NULLABLE))
			pb_check_value(row, leaf, &given[i], faults);
	}
}

static PbChange
change_of(PbAction action, Datum org_id, Datum user_id)
{
	return (PbChange) {
		action, &pb_member, org_id, TextDatumGetCString(user_id), NULL
	};
}

static void
note(const PbActor *actor, PbAction action, Datum org_id, Datum user_id)
{
	const PbChange change = change_of(action, org_id, user_id);

	pb_change_note_all(actor, &change, 1);
}

/* the columns of a member, and whether the last three texts are given */
enum
{
	ORG_ID, ID, USER_ID, EMAIL, NAME, IMAGE, ROLE, CREATED_AT, COLUMNS,
	EMAIL_GIVEN = COLUMNS, NAME_GIVEN, IMAGE_GIVEN, VALUES
};

static const Oid set_types[VALUES] = {
	TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID,
	TIMESTAMPTZOID, BOOLOID, BOOLOID, BOOLOID
};

static const PbResult set_results[] = {{BOOLOID, false}};

/*
 * One statement, so that two calls at once do not undo each other. It tells
 * whether the member is new: then the id is the one that was just made.
 */
static PbStatement set = {
	.text = "INSERT INTO pgbeam.members AS m (org_id, id, user_id, email, "
	"name, image, role, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) "
	"ON CONFLICT (org_id, user_id) DO UPDATE SET role = $7, "
	"email = CASE WHEN $9 THEN $4 ELSE m.email END, "
	"name = CASE WHEN $10 THEN $5 ELSE m.name END, "
	"image = CASE WHEN $11 THEN $6 ELSE m.image END "
	"RETURNING id OPERATOR(pg_catalog.=) $2",
	.nargs = VALUES, .types = set_types,
	.nresults = lengthof(set_results), .results = set_results
};

/* A new id, which is a UUID without hyphens. */
static Datum
make_id(TimestampTz *instant)
{
	uint8		uuid[PB_UUID_BYTES];
	char		text[ID_LENGTH + 1];

	pb_id_make(uuid);
	*instant = pb_id_instant(uuid);
	pb_hex(uuid, PB_UUID_BYTES, text);
	return PointerGetDatum(cstring_to_text_with_len(text, ID_LENGTH));
}

/* Writes the member; returns whether they are new. */
static bool
write_member(PbRow *row)
{
	Datum		values[VALUES];
	char		nulls[VALUES];
	TimestampTz now;
	Datum		is_new;
	bool		isnull;

	StaticAssertStmt(lengthof(fields) == COLUMNS + 1, "a value for each field");
	pb_row_set(row, prepared.id, make_id(&now));
	pb_row_set(row, prepared.created_at, TimestampTzGetDatum(now));
	memcpy(values, row->values, COLUMNS * sizeof(Datum));
	memcpy(nulls, row->nulls, COLUMNS);
	memset(nulls + COLUMNS, ' ', VALUES - COLUMNS);
	values[EMAIL_GIVEN] = BoolGetDatum(pb_row_is_given(row, at.email));
	values[NAME_GIVEN] = BoolGetDatum(pb_row_is_given(row, at.name));
	values[IMAGE_GIVEN] = BoolGetDatum(pb_row_is_given(row, at.image));
	if (!pb_sql_row(&set, values, nulls, &is_new, &isnull))
		pb_sql_vetoed(pb_member.table);
	return DatumGetBool(is_new);
}

/*
 * Locks the organization, so that a request that counts its owners waits.
 * False if there is none.
 */
static bool
lock_organization(const PbRow *row)
{
	PbOrganization organization;

	pb_organization_find(pb_resource_org(row), PB_LOCKED, &organization);
	return organization.is_known;
}

/*
 * Makes a user a member, or changes a member. An email, name or image of null
 * stays as it is; an empty one is none.
 */
void
pb_member_set(const PbJson *members, const PbActor *actor, PbFaults *faults)
{
	PbRow	   *row = pb_row_make(&pb_member);
	bool		is_new;

	check_arguments(row, members, lengthof(arguments), faults);
	if (faults->count > 0)
		return;
	if (!lock_organization(row))
	{
		(void) pb_organization_refuse_unknown(faults);
		return;
	}
	is_new = write_member(row);
	note(actor, is_new ? PB_CREATED : PB_UPDATED, pb_resource_org(row),
		 pb_row_value(row, at.user_id));
}

static PbStatement remove_one = {
	.text = "DELETE FROM pgbeam.members "
	"WHERE org_id OPERATOR(pg_catalog.=) $1 "
	"AND user_id OPERATOR(pg_catalog.=) $2",
	.nargs = lengthof(types), .types = types
};

/* Removes a member. Their rights end with the next request. */
void
pb_member_remove(const PbJson *members, const PbActor *actor,
				 PbFaults *faults)
{
	PbRow	   *row = pb_row_make(&pb_member);
	Datum		values[2];

	check_arguments(row, members, lengthof(values), faults);
	if (faults->count > 0)
		return;
	(void) lock_organization(row);
	values[0] = pb_resource_org(row);
	values[1] = pb_row_value(row, at.user_id);
	if (pb_sql_run(&remove_one, values, NULL) > 0)
		note(actor, PB_DELETED, values[0], values[1]);
	else
		pb_fault_set(faults, PB_NOT_FOUND, "member not found",
					 "pgbeam.list_members() shows who is one.");
}

static const PbResult removed_results[] = {{TEXTOID, false}};

static PbStatement remove_all = {
	.text = "DELETE FROM pgbeam.members "
	"WHERE org_id OPERATOR(pg_catalog.=) $1 RETURNING user_id",
	.nargs = 1, .types = types,
	.nresults = lengthof(removed_results), .results = removed_results
};

/* Removes all members of an organization that ends. */
void
pb_member_remove_all(Datum org_id, const PbActor *actor)
{
	uint64		count = pb_sql_run(&remove_all, &org_id, NULL);
	SPITupleTable *removed = SPI_tuptable;
	PbChanges	changes = {0};

	for (uint64 i = 0; i < count; i++)
	{
		Datum		user_id;
		bool		isnull;

		pb_sql_read(&remove_all, removed, i, &user_id, &isnull);
		pb_change_collect(&changes, change_of(PB_DELETED, org_id, user_id));
	}
	pb_change_note_all(actor, changes.all, changes.count);
}

static const PbResult list_results[] = {
	{TEXTOID, false}, {TEXTOID, false}, {TEXTOID, false}, {TEXTOID, true},
	{TEXTOID, true}, {TEXTOID, true}, {TIMESTAMPTZOID, false}
};

static PbStatement list = {
	.text = "SELECT user_id, role, id, email, name, image, created_at "
	"FROM pgbeam.members WHERE org_id OPERATOR(pg_catalog.=) $1 "
	"ORDER BY user_id USING OPERATOR(pg_catalog.<)",
	.nargs = 1, .types = types,
	.nresults = lengthof(list_results), .results = list_results, .reads = true
};

/* Leaves an organization's members in SPI_tuptable. */
void
pb_member_list(const PbJson *members, PbFaults *faults)
{
	PbRow	   *row = pb_row_make(&pb_member);
	Datum		org_id;

	check_arguments(row, members, 1, faults);
	if (faults->count > 0)
		return;
	org_id = pb_resource_org(row);
	(void) pb_sql_run(&list, &org_id, NULL);
}
