-- The extension as it is installed: what it has, and what it does not have.
CREATE EXTENSION pgbeam;
SELECT extversion, extrelocatable FROM pg_extension WHERE extname = 'pgbeam';

-- Tables, all empty: nothing is seeded.
CREATE FUNCTION pg_temp.count_rows(relation regclass) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	n bigint;
BEGIN
	EXECUTE format('SELECT count(*) FROM %s', relation) INTO n;
	RETURN n;
END
$$;
SELECT relname, pg_temp.count_rows(oid) AS rows
FROM pg_class WHERE relnamespace = 'pgbeam'::regnamespace AND relkind = 'r'
ORDER BY 1;

-- Functions, and what they promise.
SELECT p.oid::regprocedure AS function, prosecdef AS definer,
	CASE provolatile WHEN 'i' THEN 'immutable' WHEN 's' THEN 'stable' ELSE 'volatile' END AS volatility
FROM pg_proc p WHERE pronamespace = 'pgbeam'::regnamespace
ORDER BY p.oid::regprocedure::text COLLATE "C";

-- Settings.
SELECT name, CASE name WHEN 'pgbeam.keyring_file' THEN '' ELSE setting END AS setting, context
FROM pg_settings WHERE name LIKE 'pgbeam.%' ORDER BY name;
SET pgbeam.no_such_setting = 1;

-- The tests that follow need a key.
SET client_min_messages = warning; -- there may be a key already
SELECT pgbeam.create_key() ~ '^[0-9a-f]{32}$' AS made;
RESET client_min_messages;

-- A session goes on when the extension is dropped and created again: kept
-- plans find the new tables.
SELECT pgbeam.create_project('{"name": "again", "org_id": "again", "database": {"host": "h", "port": 1,
	"name": "d", "username": "u", "password": "canary-password-Vq7R2x"}}') #>> '{project,name}' AS name;
DROP EXTENSION pgbeam;
CREATE EXTENSION pgbeam;
SELECT pgbeam.create_project('{"name": "again", "org_id": "again", "database": {"host": "h", "port": 1,
	"name": "d", "username": "u", "password": "canary-password-Vq7R2x"}}') #>> '{project,name}' AS name;
DROP EXTENSION pgbeam;
CREATE EXTENSION pgbeam;

-- Default privileges give nobody any rights.
CREATE ROLE regress_pgbeam_default;
ALTER DEFAULT PRIVILEGES GRANT EXECUTE ON FUNCTIONS TO regress_pgbeam_default;
ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO regress_pgbeam_default, PUBLIC;
ALTER DEFAULT PRIVILEGES GRANT USAGE ON SCHEMAS TO regress_pgbeam_default, PUBLIC;
DROP EXTENSION pgbeam;
CREATE EXTENSION pgbeam;
SELECT count(*) FROM pg_proc p WHERE pronamespace = 'pgbeam'::regnamespace AND has_function_privilege('regress_pgbeam_default', oid, 'EXECUTE');
SELECT count(*) FROM pg_class p WHERE relnamespace = 'pgbeam'::regnamespace AND relkind = 'r' AND has_table_privilege('regress_pgbeam_default', oid, 'SELECT');
SELECT has_schema_privilege('regress_pgbeam_default', 'pgbeam', 'USAGE') AS schema;
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM regress_pgbeam_default;
ALTER DEFAULT PRIVILEGES REVOKE SELECT ON TABLES FROM regress_pgbeam_default, PUBLIC;
ALTER DEFAULT PRIVILEGES REVOKE USAGE ON SCHEMAS FROM regress_pgbeam_default, PUBLIC;
DROP ROLE regress_pgbeam_default;

-- A column that a view shows cannot be altered. Later tests alter such columns
-- all the same: this takes the table's views away first.
ALTER TABLE pgbeam.databases ALTER host TYPE integer USING 5;
CREATE FUNCTION drop_views(relation regclass) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	view regclass;
BEGIN
	FOR view IN
		SELECT DISTINCT r.ev_class::regclass FROM pg_depend AS d JOIN pg_rewrite AS r ON r.oid = d.objid
		WHERE d.classid = 'pg_rewrite'::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjid = relation
	LOOP
		EXECUTE format('ALTER EXTENSION pgbeam DROP VIEW %s', view);
		EXECUTE format('DROP VIEW %s', view);
	END LOOP;
END
$$;
BEGIN;
SELECT drop_views('pgbeam.databases');
ROLLBACK;

-- An encoding other than UTF8 is refused.
CREATE DATABASE pgbeam_latin1 ENCODING 'LATIN1' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C';
\c pgbeam_latin1
\set SHOW_CONTEXT never
CREATE EXTENSION pgbeam;
\c contrib_regression
DROP DATABASE pgbeam_latin1;
