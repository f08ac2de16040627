-- What proxies have counted, and what it becomes: metrics and usage.
SET client_min_messages = warning;
SELECT pgbeam.set_organization('traffic') IS NOT NULL AS made, pgbeam.set_organization('traffic_b') IS NOT NULL AS made;
RESET client_min_messages;
SET test.password = 'canary-password-Vq7R2x';
CREATE FUNCTION make(org text, name text) RETURNS json LANGUAGE sql AS $$
	SELECT pgbeam.create_project(jsonb_build_object('org_id', org, 'name', name, 'database', jsonb_build_object('host', 'db.example.com',
		'port', 5432, 'name', 'd', 'username', 'u', 'password', current_setting('test.password'))))
$$;
SELECT p #>> '{project,id}' AS project, p #>> '{database,id}' AS database FROM make('traffic', 't') p \gset
SELECT p #>> '{project,id}' AS second_project, p #>> '{database,id}' AS second FROM make('traffic', 'u') p \gset
SELECT p #>> '{project,id}' AS foreign_project, p #>> '{database,id}' AS foreign FROM make('traffic_b', 't') p \gset

-- An entry: so many queries of 3 ms, for each of which its client waited 1 ms
-- and got 100 bytes.
CREATE FUNCTION counted(key text, queries bigint, clients integer DEFAULT 0, members jsonb DEFAULT '{}') RETURNS jsonb LANGUAGE sql AS $$
	SELECT jsonb_build_object('key', key, 'queries', queries, 'transactions', queries, 'query_time_us', 3000 * queries,
		'wait_time_us', 1000 * queries, 'assignments', queries, 'bytes_received', 10 * queries, 'bytes_sent', 100 * queries,
		'clients', clients) || members
$$;
CREATE FUNCTION report(source text, at text, region text, VARIADIC entries jsonb[] DEFAULT '{}') RETURNS bigint LANGUAGE sql AS $$
	SELECT pgbeam.report_traffic(jsonb_build_object('source', source, 'at', at, 'region', region, 'databases', to_jsonb(entries)))
$$;
-- The metrics, without what is always the same or random.
CREATE FUNCTION metrics(project text, n integer DEFAULT NULL, region text DEFAULT NULL) RETURNS SETOF text LANGUAGE sql AS $$
	SELECT concat_ws(' ', s ->> 'created_at', s ->> 'region', s ->> 'queries_total', s ->> 'active_connections', s ->> 'avg_latency_ms',
		s ->> 'p99_latency_ms', s ->> 'avg_connect_ms', s ->> 'avg_query_ms')
	FROM json_array_elements(pgbeam.get_project_metrics(project, n, region) -> 'snapshots') AS s
$$;
-- The tests are of the past, which is to stay.
SET pgbeam.metrics_retention = 0;
SET pgbeam.usage_retention = 0;
\a
\t

-- Nothing is there before it is counted.
SELECT pgbeam.get_project_metrics(:'project');
SELECT pgbeam.get_project_usage(:'project', '2001-01-01', '2001-12-31');
SELECT pgbeam.get_organization_usage('traffic', '2001-01-01', '2001-12-31');

-- The first report of a source adds nothing; the next ones what came since.
SELECT report('a', '2001-01-15T09:30:10Z', 'us-east-1', counted(:'database', 1000, 2));
SELECT * FROM metrics(:'project');
SELECT report('a', '2001-01-15T09:31:10Z', 'us-east-1', counted(:'database', 1500, 3));
SELECT * FROM metrics(:'project');
SELECT s::jsonb - 'id' - 'project_id', s ->> 'project_id' = :'project' AS project, s ->> 'id' ~ '^[0-9a-f]{32}$' AS id
FROM json_array_elements(pgbeam.get_project_metrics(:'project', 1) -> 'snapshots') AS s;
SELECT json_object_keys(s) FROM json_array_elements(pgbeam.get_project_metrics(:'project', 1) -> 'snapshots') AS s;
SELECT pgbeam.get_project_usage(:'project', '2001-01-15', '2001-01-15');
SELECT pgbeam.get_organization_usage('traffic', '2001-01-15', '2001-01-15');

-- The same report again counts once, and so does an earlier one.
SELECT report('a', '2001-01-15T09:31:10Z', 'us-east-1', counted(:'database', 1500, 3));
SELECT report('a', '2001-01-15T09:30:40Z', 'us-east-1', counted(:'database', 1200, 3));
SELECT report('a', '2001-01-15T10:31:10+01:00', 'us-east-1', counted(:'database', 9000, 3));
SELECT queries_total, connection_seconds FROM json_to_recordset(pgbeam.get_project_usage(:'project', '2001-01-15', '2001-01-15') -> 'usage')
	AS u (queries_total bigint, connection_seconds bigint);

-- A counter that went back is a restart: all it has is new. One is enough.
SELECT report('a', '2001-01-15T09:32:10Z', 'us-east-1', counted(:'database', 40));
SELECT report('a', '2001-01-15T09:33:10Z', 'us-east-1', counted(:'database', 50, members => '{"bytes_sent": 3999}'));
SELECT * FROM metrics(:'project', 2);
-- Nothing new, and no clients: no snapshot.
SELECT report('a', '2001-01-15T09:34:10Z', 'us-east-1', counted(:'database', 50, members => '{"bytes_sent": 3999}'));
SELECT count(*) FROM metrics(:'project');

-- A known source names another database: all of that is new. Replicas count
-- for their database, and several databases for their project.
SELECT report('a', '2001-01-15T09:35:10Z', 'us-east-1', counted(:'second', 7), counted(:'second' || '.ro', 3), counted(:'foreign', 11, 1));
SELECT * FROM metrics(:'second_project');
SELECT * FROM metrics(:'foreign_project');
-- Another source adds its own, also of databases that others report, and
-- begins by counting from where it stands.
SELECT report('b', '2001-01-15T09:35:20Z', 'eu-west-1', counted(:'second', 1000000, 1), counted(:'foreign', 1000000, 1));
SELECT report('b', '2001-01-15T09:35:50Z', 'us-east-1', counted(:'second', 1000020, 4), counted(:'foreign', 1000010, 5));
SELECT * FROM metrics(:'second_project');
SELECT * FROM metrics(:'second_project', region => 'eu-west-1');
SELECT * FROM metrics(:'second_project', region => 'nowhere');
SELECT pgbeam.get_organization_usage('traffic_b', '2001-01-15', '2001-01-15');

-- Of clients, a minute has the most that each source reported.
SELECT report('b', '2001-01-15T09:36:00Z', NULL, counted(:'second', 1000020, 5));
SELECT report('b', '2001-01-15T09:36:20Z', NULL, counted(:'second', 1000020, 3));
SELECT report('b', '2001-01-15T09:36:40Z', NULL, counted(:'second', 1000020, 6));
SELECT report('c', '2001-01-15T09:36:50Z', NULL, counted(:'second', 0, 10));
SELECT * FROM metrics(:'second_project', 1);
-- They count for the time since the report before, for 3 minutes at most.
SELECT report('c', '2001-01-16T09:36:50Z', NULL, counted(:'second', 0, 10));
SELECT pgbeam.get_project_usage(:'second_project', '2001-01-16', '2001-01-16');
SELECT report('c', '2001-01-16T09:37:00Z', NULL, counted(:'second', 0, 10));
SELECT pgbeam.get_project_usage(:'second_project', '2001-01-16', '2001-01-16');

-- What 99 of 100 queries take: the most that is reported, where it is.
SELECT report('c', '2001-01-16T09:38:50Z', NULL, counted(:'second', 10, members => '{"p99_latency_us": 12500}'));
SELECT report('c', '2001-01-16T09:38:55Z', NULL, counted(:'second', 20, members => '{"p99_latency_us": 9500}'), counted(:'second' || '.ro', 5));
SELECT * FROM metrics(:'second_project', 1);

-- Days are those of UTC, whatever the session's and the report's zone.
SET timezone = 'Asia/Tokyo';
SELECT report('d', '2001-02-28T23:58:30Z', 'x');
SELECT report('d', '2001-02-28T23:59:30Z', 'x', counted(:'database', 100, 1));
SELECT report('d', '2001-03-01T00:00:30Z', 'x', counted(:'database', 110, 1));
SELECT report('d', '2001-03-01T09:00:00+09:00', 'x', counted(:'database', 999, 1));
SELECT report('d', '2001-03-01T01:59:59.999+02:00', 'x', counted(:'database', 999, 1));
SELECT pgbeam.get_project_usage(:'project', '2001-02-28', '2001-03-01');
SELECT pgbeam.get_organization_usage('traffic', '2001-02-28', '2001-02-28');
RESET timezone;

-- Days that are no days, and periods that end before they begin.
SELECT pgbeam.get_project_usage(:'project', '2001-03-02', '2001-03-01');
SELECT pgbeam.get_organization_usage('traffic', '2001-03-02', '2001-03-01');
SELECT pgbeam.get_project_usage(:'project', '2001-02-29', '2001-03-01T00:00:00Z');
SELECT pgbeam.get_project_usage(:'project', NULL, '');
SELECT pgbeam.get_project_usage(:'project', '0000-01-01', '9999-12-31');
SELECT pgbeam.get_project_usage(:'project', '2001-1-1', 'yesterday');
SELECT pgbeam.get_project_metrics(:'project', 0);
SELECT pgbeam.get_project_metrics(:'project', 1001);
SELECT json_array_length(pgbeam.get_project_metrics(:'project', 1000) -> 'snapshots') > 0 AS some;
-- No project, no organization.
SELECT pgbeam.get_project_metrics('prj_00000000000000000000000000');
SELECT pgbeam.get_project_usage(NULL, '2001-01-01', '2001-01-01');
SELECT pgbeam.get_organization_usage('', '2001-01-01', '2001-01-01');
SELECT pgbeam.get_organization_usage('nobody', '2001-01-01', '2001-01-01');

-- Bad reports, of which nothing is stored.
SELECT pgbeam.report_traffic(NULL);
SELECT pgbeam.report_traffic('[]');
SELECT pgbeam.report_traffic('{}');
SELECT pgbeam.report_traffic('{"source": "", "at": "yesterday", "region": 1, "databases": {}}');
SELECT pgbeam.report_traffic('{"source": "a\u0007", "at": "9999-01-01T00:00:00Z", "databases": []}');
SELECT pgbeam.report_traffic('{"source": "a", "at": "2001-04-01T00:00:00Z", "databases": [1]}');
SELECT report('a', '2001-04-01T00:00:00Z', NULL, counted(:'database', -1, -1));
SELECT report('a', '2001-04-01T00:00:00Z', NULL, counted(:'database', 0, 1000001, '{"queries": 9223372036854775808, "bytes_sent": 1.5, "wait_time_us": null,
	"assignments": "1", "p99_latency_us": -1}'));
SELECT report('a', '2001-04-01T00:00:00Z', NULL, counted('orders', 0), counted(:'project', 0), counted(:'database' || '.rw', 0), counted('.ro', 0));
SELECT report('a', '2001-04-01T00:00:00Z', NULL, counted(:'database', 0), counted(:'database' || '.ro', 0), counted(:'database', 0));
SELECT pgbeam.report_traffic(jsonb_build_object('source', 'a', 'at', '2001-04-01T00:00:00Z', 'databases',
	(SELECT jsonb_agg(counted('db_00000000000000000000000000', 0)) FROM generate_series(1, 10001))));
SELECT pgbeam.report_traffic(jsonb_build_object('source', 'a', 'at', '2001-04-01T00:00:00Z', 'rest', repeat('x', 9000000), 'databases', '[]'::jsonb));
SELECT source, reported_at FROM pgbeam.traffic_sources WHERE source = 'a' AND reported_at > '2001-02-01';
-- So many are taken. Those of no database are skipped.
SELECT pgbeam.report_traffic(jsonb_build_object('source', 'many', 'at', '2001-04-01T00:00:00Z', 'databases',
	(SELECT jsonb_agg(counted(pgbeam.typeid_encode('db', lpad(to_hex(i), 32, '0')::uuid), 0)) FROM generate_series(1, 9999) AS i) || counted(:'database', 0)));
-- A time a little ahead is taken, as clocks differ.
SELECT report('ahead', to_char(now() AT TIME ZONE 'UTC' + interval '4 minutes', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), NULL);

-- Numbers that are full stay so.
SELECT report('full', '2001-05-01T00:00:00Z', NULL);
SELECT report('full', '2001-05-01T00:00:10Z', NULL, counted(:'database', 1, 1000000, '{"queries": 9223372036854775807, "bytes_sent": 9223372036854775807}'));
SELECT report('full', '2001-05-01T00:00:20Z', NULL, counted(:'database', 1, 1000000, '{"queries": 9223372036854775806, "bytes_sent": 9223372036854775806}'));
SELECT pgbeam.get_project_usage(:'project', '2001-05-01', '2001-05-01');
SELECT * FROM metrics(:'project', 1);

-- Within an HTTP request nobody reports; and it goes through no other wall.
SET request.method = 'POST';
SELECT pgbeam.report_traffic('{}');
RESET request.method;

-- Over HTTP: a tenant reads their own, and learns nothing of others.
SELECT key AS key FROM pgbeam.create_api_key(org_id => 'traffic') \gset
CREATE FUNCTION ask(key text, path text) RETURNS text LANGUAGE sql AS $$
	SELECT concat_ws(' ', status, body::json #>> '{error,code}', body::json #>> '{error,message}')
	FROM pgbeam.http('GET', path, jsonb_build_object('X-API-Key', key), NULL)
$$;
SELECT ask(:'key', '/v1/projects/' || :'project' || '/metrics');
SELECT ask(:'key', '/v1/projects/' || :'project' || '/metrics?limit=1001');
SELECT ask(:'key', '/v1/projects/' || :'project' || '/usage?start_date=2001-01-01&end_date=2001-12-31');
SELECT ask(:'key', '/v1/projects/' || :'project' || '/usage?start_date=2001-12-31&end_date=2001-01-01');
SELECT ask(:'key', '/v1/projects/' || :'project' || '/usage');
SELECT ask(:'key', '/v1/organizations/traffic/usage?start_date=2001-01-01&end_date=2001-12-31');
SELECT ask(:'key', '/v1/projects/' || :'foreign_project' || '/metrics');
SELECT ask(:'key', '/v1/projects/' || :'foreign_project' || '/usage?start_date=2001-01-01&end_date=2001-12-31');
SELECT ask(:'key', '/v1/organizations/traffic_b/usage?start_date=2001-01-01&end_date=2001-12-31');
SELECT ask(:'key', '/v1/organizations/nobody/usage?start_date=2001-01-01&end_date=2001-12-31');
SELECT ask('none', '/v1/projects/' || :'project' || '/metrics');
-- An answer that the client has is not sent again.
SELECT headers ->> 'ETag' AS etag FROM pgbeam.http('GET', '/v1/projects/' || :'project' || '/metrics', jsonb_build_object('X-API-Key', :'key'), NULL) \gset
SELECT status, body FROM pgbeam.http('GET', '/v1/projects/' || :'project' || '/metrics', jsonb_build_object('X-API-Key', :'key', 'If-None-Match', :'etag'), NULL);
SELECT report('d', '2001-06-01T00:00:30Z', 'x', counted(:'database', 120, 1));
SELECT status FROM pgbeam.http('GET', '/v1/projects/' || :'project' || '/metrics', jsonb_build_object('X-API-Key', :'key', 'If-None-Match', :'etag'), NULL);

-- What was used stays for the organization when its project is deleted, and
-- for the project when it is undeleted. Where its counters stood is forgotten.
SELECT pgbeam.delete_project(:'second_project');
SELECT pgbeam.get_project_metrics(:'second_project');
SELECT count(*) FROM pgbeam.traffic_totals WHERE pgbeam.typeid_encode('prj', project_id) = :'second_project';
SELECT report('a', '2001-06-02T00:00:00Z', NULL, counted(:'second', 9000));
SELECT queries_total FROM json_to_recordset(pgbeam.get_organization_usage('traffic', '2001-01-15', '2001-01-15') -> 'usage') AS u (queries_total bigint);
SELECT pgbeam.undelete_project(:'second_project') IS NOT NULL AS is_back;
SELECT queries_total, region FROM json_to_recordset(pgbeam.get_project_usage(:'second_project', '2001-01-15', '2001-01-15') -> 'usage') AS u (queries_total bigint, region text);

-- Old rows go: with each report, and by a purge.
CREATE VIEW kept AS SELECT (SELECT count(*) FROM pgbeam.traffic_minutes WHERE org_id ~ '^traffic') AS minutes,
	(SELECT count(*) FROM pgbeam.traffic_days WHERE org_id ~ '^traffic') AS days,
	(SELECT count(*) FROM pgbeam.traffic_org_days WHERE org_id ~ '^traffic') AS org_days,
	(SELECT count(*) FROM pgbeam.traffic_totals WHERE org_id ~ '^traffic') AS totals,
	(SELECT count(*) FROM pgbeam.traffic_sources WHERE source = 'd') AS sources;
SELECT minutes > 0, days > 0, org_days > 0, totals > 0, sources FROM kept;
SET pgbeam.metrics_retention = 7;
SELECT report('d', '2001-06-02T00:00:00Z', 'x');
SELECT minutes, days > 0, org_days > 0 FROM kept;
SET pgbeam.usage_retention = 400;
SELECT pgbeam.purge() > 0 AS purged;
SELECT minutes, days, org_days, totals > 0, sources FROM kept;
-- A source that is silent is forgotten, with its totals.
UPDATE pgbeam.traffic_sources SET received_at = received_at - interval '8 days' WHERE source IN ('a', 'd');
SELECT pgbeam.purge(1) AS one;
SELECT pgbeam.purge() > 0 AS some;
SELECT pgbeam.purge() > 0 AS some;
SELECT pgbeam.purge() AS none;
SELECT source FROM pgbeam.traffic_sources ORDER BY 1;
SELECT count(*) FROM pgbeam.traffic_totals WHERE source IN ('a', 'd');

-- A project shows the clients that the last reports of all sources tell of.
CREATE FUNCTION seen(source text, n integer, VARIADIC entries jsonb[] DEFAULT '{}') RETURNS bigint LANGUAGE sql AS $$
	SELECT pgbeam.report_traffic(jsonb_build_object('source', source, 'at', now() - interval '1 hour' + n * interval '1 minute', 'databases', to_jsonb(entries)))
$$;
CREATE FUNCTION connected(project text) RETURNS text LANGUAGE sql AS $$ SELECT pgbeam.get_project(project) ->> 'active_connections' $$;
SELECT p #>> '{project,id}' AS quiet, p #>> '{database,id}' AS quiet_database, p #>> '{project,active_connections}' AS new FROM make('traffic', 'quiet') p \gset
UPDATE pgbeam.traffic_totals SET received_at = received_at - interval '4 minutes';
UPDATE pgbeam.traffic_connections SET received_at = received_at - interval '4 minutes';
SELECT connected(:'project'), :'new' AS new;
SELECT seen('live', 1, counted(:'database', 1, 5), counted(:'second', 1, 2), counted(:'second' || '.ro', 1, 1));
SELECT connected(:'project'), connected(:'second_project'), connected(:'quiet'), connected(:'foreign_project');
SELECT seen('live_too', 1, counted(:'second', 1, 4), counted(:'foreign', 1, 9));
SELECT connected(:'second_project'), connected(:'foreign_project');
SELECT pgbeam.update_project(:'second_project', '{"description": "x"}') ->> 'active_connections' AS updated;
-- One that reports no clients takes its own away, and so does one that is silent.
SELECT seen('live', 2, counted(:'database', 1, 5), counted(:'second', 1), counted(:'second' || '.ro', 1));
SELECT connected(:'project'), connected(:'second_project');
UPDATE pgbeam.traffic_totals SET received_at = received_at - interval '4 minutes' WHERE source = 'live_too';
SELECT seen('live', 3, counted(:'database', 1, 5), counted(:'second', 1, 1));
SELECT connected(:'project'), connected(:'second_project');
UPDATE pgbeam.traffic_connections SET received_at = received_at - interval '4 minutes';
SELECT connected(:'project'), connected(:'second_project');

-- Lists by it begin with the busiest; those without clients follow, the latest
-- first. Pages go on where they ended, whatever happens to that project.
SELECT seen('live', 4, counted(:'database', 1, 2), counted(:'second', 1, 7));
CREATE FUNCTION page(org text, size integer, token text, filters jsonb DEFAULT '{}', OUT names text, OUT next text) LANGUAGE sql AS $$
	SELECT (SELECT string_agg((p ->> 'name') || ' ' || (p ->> 'active_connections'), ', ') FROM json_array_elements(l -> 'projects') AS p), l ->> 'next_page_token'
	FROM pgbeam.list_projects(org, size, token, 'active_connections', name => filters ->> 'name', name_prefix => filters ->> 'name_prefix',
		tag => filters ->> 'tag', status => filters ->> 'status') AS l
$$;
SELECT names, next FROM page('traffic', NULL, NULL);
SELECT next AS token FROM page('traffic', 1, NULL) \gset
SELECT names, next IS NULL AS ends FROM page('traffic', 10, :'token');
SELECT seen('live', 5, counted(:'database', 1, 2), counted(:'second', 1, 0));
SELECT names, next IS NULL AS ends FROM page('traffic', 10, :'token');
SELECT p.names, p.next IS NULL AS ends FROM (SELECT next FROM page('traffic', 2, NULL)) AS t, page('traffic', 1, t.next) AS p;
WITH RECURSIVE pages AS (
	SELECT 1 AS n, p.* FROM page('traffic', 1, NULL) AS p
	UNION ALL SELECT n + 1, p.* FROM pages, page('traffic', 1, pages.next) AS p WHERE pages.next IS NOT NULL)
SELECT n, names FROM pages ORDER BY n;
SELECT pgbeam.update_project(:'quiet', '{"tags": ["a", "b"]}') IS NOT NULL, pgbeam.update_project(:'project', '{"tags": ["b"]}') IS NOT NULL;
SELECT names, next FROM page('traffic', 2, NULL, '{"tag": "b"}');
SELECT names, next FROM page('traffic', 2, NULL, '{"tag": "a"}');
SELECT names, next FROM page('traffic', 2, NULL, '{"name": "t"}');
SELECT names, next FROM page('traffic', 2, NULL, '{"name": "quiet"}');
SELECT names, next FROM page('traffic', 2, NULL, '{"name_prefix": "q"}');
SELECT names, next FROM page('traffic', 2, NULL, '{"status": "active", "name_prefix": "u"}');
SELECT names, next FROM page('traffic', 2, NULL, '{"status": "suspended"}');
SELECT names, next FROM page('nobody', 2, NULL);
-- As many at once as a page may have, and more with clients than fit on one.
SET client_min_messages = warning;
SELECT count(seen('live_many', n, counted(p #>> '{database,id}', 1, n % 7))) FROM generate_series(1, 30) AS n, make('traffic_many', 'm' || n) AS p;
RESET client_min_messages;
WITH RECURSIVE pages AS (
	SELECT 1 AS n, l FROM pgbeam.list_projects('traffic_many', 4, NULL, 'active_connections') AS l
	UNION ALL SELECT n + 1, m FROM pages, pgbeam.list_projects('traffic_many', 4, l ->> 'next_page_token', 'active_connections') AS m WHERE l ->> 'next_page_token' IS NOT NULL),
	listed AS (SELECT n, place, p ->> 'id' AS id, (p ->> 'active_connections')::int AS clients FROM pages, json_array_elements(l -> 'projects') WITH ORDINALITY AS p (p, place))
SELECT count(*), count(DISTINCT id), max(n), array_agg(clients ORDER BY n, place) FROM listed;

-- What changes by itself changes the ETag, but does not keep a change back.
CREATE FUNCTION tag(key text, project text) RETURNS text LANGUAGE sql AS $$
	SELECT headers ->> 'ETag' FROM pgbeam.http('GET', '/v1/projects/' || project, jsonb_build_object('X-API-Key', key), NULL)
$$;
CREATE FUNCTION describe(key text, project text, tag text, description text) RETURNS integer LANGUAGE sql AS $$
	SELECT status FROM pgbeam.http('PATCH', '/v1/projects/' || project, jsonb_build_object('X-API-Key', key, 'If-Match', tag, 'Content-Type', 'application/json'),
		convert_to(jsonb_build_object('description', description)::text, 'UTF8'))
$$;
SELECT tag(:'key', :'project') AS before \gset
SELECT seen('live', 6, counted(:'database', 1, 3));
SELECT tag(:'key', :'project') <> :'before' AS differs;
SELECT describe(:'key', :'project', :'before', '"active_connections":1');
SELECT describe(:'key', :'project', :'before', 'another');
SELECT describe(:'key', :'project', tag(:'key', :'project'), '"active_connections":2');
SELECT tag(:'key', :'project') AS before \gset
SELECT pgbeam.update_project(:'project', '{"description": "\"active_connections\":3"}') IS NOT NULL AS changed;
SELECT describe(:'key', :'project', :'before', 'x');
SELECT pgbeam.erase_organization('traffic_many') > 0 AS erased;
DROP FUNCTION seen, connected, page, tag, describe;

-- Nothing is left of an organization that is erased.
SELECT report('b', '2001-06-02T00:00:00Z', 'x', counted(:'foreign', 2000000, 1));
SELECT report('b', '2001-06-02T00:01:00Z', 'x', counted(:'foreign', 2000001, 1));
SELECT pgbeam.erase_organization('traffic_b') > 0 AS erased;
SELECT count(*) FROM kept, pgbeam.traffic_totals WHERE org_id = 'traffic_b';
SELECT pgbeam.erase_organization('traffic') > 0 AS erased;
SELECT minutes, days, org_days, totals FROM kept;
\t
\a
DROP VIEW kept;
DROP FUNCTION make, counted, report, metrics, ask;
DELETE FROM pgbeam.traffic_sources;
