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
-- The index keeps living rows apart, so that a list walks past no deleted
-- ones.
CREATE INDEX replicas_database_idx ON pgbeam.replicas (org_id, database_id, (deleted_at IS NULL), id);
-- The purge finds the oldest deleted rows.
CREATE INDEX replicas_deleted_idx ON pgbeam.replicas (deleted_at, id)
	WHERE deleted_at IS NOT NULL;
COMMENT ON TABLE pgbeam.replicas IS
'The replicas of databases, for reads. When a replica is deleted, its row stays and deleted_at is set.';
SELECT pg_catalog.pg_extension_config_dump('pgbeam.replicas', '');

CREATE FUNCTION pgbeam.list_replicas(database_id text, page_size integer DEFAULT NULL, page_token text DEFAULT NULL) RETURNS json
LANGUAGE c STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgbeam_list_replicas';
COMMENT ON FUNCTION pgbeam.list_replicas(text, integer, text) IS
'listReplicas: answers {"replicas", "next_page_token"} of a database, the oldest first.
Errors: PT400 with all problems, PT401 for a caller who is not trusted, or shows no credential, PT404 for a database that is missing or deleted.';

CREATE FUNCTION pgbeam.create_replica(database_id text, body jsonb) RETURNS json
LANGUAGE c VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgbeam_create_replica';
COMMENT ON FUNCTION pgbeam.create_replica(text, jsonb) IS
'createReplica: creates a replica of a database and answers it.
A proxy logs in to it with the user and the password of its database. Errors: PT400 with all problems, PT401 for a caller who is not trusted, or shows no credential, PT403 when the database has pgbeam.max_replicas of them, PT404 for a database that is missing or deleted.';

CREATE FUNCTION pgbeam.delete_replica(database_id text, replica_id text) RETURNS json
LANGUAGE c VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgbeam_delete_replica';
COMMENT ON FUNCTION pgbeam.delete_replica(text, text) IS
'deleteReplica: deletes a replica and answers null.
Errors: PT401 for a caller who is not trusted, or shows no credential, PT404 for a replica that is missing, deleted or of another database.';
