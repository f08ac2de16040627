-- The views for operators: their columns, who may read them, and that they show
-- no secret.

-- The columns are a contract: a release adds to the end, and takes none away.
-- (rows)
SELECT c.relname AS view, string_agg(a.attname || ' ' || format_type(a.atttypid, a.atttypmod), ', ' ORDER BY a.attnum) AS columns
FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0
WHERE c.relnamespace = 'pgbeam_admin'::regnamespace GROUP BY 1 ORDER BY 1;

-- Every stored field of a resource that has a view is a column there; an id is
-- spelled as the API does. Only secrets are left out. (rows)
SELECT f.table_name, f.column_name, f.type FROM pgbeam.fields() AS f
LEFT JOIN pg_attribute AS a ON a.attrelid = to_regclass(replace(f.table_name, 'pgbeam.', 'pgbeam_admin.')) AND a.attname = f.column_name
WHERE f.column_name IS NOT NULL AND to_regclass(replace(f.table_name, 'pgbeam.', 'pgbeam_admin.')) IS NOT NULL
	AND a.atttypid IS DISTINCT FROM (CASE f.type WHEN 'uuid' THEN 'text' ELSE f.type END)::regtype;
-- Resources without a view of their own: the databases' view shows the tests;
-- what the others have is in the answers of functions. (rows)
SELECT DISTINCT f.table_name FROM pgbeam.fields() AS f
WHERE to_regclass(replace(f.table_name, 'pgbeam.', 'pgbeam_admin.')) IS NULL ORDER BY 1;

-- Every view and every column has a comment.
SELECT c.oid::regclass FROM pg_class AS c
WHERE c.relnamespace = 'pgbeam_admin'::regnamespace AND (obj_description(c.oid, 'pg_class') IS NULL
	OR split_part(obj_description(c.oid, 'pg_class'), E'\n', 1) !~ '^[^[:space:]].*[.]$');
SELECT a.attrelid::regclass, a.attname FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0
WHERE c.relnamespace = 'pgbeam_admin'::regnamespace AND col_description(a.attrelid, a.attnum) IS NULL;

-- The schema holds views alone, and they read with the rights of their owner.
SELECT c.oid::regclass, c.relkind, c.reloptions FROM pg_class AS c
WHERE c.relnamespace = 'pgbeam_admin'::regnamespace AND (c.relkind <> 'v' OR c.reloptions IS NOT NULL);
SELECT p.oid::regprocedure FROM pg_proc AS p WHERE p.pronamespace = 'pgbeam_admin'::regnamespace;

-- Of the columns that hold secrets or digests, the views read one: for the id of
-- its key. No column of a view can hold bytes. (row)
SELECT r.ev_class::regclass AS view, d.refobjid::regclass AS table, a.attname
FROM pg_rewrite AS r JOIN pg_depend AS d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid AND d.refclassid = 'pg_class'::regclass
JOIN pg_attribute AS a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
WHERE r.ev_class IN (SELECT oid FROM pg_class WHERE relnamespace = 'pgbeam_admin'::regnamespace)
	AND d.refobjid <> r.ev_class AND a.atttypid = 'bytea'::regtype;
SELECT a.attrelid::regclass, a.attname FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid
WHERE c.relnamespace = 'pgbeam_admin'::regnamespace AND a.attnum > 0
	AND a.atttypid NOT IN ('text'::regtype, 'text[]'::regtype, 'boolean'::regtype, 'integer'::regtype, 'bigint'::regtype, 'numeric'::regtype, 'timestamptz'::regtype);

-- Rows: what the API answers, under the same ids.
CREATE ROLE regress_pgbeam_operator;
SELECT pgbeam.grant_access('regress_pgbeam_operator', 'admin');
SET ROLE regress_pgbeam_operator;
SELECT pgbeam.set_organization('viewed', '{"plan": "scale", "max_projects": 9}') ->> 'org_id' AS org_id;
SELECT pgbeam.set_member('viewed', 'viewer_1', 'owner');
SELECT pgbeam.create_project('{"name": "seen", "org_id": "viewed", "database": {"host": "db1.viewed.example", "port": 5432,
	"name": "d", "username": "u", "password": "canary-password-Vq7R2x", "ssl_mode": "require"}}') AS made \gset
SELECT :'made'::json #>> '{project,id}' AS project, :'made'::json #>> '{database,id}' AS database \gset
SELECT pgbeam.create_project('{"name": "gone", "org_id": "viewed", "database": {"host": "db1.viewed.example", "port": 5433,
	"name": "d", "username": "u", "password": "canary-password-Vq7R2x"}}') #>> '{project,id}' AS gone \gset
SELECT pgbeam.delete_project(:'gone');
SELECT pgbeam.create_replica(:'database', '{"host": "db2.viewed.example", "port": 5432}') ->> 'id' AS replica \gset
SELECT pgbeam.create_custom_domain(:'project', '{"domain": "db.viewed.example"}') ->> 'id' AS domain \gset
SELECT id AS organizations_key_id, key AS organizations_key FROM pgbeam.create_api_key(org_id => 'viewed', name => 'deployment') \gset
SELECT id AS users_key_id FROM pgbeam.create_api_key(user_id => 'viewer_1') \gset
RESET ROLE;
SELECT pgbeam.report_connection_test(:'database', false, NULL, 'connection refused');
-- Of two proxies, one of which was started again. Its replicas count with a
-- database.
CREATE FUNCTION pg_temp.report(source text, database text, counted bigint, clients integer, ago interval) RETURNS bigint LANGUAGE sql AS $$
	SELECT pgbeam.report_traffic(jsonb_build_object('source', source, 'at', now() - ago, 'databases', jsonb_build_array(jsonb_build_object('key', database,
		'queries', counted, 'transactions', counted, 'query_time_us', counted, 'wait_time_us', counted, 'assignments', counted,
		'bytes_received', 10 * counted, 'bytes_sent', 100 * counted, 'clients', clients))))
$$;
SELECT count(pg_temp.report(source, database, counted, clients, ago)) FROM (VALUES
	(1, 'views-1', :'database', 50, 0, interval '4 minutes'), (2, 'views-1', :'database', 57, 2, '2 minutes'), (3, 'views-1', :'database' || '.ro', 3, 1, '1 minute'),
	(4, 'views-2', :'database', 4, 5, '3 minutes'), (5, 'views-2', :'database', 1, 4, '1 minute')) AS v (n, source, database, counted, clients, ago);
SET ROLE regress_pgbeam_operator;

SELECT org_id, plan, max_projects, project_count, database_count, member_count FROM pgbeam_admin.organizations WHERE org_id = 'viewed';
SELECT org_id, user_id, role, id ~ '^[0-9a-f]{32}$' AS has_id, email, name, image FROM pgbeam_admin.members WHERE org_id = 'viewed';
SELECT id IN (:'project', :'gone') AS known, name, status, database_count, deleted_at IS NOT NULL AS deleted
FROM pgbeam_admin.projects WHERE org_id = 'viewed' ORDER BY name;
-- Which databases are on this host?
SELECT id = :'database' AS known, project_id IN (:'project', :'gone') AS of_project, project_name, proxy_host LIKE '%.aws.pgbeam.app' AS proxied,
	port, ssl_mode, key_id = (SELECT k.key_id FROM pgbeam.keyring() AS k WHERE k.active) AS active_key, password_generation,
	test_ok, test_error, tested_at >= updated_at AS test_counts, deleted_at IS NOT NULL AS deleted
FROM pgbeam_admin.databases WHERE host = 'db1.viewed.example' ORDER BY port;
SELECT id = :'replica' AS known, database_id = :'database' AS of_database, host, port FROM pgbeam_admin.replicas WHERE org_id = 'viewed';
SELECT id = :'domain' AS known, project_id = :'project' AS of_project, domain, verified_at FROM pgbeam_admin.custom_domains WHERE org_id = 'viewed';
SELECT kind, project_id = :'project' AS of_project FROM pgbeam_admin.hosts WHERE host = pgbeam.get_project(:'project') ->> 'proxy_host';
SELECT id IN (:'organizations_key_id', :'users_key_id') AS known, kind, owner_id, name, revoked_at
FROM pgbeam_admin.api_keys WHERE owner_id IN ('viewed', 'viewer_1') ORDER BY kind;
-- What was counted, and who is connected: 7 + 3 of one proxy, 1 of the other
-- since it was started again.
SELECT bool_and(project_id = :'project') AS known, max(region) AS region, bool_and(day = date_trunc('day', day, 'UTC')) AS of_days, sum(queries) AS queries, sum(bytes_sent) AS bytes_sent
FROM pgbeam_admin.traffic_days WHERE org_id = 'viewed' AND day >= now() - interval '2 days';
SELECT project_name, active_connections, last_minute > now() - interval '1 hour' AS used, queries, transactions, bytes_received, bytes_sent, deleted_at IS NULL AS living
FROM pgbeam_admin.project_traffic WHERE org_id = 'viewed' ORDER BY 1;
SELECT database_id = :'database' AS known, project_id IN (:'project', :'gone') AS of_project, project_name, host, port, name, active_connections,
	last_report > now() - interval '1 hour' AS used, queries, transactions, bytes_received, bytes_sent, deleted_at IS NULL AS living
FROM pgbeam_admin.database_traffic WHERE org_id = 'viewed' ORDER BY port;
-- Clients count for as long as the API shows them.
RESET ROLE;
CREATE TABLE lasting AS SELECT NULL::interval AS ago, NULL::bigint AS by_api, NULL::bigint AS of_project, NULL::bigint AS of_database LIMIT 0;
DO $$
DECLARE
	ago interval;
BEGIN
	FOREACH ago IN ARRAY '{1 minute,2 minutes 30 seconds,3 minutes 30 seconds,1 day}'::interval[] LOOP
		UPDATE pgbeam.traffic_totals SET received_at = now() - ago WHERE org_id = 'viewed';
		UPDATE pgbeam.traffic_connections SET received_at = now() - ago WHERE org_id = 'viewed';
		INSERT INTO lasting SELECT ago, (pgbeam.get_project(p.project_id) ->> 'active_connections')::bigint, p.active_connections, d.active_connections
			FROM pgbeam_admin.project_traffic AS p JOIN pgbeam_admin.database_traffic AS d USING (project_id) WHERE p.org_id = 'viewed' AND p.deleted_at IS NULL;
	END LOOP;
END
$$;
TABLE lasting;
DROP TABLE lasting;
SET ROLE regress_pgbeam_operator;
-- As the functions that list them say.
SELECT id, kind, owner_id, name, created_at, expires_at, revoked_at FROM pgbeam_admin.api_keys
EXCEPT ALL
SELECT id, kind, owner_id, name, created_at, expires_at, revoked_at FROM pgbeam.list_api_keys();

-- No view shows a password, a key, or stored bytes of one, whichever way they
-- are spelled.
RESET ROLE;
CREATE TEMP TABLE secrets AS
	SELECT 'password' AS what, 'canary-password-Vq7R2x' AS spelled
	UNION ALL SELECT 'key', :'organizations_key'
	UNION ALL SELECT 'its secret part', split_part(:'organizations_key', '_', 3) WHERE split_part(:'organizations_key', '_', 3) <> ''
	UNION ALL
	SELECT b.what, s.spelled
	FROM (SELECT 'digest', digest FROM pgbeam.api_keys
		-- behind the version, the kind and the id of the key
		UNION ALL SELECT 'sealed password', substr(password_sealed, 19) FROM pgbeam.databases) AS b (what, bytes),
		LATERAL (VALUES (encode(b.bytes, 'hex')), (replace(encode(b.bytes, 'base64'), E'\n', '')), (encode(b.bytes, 'escape'))) AS s (spelled)
	WHERE b.bytes IS NOT NULL;
SELECT DISTINCT what FROM secrets ORDER BY 1;
CREATE FUNCTION pg_temp.shown(view regclass) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
	RETURN QUERY EXECUTE format('SELECT v::text || to_jsonb(v) FROM %s AS v', view);
END
$$;
CREATE TEMP TABLE shown AS
	SELECT c.relname AS view, s AS line FROM pg_class AS c, pg_temp.shown(c.oid) AS s WHERE c.relnamespace = 'pgbeam_admin'::regnamespace;
SELECT view FROM shown GROUP BY 1 ORDER BY 1;
SELECT DISTINCT view, what FROM shown, secrets WHERE strpos(line, spelled) > 0;

-- A role with admin access may read them, and write nothing. Others may not
-- even name them.
SET ROLE regress_pgbeam_operator;
SELECT count(*) > 0 AS read FROM pgbeam_admin.databases;
UPDATE pgbeam_admin.projects SET name = 'taken';
INSERT INTO pgbeam_admin.members VALUES ('viewed', 'user_2', 'owner');
DELETE FROM pgbeam_admin.hosts;
SELECT password_sealed FROM pgbeam.databases;
RESET ROLE;
CREATE ROLE regress_pgbeam_http;
CREATE ROLE regress_pgbeam_plane;
SELECT pgbeam.grant_access('regress_pgbeam_http', 'http'), pgbeam.grant_access('regress_pgbeam_http', 'api'),
	pgbeam.grant_access('regress_pgbeam_plane', 'data_plane');
SELECT r AS role, has_schema_privilege(r, 'pgbeam_admin', 'USAGE') AS schema, bool_or(has_any_column_privilege(r, c.oid, 'SELECT')) AS views
FROM unnest(ARRAY['regress_pgbeam_operator', 'regress_pgbeam_http', 'regress_pgbeam_plane', 'public']) AS r, pg_class AS c
WHERE c.relnamespace = 'pgbeam_admin'::regnamespace GROUP BY 1 ORDER BY 1;

-- The check names what nobody needs, and its remedies help.
GRANT SELECT ON pgbeam_admin.projects TO regress_pgbeam_http, PUBLIC;
GRANT USAGE ON SCHEMA pgbeam_admin TO PUBLIC;
GRANT CREATE ON SCHEMA pgbeam_admin TO regress_pgbeam_operator;
GRANT UPDATE ON pgbeam_admin.hosts TO regress_pgbeam_operator;
CREATE VIEW findings AS SELECT setting, value, problem, mend FROM pgbeam.check_configuration()
	WHERE concat(setting, value) ~ 'pgbeam_admin';
SELECT * FROM findings ORDER BY 1, 2;
SELECT mend FROM findings \gexec
SELECT * FROM findings;
DROP VIEW findings;

-- Everything belongs to one role.
CREATE ROLE regress_pgbeam_other;
ALTER VIEW pgbeam_admin.hosts OWNER TO regress_pgbeam_other;
ALTER SCHEMA pgbeam_admin OWNER TO regress_pgbeam_other;
SELECT setting, value FROM pgbeam.check_owners() WHERE value ~ 'regress_pgbeam_other' ORDER BY 1;
SELECT pgbeam.set_owner(proowner) FROM pg_proc WHERE oid = 'pgbeam.create_project(jsonb)'::regprocedure;
SELECT setting, value FROM pgbeam.check_owners() WHERE setting ~ 'pgbeam_admin';

-- The views are taken back by REVOKE.
REVOKE ALL ON ALL TABLES IN SCHEMA pgbeam_admin FROM regress_pgbeam_operator;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA pgbeam FROM regress_pgbeam_operator;
REVOKE ALL ON SCHEMA pgbeam, pgbeam_admin FROM regress_pgbeam_operator;
DROP ROLE regress_pgbeam_operator;

-- A query runs no counts and no joins that it does not ask for.
EXPLAIN (COSTS OFF) SELECT org_id, plan FROM pgbeam_admin.organizations;
EXPLAIN (COSTS OFF) SELECT org_id, id, project_id, key_id FROM pgbeam_admin.databases;
EXPLAIN (COSTS OFF) SELECT org_id, project_id FROM pgbeam_admin.project_traffic;
EXPLAIN (COSTS OFF) SELECT org_id, database_id, host FROM pgbeam_admin.database_traffic;
-- An index finds a project by the host that clients connect to.
SET enable_seqscan = off;
SET enable_bitmapscan = off;
EXPLAIN (COSTS OFF) SELECT project_id FROM pgbeam_admin.hosts WHERE host = 'seen.aws.pgbeam.app';
RESET enable_seqscan;
RESET enable_bitmapscan;

SELECT pgbeam.revoke_api_keys(org_id => 'viewed'), pgbeam.revoke_api_keys(user_id => 'viewer_1');
SELECT pgbeam.delete_project(:'project');
DELETE FROM pgbeam.traffic_sources WHERE source ~ '^views-';
DROP OWNED BY regress_pgbeam_http, regress_pgbeam_plane, regress_pgbeam_other;
DROP ROLE regress_pgbeam_http, regress_pgbeam_plane, regress_pgbeam_other;
