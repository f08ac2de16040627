-- Defines what is measured, how a round runs, and how rounds are evaluated.
-- The variable "module" names the library made from bench.c.

CREATE SCHEMA bench;

CREATE FUNCTION bench.call(variant text, function regprocedure, ready text,
	OUT cpu_us float8, OUT wal_bytes float8)
LANGUAGE c VOLATILE STRICT AS :'module', 'bench_call';

CREATE FUNCTION bench.run(variant text, ready text, statements text[], widths integer[],
	reads boolean DEFAULT false, rows integer DEFAULT 1,
	OUT cpu_us float8, OUT wal_bytes float8)
LANGUAGE c VOLATILE STRICT AS :'module', 'bench_run';

CREATE TABLE bench.variants (variant text PRIMARY KEY, position integer, title text);
INSERT INTO bench.variants VALUES
	('plans', 1, 'the limit, as three plans'),
	('chain', 2, 'the limit, as one chain'),
	('unnoted', 3, '  pgbeam''s, without changes'),
	('pgbeam', 4, 'pgbeam.create_project'),
	('today', 5, 'today''s way'),
	('bare', 6, 'today''s way, no CHECKs');

CREATE TABLE bench.costs (
	variant text, round integer, calls integer, cpu_us float8, wal_bytes float8);
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
	SELECT string_agg(prefix || f.column_name, ', ' ORDER BY ordinality)
	FROM pgbeam.fields() WITH ORDINALITY AS f
	WHERE f.table_name = $1 AND f.column_name IS NOT NULL
$$;

CREATE FUNCTION bench.parameters(first integer, count integer) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
	SELECT string_agg('$' || n, ', ') FROM generate_series(first, first + count - 1) AS n
$$;

-- The limit writes the same rows as create_project and does nothing else: its
-- three statements (src/resources/host.c, src/resources/resource.c), or the
-- same as one chain.
CREATE FUNCTION bench.limit_statements(variant text, OUT statements text[], OUT widths integer[])
LANGUAGE plpgsql STABLE AS $$
DECLARE
	host CONSTANT text := 'INSERT INTO pgbeam.hosts (host, org_id, project_id, kind) '
		'VALUES ($1, $2, $3, ''proxy'') ON CONFLICT (host) DO NOTHING RETURNING host';
	project CONSTANT text := 'INSERT INTO pgbeam.projects (%s) %s '
		'ON CONFLICT (org_id, name) WHERE deleted_at IS NULL DO NOTHING RETURNING %s';
	database CONSTANT text := 'INSERT INTO pgbeam.databases (%s) %s RETURNING %1$s';
	p text := bench.columns('pgbeam.projects');
	d text := bench.columns('pgbeam.databases');
	p_width integer := regexp_count(p, ',') + 1;
	d_width integer := regexp_count(d, ',') + 1;
BEGIN
	IF variant = 'plans' THEN
		statements := ARRAY[host,
			format(project, p, format('VALUES (%s)', bench.parameters(1, p_width)), p),
			format(database, d, format('VALUES (%s)', bench.parameters(1, d_width)))];
		widths := ARRAY[3, p_width, d_width];
	ELSE
		statements := ARRAY[format('WITH host AS (%s), project AS (%s) %s', host,
			format(project, p, format('SELECT %s FROM host', bench.parameters(4, p_width)), 'id'),
			format(database, d, format('SELECT %s FROM project', bench.parameters(4 + p_width, d_width))))];
		widths := ARRAY[3 + p_width + d_width];
	END IF;
END
$$;

-- One variant's cost per call.
CREATE FUNCTION bench.measure(variant text, round integer, calls integer,
	OUT cpu_us float8, OUT wal_bytes float8)
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
	made record;
BEGIN
	PERFORM set_config('bench.skips_changes', (variant IN ('unnoted', 'ordered'))::text, true);
	IF variant IN ('pgbeam', 'unnoted', 'ordered', 'today', 'bare') THEN
		SELECT * INTO cpu_us, wal_bytes FROM bench.call(variant,
			format('%s.create_project(jsonb)', CASE WHEN variant IN ('unnoted', 'ordered') THEN 'pgbeam' ELSE variant END)::regprocedure,
			format('SELECT bench.body(%L, %s, n) FROM generate_series(1, %s) AS n', variant, round, calls));
	ELSE
		made := bench.limit_statements(variant);
		SELECT * INTO cpu_us, wal_bytes FROM bench.run(variant,
			format('SELECT host, (project).org_id, (project).id, %s, %s FROM bench.ready(%L, %s, %s) OFFSET 0',
				bench.columns('pgbeam.projects', '(project).'),
				bench.columns('pgbeam.databases', '(database).'), variant, round, calls),
			made.statements, made.widths);
	END IF;
END
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
			INSERT INTO bench.costs VALUES (name, round, calls, cost.cpu_us, cost.wal_bytes);
			COMMIT;
		END LOOP;
	END LOOP;
END
$$;
