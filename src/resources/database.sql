CREATE TABLE pgbeam.databases (
	id uuid NOT NULL,
	org_id text COLLATE "C" NOT NULL,
	project_id uuid NOT NULL,
	route text COLLATE "C" NOT NULL,
	host text NOT NULL,
	port integer NOT NULL,
	name text NOT NULL,
	username text NOT NULL,
	password_sealed bytea,
	password_generation integer NOT NULL,
	ssl_mode text COLLATE "C" NOT NULL,
	role text COLLATE "C" NOT NULL,
	pool_region text,
	query_timeout_ms integer,
	auto_read_routing boolean,
	cache_enabled boolean NOT NULL,
	cache_ttl_seconds integer NOT NULL,
	cache_max_entries integer NOT NULL,
	cache_swr_seconds integer NOT NULL,
	pool_size integer NOT NULL,
	min_pool_size integer NOT NULL,
	pool_mode text COLLATE "C" NOT NULL,
	max_active integer NOT NULL,
	created_at timestamptz NOT NULL,
	updated_at timestamptz NOT NULL,
	deleted_at timestamptz,
	CONSTRAINT databases_pkey PRIMARY KEY (org_id, id),
	CONSTRAINT databases_project_fkey
		FOREIGN KEY (org_id, project_id) REFERENCES pgbeam.projects (org_id, id),
	CONSTRAINT databases_fields_check
		CHECK (pgbeam.check_fields('database', databases.*))
);
CREATE INDEX databases_id_idx ON pgbeam.databases (id);
-- The index keeps living rows apart, so that a list walks past no deleted
-- ones.
CREATE INDEX databases_project_idx ON pgbeam.databases (org_id, project_id, (deleted_at IS NULL), id);
-- The purge finds the oldest deleted rows.
CREATE INDEX databases_deleted_idx ON pgbeam.databases (deleted_at, id)
	WHERE deleted_at IS NOT NULL;
COMMENT ON TABLE pgbeam.databases IS
'The upstream databases of projects.
A null in query_timeout_ms or auto_read_routing means that it was never set: the default holds. password_sealed is bound to its row, and opens only with the key that it names. When a database is deleted, deleted_at is set and password_sealed is wiped.';
SELECT pg_catalog.pg_extension_config_dump('pgbeam.databases', '');

CREATE FUNCTION pgbeam.create_database(project_id text, body jsonb) RETURNS json
LANGUAGE c VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgbeam_create_database';
COMMENT ON FUNCTION pgbeam.create_database(text, jsonb) IS
'createDatabase: creates another database in a project from the API''s request body, and answers it.
Errors: PT400 with all problems, PT401 for a caller who is not trusted, or shows no credential, PT403 when the plan''s limit is reached, PT404 for a project that is missing or deleted, PT413 for a body over 2 MB as jsonb, PB001 to PB003 when no key is usable.';

CREATE FUNCTION pgbeam.list_databases(
	project_id text,
	page_size integer DEFAULT NULL,
	page_token text DEFAULT NULL,
	name text DEFAULT NULL,
	name_prefix text DEFAULT NULL,
	host text DEFAULT NULL)
RETURNS json
LANGUAGE c STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgbeam_list_databases';
COMMENT ON FUNCTION pgbeam.list_databases(text, integer, text, text, text, text) IS
'listDatabases: answers {"databases", "next_page_token"} of a project, the oldest first.
A page has at most page_size items (1 to 100, default 20). page_token is the next_page_token of the page before. name, name_prefix and host (of the upstream) leave the databases that match all of them, each exactly, in the case as it is stored. A page that has met 1000 databases ends there, with the matches so far, and its token leads on. Errors: PT400 with all problems, PT401 for a caller who is not trusted, or shows no credential, PT404 for a project that is missing or deleted.';

CREATE FUNCTION pgbeam.get_database(project_id text, database_id text) RETURNS json
LANGUAGE c STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgbeam_get_database';
COMMENT ON FUNCTION pgbeam.get_database(text, text) IS
'getDatabase: answers the database as the API documents it.
Errors: PT401 for a caller who is not trusted, or shows no credential, PT404 for a database that is missing, deleted or of another project.';

CREATE FUNCTION pgbeam.update_database(project_id text, database_id text, body jsonb) RETURNS json
LANGUAGE c VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgbeam_update_database';
COMMENT ON FUNCTION pgbeam.update_database(text, text, jsonb) IS
'updateDatabase: changes the members that the body gives (host, port, name, username, password, ssl_mode, role, pool_region, query_timeout_ms, auto_read_routing, cache_config, pool_config), and answers the database.
null resets a member that has a default. Of cache_config and pool_config only the given members change. A given password is sealed anew. "" leaves password, ssl_mode, role and pool_mode as they are. With pgbeam.password_on_move, another host or port or a weaker ssl_mode needs the password again. updated_at moves only when something changes. Errors: PT400 with all problems, PT401 for a caller who is not trusted, or shows no credential, PT404 for a database that is missing, deleted or of another project, PB001 to PB003 when a password is given and no key is usable.';

CREATE FUNCTION pgbeam.delete_database(project_id text, database_id text) RETURNS json
LANGUAGE c VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgbeam_delete_database';
COMMENT ON FUNCTION pgbeam.delete_database(text, text) IS
'deleteDatabase: deletes the database and answers null.
The row stays, but its password is wiped. Errors: PT401 for a caller who is not trusted, or shows no credential, PT404 for a database that is missing, deleted or of another project.';

CREATE FUNCTION pgbeam.reveal_password(database_id text) RETURNS text
LANGUAGE c VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgbeam_reveal_password';
COMMENT ON FUNCTION pgbeam.reveal_password(text) IS
'Returns the upstream password in plain text, for roles with data_plane access.
Each call writes the database and the role to the server''s log, and a change (revealed) if the transaction may write. Errors: PT401 within an HTTP request, PT404 for a database that is missing or deleted, PB001 to PB004 when its key or its secret is unusable.';
