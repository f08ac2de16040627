CREATE TABLE pgbeam.projects (
	id uuid NOT NULL,
	org_id text COLLATE "C" NOT NULL,
	name text COLLATE "C" NOT NULL,
	description text,
	tags text[] NOT NULL,
	cloud text COLLATE "C" NOT NULL,
	self_hosted boolean NOT NULL,
	proxy_host text COLLATE "C" NOT NULL,
	allowed_cidrs text[] NOT NULL,
	allowed_cidr_labels text[] NOT NULL,
	default_policy_profile_id uuid,
	residency text COLLATE "C" NOT NULL,
	agents_disabled boolean NOT NULL,
	status text COLLATE "C" NOT NULL,
	created_at timestamptz NOT NULL,
	updated_at timestamptz NOT NULL,
	deleted_at timestamptz,
	CONSTRAINT projects_pkey PRIMARY KEY (org_id, id),
	CONSTRAINT projects_fields_check
		CHECK (pgbeam.check_fields('project', projects.*))
);
CREATE INDEX projects_id_idx ON pgbeam.projects (id);
CREATE UNIQUE INDEX projects_name_key ON pgbeam.projects (org_id, name)
	WHERE deleted_at IS NULL;
COMMENT ON TABLE pgbeam.projects IS
'The projects of organizations. A deleted one keeps its row, which deleted_at tells, and frees its name.';
SELECT pg_catalog.pg_extension_config_dump('pgbeam.projects', '');

ALTER TABLE pgbeam.databases ADD CONSTRAINT databases_project_fkey
	FOREIGN KEY (org_id, project_id) REFERENCES pgbeam.projects (org_id, id);

CREATE FUNCTION pgbeam.create_project(jsonb) RETURNS json
LANGUAGE c VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgbeam_create_project';
COMMENT ON FUNCTION pgbeam.create_project(jsonb) IS
'createProject: stores a project and its first database from the API''s request body and answers {"project", "database"} as the API documents it. Errors: PT400 with all that is wrong, PT401 for a caller who is not trusted, or shows no credential, PT403 when the plan is full, or over HTTP for another organization or role, PT409 when the name is taken, PT413 for a body over 2 MB as jsonb, PB001 to PB003 when no key is usable; 09000 when a trigger skips a row, 25000 when a plan limit meets another isolation level than READ COMMITTED, 55006 when no free host is found. The name is unique in the organization; an unknown organization is registered.';

CREATE FUNCTION pgbeam.get_project(project_id text) RETURNS json
LANGUAGE c STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgbeam_get_project';
COMMENT ON FUNCTION pgbeam.get_project(text) IS
'getProject: the project as the API documents it. Errors: PT401 for a caller who is not trusted, or shows no credential, PT404 for one that is missing or deleted.';

CREATE FUNCTION pgbeam.delete_project(project_id text) RETURNS json
LANGUAGE c VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgbeam_delete_project';
COMMENT ON FUNCTION pgbeam.delete_project(text) IS
'deleteProject: deletes the project and its databases and answers null. Rows stay, sealed passwords are wiped, the name is free again, the host is not. Errors: PT401 for a caller who is not trusted, or shows no credential, PT404 for one that is missing or deleted.';
