-- What tenants may not have as an upstream: places of the proxy's own, users of
-- the proxy's own, passwords that a proxy takes for hashes.
SET test.password = 'canary-password-Vq7R2x'; -- a function's text is stored
CREATE FUNCTION upstream(more jsonb DEFAULT '{}') RETURNS jsonb LANGUAGE sql AS $$
	SELECT jsonb_build_object('host', 'db.example.com', 'port', 5432, 'name', 'd', 'username', 'u', 'password', current_setting('test.password')) || more
$$;
-- The refusal of a call, or accepted; and whether it shows what it refuses.
CREATE FUNCTION refused(call text, given text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	message text;
	detail text;
	hint text;
BEGIN
	EXECUTE call;
	RAISE EXCEPTION USING ERRCODE = 'TEST1', MESSAGE = 'accepted';
EXCEPTION
	WHEN SQLSTATE 'TEST1' THEN RETURN SQLERRM;
	WHEN SQLSTATE 'PT400' THEN
		GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
		RETURN message || CASE WHEN strpos(concat(detail, hint, message), given) > 0 AND length(given) > 3 AND given <> 'SCRAM-SHA-256$' THEN ' (and shows it)' ELSE '' END;
END
$$;
SELECT pgbeam.set_organization('upstreams') IS NOT NULL AS made;
SHOW pgbeam.forbidden_networks;
SHOW pgbeam.reserved_users;
SELECT p #>> '{project,id}' AS project, p #>> '{database,id}' AS database
FROM pgbeam.create_project(jsonb_build_object('org_id', 'upstreams', 'name', 'upstreams', 'database', upstream())) p \gset

CREATE TEMP TABLE hosts (n serial, host text);
INSERT INTO hosts (host) VALUES ('127.0.0.1'), ('127.255.0.1'), ('0.0.0.0'), ('::'), ('::1'), ('[::1]'), ('0:0:0:0:0:0:0:1'), ('169.254.169.254'), ('169.254.0.1'), ('fe80::1'), ('[febf::1]'),
	('::ffff:127.0.0.1'), ('::ffff:7f00:1'), ('[::FFFF:169.254.169.254]'), ('::127.0.0.1'), ('64:ff9b::7f00:1'), ('fd00:ec2::254'),
	('localhost'), ('LOCALHOST'), ('localhost.localdomain'), ('db.localhost'), ('ip6-localhost'),
	('126.255.255.255'), ('128.0.0.1'), ('10.0.0.1'), ('192.168.1.1'), ('169.253.0.1'), ('::2:0:0'), ('2001:db8::1'), ('fec0::1'), ('::ffff:10.0.0.1'), ('db.example.com'), ('localhost.example.com'), ('mylocalhost');
SELECT host, refused(format('SELECT pgbeam.create_project(%L)', jsonb_build_object('org_id', 'upstreams', 'name', 'x', 'database', upstream(jsonb_build_object('host', host)))), 'no host') AS "create"
FROM hosts ORDER BY n;
-- Updates, other databases and replicas with another refusal: (none)
SELECT host, o.* FROM hosts, LATERAL (SELECT
	refused(format('SELECT pgbeam.create_database(%L, %L)', :'project', upstream(jsonb_build_object('host', host))), 'no host') AS "create",
	refused(format('SELECT pgbeam.update_database(%L, %L, %L)', :'project', :'database', jsonb_build_object('host', host)), 'no host') AS "update",
	refused(format('SELECT pgbeam.create_replica(%L, %L)', :'database', jsonb_build_object('host', host, 'port', 1)), 'no host') AS replica,
	replace(refused(format('SELECT pgbeam.create_project(%L)', jsonb_build_object('org_id', 'upstreams', 'name', 'x', 'database', upstream(jsonb_build_object('host', host)))), 'no host'), 'database.', '') AS project) o
WHERE "create" <> "update" OR replica <> "create" OR project <> "create";
SELECT pgbeam.create_database(:'project', upstream('{"host": "127.0.0.1", "port": 0, "username": "pgbouncer", "password": "md50123456789abcdef0123456789abcdef"}'));

-- The same of an address, for who resolves a name.
SELECT a AS address, pgbeam.forbidden_network(a) FROM unnest('{127.0.0.1,127.8.9.10/8,0.0.0.0,169.254.169.254,::1,::,fe80::7,::ffff:127.0.0.1,::ffff:10.0.0.1,64:ff9b::a9fe:a9fe,::127.0.0.1,10.0.0.1,8.8.8.8,2001:db8::1,fd00:ec2::254,fd00:ec2::253,100.100.100.200,168.63.129.16,224.0.0.1,239.1.2.3,255.255.255.255,255.255.255.254,ff02::1}'::inet[]) a;
-- Forms of IPv6 that gateways lead on to an address of IPv4.
SELECT a AS address, pgbeam.forbidden_network(a) FROM unnest('{2002:7f00:1::,2002:a00:1::,2001:0:7f00:1::,2001::80ff:fffe,2001::80ff:fffe:0:0,2001:db8::5efe:a9fe:a9fe,64:ff9b:1::7f00:1,64:ff9b:1:7f00:0:100::,::ffff:0:7f00:1}'::inet[]) a;
SELECT pgbeam.forbidden_network(NULL);

-- The operator chooses the networks. A host that is already there stays, but
-- no proxy gets it.
SET pgbeam.forbidden_networks = ' 10.0.0.0/8 ,192.168.0.0/16,,2001:db8::/32 ';
SELECT host, refused(format('SELECT pgbeam.update_database(%L, %L, %L)', :'project', :'database', jsonb_build_object('host', host)), 'no host') AS "update"
FROM hosts WHERE host IN ('127.0.0.1', '10.0.0.1', '192.168.1.1', '2001:db8::1', '::ffff:10.0.0.1', 'localhost') ORDER BY n;
SET pgbeam.forbidden_networks = '';
SELECT refused(format('SELECT pgbeam.update_database(%L, %L, %L)', :'project', :'database', jsonb_build_object('host', host)), 'no host') AS "update", count(*) FROM hosts GROUP BY 1;
SELECT pgbeam.update_database(:'project', :'database', '{"host": "127.0.0.1"}') ->> 'host' AS host;
SELECT pgbeam.create_replica(:'database', jsonb_build_object('host', host, 'port', 1)) ->> 'host' AS replica FROM unnest('{localhost,r1,::1,r2}'::text[]) host;
RESET pgbeam.forbidden_networks;
SELECT pgbeam.update_database(:'project', :'database', '{"port": 5433}') ->> 'port' AS port;
SELECT file, regexp_replace(line, '(db|rep)_[0-9a-z]{26}', '(\1)', 'g') AS line FROM pgbeam.pgbouncer_files(project_id => :'project'), regexp_split_to_table(content, '\n') WITH ORDINALITY AS l (line, n)
WHERE file IN ('databases.ini', 'left_out') ORDER BY file, line COLLATE "C";
SET pgbeam.forbidden_networks = '';
SELECT substring(line FROM $$^\S+ = host='[^']*'$$) AS line FROM pgbeam.pgbouncer_files(project_id => :'project'), regexp_split_to_table(content, '\n') WITH ORDINALITY AS l (line, n)
WHERE file = 'databases.ini' AND line ~ '=' ORDER BY n;
RESET pgbeam.forbidden_networks;
-- What is no network is refused.
SET pgbeam.forbidden_networks = '10.0.0.0/8, 10.0.0';
SET pgbeam.forbidden_networks = 'localhost';
SET pgbeam.forbidden_networks = '10.0.0.0/33';
SELECT set_config('pgbeam.forbidden_networks', repeat('10.0.0.0/8,', 200), false) IS NOT NULL AS set;
\set VERBOSITY sqlstate
SELECT set_config('pgbeam.forbidden_networks', repeat('10.0.0.0/8,', 201), false) IS NOT NULL AS set;
\set VERBOSITY default
RESET pgbeam.forbidden_networks;

-- Users of the proxy itself.
SELECT name, refused(format('SELECT pgbeam.update_database(%L, %L, %L)', :'project', :'database', jsonb_build_object('username', name)), 'no name') AS "update"
FROM unnest('{pgbouncer,pgbeam_proxy,PgBouncer,pgbouncer2,pgbeam,"pgbeam_proxy, pgbouncer",app}'::text[]) name;
SET pgbeam.reserved_users = 'app,  other one ';
SELECT name, refused(format('SELECT pgbeam.update_database(%L, %L, %L)', :'project', :'database', jsonb_build_object('username', name)), 'no name') AS "update"
FROM unnest('{pgbouncer,app,other,other one}'::text[]) name;
SET pgbeam.reserved_users = '';
SELECT refused(format('SELECT pgbeam.update_database(%L, %L, %L)', :'project', :'database', jsonb_build_object('username', 'pgbouncer')), 'no name') AS "update";
RESET pgbeam.reserved_users;

-- Passwords that look like a hash. No refusal shows one.
SELECT left(password, 20) AS password, length(password), refused(format('SELECT pgbeam.update_database(%L, %L, %L)', :'project', :'database', jsonb_build_object('password', password)), password) AS "update",
	refused(format('SELECT pgbeam.create_database(%L, %L)', :'project', upstream(jsonb_build_object('password', password))), password) AS "create"
FROM unnest(ARRAY['md5' || md5('a'), 'md5' || upper(md5('a')), 'md5' || md5('a') || '0', 'md5' || left(md5('a'), 31), 'MD5' || md5('a'), 'md5' || repeat('g', 32), 'md5', md5('a'),
	'SCRAM-SHA-256$4096:c2FsdA==$c3RvcmVk:c2VydmVy', 'SCRAM-SHA-256$', 'SCRAM-SHA-256', 'scram-sha-256$4096', 'x']) password;
DROP TABLE hosts;
DROP FUNCTION refused, upstream;
