-- What pgbeam takes for JSON is what the server takes for jsonb, and means the
-- same to it.
SET client_min_messages = warning;
SELECT count(pgbeam.set_organization('parse_acme')) AS made;
SELECT key AS acme FROM pgbeam.create_api_key(org_id => 'parse_acme') \gset
RESET client_min_messages;
SELECT set_config('regress.key', :'acme', false) IS NOT NULL AS kept;

CREATE FUNCTION ask(body text, OUT status integer, OUT answer jsonb) LANGUAGE sql AS $$
	SELECT h.status, h.body::jsonb FROM pgbeam.http('POST', '/v1/projects',
		jsonb_build_object('X-API-Key', current_setting('regress.key'), 'Content-Type', 'application/json'), convert_to($1, 'UTF8')) h
$$;

CREATE FUNCTION server_takes(body text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	RETURN body::jsonb IS NOT NULL;
EXCEPTION WHEN OTHERS THEN
	RETURN false;
END
$$;

CREATE FUNCTION pgbeam_takes(body text) RETURNS boolean LANGUAGE sql AS $$
	SELECT answer #>> '{error,message}' !~ 'is not valid JSON|must not contain (the character U\+0000|half)|a body is required' FROM ask(body)
$$;

-- Every order of up to five tokens that is one of these.
WITH RECURSIVE token(text) AS (SELECT unnest(ARRAY['{', '}', '[', ']', ':', ',', '"a"', '1'])),
text(length, body) AS (SELECT 1, text FROM token UNION ALL SELECT length + 1, body || token.text FROM text, token WHERE length < 5)
SELECT count(*) AS texts, count(*) FILTER (WHERE server_takes(body)) AS json,
	min(body) FILTER (WHERE server_takes(body) IS DISTINCT FROM pgbeam_takes(body)) AS judged_otherwise
FROM text;

-- Documents with a few bytes changed, left out or put in.
SELECT setseed(0.25);
CREATE TEMPORARY TABLE changed AS
SELECT overlay(document PLACING coalesce(letter, '') FROM at FOR cut) AS body
FROM (SELECT document, (ARRAY['{', '}', '[', ']', ':', ',', '"', '\', 'u', '0', '-', 'e', '.', ' ', E'\t', E'\n', 'x', 'é', 'true', NULL])[1 + floor(random() * 20)] AS letter,
		1 + floor(random() * length(document))::integer AS at, floor(random() * 3)::integer AS cut
	FROM generate_series(1, 1500), unnest(ARRAY[
		'{"a": [1, -2.5e3, true, false, null, "x\u00e9\\\"\/\b\ud83d\ude00"], "b": {"c": {}, "d": []}, "a": "é"}',
		'[[], {}, "", 0, -0, 1E+2, 0.5, {"": [null]}]',
		' "plain\n" ']) AS document) AS change;
SELECT count(*) > 4000 AS many, count(*) FILTER (WHERE server_takes(body)) > 500 AS some_are_json,
	min(body) FILTER (WHERE server_takes(body) IS DISTINCT FROM pgbeam_takes(body)) AS judged_otherwise
FROM changed;

-- Strings, numbers and repeated members come back as the server reads them.
\pset format unaligned
SELECT string, given.status, answer #>> '{project,description}' IS NOT DISTINCT FROM nullif(string::jsonb #>> '{}', '') AS same
FROM unnest(ARRAY['"plain"', '"é€😀"', '"\u00e9\u20ac\ud83d\ude00"', '"\\ \" \/ \b\f\n\r\t"', '""', '"\u0041\\u0041"', '"a\u0301"'])
	WITH ORDINALITY AS given_string(string, position),
	LATERAL ask(format('{"name": "p%s", "org_id": "parse_acme", "description": %s, "description": %2$s, "database": {"host": "db.example.com",
		"port": 54.32e2, "name": "first", "name": "last", "username": "u", "password": "p", "pool_config": {"pool_size": 1e1, "pool_size": 20}}}', position, string)) AS given;
SELECT name, port, pool_size FROM pgbeam.databases WHERE org_id = 'parse_acme' GROUP BY 1, 2, 3;
SELECT pgbeam.delete_organization('parse_acme', cascade => true);
DROP FUNCTION ask, server_takes, pgbeam_takes;
