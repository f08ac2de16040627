-- Filters of lists: projects by name, beginning of a name, tag, status and host;
-- databases by name, beginning of a name and host.
SET client_min_messages = warning;
SET test.password = 'canary-password-Vq7R2x';
CREATE FUNCTION project(name text, more jsonb DEFAULT '{}') RETURNS text LANGUAGE sql AS $$
	SELECT pgbeam.create_project(jsonb_build_object('org_id', 'searched', 'name', name, 'database',
		jsonb_build_object('host', 'db.example.com', 'port', 5432, 'name', 'd', 'username', 'u', 'password', current_setting('test.password'))) || more) #>> '{project,id}'
$$;
-- A page, and all pages, of what matches.
CREATE FUNCTION page(filters jsonb, sort_by text DEFAULT NULL, page_size integer DEFAULT NULL, page_token text DEFAULT NULL, org_id text DEFAULT 'searched') RETURNS json LANGUAGE sql AS $$
	SELECT pgbeam.list_projects(org_id, page_size, page_token, sort_by, filters ->> 'name', filters ->> 'name_prefix', filters ->> 'tag',
		filters ->> 'status', filters ->> 'host')
$$;
CREATE FUNCTION names(filters jsonb, sort_by text DEFAULT NULL, page_size integer DEFAULT NULL, org_id text DEFAULT 'searched') RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
	answer json;
	all_names text[] := '{}';
BEGIN
	LOOP
		answer := page(filters, sort_by, page_size, answer ->> 'next_page_token', org_id);
		all_names := all_names || ARRAY(SELECT p ->> 'name' FROM json_array_elements(answer -> 'projects') AS p);
		EXIT WHEN answer ->> 'next_page_token' IS NULL;
	END LOOP;
	RETURN all_names;
END
$$;

SELECT count(project(name, jsonb_build_object('tags', tags))) FROM (VALUES
	(1, 'alpha', '[]'::jsonb), (2, 'alpha-2', '["blue"]'), (3, 'Alpha', '["blue", "red"]'), (4, 'al', '["red", "red"]'), (5, 'beta', '["Blue"]'),
	(6, 'a%', '["%"]'), (7, 'a_', '["_"]'), (8, 'a\', '["\\"]'), (9, 'a*', '["b\"l"]'), (10, 'äpfel', '["grün"]'), (11, 'ä', '["gr"]'),
	(12, '日本', '["日本"]'), (13, U&'z\+10FFFF', '[]'), (14, U&'z\+10FFFFx', '[]'), (15, 'z', '[]'), (16, 'x''; --', '["x''; --"]'), (17, 'ab', '["blue"]')
) AS v (n, name, tags);
SELECT count(pgbeam.update_project(pgbeam.typeid_encode('prj', id), '{"status": "suspended"}')) FROM pgbeam.projects
WHERE org_id = 'searched' AND name IN ('alpha-2', 'al', 'ä');

-- The first list of a session goes the same way as those that follow.
\c -
SELECT names('{"tag": "blue"}', 'name') AS by_mark;
\c -
SELECT names('{"status": "suspended"}', 'name', 1) AS by_mark;
\c -
SELECT names('{"name_prefix": "al"}', 'created_at', 1) AS by_range;
SET client_min_messages = warning;
SET test.password = 'canary-password-Vq7R2x';

-- What is asked for is exact, in its case, and its letters mean themselves.
SELECT filters, names(filters, 'name') FROM (VALUES
	(1, '{"name": "alpha"}'::jsonb), (2, '{"name": "ALPHA"}'), (3, '{"name": "alph"}'), (4, '{"name": "a%"}'), (5, '{"name_prefix": "alpha"}'),
	(6, '{"name_prefix": "a%"}'), (7, '{"name_prefix": "a_"}'), (8, '{"name_prefix": "a\\"}'), (9, '{"name_prefix": "ä"}'), (10, '{"name_prefix": "日"}'),
	(11, '{"name_prefix": "Al"}'), (12, '{"name_prefix": "x''; --"}'), (13, '{"tag": "blue"}'), (14, '{"tag": "Blue"}'), (15, '{"tag": "red"}'),
	(16, '{"tag": "%"}'), (17, '{"tag": "\\"}'), (18, '{"tag": "b\"l"}'), (19, '{"tag": "gr"}'), (20, '{"tag": "日本"}'), (21, '{"tag": "x''; --"}'),
	(22, '{"status": "suspended"}'), (23, '{"host": "alpha.aws.pgbeam.app"}'), (24, '{"host": "ALPHA.aws.pgbeam.app"}'), (25, '{"host": "alpha"}')
) AS v (n, filters) ORDER BY n;
SELECT names(jsonb_build_object('name_prefix', U&'z\+10FFFF')) = ARRAY[U&'z\+10FFFF', U&'z\+10FFFFx'] AS last_letter,
	names('{"name_prefix": "z"}') = ARRAY['z', U&'z\+10FFFF', U&'z\+10FFFFx'] AS before_it,
	names(jsonb_build_object('name_prefix', U&'\+10FFFF')) AS alone;

-- Every set of filters, in every order and by pages, gives what a plain query
-- gives, and its total. (sets)
CREATE FUNCTION expected(filters jsonb, sort_by text) RETURNS text[] LANGUAGE sql AS $$
	SELECT coalesce(array_agg(name ORDER BY CASE WHEN coalesce(sort_by, CASE WHEN filters ? 'name_prefix' THEN 'name' END) = 'name' THEN name END, id DESC), '{}')
	FROM pgbeam.projects WHERE org_id = 'searched' AND deleted_at IS NULL
		AND coalesce(name = filters ->> 'name', true) AND coalesce(starts_with(name, filters ->> 'name_prefix'), true)
		AND (filters -> 'tag' IS NULL OR filters ->> 'tag' = ANY (tags)) AND coalesce(status = filters ->> 'status', true) AND coalesce(proxy_host = filters ->> 'host', true)
$$;
CREATE VIEW sets AS
	SELECT jsonb_strip_nulls(jsonb_build_object('name', name, 'name_prefix', prefix, 'tag', tag, 'status', status, 'host', host)) AS filters, sort_by
	FROM unnest('{NULL,alpha-2,al,none}'::text[]) AS name, unnest('{NULL,a,al,none}'::text[]) AS prefix, unnest('{NULL,blue,red,none}'::text[]) AS tag,
		unnest('{NULL,active,suspended}'::text[]) AS status, unnest('{NULL,alpha-2.aws.pgbeam.app,none.aws.pgbeam.app}'::text[]) AS host,
		unnest('{NULL,name,created_at,active_connections}'::text[]) AS sort_by;
SELECT count(*), count(DISTINCT filters) AS sets FROM sets;
SELECT filters, sort_by, names(filters, sort_by, 2) AS got, expected(filters, sort_by) FROM sets
WHERE names(filters, sort_by, 2) <> expected(filters, sort_by) OR (page(filters, sort_by) ->> 'total')::integer <> cardinality(expected(filters, sort_by));

-- So do statements, which read where somebody has put something on the table,
-- or has taken its indexes or made others.
SELECT count(pgbeam.delete_project(project(name, '{"tags": ["blue", "red"]}')) IS NULL) AS deleted FROM unnest('{a,alpha-1,b,zz}'::text[]) AS name;
-- The plans of statements that end where they have met too many rows.
CREATE FUNCTION planned() RETURNS bigint LANGUAGE sql AS $$
	SELECT count(*) FROM pg_backend_memory_contexts WHERE name = 'CachedPlanSource' AND ident LIKE '/* pgbeam */ SELECT * FROM ((SELECT%'
$$;
CREATE PROCEDURE compare(alteration text) LANGUAGE plpgsql AS $$
DECLARE
	plans bigint;
	wrong bigint;
BEGIN
	EXECUTE alteration;
	PERFORM page('{"status": "active"}', 'created_at'), page('{"status": "active"}', 'name'), page('{"status": "active", "tag": "red"}', 'created_at');
	plans := planned();
	SELECT count(*) INTO wrong FROM sets WHERE filters ? 'status' AND NOT filters ? 'name' AND NOT filters ? 'host'
		AND (names(filters, sort_by, 2) <> expected(filters, sort_by) OR (page(filters, sort_by) ->> 'total')::integer <> cardinality(expected(filters, sort_by)));
	RAISE NOTICE 'wrong: %, pages of three by statements: %', wrong, plans;
	ROLLBACK;
END
$$;
\c -
CALL compare('SELECT 1');
\c -
CALL compare('DROP INDEX pgbeam.projects_living_idx; CREATE INDEX ON pgbeam.projects (org_id, (deleted_at IS NULL), id)');
\c -
CALL compare('DROP INDEX pgbeam.projects_living_idx');
\c -
CALL compare('DROP INDEX pgbeam.projects_name_key; CREATE UNIQUE INDEX projects_name_key ON pgbeam.projects (org_id, name COLLATE "POSIX") WHERE deleted_at IS NULL');
\c -
CALL compare('DROP INDEX pgbeam.projects_living_idx; CREATE INDEX ON pgbeam.projects (org_id, id)');
\c -
CALL compare('DROP INDEX pgbeam.projects_living_idx; CREATE INDEX ON pgbeam.projects (org_id, id DESC) WHERE deleted_at IS NULL');
\c -
CALL compare($$DROP INDEX pgbeam.projects_living_idx; CREATE INDEX ON pgbeam.projects (org_id, id) WHERE deleted_at IS NULL AND status <> 'active'$$);
\c -
CALL compare('ALTER TABLE pgbeam.projects ENABLE ROW LEVEL SECURITY');
\c -
CALL compare('ALTER TABLE pgbeam.project_marks DROP CONSTRAINT project_marks_pkey');
SET client_min_messages = warning;
SET test.password = 'canary-password-Vq7R2x';
DROP PROCEDURE compare;
DROP FUNCTION planned;

-- Illegal values: also an empty one, which a program sends whose variable is
-- empty. Null is none.
SELECT page('{"name": ""}');
SELECT page(jsonb_build_object('name', repeat('x', 101), 'name_prefix', '', 'tag', repeat('x', 51), 'status', 'Active', 'host', repeat('x', 254)));
SELECT page('{"status": "deleted"}');
SELECT page('{"name": null, "status": null}') ->> 'total' AS total;

-- A token is good for the same filters only.
SELECT page('{"tag": "blue"}', 'name', 1) ->> 'next_page_token' AS token \gset
SELECT page('{"tag": "blue"}', 'name', 1, :'token') #>> '{projects,0,name}' AS name;
SELECT page('{"tag": "red"}', 'name', 1, :'token');
SELECT page('{}', 'name', 1, :'token');
SELECT page('{"tag": "blue", "status": "active"}', 'name', 1, :'token');
SELECT page('{"name_prefix": "blue"}', 'name', 1, :'token');
SELECT page('{"tag": "blue"}', 'created_at', 1, :'token');
SELECT page('{}', 'name', 1) ->> 'next_page_token' AS token \gset
SELECT page('{"tag": "blue"}', 'name', 1, :'token');

-- Another organization's project is not found, by no filter.
SELECT count(project('alpha', '{"org_id": "searched 2", "tags": ["blue", "theirs"]}'));
SELECT pgbeam.update_project(project('asleep', '{"org_id": "searched 2"}'), '{"status": "suspended"}') ->> 'status' AS status;
SELECT proxy_host AS theirs FROM pgbeam.projects WHERE org_id = 'searched 2' AND name = 'alpha' \gset
SELECT names(jsonb_build_object('host', :'theirs')) AS host, names('{"tag": "theirs"}') AS tag, names('{"name": "asleep"}') AS name, names('{"name_prefix": "as"}') AS prefix,
	names('{"status": "suspended"}', 'name') AS suspended;
SELECT names('{"tag": "blue"}', org_id => 'searched 2') AS own, names('{"host": "alpha.aws.pgbeam.app"}', org_id => 'searched 2') AS host;

-- Marks follow what happens to a project.
CREATE VIEW marks AS SELECT name, array_agg(mark ORDER BY mark) AS marks
	FROM pgbeam.project_marks AS m JOIN pgbeam.projects AS p ON p.id = m.project_id AND p.org_id = m.org_id WHERE m.org_id = 'searched' GROUP BY 1;
CREATE VIEW wrong AS SELECT name FROM pgbeam.projects AS p WHERE org_id = 'searched' AND ARRAY(
		SELECT DISTINCT mark FROM (SELECT 'tag=' || unnest(tags) UNION ALL SELECT 'status=suspended' WHERE status = 'suspended') AS of (mark) WHERE deleted_at IS NULL ORDER BY 1)
	<> ARRAY(SELECT mark FROM pgbeam.project_marks AS m WHERE m.org_id = p.org_id AND m.project_id = p.id ORDER BY 1);
SELECT * FROM wrong;
SELECT pgbeam.typeid_encode('prj', id) AS id FROM pgbeam.projects WHERE org_id = 'searched' AND name = 'Alpha' \gset
CREATE FUNCTION marks_after(id text, body jsonb) RETURNS text[] LANGUAGE plpgsql AS $$
BEGIN
	PERFORM pgbeam.update_project(id, body);
	RETURN (SELECT marks FROM marks WHERE name = 'Alpha');
END
$$;
SELECT body, marks_after(:'id', body) FROM (VALUES
	(1, '{"description": "x"}'::jsonb), (2, '{"tags": ["red", "green", "red"]}'), (3, '{"status": "suspended"}'), (4, '{"tags": ["red", "green", "red"], "status": ""}'),
	(5, '{"tags": null}'), (6, '{"tags": ["blue", "status=suspended", ""], "status": "active"}')) AS v (n, body) ORDER BY n;
SELECT pgbeam.delete_project(:'id');
SELECT names('{"tag": "blue"}', 'name'), count(*) FROM pgbeam.project_marks WHERE project_id = pgbeam.typeid_decode(:'id');
SELECT pgbeam.undelete_project(:'id') #>> '{project,tags}' AS tags;
SELECT names('{"tag": "blue"}', 'name'), page('{"tag": "blue"}') ->> 'total' AS total;
BEGIN;
SELECT marks_after(:'id', '{"tags": ["gone"]}');
ROLLBACK;
SELECT names('{"tag": "gone"}');
SELECT * FROM wrong;
-- A list shows no project whose row says something else, and goes on behind it.
BEGIN;
INSERT INTO pgbeam.project_marks SELECT org_id, id, 'tag=blue', pgbeam.mark_key(org_id, 'tag=blue') FROM pgbeam.projects WHERE org_id = 'searched' AND name IN ('beta', 'al', 'z') ON CONFLICT DO NOTHING;
SELECT names('{"tag": "blue"}', page_size => 1), names('{"tag": "blue"}', 'name', 1), names('{"tag": "blue", "status": "active"}', page_size => 1);
ROLLBACK;
-- Two tags of one key, in this organization alone: a row that has both has one
-- mark, and is found by each that it has, however the marks are written.
CREATE FUNCTION meet(one text, other text) RETURNS TABLE (tags text, marks bigint, by_one text[], by_other text[]) LANGUAGE plpgsql AS $$
DECLARE
	id text := project('twins', jsonb_build_object('tags', jsonb_build_array(one, other)));
	given text[];
BEGIN
	FOREACH given SLICE 1 IN ARRAY ARRAY[ARRAY[one, other], ARRAY[other, other], ARRAY[one, one], ARRAY['none', 'none'], ARRAY[other, one]] LOOP
		PERFORM pgbeam.update_project(id, jsonb_build_object('tags', to_jsonb(given)));
		RETURN QUERY SELECT replace(replace(given::text, one, 'one'), other, 'other'), count(*),
			names(jsonb_build_object('tag', one)), names(jsonb_build_object('tag', other))
			FROM pgbeam.project_marks WHERE project_id = pgbeam.typeid_decode(id);
	END LOOP;
	PERFORM pgbeam.delete_project(id);
	RETURN QUERY SELECT 'deleted', count(*), names(jsonb_build_object('tag', one)), names(jsonb_build_object('tag', other))
		FROM pgbeam.project_marks WHERE project_id = pgbeam.typeid_decode(id);
END
$$;
SELECT pgbeam.mark_key('searched', 'tag=5f3f3bf95c390693') AS stored_so, pgbeam.mark_key('searched', 'tag=28ebaf0ddaabce09') AS and_so,
	pgbeam.mark_key('other', 'tag=5f3f3bf95c390693') = pgbeam.mark_key('other', 'tag=28ebaf0ddaabce09') AS and_elsewhere;
SELECT * FROM meet('5f3f3bf95c390693', '28ebaf0ddaabce09');
CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
BEGIN;
CREATE TRIGGER see AFTER INSERT OR DELETE ON pgbeam.project_marks FOR EACH ROW EXECUTE FUNCTION see();
SELECT * FROM meet('5f3f3bf95c390693', '28ebaf0ddaabce09');
ROLLBACK;
DROP FUNCTION see;
DROP FUNCTION meet;
-- Those of a row come and go by one statement each.
CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	RAISE WARNING '%', TG_OP;
	RETURN NULL;
END
$$;
BEGIN;
CREATE TRIGGER tell AFTER INSERT OR DELETE ON pgbeam.project_marks FOR EACH STATEMENT EXECUTE FUNCTION tell();
SELECT marks_after(:'id', '{"tags": ["a", "b", "c"]}');
SELECT marks_after(:'id', '{"tags": ["c", "d", "e"]}');
SELECT pgbeam.delete_project(:'id');
SELECT * FROM wrong;
ROLLBACK;
DROP FUNCTION tell;
-- A trigger that changes what is stored.
CREATE FUNCTION retag() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	NEW.tags := NEW.tags || '{triggered}'::text[];
	RETURN NEW;
END
$$;
BEGIN;
CREATE TRIGGER retag BEFORE INSERT OR UPDATE ON pgbeam.projects FOR EACH ROW EXECUTE FUNCTION retag();
SELECT count(project('retagged'));
SELECT marks_after(:'id', '{"description": "y"}');
SELECT names('{"tag": "triggered"}', 'name');
SELECT * FROM wrong;
ROLLBACK;
DROP FUNCTION retag;
-- Many at once, and an organization that is erased.
SELECT status FROM pgbeam.create_projects(jsonb_build_array(jsonb_build_object('org_id', 'searched 3', 'name', 'one', 'tags', '["t"]'::jsonb, 'database',
	jsonb_build_object('host', 'h', 'port', 1, 'name', 'd', 'username', 'u', 'password', current_setting('test.password')))));
SELECT names('{"tag": "t"}', org_id => 'searched 3');
SELECT pgbeam.erase_organization('searched 3', force => true) > 0 AS erased;
SELECT count(*) FROM pgbeam.project_marks WHERE org_id = 'searched 3';

-- Databases of a project.
CREATE FUNCTION found(project_id text, filters jsonb, page_size integer DEFAULT NULL) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
	answer json;
	found text[] := '{}';
BEGIN
	LOOP
		answer := pgbeam.list_databases(project_id, page_size, answer ->> 'next_page_token', filters ->> 'name', filters ->> 'name_prefix', filters ->> 'host');
		found := found || ARRAY(SELECT concat(d ->> 'name', '@', d ->> 'host') FROM json_array_elements(answer -> 'databases') AS d);
		EXIT WHEN answer ->> 'next_page_token' IS NULL;
	END LOOP;
	RETURN found;
END
$$;
SELECT count(pgbeam.create_database(:'id', jsonb_build_object('host', host, 'port', 1, 'name', name, 'username', 'u', 'password', current_setting('test.password')))) FROM (VALUES
	(1, 'orders', 'db.example.com'), (2, 'orders_2', 'DB.example.com'), (3, 'orders%', 'db2.example.com'), (4, 'Orders', 'db2.example.com'), (5, 'ärger', 'db2.example.com')
) AS v (n, name, host);
SELECT filters, found(:'id', filters, 1) FROM (VALUES (1, '{"name": "orders"}'::jsonb), (2, '{"name_prefix": "orders"}'), (3, '{"name_prefix": "orders%"}'),
	(4, '{"host": "db2.example.com"}'), (5, '{"host": "DB.example.com"}'), (6, '{"host": "db2.example.com", "name_prefix": "o"}'), (7, '{"name": "orders", "host": "db2.example.com"}'),
	(8, '{"name_prefix": "ä"}'), (9, '{"name": "none"}')) AS v (n, filters) ORDER BY n;
SELECT pgbeam.list_databases(:'id', name => '', name_prefix => '', host => repeat('x', 254));
SELECT pgbeam.list_databases(:'id', page_size => 1, name_prefix => 'orders') ->> 'next_page_token' AS token \gset
SELECT pgbeam.list_databases(:'id', page_size => 1, page_token => :'token');
SELECT pgbeam.list_databases(:'id', page_size => 1, page_token => :'token', name_prefix => 'orders') #>> '{databases,0,name}' AS next;

-- Among 100000 projects of an organization, where every 1000th has a rare tag
-- and every third a common one. The oldest fifth are the only ones with one
-- tag, and those that come last in the order of names the only ones with
-- another.
CREATE TABLE sample AS SELECT p.*::pgbeam.projects AS row FROM pgbeam.projects AS p WHERE org_id = 'searched' AND name = 'alpha';
CREATE TABLE many AS
	SELECT n, id, name, status, (ARRAY(SELECT tag FROM (VALUES ('rare', n % 1000 = 0), ('common', n % 3 = 0), ('oldest', rank <= 20000), ('last', name > 'f')) AS t (tag, has) WHERE has)) AS tags
	FROM (SELECT n, ('00000000-0000-7000-8000-' || substr(md5('id' || n), 1, 12))::uuid AS id, CASE WHEN n % 100 = 0 THEN 'x' ELSE '' END || md5(n::text) AS name,
			CASE WHEN n % 500 = 0 THEN 'suspended' ELSE 'active' END AS status, rank() OVER (ORDER BY md5('id' || n)) AS rank
		FROM generate_series(1, 100000) AS n) AS made;
INSERT INTO pgbeam.projects SELECT p.* FROM sample, many, LATERAL jsonb_populate_record(row, jsonb_build_object('org_id', 'searched 4', 'id', many.id,
	'name', many.name, 'tags', many.tags, 'status', many.status, 'proxy_host', many.name || '.aws.pgbeam.app')) AS p;
INSERT INTO pgbeam.project_marks SELECT 'searched 4', id, mark, pgbeam.mark_key('searched 4', mark) FROM many,
	LATERAL (SELECT 'tag=' || unnest(tags) UNION ALL SELECT 'status=suspended' WHERE status = 'suspended') AS of (mark);
INSERT INTO pgbeam.hosts SELECT name || '.aws.pgbeam.app', 'searched 4', id, 'proxy' FROM many WHERE n = 5000;
SELECT name, name || '.aws.pgbeam.app' AS host FROM many WHERE n = 5000 \gset
-- What a page has, and what it reads, its total included: entries of indexes,
-- and rows. That is no more than the matches that total counts by an index,
-- and less than 20000 where no index has them.
CREATE VIEW met AS SELECT sum(pg_stat_get_xact_tuples_returned(oid) + pg_stat_get_xact_tuples_fetched(oid))::integer AS entries
	FROM pg_class WHERE relname ~ '^project(s|_marks)' AND relnamespace = 'pgbeam'::regnamespace;
CREATE FUNCTION reads(filters jsonb, sort_by text, OUT shown integer, OUT total integer, OUT leads_on boolean, OUT read integer) LANGUAGE plpgsql AS $$
DECLARE
	before CONSTANT integer := (SELECT entries FROM met);
	answer CONSTANT json := page(filters, sort_by, 20, org_id => 'searched 4');
BEGIN
	shown := json_array_length(answer -> 'projects');
	total := answer ->> 'total';
	leads_on := answer ->> 'next_page_token' IS NOT NULL;
	read := (SELECT entries FROM met) - before;
END
$$;
CREATE TABLE searches (n integer, filters jsonb, sort_by text, most integer);
INSERT INTO searches VALUES
	(1, jsonb_build_object('name', :'name'), 'created_at', 10), (2, jsonb_build_object('name', :'name', 'tag', 'common'), 'name', 10),
	(3, jsonb_build_object('host', :'host'), 'created_at', 10), (4, jsonb_build_object('host', :'host', 'status', 'active'), 'name', 10),
	(5, '{"tag": "rare"}', 'created_at', 300), (6, '{"tag": "common"}', 'created_at', 33333 + 300), (7, '{"tag": "none"}', 'name', 10),
	(8, '{"tag": "rare"}', 'name', 800), (9, '{"tag": "common"}', 'name', 33333 + 2000), (10, '{"tag": "oldest"}', 'name', 20000 + 2000),
	(11, '{"tag": "last"}', 'name', 7162 + 20000), (12, '{"status": "suspended"}', 'created_at', 500), (13, '{"status": "suspended"}', 'name', 1500),
	(14, '{"status": "active"}', 'created_at', 100000 + 500), (15, '{"status": "active"}', 'name', 100000 + 500), (16, '{"name_prefix": "x"}', 'name', 1000 + 100),
	(17, '{"name_prefix": "xa"}', 'created_at', 300), (18, '{"name_prefix": "a"}', 'created_at', 6200 + 3000), (19, '{"name_prefix": "a"}', 'name', 6200 + 100),
	(20, '{"name_prefix": "none"}', 'created_at', 10), (21, '{"tag": "common", "status": "suspended"}', 'created_at', 4000),
	(22, '{"tag": "rare", "name_prefix": "x"}', 'created_at', 4000), (23, '{"tag": "common", "name_prefix": "x"}', 'name', 10000),
	(24, '{"tag": "common", "name_prefix": "none"}', 'created_at', 3000), (25, '{"status": "active", "name_prefix": "x"}', 'name', 3000),
	(26, '{"tag": "last", "name_prefix": "e"}', 'name', 40000), (27, '{"tag": "oldest", "status": "suspended"}', 'name', 5000);
CREATE VIEW searched AS SELECT n, filters - 'name' - 'host' AS filters, sort_by, shown, total, leads_on, read <= most AS "reads little"
FROM searches, LATERAL reads(filters, sort_by) ORDER BY n;
VACUUM pgbeam.projects, pgbeam.project_marks;
SELECT * FROM searched;
-- It is the same whatever the planner knows: in a session that planned for few
-- rows, and with statistics.
ANALYZE pgbeam.projects, pgbeam.project_marks;
\c -
SET client_min_messages = warning;
SELECT * FROM searched WHERE NOT "reads little";
BEGIN;
UPDATE pg_statistic SET stadistinct = -1 WHERE starelid IN ('pgbeam.projects'::regclass, 'pgbeam.project_marks'::regclass);
UPDATE pg_class SET reltuples = 1, relpages = 1 WHERE relname ~ '^project(s|_marks)' AND relnamespace = 'pgbeam'::regnamespace;
ALTER TABLE pgbeam.projects RESET (fillfactor); -- plans anew
ALTER TABLE pgbeam.project_marks RESET (fillfactor);
SELECT * FROM searched WHERE NOT "reads little";
ROLLBACK;
-- Pages that end before they are full lead on until all is found.
SELECT names('{"tag": "last"}', 'name', 100, 'searched 4') = ARRAY(SELECT name FROM many WHERE 'last' = ANY (tags) ORDER BY name COLLATE "C") AS same;
SELECT names('{"tag": "oldest", "status": "active"}', 'name', 100, 'searched 4')
	= ARRAY(SELECT name FROM many WHERE 'oldest' = ANY (tags) AND status = 'active' ORDER BY name COLLATE "C") AS same;
SELECT names('{"tag": "last", "name_prefix": "x"}', 'created_at', 100, 'searched 4')
	= ARRAY(SELECT name FROM many WHERE 'last' = ANY (tags) AND name ~ '^x' ORDER BY id DESC) AS same;
SELECT count(*) AS pages, sum(shown) AS shown FROM (
	WITH RECURSIVE pages AS (
		SELECT page('{"tag": "last"}', 'name', 100, org_id => 'searched 4') AS page
		UNION ALL SELECT page('{"tag": "last"}', 'name', 100, page ->> 'next_page_token', 'searched 4') FROM pages WHERE page ->> 'next_page_token' IS NOT NULL)
	SELECT json_array_length(page -> 'projects') AS shown FROM pages) AS p;
-- Entries of an index whose marks are gone do not end a page.
BEGIN;
DELETE FROM pgbeam.project_marks WHERE org_id = 'searched 4' AND mark = 'tag=rare' AND project_id NOT IN (SELECT id FROM many WHERE n % 10000 = 0);
SELECT page_size, names('{"tag": "rare"}', 'created_at', page_size, 'searched 4') = ARRAY(SELECT name FROM many WHERE n % 10000 = 0 ORDER BY id DESC) AS same
FROM unnest('{1,2,9,10,20}'::integer[]) AS page_size;
ROLLBACK;
-- Nor do those that the index knows to be dead, in many of its leaves.
DELETE FROM pgbeam.project_marks WHERE org_id = 'searched 4' AND mark = 'tag=common' AND project_id NOT IN (SELECT id FROM many WHERE n % 9999 = 0);
SET statement_timeout = '1min';
SELECT page_size, names('{"tag": "common"}', 'created_at', page_size, 'searched 4') = ARRAY(SELECT name FROM many WHERE n % 9999 = 0 ORDER BY id DESC) AS same
FROM unnest('{1,1,2,20}'::integer[]) AS page_size;
RESET statement_timeout;
-- The same among the databases of one project.
CREATE TABLE base AS SELECT d.*::pgbeam.databases AS row FROM pgbeam.databases AS d WHERE org_id = 'searched' LIMIT 1;
INSERT INTO pgbeam.databases SELECT d.* FROM base, generate_series(1, 12000) AS n, LATERAL jsonb_populate_record(row, jsonb_build_object('id', gen_random_uuid(),
	'project_id', pgbeam.typeid_decode(:'id'), 'name', 'many', 'host', CASE WHEN n % 4000 = 0 THEN 'rare.example.com' ELSE 'db.example.com' END)) AS d;
SELECT cardinality(found(:'id', '{"host": "rare.example.com"}')) AS rare, cardinality(found(:'id', '{"name_prefix": "ma", "host": "db.example.com"}', 100)) AS others;
SELECT json_array_length(pgbeam.list_databases(:'id', host => 'none') -> 'databases') AS shown, pgbeam.list_databases(:'id', host => 'none') ->> 'next_page_token' IS NOT NULL AS leads_on;

DELETE FROM pgbeam.databases WHERE name = 'many';
DELETE FROM pgbeam.project_marks WHERE org_id = 'searched 4';
DELETE FROM pgbeam.hosts WHERE org_id = 'searched 4';
DELETE FROM pgbeam.projects WHERE org_id = 'searched 4';
DROP VIEW searched, met, wrong, marks, sets;
DROP TABLE sample, many, searches, base;
DROP FUNCTION reads, found, marks_after, expected, names, page, project;
