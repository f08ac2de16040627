-- Defines what is measured, how a round runs, and how rounds are evaluated.
-- The variable "module" names the library made from bench.c.

CREATE SCHEMA bench;

CREATE FUNCTION bench.call(variant text, function regprocedure, ready text,
	OUT cpu_us float8, OUT wal_bytes float8, OUT statements float8)
LANGUAGE c VOLATILE STRICT AS :'module', 'bench_call';

CREATE FUNCTION bench.run(variant text, ready text, statements text[], widths integer[],
	reads boolean DEFAULT false, rows integer DEFAULT 1,
	OUT cpu_us float8, OUT wal_bytes float8, OUT statements float8)
LANGUAGE c VOLATILE STRICT AS :'module', 'bench_run';

-- Whether a bar is met, by CPU time or where that is noisy by instructions.
CREATE FUNCTION bench.verdict(cpu boolean, instructions boolean) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
	SELECT CASE WHEN cpu THEN 'ok' WHEN instructions THEN 'ok in instructions only' ELSE 'missed' END
$$;

CREATE TABLE bench.variants (variant text PRIMARY KEY, position integer, title text);
INSERT INTO bench.variants VALUES
	('plans', 1, 'the limit, as three plans'),
	('chain', 2, 'the limit, as one chain'),
	('silent', 3, '  which returns nothing'),
	('noted', 4, '  and writes both changes'),
	('pgbeam', 5, 'pgbeam.create_project'),
	('update', 6, 'pgbeam.update_project'),
	('delete', 7, 'pgbeam.delete_project'),
	('lean', 8, 'lean PL/pgSQL'),
	('today', 9, 'today''s way'),
	('bare', 10, 'today''s way, no CHECKs');

-- The indexes of the tables that a create writes, and what each is for.
CREATE TABLE bench.indexes (position integer GENERATED ALWAYS AS IDENTITY, index_name text, serves text);
INSERT INTO bench.indexes (index_name, serves) VALUES
	('hosts_pkey', 'a create claims the host; proxies look it up'),
	('projects_pkey', 'locks, updates and deletes; a find by a caller; the foreign key'),
	('projects_id_idx', 'a find by trusted SQL, which knows no organization'),
	('projects_living_idx', 'list_projects by created_at, and its total'),
	('projects_deleted_idx', 'a purge finds the oldest deleted projects'),
	('projects_name_key', 'a create and an update: the name is unique; list_projects by name'),
	('project_marks_pkey', 'list_projects by a tag or suspended, and the total of that'),
	('databases_pkey', 'locks, updates and deletes; a find by a caller'),
	('databases_id_idx', 'a find by trusted SQL: reveal_password'),
	('databases_deleted_idx', 'a purge finds the oldest deleted databases'),
	('databases_project_idx', 'list_databases; a delete of the project'),
	('changes_pkey', 'read_changes, and the sweep of old changes');

CREATE TABLE bench.costs (
	variant text, round integer, calls integer, cpu_us float8, wal_bytes float8, statements float8);
CREATE VIEW bench.kept AS SELECT * FROM bench.costs WHERE round > 0;
CREATE TABLE bench.instructions (variant text, count float8);

-- All names are in one organization and in random order, so that every variant
-- meets the same index pages: writing at the end of an index, for example, is
-- cheaper. One variant is in order, to show by how much.
CREATE FUNCTION bench.name(variant text, round integer, n integer) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
	SELECT CASE variant WHEN 'ordered' THEN concat('o', lpad(round::text, 9, '0'), lpad(n::text, 6, '0'))
		ELSE substr(md5(concat_ws(' ', variant, round, n)), 1, 16) END
$$;

CREATE FUNCTION bench.body(variant text, round integer, n integer) RETURNS jsonb
LANGUAGE sql IMMUTABLE AS $$
	SELECT jsonb_build_object(
		'name', bench.name(variant, round, n), 'org_id', 'org_bench',
		'tags', '["production", "eu"]'::jsonb,
		'database', '{
			"host": "db.example.com", "port": 5432, "name": "orders",
			"username": "pgbeam", "password": "correct horse battery",
			"ssl_mode": "verify-full",
			"pool_config": {"pool_size": 20, "min_pool_size": 2, "pool_mode": "transaction", "max_active": 100}
		}'::jsonb)
$$;

-- The values for the limit: the sample's rows, as create_project wrote them,
-- with new ids and names.
CREATE FUNCTION bench.ready(variant text, round integer, calls integer)
RETURNS TABLE (host text, project pgbeam.projects, database pgbeam.databases)
LANGUAGE sql VOLATILE AS $$
	SELECT replace(p.proxy_host, p.name, new.name),
		jsonb_populate_record(p, jsonb_build_object('id', new.project_id,
			'name', new.name, 'proxy_host', replace(p.proxy_host, p.name, new.name))),
		jsonb_populate_record(d, jsonb_build_object('id', new.database_id,
			'project_id', new.project_id))
	FROM pgbeam.projects AS p
	JOIN pgbeam.databases AS d ON d.org_id = p.org_id AND d.project_id = p.id,
	(SELECT bench.name(variant, round, n),
			pgbeam.typeid_decode(pgbeam.typeid('')) AS project_id,
			pgbeam.typeid_decode(pgbeam.typeid('')) AS database_id
		FROM generate_series(1, calls) AS n) AS new
	WHERE p.org_id = 'org_bench' AND p.name = bench.name('sample', 0, 0)
$$;

-- The columns that a create writes.
CREATE FUNCTION bench.columns(table_name text, prefix text DEFAULT '') RETURNS text
LANGUAGE sql STABLE AS $$
	SELECT string_agg(prefix || attname, ', ' ORDER BY attnum)
	FROM pg_attribute WHERE attrelid = table_name::regclass AND attnum > 0 AND NOT attisdropped
$$;

CREATE FUNCTION bench.parameters(first integer, count integer) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
	SELECT string_agg('$' || n, ', ') FROM generate_series(first, first + count - 1) AS n
$$;

CREATE FUNCTION bench.width(table_name text) RETURNS integer
LANGUAGE sql STABLE AS $$
	SELECT regexp_count(bench.columns(table_name), ',') + 1
$$;

-- An insert whose parameters begin with this number, of the row or of what a
-- query gives.
CREATE FUNCTION bench.insert(table_name text, first integer, source text DEFAULT NULL) RETURNS text
LANGUAGE sql STABLE AS $$
	SELECT format('INSERT INTO %s (%s) ', table_name, bench.columns(table_name)) ||
		format(CASE WHEN source IS NULL THEN 'VALUES (%s)' ELSE 'SELECT %s FROM %s' END,
			bench.parameters(first, bench.width(table_name)), source)
$$;

-- The limit writes the rows of create_project by SQL and does nothing else, as three
-- statements that return what they wrote, or as one chain that does. Two more
-- are for comparison: a chain that returns nothing, and one that writes the two
-- changes as well.
CREATE FUNCTION bench.limit_statements(variant text, OUT statements text[], OUT widths integer[])
LANGUAGE plpgsql STABLE AS $$
DECLARE
	host CONSTANT text := 'INSERT INTO pgbeam.hosts (host, org_id, project_id, kind) '
		'VALUES ($1, $2, $3, ''proxy'') ON CONFLICT (host) DO NOTHING RETURNING host';
	marks CONSTANT text := format('marks AS (INSERT INTO pgbeam.project_marks (org_id, project_id, mark, key) '
		'VALUES ($2, $3, ''tag=production'', %s), ($2, $3, ''tag=eu'', %s))', -- as bench.body has them
		pgbeam.mark_key('org_bench', 'tag=production'), pgbeam.mark_key('org_bench', 'tag=eu'));
	free CONSTANT text := ' ON CONFLICT (org_id, name) WHERE deleted_at IS NULL DO NOTHING RETURNING ';
	p CONSTANT text := 'pgbeam.projects';
	d CONSTANT text := 'pgbeam.databases';
	c CONSTANT text := 'pgbeam.changes';
	after_p CONSTANT integer := 4 + bench.width(p);
	after_d CONSTANT integer := after_p + bench.width(d);
	changes text := '';
BEGIN
	IF variant = 'plans' THEN
		statements := ARRAY[format('WITH %s %s', marks, host), bench.insert(p, 1) || free || bench.columns(p),
			bench.insert(d, 1) || ' RETURNING ' || bench.columns(d)];
		widths := ARRAY[3, bench.width(p), bench.width(d)];
		RETURN;
	END IF;
	IF variant = 'noted' THEN
		changes := format(', changes AS (%s, (%s))', bench.insert(c, after_d),
			bench.parameters(after_d + bench.width(c), bench.width(c)));
	END IF;
	statements := ARRAY[format('WITH %s, host AS (%s), project AS (%s)%s %s%s', marks, host,
		bench.insert(p, 4, 'host') || free || 'true', changes, bench.insert(d, after_p, 'project'),
		CASE WHEN variant = 'chain' THEN ' RETURNING ' || bench.columns(d) ELSE '' END)];
	widths := ARRAY[after_d - 1 + CASE WHEN variant = 'noted' THEN 2 * bench.width(c) ELSE 0 END];
END
$$;

-- The same ready values; those of a change are written as create_project's.
CREATE FUNCTION bench.limit_ready(variant text, round integer, calls integer) RETURNS text
LANGUAGE sql STABLE AS $$
	SELECT format('SELECT host, (project).org_id, (project).id, %s, %s%s FROM bench.ready(%L, %s, %s), '
		'(SELECT c AS change FROM pgbeam.changes AS c WHERE org_id = ''org_bench'' LIMIT 1) AS one OFFSET 0',
		bench.columns('pgbeam.projects', '(project).'), bench.columns('pgbeam.databases', '(database).'),
		CASE WHEN variant = 'noted' THEN repeat(', ' || replace(bench.columns('pgbeam.changes', '(change).'),
			'(change).id', 'gen_random_uuid() AS id'), 2) ELSE '' END, variant, round, calls)
$$;

-- The ids of projects that an update or a delete is measured on: living ones of
-- any variant, all over the table.
CREATE FUNCTION bench.any_living(round integer, calls integer) RETURNS SETOF text
LANGUAGE sql VOLATILE AS $$
	SELECT pgbeam.typeid_encode('prj', id) FROM pgbeam.projects
	WHERE org_id = 'org_bench' AND deleted_at IS NULL AND name <> bench.name('sample', 0, 0)
	ORDER BY md5(id::text || round) LIMIT calls
$$;

-- What a variant calls, and the query of the arguments.
CREATE FUNCTION bench.call_of(variant text, round integer, calls integer, OUT function text, OUT ready text)
LANGUAGE plpgsql STABLE AS $$
BEGIN
	IF variant = 'update' THEN
		function := 'pgbeam.update_project(text,jsonb)';
		ready := format('SELECT id, jsonb_build_object(''description'', %L || id) FROM bench.any_living(%s, %s) AS id OFFSET 0',
			round, round, calls);
	ELSIF variant = 'delete' THEN
		function := 'pgbeam.delete_project(text)';
		ready := format('SELECT bench.any_living(%s, %s)', -round, calls);
	ELSE
		function := format('%s.create_project(jsonb)', replace(variant, 'ordered', 'pgbeam'));
		ready := format('SELECT bench.body(%L, %s, n) FROM generate_series(1, %s) AS n', variant, round, calls);
	END IF;
END
$$;

-- One variant's cost per call.
CREATE FUNCTION bench.measure(variant text, round integer, calls integer,
	OUT cpu_us float8, OUT wal_bytes float8, OUT statements float8)
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
	made record;
BEGIN
	IF variant IN ('plans', 'chain', 'silent', 'noted') THEN
		made := bench.limit_statements(variant);
		SELECT * INTO cpu_us, wal_bytes, statements FROM bench.run(variant,
			bench.limit_ready(variant, round, calls), made.statements, made.widths);
	ELSE
		made := bench.call_of(variant, round, calls);
		SELECT * INTO cpu_us, wal_bytes, statements FROM bench.call(variant, made.function::regprocedure, made.ready);
	END IF;
END
$$;

-- A create's cost, kept under another name.
CREATE FUNCTION bench.measure_as(variant text, round integer, calls integer) RETURNS float8
LANGUAGE sql VOLATILE AS $$
	SELECT cpu_us FROM bench.call(variant, 'pgbeam.create_project(jsonb)',
		format('SELECT bench.body(%L, %s, n) FROM generate_series(1, %s) AS n', variant, round, calls))
$$;

-- The cost of a create compared with others of its kind, for example in
-- another database.
CREATE FUNCTION bench.measure_create(variant text, round integer, calls integer) RETURNS float8
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
	PERFORM bench.measure(variant, 100000 + round, 50); -- warms up
	RETURN (SELECT cpu_us FROM bench.measure(variant, round, calls));
END
$$;

-- Round 0 warms up, and bench.kept leaves it out. Each variant has one
-- transaction in a round, and each round begins with a different variant.
CREATE PROCEDURE bench.rounds(rounds integer, calls integer)
LANGUAGE plpgsql AS $$
DECLARE
	names text[] := ARRAY(SELECT variant FROM bench.variants ORDER BY position);
	name text;
	cost record;
BEGIN
	FOR round IN 0 .. rounds LOOP
		FOR i IN 1 .. cardinality(names) LOOP
			name := names[1 + (round + i) % cardinality(names)];
			cost := bench.measure(name, round, calls);
			INSERT INTO bench.costs VALUES (name, round, calls, cost.cpu_us, cost.wal_bytes, cost.statements);
			COMMIT;
		END LOOP;
	END LOOP;
END
$$;
