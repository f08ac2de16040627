-- Laws that the catalogs can check. Each query returns no rows unless its
-- comment says so.
CREATE VIEW pgbeam_tables AS
	SELECT oid, relname FROM pg_class
	WHERE relnamespace = 'pgbeam'::regnamespace AND relkind IN ('r', 'p');

-- Tables whose rows belong to an organization: all but the look-up of hosts,
-- which is unique over all of them. (rows)
CREATE VIEW per_organization AS
	SELECT t.* FROM pgbeam_tables t JOIN pg_attribute a ON attrelid = oid
	WHERE attname = 'org_id' AND relname <> 'hosts';
SELECT relname FROM per_organization ORDER BY 1;

-- org_id is not null, plain text in C order.
SELECT attrelid::regclass, atttypid::regtype FROM pg_attribute JOIN pgbeam_tables t ON t.oid = attrelid
WHERE attname = 'org_id' AND NOT (atttypid = 'text'::regtype AND attnotnull AND attcollation = '"C"'::regcollation);

-- It is first in every key, unique index and foreign key, but for two. The feed
-- has no other index, and is read in the order of transactions. That of the
-- marks begins with a hash of it and the mark, see mark.c. (rows)
SELECT i.indexrelid::regclass FROM pg_index i JOIN per_organization t ON t.oid = i.indrelid
WHERE i.indisunique AND (SELECT attname FROM pg_attribute WHERE attrelid = t.oid AND attnum = i.indkey[0]) IS DISTINCT FROM 'org_id';
SELECT conname FROM pg_constraint c JOIN per_organization t ON t.oid = c.conrelid
WHERE contype IN ('p', 'u', 'f', 'x') AND (SELECT attname FROM pg_attribute WHERE attrelid = t.oid AND attnum = c.conkey[1]) IS DISTINCT FROM 'org_id';
SELECT conname FROM pg_constraint c JOIN per_organization t ON t.oid = c.conrelid
WHERE contype = 'f' AND (SELECT attname FROM pg_attribute WHERE attrelid = c.confrelid AND attnum = c.confkey[1]) IS DISTINCT FROM 'org_id';

-- Every table has a primary key.
SELECT relname FROM pgbeam_tables t WHERE NOT EXISTS (SELECT FROM pg_constraint WHERE conrelid = t.oid AND contype = 'p');

-- A table with an id has a plain index on it alone. The feed has none, as
-- nobody looks for one change, and each index slows down every write.
SELECT t.relname FROM pgbeam_tables t JOIN pg_attribute a ON a.attrelid = t.oid AND attname = 'id'
WHERE t.relname NOT IN ('changes', 'members') AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = t.oid AND i.indkey::text = a.attnum::text AND i.indpred IS NULL);

-- Columns stand in the order of the fields: then rows that are read whole are
-- returned without copying.
SELECT table_name, column_name FROM (
	SELECT f.*, attnum, lag(attnum) OVER (PARTITION BY table_name ORDER BY ordinality) AS before
	FROM pgbeam.fields() WITH ORDINALITY AS f JOIN pg_attribute ON attrelid = table_name::regclass AND attname = column_name
) AS fields WHERE attnum < before;

-- Foreign keys have an index for the way back.
SELECT c.conname FROM pg_constraint c
WHERE contype = 'f' AND connamespace = 'pgbeam'::regnamespace AND NOT EXISTS (
	SELECT FROM pg_index i WHERE i.indrelid = c.conrelid AND i.indpred IS NULL
		AND (string_to_array(i.indkey::text, ' ')::int2[])[1:cardinality(c.conkey)] = c.conkey);

-- No foreign key refers to organizations or belongs to hosts, and none does
-- more than refuse.
SELECT conname FROM pg_constraint
WHERE contype = 'f' AND connamespace = 'pgbeam'::regnamespace
	AND (confrelid = 'pgbeam.organizations'::regclass OR conrelid = 'pgbeam.hosts'::regclass
		OR confdeltype <> 'a' OR confupdtype <> 'a');

-- No defaults, no triggers of ours, no sequences, no domains in tables, no
-- rules, no policies; and no relations but the tables and the answer of
-- http().
SELECT adrelid::regclass, adnum FROM pg_attrdef JOIN pgbeam_tables t ON t.oid = adrelid;
SELECT tgname FROM pg_trigger JOIN pgbeam_tables t ON t.oid = tgrelid WHERE NOT tgisinternal;
SELECT relname FROM pg_class WHERE relnamespace = 'pgbeam'::regnamespace AND relkind NOT IN ('r', 'p', 'i', 'I')
	AND oid <> 'pgbeam.http_response'::regclass;
SELECT attrelid::regclass, attname FROM pg_attribute JOIN pgbeam_tables t ON t.oid = attrelid
WHERE atttypid IN (SELECT oid FROM pg_type WHERE typtype = 'd');
SELECT polname FROM pg_policy JOIN pgbeam_tables t ON t.oid = polrelid;
SELECT rulename FROM pg_rules WHERE schemaname = 'pgbeam';

-- Every table is dumped with its rows, and has a comment.
SELECT relname FROM pgbeam_tables t, pg_extension e
WHERE extname = 'pgbeam' AND NOT t.oid = ANY (extconfig);
SELECT relname FROM pgbeam_tables t WHERE obj_description(t.oid, 'pg_class') IS NULL;

-- Nobody but the owner has a right on a table.
SELECT relname, relacl FROM pg_class JOIN pgbeam_tables USING (oid, relname)
WHERE EXISTS (SELECT FROM aclexplode(relacl) WHERE grantee <> relowner);

-- Functions: PUBLIC has none, all have a comment, and all that run SQL have a
-- pinned path.
CREATE VIEW pgbeam_functions AS
	SELECT * FROM pg_proc WHERE pronamespace = 'pgbeam'::regnamespace;
SELECT oid::regprocedure FROM pgbeam_functions
WHERE EXISTS (SELECT FROM aclexplode(coalesce(proacl, acldefault('f', proowner))) WHERE grantee = 0);
SELECT oid::regprocedure FROM pgbeam_functions
WHERE proconfig IS DISTINCT FROM ARRAY['search_path=pg_catalog, pg_temp']
	AND (prosecdef OR prolang <> (SELECT oid FROM pg_language WHERE lanname = 'c') OR proname !~ '^(typeid|check_fields|secret_key_id|mark_key)');
SELECT oid::regprocedure FROM pgbeam_functions WHERE obj_description(oid, 'pg_proc') IS NULL;

-- C functions find out their caller, and switch to the owner themselves.
SELECT oid::regprocedure FROM pgbeam_functions
WHERE prosecdef AND prolang = (SELECT oid FROM pg_language WHERE lanname = 'c');

-- An operation that writes says so.
SELECT oid::regprocedure FROM pgbeam_functions
WHERE proname ~ '^(create|update|delete|set)_' AND provolatile <> 'v'
	OR proname ~ '^(get|list)_' AND provolatile <> 's';

-- Everything of the extension stands in its schema.
SELECT pg_describe_object(classid, objid, objsubid) FROM pg_depend
WHERE refobjid = (SELECT oid FROM pg_extension WHERE extname = 'pgbeam') AND deptype = 'e'
	AND pg_describe_object(classid, objid, objsubid) !~ 'pgbeam';

-- A statement of pgbeam's uses indexes however small the table is. Others are
-- planned as ever, even if their text is the same as one of pgbeam's, and
-- every setting is as before.
SELECT pgbeam.set_organization('walked');
SELECT pgbeam.create_project(jsonb_build_object('name', 'p', 'org_id', 'walked', 'database', jsonb_build_object(
	'host', 'db.example.com', 'port', 5432, 'name', 'd', 'username', 'u', 'password', 'canary-password-Vq7R2x'))) #>> '{project,id}' AS project \gset
SELECT pgbeam.create_replica(pgbeam.list_databases(:'project') #>> '{databases,0,id}', '{"host": "db.example.com", "port": 5432}') ->> 'id' AS replica \gset
CREATE VIEW scans AS SELECT relname, seq_scan, idx_scan FROM pg_stat_xact_user_tables
	WHERE relname IN ('projects', 'databases', 'replicas') ORDER BY 1;
BEGIN;
SELECT count(pgbeam.get_project(:'project')) + count(pgbeam.list_projects('walked')) + count(pgbeam.list_databases(:'project'))
	+ count(pgbeam.list_replicas(pgbeam.list_databases(:'project') #>> '{databases,0,id}')) AS calls;
SELECT relname FROM scans WHERE seq_scan > 0 OR idx_scan = 0;
ROLLBACK;
-- Rows below a parent are found without reading those that were deleted there.
-- (calls, which fetch few rows)
BEGIN;
CREATE TEMP TABLE gone (LIKE pgbeam.databases);
INSERT INTO gone SELECT * FROM pgbeam.databases WHERE org_id = 'walked';
UPDATE gone SET deleted_at = now(), password_sealed = NULL;
INSERT INTO pgbeam.databases
	SELECT (jsonb_populate_record(gone, jsonb_build_object('id', gen_random_uuid()))).* FROM gone, generate_series(1, 300);
CREATE TEMP TABLE gone_replicas (LIKE pgbeam.replicas);
INSERT INTO gone_replicas SELECT * FROM pgbeam.replicas WHERE org_id = 'walked';
UPDATE gone_replicas SET deleted_at = now();
INSERT INTO pgbeam.replicas
	SELECT (jsonb_populate_record(g, jsonb_build_object('id', gen_random_uuid()))).* FROM gone_replicas AS g, generate_series(1, 300);
ANALYZE pgbeam.databases, pgbeam.replicas;
CREATE TEMP TABLE fetched AS SELECT relname, idx_tup_fetch AS before FROM pg_stat_xact_user_tables WHERE relname IN ('databases', 'replicas');
SELECT json_array_length(pgbeam.list_databases(:'project') -> 'databases') AS databases,
	json_array_length(pgbeam.list_replicas(pgbeam.list_databases(:'project') #>> '{databases,0,id}') -> 'replicas') AS replicas;
SELECT count(pgbeam.create_database(:'project', '{"host": "h", "port": 1, "name": "d", "username": "u", "password": "canary-password-Vq7R2x"}'))
	+ count(pgbeam.delete_project(:'project')) AS calls;
SELECT relname, idx_tup_fetch - before AS rows FROM pg_stat_xact_user_tables JOIN fetched USING (relname) WHERE idx_tup_fetch - before > 50;
ROLLBACK;
CREATE TABLE few (id integer PRIMARY KEY);
INSERT INTO few VALUES (1);
ANALYZE few;
CREATE FUNCTION plan_of(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
	RETURN QUERY EXECUTE query USING 'walked', '00000000-0000-0000-0000-000000000000'::uuid, now();
END
$$;
SELECT plan_of('EXPLAIN (COSTS OFF) SELECT FROM few WHERE id = 1');
SELECT plan_of('/* pgbeam */ EXPLAIN (COSTS OFF) SELECT FROM few WHERE id = 1');
-- the text of one of pgbeam's, which its context does not show to a trigger of
-- a user's
CREATE TABLE seen (context text);
GRANT INSERT ON seen TO PUBLIC; -- triggers run as the tables' owner
CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
	context text;
BEGIN
	GET DIAGNOSTICS context = PG_CONTEXT;
	INSERT INTO public.seen VALUES (context);
	RETURN NULL;
END
$$;
CREATE TRIGGER see AFTER UPDATE ON pgbeam.replicas FOR EACH ROW EXECUTE FUNCTION see();
SELECT pgbeam.delete_project(:'project');
DROP TRIGGER see ON pgbeam.replicas;
SELECT context FROM seen;
VACUUM (FULL, ANALYZE) pgbeam.replicas;
SELECT plan_of('/* pgbeam */ EXPLAIN (COSTS OFF) UPDATE pgbeam.replicas SET deleted_at = $3
	WHERE org_id OPERATOR(pg_catalog.=) $1 AND database_id OPERATOR(pg_catalog.=) $2 AND deleted_at IS NULL RETURNING id');
DROP FUNCTION see CASCADE;
DROP TABLE seen;
DROP VIEW scans;
SELECT name, setting, source FROM pg_settings WHERE name IN ('enable_seqscan', 'enable_bitmapscan', 'enable_sort') ORDER BY 1;
DROP FUNCTION plan_of;
DROP TABLE few;

DROP VIEW per_organization, pgbeam_tables, pgbeam_functions;

-- The first line of a COMMENT is one sentence: tools show it as the summary.
SELECT p.oid::regprocedure AS function, split_part(d.description, E'\n', 1) AS first_line
FROM pg_proc p LEFT JOIN pg_description d ON d.objoid = p.oid AND d.classoid = 'pg_proc'::regclass
WHERE p.pronamespace = 'pgbeam'::regnamespace
	AND (d.description IS NULL OR split_part(d.description, E'\n', 1) !~ '^[^[:space:]].*[.]$'
		OR replace(split_part(d.description, E'\n', 1), '...', '') ~ '[.] ');
