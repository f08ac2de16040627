/*
 * host.c
 *	  Forms proxy hosts and claims them in pgbeam.hosts.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/guc.h"

#include "base/crypt.h"
#include "base/sql.h"
#include "base/text.h"
#include "resources/host.h"
#include "resources/prefix.h"

#define CLOUD "<cloud>"
#define TRIES 5

const char *const pb_clouds[] = {"aws", "azure", "gcp", NULL};

static const char *const kinds[] = {"proxy", "custom", NULL};

static const PbField fields[] = {
	{
		.name = "host", .kind = PB_TEXT, .least = 1, .most = PB_DNS_NAME_MAX,
		.about = "A host name."
	},
	{
		.name = "org_id", PB_ORG_ID_RULE,
		.about = "The organization of its project."
	},
	{
		.name = "project_id", .kind = PB_ID, .prefix = PB_PROJECT_PREFIX,
		.about = "The project it leads to."
	},
	{
		.name = "kind", .kind = PB_WORD, .words = kinds,
		.about = "Made for the project (proxy), or a domain that it has proved (custom)."
	},
	{0}
};

static PbPrepared prepared;

const PbResource pb_host = {
	.name = "host",
	.table = "pgbeam.hosts",
	.copying = PB_NEVER_COPIED,
	.fields = fields,
	.prepared = &prepared,
};

static char *proxy_domain;
static int	proxy_port;

static const Oid claim_types[] = {TEXTOID, TEXTOID, UUIDOID};

static const PbResult claim_results[] = {{TEXTOID, false}};

static PbStatement claim = {
	.text = "INSERT INTO pgbeam.hosts (host, org_id, project_id, kind) "
	"VALUES ($1, $2, $3, 'proxy') ON CONFLICT (host) DO NOTHING RETURNING host",
	.nargs = lengthof(claim_types), .types = claim_types,
	.nresults = lengthof(claim_results), .results = claim_results
};

static const PbResult holder_results[] = {{UUIDOID, false}};

/* The project of the organization that a host leads to. */
static PbStatement find_holder = {
	.text = "SELECT project_id FROM pgbeam.hosts "
	"WHERE host OPERATOR(pg_catalog.=) $1 AND org_id OPERATOR(pg_catalog.=) $2 "
	"AND kind OPERATOR(pg_catalog.=) 'proxy'",
	.nargs = 2, .types = claim_types,
	.nresults = lengthof(holder_results), .results = holder_results
};

static PbStatement is_deleted = {
	.text = "SELECT FROM pgbeam.projects "
	"WHERE org_id OPERATOR(pg_catalog.=) $2 AND id OPERATOR(pg_catalog.=) $3 "
	"AND deleted_at IS NOT NULL",
	.nargs = lengthof(claim_types), .types = claim_types
};

static const Oid pass_on_types[] = {TEXTOID, TEXTOID, UUIDOID, UUIDOID};

static PbStatement pass_on = {
	.text = "UPDATE pgbeam.hosts SET project_id = $4 "
	"WHERE host OPERATOR(pg_catalog.=) $1 AND org_id OPERATOR(pg_catalog.=) $2 "
	"AND kind OPERATOR(pg_catalog.=) 'proxy' "
	"AND project_id OPERATOR(pg_catalog.=) $3 RETURNING host",
	.nargs = lengthof(pass_on_types), .types = pass_on_types,
	.nresults = lengthof(claim_results), .results = claim_results
};

static PbStatement is_taken = {
	.text = "SELECT FROM pgbeam.hosts "
	"WHERE host OPERATOR(pg_catalog.=) $1",
	.nargs = 1, .types = claim_types
};

/* Appends the domain with the cloud's name in place of <cloud>. */
static void
append_domain(StringInfo out, const char *domain, const char *cloud)
{
	const char *place;

	while ((place = strstr(domain, CLOUD)) != NULL)
	{
		appendBinaryStringInfo(out, domain, place - domain);
		appendStringInfoString(out, cloud);
		domain = place + strlen(CLOUD);
	}
	appendStringInfoString(out, domain);
}

static const char *
longest_cloud(void)
{
	const char *longest = pb_clouds[0];

	for (int i = 1; pb_clouds[i] != NULL; i++)
		if (strlen(pb_clouds[i]) > strlen(longest))
			longest = pb_clouds[i];
	return longest;
}

static bool
check_domain(char **value, void **extra, GucSource source)
{
	StringInfoData longest;
	const char *problem;

	initStringInfo(&longest);
	append_domain(&longest, *value, longest_cloud());
	problem = pb_text_domain_problem(longest.data, longest.len);
	pfree(longest.data);
	if (problem != NULL)
		GUC_check_errdetail("The domain %s.", problem);
	return problem == NULL;
}

void
pb_host_define_settings(void)
{
	DefineCustomStringVariable("pgbeam.proxy_domain",
							   "Domain of new projects' proxy hosts; <cloud> stands for the project's cloud.",
							   NULL, &proxy_domain, CLOUD ".pgbeam.app",
							   PGC_SUSET, 0, check_domain, NULL, NULL);
	DefineCustomIntVariable("pgbeam.proxy_port",
							"Port of the proxy in connection strings.",
							NULL, &proxy_port, 5432, 1, PB_PORT_MAX,
							PGC_SUSET, 0, NULL, NULL, NULL);
}

int
pb_host_port(void)
{
	return proxy_port;
}

static Datum
form_host(Datum name, Datum cloud, bool plain)
{
	text	   *name_text = DatumGetTextPP(name);
	StringInfoData host;
	char		label[PB_LABEL_MAX];
	char		suffix[PB_LABEL_SUFFIX];

	initStringInfo(&host);
	appendBinaryStringInfo(&host, label,
						   pb_text_label(VARDATA_ANY(name_text),
										 VARSIZE_ANY_EXHDR(name_text), label));
	if (!plain)
	{
		pb_text_label_suffix((uint32) pb_random_number(), suffix);
		appendStringInfoChar(&host, '-');
		appendBinaryStringInfo(&host, suffix, PB_LABEL_SUFFIX);
	}
	appendStringInfoChar(&host, '.');
	append_domain(&host, proxy_domain, TextDatumGetCString(cloud));
	return PointerGetDatum(cstring_to_text_with_len(host.data, host.len));
}

/*
 * A deleted project's host goes to another project of its organization. A
 * session that has waited here for another one finds the host no longer with
 * the deleted project, and does not take it too. A deleted project stays
 * deleted, so that nothing changes between the statements. A join of the two
 * tables was rejected: Citus has their rows on different nodes.
 */
static bool
take_over(Datum host, Datum org_id, Datum project_id, Datum *taken)
{
	Datum		values[lengthof(pass_on_types)] = {host, org_id};
	bool		isnull;

	if (!pb_sql_row(&find_holder, values, NULL, &values[2], &isnull) ||
		pb_sql_run(&is_deleted, values, NULL) == 0)
		return false;
	values[3] = project_id;
	return pb_sql_row(&pass_on, values, NULL, taken, &isnull);
}

/*
 * Claims a host for a new project: its name as a label, with a random suffix
 * if another project has that host or another organization ever had it. Waits
 * for a session that is claiming the same host. Returns the host as stored, as
 * a trigger may have changed it.
 */
Datum
pb_host_claim(Datum name, Datum cloud, Datum org_id, Datum project_id)
{
	for (int i = 0; i < TRIES; i++)
	{
		Datum		host = form_host(name, cloud, i == 0);
		Datum		values[] = {host, org_id, project_id};
		bool		isnull;

		if (pb_sql_row(&claim, values, NULL, &host, &isnull) ||
			take_over(host, org_id, project_id, &host))
			return host;
		if (pb_sql_run(&is_taken, values, NULL) == 0)
			pb_sql_vetoed(pb_host.table);
	}
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_IN_USE),
			 errmsg("no free proxy host was found in %d tries", TRIES),
			 errhint("Try again, or choose another name.")));
}

static bool
lies_within(const char *name, const char *domain)
{
	size_t		length = strlen(name);
	size_t		domain_length = strlen(domain);

	return length >= domain_length &&
		pg_strcasecmp(name + length - domain_length, domain) == 0 &&
		(length == domain_length || name[length - domain_length - 1] == '.');
}

/* Whether a name lies within the domain of proxy hosts, or above it. */
bool
pb_host_is_proxy(Datum host)
{
	const char *name = TextDatumGetCString(host);

	for (int i = 0; pb_clouds[i] != NULL; i++)
	{
		StringInfoData domain;

		initStringInfo(&domain);
		append_domain(&domain, proxy_domain, pb_clouds[i]);
		if (lies_within(name, domain.data) || lies_within(domain.data, name))
			return true;
	}
	return false;
}
