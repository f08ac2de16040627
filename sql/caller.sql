-- Who the caller is, and what an access gives.
CREATE ROLE regress_pgbeam_api;
CREATE ROLE regress_pgbeam_http;
CREATE ROLE regress_pgbeam_admin;
CREATE ROLE regress_pgbeam_plane;
CREATE ROLE regress_pgbeam_proxy;
CREATE ROLE "regress pgbeam ""odd";
SELECT pgbeam.grant_access('regress_pgbeam_api', 'api');
SELECT pgbeam.grant_access('regress_pgbeam_http', 'http');
SELECT pgbeam.grant_access('regress_pgbeam_admin', 'admin');
SELECT pgbeam.grant_access('regress_pgbeam_plane', 'data_plane');
SELECT pgbeam.grant_access('regress_pgbeam_proxy', 'proxy');
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
	has_function_privilege('regress_pgbeam_proxy', oid, 'EXECUTE') AS proxy,
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

-- A trigger of a user's learns who makes the call, as the feed tells it.
CREATE TABLE audit (n serial, table_name text, org_id text, caller jsonb);
GRANT ALL ON audit, audit_n_seq TO PUBLIC; -- triggers run as the tables' owner
CREATE FUNCTION audit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO public.audit (table_name, org_id, caller) VALUES (TG_TABLE_NAME, NEW.org_id, pgbeam.caller());
	RETURN NULL;
END
$$;
CREATE TRIGGER audit AFTER INSERT OR UPDATE ON pgbeam.projects FOR EACH ROW EXECUTE FUNCTION audit();
CREATE TRIGGER audit AFTER INSERT OR UPDATE ON pgbeam.organizations FOR EACH ROW EXECUTE FUNCTION audit();
CREATE TRIGGER audit AFTER INSERT OR UPDATE ON pgbeam.connection_tests FOR EACH ROW EXECUTE FUNCTION audit();
SET ROLE regress_pgbeam_admin;
SELECT pgbeam.caller();
SELECT pgbeam.set_organization('audited') \g /dev/null
SELECT pgbeam.create_project('{"name": "by admin", "org_id": "audited", "database": {"host": "h", "port": 1,
	"name": "d", "username": "u", "password": "canary-password-Vq7R2x"}}') AS made \gset
SELECT :'made'::json #>> '{project,id}' AS project, :'made'::json #>> '{database,id}' AS database \gset
SELECT id AS key_id, key FROM pgbeam.create_api_key(org_id => 'audited') \gset
SELECT id AS user_key_id, key AS user_key FROM pgbeam.create_api_key(user_id => 'auditor_1') \gset
SELECT pgbeam.set_member('audited', 'auditor_1', 'admin');
SET ROLE regress_pgbeam_plane;
SELECT pgbeam.report_connection_test(:'database', true);
SET ROLE regress_pgbeam_http;
SELECT status FROM unnest(ARRAY[:'key', :'user_key']) WITH ORDINALITY AS k (key, n),
	pgbeam.http('PATCH', '/v1/projects/' || :'project', jsonb_build_object('X-API-Key', k.key, 'X-Request-Id', 'req-' || n, 'Content-Type', 'application/json'),
		convert_to(format('{"description": "by %s"}', n), 'UTF8'));
RESET ROLE;
SELECT table_name, caller ->> 'kind' AS kind, replace(replace(caller ->> 'id', :'key_id', 'the key'), :'user_key_id', 'the user''s key') AS id,
	caller -> 'organization' AS organization, caller ->> 'role' AS role, caller -> 'request_id' AS request_id
FROM audit ORDER BY n;
SELECT count(*) AS joined FROM audit AS a JOIN pgbeam.changes AS c
	ON c.org_id = a.org_id AND c.actor_kind = a.caller ->> 'kind' AND c.actor = a.caller ->> 'id'
	AND c.request_id IS NOT DISTINCT FROM a.caller ->> 'request_id' AND c.resource = rtrim(a.table_name, 's');
-- A call within the trigger is the owner's; behind it the first caller counts
-- again. After an error nothing is left of it.
CREATE OR REPLACE FUNCTION audit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	PERFORM pgbeam.set_organization('inner') WHERE NEW.org_id = 'audited';
	INSERT INTO public.audit (table_name, org_id, caller) VALUES (TG_TABLE_NAME, NEW.org_id, pgbeam.caller());
	IF to_jsonb(NEW) ->> 'description' = 'fails' THEN
		RAISE 'not today';
	END IF;
	RETURN NULL;
END
$$;
TRUNCATE audit;
SET ROLE regress_pgbeam_admin;
SELECT pgbeam.update_project(:'project', '{"description": "again"}') ->> 'description' AS description;
RESET ROLE;
SELECT org_id, caller ->> 'id' = (SELECT proowner::regrole::text FROM pg_proc WHERE oid = 'pgbeam.create_project(jsonb)'::regprocedure) AS owners, caller ->> 'id' = 'regress_pgbeam_admin' AS admins
FROM audit ORDER BY n;
DO $$
BEGIN
	PERFORM pgbeam.update_project(pgbeam.typeid_encode('prj', id), '{"description": "fails"}') FROM pgbeam.projects WHERE org_id = 'audited';
EXCEPTION WHEN OTHERS THEN
	RAISE NOTICE '%, then %', SQLERRM, coalesce(pgbeam.caller()::text, 'nobody');
END
$$;

-- The context of an error begins with the trigger's line, and has none of
-- pgbeam's own statements.
\set SHOW_CONTEXT always
SELECT pgbeam.update_project(:'project', '{"description": "fails"}');
CREATE OR REPLACE FUNCTION audit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO public.no_such_table VALUES (NEW.org_id);
	RETURN NEW;
END
$$;
SELECT pgbeam.update_project(:'project', '{"description": "fails"}');
DROP TRIGGER audit ON pgbeam.projects;
CREATE TRIGGER audit BEFORE UPDATE ON pgbeam.projects FOR EACH ROW EXECUTE FUNCTION audit();
SELECT pgbeam.update_project(:'project', '{"description": "fails"}');
-- A constraint of a user's shows its function.
CREATE FUNCTION refuse(text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	RAISE 'not this';
END
$$;
DROP TRIGGER audit ON pgbeam.projects;
BEGIN;
ALTER TABLE pgbeam.projects ADD CONSTRAINT refused CHECK (refuse(description)) NOT VALID;
SELECT pgbeam.update_project(:'project', '{"description": "fails"}');
ROLLBACK;
\set SHOW_CONTEXT errors
DROP FUNCTION refuse;
DROP FUNCTION audit CASCADE;
DROP TABLE audit;
SELECT pgbeam.revoke_api_keys(org_id => 'audited'), pgbeam.revoke_api_keys(user_id => 'auditor_1');
SELECT pgbeam.delete_project(:'project');

DROP OWNED BY regress_pgbeam_api, regress_pgbeam_http, regress_pgbeam_admin, regress_pgbeam_plane, regress_pgbeam_proxy, "regress pgbeam ""odd";
DROP ROLE regress_pgbeam_api, regress_pgbeam_http, regress_pgbeam_admin, regress_pgbeam_plane, regress_pgbeam_proxy, "regress pgbeam ""odd";
