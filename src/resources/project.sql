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
	residency text COLLATE "C",
	agents_disabled boolean,
	database_count integer NOT NULL,
	status text COLLATE "C" NOT NULL,
	created_at timestamptz NOT NULL,
	updated_at timestamptz NOT NULL,
	deleted_at timestamptz,
	CONSTRAINT projects_pkey PRIMARY KEY (org_id, id),
	CONSTRAINT projects_fields_check
		CHECK (pgbeam.check_fields('project', projects.*))
);
CREATE INDEX projects_id_idx ON pgbeam.projects (id);
CREATE INDEX projects_living_idx ON pgbeam.projects (org_id, id)
	WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX projects_name_key ON pgbeam.projects (org_id, name)
	WHERE deleted_at IS NULL;
-- The purge finds the oldest deleted rows.
CREATE INDEX projects_deleted_idx ON pgbeam.projects (deleted_at, id)
	WHERE deleted_at IS NOT NULL;
COMMENT ON TABLE pgbeam.projects IS
'The projects of organizations.
When a project is deleted, its row stays, deleted_at is set, and its name is free again. A null in residency or agents_disabled means that it was never set: the default holds. The operations keep database_count: a statement that adds or deletes databases by hand must set it too.';
SELECT pg_catalog.pg_extension_config_dump('pgbeam.projects', '');

CREATE FUNCTION pgbeam.mark_key(org_id text, mark text) RETURNS bigint
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'pgbeam_mark_key';
COMMENT ON FUNCTION pgbeam.mark_key(text, text) IS
'Returns the key of an organization''s mark in pgbeam.project_marks: 63 bits of SipHash-2-4 of both.
A statement that writes marks by hand puts it into the column key.';

-- A list reads the marks in the order of this primary key; Citus wants org_id
-- in it. They have no CHECK, and no other index: a create with ten tags writes
-- ten of them. The key is no generated column: such a one is not sent to
-- subscribers, who would then find no row to remove.
CREATE TABLE pgbeam.project_marks (
	org_id text COLLATE "C" NOT NULL,
	project_id uuid NOT NULL,
	mark text COLLATE "C" NOT NULL,
	key bigint NOT NULL,
	CONSTRAINT project_marks_pkey PRIMARY KEY (key, project_id, org_id)
);
COMMENT ON TABLE pgbeam.project_marks IS
'What few projects have, and listProjects searches by: tag= and a tag, or status=suspended.
The operations keep the rows; those of a deleted project are removed. A statement that changes tags or status by hand must write them too: else a search by these misses such a project, or counts it wrongly.';
SELECT pg_catalog.pg_extension_config_dump('pgbeam.project_marks', '');

CREATE FUNCTION pgbeam.create_project(jsonb) RETURNS json
LANGUAGE c VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgbeam_create_project';
COMMENT ON FUNCTION pgbeam.create_project(jsonb) IS
'createProject: creates a project and its first database from the API''s request body, and answers {"project", "database"} as the API documents it.
The name is unique in the organization. An unknown organization is registered. Errors: PT400 with all problems, PT401 for a caller who is not trusted, or shows no credential, PT403 when the plan''s limit is reached, or over HTTP for another organization or role, PT409 when the name is taken, PT413 for a body over 2 MB as jsonb, PB001 to PB003 when no key is usable; 09000 when a trigger skips a row, 25000 when the organization has a limit and the isolation level is not READ COMMITTED, 55006 when no free host is found.';

CREATE FUNCTION pgbeam.get_project(project_id text) RETURNS json
LANGUAGE c STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgbeam_get_project';
COMMENT ON FUNCTION pgbeam.get_project(text) IS
'getProject: answers the project as the API documents it.
Errors: PT401 for a caller who is not trusted, or shows no credential, PT404 for a project that is missing or deleted.';

CREATE FUNCTION pgbeam.delete_project(project_id text) RETURNS json
LANGUAGE c VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgbeam_delete_project';
COMMENT ON FUNCTION pgbeam.delete_project(text) IS
'deleteProject: deletes the project and its databases, and answers null.
The rows stay, but sealed passwords are wiped. The name is free again; the host is not. Errors: PT401 for a caller who is not trusted, or shows no credential, PT404 for a project that is missing or deleted.';

CREATE FUNCTION pgbeam.update_project(project_id text, body jsonb) RETURNS json
LANGUAGE c VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgbeam_update_project';
COMMENT ON FUNCTION pgbeam.update_project(text, jsonb) IS
'updateProject: changes the members that the body gives (name, description, tags, status, allowed_cidrs, default_policy_profile_id, residency, agents_disabled), and answers the project.
null resets a member that has a default, except status, and removes a member that may be absent. "" leaves status as it is, and resets residency. A list replaces the one before. updated_at moves only when something changes. Errors: PT400 with all problems, PT401 for a caller who is not trusted, or shows no credential, PT404 for a project that is missing or deleted, PT409 when the name is taken.';

CREATE FUNCTION pgbeam.list_projects(
	org_id text,
	page_size integer DEFAULT NULL,
	page_token text DEFAULT NULL,
	sort_by text DEFAULT NULL,
	name text DEFAULT NULL,
	name_prefix text DEFAULT NULL,
	tag text DEFAULT NULL,
	status text DEFAULT NULL,
	host text DEFAULT NULL)
RETURNS json
LANGUAGE c STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgbeam_list_projects';
COMMENT ON FUNCTION pgbeam.list_projects(text, integer, text, text, text, text, text, text, text) IS
'listProjects: answers {"projects", "total", "next_page_token"} of an organization, all of them or those that match.
A page has at most page_size items (1 to 100, default 20). page_token is the next_page_token of the page before, absent on the last one. sort_by is name, created_at (the default, the latest first) or active_connections (the busiest first, then those without clients, the latest first; a project whose number changes between two pages may be missed or repeated). name, name_prefix, tag, status (active or suspended) and host (proxy_host) leave the projects that match all of them, each exactly, in the case as it is stored; with name_prefix the default of sort_by is name. total counts the matches: where tag, status and name_prefix are combined, those among the first 1000 projects that one of them leaves. A page that has met 1000 projects ends there, with the matches so far, and its token leads on. A page may miss a project that commits later with an earlier id. Errors: PT400 with all problems, PT401 for a caller who is not trusted, or shows no credential.';
