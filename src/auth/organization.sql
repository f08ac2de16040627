CREATE TABLE pgbeam.organizations (
	org_id text COLLATE "C" NOT NULL,
	plan text COLLATE "C",
	max_projects integer,
	max_databases integer,
	max_connections integer,
	queries_per_second integer,
	burst_size integer,
	name text,
	slug text,
	spend_limit numeric,
	suspended_at timestamptz,
	CONSTRAINT organizations_pkey PRIMARY KEY (org_id),
	CONSTRAINT organizations_fields_check
		CHECK (pgbeam.check_fields('organization', organizations.*))
);
COMMENT ON TABLE pgbeam.organizations IS
'The organizations that own projects: plan, own limits, and since when an organization is suspended. Written by pgbeam.set_organization(). While pgbeam.register_organizations is on, a project that trusted SQL creates registers an unknown organization. pgbeam.delete_organization() deletes one with its API keys and members. To delete the row alone leaves them: the keys are refused then, and nothing limits its projects.';
SELECT pg_catalog.pg_extension_config_dump('pgbeam.organizations', '');

CREATE FUNCTION pgbeam.set_organization(org_id text, settings jsonb DEFAULT '{}') RETURNS json
LANGUAGE c VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgbeam_set_organization';
COMMENT ON FUNCTION pgbeam.set_organization(text, jsonb) IS
'Makes an organization, or changes what the settings name.
settings may have plan (starter, pro, scale, enterprise), max_projects, max_databases (of a project), max_connections, queries_per_second, burst_size, name, slug and spend_limit (dollars a month). A setting that is absent stays as it is. A limit of null means that of the plan, 0 means no limit; a plan of null means no plan; a name or slug of null means the org_id; a spend_limit of null means none. It returns the organization as it is then, without members that are null. A smaller limit removes nothing. Errors: PT400 with all problems, unknown members included, PT401 for a caller without admin access.';

CREATE FUNCTION pgbeam.get_organization(org_id text) RETURNS json
LANGUAGE c STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgbeam_get_organization';
COMMENT ON FUNCTION pgbeam.get_organization(text) IS
'Returns an organization as pgbeam.set_organization() has stored it, without members that are null.
A limit that it lacks is that of the plan. Errors: PT400 for no legal id, PT401 for a caller without admin access, PT404 for an unknown organization.';

CREATE FUNCTION pgbeam.list_all_organizations(
	after text DEFAULT NULL,
	max_rows integer DEFAULT 100,
	OUT org_id text, OUT plan text, OUT max_projects integer, OUT max_databases integer, OUT max_connections integer,
	OUT queries_per_second integer, OUT burst_size integer, OUT name text, OUT slug text, OUT spend_limit numeric, OUT suspended_at timestamptz)
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgbeam_list_all_organizations';
COMMENT ON FUNCTION pgbeam.list_all_organizations(text, integer) IS
'Lists the organizations by their org_id, a page of at most max_rows (1 to 1000) at a time, with their plans and own limits.
after is the last org_id of the page before; null begins. The last page has fewer rows than max_rows, or none. A limit of null is that of the plan. The view pgbeam_admin.organizations has counts too; pgbeam.list_organizations() is the API''s operation. Errors: PT400 with all problems, PT401 for a caller without admin access.';

CREATE FUNCTION pgbeam.suspend_organization(org_id text) RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgbeam_suspend_organization';
COMMENT ON FUNCTION pgbeam.suspend_organization(text) IS
'Refuses all requests of an organization''s API keys and members with FORBIDDEN, from the next one on.
Proxies refuse the logins to its databases too, and cut who is connected. Trusted SQL still works, and nothing is removed. Errors: PT400 for no legal id, PT401 for a caller without admin access, PT404 for an unknown organization.';

CREATE FUNCTION pgbeam.resume_organization(org_id text) RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgbeam_resume_organization';
COMMENT ON FUNCTION pgbeam.resume_organization(text) IS
'Ends what pgbeam.suspend_organization() began.
Errors: PT400 for no legal id, PT401 for a caller without admin access, PT404 for an unknown organization.';
