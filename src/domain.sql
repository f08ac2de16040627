CREATE TABLE pgbeam.custom_domains (
	id uuid NOT NULL,
	org_id text COLLATE "C" NOT NULL,
	project_id uuid NOT NULL,
	domain text COLLATE "C" NOT NULL,
	verified_at timestamptz,
	tls_cert_expiry timestamptz,
	dns_verification_token text COLLATE "C" NOT NULL,
	reported_txt text,
	created_at timestamptz NOT NULL,
	updated_at timestamptz NOT NULL,
	deleted_at timestamptz,
	CONSTRAINT custom_domains_pkey PRIMARY KEY (org_id, id),
	CONSTRAINT custom_domains_fields_check
		CHECK (pgbeam.check_fields('custom_domain', custom_domains.*))
);
CREATE INDEX custom_domains_id_idx ON pgbeam.custom_domains (id);
CREATE INDEX custom_domains_project_idx ON pgbeam.custom_domains (org_id, project_id, id);
CREATE INDEX custom_domains_domain_idx ON pgbeam.custom_domains (domain);
COMMENT ON TABLE pgbeam.custom_domains IS
'Custom domains of projects, and how far each is verified. Their names stand in pgbeam.hosts, so that no two projects have one; a name that is taken out there while its domain lives can be added twice.';
SELECT pg_catalog.pg_extension_config_dump('pgbeam.custom_domains', '');

CREATE FUNCTION pgbeam.report_domain(domain text, txt text) RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgbeam_report_domain';
COMMENT ON FUNCTION pgbeam.report_domain(text, text) IS
'Stores what the TXT record _pgbeam-verify.<domain> was found to say (null: there is none), for the next verifyCustomDomain: no backend looks it up. Errors: PT400 for no domain, PT401 for a caller without admin access, PT404 for one that nobody has.';

CREATE FUNCTION pgbeam.list_custom_domains(project_id text, page_size integer DEFAULT NULL, page_token text DEFAULT NULL) RETURNS json
LANGUAGE c STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgbeam_list_custom_domains';
COMMENT ON FUNCTION pgbeam.list_custom_domains(text, integer, text) IS
'listCustomDomains: {"domains", "next_page_token"} of a project, the oldest first. Errors: PT400 with all that is wrong, PT401 for a caller who is not trusted, or shows no credential, PT404 for a project that is missing or deleted.';

CREATE FUNCTION pgbeam.create_custom_domain(project_id text, body jsonb) RETURNS json
LANGUAGE c VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgbeam_create_custom_domain';
COMMENT ON FUNCTION pgbeam.create_custom_domain(text, jsonb) IS
'createCustomDomain: gives a project a domain and answers it, with the DNS records that it needs. Errors: PT400 with all that is wrong, PT401 for a caller who is not trusted, or shows no credential, PT403 for a plan without them, PT404 for a project that is missing or deleted, PT409 when the domain is or was another project''s.';

CREATE FUNCTION pgbeam.delete_custom_domain(project_id text, domain_id text) RETURNS json
LANGUAGE c VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgbeam_delete_custom_domain';
COMMENT ON FUNCTION pgbeam.delete_custom_domain(text, text) IS
'deleteCustomDomain: takes a domain from its project and answers null; the name is not given to another project. Errors: PT401 for a caller who is not trusted, or shows no credential, PT404 for one that is missing, deleted or of another project.';

CREATE FUNCTION pgbeam.verify_custom_domain(project_id text, domain_id text) RETURNS json
LANGUAGE c VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgbeam_verify_custom_domain';
COMMENT ON FUNCTION pgbeam.verify_custom_domain(text, text) IS
'verifyCustomDomain: {"verified", "error", "domain"} by the TXT record that pgbeam.report_domain() was told last. Errors: PT401 for a caller who is not trusted, or shows no credential, PT404 for one that is missing, deleted or of another project.';
