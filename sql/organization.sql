-- Organizations, plans and limits.
SET test.password = 'canary-password-Vq7R2x'; -- a function's text is stored
CREATE FUNCTION body(org text, name text, more jsonb DEFAULT '{}') RETURNS jsonb LANGUAGE sql AS $$
	SELECT jsonb_build_object('org_id', org, 'name', name, 'database',
		jsonb_build_object('host', 'db.example.com', 'port', 5432, 'name', 'd', 'username', 'u', 'password', current_setting('test.password'))) || more
$$;
CREATE FUNCTION limits(org text) RETURNS text LANGUAGE sql AS $$
	SELECT concat_ws(' ', p ->> 'queries_per_second', p ->> 'burst_size', p ->> 'max_connections')
	FROM (SELECT pgbeam.get_project(pgbeam.typeid_encode('prj', id)) AS p FROM pgbeam.projects WHERE org_id = org LIMIT 1) s
$$;

-- The limits in an answer are the organization's: none, its plan's, or its
-- own.
SELECT pgbeam.create_project(body('limits', 'a')) #>> '{project,max_connections}' AS max_connections;
SELECT limits('limits');
SELECT pgbeam.set_organization('limits', '{"plan": "starter"}'); SELECT limits('limits');
SELECT pgbeam.set_organization('limits', '{"plan": "pro"}'); SELECT limits('limits');
SELECT pgbeam.set_organization('limits', '{"plan": "scale"}'); SELECT limits('limits');
SELECT pgbeam.set_organization('limits', '{"plan": "enterprise"}'); SELECT limits('limits');
SELECT pgbeam.set_organization('limits', '{"plan": "starter", "queries_per_second": 7, "burst_size": 9, "max_connections": 0}'); SELECT limits('limits');
SELECT pgbeam.set_organization('limits', '{"plan": null, "queries_per_second": null, "burst_size": null}'); SELECT limits('limits');

-- A plan is full until a project is deleted or the limit is lifted.
SELECT pgbeam.set_organization('full', '{"plan": "starter"}');
SELECT count(pgbeam.create_project(body('full', 'p' || i))) FROM generate_series(1, 5) i;
SELECT pgbeam.create_project(body('full', 'p6'));
SELECT pgbeam.set_organization('full', '{"plan": "starter", "max_projects": 1}');
SELECT pgbeam.create_project(body('full', 'p6'));
SELECT pgbeam.set_organization('full', '{"max_projects": null}');
SELECT pgbeam.delete_project(pgbeam.typeid_encode('prj', id)) FROM pgbeam.projects WHERE org_id = 'full' AND name = 'p1';
SELECT pgbeam.create_project(body('full', 'p6')) IS NOT NULL AS created;
SELECT pgbeam.set_organization('full', '{"max_projects": 0}');
SELECT pgbeam.create_project(body('full', 'p7')) IS NOT NULL AS created;
SELECT count(*) FILTER (WHERE deleted_at IS NULL) AS there, count(*) AS ever FROM pgbeam.projects WHERE org_id = 'full';

-- The limit is exact only if every create sees the one before it.
SELECT pgbeam.set_organization('full', '{"plan": "pro", "max_projects": null}');
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT pgbeam.create_project(body('full', 'p8'));
ROLLBACK;
BEGIN ISOLATION LEVEL READ UNCOMMITTED;
SELECT pgbeam.create_project(body('full', 'p8')) IS NOT NULL AS created;
ROLLBACK;
SELECT pgbeam.set_organization('full', '{"plan": null}');
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT pgbeam.create_project(body('full', 'p8')) IS NOT NULL AS created;
ROLLBACK;

-- self_hosted needs a plan that has it, if there is a plan.
SELECT plan, hosted FROM (VALUES (1, NULL), (2, 'scale'), (3, 'enterprise')) v(n, plan),
	LATERAL (SELECT pgbeam.set_organization('own', jsonb_build_object('plan', plan))) s,
	LATERAL (SELECT pgbeam.create_project(body('own', 'p' || n, '{"self_hosted": true}')) #>> '{project,self_hosted}' AS hosted) c;
SELECT pgbeam.set_organization('own', '{"plan": "pro"}');
SELECT pgbeam.create_project(body('own', 'p4', '{"self_hosted": true}'));

-- An absent setting stays; null means the plan's own, or none.
SELECT pgbeam.set_organization('kept', '{"plan": "pro", "max_projects": 7, "max_databases": 0, "name": "Kept", "slug": "kept-1"}');
SELECT pgbeam.set_organization('kept', '{"name": "Acme"}');
SELECT pgbeam.set_organization('kept', '{"burst_size": 3}');
SELECT pgbeam.set_organization('kept', '{"max_projects": null}');
SELECT pgbeam.set_organization('kept', '{"name": null, "slug": ""}');
SELECT pgbeam.set_organization('kept', '{"plan": null}');
SELECT pgbeam.set_organization('kept');
SELECT plan, max_projects, max_databases, burst_size, name, slug FROM pgbeam.organizations WHERE org_id = 'kept';
SELECT pgbeam.suspend_organization('kept');
SELECT pgbeam.set_organization('kept', '{"plan": "scale"}') ->> 'suspended_at' IS NOT NULL AS suspended;

-- An organization that is suspended again keeps the time of the first
-- suspension.
SELECT suspended_at AS since FROM pgbeam.organizations WHERE org_id = 'kept' \gset
SELECT pgbeam.suspend_organization('kept');
SELECT suspended_at = :'since' AS since_then FROM pgbeam.organizations WHERE org_id = 'kept';

-- A misspelt setting is refused, and changes nothing.
SELECT pgbeam.set_organization('kept', '{"max_project": 1, "plan": "starter"}');
SELECT pgbeam.set_organization('kept', '{"org_id": "other", "suspended_at": null, "Plan": "pro", "max_projects": "1"}');
SELECT pgbeam.set_organization('kept', NULL);
SELECT pgbeam.set_organization('kept', '"pro"');
SELECT plan, max_projects FROM pgbeam.organizations WHERE org_id = 'kept';

-- A misspelt organization is not created by accident. A create by trusted SQL
-- makes one if a setting allows it.
SELECT pgbeam.set_member('kep', 'user', 'owner');
SELECT pgbeam.create_api_key(org_id => 'kep');
SELECT id ~ '^pbu_' AS of_user FROM pgbeam.create_api_key(user_id => 'nobody known');
SET pgbeam.register_organizations = off;
SELECT pgbeam.create_project(body('kep', 'kept-a'));
SELECT pgbeam.create_project(body('kept', 'kept-a')) IS NOT NULL AS created;
RESET pgbeam.register_organizations;
SELECT pgbeam.create_project(body('kep', 'kept-a')) IS NOT NULL AS created;
SELECT org_id FROM pgbeam.organizations WHERE org_id ~ '^kep' ORDER BY 1;

-- An operator reads what set_organization() has answered.
SELECT pgbeam.get_organization('full');
SELECT pgbeam.get_organization('kept')::jsonb = pgbeam.set_organization('kept')::jsonb AS same, pgbeam.get_organization('kept') ->> 'suspended_at' IS NOT NULL AS suspended;
SELECT pgbeam.get_organization('nobody known');
SELECT pgbeam.get_organization('');
SELECT pgbeam.get_organization(NULL);

-- All of them, page by page: the last org_id of a page is where the next one
-- begins.
SELECT org_id, plan, max_projects, max_databases, burst_size, name, slug, suspended_at IS NOT NULL AS suspended
FROM pgbeam.list_all_organizations() WHERE org_id IN ('kept', 'full', 'own') ORDER BY org_id;
SELECT org_id, max_projects FROM pgbeam.list_all_organizations(after => 'kept', max_rows => 1);
SELECT count(*) FROM pgbeam.list_all_organizations(after => repeat('z', 255));
WITH RECURSIVE page AS (
	SELECT 1 AS n, array(SELECT org_id FROM pgbeam.list_all_organizations(max_rows => 3)) AS ids
	UNION ALL
	SELECT n + 1, array(SELECT org_id FROM pgbeam.list_all_organizations(ids[cardinality(ids)], 3)) FROM page WHERE cardinality(ids) = 3
)
SELECT array(SELECT unnest(ids) FROM page) = array(SELECT org_id FROM pgbeam.organizations ORDER BY org_id) AS each_once;
SELECT pgbeam.list_all_organizations(repeat('o', 256), 0);
SELECT pgbeam.list_all_organizations(NULL, 1001);
SELECT pgbeam.list_all_organizations(NULL, NULL);
-- Its columns are the fields of an organization.
SELECT column_name, type FROM pgbeam.fields() WHERE table_name = 'pgbeam.organizations'
EXCEPT
SELECT n, format_type(t, NULL) FROM pg_proc, unnest(proargnames, proallargtypes, proargmodes) AS a (n, t, m)
WHERE oid = 'pgbeam.list_all_organizations'::regproc AND m = 'o';
-- Neither is for callers of the API.
BEGIN;
SELECT set_config('request.method', 'GET', true);
SELECT pgbeam.get_organization('kept');
ROLLBACK;
BEGIN;
SELECT set_config('request.method', 'GET', true);
SELECT pgbeam.list_all_organizations();
ROLLBACK;

-- Bad input.
SELECT pgbeam.set_organization(NULL, '{"plan": "gold", "max_projects": -1, "burst_size": -2147483648}');
SELECT pgbeam.set_organization(repeat('o', 256));
SELECT pgbeam.set_organization('');

DROP FUNCTION body, limits;
