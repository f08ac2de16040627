/*
 * database.c
 *	  Databases: fields, the rule over a whole row, the sealed password.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/uuid.h"

#include "auth/authorization.h"
#include "auth/organization.h"
#include "base/proxykey.h"
#include "base/sql.h"
#include "base/text.h"
#include "keys/keyring.h"
#include "resources/database.h"
#include "resources/host.h"
#include "resources/page.h"
#include "resources/prefix.h"
#include "resources/project.h"
#include "resources/resource.h"
#include "resources/upstream.h"

#define UPSTREAM_NAME_MAX 255	/* PostgreSQL keeps 63 bytes of a name */
#define PASSWORD_MAX 16384

/* at most four bytes a character, and three characters a byte when encoded */
#define URI_SCHEME "postgresql://"
#define URI_PASSWORD ":YOUR_PASSWORD@"
#define URI_MAX \
	(sizeof(URI_SCHEME URI_PASSWORD ":65535/") - 1 + PB_DNS_NAME_MAX + \
	 2 * 4 * 3 * UPSTREAM_NAME_MAX)

static PbPrepared prepared;

static struct
{
	int			route;
	int			connection_string;
	int			proxy_host;
	int			host;
	int			port;
	int			ssl_mode;
	int			name;
	int			username;
	int			password;
	int			password_generation;
	int			pool_size;
	int			min_pool_size;
}			at;

static int	proxy_routing;
static int	default_pool_mode;
static bool default_cache_enabled;
static bool password_on_move;

static const char *const roles[] = {"primary", "replica", NULL};
static const char *const pool_modes[] = {
	"session", "transaction", "statement", NULL
};

/* what a proxy chooses an upstream by */
enum
{
	ROUTE_BY_HOST, ROUTE_BY_DATABASE
};

static const struct config_enum_entry routings[] = {
	{"host", ROUTE_BY_HOST, false},
	{"database", ROUTE_BY_DATABASE, false},
	{NULL, 0, false}
};

static Datum
pool_mode_setting(void)
{
	return CStringGetTextDatum(pool_modes[default_pool_mode]);
}

static Datum
cache_enabled_setting(void)
{
	return BoolGetDatum(default_cache_enabled);
}

static const PbField cache_config[] = {
	{
		.name = "enabled", .column = "cache_enabled", .kind = PB_BOOLEAN,
		.flags = PB_READ_WRITE, .setting = cache_enabled_setting,
		.about = "Whether results of reads are cached."
	},
	{
		.name = "ttl_seconds", .column = "cache_ttl_seconds", .kind = PB_INTEGER,
		.flags = PB_READ_WRITE, .least = 0, .most = 86400, .fallback = "60",
		.about = "Seconds for which a cached result is fresh."
	},
	{
		.name = "max_entries", .column = "cache_max_entries", .kind = PB_INTEGER,
		.flags = PB_READ_WRITE, .least = 0, .most = 1000000, .fallback = "10000",
		.about = "The most results that the cache holds."
	},
	{
		.name = "swr_seconds", .column = "cache_swr_seconds", .kind = PB_INTEGER,
		.flags = PB_READ_WRITE, .least = 0, .most = 86400, .fallback = "30",
		.about = "Seconds for which a stale result is served while it is renewed."
	},
	{0}
};

static const PbField pool_config[] = {
	{
		.name = "pool_size", .kind = PB_INTEGER, .flags = PB_READ_WRITE,
		.least = 1, .most = 10000, .fallback = "10", .at = &at.pool_size,
		.about = "Connections to the upstream that a pool may open."
	},
	{
		.name = "min_pool_size", .kind = PB_INTEGER, .flags = PB_READ_WRITE,
		.least = 1, .most = 10000, .fallback = "1", .at = &at.min_pool_size,
		.about = "Connections that a pool keeps open; at most pool_size."
	},
	{
		.name = "pool_mode", .kind = PB_WORD,
		.flags = PB_READ_WRITE | PB_BLANK_KEEPS,
		.words = pool_modes, .setting = pool_mode_setting,
		.about = "When a connection goes back to its pool."
	},
	{
		.name = "max_active", .kind = PB_INTEGER, .flags = PB_READ_WRITE,
		.least = 1, .most = 10000, .fallback = "200",
		.about = "Queries that may run at the same time."
	},
	{0}
};

static const PbField fields[] = {
	{
		.name = "id", .kind = PB_ID, .flags = PB_SHOWN, .prefix = PB_DATABASE_PREFIX,
		.at = &prepared.id,
		.about = "The database's id."
	},
	{
		.name = "org_id", PB_ORG_ID_RULE,
		.at = &prepared.org_id,
		.about = "The organization that its project belongs to."
	},
	{
		.name = "project_id", .kind = PB_ID, .flags = PB_SHOWN, .prefix = PB_PROJECT_PREFIX,
		.at = &prepared.parent,
		.about = "The project it belongs to."
	},
	{
		.name = "route", .kind = PB_TEXT,
		.least = 1, .most = PB_ROUTE_MAX, .rule = pb_proxykey_route_problem,
		.at = &at.route,
		.about = "What tells it apart at a proxy of many projects, behind the label of its project's host. It never changes."
	},
	{
		.name = "connection_string", .kind = PB_TEXT,
		.flags = PB_SHOWN | PB_DERIVED, .most = URI_MAX,
		.at = &at.connection_string,
		.about = "URI of the database through the proxy, with YOUR_PASSWORD where the password belongs."
	},
	{
		.name = "proxy_host", .kind = PB_TEXT, .flags = PB_DERIVED,
		.most = PB_DNS_NAME_MAX,
		.expression = PB_PROJECT_HOST_OF("t"),
		.at = &at.proxy_host,
		.about = "The host of its project."
	},
	{
		PB_UPSTREAM_HOST, .flags = PB_READ_WRITE | PB_REQUIRED, .at = &at.host,
		.about = "Host name or address of the upstream server; brackets round an IPv6 address are not part of it."
	},
	{
		PB_UPSTREAM_PORT, .flags = PB_READ_WRITE | PB_REQUIRED, .at = &at.port,
		.about = "Port of the upstream server."
	},
	{
		.name = "name", .kind = PB_TEXT, .flags = PB_READ_WRITE | PB_REQUIRED,
		.least = 1, .most = UPSTREAM_NAME_MAX, .rule = pb_text_control_problem,
		.pattern = PB_CONTROL_PATTERN,
		.at = &at.name,
		.about = "The database's name on the upstream server."
	},
	{
		.name = "username", .kind = PB_TEXT, .flags = PB_READ_WRITE | PB_REQUIRED,
		.least = 1, .most = UPSTREAM_NAME_MAX, .rule = pb_text_control_problem,
		.pattern = PB_CONTROL_PATTERN, .refuse = pb_upstream_refuse_user,
		.at = &at.username,
		.about = "The user that logs in to the upstream server."
	},
	{
		.name = "password", .column = "password_sealed", .kind = PB_SECRET,
		.flags = PB_CREATE | PB_UPDATE | PB_REQUIRED | PB_NULLABLE |
			PB_BLANK_KEEPS,
		.least = 1, .most = PASSWORD_MAX,
		.refuse = pb_upstream_refuse_password, .at = &at.password,
		.about = "That user's password. Stored sealed, never shown."
	},
	{
		.name = "password_generation", .kind = PB_INTEGER,
		.flags = PB_STAMPED,
		.least = 1, .most = PG_INT32_MAX, .at = &at.password_generation,
		.about = "How many times the password has been set."
	},
	{
		PB_UPSTREAM_SSL_MODE, .flags = PB_READ_WRITE | PB_BLANK_KEEPS,
		.at = &at.ssl_mode,
		.about = "How the connection to the upstream server is secured, as libpq's sslmode."
	},
	{
		.name = "role", .kind = PB_WORD, .flags = PB_READ_WRITE | PB_BLANK_KEEPS,
		.words = roles, .fallback = "\"primary\"",
		.about = "Whether the upstream takes writes."
	},
	{
		.name = "pool_region", .kind = PB_TEXT, .flags = PB_READ_WRITE | PB_NULLABLE,
		.most = 255,
		.about = "Region whose proxies hold the pool; absent: each proxy connects directly."
	},
	{
		.name = "query_timeout_ms", .kind = PB_INTEGER,
		.flags = PB_READ_WRITE | PB_NULLABLE | PB_SPARSE,
		.least = 0, .most = 300000, .fallback = "0",
		.about = "Milliseconds after which a query is cancelled; 0 means never."
	},
	{
		.name = "auto_read_routing", .kind = PB_BOOLEAN,
		.flags = PB_READ_WRITE | PB_NULLABLE | PB_SPARSE,
		.fallback = "false",
		.about = "Whether reads go to replicas."
	},
	{
		.name = "cache_config", .kind = PB_OBJECT, .flags = PB_READ_WRITE,
		.fields = cache_config,
		.about = "How results are cached."
	},
	{
		.name = "pool_config", .kind = PB_OBJECT, .flags = PB_READ_WRITE,
		.fields = pool_config,
		.about = "How connections are pooled."
	},
	PB_TIMES(prepared),
	{0}
};

static void
check_row(const PbRow *row, const PbPath *up, PbFaults *faults)
{
	PbPath		config = {up, "pool_config", 0};
	PbPath		path = {&config, "min_pool_size", 0};

	if (row->failed[at.pool_size] || row->failed[at.min_pool_size] ||
		DatumGetInt32(pb_row_value(row, at.min_pool_size)) <=
		DatumGetInt32(pb_row_value(row, at.pool_size)))
		return;
	pb_fault_problem(faults, &path,
					 psprintf("must not be greater than pool_size, which is %d",
							  DatumGetInt32(pb_row_value(row, at.pool_size))),
					 NULL);
}

static const PbOrder orders[] = {
	{
		.name = "created_at", .column = "id", .leaf = &prepared.id,
		.is_indexed = true
	},
	{0}
};

static PbPrepared list_prepared;

static const PbField list_fields[] = {
	PB_PAGE_PARAMETERS,
	{
		.name = "name", .kind = PB_TEXT, .flags = PB_CREATE | PB_NULLABLE,
		.least = 1, .most = UPSTREAM_NAME_MAX,
		.about = "Only databases with this name."
	},
	{
		.name = "name_prefix", .kind = PB_TEXT,
		.flags = PB_CREATE | PB_NULLABLE,
		.least = 1, .most = UPSTREAM_NAME_MAX,
		.about = "Only databases whose name begins with this text."
	},
	{
		.name = "host", .kind = PB_TEXT, .flags = PB_CREATE | PB_NULLABLE,
		.least = 1, .most = PB_DNS_NAME_MAX,
		.about = "Only databases with this upstream host, as it was written."
	},
	{0}
};

const PbResource pb_database_list_parameters = {
	.name = "database_list",
	.fields = list_fields,
	.prepared = &list_prepared,
};

/* A project has few databases: no index is for these. */
static const PbFilter filters[] = {
	{.name = "name", .leaf = &at.name, .comparison = PB_IS},
	{.name = "name_prefix", .leaf = &at.name, .comparison = PB_BEGINS_WITH},
	{.name = "host", .leaf = &at.host, .comparison = PB_IS},
	{0}
};

void
pb_database_define_settings(void)
{
	static struct config_enum_entry modes[lengthof(pool_modes)];

	for (int i = 0; pool_modes[i] != NULL; i++)
		modes[i] = (struct config_enum_entry) {pool_modes[i], i, false};
	DefineCustomEnumVariable("pgbeam.default_pool_mode",
							 "pool_config.pool_mode of databases created without one.",
							 NULL, &default_pool_mode, 0, modes,
							 PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomBoolVariable("pgbeam.default_cache_enabled",
							 "cache_config.enabled of databases created without one.",
							 NULL, &default_cache_enabled, true,
							 PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomBoolVariable("pgbeam.password_on_move",
							 "Whether an update that leads a password elsewhere must give it again.",
							 "That is another host or port, or an ssl_mode that secures less.",
							 &password_on_move, false,
							 PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomEnumVariable("pgbeam.proxy_routing",
							 "What tells a proxy which upstream a client wants.",
							 "With host it is the host of the connection string, and its path is the database's name. With database it is the path alone, which then has the key of pgbeam.pgbouncer_files().",
							 &proxy_routing, ROUTE_BY_HOST, routings,
							 PGC_SUSET, 0, NULL, NULL, NULL);
}

/* The place that a sealed password is bound to. The values must outlive it. */
PbPlace
pb_database_place(Datum org_id, Datum project_id, Datum id, Datum generation)
{
	text	   *org = DatumGetTextPP(org_id);

	return (PbPlace) {
		.purpose = "database.password",
		.org = VARDATA_ANY(org),
		.org_length = VARSIZE_ANY_EXHDR(org),
		.project = DatumGetUUIDP(project_id)->data,
		.database = DatumGetUUIDP(id)->data,
		.generation = DatumGetInt32(generation),
	};
}

static PbPlace
place_of(const PbRow *row)
{
	return pb_database_place(pb_resource_org(row),
							 pb_row_value(row, prepared.parent),
							 pb_resource_id(row),
							 pb_row_value(row, at.password_generation));
}

/* Seals a password for the row's place. False with faults. */
static bool
seal(PbRow *row, const PbJson *secret, const uint8_t nonce[PB_NONCE_BYTES],
	 PbFaults *faults)
{
	PbPlace		place = place_of(row);
	bytea	   *sealed = pb_keyring_seal(secret, &place, nonce, faults);

	if (sealed != NULL)
		pb_row_set(row, at.password, PointerGetDatum(sealed));
	return sealed != NULL;
}

/* Whether the plan allows one more database. The project is locked. */
static bool
has_room(const PbRow *row, const PbOrganization *organization,
		 PbFaults *faults)
{
	int32		limit = organization->limits[PB_MAX_DATABASES];

	if (limit == 0 || pb_project_database_count(row->above) < limit)
		return true;
	pb_fault_set(faults, PB_PLAN_LIMIT_REACHED,
				 limit == 1 ?
				 "database limit reached: your plan allows 1 database" :
				 psprintf("database limit reached: your plan allows %d databases",
						  limit),
				 "Delete a database, or change the plan.");
	return false;
}

static void
make_route(PbRow *row, bool by_id)
{
	text	   *name = DatumGetTextPP(pb_row_value(row, at.name));
	Datum		cloud = pb_project_cloud(row->above);
	char		route[PB_ROUTE_MAX + 1];
	size_t		length = pb_proxykey_route(TextDatumGetCString(cloud),
										   by_id ? NULL : VARDATA_ANY(name),
										   VARSIZE_ANY_EXHDR(name),
										   pb_resource_typeid(row), route);

	pb_row_set(row, at.route,
			   PointerGetDatum(cstring_to_text_with_len(route, length)));
}

static const Oid route_types[] = {TEXTOID, UUIDOID, TEXTOID};

static PbStatement find_route = {
	.text = "SELECT FROM pgbeam.databases "
	"WHERE org_id OPERATOR(pg_catalog.=) $1 "
	"AND project_id OPERATOR(pg_catalog.=) $2 AND deleted_at IS NULL "
	"AND route OPERATOR(pg_catalog.=) $3 LIMIT 1",
	.nargs = lengthof(route_types), .types = route_types, .sees_all = true
};

/*
 * Gives another database of a project its route. The first one needs no look
 * for others. The project is locked, so that no other session gives one.
 */
static bool
admit(const PbRequest *request, PbRow *row, PbOrganization *organization,
	  PbFaults *faults)
{
	Datum		values[] = {
		pb_resource_org(row), pb_row_value(row, prepared.parent), (Datum) 0
	};

	if (!has_room(row, organization, faults))
		return false;
	make_route(row, false);
	values[2] = pb_row_value(row, at.route);
	if (pb_sql_run(&find_route, values, NULL) > 0)
		make_route(row, true);
	return true;
}

static bool
prepare(PbRow *row, PbFaults *faults)
{
	uint8_t		nonce[PB_NONCE_BYTES];

	if (!pb_row_has(row, at.route))
		make_route(row, false);
	pb_random(nonce, sizeof(nonce));
	pb_row_set(row, at.password_generation, Int32GetDatum(1));
	return seal(row, &row->secret, nonce, faults);
}

/* Brings the project's count of databases up to date. */
static void
recount(PbRow *row)
{
	pb_project_recount(row->above);
}

static void
append_encoded(StringInfo out, Datum value)
{
	text	   *t = DatumGetTextPP(value);
	int			length = VARSIZE_ANY_EXHDR(t);

	enlargeStringInfo(out, 3 * length);
	out->len += pb_text_percent_encode(VARDATA_ANY(t), length,
									   out->data + out->len);
	out->data[out->len] = '\0';
}

/* Whether the path of a connection string is a key, not a name. */
bool
pb_database_is_routed_by_key(void)
{
	return proxy_routing == ROUTE_BY_DATABASE;
}

/* The path of the connection string. */
static void
append_path(StringInfo out, const PbRow *row, const text *host)
{
	text	   *route = DatumGetTextPP(pb_row_value(row, at.route));
	char		key[PB_KEY_MAX + 1];

	if (!pb_database_is_routed_by_key())
		append_encoded(out, pb_row_value(row, at.name));
	else
	{
		pb_proxykey(VARDATA_ANY(host), VARSIZE_ANY_EXHDR(host),
					VARDATA_ANY(route), VARSIZE_ANY_EXHDR(route),
					pb_resource_typeid(row), key);
		append_encoded(out, CStringGetTextDatum(key));
	}
}

static void
derive(PbRow *row, const PbOrganization *organization)
{
	text	   *host = DatumGetTextPP(pb_project_host(row, at.proxy_host));
	StringInfoData uri;

	initStringInfo(&uri);
	appendStringInfoString(&uri, URI_SCHEME);
	append_encoded(&uri, pb_row_value(row, at.username));
	appendStringInfoString(&uri, URI_PASSWORD);
	appendBinaryStringInfo(&uri, VARDATA_ANY(host), VARSIZE_ANY_EXHDR(host));
	appendStringInfo(&uri, ":%d/", pb_host_port());
	append_path(&uri, row, host);
	pb_row_set(row, at.connection_string,
			   PointerGetDatum(cstring_to_text_with_len(uri.data, uri.len)));
}

/* Replication may leave a row without its project. */
static bool
is_whole(const PbRow *row)
{
	return pb_row_has(row, at.proxy_host);
}

/* A new password is sealed for a new generation. */
static bool
take_password(PbRow *row, const PbRow *update, PbFaults *faults)
{
	uint8_t		nonce[PB_NONCE_BYTES];
	int32		generation;

	if (!pb_row_is_given(update, at.password))
		return false;
	generation = DatumGetInt32(pb_row_value(row, at.password_generation));
	pb_row_set(row, at.password_generation, Int32GetDatum(generation + 1));
	pb_random(nonce, sizeof(nonce));
	return seal(row, &update->secret, nonce, faults);
}

/*
 * Whether an update sends the password elsewhere, or over a less secure
 * connection.
 */
static bool
moves(const PbRow *row, const PbRow *update)
{
	return pb_row_differs(row, update, at.host) ||
		pb_row_differs(row, update, at.port) ||
		(pb_row_differs(row, update, at.ssl_mode) &&
		 pb_ssl_strength(update, at.ssl_mode) <
		 pb_ssl_strength(row, at.ssl_mode));
}

/*
 * Without this, a caller who may write, but does not know the password, could
 * have it sent to a server of their own.
 */
static const char *
judge_move(const PbRow *row, const PbRow *update, PbFaults *faults)
{
	const PbPath path = {NULL, "password", 0};

	if (!moves(row, update))
		return NULL;
	if (password_on_move && !pb_row_is_given(update, at.password))
		pb_fault_problem(faults, &path,
						 "is required when host or port change, or ssl_mode secures less",
						 "Give the password again.");
	return "{\"moved\":true}";
}

static const PbHooks hooks = {
	.admit = admit,
	.prepare = prepare,
	.created = recount,
	.deleted = recount,
	.judge = judge_move,
	.merge = take_password,
	.is_whole = is_whole,
	.derive = derive,
};

const PbResource pb_database = {
	.name = "database",
	.plural = "databases",
	.orders = orders,
	.filters = filters,
	.parameters = &pb_database_list_parameters,
	.table = "pgbeam.databases",
	.copying = PB_COPIED,
	.prefix = PB_DATABASE_PREFIX,
	.parent = &pb_project,
	.fields = fields,
	.rule = check_row,
	.hooks = &hooks,
	.prepared = &prepared,
};

/*
 * Logged at once, not at commit: a transaction that is rolled back has seen
 * the password too.
 */
static void
log_reveal(const char *id, const PbActor *actor)
{
	ereport(LOG_SERVER_ONLY,
			(errcode(ERRCODE_SUCCESSFUL_COMPLETION),
			 errmsg("the password of database %s was revealed to role \"%s\"",
					id, TextDatumGetCString(actor->name)),
			 errhidestmt(true), errhidecontext(true)));
}

/*
 * The password in plain text, for a proxy that connects to the upstream; NULL
 * with faults. The caller must wipe it. It leaves a line in the server's log,
 * and a change if the transaction may write.
 */
text *
pb_database_reveal(const char *id, const PbActor *actor, PbFaults *faults)
{
	const PbCaller data_plane = {.is_trusted = true};
	PbOrganization organization;
	PbRow	   *row = pb_resource_find_id(&pb_database, &data_plane, PB_READ,
										  id, &organization, faults);
	PbPlace		place;
	text	   *plain;

	if (row == NULL)
		return NULL;
	if (!pb_row_has(row, at.password))
	{
		pb_keyring_no_secret(psprintf("database %s", id), faults);
		return NULL;
	}
	if (!XactReadOnly)
		pb_change_note(actor, PB_REVEALED, &pb_database, pb_resource_org(row),
					   id, NULL);
	place = place_of(row);
	plain = pb_keyring_open(DatumGetByteaPP(pb_row_value(row, at.password)),
							&place, psprintf("database %s", id), faults);
	if (plain != NULL)
		log_reveal(id, actor);
	return plain;
}
