-- What the copy of a region gets. test/t/022_copies.pl makes one.
\set VERBOSITY terse
SET client_min_messages = error; -- the server need not be able to publish

-- Every table is copied, or refused by its descriptor. (those that are refused)
SELECT relname FROM pg_class
WHERE relnamespace = 'pgbeam'::regnamespace AND relkind IN ('r', 'p')
	AND oid NOT IN (SELECT table_name::regclass FROM pgbeam.copied_columns());
SELECT table_name FROM pgbeam.copied_columns() WHERE columns IS NULL ORDER BY 1;

-- A copied table has org_id and, but for secrets, every column of a field.
-- (tables)
CREATE VIEW copied AS SELECT * FROM pgbeam.copied_columns() WHERE columns IS NOT NULL;
SELECT table_name, 'org_id' = ANY (columns) AS by_org_id FROM copied ORDER BY 1;
SELECT table_name, f.column_name, f.type FROM copied JOIN pgbeam.fields() AS f USING (table_name)
WHERE f.column_name <> ALL (columns) OR f.column_name = ANY (columns) AND f.type = 'bytea';

-- A filter of updates and deletes may name columns of the primary key alone.
-- No secret stands there: the key is always published.
SELECT table_name FROM copied WHERE NOT EXISTS (
	SELECT FROM pg_index AS i JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
	WHERE i.indrelid = table_name::regclass AND i.indisprimary AND a.attname = 'org_id');
SELECT table_name FROM pg_index AS i JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
JOIN pgbeam.fields() AS f ON f.table_name::regclass = i.indrelid AND f.column_name = a.attname
WHERE i.indisprimary AND f.type = 'bytea';
-- It is what finds rows, and nobody has set it otherwise.
SELECT table_name FROM copied JOIN pg_class ON oid = table_name::regclass WHERE relreplident <> 'd';

-- The statements.
SELECT pgbeam.set_organization('acme'), pgbeam.set_organization(E'it''s $do$ \\\n"x"') IS NOT NULL AS odd;
SELECT step, server, regexp_replace(statement, '[ (]*[(\n].*', ' ...') AS statement
FROM pgbeam.publication_statements('{acme}') WITH ORDINALITY ORDER BY ordinality;
SELECT statement FROM pgbeam.publication_statements('{acme}') WHERE statement ~ 'TABLE.*(changes|replicas)' AND server = 'copy';
SELECT count(*) AS secrets FROM pgbeam.publication_statements('{acme}') WHERE statement ~ 'sealed|digest|fingerprint';

-- They run, under any path and with any id.
CREATE SCHEMA planted;
CREATE FUNCTION planted.never(text, text) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT false';
CREATE OPERATOR planted.= (LEFTARG = text, RIGHTARG = text, FUNCTION = planted.never);
SET search_path = planted, pg_catalog;
\set ECHO none
SELECT statement FROM pgbeam.publication_statements(ARRAY[E'it''s $do$ \\\n"x"'], 'region_1') WHERE step = 1 \gexec
\set ECHO all
SET search_path = public, pg_catalog;
DROP SCHEMA planted CASCADE;
SELECT tablename, attnames = (SELECT array_agg(attname ORDER BY attnum) FROM pg_attribute
		WHERE attrelid = tablename::regclass AND attnum > 0 AND NOT attisdropped AND attname <> 'password_sealed') AS all_columns,
	rowfilter
FROM (SELECT schemaname || '.' || tablename AS tablename, attnames, rowfilter FROM pg_publication_tables WHERE pubname = 'region_1') AS t ORDER BY 1;
SELECT rolcanlogin, rolreplication, rolsuper, has_column_privilege(oid, 'pgbeam.databases', 'host', 'SELECT') AS host,
	has_column_privilege(oid, 'pgbeam.databases', 'password_sealed', 'SELECT') AS password,
	has_any_column_privilege(oid, 'pgbeam.api_keys', 'SELECT') AS api_keys
FROM pg_roles WHERE rolname = 'region_1';
SELECT setting, value FROM pgbeam.check_configuration() WHERE value ~ 'region_1';

-- One more organization, and one that is there.
SELECT step, server, regexp_replace(statement, '[ (]*[(\n].*', ' ...') AS statement
FROM pgbeam.publication_additions('{acme}', 'region_1') WITH ORDINALITY ORDER BY ordinality;
\set ECHO none
SELECT statement FROM pgbeam.publication_additions('{acme}', 'region_1') WHERE server = 'publisher' \gexec
\set ECHO all
SELECT DISTINCT pubname, rowfilter FROM pg_publication_tables WHERE pubname ~ '^region';
SELECT statement FROM pgbeam.publication_additions('{acme}', 'region_1');
SELECT statement FROM pgbeam.publication_additions('{acme}', 'region_2');

-- What a user has added stays at home, and so does an index of it.
ALTER TABLE pgbeam.replicas ADD COLUMN note text;
CREATE FUNCTION own(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT $1';
CREATE INDEX own_1 ON pgbeam.replicas (note);
CREATE INDEX own_2 ON pgbeam.replicas (own(host));
CREATE INDEX own_3 ON pgbeam.replicas (port) WHERE note IS NULL;
CREATE INDEX own_4 ON pgbeam.replicas (port);
SELECT statement FROM pgbeam.publication_statements('{acme}') WHERE statement ~ '\mown|\mnote';
DROP FUNCTION own CASCADE;
ALTER TABLE pgbeam.replicas DROP COLUMN note;
DROP INDEX pgbeam.own_4;

-- Refusals.
\set VERBOSITY default
SELECT * FROM pgbeam.publication_statements(NULL);
SELECT * FROM pgbeam.publication_statements('{}', NULL);
SELECT * FROM pgbeam.publication_statements('{{acme}}', 'Copy');
SELECT * FROM pgbeam.publication_statements(ARRAY['acme', NULL, '', repeat('x', 256)], 'pg_copy');
SELECT * FROM pgbeam.publication_statements(array_fill('acme'::text, ARRAY[1001]), '1st');
SELECT * FROM pgbeam.publication_statements('{acme}', repeat('x', 58));
SELECT * FROM pgbeam.publication_statements('{acme,unknown}');
SELECT * FROM pgbeam.publication_additions('{acme}', '');
SET request.method = 'GET';
SELECT * FROM pgbeam.publication_statements('{acme}');
RESET request.method;

-- For roles with admin access.
CREATE ROLE publication_admin;
CREATE ROLE publication_other;
SELECT pgbeam.grant_access('publication_admin', 'admin');
SELECT pgbeam.grant_access('publication_other', 'api');
SET ROLE publication_admin;
SELECT count(*) > 0 AS some FROM pgbeam.publication_statements('{acme}');
SET ROLE publication_other;
SELECT * FROM pgbeam.publication_statements('{acme}');
SELECT * FROM pgbeam.publication_additions('{acme}');
RESET ROLE;

DROP PUBLICATION region_1;
DROP OWNED BY region_1, publication_admin, publication_other;
DROP ROLE region_1, publication_admin, publication_other;
DROP VIEW copied;
