CREATE FUNCTION pgbeam.pgbouncer_files(
	region text DEFAULT NULL, cloud text DEFAULT NULL, ssl_mode text DEFAULT NULL,
	socket_folder text DEFAULT NULL, project_id text DEFAULT NULL,
	OUT file text, OUT content text)
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgbeam_pgbouncer_files';
COMMENT ON FUNCTION pgbeam.pgbouncer_files(text, text, text, text, text) IS
'Returns the files of a PgBouncer that leads clients to the upstreams: a row for each, with nothing secret in it.
databases.ini has the lines below [databases], for %include; hba.conf is its auth_hba_file; domains.map says for HAProxy which project a host belongs to; left_out names what is not served, or not under its own key, and why. All are of one moment, and equal where nothing has changed. ssl_mode is the proxy''s server_tls_sslmode (null: verify-full). Databases of another mode are led to <socket_folder>/<mode>, where a PgBouncer of that mode listens on a socket, port 5432, with the files <mode>/databases.ini and <mode>/hba.conf; without socket_folder they are left out. <key>.ro leads to the replicas of a database whose port and ssl_mode are those of the first. Suspended and deleted projects are not there, nor those of a suspended organization, nor databases of another region''s pool or of another cloud than those given. Self-hosted projects are served by a proxy of their own alone, whose project_id is given; with host routing every project is. For roles with data_plane access. Errors: PT400 for an argument that is none of these, or without project_id with host routing, PT401 within an HTTP request.';

CREATE FUNCTION pgbeam.pgbouncer_login(
	database_id text, login text, OUT username text, OUT password text)
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgbeam_pgbouncer_login';
COMMENT ON FUNCTION pgbeam.pgbouncer_login(text, text) IS
'Returns the user and the plain password of a login to a database, or no row.
It is the auth_query of PgBouncer, for the role that is its auth_user and has proxy access. There is a row only where the database has this user and a password, and neither it nor its project is deleted or suspended, nor its organization suspended. So a change counts from the next login on. It writes nothing, not even to the server''s log, and works on a standby. Errors: PT401 within an HTTP request, PB001 to PB004 when its key or its secret is unusable.';

CREATE FUNCTION pgbeam.upstream(
	database_id text, OUT host text, OUT port integer, OUT dbname text, OUT username text, OUT ssl_mode text)
RETURNS SETOF record
LANGUAGE plpgsql STABLE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	-- Citus has no plan for the argument of an SQL function.
	wanted uuid DEFAULT pgbeam.typeid_decode(database_id);
BEGIN
	IF pgbeam.typeid_encode('db', wanted) = database_id THEN
		RETURN QUERY
		SELECT d.host, d.port, d.name, d.username, d.ssl_mode
		FROM pgbeam.databases AS d
		JOIN pgbeam.projects AS p ON p.org_id = d.org_id AND p.id = d.project_id
		LEFT JOIN pgbeam.organizations AS o ON o.org_id = d.org_id
		WHERE d.id = wanted AND d.deleted_at IS NULL AND d.password_sealed IS NOT NULL
			AND p.status = 'active' AND o.suspended_at IS NULL;
	END IF;
END
$$;
COMMENT ON FUNCTION pgbeam.upstream(text) IS
'Returns where a database is and how it is reached, for a data plane that tries it: one row, or none where it or its project is missing, deleted or suspended, its organization is suspended, or it has no password since it was brought back.
The password is that of pgbeam.reveal_password(), which is told of in the feed; what was found goes to pgbeam.report_connection_test(). For roles with data_plane access. Error: 22P02 for what is no TypeID.';
