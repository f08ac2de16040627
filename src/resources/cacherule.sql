CREATE TABLE pgbeam.cache_rules (
	org_id text COLLATE "C" NOT NULL,
	project_id uuid NOT NULL,
	database_id uuid NOT NULL,
	query_hash text COLLATE "C" NOT NULL,
	normalized_sql text NOT NULL,
	query_type text COLLATE "C" NOT NULL,
	cache_enabled boolean,
	cache_ttl_seconds integer,
	cache_swr_seconds integer,
	call_count bigint NOT NULL,
	avg_latency_ms double precision NOT NULL,
	p95_latency_ms double precision NOT NULL,
	avg_response_bytes bigint NOT NULL,
	stability_rate double precision NOT NULL,
	first_seen_at timestamptz NOT NULL,
	last_seen_at timestamptz NOT NULL,
	updated_at timestamptz,
	CONSTRAINT cache_rules_pkey PRIMARY KEY (org_id, database_id, query_hash),
	CONSTRAINT cache_rules_fields_check
		CHECK (pgbeam.check_fields('cache_rule', cache_rules.*))
);
-- Counts a project's rules, and has those without a PUT in the order in which they make room.
CREATE INDEX cache_rules_project_idx ON pgbeam.cache_rules (org_id, project_id, (updated_at IS NULL), last_seen_at);
COMMENT ON TABLE pgbeam.cache_rules IS
'The queries that data planes observe, and whether each of them is cached.
Only pgbeam.report_queries() adds rows. A project has at most as many as its plan has query shapes: those that were least recently seen make room, except those that updateCacheRule has changed, which updated_at tells. null in cache_enabled means that it has not: the database decides. Rows are deleted with their database.';
SELECT pg_catalog.pg_extension_config_dump('pgbeam.cache_rules', '');

CREATE FUNCTION pgbeam.list_cache_rules(
	project_id text, database_id text,
	page_size integer DEFAULT NULL,
	page_token text DEFAULT NULL)
RETURNS json
LANGUAGE c STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgbeam_list_cache_rules';
COMMENT ON FUNCTION pgbeam.list_cache_rules(text, text, integer, text) IS
'listCacheRules: answers {"entries", "next_page_token"} of a database, ordered by query_hash, so that no rule moves between pages.
A page has at most page_size items (1 to 100, default 20). page_token is the next_page_token of the page before. recommendation is great for a read with at least 1000 calls, 10 ms on average and a stability of 0.9; good with 100 calls, 1 ms and 0.7; fair with 10 calls and 0.5; otherwise poor. Errors: PT400 with all problems, PT401 for a caller who is not trusted, or shows no credential, PT404 for a database that is missing, deleted or of another project.';

CREATE FUNCTION pgbeam.update_cache_rule(project_id text, database_id text, query_hash text, body jsonb) RETURNS json
LANGUAGE c VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgbeam_update_cache_rule';
COMMENT ON FUNCTION pgbeam.update_cache_rule(text, text, text, jsonb) IS
'updateCacheRule: sets how a query is cached (cache_enabled, cache_ttl_seconds, cache_swr_seconds) and answers {"entry"}.
The body replaces what was set: if a number is absent or null, the database''s holds again. From then on the rule is kept, however seldom the query is seen. Errors: PT400 with all problems, PT401 for a caller who is not trusted, or shows no credential, PT404 for a query that no data plane has reported, and for a database that is missing, deleted or of another project.';
