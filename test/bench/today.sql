-- Today's way: createProject written without an extension, in PL/pgSQL with
-- pgcrypto, on its own tables with pgbeam's columns, keys and CHECKs.

CREATE SCHEMA today;

CREATE TABLE today.organizations (
	org_id text COLLATE "C" PRIMARY KEY CHECK (char_length(org_id) >= 1 AND char_length(org_id) <= 255),
	plan text COLLATE "C" CHECK (plan IN ('starter', 'pro', 'scale', 'enterprise')),
	max_projects integer CHECK (max_projects >= 0),
	max_databases integer CHECK (max_databases >= 0),
	max_connections integer CHECK (max_connections >= 0),
	queries_per_second integer CHECK (queries_per_second >= 0),
	burst_size integer CHECK (burst_size >= 0)
);

CREATE TABLE today.hosts (
	host text COLLATE "C" PRIMARY KEY CHECK (char_length(host) >= 1 AND char_length(host) <= 253),
	org_id text COLLATE "C" NOT NULL,
	project_id uuid NOT NULL,
	kind text COLLATE "C" NOT NULL CHECK (kind IN ('proxy', 'custom'))
);

CREATE TABLE today.projects (
	id uuid NOT NULL,
	org_id text COLLATE "C" NOT NULL CHECK (char_length(org_id) >= 1 AND char_length(org_id) <= 255),
	name text COLLATE "C" NOT NULL CHECK (char_length(name) >= 1 AND char_length(name) <= 100),
	description text CHECK (char_length(description) <= 500),
	tags text[] NOT NULL CHECK (cardinality(tags) <= 10),
	cloud text COLLATE "C" NOT NULL CHECK (cloud IN ('aws', 'azure', 'gcp')),
	self_hosted boolean NOT NULL,
	proxy_host text COLLATE "C" NOT NULL CHECK (char_length(proxy_host) >= 1 AND char_length(proxy_host) <= 253),
	allowed_cidrs text[] NOT NULL CHECK (cardinality(allowed_cidrs) <= 50),
	allowed_cidr_labels text[] NOT NULL,
	default_policy_profile_id uuid,
	residency text COLLATE "C" CHECK (residency IN ('any', 'us', 'eu')),
	agents_disabled boolean,
	database_count integer NOT NULL CHECK (database_count >= 0),
	status text COLLATE "C" NOT NULL CHECK (status IN ('active', 'suspended', 'deleted')),
	created_at timestamptz NOT NULL,
	updated_at timestamptz NOT NULL,
	deleted_at timestamptz,
	PRIMARY KEY (org_id, id),
	CHECK (cardinality(allowed_cidr_labels) = cardinality(allowed_cidrs)),
	CHECK ((status = 'deleted') = (deleted_at IS NOT NULL))
);
CREATE INDEX ON today.projects (id);
CREATE INDEX ON today.projects (org_id, id) WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX ON today.projects (org_id, name) WHERE deleted_at IS NULL;

CREATE TABLE today.databases (
	id uuid NOT NULL,
	org_id text COLLATE "C" NOT NULL CHECK (char_length(org_id) >= 1 AND char_length(org_id) <= 255),
	project_id uuid NOT NULL,
	host text NOT NULL
		CHECK (char_length(host) >= 1 AND host !~ '^[/@]' AND host !~ '[\s,\x01-\x1f\x7f-\x9f]'),
	port integer NOT NULL CHECK (port >= 1 AND port <= 65535),
	name text NOT NULL CHECK (char_length(name) >= 1 AND name !~ '[\x01-\x1f\x7f-\x9f]'),
	username text NOT NULL CHECK (char_length(username) >= 1 AND username !~ '[\x01-\x1f\x7f-\x9f]'),
	password_sealed bytea,
	password_generation integer NOT NULL CHECK (password_generation >= 1),
	ssl_mode text COLLATE "C" NOT NULL
		CHECK (ssl_mode IN ('disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full')),
	role text COLLATE "C" NOT NULL CHECK (role IN ('primary', 'replica')),
	pool_region text CHECK (char_length(pool_region) <= 255),
	query_timeout_ms integer CHECK (query_timeout_ms >= 0 AND query_timeout_ms <= 300000),
	auto_read_routing boolean,
	cache_enabled boolean NOT NULL,
	cache_ttl_seconds integer NOT NULL CHECK (cache_ttl_seconds >= 0 AND cache_ttl_seconds <= 86400),
	cache_max_entries integer NOT NULL CHECK (cache_max_entries >= 0 AND cache_max_entries <= 1000000),
	cache_swr_seconds integer NOT NULL CHECK (cache_swr_seconds >= 0 AND cache_swr_seconds <= 86400),
	pool_size integer NOT NULL CHECK (pool_size >= 1 AND pool_size <= 10000),
	min_pool_size integer NOT NULL CHECK (min_pool_size >= 1 AND min_pool_size <= 10000),
	pool_mode text COLLATE "C" NOT NULL CHECK (pool_mode IN ('session', 'transaction', 'statement')),
	max_active integer NOT NULL CHECK (max_active >= 1 AND max_active <= 10000),
	created_at timestamptz NOT NULL,
	updated_at timestamptz NOT NULL,
	deleted_at timestamptz,
	PRIMARY KEY (org_id, id),
	FOREIGN KEY (org_id, project_id) REFERENCES today.projects (org_id, id),
	CHECK ((password_sealed IS NULL) = (deleted_at IS NOT NULL)),
	CHECK (min_pool_size <= pool_size)
);
CREATE INDEX ON today.databases (id);
CREATE INDEX ON today.databases (org_id, project_id);

CREATE TABLE today.keys (id integer PRIMARY KEY, secret bytea NOT NULL);
INSERT INTO today.keys VALUES (1, public.gen_random_bytes(32));

CREATE FUNCTION today.uuid7(at timestamptz) RETURNS uuid
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
	clock text := lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0');
BEGIN
	RETURN left(clock, 8) || '-' || right(clock, 4) || '-7' || substr(gen_random_uuid()::text, 16);
END
$$;

CREATE FUNCTION today.typeid(prefix text, id uuid) RETURNS text
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
	digits CONSTANT text := '0123456789abcdefghjkmnpqrstvwxyz';
	bits bit(130) := B'00' || ('x' || replace(id::text, '-', ''))::bit(128);
	spelled text := prefix || '_';
BEGIN
	FOR i IN 0 .. 25 LOOP
		spelled := spelled || substr(digits, 1 + substring(bits FROM 1 + 5 * i FOR 5)::integer, 1);
	END LOOP;
	RETURN spelled;
END
$$;

CREATE FUNCTION today.percent(plain text) RETURNS text
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
	c text;
	encoded text := '';
BEGIN
	IF plain ~ '^[A-Za-z0-9._~-]*$' THEN
		RETURN plain;
	END IF;
	FOREACH c IN ARRAY regexp_split_to_array(plain, '') LOOP
		IF c !~ '[A-Za-z0-9._~-]' THEN
			c := regexp_replace(upper(encode(convert_to(c, 'UTF8'), 'hex')), '(..)', '%\1', 'g');
		END IF;
		encoded := encoded || c;
	END LOOP;
	RETURN encoded;
END
$$;

-- Whether a member is an integer within a range; in SQL, so that it is
-- inlined.
CREATE FUNCTION today.is_integer(value jsonb, low integer, high integer) RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$
	SELECT CASE WHEN jsonb_typeof(value) = 'number'
		THEN value::numeric BETWEEN low AND high AND value::numeric = trunc(value::numeric)
		ELSE false END
$$;

-- The problems of a body whose defaults have been filled in.
CREATE FUNCTION today.problems(p jsonb, d jsonb, cache jsonb, pool jsonb) RETURNS text[]
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
	found text[] := '{}';
BEGIN
	IF jsonb_typeof(p->'name') IS DISTINCT FROM 'string' OR char_length(p->>'name') NOT BETWEEN 1 AND 100 THEN
		found := found || 'name must be a string of 1 to 100 characters'::text;
	END IF;
	IF jsonb_typeof(p->'org_id') IS DISTINCT FROM 'string' OR char_length(p->>'org_id') NOT BETWEEN 1 AND 255 THEN
		found := found || 'org_id must be a string of 1 to 255 characters'::text;
	END IF;
	IF p ? 'description' AND (jsonb_typeof(p->'description') <> 'string' OR char_length(p->>'description') > 500) THEN
		found := found || 'description must be a string of at most 500 characters'::text;
	END IF;
	IF jsonb_typeof(p->'tags') <> 'array' THEN
		found := found || 'tags must be an array'::text;
	ELSIF jsonb_array_length(p->'tags') > 10 THEN
		found := found || 'tags must have at most 10 items'::text;
	ELSIF EXISTS (SELECT FROM jsonb_array_elements(p->'tags') AS tag
			WHERE jsonb_typeof(tag) <> 'string' OR char_length(tag #>> '{}') > 50) THEN
		found := found || 'tags must hold strings of at most 50 characters'::text;
	END IF;
	IF p->>'cloud' NOT IN ('aws', 'azure', 'gcp') THEN
		found := found || 'cloud must be one of aws, azure, gcp'::text;
	END IF;
	IF jsonb_typeof(p->'self_hosted') <> 'boolean' THEN
		found := found || 'self_hosted must be a boolean'::text;
	END IF;
	IF jsonb_typeof(d->'host') IS DISTINCT FROM 'string' OR d->>'host' !~ '^[^/@\s,\x01-\x1f\x7f-\x9f][^\s,\x01-\x1f\x7f-\x9f]*$' THEN
		found := found || 'database.host must be one host'::text;
	END IF;
	IF NOT today.is_integer(d->'port', 1, 65535) THEN
		found := found || 'database.port must be an integer of 1 to 65535'::text;
	END IF;
	IF jsonb_typeof(d->'name') IS DISTINCT FROM 'string' OR d->>'name' !~ '^[^\x01-\x1f\x7f-\x9f]+$' THEN
		found := found || 'database.name must be a string without control characters'::text;
	END IF;
	IF jsonb_typeof(d->'username') IS DISTINCT FROM 'string' OR d->>'username' !~ '^[^\x01-\x1f\x7f-\x9f]+$' THEN
		found := found || 'database.username must be a string without control characters'::text;
	END IF;
	IF jsonb_typeof(d->'password') IS DISTINCT FROM 'string' OR d->>'password' = '' THEN
		found := found || 'database.password must be a string that is not empty'::text;
	END IF;
	IF d->>'ssl_mode' NOT IN ('disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full') THEN
		found := found || 'database.ssl_mode must be one of disable, allow, prefer, require, verify-ca, verify-full'::text;
	END IF;
	IF d->>'role' NOT IN ('primary', 'replica') THEN
		found := found || 'database.role must be one of primary, replica'::text;
	END IF;
	IF d ? 'pool_region' AND (jsonb_typeof(d->'pool_region') <> 'string' OR char_length(d->>'pool_region') > 255) THEN
		found := found || 'database.pool_region must be a string of at most 255 characters'::text;
	END IF;
	IF d ? 'query_timeout_ms' AND NOT today.is_integer(d->'query_timeout_ms', 0, 300000) THEN
		found := found || 'database.query_timeout_ms must be an integer of 0 to 300000'::text;
	END IF;
	IF jsonb_typeof(d->'auto_read_routing') <> 'boolean' THEN
		found := found || 'database.auto_read_routing must be a boolean'::text;
	END IF;
	IF jsonb_typeof(cache->'enabled') <> 'boolean' THEN
		found := found || 'database.cache_config.enabled must be a boolean'::text;
	END IF;
	IF NOT today.is_integer(cache->'ttl_seconds', 0, 86400) THEN
		found := found || 'database.cache_config.ttl_seconds must be an integer of 0 to 86400'::text;
	END IF;
	IF NOT today.is_integer(cache->'max_entries', 0, 1000000) THEN
		found := found || 'database.cache_config.max_entries must be an integer of 0 to 1000000'::text;
	END IF;
	IF NOT today.is_integer(cache->'swr_seconds', 0, 86400) THEN
		found := found || 'database.cache_config.swr_seconds must be an integer of 0 to 86400'::text;
	END IF;
	IF pool->>'pool_mode' NOT IN ('session', 'transaction', 'statement') THEN
		found := found || 'database.pool_config.pool_mode must be one of session, transaction, statement'::text;
	END IF;
	IF NOT today.is_integer(pool->'max_active', 1, 10000) THEN
		found := found || 'database.pool_config.max_active must be an integer of 1 to 10000'::text;
	END IF;
	IF NOT today.is_integer(pool->'pool_size', 1, 10000) THEN
		found := found || 'database.pool_config.pool_size must be an integer of 1 to 10000'::text;
	ELSIF NOT today.is_integer(pool->'min_pool_size', 1, 10000) THEN
		found := found || 'database.pool_config.min_pool_size must be an integer of 1 to 10000'::text;
	ELSIF (pool->'min_pool_size')::integer > (pool->'pool_size')::integer THEN
		found := found || 'database.pool_config.min_pool_size must not be greater than pool_size'::text;
	END IF;
	RETURN found;
END
$$;

-- The host that a new project gets.
CREATE FUNCTION today.claim_host(name text, cloud text, org text, project uuid) RETURNS text
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
	label text := coalesce(nullif(trim(left(regexp_replace(lower(name), '[^a-z0-9]+', '-', 'g'), 50), '-'), ''), 'p');
	claimed text;
BEGIN
	FOR attempt IN 1 .. 5 LOOP
		INSERT INTO today.hosts (host, org_id, project_id, kind)
			VALUES (concat(label, '.', cloud, '.pgbeam.app'), org, project, 'proxy')
			ON CONFLICT DO NOTHING RETURNING host INTO claimed;
		IF FOUND THEN
			RETURN claimed;
		END IF;
		label := left(label, 50) || '-' || substr(md5(random()::text), 1, 5);
	END LOOP;
	RAISE EXCEPTION 'no free host was found';
END
$$;

CREATE FUNCTION today.create_project(body jsonb) RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	p jsonb;
	d jsonb;
	cache jsonb;
	pool jsonb;
	found_problems text[];
	organization today.organizations;
	project today.projects;
	database today.databases;
	project_id text;
	at timestamptz := date_trunc('milliseconds', clock_timestamp());
	printed_at text := to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"');
	iv bytea := public.gen_random_bytes(16);
BEGIN
	IF jsonb_typeof(body) IS DISTINCT FROM 'object' THEN
		RAISE EXCEPTION 'the request body must be a JSON object' USING ERRCODE = 'PT400';
	ELSIF jsonb_typeof(body->'database') IS DISTINCT FROM 'object' THEN
		RAISE EXCEPTION 'database must be an object' USING ERRCODE = 'PT400';
	END IF;
	p := '{"tags": [], "cloud": "aws", "self_hosted": false}'::jsonb || jsonb_strip_nulls(body);
	d := '{"ssl_mode": "verify-full", "role": "primary", "cache_config": {}, "pool_config": {}}'::jsonb || (p->'database');
	IF jsonb_typeof(d->'cache_config') <> 'object' OR jsonb_typeof(d->'pool_config') <> 'object' THEN
		RAISE EXCEPTION 'cache_config and pool_config must be objects' USING ERRCODE = 'PT400';
	END IF;
	cache := '{"enabled": true, "ttl_seconds": 60, "max_entries": 10000, "swr_seconds": 30}'::jsonb || (d->'cache_config');
	pool := '{"pool_size": 10, "min_pool_size": 1, "pool_mode": "session", "max_active": 200}'::jsonb || (d->'pool_config');
	found_problems := today.problems(p, d, cache, pool);
	IF cardinality(found_problems) > 0 THEN
		RAISE EXCEPTION '%', found_problems[1] USING ERRCODE = 'PT400',
			DETAIL = array_to_string(found_problems, E'\n');
	END IF;

	SELECT * INTO organization FROM today.organizations AS o WHERE o.org_id = p->>'org_id';
	IF NOT FOUND THEN
		INSERT INTO today.organizations (org_id) VALUES (p->>'org_id') ON CONFLICT DO NOTHING;
	ELSIF organization.max_projects > 0 THEN
		PERFORM FROM today.organizations AS o WHERE o.org_id = p->>'org_id' FOR UPDATE;
		IF (SELECT count(*) FROM today.projects AS t
				WHERE t.org_id = p->>'org_id' AND t.deleted_at IS NULL) >= organization.max_projects THEN
			RAISE EXCEPTION 'project limit reached: your plan allows % projects', organization.max_projects
				USING ERRCODE = 'PT403';
		END IF;
	END IF;

	project.id := today.uuid7(at);
	project.proxy_host := today.claim_host(p->>'name', p->>'cloud', p->>'org_id', project.id);
	INSERT INTO today.projects (id, org_id, name, description, tags, cloud, self_hosted, proxy_host,
			allowed_cidrs, allowed_cidr_labels, residency, agents_disabled, database_count, status, created_at, updated_at)
		VALUES (project.id, p->>'org_id', p->>'name', nullif(p->>'description', ''),
			ARRAY(SELECT jsonb_array_elements_text(p->'tags')), p->>'cloud', (p->'self_hosted')::boolean,
			project.proxy_host, '{}', '{}', NULL, NULL, 1, 'active', at, at)
		ON CONFLICT (org_id, name) WHERE deleted_at IS NULL DO NOTHING
		RETURNING * INTO project;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'a project with this name already exists in the organization' USING ERRCODE = 'PT409';
	END IF;
	INSERT INTO today.databases (id, org_id, project_id, host, port, name, username, password_sealed,
			password_generation, ssl_mode, role, pool_region, query_timeout_ms, auto_read_routing,
			cache_enabled, cache_ttl_seconds, cache_max_entries, cache_swr_seconds,
			pool_size, min_pool_size, pool_mode, max_active, created_at, updated_at)
		SELECT today.uuid7(at), project.org_id, project.id, d->>'host', (d->'port')::integer,
			d->>'name', d->>'username',
			iv || public.encrypt_iv(convert_to(d->>'password', 'UTF8'), k.secret, iv, 'aes-cbc/pad:pkcs'),
			1, d->>'ssl_mode', d->>'role', nullif(d->>'pool_region', ''),
			(d->'query_timeout_ms')::integer, (d->'auto_read_routing')::boolean,
			(cache->'enabled')::boolean, (cache->'ttl_seconds')::integer,
			(cache->'max_entries')::integer, (cache->'swr_seconds')::integer,
			(pool->'pool_size')::integer, (pool->'min_pool_size')::integer,
			pool->>'pool_mode', (pool->'max_active')::integer, at, at
		FROM today.keys AS k WHERE k.id = 1
		RETURNING * INTO database;

	project_id := today.typeid('prj', project.id);
	RETURN jsonb_build_object(
		'project', jsonb_strip_nulls(jsonb_build_object(
			'id', project_id, 'org_id', project.org_id, 'name', project.name,
			'description', project.description, 'tags', project.tags, 'cloud', project.cloud,
			'self_hosted', project.self_hosted,
			'proxy_host', project.proxy_host,
			'queries_per_second', coalesce(organization.queries_per_second, 0),
			'burst_size', coalesce(organization.burst_size, 0),
			'max_connections', coalesce(organization.max_connections, 0),
			'allowed_cidrs', '[]'::jsonb, 'database_count', 1, 'active_connections', 0,
			'status', project.status, 'created_at', printed_at, 'updated_at', printed_at)),
		'database', jsonb_strip_nulls(jsonb_build_object(
			'id', today.typeid('db', database.id), 'project_id', project_id,
			'connection_string', concat('postgresql://', today.percent(database.username),
				':YOUR_PASSWORD@', project.proxy_host, ':5432/', today.percent(database.name)),
			'host', database.host, 'port', database.port, 'name', database.name,
			'username', database.username, 'ssl_mode', database.ssl_mode, 'role', database.role,
			'pool_region', database.pool_region, 'query_timeout_ms', database.query_timeout_ms,
			'auto_read_routing', database.auto_read_routing,
			'cache_config', jsonb_build_object('enabled', database.cache_enabled,
				'ttl_seconds', database.cache_ttl_seconds, 'max_entries', database.cache_max_entries,
				'swr_seconds', database.cache_swr_seconds),
			'pool_config', jsonb_build_object('pool_size', database.pool_size,
				'min_pool_size', database.min_pool_size, 'pool_mode', database.pool_mode,
				'max_active', database.max_active),
			'created_at', printed_at, 'updated_at', printed_at)));
END
$$;
