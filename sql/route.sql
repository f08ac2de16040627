-- Routes of databases, and the keys and connection strings that come of them.
SET test.password = 'canary-password-Vq7R2x'; -- a function's text is stored
CREATE FUNCTION upstream(name text) RETURNS jsonb LANGUAGE sql AS $$
	SELECT jsonb_build_object('host', 'db.example.com', 'port', 5432, 'name', name, 'username', 'u', 'password', current_setting('test.password'))
$$;
CREATE FUNCTION create_with(org text, project text, database text, cloud text DEFAULT 'aws') RETURNS json LANGUAGE sql AS $$
	SELECT pgbeam.create_project(jsonb_build_object('org_id', org, 'name', project, 'cloud', cloud, 'database', upstream(database)))
$$;
-- Ids as (id).
CREATE FUNCTION plain(text) RETURNS text LANGUAGE sql AS $$ SELECT regexp_replace($1, 'db_[0-9a-z]{26}', '(id)', 'g') $$;
CREATE FUNCTION path_of(json) RETURNS text LANGUAGE sql AS $$
	SELECT plain(substring($1 ->> 'connection_string' FROM '^postgresql://u:YOUR_PASSWORD@[a-z0-9.-]+:5432/(.*)$'))
$$;

-- A route is made of the cloud and the name, or the id where the name cannot
-- be a key of PgBouncer's.
CREATE TEMP TABLE names (n serial, name text);
INSERT INTO names (name) VALUES ('orders'), ('My-App_1.x'), ('a*b'), ('Pgbouncer'), ('all'), ('replication'), ('template1'), (repeat('x', 63)),
	(repeat('x', 64)), (repeat('x', 255)), ('*'), ('pgbouncer'), ('pgbeam_registry'), ('orders.ro'), ('.ro'), ('ro'), ('my db/1'), ('o''clock'), ('"'), ('a$b'), ('a:b'),
	('a@b'), ('a;b'), ('a=b'), ('%include'), ('#'), ('bücher'), ('日本'), ('db_01h455vb4pex5vsknk084sn02q'), ('prj_01h455vb4pex5vsknk084sn02q');
SELECT p #>> '{project,id}' AS project FROM create_with('routes', 'many', 'first') p \gset
CREATE TEMP TABLE made AS
	SELECT n, pgbeam.create_database(:'project', upstream(name)) AS answer FROM names;
SELECT left(n.name, 20) AS name, length(n.name), plain(route) AS route, left(path_of(answer), 40) AS by_host
FROM made JOIN names n USING (n) JOIN pgbeam.databases d ON pgbeam.typeid_encode('db', id) = answer ->> 'id' ORDER BY n;

-- With database routing, the path is the key. It is the same in every answer.
SET pgbeam.proxy_routing = 'database';
SELECT left(d ->> 'name', 20) AS name, path_of(d) AS by_database, length(path_of(d)), path_of(pgbeam.get_database(:'project', d ->> 'id')) = path_of(d) AS same
FROM made, json_array_elements(pgbeam.list_databases(:'project', 100) -> 'databases') d WHERE d ->> 'id' = answer ->> 'id' ORDER BY n;
SELECT pgbeam.create_database(:'project', upstream('new')) ->> 'connection_string' AS created;
SELECT create_with('routes', 'by key', 'orders') #>> '{database,connection_string}' AS created;

-- Labels are unique within a cloud only. A key that gets too long has the id
-- in place of the name, or is the id.
SELECT cloud, path_of(create_with('routes', name, 'orders', cloud) -> 'database') FROM (VALUES ('Anywhere', 'aws'), ('anywhere', 'azure'), ('ANYWHERE', 'gcp')) v(name, cloud);
SELECT length(label) AS label, path_of(create_with('routes', label, name) -> 'database'), length(name) AS name
FROM (VALUES (repeat('a', 4), repeat('n', 54)), (repeat('b', 4), repeat('n', 55)), (repeat('c', 29), repeat('n', 60)), (repeat('d', 30), repeat('n', 60)),
	(repeat('e', 54), repeat('n', 4)), (repeat('f', 54), repeat('n', 5))) v(label, name);
RESET pgbeam.proxy_routing;

-- Each key leads to one database.
CREATE VIEW keys AS
	SELECT d.id, split_part(proxy_host, '.', 1) || '.' || route AS key FROM pgbeam.databases d JOIN pgbeam.projects p ON p.id = project_id WHERE d.org_id = 'routes' AND d.deleted_at IS NULL;
SELECT count(*) > 30 AS many, count(*) - count(DISTINCT key) AS doubles FROM keys;
DROP VIEW keys;

-- A name that another living database of the project has gives the id; one
-- that is free again, or that another project has, does not.
SELECT p #>> '{project,id}' AS project, p #>> '{database,id}' AS first FROM create_with('routes', 'twins', 'orders') p \gset
SELECT pgbeam.create_database(:'project', upstream('orders')) ->> 'id' AS second \gset
SELECT pgbeam.create_database(:'project', upstream('orders')) ->> 'id' AS third \gset
SELECT name, plain(route) AS route FROM pgbeam.databases WHERE project_id = pgbeam.typeid_decode(:'project') ORDER BY id;
SELECT pgbeam.delete_database(:'project', :'first');
SELECT pgbeam.create_database(:'project', upstream('orders')) ->> 'id' AS fourth \gset
SELECT plain(route) AS route, deleted_at IS NOT NULL AS deleted FROM pgbeam.databases WHERE project_id = pgbeam.typeid_decode(:'project') ORDER BY id;

-- A route stays when the name changes, and is not free meanwhile. With host
-- routing the path is the name that the database has now.
SELECT path_of(pgbeam.update_database(:'project', :'fourth', '{"name": "renamed"}')) AS by_host;
SELECT path_of(pgbeam.update_database(:'project', :'second', '{"name": "renamed too"}')) AS by_host;
SELECT pgbeam.create_database(:'project', upstream('orders')) ->> 'name' AS fifth;
SET pgbeam.proxy_routing = 'database';
SELECT d ->> 'name' AS name, path_of(d) AS by_database FROM json_array_elements(pgbeam.list_databases(:'project') -> 'databases') d;

-- A project that comes back has its keys again.
SELECT pgbeam.delete_project(:'project');
SELECT pgbeam.undelete_project(:'project') #>> '{project,database_count}' AS databases;
SELECT d ->> 'name' AS name, path_of(d) AS by_database FROM json_array_elements(pgbeam.list_databases(:'project') -> 'databases') d;

-- Many at once.
SELECT ordinality, status, path_of(answer -> 'database') AS by_database FROM pgbeam.create_projects(jsonb_build_array(
	jsonb_build_object('org_id', 'routes', 'name', 'bulk', 'database', upstream('orders')),
	jsonb_build_object('org_id', 'routes', 'name', 'bulk 2', 'cloud', 'gcp', 'database', upstream('pgbouncer'))));
RESET pgbeam.proxy_routing;

-- Clients neither give nor see it.
SELECT pgbeam.create_database(:'project', upstream('x') || '{"route": "aws.mine"}') ->> 'route' AS route;
SELECT pgbeam.update_database(:'project', :'second', '{"route": "aws.mine"}') ->> 'route' AS route;

-- Nobody stores one that PgBouncer would refuse.
CREATE FUNCTION stored(given text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	UPDATE pgbeam.databases SET route = given WHERE org_id = 'routes' AND name = 'first';
	RETURN 'stored';
EXCEPTION WHEN check_violation THEN
	RETURN SQLERRM;
END
$$;
SELECT left(given, 12) AS given, length(given), stored(given) FROM unnest(ARRAY['aws.x', 'aws.' || repeat('x', 65), 'aws.' || repeat('x', 66), '', 'x', '.x', 'aws.', 'aws.x.ro', 'aws.ro', 'aws.a b', 'aws.ü', E'aws.a\nb', 'aws."']) given;
SET pgbeam.proxy_routing = 'path';
DROP TABLE names, made;
DROP FUNCTION stored, path_of, plain, create_with, upstream;
