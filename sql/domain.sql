-- Custom domains: which project has one, and how it is proved.
SET test.password = 'canary-password-Vq7R2x'; -- a function's text is stored
CREATE FUNCTION new_project(org text, name text) RETURNS text LANGUAGE sql AS $$
	SELECT pgbeam.create_project(jsonb_build_object('org_id', org, 'name', name, 'database',
		jsonb_build_object('host', 'db.example.com', 'port', 5432, 'name', 'd', 'username', 'u', 'password', current_setting('test.password')))) #>> '{project,id}'
$$;
SET client_min_messages = warning;
SELECT new_project('domain', 'domains') AS project, new_project('domain', 'other') AS other, new_project('domain-2', 'third') AS third \gset
RESET client_min_messages;

-- Not every plan has custom domains.
SELECT pgbeam.set_organization('domain', '{"plan": "pro"}');
SELECT pgbeam.create_custom_domain(:'project', '{"domain": "db.example.com"}');
SELECT pgbeam.set_organization('domain', '{"plan": "scale"}');

-- The answer repeats the name as it was written, and tells what to put into
-- the DNS.
SELECT d ->> 'id' AS domain, d ->> 'dns_verification_token' AS token,
	regexp_replace((d::jsonb - '{id,project_id,created_at,updated_at}'::text[])::text, d ->> 'dns_verification_token', '<token>', 'g') AS rest,
	length(d ->> 'dns_verification_token') AS token_length
FROM pgbeam.create_custom_domain(:'project', '{"domain": "DB.Example.com"}') d \gset
SELECT jsonb_pretty(:'rest') AS domain, :token_length AS token_length;
SELECT d ->> 'domain' AS domain, d ->> 'verified' AS verified FROM json_array_elements(pgbeam.list_custom_domains(:'project') -> 'domains') d;

-- A project can claim a name only once, however it is spelled; a claim does
-- not stop other projects.
SELECT pgbeam.create_custom_domain(:'project', '{"domain": "db.example.COM"}');
SELECT d ->> 'id' AS other_domain, d ->> 'dns_verification_token' AS other_token FROM pgbeam.create_custom_domain(:'other', '{"domain": "db.example.com"}') d \gset
SELECT d ->> 'id' AS third_domain, d ->> 'dns_verification_token' AS third_token FROM pgbeam.create_custom_domain(:'third', '{"domain": "db.example.com"}') d \gset
SELECT count(*) AS proved FROM pgbeam.hosts WHERE kind = 'custom';
SELECT pgbeam.create_custom_domain(:'project', '{"domain": "other.aws.pgbeam.app"}');
SELECT pgbeam.create_custom_domain(:'project', '{"domain": "new.GCP.pgbeam.app"}');
SELECT pgbeam.create_custom_domain(:'project', '{"domain": "pgbeam.app"}');
-- A name in other scripts is refused with its spelling in the DNS.
SELECT pgbeam.create_custom_domain(:'project', '{"domain": "m\u00fcnchen.example"}');
SELECT pgbeam.create_custom_domain(:'project', '{"domain": "https://db.example.com"}');
SELECT d ->> 'domain' AS no_proxy FROM pgbeam.create_custom_domain(:'other', '{"domain": "notaws.pgbeam.app"}') d;

-- Verification goes by the report.
SELECT v ->> 'verified' AS verified, v ->> 'error' AS error, v #>> '{domain,verified}' AS domain FROM pgbeam.verify_custom_domain(:'project', :'domain') v;
SELECT pgbeam.report_domain('db.example.com', 'v=spf1 -all');
SELECT v ->> 'verified' AS verified, v ->> 'error' AS error FROM pgbeam.verify_custom_domain(:'project', :'domain') v;
-- Of several texts one is enough, as a whole line.
SELECT pgbeam.report_domain('db.example.com', concat('x pgbeam-verify=', :'token', chr(10), 'pgbeam-verify=', :'token', 'x', chr(10), 'pgbeam-verify=', left(:'token', -1)));
SELECT v ->> 'verified' AS verified, v ->> 'error' AS error FROM pgbeam.verify_custom_domain(:'project', :'domain') v;
SELECT pgbeam.report_domain('DB.example.com', concat(chr(10), 'pgbeam-verify=stale', chr(10), chr(10), 'pgbeam-verify=', :'token', chr(10), 'x'));
SELECT v ->> 'verified' AS verified, v ->> 'error' AS error, v #>> '{domain,verified}' AS domain, v #>> '{domain,verified_at}' IS NOT NULL AS at
FROM pgbeam.verify_custom_domain(:'project', :'domain') v;
SELECT pgbeam.report_domain('db.example.com', NULL);
SELECT v ->> 'verified' AS still FROM pgbeam.verify_custom_domain(:'project', :'domain') v;

-- The first to prove a name gets it; the others are told, in the organization
-- and outside.
SELECT pgbeam.report_domain('db.example.com', 'pgbeam-verify=' || :'other_token');
SELECT v ->> 'verified' AS verified, v ->> 'error' AS error, v #>> '{domain,verified}' AS domain FROM pgbeam.verify_custom_domain(:'other', :'other_domain') v;
SELECT pgbeam.report_domain('db.example.com', 'pgbeam-verify=' || :'third_token');
SELECT v ->> 'verified' AS verified, v ->> 'error' AS error FROM pgbeam.verify_custom_domain(:'third', :'third_domain') v;
SELECT host, org_id, pgbeam.typeid_encode('prj', project_id) = :'project' AS is_its FROM pgbeam.hosts WHERE kind = 'custom';

-- Nobody else claims it from then on.
SELECT pgbeam.delete_custom_domain(:'other', :'other_domain');
SELECT pgbeam.create_custom_domain(:'other', '{"domain": "db.example.com"}');

-- Bad input.
SELECT pgbeam.create_custom_domain(:'project', '{}');
SELECT left(bad, 20) AS bad, (SELECT status FROM pgbeam.http('POST', '/v1/projects/' || :'project' || '/domains',
	jsonb_build_object('X-API-Key', k.key, 'Content-Type', 'application/json'), convert_to(jsonb_build_object('domain', bad)::text, 'UTF8'))) AS status
FROM pgbeam.create_api_key(org_id => 'domain') k,
	unnest(ARRAY['', 'x', '.', 'a..b', 'a.', '-a.b', 'a-.b', 'a b.c', 'é.com', repeat('a', 64) || '.b', repeat('a.', 127) || 'bc', '*.a.b', 'a_b.c', '1.2.3.4']) bad;
-- The labels before a domain in its records must fit as well. (253)
SELECT max(length(i.value)) AS longest, d ->> 'domain' = repeat('d.', 118) || 'd' AS kept
FROM pgbeam.create_custom_domain(:'other', jsonb_build_object('domain', repeat('d.', 118) || 'd')) d,
	json_each_text(d -> 'dns_instructions') i WHERE i.key IN ('txt_host', 'acme_cname_host') GROUP BY 2;
SELECT pgbeam.create_custom_domain(:'other', jsonb_build_object('domain', repeat('d.', 118) || 'dd'));
SELECT pgbeam.create_custom_domain(:'other', jsonb_build_object('domain', repeat('d.', 126) || 'd'));
SELECT pgbeam.report_domain(repeat('d.', 118) || 'dd', 'x');
SELECT pgbeam.report_domain(repeat('d.', 118) || 'd', repeat('x', 4097));
SELECT s -> 'properties' #>> '{domain,maxLength}' AS told FROM json_extract_path(pgbeam.openapi(), 'components', 'schemas', 'CreateCustomDomainRequest') s;
SELECT pgbeam.create_custom_domain(:'other', '{"domain": "127.0x1"}');
SELECT pgbeam.report_domain('none.example.com', 'x');
SELECT pgbeam.report_domain(NULL, 'x');
SELECT pgbeam.verify_custom_domain(:'other', :'domain');
SELECT pgbeam.verify_custom_domain('prj', 'dom');

-- A project has a limit of them.
SELECT count(*) AS there FROM pgbeam.custom_domains d WHERE pgbeam.typeid_encode('prj', project_id) = :'other' AND deleted_at IS NULL \gset
SELECT count(d) AS made FROM generate_series(1, 20 - :there) i, pgbeam.create_custom_domain(:'other', jsonb_build_object('domain', i || '.other.example.com')) d;
SELECT pgbeam.create_custom_domain(:'other', '{"domain": "21.other.example.com"}');
SELECT count(*) AS not_claimed FROM pgbeam.custom_domains WHERE domain = '21.other.example.com';
SET pgbeam.max_domains = 21;
SELECT pgbeam.create_custom_domain(:'other', '{"domain": "21.other.example.com"}') IS NOT NULL AS one_more;
RESET pgbeam.max_domains;
SELECT bool_and(pgbeam.delete_custom_domain(:'other', d ->> 'id') IS NULL) AS deleted FROM json_array_elements(pgbeam.list_custom_domains(:'other', 100) -> 'domains') d WHERE d ->> 'domain' ~ '^[0-9]+\.other';

-- A deleted domain's name stays with its organization, which must prove it
-- again.
SELECT pgbeam.delete_custom_domain(:'project', :'domain');
SELECT pgbeam.delete_custom_domain(:'project', :'domain');
SELECT d ->> 'id' AS other_domain, d ->> 'dns_verification_token' AS other_token, d ->> 'verified' AS verified FROM pgbeam.create_custom_domain(:'other', '{"domain": "db.example.com"}') d \gset
SELECT :'verified' AS verified;
SELECT v ->> 'error' AS another_organizations FROM pgbeam.verify_custom_domain(:'third', :'third_domain') v;
SELECT pgbeam.report_domain('db.example.com', 'pgbeam-verify=' || :'other_token');
SELECT v ->> 'verified' AS verified, v ->> 'error' AS error FROM pgbeam.verify_custom_domain(:'other', :'other_domain') v;
SELECT host, pgbeam.typeid_encode('prj', project_id) = :'other' AS is_others FROM pgbeam.hosts WHERE kind = 'custom';
SELECT pgbeam.create_custom_domain(:'project', '{"domain": "db.example.com"}');

-- The same after a project was deleted.
SELECT pgbeam.delete_project(:'other');
SELECT d ->> 'id' AS domain, d ->> 'dns_verification_token' AS token FROM pgbeam.create_custom_domain(:'project', '{"domain": "db.example.com"}') d \gset
SELECT pgbeam.report_domain('db.example.com', 'pgbeam-verify=' || :'token');
SELECT v ->> 'verified' AS verified FROM pgbeam.verify_custom_domain(:'project', :'domain') v;
-- The operator can free a name. It loses its proof, the feed says so, and the
-- next to prove it gets it.
SELECT pgbeam.release_domain('DB.Example.com');
SELECT pgbeam.release_domain('db.example.com');
SELECT pgbeam.release_domain('no domain');
SELECT resource, resource_id = :'domain' AS is_its, action FROM pgbeam.changes WHERE org_id = 'domain' AND resource = 'custom_domain' ORDER BY xid DESC LIMIT 1;
SELECT v ->> 'verified' AS verified, v ->> 'error' AS error FROM pgbeam.verify_custom_domain(:'project', :'domain') v;
SELECT pgbeam.report_domain('db.example.com', 'pgbeam-verify=' || :'third_token');
SELECT v ->> 'verified' AS verified FROM pgbeam.verify_custom_domain(:'third', :'third_domain') v;
SELECT v ->> 'error' AS error FROM pgbeam.verify_custom_domain(:'project', :'domain') v;
-- a name that its organization's deleted domain had is freed as well
SELECT pgbeam.delete_custom_domain(:'third', :'third_domain');
SELECT pgbeam.release_domain('db.example.com');
SELECT pgbeam.report_domain('db.example.com', 'pgbeam-verify=' || :'token');
SELECT v ->> 'verified' AS verified FROM pgbeam.verify_custom_domain(:'project', :'domain') v;
-- a proxy host is no custom domain
SELECT pgbeam.release_domain('domains.aws.pgbeam.app');

SELECT d IS NOT NULL AS no_plan FROM pgbeam.create_custom_domain(:'third', '{"domain": "third.example.com"}') d;
SELECT pgbeam.delete_project(:'project');
SELECT count(*), count(deleted_at) AS deleted, count(reported_txt) AS reported FROM pgbeam.custom_domains WHERE org_id = 'domain';
SELECT left(host, 30) AS host, kind FROM pgbeam.hosts WHERE org_id ~ '^domain' ORDER BY 1;
DROP FUNCTION new_project;

-- A row that lost its project does no harm.
SET client_min_messages = warning;
SELECT p #>> '{project,id}' AS project, p #>> '{database,id}' AS database, c ->> 'id' AS domain FROM pgbeam.create_project(
	'{"org_id": "domain-3", "name": "lost", "database": {"host": "db.example.com", "port": 5432, "name": "d", "username": "u", "password": "canary-password-Vq7R2x"}}') p,
	pgbeam.create_custom_domain(p #>> '{project,id}', '{"domain": "lost.example.com"}') c \gset
BEGIN;
SET LOCAL session_replication_role = replica;
DELETE FROM pgbeam.projects WHERE org_id = 'domain-3';
SET LOCAL session_replication_role = origin;
SAVEPOINT s;
SELECT pgbeam.verify_custom_domain(:'project', :'domain');
ROLLBACK TO s;
SELECT pgbeam.update_database(:'project', :'database', '{"port": 9}');
ROLLBACK;
RESET client_min_messages;
