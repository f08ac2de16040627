CREATE TABLE pgbeam.replicas (
	id uuid NOT NULL,
	org_id text COLLATE "C" NOT NULL,
	database_id uuid NOT NULL,
	host text NOT NULL,
	port integer NOT NULL,
	ssl_mode text COLLATE "C" NOT NULL,
	created_at timestamptz NOT NULL,
	updated_at timestamptz NOT NULL,
	deleted_at timestamptz,
	CONSTRAINT replicas_pkey PRIMARY KEY (org_id, id),
	CONSTRAINT replicas_fields_check
		CHECK (pgbeam.check_fields('replica', replicas.*))
);
CREATE INDEX replicas_id_idx ON pgbeam.replicas (id);
-- The living apart: a list walks past none that is deleted.
CREATE INDEX replicas_database_idx ON pgbeam.replicas (org_id, database_id, (deleted_at IS NULL), id);
COMMENT ON TABLE pgbeam.replicas IS
'Replicas of databases, for reads. A deleted one keeps its row, which deleted_at tells.';
SELECT pg_catalog.pg_extension_config_dump('pgbeam.replicas', '');

CREATE FUNCTION pgbeam.list_replicas(database_id text, page_size integer DEFAULT NULL, page_token text DEFAULT NULL) RETURNS json
LANGUAGE c STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgbeam_list_replicas';
COMMENT ON FUNCTION pgbeam.list_replicas(text, integer, text) IS
'listReplicas: {"replicas", "next_page_token"} of a database, the oldest first.
Errors: PT400 with all that is wrong, PT401 for a caller who is not trusted, or shows no credential, PT404 for a database that is missing or deleted.';

CREATE FUNCTION pgbeam.create_replica(database_id text, body jsonb) RETURNS json
LANGUAGE c VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgbeam_create_replica';
COMMENT ON FUNCTION pgbeam.create_replica(text, jsonb) IS
'createReplica: stores a replica of a database and answers it.
It logs in as its database does, with the same user and password. Errors: PT400 with all that is wrong, PT401 for a caller who is not trusted, or shows no credential, PT403 when it has pgbeam.max_replicas, PT404 for a database that is missing or deleted.';

CREATE FUNCTION pgbeam.delete_replica(database_id text, replica_id text) RETURNS json
LANGUAGE c VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgbeam_delete_replica';
COMMENT ON FUNCTION pgbeam.delete_replica(text, text) IS
'deleteReplica: deletes a replica and answers null.
Errors: PT401 for a caller who is not trusted, or shows no credential, PT404 for one that is missing, deleted or of another database.';
