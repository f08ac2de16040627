-- createProject with the documented request bodies, and with others that are
-- bad in their own ways. Bodies stand only in statements: the text of
-- functions and tables is stored, and bodies have a password.

-- Digests of all rows of all tables.
CREATE FUNCTION stored(OUT tables text) LANGUAGE plpgsql AS $$
DECLARE
	relation regclass;
	digest text;
BEGIN
	tables := '';
	FOR relation IN SELECT oid FROM pg_class
		WHERE relnamespace = 'pgbeam'::regnamespace AND relkind IN ('r', 'p') ORDER BY relname
	LOOP
		EXECUTE format('SELECT md5(string_agg(t::text, '';'' ORDER BY t::text)) FROM %s t', relation) INTO digest;
		tables := tables || format('%s %s;', relation, digest);
	END LOOP;
END
$$;

-- The words of refusals, and the examples' names for the rules.
CREATE TEMP TABLE wording (rule text, pattern text);
INSERT INTO wording VALUES
	('required', 'is required$'),
	('type', 'must be an? (string|integer|boolean|array|object)$'),
	('min_length', 'must not be empty$'),
	('min_length', 'must have at least \d+ characters$'),
	('max_length', 'must have at most \d+ characters$'),
	('max_items', 'must have at most \d+ items$'),
	('enum', 'must be one of \w'),
	('minimum', 'must be at least -?\d+$'),
	('maximum', 'must be at most -?\d+$'),
	('pattern', 'must (not (contain|begin with)|consist of) '),
	('cross_field', 'must not be greater than ');

CREATE FUNCTION problem(line text) RETURNS text LANGUAGE sql AS $$
	SELECT CASE line
		WHEN 'the request body must be a JSON object' THEN '$: type'
		WHEN 'the request body must not be nested deeper than 64 levels' THEN '$: nesting'
		ELSE coalesce((SELECT substring(line, '^\S+') || ': ' || rule FROM wording
			WHERE line ~ ('^[a-z_]+([.][a-z_]+|\[\d+\])* ' || pattern)), line)
	END
$$;

-- A refusal: its SQLSTATE, CONSTRAINT NAME and COLUMN NAME, the problems in
-- MESSAGE and DETAIL (which ends with the caller's organization), and whether
-- any part of it shows the password.
CREATE FUNCTION refusal(body jsonb, OUT state text, OUT code text, OUT field text, OUT problems text[], OUT tells boolean)
LANGUAGE plpgsql AS $$
DECLARE
	message text;
	detail text;
	hint text;
	context text;
BEGIN
	PERFORM pgbeam.create_project(body);
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, code = CONSTRAINT_NAME, field = COLUMN_NAME,
		message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT, context = PG_EXCEPTION_CONTEXT;
	problems := ARRAY(SELECT problem(line) FROM regexp_split_to_table(concat_ws(E'\n', message, nullif(detail, '')), '\n') line
		WHERE line !~ '^The organization is "\w+"(, the name "[\w-]+")?[.]$');
	tells := concat(message, detail, hint, context, field) ~ 'canary';
END
$$;

-- An answer, with generated values masked if they have the right form.
CREATE FUNCTION masked(answer text) RETURNS text LANGUAGE sql AS $$
	SELECT regexp_replace(regexp_replace(answer,
		'"(prj|db)_[0-7][0-9a-hjkmnp-tv-z]{25}"', '"\1_..."', 'g'),
		'"20\d\d-[01]\d-[0-3]\dT[0-2]\d:[0-5]\d:[0-5]\dZ"', '"..."', 'g')
$$;

SELECT stored() AS before \gset

-- The invalid bodies that fit a jsonb argument. Those with another refusal
-- than stated: (none)
CREATE TEMP TABLE refused AS
WITH example (id, body, violations) AS (VALUES
	('inv-001', '{}'::jsonb, '{name: required, org_id: required, database: required}'::text[]),
	('inv-002', '{"org_id": "org_abc123", "database": {"host": "db.example.com", "port": 5432, "name": "mydb", "username": "pgbeam", "password": "canary-password-Vq7R2x"}}', '{name: required}'),
	('inv-003', '{"name": "my-app", "database": {"host": "db.example.com", "port": 5432, "name": "mydb", "username": "pgbeam", "password": "canary-password-Vq7R2x"}}', '{org_id: required}'),
	('inv-004', '{"name": "my-app", "org_id": "org_abc123"}', '{database: required}'),
	('inv-005', '{"name": "my-app", "org_id": "org_abc123", "database": {"port": 5432, "name": "mydb", "username": "pgbeam", "password": "canary-password-Vq7R2x"}}', '{database.host: required}'),
	('inv-006', '{"name": "my-app", "org_id": "org_abc123", "database": {"host": "db.example.com", "name": "mydb", "username": "pgbeam", "password": "canary-password-Vq7R2x"}}', '{database.port: required}'),
	('inv-007', '{"name": "my-app", "org_id": "org_abc123", "database": {"host": "db.example.com", "port": 5432, "username": "pgbeam", "password": "canary-password-Vq7R2x"}}', '{database.name: required}'),
	('inv-008', '{"name": "my-app", "org_id": "org_abc123", "database": {"host": "db.example.com", "port": 5432, "name": "mydb", "password": "canary-password-Vq7R2x"}}', '{database.username: required}'),
	('inv-009', '{"name": "my-app", "org_id": "org_abc123", "database": {"host": "db.example.com", "port": 5432, "name": "mydb", "username": "pgbeam"}}', '{database.password: required}'),
	('inv-010', '{"name": "", "org_id": "org_abc123", "database": {"host": "db.example.com", "port": 5432, "name": "mydb", "username": "pgbeam", "password": "canary-password-Vq7R2x"}}', '{name: min_length}'),
	('inv-011', ('{"name": "' || repeat('n', 101) || '", "org_id": "org_abc123", "database": {"host": "db.example.com", "port": 5432, "name": "mydb", "username": "pgbeam", "password": "canary-password-Vq7R2x"}}')::jsonb, '{name: max_length}'),
	('inv-012', '{"name": 42, "org_id": "org_abc123", "database": {"host": "db.example.com", "port": 5432, "name": "mydb", "username": "pgbeam", "password": "canary-password-Vq7R2x"}}', '{name: type}'),
	('inv-013', '{"name": null, "org_id": "org_abc123", "database": {"host": "db.example.com", "port": 5432, "name": "mydb", "username": "pgbeam", "password": "canary-password-Vq7R2x"}}', '{name: type}'),
	('inv-014', '{"name": ["my-app"], "org_id": "org_abc123", "database": {"host": "db.example.com", "port": 5432, "name": "mydb", "username": "pgbeam", "password": "canary-password-Vq7R2x"}}', '{name: type}'),
	('inv-015', '{"name": {"value": "my-app"}, "org_id": "org_abc123", "database": {"host": "db.example.com", "port": 5432, "name": "mydb", "username": "pgbeam", "password": "canary-password-Vq7R2x"}}', '{name: type}'),
	('inv-017', '{"name": "my-app", "org_id": "", "database": {"host": "db.example.com", "port": 5432, "name": "mydb", "username": "pgbeam", "password": "canary-password-Vq7R2x"}}', '{org_id: min_length}'),
	('inv-018', '{"name": "my-app", "org_id": 7, "database": {"host": "db.example.com", "port": 5432, "name": "mydb", "username": "pgbeam", "password": "canary-password-Vq7R2x"}}', '{org_id: type}'),
	('inv-019', '{"name": "my-app", "org_id": null, "database": {"host": "db.example.com", "port": 5432, "name": "mydb", "username": "pgbeam", "password": "canary-password-Vq7R2x"}}', '{org_id: type}'),
	('inv-021', ('{"name": "my-app", "org_id": "org_abc123", "database": {"host": "db.example.com", "port": 5432, "name": "mydb", "username": "pgbeam", "password": "canary-password-Vq7R2x"}, "description": "' || repeat('d', 501) || '"}')::jsonb, '{description: max_length}'),
	('inv-022', '{"name": "my-app", "org_id": "org_abc123", "database": {"host": "db.example.com", "port": 5432, "name": "mydb", "username": "pgbeam", "password": "canary-password-Vq7R2x"}, "description": 5}', '{description: type}'),
	('inv-023', '{"name": "my-app", "org_id": "org_abc123", "database": {"host": "db.example.com", "port": 5432, "name": "mydb", "username": "pgbeam", "password": "canary-password-Vq7R2x"}, "description": {"en": "x"}}', '{description: type}'),
	('inv-024', '{"name": "my-app", "org_id": "org_abc123", "database": {"host": "db.example.com", "port": 5432, "name": "mydb", "username": "pgbeam", "password": "canary-password-Vq7R2x"}, "tags": ["t0", "t1", "t2", "t3", "t4", "t5", "t6", "t7", "t8", "t9", "t10"]}', '{tags: max_items}'),
	('inv-025', ('{"name": "my-app", "org_id": "org_abc123", "database": {"host": "db.example.com", "port": 5432, "name": "mydb", "username": "pgbeam", "password": "canary-password-Vq7R2x"}, "tags": ["ok", "' || repeat('t', 51) || '"]}')::jsonb, '{tags[1]: max_length}'),
	('inv-026', '{"name": "my-app", "org_id": "org_abc123", "database": {"host": "db.example.com", "port": 5432, "name": "mydb", "username": "pgbeam", "password": "canary-password-Vq7R2x"}, "tags": "production"}', '{tags: type}'),
	('inv-027', '{"name": "my-app", "org_id": "org_abc123", "database": {"host": "db.example.com", "port": 5432, "name": "mydb", "username": "pgbeam", "password": "canary-password-Vq7R2x"}, "tags": ["a", 1]}', '{tags[1]: type}'),
	('inv-028', '{"name": "my-app", "org_id": "org_abc123", "database": {"host": "db.example.com", "port": 5432, "name": "mydb", "username": "pgbeam", "password": "canary-password-Vq7R2x"}, "tags": ["a", null]}', '{tags[1]: type}'),
	('inv-029', '{"name": "my-app", "org_id": "org_abc123", "database": {"host": "db.example.com", "port": 5432, "name": "mydb", "username": "pgbeam", "password": "canary-password-Vq7R2x"}, "tags": {"0": "a"}}', '{tags: type}'),
	('inv-030', '{"name": "my-app", "org_id": "org_abc123", "database": {"host": "db.example.com", "port": 5432, "name": "mydb", "username": "pgbeam", "password": "canary-password-Vq7R2x"}, "cloud": "oracle"}', '{cloud: enum}'),
	('inv-031', '{"name": "my-app", "org_id": "org_abc123", "database": {"host": "db.example.com", "port": 5432, "name": "mydb", "username": "pgbeam", "password": "canary-password-Vq7R2x"}, "cloud": "AWS"}', '{cloud: enum}'),
	('inv-032', '{"name": "my-app", "org_id": "org_abc123", "database": {"host": "db.example.com", "port": 5432, "name": "mydb", "username": "pgbeam", "password": "canary-password-Vq7R2x"}, "cloud": ""}', '{cloud: enum}'),
	('inv-033', '{"name": "my-app", "org_id": "org_abc123", "database": {"host": "db.example.com", "port": 5432, "name": "mydb", "username": "pgbeam", "password": "canary-password-Vq7R2x"}, "cloud": 1}', '{cloud: type}'),
	('inv-034', '{"name": "my-app", "org_id": "org_abc123", "database": {"host": "db.example.com", "port": 5432, "name": "mydb", "username": "pgbeam", "password": "canary-password-Vq7R2x"}, "self_hosted": "true"}', '{self_hosted: type}'),
	('inv-035', '{"name": "my-app", "org_id": "org_abc123", "database": null}', '{database: type}'),
	('inv-036', '{"name": "my-app", "org_id": "org_abc123", "database": []}', '{database: type}'),
	('inv-037', '{"name": "my-app", "org_id": "org_abc123", "database": "postgres://u:p@h/db"}', '{database: type}'),
	('inv-038', '{"name": "my-app", "org_id": "org_abc123", "database": {"host": "", "port": 5432, "name": "mydb", "username": "pgbeam", "password": "canary-password-Vq7R2x"}}', '{database.host: min_length}'),
	('inv-039', '{"name": "my-app", "org_id": "org_abc123", "database": {"host": "db example.com", "port": 5432, "name": "mydb", "username": "pgbeam", "password": "canary-password-Vq7R2x"}}', '{database.host: pattern}'),
	('inv-040', '{"name": "my-app", "org_id": "org_abc123", "database": {"host": "db.example.com\t", "port": 5432, "name": "mydb", "username": "pgbeam", "password": "canary-password-Vq7R2x"}}', '{database.host: pattern}'),
	('inv-041', '{"name": "my-app", "org_id": "org_abc123", "database": {"host": "db.example.com\n", "port": 5432, "name": "mydb", "username": "pgbeam", "password": "canary-password-Vq7R2x"}}', '{database.host: pattern}'),
	('inv-042', '{"name": "my-app", "org_id": "org_abc123", "database": {"host": 127001, "port": 5432, "name": "mydb", "username": "pgbeam", "password": "canary-password-Vq7R2x"}}', '{database.host: type}'),
	('inv-044', '{"name": "my-app", "org_id": "org_abc123", "database": {"host": "db.example.com", "port": 0, "name": "mydb", "username": "pgbeam", "password": "canary-password-Vq7R2x"}}', '{database.port: minimum}'),
	('inv-045', '{"name": "my-app", "org_id": "org_abc123", "database": {"host": "db.example.com", "port": 65536, "name": "mydb", "username": "pgbeam", "password": "canary-password-Vq7R2x"}}', '{database.port: maximum}'),
	('inv-046', '{"name": "my-app", "org_id": "org_abc123", "database": {"host": "db.example.com", "port": -1, "name": "mydb", "username": "pgbeam", "password": "canary-password-Vq7R2x"}}', '{database.port: minimum}'),
	('inv-047', '{"name": "my-app", "org_id": "org_abc123", "database": {"host": "db.example.com", "port": "5432", "name": "mydb", "username": "pgbeam", "password": "canary-password-Vq7R2x"}}', '{database.port: type}'),
	('inv-048', '{"name": "my-app", "org_id": "org_abc123", "database": {"host": "db.example.com", "port": 5432.5, "name": "mydb", "username": "pgbeam", "password": "canary-password-Vq7R2x"}}', '{database.port: type}'),
	('inv-049', '{"name": "my-app", "org_id": "org_abc123", "database": {"host": "db.example.com", "port": null, "name": "mydb", "username": "pgbeam", "password": "canary-password-Vq7R2x"}}', '{database.port: type}'),
	('inv-050', '{"name": "my-app", "org_id": "org_abc123", "database": {"host": "db.example.com", "port": true, "name": "mydb", "username": "pgbeam", "password": "canary-password-Vq7R2x"}}', '{database.port: type}'),
	('inv-051', '{"name": "my-app", "org_id": "org_abc123", "database": {"host": "db.example.com", "port": 5432, "name": "", "username": "pgbeam", "password": "canary-password-Vq7R2x"}}', '{database.name: min_length}'),
	('inv-053', '{"name": "my-app", "org_id": "org_abc123", "database": {"host": "db.example.com", "port": 5432, "name": "mydb", "username": "", "password": "canary-password-Vq7R2x"}}', '{database.username: min_length}'),
	('inv-054', '{"name": "my-app", "org_id": "org_abc123", "database": {"host": "db.example.com", "port": 5432, "name": "mydb", "username": 10, "password": "canary-password-Vq7R2x"}}', '{database.username: type}'),
	('inv-055', '{"name": "my-app", "org_id": "org_abc123", "database": {"host": "db.example.com", "port": 5432, "name": "mydb", "username": "pgbeam", "password": ""}}', '{database.password: min_length}'),
	('inv-056', '{"name": "my-app", "org_id": "org_abc123", "database": {"host": "db.example.com", "port": 5432, "name": "mydb", "username": "pgbeam", "password": null}}', '{database.password: type}'),
	('inv-057', '{"name": "my-app", "org_id": "org_abc123", "database": {"host": "db.example.com", "port": 5432, "name": "mydb", "username": "pgbeam", "password": 123456}}', '{database.password: type}'),
	('inv-059', '{"name": "my-app", "org_id": "org_abc123", "database": {"host": "db.example.com", "port": 5432, "name": "mydb", "username": "pgbeam", "password": "canary-password-Vq7R2x", "ssl_mode": "on"}}', '{database.ssl_mode: enum}'),
	('inv-060', '{"name": "my-app", "org_id": "org_abc123", "database": {"host": "db.example.com", "port": 5432, "name": "mydb", "username": "pgbeam", "password": "canary-password-Vq7R2x", "ssl_mode": "REQUIRE"}}', '{database.ssl_mode: enum}'),
	('inv-061', '{"name": "my-app", "org_id": "org_abc123", "database": {"host": "db.example.com", "port": 5432, "name": "mydb", "username": "pgbeam", "password": "canary-password-Vq7R2x", "ssl_mode": ["require"]}}', '{database.ssl_mode: type}'),
	('inv-062', '{"name": "my-app", "org_id": "org_abc123", "database": {"host": "db.example.com", "port": 5432, "name": "mydb", "username": "pgbeam", "password": "canary-password-Vq7R2x", "role": "standby"}}', '{database.role: enum}'),
	('inv-063', '{"name": "my-app", "org_id": "org_abc123", "database": {"host": "db.example.com", "port": 5432, "name": "mydb", "username": "pgbeam", "password": "canary-password-Vq7R2x", "pool_region": 1}}', '{database.pool_region: type}'),
	('inv-064', '{"name": "my-app", "org_id": "org_abc123", "database": {"host": "db.example.com", "port": 5432, "name": "mydb", "username": "pgbeam", "password": "canary-password-Vq7R2x", "query_timeout_ms": -1}}', '{database.query_timeout_ms: minimum}'),
	('inv-065', '{"name": "my-app", "org_id": "org_abc123", "database": {"host": "db.example.com", "port": 5432, "name": "mydb", "username": "pgbeam", "password": "canary-password-Vq7R2x", "query_timeout_ms": 300001}}', '{database.query_timeout_ms: maximum}'),
	('inv-066', '{"name": "my-app", "org_id": "org_abc123", "database": {"host": "db.example.com", "port": 5432, "name": "mydb", "username": "pgbeam", "password": "canary-password-Vq7R2x", "query_timeout_ms": "1000"}}', '{database.query_timeout_ms: type}'),
	('inv-067', '{"name": "my-app", "org_id": "org_abc123", "database": {"host": "db.example.com", "port": 5432, "name": "mydb", "username": "pgbeam", "password": "canary-password-Vq7R2x", "query_timeout_ms": 1.5}}', '{database.query_timeout_ms: type}'),
	('inv-068', '{"name": "my-app", "org_id": "org_abc123", "database": {"host": "db.example.com", "port": 5432, "name": "mydb", "username": "pgbeam", "password": "canary-password-Vq7R2x", "auto_read_routing": "yes"}}', '{database.auto_read_routing: type}'),
	('inv-069', '{"name": "my-app", "org_id": "org_abc123", "database": {"host": "db.example.com", "port": 5432, "name": "mydb", "username": "pgbeam", "password": "canary-password-Vq7R2x", "auto_read_routing": 1}}', '{database.auto_read_routing: type}'),
	('inv-070', '{"name": "my-app", "org_id": "org_abc123", "database": {"host": "db.example.com", "port": 5432, "name": "mydb", "username": "pgbeam", "password": "canary-password-Vq7R2x", "cache_config": []}}', '{database.cache_config: type}'),
	('inv-071', '{"name": "my-app", "org_id": "org_abc123", "database": {"host": "db.example.com", "port": 5432, "name": "mydb", "username": "pgbeam", "password": "canary-password-Vq7R2x", "cache_config": {"enabled": "true", "ttl_seconds": 60, "max_entries": 10000, "swr_seconds": 30}}}', '{database.cache_config.enabled: type}'),
	('inv-072', '{"name": "my-app", "org_id": "org_abc123", "database": {"host": "db.example.com", "port": 5432, "name": "mydb", "username": "pgbeam", "password": "canary-password-Vq7R2x", "cache_config": {"enabled": true, "ttl_seconds": -1, "max_entries": 10000, "swr_seconds": 30}}}', '{database.cache_config.ttl_seconds: minimum}'),
	('inv-073', '{"name": "my-app", "org_id": "org_abc123", "database": {"host": "db.example.com", "port": 5432, "name": "mydb", "username": "pgbeam", "password": "canary-password-Vq7R2x", "cache_config": {"enabled": true, "ttl_seconds": 86401, "max_entries": 10000, "swr_seconds": 30}}}', '{database.cache_config.ttl_seconds: maximum}'),
	('inv-074', '{"name": "my-app", "org_id": "org_abc123", "database": {"host": "db.example.com", "port": 5432, "name": "mydb", "username": "pgbeam", "password": "canary-password-Vq7R2x", "cache_config": {"enabled": true, "ttl_seconds": "60", "max_entries": 10000, "swr_seconds": 30}}}', '{database.cache_config.ttl_seconds: type}'),
	('inv-075', '{"name": "my-app", "org_id": "org_abc123", "database": {"host": "db.example.com", "port": 5432, "name": "mydb", "username": "pgbeam", "password": "canary-password-Vq7R2x", "cache_config": {"enabled": true, "ttl_seconds": 60, "max_entries": 1000001, "swr_seconds": 30}}}', '{database.cache_config.max_entries: maximum}'),
	('inv-076', '{"name": "my-app", "org_id": "org_abc123", "database": {"host": "db.example.com", "port": 5432, "name": "mydb", "username": "pgbeam", "password": "canary-password-Vq7R2x", "cache_config": {"enabled": true, "ttl_seconds": 60, "max_entries": 10000, "swr_seconds": 86401}}}', '{database.cache_config.swr_seconds: maximum}'),
	('inv-077', '{"name": "my-app", "org_id": "org_abc123", "database": {"host": "db.example.com", "port": 5432, "name": "mydb", "username": "pgbeam", "password": "canary-password-Vq7R2x", "pool_config": "default"}}', '{database.pool_config: type}'),
	('inv-078', '{"name": "my-app", "org_id": "org_abc123", "database": {"host": "db.example.com", "port": 5432, "name": "mydb", "username": "pgbeam", "password": "canary-password-Vq7R2x", "pool_config": {"pool_size": 0, "min_pool_size": 1, "pool_mode": "session", "max_active": 200}}}', '{database.pool_config.pool_size: minimum}'),
	('inv-079', '{"name": "my-app", "org_id": "org_abc123", "database": {"host": "db.example.com", "port": 5432, "name": "mydb", "username": "pgbeam", "password": "canary-password-Vq7R2x", "pool_config": {"pool_size": 10001, "min_pool_size": 1, "pool_mode": "session", "max_active": 200}}}', '{database.pool_config.pool_size: maximum}'),
	('inv-080', '{"name": "my-app", "org_id": "org_abc123", "database": {"host": "db.example.com", "port": 5432, "name": "mydb", "username": "pgbeam", "password": "canary-password-Vq7R2x", "pool_config": {"pool_size": 10, "min_pool_size": 0, "pool_mode": "session", "max_active": 200}}}', '{database.pool_config.min_pool_size: minimum}'),
	('inv-081', '{"name": "my-app", "org_id": "org_abc123", "database": {"host": "db.example.com", "port": 5432, "name": "mydb", "username": "pgbeam", "password": "canary-password-Vq7R2x", "pool_config": {"pool_size": 10, "min_pool_size": 1, "pool_mode": "tx", "max_active": 200}}}', '{database.pool_config.pool_mode: enum}'),
	('inv-082', '{"name": "my-app", "org_id": "org_abc123", "database": {"host": "db.example.com", "port": 5432, "name": "mydb", "username": "pgbeam", "password": "canary-password-Vq7R2x", "pool_config": {"pool_size": 10, "min_pool_size": 1, "pool_mode": "session", "max_active": 0}}}', '{database.pool_config.max_active: minimum}'),
	('inv-083', '{"name": "my-app", "org_id": "org_abc123", "database": {"host": "db.example.com", "port": 5432, "name": "mydb", "username": "pgbeam", "password": "canary-password-Vq7R2x", "pool_config": {"pool_size": 10, "min_pool_size": 1, "pool_mode": "session", "max_active": 10001}}}', '{database.pool_config.max_active: maximum}'),
	('inv-084', '{"name": "my-app", "org_id": "org_abc123", "database": {"host": "db.example.com", "port": 5432, "name": "mydb", "username": "pgbeam", "password": "canary-password-Vq7R2x", "pool_config": {"pool_size": 5, "min_pool_size": 6, "pool_mode": "session", "max_active": 200}}}', '{database.pool_config.min_pool_size: cross_field}'),
	('inv-086', 'null', '{$: type}'),
	('inv-087', '[]', '{$: type}'),
	('inv-088', '"my-app"', '{$: type}'),
	('inv-089', '[{"name": "my-app", "org_id": "org_abc123", "database": {"host": "db.example.com", "port": 5432, "name": "mydb", "username": "pgbeam", "password": "canary-password-Vq7R2x"}}]', '{$: type}')
)
SELECT id, violations, r.* FROM example, refusal(body) r;
SELECT * FROM refused
WHERE state IS DISTINCT FROM 'PT400'
	OR ARRAY(SELECT unnest(violations) ORDER BY 1) IS DISTINCT FROM ARRAY(SELECT unnest(problems) ORDER BY 1);
SELECT count(*) AS bodies,
	count(*) FILTER (WHERE code = 'INVALID_INPUT') AS invalid_input,
	count(*) FILTER (WHERE problems[1] = coalesce(nullif(field, ''), '$') || substring(problems[1], ': \w+$')) AS first_in_column_name,
	count(*) FILTER (WHERE NOT tells) AS silent_on_password
FROM refused;

-- Bodies that PostgreSQL refuses before any function is called: broken JSON,
-- and what jsonb cannot hold. PostgreSQL puts these into its error context, so
-- they have another password.
CREATE FUNCTION state_of(body text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM pgbeam.create_project(body::jsonb);
	RETURN 'accepted';
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE;
END
$$;
SELECT id, state_of(body) AS state FROM (VALUES
	('inv-016', '{"name": "my\u0000app", "org_id": "org_abc123", "database": {"host": "db.example.com", "port": 5432, "name": "mydb", "username": "pgbeam", "password": "leaky-password-6Yb2"}}'),
	('inv-020', '{"name": "my-app", "org_id": "org\u0000x", "database": {"host": "db.example.com", "port": 5432, "name": "mydb", "username": "pgbeam", "password": "leaky-password-6Yb2"}}'),
	('inv-043', '{"name": "my-app", "org_id": "org_abc123", "database": {"host": "db\u0000.example.com", "port": 5432, "name": "mydb", "username": "pgbeam", "password": "leaky-password-6Yb2"}}'),
	('inv-052', '{"name": "my-app", "org_id": "org_abc123", "database": {"host": "db.example.com", "port": 5432, "name": "my\u0000db", "username": "pgbeam", "password": "leaky-password-6Yb2"}}'),
	('inv-058', '{"name": "my-app", "org_id": "org_abc123", "database": {"host": "db.example.com", "port": 5432, "name": "mydb", "username": "pgbeam", "password": "leaky\u0000password"}}'),
	('inv-085', ''),
	('inv-090', '{"name": "my-app", "org_id": "org_abc123", "database": {"host": "db.example.com", "port": 5432, "name": "mydb", "username": "pgbeam", "password": "leaky-password-6Yb2"}'),
	('inv-091', '{"name": "my-app", "org_id": "org_abc123", "database": {"host": "db.example.com", "port": 5432, "name": "mydb", "username": "pgbeam", "password": "leaky-password-6Yb2"},}'),
	('inv-092', '{''name'': ''my-app'', ''org_id'': ''org_abc123'', ''database'': {''host'': ''db.example.com'', ''port'': 5432, ''name'': ''mydb'', ''username'': ''pgbeam'', ''password'': ''leaky-password-6Yb2''}}'),
	('inv-093', '{"name": "my-app", "org_id": "org_abc123", "database": {"host": "db.example.com", "port": NaN, "name": "mydb", "username": "pgbeam", "password": "leaky-password-6Yb2"}}'),
	('inv-094', '{"name": "my-app", "org_id": "org_abc123", "database": {"host": "db.example.com", "port": 05432, "name": "mydb", "username": "pgbeam", "password": "leaky-password-6Yb2"}}'),
	('inv-095', '{"name": "my-app", "org_id": "org_abc123", "database": {"host": "db.example.com", "port": 5432, "name": "mydb", "username": "pgbeam", "password": "leaky-password-6Yb2"}} x'),
	('inv-096', '{/* c */"name": "my-app", "org_id": "org_abc123", "database": {"host": "db.example.com", "port": 5432, "name": "mydb", "username": "pgbeam", "password": "leaky-password-6Yb2"}}'),
	('lone surrogate', '{"name": "\ud800", "password": "leaky-password-6Yb2"}'),
	('byte order mark', E'\ufeff{"name": "my-app", "password": "leaky-password-6Yb2"}'),
	('1e200000', '{"name": "my-app", "port": 1e200000, "password": "leaky-password-6Yb2"}'),
	('100000 arrays', repeat('[', 100000) || repeat(']', 100000))
) v(id, body);

-- None of these has written anything.
SELECT stored() = :'before' AS nothing_written;

-- The pairs, in a transaction that is undone and in which no host has been
-- given out yet. Those with another answer than stated: (none)
BEGIN;
DELETE FROM pgbeam.hosts;
SELECT pgbeam.set_organization('org_abc123', '{"plan": "starter"}'), pgbeam.set_organization('string', '{"plan": "starter"}');
CREATE TEMP TABLE answered AS
WITH example (id, body, stated) AS (VALUES
	('ok-00', '{"name": "string", "org_id": "string", "database": {"host": "string", "port": 1, "name": "string", "username": "string", "password": "canary-password-Vq7R2x"}}'::jsonb,
		'{"project":{"id":"prj_...","org_id":"string","name":"string","tags":[],"cloud":"aws","self_hosted":false,"proxy_host":"string.aws.pgbeam.app","queries_per_second":10,"burst_size":0,"max_connections":20,"allowed_cidrs":[],"database_count":1,"active_connections":0,"status":"active","created_at":"...","updated_at":"..."},"database":{"id":"db_...","project_id":"prj_...","connection_string":"postgresql://string:YOUR_PASSWORD@string.aws.pgbeam.app:5432/string","host":"string","port":1,"name":"string","username":"string","ssl_mode":"verify-full","role":"primary","cache_config":{"enabled":true,"ttl_seconds":60,"max_entries":10000,"swr_seconds":30},"pool_config":{"pool_size":10,"min_pool_size":1,"pool_mode":"session","max_active":200},"created_at":"...","updated_at":"..."}}'),
	('ok-01', '{"name": "my-app", "org_id": "org_abc123", "database": {"host": "db.example.com", "port": 5432, "name": "mydb", "username": "pgbeam", "password": "canary-password-Vq7R2x"}}',
		'{"project":{"id":"prj_...","org_id":"org_abc123","name":"my-app","tags":[],"cloud":"aws","self_hosted":false,"proxy_host":"my-app.aws.pgbeam.app","queries_per_second":10,"burst_size":0,"max_connections":20,"allowed_cidrs":[],"database_count":1,"active_connections":0,"status":"active","created_at":"...","updated_at":"..."},"database":{"id":"db_...","project_id":"prj_...","connection_string":"postgresql://pgbeam:YOUR_PASSWORD@my-app.aws.pgbeam.app:5432/mydb","host":"db.example.com","port":5432,"name":"mydb","username":"pgbeam","ssl_mode":"verify-full","role":"primary","cache_config":{"enabled":true,"ttl_seconds":60,"max_entries":10000,"swr_seconds":30},"pool_config":{"pool_size":10,"min_pool_size":1,"pool_mode":"session","max_active":200},"created_at":"...","updated_at":"..."}}'),
	('ok-02', '{"name": "orders-eu", "org_id": "org_abc123", "description": "Order service, production", "tags": ["production", "eu"], "cloud": "aws", "database": {"host": "orders.db.example.com", "port": 5433, "name": "orders", "username": "orders_app", "password": "canary-password-Vq7R2x", "ssl_mode": "require", "role": "primary", "pool_region": "us-east-1", "cache_config": {"enabled": true, "ttl_seconds": 120, "max_entries": 10000, "swr_seconds": 30}, "pool_config": {"pool_size": 20, "min_pool_size": 5, "pool_mode": "transaction", "max_active": 200}}}',
		'{"project":{"id":"prj_...","org_id":"org_abc123","name":"orders-eu","description":"Order service, production","tags":["production","eu"],"cloud":"aws","self_hosted":false,"proxy_host":"orders-eu.aws.pgbeam.app","queries_per_second":10,"burst_size":0,"max_connections":20,"allowed_cidrs":[],"database_count":1,"active_connections":0,"status":"active","created_at":"...","updated_at":"..."},"database":{"id":"db_...","project_id":"prj_...","connection_string":"postgresql://orders_app:YOUR_PASSWORD@orders-eu.aws.pgbeam.app:5432/orders","host":"orders.db.example.com","port":5433,"name":"orders","username":"orders_app","ssl_mode":"require","role":"primary","pool_region":"us-east-1","cache_config":{"enabled":true,"ttl_seconds":120,"max_entries":10000,"swr_seconds":30},"pool_config":{"pool_size":20,"min_pool_size":5,"pool_mode":"transaction","max_active":200},"created_at":"...","updated_at":"..."}}'),
	('ok-04', '{"name": "partial", "org_id": "org_abc123", "database": {"host": "db.example.com", "port": 5432, "name": "mydb", "username": "pgbeam", "password": "canary-password-Vq7R2x", "cache_config": {"ttl_seconds": 60}, "pool_config": {"pool_mode": "transaction"}}}',
		'{"project":{"id":"prj_...","org_id":"org_abc123","name":"partial","tags":[],"cloud":"aws","self_hosted":false,"proxy_host":"partial.aws.pgbeam.app","queries_per_second":10,"burst_size":0,"max_connections":20,"allowed_cidrs":[],"database_count":1,"active_connections":0,"status":"active","created_at":"...","updated_at":"..."},"database":{"id":"db_...","project_id":"prj_...","connection_string":"postgresql://pgbeam:YOUR_PASSWORD@partial.aws.pgbeam.app:5432/mydb","host":"db.example.com","port":5432,"name":"mydb","username":"pgbeam","ssl_mode":"verify-full","role":"primary","cache_config":{"enabled":true,"ttl_seconds":60,"max_entries":10000,"swr_seconds":30},"pool_config":{"pool_size":10,"min_pool_size":1,"pool_mode":"transaction","max_active":200},"created_at":"...","updated_at":"..."}}'),
	('ok-05', '{"name": "from-pulumi", "org_id": "org_abc123", "database": {"host": "db.example.com", "port": 5432, "name": "mydb", "username": "pgbeam", "password": "canary-password-Vq7R2x", "query_timeout_ms": null, "auto_read_routing": false}}',
		'{"project":{"id":"prj_...","org_id":"org_abc123","name":"from-pulumi","tags":[],"cloud":"aws","self_hosted":false,"proxy_host":"from-pulumi.aws.pgbeam.app","queries_per_second":10,"burst_size":0,"max_connections":20,"allowed_cidrs":[],"database_count":1,"active_connections":0,"status":"active","created_at":"...","updated_at":"..."},"database":{"id":"db_...","project_id":"prj_...","connection_string":"postgresql://pgbeam:YOUR_PASSWORD@from-pulumi.aws.pgbeam.app:5432/mydb","host":"db.example.com","port":5432,"name":"mydb","username":"pgbeam","ssl_mode":"verify-full","role":"primary","auto_read_routing":false,"cache_config":{"enabled":true,"ttl_seconds":60,"max_entries":10000,"swr_seconds":30},"pool_config":{"pool_size":10,"min_pool_size":1,"pool_mode":"session","max_active":200},"created_at":"...","updated_at":"..."}}'),
	('ok-06', '{"name": "esc", "org_id": "org_abc123", "database": {"host": "db.example.com", "port": 5432, "name": "my db/1", "username": "app@corp", "password": "canary-password-Vq7R2x"}}',
		'{"project":{"id":"prj_...","org_id":"org_abc123","name":"esc","tags":[],"cloud":"aws","self_hosted":false,"proxy_host":"esc.aws.pgbeam.app","queries_per_second":10,"burst_size":0,"max_connections":20,"allowed_cidrs":[],"database_count":1,"active_connections":0,"status":"active","created_at":"...","updated_at":"..."},"database":{"id":"db_...","project_id":"prj_...","connection_string":"postgresql://app%40corp:YOUR_PASSWORD@esc.aws.pgbeam.app:5432/my%20db%2F1","host":"db.example.com","port":5432,"name":"my db/1","username":"app@corp","ssl_mode":"verify-full","role":"primary","cache_config":{"enabled":true,"ttl_seconds":60,"max_entries":10000,"swr_seconds":30},"pool_config":{"pool_size":10,"min_pool_size":1,"pool_mode":"session","max_active":200},"created_at":"...","updated_at":"..."}}')
)
SELECT id, stated, pgbeam.create_project(body) AS answer FROM example;
SELECT id, masked(answer::text) AS answered FROM answered WHERE masked(answer::text) <> stated;
SELECT count(*) AS pairs,
	count(*) FILTER (WHERE answer #>> '{database,project_id}' = answer #>> '{project,id}') AS of_its_project,
	count(*) FILTER (WHERE abs(extract(epoch FROM (answer #>> '{project,created_at}')::timestamptz - now())) < 60
		AND answer #>> '{project,updated_at}' = answer #>> '{project,created_at}') AS created_now,
	count(*) FILTER (WHERE pgbeam.get_project(answer #>> '{project,id}')::text = (answer -> 'project')::text) AS project_is_got,
	count(*) FILTER (WHERE pgbeam.get_database(answer #>> '{project,id}', answer #>> '{database,id}')::text = (answer -> 'database')::text) AS database_is_got,
	count(*) FILTER (WHERE pgbeam.reveal_password(answer #>> '{database,id}') = 'canary-password-Vq7R2x') AS password_revealed
FROM answered;
ROLLBACK;

-- From here on one valid body is changed, and what is created is undone at
-- once.
\set body '{"name": "sound", "org_id": "examples", "database": {"host": "db.example.com", "port": 5432, "name": "mydb", "username": "pgbeam", "password": "canary-password-Vq7R2x"}}'
CREATE FUNCTION undone(body jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	answer text;
BEGIN
	answer := pgbeam.create_project(body);
	RAISE EXCEPTION USING ERRCODE = 'UNDO0';
EXCEPTION
	WHEN SQLSTATE 'UNDO0' THEN RETURN answer;
	WHEN OTHERS THEN RETURN to_json(SQLSTATE || ' ' || SQLERRM);
END
$$;
SELECT pgbeam.set_organization('examples');
SELECT stored() AS before \gset
SET client_min_messages = warning; -- organizations of any name are registered

-- Accepted, and shown as stated, however it was spelled. The others: (none)
SET pgbeam.forbidden_networks = ''; -- the rules of hosts alone
CREATE TEMP TABLE accepted AS
WITH change (path, value, stated) AS (VALUES
	('{database,port}'::text[], '5432.0'::jsonb, '5432'),
	('{database,port}', '5.432e3', '5432'),
	('{database,port}', '543200e-2', '5432'),
	('{database,port}', '5432.000000000000000000000000000000', '5432'),
	('{database,port}', '1', '1'),
	('{database,port}', '6.5535E+4', '65535'),
	('{database,query_timeout_ms}', '-0', '0'),
	('{database,query_timeout_ms}', '-0.0', '0'),
	('{database,query_timeout_ms}', '0e10', '0'),
	('{database,query_timeout_ms}', '3e5', '300000'),
	('{database,pool_region}', to_jsonb(repeat('😀', 255)), to_json(repeat('😀', 255))::text),
	('{database,pool_region}', '""', NULL),
	('{database,host}', '"[fe80::1]"', '"[fe80::1]"'),
	('{database,host}', '"büro.example"', '"büro.example"'),
	('{database,name}', '"a, b/😀''\"\\"', '"a, b/😀''\"\\"'),
	('{database,username}', '" "', '" "'),
	('{database,password}', '" \t\n\u0001"', NULL),
	('{name}', to_jsonb(repeat('😀', 100)), to_json(repeat('😀', 100))::text),
	('{name}', '" "', '" "'),
	('{org_id}', to_jsonb(repeat('😀', 255)), to_json(repeat('😀', 255))::text),
	('{description}', to_jsonb(repeat('😀', 500)), to_json(repeat('😀', 500))::text),
	('{description}', '""', NULL),
	('{tags}', '[]', '[]'),
	('{tags}', '["b", "a", "b", ""]', '["b","a","b",""]'),
	('{tags}', jsonb_build_array(repeat('😀', 50)), '["' || repeat('😀', 50) || '"]')
)
SELECT path, value, stated, undone(jsonb_set(:'body', path, value))::json AS answer FROM change;
SELECT path, left(value::text, 40) AS value, left(answer::text, 80) AS answer FROM accepted
WHERE json_typeof(answer) <> 'object'
	OR (CASE path[1] WHEN 'database' THEN answer ELSE answer -> 'project' END #> path)::text IS DISTINCT FROM stated;
SELECT count(*) AS accepted, count(*) FILTER (WHERE answer::text ~ 'canary') AS telling FROM accepted;
RESET pgbeam.forbidden_networks;

-- Some characters look like white space, but are not trimmed, and cannot be
-- part of a host.
SELECT to_hex(ascii(c)) AS code_point,
	undone(jsonb_set(:'body', '{database,host}', to_jsonb('a' || c))) AS answer
FROM string_to_table(E'\u180e\u200b\u200c\u200d\u2060\u2800\u3164\ufffd\U0001f600', NULL) c;

-- One rule broken. Those with another refusal than stated: (none)
CREATE TEMP TABLE broken AS
WITH change (path, value, rule) AS (VALUES
	('{database,port}'::text[], '5432.5'::jsonb, 'type'),
	('{database,port}', '65535.5', 'type'),
	('{database,port}', '0.5', 'type'),
	('{database,port}', '5432.000000000000000000000000000001', 'type'),
	('{database,port}', '5e-324', 'type'),
	('{database,port}', '1e-16000', 'type'),
	('{database,port}', '99999999999999999999.5', 'type'),
	('{database,port}', '-99999999999999999999.5', 'type'),
	('{database,port}', '1e400', 'maximum'),
	('{database,port}', '-1e400', 'minimum'),
	('{database,port}', '1e131071', 'maximum'),
	('{database,port}', '-1e131071', 'minimum'),
	('{database,port}', '65536', 'maximum'),
	('{database,port}', '2147483647', 'maximum'),
	('{database,port}', '2147483648', 'maximum'),
	('{database,port}', '4294972728', 'maximum'),	-- 2^32 + 5432
	('{database,port}', '18446744073709557048', 'maximum'),	-- 2^64 + 5432
	('{database,port}', '-2147483648', 'minimum'),
	('{database,port}', '-2147483649', 'minimum'),
	('{database,port}', '-0', 'minimum'),
	('{database,port}', '[5432]', 'type'),
	('{database,port}', '{"": 5432}', 'type'),
	('{database,query_timeout_ms}', '-1', 'minimum'),
	('{database,query_timeout_ms}', '-0.1', 'type'),
	('{database,query_timeout_ms}', '300000.1', 'type'),
	('{database,query_timeout_ms}', '3.00001e5', 'maximum'),
	('{database,query_timeout_ms}', '""', 'type'),
	('{database,cache_config}', '1', 'type'),
	('{database,cache_config}', '"{}"', 'type'),
	('{database,ssl_mode}', '"require "', 'enum'),
	('{database,ssl_mode}', '"requir"', 'enum'),
	('{database,ssl_mode}', '""', 'enum'),
	('{database,role}', '"Primary"', 'enum'),
	('{database,pool_region}', to_jsonb(repeat('😀', 256)), 'max_length'),
	('{database,host}', '"/var/run/postgresql"', 'pattern'),
	('{database,host}', '"@abstract"', 'pattern'),
	('{database,host}', '"a,b"', 'pattern'),
	('{database,host}', '","', 'pattern'),
	('{database,host}', '"fe80::1%eth0"', 'pattern'),
	('{database,host}', '"a/b@c"', 'pattern'),
	('{database,host}', '"a''b\"c\\d"', 'pattern'),
	('{database,host}', to_jsonb(repeat('ü', 254)), 'max_length'),
	('{database,name}', to_jsonb(repeat('😀', 256)), 'max_length'),
	('{database,username}', to_jsonb(repeat('😀', 256)), 'max_length'),
	('{database,password}', to_jsonb(repeat('😀', 16385)), 'max_length'),
	('{database,password}', '["canary"]', 'type'),
	('{database,password}', '{"canary": 1}', 'type'),
	('{name}', to_jsonb(repeat('😀', 101)), 'max_length'),
	('{org_id}', to_jsonb(repeat('😀', 256)), 'max_length'),
	('{description}', to_jsonb(repeat('😀', 501)), 'max_length'),
	('{self_hosted}', '0', 'type'),
	('{tags}', '["1", "2", "3", "4", "5", "6", "7", "8", "9", "10", 11]', 'max_items'),
	('{database}', '1', 'type'),
	('{database}', '[{"host": "db.example.com"}]', 'type')
)
SELECT path, value, array_to_string(path, '.') || ': ' || rule AS violation, r.*
FROM change, refusal(jsonb_set(:'body', path, value)) r;

-- Every forbidden character, at the beginning, inside and at the end: the
-- white space of ECMA-262 in hosts, control characters in three members.
INSERT INTO broken
SELECT '{database,host}', NULL, 'database.host: pattern', r.*
FROM string_to_table(E'\u0009\u000a\u000b\u000c\u000d\u0020\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000\ufeff', NULL) c,
	(VALUES ('%sa'), ('a%sb'), ('a%s')) f(form),
	refusal(jsonb_set(:'body', '{database,host}', to_jsonb(format(form, c)))) r;
INSERT INTO broken
SELECT path, NULL, array_to_string(path, '.') || ': pattern', r.*
FROM (SELECT generate_series(1, 31) UNION ALL SELECT generate_series(127, 159)) control (c),
	(VALUES ('{database,host}'::text[]), ('{database,name}'), ('{database,username}')) m(path),
	(VALUES ('%sa'), ('a%sb'), ('a%s')) f(form),
	refusal(jsonb_set(:'body', path, to_jsonb(format(form, chr(c))))) r;
SELECT path, left(value::text, 40) AS value, violation, state, problems FROM broken
WHERE (state, problems, code, field) IS DISTINCT FROM
	('PT400', ARRAY[violation], 'INVALID_INPUT', split_part(violation, ':', 1)) OR tells;
SELECT path, count(*) AS refused FROM broken GROUP BY path ORDER BY path;

-- min_pool_size is judged with defaults, and only if both sizes are valid.
SELECT pool_config, problems FROM (VALUES
	('{"min_pool_size": 11}'::jsonb), ('{"pool_size": 9, "min_pool_size": 10}'), ('{"pool_size": 0, "min_pool_size": 10}'),
	('{"pool_size": null, "min_pool_size": 11}'), ('{"pool_size": 2, "min_pool_size": 1.5}')) v(pool_config),
	refusal(jsonb_set(:'body', '{database,pool_config}', pool_config));

-- All problems, in the order of the documentation; beyond 20 they are counted.
\set all_wrong '{"org_id": "", "name": 1, "description": 1, "tags": [1, 2, 3, 4, 5, 6, 7, 8, 9, "10"], "cloud": "x", "self_hosted": 1}'
\set database_wrong '{"host": "", "port": 0, "name": "", "username": "", "password": "", "ssl_mode": "x", "role": "x", "pool_region": 1, "query_timeout_ms": -1, "auto_read_routing": 1, "cache_config": {"enabled": 1, "ttl_seconds": -1, "max_entries": -1, "swr_seconds": -1}, "pool_config": {"pool_size": 0, "min_pool_size": 0, "pool_mode": "x", "max_active": 0}}'
SELECT n, problem FROM refusal(jsonb_set(:'all_wrong', '{database}', :'database_wrong')), unnest(problems) WITH ORDINALITY u(problem, n);
SELECT cardinality(problems) AS lines, problems[cardinality(problems)] AS last FROM (VALUES
	(1, '{ssl_mode,role,pool_region,query_timeout_ms,auto_read_routing,cache_config,pool_config}'::text[]),
	(2, '{role,pool_region,query_timeout_ms,auto_read_routing,cache_config,pool_config}'),
	(3, '{pool_region,query_timeout_ms,auto_read_routing,cache_config,pool_config}')) v(n, sound),
	refusal(jsonb_set(:'all_wrong', '{database}', :'database_wrong'::jsonb - sound)) ORDER BY n;

-- The refusal as psql shows it.
SELECT pgbeam.create_project('{"name": "", "tags": ["a", 1], "database": {"host": "a b", "port": "5432", "name": "d", "ssl_mode": "on"}}');

-- null for a member that is not required counts as absent: the answer is the
-- same.
SELECT masked(undone(:'body')) = masked(undone(jsonb_set(:'body'::jsonb || '{"description": null, "tags": null, "cloud": null, "self_hosted": null}',
	'{database}', (:'body'::jsonb -> 'database') || '{"ssl_mode": null, "role": null, "pool_region": null, "query_timeout_ms": null,
	"auto_read_routing": null, "cache_config": null, "pool_config": null}'))) AS configs_absent,
	masked(undone(:'body')) = masked(undone(jsonb_set(:'body', '{database}', (:'body'::jsonb -> 'database') || '{
	"cache_config": {"enabled": null, "ttl_seconds": null, "max_entries": null, "swr_seconds": null},
	"pool_config": {"pool_size": null, "min_pool_size": null, "pool_mode": null, "max_active": null}}'))) AS members_absent,
	masked(undone(:'body')) = masked(undone(jsonb_set(:'body', '{database}', (:'body'::jsonb -> 'database') ||
	'{"cache_config": {}, "pool_config": {}}'))) AS configs_empty;

-- If a member is given twice, the last one counts, even if it is an object.
SELECT problems FROM refusal('{"name": "", "org_id": "examples", "name": "sound", "database": {"port": 5432, "host": "db.example.com"},
	"database": {"host": "db.example.com", "name": "mydb", "port": 1, "username": "pgbeam", "password": "canary-password-Vq7R2x", "port": 0}}');

-- Unknown members are reported and ignored. A name that could mislead is not
-- repeated.
SELECT masked(undone(jsonb_set(:'body'::jsonb || '{"id": "prj_x", "agents_disabled": true, "status": "deleted", "queries_per_second": -1, "": 1, "a b": 1, "Name": 1}',
	'{database}', (:'body'::jsonb -> 'database') || '{"org_id": 1, "connection_string": "canary", "password_sealed": "canary", "pool_config": {"pool_sise": 1}}'))) =
	masked(undone(:'body')) AS same_answer;

-- Nesting: 64 levels of the whole body, wherever they stand.
SELECT path, levels, CASE json_typeof(answer) WHEN 'object' THEN 'accepted' ELSE answer #>> '{}' END AS outcome FROM (VALUES
	(1, '{more}'::text[], 64), (2, '{more}', 65), (3, '{more}', 70), (4, '{more}', 1000),
	(5, '{database,more}', 64), (6, '{database,more}', 65), (7, '{database,more}', 70),
	(8, '{database,pool_config,more}', 64), (9, '{database,pool_config,more}', 65),
	(10, '{description}', 70), (11, '{tags}', 70), (12, '{database,cache_config}', 70)) v(n, path, levels),
	LATERAL (SELECT repeat('[', levels - cardinality(path)) || repeat(']', levels - cardinality(path))) a(arrays),
	LATERAL (SELECT undone(jsonb_set(jsonb_set(:'body', '{database,pool_config}', '{}'), path, arrays::jsonb))::json) u(answer)
ORDER BY n;

-- Nothing of all this has been written.
SELECT stored() = :'before' AS nothing_written;
DROP FUNCTION stored, problem, refusal, masked, state_of, undone;
