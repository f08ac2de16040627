-- The log guard needs preloading, so test/t has its tests. Here are the
-- profile, and what the check says about roles, grants and tokens.

-- Without preloading the guard is off, and says so.
SELECT pgbeam.typeid('x') IS NOT NULL AS loaded;
ALTER SYSTEM SET pgbeam.log_guard = on;
ALTER SYSTEM RESET pgbeam.log_guard;
SET pgbeam.log_guard = on;

-- The profile, and what it sets for a role.
SELECT setting, value, guarded FROM pgbeam.logging_profile();
CREATE ROLE "regress pgbeam ""quiet";
SELECT pgbeam.set_logging_profile('"regress pgbeam ""quiet"');
SELECT unnest(setconfig) AS set FROM pg_db_role_setting WHERE setrole = '"regress pgbeam ""quiet"'::regrole;
-- A misspelt role may arrive as null, which is an error.
SELECT pgbeam.set_logging_profile(to_regrole('regress_pgbeam_nobody'));
SELECT pgbeam.set_logging_profile('regress_pgbeam_nobody');
CREATE ROLE regress_pgbeam_plain CREATEROLE;
GRANT USAGE ON SCHEMA pgbeam TO regress_pgbeam_plain;
GRANT EXECUTE ON FUNCTION pgbeam.set_logging_profile(regrole) TO regress_pgbeam_plain;
SET ROLE regress_pgbeam_plain;
SELECT pgbeam.set_logging_profile('regress_pgbeam_plain');
RESET ROLE;
DROP OWNED BY regress_pgbeam_plain;

-- The findings, without the settings of the server that tests run on.
SELECT pgbeam.set_jwks('{"keys": []}');
CREATE VIEW found AS
SELECT setting, value, problem, mend FROM pgbeam.check_configuration()
WHERE setting ~* '^(role|schema|table|function|pgrst|pgbeam\.jwt)' AND setting || mend ~ 'pgbeam|pgrst' AND value !~ ' = ' IS NOT false
ORDER BY setting COLLATE "C", value COLLATE "C", mend COLLATE "C";
TABLE found;

-- Roles that take requests.
CREATE ROLE regress_pgbeam_api;
CREATE ROLE regress_pgbeam_admin;
CREATE ROLE regress_pgbeam_plane;
CREATE ROLE "regress pgbeam login" LOGIN NOINHERIT;
SELECT pgbeam.grant_access('regress_pgbeam_api', 'api'), pgbeam.grant_access('regress_pgbeam_admin', 'admin'),
	pgbeam.grant_access('regress_pgbeam_plane', 'data_plane');
GRANT regress_pgbeam_api TO "regress pgbeam login";
TABLE found;
GRANT regress_pgbeam_admin, regress_pgbeam_plane, pg_read_all_data TO "regress pgbeam login";
GRANT regress_pgbeam_admin TO regress_pgbeam_plain;
ALTER ROLE "regress pgbeam login" CREATEDB;
ALTER ROLE regress_pgbeam_api SUPERUSER;
TABLE found;
ALTER ROLE regress_pgbeam_api NOSUPERUSER;
REVOKE regress_pgbeam_admin, regress_pgbeam_plane, pg_read_all_data FROM "regress pgbeam login";
ALTER ROLE "regress pgbeam login" NOCREATEDB;

-- What they own, and where they can create objects.
CREATE SCHEMA regress_pgbeam;
GRANT CREATE ON SCHEMA regress_pgbeam TO regress_pgbeam_api;
CREATE TABLE regress_pgbeam.own ();
ALTER TABLE regress_pgbeam.own OWNER TO regress_pgbeam_api;
CREATE FUNCTION regress_pgbeam.own() RETURNS integer LANGUAGE sql SECURITY DEFINER RETURN 1;
ALTER FUNCTION regress_pgbeam.own() OWNER TO regress_pgbeam_api;
TABLE found;
DROP SCHEMA regress_pgbeam CASCADE;

-- Grants that nobody needs.
GRANT SELECT, UPDATE (name) ON pgbeam.projects TO regress_pgbeam_api;
GRANT DELETE ON pgbeam.hosts TO PUBLIC;
GRANT EXECUTE ON FUNCTION pgbeam.routes() TO PUBLIC;
GRANT EXECUTE ON FUNCTION pgbeam.grant_access(regrole, text) TO regress_pgbeam_admin;
GRANT USAGE ON SCHEMA pgbeam TO PUBLIC;
GRANT CREATE ON SCHEMA pgbeam TO regress_pgbeam_admin;
TABLE found;
REVOKE SELECT, UPDATE (name) ON pgbeam.projects FROM regress_pgbeam_api;
REVOKE DELETE ON pgbeam.hosts FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION pgbeam.routes() FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION pgbeam.grant_access(regrole, text) FROM regress_pgbeam_admin;
REVOKE USAGE ON SCHEMA pgbeam FROM PUBLIC;
REVOKE CREATE ON SCHEMA pgbeam FROM regress_pgbeam_admin;

-- Settings stored for them, and PostgREST's.
SELECT pgbeam.set_logging_profile('"regress pgbeam login"');
ALTER ROLE "regress pgbeam login" SET pgrst.db_plan_enabled = 'true';
ALTER ROLE "regress pgbeam login" SET pgrst.openapi_mode = 'disabled';
ALTER ROLE "regress pgbeam login" SET pgrst.db_anon_role = 'regress_pgbeam_admin';
ALTER ROLE "regress pgbeam login" SET pgrst.jwt_secret = 'never to be shown';
TABLE found;
ALTER ROLE "regress pgbeam login" RESET ALL;
ALTER ROLE "regress pgbeam login" SET pgrst.jwt_secret = '{"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "x"}]}';
ALTER ROLE "regress pgbeam login" SET log_statement = 'mod';
ALTER ROLE "regress pgbeam login" SET debug_print_plan = 'false';
TABLE found;
SELECT setting, value, mend FROM pgbeam.check_configuration() WHERE mend ~ 'regress pgbeam' AND setting !~ '^role' ORDER BY 1;
ALTER ROLE "regress pgbeam login" RESET ALL;

-- The check judges each role by its next session, whoever calls it.
SELECT setting, value FROM pgbeam.check_configuration() WHERE setting = 'pgbeam.log_guard';
CREATE VIEW leaks AS
SELECT setting, value ~ 'log_min_error_statement = ' AS of_failures, value ~ 'log_statement = ' AS of_all,
	regexp_replace(regexp_replace(mend, '^LOAD [^;]*;\n', ''), ' -- or .*', ' -- or ...') AS mend
FROM pgbeam.check_configuration() WHERE setting ~ '^role' AND value ~ ' = ' AND setting = ANY (ARRAY['role "regress pgbeam login"', 'role ' || session_user]) ORDER BY 1;
SELECT setting, of_failures, mend FROM leaks WHERE setting ~ 'regress';
SELECT setting = 'role ' || session_user AS of_mine, mend FROM leaks WHERE setting !~ 'regress';
SELECT mend ~ 'hides from the log which statements of the role fail' AS tells_what_it_costs
FROM pgbeam.check_configuration() WHERE setting = 'role ' || session_user AND value ~ 'log_min_error_statement';
ALTER ROLE "regress pgbeam login" SET log_min_error_statement = 'panic';
SELECT setting, of_failures FROM leaks WHERE setting ~ 'regress';
ALTER ROLE "regress pgbeam login" RESET ALL;
SELECT pgbeam.set_logging_profile('"regress pgbeam login"');
SELECT setting FROM leaks WHERE setting ~ 'regress';
-- in this database alone, and for everybody
ALTER ROLE "regress pgbeam login" IN DATABASE contrib_regression SET log_statement = 'all';
SELECT setting, value, mend FROM pgbeam.check_configuration() WHERE setting = 'log_statement' ORDER BY 3;
ALTER ROLE "regress pgbeam login" IN DATABASE contrib_regression RESET ALL;
ALTER ROLE "regress pgbeam login" RESET ALL;
ALTER DATABASE contrib_regression SET log_duration = on;
ALTER DATABASE contrib_regression SET log_statement = 'ddl';
SELECT setting, value, mend FROM pgbeam.check_configuration() WHERE setting = 'log_statement';
ALTER DATABASE contrib_regression RESET log_statement;
ALTER DATABASE contrib_regression RESET log_duration;
-- a role that PUBLIC lets in
CREATE ROLE regress_pgbeam_anybody LOGIN;
SELECT count(*) AS known FROM pgbeam.check_configuration() WHERE setting = 'role regress_pgbeam_anybody';
GRANT EXECUTE ON FUNCTION pgbeam.routes() TO PUBLIC;
SELECT count(*) AS known FROM pgbeam.check_configuration() WHERE setting = 'role regress_pgbeam_anybody';
REVOKE EXECUTE ON FUNCTION pgbeam.routes() FROM PUBLIC;
DROP ROLE regress_pgbeam_anybody;
DROP VIEW leaks;

-- Columns without a secret may be granted, one by one.
GRANT SELECT (id, name, host) ON pgbeam.databases TO regress_pgbeam_plane;
TABLE found;
GRANT SELECT (password_sealed) ON pgbeam.databases TO regress_pgbeam_plane;
GRANT SELECT (digest) ON pgbeam.api_keys TO regress_pgbeam_plane;
TABLE found;
REVOKE SELECT (id, name, host, password_sealed) ON pgbeam.databases FROM regress_pgbeam_plane;
REVOKE SELECT (digest) ON pgbeam.api_keys FROM regress_pgbeam_plane;

-- The owner of a table, the schema or a function can make the functions' owner
-- do anything.
CREATE ROLE regress_pgbeam_owner;
SELECT relowner::regrole AS owner FROM pg_class WHERE oid = 'pgbeam.hosts'::regclass \gset
SELECT proowner::regrole AS functions_owner FROM pg_proc WHERE oid = 'pgbeam.routes()'::regprocedure \gset
BEGIN;
ALTER TABLE pgbeam.hosts OWNER TO regress_pgbeam_owner;
ALTER SCHEMA pgbeam OWNER TO regress_pgbeam_owner;
GRANT USAGE ON SCHEMA pgbeam TO :functions_owner;
ALTER FUNCTION pgbeam.routes() OWNER TO regress_pgbeam_owner;
ALTER TYPE pgbeam.http_response OWNER TO regress_pgbeam_owner;
ALTER DOMAIN pgbeam."*/*" OWNER TO regress_pgbeam_owner;
SELECT setting, value, replace(mend, :'functions_owner', '<owner>') AS mend FROM pgbeam.check_configuration() WHERE value ~ '^owned by' ORDER BY 1;
-- Owners come before grants: a restored dump grants rights to the owner it
-- had, and these must not be revoked.
GRANT SELECT ON pgbeam.projects TO regress_pgbeam_owner;
SELECT max(n) FILTER (WHERE value ~ '^owned by') < min(n) FILTER (WHERE mend ~ '^REVOKE SELECT') AS owners_first
FROM (SELECT *, row_number() OVER () AS n FROM pgbeam.check_configuration()) AS c;
-- All objects have one owner, who should not be a superuser.
SELECT pgbeam.set_owner('regress_pgbeam_owner');
SAVEPOINT null_owner;
SELECT pgbeam.set_owner(to_regrole('regress_pgbeam_nobody'));
ROLLBACK TO null_owner;
SELECT setting, value FROM pgbeam.check_configuration() WHERE setting = 'owner of pgbeam' OR value ~ '^owned by';
SELECT count(*) AS others FROM pg_depend d JOIN pg_extension e ON e.oid = refobjid AND extname = 'pgbeam'
LEFT JOIN pg_class c ON classid = 'pg_class'::regclass AND c.oid = objid LEFT JOIN pg_proc p ON classid = 'pg_proc'::regclass AND p.oid = objid
LEFT JOIN pg_type t ON classid = 'pg_type'::regclass AND t.oid = objid LEFT JOIN pg_namespace n ON classid = 'pg_namespace'::regclass AND n.oid = objid
WHERE deptype = 'e' AND coalesce(relowner, proowner, typowner, nspowner) <> 'regress_pgbeam_owner'::regrole;
ALTER ROLE regress_pgbeam_owner SUPERUSER;
SELECT setting, value, mend FROM pgbeam.check_configuration() WHERE setting = 'owner of pgbeam';
ROLLBACK;
DROP ROLE regress_pgbeam_owner;

-- The session's own settings.
SET default_transaction_isolation = 'serializable';
SET pgbeam.trust_request_claims = on;
SET pgbeam.jwt_leeway = 61;
SET pgbeam.jwt_max_lifetime = 901;
SET pgbeam.jwt_issuer = 'https://auth.example.com';
SET log_statement = 'all';
SELECT setting, value, problem, mend FROM pgbeam.check_configuration() WHERE mend ~ '^SET|set_jwks' ORDER BY setting COLLATE "C";
SET pgbeam.jwt_leeway = 60;
SET pgbeam.jwt_max_lifetime = 0900;
SELECT setting FROM pgbeam.check_configuration() WHERE setting ~ 'jwt_[lm]';
RESET ALL;

-- Only with 'admin' access.
SET ROLE regress_pgbeam_admin;
SELECT count(*) >= 0 AS allowed FROM pgbeam.check_configuration();
SELECT * FROM pgbeam.check_settings();
SET ROLE regress_pgbeam_api;
SELECT * FROM pgbeam.check_configuration();
RESET ROLE;

DROP VIEW found;
DROP OWNED BY regress_pgbeam_api, regress_pgbeam_admin, regress_pgbeam_plane;
DROP ROLE regress_pgbeam_api, regress_pgbeam_admin, regress_pgbeam_plane, regress_pgbeam_plain,
	"regress pgbeam login", "regress pgbeam ""quiet";
