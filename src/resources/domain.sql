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
-- The index keeps living rows apart, so that a list walks past no deleted
-- ones.
CREATE INDEX custom_domains_project_idx ON pgbeam.custom_domains (org_id, project_id, (deleted_at IS NULL), id);
CREATE INDEX custom_domains_domain_idx ON pgbeam.custom_domains (pg_catalog.lower(domain));
-- The purge finds the oldest deleted rows.
CREATE INDEX custom_domains_deleted_idx ON pgbeam.custom_domains (deleted_at, id)
	WHERE deleted_at IS NOT NULL;
COMMENT ON TABLE pgbeam.custom_domains IS
'The custom domains of projects, and whether each is verified.
Several projects may claim a name. The one that has proved it has it in pgbeam.hosts.';
SELECT pg_catalog.pg_extension_config_dump('pgbeam.custom_domains', '');

CREATE FUNCTION pgbeam.report_domain(domain text, txt text) RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgbeam_report_domain';
COMMENT ON FUNCTION pgbeam.report_domain(text, text) IS
'Stores the text of the TXT record _pgbeam-verify.<domain>, or null if there is none, for the next verifyCustomDomain.
Of several texts each stands in a line of its own. No backend looks it up. The report counts for every project that claims the domain. For roles with data_plane or admin access. Errors: PT400 for an invalid domain, PT401 within an HTTP request, PT404 for a domain that nobody claims.';

CREATE FUNCTION pgbeam.claimed_domains() RETURNS SETOF text
LANGUAGE sql STABLE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT DISTINCT lower(domain) FROM pgbeam.custom_domains WHERE verified_at IS NULL AND deleted_at IS NULL ORDER BY 1
$$;
COMMENT ON FUNCTION pgbeam.claimed_domains() IS
'Lists the custom domains that are not verified yet, whose TXT records a data plane looks up for pgbeam.report_domain().
Each name stands there once, in lower case, however many projects claim it. For roles with data_plane or admin access.';

CREATE FUNCTION pgbeam.release_domain(domain text) RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgbeam_release_domain';
COMMENT ON FUNCTION pgbeam.release_domain(text) IS
'Takes a custom domain from the organization that has proved it.
The next one to prove it gets it. A verified domain loses its verification, and must be reported and verified anew. Errors: PT400 for an invalid domain, PT401 for a caller without admin access, PT404 for a domain that nobody has proved.';

CREATE FUNCTION pgbeam.list_custom_domains(project_id text, page_size integer DEFAULT NULL, page_token text DEFAULT NULL) RETURNS json
LANGUAGE c STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgbeam_list_custom_domains';
COMMENT ON FUNCTION pgbeam.list_custom_domains(text, integer, text) IS
'listCustomDomains: answers {"domains", "next_page_token"} of a project, the oldest first.
Errors: PT400 with all problems, PT401 for a caller who is not trusted, or shows no credential, PT404 for a project that is missing or deleted.';

CREATE FUNCTION pgbeam.create_custom_domain(project_id text, body jsonb) RETURNS json
LANGUAGE c VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgbeam_create_custom_domain';
COMMENT ON FUNCTION pgbeam.create_custom_domain(text, jsonb) IS
'createCustomDomain: claims a domain for a project, and answers it with the DNS records that it needs.
Several projects may claim a name; verifyCustomDomain gives it to the first that proves it. The answer spells the name as the request did; names that differ only in case are the same. Errors: PT400 with all problems, PT401 for a caller who is not trusted, or shows no credential, PT403 when the plan has no custom domains or the project has pgbeam.max_domains of them, PT404 for a project that is missing or deleted, PT409 when the project has the domain already or another one has proved it.';

CREATE FUNCTION pgbeam.delete_custom_domain(project_id text, domain_id text) RETURNS json
LANGUAGE c VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgbeam_delete_custom_domain';
COMMENT ON FUNCTION pgbeam.delete_custom_domain(text, text) IS
'deleteCustomDomain: removes a domain from its project and answers null.
A proved name stays with its organization, whose other projects may claim and prove it. No other organization may until pgbeam.release_domain() frees it. Errors: PT401 for a caller who is not trusted, or shows no credential, PT404 for a domain that is missing, deleted or of another project.';

CREATE FUNCTION pgbeam.verify_custom_domain(project_id text, domain_id text) RETURNS json
LANGUAGE c VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgbeam_verify_custom_domain';
COMMENT ON FUNCTION pgbeam.verify_custom_domain(text, text) IS
'verifyCustomDomain: answers {"verified", "error", "domain"} by the TXT record that pgbeam.report_domain() stored last.
The first project that proves a name gets it; error tells the others so. Errors: PT401 for a caller who is not trusted, or shows no credential, PT404 for a domain that is missing, deleted or of another project.';
