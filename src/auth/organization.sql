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
	suspended_at timestamptz,
	CONSTRAINT organizations_pkey PRIMARY KEY (org_id),
	CONSTRAINT organizations_fields_check
		CHECK (pgbeam.check_fields('organization', organizations.*))
);
COMMENT ON TABLE pgbeam.organizations IS
'The organizations that own projects: plan, own limits, and since when an organization is suspended. Written by pgbeam.set_organization(). While pgbeam.register_organizations is on, a project that trusted SQL creates registers an unknown organization. Suspend an organization instead of deleting its row: without a row its API keys are refused, and nothing limits it.';
SELECT pg_catalog.pg_extension_config_dump('pgbeam.organizations', '');

CREATE FUNCTION pgbeam.set_organization(org_id text, settings jsonb DEFAULT '{}') RETURNS json
LANGUAGE c VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgbeam_set_organization';
COMMENT ON FUNCTION pgbeam.set_organization(text, jsonb) IS
'Makes an organization, or changes what the settings name.
settings may have plan (starter, pro, scale, enterprise), max_projects, max_databases (of a project), max_connections, queries_per_second, burst_size, name and slug. A setting that is absent stays as it is. A limit of null means that of the plan, 0 means no limit; a plan of null means no plan; a name or slug of null means the org_id. It returns the organization as it is then, without members that are null. A smaller limit removes nothing. Errors: PT400 with all problems, unknown members included, PT401 for a caller without admin access.';

CREATE FUNCTION pgbeam.suspend_organization(org_id text) RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgbeam_suspend_organization';
COMMENT ON FUNCTION pgbeam.suspend_organization(text) IS
'Refuses all requests of an organization''s API keys and members with FORBIDDEN, from the next one on.
Trusted SQL still works, and nothing is removed. Errors: PT400 for no legal id, PT401 for a caller without admin access, PT404 for an unknown organization.';

CREATE FUNCTION pgbeam.resume_organization(org_id text) RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgbeam_resume_organization';
COMMENT ON FUNCTION pgbeam.resume_organization(text) IS
'Ends what pgbeam.suspend_organization() began.
Errors: PT400 for no legal id, PT401 for a caller without admin access, PT404 for an unknown organization.';
