-- Members, and organizations suspended.
SELECT pgbeam.set_organization('org_members');
SELECT pgbeam.set_member('org_members', 'user_1', 'owner');
SELECT pgbeam.set_member('org_members', 'user_2', 'member');
SELECT pgbeam.set_member('org_members', 'user_2', 'admin');
SELECT * FROM pgbeam.list_members('org_members');
SELECT pgbeam.set_member('org_members', 'user_3', 'Owner');
SELECT pgbeam.set_member('', repeat('u', 256), NULL);
SELECT pgbeam.set_member(NULL, NULL, NULL);
SELECT pgbeam.remove_member('org_members', 'user_2');
SELECT pgbeam.remove_member('org_members', 'user_2');
SELECT pgbeam.remove_member('org_members', NULL);
SELECT * FROM pgbeam.list_members('org_members');
SELECT * FROM pgbeam.list_members('org_nobodys');

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
