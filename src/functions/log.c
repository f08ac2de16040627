/*
 * log.c
 *	  SQL functions of the folder log: what the server logs about a role.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/builtins.h"

#include "base/result.h"
#include "base/sql.h"
#include "http/entry.h"
#include "log/guard.h"

PG_FUNCTION_INFO_V1(pgbeam_logging_profile);
PG_FUNCTION_INFO_V1(pgbeam_set_logging_profile);

Datum
pgbeam_logging_profile(PG_FUNCTION_ARGS)
{
	static const PbColumn columns[] = {
		{"setting", TEXTOID}, {"value", TEXTOID}, {"guarded", BOOLOID},
		{"leak", TEXTOID}
	};

	pb_result_begin(fcinfo, columns, lengthof(columns));
	for (int i = 0; pb_guard_profile[i].name != NULL; i++)
	{
		const PbLogSetting *setting = &pb_guard_profile[i];
		Datum		values[] = {
			CStringGetTextDatum(setting->name),
			CStringGetTextDatum(setting->value),
			BoolGetDatum(setting->guarded),
			CStringGetTextDatum(setting->leak)
		};
		bool		nulls[lengthof(values)] = {0};

		pb_result_add(fcinfo, values, nulls);
	}
	return (Datum) 0;
}

Datum
pgbeam_set_logging_profile(PG_FUNCTION_ARGS)
{
	PbSqlScope	scope;
	Oid			role = DatumGetObjectId(pb_entry_required(fcinfo, 0, "role"));

	if (!superuser())
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("only a superuser may set what is logged of a role")));
	pb_sql_begin(&scope, InvalidOid);
	pb_guard_set_profile(role);
	pb_sql_end(&scope);
	PG_RETURN_VOID();
}
