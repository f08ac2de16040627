-- Databases: what is shown, what is stored, what the table itself refuses.
SET test.password = 'canary-password-Vq7R2x'; -- a function's text is stored
CREATE FUNCTION create_with(database jsonb) RETURNS json LANGUAGE sql AS $$
	SELECT pgbeam.create_project(jsonb_build_object('org_id', 'databases', 'name', 'p' || count(*), 'database',
		jsonb_build_object('host', 'db.example.com', 'port', 5432, 'name', 'd', 'username', 'u', 'password', current_setting('test.password')) || database))
	FROM pgbeam.projects WHERE org_id = 'databases'
$$;

-- Every member given, and every default.
SELECT create_with('{"ssl_mode": "require", "role": "replica", "pool_region": "us-east-1", "query_timeout_ms": 300000,
	"auto_read_routing": true, "cache_config": {"enabled": false, "ttl_seconds": 0, "max_entries": 1000000, "swr_seconds": 86400},
	"pool_config": {"pool_size": 10000, "min_pool_size": 10000, "pool_mode": "statement", "max_active": 1}}') #> '{database,pool_config}' AS pool_config;
SELECT create_with('{}') #> '{database,pool_config}' AS pool_config;
SELECT pgbeam.typeid_encode('prj', project_id) AS project, pgbeam.typeid_encode('db', id) AS database
FROM pgbeam.databases WHERE org_id = 'databases' AND role = 'replica' \gset
SELECT regexp_replace(pgbeam.get_database(:'project', :'database')::text, '[0-9a-z]{26}|20[0-9T:-]{17}Z', '...', 'g') AS shown;

-- Defaults that a setting gives.
SET pgbeam.default_pool_mode = 'transaction';
SET pgbeam.default_cache_enabled = off;
SELECT create_with('{}') #>> '{database,pool_config,pool_mode}' AS pool_mode;
SELECT create_with('{"cache_config": {"ttl_seconds": 1}}') #>> '{database,cache_config}' AS cache_config;
RESET pgbeam.default_pool_mode;
RESET pgbeam.default_cache_enabled;
SET pgbeam.default_pool_mode = 'none';

-- The smaller pool is checked after defaults, and only when both are sound.
SELECT create_with('{"pool_config": {"min_pool_size": 11}}');
SELECT create_with('{"pool_config": {"pool_size": 2, "min_pool_size": 3}}');
SELECT create_with('{"pool_config": {"pool_size": "2", "min_pool_size": 3}}');

-- Found under its own project only; nothing else is told apart.
SELECT pgbeam.typeid_encode('prj', id) AS other_project FROM pgbeam.projects WHERE org_id = 'databases' AND name = 'p1' \gset
SELECT pgbeam.get_database(:'other_project', :'database');
SELECT pgbeam.get_database(:'project', 'db_00000000000000000000000000');
SELECT pgbeam.get_database(:'project', 'prj_00000000000000000000000000');
SELECT pgbeam.get_database(:'project', 'no id');
SELECT pgbeam.get_database(NULL, :'database');
SELECT pgbeam.get_database(:'project', NULL);

-- A deleted project's databases are gone, and so are their secrets.
SELECT pgbeam.delete_project(:'project');
SELECT pgbeam.get_database(:'project', :'database');
SELECT pgbeam.reveal_password(:'database');
SELECT deleted_at IS NOT NULL AS deleted, password_sealed IS NULL AS wiped, count(*)
FROM pgbeam.databases WHERE org_id = 'databases' GROUP BY 1, 2 ORDER BY 1, 2;

-- Rows of an altered table are not taken for what they were.
SELECT pgbeam.typeid_encode('prj', project_id) AS project, pgbeam.typeid_encode('db', id) AS database
FROM pgbeam.databases WHERE org_id = 'databases' AND deleted_at IS NULL LIMIT 1 \gset
BEGIN;
ALTER TABLE pgbeam.databases ALTER host TYPE integer USING 5;
SELECT pgbeam.get_database(:'project', :'database');
ROLLBACK;
BEGIN;
ALTER TABLE pgbeam.organizations ALTER plan TYPE integer USING 3;
SELECT pgbeam.get_project(:'project');
ROLLBACK;
BEGIN;
ALTER TABLE pgbeam.projects DROP CONSTRAINT projects_fields_check, ALTER allowed_cidrs DROP NOT NULL;
UPDATE pgbeam.projects SET allowed_cidrs = NULL;
SELECT pgbeam.get_project(:'project');
ROLLBACK;

-- Rows that only replication or a hand could leave so: no project, no secret.
BEGIN;
SET LOCAL session_replication_role = replica;
UPDATE pgbeam.databases SET project_id = gen_random_uuid() WHERE org_id = 'databases' AND deleted_at IS NULL;
SELECT pgbeam.get_database(pgbeam.typeid_encode('prj', project_id), pgbeam.typeid_encode('db', id))
FROM pgbeam.databases WHERE org_id = 'databases' AND deleted_at IS NULL LIMIT 1;
ROLLBACK;
BEGIN;
ALTER TABLE pgbeam.databases DROP CONSTRAINT databases_fields_check;
UPDATE pgbeam.databases SET password_sealed = NULL, id = '01890a5d-ac96-774b-bcce-b302099a8057'
WHERE org_id = 'databases' AND project_id = (SELECT id FROM pgbeam.projects WHERE org_id = 'databases' AND name = 'p1');
SELECT pgbeam.reveal_password('db_01h455vb4pex5vsknk084sn02q');
ROLLBACK;

-- A rotation is not shown, but whoever has not seen it is told.
SELECT pgbeam.set_organization('etag');
SELECT p #>> '{project,id}' || '/databases/' || (p #>> '{database,id}') AS path, k.key FROM pgbeam.create_api_key(org_id => 'etag') k,
	pgbeam.create_project('{"org_id": "etag", "name": "p", "database": {"host": "h", "port": 5432, "name": "d", "username": "u", "password": "canary-password-Vq7R2x"}}') p \gset
SELECT headers ->> 'ETag' AS seen FROM pgbeam.http('GET', '/v1/projects/' || :'path', jsonb_build_object('X-API-Key', :'key'), NULL) \gset
SELECT n, status FROM generate_series(1, 2) n, LATERAL pgbeam.http('PATCH', '/v1/projects/' || :'path',
	jsonb_build_object('X-API-Key', :'key', 'Content-Type', 'application/json', 'If-Match', :'seen'),
	convert_to(jsonb_build_object('password', 'canary-password-Vq7R2x-' || n)::text, 'UTF8'));

-- An If-Match that cannot be read is not one that is not there.
SELECT bad, status FROM unnest('{"{\"if-match\": \"*\", \"If-Match\": \"*\"}","{\"If-Match\": 5}","{\"If-Match\": [\"*\"]}","{\"If-Match\": \"\"}","{\"If-Match\": null}","{\"If-Match\": \"\\\"a,*,b\\\"\"}","{\"If-Match\": \"*;a\"}","{\"If-Match\": \"\\\"a,b\\\", *\"}"}'::jsonb[]) bad,
	LATERAL pgbeam.http('PATCH', '/v1/projects/' || :'path', jsonb_build_object('X-API-Key', :'key', 'Content-Type', 'application/json') || bad, '{}');

DROP FUNCTION create_with;
