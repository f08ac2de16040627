CREATE FUNCTION pgbeam.get_project_metrics(project_id text, "limit" integer DEFAULT NULL, region text DEFAULT NULL) RETURNS json
LANGUAGE c STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgbeam_get_project_metrics';
COMMENT ON FUNCTION pgbeam.get_project_metrics(text, integer, text) IS
'getProjectMetrics: answers {"snapshots"} of a project, the newest first: one for each minute and region that a report of pgbeam.report_traffic() lies in.
limit is the most of them (1 to 1000, default 60). region leaves those of one region. queries_total is what was counted since the report before, active_connections how many clients were connected. avg_latency_ms is the time of queries and of waiting for a connection, divided by the queries; avg_connect_ms the waiting alone, divided by the assignments of connections; avg_query_ms the time of queries alone, divided by the queries. They are 0 where nothing was counted. p99_latency_ms is the most that a report said, or avg_latency_ms where none said any: PgBouncer knows averages only. cache_hits and cache_misses are 0. Minutes without traffic and clients have no snapshot. They are kept for pgbeam.metrics_retention days. Errors: PT400 with all problems, PT401 for a caller who is not trusted, or shows no credential, PT404 for a project that is missing or deleted.';

CREATE FUNCTION pgbeam.get_project_usage(project_id text, start_date text, end_date text) RETURNS json
LANGUAGE c STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgbeam_get_project_usage';
COMMENT ON FUNCTION pgbeam.get_project_usage(text, text, text) IS
'getProjectUsage: answers {"usage"} of a project from start_date to end_date, both included, as YYYY-MM-DD in UTC: one entry for each day and region, the oldest first.
bytes_transferred are those sent to clients, connection_seconds the seconds for which clients were connected, added up over all of them. Days without usage have no entry. They are kept for pgbeam.usage_retention days. Errors: PT400 with all problems, such as a start_date after end_date, PT401 for a caller who is not trusted, or shows no credential, PT404 for a project that is missing or deleted.';

CREATE FUNCTION pgbeam.get_organization_usage(org_id text, start_date text, end_date text) RETURNS json
LANGUAGE c STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgbeam_get_organization_usage';
COMMENT ON FUNCTION pgbeam.get_organization_usage(text, text, text) IS
'getOrganizationUsage: answers {"usage"} of an organization, as pgbeam.get_project_usage() does of a project, but one entry for each day.
What projects used that are deleted since is included. Errors: PT400 with all problems, PT401 for a caller who is not trusted, or shows no credential, PT403 over HTTP for another organization.';
