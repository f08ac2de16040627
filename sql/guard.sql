-- The log guard needs preloading, which test/t has; here are the profile and
-- what the check says of roles, grants and tokens.

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
SELECT pgbeam.set_logging_profile(NULL) IS NULL AS nothing;
SELECT pgbeam.set_logging_profile('regress_pgbeam_nobody');
CREATE ROLE regress_pgbeam_plain CREATEROLE;
GRANT USAGE ON SCHEMA pgbeam TO regress_pgbeam_plain;
GRANT EXECUTE ON FUNCTION pgbeam.set_logging_profile(regrole) TO regress_pgbeam_plain;
SET ROLE regress_pgbeam_plain;
SELECT pgbeam.set_logging_profile('regress_pgbeam_plain');
RESET ROLE;
DROP OWNED BY regress_pgbeam_plain;

-- What is found; the settings of the server that tests run on do not count.
SELECT pgbeam.set_jwks('{"keys": []}');
CREATE VIEW found AS
SELECT setting, value, problem, mend FROM pgbeam.check_configuration()
WHERE setting ~* '^(role|schema|table|function|pgrst|pgbeam\.jwt)' AND setting || mend ~ 'pgbeam|pgrst'
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

-- What they own, and where they may make something.
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

-- Settings that are stored for them, and PostgREST's.
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
SELECT setting, value, mend FROM pgbeam.check_configuration() WHERE mend ~ 'regress pgbeam' ORDER BY 1;
ALTER ROLE "regress pgbeam login" RESET ALL;

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
