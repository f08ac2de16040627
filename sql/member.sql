-- Members, and organizations suspended.
SELECT pgbeam.set_organization('org_members');
SELECT pgbeam.set_member('org_members', 'user_1', 'owner');
SELECT pgbeam.set_member('org_members', 'user_2', 'member');
SELECT pgbeam.set_member('org_members', 'user_2', 'admin');
SELECT user_id, role FROM pgbeam.list_members('org_members');
SELECT pgbeam.set_member('org_members', 'user_3', 'Owner');
SELECT pgbeam.set_member('', repeat('u', 256), NULL);
SELECT pgbeam.set_member(NULL, NULL, NULL);
SELECT pgbeam.remove_member('org_members', 'user_2');
SELECT pgbeam.remove_member('org_members', 'user_2');
SELECT pgbeam.remove_member('org_members', NULL);
SELECT user_id, role FROM pgbeam.list_members('org_members');
SELECT * FROM pgbeam.list_members('org_nobodys');

-- What the operator tells of a member. Null leaves it, an empty text removes it.
CREATE VIEW told AS SELECT user_id, role, email, name, image FROM pgbeam.list_members('org_members');
SELECT pgbeam.set_member('org_members', 'user_2', 'admin', 'engineer@example.com', 'Alex Rivera', 'https://example.com/avatars/alex.png');
TABLE told;
SELECT id AS alex, created_at AS since FROM pgbeam.list_members('org_members') WHERE user_id = 'user_2' \gset
SELECT pgbeam.set_member('org_members', 'user_2', 'auditor', name => 'Alex');
SELECT pgbeam.set_member('org_members', 'user_2', 'auditor', image => '');
TABLE told;
SELECT id = :'alex' AND created_at = :'since' AS stays, id ~ '^[0-9a-f]{32}$' AS opaque FROM pgbeam.list_members('org_members') WHERE user_id = 'user_2';
SELECT pgbeam.set_member('org_members', 'user_2', 'auditor', '', '', '');
TABLE told;
SELECT pgbeam.remove_member('org_members', 'user_2'), pgbeam.set_member('org_members', 'user_2', 'admin');
SELECT id = :'alex' AS stays FROM pgbeam.list_members('org_members') WHERE user_id = 'user_2';
SELECT pgbeam.set_member('org_members', 'user_2', 'admin', e, n, i) FROM (VALUES ('@', E'a\tb', E'\n'), ('a b@c', 'n', 'i'), ('a@b@c', 'n', 'i')) AS t(e, n, i);
SELECT pgbeam.set_member('org_members', 'user_2', 'admin', repeat('x', 250) || '@' || 'b.com', repeat('n', 256), repeat('i', 2049));
-- Names of any script are as long as characters count; ten kilobytes are not.
SELECT pgbeam.set_member('org_members', 'user_2', 'admin', 'jürgen@example.com', repeat('ü', 255), repeat('i', 2048));
SELECT pgbeam.set_member('org_members', 'user_2', 'admin', name => repeat('x', 10240));
SELECT pgbeam.set_member('org_members', 'user_2', 'admin', '', '', '');
DROP VIEW told;

-- The roles, each with what it may do over HTTP: look, change projects, change
-- members and owners, and limit spending.
SELECT pgbeam.set_member('org_members', 'user_' || r, r) IS NOT NULL AS set FROM unnest('{owner,admin,member,security_admin,billing_admin,auditor,policy-author,approver}'::text[]) AS r;
SELECT pgbeam.set_member('org_members', 'user_x', r) FROM unnest('{superuser,policy_author,""}'::text[]) AS r;
SELECT pgbeam.set_organization('org_others') IS NOT NULL AS set;
SELECT key AS org_key FROM pgbeam.create_api_key(org_id => 'org_members') \gset
SELECT key AS others_key FROM pgbeam.create_api_key(org_id => 'org_others') \gset
CREATE TEMPORARY TABLE keys AS SELECT r AS role, k.key
FROM unnest('{owner,admin,member,security_admin,billing_admin,auditor,policy-author,approver}'::text[]) AS r, pgbeam.create_api_key(user_id => 'user_' || r) AS k;
INSERT INTO keys VALUES ('(key)', :'org_key'), ('(other)', :'others_key');
SELECT pgbeam.set_member('org_members', u, 'member') FROM unnest('{target,owner_target}'::text[]) AS u;
SELECT pgbeam.set_member('org_members', 'owner_target', 'owner');
SELECT id AS target FROM pgbeam.list_members('org_members') WHERE user_id = 'target' \gset
SELECT id AS owner FROM pgbeam.list_members('org_members') WHERE user_id = 'owner_target' \gset
CREATE FUNCTION pg_temp.ask(method text, path text, key text, body text DEFAULT NULL, OUT status integer, OUT said text) LANGUAGE sql AS $$
	SELECT status, CASE WHEN status >= 400 THEN concat_ws(': ', body::json #>> '{error,code}', body::json #>> '{error,message}') ELSE body END
	FROM pgbeam.http(method, '/v1/organizations/org_members' || path, jsonb_build_object('X-API-Key', key, 'Content-Type', 'application/json'), convert_to(body, 'UTF8'))
$$;
\set pw canary-password-Vq7R2x
SELECT pgbeam.create_project(jsonb_build_object('name', 'members', 'org_id', 'org_members', 'database', jsonb_build_object('host', 'h', 'port', 1, 'name', 'd', 'username', 'u', 'password', :'pw')))
	#>> '{project,id}' AS project \gset
SELECT role, l.status AS looks, r.status AS changes_member, o.status AS changes_owner, p.status AS changes_projects
FROM keys, pg_temp.ask('GET', '/members', key) AS l, pg_temp.ask('PATCH', '/members/' || :'target', key, '{"role": "approver"}') AS r,
	pg_temp.ask('PATCH', '/members/' || :'owner', key, '{"role": "owner"}') AS o0,
	pg_temp.ask('PATCH', '/members/' || :'owner', key, '{"role": "admin"}') AS o,
	pgbeam.http('PATCH', '/v1/projects/' || :'project', jsonb_build_object('X-API-Key', key, 'Content-Type', 'application/json'), '{"description": "d"}') AS p
WHERE role <> 'owner';
SELECT DISTINCT said FROM keys, pg_temp.ask('PATCH', '/members/' || :'owner', key, '{"role": "admin"}') WHERE role IN ('admin', 'member', '(key)', '(other)') ORDER BY 1;

-- A page, in the order of the memberships.
SELECT regexp_replace(said, '[0-9a-f]{32}', '...', 'g') ~ '^{"members":\[{"id":"...","user_id":"user_1","email":"","name":"","role":"owner","created_at":"[^"]+"}],"next_page_token":"[a-zA-Z0-9_.-]+"}$' AS fits
FROM pg_temp.ask('GET', '/members?page_size=1', (SELECT key FROM keys WHERE role = 'member'));
SELECT pgbeam.set_member('org_members', 'target', 'approver', 'engineer@example.com', 'Alex "The \ Great" Rivera', 'https://example.com/a.png');
SELECT m - 'id' - 'created_at' AS target FROM json_array_elements(pgbeam.list_org_members('org_members') -> 'members') AS j, to_jsonb(j) AS m WHERE m ->> 'user_id' = 'target';
DO $$
DECLARE
	page json := pgbeam.list_org_members('org_members', 3);
	seen text[] := '{}';
BEGIN
	LOOP
		seen := seen || ARRAY(SELECT m ->> 'id' FROM json_array_elements(page -> 'members') AS m);
		EXIT WHEN page ->> 'next_page_token' IS NULL;
		page := pgbeam.list_org_members('org_members', 3, page ->> 'next_page_token');
	END LOOP;
	ASSERT seen = ARRAY(SELECT id FROM pgbeam.list_members('org_members') ORDER BY created_at, id COLLATE "C");
	RAISE NOTICE '% members on % pages', cardinality(seen), (cardinality(seen) + 2) / 3;
END $$;
SELECT pgbeam.list_org_members('org_members', 101);
SELECT pgbeam.list_org_members('org_members', 1, 'x');
SELECT pgbeam.list_org_members(o) FROM unnest(ARRAY['org_nobodys']) AS o;
SELECT pgbeam.list_org_members(NULL);

-- A role that a request gives, and what it cannot give.
SELECT said::jsonb - 'id' - 'created_at' AS answer, status FROM pg_temp.ask('PATCH', '/members/' || :'target', :'org_key', '{"role": "policy-author"}');
SELECT b.n, left(body, 30) AS body, CASE WHEN status = 200 THEN said::jsonb ->> 'role' ELSE said END AS said, status FROM (VALUES (1, '{"role": "owner"}'), (2, '{"role": "Owner"}'), (3, '{"role": ""}'), (4, '{"role": null}'), (5, '{"role": 1}'), (6, '{}'), (7, '[]'), (8, '{"role": "admin"'),
	(9, '{"role": "admin\u0000"}'), (10, '{"role": "' || repeat('x', 10240) || '"}'), (11, '{"role": "admin", "name": "x"}')) AS b(n, body), pg_temp.ask('PATCH', '/members/' || :'target', :'org_key', body)
\g (format=unaligned)
SELECT user_id, role, name FROM pgbeam.list_members('org_members') WHERE user_id = 'target';
SELECT pgbeam.update_org_member_role('org_members', :'target', '{"role": "owner"}');
SELECT pgbeam.update_org_member_role('org_members', :'target', '{"role": "member"}') ->> 'role' AS role;
SELECT pgbeam.update_org_member_role('org_members', 'x', '{"role": "member"}');
SELECT pgbeam.update_org_member_role('org_members', NULL, '{"role": "member"}');
SELECT pgbeam.update_org_member_role('org_others', :'target', '{"role": "member"}');
-- Ids of paths.
SELECT replace(p, :'target', '(id)') AS p, said, status FROM unnest(ARRAY['x', '%00', 'a%20b', '%ff', :'target' || '0', :'target' || '%00']) WITH ORDINALITY AS t(p, n), pg_temp.ask('DELETE', '/members/' || p, :'org_key') ORDER BY n;
SELECT status FROM pg_temp.ask('DELETE', '/members/' || repeat('a', 10000), :'org_key');
SELECT o, status, body::json #>> '{error,message}' AS message FROM unnest('{org_nobodys,org_others,%00,%ff}'::text[]) AS o, pgbeam.http('GET', format('/v1/organizations/%s/members', o), jsonb_build_object('X-API-Key', :'org_key'), NULL);
SELECT status, body::json #>> '{error,message}' AS message FROM pgbeam.http('GET', format('/v1/organizations/%s/members', repeat('o', 256)), jsonb_build_object('X-API-Key', :'org_key'), NULL);

-- Owners: one other can be demoted or removed, the last neither.
SELECT user_id FROM pgbeam.list_members('org_members') WHERE role = 'owner';
SELECT key AS owner_key FROM keys WHERE role = 'owner' \gset
SELECT status, said FROM pg_temp.ask('PATCH', '/members/' || :'owner', :'org_key', '{"role": "admin"}');
SELECT status, said FROM pg_temp.ask('DELETE', '/members/' || :'owner', :'org_key');
SELECT status, said::json ->> 'role' AS role FROM pg_temp.ask('PATCH', '/members/' || :'owner', :'owner_key', '{"role": "admin"}');
SELECT m.id AS first FROM pgbeam.list_members('org_members') AS m WHERE m.user_id = 'user_1' \gset
SELECT m.id AS self FROM pgbeam.list_members('org_members') AS m WHERE m.user_id = 'user_owner' \gset
SELECT status, said FROM pg_temp.ask('DELETE', '/members/' || :'first', :'owner_key');
SELECT status, said FROM pg_temp.ask('DELETE', '/members/' || :'self', :'owner_key');
SELECT status, said FROM pg_temp.ask('PATCH', '/members/' || :'self', :'owner_key', '{"role": "admin"}');
SELECT pgbeam.remove_org_member('org_members', :'self');
SELECT pgbeam.update_org_member_role('org_members', :'self', '{"role": "admin"}');
-- The operator may, who can make another.
SELECT pgbeam.set_member('org_members', 'user_owner', 'admin');
SELECT user_id FROM pgbeam.list_members('org_members') WHERE role = 'owner';
SELECT pgbeam.set_member('org_members', 'user_owner', 'owner');
-- A member who is removed is out at once, and a second time is not found.
SELECT status FROM pg_temp.ask('DELETE', '/members/' || :'target', :'owner_key');
SELECT status, said FROM pg_temp.ask('DELETE', '/members/' || :'target', :'owner_key');
SELECT pgbeam.remove_org_member('org_members', :'owner');
SELECT pgbeam.remove_org_member('org_members', :'owner');
-- The feed has each change, under the user.
SELECT resource_id, action, actor_kind, count(*) FROM pgbeam.changes WHERE org_id = 'org_members' AND resource = 'member' AND resource_id IN ('target', 'owner_target') GROUP BY 1, 2, 3 ORDER BY 1, 2, 3;
-- A suspended organization's members are refused.
SELECT pgbeam.suspend_organization('org_members');
SELECT status, said FROM pg_temp.ask('GET', '/members', :'owner_key');
SELECT pgbeam.resume_organization('org_members');
SELECT count(pgbeam.revoke_api_keys(user_id => 'user_' || role)) FROM keys WHERE role NOT LIKE '(%';
SELECT pgbeam.revoke_api_keys(org_id => 'org_members'), pgbeam.revoke_api_keys(org_id => 'org_others');

SELECT pgbeam.suspend_organization('org_members');
SELECT suspended_at IS NOT NULL AS suspended FROM pgbeam.organizations WHERE org_id = 'org_members';
-- Another plan does not lift it.
SELECT pgbeam.set_organization('org_members', '{"plan": "pro"}') ->> 'suspended_at' IS NOT NULL AS suspended;
SELECT suspended_at IS NOT NULL AS suspended FROM pgbeam.organizations WHERE org_id = 'org_members';
SELECT pgbeam.resume_organization('org_members');
SELECT suspended_at IS NOT NULL AS suspended FROM pgbeam.organizations WHERE org_id = 'org_members';
SELECT pgbeam.suspend_organization('org_nobodys');
SELECT pgbeam.resume_organization(NULL);

-- A user's organizations are found among many, and nothing else is read.
SELECT count(pgbeam.set_organization('org_of_others_' || n)) FROM generate_series(1, 200) AS n;
SELECT count(pgbeam.set_member('org_of_others_' || n, 'user_other', 'owner')) FROM generate_series(1, 200) AS n;
SELECT pgbeam.set_member('org_of_others_' || n, 'user_of_two', 'member') FROM unnest('{7, 8}'::int[]) AS n;
SELECT key AS user_key FROM pgbeam.create_api_key(user_id => 'user_of_two') \gset
BEGIN;
CREATE FUNCTION pg_temp.read() RETURNS bigint LANGUAGE sql AS $$
	SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0))::bigint FROM pg_stat_xact_user_tables
	WHERE schemaname = 'pgbeam' AND relname IN ('members', 'organizations')
$$;
SELECT pg_temp.read() AS before \gset
SELECT body::json -> 'organizations' AS organizations
FROM pgbeam.http('GET', '/v1/organizations', jsonb_build_object('x-api-key', :'user_key'), NULL);
SELECT pg_temp.read() - :before <= 8 AS few_rows_were_read;
COMMIT;
