-- The change feed: which resource changed how, whose, when and by whom; never
-- a value.
SELECT token AS start FROM pgbeam.read_changes(max_rows => 10000) ORDER BY split_part(token, '.', 1)::bigint DESC, token DESC LIMIT 1 \gset
CREATE FUNCTION feed(after text, max_rows integer DEFAULT 1000)
RETURNS TABLE (org_id text, resource text, action text, actor_kind text, actor text) LANGUAGE sql AS $$
	SELECT org_id, resource, action, actor_kind, CASE WHEN actor = current_user THEN 'me' ELSE actor END FROM pgbeam.read_changes(after, max_rows)
$$;
-- A request over HTTP in PostgREST's manner, by a claim that it verified.
CREATE FUNCTION ask_as(user_id text, call text, headers jsonb DEFAULT '{}') RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM set_config('pgbeam.trust_request_claims', 'on', true), set_config('request.method', 'POST', true),
		set_config('request.headers', headers::text, true), set_config('request.jwt.claims', jsonb_build_object('sub', user_id)::text, true);
	EXECUTE 'SELECT pgbeam.' || call;
	PERFORM set_config('request.method', '', true);
	RETURN current_setting('response.status');
END
$$;
CREATE FUNCTION latest(after text) RETURNS text LANGUAGE sql AS $$
	SELECT token FROM pgbeam.read_changes(after, 1000) WITH ORDINALITY AS c (token) ORDER BY ordinality DESC LIMIT 1
$$;
SELECT p #>> '{project,id}' AS project, p #>> '{database,id}' AS database FROM pgbeam.create_project(
	'{"org_id": "change", "name": "c", "database": {"host": "db.example.com", "port": 5432, "name": "d", "username": "u", "password": "canary-password-Vq7R2x"}}') p \gset
SELECT pgbeam.update_project(:'project', '{"name": "renamed"}') IS NOT NULL AS updated;
SELECT pgbeam.update_database(:'project', :'database', '{"password": "canary-password-Vq7R2x"}') IS NOT NULL AS rotated;
SELECT id AS key_id, key FROM pgbeam.create_api_key(org_id => 'change') \gset
SELECT pgbeam.set_member('change', 'change-user', 'owner');
SELECT id AS user_key_id, key AS user_key FROM pgbeam.create_api_key(user_id => 'change-user') \gset
SELECT status FROM pgbeam.http('PATCH', '/v1/projects/' || :'project', jsonb_build_object('X-API-Key', :'key', 'Content-Type', 'application/json'), '{"name": "by key"}');
SELECT status FROM pgbeam.http('DELETE', '/v1/projects/' || :'project', jsonb_build_object('X-API-Key', :'user_key'), NULL);
SELECT org_id, resource, action, actor_kind, CASE actor WHEN :'key_id' THEN 'its key' WHEN :'user_key_id' THEN 'a user''s key' ELSE actor END AS actor
FROM feed(:'start');
-- With a token, the actor is the user. A request has an id, the one in its
-- answer; plain SQL has none.
SELECT ask_as('change-user', $$create_project('{"org_id": "change", "name": "token", "database": {"host": "db.example.com", "port": 5432, "name": "d", "username": "u", "password": "canary-password-Vq7R2x"}}')$$, '{"X-Request-Id": "my-own.id"}');
SELECT resource, action, actor_kind, actor, request_id, detail FROM pgbeam.read_changes(:'start') WHERE actor_kind = 'user';
SELECT headers ->> 'X-Request-Id' AS answered FROM pgbeam.http('POST', '/v1/projects', jsonb_build_object('X-API-Key', :'key', 'Content-Type', 'application/json', 'X-Request-Id', 'not decent'),
	'{"org_id": "change", "name": "made", "database": {"host": "db.example.com", "port": 5432, "name": "d", "username": "u", "password": "canary-password-Vq7R2x"}}') \gset
SELECT resource, request_id = :'answered' AS same, request_id ~ '^req_[0-9a-z]{26}$' AS made FROM pgbeam.read_changes(:'start') WHERE request_id ~ '^req' ORDER BY token DESC LIMIT 2;
SELECT count(*) AS plain, count(request_id) AS with_id FROM pgbeam.read_changes(:'start') WHERE actor_kind = 'role';
SELECT resource_id = :'project' AS project FROM pgbeam.read_changes(:'start') WHERE resource = 'project' AND action = 'deleted';
SELECT count(*) FROM pgbeam.changes c WHERE c::text ~ 'canary|renamed|by key';

-- In pages, by token.
SELECT * FROM feed(:'start', 2);
SELECT token AS second FROM pgbeam.read_changes(:'start', 2) OFFSET 1 \gset
SELECT * FROM feed(:'second', 1);
SELECT latest(:'start') AS latest \gset
SELECT count(*) FROM feed(:'latest');

-- What the operator does to organizations, members and keys, and which
-- password was revealed.
SELECT latest(:'start') AS before \gset
SELECT pgbeam.set_organization('change-2', '{"plan": "pro"}') IS NOT NULL, pgbeam.set_organization('change-2', '{"plan": null}') IS NOT NULL,
	pgbeam.suspend_organization('change-2'), pgbeam.resume_organization('change-2'),
	pgbeam.set_member('change-2', 'change-user', 'member'), pgbeam.set_member('change-2', 'change-user', 'admin'), pgbeam.remove_member('change-2', 'change-user');
SELECT id AS first FROM pgbeam.create_api_key(org_id => 'change-2') \gset
SELECT id AS second FROM pgbeam.create_api_key(org_id => 'change-2') \gset
SELECT id AS third FROM pgbeam.create_api_key(org_id => 'change-2') \gset
SELECT id AS users FROM pgbeam.create_api_key(user_id => 'change-2-user') \gset
SELECT pgbeam.revoke_api_key(:'first');
SELECT pgbeam.revoke_api_keys(org_id => 'change-2') AS of_organization, pgbeam.revoke_api_keys(user_id => 'change-2-user') AS of_user,
	pgbeam.revoke_api_keys(org_id => 'change-2') AS again, pgbeam.revoke_api_keys(user_id => 'change-2') AS nobodys;
SELECT resource, CASE resource_id WHEN :'first' THEN 'first' WHEN :'second' THEN 'second' WHEN :'third' THEN 'third' WHEN :'users' THEN 'users' ELSE resource_id END AS resource_id,
	action, org_id, actor = current_user AS me, detail FROM pgbeam.read_changes(:'before', 1000);
SELECT pgbeam.revoke_api_keys();
SELECT pgbeam.revoke_api_keys('change-2', 'change-2-user');
SELECT pgbeam.revoke_api_keys(org_id => '');
SELECT latest(:'start') AS before \gset
SELECT pgbeam.remove_member('change-2', 'nobody');
SELECT pgbeam.suspend_organization('change-nobody');
SELECT pgbeam.revoke_api_key(:'first');
SELECT count(*) FROM feed(:'before');

-- An update without effect is no change.
SELECT pgbeam.resume_organization('change-2');
SELECT pgbeam.suspend_organization('change-2'), pgbeam.suspend_organization('change-2');
SELECT pgbeam.resume_organization('change-2'), pgbeam.resume_organization('change-2');
SELECT resource_id, action FROM pgbeam.read_changes(:'before', 1000);
SELECT latest(:'start') AS before \gset
SELECT p #>> '{database,id}' AS database FROM pgbeam.create_project(
	'{"org_id": "change-3", "name": "c", "database": {"host": "db.example.com", "port": 5432, "name": "d", "username": "u", "password": "canary-password-Vq7R2x"}}') p \gset
SELECT pgbeam.reveal_password(:'database') = 'canary-password-Vq7R2x' AS revealed;
SELECT pgbeam.reveal_password('db_00000000000000000000000000');
BEGIN READ ONLY;
SELECT pgbeam.reveal_password(:'database') = 'canary-password-Vq7R2x' AS revealed;
COMMIT;
SELECT resource, action, org_id, resource_id IN ('change-3', :'database') AS known, actor = current_user AS me, request_id, detail FROM pgbeam.read_changes(:'before');
SELECT latest(:'start') AS latest \gset

-- What is refused or undone leaves no change; one's own are not visible yet.
SELECT pgbeam.update_project(:'project', '{"name": "gone"}');
SELECT count(*) FROM feed(:'latest');
BEGIN;
SELECT p IS NOT NULL AS created FROM pgbeam.create_project(
	'{"org_id": "change", "name": "c2", "database": {"host": "db.example.com", "port": 5432, "name": "d", "username": "u", "password": "canary-password-Vq7R2x"}}') p;
SELECT count(*) FROM feed(:'latest');
ROLLBACK;
SELECT count(*) FROM feed(:'latest');

SELECT p #>> '{project,id}' AS project FROM pgbeam.create_project(
	'{"org_id": "change", "name": "c3", "database": {"host": "db.example.com", "port": 5432, "name": "d", "username": "u", "password": "canary-password-Vq7R2x"}}') p \gset

-- Old changes go as new ones are written. The last one stays: it shows those
-- who have read it that nothing after it was deleted.
CREATE FUNCTION rename(times integer) RETURNS bigint LANGUAGE sql AS $$
	SELECT count(pgbeam.update_project((SELECT pgbeam.typeid_encode('prj', id) FROM pgbeam.projects WHERE org_id = 'change' AND name ~ '^(c3|n\d+)$' AND deleted_at IS NULL),
		jsonb_build_object('name', 'n' || i || '0'))) FROM generate_series(1, times) i
$$;
CREATE TEMP TABLE places AS SELECT xid, row_number() OVER (ORDER BY xid, id) AS place, count(*) OVER () AS total FROM pgbeam.changes;
BEGIN;
UPDATE pgbeam.changes SET changed_at = now() - interval '31 days';
-- The clock has run on: the last three quarters are only days old.
UPDATE pgbeam.changes SET changed_at = now() - interval '25 hours' WHERE xid >= (SELECT max(xid) FROM places WHERE place < total / 4);
-- A clock that was wrong for some changes keeps none of them.
UPDATE pgbeam.changes SET changed_at = now() + interval '1 year'
WHERE (xid, id) IN (SELECT xid, id FROM pgbeam.changes ORDER BY xid, id LIMIT 10);
SELECT rename(600);
SELECT count(*) FILTER (WHERE changed_at < now() - interval '30 days') AS old,
	count(*) FILTER (WHERE changed_at > now() + interval '1 day') AS wrong, count(*) >= 600 AS kept FROM pgbeam.changes;
SELECT min(changed_at) = (SELECT changed_at FROM pgbeam.changes ORDER BY xid, id LIMIT 1) AS oldest_is_first FROM pgbeam.changes;
ROLLBACK;

-- A sweep that was undone is done again, by a backend that goes on from where
-- it ended.
SELECT count(*) = (SELECT total FROM places LIMIT 1) AS all_are_back FROM pgbeam.changes;
BEGIN;
UPDATE pgbeam.changes SET changed_at = now() - interval '31 days';
UPDATE pgbeam.changes SET changed_at = now() - interval '25 hours' WHERE xid >= (SELECT max(xid) FROM places WHERE place < total / 4);
SELECT rename(600);
SELECT count(*) FILTER (WHERE changed_at < now() - interval '30 days') AS old FROM pgbeam.changes;
ROLLBACK;

-- A clock that jumps sweeps no more than a day's worth, and says so.
BEGIN;
UPDATE pgbeam.changes SET changed_at = now() - interval '54000 days';
SELECT rename(300);
SELECT count(*) FILTER (WHERE changed_at < now() - interval '1 year') = (SELECT total FROM places LIMIT 1) AS all_are_kept FROM pgbeam.changes;
ROLLBACK;
DROP FUNCTION rename;
DROP TABLE places;

-- Bad input.
CREATE FUNCTION refusal(after text, max_rows integer, OUT state text, OUT message text) LANGUAGE plpgsql AS $$
BEGIN
	PERFORM FROM pgbeam.read_changes(after, max_rows);
EXCEPTION WHEN OTHERS THEN
	state := SQLSTATE;
	message := SQLERRM;
END
$$;
SET standard_conforming_strings = off;
SELECT after, max_rows, r.* FROM (VALUES
	('', 1), ('1', 1), ('1.', 1), ('x.00000000-0000-0000-0000-000000000000', 1), ('1.x', 1), ('1x00000000-0000-0000-0000-000000000000', 1),
	('.00000000-0000-0000-0000-000000000000', 1), ('-1.00000000-0000-0000-0000-000000000000', 1), ('1.00000000-0000-0000-0000-000000000000 ', 1),
	('1.00000000000000000000000000000000', 1), ('1.0000000-00000-0000-0000-000000000000', 1), ('1.A0000000-0000-0000-0000-000000000000', 1),
	('18446744073709551616.00000000-0000-0000-0000-000000000000', 1), ('0018446744073709551616.00000000-0000-0000-0000-000000000000', 1),
	(NULL, NULL), (NULL, 0), (NULL, -1), (NULL, 10001), (NULL, 2147483647), ('x', 0)) AS t (after, max_rows), refusal(after, max_rows) AS r;
RESET standard_conforming_strings;
SELECT r.* FROM refusal(NULL, 1) AS r, refusal(NULL, 10000) AS s WHERE r.state IS NULL AND s.state IS NULL;
SELECT token FROM pgbeam.read_changes('1', 0);

-- Tokens that this server does not have: ahead of it, never written, and
-- swept.
SELECT state, message FROM refusal('18446744073709551615.00000000-0000-0000-0000-000000000000', 1);
SELECT state, message FROM refusal(pg_snapshot_xmax(pg_current_snapshot()) || '.00000000-0000-0000-0000-000000000000', 1);
SELECT state, message FROM refusal(split_part(:'latest', '.', 1) || '.ffffffff-ffff-ffff-ffff-ffffffffffff', 1);
SELECT state, message FROM refusal('1.00000000-0000-0000-0000-000000000000', 1);
BEGIN;
DELETE FROM pgbeam.changes WHERE xid < split_part(:'latest', '.', 1)::xid8;
SELECT state, message FROM refusal(:'start', 1);
SELECT * FROM refusal(:'latest', 1);
DELETE FROM pgbeam.changes;
SELECT state, message FROM refusal(:'latest', 1);
SELECT * FROM refusal(NULL, 1);
ROLLBACK;
SELECT token FROM pgbeam.read_changes('99999999999.00000000-0000-0000-0000-000000000000');
SELECT token FROM pgbeam.read_changes('1.00000000-0000-0000-0000-000000000000');

-- Rows of another server, however they got here, would hide this one's.
BEGIN;
INSERT INTO pgbeam.changes SELECT org_id, '99999999999', gen_random_uuid(), resource, resource_id, action, actor_kind, actor, request_id, detail, changed_at
	FROM pgbeam.changes LIMIT 1;
SELECT state, message FROM refusal(NULL, 1);
SELECT state, message FROM refusal(:'latest', 1);
ROLLBACK;
-- A session's own rows are not hidden: they wait.
BEGIN;
SELECT pgbeam.update_project(:'project', '{"name": "own"}') IS NOT NULL AS updated;
SELECT * FROM refusal(:'latest', 1);
SELECT held_by_pid = pg_backend_pid() AS mine, held_by_prepared, held_since = now() AS since_begin, waiting_since >= now() AS waiting, is_held_long FROM pgbeam.feed_status();
ROLLBACK;
SELECT waiting_since, is_held_long, held_since, held_by_pid, held_by_prepared FROM pgbeam.feed_status();

-- The changes of one operation are one INSERT, up to 16 of them.
CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	RAISE NOTICE '%', (SELECT string_agg(concat_ws(' ', count, resource, action), ', ' ORDER BY resource) FROM (
		SELECT count(*), resource, action FROM added GROUP BY resource, action) AS counted);
	RETURN NULL;
END
$$;
BEGIN;
SELECT pgbeam.set_organization('told') IS NOT NULL AS made;
SELECT count(pgbeam.create_api_key(org_id => 'told')) AS made FROM generate_series(1, 18);
SELECT count(pgbeam.set_member('told', concat('user_', n), 'admin')) AS made FROM generate_series(1, 3) AS n;
CREATE TRIGGER tell AFTER INSERT ON pgbeam.changes REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION tell();
SELECT pgbeam.create_project('{"org_id": "told", "name": "told", "database": {"host": "h", "port": 1, "name": "d", "username": "u", "password": "canary-password-Vq7R2x"}}')
	#>> '{project,id}' AS told \gset
SELECT count(pgbeam.create_database(:'told', '{"host": "h", "port": 1, "name": "d", "username": "u", "password": "canary-password-Vq7R2x"}')) AS made
FROM generate_series(1, 2);
SELECT count(pgbeam.create_replica(d ->> 'id', '{"host": "r", "port": 1}')) AS made
FROM json_array_elements(pgbeam.list_databases(:'told') -> 'databases') AS d;
SELECT pgbeam.delete_project(:'told');
SELECT pgbeam.undelete_project(:'told') IS NOT NULL AS is_back;
SELECT pgbeam.revoke_api_keys(org_id => 'told');
SELECT pgbeam.delete_organization('told', cascade => true);
ROLLBACK;
DROP FUNCTION feed, ask_as, latest, refusal, tell;
