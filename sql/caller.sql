-- Who the caller is, and what an access gives.
CREATE ROLE regress_pgbeam_api;
CREATE ROLE regress_pgbeam_http;
CREATE ROLE regress_pgbeam_admin;
CREATE ROLE regress_pgbeam_plane;
CREATE ROLE "regress pgbeam ""odd";
SELECT pgbeam.grant_access('regress_pgbeam_api', 'api');
SELECT pgbeam.grant_access('regress_pgbeam_http', 'http');
SELECT pgbeam.grant_access('regress_pgbeam_admin', 'admin');
SELECT pgbeam.grant_access('regress_pgbeam_plane', 'data_plane');
SELECT pgbeam.grant_access('"regress pgbeam ""odd"', 'api');
SELECT pgbeam.grant_access('regress_pgbeam_api', 'all');
SELECT pgbeam.grant_access('regress_pgbeam_nobody', 'api');
SELECT pgbeam.grant_access(to_regrole('regress_pgbeam_nobody'), 'api');
SELECT pgbeam.grant_access('regress_pgbeam_api', NULL);

-- The functions that each access may execute.
SELECT p.oid::regprocedure AS function,
	has_function_privilege('regress_pgbeam_api', oid, 'EXECUTE') AS api,
	has_function_privilege('regress_pgbeam_http', oid, 'EXECUTE') AS http,
	has_function_privilege('regress_pgbeam_plane', oid, 'EXECUTE') AS data_plane,
	has_function_privilege('regress_pgbeam_admin', oid, 'EXECUTE') AS admin
FROM pg_proc p WHERE pronamespace = 'pgbeam'::regnamespace
ORDER BY p.oid::regprocedure::text COLLATE "C";

-- 'http' is for a layer whose clients reach nothing else. 'api' is for clients
-- who choose the function they call: with http() they could choose their
-- address too.
SET ROLE regress_pgbeam_http;
SELECT (pgbeam.http('GET', '/v1/regions', '{}', NULL)).status;
SELECT pgbeam.list_regions();
SELECT pgbeam.http_forwarded(NULL);
SET ROLE regress_pgbeam_api;
SELECT (pgbeam.http('GET', '/v1/regions', '{"x-real-ip": "192.0.2.1"}', NULL)).status;
SELECT convert_from(pgbeam.http_forwarded(NULL), 'UTF8') ~ 'UNAUTHORIZED' AS refused;
RESET ROLE;
-- Other rights of such a role are reported, with a remedy.
ALTER ROLE regress_pgbeam_http CREATEDB;
SELECT value, mend FROM pgbeam.check_configuration() WHERE setting = 'role regress_pgbeam_http';
ALTER ROLE regress_pgbeam_http NOCREATEDB;

-- 'admin' is trusted SQL; 'api' needs a credential, and has none yet.
SET ROLE regress_pgbeam_admin;
SELECT pgbeam.create_project('{"name": "by admin", "org_id": "callers", "database": {"host": "h", "port": 1,
	"name": "d", "username": "u", "password": "canary-password-Vq7R2x"}}') #>> '{project,name}' AS name;
SET ROLE regress_pgbeam_api;
\set VERBOSITY sqlstate
SELECT pgbeam.create_project('{"name": "by api", "org_id": "callers", "database": {"host": "h", "port": 1,
	"name": "d", "username": "u", "password": "canary-password-Vq7R2x"}}');
\set VERBOSITY default
SELECT pgbeam.create_project('{}');
SELECT pgbeam.get_project('prj_00000000000000000000000000');
SELECT pgbeam.get_database('prj_00000000000000000000000000', 'db_00000000000000000000000000');
SELECT pgbeam.delete_project('prj_00000000000000000000000000');
SELECT pgbeam.reveal_password('db_00000000000000000000000000');
SET ROLE regress_pgbeam_plane;
SELECT pgbeam.reveal_password('db_00000000000000000000000000');
SELECT pgbeam.create_project('{}');
RESET ROLE;

-- The caller is the role whose rights the call has, not the role of the
-- session.
CREATE SCHEMA regress_pgbeam;
GRANT ALL ON SCHEMA regress_pgbeam TO regress_pgbeam_api, regress_pgbeam_admin;
SET ROLE regress_pgbeam_api;
CREATE FUNCTION regress_pgbeam.try(x integer) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
	PERFORM pgbeam.get_project('prj_00000000000000000000000000');
	RETURN 0;
EXCEPTION WHEN OTHERS THEN
	RAISE NOTICE '%', SQLSTATE;
	RETURN 1;
END
$$;
CREATE TABLE regress_pgbeam.bait AS SELECT 1 AS x;
CREATE INDEX ON regress_pgbeam.bait (regress_pgbeam.try(x));
ALTER FUNCTION regress_pgbeam.try SECURITY DEFINER;
RESET ROLE;
ANALYZE regress_pgbeam.bait;
SELECT regress_pgbeam.try(1);
SET ROLE regress_pgbeam_admin;
CREATE FUNCTION regress_pgbeam.delegate() RETURNS json LANGUAGE sql SECURITY DEFINER AS $$
	SELECT pgbeam.get_project('prj_00000000000000000000000000')
$$;
SET ROLE regress_pgbeam_api;
SELECT regress_pgbeam.delegate();
RESET ROLE;
SET client_min_messages = warning;
DROP SCHEMA regress_pgbeam CASCADE;
RESET client_min_messages;

-- Within an HTTP request no role makes its caller trusted. A caller without a
-- credential gets an answer; a call that is no operation of the API is an
-- error.
BEGIN;
SELECT set_config('request.method', 'POST', true);
SELECT pgbeam.create_project('{}') -> 'error' AS error;
SELECT current_setting('response.status');
ROLLBACK;
BEGIN;
SELECT set_config('request.method', 'POST', true);
SELECT pgbeam.set_organization('callers');
ROLLBACK;
BEGIN;
SELECT set_config('request.method', 'POST', true);
SELECT pgbeam.reveal_password('db_00000000000000000000000000');
ROLLBACK;
SELECT current_setting('request.method') = '' AS left_behind;
SELECT pgbeam.create_project('{}');

DROP OWNED BY regress_pgbeam_api, regress_pgbeam_http, regress_pgbeam_admin, regress_pgbeam_plane, "regress pgbeam ""odd";
DROP ROLE regress_pgbeam_api, regress_pgbeam_http, regress_pgbeam_admin, regress_pgbeam_plane, "regress pgbeam ""odd";
