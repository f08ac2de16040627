-- Cache rules: what data planes report of queries, and what a PUT says of them.
SET client_min_messages = warning;
SELECT pgbeam.set_organization('rules', '{"plan": "starter", "max_projects": 0}') IS NOT NULL AS made;
RESET client_min_messages;
SELECT p #>> '{project,id}' AS project, p #>> '{database,id}' AS database FROM pgbeam.create_project(
	'{"org_id": "rules", "name": "r", "database": {"host": "db.example.com", "port": 5432, "name": "d", "username": "u", "password": "canary-password-Vq7R2x"}}') p \gset
SELECT p #>> '{project,id}' AS other_project, p #>> '{database,id}' AS other FROM pgbeam.create_project(
	'{"org_id": "rules", "name": "s", "database": {"host": "db.example.com", "port": 5432, "name": "d", "username": "u", "password": "canary-password-Vq7R2x"}}') p \gset

CREATE FUNCTION hash(n integer) RETURNS text LANGUAGE sql AS $$ SELECT lpad(to_hex(n), 16, '0') $$;
-- An entry of a report.
CREATE FUNCTION seen(database text, hash text, members jsonb DEFAULT '{}') RETURNS jsonb LANGUAGE sql AS $$
	SELECT jsonb_build_object('database_id', database, 'query_hash', hash, 'normalized_sql', 'SELECT * FROM users WHERE id = $1',
		'query_type', 'read', 'call_count', 10, 'avg_latency_ms', 2.5, 'p95_latency_ms', 9.75, 'avg_response_bytes', 300,
		'stability_rate', 0.5, 'seen_at', '2001-01-15T09:30:00Z') || members
$$;
CREATE FUNCTION report(VARIADIC entries jsonb[]) RETURNS bigint LANGUAGE sql AS $$ SELECT pgbeam.report_queries(to_jsonb(entries)) $$;
-- What is shown of a rule, but for what every test has alike.
CREATE FUNCTION shown(project text, database text, hash text) RETURNS text LANGUAGE sql AS $$
	SELECT (e - '{query_hash,normalized_sql}'::text[])::text
	FROM jsonb_array_elements(pgbeam.list_cache_rules(project, database, 100)::jsonb -> 'entries') AS e WHERE e ->> 'query_hash' = hash
$$;

\a
-- Nothing is there before it is seen.
SELECT pgbeam.list_cache_rules(:'project', :'database');
SELECT pgbeam.report_queries('[]');
SELECT report(seen(:'database', hash(1)));
SELECT pgbeam.list_cache_rules(:'project', :'database');

-- Calls are added up, averages weighted; the rest is what was seen last.
SELECT report(seen(:'database', hash(1), '{"call_count": 30, "avg_latency_ms": 6.5, "p95_latency_ms": 20, "avg_response_bytes": 501,
	"stability_rate": 0.75, "query_type": "write", "seen_at": "2001-01-16T11:30:00.9+02:00"}'));
SELECT shown(:'project', :'database', hash(1));
SELECT report(seen(:'database', hash(1), '{"call_count": 40, "avg_latency_ms": 5.5, "avg_response_bytes": 451, "seen_at": "2001-01-14t00:00:00z", "normalized_sql": "SELECT 1"}'));
SELECT shown(:'project', :'database', hash(1));
-- Within one report too, in any order, and of several databases.
SELECT report(seen(:'other', hash(2)), seen(:'database', hash(2), '{"seen_at": "2001-01-17T00:00:00Z", "p95_latency_ms": 1}'),
	seen(:'other', hash(2)), seen(:'database', hash(2), '{"call_count": 30, "avg_latency_ms": 6.5}'));
SELECT shown(:'project', :'database', hash(2));
SELECT shown(:'other_project', :'other', hash(2));
-- Of two seen at one instant the later entry counts.
SELECT report(seen(:'other', hash(2), '{"stability_rate": 0.1}'), seen(:'other', hash(2), '{"stability_rate": 0.9}'));
SELECT shown(:'other_project', :'other', hash(2))::jsonb -> 'stability_rate' AS stability;

-- A count that is full stays so; averages of the largest numbers are kept.
SELECT report(seen(:'database', hash(3), '{"call_count": 9223372036854775806, "avg_response_bytes": 9223372036854775807}'));
SELECT report(seen(:'database', hash(3), '{"avg_response_bytes": 0}'), seen(:'database', hash(3), '{"avg_response_bytes": 9223372036854775807}'));
SELECT shown(:'project', :'database', hash(3))::jsonb - '{first_seen_at,last_seen_at}'::text[] AS full;
SELECT report(seen(:'database', hash(3), '{"call_count": 9223372036854775807, "avg_response_bytes": 0}'));
SELECT shown(:'project', :'database', hash(3))::jsonb -> 'avg_response_bytes' AS half;
SELECT report(seen(:'database', hash(4), '{"call_count": 1, "avg_response_bytes": 0}'),
	seen(:'database', hash(4), '{"call_count": 9223372036854775807, "avg_response_bytes": 9223372036854775807}'));
SELECT shown(:'project', :'database', hash(4))::jsonb -> 'avg_response_bytes' AS all_of_it;

-- Numbers are shown by the digits they need, and no more.
SET extra_float_digits = 0;
SELECT report(seen(:'database', hash(5), '{"avg_latency_ms": 0.1, "p95_latency_ms": 86400000, "stability_rate": 1e-7}'),
	seen(:'database', hash(6), '{"avg_latency_ms": 3.3333333333333335, "p95_latency_ms": 1e-320, "stability_rate": 1e0}'),
	seen(:'database', hash(7), '{"avg_latency_ms": -0.0, "p95_latency_ms": 0.30000000000000004, "stability_rate": 1e-400}'));
SELECT substring(e::text, '"avg_latency_ms".*"p95_latency_ms":[^,]*') AS latencies, substring(e::text, '"stability_rate":[^,]*') AS stability
FROM json_array_elements(pgbeam.list_cache_rules(:'project', :'database') -> 'entries') WITH ORDINALITY AS l (e, n) WHERE n BETWEEN 5 AND 7;
RESET extra_float_digits;
-- A clock that is ahead is set right.
SELECT report(seen(:'database', hash(8), '{"seen_at": "9999-12-31T23:59:59Z"}'));
SELECT last_seen_at BETWEEN now() - interval '1 minute' AND now() AND first_seen_at = last_seen_at AS now FROM pgbeam.cache_rules WHERE query_hash = hash(8);

-- What it is worth: (rows)
SELECT report(VARIADIC array_agg(seen(:'database', hash(16 + n), jsonb_build_object('call_count', c, 'avg_latency_ms', l, 'stability_rate', s, 'query_type', t))))
FROM (VALUES (1, 1000, 10, 0.9, 'read'), (2, 999, 10, 0.9, 'read'), (3, 1000, 9.9, 0.9, 'read'), (4, 1000, 10, 0.89, 'read'),
	(5, 100, 1, 0.7, 'read'), (6, 99, 1, 0.7, 'read'), (7, 100, 0.9, 0.7, 'read'), (8, 100, 1, 0.69, 'read'), (9, 10, 0, 0.5, 'read'),
	(10, 9, 100, 1, 'read'), (11, 100000, 100, 0.49, 'read'), (12, 1000, 10, 0.9, 'write'), (13, 1000, 10, 0.9, 'other')) AS v (n, c, l, s, t);
SELECT e ->> 'call_count' AS calls, e ->> 'avg_latency_ms' AS latency, e ->> 'stability_rate' AS stability, e ->> 'query_type' AS type, e ->> 'recommendation' AS recommendation
FROM json_array_elements(pgbeam.list_cache_rules(:'project', :'database', 100) -> 'entries') AS e WHERE e ->> 'query_hash' > hash(16);

-- Page by page, by hash, whatever is added on the way.
CREATE TABLE pages AS
	WITH RECURSIVE page (n, l) AS (
		SELECT 1, pgbeam.list_cache_rules(:'project', :'database', 8)
		UNION ALL
		SELECT n + 1, pgbeam.list_cache_rules(:'project', :'database', 8, l ->> 'next_page_token') FROM page WHERE l ->> 'next_page_token' IS NOT NULL
	)
	SELECT n, o, e ->> 'query_hash' AS hash FROM page, json_array_elements(l -> 'entries') WITH ORDINALITY AS i (e, o);
SELECT n, count(*), min(hash), max(hash), bool_and(in_order) AS in_order
FROM (SELECT *, coalesce(hash > lag(hash) OVER (ORDER BY n, o), true) AS in_order FROM pages) AS p GROUP BY n ORDER BY n;
DROP TABLE pages;
SELECT pgbeam.list_cache_rules(:'project', :'database', 8) ->> 'next_page_token' AS token \gset
SELECT report(seen(:'database', '0000000000000000'), seen(:'database', '0000000000000008'));
SELECT pgbeam.list_cache_rules(:'project', :'database', 1, :'token') #>> '{entries,0,query_hash}' AS next;
SELECT pgbeam.list_cache_rules(:'other_project', :'other', 1, :'token');
SELECT pgbeam.list_cache_rules(:'project', :'database', 101);
SELECT pgbeam.list_cache_rules(:'project', :'other');
SELECT pgbeam.list_cache_rules(:'project', 'db');

-- Until a PUT a rule follows its database.
SELECT pgbeam.update_database(:'project', :'database', '{"cache_config": {"enabled": false}}') IS NOT NULL AS off;
SELECT shown(:'project', :'database', hash(1))::jsonb -> 'cache_enabled' AS enabled;
SELECT pgbeam.update_cache_rule(:'project', :'database', hash(1), '{"cache_enabled": true, "cache_ttl_seconds": 300, "cache_swr_seconds": 60}');
SELECT shown(:'project', :'database', hash(1))::jsonb -> 'cache_enabled' AS enabled, shown(:'project', :'database', hash(2))::jsonb -> 'cache_enabled' AS another;
-- What is absent is reset, and null is as absent.
SELECT (pgbeam.update_cache_rule(:'project', :'database', hash(1), '{"cache_enabled": true, "cache_swr_seconds": 0}') -> 'entry')::jsonb - 'normalized_sql' AS entry;
SELECT (pgbeam.update_cache_rule(:'project', :'database', hash(1), '{"cache_enabled": false, "cache_ttl_seconds": 86400, "cache_swr_seconds": null}') -> 'entry')::jsonb - 'normalized_sql' AS entry;
SELECT (pgbeam.update_cache_rule(:'project', :'database', hash(1), '{"cache_enabled": false}') -> 'entry')::jsonb - 'normalized_sql' AS entry;
SELECT pgbeam.update_database(:'project', :'database', '{"cache_config": {"enabled": true}}') IS NOT NULL AS on;
SELECT shown(:'project', :'database', hash(1))::jsonb -> 'cache_enabled' AS enabled, shown(:'project', :'database', hash(2))::jsonb -> 'cache_enabled' AS another;
-- The same again writes nothing; a report leaves it as it is.
SELECT updated_at AS before FROM pgbeam.cache_rules WHERE query_hash = hash(1) \gset
SELECT pgbeam.update_cache_rule(:'project', :'database', hash(1), '{"cache_enabled": false}') IS NOT NULL AS again;
SELECT report(seen(:'database', hash(1)));
SELECT updated_at = :'before' AS same, cache_enabled, cache_ttl_seconds, call_count FROM pgbeam.cache_rules WHERE query_hash = hash(1);
-- The feed tells of what a PUT changed, and of no report.
SELECT resource, replace(resource_id, :'database', 'DATABASE') AS id, action, detail FROM pgbeam.changes WHERE org_id = 'rules' AND resource = 'cache_rule';

-- Bad input.
SELECT pgbeam.update_cache_rule(:'project', :'database', hash(1), '{}');
SELECT pgbeam.update_cache_rule(:'project', :'database', hash(1), '[]');
SELECT pgbeam.update_cache_rule(:'project', :'database', hash(1), NULL);
SELECT pgbeam.update_cache_rule(:'project', :'database', hash(1), '{"cache_enabled": null, "cache_ttl_seconds": -1, "cache_swr_seconds": 86401}');
SELECT pgbeam.update_cache_rule(:'project', :'database', hash(1), '{"cache_enabled": "true", "cache_ttl_seconds": 1.5, "cache_swr_seconds": "1"}');
SELECT pgbeam.update_cache_rule(:'project', :'database', hash(1), '{"cache_enabled": false, "query_hash": "x", "call_count": 1}') IS NOT NULL AS ignored;
-- What was never seen there.
SELECT pgbeam.update_cache_rule(:'project', :'database', 'ffffffffffffffff', '{"cache_enabled": true}');
SELECT pgbeam.update_cache_rule(:'project', :'database', 'x', '{"cache_enabled": true}');
SELECT pgbeam.update_cache_rule(:'project', :'database', NULL, '{"cache_enabled": true}');
SELECT pgbeam.update_cache_rule(:'project', :'other', hash(2), '{"cache_enabled": true}');
SELECT pgbeam.update_cache_rule(:'other_project', :'other', hash(1), '{"cache_enabled": true}');
SELECT pgbeam.update_cache_rule(:'project', NULL, hash(1), '{"cache_enabled": true}');
SELECT pgbeam.update_cache_rule(NULL, :'database', hash(1), '{"cache_enabled": true}');

-- Over HTTP: by its own organization alone, by who may write.
SET client_min_messages = warning;
SELECT pgbeam.set_organization('rules_others') IS NOT NULL AS made, pgbeam.set_member('rules', 'mia', 'member');
RESET client_min_messages;
SELECT key AS own FROM pgbeam.create_api_key(org_id => 'rules') \gset
SELECT key AS foreign FROM pgbeam.create_api_key(org_id => 'rules_others') \gset
SELECT key AS member FROM pgbeam.create_api_key(user_id => 'mia') \gset
SELECT format('/v1/projects/%s/databases/%s/cache-rules', :'project', :'database') AS path \gset
CREATE FUNCTION ask(method text, uri text, key text, body text DEFAULT '', type text DEFAULT 'application/json', OUT status integer, OUT answer jsonb) LANGUAGE sql AS $$
	SELECT a.status, CASE WHEN a.status < 300 THEN a.body::jsonb ELSE a.body::jsonb -> 'error' END
	FROM pgbeam.http(method, uri, jsonb_build_object('X-API-Key', key, 'Content-Type', type), convert_to(body, 'UTF8')) AS a
$$;
SELECT status, jsonb_array_length(answer -> 'entries') AS entries FROM ask('GET', :'path' || '?page_size=3', :'own');
SELECT status, jsonb_array_length(answer -> 'entries') AS entries FROM ask('GET', :'path' || '?page_size=3', :'member');
SELECT * FROM ask('GET', :'path', :'foreign');
SELECT status, answer #> '{entry,cache_enabled}' AS enabled FROM ask('PUT', :'path' || '/' || hash(2), :'own', '{"cache_enabled": true}');
SELECT * FROM ask('PUT', :'path' || '/' || hash(2), :'member', '{"cache_enabled": false}');
SELECT * FROM ask('PUT', :'path' || '/' || hash(2), :'foreign', '{"cache_enabled": false}');
SELECT * FROM ask('PUT', :'path' || '/ffffffffffffffff', :'own', '{"cache_enabled": false}');
SELECT * FROM ask('PUT', :'path' || '/' || hash(2), :'own', '{"cache_enabled": 0}');
SELECT * FROM ask('PUT', :'path' || '/' || hash(2), :'own', '{"cache_enabled": true}', 'text/plain');
SELECT * FROM ask('PUT', :'path' || '/' || hash(2), :'own');
SELECT id, status, answer ->> 'message' AS message FROM unnest('{FFFFFFFFFFFFFFFF,fffffffffffffff,fffffffffffffffff,xyz,a%20b}'::text[]) AS id,
	ask('PUT', :'path' || '/' || id, :'own', '{"cache_enabled": true}');
SELECT status, headers ->> 'Allow' AS allow FROM pgbeam.http('PATCH', :'path' || '/' || hash(2), jsonb_build_object('X-API-Key', :'own'));
SELECT * FROM ask('PATCH', :'path' || '/' || hash(2), :'own', '{"cache_enabled": true}');

-- A report with problems stores nothing; all of them are told.
SELECT count(*) AS before FROM pgbeam.cache_rules \gset
SELECT pgbeam.report_queries(NULL);
SELECT pgbeam.report_queries('{}');
SELECT pgbeam.report_queries('"[]"');
SELECT report(seen(:'database', hash(99)), '1', '[]', '{}');
SELECT report(seen(:'database', hash(99)), seen('prj_00000000000000000000000000', 'ABC', '{"normalized_sql": "", "query_type": "READ", "call_count": 0,
	"avg_latency_ms": "1", "p95_latency_ms": -0.5, "avg_response_bytes": 1.5, "stability_rate": 1.01, "seen_at": "yesterday"}'),
	seen(:'database', 'g000000000000000', jsonb_build_object('normalized_sql', repeat('é', 10001), 'call_count', 9223372036854775808, 'avg_latency_ms', 86400001,
	'p95_latency_ms', 1e400, 'avg_response_bytes', -1, 'stability_rate', NULL, 'seen_at', '2001-02-30T00:00:00Z')));
SELECT pgbeam.report_queries(jsonb_agg(seen(:'database', hash(99)) - 'seen_at')) FROM generate_series(1, 25);
SELECT pgbeam.report_queries(jsonb_agg(seen(:'database', hash(99)))) FROM generate_series(1, 1001);
SELECT pgbeam.report_queries(jsonb_agg(seen(:'database', hash(99), jsonb_build_object('normalized_sql', repeat('x', 9900))))) FROM generate_series(1, 215);
BEGIN;
SET LOCAL request.method = 'POST';
SELECT report(seen(:'database', hash(99)));
ROLLBACK;
SELECT count(*) = :before AS nothing FROM pgbeam.cache_rules;
-- The longest that is taken; a member more does no harm.
SELECT report(seen(:'database', hash(9), jsonb_build_object('normalized_sql', repeat('é', 10000), 'more', 1)));
SELECT length(normalized_sql) FROM pgbeam.cache_rules WHERE query_hash = hash(9);

-- Databases that are not there are passed over, and the others stored.
SELECT d ->> 'id' AS second FROM pgbeam.create_database(:'project',
	'{"host": "db.example.com", "port": 5432, "name": "d", "username": "u", "password": "canary-password-Vq7R2x"}') d \gset
SELECT report(seen(:'second', hash(1)), seen('db_00000000000000000000000000', hash(1)), seen(:'database', hash(1)), seen(:'second', hash(1)));
-- They go with their database; what a trigger holds back undoes the deletion.
CREATE FUNCTION hold_back() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER hold_back BEFORE DELETE ON pgbeam.cache_rules FOR EACH ROW EXECUTE FUNCTION hold_back();
SELECT pgbeam.delete_database(:'project', :'second');
DROP TRIGGER hold_back ON pgbeam.cache_rules;
SELECT pgbeam.delete_database(:'project', :'second');
SELECT count(*) FROM pgbeam.cache_rules WHERE database_id = pgbeam.typeid_decode(:'second');
SELECT report(seen(:'second', hash(1)));
SELECT pgbeam.list_cache_rules(:'project', :'second');
SELECT pgbeam.update_cache_rule(:'project', :'second', hash(1), '{"cache_enabled": true}');
CREATE TRIGGER hold_back BEFORE INSERT ON pgbeam.cache_rules FOR EACH ROW EXECUTE FUNCTION hold_back();
SELECT report(seen(:'database', hash(10)));
DROP FUNCTION hold_back CASCADE;

-- Room: a project has as many as its plan has query shapes, over all its databases.
SELECT p #>> '{project,id}' AS full_project, p #>> '{database,id}' AS full FROM pgbeam.create_project(
	'{"org_id": "rules", "name": "full", "database": {"host": "db.example.com", "port": 5432, "name": "d", "username": "u", "password": "canary-password-Vq7R2x"}}') p \gset
SELECT d ->> 'id' AS beside FROM pgbeam.create_database(:'full_project',
	'{"host": "db.example.com", "port": 5432, "name": "d", "username": "u", "password": "canary-password-Vq7R2x"}') d \gset
CREATE FUNCTION seen_on(database text, n integer, day integer) RETURNS jsonb LANGUAGE sql AS $$
	SELECT seen(database, hash(n), jsonb_build_object('seen_at', to_char(date '2001-01-01' + day, 'YYYY-MM-DD"T00:00:00Z"')))
$$;
CREATE VIEW room AS
	SELECT count(*) AS rules, count(updated_at) AS managed, min(query_hash) AS first, max(query_hash) AS last FROM pgbeam.cache_rules
	WHERE project_id = (SELECT id FROM pgbeam.projects WHERE org_id = 'rules' AND name = 'full' AND deleted_at IS NULL);
SELECT pgbeam.report_queries(jsonb_agg(seen_on(CASE WHEN n % 2 = 0 THEN :'full' ELSE :'beside' END, n, n))) FROM generate_series(1, 100) AS n;
TABLE room;
-- The one that was seen least recently goes, unless a PUT holds it.
SELECT report(seen_on(:'full', 101, 101));
TABLE room;
SELECT pgbeam.update_cache_rule(:'full_project', :'full', hash(2), '{"cache_enabled": true}') IS NOT NULL AS put;
SELECT report(seen_on(:'full', 102, 102), seen_on(:'beside', 103, 103));
SELECT query_hash FROM pgbeam.cache_rules WHERE database_id IN (pgbeam.typeid_decode(:'full'), pgbeam.typeid_decode(:'beside')) AND query_hash < hash(8) ORDER BY 1;
-- One that is seen again is young; what is older than all goes at once.
SELECT report(seen_on(:'beside', 5, 200), seen_on(:'full', 104, 104), seen_on(:'full', 105, 0));
SELECT query_hash FROM pgbeam.cache_rules WHERE database_id IN (pgbeam.typeid_decode(:'full'), pgbeam.typeid_decode(:'beside')) AND (query_hash < hash(8) OR query_hash > hash(103)) ORDER BY 1;
TABLE room;
-- Where all are held, nothing new is.
SELECT count(pgbeam.update_cache_rule(:'full_project', pgbeam.typeid_encode('db', database_id), query_hash, '{"cache_enabled": true}')) AS puts
FROM pgbeam.cache_rules WHERE project_id = pgbeam.typeid_decode(:'full_project');
SELECT report(seen_on(:'full', 106, 300), seen_on(:'full', 2, 300));
TABLE room;
SELECT pgbeam.update_cache_rule(:'full_project', :'full', hash(106), '{"cache_enabled": true}');
-- Other projects have room of their own.
SELECT count(*) FROM pgbeam.cache_rules WHERE project_id = pgbeam.typeid_decode(:'project');
-- A larger plan has more room, and one without a number 10000; a smaller one lets go of what no PUT holds.
SELECT pgbeam.set_organization('rules', '{"plan": "pro"}') ->> 'plan' AS plan;
SELECT pgbeam.report_queries(jsonb_agg(seen_on(:'full', 200 + n, n))) FROM generate_series(1, 1000) AS n;
TABLE room;
SELECT pgbeam.set_organization('rules', '{"plan": "enterprise"}') ->> 'plan' AS plan;
SELECT sum(pgbeam.report_queries(r)) FROM (SELECT jsonb_agg(seen_on(:'full', 10000 + n, n)) AS r FROM generate_series(1, 9100) AS n GROUP BY n / 900) AS r;
TABLE room;
SELECT pgbeam.report_queries(jsonb_agg(seen_on(:'full', 20000 + n, 365 + n))) FROM generate_series(1, 1000) AS n;
TABLE room;
SELECT pgbeam.set_organization('rules', '{"plan": null}') ->> 'plan' AS plan;
SELECT pgbeam.report_queries(jsonb_agg(seen_on(:'full', 30000 + n, 2000 + n))) FROM generate_series(1, 1000) AS n;
TABLE room;
SELECT pgbeam.set_organization('rules', '{"plan": "scale"}') ->> 'plan' AS plan;
SELECT report(seen_on(:'full', 40000, 4000));
TABLE room;
SELECT pgbeam.set_organization('rules', '{"plan": "starter"}') ->> 'plan' AS plan;
SELECT report(seen_on(:'full', 2, 4001));
TABLE room;

-- A report and a list walk along indexes, however small the tables were. (none)
SELECT pg_stat_force_next_flush(); -- what was counted before is told of too
BEGIN;
SELECT report(seen(:'database', hash(1))), pgbeam.list_cache_rules(:'project', :'database', 1) IS NOT NULL AS list,
	pgbeam.update_cache_rule(:'project', :'database', hash(1), '{"cache_enabled": true}') IS NOT NULL AS put;
SELECT relname FROM pg_stat_xact_user_tables WHERE schemaname = 'pgbeam' AND seq_scan > 0;
ROLLBACK;

-- A report walks past no other project of the organization. (none)
BEGIN;
CREATE TEMP TABLE one AS SELECT * FROM pgbeam.projects WHERE id = pgbeam.typeid_decode(:'project');
INSERT INTO pgbeam.projects
	SELECT (jsonb_populate_record(o, jsonb_build_object('id', gen_random_uuid(), 'name', 'n' || n))).* FROM one AS o, generate_series(1, 300) AS n;
CREATE TEMP TABLE fetched AS SELECT relname, idx_tup_fetch AS before FROM pg_stat_xact_user_tables WHERE schemaname = 'pgbeam';
SELECT report(seen(:'database', hash(1)));
SELECT relname, idx_tup_fetch - before AS rows FROM pg_stat_xact_user_tables JOIN fetched USING (relname) WHERE idx_tup_fetch - before > 30;
ROLLBACK;

-- A rule is not found where replication left its database without a project.
BEGIN;
SET LOCAL session_replication_role = replica;
DELETE FROM pgbeam.projects WHERE id = pgbeam.typeid_decode(:'project');
SELECT pgbeam.update_cache_rule(:'project', :'database', hash(1), '{"cache_enabled": true}');
ROLLBACK;

-- With its project all that is below it goes.
SELECT pgbeam.delete_project(:'full_project');
TABLE room;
SELECT count(*) FROM pgbeam.changes WHERE org_id = 'rules' AND resource = 'cache_rule' AND action = 'deleted';
DROP VIEW room;
DROP FUNCTION seen_on, shown, report, seen, hash, ask;
