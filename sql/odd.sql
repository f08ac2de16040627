-- No name, host or user that can be stored makes a line that PgBouncer would
-- refuse, and with it all lines behind. Its grammar stands here as expressions:
-- a key, then pairs whose values stand in quotes, where two stand for one.
SET test.password = 'canary-password-Vq7R2x'; -- a function's text is stored
SET pgbeam.proxy_routing = 'database';
SET client_min_messages = warning; -- the organization is registered
BEGIN;
CREATE FUNCTION upstream(more jsonb) RETURNS jsonb LANGUAGE sql AS $$
	SELECT jsonb_build_object('host', 'db.example.com', 'port', 5432, 'name', 'orders', 'username', 'app', 'password', current_setting('test.password')) || more
$$;
-- Each ASCII character and some others, alone and within; words that mean
-- something to PgBouncer or in its files; texts at all lengths.
CREATE TEMP TABLE odd AS
	WITH piece (c) AS (
		SELECT chr(n) FROM generate_series(1, 175) n
		UNION ALL SELECT unnest(ARRAY[E'\u2028', E'\u200b', E'\ufeff', E'\u202e', 'ÿ', '日', '😀', '''''', '\', '\\', '$1', '${x}', '%s', '--', '/*', '*/', ';', '..'])
	)
	SELECT DISTINCT s AS odd FROM piece, unnest(ARRAY[c, 'a' || c || 'b']) s
	UNION
	SELECT unnest(ARRAY['*', 'pgbouncer', 'pgbeam_registry', 'all', 'sameuser', 'samerole', 'samegroup', 'replication', 'reject', '%include', '%include /etc/passwd', '[databases]', '[pgbouncer]', 'auth_query', 'host=/tmp',
		'a user=postgres', ''' user=postgres host=''/tmp', 'x'' y', '"a"', 'a" all 0.0.0.0/0 trust', '+a', '@a', 'a #b', 'null', 'template0', '.ro', 'ro', 'a.ro', 'db_', 'prj', 'db_01h455vb4pex5vsknk084sn02q'])
	UNION
	SELECT repeat(c, n) FROM unnest(ARRAY['a', '_', '*', '.', 'é', '''']) c, unnest('{2,3,28,29,30,31,44,45,46,47,48,49,50,51,52,53,54,55,56,57,58,59,60,61,62,63,64,65,253,254,255}'::integer[]) n
	UNION
	SELECT string_agg(chr((ascii(c) + n * 7) % 95 + 32), '' ORDER BY i) FROM generate_series(1, 100) n, unnest(string_to_array(md5(n::text), NULL)) WITH ORDINALITY AS u (c, i) GROUP BY n;
SELECT count(*) BETWEEN 600 AND 900 AS many FROM odd;

-- What is refused is no danger. (statuses)
CREATE FUNCTION made(kind text) RETURNS TABLE (made text, accepted boolean, refused boolean) LANGUAGE sql AS $$
	SELECT kind, count(*) FILTER (WHERE status = 201) > 300, count(*) FILTER (WHERE status = 400) > 30
	FROM pgbeam.create_projects((SELECT jsonb_agg(jsonb_build_object('org_id', 'odd', 'name', CASE kind WHEN 'project' THEN odd ELSE concat(kind, ' ', n) END,
		'database', upstream(CASE WHEN kind <> 'project' THEN jsonb_build_object(kind, odd) ELSE '{}' END))) FROM (SELECT odd, row_number() OVER (ORDER BY odd) AS n FROM odd) o))
$$;
SELECT * FROM made('name');
SELECT * FROM made('username');
SELECT * FROM made('password');
SELECT * FROM made('project');
SELECT made, refused FROM made('host');
SELECT count(pgbeam.create_replica(pgbeam.typeid_encode('db', id), jsonb_build_object('host', host, 'port', 5432))) > 40 AS replicas FROM pgbeam.databases WHERE org_id = 'odd' AND host <> 'db.example.com';

CREATE TEMP TABLE file AS SELECT * FROM pgbeam.pgbouncer_files(socket_folder => '/run/o''neil');
CREATE TEMP TABLE line AS SELECT file, line, substring(line FROM $re$''(db_[0-9a-z]{26})''$re$) AS id FROM file, regexp_split_to_table(content, '\n') line WHERE line <> '';
SELECT count(*) > 1500 AS many FROM line WHERE file = 'databases.ini';
-- Lines that no expression fits: (none)
SELECT file, left(line, 100) AS line FROM line
WHERE line !~ CASE
	WHEN file ~ 'databases.ini$' THEN $re$^(; made by .*|[A-Za-z0-9_.*-]{1,63} = host='([^'[:cntrl:]]|'')+' port=[1-9][0-9]{0,4} dbname='([^'[:cntrl:]]|'')+' pool_size=[0-9]{1,5} min_pool_size=[0-9]{1,5} pool_mode=(session|transaction|statement) max_db_connections=[0-9]{1,5} auth_query='SELECT username, password FROM pgbeam.pgbouncer_login\(''db_[0-9a-z]{26}'', \$1\) /\* [0-9]+ \*/')$$re$
	WHEN file ~ 'hba.conf$' THEN '^(#.*|local "pgbeam_registry" all reject|host "pgbeam_registry" all (0.0.0.0|::)/0 reject|local all all scram-sha-256|host "[A-Za-z0-9_.*-]{1,63}"(,"[A-Za-z0-9_.*-]{1,63}")? all [0-9a-f.:]+/[0-9]{1,3} scram-sha-256)$'
	WHEN file = 'domains.map' THEN '^(#.*|[a-z0-9.-]{1,253} prj_[0-9a-z]{26})$'
	ELSE '^(db|rep)_[0-9a-z]{26} is [ -~]+$' END;
-- What a value says is what was stored. Others: (none)
SELECT left(d.name, 20) AS name, left(line, 60) AS line FROM pgbeam.databases d JOIN line l ON file = 'databases.ini' AND l.id = pgbeam.typeid_encode('db', d.id)
WHERE d.org_id = 'odd' AND line !~ '^\S+\.ro = '
	AND (replace(substring(line FROM $re$ dbname='((?:[^']|'')+)' $re$), '''''', '''') <> d.name OR substring(line FROM $re$ host='([^']+)' $re$) <> trim(d.host, '[]'));
-- Each database has one key, and none has two.
SELECT count(*) - count(DISTINCT key) AS doubles, count(*) FILTER (WHERE key ~ '^(\*|pgbouncer|pgbeam_registry|.*\.ro\.ro)$') AS bad
FROM (SELECT substring(line FROM '^(\S+) = ') FROM line WHERE file = 'databases.ini' AND line ~ ' = ') k(key);
SELECT count(*) AS missing FROM pgbeam.databases d LEFT JOIN line l ON file = 'databases.ini' AND l.id = pgbeam.typeid_encode('db', d.id)
WHERE d.org_id = 'odd' AND l.id IS NULL;
-- No password is in any of it.
SELECT count(*) FROM file WHERE content ~ 'canary';
ROLLBACK;
RESET client_min_messages;
RESET pgbeam.proxy_routing;
