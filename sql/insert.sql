-- Rows are inserted without a statement, unless somebody has put something on
-- the table that the server must see to.
SET test.password = 'canary-password-Vq7R2x';
SELECT pgbeam.set_organization('insert');
CREATE FUNCTION make(project text) RETURNS boolean LANGUAGE sql AS $$
	SELECT pgbeam.create_project(jsonb_build_object('org_id', 'insert', 'name', project, 'description', 'd',
		'database', jsonb_build_object('host', 'db.example.com', 'port', 5432, 'name', 'd', 'username', 'u',
			'password', current_setting('test.password')))) IS NOT NULL
$$;
-- The foreign key of a statement looks for the project; nothing else does.
CREATE FUNCTION scans() RETURNS bigint LANGUAGE sql AS $$
	SELECT sum(pg_stat_get_xact_numscans(relation))
	FROM unnest('{pgbeam.projects, pgbeam.projects_pkey, pgbeam.projects_id_idx}'::regclass[]) AS relation
$$;
CREATE FUNCTION statements_of(project text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	before CONSTANT bigint := scans();
BEGIN
	PERFORM make(project);
	RETURN CASE WHEN scans() > before THEN 'statements' ELSE 'none' END;
END
$$;
CREATE FUNCTION refusal(project text, OUT state text, OUT message text) LANGUAGE plpgsql AS $$
BEGIN
	PERFORM make(project);
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
SELECT statements_of('insert-1'), statements_of('insert-2');
-- Both are there, with their hosts and changes, in all indexes.
SET enable_seqscan = off;
SELECT p.name, h.host, d.host, p.database_count,
	(SELECT count(*) FROM pgbeam.changes AS c WHERE c.org_id = p.org_id AND c.resource_id IN
		(pgbeam.typeid_encode('prj', p.id), pgbeam.typeid_encode('db', d.id))) AS changes
FROM pgbeam.projects AS p JOIN pgbeam.databases AS d ON (d.org_id, d.project_id) = (p.org_id, p.id)
JOIN pgbeam.hosts AS h ON h.host = p.proxy_host WHERE p.org_id = 'insert' AND p.deleted_at IS NULL ORDER BY p.name;
RESET enable_seqscan;
SELECT * FROM refusal('insert-1');

-- A trigger of any kind runs.
BEGIN;
CREATE TRIGGER tell AFTER INSERT ON pgbeam.databases FOR EACH ROW EXECUTE FUNCTION tell();
SELECT statements_of('row');
DROP TRIGGER tell ON pgbeam.databases;
CREATE TRIGGER tell AFTER INSERT ON pgbeam.databases FOR EACH STATEMENT EXECUTE FUNCTION tell();
SELECT statements_of('statement');
DROP TRIGGER tell ON pgbeam.databases;
CREATE CONSTRAINT TRIGGER tell AFTER INSERT ON pgbeam.databases DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION tell();
SELECT statements_of('deferred');
SET CONSTRAINTS ALL IMMEDIATE;
DROP TRIGGER tell ON pgbeam.databases;
CREATE TRIGGER tell AFTER INSERT ON pgbeam.changes FOR EACH ROW EXECUTE FUNCTION tell();
CREATE TRIGGER tell AFTER INSERT ON pgbeam.hosts FOR EACH ROW EXECUTE FUNCTION tell();
SELECT statements_of('others');
ROLLBACK;
-- One of the projects may delete the project, which is therefore looked for.
BEGIN;
CREATE TRIGGER tell AFTER INSERT ON pgbeam.projects FOR EACH ROW EXECUTE FUNCTION tell();
SELECT statements_of('parent');
CREATE FUNCTION remove() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	DELETE FROM pgbeam.projects WHERE id = NEW.id AND name <> 'marked';
	UPDATE pgbeam.projects SET status = 'deleted', deleted_at = updated_at WHERE id = NEW.id;
	RETURN NULL;
END
$$;
CREATE TRIGGER remove AFTER INSERT ON pgbeam.projects FOR EACH ROW EXECUTE FUNCTION remove();
SELECT * FROM refusal('removed');
SELECT * FROM refusal('marked');
ROLLBACK;
SELECT statements_of('without');

-- So does a rule.
BEGIN;
CREATE TABLE seen (name text);
GRANT ALL ON seen TO PUBLIC;
CREATE RULE see AS ON INSERT TO pgbeam.databases DO ALSO INSERT INTO seen VALUES (NEW.host);
SELECT statements_of('rule');
SELECT * FROM seen;
ROLLBACK;

-- What else must be so is so.
BEGIN;
ALTER TABLE pgbeam.projects ADD CONSTRAINT own CHECK (name <> 'forbidden');
SELECT * FROM refusal('forbidden');
ROLLBACK;
BEGIN;
CREATE TABLE customers (id text PRIMARY KEY);
GRANT ALL ON customers TO PUBLIC;
ALTER TABLE pgbeam.databases ADD CONSTRAINT own FOREIGN KEY (org_id) REFERENCES customers NOT VALID;
SELECT * FROM refusal('stranger');
INSERT INTO customers VALUES ('insert');
SELECT * FROM refusal('customer');
ROLLBACK;
-- Also what bears the name of ours, or leads where ours does.
BEGIN;
ALTER TABLE pgbeam.projects DROP CONSTRAINT projects_fields_check, ADD CONSTRAINT projects_fields_check CHECK (name <> 'forbidden');
SELECT * FROM refusal('forbidden');
ROLLBACK;
BEGIN;
ALTER TABLE pgbeam.projects DROP CONSTRAINT projects_fields_check, ADD CONSTRAINT own CHECK (pgbeam.check_fields('project', projects.*));
SELECT statements_of('ours by another name');
ROLLBACK;
BEGIN;
TRUNCATE pgbeam.projects, pgbeam.databases;
ALTER TABLE pgbeam.projects ADD UNIQUE (org_id, name);
ALTER TABLE pgbeam.databases ADD CONSTRAINT own FOREIGN KEY (org_id, username) REFERENCES pgbeam.projects (org_id, name);
SELECT * FROM refusal('user of no project');
ROLLBACK;
BEGIN;
TRUNCATE pgbeam.projects, pgbeam.databases;
ALTER TABLE pgbeam.projects ADD UNIQUE (default_policy_profile_id);
ALTER TABLE pgbeam.databases DROP CONSTRAINT databases_project_fkey, ADD CONSTRAINT databases_project_fkey FOREIGN KEY (project_id) REFERENCES pgbeam.projects (default_policy_profile_id);
SELECT * FROM refusal('without a profile');
ROLLBACK;
BEGIN;
ALTER TABLE pgbeam.databases ADD CONSTRAINT own UNIQUE (org_id, id, username) DEFERRABLE INITIALLY DEFERRED;
SELECT statements_of('deferred');
ROLLBACK;
BEGIN;
DELETE FROM pgbeam.databases WHERE org_id = 'insert';
CREATE UNIQUE INDEX own ON pgbeam.databases (org_id, upper(host)) WHERE org_id = 'insert';
SELECT statements_of('one of its host');
SELECT * FROM refusal('another of its host');
ROLLBACK;
BEGIN;
UPDATE pgbeam.projects SET residency = 'any';
ALTER TABLE pgbeam.projects ALTER COLUMN residency SET NOT NULL;
SELECT * FROM refusal('whole');
ROLLBACK;
BEGIN;
ALTER TABLE pgbeam.projects ADD COLUMN note text DEFAULT 'by default', ADD COLUMN loud text GENERATED ALWAYS AS (upper(name)) STORED;
SELECT make('column');
SELECT note, loud FROM pgbeam.projects WHERE org_id = 'insert' AND name = 'column';
ROLLBACK;

-- The owner's rights are asked for at each row, as they may be those of a role.
BEGIN;
CREATE ROLE regress_insert_owner;
CREATE ROLE regress_insert_group;
SELECT pgbeam.set_owner('regress_insert_owner');
REVOKE INSERT ON pgbeam.databases FROM regress_insert_owner;
GRANT INSERT ON pgbeam.databases TO regress_insert_group;
GRANT regress_insert_group TO regress_insert_owner;
SELECT statements_of('member');
REVOKE regress_insert_group FROM regress_insert_owner;
SELECT * FROM refusal('no member');
ALTER ROLE regress_insert_owner SUPERUSER;
SELECT statements_of('superuser');
ALTER ROLE regress_insert_owner NOSUPERUSER;
SELECT * FROM refusal('no superuser');
ROLLBACK;

-- A name is taken only once, whatever its index is called.
BEGIN;
ALTER INDEX pgbeam.projects_name_key RENAME TO own;
SELECT * FROM refusal('insert-1');
SELECT statements_of('renamed');
ROLLBACK;
-- Neither is an index of that name that has another shape.
CREATE FUNCTION host_of_another(definition text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	ALTER TABLE pgbeam.hosts DROP CONSTRAINT hosts_pkey;
	EXECUTE 'CREATE UNIQUE INDEX hosts_pkey ON pgbeam.hosts ' || definition;
	RETURN pgbeam.create_project(jsonb_build_object('org_id', 'another', 'name', 'insert-1', 'database', jsonb_build_object('host', 'h', 'port', 1, 'name', 'd',
		'username', 'u', 'password', current_setting('test.password')))) #>> '{project,proxy_host}';
EXCEPTION WHEN OTHERS THEN
	RETURN SQLERRM;
END
$$;
SELECT pgbeam.set_organization('another') IS NOT NULL AS made;
SELECT definition, host_of_another(definition)
FROM unnest('{"(host, org_id)","(host) WHERE org_id = $$insert$$","((host || $$$$))"}'::text[]) AS definition;
DROP FUNCTION host_of_another;
BEGIN;
DROP INDEX pgbeam.projects_name_key;
CREATE UNIQUE INDEX projects_name_key ON pgbeam.projects (org_id, name, status) WHERE deleted_at IS NULL;
SELECT state FROM refusal('insert-1');
ROLLBACK;
-- A rule counts as long as it is there.
CREATE RULE none AS ON INSERT TO pgbeam.changes DO INSTEAD NOTHING;
SELECT state FROM refusal('none');
DROP RULE none ON pgbeam.changes;
SELECT statements_of('again');
BEGIN;
CREATE TRIGGER tell AFTER INSERT ON pgbeam.changes FOR EACH STATEMENT EXECUTE FUNCTION tell();
SELECT statements_of('told again');
ROLLBACK;
BEGIN;
SET TRANSACTION READ ONLY;
SELECT * FROM refusal('late');
ROLLBACK;

-- What is undone is gone from the indexes too.
BEGIN;
SAVEPOINT here;
SELECT make('undone');
ROLLBACK TO here;
SELECT make('undone');
SELECT count(*) FROM pgbeam.projects WHERE org_id = 'insert' AND name = 'undone';
ROLLBACK;
DROP FUNCTION make, statements_of, scans, refusal, tell;
