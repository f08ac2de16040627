CREATE FUNCTION pgbeam.counters(OUT metric text, OUT labels jsonb, OUT value double precision)
RETURNS SETOF record
LANGUAGE c VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgbeam_counters';
COMMENT ON FUNCTION pgbeam.counters() IS
'The part of pgbeam.statistics() that is in shared memory.';

-- A statement for each count, apart from all others: Citus finds no plan for
-- one with tables of its own beside functions. A count goes by an index of what
-- was deleted, and stops at a number that is much in any case.
CREATE FUNCTION pgbeam.purge_backlog(OUT resource text, OUT rows bigint)
RETURNS SETOF record
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	days integer DEFAULT current_setting('pgbeam.deleted_retention');
	kind record;
BEGIN
	FOR kind IN SELECT * FROM (VALUES
		('project', 'projects', 'deleted_at'), ('database', 'databases', 'deleted_at'), ('replica', 'replicas', 'deleted_at'),
		('custom_domain', 'custom_domains', 'deleted_at'), ('api_key', 'api_keys', 'least(revoked_at, expires_at)')) AS v (name, place, since)
	LOOP
		resource := kind.name;
		rows := 0;
		IF days > 0 THEN
			EXECUTE format('SELECT count(*) FROM (SELECT 1 FROM pgbeam.%I WHERE %s < $1 LIMIT 100000) AS x', kind.place, kind.since)
				INTO rows USING now() - make_interval(days => days);
		END IF;
		RETURN NEXT;
	END LOOP;
END
$$;
COMMENT ON FUNCTION pgbeam.purge_backlog() IS
'The part of pgbeam.statistics() that counts what is due to be purged.';

CREATE FUNCTION pgbeam.statistics(OUT metric text, OUT labels jsonb, OUT value double precision)
RETURNS SETOF record
LANGUAGE sql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
	WITH status AS MATERIALIZED (
		SELECT * FROM pgbeam.feed_status()
	),
	feed AS (
		SELECT * FROM status LIMIT 1
	)
	SELECT c.metric, c.labels, c.value FROM pgbeam.counters() AS c
	UNION ALL
	SELECT m.metric, jsonb_build_object('consumer', s.consumer), m.value FROM status AS s, LATERAL (VALUES
		('pgbeam_consumer_lag_rows', s.lag_rows::double precision), ('pgbeam_consumer_lag_seconds', s.lag_seconds),
		('pgbeam_consumer_must_start_over', s.must_start_over::integer)) AS m (metric, value)
	WHERE s.consumer IS NOT NULL
	UNION ALL
	SELECT 'pgbeam_feed_waiting_seconds', '{}', coalesce(greatest(extract(epoch FROM clock_timestamp() - f.waiting_since), 0), 0) FROM feed AS f
	UNION ALL
	SELECT 'pgbeam_feed_kept_seconds', '{}', coalesce(greatest(extract(epoch FROM clock_timestamp() - f.oldest_change_at), 0), 0) FROM feed AS f
	UNION ALL
	SELECT 'pgbeam_purge_backlog_rows', jsonb_build_object('resource', b.resource), b.rows FROM pgbeam.purge_backlog() AS b
$$;
COMMENT ON FUNCTION pgbeam.statistics() IS
'Gives what can be measured, as rows of a metric, its labels and its value.
pgbeam_calls_total counts the calls that were answered, by operation and code: OK, or the code of the refusal. The operation is none for a request of no operation, and for OPTIONS. pgbeam_call_seconds is a histogram of their times. pgbeam_calls_begun_total counts all calls; those that are missing among the others run now, or an error has ended them. These are in shared memory: they are there only where the library is preloaded, a rollback takes nothing back, and a restart begins anew. The other metrics are read at each call: pgbeam_consumer_lag_rows, pgbeam_consumer_lag_seconds and pgbeam_consumer_must_start_over (1 or 0) for each consumer as pgbeam.feed_status() has them, pgbeam_feed_waiting_seconds for how long committed changes have waited to be shown, pgbeam_feed_kept_seconds, the age of the first change that is kept, and pgbeam_purge_backlog_rows, how many rows of a resource are due to be purged (at most 100000). pgbeam_rewrap_secrets_left is what the last call of pgbeam.rewrap() has answered, in shared memory too. For roles with admin access.';

CREATE FUNCTION pgbeam.metrics() RETURNS text
LANGUAGE sql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
	WITH family (place, name, type, help) AS (
		VALUES
			(1, 'pgbeam_calls_begun_total', 'counter', 'Calls that have begun.'),
			(2, 'pgbeam_calls_total', 'counter', 'Calls that were answered, by operation and code.'),
			(3, 'pgbeam_call_seconds', 'histogram', 'How long calls took.'),
			(4, 'pgbeam_consumer_lag_rows', 'gauge', 'Changes that a consumer has not confirmed.'),
			(5, 'pgbeam_consumer_lag_seconds', 'gauge', 'The age of the oldest of these.'),
			(6, 'pgbeam_consumer_must_start_over', 'gauge', 'Whether changes behind the place of a consumer are gone.'),
			(7, 'pgbeam_feed_waiting_seconds', 'gauge', 'How long committed changes have waited to be shown.'),
			(8, 'pgbeam_feed_kept_seconds', 'gauge', 'The age of the first change that is kept.'),
			(9, 'pgbeam_purge_backlog_rows', 'gauge', 'Rows that are due to be purged, at most 100000.'),
			(10, 'pgbeam_rewrap_secrets_left', 'gauge', 'Secrets under older keys when rewrap() was called last.')
	),
	-- No value of a label has what would have to be escaped.
	sample AS (
		SELECT f.place, f.name, s.n, s.metric || coalesce('{' || (
				SELECT string_agg(format('%s="%s"', l.key, l.value), ',' ORDER BY l.key) FROM jsonb_each_text(s.labels) AS l) || '}', '')
			|| ' ' || s.value AS line
		FROM pgbeam.statistics() WITH ORDINALITY AS s (metric, labels, value, n)
		JOIN family AS f ON s.metric = f.name
			OR f.type = 'histogram' AND s.metric IN (f.name || '_bucket', f.name || '_sum', f.name || '_count')
	),
	line (place, part, n, line) AS (
		SELECT f.place, 1, 0, format('# HELP %s %s', f.name, f.help) FROM family AS f
		UNION ALL
		SELECT f.place, 2, 0, format('# TYPE %s %s', f.name, f.type) FROM family AS f
		UNION ALL
		SELECT s.place, 3, s.n, s.line FROM sample AS s
	)
	SELECT string_agg(l.line, chr(10) ORDER BY l.place, l.part, l.n) || chr(10) FROM line AS l
$$;
COMMENT ON FUNCTION pgbeam.metrics() IS
'Gives pgbeam.statistics() in the text format of Prometheus, for an exporter that runs SQL.
For roles with admin access. An exporter needs no more than EXECUTE on this function and USAGE of the schema.';
