/*
 * pgbouncer.c
 *	  SQL functions for a PgBouncer before the upstreams.
 */
#include "postgres.h"

#include <sys/socket.h>

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/inet.h"

#include "base/crypt.h"
#include "base/result.h"
#include "base/sql.h"
#include "functions/administration.h"
#include "http/entry.h"
#include "plane/login.h"
#include "plane/pgbouncer.h"
#include "resources/upstream.h"

PG_FUNCTION_INFO_V1(pgbeam_pgbouncer_files);
PG_FUNCTION_INFO_V1(pgbeam_pgbouncer_login);
PG_FUNCTION_INFO_V1(pgbeam_forbidden_network);

/* Only EXECUTE guards these, but no HTTP request gets here. */
static void
begin(FunctionCallInfo fcinfo, PbSqlScope *scope)
{
	PbFaults	faults = {0};

	pb_sql_begin(scope, fcinfo->flinfo->fn_oid);
	if (pb_entry_manner() == PB_SQL)
		return;
	pb_fault_set(&faults, PB_UNAUTHORIZED,
				 "this is not done on behalf of HTTP requests",
				 "The session has request.method set.");
	pb_fault_throw(&faults);
}

static void
add_file(void *state, const char *file, const StringInfo content)
{
	Datum		values[] = {
		CStringGetTextDatum(file),
		PointerGetDatum(cstring_to_text_with_len(content->data, content->len))
	};
	bool		nulls[lengthof(values)] = {0};

	pb_result_add(state, values, nulls);
}

Datum
pgbeam_pgbouncer_files(PG_FUNCTION_ARGS)
{
	static const PbColumn columns[] = {
		{"file", TEXTOID}, {"content", TEXTOID}
	};
	PbFaults	faults = {0};
	PbJson		arguments[PB_PGBOUNCER_ARGUMENTS];
	PbSqlScope	scope;

	pb_result_begin(fcinfo, columns, lengthof(columns));
	begin(fcinfo, &scope);
	pb_administration_arguments(fcinfo, arguments, lengthof(arguments));
	pb_pgbouncer_files(arguments, add_file, fcinfo, &faults);
	pb_administration_end(&scope, &faults);
	return (Datum) 0;
}

Datum
pgbeam_pgbouncer_login(PG_FUNCTION_ARGS)
{
	static const PbColumn columns[] = {
		{"username", TEXTOID}, {"password", TEXTOID}
	};
	PbFaults	faults = {0};
	PbSqlScope	scope;
	PbLogin		login;

	pb_result_begin(fcinfo, columns, lengthof(columns));
	begin(fcinfo, &scope);
	if (!PG_ARGISNULL(0) && !PG_ARGISNULL(1) &&
		pb_login_find(pb_entry_text(fcinfo, 0), PG_GETARG_DATUM(1), &login,
					  &faults))
	{
		Datum		values[] = {
			login.username, PointerGetDatum(login.password)
		};
		bool		nulls[lengthof(values)] = {0};

		pb_result_add(fcinfo, values, nulls);
		pb_wipe(login.password, VARSIZE(login.password));
	}
	pb_administration_end(&scope, &faults);
	return (Datum) 0;
}

/* It reads nothing but a setting. */
Datum
pgbeam_forbidden_network(PG_FUNCTION_ARGS)
{
	const inet *given = PG_GETARG_INET_PP(0);
	uint8_t		address[PB_ADDRESS_BYTES] = {[10] = 0xff, [11] = 0xff};
	const char *network;

	memcpy(address + (PB_ADDRESS_BYTES - ip_addrsize(given)), ip_addr(given),
		   ip_addrsize(given));
	network = pb_upstream_network(address);
	if (network == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(network));
}
