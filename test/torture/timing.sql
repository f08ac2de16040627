-- Tests whether the time of a refusal reveals its reason. Variables: module is
-- the library made from timing.c, calls is the number of calls of each kind.
\set ON_ERROR_STOP on
SET client_min_messages = warning;
SET max_parallel_workers_per_gather = 0;
SET jit = off;
CREATE EXTENSION pgbeam;
CREATE SCHEMA timing;
SET search_path = timing;

CREATE FUNCTION measure(http regprocedure, uris text[], headers jsonb[], schedule integer[]) RETURNS integer[]
LANGUAGE c VOLATILE STRICT AS :'module', 'timing_measure';

-- Some thousand objects of each kind, made together in random order, so that
-- no kind has a place of its own in the indexes. There are also ids without
-- objects. A kind and its twin do not differ: their figures are noise.
CREATE TABLE probes (number integer GENERATED ALWAYS AS IDENTITY, kind text, key text, uri text, status integer);
CREATE FUNCTION project(org text, i integer) RETURNS text LANGUAGE sql AS $$
	SELECT pgbeam.create_project(jsonb_build_object('org_id', org, 'name', org || i, 'database', jsonb_build_object(
		'host', 'h', 'port', 5432, 'name', 'd', 'username', 'u', 'password', 'canary-password-Vq7R2x')))->'project'->>'id'
$$;
CREATE FUNCTION probe(kind text, own text, i integer) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	key text := own;
	id text := pgbeam.typeid('prj');
	secret text := right(own, 53);
BEGIN
	CASE kind
		WHEN 'unknown key', 'its twin' THEN key := pgbeam.typeid('pbo') || secret;
		WHEN 'wrong secret' THEN SELECT left(k.key, 30) || secret INTO key FROM pgbeam.create_api_key(org_id => 'theirs') AS k;
		WHEN 'revoked key' THEN SELECT k.key INTO key FROM pgbeam.create_api_key(org_id => 'theirs') AS k;
		WHEN 'expired key' THEN SELECT k.key INTO key FROM pgbeam.create_api_key(org_id => 'theirs', expires_in => '1 ms') AS k;
		WHEN 'foreign id' THEN id := timing.project('theirs', i);
		WHEN 'deleted id' THEN id := timing.project('gone', i);
		WHEN 'missing id', 'another twin' THEN
	END CASE;
	INSERT INTO timing.probes (kind, key, uri, status)
	VALUES (kind, key, '/v1/projects/' || id, CASE WHEN kind ~ 'id|another' THEN 404 ELSE 401 END);
END
$$;
SELECT least(5000, :calls) AS probes \gset
SELECT pgbeam.set_organization('ours'), pgbeam.set_organization('theirs') \g /dev/null
SELECT key AS own FROM pgbeam.create_api_key(org_id => 'ours') \gset
SELECT count(timing.probe(kind, :'own', i)) FROM (
	SELECT kind, i FROM generate_series(1, :probes) AS i, unnest(ARRAY['unknown key', 'its twin', 'wrong secret', 'revoked key',
		'expired key', 'missing id', 'another twin', 'foreign id', 'deleted id']) AS kind
	ORDER BY i, random()) AS p \g /dev/null
SELECT count(pgbeam.revoke_api_key(left(key, 30))) FROM probes WHERE kind = 'revoked key' \g /dev/null
SELECT count(pgbeam.delete_project(right(uri, 30))) FROM probes WHERE kind = 'deleted id' \g /dev/null
VACUUM ANALYZE;
CHECKPOINT;
-- Checks that each kind is what its name says.
DO $$
DECLARE
	wrong text := (SELECT string_agg(DISTINCT kind, ', ')
		FROM timing.probes AS p, pgbeam.http('GET', uri, jsonb_build_object('x-api-key', key), NULL) AS h
		WHERE h.status <> p.status);
BEGIN
	ASSERT wrong IS NULL, 'answered otherwise: ' || wrong;
END
$$;

CREATE TABLE schedule AS
SELECT array_agg(number ORDER BY random()) AS numbers
FROM probes, generate_series(1, :calls / :probes);
CREATE TABLE samples AS
SELECT p.kind, s.taken
FROM schedule, unnest(numbers, timing.measure('pgbeam.http(text, text, jsonb, bytea)',
	(SELECT array_agg(uri ORDER BY number) FROM probes),
	(SELECT array_agg(jsonb_build_object('x-api-key', key) ORDER BY number) FROM probes), numbers))
	WITH ORDINALITY AS s (number, taken, nth)
JOIN probes AS p USING (number)
WHERE nth > :calls / 10;	-- the first ones warm up

-- Welch's t of two kinds, over the calls below their 90th percentile, or over
-- all.
CREATE FUNCTION welch(a text, b text, below float8) RETURNS float8 LANGUAGE sql AS $$
	SELECT (avg(taken) FILTER (WHERE kind = a) - avg(taken) FILTER (WHERE kind = b))
		/ sqrt(var_samp(taken) FILTER (WHERE kind = a) / count(*) FILTER (WHERE kind = a)
			+ var_samp(taken) FILTER (WHERE kind = b) / count(*) FILTER (WHERE kind = b))
	FROM timing.samples WHERE kind IN (a, b) AND taken < below
$$;
CREATE VIEW pairs AS
SELECT a, b, percentile_cont(0.5) WITHIN GROUP (ORDER BY taken) FILTER (WHERE kind = a) AS median_a,
	percentile_cont(0.5) WITHIN GROUP (ORDER BY taken) FILTER (WHERE kind = b) AS median_b,
	percentile_cont(0.9) WITHIN GROUP (ORDER BY taken) AS most
FROM (VALUES (1, 'unknown key', 'its twin'), (2, 'unknown key', 'wrong secret'), (3, 'unknown key', 'revoked key'),
	(4, 'unknown key', 'expired key'), (5, 'wrong secret', 'revoked key'), (6, 'wrong secret', 'expired key'),
	(7, 'missing id', 'another twin'), (8, 'missing id', 'foreign id'), (9, 'missing id', 'deleted id')) AS v (n, a, b)
JOIN samples ON kind IN (a, b) GROUP BY n, a, b ORDER BY n;

\pset format unaligned
\pset tuples_only on
SELECT format('timing: calls of pgbeam.http() in one backend, %s of each kind, in random order', :calls);
SELECT format('  %-32s %9s %9s %9s %8s %8s', 'microseconds; Welch''s t', 'median', 'median', 'apart', 't, all', 't, 90 %');
SELECT format('  %-32s %9s %9s %9s %8s %8s', a || ' / ' || b, round((median_a / 1000)::numeric, 2), round((median_b / 1000)::numeric, 2),
	round(((median_b - median_a) / 1000)::numeric, 2), round(welch(a, b, 'infinity')::numeric, 1), round(welch(a, b, most)::numeric, 1))
FROM pairs;
\echo '  |t| below 4.5: so many calls do not tell the two apart, as with the twins. Above it they do, here in the'
\echo '  server, where nothing lies between; the spread of a network must be averaged away first.'
SELECT format('  The widest pair: at a spread of 100 microseconds that takes about %s requests of each kind.',
	to_char(2 * (4.5 * 100000 / d) ^ 2, 'FM999,999,999,999'))
FROM (SELECT max(abs(median_a - median_b)) AS d FROM pairs) AS widest WHERE d > 0;
