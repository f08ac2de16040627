-- What a PgBouncer before the upstreams gets: its files, and passwords of logins.
SET test.password = 'canary-password-Vq7R2x'; -- a function's text is stored
SET pgbeam.proxy_routing = 'database';
CREATE FUNCTION upstream(more jsonb DEFAULT '{}') RETURNS jsonb LANGUAGE sql AS $$
	SELECT jsonb_build_object('host', 'db.example.com', 'port', 5433, 'name', 'orders', 'username', 'app', 'password', current_setting('test.password')) || more
$$;
CREATE FUNCTION served(project text, database jsonb DEFAULT '{}', more jsonb DEFAULT '{}') RETURNS json LANGUAGE sql AS $$
	SELECT pgbeam.create_project(jsonb_build_object('org_id', 'bouncer', 'name', 'bouncer-' || project, 'database', upstream(database)) || more)
$$;
-- The lines of this test's projects, with (id) for an id.
CREATE FUNCTION lines(text, region text DEFAULT NULL, cloud text DEFAULT NULL, ssl_mode text DEFAULT NULL, socket_folder text DEFAULT NULL, project_id text DEFAULT NULL)
RETURNS SETOF text LANGUAGE sql AS $$
	SELECT regexp_replace(line, '(db|prj|rep)_[0-9a-z]{26}', '(\1)', 'g')
	FROM pgbeam.pgbouncer_files(region, cloud, ssl_mode, socket_folder, project_id), regexp_split_to_table(content, '\n') WITH ORDINALITY AS l (line, n)
	WHERE file = $1 AND line ~ 'bouncer-|^[;#]|^[a-z]+ "pgbeam_registry"|^local' ORDER BY n
$$;

SELECT pgbeam.set_organization('bouncer') IS NOT NULL AS made;
SELECT p #>> '{project,id}' AS one, p #>> '{database,id}' AS database FROM served('one') p \gset
SELECT served('two', '{"host": "[2001:db8::1]", "name": "it''s \"mine\"", "pool_config": {"pool_size": 20, "min_pool_size": 5, "pool_mode": "transaction", "max_active": 50}}',
	'{"allowed_cidrs": [{"cidr": "198.51.100.42"}, {"cidr": "10.1.2.3/8"}, {"cidr": "2001:DB8::1/32"}, {"cidr": "10.0.0.0/8"}, {"cidr": "::1"}]}') #>> '{project,id}' AS two \gset
SELECT pgbeam.create_replica(:'database', jsonb_build_object('host', host, 'port', port, 'ssl_mode', ssl_mode)) ->> 'host' AS replica
FROM (VALUES ('r1.example.com', 5433, 'verify-full'), ('[2001:db8::2]', 5433, 'verify-full'), ('other-port', 5434, 'verify-full'), ('other-mode', 5433, 'require')) v(host, port, ssl_mode);

-- Files are handed out in one order, and are the same until something changes.
SELECT file FROM pgbeam.pgbouncer_files();
SELECT * FROM lines('databases.ini');
SELECT * FROM lines('hba.conf');
SELECT * FROM lines('domains.map');
SELECT regexp_replace(content, '\m(db|rep)_[0-9a-z]{26}', '(\1)', 'g') AS left_out FROM pgbeam.pgbouncer_files(project_id => :'one') WHERE file = 'left_out';
SELECT count(*) FROM (SELECT * FROM pgbeam.pgbouncer_files() EXCEPT SELECT * FROM pgbeam.pgbouncer_files()) d;

-- A database of another mode is led on to the proxy of that mode, or left out.
SELECT served('mode', '{"ssl_mode": "require"}') #>> '{project,id}' AS mode \gset
SELECT * FROM lines('databases.ini', project_id => :'mode');
SELECT regexp_replace(content, 'db_[0-9a-z]{26}', '(db)') AS left_out FROM pgbeam.pgbouncer_files(project_id => :'mode') WHERE file = 'left_out';
SELECT file FROM pgbeam.pgbouncer_files(project_id => :'mode', socket_folder => '/run/pgbeam');
SELECT file, lines(file, project_id => :'mode', socket_folder => '/run/o''neil') FROM unnest('{databases.ini,hba.conf,require/databases.ini,require/hba.conf}'::text[]) file;
SELECT file, lines(file, project_id => :'mode', ssl_mode => 'require') FROM unnest('{databases.ini,require/databases.ini}'::text[]) file;
-- The replicas of a database may have another mode than it has.
SELECT pgbeam.create_replica(d ->> 'id', '{"host": "r", "port": 1, "ssl_mode": "disable"}') ->> 'host' AS replica
FROM json_array_elements(pgbeam.list_databases(:'mode') -> 'databases') d;
SELECT file, lines(file, project_id => :'mode', ssl_mode => 'require', socket_folder => '/s') FROM unnest('{databases.ini,hba.conf,disable/databases.ini}'::text[]) file;
SELECT file, lines(file, project_id => :'mode', ssl_mode => 'disable') FROM unnest('{databases.ini,hba.conf}'::text[]) file;

-- By region and cloud.
SELECT count(served('region ' || region, jsonb_build_object('pool_region', region), '{"cloud": "gcp"}')) FROM unnest('{eu-west-1,us-east-1}'::text[]) region;
SELECT substring(lines FROM '^\S+') AS key FROM lines('databases.ini', region => 'eu-west-1');
SELECT substring(lines FROM '^\S+') AS key FROM lines('databases.ini', cloud => 'gcp');
SELECT substring(lines FROM '^\S+') AS key FROM lines('databases.ini', region => 'eu-west-1', cloud => 'gcp');
SELECT lines('domains.map', cloud => 'gcp');

-- A self-hosted project has a proxy of its own.
SELECT pgbeam.set_organization('bouncer', '{"plan": "scale"}') IS NOT NULL AS set;
SELECT served('own', more => '{"self_hosted": true}') #>> '{project,id}' AS own \gset
SELECT count(*) FROM lines('databases.ini') WHERE lines ~ 'bouncer-own';
SELECT substring(lines FROM '^\S+') AS key FROM lines('databases.ini', project_id => :'own');

-- Custom domains count from their proof on.
SELECT pgbeam.create_custom_domain(:'two', '{"domain": "DB.bouncer-two.example"}') ->> 'id' AS domain \gset
SELECT lines('domains.map', project_id => :'two');
SELECT d FROM pgbeam.claimed_domains() d WHERE d ~ 'bouncer';
SELECT pgbeam.report_domain('db.bouncer-two.example', 'pgbeam-verify=' || dns_verification_token) FROM pgbeam.custom_domains WHERE domain = 'DB.bouncer-two.example';
SELECT pgbeam.verify_custom_domain(:'two', :'domain') ->> 'verified' AS verified;
SELECT d FROM pgbeam.claimed_domains() d WHERE d ~ 'bouncer';
SELECT lines('domains.map', project_id => :'two');

-- A login needs the database's own user. The rest is the same as none.
CREATE VIEW logins AS SELECT l.username, l.password = current_setting('test.password') AS same
	FROM (SELECT current_setting('test.database') AS id) d, LATERAL pgbeam.pgbouncer_login(d.id, current_setting('test.login')) l;
SELECT set_config('test.database', :'database', false) IS NOT NULL AS set, set_config('test.login', 'app', false) AS login;
TABLE logins;
SELECT id, login, count(l) FROM (VALUES (:'database', 'App'), (:'database', 'app '), (:'database', ''), (:'database', NULL), (NULL, 'app'), ('', 'app'), ('x', 'app'),
	('db_00000000000000000000000000', 'app'), (replace(:'database', 'db_', 'prj_'), 'app'), (upper(:'database'), 'app'), ('bouncer-one.aws.orders', 'app')) v(id, login)
	LEFT JOIN LATERAL pgbeam.pgbouncer_login(id, login) l ON true WHERE l IS NOT NULL GROUP BY 1, 2;

-- Where a data plane finds it to try it.
SELECT u.* FROM (VALUES (:'database'), ('db_00000000000000000000000000'), (replace(:'database', 'db_', 'prj_')), (NULL)) v (id), LATERAL pgbeam.upstream(v.id) u;
CREATE VIEW tried AS SELECT count(*) FROM pgbeam.upstream(current_setting('test.database'));
-- A change counts at once: another password, a suspended project, a deleted one.
SELECT substring(lines FROM '/\* .* \*/') AS generation FROM lines('databases.ini', project_id => :'one') WHERE lines ~ '^bouncer-one.aws.orders ';
SELECT pgbeam.update_database(:'one', :'database', jsonb_build_object('password', current_setting('test.password') || '-new')) IS NOT NULL AS changed;
TABLE logins;
SELECT substring(lines FROM '/\* .* \*/') AS generation FROM lines('databases.ini', project_id => :'one') WHERE lines ~ '^bouncer-one.aws.orders ';
SELECT pgbeam.update_project(:'one', '{"status": "suspended"}') ->> 'status' AS status;
TABLE tried;
TABLE logins;
SELECT file, lines(file, project_id => :'one') FROM unnest('{databases.ini,hba.conf,domains.map,left_out}'::text[]) file;
SELECT pgbeam.update_project(:'one', '{"status": "active"}') ->> 'status' AS status;
-- So does a suspended organization, of which everything is refused.
SELECT pgbeam.suspend_organization('bouncer');
TABLE tried;
TABLE logins;
SELECT file, lines(file, project_id => :'one') FROM unnest('{databases.ini,hba.conf,domains.map,left_out}'::text[]) file;
SELECT pgbeam.resume_organization('bouncer');
SELECT count(*) FROM logins;
SELECT pgbeam.delete_project(:'one') IS NULL AS deleted;
TABLE logins;
SELECT count(*) FROM lines('databases.ini') WHERE lines ~ '^bouncer-one\.';
-- One that comes back has no password yet.
SELECT pgbeam.undelete_project(:'one') IS NOT NULL AS undeleted;
TABLE logins;
SELECT count(*) FROM lines('databases.ini') WHERE lines ~ '^bouncer-one\.';
SELECT regexp_replace(content, 'db_[0-9a-z]{26}', '(db)') AS left_out FROM pgbeam.pgbouncer_files(project_id => :'one') WHERE file = 'left_out';
DROP VIEW logins;

-- With host routing a proxy serves one project, and the key is the name that
-- the connection string has, where it can be.
RESET pgbeam.proxy_routing;
SELECT * FROM pgbeam.pgbouncer_files();
SELECT count(pgbeam.create_database(:'two', upstream(jsonb_build_object('name', name)))) FROM unnest('{orders,orders,my db/1,*,all,x.ro}'::text[]) name;
SELECT regexp_replace(substring(line FROM '^(.*) = '), 'db_[0-9a-z]{26}', '(db)') AS key, count(*)
FROM pgbeam.pgbouncer_files(project_id => :'two'), regexp_split_to_table(content, '\n') line WHERE file = 'databases.ini' AND line ~ '=' GROUP BY 1 ORDER BY 1;
SELECT regexp_replace(line, 'db_[0-9a-z]{26}', '(db)') AS line, count(*)
FROM pgbeam.pgbouncer_files(project_id => :'two'), regexp_split_to_table(content, '\n') line WHERE file = 'left_out' GROUP BY 1 ORDER BY 1;

-- Where the domain of proxy hosts was another one, two projects may have a
-- label. Their databases have different keys all the same.
SET pgbeam.proxy_routing = 'database';
SET pgbeam.proxy_domain = '<cloud>.proxy.example.net';
SELECT served('domain') IS NOT NULL AS made;
RESET pgbeam.proxy_domain;
UPDATE pgbeam.projects SET name = 'bouncer-before' WHERE name = 'bouncer-domain';
SELECT served('domain') #>> '{database,connection_string}' AS connection_string;
SELECT regexp_replace(line, '(db)_[0-9a-z]{26}', '(\1)', 'g') AS line FROM pgbeam.pgbouncer_files(), regexp_split_to_table(content, '\n') line
WHERE file = 'databases.ini' AND line ~ (SELECT string_agg(pgbeam.typeid_encode('db', d.id), '|') FROM pgbeam.databases d JOIN pgbeam.projects p ON p.id = project_id WHERE proxy_host ~ '^bouncer-domain\.');
SELECT DISTINCT regexp_replace(line, '(db)_[0-9a-z]{26}', '(\1)', 'g') AS line FROM pgbeam.pgbouncer_files(), regexp_split_to_table(content, '\n') line WHERE file = 'left_out' AND line ~ 'older database';

-- No key is there twice, and each is one that PgBouncer takes.
SELECT count(*) > 10 AS many, count(*) - count(DISTINCT key) AS doubles, count(*) FILTER (WHERE key !~ '^[A-Za-z0-9_.*-]{1,63}$') AS bad
FROM (SELECT substring(line FROM '^(.*?) = ') FROM pgbeam.pgbouncer_files(socket_folder => '/s'), regexp_split_to_table(content, '\n') line WHERE file = 'databases.ini' AND line ~ ' = ') k(key);

-- What is refused.
SELECT * FROM pgbeam.pgbouncer_files(region => '', cloud => 'AWS', ssl_mode => 'on', socket_folder => 'run', project_id => 'x');
SELECT * FROM pgbeam.pgbouncer_files(socket_folder => '/a,/b');
SELECT * FROM pgbeam.pgbouncer_files(socket_folder => E'/a\nb');
SELECT * FROM pgbeam.pgbouncer_files(socket_folder => '/' || repeat('x', 80));
SET request.method = 'GET';
SELECT * FROM pgbeam.pgbouncer_files();
SELECT * FROM pgbeam.pgbouncer_login('x', 'y');
RESET request.method;
RESET pgbeam.proxy_routing;
DROP FUNCTION lines, served, upstream;

-- What the roles of a proxy may do: whatever is not refused. Functions are
-- called with nulls, which the planner does not see.
CREATE ROLE regress_pgbeam_plane;
CREATE ROLE regress_pgbeam_proxy;
SELECT pgbeam.grant_access('regress_pgbeam_plane', 'data_plane'), pgbeam.grant_access('regress_pgbeam_proxy', 'proxy');
CREATE VIEW attempts AS
	SELECT format('SELECT %s(%s) FROM (SELECT %s OFFSET 0) v', p.oid::regproc, string_agg('a' || n, ', ' ORDER BY n), coalesce(string_agg(format('NULL::%s AS a%s', format_type(t, NULL), n), ', ' ORDER BY n) FILTER (WHERE n > 0), 'true')) AS attempt
	FROM pg_proc p LEFT JOIN LATERAL unnest(proargtypes::oid[]) WITH ORDINALITY AS a (t, n) ON true WHERE pronamespace = 'pgbeam'::regnamespace GROUP BY p.oid
	UNION ALL
	SELECT format(act, c.oid::regclass, (SELECT attname FROM pg_attribute WHERE attrelid = c.oid AND attnum = 1))
	FROM pg_class c, unnest('{SELECT FROM %s,SELECT %2$I FROM %1$s,INSERT INTO %s DEFAULT VALUES,UPDATE %s SET %I = NULL,DELETE FROM %s,LOCK %s,TRUNCATE %s,DROP TABLE %s}'::text[]) act
	WHERE relnamespace IN ('pgbeam'::regnamespace, 'pgbeam_admin'::regnamespace) AND relkind IN ('r', 'v')
	UNION ALL
	SELECT format('SET LOCAL %s = %L', name, setting) FROM pg_settings WHERE name LIKE 'pgbeam.%'
	UNION ALL
	SELECT unnest(ARRAY['CREATE TABLE pgbeam.mine ()', 'CREATE TABLE pgbeam_admin.mine ()', 'CREATE FUNCTION pgbeam.mine() RETURNS integer LANGUAGE sql AS ''SELECT 1''', 'DROP EXTENSION pgbeam', 'ALTER EXTENSION pgbeam UPDATE',
		'GRANT regress_pgbeam_plane TO regress_pgbeam_proxy', 'GRANT regress_pgbeam_proxy TO regress_pgbeam_plane', 'SHOW pgbeam.keyring_file', 'CREATE ROLE regress_pgbeam_mine', 'SELECT pg_read_file(''PG_VERSION'')', 'SELECT pg_reload_conf()']);
CREATE FUNCTION refused(attempt text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE attempt;
	RETURN false;
EXCEPTION
	WHEN insufficient_privilege OR cant_change_runtime_param OR wrong_object_type THEN RETURN true;
	WHEN OTHERS THEN RETURN false;
END
$$;
CREATE TEMP TABLE attempted AS SELECT * FROM attempts;
SELECT count(*) > 250 AS many FROM attempted;
GRANT SELECT ON attempted TO regress_pgbeam_plane, regress_pgbeam_proxy;
SET ROLE regress_pgbeam_proxy;
SELECT substring(attempt FROM '^[^(]*') AS attempt FROM attempted WHERE NOT refused(attempt) ORDER BY attempt COLLATE "C";
SET ROLE regress_pgbeam_plane;
SELECT substring(attempt FROM '^[^(]*') AS attempt FROM attempted WHERE NOT refused(attempt) ORDER BY attempt COLLATE "C";
RESET ROLE;
DROP TABLE attempted;
DROP VIEW attempts;
DROP FUNCTION refused;
DROP OWNED BY regress_pgbeam_plane, regress_pgbeam_proxy;
DROP ROLE regress_pgbeam_plane, regress_pgbeam_proxy;
