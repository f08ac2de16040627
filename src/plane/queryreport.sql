CREATE FUNCTION pgbeam.report_queries(report jsonb) RETURNS bigint
LANGUAGE c VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgbeam_report_queries';
COMMENT ON FUNCTION pgbeam.report_queries(jsonb) IS
'Adds what a data plane observed of queries to the cache rules, and returns how many entries were stored: entries of databases that are missing or deleted are skipped.
The report is an array of at most 1000 objects with database_id, query_hash (16 hex digits), normalized_sql (1 to 10000 characters), query_type (read, write or other), call_count, avg_latency_ms, p95_latency_ms, avg_response_bytes, stability_rate (0 to 1) and seen_at (RFC 3339).
Calls are added up, and averages are weighted by them. p95_latency_ms, stability_rate and query_type are those of the entry with the latest seen_at. A seen_at in the future counts as now. A project keeps as many rules as its organization''s plan has query shapes (10000 if the plan has no limit, or there is no plan); the least recently seen make room, except those that updateCacheRule has changed. For roles with data_plane access. Errors: PT400 with all problems (nothing is stored then), PT401 within an HTTP request, PT413 for a report over 2 MB as jsonb.';
