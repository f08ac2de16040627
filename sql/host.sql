-- Proxy hosts and connection strings.
SET test.password = 'canary-password-Vq7R2x'; -- a function's text is stored
CREATE FUNCTION project(org text, name text, more jsonb DEFAULT '{}') RETURNS json LANGUAGE sql AS $$
	SELECT pgbeam.create_project(jsonb_build_object('org_id', org, 'name', name, 'database',
		jsonb_build_object('host', 'db.example.com', 'port', 5433, 'name', 'd', 'username', 'u', 'password', current_setting('test.password'))) || more)
$$;

-- Every name makes a label: lower case, one hyphen for each run of other
-- characters, trimmed, cut.
SELECT name, project('hosts', name) #>> '{project,proxy_host}' AS proxy_host
FROM (VALUES ('My App'), ('--a__b--'), ('Größe 7'), ('日本'), ('xn--a'), ('UPPER.lower'),
	(repeat('x', 53) || ' yyy'), (repeat('z', 100))) v(name);

-- A label is given out only once, over all organizations. After that a suffix
-- follows.
SELECT regexp_replace(project('other hosts', 'My App') #>> '{project,proxy_host}', '-[0-9a-hjkmnp-tv-z]{6}\.', '-(6).') AS proxy_host;
SELECT regexp_replace(project('hosts', 'my-app') #>> '{project,proxy_host}', '-[0-9a-hjkmnp-tv-z]{6}\.', '-(6).') AS proxy_host;

-- A deleted project's host goes to the next project of its organization with
-- that label, and never to another organization.
SELECT pgbeam.delete_project(pgbeam.typeid_encode('prj', id)) FROM pgbeam.projects WHERE org_id = 'hosts' AND name = 'My App';
SELECT regexp_replace(project('other hosts', 'My_App') #>> '{project,proxy_host}', '-[0-9a-hjkmnp-tv-z]{6}\.', '-(6).') AS another_organizations;
SELECT regexp_replace(project('hosts', 'My App') #>> '{project,proxy_host}', '-[0-9a-hjkmnp-tv-z]{6}\.', '-(6).') AS again;
SELECT regexp_replace(project('hosts', 'My.App') #>> '{project,proxy_host}', '-[0-9a-hjkmnp-tv-z]{6}\.', '-(6).') AS living;
SELECT kind, count(*) FROM pgbeam.hosts WHERE host ~ '^my-app[.-]' GROUP BY 1;

-- Another unique index, as one that is being built anew, changes nothing: what
-- it tells is no error before the host or the name is known to be free.
BEGIN;
CREATE UNIQUE INDEX ON pgbeam.hosts (host);
CREATE UNIQUE INDEX ON pgbeam.projects (org_id, name) WHERE deleted_at IS NULL;
SELECT regexp_replace(project('third hosts', 'My App') #>> '{project,proxy_host}', '-[0-9a-hjkmnp-tv-z]{6}\.', '-(6).') AS proxy_host;
SELECT project('third hosts', 'My App');
ROLLBACK;
BEGIN;
CREATE UNIQUE INDEX own ON pgbeam.hosts (pg_catalog.length(host)) WHERE host ~ '^(o|p){20}';
SELECT project('third hosts', repeat('o', 20)) IS NOT NULL AS made;
SELECT project('third hosts', repeat('p', 20));
ROLLBACK;

-- Hosts lead to their projects.
SELECT count(*) FROM pgbeam.hosts h RIGHT JOIN pgbeam.projects p
	ON p.proxy_host = h.host AND p.org_id = h.org_id AND p.id = h.project_id
WHERE h.host IS NULL AND p.deleted_at IS NULL;

-- Domain and port come from settings. A project keeps its host, but not the
-- port.
SELECT project('hosts', 'cloud', '{"cloud": "gcp"}') #>> '{database,connection_string}' AS connection_string;
SET pgbeam.proxy_domain = 'proxy.example.net';
SET pgbeam.proxy_port = 6432;
SELECT project('hosts', 'domain', '{"cloud": "gcp"}') #>> '{database,connection_string}' AS connection_string;
RESET pgbeam.proxy_domain;
SELECT pgbeam.get_database(pgbeam.typeid_encode('prj', project_id), pgbeam.typeid_encode('db', d.id)) ->> 'connection_string' AS connection_string
FROM pgbeam.databases d JOIN pgbeam.projects p ON p.id = project_id WHERE p.org_id = 'hosts' AND p.name IN ('cloud', 'domain') ORDER BY p.id;
RESET pgbeam.proxy_port;
SET pgbeam.proxy_domain = '<cloud>.<cloud>.test';
SELECT project('hosts', 'twice', '{"cloud": "azure"}') #>> '{project,proxy_host}' AS proxy_host;
RESET pgbeam.proxy_domain;

-- A setting that makes no host name is refused.
SET pgbeam.proxy_domain = '';
SET pgbeam.proxy_domain = '.example.com';
SET pgbeam.proxy_domain = 'example..com';
SET pgbeam.proxy_domain = '-example.com';
SET pgbeam.proxy_domain = 'Example.com';
SET pgbeam.proxy_domain = '<region>.example.com';
SELECT set_config('pgbeam.proxy_domain', repeat('a', 64) || '.com', false);
SELECT set_config('pgbeam.proxy_domain', repeat('abcdefg.', 23) || 'abcdefgh', false);

-- The longest domain that is allowed gives host names of 253 characters.
SELECT length(set_config('pgbeam.proxy_domain', repeat('abcdefg.', 23) || 'abcdefg', false)) AS domain;
SELECT length(project('hosts', 'long ' || repeat('l', 90)) #>> '{project,proxy_host}') AS plain;
SELECT length(project('hosts', 'long ' || repeat('l', 91)) #>> '{project,proxy_host}') AS with_suffix;
RESET pgbeam.proxy_domain;
SET pgbeam.proxy_port = 65536;

DROP FUNCTION project;
