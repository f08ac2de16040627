-- Databases: what is shown, what is stored, and what the table itself refuses.
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

-- query_timeout_ms and auto_read_routing are shown once they are set, even to
-- their default; null takes that back.
SELECT given, d::jsonb -> 'query_timeout_ms' AS timeout, d::jsonb -> 'auto_read_routing' AS routing FROM (VALUES
	(1, '{}'::jsonb), (2, '{"query_timeout_ms": null, "auto_read_routing": null}'), (3, '{"query_timeout_ms": 0}'), (4, '{"auto_read_routing": false}')) v(n, given),
	LATERAL (SELECT create_with(given) -> 'database') c(d) ORDER BY n;
SELECT query_timeout_ms, auto_read_routing, count(*) FROM pgbeam.databases WHERE org_id = 'databases' GROUP BY 1, 2 ORDER BY 1, 2;
SELECT given, d::jsonb -> 'query_timeout_ms' AS timeout, d::jsonb -> 'auto_read_routing' AS routing FROM (VALUES
	(1, '{"query_timeout_ms": 0}'::jsonb), (2, '{"auto_read_routing": false}'), (3, '{"port": 5433}'), (4, '{"query_timeout_ms": null}'), (5, '{"auto_read_routing": null}')) v(n, given),
	LATERAL pgbeam.update_database(:'project', :'database', given) d ORDER BY n;

-- "" in an update leaves words and the password as they are. In a create it is
-- an error, and so is anything that is not one of the words.
SELECT u ->> 'ssl_mode' AS ssl_mode, u ->> 'role' AS role, u #>> '{pool_config,pool_mode}' AS pool_mode, u ->> 'port' AS port
FROM pgbeam.update_database(:'project', :'database', '{"ssl_mode": "", "role": "", "password": "", "pool_config": {"pool_mode": ""}, "port": 5434}') u;
SELECT pgbeam.update_database(:'project', :'database', '{"ssl_mode": " ", "name": "", "query_timeout_ms": "", "cache_config": "", "pool_config": {"pool_mode": "x"}}');
SELECT create_with('{"ssl_mode": "", "role": "", "pool_config": {"pool_mode": ""}}');

-- Defaults that a setting gives.
SET pgbeam.default_pool_mode = 'transaction';
SET pgbeam.default_cache_enabled = off;
SELECT create_with('{}') #>> '{database,pool_config,pool_mode}' AS pool_mode;
SELECT create_with('{"cache_config": {"ttl_seconds": 1}}') #>> '{database,cache_config}' AS cache_config;
RESET pgbeam.default_pool_mode;
RESET pgbeam.default_cache_enabled;
SET pgbeam.default_pool_mode = 'none';

-- min_pool_size is checked after defaults, and only if both sizes are valid.
SELECT create_with('{"pool_config": {"min_pool_size": 11}}');
SELECT create_with('{"pool_config": {"pool_size": 2, "min_pool_size": 3}}');
SELECT create_with('{"pool_config": {"pool_size": "2", "min_pool_size": 3}}');

-- A host is one name or one address: no more, no invisible characters, and no
-- password in plain text. No refusal repeats it. No network is closed here.
SET pgbeam.forbidden_networks = '';
CREATE FUNCTION refusal(call text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	told text;
BEGIN
	EXECUTE call;
	RAISE EXCEPTION USING ERRCODE = 'TEST1', MESSAGE = 'accepted';
EXCEPTION
	WHEN SQLSTATE 'TEST1' THEN RETURN SQLERRM;
	WHEN SQLSTATE 'PT400' THEN
		GET STACKED DIAGNOSTICS told = PG_EXCEPTION_DETAIL;
		RETURN SQLERRM || CASE WHEN told LIKE '%S3CRET%' OR SQLERRM LIKE '%S3CRET%' THEN ' (and shows it)' ELSE '' END;
END
$$;
CREATE TEMP TABLE hosts (n serial, host text);
INSERT INTO hosts (host) VALUES ('postgres://app:S3CRET@db.example.com/mydb'), ('app:S3CRET@db.example.com'), ('db:5432'), ('[::1]:5432'), ('h/db'),
	('u@h'), ('h?x=1'), ('h#f'), ('host=foo'), ('[::1'), ('[]'), ('a..b'), ('db.example.com.'), ('.'), ('.a'), (E'db\u200b.example.com'), (E'db\u00ad'), (E'\u202edb'), ('%2Fvar%2Frun'),
	('2130706433'), ('127.1'), ('0x7f.1'), ('10.0.0.1/32'), ('fe80::1%eth0'), ('１２７.１'), (repeat('a', 254)), (repeat('h', 2000000)),
	('db.example.com'), ('db_1'), ('bücher.例え.テスト'), ('10.0.0.1'), ('::1'), ('[2001:db8::1]'), (repeat('ü', 253));
-- psql 15 and 16 disagree on the width of invisible characters.
SELECT regexp_replace(left(host, 42), '[\u00ad\u200b\u202e]', '?', 'g') AS host, refusal(format('SELECT create_with(%L)', jsonb_build_object('host', host))) AS "create"
FROM hosts ORDER BY n;
-- Updates and replicas with another refusal: (none)
SELECT left(host, 42) AS host, o.* FROM hosts,
	LATERAL (SELECT refusal(format('SELECT create_with(%L)', jsonb_build_object('host', host))) AS "create",
		refusal(format('SELECT pgbeam.update_database(%L, %L, %L)', :'project', :'database', jsonb_build_object('host', host))) AS "update",
		refusal(format('SELECT pgbeam.create_database(%L, %L)', :'project', jsonb_build_object('host', host, 'port', 1, 'name', 'd', 'username', 'u', 'password', current_setting('test.password')))) AS another,
		refusal(format('SELECT pgbeam.create_replica(%L, %L)', :'database', jsonb_build_object('host', host, 'port', 1))) AS replica) o
WHERE "update" <> replace("create", 'database.', '') OR another <> "update" OR replica <> "update";

RESET pgbeam.forbidden_networks;

-- Names and passwords have a maximum length.
SELECT refusal(format('SELECT create_with(%L)', jsonb_build_object('name', repeat('é', 255), 'username', repeat('é', 255), 'password', repeat('é', 16384)))) AS longest;
SELECT create_with(jsonb_build_object('name', repeat('x', 256), 'username', repeat('x', 256), 'password', repeat('x', 16385)));
SELECT pgbeam.update_database(:'project', :'database', jsonb_build_object('name', repeat('x', 256), 'username', repeat('x', 256), 'password', repeat('x', 16385)));
DROP TABLE hosts;
DROP FUNCTION refusal;

-- A database is found only under its own project. All other cases get the same
-- refusal.
SELECT pgbeam.typeid_encode('prj', id) AS other_project FROM pgbeam.projects WHERE org_id = 'databases' AND name = 'p1' \gset
SELECT pgbeam.get_database(:'other_project', :'database');
SELECT pgbeam.get_database(:'project', 'db_00000000000000000000000000');
SELECT pgbeam.get_database(:'project', 'prj_00000000000000000000000000');
SELECT pgbeam.get_database(:'project', 'no id');
SELECT pgbeam.get_database(NULL, :'database');
SELECT pgbeam.get_database(:'project', NULL);

-- A deleted project's databases are gone, and their secrets are wiped.
SELECT pgbeam.delete_project(:'project');
SELECT pgbeam.get_database(:'project', :'database');
SELECT pgbeam.reveal_password(:'database');
SELECT deleted_at IS NOT NULL AS deleted, password_sealed IS NULL AS wiped, count(*)
FROM pgbeam.databases WHERE org_id = 'databases' GROUP BY 1, 2 ORDER BY 1, 2;

-- Rows of an altered table are not taken for what they were.
SELECT pgbeam.typeid_encode('prj', project_id) AS project, pgbeam.typeid_encode('db', id) AS database
FROM pgbeam.databases WHERE org_id = 'databases' AND deleted_at IS NULL LIMIT 1 \gset
BEGIN;
SELECT drop_views('pgbeam.databases');
ALTER TABLE pgbeam.databases ALTER host TYPE integer USING 5;
SELECT pgbeam.get_database(:'project', :'database');
ROLLBACK;
BEGIN;
SELECT drop_views('pgbeam.organizations');
ALTER TABLE pgbeam.organizations ALTER plan TYPE integer USING 3;
SELECT pgbeam.get_project(:'project');
ROLLBACK;
BEGIN;
ALTER TABLE pgbeam.projects DROP CONSTRAINT projects_fields_check, ALTER allowed_cidrs DROP NOT NULL;
UPDATE pgbeam.projects SET allowed_cidrs = NULL;
SELECT pgbeam.get_project(:'project');
ROLLBACK;

-- Rows that only replication or manual changes could leave so: without a
-- project, without a secret.
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

-- A new password is not shown, but a client that has not seen the change is
-- refused.
SELECT pgbeam.set_organization('etag');
SELECT p #>> '{project,id}' || '/databases/' || (p #>> '{database,id}') AS path, k.key FROM pgbeam.create_api_key(org_id => 'etag') k,
	pgbeam.create_project('{"org_id": "etag", "name": "p", "database": {"host": "h", "port": 5432, "name": "d", "username": "u", "password": "canary-password-Vq7R2x"}}') p \gset
SELECT headers ->> 'ETag' AS seen FROM pgbeam.http('GET', '/v1/projects/' || :'path', jsonb_build_object('X-API-Key', :'key'), NULL) \gset
SELECT n, status FROM generate_series(1, 2) n, LATERAL pgbeam.http('PATCH', '/v1/projects/' || :'path',
	jsonb_build_object('X-API-Key', :'key', 'Content-Type', 'application/json', 'If-Match', :'seen'),
	convert_to(jsonb_build_object('password', 'canary-password-Vq7R2x-' || n)::text, 'UTF8'));

-- An If-Match that cannot be read does not count as absent.
SELECT bad, status FROM unnest('{"{\"if-match\": \"*\", \"If-Match\": \"*\"}","{\"If-Match\": 5}","{\"If-Match\": [\"*\"]}","{\"If-Match\": \"\"}","{\"If-Match\": null}","{\"If-Match\": \"\\\"a,*,b\\\"\"}","{\"If-Match\": \"*;a\"}","{\"If-Match\": \"\\\"a,b\\\", *\"}"}'::jsonb[]) bad,
	LATERAL pgbeam.http('PATCH', '/v1/projects/' || :'path', jsonb_build_object('X-API-Key', :'key', 'Content-Type', 'application/json') || bad, '{}');

DROP FUNCTION create_with;

-- A caller who may write can have a password sent elsewhere, unless they must
-- give it again.
SET client_min_messages = warning;
SELECT p #>> '{project,id}' AS project_id, p #>> '{database,id}' AS database_id FROM pgbeam.create_project(
	'{"org_id": "move", "name": "move", "database": {"host": "db.example.com", "port": 5432, "name": "d", "username": "u", "password": "canary-password-Vq7R2x", "ssl_mode": "require"}}') p \gset
RESET client_min_messages;
CREATE FUNCTION move(body jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	told text;
	hint text;
BEGIN
	PERFORM pgbeam.update_database(current_setting('test.project'), current_setting('test.database'), body);
	RETURN 'done' || coalesce((SELECT ' ' || detail FROM pgbeam.changes WHERE action = 'updated' AND resource_id = current_setting('test.database') AND xid = pg_current_xact_id_if_assigned()), '');
EXCEPTION WHEN SQLSTATE 'PT400' THEN
	GET STACKED DIAGNOSTICS told = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
	RETURN concat_ws(' / ', told, nullif(hint, ''));
END
$$;
SELECT set_config('test.project', :'project_id', false) IS NULL AS set, set_config('test.database', :'database_id', false) IS NULL AS set;
SELECT move('{"host": "db2.example.com"}');
SELECT move('{"host": "db2.example.com", "port": 5432, "ssl_mode": "require"}') AS nothing_changes;
SELECT move('{"name": "other"}') AS stays;
SET pgbeam.password_on_move = on;
SELECT body, move(body) FROM unnest(ARRAY[
	'{"host": "evil.example.com"}', '{"port": 5433}', '{"ssl_mode": "prefer"}', '{"ssl_mode": "disable", "name": "x"}',
	'{"host": "evil.example.com", "password": ""}', '{"host": "evil.example.com", "password": null}']::jsonb[]) body;
SELECT format('SELECT %L AS body, move(%L)', body, body) FROM unnest(ARRAY[
	'{"host": "db2.example.com"}', '{"ssl_mode": "verify-full"}', '{"ssl_mode": ""}', '{"ssl_mode": null}', '{"username": "v"}',
	'{"role": "replica", "pool_config": {"pool_size": 3}}', '{"password": "canary-password-Vq7R2x"}']::jsonb[]) body \gexec
SELECT move('{"host": "db3.example.com", "port": 5433, "ssl_mode": "require", "password": "canary-password-Vq7R2x"}');
RESET pgbeam.password_on_move;
DROP FUNCTION move;
