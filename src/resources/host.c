/*
 * host.c
 *	  Forms proxy hosts and claims them in pgbeam.hosts.
 *
 * A host that was given once is never given to another organization, not even
 * when its project has been purged. Its row then has a digest in place of the
 * name, for the name holds that of the project: a digest is enough to know it
 * again, and does not tell who had it. A digest under a key of the keyring was
 * rejected, because it has to outlive all of them. So whoever reads the table
 * can try names on it, and learns of each whether somebody once had it.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/inval.h"
#include "utils/uuid.h"

#include "base/crypt.h"
#include "base/insert.h"
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
		.about = "A host name. After its project was purged: # and a digest of the name, in hex."
	},
	{
		.name = "org_id", .kind = PB_TEXT, .most = PB_ORG_ID_MAX,
		.about = "The organization of its project; empty when that was purged."
	},
	{
		.name = "project_id", .kind = PB_ID, .prefix = PB_PROJECT_PREFIX,
		.about = "The project it leads to; all zeros when that was purged."
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

static const PbStoredColumn columns[] = {
	{"host", TEXTOID, false}, {"org_id", TEXTOID, false},
	{"project_id", UUIDOID, false}, {"kind", TEXTOID, false}
};

static PbTable stored = {
	.name = "pgbeam.hosts", .columns = columns, .count = lengthof(columns),
	.unique = "hosts_pkey", .unique_columns = {"host"}
};

static PbStatement claim = {
	.text = "INSERT INTO pgbeam.hosts (host, org_id, project_id, kind) "
	"VALUES ($1, $2, $3, 'proxy') ON CONFLICT (host) DO NOTHING RETURNING host",
	.nargs = lengthof(claim_types), .types = claim_types,
	.nresults = lengthof(claim_results), .results = claim_results
};

static const PbResult holder_results[] = {{UUIDOID, false}};

#define FIND_HOLDER \
	"SELECT project_id FROM pgbeam.hosts " \
	"WHERE host OPERATOR(pg_catalog.=) $1 AND org_id OPERATOR(pg_catalog.=) $2 " \
	"AND kind OPERATOR(pg_catalog.=) 'proxy'"

/* The project of the organization that a host leads to. */
static PbStatement find_holder = {
	.text = FIND_HOLDER,
	.nargs = 2, .types = claim_types,
	.nresults = lengthof(holder_results), .results = holder_results
};

/* The same for whoever reads. */
static PbStatement read_holder = {
	.text = FIND_HOLDER,
	.nargs = 2, .types = claim_types,
	.nresults = lengthof(holder_results), .results = holder_results,
	.reads = true
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

/* Also where that was committed after the transaction's snapshot. */
static PbStatement is_there = {
	.text = "SELECT FROM pgbeam.hosts "
	"WHERE host OPERATOR(pg_catalog.=) $1",
	.nargs = 1, .types = claim_types, .sees_all = true
};

static PbStatement give_back = {
	.text = "DELETE FROM pgbeam.hosts "
	"WHERE host OPERATOR(pg_catalog.=) $1 AND org_id OPERATOR(pg_catalog.=) $2 "
	"AND project_id OPERATOR(pg_catalog.=) $3",
	.nargs = lengthof(claim_types), .types = claim_types
};

/* Digests begin with #, and $ follows it. */
static PbStatement find_any_retired = {
	.text = "SELECT FROM pgbeam.hosts WHERE host OPERATOR(pg_catalog.>=) '#' "
	"AND host OPERATOR(pg_catalog.<) '$' LIMIT 1",
	.sees_all = true
};

#define LEADS_TO \
	"FROM pgbeam.hosts WHERE host OPERATOR(pg_catalog.=) $1 " \
	"AND org_id OPERATOR(pg_catalog.=) $2 " \
	"AND project_id OPERATOR(pg_catalog.=) $3"

static PbStatement leads_to = {
	.text = "SELECT " LEADS_TO,
	.nargs = lengthof(claim_types), .types = claim_types
};

static PbStatement lock_free = {
	.text = "SELECT " LEADS_TO " FOR UPDATE SKIP LOCKED",
	.nargs = lengthof(claim_types), .types = claim_types
};

static PbStatement leave = {
	.text = "UPDATE pgbeam.hosts SET project_id = $4 "
	"WHERE host OPERATOR(pg_catalog.=) $1 AND org_id OPERATOR(pg_catalog.=) $2 "
	"AND project_id OPERATOR(pg_catalog.=) $3",
	.nargs = lengthof(pass_on_types), .types = pass_on_types
};

/* The project of a host that has none any more. */
static const pg_uuid_t none = {{0}};

static const Oid retire_types[] = {TEXTOID, TEXTOID, UUIDOID};

static PbStatement retire = {
	.text = "UPDATE pgbeam.hosts SET host = $2, org_id = '', project_id = $3 "
	"WHERE host OPERATOR(pg_catalog.=) $1",
	.nargs = lengthof(retire_types), .types = retire_types
};

/* The same on Citus, where a host stays on its node. */
static PbStatement store_retired = {
	.text = "INSERT INTO pgbeam.hosts (host, org_id, project_id, kind) "
	"SELECT $2, '', $3, kind FROM pgbeam.hosts "
	"WHERE host OPERATOR(pg_catalog.=) $1 ON CONFLICT (host) DO NOTHING",
	.nargs = lengthof(retire_types), .types = retire_types
};

static PbStatement forget = {
	.text = "DELETE FROM pgbeam.hosts WHERE host OPERATOR(pg_catalog.=) $1",
	.nargs = 1, .types = retire_types
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

/* What stands in place of the name of a retired host. No host has a #. */
Datum
pb_host_digest(Datum host)
{
	text	   *name = DatumGetTextPP(host);
	uint8_t		digest[PB_DIGEST_BYTES];
	char		hex[1 + 2 * PB_DIGEST_BYTES + 1] = "#";

	pb_digest(VARDATA_ANY(name), VARSIZE_ANY_EXHDR(name), digest);
	pb_hex(digest, PB_DIGEST_BYTES, hex + 1);
	return PointerGetDatum(cstring_to_text_with_len(hex, sizeof(hex) - 1));
}

/*
 * Whether no host has been retired. Where that is so, nothing has to be looked
 * up for a new host. Whoever retires one tells all backends, and that is heard
 * by a backend which has waited for the retired host: the server sends such
 * news before it lets others go on.
 */
static bool
is_none_retired(void)
{
	static uint64 known_at = 0;

	if (pb_sql_may_be_distributed())
		return false;
	AcceptInvalidationMessages();
	if (known_at == pb_sql_generation())
		return true;
	if (pb_sql_run(&find_any_retired, NULL, NULL) > 0)
		return false;
	known_at = pb_sql_generation();
	return true;
}

/*
 * Whether a host was given to a project that has been purged. Whoever has just
 * written the row of a host asks after that: then none can be retired between
 * the question and the row. A condition within the statement that writes the
 * row was rejected, as it would ask before.
 */
bool
pb_host_is_retired(Datum host)
{
	Datum		digest;

	if (is_none_retired())
		return false;
	digest = pb_host_digest(host);
	return pb_sql_run(&is_there, &digest, NULL) > 0;
}

/* Takes back the row of a host that a project has just got. */
void
pb_host_give_back(Datum host, Datum org_id, Datum project_id)
{
	Datum		values[] = {host, org_id, project_id};

	(void) pb_sql_run(&give_back, values, NULL);
}

/* Puts a digest in place of a host's name. Its organization goes too. */
void
pb_host_retire(Datum host)
{
	Datum		values[] = {host, pb_host_digest(host), UUIDPGetDatum(&none)};

	pb_sql_tell_generation(pb_host.table);
	if (!pb_sql_may_be_distributed())
		(void) pb_sql_run(&retire, values, NULL);
	else if (pb_sql_run(&store_retired, values, NULL) > 0)
		(void) pb_sql_run(&forget, values, NULL);
}

/*
 * Locks a host that leads to a project. False if another session has locked
 * it, to pass it on. Nobody waits here, because that one may wait for us.
 */
static bool
lock_if_its(Datum values[lengthof(claim_types)], bool *is_its)
{
	*is_its = pb_sql_run(&lock_free, values, NULL) > 0;
	return *is_its || pb_sql_run(&leads_to, values, NULL) == 0;
}

/*
 * Retires the proxy host of a project that is purged, if it still leads there.
 * False if that must wait.
 */
bool
pb_host_purge_proxy(Datum host, Datum org_id, Datum project_id)
{
	Datum		values[] = {host, org_id, project_id};
	bool		is_its;

	if (!lock_if_its(values, &is_its))
		return false;
	if (is_its)
		pb_host_retire(host);
	return true;
}

/*
 * A proved domain stays with its organization when its project is purged, as
 * only its DNS gives it to another project.
 */
bool
pb_host_purge_domain(Datum host, Datum org_id, Datum project_id)
{
	Datum		values[] = {host, org_id, project_id, UUIDPGetDatum(&none)};
	bool		is_its;

	if (lock_if_its(values, &is_its) && is_its)
		(void) pb_sql_run(&leave, values, NULL);
	return true;
}

/*
 * Inserts the row of a host; false if somebody has the host. A trigger may
 * change it.
 */
static bool
insert(Datum *host, Datum org_id, Datum project_id)
{
	Datum		values[] = {
		*host, org_id, project_id, CStringGetTextDatum(kinds[0])
	};
	bool		isnull;

	return pb_table_takes_rows(&stored) ?
		pb_insert(&stored, values, NULL, 1) :
		pb_sql_row(&claim, values, NULL, host, &isnull);
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

		if (insert(&host, org_id, project_id))
		{
			if (!pb_host_is_retired(host))
				return host;
			pb_host_give_back(host, org_id, project_id);
		}
		else if (take_over(host, org_id, project_id, &host))
			return host;
		else if (pb_sql_run(&is_there, values, NULL) == 0)
			pb_sql_vetoed(pb_host.table);
	}
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_IN_USE),
			 errmsg("no free proxy host was found in %d tries", TRIES),
			 errhint("Try again, or choose another name.")));
}

/*
 * Gives a project that comes back the host that it had. False if another
 * project has it now.
 */
bool
pb_host_regain(Datum host, Datum org_id, Datum project_id)
{
	Datum		values[] = {host, org_id, project_id};

	return pb_sql_run(&leads_to, values, NULL) > 0 ||
		take_over(host, org_id, project_id, &host) ||
		insert(&host, org_id, project_id);
}

/* Finds the project of the organization that a proxy host was given to. */
bool
pb_host_find(Datum host, Datum org_id, Datum *project_id)
{
	Datum		values[] = {host, org_id};
	bool		isnull;

	return pb_sql_row(&read_holder, values, NULL, project_id, &isnull);
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
