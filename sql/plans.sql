-- Answers that do not depend on projects: regions, plans, organizations.
SELECT r ->> 'id' AS region, r ->> 'provider' AS provider FROM json_array_elements(pgbeam.list_regions() -> 'regions') r;
SELECT p ->> 'name' AS plan, p #>> '{limits,max_projects}' AS projects, p #>> '{limits,max_databases}' AS databases,
	p #>> '{limits,max_connections}' AS connections, p #>> '{limits,queries_per_second}' AS "queries/s"
FROM json_array_elements(pgbeam.list_plans() -> 'plans') p;
SELECT pgbeam.set_organization('account', '{"plan": "pro", "name": "An Account", "slug": "an-account"}');
SELECT pgbeam.set_organization('account-2', '{"max_projects": 7}');
SELECT o FROM json_array_elements(pgbeam.list_organizations() -> 'organizations') o WHERE o ->> 'id' ~ '^account';
SELECT pgbeam.get_organization_plan('account') ->> 'plan' AS plan;
SELECT pgbeam.get_organization_plan('account-2') #>> '{limits,max_projects}' AS projects;

-- Over HTTP all callers see their own.
CREATE FUNCTION ask(key text, uri text) RETURNS pgbeam.http_response LANGUAGE sql AS $$
	SELECT pgbeam.http('GET', uri, jsonb_build_object('Authorization', 'Bearer ' || key), NULL)
$$;
SELECT key FROM pgbeam.create_api_key(org_id => 'account') \gset
SELECT pgbeam.set_member('account-2', 'account-user', 'member');
SELECT key AS user_key FROM pgbeam.create_api_key(user_id => 'account-user') \gset
SELECT status, body::json -> 'organizations' AS organizations FROM ask(:'key', '/v1/organizations');
SELECT status, body::json -> 'organizations' AS organizations FROM ask(:'user_key', '/v1/organizations');
SELECT u.uri, (ask(:'key', uri)).status AS key, (ask(:'user_key', uri)).status AS user, (ask('no', uri)).status AS nobody
FROM (VALUES ('/v1/regions'), ('/v1/plans'), ('/v1/organizations/account/plan'), ('/v1/organizations/account-2/plan'), ('/v1/organizations/none/plan')) u (uri);

-- Bad input.
SELECT pgbeam.set_organization('account', '{"name": "", "slug": "A Slug"}');
SELECT pgbeam.get_organization_plan('');
SELECT pgbeam.get_organization_plan(NULL);
DROP FUNCTION ask;
