CREATE TABLE pgbeam.connection_tests (
	org_id text COLLATE "C" NOT NULL,
	database_id uuid NOT NULL,
	ok boolean NOT NULL,
	latency_us integer,
	error text,
	server_version text,
	tested_at timestamptz NOT NULL,
	CONSTRAINT connection_tests_pkey PRIMARY KEY (org_id, database_id),
	CONSTRAINT connection_tests_fields_check
		CHECK (pgbeam.check_fields('connection_test', connection_tests.*))
);
COMMENT ON TABLE pgbeam.connection_tests IS
'The last report of a data plane on each database: whether its upstream could be reached.
pgbeam.report_connection_test() writes it, and testDatabaseConnection answers from it. It is removed when the database is deleted.';
SELECT pg_catalog.pg_extension_config_dump('pgbeam.connection_tests', '');

CREATE FUNCTION pgbeam.test_database_connection(project_id text, database_id text) RETURNS json
LANGUAGE c STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgbeam_test_database_connection';
COMMENT ON FUNCTION pgbeam.test_database_connection(text, text) IS
'testDatabaseConnection: answers {"ok", "latency_ms", "error", "server_version"} from the last report of a data plane since the database was changed.
It connects to nothing. Errors: PT401 for a caller who is not trusted, or shows no credential, PT404 for a database that is missing, deleted or of another project.';

CREATE FUNCTION pgbeam.report_connection_test(
	database_id text, ok boolean, latency_ms double precision DEFAULT NULL,
	error text DEFAULT NULL, server_version text DEFAULT NULL)
RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgbeam_report_connection_test';
COMMENT ON FUNCTION pgbeam.report_connection_test(text, boolean, double precision, text, text) IS
'Stores what a data plane found when it tried a database''s upstream: whether it could be reached, how many milliseconds that took, why not (at most 1000 characters, only if ok is false), and the server''s version.
For roles with data_plane access. Errors: PT400 without ok or for values out of range, PT401 within an HTTP request, PT404 for a database that is missing or deleted.';
