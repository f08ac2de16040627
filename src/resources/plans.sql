CREATE FUNCTION pgbeam.list_plans() RETURNS json
LANGUAGE c STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgbeam_list_plans';
COMMENT ON FUNCTION pgbeam.list_plans() IS
'listPlans: answers {"plans"} with their prices in dollars, days of trial and limits.
0 means no limit, or one that is not published. Error PT401 for a caller who is not trusted, or shows no credential.';

CREATE FUNCTION pgbeam.get_organization_plan(org_id text) RETURNS json
LANGUAGE c STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgbeam_get_organization_plan';
COMMENT ON FUNCTION pgbeam.get_organization_plan(text) IS
'getOrganizationPlan: answers the plan and limits of an organization, and whether it is enabled (not suspended).
Spending is not limited. An organization without a plan answers as enterprise, with its own limits. Errors: PT400 without an org_id, PT401 for a caller who is not trusted, or shows no credential, PT403 over HTTP for another organization.';
