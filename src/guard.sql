CREATE FUNCTION pgbeam.logging_profile(
	OUT setting text, OUT value text, OUT guarded boolean, OUT leak text)
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL RESTRICTED
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgbeam_logging_profile';
COMMENT ON FUNCTION pgbeam.logging_profile() IS
'The settings that decide whether the server keeps requests in its log: the safe value of each, whether pgbeam.log_guard makes up for another value, and what that lets out.';

CREATE FUNCTION pgbeam.set_logging_profile(role regrole) RETURNS void
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgbeam_set_logging_profile';
COMMENT ON FUNCTION pgbeam.set_logging_profile(regrole) IS
'Gives a role the values of pgbeam.logging_profile() (ALTER ROLE ... SET), for its sessions to come in every database. It counts for the role that logs in, not for one that SET ROLE changes to. Superusers only: error 42501 for others.';

-- The server's settings, as they are in this session.
CREATE FUNCTION pgbeam.check_settings(
	OUT setting text, OUT value text, OUT problem text, OUT mend text)
RETURNS SETOF record
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
	WITH library AS (
		SELECT l.preloaded, l.preloaded AND coalesce(current_setting('pgbeam.log_guard', true)::boolean, false) AS guards
		FROM (SELECT current_setting('shared_preload_libraries') ~ '(^|[,/" ])pgbeam([," ]|$)' AS preloaded) AS l
	),
	rule (name, safe, good, problem) AS (
		SELECT p.setting, p.value, '^' || p.value || '$', p.leak
		FROM pgbeam.logging_profile() AS p, library AS l
		WHERE NOT (p.guarded AND l.guards)
		UNION ALL
		SELECT 'log_min_messages', 'warning', '^(?!debug[2-5])', 'at this level statements that are parsed are logged'
		FROM library AS l WHERE NOT l.guards
		UNION ALL
		VALUES
			('default_transaction_isolation', 'read committed', '^read committed$', 'requests that write are refused'),
			('pgbeam.trust_request_claims', 'off', '^off$', 'whoever has SQL as the role of the HTTP layer can be anybody'),
			('pgbeam.development_key', 'off', '^off$', 'the keyring may lie in the data directory, where base backups take it along'),
			('pgbeam.jwt_leeway', '30', '^([0-5]?\d|60)$', 'tokens are accepted over a minute before and after their time'),
			('pgbeam.jwt_max_lifetime', '900', '^([1-8]?\d?\d|900)$', 'a stolen token is of use for more than 15 minutes'),
			('fsync', 'on', '^on$', 'a crash can damage what was stored'),
			('full_page_writes', 'on', '^on$', 'a crash can damage what was stored'),
			('synchronous_commit', 'on', '^(?!off$)', 'a crash can lose projects that were acknowledged'))
	SELECT s.name, s.setting, r.problem,
		CASE
			WHEN s.context IN ('postmaster', 'sighup') THEN format('ALTER SYSTEM SET %s = %L', s.name, r.safe)
			WHEN s.source IN ('session', 'client') THEN format('SET %s = %L', s.name, r.safe)
			WHEN s.source ~ 'user|database' OR EXISTS (SELECT FROM pgbeam.logging_profile() AS p WHERE p.setting = s.name)
				THEN format('ALTER ROLE %I IN DATABASE %I SET %s = %L', session_user, current_database(), s.name, r.safe)
			ELSE format('ALTER SYSTEM SET %s = %L', s.name, r.safe)
		END
	FROM rule AS r
	JOIN pg_settings AS s ON s.name = r.name
	WHERE s.setting !~ r.good
	UNION ALL
	SELECT 'shared_preload_libraries', current_setting('shared_preload_libraries'),
		'without preloading there is no log guard and no limit of rates',
		format('ALTER SYSTEM SET shared_preload_libraries = %s',
			(SELECT string_agg(quote_literal(name), ', ' ORDER BY n)
			FROM (SELECT trim(both '" ' from name) AS name, min(n) AS n
				FROM unnest(string_to_array(nullif(next.setting, ''), ',') || ARRAY['pgbeam']) WITH ORDINALITY AS u (name, n)
				GROUP BY 1) AS names))
	FROM library AS l, (
		SELECT coalesce((SELECT f.setting FROM pg_file_settings AS f
			WHERE f.name = 'shared_preload_libraries' ORDER BY f.seqno DESC LIMIT 1),
			current_setting('shared_preload_libraries')) AS setting) AS next -- what a restart will load
	WHERE NOT l.preloaded
	UNION ALL
	SELECT 'ssl', 'off', 'credentials travel in plain text to ' || current_setting('listen_addresses'),
		'ALTER SYSTEM SET ssl = on'
	WHERE NOT current_setting('ssl')::boolean AND EXISTS (
		SELECT FROM unnest(string_to_array(current_setting('listen_addresses'), ',')) AS address
		WHERE trim(both '" ' from address) NOT IN ('', 'localhost', '127.0.0.1', '::1'))
$$;
COMMENT ON FUNCTION pgbeam.check_settings() IS
'The part of pgbeam.check_configuration() that is about settings of the server and the session.';

-- Who answers requests, and what else he may do.
CREATE FUNCTION pgbeam.check_roles(
	OUT setting text, OUT value text, OUT problem text, OUT mend text)
RETURNS SETOF record
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
	-- Each function that tells an access, who has it or can get it by SET
	-- ROLE, and the role he has it from: 0 where it is granted to himself.
	WITH RECURSIVE source (role, function, via) AS (
		SELECT a.grantee, p.proname, 0::oid
		FROM pg_proc AS p, aclexplode(p.proacl) AS a
		WHERE p.pronamespace = 'pgbeam'::regnamespace AND a.grantee NOT IN (0, p.proowner)
			AND p.proname IN ('create_project', 'http', 'reveal_password', 'set_organization')
		UNION
		SELECT m.member, s.function, m.roleid
		FROM source AS s JOIN pg_auth_members AS m ON m.roleid = s.role
	),
	-- Who takes requests: has it from where he does not have 'admin' from.
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
	-- to a role that may log in nowhere and has no rights: functions and views do what their owner may
	SELECT 'role ' || quote_ident(r.rolname), format('owner of %s relations and functions', count(*)), 'the role takes requests and owns what it may need only to use',
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
	SELECT 'schema pgbeam', 'CREATE to ' || a.grantee::regrole, 'objects can be planted among those of the extension',
		format('REVOKE CREATE ON SCHEMA pgbeam FROM %s', a.grantee::regrole)
	FROM pg_namespace AS n, aclexplode(n.nspacl) AS a
	WHERE n.nspname = 'pgbeam' AND a.privilege_type = 'CREATE' AND a.grantee NOT IN (0, n.nspowner)
		AND a.grantee NOT IN (SELECT oid FROM layer)
	UNION ALL
	SELECT g.object, g.privilege || ' to ' || coalesce(nullif(g.grantee, 0)::regrole::text, 'PUBLIC'),
		'the extension is used through grants on its functions that are made to roles, and without grants on its tables',
		format('REVOKE %s ON %s FROM %s', g.privilege, g.object, coalesce(nullif(g.grantee, 0)::regrole::text, 'PUBLIC'))
	FROM (
		SELECT 'TABLE ' || c.oid::regclass, a.privilege_type || coalesce(' (' || quote_ident(a.attname) || ')', ''), a.grantee
		FROM pg_class AS c, LATERAL (
			SELECT privilege_type, NULL::name, grantee FROM aclexplode(c.relacl)
			UNION ALL
			SELECT x.privilege_type, t.attname, x.grantee
			FROM pg_attribute AS t, aclexplode(t.attacl) AS x WHERE t.attrelid = c.oid) AS a (privilege_type, attname, grantee)
		WHERE c.relnamespace = 'pgbeam'::regnamespace AND c.relkind <> 'c' AND a.grantee <> c.relowner
		UNION ALL
		SELECT 'FUNCTION ' || p.oid::regprocedure, a.privilege_type, a.grantee
		FROM pg_proc AS p, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) AS a
		WHERE p.pronamespace = 'pgbeam'::regnamespace AND a.grantee <> p.proowner
			AND (a.grantee = 0 OR p.proname IN ('create_key', 'grant_access', 'set_logging_profile'))
		UNION ALL
		SELECT 'SCHEMA pgbeam', a.privilege_type, a.grantee
		FROM pg_namespace AS n, aclexplode(n.nspacl) AS a
		WHERE n.nspname = 'pgbeam' AND a.grantee = 0) AS g (object, privilege, grantee)
$$;
COMMENT ON FUNCTION pgbeam.check_roles() IS
'The part of pgbeam.check_configuration() that is about roles and grants.';

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
			AND (s.setrole = 0 OR c ~ '^pgrst\.' OR EXISTS (
				SELECT FROM pg_proc AS p, aclexplode(p.proacl) AS a
				WHERE p.pronamespace = 'pgbeam'::regnamespace AND a.grantee NOT IN (0, p.proowner)
					AND pg_has_role(s.setrole, a.grantee, 'MEMBER')))
	),
	rule (name, safe, problem) AS (
		SELECT p.setting, p.value, p.leak
		FROM pgbeam.logging_profile() AS p
		WHERE NOT (p.guarded AND coalesce(current_setting('pgbeam.log_guard', true)::boolean, false)
			AND current_setting('shared_preload_libraries') ~ '(^|[,/" ])pgbeam([," ]|$)')
		UNION ALL
		VALUES
			('default_transaction_isolation', 'read committed', 'requests that write are refused'),
			('pgbeam.trust_request_claims', 'off', 'whoever has SQL as the role of the HTTP layer can be anybody'),
			('pgrst.openapi_mode', 'disabled', 'PostgREST describes the schema to everybody'),
			('pgrst.db_plan_enabled', 'false', 'PostgREST shows the plans of requests'),
			('pgrst.db_aggregates_enabled', 'false', 'PostgREST lets clients run costly queries'),
			('pgrst.log_query', 'disabled', 'PostgREST logs statements'),
			('pgrst.client_error_verbosity', 'minimal', 'PostgREST tells clients the details of errors'))
	SELECT s.name, s.value, r.problem, format('%s SET %s = %L', s.alter, s.name, r.safe)
	FROM stored AS s JOIN rule AS r ON r.name = s.name
	WHERE lower(s.value) <> r.safe
		AND NOT (r.safe IN ('off', 'false') AND lower(s.value) IN ('off', 'false', 'f', 'no', 'n', '0'))
	UNION ALL
	SELECT s.name, NULL, 'every role can read it in pg_db_role_setting', format('%s RESET %s', s.alter, s.name)
	FROM stored AS s
	WHERE s.name = 'pgrst.jwt_secret' AND (s.value !~ '"kty"\s*:\s*"OKP"' OR s.value ~ '"oct"|"d"\s*:')
	UNION ALL
	SELECT s.name, s.value, 'who shows no credential to PostgREST has more than api access', format('%s SET %s = <role>', s.alter, s.name)
	FROM stored AS s
	JOIN pg_roles AS r ON s.name = 'pgrst.db_anon_role' AND r.rolname = s.value
	WHERE EXISTS (
		SELECT FROM pg_proc AS p
		WHERE p.pronamespace = 'pgbeam'::regnamespace AND p.proname IN ('reveal_password', 'set_organization')
			AND has_function_privilege(r.oid, p.oid, 'EXECUTE'))
$$;
COMMENT ON FUNCTION pgbeam.check_stored_settings() IS
'The part of pgbeam.check_configuration() that is about settings stored for roles and databases.';

CREATE FUNCTION pgbeam.check_configuration(
	OUT setting text, OUT value text, OUT problem text, OUT mend text)
RETURNS SETOF record
LANGUAGE sql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
	WITH keys AS MATERIALIZED (SELECT * FROM pgbeam.key_status())
	-- First, because it loads the library, whose settings the others read.
	SELECT 'key ' || k.key_id, k.state, format('passwords that cannot be opened: %s', k.secrets), 'SELECT pg_reload_conf() -- when its line is back in the keyring'
	FROM keys AS k WHERE k.state = 'missing'
	UNION ALL
	SELECT * FROM pgbeam.check_settings()
	UNION ALL
	SELECT * FROM pgbeam.check_stored_settings()
	UNION ALL
	SELECT * FROM pgbeam.check_roles()
	UNION ALL
	SELECT 'pgbeam.keyring_file', s.setting, 'no key can be used: passwords are neither stored nor opened', CASE s.setting
		WHEN '' THEN 'ALTER SYSTEM SET pgbeam.keyring_file = <path>'
		ELSE 'SELECT * FROM pgbeam.keyring() -- which tells why' END
	FROM pg_settings AS s
	WHERE s.name = 'pgbeam.keyring_file' AND NOT EXISTS (SELECT FROM keys WHERE state <> 'missing')
	UNION ALL
	SELECT 'pgbeam.jwt_issuer', i.setting, 'no keys are loaded: no token is accepted', $m$SELECT pgbeam.set_jwks('{"keys": [...]}')$m$
	FROM pg_settings AS i
	WHERE i.name = 'pgbeam.jwt_issuer' AND i.setting <> '' AND NOT EXISTS (SELECT FROM pgbeam.jwks)
	UNION ALL
	SELECT 'pgbeam.jwt_issuer', '', 'keys are loaded, but no issuer is named: no token is accepted', 'ALTER SYSTEM SET pgbeam.jwt_issuer = <url>'
	FROM pg_settings AS i
	WHERE i.name = 'pgbeam.jwt_issuer' AND i.setting = '' AND EXISTS (SELECT FROM pgbeam.jwks)
$$;
COMMENT ON FUNCTION pgbeam.check_configuration() IS
'A row for everything that leaks requests or weakens what guards them, as seen from this session and database: what it is about, its value, the problem, and the statement that mends it (words in <> are to be filled in; ALTER SYSTEM takes a reload, for shared_preload_libraries a restart). No rows where there is nothing to mend; a WARNING tells why a keyring is unusable. Reads every database.';
