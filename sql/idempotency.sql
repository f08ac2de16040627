-- Requests sent again with the same Idempotency-Key.
SET client_min_messages = warning;
SELECT count(pgbeam.set_organization(o)) AS made FROM unnest('{idem_acme,idem_other}'::text[]) o;
SELECT key AS acme FROM pgbeam.create_api_key(org_id => 'idem_acme') \gset
SELECT key AS other FROM pgbeam.create_api_key(org_id => 'idem_other') \gset
SELECT key AS anna FROM pgbeam.create_api_key(user_id => 'idem_anna') \gset
SELECT pgbeam.set_member('idem_acme', 'idem_anna', 'admin');
RESET client_min_messages;

\set pw canary-password-Vq7R2x
CREATE FUNCTION project(password text, name text, org text DEFAULT 'idem_acme') RETURNS bytea LANGUAGE sql AS $$
	SELECT convert_to(jsonb_build_object('name', name, 'org_id', org, 'database', jsonb_build_object('host', 'db.example.com',
		'port', 5432, 'name', 'd', 'username', 'u', 'password', password))::text, 'UTF8')
$$;
-- An answer: status, headers without the request's own, and a digest of
-- everything.
CREATE FUNCTION post(credential text, key text, body bytea, more jsonb DEFAULT '{}', OUT status integer, OUT answer text, OUT code text)
LANGUAGE sql AS $$
	SELECT status, md5((headers - 'X-Request-Id')::text || body), substring(body FROM '"code":"(\w+)"')
	FROM pgbeam.http('POST', '/v1/projects', jsonb_build_object('authorization', 'Bearer ' || credential,
		'content-type', 'application/json', 'idempotency-key', key) || more, body)
$$;

-- The second answer is the same as the first, Location included; nothing is
-- done again.
SELECT status, answer FROM post(:'acme', 'one', project(:'pw', 'first')) \gset first_
SELECT status, answer = :'first_answer' AS same FROM post(:'acme', 'one', project(:'pw', 'first'));
SELECT count(*) FROM pgbeam.projects WHERE org_id = 'idem_acme';
-- Also when the project has been deleted meanwhile.
SELECT pgbeam.delete_project(pgbeam.typeid_encode('prj', id)) FROM pgbeam.projects WHERE org_id = 'idem_acme';
SELECT status, answer = :'first_answer' AS same FROM post(:'acme', 'one', project(:'pw', 'first'));

-- The same key with another body, or for another operation.
SELECT status, code FROM post(:'acme', 'one', project(:'pw', 'second'));
-- The same key of another caller is a different key.
SELECT status, code FROM post(:'other', 'one', project(:'pw', 'first', 'idem_other'));
SELECT status, code FROM post(:'anna', 'one', project(:'pw', 'annas'));
SELECT kind, owner_id, key, status, location ~ '^/v1/projects/prj_' AS location FROM pgbeam.idempotency_keys ORDER BY 1, 2, 3;

-- Refusals are repeated as well, whatever has changed.
SELECT status, code, answer FROM post(:'acme', 'refused', project(:'pw', ''), '{"accept": "application/problem+json"}') \gset refused_
\echo :refused_status :refused_code
SELECT status, code, answer = :'refused_answer' AS same FROM post(:'acme', 'refused', project(:'pw', ''));
SELECT status, code FROM post(:'acme', 'taken', project(:'pw', 'annas'));
SELECT pgbeam.delete_project(pgbeam.typeid_encode('prj', id)) FROM pgbeam.projects WHERE name = 'annas';
SELECT status, code FROM post(:'acme', 'taken', project(:'pw', 'annas'));
SELECT status, code FROM post(:'acme', 'not taken', project(:'pw', 'annas'));
-- A body that is not JSON is refused before the key is looked at.
SELECT status, code FROM post(:'acme', 'malformed', '{');
SELECT status, code FROM post(:'acme', 'malformed', project(:'pw', 'well formed'));
SELECT status, code FROM post('nobody', 'unknown', project(:'pw', 'x'));

-- Keys have 1 to 255 characters.
SELECT status, code FROM post(:'acme', repeat('k', 255), project(:'pw', 'long'));
SELECT status, code FROM post(:'acme', repeat('k', 256), project(:'pw', 'too long'));
-- A key that cannot be read does not count as absent.
SELECT status, code FROM post(:'acme', '', project(:'pw', 'no key'));
SELECT bad, status FROM unnest('{"{\"idempotency-key\": \"a\", \"Idempotency-Key\": \"a\"}","{\"Idempotency-Key\": 5}"}'::jsonb[]) bad,
	LATERAL pgbeam.http('POST', '/v1/projects', jsonb_build_object('X-API-Key', :'acme', 'Content-Type', 'application/json') || bad, '{}');

-- No request is stored, and no digest that others could compute.
SELECT count(*) FROM pgbeam.idempotency_keys k WHERE k::text ~ 'canary';
SELECT count(DISTINCT left(fingerprint, 32)) AS keys, bool_and(left(fingerprint, 32) IN (SELECT key_id FROM pgbeam.keyring())) AS known
FROM pgbeam.idempotency_keys;

-- Plain calls share the keys, and digest their bodies as jsonb.
BEGIN;
SELECT set_config('request.method', 'POST', true), set_config('request.headers',
	jsonb_build_object('x-api-key', :'acme', 'idempotency-key', 'plain')::text, true) IS NULL \g /dev/null
SELECT md5(pgbeam.create_project(convert_from(project(:'pw', 'plain'), 'UTF8')::jsonb)::text) AS answer \gset plain_
SELECT md5(pgbeam.create_project(convert_from(project(:'pw', 'plain'), 'UTF8')::jsonb)::text) = :'plain_answer' AS same,
	current_setting('response.status') AS status, current_setting('response.headers') ~ '"Location":"/v1/projects/prj_' AS location;
COMMIT;

-- After a day a key is free again, and sooner or later its row is deleted.
UPDATE pgbeam.idempotency_keys SET created_at = created_at - interval '23 hours 59 minutes' WHERE key = 'one' AND owner_id = 'idem_acme';
SELECT status, answer = :'first_answer' AS same FROM post(:'acme', 'one', project(:'pw', 'first'));
UPDATE pgbeam.idempotency_keys SET created_at = created_at - interval '1 minute';
SELECT status, answer = :'first_answer' AS same FROM post(:'acme', 'one', project(:'pw', 'first'));
UPDATE pgbeam.idempotency_keys SET created_at = created_at - interval '1 day' WHERE key <> 'one';
SELECT set_config('idem.key', :'acme', false) \g /dev/null
DO $$
BEGIN
	FOR i IN 1 .. 1000 LOOP
		PERFORM pgbeam.http('POST', '/v1/projects', jsonb_build_object('authorization', 'Bearer ' || current_setting('idem.key'),
			'content-type', 'application/json', 'idempotency-key', 'sweep'), '{}');
	END LOOP;
END
$$;
SELECT count(*) FROM pgbeam.idempotency_keys WHERE created_at < now() - interval '1 day';

-- A trigger's veto is not an answer.
CREATE FUNCTION veto() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER veto BEFORE INSERT ON pgbeam.idempotency_keys FOR EACH ROW EXECUTE FUNCTION veto();
SELECT status FROM post(:'acme', 'vetoed', project(:'pw', 'vetoed'));
DROP TRIGGER veto ON pgbeam.idempotency_keys;
DROP FUNCTION veto, post, project;
