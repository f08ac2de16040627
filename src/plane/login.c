/*
 * login.c
 *	  The passwords of logins through a proxy.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/uuid.h"

#include "base/sql.h"
#include "keys/keyring.h"
#include "plane/login.h"
#include "resources/database.h"
#include "resources/resource.h"

/* the columns of find_login */
enum
{
	ORG, PROJECT, ID, USERNAME, GENERATION, SEALED, COLUMNS
};

static const Oid login_types[] = {UUIDOID, TEXTOID};

static const PbResult login_results[COLUMNS] = {
	[ORG] = {TEXTOID, false}, [PROJECT] = {UUIDOID, false},
	[ID] = {UUIDOID, false}, [USERNAME] = {TEXTOID, false},
	[GENERATION] = {INT4OID, false}, [SEALED] = {BYTEAOID, false}
};

static PbStatement find_login = {
	.text = "SELECT d.org_id, d.project_id, d.id, d.username, "
	"d.password_generation, d.password_sealed "
	"FROM pgbeam.databases AS d WHERE d.id OPERATOR(pg_catalog.=) $1 "
	"AND CASE WHEN d.username OPERATOR(pg_catalog.=) $2 "
	"AND d.deleted_at IS NULL AND d.password_sealed IS NOT NULL "
	"THEN (SELECT p.status FROM pgbeam.projects AS p "
	"WHERE p.org_id OPERATOR(pg_catalog.=) d.org_id "
	"AND p.id OPERATOR(pg_catalog.=) d.project_id) "
	"OPERATOR(pg_catalog.=) 'active' "
	"AND (SELECT o.suspended_at FROM pgbeam.organizations AS o "
	"WHERE o.org_id OPERATOR(pg_catalog.=) d.org_id) IS NULL "
	"ELSE false END",
	.nargs = lengthof(login_types), .types = login_types,
	.nresults = COLUMNS, .results = login_results, .reads = true
};

/*
 * Whether a client may log in to a database as this user; then with what
 * password. False with faults if the password cannot be opened.
 *
 * It leaves no trace, unlike reveal_password(): it is asked at every login,
 * also of a standby.
 */
bool
pb_login_find(const char *database_id, Datum username, PbLogin *login,
			  PbFaults *faults)
{
	pg_uuid_t	id;
	Datum		values[] = {UUIDPGetDatum(&id), username};
	Datum		row[COLUMNS];
	bool		nulls[COLUMNS];
	PbPlace		place;

	if (!pb_resource_read_id(&pb_database, database_id, &id) ||
		!pb_sql_row(&find_login, values, NULL, row, nulls))
		return false;
	place = pb_database_place(row[ORG], row[PROJECT],
							  row[ID], row[GENERATION]);
	login->username = row[USERNAME];
	login->password = pb_keyring_open(DatumGetByteaPP(row[SEALED]),
									  &place,
									  psprintf("database %s", database_id),
									  faults);
	return login->password != NULL;
}
