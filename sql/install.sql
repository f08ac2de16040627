-- The extension as it is installed: what is there, and what is not.
CREATE EXTENSION pgbeam;
SELECT extversion, extrelocatable FROM pg_extension WHERE extname = 'pgbeam';

-- Tables, all empty: nothing is seeded.
SELECT c.relname,
	(xpath('/row/n/text()', query_to_xml(format('SELECT count(*) AS n FROM %s', c.oid::regclass), true, true, '')))[1] AS rows
FROM pg_class c WHERE relnamespace = 'pgbeam'::regnamespace AND relkind = 'r'
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
SELECT pgbeam.create_key() ~ '^[0-9a-f]{32}$' AS made;

-- A session goes on when the extension is dropped and made again: kept plans
-- find the new tables.
SELECT pgbeam.create_project('{"name": "again", "org_id": "again", "database": {"host": "h", "port": 1,
	"name": "d", "username": "u", "password": "canary-password-Vq7R2x"}}') #>> '{project,name}' AS name;
DROP EXTENSION pgbeam;
CREATE EXTENSION pgbeam;
SELECT pgbeam.create_project('{"name": "again", "org_id": "again", "database": {"host": "h", "port": 1,
	"name": "d", "username": "u", "password": "canary-password-Vq7R2x"}}') #>> '{project,name}' AS name;
DROP EXTENSION pgbeam;
CREATE EXTENSION pgbeam;

-- An encoding other than UTF8 is refused.
CREATE DATABASE pgbeam_latin1 ENCODING 'LATIN1' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C';
\c pgbeam_latin1
\set SHOW_CONTEXT never
CREATE EXTENSION pgbeam;
\c contrib_regression
DROP DATABASE pgbeam_latin1;
