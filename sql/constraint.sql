-- The second wall: what the tables refuse, whoever writes to them.

-- The result of setting a column in one row of a table.
CREATE FUNCTION outcome(table_name text, setting text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	message text;
BEGIN
	BEGIN
		EXECUTE format('UPDATE %1$s SET %2$s WHERE ctid = (SELECT ctid FROM %1$s %3$s LIMIT 1)', table_name, setting,
			CASE WHEN table_name ~ 'projects|databases' THEN 'WHERE deleted_at IS NULL' END);
		RAISE EXCEPTION USING ERRCODE = 'TEST1';
	EXCEPTION
		WHEN SQLSTATE 'TEST1' THEN RETURN 'accepted';
		WHEN check_violation THEN
			GET STACKED DIAGNOSTICS message = MESSAGE_TEXT;
			RETURN message;
	END;
END
$$;

-- A row for each table that the tests before left empty.
SET client_min_messages = warning;
SELECT count(pgbeam.set_organization('constraint')) AS made;
SELECT pgbeam.set_member('constraint', 'constraint', 'owner'), pgbeam.subscribe('constraint') IS NOT NULL AS consumer, id IS NOT NULL AS key FROM pgbeam.create_api_key(org_id => 'constraint');
SELECT pgbeam.report_connection_test(pgbeam.typeid_encode('db', id), true) FROM pgbeam.databases WHERE deleted_at IS NULL LIMIT 1;
SELECT pgbeam.report_queries(jsonb_build_array(jsonb_build_object('database_id', pgbeam.typeid_encode('db', id), 'query_hash', 'a1b2c3d4e5f60718',
	'normalized_sql', 'SELECT 1', 'query_type', 'read', 'call_count', 1, 'avg_latency_ms', 1, 'p95_latency_ms', 1, 'avg_response_bytes', 1,
	'stability_rate', 1, 'seen_at', '2001-01-01T00:00:00Z'))) FROM pgbeam.databases WHERE deleted_at IS NULL LIMIT 1;
SELECT pgbeam.report_traffic(jsonb_build_object('source', 'constraint', 'at', now() - interval '1 minute' * n, 'databases', jsonb_build_array(jsonb_build_object(
	'key', d.key, 'queries', 1, 'transactions', 1, 'query_time_us', 1, 'wait_time_us', 1, 'assignments', 1, 'bytes_received', 1, 'bytes_sent', 1,
	'clients', 1)))) FROM (SELECT pgbeam.typeid_encode('db', id) AS key FROM pgbeam.databases WHERE deleted_at IS NULL LIMIT 1) AS d, unnest('{2,1}'::int[]) AS n;
RESET client_min_messages;

-- Every limit of every field, on it and beyond it. (counts)
CREATE VIEW edges AS
	SELECT table_name, column_name, v.value, v.fits
	FROM pgbeam.fields() f, LATERAL (VALUES
		(CASE WHEN type = 'integer' THEN minimum::text END, true),
		(CASE WHEN type = 'integer' THEN maximum::text END, true),
		(CASE WHEN type = 'integer' THEN (minimum::bigint - 1)::text END, false),
		(CASE WHEN type = 'integer' AND maximum < 2147483647 THEN (maximum + 1)::text END, false),
		(CASE WHEN type IN ('bigint', 'double precision') THEN minimum::text END, true),
		(CASE WHEN type IN ('bigint', 'double precision') THEN (minimum - 1)::text END, false),
		(CASE WHEN type = 'bigint' THEN coalesce(maximum, 9223372036854775807)::text END, true),
		(CASE WHEN type = 'double precision' THEN maximum::text END, true),
		(CASE WHEN type = 'double precision' THEN (maximum + 1)::text END, false),
		(CASE WHEN type = 'double precision' THEN quote_literal('NaN') END, false),
		(CASE WHEN type = 'double precision' THEN quote_literal('Infinity') END, false),
		(CASE WHEN type = 'double precision' THEN quote_literal('-Infinity') END, false),
		(CASE WHEN type = 'text' AND maximum > 0 THEN quote_literal(repeat('é', maximum)) END, true),
		(CASE WHEN type = 'text' AND maximum > 0 THEN quote_literal(repeat('x', maximum + 1)) END, false),
		(CASE WHEN type = 'text' AND minimum > 0 THEN quote_literal('') END, false),
		(CASE WHEN words IS NOT NULL THEN quote_literal(words[1]) END, true),
		(CASE WHEN words IS NOT NULL THEN quote_literal(upper(words[1])) END, false),
		(CASE WHEN words IS NOT NULL THEN quote_literal('') END, false),
		(CASE WHEN type = 'text[]' AND field !~ '\[' THEN format('array_fill(''x''::text, ARRAY[%s])', maximum) END, true),
		(CASE WHEN type = 'text[]' AND field !~ '\[' THEN format('array_fill(''x''::text, ARRAY[%s])', maximum + 1) END, false)
	) v(value, fits)
	WHERE column_name IS NOT NULL AND v.value IS NOT NULL
		AND EXISTS (SELECT FROM pg_constraint WHERE conrelid = table_name::regclass AND contype = 'c');
SELECT table_name, fits, count(*) FROM edges GROUP BY 1, 2 ORDER BY 1, 2;

-- Two columns have to fit each other as well, and a domain, an email, a token, a route or a consumer's name is no long word; they are tried below.
SELECT table_name, column_name, left(value, 20) AS value, fits, outcome(table_name, format('%I = %s', column_name, value)) AS outcome
FROM edges
WHERE (outcome(table_name, format('%I = %s', column_name, value)) = 'accepted') <> fits
	AND column_name NOT IN ('pool_size', 'min_pool_size', 'org_id', 'status', 'domain', 'query_hash', 'route', 'email') AND table_name <> 'pgbeam.feed_consumers';
SELECT column_name, value, outcome(table_name, format('%I = %s', column_name, value)) AS outcome
FROM edges WHERE column_name IN ('pool_size', 'min_pool_size') ORDER BY 1, 2;

-- Rules that are no limit, and rules about two columns.
SELECT name, setting, outcome('pgbeam.' || name, setting) FROM (VALUES
	('databases', $$host = '/tmp'$$), ('databases', $$host = '@x'$$), ('databases', $$host = 'a,b'$$), ('databases', $$host = 'a b'$$),
	('databases', $$host = E'a\u3000b'$$), ('databases', $$host = E'a\u0085b'$$), ('databases', $$name = E'a\nb'$$),
	('databases', $$username = E'a\u007fb'$$), ('databases', $$host = 'postgres://u:canary-password-Vq7R2x@h/d'$$), ('databases', $$host = 'h:1'$$),
	('databases', $$route = 'aws.' || repeat('x', 65)$$), ('databases', $$route = 'aws.a b'$$), ('databases', $$host = E'a\u200bb'$$), ('databases', $$host = '127.1'$$), ('databases', $$host = '[::1]'$$), ('databases', $$host = 'bücher.例え.テスト'$$),
	('replicas', $$host = 'postgres://u:canary-password-Vq7R2x@h/d'$$), ('replicas', $$host = 'h:1'$$), ('replicas', $$host = 'a..b'$$), ('replicas', $$host = repeat('h', 254)$$), ('databases', $$min_pool_size = 7, pool_size = 6$$),
	('custom_domains', $$domain = repeat('d', 250) || '.e'$$), ('custom_domains', $$domain = repeat('d.', 118) || 'd'$$), ('custom_domains', $$domain = repeat('d.', 118) || 'dd'$$),
	('custom_domains', $$reported_txt = repeat('é', 4096)$$), ('custom_domains', $$reported_txt = repeat('x', 4097)$$), ('custom_domains', $$domain = repeat(repeat('d', 49) || '.', 5) || 'com'$$), ('custom_domains', $$domain = 'localhost'$$),
	('cache_rules', $$query_hash = 'ffffffffffffffff'$$), ('cache_rules', $$query_hash = 'fffffffffffffff'$$), ('cache_rules', $$query_hash = 'FFFFFFFFFFFFFFFF'$$),
	('feed_consumers', $$name = repeat('n', 63)$$), ('feed_consumers', $$name = repeat('n', 64)$$), ('feed_consumers', $$name = ''$$), ('feed_consumers', $$name = 'é'$$),
	('feed_consumers', $$token = repeat('9', 19) || '.00000000-0000-0000-0000-000000000000'$$), ('feed_consumers', $$token = repeat('9', 20) || '.00000000-0000-0000-0000-000000000000'$$),
	('feed_consumers', $$token = ''$$), ('feed_consumers', $$token = '1'$$),
	('databases', $$password_sealed = NULL$$), ('databases', $$deleted_at = now()$$),
	('projects', $$status = 'deleted'$$), ('projects', $$deleted_at = now()$$),
	('projects', $$tags = ARRAY['a', NULL]$$), ('projects', $$tags = '{{a,b},{c,d}}'$$), ('projects', $$tags = ARRAY[repeat('t', 51)]$$),
	('projects', $$allowed_cidrs = '{::1}'$$), ('projects', $$allowed_cidrs = '{NULL}', allowed_cidr_labels = '{a}'$$),
	('projects', $$allowed_cidrs = '{::1}', allowed_cidr_labels = '{NULL}'$$),
	('projects', $$allowed_cidrs = '{::1}', allowed_cidr_labels = ARRAY[repeat('l', 101)]$$),
	('projects', $$allowed_cidrs = '{::1,10.0.0/24}', allowed_cidr_labels = '{NULL,NULL}'$$),
	('projects', $$allowed_cidrs = '{10.0.0.1/33}', allowed_cidr_labels = '{NULL}'$$),
	('projects', $$allowed_cidrs = array_fill('::1'::text, ARRAY[51]), allowed_cidr_labels = array_fill(NULL::text, ARRAY[51])$$)) v(name, setting);

-- Only a row of the table can be checked.
SELECT pgbeam.check_fields('project', p), pgbeam.check_fields('host', h) FROM pgbeam.projects p, pgbeam.hosts h LIMIT 1;
SELECT pgbeam.check_fields('host', ROW(1, 2));
SELECT pgbeam.check_fields('host', c) FROM pg_class c LIMIT 1;
SELECT pgbeam.check_fields('pg_class', c) FROM pg_class c LIMIT 1;

SELECT pgbeam.check_fields('project', jsonb_populate_record(NULL::pgbeam.projects, '{"allowed_cidr_labels": []}'));

-- A table of another name with the same columns is judged alike, as a shard is.
CREATE TABLE hosts_102008 (LIKE pgbeam.hosts, CHECK (pgbeam.check_fields('host', hosts_102008.*)));
INSERT INTO hosts_102008 SELECT * FROM pgbeam.hosts LIMIT 1;
INSERT INTO hosts_102008 SELECT '', org_id, project_id, kind FROM hosts_102008;
DROP TABLE hosts_102008;

DROP VIEW edges;
DROP FUNCTION outcome;
SELECT pgbeam.unsubscribe('constraint');
