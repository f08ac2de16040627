-- Projects: created, read, deleted.
SET test.password = 'canary-password-Vq7R2x'; -- a function's text is stored
CREATE FUNCTION project(name text, more jsonb DEFAULT '{}') RETURNS json LANGUAGE sql AS $$
	SELECT pgbeam.create_project(jsonb_build_object('org_id', 'projects', 'name', name, 'database',
		jsonb_build_object('host', 'db.example.com', 'port', 5432, 'name', 'd', 'username', 'u', 'password', current_setting('test.password'))) || more)
$$;
CREATE FUNCTION masked(answer json) RETURNS text LANGUAGE sql AS $$
	SELECT regexp_replace(answer::text, '[0-9a-z]{26}|20[0-9T:-]{17}Z', '...', 'g')
$$;

-- The whole answer, in the documented order.
SELECT masked(project('first')) AS created;

-- A get answers what was created; the newest members appear once they were
-- set.
SELECT pgbeam.typeid_encode('prj', id) AS id FROM pgbeam.projects WHERE org_id = 'projects' AND name = 'first' \gset
SELECT masked(pgbeam.get_project(:'id')) AS got;
SELECT masked(project('full', '{"description": "d", "tags": ["b", "a", "b", ""], "cloud": "azure", "self_hosted": true}') -> 'project') AS created;
UPDATE pgbeam.projects SET residency = 'eu', agents_disabled = true, default_policy_profile_id = '01890a5d-ac96-774b-bcce-b302099a8057',
	allowed_cidrs = '{10.0.0.0/8,::1}', allowed_cidr_labels = '{office,NULL}' WHERE org_id = 'projects' AND name = 'full';
SELECT masked(pgbeam.get_project(pgbeam.typeid_encode('prj', id))) AS got FROM pgbeam.projects WHERE org_id = 'projects' AND name = 'full';

-- A member set to its default counts as set, and null takes that back. An
-- update without it leaves it, and so do updates of its siblings.
CREATE FUNCTION newest(project json) RETURNS text LANGUAGE sql AS $$
	SELECT json_object_agg(key, value)::text FROM json_each(project) WHERE key IN ('self_hosted', 'default_policy_profile_id', 'residency', 'agents_disabled')
$$;
SELECT body, newest(pgbeam.update_project(:'id', body)) FROM (VALUES
	(1, '{"name": "first"}'::jsonb), (2, '{"residency": "any"}'), (3, '{"agents_disabled": false, "name": "first"}'), (4, '{"residency": "eu", "agents_disabled": true}'),
	(5, '{"residency": "any"}'), (6, '{"residency": null}'), (7, '{}'), (8, '{"agents_disabled": null}'), (9, '{"default_policy_profile_id": "pol_01h455vb4pex5vsknk084sn02q"}'),
	(10, '{"default_policy_profile_id": ""}'), (11, '{"default_policy_profile_id": null, "residency": null, "agents_disabled": null}')) v(n, body) ORDER BY n;
SELECT residency, agents_disabled, default_policy_profile_id FROM pgbeam.projects WHERE org_id = 'projects' AND name = 'first';
-- That is a change like any other.
SELECT pgbeam.update_project(:'id', '{"residency": "any"}') ->> 'residency' AS residency;
UPDATE pgbeam.projects SET updated_at = 'epoch' WHERE org_id = 'projects' AND name = 'first';
SELECT pgbeam.update_project(:'id', '{"residency": "any"}') ->> 'updated_at' AS same, pgbeam.update_project(:'id', '{"residency": null}') ->> 'updated_at' > '2020' AS newer;
DROP FUNCTION newest;

-- "" in an update: status stays, residency is as if never set, and in a list
-- of networks there is no label. In a create it is an error.
SELECT body, u ->> 'status' AS status, u ->> 'residency' AS residency, u ->> 'allowed_cidrs' AS networks FROM (VALUES
	(1, '{"status": "suspended", "residency": "us"}'::jsonb), (2, '{"status": ""}'), (3, '{"residency": "", "status": ""}'), (4, '{"status": "active"}'),
	(5, '{"allowed_cidrs": [{"cidr": "::1", "label": ""}, {"cidr": "::2", "label": "x"}]}'), (6, '{"allowed_cidrs": []}')) v(n, body),
	LATERAL pgbeam.update_project(:'id', body) u ORDER BY n;
SELECT pgbeam.update_project(:'id', '{"status": " ", "residency": " ", "name": "", "agents_disabled": ""}');
SELECT project('blank', '{"cloud": "", "self_hosted": ""}');

-- Networks may be given in a create as in an update: nobody else is let in.
-- Other members of updates alone are ignored in a create.
SELECT masked(project('closed', '{"allowed_cidrs": [{"cidr": "203.0.113.0/24", "label": "Office"}, {"cidr": "2001:DB8::1", "label": null}]}') #> '{project,allowed_cidrs}') AS created;
SELECT name, allowed_cidrs, allowed_cidr_labels FROM pgbeam.projects WHERE org_id = 'projects' AND name IN ('closed', 'first') ORDER BY 1;
SELECT project('open', '{"allowed_cidrs": null}') #>> '{project,allowed_cidrs}' AS "null", project('open too', '{"allowed_cidrs": []}') #>> '{project,allowed_cidrs}' AS empty;
SELECT project('broken', jsonb_build_object('allowed_cidrs', '[{"cidr": "10.0.0.0/33"}, {"label": "x"}, {"cidr": 5, "label": 5}, "::1"]'::jsonb));
SELECT project('broken', jsonb_build_object('allowed_cidrs', (SELECT jsonb_agg('{"cidr": "::1"}'::jsonb) FROM generate_series(1, 51))));
SELECT count(*) FROM pgbeam.projects WHERE org_id = 'projects' AND name = 'broken';

-- A placeholder for no database is refused like any other, unless a setting
-- allows it.
\set none '{"database": {"host": "", "name": "", "port": 0, "username": ""}}'
SELECT project('bare', :'none');
SET pgbeam.allow_empty_database = on;
SELECT masked(project('bare', :'none')) AS created;
SELECT project('bare 2', jsonb_set(:'none', '{database,password}', '""')) ->> 'database' IS NULL AS none;
SELECT project('bare 3', jsonb_set(:'none', '{database,port}', '0.0')) ->> 'database' IS NULL AS none;
SELECT count(*), sum(database_count) AS counted, count(d) AS databases FROM pgbeam.projects p LEFT JOIN pgbeam.databases d ON d.project_id = p.id WHERE p.name ~ '^bare';
SELECT resource, action, count(*) FROM pgbeam.changes WHERE xid::text IN (SELECT xmin::text FROM pgbeam.projects WHERE name ~ '^bare') GROUP BY 1, 2;
SELECT project('not bare', jsonb_set(:'none', '{database,port}', '5432'));
SELECT project('not bare', jsonb_set(:'none', '{database,port}', '"0"'));
SELECT project('not bare', jsonb_set(:'none', '{database,ssl_mode}', '"require"'));
SELECT project('not bare', jsonb_set(:'none', '{database,password}', 'null'));
SELECT project('not bare', jsonb_set(:'none', '{database,username}', 'null'));
SELECT project('not bare', jsonb_set(:'none', '{database,host}', '"h"'));
SELECT project('not bare', '{"database": {}}');
-- The project gets a database later; the last one may go, too.
SELECT pgbeam.typeid_encode('prj', id) AS bare FROM pgbeam.projects WHERE org_id = 'projects' AND name = 'bare' \gset
SELECT pgbeam.create_database(:'bare', :'none'::jsonb -> 'database');
SELECT pgbeam.create_database(:'bare', jsonb_build_object('host', 'h', 'port', 5432, 'name', 'd', 'username', 'u', 'password', current_setting('test.password'))) IS NOT NULL AS added;
SELECT pgbeam.get_project(:'bare') ->> 'database_count' AS databases;
RESET pgbeam.allow_empty_database;
SELECT count(pgbeam.delete_project(pgbeam.typeid_encode('prj', id))) FROM pgbeam.projects WHERE name ~ '^bare';

-- The same in the first answers of a session.
\c -
SELECT masked(pgbeam.get_project(pgbeam.typeid_encode('prj', id))) AS got FROM pgbeam.projects WHERE org_id = 'projects' AND name = 'full';
\c -
SET test.password = 'canary-password-Vq7R2x';
SELECT project('hosted', '{"self_hosted": true}') #>> '{project,self_hosted}' AS self_hosted;

-- Times are UTC in whole seconds whatever the session says; created_at is the instant of the id.
SET TimeZone = 'Asia/Kolkata';
SET DateStyle = 'German';
SELECT pgbeam.get_project(:'id') ->> 'created_at' =
	to_char(date_trunc('second', pgbeam.typeid_timestamp(:'id')) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS same;
RESET TimeZone;
RESET DateStyle;
SELECT bool_and(created_at = pgbeam.typeid_timestamp(pgbeam.typeid_encode('prj', id))) AS same FROM pgbeam.projects;

-- Empty text counts as none, null as absent; other text is kept as given.
SELECT (project('empty', '{"description": "", "tags": null, "cloud": null, "self_hosted": null}') -> 'project')::jsonb ? 'description' AS described;
SELECT project(E'q"\\/\u00e9\u65e5\U0001f600\t\u0001', '{"description": "</script>\u2028\u007f"}') -> 'project' ->> 'name' = E'q"\\/\u00e9\u65e5\U0001f600\t\u0001' AS same;
SELECT description = E'</script>\u2028\u007f' AS same FROM pgbeam.projects WHERE org_id = 'projects' AND name ~ '^q';

-- Names are exact, per organization, and free again after a delete.
SELECT project('first');
SELECT project('FIRST') IS NOT NULL AS created;
SELECT project('first', '{"org_id": "projects 2"}') IS NOT NULL AS created;
SELECT pgbeam.delete_project(:'id');
SELECT pgbeam.delete_project(:'id');
SELECT pgbeam.get_project(:'id');
SELECT status, deleted_at IS NOT NULL AS deleted FROM pgbeam.projects WHERE org_id = 'projects' AND name = 'first';
SELECT project('first') IS NOT NULL AS created;

-- An id that is not a project's is not found.
SELECT pgbeam.get_project('db_00000000000000000000000000');
SELECT pgbeam.get_project('');
SELECT pgbeam.get_project(NULL);
SELECT pgbeam.delete_project('prj_01h455vb4pex5vsknk084sn02q');
SELECT pgbeam.delete_project(upper(:'id'));

-- Not a body at all.
SELECT pgbeam.create_project(NULL);
SELECT pgbeam.create_project('null');

-- Over 2 MB.
\set VERBOSITY sqlstate
SELECT project('big', jsonb_build_object('more', repeat('x', 2 * 1024 * 1024)));
\set VERBOSITY default
\set SHOW_CONTEXT never
SELECT project('big', jsonb_build_object('more', repeat('x', 2 * 1024 * 1024)));
SELECT project('not so big', jsonb_build_object('description', repeat('x', 500), 'more', repeat(md5('x'), 65000))) IS NOT NULL AS created;

-- Databases that are added or deleted by hand are counted by the next
-- operation that adds or deletes one.
CREATE VIEW counts AS SELECT p.name, p.database_count AS kept, count(d.id) AS living
FROM pgbeam.projects AS p LEFT JOIN pgbeam.databases AS d ON d.org_id = p.org_id AND d.project_id = p.id AND d.deleted_at IS NULL
GROUP BY p.org_id, p.id;
SELECT pgbeam.typeid_encode('prj', p.id) AS full, pgbeam.typeid_encode('db', d.id) AS database
FROM pgbeam.projects AS p JOIN pgbeam.databases AS d ON d.project_id = p.id WHERE p.org_id = 'projects' AND p.name = 'full' \gset
CREATE FUNCTION added(project text) RETURNS text LANGUAGE sql AS $$
	SELECT pgbeam.create_database(project, jsonb_build_object('host', 'h', 'port', 5432, 'name', 'd', 'username', 'u', 'password', current_setting('test.password'))) ->> 'id'
$$;
SELECT added(:'full') AS second, added(:'full') AS third \gset
SELECT pgbeam.get_project(:'full') ->> 'database_count' AS databases;
SELECT * FROM counts WHERE kept <> living;
UPDATE pgbeam.databases SET deleted_at = now(), password_sealed = NULL WHERE id = pgbeam.typeid_decode(:'database');
SELECT * FROM counts WHERE kept <> living;
SELECT pgbeam.delete_database(:'full', :'second');
SELECT * FROM counts WHERE name = 'full';
SELECT pgbeam.delete_database(:'full', :'second');
SELECT pgbeam.delete_database(:'full', :'third');
SELECT pgbeam.get_project(:'full') ->> 'database_count' AS databases;
UPDATE pgbeam.projects SET database_count = -1 WHERE name = 'full';
DROP VIEW counts;

-- A statement that fails later leaves nothing.
BEGIN;
SELECT project('rolled back') IS NOT NULL AS created;
ROLLBACK;
SELECT count(*) FROM pgbeam.projects p FULL JOIN pgbeam.hosts h ON h.project_id = p.id WHERE p.name = 'rolled back' OR h.host ~ '^rolled';

-- Projects of one statement are in the order of their ids.
SELECT count(project('many ' || i)) FROM generate_series(1, 500) i;
SELECT count(*) FROM (SELECT substr(name, 6)::int AS n, lag(substr(name, 6)::int) OVER (ORDER BY id) AS before
	FROM pgbeam.projects WHERE org_id = 'projects' AND name ~ '^many') o WHERE n <> before + 1;

DROP FUNCTION project, masked;

-- A row is answered as it was stored, also when a trigger comes or goes between
-- two calls of a session: rows are taken back only where one may change them.
CREATE FUNCTION shout() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	NEW.description := upper(NEW.description);
	RETURN NEW;
END
$$;
CREATE FUNCTION described(name text, description text) RETURNS text LANGUAGE sql AS $$
	SELECT pgbeam.create_project(jsonb_build_object('org_id', 'shouting', 'name', name, 'description', description, 'database',
		'{"host": "h", "port": 5432, "name": "d", "username": "u", "password": "p"}'::jsonb)) #>> '{project,description}'
$$;
SET client_min_messages = warning;
SELECT pgbeam.set_organization('shouting') IS NOT NULL AS known;
SELECT described('one', 'before');
CREATE TRIGGER shout BEFORE INSERT OR UPDATE ON pgbeam.projects FOR EACH ROW EXECUTE FUNCTION shout();
SELECT described('two', 'between');
SELECT pgbeam.update_project(pgbeam.typeid_encode('prj', id), '{"description": "between"}') ->> 'description' AS description
FROM pgbeam.projects WHERE org_id = 'shouting' AND name = 'one';
DROP TRIGGER shout ON pgbeam.projects;
SELECT described('three', 'after');
SELECT pgbeam.update_project(pgbeam.typeid_encode('prj', id), '{"description": "after"}') ->> 'description' AS description
FROM pgbeam.projects WHERE org_id = 'shouting' AND name = 'two';
BEGIN;
SELECT drop_views('pgbeam.projects');
ALTER TABLE pgbeam.projects ALTER description TYPE varchar(3) USING 'abc';
SAVEPOINT altered;
SELECT described('four', 'abc');
ROLLBACK TO altered;
ALTER TABLE pgbeam.projects ALTER description TYPE text;
SELECT described('five', 'again');
ROLLBACK;
SELECT count(pgbeam.delete_project(pgbeam.typeid_encode('prj', id)) IS NULL) AS deleted FROM pgbeam.projects WHERE org_id = 'shouting';
DROP FUNCTION shout, described;
RESET client_min_messages;
