-- The lean peer: createProject as a user would write it in PL/pgSQL, with
-- pgcrypto, checks by IF, no CHECK constraints and no feed of changes. It
-- prints ids as plain UUIDs.

CREATE SCHEMA lean;

CREATE TABLE lean.hosts (
	host text PRIMARY KEY,
	project_id uuid NOT NULL
);

CREATE TABLE lean.projects (
	id uuid PRIMARY KEY,
	org_id text NOT NULL,
	name text NOT NULL,
	description text,
	tags text[] NOT NULL,
	cloud text NOT NULL,
	self_hosted boolean NOT NULL,
	proxy_host text NOT NULL,
	status text NOT NULL,
	created_at timestamptz NOT NULL,
	updated_at timestamptz NOT NULL,
	deleted_at timestamptz
);
CREATE INDEX ON lean.projects (org_id, id) WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX ON lean.projects (org_id, name) WHERE deleted_at IS NULL;

CREATE TABLE lean.databases (
	id uuid PRIMARY KEY,
	project_id uuid NOT NULL REFERENCES lean.projects (id),
	host text NOT NULL,
	port integer NOT NULL,
	name text NOT NULL,
	username text NOT NULL,
	password bytea NOT NULL,
	ssl_mode text NOT NULL,
	role text NOT NULL,
	cache_config jsonb NOT NULL,
	pool_config jsonb NOT NULL,
	created_at timestamptz NOT NULL,
	updated_at timestamptz NOT NULL,
	deleted_at timestamptz
);
CREATE INDEX ON lean.databases (project_id);

CREATE TABLE lean.keys (id integer PRIMARY KEY, secret bytea NOT NULL);
INSERT INTO lean.keys VALUES (1, public.gen_random_bytes(32));

CREATE FUNCTION lean.create_project(body jsonb) RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	d CONSTANT jsonb := body->'database';
	cache CONSTANT jsonb := '{"enabled": true, "ttl_seconds": 60, "max_entries": 10000, "swr_seconds": 30}'::jsonb
		|| coalesce(d->'cache_config', '{}');
	pool CONSTANT jsonb := '{"pool_size": 10, "min_pool_size": 1, "pool_mode": "session", "max_active": 200}'::jsonb
		|| coalesce(d->'pool_config', '{}');
	project lean.projects;
	database lean.databases;
	iv CONSTANT bytea := public.gen_random_bytes(16);
	label text;
BEGIN
	IF coalesce(char_length(body->>'name'), 0) NOT BETWEEN 1 AND 100 THEN
		RAISE EXCEPTION 'name must have 1 to 100 characters' USING ERRCODE = 'PT400';
	ELSIF coalesce(body->>'org_id', '') = '' THEN
		RAISE EXCEPTION 'org_id is required' USING ERRCODE = 'PT400';
	ELSIF jsonb_array_length(coalesce(body->'tags', '[]')) > 10 THEN
		RAISE EXCEPTION 'tags must have at most 10 items' USING ERRCODE = 'PT400';
	ELSIF coalesce(body->>'cloud', 'aws') NOT IN ('aws', 'azure', 'gcp') THEN
		RAISE EXCEPTION 'cloud must be aws, azure or gcp' USING ERRCODE = 'PT400';
	ELSIF coalesce(d->>'host', '') = '' OR coalesce(d->>'name', '') = '' OR coalesce(d->>'username', '') = '' THEN
		RAISE EXCEPTION 'database needs host, name and username' USING ERRCODE = 'PT400';
	ELSIF coalesce((d->>'port')::integer, 0) NOT BETWEEN 1 AND 65535 THEN
		RAISE EXCEPTION 'database.port must be 1 to 65535' USING ERRCODE = 'PT400';
	ELSIF coalesce(d->>'password', '') = '' THEN
		RAISE EXCEPTION 'database.password is required' USING ERRCODE = 'PT400';
	ELSIF coalesce(d->>'ssl_mode', 'prefer') NOT IN ('disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full') THEN
		RAISE EXCEPTION 'database.ssl_mode is unknown' USING ERRCODE = 'PT400';
	ELSIF (pool->>'min_pool_size')::integer > (pool->>'pool_size')::integer THEN
		RAISE EXCEPTION 'min_pool_size must not be greater than pool_size' USING ERRCODE = 'PT400';
	END IF;

	project.id := gen_random_uuid();
	label := trim(left(regexp_replace(lower(body->>'name'), '[^a-z0-9]+', '-', 'g'), 50), '-');
	project.proxy_host := concat(label, '.', coalesce(body->>'cloud', 'aws'), '.pgbeam.app');
	INSERT INTO lean.hosts (host, project_id) VALUES (project.proxy_host, project.id) ON CONFLICT DO NOTHING;
	IF NOT FOUND THEN
		project.proxy_host := concat(label, '-', left(md5(random()::text), 5), '.', coalesce(body->>'cloud', 'aws'), '.pgbeam.app');
		INSERT INTO lean.hosts (host, project_id) VALUES (project.proxy_host, project.id);
	END IF;
	INSERT INTO lean.projects (id, org_id, name, description, tags, cloud, self_hosted, proxy_host, status, created_at, updated_at)
		VALUES (project.id, body->>'org_id', body->>'name', body->>'description',
			ARRAY(SELECT jsonb_array_elements_text(coalesce(body->'tags', '[]'))), coalesce(body->>'cloud', 'aws'),
			coalesce((body->>'self_hosted')::boolean, false), project.proxy_host, 'active', now(), now())
		ON CONFLICT (org_id, name) WHERE deleted_at IS NULL DO NOTHING
		RETURNING * INTO project;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'a project with this name already exists' USING ERRCODE = 'PT409';
	END IF;
	INSERT INTO lean.databases (id, project_id, host, port, name, username, password, ssl_mode, role,
			cache_config, pool_config, created_at, updated_at)
		VALUES (gen_random_uuid(), project.id, d->>'host', (d->>'port')::integer, d->>'name', d->>'username',
			iv || public.encrypt_iv(convert_to(d->>'password', 'UTF8'), (SELECT k.secret FROM lean.keys AS k WHERE k.id = 1),
				iv, 'aes-cbc/pad:pkcs'),
			coalesce(d->>'ssl_mode', 'prefer'), coalesce(d->>'role', 'primary'), cache, pool, now(), now())
		RETURNING * INTO database;

	RETURN jsonb_build_object(
		'project', jsonb_build_object('id', project.id, 'org_id', project.org_id, 'name', project.name,
			'tags', project.tags, 'cloud', project.cloud, 'self_hosted', project.self_hosted,
			'proxy_host', project.proxy_host, 'database_count', 1, 'status', project.status,
			'created_at', project.created_at, 'updated_at', project.updated_at),
		'database', jsonb_build_object('id', database.id, 'project_id', project.id, 'host', database.host,
			'port', database.port, 'name', database.name, 'username', database.username,
			'ssl_mode', database.ssl_mode, 'role', database.role, 'cache_config', database.cache_config,
			'pool_config', database.pool_config, 'created_at', database.created_at, 'updated_at', database.updated_at));
END
$$;
