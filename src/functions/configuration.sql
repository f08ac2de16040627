-- Checks for settings, grants and roles that leak requests, or weaken what
-- guards them. Nothing here needs a superuser's rights, as the functions'
-- owner should have none.

CREATE FUNCTION pgbeam.is_safe_value(value text, safe text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT lower(value) = safe
		OR (safe IN ('off', 'false') AND lower(value) IN ('off', 'false', 'f', 'no', 'n', '0'))
		OR (safe IN ('0', '-1') AND value ~ ('^' || safe || '([.]0*)?[a-z]*$'))
$$;
COMMENT ON FUNCTION pgbeam.is_safe_value(text, text) IS
'Tells whether a setting''s value is the safe one, however ALTER ROLE has stored its spelling.';

CREATE FUNCTION pgbeam.file_setting(name text) RETURNS text
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF has_table_privilege('pg_file_settings', 'SELECT') AND has_function_privilege('pg_show_all_file_settings()', 'EXECUTE') THEN
		RETURN (SELECT f.setting FROM pg_file_settings AS f WHERE f.name = $1 ORDER BY f.seqno DESC LIMIT 1);
	END IF;
	RETURN NULL;
END
$$;
COMMENT ON FUNCTION pgbeam.file_setting(text) IS
'Returns a setting''s value in the configuration files.
It is null if they do not have it, or if the functions'' owner may not read them.';

-- This setting exists only if the library is preloaded. The list of libraries
-- itself is shown only to some roles.
CREATE FUNCTION pgbeam.is_preloaded() RETURNS boolean
LANGUAGE sql STABLE PARALLEL RESTRICTED
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT EXISTS (SELECT FROM pg_settings WHERE name = 'pgbeam.rate_limit_callers')
$$;
COMMENT ON FUNCTION pgbeam.is_preloaded() IS
'Tells whether the server loaded pgbeam when it started.';

CREATE FUNCTION pgbeam.check_settings(
	OUT setting text, OUT value text, OUT problem text, OUT mend text)
RETURNS SETOF record
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
	WITH rule (name, safe, good, problem) AS (
		VALUES
			('default_transaction_isolation', 'read committed', '^read committed$', 'requests that write are refused'),
			('pgbeam.trust_request_claims', 'off', '^off$', 'any SQL run as the role of the HTTP layer can act as anybody'),
			('pgbeam.development_key', 'off', '^off$', 'the keyring may lie in the data directory, where base backups take it along'),
			('pgbeam.jwt_leeway', '30', '^([0-5]?[0-9]|60)$', 'tokens are accepted over a minute before and after their time'),
			('pgbeam.jwt_max_lifetime', '900', '^([1-8]?[0-9]?[0-9]|900)$', 'a stolen token is of use for more than 15 minutes'),
			('fsync', 'on', '^on$', 'a crash can damage what was stored'),
			('full_page_writes', 'on', '^on$', 'a crash can damage what was stored'),
			('synchronous_commit', 'on', '^(?!off$)', 'a crash can lose projects that were acknowledged'))
	SELECT s.name, s.setting, r.problem,
		CASE
			WHEN s.context IN ('postmaster', 'sighup') THEN format('ALTER SYSTEM SET %s = %L', s.name, r.safe)
			WHEN s.source IN ('session', 'client') THEN format('SET %s = %L', s.name, r.safe)
			WHEN s.source ~ 'user|database'
				THEN format('ALTER ROLE %I IN DATABASE %I SET %s = %L', session_user, current_database(), s.name, r.safe)
			ELSE format('ALTER SYSTEM SET %s = %L', s.name, r.safe)
		END
	FROM rule AS r
	JOIN pg_settings AS s ON s.name = r.name
	WHERE s.setting !~ r.good
	UNION ALL
	SELECT s.name, s.setting, 'another value is configured, and takes effect after a restart of the server', $m$SELECT 'restart the server'$m$
	FROM pg_settings AS s
	WHERE s.pending_restart AND (s.name ~ '^pgbeam[.]' OR s.name = 'shared_preload_libraries')
	UNION ALL
	SELECT 'shared_preload_libraries', coalesce(next.libraries, '(not shown to the owner of the functions)'), 'without preloading there is no log guard and no rate limit', CASE
		WHEN next.libraries IS NULL THEN $m$ALTER SYSTEM SET shared_preload_libraries = <those that SHOW shared_preload_libraries tells, and a comma> 'pgbeam'$m$
		WHEN next.libraries ~ '(^|[,/" ])pgbeam([," ]|$)' THEN $m$SELECT 'restart the server'$m$
		ELSE format('ALTER SYSTEM SET shared_preload_libraries = %s',
			(SELECT string_agg(quote_literal(name), ', ' ORDER BY n)
			FROM (SELECT trim(both '" ' from name) AS name, min(n) AS n
				FROM unnest(string_to_array(nullif(next.libraries, ''), ',') || ARRAY['pgbeam']) WITH ORDINALITY AS u (name, n)
				GROUP BY 1) AS names)) END
	FROM (
		-- what a restart will load, as far as the owner may read it
		SELECT coalesce(pgbeam.file_setting('shared_preload_libraries'),
			(SELECT s.setting FROM pg_settings AS s WHERE s.name = 'shared_preload_libraries')) AS libraries) AS next
	WHERE NOT pgbeam.is_preloaded()
	UNION ALL
	SELECT 'ssl', 'off', 'credentials travel in plain text to ' || current_setting('listen_addresses'),
		'ALTER SYSTEM SET ssl = on'
	WHERE NOT current_setting('ssl')::boolean AND EXISTS (
		SELECT FROM unnest(string_to_array(current_setting('listen_addresses'), ',')) AS address
		WHERE trim(both '" ' from address) NOT IN ('', 'localhost', '127.0.0.1', '::1'))
$$;
COMMENT ON FUNCTION pgbeam.check_settings() IS
'The part of pgbeam.check_configuration() about settings of the server and the session.';

-- What the log gets of each role's requests, whoever calls the check.
CREATE FUNCTION pgbeam.check_logging(
	OUT setting text, OUT value text, OUT problem text, OUT mend text)
RETURNS SETOF record
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
	WITH RECURSIVE guard AS (
		SELECT coalesce(current_setting('pgbeam.log_guard', true)::boolean, false) AS is_on
	),
	rule AS (
		SELECT p.setting AS name, p.value AS safe, p.leak
		FROM pgbeam.logging_profile() AS p, guard AS g
		WHERE NOT (p.guarded AND g.is_on)
		UNION ALL
		SELECT 'log_min_messages', 'warning', 'statements that are parsed are logged'
		FROM guard AS g WHERE NOT g.is_on
	),
	-- roles that may call a function, also by SET ROLE; 0: everybody
	caller (role) AS (
		SELECT a.grantee FROM pg_proc AS p, aclexplode(p.proacl) AS a
		WHERE p.pronamespace = 'pgbeam'::regnamespace
		UNION
		SELECT m.member FROM caller AS c JOIN pg_auth_members AS m ON m.roleid = c.role
	),
	login AS (
		SELECT r.oid, r.rolname, r.rolsuper OR r.rolname = session_user AS is_operators
		FROM pg_roles AS r
		WHERE r.rolcanlogin AND (r.rolsuper OR r.rolname = session_user OR EXISTS (SELECT FROM caller AS c WHERE c.role IN (0, r.oid)))
	),
	stored AS (
		SELECT s.setrole, s.setdatabase, split_part(c, '=', 1) AS name, substr(c, strpos(c, '=') + 1) AS value
		FROM pg_db_role_setting AS s, unnest(s.setconfig) AS c
		WHERE s.setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
	),
	-- what a session gets if nothing is stored for it
	server AS (
		SELECT s.name, CASE
			WHEN s.source IN ('global', 'database', 'user', 'database user', 'client', 'session') THEN coalesce(pgbeam.file_setting(s.name), s.boot_val)
			ELSE s.setting END AS value
		FROM pg_settings AS s JOIN rule AS r ON r.name = s.name
	),
	next_session AS (
		SELECT l.oid, l.rolname, l.is_operators, r.name, r.safe, r.leak, own.setrole IS NOT NULL AS is_stored,
			coalesce(own.value, s.value) AS value
		FROM login AS l CROSS JOIN rule AS r LEFT JOIN server AS s ON s.name = r.name
		LEFT JOIN LATERAL (
			SELECT t.setrole, t.value FROM stored AS t WHERE t.name = r.name AND t.setrole IN (0, l.oid)
			ORDER BY t.setrole = 0, t.setdatabase = 0 LIMIT 1) AS own ON true
	),
	unsafe AS (
		SELECT * FROM next_session AS n
		WHERE n.value IS NOT NULL AND CASE n.name WHEN 'log_min_messages' THEN n.value ~ '^debug[2-5]' ELSE NOT pgbeam.is_safe_value(n.value, n.safe) END
	)
	SELECT 'pgbeam.log_guard', 'off', 'the guard is off: the log gets the requests of roles without the logging profile, and malformed JSON of all roles',
		CASE WHEN NOT pgbeam.is_preloaded() OR pgbeam.is_safe_value(pgbeam.file_setting('pgbeam.log_guard'), 'off') IS NOT false
			THEN 'ALTER SYSTEM SET pgbeam.log_guard = on' ELSE 'SELECT pg_reload_conf()' END
	FROM guard AS g WHERE NOT g.is_on
	UNION ALL
	-- check_stored_settings() has the remedy for stored values.
	SELECT 'role ' || quote_ident(u.rolname), string_agg(u.name || ' = ' || u.value, ', ' ORDER BY u.name COLLATE "C"),
		'the log gets requests of the role: ' || string_agg(DISTINCT u.leak, '; '),
		CASE WHEN NOT u.is_operators THEN format('SELECT pgbeam.set_logging_profile(%L)', quote_ident(u.rolname))
			WHEN (SELECT g.is_on FROM guard AS g) THEN format('ALTER ROLE %I SET %s = %L', u.rolname, min(u.name), min(u.safe))
			ELSE format('ALTER SYSTEM SET pgbeam.log_guard = on -- or SELECT pgbeam.set_logging_profile(%L), which hides from the log which statements of the role fail, and how long they take',
				quote_ident(u.rolname)) END
	FROM unsafe AS u WHERE NOT u.is_stored AND u.name <> 'log_min_messages'
	GROUP BY u.rolname, u.is_operators
	UNION ALL
	SELECT DISTINCT u.name, u.value, u.leak, format('ALTER SYSTEM SET %s = %L', u.name, u.safe)
	FROM unsafe AS u WHERE NOT u.is_stored AND u.name = 'log_min_messages'
	UNION ALL
	SELECT s.name, s.setting, CASE WHEN s.source IN ('client', 'session') THEN 'in this session ' || r.leak
			ELSE 'this session began with it, but later ones do not: ' || r.leak END,
		format('SET %s = %L', s.name, r.safe)
	FROM pg_settings AS s JOIN rule AS r ON r.name = s.name JOIN next_session AS n ON n.name = r.name AND n.rolname = session_user
	WHERE NOT pgbeam.is_safe_value(s.setting, r.safe) AND s.context IN ('user', 'superuser')
		AND CASE WHEN s.source IN ('client', 'session') THEN s.setting IS DISTINCT FROM s.reset_val OR s.source = 'client'
			ELSE n.value <> s.setting AND pgbeam.is_safe_value(n.value, r.safe) END
$$;
COMMENT ON FUNCTION pgbeam.check_logging() IS
'The part of pgbeam.check_configuration() about what the log gets of requests.
It judges the next session of each role that may call a function of pgbeam, also of superusers and the calling role.';

-- Settings stored for roles and databases.
CREATE FUNCTION pgbeam.check_stored_settings(
	OUT setting text, OUT value text, OUT problem text, OUT mend text)
RETURNS SETOF record
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
	WITH stored AS (
		SELECT split_part(c, '=', 1) AS name, substr(c, strpos(c, '=') + 1) AS value,
			format('ALTER %s', CASE
				WHEN s.setrole = 0 AND s.setdatabase <> 0 THEN format('DATABASE %I', d.datname)
				ELSE format('ROLE %s%s', coalesce(nullif(s.setrole, 0)::regrole::text, 'ALL'), ' IN DATABASE ' || quote_ident(d.datname))
			END) AS alter
		FROM pg_db_role_setting AS s
		LEFT JOIN pg_database AS d ON d.oid = s.setdatabase
		CROSS JOIN unnest(s.setconfig) AS c
		WHERE (d.oid IS NULL OR d.datname = current_database())
			AND (s.setrole = 0 OR c ~ '^pgrst[.]' OR EXISTS (
				SELECT FROM pg_proc AS p, aclexplode(p.proacl) AS a
				WHERE p.pronamespace = 'pgbeam'::regnamespace AND a.grantee NOT IN (0, p.proowner)
					AND pg_has_role(s.setrole, a.grantee, 'MEMBER')))
	),
	rule (name, safe, problem) AS (
		SELECT p.setting, p.value, p.leak
		FROM pgbeam.logging_profile() AS p
		WHERE NOT (p.guarded AND coalesce(current_setting('pgbeam.log_guard', true)::boolean, false))
		UNION ALL
		VALUES
			('default_transaction_isolation', 'read committed', 'requests that write are refused'),
			('pgbeam.trust_request_claims', 'off', 'any SQL run as the role of the HTTP layer can act as anybody'),
			('pgrst.openapi_mode', 'disabled', 'PostgREST describes the schema to everybody'),
			('pgrst.db_plan_enabled', 'false', 'PostgREST shows the plans of requests'),
			('pgrst.db_aggregates_enabled', 'false', 'PostgREST lets clients run costly queries'),
			('pgrst.log_query', 'disabled', 'PostgREST logs statements'))
	SELECT s.name, s.value, r.problem, format('%s SET %s = %L', s.alter, s.name, r.safe)
	FROM stored AS s JOIN rule AS r ON r.name = s.name
	WHERE NOT pgbeam.is_safe_value(s.value, r.safe)
	UNION ALL
	SELECT s.name, NULL, 'every role can read it in pg_db_role_setting', format('%s RESET %s', s.alter, s.name)
	FROM stored AS s
	WHERE s.name = 'pgrst.jwt_secret' AND (s.value !~ '"kty"[[:space:]]*:[[:space:]]*"OKP"' OR s.value ~ '"oct"|"d"[[:space:]]*:')
	UNION ALL
	SELECT s.name, s.value, 'without a credential, clients of PostgREST have more than api access', format('%s SET %s = <role>', s.alter, s.name)
	FROM stored AS s
	JOIN pg_roles AS r ON s.name = 'pgrst.db_anon_role' AND r.rolname = s.value
	WHERE EXISTS (
		SELECT FROM pg_proc AS p
		WHERE p.pronamespace = 'pgbeam'::regnamespace AND p.proname IN ('reveal_password', 'set_organization')
			AND has_function_privilege(r.oid, p.oid, 'EXECUTE'))
$$;
COMMENT ON FUNCTION pgbeam.check_stored_settings() IS
'The part of pgbeam.check_configuration() about settings stored for roles and databases.';

-- Roles that answer requests, and what else they may do.
CREATE FUNCTION pgbeam.former_owner() RETURNS oid
LANGUAGE sql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE count(*) WHEN 1 THEN min(f.grantee) END
	FROM (
		SELECT a.grantee
		FROM pg_class AS c JOIN pg_roles AS o ON o.oid = c.relowner, aclexplode(c.relacl) AS a JOIN pg_roles AS r ON r.oid = a.grantee
		WHERE c.oid = 'pgbeam.projects'::regclass AND o.rolsuper AND NOT r.rolsuper AND NOT r.rolcanlogin
		GROUP BY a.grantee, c.relowner
		HAVING array_agg(a.privilege_type) @> (
			SELECT array_agg(d.privilege_type) FROM aclexplode(acldefault('r', c.relowner)) AS d WHERE d.grantee = c.relowner)) AS f
$$;
COMMENT ON FUNCTION pgbeam.former_owner() IS
'The role to which everything belonged before a superuser restored it.
It is the one role beside the owner that cannot log in and has every right on the tables. NULL where there is no such role, and where no superuser owns the tables.';

CREATE FUNCTION pgbeam.check_roles(
	OUT setting text, OUT value text, OUT problem text, OUT mend text)
RETURNS SETOF record
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
	-- One function for each access, the roles that have it or can get it by
	-- SET ROLE, and the role that gives it (0: granted directly).
	WITH RECURSIVE source (role, function, via) AS (
		SELECT a.grantee, p.proname, 0::oid
		FROM pg_proc AS p, aclexplode(p.proacl) AS a
		WHERE p.pronamespace = 'pgbeam'::regnamespace AND a.grantee NOT IN (0, p.proowner)
			AND a.grantee IS DISTINCT FROM (SELECT pgbeam.former_owner())
			AND p.proname IN ('create_project', 'http', 'reveal_password', 'set_organization')
		UNION
		SELECT m.member, s.function, m.roleid
		FROM source AS s JOIN pg_auth_members AS m ON m.roleid = s.role
	),
	-- Roles that take requests: they have one of these functions from a role
	-- that does not give 'admin' too.
	asker AS (
		SELECT DISTINCT s.role FROM source AS s
		WHERE s.function IN ('create_project', 'http') AND NOT EXISTS (
			SELECT FROM source AS o
			WHERE o.role = s.role AND o.via = s.via AND o.function = 'set_organization')
	),
	layer AS (
		SELECT r.* FROM pg_roles AS r JOIN asker AS a ON a.role = r.oid
	)
	SELECT 'role ' || quote_ident(r.rolname), a.name, 'the role takes requests and may do more than that',
		format('ALTER ROLE %I NO%s', r.rolname, a.name)
	FROM layer AS r, LATERAL (VALUES ('SUPERUSER', r.rolsuper), ('CREATEROLE', r.rolcreaterole),
		('CREATEDB', r.rolcreatedb), ('REPLICATION', r.rolreplication), ('BYPASSRLS', r.rolbypassrls)) AS a (name, has)
	WHERE a.has
	UNION ALL
	SELECT DISTINCT 'role ' || m.member::regrole, 'member of ' || m.roleid::regrole, 'the role takes requests and may do more than that',
		format('REVOKE %s FROM %s', m.roleid::regrole, m.member::regrole)
	FROM pg_auth_members AS m JOIN layer AS r ON r.oid = m.member
	WHERE m.roleid::regrole::text ~ '^pg_(read|write|execute|monitor|database_owner|checkpoint|signal|stat)'
	UNION ALL
	SELECT 'role ' || s.role::regrole, 'data_plane', 'the role takes requests and can open passwords', CASE s.via
		WHEN 0 THEN format('REVOKE EXECUTE ON FUNCTION pgbeam.reveal_password(text) FROM %s', s.role::regrole)
		ELSE format('REVOKE %s FROM %s', s.via::regrole, s.role::regrole) END
	FROM source AS s
	WHERE s.function = 'reveal_password' AND s.role IN (SELECT role FROM asker)
		AND s.via NOT IN (SELECT role FROM asker)
	UNION ALL
	SELECT 'role ' || s.role::regrole, 'admin', 'the role takes requests and can become one with admin access',
		format('REVOKE %s FROM %s', s.via::regrole, s.role::regrole)
	FROM source AS s
	WHERE s.function = 'set_organization' AND s.role IN (SELECT role FROM asker)
		AND s.via NOT IN (SELECT role FROM asker)
		AND s.via <> 0
	UNION ALL
	SELECT DISTINCT 'role ' || quote_ident(r.rolname), 'views of pgbeam_admin', 'the role takes requests and can read what all organizations have',
		format('REVOKE ALL ON ALL TABLES IN SCHEMA pgbeam_admin FROM %I', r.rolname)
	FROM layer AS r, pg_class AS c, aclexplode(c.relacl) AS a
	WHERE c.relnamespace = 'pgbeam_admin'::regnamespace AND a.privilege_type = 'SELECT' AND a.grantee = r.oid AND c.relowner <> r.oid
	UNION ALL
	-- Functions and views have the rights of their owner: it should be a role
	-- that has none and cannot log in.
	SELECT 'role ' || quote_ident(r.rolname), format('owner of %s relations and functions', count(*)), 'the role takes requests and owns what it should only use',
		format('REASSIGN OWNED BY %I TO <role without rights>', r.rolname)
	FROM layer AS r JOIN (
		SELECT relowner FROM pg_class WHERE relpersistence <> 't'
		UNION ALL
		SELECT proowner FROM pg_proc) AS o (owner) ON o.owner = r.oid
	GROUP BY r.rolname
	UNION ALL
	SELECT DISTINCT 'schema ' || quote_ident(n.nspname), 'CREATE to ' || coalesce(nullif(a.grantee, 0)::regrole::text, 'PUBLIC'),
		format('role %s takes requests and can plant objects there', r.rolname), CASE a.grantee
			WHEN n.nspowner THEN format('ALTER SCHEMA %I OWNER TO <role without rights>', n.nspname)
			WHEN 0 THEN format('REVOKE CREATE ON SCHEMA %I FROM PUBLIC', n.nspname)
			ELSE format('REVOKE CREATE ON SCHEMA %I FROM %s', n.nspname, a.grantee::regrole) END
	FROM layer AS r, pg_namespace AS n, aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) AS a
	WHERE a.privilege_type = 'CREATE' AND n.nspname !~ '^pg_(temp|toast)' AND NOT r.rolsuper
		AND (a.grantee = 0 OR pg_has_role(r.oid, a.grantee, 'USAGE'))
	UNION ALL
	SELECT 'schema ' || n.nspname, 'CREATE to ' || a.grantee::regrole, 'objects can be planted among those of the extension',
		format('REVOKE CREATE ON SCHEMA %I FROM %s', n.nspname, a.grantee::regrole)
	FROM pg_namespace AS n, aclexplode(n.nspacl) AS a
	WHERE n.nspname IN ('pgbeam', 'pgbeam_admin') AND a.privilege_type = 'CREATE' AND a.grantee NOT IN (0, n.nspowner)
		AND a.grantee NOT IN (SELECT oid FROM layer) AND a.grantee IS DISTINCT FROM (SELECT pgbeam.former_owner())
	UNION ALL
	SELECT g.object, g.privilege || ' to ' || coalesce(nullif(g.grantee, 0)::regrole::text, 'PUBLIC'),
		'nobody needs this grant: roles use pgbeam through the functions that grant_access() grants',
		format('REVOKE %s ON %s FROM %s', g.privilege, g.object, coalesce(nullif(g.grantee, 0)::regrole::text, 'PUBLIC'))
	FROM (
		SELECT 'TABLE ' || c.oid::regclass, a.privilege_type || coalesce(' (' || quote_ident(a.attname) || ')', ''), a.grantee
		FROM pg_class AS c, LATERAL (
			SELECT privilege_type, NULL::name, grantee FROM aclexplode(c.relacl)
			UNION ALL
			SELECT x.privilege_type, t.attname, x.grantee
			FROM pg_attribute AS t, aclexplode(t.attacl) AS x WHERE t.attrelid = c.oid) AS a (privilege_type, attname, grantee)
		WHERE c.relnamespace = 'pgbeam'::regnamespace AND c.relkind <> 'c' AND a.grantee <> c.relowner
			-- columns without a secret may be shown to other roles
			AND (a.attname IS NULL OR a.privilege_type <> 'SELECT' OR (c.oid, a.attname) IN (
				SELECT f.table_name::regclass::oid, f.column_name::name FROM pgbeam.fields() AS f WHERE f.type = 'bytea'))
		UNION ALL
		SELECT 'FUNCTION ' || p.oid::regprocedure, a.privilege_type, a.grantee
		FROM pg_proc AS p, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) AS a
		WHERE p.pronamespace = 'pgbeam'::regnamespace AND a.grantee <> p.proowner
			AND (a.grantee = 0 OR p.proname IN ('create_key', 'grant_access', 'set_logging_profile'))
		UNION ALL
		SELECT 'TABLE ' || c.oid::regclass, a.privilege_type, a.grantee
		FROM pg_class AS c, aclexplode(c.relacl) AS a
		WHERE c.relnamespace = 'pgbeam_admin'::regnamespace AND a.grantee <> c.relowner
			AND (a.privilege_type <> 'SELECT' OR a.grantee = 0)
		UNION ALL
		SELECT 'SCHEMA ' || n.nspname, a.privilege_type, a.grantee
		FROM pg_namespace AS n, aclexplode(n.nspacl) AS a
		WHERE n.nspname IN ('pgbeam', 'pgbeam_admin') AND a.grantee = 0) AS g (object, privilege, grantee)
	-- set_owner() makes it the owner again, which needs them all.
	WHERE g.grantee IS DISTINCT FROM (SELECT pgbeam.former_owner())
$$;
COMMENT ON FUNCTION pgbeam.check_roles() IS
'The part of pgbeam.check_configuration() about roles and grants.';

-- Functions run as their owner, and so do triggers on the tables.
CREATE FUNCTION pgbeam.check_owners(
	OUT setting text, OUT value text, OUT problem text, OUT mend text)
RETURNS SETOF record
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
	WITH owner AS (
		SELECT r.oid, r.rolname, r.rolsuper
		FROM pg_proc AS p JOIN pg_roles AS r ON r.oid = p.proowner
		WHERE p.oid = 'pgbeam.create_project(jsonb)'::regprocedure
	)
	SELECT 'owner of pgbeam', o.rolname::text, 'any trigger that is added to the tables runs as a superuser, and so does everything that it calls',
		format('SELECT pgbeam.set_owner(%L)', coalesce(pgbeam.former_owner()::regrole::text, '<role of its own>'))
	FROM owner AS o WHERE o.rolsuper
	UNION ALL
	SELECT object.kind || ' ' || object.name, 'owned by ' || object.owner::regrole,
		'by a trigger, a rule or another body, its owner can do all that the owner of the functions may',
		format('ALTER %s %s OWNER TO %I', object.kind, object.name, o.rolname)
	FROM owner AS o, (
		SELECT 'TABLE', c.oid::regclass::text, c.relowner FROM pg_class AS c
		WHERE c.relnamespace = 'pgbeam'::regnamespace AND c.relkind IN ('r', 'p')
		UNION ALL
		SELECT 'VIEW', c.oid::regclass::text, c.relowner FROM pg_class AS c
		WHERE c.relnamespace = 'pgbeam_admin'::regnamespace AND c.relkind = 'v'
		UNION ALL
		SELECT 'SCHEMA', n.nspname, n.nspowner FROM pg_namespace AS n WHERE n.nspname IN ('pgbeam', 'pgbeam_admin')
		UNION ALL
		SELECT 'FUNCTION', p.oid::regprocedure::text, p.proowner FROM pg_proc AS p WHERE p.pronamespace = 'pgbeam'::regnamespace
		UNION ALL
		SELECT CASE t.typtype WHEN 'd' THEN 'DOMAIN' ELSE 'TYPE' END, t.oid::regtype::text, t.typowner
		FROM pg_type AS t LEFT JOIN pg_class AS c ON c.oid = t.typrelid
		WHERE t.typnamespace = 'pgbeam'::regnamespace AND (t.typtype = 'd' OR c.relkind = 'c')) AS object (kind, name, owner)
	WHERE object.owner <> o.oid
$$;
COMMENT ON FUNCTION pgbeam.check_owners() IS
'The part of pgbeam.check_configuration() about the owners of the extension''s objects.';

CREATE FUNCTION pgbeam.set_owner(role regrole) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	object record;
BEGIN
	IF role IS NULL THEN
		RAISE null_value_not_allowed USING MESSAGE = 'role must not be null';
	END IF;
	FOR object IN
		SELECT 'TABLE' AS kind, c.oid::regclass::text AS name FROM pg_class AS c
		WHERE c.relnamespace = 'pgbeam'::regnamespace AND c.relkind IN ('r', 'p')
		UNION ALL
		SELECT 'VIEW', c.oid::regclass::text FROM pg_class AS c
		WHERE c.relnamespace = 'pgbeam_admin'::regnamespace AND c.relkind = 'v'
		UNION ALL
		SELECT 'FUNCTION', p.oid::regprocedure::text FROM pg_proc AS p WHERE p.pronamespace = 'pgbeam'::regnamespace
		UNION ALL
		SELECT 'TYPE', t.oid::regtype::text
		FROM pg_type AS t LEFT JOIN pg_class AS c ON c.oid = t.typrelid
		WHERE t.typnamespace = 'pgbeam'::regnamespace AND (t.typtype = 'd' OR c.relkind = 'c')
		UNION ALL
		SELECT 'SCHEMA', unnest('{pgbeam,pgbeam_admin}'::text[])
	LOOP
		EXECUTE format('ALTER %s %s OWNER TO %s', object.kind, object.name, role);
		-- A role from which somebody has revoked its rights owns without them.
		EXECUTE format('GRANT ALL ON %s %s TO %s', CASE object.kind WHEN 'VIEW' THEN 'TABLE' ELSE object.kind END, object.name, role);
	END LOOP;
	IF pgbeam.is_distributed() THEN
		PERFORM pgbeam.set_owner_on_nodes(role);
	END IF;
END
$$;
COMMENT ON FUNCTION pgbeam.set_owner(regrole) IS
'Gives everything that the extension has made to a role, as which its functions run from then on.
So does every trigger on its tables. The role should own nothing else, not be able to log in, and not be a superuser. ALTER EXTENSION UPDATE and a restore create objects that belong to the role that runs them: call this again afterwards. Works for a superuser, or for an owner who is a member of the role. Error 22004 for null.';

CREATE FUNCTION pgbeam.check_feed(
	OUT setting text, OUT value text, OUT problem text, OUT mend text)
RETURNS SETOF record
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	-- The feed of distributed tables cannot be read then, which
	-- check_settings() tells too.
	IF pgbeam.is_distributed() AND current_setting('transaction_isolation') <> 'read committed' THEN
		RETURN;
	END IF;
	RETURN QUERY
	SELECT 'pgbeam.changes', format('held back for %s by %s', date_trunc('second', clock_timestamp() - coalesce(h.held_since, h.waiting_since)),
			CASE WHEN h.held_by_pid IS NOT NULL THEN 'backend ' || h.held_by_pid
				WHEN h.held_by_prepared IS NOT NULL THEN 'prepared transaction ' || quote_literal(h.held_by_prepared)
				ELSE 'a transaction of the primary' END),
		'changes are not shown to readers of the feed until an older transaction ends',
		CASE WHEN h.held_by_pid IS NOT NULL THEN format('SELECT pg_terminate_backend(%s)', h.held_by_pid)
			WHEN h.held_by_prepared IS NOT NULL THEN format('ROLLBACK PREPARED %L -- or COMMIT PREPARED, in its database', h.held_by_prepared)
			ELSE 'SELECT * FROM pgbeam.feed_status() -- on the primary' END
	FROM (SELECT * FROM pgbeam.feed_status() LIMIT 1) AS h WHERE h.is_held_long
	UNION ALL
	SELECT 'consumer ' || c.consumer, 'changes behind its place are gone', 'pgbeam.next_changes() refuses it until it starts over',
		format('SELECT pgbeam.unsubscribe(%L), pgbeam.subscribe(%1$L) -- then take a full copy of the state', c.consumer)
	FROM pgbeam.feed_status() AS c WHERE c.must_start_over;
END
$$;
COMMENT ON FUNCTION pgbeam.check_feed() IS
'The part of pgbeam.check_configuration() about the change feed.';

CREATE FUNCTION pgbeam.check_configuration(
	OUT setting text, OUT value text, OUT problem text, OUT mend text)
RETURNS SETOF record
LANGUAGE sql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
	WITH keys AS MATERIALIZED (SELECT * FROM pgbeam.key_status()),
	found (setting, value, problem, mend) AS (
		-- Comes first: it loads the library, and with it the settings that the
		-- others read.
		SELECT 'key ' || k.key_id, k.state, format('passwords that cannot be opened: %s', k.secrets), 'SELECT pg_reload_conf() -- when its line is back in the keyring'
		FROM keys AS k WHERE k.state = 'missing'
		UNION ALL
		SELECT * FROM pgbeam.check_settings()
		UNION ALL
		SELECT * FROM pgbeam.check_logging()
		UNION ALL
		SELECT * FROM pgbeam.check_stored_settings()
		UNION ALL
		SELECT * FROM pgbeam.check_owners()
		UNION ALL
		SELECT * FROM pgbeam.check_roles()
		UNION ALL
		SELECT * FROM pgbeam.check_distribution()
		UNION ALL
		SELECT * FROM pgbeam.check_feed()
		UNION ALL
		-- The path is shown only to some roles.
		SELECT 'pgbeam.keyring_file', s.setting, 'no key can be used: passwords are neither stored nor opened', CASE s.setting
			WHEN '' THEN 'ALTER SYSTEM SET pgbeam.keyring_file = <path>'
			ELSE 'SELECT * FROM pgbeam.keyring() -- which tells why' END
		FROM (SELECT) AS always LEFT JOIN pg_settings AS s ON s.name = 'pgbeam.keyring_file'
		WHERE NOT EXISTS (SELECT FROM keys WHERE state <> 'missing')
		UNION ALL
		SELECT 'pgbeam.jwt_issuer', i.setting, 'no keys are loaded: no token is accepted', $m$SELECT pgbeam.set_jwks('{"keys": [...]}')$m$
		FROM pg_settings AS i
		WHERE i.name = 'pgbeam.jwt_issuer' AND i.setting <> '' AND NOT EXISTS (SELECT FROM pgbeam.jwks)
		UNION ALL
		SELECT 'pgbeam.jwt_issuer', '', 'keys are loaded, but no issuer is named: no token is accepted', 'ALTER SYSTEM SET pgbeam.jwt_issuer = <url>'
		FROM pg_settings AS i
		WHERE i.name = 'pgbeam.jwt_issuer' AND i.setting = '' AND EXISTS (SELECT FROM pgbeam.jwks)
	)
	-- ALTER SYSTEM refuses a setting of a library that a session has not loaded.
	SELECT f.setting, f.value, f.problem, CASE
		WHEN f.mend ~ '^ALTER SYSTEM SET pgbeam[.]' AND NOT pgbeam.is_preloaded() THEN format('LOAD %L;', 'pgbeam') || chr(10) || f.mend
		ELSE f.mend END
	FROM found AS f
$$;
COMMENT ON FUNCTION pgbeam.check_configuration() IS
'Lists everything in this database that leaks requests or weakens what guards them: what it is about, its value, the problem, and the statement that mends it.
It judges every role that may call a function of pgbeam, not only the calling one. No rows mean that there is nothing to mend. Fill in the words in <> before running a statement. Where the server has not preloaded the library, a setting of pgbeam''s needs two statements, a line each. ALTER SYSTEM takes effect after a reload, for shared_preload_libraries after a restart; a value stored for a role takes effect in its next session. A WARNING tells why a keyring is unusable. Some values may be read only by certain roles (the libraries to be preloaded, the keyring''s path): they are not judged if the functions'' owner is not one of these. Reads every row of pgbeam.databases.';
