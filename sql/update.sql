-- Updates and deletes give rows their new values without a statement, unless
-- somebody has put something on the table that the server must see to.
SET test.password = 'canary-password-Vq7R2x';
SELECT pgbeam.set_organization('update');
CREATE FUNCTION make(project text, OUT project_id text, OUT database_id text) LANGUAGE sql AS $$
	SELECT j #>> '{project,id}', j #>> '{database,id}'
	FROM pgbeam.create_project(jsonb_build_object('org_id', 'update', 'name', project, 'description', 'before', 'tags', '["red"]'::jsonb,
		'database', jsonb_build_object('host', 'db.example.com', 'port', 5432, 'name', 'd', 'username', 'u',
			'password', current_setting('test.password')))) AS j
$$;
-- A statement calls the CHECK's function; nothing else does.
SET track_functions = 'all';
CREATE FUNCTION checks() RETURNS bigint LANGUAGE sql AS $$
	SELECT coalesce(pg_stat_get_xact_function_calls('pgbeam.check_fields'::regproc), 0)
$$;
-- Changes a project and its database. The latter needs a statement, as SQL
-- derives a member of its answer.
CREATE FUNCTION change(project text, database text) RETURNS void LANGUAGE sql AS $$
	SELECT pgbeam.update_project(project, '{"name": "after", "description": null, "tags": ["blue"]}');
	SELECT pgbeam.update_database(project, database, '{"host": "new.example.com", "pool_config": {"pool_size": 7}}');
$$;
CREATE FUNCTION statements_of(name text, OUT updates bigint, OUT deletes bigint) LANGUAGE plpgsql AS $$
DECLARE
	made record;
	before bigint;
BEGIN
	made := make(name);
	before := checks();
	PERFORM change(made.project_id, made.database_id);
	updates := checks() - before;
	before := checks();
	PERFORM pgbeam.delete_project(made.project_id);
	deletes := checks() - before;
END
$$;
CREATE FUNCTION refusal(name text, OUT state text, OUT message text) LANGUAGE plpgsql AS $$
DECLARE
	made record;
BEGIN
	made := make(name);
	PERFORM change(made.project_id, made.database_id);
	PERFORM pgbeam.delete_project(made.project_id);
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS state := RETURNED_SQLSTATE, message := MESSAGE_TEXT;
END
$$;
CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	RAISE NOTICE '% % % of %', TG_WHEN, TG_OP, TG_LEVEL, TG_TABLE_NAME;
	RETURN NULL;
END
$$;
SELECT * FROM statements_of('none');

-- Each row is as a statement would have written it.
CREATE FUNCTION rows_of(project text) RETURNS jsonb LANGUAGE sql AS $$
	SELECT jsonb_build_object('project', to_jsonb(p) - '{id,created_at,updated_at,deleted_at,proxy_host}'::text[] ||
			jsonb_build_object('deleted', p.deleted_at IS NOT NULL, 'changed', p.updated_at > p.created_at),
		'database', to_jsonb(d) - '{id,project_id,created_at,updated_at,deleted_at,password_sealed}'::text[] ||
			jsonb_build_object('deleted', d.deleted_at = p.deleted_at, 'sealed', d.password_sealed IS NOT NULL))
	FROM pgbeam.projects AS p JOIN pgbeam.databases AS d ON (d.org_id, d.project_id) = (p.org_id, p.id)
	WHERE p.id = pgbeam.typeid_decode(project)
$$;
CREATE FUNCTION both_rows(OUT updated jsonb, OUT deleted jsonb) LANGUAGE plpgsql AS $$
DECLARE
	made record;
BEGIN
	made := make('compared');
	PERFORM change(made.project_id, made.database_id);
	updated := rows_of(made.project_id);
	PERFORM pgbeam.delete_project(made.project_id);
	deleted := rows_of(made.project_id);
END
$$;
SELECT updated AS updated, deleted AS deleted FROM both_rows() \gset
BEGIN;
SET LOCAL client_min_messages = warning;
CREATE TRIGGER tell AFTER UPDATE ON pgbeam.projects FOR EACH STATEMENT EXECUTE FUNCTION tell();
CREATE TRIGGER tell AFTER UPDATE ON pgbeam.databases FOR EACH STATEMENT EXECUTE FUNCTION tell();
SELECT updated = :'updated' AS updated, deleted = :'deleted' AS deleted FROM both_rows();
SELECT * FROM statements_of('two');
ROLLBACK;
SELECT jsonb_pretty(:'deleted'::jsonb -> 'project') AS project;
-- So it is in all indexes, also those that only summarize.
BEGIN;
CREATE INDEX summary ON pgbeam.projects USING brin (updated_at) WITH (pages_per_range = 1);
SELECT project_id AS project FROM make('found') \gset
SELECT pgbeam.update_project(:'project', '{"description": "new"}') ->> 'description' AS description;
SELECT pgbeam.update_project(:'project', '{"name": "renamed"}') ->> 'name' AS name;
SET LOCAL enable_seqscan = off;
SELECT count(*) FROM pgbeam.projects WHERE updated_at > (SELECT created_at FROM pgbeam.projects WHERE id = pgbeam.typeid_decode(:'project')) AND name = 'renamed';
SELECT count(*) FROM pgbeam.projects WHERE org_id = 'update' AND name IN ('found', 'renamed') AND deleted_at IS NULL;
SELECT count(*) FROM pgbeam.projects WHERE org_id = 'update' AND id = pgbeam.typeid_decode(:'project') AND deleted_at IS NULL;
ROLLBACK;

-- A trigger of any kind runs.
BEGIN;
CREATE TRIGGER tell AFTER UPDATE OF status ON pgbeam.projects FOR EACH ROW EXECUTE FUNCTION tell();
CREATE CONSTRAINT TRIGGER tell AFTER UPDATE ON pgbeam.databases DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION tell();
SELECT * FROM statements_of('triggers');
SET CONSTRAINTS ALL IMMEDIATE;
ROLLBACK;
BEGIN;
CREATE FUNCTION shout() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	NEW.description := 'shouted';
	RETURN NEW;
END
$$;
CREATE TRIGGER shout BEFORE UPDATE ON pgbeam.projects FOR EACH ROW EXECUTE FUNCTION shout();
SELECT project_id AS project FROM make('shouted') \gset
SELECT pgbeam.update_project(:'project', '{"name": "loud"}') ->> 'description' AS description;
ROLLBACK;
-- So does a rule.
BEGIN;
CREATE TABLE seen (name text);
GRANT ALL ON seen TO PUBLIC;
CREATE RULE see AS ON UPDATE TO pgbeam.databases DO ALSO INSERT INTO seen VALUES (NEW.host);
SELECT * FROM statements_of('rule');
SELECT * FROM seen;
ROLLBACK;

-- What else must be so is so.
BEGIN;
ALTER TABLE pgbeam.projects ADD CONSTRAINT own CHECK (name <> 'after') NOT VALID;
SELECT * FROM refusal('checked');
ROLLBACK;
BEGIN;
DELETE FROM pgbeam.databases WHERE org_id = 'update';
CREATE UNIQUE INDEX own ON pgbeam.databases (host) WHERE org_id = 'update' AND host = 'new.example.com';
SELECT * FROM refusal('first');
SELECT * FROM refusal('second');
ROLLBACK;
BEGIN;
ALTER TABLE pgbeam.projects ADD COLUMN note text DEFAULT 'kept', ADD COLUMN loud text GENERATED ALWAYS AS (upper(name)) STORED;
SELECT project_id AS project FROM make('column') \gset
UPDATE pgbeam.projects SET note = 'by hand' WHERE name = 'column';
SELECT pgbeam.update_project(:'project', '{"name": "columns"}') ->> 'name' AS name;
SELECT note, loud FROM pgbeam.projects WHERE id = pgbeam.typeid_decode(:'project');
ROLLBACK;
BEGIN;
TRUNCATE pgbeam.projects, pgbeam.databases;
ALTER TABLE pgbeam.projects ADD UNIQUE (org_id, name);
CREATE TABLE named (org_id text COLLATE "C", name text COLLATE "C", FOREIGN KEY (org_id, name) REFERENCES pgbeam.projects (org_id, name) ON UPDATE CASCADE);
GRANT ALL ON named TO PUBLIC;
SELECT project_id AS project FROM make('followed') \gset
INSERT INTO named VALUES ('update', 'followed');
SELECT pgbeam.update_project(:'project', '{"name": "following"}') ->> 'name' AS name;
SELECT name FROM named;
ROLLBACK;
BEGIN;
CREATE TABLE keyed (org_id text COLLATE "C", id uuid, FOREIGN KEY (org_id, id) REFERENCES pgbeam.projects (org_id, id));
SELECT * FROM statements_of('keyed');
ROLLBACK;
-- A column that the server gives its values is not written.
BEGIN;
ALTER TABLE pgbeam.projects ALTER database_count ADD GENERATED ALWAYS AS IDENTITY;
SELECT * FROM refusal('identity');
ROLLBACK;
-- A row that breaks a rule is refused, as by the CHECK.
BEGIN;
SELECT project_id AS project FROM make('broken') \gset
ALTER TABLE pgbeam.projects DROP CONSTRAINT projects_fields_check;
UPDATE pgbeam.projects SET cloud = 'none' WHERE name = 'broken';
ALTER TABLE pgbeam.projects ADD CONSTRAINT projects_fields_check CHECK (pgbeam.check_fields('project', projects.*)) NOT VALID;
DO $$
BEGIN
	PERFORM pgbeam.update_project(pgbeam.typeid_encode('prj', id), '{"description": "new"}') FROM pgbeam.projects WHERE name = 'broken';
EXCEPTION WHEN check_violation THEN
	RAISE NOTICE '%', SQLERRM;
END
$$;
ROLLBACK;

-- The owner's rights are asked for each time.
BEGIN;
CREATE ROLE regress_update_owner;
SELECT pgbeam.set_owner('regress_update_owner');
SELECT * FROM statements_of('owner');
REVOKE UPDATE ON pgbeam.databases FROM regress_update_owner;
SELECT * FROM refusal('without right');
ROLLBACK;
-- What subscribers could not follow is refused.
BEGIN;
SET LOCAL client_min_messages = error;
CREATE PUBLICATION regress_update FOR TABLE pgbeam.projects;
RESET client_min_messages;
ALTER TABLE pgbeam.projects REPLICA IDENTITY NOTHING;
SELECT * FROM refusal('followed');
ROLLBACK;
BEGIN;
SELECT project_id AS project FROM make('read') \gset
SET TRANSACTION READ ONLY;
SAVEPOINT here;
SELECT pgbeam.update_project(:'project', '{"description": "new"}');
ROLLBACK TO here;
SELECT pgbeam.delete_project(:'project');
ROLLBACK;

-- So it is at the other levels of isolation, and what is undone is undone.
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT * FROM statements_of('serializable');
ROLLBACK;
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT project_id AS project, database_id AS database FROM make('undone') \gset
SAVEPOINT here;
SELECT change(:'project', :'database');
SELECT pgbeam.delete_project(:'project');
ROLLBACK TO here;
SELECT p.name, p.description, p.tags, p.database_count, d.host, d.password_sealed IS NOT NULL AS sealed
FROM pgbeam.projects AS p JOIN pgbeam.databases AS d ON (d.org_id, d.project_id) = (p.org_id, p.id) WHERE p.id = pgbeam.typeid_decode(:'project');
ROLLBACK;
DROP FUNCTION make, checks, change, statements_of, refusal, tell, rows_of, both_rows;
