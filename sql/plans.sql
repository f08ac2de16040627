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
CREATE FUNCTION put(key text, org text, body text) RETURNS pgbeam.http_response LANGUAGE sql AS $$
	SELECT pgbeam.http('PUT', format('/v1/organizations/%s/spend-limit', org),
		jsonb_build_object('Authorization', 'Bearer ' || key, 'Content-Type', 'application/json'), convert_to(body, 'UTF8'))
$$;
SELECT key FROM pgbeam.create_api_key(org_id => 'account') \gset
SELECT pgbeam.set_member('account-2', 'account-user', 'member');
SELECT key AS user_key FROM pgbeam.create_api_key(user_id => 'account-user') \gset
SELECT status, body::json -> 'organizations' AS organizations FROM ask(:'key', '/v1/organizations');
SELECT status, body::json -> 'organizations' AS organizations FROM ask(:'user_key', '/v1/organizations');
SELECT u.uri, (ask(:'key', uri)).status AS key, (ask(:'user_key', uri)).status AS user, (ask('no', uri)).status AS nobody
FROM (VALUES ('/v1/regions'), ('/v1/plans'), ('/v1/organizations/account/plan'), ('/v1/organizations/account-2/plan'), ('/v1/organizations/none/plan')) u (uri);

-- The spend limit is kept as it was given, without zeros at its end. Only the
-- owner, admins, the billing_admin and the organization's key set it.
SELECT b, status, coalesce(body::json ->> 'spend_limit', body::json #>> '{error,message}') AS answer
FROM unnest('{"{\"spend_limit\": 500}","{\"spend_limit\": 0.1}","{\"spend_limit\": 19.990}","{\"spend_limit\": 1e2}","{\"spend_limit\": 0}","{\"spend_limit\": -0}","{\"spend_limit\": 1000000000}",
	"{\"spend_limit\": 0.30000000000000004}","{\"spend_limit\": 1e-20}","{\"spend_limit\": null}","{}","{\"spend_limit\": 1, \"x\": 2}",
	"{\"spend_limit\": -0.01}","{\"spend_limit\": -1e-300}","{\"spend_limit\": 1000000000.01}","{\"spend_limit\": 1e400}","{\"spend_limit\": 1e200000}","{\"spend_limit\": 1e-21}","{\"spend_limit\": \"500\"}",
	"{\"spend_limit\": true}","{\"spend_limit\": [1]}","{\"spend_limit\": NaN}","[]",null}'::text[]) WITH ORDINALITY AS t(b, n),
	put(:'key', 'account', b) ORDER BY n;
SELECT spend_limit FROM pgbeam.organizations WHERE org_id = 'account';
SELECT pgbeam.update_spend_limit('account', '{"spend_limit": 500.50}');
SELECT pgbeam.get_organization_plan('account') ->> 'spend_limit' AS spend_limit;
SELECT body::json ->> 'spend_limit' AS spend_limit FROM ask(:'key', '/v1/organizations/account/plan');
SELECT pgbeam.update_spend_limit('account-x', '{"spend_limit": 1}');
SELECT pgbeam.update_spend_limit('account', '{"spend_limit": -1}');
SELECT pgbeam.update_spend_limit(NULL, '{"spend_limit": 1}');
-- What does not change it is no change; the operator sets it too.
SELECT count(*) AS changes FROM pgbeam.changes WHERE resource_id = 'account' AND action = 'updated' \gset
SELECT pgbeam.update_spend_limit('account', '{"spend_limit": 500.500}') ->> 'spend_limit' AS spend_limit;
SELECT count(*) - :changes AS more FROM pgbeam.changes WHERE resource_id = 'account' AND action = 'updated';
SELECT pgbeam.set_organization('account', '{"spend_limit": 7.25}') ->> 'spend_limit' AS spend_limit;
SELECT pgbeam.set_organization('account', '{"max_projects": 9}') ->> 'spend_limit' AS spend_limit;
SELECT pgbeam.set_organization('account', '{"spend_limit": 1e-21}');
SELECT spend_limit FROM pgbeam.list_all_organizations('accoun', 1);
UPDATE pgbeam.organizations SET spend_limit = 'NaN' WHERE org_id = 'account';
UPDATE pgbeam.organizations SET spend_limit = 'Infinity' WHERE org_id = 'account';
UPDATE pgbeam.organizations SET spend_limit = '-Infinity' WHERE org_id = 'account';
SELECT pgbeam.update_spend_limit('account', '{}') -> 'spend_limit' AS spend_limit;
SELECT r, status, body::json #>> '{error,message}' AS message
FROM unnest('{owner,admin,member,security_admin,billing_admin,auditor,policy-author,approver}'::text[]) WITH ORDINALITY AS t(r, n),
	LATERAL (SELECT pgbeam.set_member('account-2', 'account-user', r)) AS s(made), put(:'user_key', 'account-2' || s.made::text, '{"spend_limit": 1}') ORDER BY n;
SELECT o, status FROM unnest('{account-2,account-x,account}'::text[]) AS o, put(:'key', o, '{"spend_limit": 1}');

-- Bad input.
SELECT pgbeam.set_organization('account', '{"name": "", "slug": "A Slug"}');
SELECT pgbeam.get_organization_plan('');
SELECT pgbeam.get_organization_plan(NULL);
DROP FUNCTION ask, put;
