-- Read replicas of a database.
SELECT p #>> '{project,id}' AS project, p #>> '{database,id}' AS database FROM pgbeam.create_project(
	'{"org_id": "replica", "name": "r", "database": {"host": "db.example.com", "port": 5432, "name": "d", "username": "u", "password": "canary-password-Vq7R2x"}}') p \gset
SELECT r ->> 'id' AS replica, r::jsonb - '{id,database_id,created_at,updated_at}'::text[] AS rest, r ->> 'database_id' = :'database' AS of_database
FROM pgbeam.create_replica(:'database', '{"host": "r1.example.com", "port": 5433, "ssl_mode": "require"}') r \gset
\echo :rest :of_database
SELECT r ->> 'ssl_mode' AS as_the_documents_say FROM pgbeam.create_replica(:'database', '{"host": "r2.example.com", "port": 5433}') r;
SELECT r ->> 'host' AS host FROM json_array_elements(pgbeam.list_replicas(:'database') -> 'replicas') r;
SELECT l -> 'replicas' -> 0 ->> 'host' AS first, l ->> 'next_page_token' IS NOT NULL AS more FROM pgbeam.list_replicas(:'database', 1) l;

-- Bad input.
SELECT pgbeam.create_replica(:'database', '{}');
SELECT pgbeam.create_replica(:'database', '{"host": "/tmp", "port": 0, "ssl_mode": "DISABLE"}');
SELECT pgbeam.create_replica('db_00000000000000000000000000', '{"host": "r3.example.com", "port": 5433}');
SELECT pgbeam.create_replica('prj', '{"host": "r3.example.com", "port": 5433}');
SELECT pgbeam.delete_replica('db_00000000000000000000000000', :'replica');

-- A database has a limit of them. Deleted ones are not counted, nor are other
-- databases'.
SELECT p #>> '{project,id}' AS full_project, p #>> '{database,id}' AS full FROM pgbeam.create_project(
	'{"org_id": "replica", "name": "full", "database": {"host": "db.example.com", "port": 5432, "name": "d", "username": "u", "password": "canary-password-Vq7R2x"}}') p \gset
SELECT count(r) FROM generate_series(1, 20) i, pgbeam.create_replica(:'full', jsonb_build_object('host', 'r' || i, 'port', i)) r;
SELECT pgbeam.create_replica(:'full', '{"host": "r21", "port": 21}');
SELECT status, headers - '{X-Request-Id,Cache-Control}'::text[] AS headers, body::json -> 'error' AS error FROM pgbeam.create_api_key(org_id => 'replica') k, pgbeam.http('POST', format('/v1/databases/%s/replicas', :'full'),
	jsonb_build_object('X-API-Key', k.key, 'Content-Type', 'application/json'), '{"host": "r21", "port": 21}');
SELECT pgbeam.create_replica(:'database', '{"host": "r3.example.com", "port": 5433}') IS NOT NULL AS another_database;
SELECT pgbeam.delete_replica(:'full', l -> 'replicas' -> 0 ->> 'id') FROM pgbeam.list_replicas(:'full') l;
SELECT pgbeam.create_replica(:'full', '{"host": "r21", "port": 21}') IS NOT NULL AS in_its_place;
SELECT pgbeam.create_replica(:'full', '{"host": "r22", "port": 22}');
SET pgbeam.max_replicas = 21;
SELECT pgbeam.create_replica(:'full', '{"host": "r22", "port": 22}') IS NOT NULL AS one_more;
SET pgbeam.max_replicas = 1;
SELECT pgbeam.create_replica(:'full', '{"host": "r23", "port": 23}');
SET pgbeam.max_replicas = 0;
SELECT pgbeam.create_replica(:'full', '{"host": "r23", "port": 23}') IS NOT NULL AS without_limit;
SET pgbeam.max_replicas = -1;
RESET pgbeam.max_replicas;
SELECT pgbeam.delete_project(:'full_project');

-- They are deleted one by one, or with their database.
SELECT pgbeam.delete_replica(:'database', :'replica');
SELECT pgbeam.delete_replica(:'database', :'replica');
SELECT r ->> 'host' AS host FROM json_array_elements(pgbeam.list_replicas(:'database') -> 'replicas') r;
SELECT pgbeam.delete_project(:'project');
SELECT pgbeam.list_replicas(:'database');
SELECT count(*), count(deleted_at) AS deleted FROM pgbeam.replicas WHERE org_id = 'replica';

-- One stays for the tests that follow.
SELECT r IS NOT NULL AS stays FROM pgbeam.create_project(
	'{"org_id": "replica", "name": "r", "database": {"host": "db.example.com", "port": 5432, "name": "d", "username": "u", "password": "canary-password-Vq7R2x"}}') p,
	pgbeam.create_replica(p #>> '{database,id}', '{"host": "r1.example.com", "port": 5433}') r;
