/*
 * domain.c
 *	  Custom domains: fields, claims, and verification by the reported TXT
 *	  record. Backends never ask the DNS.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/timestamp.h"

#include "auth/authorization.h"
#include "auth/organization.h"
#include "base/crypt.h"
#include "base/sql.h"
#include "base/text.h"
#include "base/typeid.h"
#include "fields/check.h"
#include "resources/domain.h"
#include "resources/host.h"
#include "resources/page.h"
#include "resources/prefix.h"
#include "resources/project.h"
#include "resources/resource.h"
#include "resources/write.h"

#define TOKEN_SIZE 32

/* what stands before the token in the TXT record */
#define TXT_MARK "pgbeam-verify="
#define IN_USE "this domain is already in use"
#define PROVED IN_USE ": another project has proved it"

/* labels before a domain; together they must still be a name */
#define PROOF "_pgbeam-verify."
#define ACME "_acme-challenge."
#define DOMAIN_MAX \
	(PB_DNS_NAME_MAX - (int) Max(sizeof(PROOF), sizeof(ACME)) + 1)

#define TXT_MAX 4096

#define LIMIT_SETTING "pgbeam.max_domains"

static PbPrepared prepared;

static int	limit;

static struct
{
	int			domain;
	int			verified;
	int			verified_at;
	int			token;
	int			reported;
	int			proxy_host;
	int			cname_host;
	int			cname_target;
	int			txt_host;
	int			txt_value;
	int			acme_cname_host;
	int			acme_cname_target;
}			at;

#define INSTRUCTION(name_, most_, about_) \
	{ \
		.name = #name_, .kind = PB_TEXT, .flags = PB_SHOWN | PB_DERIVED, \
		.most = most_, .at = &at.name_, .about = about_ \
	}

static const PbField instructions[] = {
	INSTRUCTION(cname_host, DOMAIN_MAX, "Name of the CNAME record that leads to the proxy."),
	INSTRUCTION(cname_target, PB_DNS_NAME_MAX, "The value of that record."),
	INSTRUCTION(txt_host, PB_DNS_NAME_MAX, "Name of the TXT record that proves the domain."),
	INSTRUCTION(txt_value, sizeof(TXT_MARK) - 1 + TOKEN_SIZE, "The value of that record."),
	INSTRUCTION(acme_cname_host, PB_DNS_NAME_MAX, "Name of the CNAME record for certificates."),
	INSTRUCTION(acme_cname_target, sizeof(ACME) - 1 + PB_DNS_NAME_MAX, "The value of that record."),
	{0}
};

static const PbField fields[] = {
	{
		.name = "id", .kind = PB_ID, .flags = PB_SHOWN, .prefix = PB_CUSTOM_DOMAIN_PREFIX,
		.at = &prepared.id,
		.about = "The domain's id."
	},
	{
		.name = "org_id", PB_ORG_ID_RULE,
		.at = &prepared.org_id,
		.about = "The organization that its project belongs to."
	},
	{
		.name = "project_id", .kind = PB_ID, .flags = PB_SHOWN,
		.prefix = PB_PROJECT_PREFIX, .at = &prepared.parent,
		.about = "The project it leads to."
	},
	{
		.name = "domain", .kind = PB_TEXT,
		.flags = PB_CREATE | PB_SHOWN | PB_REQUIRED,
		.least = 1, .most = DOMAIN_MAX,
		.rule = pb_text_dns_name_problem, .pattern = PB_DNS_NAME_PATTERN,
		.at = &at.domain,
		.about = "The name. Several projects may claim it; the first that proves it gets it."
	},
	{
		.name = "verified", .kind = PB_BOOLEAN, .flags = PB_SHOWN | PB_DERIVED,
		.at = &at.verified,
		.about = "Whether it has been proved."
	},
	{
		.name = "verified_at", .kind = PB_TIME,
		.flags = PB_SHOWN | PB_NULLABLE | PB_NULL_SHOWN | PB_STAMPED,
		.at = &at.verified_at,
		.about = "When it was proved."
	},
	{
		.name = "tls_cert_expiry", .kind = PB_TIME,
		.flags = PB_SHOWN | PB_NULLABLE | PB_NULL_SHOWN | PB_STAMPED,
		.about = "When its certificate expires, if a data plane has one."
	},
	{
		.name = "dns_verification_token", .kind = PB_TEXT, .flags = PB_SHOWN,
		.least = TOKEN_SIZE, .most = TOKEN_SIZE, .at = &at.token,
		.about = "The token that its TXT record must have after " TXT_MARK "."
	},
	{
		.name = "reported_txt", .kind = PB_TEXT, .flags = PB_NULLABLE,
		.most = TXT_MAX,
		.at = &at.reported,
		.about = "The texts of its TXT records, as last reported, a line each."
	},
	{
		.name = "proxy_host", .kind = PB_TEXT, .flags = PB_DERIVED,
		.most = PB_DNS_NAME_MAX,
		.expression = PB_PROJECT_HOST_OF("t"),
		.at = &at.proxy_host,
		.about = "The host of its project."
	},
	{
		.name = "dns_instructions", .kind = PB_OBJECT,
		.flags = PB_SHOWN | PB_DERIVED, .fields = instructions,
		.about = "The DNS records that prove the domain and lead it to the proxy."
	},
	PB_TIMES(prepared),
	{0}
};

static const PbOrder orders[] = {
	{
		.name = "created_at", .column = "id", .leaf = &prepared.id,
		.is_indexed = true
	},
	{0}
};

void
pb_domain_define_settings(void)
{
	DefineCustomIntVariable(LIMIT_SETTING,
							"Custom domains that a project may have; 0: no limit.",
							NULL, &limit, 20, 0, 10000, PGC_SUSET, 0,
							NULL, NULL, NULL);
}

static void
set_instruction(PbRow *row, int leaf, const char *before, Datum name)
{
	pb_row_set(row, leaf,
			   CStringGetTextDatum(psprintf("%s%s", before,
											TextDatumGetCString(name))));
}

static void
derive(PbRow *row, const PbOrganization *organization)
{
	Datum		domain = pb_row_value(row, at.domain);
	Datum		target = pb_project_host(row, at.proxy_host);

	pb_row_set(row, at.verified,
			   BoolGetDatum(pb_row_has(row, at.verified_at)));
	set_instruction(row, at.cname_host, "", domain);
	set_instruction(row, at.cname_target, "", target);
	set_instruction(row, at.txt_host, PROOF, domain);
	set_instruction(row, at.txt_value, TXT_MARK, pb_row_value(row, at.token));
	set_instruction(row, at.acme_cname_host, ACME, domain);
	set_instruction(row, at.acme_cname_target, ACME, target);
}

static const Oid name_types[] = {TEXTOID, TEXTOID, UUIDOID};

/* SQL: a name in lower case, as pgbeam.hosts has it; names are ASCII */
#define FOLDED(name) "pg_catalog.lower(" name ")"

/* Names that differ only in case are the same name. */
static Datum
fold(Datum domain)
{
	char	   *name = TextDatumGetCString(domain);

	for (char *p = name; *p != '\0'; p++)
		*p = pg_ascii_tolower(*p);
	return CStringGetTextDatum(name);
}

/* Sets the arguments of the statements below: name, organization, project. */
static void
set_arguments(const PbRow *row, Datum values[lengthof(name_types)])
{
	values[0] = fold(pb_row_value(row, at.domain));
	values[1] = pb_resource_org(row);
	values[2] = pb_row_value(row, prepared.parent);
}

static PbStatement find_claim = {
	.text = "SELECT FROM pgbeam.custom_domains "
	"WHERE " FOLDED("domain") " OPERATOR(pg_catalog.=) $1 "
	"AND org_id OPERATOR(pg_catalog.=) $2 "
	"AND project_id OPERATOR(pg_catalog.=) $3 "
	"AND deleted_at IS NULL LIMIT 1",
	.nargs = lengthof(name_types), .types = name_types, .sees_all = true
};

/* Whether a project has a name as a proved domain. */
static PbStatement find_held = {
	.text = "SELECT FROM pgbeam.custom_domains "
	"WHERE " FOLDED("domain") " OPERATOR(pg_catalog.=) $1 "
	"AND org_id OPERATOR(pg_catalog.=) $2 "
	"AND project_id OPERATOR(pg_catalog.=) $3 "
	"AND verified_at IS NOT NULL AND deleted_at IS NULL LIMIT 1",
	.nargs = lengthof(name_types), .types = name_types
};

/* the columns of find_host */
enum
{
	HOST_PROJECT, IS_OWN, IS_PROJECTS, HOST_COLUMNS
};

static const PbResult host_results[HOST_COLUMNS] = {
	[HOST_PROJECT] = {UUIDOID, false}, [IS_OWN] = {BOOLOID, false},
	[IS_PROJECTS] = {BOOLOID, false}
};

#define FIND_HOST \
	"SELECT project_id, kind OPERATOR(pg_catalog.=) 'custom' " \
	"AND org_id OPERATOR(pg_catalog.=) $2, " \
	"project_id OPERATOR(pg_catalog.=) $3 " \
	"FROM pgbeam.hosts WHERE host OPERATOR(pg_catalog.=) $1"

static PbStatement find_host = {
	.text = FIND_HOST, .nargs = lengthof(name_types), .types = name_types,
	.nresults = HOST_COLUMNS, .results = host_results
};

static PbStatement lock_own = {
	.text = FIND_HOST " AND org_id OPERATOR(pg_catalog.=) $2 FOR UPDATE",
	.nargs = lengthof(name_types), .types = name_types,
	.nresults = HOST_COLUMNS, .results = host_results
};

static PbStatement take_new = {
	.text = "INSERT INTO pgbeam.hosts (host, org_id, project_id, kind) "
	"VALUES ($1, $2, $3, 'custom') ON CONFLICT (host) DO NOTHING",
	.nargs = lengthof(name_types), .types = name_types
};

static PbStatement take_over = {
	.text = "UPDATE pgbeam.hosts SET project_id = $3 "
	"WHERE host OPERATOR(pg_catalog.=) $1 AND org_id OPERATOR(pg_catalog.=) $2 "
	"AND kind OPERATOR(pg_catalog.=) 'custom'",
	.nargs = lengthof(name_types), .types = name_types
};

/*
 * Whether a name that has a host may not be another project's. The statement
 * finds the host, or locks it too. The domains are read by a statement of
 * their own: one that waits for a lock judges other tables by its old
 * snapshot, and Citus has their rows on other nodes.
 */
static bool
is_kept(PbStatement *statement, Datum values[lengthof(name_types)])
{
	Datum		held[] = {values[0], values[1], (Datum) 0};
	Datum		host[HOST_COLUMNS];
	bool		nulls[HOST_COLUMNS];

	if (!pb_sql_row(statement, values, NULL, host, nulls))
		return pb_host_is_retired(values[0]);
	if (!DatumGetBool(host[IS_OWN]))
		return true;
	held[2] = host[HOST_PROJECT];
	return !DatumGetBool(host[IS_PROJECTS]) &&
		pb_sql_run(&find_held, held, NULL) > 0;
}

/* Gives a new row its token. */
static bool
prepare(PbRow *row, PbFaults *faults)
{
	uint8_t		random[TOKEN_SIZE];
	char		token[TOKEN_SIZE];

	pb_random(random, sizeof(random));
	for (int i = 0; i < TOKEN_SIZE; i++)
		token[i] = pb_base32[random[i] & 31];
	pb_row_set(row, at.token,
			   PointerGetDatum(cstring_to_text_with_len(token, TOKEN_SIZE)));
	return true;
}

/*
 * Whether a project may claim the name. It may not lie where proxy hosts are
 * made, be proved by another project, or be claimed by this one already. The
 * project is locked. A claim does not stop others: only the DNS says who has a
 * name.
 */
static bool
may_claim(const PbRow *row, PbFaults *faults)
{
	const PbPath name = {NULL, "domain", 0};
	Datum		values[lengthof(name_types)];

	set_arguments(row, values);
	if (pb_host_is_proxy(values[0]))
		pb_fault_problem(faults, &name,
						 "must not lie within the domain of proxy hosts, nor above it",
						 NULL);
	else if (pb_sql_run(&find_claim, values, NULL) > 0)
		pb_fault_taken(faults, name.name, values[0], IN_USE,
					   "The project has it already.");
	else if (is_kept(&find_host, values))
		pb_fault_taken(faults, name.name, values[0], IN_USE,
					   "Another project has proved it. Choose another domain. Whoever runs this service can free it by pgbeam.release_domain().");
	return faults->refusal == PB_ACCEPTED;
}

static bool
admit(const PbRequest *request, PbRow *row, PbOrganization *organization,
	  PbFaults *faults)
{
	if (pb_organization_has_domains(organization))
		return may_claim(row, faults);
	pb_fault_set(faults, PB_PLAN_LIMIT_REACHED,
				 "custom domains are not part of your plan",
				 "The plans scale and enterprise have them.");
	return false;
}

static const PbHooks hooks = {
	.admit = admit,
	.prepare = prepare,
	.derive = derive,
	.host = FOLDED("domain"),
	.purge_host = pb_host_purge_domain,
};

static const PbSet retired[] = {{&at.reported, NULL}, {NULL}};
static const PbSet restored[] = {{&at.verified_at, NULL}, {NULL}};

const PbResource pb_custom_domain = {
	.name = "custom_domain",
	.plural = "domains",
	.table = "pgbeam.custom_domains",
	.copying = PB_COPIED,
	.prefix = PB_CUSTOM_DOMAIN_PREFIX,
	.parent = &pb_project,
	.retire = retired,
	.restore = restored,
	.limit = &limit,
	.limit_setting = LIMIT_SETTING,
	.orders = orders,
	.fields = fields,
	.hooks = &hooks,
	.prepared = &prepared,
};

/*
 * Takes a name that its DNS proves: a free one, or one that its organization
 * had before and no living domain holds. The host is locked first: otherwise
 * two projects could both take the name over.
 */
static bool
take_name(Datum values[lengthof(name_types)])
{
	if (pb_sql_run(&take_new, values, NULL) == 0)
		return !is_kept(&lock_own, values) &&
			pb_sql_run(&take_over, values, NULL) > 0;
	if (!pb_host_is_retired(values[0]))
		return true;
	pb_host_give_back(values[0], values[1], values[2]);
	return false;
}

/* Whether a line of the report is the text that proves the domain. */
static bool
says_token(const PbRow *row)
{
	const char *token = TextDatumGetCString(pb_row_value(row, at.token));
	const char *wanted = psprintf(TXT_MARK "%s", token);
	size_t		length = strlen(wanted);
	const char *line = TextDatumGetCString(pb_row_value(row, at.reported));

	for (; *line != '\0'; line += strspn(line, "\n"))
	{
		size_t		size = strcspn(line, "\n");

		if (size == length && memcmp(line, wanted, length) == 0)
			return true;
		line += size;
	}
	return false;
}

/*
 * Proves a locked domain if possible. Returns what stands in the way, or NULL.
 */
static const char *
prove(const PbRequest *request, PbRow *row, PbFaults *faults)
{
	Datum		values[lengthof(name_types)];

	if (pb_row_has(row, at.verified_at))
		return NULL;
	set_arguments(row, values);
	if (is_kept(&find_host, values))
		return PROVED;
	if (!pb_row_has(row, at.reported))
		return "TXT record not found";
	if (!says_token(row))
		return "the TXT record says something else";
	if (!take_name(values))
		return PROVED;			/* since is_kept() looked */
	pb_row_set(row, at.verified_at,
			   TimestampTzGetDatum(GetCurrentTimestamp()));
	(void) pb_write_update(request, row, false, NULL, faults);
	return NULL;
}

/* verifyCustomDomain: judges by the TXT record that was reported last */
void
pb_domain_verify(const PbRequest *request, PbReply *reply)
{
	PbOrganization organization;
	PbRow	   *row = pb_resource_find(request, PB_WRITE, &organization,
									   &reply->faults);
	const char *problem;

	if (row != NULL)
		row = pb_resource_lock(row, &reply->faults);
	if (row == NULL)
		return;
	problem = prove(request, row, &reply->faults);
	pb_json_begin(reply->body, '{');
	pb_json_pair_boolean(reply->body, "verified", problem == NULL);
	if (problem != NULL)
		pb_json_pair(reply->body, "error", problem);
	pb_json_name(reply->body, "domain");
	pb_resource_show(reply->body, row, &organization);
	pb_json_end(reply->body, '}');
}

static PbStatement report = {
	.text = "UPDATE pgbeam.custom_domains SET reported_txt = $2 "
	"WHERE " FOLDED("domain") " OPERATOR(pg_catalog.=) $1 "
	"AND deleted_at IS NULL",
	.nargs = 2, .types = name_types
};

static PbStatement is_known = {
	.text = "SELECT FROM pgbeam.custom_domains "
	"WHERE " FOLDED("domain") " OPERATOR(pg_catalog.=) $1 "
	"AND deleted_at IS NULL LIMIT 1",
	.nargs = 1, .types = name_types
};

/* Takes a report of what a domain's TXT record says. */
void
pb_domain_report(const PbJson *members, PbFaults *faults)
{
	PbRow	   *row = pb_row_make(&pb_custom_domain);
	Datum		values[2] = {0};
	char		nulls[] = {' ', ' '};

	pb_check_value(row, at.domain, &members[0], faults);
	if (faults->count > 0)
		return;
	if (members[1].type == PB_JSON_TEXT)
		pb_check_value(row, at.reported, &members[1], faults);
	values[0] = fold(pb_row_value(row, at.domain));
	values[1] = pb_row_value(row, at.reported);
	nulls[1] = row->nulls[at.reported];
	if (faults->count > 0 || pb_sql_run(&report, values, nulls) > 0)
		return;
	if (pb_sql_run(&is_known, values, NULL) > 0)
		pb_sql_vetoed(pb_custom_domain.table);
	pb_fault_set(faults, PB_NOT_FOUND, "custom domain not found", NULL);
}

static const PbResult released_results[] = {{TEXTOID, false}};

static PbStatement release = {
	.text = "DELETE FROM pgbeam.hosts WHERE host OPERATOR(pg_catalog.=) $1 "
	"AND kind OPERATOR(pg_catalog.=) 'custom' RETURNING org_id",
	.nargs = 1, .types = name_types,
	.nresults = lengthof(released_results), .results = released_results
};

static const Oid unprove_types[] = {TEXTOID, TEXTOID, TIMESTAMPTZOID};
static const PbResult unproved_results[] = {{UUIDOID, false}};

/*
 * The report is removed too: otherwise the next verification would prove the
 * domain again.
 */
static PbStatement unprove = {
	.text = "UPDATE pgbeam.custom_domains SET verified_at = NULL, "
	"reported_txt = NULL, updated_at = $3 "
	"WHERE " FOLDED("domain") " OPERATOR(pg_catalog.=) $1 "
	"AND org_id OPERATOR(pg_catalog.=) $2 "
	"AND verified_at IS NOT NULL AND deleted_at IS NULL RETURNING id",
	.nargs = lengthof(unprove_types), .types = unprove_types,
	.nresults = lengthof(unproved_results), .results = unproved_results
};

/* Frees the host of a name, also one that was retired. */
static bool
release_host(Datum values[2])
{
	Datum		retired[] = {pb_host_digest(values[0])};
	bool		isnull;

	return pb_sql_row(&release, values, NULL, &values[1], &isnull) ||
		pb_sql_row(&release, retired, NULL, &values[1], &isnull);
}

/*
 * Takes a name from the organization that has proved it; the next one to prove
 * it gets it. A living domain loses its proof, and the feed says so.
 */
void
pb_domain_release(const PbJson *members, const PbActor *actor,
				  PbFaults *faults)
{
	PbRow	   *row = pb_row_make(&pb_custom_domain);
	Datum		values[lengthof(unprove_types)];
	Datum		id;
	bool		isnull;

	pb_check_value(row, at.domain, &members[0], faults);
	if (faults->count > 0)
		return;
	values[0] = fold(pb_row_value(row, at.domain));
	values[2] = TimestampTzGetDatum(GetCurrentTimestamp());
	if (!release_host(values))
	{
		pb_fault_set(faults, PB_NOT_FOUND, "nobody has proved this domain",
					 "A claim alone binds nobody, and needs no release.");
		return;
	}
	if (pb_sql_row(&unprove, values, NULL, &id, &isnull))
		pb_change_note(actor, PB_UPDATED, &pb_custom_domain, values[1],
					   pb_resource_spell(&pb_custom_domain, id), NULL);
}
