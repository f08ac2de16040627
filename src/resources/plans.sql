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
spend_limit is what pgbeam.update_spend_limit() has set, or null; pgbeam bills nothing, so that spend_capped is false. An organization without a plan answers as enterprise, with its own limits. Errors: PT400 without an org_id, PT401 for a caller who is not trusted, or shows no credential, PT403 over HTTP for another organization.';

CREATE FUNCTION pgbeam.update_spend_limit(org_id text, body jsonb) RETURNS json
LANGUAGE c VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgbeam_update_spend_limit';
COMMENT ON FUNCTION pgbeam.update_spend_limit(text, jsonb) IS
'updateSpendLimit: sets what an organization may cost in a month, and answers its plan as pgbeam.get_organization_plan() does.
The body has spend_limit: dollars from 0 to 1000000000, with at most 20 digits behind the point, which are kept as they are; null, or nothing, removes the limit. It is for a data plane to enforce. Errors: PT400 with all problems, PT401 for a caller who is not trusted, or shows no credential, PT404 for an organization that is missing.';
