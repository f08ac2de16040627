-- The application's tables, once for each of its forms: with pgbeam's columns,
-- keys and indexes, but without CHECKs. The variable "form" names the schema.

CREATE SCHEMA :form;
SET search_path = :form;

CREATE TABLE organizations (
	org_id text COLLATE "C" PRIMARY KEY,
	plan text COLLATE "C",
	max_projects integer,
	max_connections integer,
	queries_per_second integer,
	burst_size integer,
	suspended boolean NOT NULL DEFAULT false
);

CREATE TABLE api_keys (
	id text COLLATE "C" PRIMARY KEY,
	org_id text COLLATE "C" NOT NULL REFERENCES organizations,
	digest bytea NOT NULL,
	expires_at timestamptz,
	revoked_at timestamptz
);

CREATE TABLE hosts (LIKE pgbeam.hosts INCLUDING INDEXES);
CREATE TABLE projects (LIKE pgbeam.projects INCLUDING INDEXES);
CREATE TABLE databases (
	LIKE pgbeam.databases INCLUDING INDEXES,
	CONSTRAINT databases_project_fkey
		FOREIGN KEY (org_id, project_id) REFERENCES projects (org_id, id)
);
