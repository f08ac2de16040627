-- Views for operators, over all organizations. Their schema is not the one
-- that PostgREST exposes.
--
-- They read the tables with the rights of their owner, who owns the tables too,
-- and they are granted to read only. security_barrier was rejected: it hides
-- rows from conditions that could leak them, and these views hide no row. It
-- would also keep a condition such as LIKE away from the indexes. A secret
-- column is not among theirs, so no condition gets to see it.
--
-- Counts are subqueries of the result, and joins are outer joins to a primary
-- key: a query that does not ask for their columns does not run them, and one
-- that finds a few rows runs them for these alone.
--
-- A new column goes to the end, where ALTER EXTENSION UPDATE can add it.
CREATE SCHEMA pgbeam_admin;
COMMENT ON SCHEMA pgbeam_admin IS
'Views for roles with admin access, over what pgbeam stores for all organizations, but for secrets';

CREATE VIEW pgbeam_admin.organizations AS
SELECT o.org_id, o.plan, o.max_projects, o.max_databases, o.max_connections, o.queries_per_second, o.burst_size,
	o.name, o.slug, o.suspended_at,
	(SELECT pg_catalog.count(*) FROM pgbeam.projects AS p
		WHERE p.org_id = o.org_id AND p.deleted_at IS NULL) AS project_count,
	(SELECT coalesce(pg_catalog.sum(p.database_count), 0) FROM pgbeam.projects AS p
		WHERE p.org_id = o.org_id AND p.deleted_at IS NULL) AS database_count,
	(SELECT pg_catalog.count(*) FROM pgbeam.members AS m WHERE m.org_id = o.org_id) AS member_count,
	o.spend_limit
FROM pgbeam.organizations AS o;
COMMENT ON VIEW pgbeam_admin.organizations IS
'The organizations: plan, own limits, since when they are suspended, and how much they have.
A limit of null is the plan''s. Deleted projects and databases do not count.';
COMMENT ON COLUMN pgbeam_admin.organizations.project_count IS 'Its projects that are not deleted.';
COMMENT ON COLUMN pgbeam_admin.organizations.database_count IS 'The databases of these projects that are not deleted.';
COMMENT ON COLUMN pgbeam_admin.organizations.member_count IS 'Its members.';

CREATE VIEW pgbeam_admin.members AS
SELECT m.org_id, m.user_id, m.role, m.id, m.email, m.name, m.image, m.created_at
FROM pgbeam.members AS m;
COMMENT ON VIEW pgbeam_admin.members IS
'The users of organizations, their roles, and what pgbeam.set_member() was told of them.';

CREATE VIEW pgbeam_admin.projects AS
SELECT pgbeam.typeid_encode('prj', p.id) AS id, p.org_id, p.name, p.description, p.tags, p.cloud, p.self_hosted,
	p.proxy_host, p.allowed_cidrs, p.allowed_cidr_labels,
	pgbeam.typeid_encode('pol', p.default_policy_profile_id) AS default_policy_profile_id,
	p.residency, p.agents_disabled, p.database_count, p.status, p.created_at, p.updated_at, p.deleted_at
FROM pgbeam.projects AS p;
COMMENT ON VIEW pgbeam_admin.projects IS
'The projects of all organizations, deleted ones too: these have a time in deleted_at.';

CREATE VIEW pgbeam_admin.databases AS
SELECT pgbeam.typeid_encode('db', d.id) AS id, d.org_id, pgbeam.typeid_encode('prj', d.project_id) AS project_id,
	p.name AS project_name, p.proxy_host,
	d.host, d.port, d.name, d.username, pgbeam.secret_key_id(d.password_sealed) AS key_id, d.password_generation,
	d.ssl_mode, d.role, d.pool_region, d.query_timeout_ms, d.auto_read_routing,
	d.cache_enabled, d.cache_ttl_seconds, d.cache_max_entries, d.cache_swr_seconds,
	d.pool_size, d.min_pool_size, d.pool_mode, d.max_active, d.created_at, d.updated_at, d.deleted_at,
	t.tested_at, t.ok AS test_ok, t.latency_us AS test_latency_us, t.error AS test_error, t.server_version,
	d.route
FROM pgbeam.databases AS d
LEFT JOIN pgbeam.projects AS p ON p.org_id = d.org_id AND p.id = d.project_id
LEFT JOIN pgbeam.connection_tests AS t ON t.org_id = d.org_id AND t.database_id = d.id;
COMMENT ON VIEW pgbeam_admin.databases IS
'The databases of all projects, each with the name and host of its project, the key that seals its password, and its last connection test.
Deleted ones have a time in deleted_at, and no key and no test. A test from before updated_at tells nothing of the database as it is now.';
COMMENT ON COLUMN pgbeam_admin.databases.project_name IS 'The name of its project.';
COMMENT ON COLUMN pgbeam_admin.databases.proxy_host IS 'The host under which clients reach its project.';
COMMENT ON COLUMN pgbeam_admin.databases.key_id IS
'The id of the keyring''s key that seals its password; null without a password.';
COMMENT ON COLUMN pgbeam_admin.databases.test_ok IS 'Whether the last connection test reached it; null without a test.';
COMMENT ON COLUMN pgbeam_admin.databases.test_latency_us IS 'How many microseconds the test took.';
COMMENT ON COLUMN pgbeam_admin.databases.test_error IS 'Why the test could not reach it.';

CREATE VIEW pgbeam_admin.replicas AS
SELECT pgbeam.typeid_encode('rep', r.id) AS id, r.org_id, pgbeam.typeid_encode('db', r.database_id) AS database_id,
	r.host, r.port, r.ssl_mode, r.created_at, r.updated_at, r.deleted_at
FROM pgbeam.replicas AS r;
COMMENT ON VIEW pgbeam_admin.replicas IS
'The replicas of all databases, deleted ones too: these have a time in deleted_at.';

CREATE VIEW pgbeam_admin.custom_domains AS
SELECT pgbeam.typeid_encode('dom', c.id) AS id, c.org_id, pgbeam.typeid_encode('prj', c.project_id) AS project_id,
	c.domain, c.verified_at, c.tls_cert_expiry, c.dns_verification_token, c.reported_txt,
	c.created_at, c.updated_at, c.deleted_at
FROM pgbeam.custom_domains AS c;
COMMENT ON VIEW pgbeam_admin.custom_domains IS
'The custom domains of all projects, deleted ones too: these have a time in deleted_at.
Several projects may claim a domain; pgbeam_admin.hosts tells which has proved it.';

CREATE VIEW pgbeam_admin.hosts AS
SELECT h.host, h.org_id, pgbeam.typeid_encode('prj', h.project_id) AS project_id, h.kind
FROM pgbeam.hosts AS h;
COMMENT ON VIEW pgbeam_admin.hosts IS
'Every host name that clients connect to, or ever did, and the project that it leads to; kind is proxy or custom.
An index finds a row by its host.';
COMMENT ON COLUMN pgbeam_admin.hosts.host IS 'The host name, in lower case.';
COMMENT ON COLUMN pgbeam_admin.hosts.org_id IS 'The organization that has it.';
COMMENT ON COLUMN pgbeam_admin.hosts.project_id IS 'The project that it leads to.';
COMMENT ON COLUMN pgbeam_admin.hosts.kind IS 'proxy: given with a project; custom: a domain that was proved.';

CREATE VIEW pgbeam_admin.api_keys AS
SELECT pgbeam.typeid_encode(CASE k.kind WHEN 'organization' THEN 'pbo' ELSE 'pbu' END, k.id) AS id,
	k.kind, k.owner_id, k.name, k.created_at, k.expires_at, k.revoked_at
FROM pgbeam.api_keys AS k;
COMMENT ON VIEW pgbeam_admin.api_keys IS
'The API keys of organizations and users: when each was made, expires and was revoked, and neither the keys nor their digests.';

CREATE VIEW pgbeam_admin.traffic_days AS
SELECT t.org_id, pgbeam.typeid_encode('prj', t.project_id) AS project_id, t.day, t.region,
	t.queries, t.transactions, t.query_time_us, t.wait_time_us, t.assignments, t.bytes_received, t.bytes_sent, t.connection_ms
FROM pgbeam.traffic_days AS t;
COMMENT ON VIEW pgbeam_admin.traffic_days IS
'What proxies have counted for each project, region and day, in UTC.
It stays for pgbeam.usage_retention days, also when the project is deleted or purged.';

-- The groups are made once for all rows of a query. A condition on org_id
-- reaches them.
CREATE VIEW pgbeam_admin.project_traffic AS
SELECT pgbeam.typeid_encode('prj', p.id) AS project_id, p.org_id, p.name AS project_name,
	coalesce(c.clients, 0) AS active_connections, m.last_minute,
	coalesce(d.queries, 0) AS queries, coalesce(d.transactions, 0) AS transactions,
	coalesce(d.bytes_received, 0) AS bytes_received, coalesce(d.bytes_sent, 0) AS bytes_sent,
	p.deleted_at
FROM pgbeam.projects AS p
LEFT JOIN pgbeam.traffic_connections AS c ON c.org_id = p.org_id AND c.project_id = p.id
	AND c.received_at >= pg_catalog.statement_timestamp() - interval '3 minutes'
LEFT JOIN (
	SELECT t.org_id, t.project_id, pg_catalog.max(t.minute) AS last_minute
	FROM pgbeam.traffic_minutes AS t GROUP BY t.org_id, t.project_id) AS m ON m.org_id = p.org_id AND m.project_id = p.id
LEFT JOIN (
	SELECT t.org_id, t.project_id, pg_catalog.sum(t.queries) AS queries, pg_catalog.sum(t.transactions) AS transactions,
		pg_catalog.sum(t.bytes_received) AS bytes_received, pg_catalog.sum(t.bytes_sent) AS bytes_sent
	FROM pgbeam.traffic_days AS t GROUP BY t.org_id, t.project_id) AS d ON d.org_id = p.org_id AND d.project_id = p.id;
COMMENT ON VIEW pgbeam_admin.project_traffic IS
'The traffic of each project: who is connected, when it was last used, and what was counted on all days that are kept.
What was counted of purged projects is in pgbeam_admin.traffic_days alone.';
COMMENT ON COLUMN pgbeam_admin.project_traffic.project_id IS 'The project.';
COMMENT ON COLUMN pgbeam_admin.project_traffic.org_id IS 'The organization that the project belongs to.';
COMMENT ON COLUMN pgbeam_admin.project_traffic.project_name IS 'The name of the project.';
COMMENT ON COLUMN pgbeam_admin.project_traffic.active_connections IS 'Clients that are connected, as the API shows them: by the last reports, which hold for 3 minutes.';
COMMENT ON COLUMN pgbeam_admin.project_traffic.last_minute IS 'The last minute that had clients or counted anything; null: none that is kept (pgbeam.metrics_retention).';
COMMENT ON COLUMN pgbeam_admin.project_traffic.queries IS 'Queries that were answered.';
COMMENT ON COLUMN pgbeam_admin.project_traffic.transactions IS 'Transactions that were answered.';
COMMENT ON COLUMN pgbeam_admin.project_traffic.bytes_received IS 'Bytes that came from clients.';
COMMENT ON COLUMN pgbeam_admin.project_traffic.bytes_sent IS 'Bytes that went to clients.';
COMMENT ON COLUMN pgbeam_admin.project_traffic.deleted_at IS 'When the project was deleted; null: it is there.';

CREATE VIEW pgbeam_admin.database_traffic AS
SELECT pgbeam.typeid_encode('db', d.id) AS database_id, d.org_id, pgbeam.typeid_encode('prj', d.project_id) AS project_id,
	p.name AS project_name, d.host, d.port, d.name,
	coalesce(t.active_connections, 0) AS active_connections, t.last_report,
	coalesce(t.queries, 0) AS queries, coalesce(t.transactions, 0) AS transactions,
	coalesce(t.bytes_received, 0) AS bytes_received, coalesce(t.bytes_sent, 0) AS bytes_sent,
	d.deleted_at
FROM pgbeam.databases AS d
LEFT JOIN pgbeam.projects AS p ON p.org_id = d.org_id AND p.id = d.project_id
LEFT JOIN (
	SELECT t.org_id, t.database_id,
		pg_catalog.sum(t.clients) FILTER (WHERE t.received_at >= pg_catalog.statement_timestamp() - interval '3 minutes') AS active_connections,
		pg_catalog.max(t.received_at) AS last_report,
		pg_catalog.sum(t.queries) AS queries, pg_catalog.sum(t.transactions) AS transactions,
		pg_catalog.sum(t.bytes_received) AS bytes_received, pg_catalog.sum(t.bytes_sent) AS bytes_sent
	FROM pgbeam.traffic_totals AS t GROUP BY t.org_id, t.database_id) AS t ON t.org_id = d.org_id AND t.database_id = d.id;
COMMENT ON VIEW pgbeam_admin.database_traffic IS
'The traffic of each database with its replicas: who is connected, when it was last used, and what its proxies have counted since each of them was started.
Nothing that is kept by the day tells databases apart.';
COMMENT ON COLUMN pgbeam_admin.database_traffic.database_id IS 'The database.';
COMMENT ON COLUMN pgbeam_admin.database_traffic.org_id IS 'The organization that the database belongs to.';
COMMENT ON COLUMN pgbeam_admin.database_traffic.project_id IS 'The project that the database belongs to.';
COMMENT ON COLUMN pgbeam_admin.database_traffic.project_name IS 'The name of its project.';
COMMENT ON COLUMN pgbeam_admin.database_traffic.host IS 'The host of the upstream.';
COMMENT ON COLUMN pgbeam_admin.database_traffic.port IS 'The port of the upstream.';
COMMENT ON COLUMN pgbeam_admin.database_traffic.name IS 'The name of the database on the upstream.';
COMMENT ON COLUMN pgbeam_admin.database_traffic.active_connections IS 'Clients that are connected, by the last reports, which hold for 3 minutes.';
COMMENT ON COLUMN pgbeam_admin.database_traffic.last_report IS 'When the last report was received that had clients of it or counted anything; null: no proxy has named it.';
COMMENT ON COLUMN pgbeam_admin.database_traffic.queries IS 'Queries that were answered.';
COMMENT ON COLUMN pgbeam_admin.database_traffic.transactions IS 'Transactions that were answered.';
COMMENT ON COLUMN pgbeam_admin.database_traffic.bytes_received IS 'Bytes that came from clients.';
COMMENT ON COLUMN pgbeam_admin.database_traffic.bytes_sent IS 'Bytes that went to clients.';
COMMENT ON COLUMN pgbeam_admin.database_traffic.deleted_at IS 'When the database was deleted; null: it is there.';

-- Columns that show a field have its description.
DO $$
DECLARE
	shown record;
BEGIN
	FOR shown IN
		SELECT a.attrelid::pg_catalog.regclass AS view, a.attname AS name, f.about
		FROM pgbeam.fields() AS f
		JOIN pg_catalog.pg_attribute AS a
			ON a.attrelid = pg_catalog.to_regclass(pg_catalog.replace(f.table_name, 'pgbeam.', 'pgbeam_admin.')) AND a.attname = f.column_name
		WHERE pg_catalog.col_description(a.attrelid, a.attnum) IS NULL
		UNION ALL
		SELECT 'pgbeam_admin.databases', f.column_name, f.about
		FROM pgbeam.fields() AS f
		WHERE f.table_name = 'pgbeam.connection_tests' AND f.column_name IN ('tested_at', 'server_version')
	LOOP
		EXECUTE pg_catalog.format('COMMENT ON COLUMN %s.%I IS %L', shown.view, shown.name, shown.about);
	END LOOP;
END
$$;
