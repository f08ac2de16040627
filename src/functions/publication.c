/*
 * publication.c
 *	  What the copy of a region gets: which columns of which tables, and whose
 *	  rows. The statements of it are made in publication.sql.
 *
 * A copy is made of logical replication, which a column list and a row filter
 * narrow. Both come from here alone. A column that no field describes, such as
 * one that a user has added, is not copied.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "auth/organization.h"
#include "base/sql.h"
#include "feed/change.h"
#include "fields/rule.h"
#include "functions/administration.h"

PG_FUNCTION_INFO_V1(pgbeam_copied_columns);
PG_FUNCTION_INFO_V1(pgbeam_publication_filter);

#define ORGANIZATIONS_MAX 1000
#define ADDED_SUFFIX "_added"	/* see publication.sql */

/* The feed is always copied: without it a region would not hear of changes. */
static bool
is_copied(const PbResource *resource)
{
	if (resource == &pb_change)
		return true;
	if (resource->copying == PB_COPYING_UNDECIDED)
		elog(ERROR, "resource \"%s\" does not say whether it is copied",
			 resource->name);
	return resource->copying == PB_COPIED;
}

/* The columns of all fields, except secrets. */
static Datum
columns_of(const PbResource *resource)
{
	const PbShape *shape = pb_field_shape(resource);
	Datum	   *columns = palloc(shape->count * sizeof(Datum));
	int			count = 0;

	for (int i = 0; i < shape->count; i++)
		if (shape->leaves[i].column != NULL &&
			shape->leaves[i].field->kind != PB_SECRET)
			columns[count++] = CStringGetTextDatum(shape->leaves[i].column);
	return PointerGetDatum(construct_array(columns, count, TEXTOID, -1, false,
										   TYPALIGN_INT));
}

/* A row for each table. Its columns are null where it is never copied. */
Datum
pgbeam_copied_columns(PG_FUNCTION_ARGS)
{
	static const PbColumn columns[] = {
		{"table_name", TEXTOID}, {"columns", TEXTARRAYOID}
	};

	pb_result_begin(fcinfo, columns, lengthof(columns));
	for (int i = 0; pb_resources[i] != NULL; i++)
	{
		bool		copied = is_copied(pb_resources[i]);
		Datum		values[] = {
			CStringGetTextDatum(pb_resources[i]->table),
			copied ? columns_of(pb_resources[i]) : (Datum) 0
		};
		bool		nulls[] = {false, !copied};

		pb_result_add(fcinfo, values, nulls);
	}
	return (Datum) 0;
}

static const char *
name_problem(const char *text, size_t length)
{
	if (strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_") < length)
		return "must consist of the letters a to z, digits and underscores";
	if (text[0] >= '0' && text[0] <= '9')
		return "must not begin with a digit";
	if (strncmp(text, "pg_", 3) == 0)
		return "must not begin with pg_";
	return NULL;
}

/* Slots have the strictest rule for names, and roles forbid pg_. */
static const PbField name_field = {
	.name = "name", .kind = PB_TEXT, .least = 1,
	.most = NAMEDATALEN - sizeof(ADDED_SUFFIX), .rule = name_problem
};

static const PbField organization_field = {PB_ORG_ID_RULE};

static const PbField list_field = {.most = ORGANIZATIONS_MAX};

static void
check_name(FunctionCallInfo fcinfo, int n, PbFaults *faults)
{
	const PbPath path = {NULL, name_field.name, 0};
	char	   *name = PG_ARGISNULL(n) ? "" :
		text_to_cstring(PG_GETARG_TEXT_PP(n));
	const char *problem = pb_rule_text(&name_field, name, strlen(name));

	if (problem != NULL)
		pb_fault_problem(faults, &path, problem, NULL);
}

static const char *
organization_problem(Datum org_id, bool isnull)
{
	text	   *id;

	if (isnull)
		return "must not be null";
	id = DatumGetTextPP(org_id);
	return pb_rule_text(&organization_field, VARDATA_ANY(id),
						VARSIZE_ANY_EXHDR(id));
}

/* Checks each id. Where nothing else is wrong, its organization must exist. */
static void
check_ids(const Datum *ids, const bool *nulls, int count, const PbPath *list,
		  PbFaults *faults)
{
	for (int i = 0; i < count; i++)
	{
		const PbPath path = {list, NULL, i + 1};	/* as SQL counts */
		const char *problem = organization_problem(ids[i], nulls[i]);

		if (problem != NULL)
			pb_fault_problem(faults, &path, problem, NULL);
	}
	for (int i = 0; i < count && faults->refusal == PB_ACCEPTED; i++)
		if (!pb_organization_require(ids[i], faults))
			faults->org_id = ids[i];
}

/* Appends the row filter for organizations, with every name qualified. */
static void
append_filter(StringInfo filter, const Datum *ids, int count)
{
	appendStringInfoString(filter,
						   "org_id OPERATOR(pg_catalog.=) ANY (ARRAY[");
	for (int i = 0; i < count; i++)
		appendStringInfo(filter, "%s%s", i == 0 ? "" : ", ",
						 quote_literal_cstr(TextDatumGetCString(ids[i])));
	appendStringInfoString(filter, "]::pg_catalog.text[])");
}

static const char *
list_problem(const ArrayType *organizations)
{
	if (organizations == NULL || ARR_NDIM(organizations) == 0)
		return "must name at least one organization";
	if (ARR_NDIM(organizations) > 1)
		return "must have one dimension";
	return pb_rule_count(&list_field, ARR_DIMS(organizations)[0]);
}

static void
read_organizations(ArrayType *organizations, StringInfo filter,
				   PbFaults *faults)
{
	const PbPath path = {NULL, "organizations", 0};
	const char *problem = list_problem(organizations);
	Datum	   *ids;
	bool	   *nulls;
	int			count;

	if (problem != NULL)
	{
		pb_fault_problem(faults, &path, problem, NULL);
		return;
	}
	deconstruct_array(organizations, TEXTOID, -1, false, TYPALIGN_INT, &ids,
					  &nulls, &count);
	check_ids(ids, nulls, count, &path, faults);
	if (faults->refusal == PB_ACCEPTED)
		append_filter(filter, ids, count);
}

static const PbResult distributed_results[] = {{BOOLOID, false}};

static PbStatement is_distributed = {
	.text = "SELECT pgbeam.is_distributed()",
	.nresults = lengthof(distributed_results), .results = distributed_results
};

/* The publication would be made, and the copy wait for rows for ever. */
static void
refuse_distributed(void)
{
	Datum		answer;
	bool		isnull;

	if (pb_sql_is_distributed() &&
		pb_sql_row(&is_distributed, NULL, NULL, &answer, &isnull) &&
		DatumGetBool(answer))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("tables that Citus has distributed have no copies"),
				 errdetail("Their rows are on other nodes, so that nothing is sent from here.")));
}

/* Checks the arguments of the functions in publication.sql. */
Datum
pgbeam_publication_filter(PG_FUNCTION_ARGS)
{
	PbFaults	faults = {0};
	PbActor		actor;
	PbSqlScope	scope;
	StringInfoData filter;

	initStringInfo(&filter);
	pb_administration_begin(fcinfo, &scope, &actor);
	refuse_distributed();
	check_name(fcinfo, 1, &faults);
	read_organizations(PG_ARGISNULL(0) ? NULL : PG_GETARG_ARRAYTYPE_P(0),
					   &filter, &faults);
	pb_administration_end(&scope, &faults);
	PG_RETURN_TEXT_P(cstring_to_text_with_len(filter.data, filter.len));
}
