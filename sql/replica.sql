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

-- They go one by one, or with their database.
SELECT pgbeam.delete_replica(:'database', :'replica');
SELECT pgbeam.delete_replica(:'database', :'replica');
SELECT r ->> 'host' AS host FROM json_array_elements(pgbeam.list_replicas(:'database') -> 'replicas') r;
SELECT pgbeam.delete_project(:'project');
SELECT pgbeam.list_replicas(:'database');
SELECT count(*), count(deleted_at) AS deleted FROM pgbeam.replicas WHERE org_id = 'replica';

-- One stays, for the tests that follow.
SELECT r IS NOT NULL AS stays FROM pgbeam.create_project(
	'{"org_id": "replica", "name": "r", "database": {"host": "db.example.com", "port": 5432, "name": "d", "username": "u", "password": "canary-password-Vq7R2x"}}') p,
	pgbeam.create_replica(p #>> '{database,id}', '{"host": "r1.example.com", "port": 5433}') r;
