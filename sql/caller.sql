-- Who asks, and what an access gives.
CREATE ROLE regress_pgbeam_api;
CREATE ROLE regress_pgbeam_admin;
CREATE ROLE regress_pgbeam_plane;
CREATE ROLE "regress pgbeam ""odd";
SELECT pgbeam.grant_access('regress_pgbeam_api', 'api');
SELECT pgbeam.grant_access('regress_pgbeam_admin', 'admin');
SELECT pgbeam.grant_access('regress_pgbeam_plane', 'data_plane');
SELECT pgbeam.grant_access('"regress pgbeam ""odd"', 'api');
SELECT pgbeam.grant_access('regress_pgbeam_api', 'all');
SELECT pgbeam.grant_access('regress_pgbeam_nobody', 'api');

-- Who may execute what.
SELECT p.oid::regprocedure AS function,
	has_function_privilege('regress_pgbeam_api', oid, 'EXECUTE') AS api,
	has_function_privilege('regress_pgbeam_plane', oid, 'EXECUTE') AS data_plane,
	has_function_privilege('regress_pgbeam_admin', oid, 'EXECUTE') AS admin
FROM pg_proc p WHERE pronamespace = 'pgbeam'::regnamespace
ORDER BY p.oid::regprocedure::text COLLATE "C";

-- 'admin' is trusted SQL; 'api' must prove who it is, and cannot yet.
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

-- Within an HTTP request nobody is trusted for what his role is.
BEGIN;
SELECT set_config('request.method', 'POST', true);
SELECT pgbeam.create_project('{}');
ROLLBACK;
BEGIN;
SELECT set_config('request.method', 'POST', true);
SELECT pgbeam.reveal_password('db_00000000000000000000000000');
ROLLBACK;
SELECT current_setting('request.method') = '' AS left_behind;
SELECT pgbeam.create_project('{}');

DROP OWNED BY regress_pgbeam_api, regress_pgbeam_admin, regress_pgbeam_plane, "regress pgbeam ""odd";
DROP ROLE regress_pgbeam_api, regress_pgbeam_admin, regress_pgbeam_plane, "regress pgbeam ""odd";
