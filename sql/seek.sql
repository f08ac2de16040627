-- A delete asks an index for what stands below a row, and removes marks,
-- without a statement, unless somebody has put something on the table that the
-- server must see to.
SET test.password = 'canary-password-Vq7R2x';
SELECT pgbeam.set_organization('seek');
CREATE FUNCTION make(project text, OUT project_id text, OUT database_id text) LANGUAGE sql AS $$
	SELECT j #>> '{project,id}', j #>> '{database,id}'
	FROM pgbeam.create_project(jsonb_build_object('org_id', 'seek', 'name', project, 'tags', '["red", "blue"]'::jsonb,
		'database', jsonb_build_object('host', 'db.example.com', 'port', 5432, 'name', 'd', 'username', 'u',
			'password', current_setting('test.password')))) AS j
$$;
CREATE FUNCTION add_replica(database_id text) RETURNS void LANGUAGE sql AS $$
	SELECT pgbeam.create_replica(database_id, '{"host": "r.example.com", "port": 5432}')
$$;
-- A statement that changes a table locks the index that it goes by so that
-- others cannot add one, and a search does not.
CREATE FUNCTION asked(index regclass) RETURNS text LANGUAGE sql AS $$
	SELECT CASE WHEN bool_or(mode = 'RowExclusiveLock') THEN 'by a statement' ELSE 'without' END
	FROM pg_locks WHERE pid = pg_backend_pid() AND relation = index
$$;
CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	RAISE NOTICE '% % % of %', TG_WHEN, TG_OP, TG_LEVEL, TG_TABLE_NAME;
	RETURN NULL;
END
$$;
CREATE FUNCTION left_below() RETURNS TABLE (living bigint, marks bigint) LANGUAGE sql AS $$
	SELECT (SELECT count(*) FROM pgbeam.databases WHERE org_id = 'seek' AND deleted_at IS NULL) +
			(SELECT count(*) FROM pgbeam.replicas WHERE org_id = 'seek' AND deleted_at IS NULL),
		(SELECT count(*) FROM pgbeam.project_marks WHERE org_id = 'seek')
$$;
-- Deletes a project with a replica or without, and tells how it was asked for.
CREATE FUNCTION remove(with_replica boolean DEFAULT false, OUT replicas text, OUT marks text, OUT living bigint, OUT left_marks bigint)
LANGUAGE plpgsql AS $$
DECLARE
	made record;
BEGIN
	made := make('p');
	IF with_replica THEN
		PERFORM add_replica(made.database_id);
	END IF;
	PERFORM pgbeam.delete_project(made.project_id);
	replicas := asked('pgbeam.replicas_database_idx');
	SELECT l.living, l.marks FROM left_below() AS l INTO living, left_marks;
EXCEPTION WHEN insufficient_privilege THEN
	replicas := SQLERRM;
END
$$;

-- Each has a transaction of its own, as locks stay until the end of one.
BEGIN;
SELECT project_id AS project FROM make('a') \gset
COMMIT;
BEGIN;
SELECT pgbeam.delete_project(:'project');
SELECT asked('pgbeam.replicas_database_idx') AS replicas, asked('pgbeam.custom_domains_project_idx') AS domains,
	asked('pgbeam.cache_rules_pkey') AS rules, asked('pgbeam.connection_tests_pkey') AS tests,
	asked('pgbeam.traffic_totals_pkey') AS totals, asked('pgbeam.traffic_connections_pkey') AS connections,
	asked('pgbeam.project_marks_pkey') AS marks, asked('pgbeam.databases_project_idx') AS databases;
SELECT * FROM left_below();
COMMIT;
SELECT * FROM left_below();
-- What was made in the same transaction is seen.
SELECT replicas, living, left_marks FROM remove();
SELECT replicas, living, left_marks FROM remove(true);

-- A trigger of any kind runs.
BEGIN;
CREATE TRIGGER tell AFTER UPDATE ON pgbeam.replicas FOR EACH STATEMENT EXECUTE FUNCTION tell();
SELECT replicas, living FROM remove();
ROLLBACK;
BEGIN;
CREATE TRIGGER tell AFTER DELETE ON pgbeam.project_marks FOR EACH ROW EXECUTE FUNCTION tell();
SELECT living, left_marks FROM remove();
ROLLBACK;
BEGIN;
CREATE TABLE seen (mark text);
GRANT ALL ON seen TO PUBLIC;
CREATE RULE see AS ON DELETE TO pgbeam.project_marks DO ALSO INSERT INTO seen VALUES (OLD.mark);
SELECT living, left_marks FROM remove();
SELECT * FROM seen ORDER BY mark;
ROLLBACK;
-- A foreign key to the marks takes its row along.
BEGIN;
CREATE TABLE noted (key bigint, project_id uuid, org_id text COLLATE "C",
	FOREIGN KEY (key, project_id, org_id) REFERENCES pgbeam.project_marks ON DELETE CASCADE);
GRANT ALL ON noted TO PUBLIC;
SELECT project_id AS project FROM make('n') \gset
INSERT INTO noted SELECT key, project_id, org_id FROM pgbeam.project_marks WHERE org_id = 'seek';
SELECT pgbeam.delete_project(:'project');
SELECT count(*) FROM noted;
ROLLBACK;

-- Without an index that has all rows, a statement looks.
BEGIN;
SELECT database_id AS database, project_id AS project FROM make('i') \gset
SELECT add_replica(:'database');
DROP INDEX pgbeam.replicas_database_idx;
SELECT pgbeam.delete_project(:'project');
SELECT * FROM left_below();
ROLLBACK;
BEGIN;
SELECT database_id AS database, project_id AS project FROM make('i') \gset
SELECT add_replica(:'database');
DROP INDEX pgbeam.replicas_database_idx;
CREATE INDEX replicas_database_idx ON pgbeam.replicas (org_id, database_id) WHERE port <> 5432;
SELECT pgbeam.delete_project(:'project');
SELECT * FROM left_below();
ROLLBACK;
BEGIN;
SELECT database_id AS database, project_id AS project FROM make('i') \gset
SELECT add_replica(:'database');
DROP INDEX pgbeam.replicas_database_idx;
CREATE INDEX replicas_database_idx ON pgbeam.replicas USING hash (database_id);
SELECT pgbeam.delete_project(:'project');
SELECT * FROM left_below();
ROLLBACK;
-- One in another order, or of other names, is as good.
BEGIN;
DROP INDEX pgbeam.replicas_database_idx;
CREATE INDEX replicas_database_idx ON pgbeam.replicas (database_id DESC, org_id DESC);
SELECT replicas, living FROM remove();
ROLLBACK;
-- One that tells fewer marks apart than the columns do, or has a column twice,
-- is passed over.
CREATE FUNCTION marks_after(index text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	project text := (make('m')).project_id;
BEGIN
	PERFORM pgbeam.update_project(project, '{"tags": ["A", "a", "b"]}');
	ALTER TABLE pgbeam.project_marks DROP CONSTRAINT project_marks_pkey;
	EXECUTE format('CREATE INDEX own ON pgbeam.project_marks (%s)', index);
	ALTER TABLE pgbeam.project_marks ADD CONSTRAINT project_marks_pkey PRIMARY KEY (key, project_id, org_id);
	PERFORM pgbeam.update_project(project, '{"tags": ["a", "b"]}');
	RETURN QUERY SELECT mark FROM pgbeam.project_marks WHERE org_id = 'seek' ORDER BY mark;
END
$$;
BEGIN;
SELECT marks_after('key, key, project_id');
ROLLBACK;
BEGIN;
DO $$
BEGIN
	CREATE COLLATION one_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
EXCEPTION WHEN feature_not_supported THEN
	CREATE COLLATION one_case (locale = 'POSIX');
END
$$;
SELECT marks_after('key, project_id, org_id COLLATE one_case');
ROLLBACK;
-- One that tells of whole rows whether they are null tells no deleted ones.
BEGIN;
SELECT marks_after('key, project_id, org_id, ((project_marks.*) IS NULL)');
ROLLBACK;
DROP FUNCTION marks_after;
-- What subscribers could not follow is refused.
BEGIN;
SELECT project_id AS project FROM make('r') \gset
SET LOCAL client_min_messages = error;
CREATE PUBLICATION regress_seek FOR TABLE pgbeam.project_marks;
RESET client_min_messages;
ALTER TABLE pgbeam.project_marks REPLICA IDENTITY NOTHING;
DO $$
BEGIN
	PERFORM pgbeam.delete_project(pgbeam.typeid_encode('prj', id)) FROM pgbeam.projects WHERE org_id = 'seek' AND name = 'r';
EXCEPTION WHEN object_not_in_prerequisite_state THEN
	RAISE NOTICE '%', SQLERRM;
END
$$;
ROLLBACK;
-- A table that inherits has rows of its own.
BEGIN;
SELECT database_id AS database, project_id AS project FROM make('h') \gset
SELECT add_replica(:'database');
ALTER TABLE pgbeam.replicas DROP CONSTRAINT replicas_fields_check; -- it cannot be inherited
CREATE TABLE heir (LIKE pgbeam.replicas INCLUDING INDEXES) INHERITS (pgbeam.replicas);
INSERT INTO heir SELECT * FROM ONLY pgbeam.replicas WHERE org_id = 'seek' AND deleted_at IS NULL;
DELETE FROM ONLY pgbeam.replicas WHERE org_id = 'seek' AND deleted_at IS NULL;
GRANT ALL ON heir TO PUBLIC;
SELECT pgbeam.delete_project(:'project');
SELECT count(*) FROM heir WHERE deleted_at IS NULL;
ROLLBACK;

-- The owner's rights are asked for each time.
BEGIN;
CREATE ROLE regress_seek_owner;
SELECT pgbeam.set_owner('regress_seek_owner');
SELECT replicas, living FROM remove();
REVOKE SELECT ON pgbeam.cache_rules FROM regress_seek_owner;
SELECT replicas FROM remove();
ROLLBACK;

-- So it is at the other levels of isolation.
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT replicas, living, left_marks FROM remove(true);
ROLLBACK;
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT project_id AS project FROM make('u') \gset
SELECT pgbeam.update_project(:'project', '{"tags": ["blue", "green"]}') ->> 'tags' AS tags;
SELECT mark FROM pgbeam.project_marks WHERE org_id = 'seek' ORDER BY mark;
COMMIT;
-- A mark that is gone already is no fault.
DELETE FROM pgbeam.project_marks WHERE org_id = 'seek' AND mark = 'tag=blue';
SELECT pgbeam.delete_project(:'project');
SELECT * FROM left_below();
-- A find reads a row by an index too, and an organization. What hides rows
-- from the owner hides them, and what has changed a column is told.
SELECT project_id AS project FROM make('read') \gset
CREATE FUNCTION read() RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	RETURN pgbeam.get_project(pgbeam.typeid_encode('prj', id)) ->> 'name' FROM pgbeam.projects WHERE org_id = 'seek' AND name = 'read' LIMIT 1;
EXCEPTION WHEN OTHERS THEN
	RETURN SQLERRM;
END
$$;
SELECT read();
BEGIN;
CREATE ROLE regress_seek_owner;
SELECT pgbeam.set_owner('regress_seek_owner');
ALTER TABLE pgbeam.projects ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
SELECT read();
CREATE POLICY own ON pgbeam.projects USING (name <> 'other');
SELECT read();
DROP POLICY own ON pgbeam.projects;
ALTER TABLE pgbeam.projects DISABLE ROW LEVEL SECURITY;
REVOKE SELECT ON pgbeam.organizations FROM regress_seek_owner;
SELECT read();
ROLLBACK;
BEGIN;
ALTER TABLE pgbeam.projects ALTER tags DROP NOT NULL;
UPDATE pgbeam.projects SET tags = NULL WHERE name = 'read';
SELECT read();
ROLLBACK;
BEGIN;
ALTER TABLE pgbeam.projects DROP CONSTRAINT projects_pkey CASCADE;
INSERT INTO pgbeam.projects SELECT (jsonb_populate_record(p, '{"org_id": "other"}')).* FROM pgbeam.projects AS p WHERE name = 'read' AND org_id = 'seek';
SELECT read();
DROP INDEX pgbeam.projects_id_idx;
SELECT read();
ROLLBACK;
-- Rows of two organizations may have one id: the parent tells which is meant.
BEGIN;
SELECT database_id AS database FROM make('twin') \gset
SELECT pgbeam.create_replica(:'database', '{"host": "r.example.com", "port": 5432}') ->> 'id' AS replica \gset
INSERT INTO pgbeam.replicas SELECT (jsonb_populate_record(r, jsonb_build_object('org_id', 'other', 'database_id', gen_random_uuid()))).* FROM pgbeam.replicas AS r WHERE id = pgbeam.typeid_decode(:'replica');
SELECT pgbeam.delete_replica(:'database', :'replica');
SELECT org_id, deleted_at IS NOT NULL AS deleted FROM pgbeam.replicas WHERE id = pgbeam.typeid_decode(:'replica') ORDER BY org_id;
ROLLBACK;
-- A table that is not logged is not there on a standby, as a statement says.
BEGIN;
ALTER TABLE pgbeam.replicas SET UNLOGGED;
SELECT replicas, living FROM remove();
ROLLBACK;
-- What was written in the transaction is read, as its snapshot allows.
BEGIN ISOLATION LEVEL REPEATABLE READ;
UPDATE pgbeam.projects SET name = 'read' WHERE name = 'read';
SELECT pgbeam.update_project(:'project', '{"description": "new"}') ->> 'description' AS description, pgbeam.get_project(:'project') ->> 'description' AS then;
SELECT pgbeam.get_project(:'project') ->> 'description' AS after;
ROLLBACK;
DROP FUNCTION read;
-- A page by a tag goes along the marks and reads their rows, where an index has
-- the marks in the order of the rows, whether all can see their pages or not.
CREATE FUNCTION found(tag text DEFAULT 'blue') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	page json;
	token text;
	answer text := '';
BEGIN
	LOOP
		page := pgbeam.list_projects('seek', 2, token, tag => tag);
		answer := concat(answer, (SELECT string_agg(p ->> 'name', ' ' ORDER BY n) FROM json_array_elements(page -> 'projects') WITH ORDINALITY AS u (p, n)), ';');
		token := page ->> 'next_page_token';
		EXIT WHEN token IS NULL;
	END LOOP;
	RETURN answer;
END
$$;
SELECT count(make(name)) AS made FROM unnest('{t1,t2,t3,t4,t5}'::text[]) AS name;
SELECT found();
VACUUM pgbeam.project_marks;
SELECT found();
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT found();
ROLLBACK;
-- A mark that the row denies is passed over, as is one of a row that is gone,
-- or another organization's.
BEGIN;
UPDATE pgbeam.projects SET tags = '{red}' WHERE org_id = 'seek' AND name = 't2';
UPDATE pgbeam.projects SET status = 'deleted', deleted_at = now() WHERE org_id = 'seek' AND name = 't4';
INSERT INTO pgbeam.project_marks SELECT 'seek', id, 'tag=blue', pgbeam.mark_key('seek', 'tag=blue') FROM pgbeam.projects WHERE name = 'insert-1' LIMIT 1;
INSERT INTO pgbeam.project_marks SELECT 'seek', gen_random_uuid(), 'tag=blue', pgbeam.mark_key('seek', 'tag=blue') FROM generate_series(1, 5);
SELECT found();
ROLLBACK;
BEGIN;
ALTER TABLE pgbeam.projects DROP CONSTRAINT projects_fields_check;
UPDATE pgbeam.projects SET tags = '{NULL,blue}' WHERE org_id = 'seek' AND name = 't3';
SELECT found();
ROLLBACK;
-- Without such an index a statement looks.
BEGIN;
ALTER TABLE pgbeam.project_marks DROP CONSTRAINT project_marks_pkey;
CREATE INDEX own ON pgbeam.project_marks (key, project_id DESC);
SELECT found();
DROP INDEX pgbeam.own;
CREATE INDEX own ON pgbeam.project_marks (key, org_id, project_id);
SELECT found();
DROP INDEX pgbeam.own;
CREATE INDEX own ON pgbeam.project_marks (key) INCLUDE (project_id);
SELECT found();
ROLLBACK;
BEGIN;
DROP INDEX pgbeam.projects_id_idx;
SELECT found();
ROLLBACK;
DROP FUNCTION found;
DROP FUNCTION make, add_replica, asked, tell, left_below, remove;
