-- The API over HTTP, through the router. test/http goes through real servers.
SET client_min_messages = warning;
SELECT count(pgbeam.set_organization(o)) AS made FROM unnest('{http_acme,http_other}'::text[]) o;
SELECT key AS acme FROM pgbeam.create_api_key(org_id => 'http_acme') \gset
SELECT key AS other FROM pgbeam.create_api_key(org_id => 'http_other') \gset
SELECT key AS anna FROM pgbeam.create_api_key(user_id => 'http_anna') \gset
SELECT key AS viewer FROM pgbeam.create_api_key(user_id => 'http_viewer') \gset
SELECT pgbeam.set_member('http_acme', 'http_anna', 'admin'), pgbeam.set_member('http_acme', 'http_viewer', 'member');
RESET client_min_messages;

-- A request as an HTTP layer passes it. Generated values are masked, and of a
-- refusal only the part for older clients is shown.
CREATE FUNCTION ask(method text, uri text, credential text, body bytea, more jsonb DEFAULT '{}',
	OUT status integer, OUT headers text, OUT body text)
LANGUAGE sql AS $$
	SELECT status, regexp_replace((headers - '{Cache-Control,X-Request-Id,ETag}'::text[])::text, '(prj|db)_[0-9a-z]{26}', '\1_...', 'g'),
		regexp_replace(regexp_replace(regexp_replace(body, '(prj|db|req)_[0-9a-z]{26}', '\1_...', 'g'), '20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ', '...', 'g'),
			'^({"error":.*),"type":"https:.*}$', '\1}')
	FROM pgbeam.http(method, uri,
		jsonb_strip_nulls(jsonb_build_object('Authorization', 'Bearer ' || credential, 'Content-Type', 'application/json') || more), body)
$$;
-- The password is an argument, because the text of functions is stored.
\set pw canary-password-Vq7R2x
CREATE FUNCTION project(password text, name text, org text DEFAULT 'http_acme', more jsonb DEFAULT '{}') RETURNS bytea LANGUAGE sql AS $$
	SELECT convert_to((jsonb_build_object('name', name, 'org_id', org, 'database', jsonb_build_object('host', 'db.example.com',
		'port', 5432, 'name', 'd', 'username', 'u', 'password', password)) || more)::text, 'UTF8')
$$;

\pset format unaligned
SELECT * FROM ask('POST', '/v1/projects', :'acme', project(:'pw', 'shop'));
SELECT pgbeam.typeid_encode('prj', p.id) AS project, pgbeam.typeid_encode('db', d.id) AS database
FROM pgbeam.projects p JOIN pgbeam.databases d ON d.project_id = p.id WHERE p.name = 'shop' \gset
SELECT * FROM ask('GET', '/v1/projects/' || :'project', :'acme', NULL);
SELECT * FROM ask('GET', format('/v1/projects/%s/databases/%s?x=y#z', :'project', :'database'), :'anna', NULL);
SELECT * FROM ask('HEAD', '/v1/projects/' || :'project', :'viewer', NULL);
SELECT * FROM ask('OPTIONS', '/v1/projects/' || :'project', NULL, NULL);
SELECT status, headers, length(body) > 1000 AS long FROM ask('GET', '/openapi.json', NULL, NULL);

-- A refusal has both forms: error for older clients, and the problem document,
-- which newer clients read without asking for it. Clients that ask get the
-- document alone.
\pset tuples_only
SELECT regexp_replace(body, 'req_[0-9a-z]{26}', 'req_...') FROM pgbeam.http('GET', '/v1/projects/prj_1', jsonb_build_object('Authorization', 'Bearer ' || :'acme'), NULL);
SELECT body FROM pgbeam.http('PATCH', '/v1/projects/' || :'project', jsonb_build_object('Authorization', 'Bearer ' || :'acme', 'Content-Type', 'application/json', 'X-Request-Id', 'mine'),
	'{"name": "", "status": "deleted"}');
SELECT body FROM pgbeam.http('GET', '/v1/projects/prj_1', jsonb_build_object('Authorization', 'Bearer ' || :'acme', 'Accept', 'application/problem+json', 'X-Request-Id', 'mine'), NULL);
\pset tuples_only off

-- Callers who may not.
SELECT * FROM ask('GET', '/v1/projects/' || :'project', NULL, NULL);
SELECT * FROM ask('GET', '/v1/projects/' || :'project', :'acme' || '0', NULL);
SELECT * FROM ask('GET', '/v1/projects/' || :'project', replace(:'acme', 'pbo_', 'pbu_'), NULL);
SELECT * FROM ask('GET', '/v1/projects/' || :'project', 'a.b.c', NULL);
SELECT * FROM ask('GET', '/v1/projects/' || :'project', :'other', NULL);
SELECT * FROM ask('GET', '/v1/projects/prj_00000000000000000000000000', :'other', NULL);
SELECT * FROM ask('POST', '/v1/projects', :'other', project(:'pw', 'taken over'));
SELECT * FROM ask('POST', '/v1/projects', :'other', project(:'pw', 'taken over', 'nobodys'));
SELECT * FROM ask('POST', '/v1/projects', :'viewer', project(:'pw', 'by a viewer'));
SELECT * FROM ask('DELETE', '/v1/projects/' || :'project', :'viewer', NULL);
SELECT * FROM ask('GET', '/v1/projects/' || :'project', NULL, NULL, jsonb_build_object('x-api-key', :'acme', 'authorization', ''));
SELECT pgbeam.suspend_organization('http_acme');
SELECT * FROM ask('GET', '/v1/projects/' || :'project', :'acme', NULL);
SELECT * FROM ask('GET', '/v1/projects/' || :'project', :'anna', NULL);
SELECT pgbeam.resume_organization('http_acme');

-- Requests that the API does not have.
SELECT * FROM ask('GET', '/v1/nothing', :'acme', NULL);
SELECT * FROM ask('GET', '/v1/projects/', :'acme', NULL);
SELECT * FROM ask('PUT', '/v1/projects', :'acme', NULL);

-- Operations of the API that pgbeam does not serve are neither missing objects
-- nor unknown paths. The refusal names the area, whatever the method.
SELECT path, a.status, a.body::json #>> '{error,message}' AS message FROM unnest('{databases/db_1/scan-pii,databases/db_1/scan-pii/0123456789abcdef,
	databases/db_1/schema-catalog,agents,agents/agt_1/rotate,agents/agt_1/policy-recommendation,anomalies/ano_1,anomaly-rules,approvals/apr_1/approve,approval-rules,audit-logs,audit-logs/sessions/x,batch,
	branches,honeytokens,insights,migrations:lint,policies/pol_1,policy-evaluations,policy-replays,schema-annotations,usage/agents,webhooks/whk_1/test}'::text[]) path,
	LATERAL ask('GET', '/v1/projects/prj_1/' || path, :'acme', NULL) a;
SELECT path, a.status, a.body::json #>> '{error,message}' AS message FROM unnest('{organizations/o/cancellation-feedback,organizations/o/invitations,
	organizations/o/onboarding,organizations/o/self-host-enrollments/she_1/rotate,organizations/o/support/cases,organizations/o/vercel-installation,
	account/export,demo,mcp,payments/topups,scan/text}'::text[]) path,
	LATERAL ask('GET', '/v1/' || path, :'acme', NULL) a;
SELECT method, path, credential IS NOT NULL AS known, a.status, a.body::json #>> '{error,code}' AS code FROM (VALUES
	('PUT', '/v1/organizations/o/onboarding', :'acme'), ('POST', '/v1/projects/prj_1/webhooks?x=y', :'acme'), ('DELETE', '/v1/projects/p%20q/agents/agt_1', :'anna'),
	('GET', '/v1/projects/prj_1/agents', NULL), ('GET', '/v1/projects/prj_1/agents', 'pbo_unknown'), ('PUT', '/v1/projects/prj_1/domains', :'acme'),
	('GET', '/v1/projects/prj_1/agentsx', :'acme'), ('GET', '/v1/projects/prj_1/agents-x', :'acme'), ('GET', '/v1/projects//agents', :'acme'), ('GET', '/v1/agents', :'acme'),
	('GET', '/v2/projects/prj_1/agents', :'acme'), ('GET', '/v1/projects/prj_1/databases/db_1/agents', :'acme'), ('GET', '/v1/organizations/o/plan/x', :'acme'),
	('GET', '/v1/projects/prj_1/custom-domains', :'acme')) v(method, path, credential),
	LATERAL ask(method, path, credential, NULL) a;
SELECT * FROM pgbeam.http(NULL, '/', NULL, NULL);
SELECT * FROM pgbeam.http('GET', NULL, NULL, NULL);
SELECT * FROM pgbeam.http('GET', '/', '[]', NULL);
SELECT * FROM ask('', '', :'acme', NULL);
SELECT * FROM ask('GET', '/v1/projects/prj%20x', :'acme', NULL);
SELECT * FROM ask('GET', '/v1/projects/prj%2', :'acme', NULL);
SELECT * FROM ask('GET', '/v1/projects/%70rj_x/databases/@', :'acme', NULL);
SELECT * FROM ask('POST', '/v1/projects', :'acme', project(:'pw', 'x'), '{"Content-Type": "text/plain"}');
SELECT * FROM ask('POST', '/v1/projects', :'acme', project(:'pw', 'x'), '{"Content-Type": null}');
SELECT * FROM ask('POST', '/v1/projects', :'acme', convert_to(repeat(' ', 2097153), 'UTF8'));

-- Bodies that are not JSON, or cannot be stored. The refusal shows no piece of
-- them.
SELECT status, a.body LIKE '%canary%' AS canary, a.body FROM (VALUES
	(NULL::bytea), (''), (' '), ('{'), ('{"name": canary-password-Vq7R2x}'), ('{"name": "canary-password-Vq7R2x'), ('{"a":1,}'), ('[1 2]'), ('{}}'), ('}'), (':'), ('[,]'),
	('\xefbbbf7b7d'), ('\x7b22ff223a317d'), ('\x7b2200223a317d'),
	(convert_to('{"name": "a\u0000b"}', 'UTF8')), (convert_to('{"database": {"password": "\ud800"}}', 'UTF8')),
	(convert_to('{"tags": ["a", "b\udc00"]}', 'UTF8')), (convert_to('{"a\u0000": 1}', 'UTF8')), (convert_to('{"a": 1, "\ud800": 1}', 'UTF8')), (convert_to('"\u0000"', 'UTF8')),
	(convert_to('{"x": "\q"}', 'UTF8')), (convert_to(repeat('[', 65), 'UTF8')), (convert_to(repeat('{"a":', 100000), 'UTF8')),
	(convert_to('{"database": {"port": 1e200000}}', 'UTF8')), (convert_to('{"database": {"port": 1e99999999999999999999}}', 'UTF8')),
	(convert_to('{"database": {"port": 1E-16000}}', 'UTF8')), (convert_to('[' || repeat('9', 16001) || ']', 'UTF8')),
	('null'), ('5'), ('"x"'), ('[]'), (convert_to(repeat('[', 64) || repeat(']', 64), 'UTF8'))
) AS bad (body), LATERAL (SELECT * FROM ask('POST', '/v1/projects', :'acme', bad.body)) a;

-- Bodies that are small but costly: they have more members in an object, or
-- more tokens, than jsonb can sort and read in milliseconds. What is no JSON is
-- read up to the first fault. The credential is checked first.
CREATE FUNCTION members(n integer) RETURNS text LANGUAGE sql AS $$ SELECT string_agg(format('"%s": 1', i), ', ') FROM generate_series(1, n) i $$;
SELECT what, a.status, b.status AS of_nobody, a.body #>> '{error,code}' AS code, left(a.body #>> '{error,message}', 70) AS message FROM (VALUES
	('1000 members', '{' || members(1000) || '}'), ('1001', '{' || members(1001) || '}'),
	('1001, below', '{"database": {"x": [{' || members(1001) || '}]}}'), ('twice 600', '{"x": {' || members(600) || '}, "y": {' || members(600) || '}}'),
	('1001 of one name', '{"a": 1' || repeat(', "a": 1', 1000) || '}'), ('1001, then broken', '{' || members(1001)),
	('10000 tokens', '[[], 1' || repeat(', 1', 4997) || ']'), ('10001', '[[[]' || repeat(', 1', 4998) || ']]'), ('brackets', '[' || repeat('[],', 5000) || '[]]'),
	('no JSON', repeat(':', 10001)), ('100000 members', '{' || members(100000) || '}'), ('1 MB of text', format('{"x": "%s"}', repeat('x', 1000000)))) bad (what, body),
	LATERAL (SELECT status, x.body::jsonb AS body FROM ask('POST', '/v1/projects', :'acme', convert_to(bad.body, 'UTF8')) x) a,
	LATERAL (SELECT status FROM ask('POST', '/v1/projects', 'nobody', convert_to(bad.body, 'UTF8'))) b;
SELECT status, body FROM ask('PATCH', '/v1/projects/' || :'project', :'acme', convert_to('{' || members(1001) || '}', 'UTF8'));
-- So are queries, and headers that a front passes as text. Tokens are short.
SELECT status, a.body FROM ask('GET', '/v1/projects?org_id=http_acme' || repeat('&page_size=1', 1000), :'acme', NULL) a;
SELECT status FROM ask('GET', '/v1/projects?org_id=http_acme' || repeat('&page_size=1', 999) || repeat('&other=1', 10000), :'acme', NULL) a;
DROP FUNCTION members;

-- A body that is JSON within a JSON string is refused as such, and so is a
-- member.
SELECT pgbeam.create_project(to_jsonb('{"name": "x"}'::text));
SELECT pgbeam.create_project(to_jsonb(E' \n{'::text));
SELECT pgbeam.create_project('"x"');
SELECT pgbeam.create_project('{"name": "x", "org_id": "x", "database": "{\"host\": \"h\"}"}');
-- A value that should be an object is reported where its members would be.
SELECT pgbeam.create_project('{"name": "x", "org_id": "x", "database": "postgres://u:p@h/d"}');
SELECT pgbeam.create_database(:'project', '{"host": "h", "port": 5432, "name": "d", "username": "u", "password": "canary-password-Vq7R2x", "pool_config": "session"}');
SELECT pgbeam.update_project(:'project', '{"allowed_cidrs": ["10.0.0.0/8"]}');
SELECT pgbeam.update_project(:'project', '{"allowed_cidrs": ["{\"cidr\": \"10.0.0.0/8\"}"]}');
SELECT pgbeam.update_project(:'project', '{"allowed_cidrs": [5]}');
SELECT pgbeam.update_project(:'project', '{"tags": "[\"a\"]"}');
SELECT pgbeam.update_project(:'project', '{"allowed_cidrs": "[]"}');
SELECT pgbeam.update_project(:'project', '{"tags": "a"}');
SELECT status, a.body FROM ask('POST', '/v1/projects', :'acme', convert_to(to_jsonb('{"name": "x"}'::text)::text, 'UTF8')) a;

-- Problems in both forms of the API, and unknown members.
SELECT * FROM ask('POST', '/v1/projects', :'acme', '{"name": "", "database": {"port": "x"}}');
SELECT * FROM ask('POST', '/v1/projects', :'acme', '{"name": "", "database": {}, "org_id": "x"}',
	'{"ACCEPT": "text/html, application/problem+json;q=0.9", "X-Request-Id": "my-own.id_1"}');
SELECT * FROM ask('GET', '/v1/projects/prj_1', 'nobody', NULL, '{"accept": "application/problem+json"}') a, LATERAL (SELECT 1) b;
SELECT * FROM ask('POST', '/v1/projects', :'acme', project(:'pw', 'strict', more => '{"colour": "red"}'), '{"Prefer": "return=minimal, handling=strict"}');
SELECT status, headers FROM ask('POST', '/v1/projects', :'acme', project(:'pw', 'lenient', more => '{"colour": "red"}'));
SELECT status, headers FROM ask('POST', '/v1/projects', :'acme', project(:'pw', 'strict'), '{"Prefer": "handling=strict"}');

-- Twenty problems are listed, and the number of the others is told.
SELECT body::json #> '{error,errors,0}' AS first, body::json #> '{error,errors,20}' AS last
FROM ask('POST', '/v1/projects', :'acme', convert_to(jsonb_build_object('tags', ARRAY(SELECT i FROM generate_series(1, 10) i), 'cloud', 1,
	'self_hosted', 1, 'description', 1, 'database', '{"port": "x", "ssl_mode": 1, "role": 1, "pool_region": 1, "query_timeout_ms": "x",
	"cache_config": 1, "pool_config": {"pool_size": 0, "max_active": 0}}'::jsonb)::text, 'UTF8'));
-- A repeated header counts as missing.
SELECT status FROM pgbeam.http('GET', '/v1/projects/' || :'project', jsonb_build_object('authorization', 'Bearer ' || :'acme'), NULL);
SELECT status FROM pgbeam.http('GET', '/v1/projects/' || :'project', jsonb_build_object('Authorization', 'Bearer ' || :'acme', 'AUTHORIZATION', 'x'), NULL);
SELECT status FROM pgbeam.http('GET', '/v1/projects/' || :'project', jsonb_build_object('AUTHORIZATION', 'Bearer ' || :'acme', 'Authorization', 'x'), NULL);

-- The client's own request id is kept if it is well formed.
SELECT given, headers ->> 'X-Request-Id' = given AS kept
FROM unnest(ARRAY['my-own.id_1', E'with\nnewline', 'with space', repeat('i', 128), repeat('i', 129)]) given,
	LATERAL pgbeam.http('OPTIONS', '/v1/projects', jsonb_build_object('x-request-id', given), NULL);

-- A refusal after a write leaves nothing: the host had been written when the
-- name was found taken.
SELECT * FROM ask('POST', '/v1/projects', :'acme', project(:'pw', 'shop'));
SELECT count(*) FROM pgbeam.hosts WHERE host LIKE 'shop%';
SELECT pgbeam.set_organization('http_acme', '{"max_projects": 3}');
SELECT * FROM ask('POST', '/v1/projects', :'acme', project(:'pw', 'fourth'));
SELECT pgbeam.set_organization('http_acme', '{"plan": "starter", "max_projects": null}');
SELECT * FROM ask('POST', '/v1/projects', :'acme', project(:'pw', 'x', more => '{"self_hosted": true}'));

-- Requests that write need READ COMMITTED; those that read do not.
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT status FROM ask('GET', '/v1/projects/' || :'project', :'acme', NULL);
SELECT * FROM ask('POST', '/v1/projects', :'acme', project(:'pw', 'repeatable'));
ROLLBACK;

-- An error that is caught ends only the call it was raised in. The caller goes
-- on as themselves, with their own search path.
CREATE ROLE regress_pgbeam_http;
SELECT pgbeam.grant_access('regress_pgbeam_http', 'api'), pgbeam.grant_access('regress_pgbeam_http', 'http');
SELECT set_config('regress.key', :'acme', false), set_config('regress.project', :'project', false) IS NULL \g /dev/null
SET ROLE regress_pgbeam_http;
BEGIN READ ONLY;
DO $$
DECLARE
	call text;
BEGIN
	PERFORM set_config('request.headers', json_build_object('x-api-key', current_setting('regress.key'))::text, true);
	FOREACH call IN ARRAY ARRAY[
		$c$SELECT pgbeam.http('POST', '/v1/projects', jsonb_build_object('x-api-key', current_setting('regress.key'), 'content-type',
			'application/json'), '{"name":"e","org_id":"http_acme","database":{"host":"h","port":1,"name":"d","username":"u","password":"p"}}')$c$,
		$c$SELECT set_config('request.method', 'POST', true),
			pgbeam.create_project('{"name":"e","org_id":"http_acme","database":{"host":"h","port":1,"name":"d","username":"u","password":"p"}}')$c$,
		$c$SELECT set_config('request.method', 'POST', true), pgbeam.delete_project(current_setting('regress.project'))$c$]
	LOOP
		BEGIN
			EXECUTE call;
		EXCEPTION WHEN OTHERS THEN
			RAISE NOTICE '%', SQLERRM;
		END;
		RAISE NOTICE '% %', current_user, current_setting('search_path');
	END LOOP;
END
$$;
COMMIT;
SELECT current_user;
RESET ROLE;
DROP OWNED BY regress_pgbeam_http;
DROP ROLE regress_pgbeam_http;
-- The same holds for an error that nobody catches.
SET default_transaction_read_only = on;
SELECT * FROM ask('POST', '/v1/projects', :'acme', project(:'pw', 'read only'));
RESET default_transaction_read_only;
SELECT status FROM ask('GET', '/v1/projects/' || :'project', :'acme', NULL);

SELECT * FROM ask('DELETE', '/v1/projects/' || :'project', :'anna', NULL);
SELECT * FROM ask('DELETE', '/v1/projects/' || :'project', :'anna', NULL);
SELECT * FROM ask('GET', format('/v1/projects/%s/databases/%s', :'project', :'database'), :'anna', NULL);

-- The plain form, as PostgREST calls the functions.
BEGIN;
SELECT set_config('request.method', 'POST', true), set_config('request.path', '/rpc/create_project', true),
	set_config('request.headers', json_build_object('x-api-key', :'acme')::text, true) IS NOT NULL;
SELECT regexp_replace(pgbeam.create_project(convert_from(project(:'pw', 'plain'), 'UTF8')::jsonb) ->> 'project', '"id".*"name"', '... "name"') ~ 'plain' AS made;
SELECT current_setting('response.status'), regexp_replace(current_setting('response.headers'), '(prj|req)_[0-9a-z]{26}', '\1_...', 'g');
SELECT pgbeam.create_project(convert_from(project(:'pw', 'plain'), 'UTF8')::jsonb) -> 'error' AS error;
SELECT current_setting('response.status');
SELECT pgbeam.get_project('prj_1') -> 'error' AS project, pgbeam.get_database(NULL, NULL) -> 'error' AS database;
SELECT current_setting('response.status');
SELECT pgbeam.delete_project(pgbeam.typeid_encode('prj', id)) FROM pgbeam.projects WHERE name = 'plain';
SELECT current_setting('response.status');
SELECT set_config('request.headers', '{broken', true);
SELECT pgbeam.create_project('{}') -> 'error' AS error;
SELECT current_setting('response.status'), regexp_replace(current_setting('response.headers'), 'req_[0-9a-z]{26}', 'req_...');
SELECT set_config('request.headers', json_build_object('x-api-key', :'acme')::text, true) IS NOT NULL;
SELECT pgbeam.get_project(:'project') ->> 'error';
SELECT set_config('request.headers', json_object_agg(name, value)::text, true) IS NOT NULL FROM (SELECT 'x-' || i, 'y' FROM generate_series(1, 1000) i UNION ALL SELECT 'x-api-key', :'acme') h(name, value);
SELECT pgbeam.get_project(:'project') #>> '{error,code}' AS headers_without_end;
COMMIT;
SELECT current_setting('response.status', true) = '' AS gone;

-- Behind a front that passes headers which PostgREST would judge.
BEGIN;
SELECT set_config('request.method', 'POST', true), set_config('request.headers', json_build_object('x-pgbeam-method', 'GET',
	'x-pgbeam-uri', '/v1/projects/prj_1?x', 'x-pgbeam-authorization', 'Bearer ' || :'acme', 'x-pgbeam-content-type', '',
	'x-pgbeam-accept', 'application/problem+json', 'accept', '*/*', 'content-type', 'application/octet-stream')::text, true) IS NOT NULL;
SELECT regexp_replace(convert_from(pgbeam.http_forwarded('\xff'), 'UTF8'), 'req_[0-9a-z]{26}', 'req_...');
SELECT current_setting('response.status');
-- A client that gets there directly proves nothing with the usual header.
SELECT set_config('request.headers', json_build_object('x-pgbeam-method', 'GET', 'x-pgbeam-uri', '/v1/projects/prj_1',
	'authorization', 'Bearer ' || :'acme')::text, true) IS NOT NULL;
SELECT convert_from(pgbeam.http_forwarded(NULL), 'UTF8')::json -> 'error' AS error;
-- A front recognizes our refusals by their body in a header; other answers
-- have none.
CREATE FUNCTION pg_temp.forward(uri text, accept text, OUT status text, OUT repeated boolean) LANGUAGE plpgsql AS $$
DECLARE
	body text;
BEGIN
	PERFORM set_config('request.headers', json_build_object('x-pgbeam-method', 'GET', 'x-pgbeam-uri', uri, 'x-pgbeam-accept', accept)::text, true);
	body := convert_from(pgbeam.http_forwarded(NULL), 'UTF8');
	status := current_setting('response.status');
	repeated := (SELECT h ->> 'X-Pgbeam-Body' = body FROM json_array_elements(current_setting('response.headers')::json) h
		WHERE h::jsonb ? 'X-Pgbeam-Body');
END $$;
SELECT f.* FROM (VALUES ('/v1/health', ''), ('/v1/projects', ''), ('/v1/projects', 'application/problem+json'), ('/v1/regions?a', '')) v (uri, accept),
	pg_temp.forward(v.uri, v.accept) f;
COMMIT;
SELECT convert_from(pgbeam.http_forwarded(NULL), 'UTF8')::json -> 'error' AS error;

-- Every GET answers with an ETag over its body, and with 304 to a client that
-- names it.
SELECT status FROM ask('POST', '/v1/projects', :'acme', project(:'pw', 'tagged'));
SELECT pgbeam.typeid_encode('prj', p.id) AS project, pgbeam.typeid_encode('db', d.id) AS database
FROM pgbeam.projects p JOIN pgbeam.databases d ON d.project_id = p.id WHERE p.name = 'tagged' \gset
CREATE FUNCTION get(uri text, credential text, tags text DEFAULT NULL, OUT status integer, OUT etag text, OUT body text, OUT type text) LANGUAGE sql AS $$
	SELECT status, headers ->> 'ETag', body, headers ->> 'Content-Type'
	FROM pgbeam.http('GET', uri, jsonb_strip_nulls(jsonb_build_object('X-API-Key', credential, 'If-None-Match', tags)), NULL)
$$;
SELECT r.operation, a.status, a.etag ~ '^"[0-9a-f]{32}"$' AS tagged,
	(SELECT array_agg(b.status || b.body ORDER BY n) FROM unnest(ARRAY[a.etag, 'W/' || a.etag, '"x", ' || a.etag, '*']) WITH ORDINALITY t(tags, n), get(uri, :'acme', tags) b) AS unchanged,
	(SELECT array_agg(b.etag = a.etag AND b.type IS NULL) FROM get(uri, :'acme', '*') b) AS tag_stays,
	(SELECT array_agg(b.status) FROM unnest(ARRAY['"x"', 'x', replace(a.etag, '"', ''), upper(a.etag)]) tags, get(uri, :'acme', tags) b WHERE b.body <> '') AS changed
FROM pgbeam.routes() r,
	LATERAL (SELECT replace(replace(replace(r.path, '{project_id}', :'project'), '{database_id}', :'database'), '{org_id}', 'http_acme')
		|| CASE WHEN operation = 'listProjects' THEN '?org_id=http_acme' WHEN operation ~ 'Usage$' THEN '?start_date=2001-01-01&end_date=2001-01-31' ELSE '' END AS uri) u, get(uri, :'acme') a
WHERE r.method = 'GET' AND r.operation <> 'getHealth' ORDER BY r.operation;
-- A long list of tags is read to its end.
SELECT length(tags), b.status FROM get('/v1/regions', :'acme') AS a, LATERAL (SELECT repeat('"x", ', 1000) || a.etag AS tags) AS t, get('/v1/regions', :'acme', tags) AS b;
-- What has changed is answered: a new row of a list, other limits.
SELECT etag AS listed FROM get('/v1/projects?org_id=http_acme', :'acme') \gset
SELECT etag AS plan FROM get('/v1/organizations/http_acme/plan', :'acme') \gset
SELECT status, etag = :'listed' AS same FROM get('/v1/projects?org_id=http_acme&page_size=100', :'acme', :'listed');
SELECT status FROM ask('POST', '/v1/projects', :'acme', project(:'pw', 'one more'));
SELECT status, etag = :'listed' AS same FROM get('/v1/projects?org_id=http_acme', :'acme', :'listed');
SELECT pgbeam.set_organization('http_acme', '{"max_projects": 7}') IS NOT NULL AS set;
SELECT status, etag = :'plan' AS same FROM get('/v1/organizations/http_acme/plan', :'acme', :'plan');
SELECT pgbeam.set_organization('http_acme', '{"max_projects": null}') IS NOT NULL AS set;
SELECT status FROM get('/v1/organizations/http_acme/plan', :'acme', :'plan');
-- A refusal has no ETag, and is never 304.
SELECT status, etag FROM get('/v1/projects?org_id=http_other', :'acme', '*');
SELECT status, etag FROM get('/v1/regions', NULL, '*');
-- Nor has the health of a degraded service.
SELECT status, etag ~ '^"[0-9a-f]{32}"$' AS tagged, body FROM get('/v1/health', NULL, '*');
SET default_transaction_read_only = on;
SELECT status, etag, body::json ->> 'status' AS health FROM get('/v1/health', NULL, '*');
RESET default_transaction_read_only;
-- Of the writes, these heed If-Match and answer with an ETag.
SELECT operation FROM pgbeam.routes() WHERE 412 = ANY (errors);

\pset format aligned
DROP FUNCTION ask, get, project;
