-- Lists, reads and creates among very many projects: makes the rows and
-- measures. Runs in its own database, after bench.sql and today.sql. The
-- variables tell how many projects and rounds, and how to connect to a
-- database without projects.

CREATE EXTENSION dblink;
-- Writes are measured without a purge of those that were deleted long ago.
SET pgbeam.deleted_retention = 36500;
LOAD :'module';

-- One organization has nearly all of them, thousands share the rest, and some
-- are deleted. Their ids and times go back from now, half a minute apart.
CREATE FUNCTION bench.uuid7(salt text, n bigint, ms bigint) RETURNS uuid
LANGUAGE sql IMMUTABLE AS $$
	SELECT (lpad(to_hex(ms), 12, '0') || '7' || substr(h, 1, 3) || '8' || substr(h, 4, 15))::uuid
	FROM md5(salt || n) AS h
$$;

CREATE TABLE bench.fresh (
	n integer PRIMARY KEY, name text, at timestamptz, org_id text,
	project_id uuid, database_id uuid, deleted_at timestamptz, tags text[], suspended boolean);

-- Writes the rows that create_project would write, with CHECKs and keys in
-- force: the sample's rows with values of their own. The sealed passwords are
-- copies, which only the sample's row opens.
CREATE PROCEDURE bench.fill(relation regclass, sample text, after integer, own jsonb)
LANGUAGE plpgsql AS $$
DECLARE
	columns text;
	sources text;
BEGIN
	SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum),
			string_agg(coalesce(own->>attname, 'sample.' || quote_ident(attname)), ', ' ORDER BY attnum)
		INTO columns, sources
		FROM pg_attribute WHERE attrelid = relation AND attnum > 0 AND NOT attisdropped;
	EXECUTE format('INSERT INTO %s (%s) SELECT %s FROM %1$s AS sample, bench.fresh WHERE %4$s AND n > $1',
		relation, columns, sources, sample) USING after;
END
$$;

-- Continues until there are this many projects of this scale.
CREATE PROCEDURE bench.fill_to(last integer, scale integer)
LANGUAGE plpgsql AS $$
DECLARE
	after integer := (SELECT coalesce(max(n), 0) FROM bench.fresh);
	now_ms CONSTANT bigint := extract(epoch FROM now()) * 1000;
	project pgbeam.projects;
BEGIN
	INSERT INTO bench.fresh
		SELECT n, bench.name('scale', 0, n), to_timestamp(ms / 1000.0),
			CASE WHEN n % 100 > 0 THEN 'org_bench' ELSE format('org_%s', n / 100 % 5000) END,
			bench.uuid7('project', n, ms), bench.uuid7('database', n, ms),
			CASE WHEN n % 19 = 0 THEN to_timestamp(ms / 1000.0) END,
			ARRAY['production', 'eu'] || array_remove(ARRAY[CASE WHEN n % 10000 = 1 THEN 'rare' END, CASE WHEN n % 3 = 0 THEN 'third' END], NULL),
			n % 2000 = 1
		FROM generate_series(after + 1, last) AS n, LATERAL (
			SELECT now_ms - (1 + scale - n)::bigint * 30000 AS ms) AS times;
	SELECT * INTO STRICT project FROM pgbeam.projects
		WHERE org_id = 'org_bench' AND name = bench.name('sample', 0, 0);
	CALL bench.fill('pgbeam.hosts', format('sample.host = %L', project.proxy_host), after, '{
		"host": "replace(sample.host, bench.name(''sample'', 0, 0), name)",
		"org_id": "fresh.org_id", "project_id": "fresh.project_id"}');
	CALL bench.fill('pgbeam.projects', format('sample.id = %L', project.id), after, '{
		"id": "project_id", "org_id": "fresh.org_id", "name": "fresh.name",
		"proxy_host": "replace(sample.proxy_host, sample.name, fresh.name)",
		"tags": "fresh.tags",
		"status": "CASE WHEN fresh.deleted_at IS NOT NULL THEN ''deleted'' WHEN suspended THEN ''suspended'' ELSE sample.status END",
		"created_at": "at", "updated_at": "at", "deleted_at": "fresh.deleted_at"}');
	CALL bench.fill('pgbeam.databases', format('sample.project_id = %L', project.id), after, '{
		"id": "database_id", "org_id": "fresh.org_id", "project_id": "fresh.project_id",
		"password_sealed": "CASE WHEN fresh.deleted_at IS NULL THEN sample.password_sealed END",
		"created_at": "at", "updated_at": "at", "deleted_at": "fresh.deleted_at"}');
	INSERT INTO pgbeam.project_marks (org_id, project_id, mark, key)
		SELECT f.org_id, project_id, mark, pgbeam.mark_key(f.org_id, mark) FROM bench.fresh AS f,
			LATERAL (SELECT 'tag=' || unnest(tags) UNION ALL SELECT 'status=suspended' WHERE suspended) AS has (mark)
		WHERE f.deleted_at IS NULL AND n > after;
	INSERT INTO pgbeam.organizations (org_id)
		SELECT DISTINCT org_id FROM bench.fresh ON CONFLICT DO NOTHING;
END
$$;

-- What is measured, and in which ways. Reads are measured with pgbeam; with
-- the bare index query as a kept plan, for the columns of an answer or for
-- whole rows as stored; with today's way to the same answer; and with that and
-- pgbeam's TypeIDs. Creates are measured without the rows of the change feed,
-- with names in order, and as the limit. The stage tells which rows there
-- were: few, or all without the planner's statistics, or all with them. Stages
-- are minutes apart, and the machine changes its pace. So each cost has the
-- pace of its moment beside it, and stages are compared by the cost in paces.
CREATE TABLE bench.scale_costs (
	stage text, subject text, way text, round integer, cpu_us float8, pace_us float8);
CREATE VIEW bench.kept_at_scale AS
	SELECT stage, subject, way, round, cpu_us, cpu_us / pace_us AS paces FROM bench.scale_costs WHERE round > 0;

-- Of a create, in the database with projects and in the one without.
CREATE TABLE bench.instructions_at_scale (database text, way text, count float8);

CREATE FUNCTION bench.answer_columns() RETURNS text
LANGUAGE sql STABLE AS $$
	SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum)
	FROM pg_attribute WHERE attrelid = 'pgbeam.projects'::regclass AND attnum > 0
		AND NOT attisdropped AND attname <> 'deleted_at'
$$;

CREATE FUNCTION bench.bare_query(way text, condition text) RETURNS text
LANGUAGE sql STABLE AS $$
	SELECT format('SELECT %s FROM pgbeam.projects AS t WHERE %s',
		CASE way WHEN 'whole' THEN '*' ELSE bench.answer_columns() END, condition)
$$;

-- A page of 20 after an id or a name.
CREATE FUNCTION bench.bare_page(way text, sort_by text) RETURNS text
LANGUAGE sql STABLE AS $$
	SELECT bench.bare_query(way, 'org_id = $1 AND deleted_at IS NULL AND ' || CASE sort_by
		WHEN 'name' THEN 'name > $2 ORDER BY name LIMIT 20'
		ELSE 'id < $2 ORDER BY id DESC LIMIT 20' END)
$$;

-- A page of 20 after this many rows.
CREATE FUNCTION bench.today_page(way text, sort_by text) RETURNS text
LANGUAGE sql STABLE AS $$
	SELECT replace(format($q$
		SELECT jsonb_agg(jsonb_strip_nulls(to_jsonb(x))) FROM (
			SELECT typeid('prj', t.id) AS id, t.org_id, t.name, description, tags, cloud,
				self_hosted, proxy_host,
				coalesce(queries_per_second, 0) AS queries_per_second,
				coalesce(burst_size, 0) AS burst_size,
				coalesce(o.max_connections, 0) AS max_connections,
				coalesce((SELECT jsonb_agg(jsonb_build_object('cidr', cidr, 'label', label))
					FROM unnest(allowed_cidrs, allowed_cidr_labels) AS u (cidr, label)), '[]') AS allowed_cidrs,
				CASE WHEN default_policy_profile_id IS NOT NULL
					THEN typeid('pol', default_policy_profile_id) END AS default_policy_profile_id,
				residency, agents_disabled,
				database_count, 0 AS active_connections, status,
				to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS created_at,
				to_char(updated_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS updated_at
			FROM pgbeam.projects AS t JOIN pgbeam.organizations AS o USING (org_id)
			WHERE org_id = $1 AND deleted_at IS NULL
			ORDER BY t.%s OFFSET $2 LIMIT 20) AS x$q$,
			CASE sort_by WHEN 'name' THEN 'name' ELSE 'id DESC' END),
		'typeid(', CASE way WHEN 'today' THEN 'today.typeid(' ELSE 'pgbeam.typeid_encode(' END)
$$;

CREATE FUNCTION bench.count_query() RETURNS text
LANGUAGE sql IMMUTABLE AS $$
	SELECT 'SELECT count(*) FROM pgbeam.projects WHERE org_id = $1 AND deleted_at IS NULL'
$$;

-- The first page and the ten-thousandth, or the last full one. Larger pages
-- without a count lead to its token.
CREATE TABLE bench.pages (
	subject text PRIMARY KEY, sort_by text, page integer, skipped bigint, key text, token text);

CREATE FUNCTION bench.page_token(sort_by text, skipped bigint) RETURNS text
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
	token text;
	step integer;
BEGIN
	PERFORM set_config('bench.skips_total', 'on', true);
	WHILE skipped > 0 LOOP
		step := least(skipped, 100);
		token := pgbeam.list_projects('org_bench', step, token, sort_by)->>'next_page_token';
		skipped := skipped - step;
	END LOOP;
	PERFORM set_config('bench.skips_total', 'off', true);
	RETURN token;
END
$$;

CREATE FUNCTION bench.key_at(sort_by text, skipped bigint) RETURNS text
LANGUAGE plpgsql STABLE AS $$
DECLARE
	key text;
BEGIN
	IF skipped = 0 THEN
		RETURN CASE sort_by WHEN 'name' THEN '' ELSE 'ffffffff-ffff-ffff-ffff-ffffffffffff' END;
	END IF;
	EXECUTE format('SELECT %I FROM pgbeam.projects WHERE org_id = $1 AND deleted_at IS NULL ORDER BY %s OFFSET $2 LIMIT 1',
		CASE sort_by WHEN 'name' THEN 'name' ELSE 'id' END, CASE sort_by WHEN 'name' THEN 'name' ELSE 'id DESC' END)
		INTO STRICT key USING 'org_bench', skipped - 1;
	RETURN key;
END
$$;

CREATE PROCEDURE bench.find_pages()
LANGUAGE sql AS $$
	TRUNCATE bench.pages;
	INSERT INTO bench.pages
		SELECT concat(sort_by, ', ', which), sort_by, page, skipped, key,
			bench.page_token(sort_by, skipped)
		FROM (SELECT least(10000, count(*) / 20) AS last
			FROM pgbeam.projects WHERE org_id = 'org_bench' AND deleted_at IS NULL) AS living,
			unnest('{created_at,name}'::text[]) AS sort_by,
			LATERAL (VALUES ('first', 1), ('deep', last)) AS v (which, page),
			LATERAL (SELECT 20 * (page - 1) AS skipped) AS s,
			LATERAL (SELECT bench.key_at(sort_by, skipped) AS key OFFSET 0) AS k;
$$;

-- Filters, as the last arguments of list_projects: name, name_prefix, tag,
-- status, host. The page is the first one. A page without filters is measured
-- among them, as the machine's pace may change.
CREATE TABLE bench.filters (subject text PRIMARY KEY, position integer, sort_by text, filters text[]);

CREATE PROCEDURE bench.find_filters()
LANGUAGE sql AS $$
	TRUNCATE bench.filters;
	WITH one AS (
		SELECT name, proxy_host AS host FROM pgbeam.projects
		WHERE org_id = 'org_bench' AND deleted_at IS NULL AND name <> bench.name('sample', 0, 0) ORDER BY id OFFSET 1000 LIMIT 1)
	INSERT INTO bench.filters
		SELECT concat_ws(', ', title, sort_by), position, sort_by, filters
		FROM one, LATERAL (VALUES
			(0, 'none', 'created_at', ARRAY[NULL, NULL, NULL, NULL, NULL]),
			(0, 'none', 'name', ARRAY[NULL, NULL, NULL, NULL, NULL]),
			(1, 'name', 'created_at', ARRAY[name, NULL, NULL, NULL, NULL]),
			(2, 'host', 'created_at', ARRAY[NULL, NULL, NULL, NULL, host]),
			(3, 'name_prefix', 'name', ARRAY[NULL, 'a', NULL, NULL, NULL]),
			(4, 'a tag of all', 'created_at', ARRAY[NULL, NULL, 'production', NULL, NULL]),
			(5, 'a rare tag', 'created_at', ARRAY[NULL, NULL, 'rare', NULL, NULL]),
			(6, 'a tag of none', 'created_at', ARRAY[NULL, NULL, 'none', NULL, NULL]),
			(7, 'suspended', 'created_at', ARRAY[NULL, NULL, NULL, 'suspended', NULL]),
			(8, 'active', 'created_at', ARRAY[NULL, NULL, NULL, 'active', NULL]),
			(9, 'active', 'name', ARRAY[NULL, NULL, NULL, 'active', NULL]),
			(10, 'a tag of all', 'name', ARRAY[NULL, NULL, 'production', NULL, NULL]),
			(11, 'a rare tag', 'name', ARRAY[NULL, NULL, 'rare', NULL, NULL]),
			(12, 'a name_prefix of few', 'created_at', ARRAY[NULL, 'abc', NULL, NULL, NULL]),
			(13, 'a third, and a name_prefix of none', 'created_at', ARRAY[NULL, 'none', 'third', NULL, NULL]),
			(14, 'a third, and a name_prefix', 'created_at', ARRAY[NULL, 'f', 'third', NULL, NULL])
		) AS v (position, title, sort_by, filters);
$$;

-- A first page with filters, alone or with its total.
CREATE FUNCTION bench.measure_filter(filter bench.filters, way text, calls integer) RETURNS float8
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
	PERFORM set_config('bench.skips_total', CASE way WHEN 'filter' THEN 'on' ELSE 'off' END, true);
	RETURN (SELECT cpu_us FROM bench.call('filter', 'pgbeam.list_projects(text,integer,text,text,text,text,text,text,text)'::regprocedure,
		format('SELECT ''org_bench''::text, 20, NULL::text, %L::text, %s FROM generate_series(1, %s)', filter.sort_by,
			(SELECT string_agg(format('%L::text', f), ', ' ORDER BY n) FROM unnest(filter.filters) WITH ORDINALITY AS u (f, n)), calls)));
END
$$;

-- Projects of all ages that are not deleted, different ones in each round.
CREATE FUNCTION bench.living(round integer, calls integer) RETURNS SETOF uuid
LANGUAGE sql VOLATILE AS $$
	SELECT p.id
	FROM (SELECT 1 + (round * 100003 + i * 7919) % (SELECT max(n) FROM bench.fresh) AS n
		FROM generate_series(1, 2 * calls) AS i) AS picked
	JOIN bench.fresh AS f USING (n) JOIN pgbeam.projects AS p ON p.id = f.project_id
	WHERE p.deleted_at IS NULL LIMIT calls
$$;

CREATE FUNCTION bench.measure_page(page bench.pages, way text, calls integer) RETURNS float8
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
	ready text := format('SELECT %%s FROM generate_series(1, %s)', calls);
BEGIN
	IF way = 'pgbeam' THEN
		PERFORM set_config('bench.skips_total', 'on', true); -- total is measured apart
		RETURN (SELECT cpu_us FROM bench.call(way, 'pgbeam.list_projects(text,integer,text,text,text,text,text,text,text)'::regprocedure,
			format(ready, format('%L::text, 20, %L::text, %L::text' || repeat(', NULL::text', 5), 'org_bench', page.token, page.sort_by))));
	ELSIF way IN ('bare', 'whole') THEN
		RETURN (SELECT cpu_us FROM bench.run(way,
			format(ready, format('%L::text, %L::%s', 'org_bench', page.key, CASE page.sort_by WHEN 'name' THEN 'text' ELSE 'uuid' END)),
			ARRAY[bench.bare_page(way, page.sort_by)], '{2}', true, 20));
	END IF;
	RETURN (SELECT cpu_us FROM bench.run(way, format(ready, format('%L::text, %s::bigint', 'org_bench', page.skipped)),
		ARRAY[bench.today_page(way, page.sort_by)], '{2}', true));
END
$$;

CREATE FUNCTION bench.measure_total(way text, calls integer) RETURNS float8
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
	IF way = 'pgbeam' THEN
		RETURN (SELECT cpu_us FROM bench.call(way, 'pgbeam.list_projects(text,integer,text,text,text,text,text,text,text)'::regprocedure,
			format('SELECT %L::text, 20, NULL::text, ''name''' || repeat(', NULL::text', 5) || ' FROM generate_series(1, %s)', 'org_bench', calls)));
	END IF;
	RETURN (SELECT cpu_us FROM bench.run(way, format('SELECT %L::text FROM generate_series(1, %s)', 'org_bench', calls),
		ARRAY[bench.count_query()], '{1}', true));
END
$$;

CREATE FUNCTION bench.measure_get(way text, round integer, calls integer) RETURNS float8
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
	IF way = 'pgbeam' THEN
		RETURN (SELECT cpu_us FROM bench.call(way, 'pgbeam.get_project(text)'::regprocedure,
			format($q$SELECT pgbeam.typeid_encode('prj', id) FROM bench.living(%s, %s) AS id$q$, round, calls)));
	END IF;
	RETURN (SELECT cpu_us FROM bench.run(way, format('SELECT id FROM bench.living(%s, %s) AS id', round, calls),
		ARRAY[bench.bare_query(way, 'id = $1')], '{1}', true));
END
$$;

CREATE FUNCTION bench.measure_change(subject text, round integer, calls integer) RETURNS float8
LANGUAGE sql VOLATILE AS $$
	SELECT cpu_us FROM bench.call(subject,
		CASE subject WHEN 'update' THEN 'pgbeam.update_project(text, jsonb)' ELSE 'pgbeam.delete_project(text)' END::regprocedure,
		format($q$SELECT pgbeam.typeid_encode('prj', id)%s FROM bench.living(%s, %s) AS id$q$,
			CASE subject WHEN 'update' THEN format(', jsonb_build_object(''description'', ''round %s'')', round) END,
			round, calls))
$$;

-- What the machine takes for work that asks no table.
CREATE FUNCTION bench.measure_pace() RETURNS float8
LANGUAGE sql VOLATILE AS $$
	SELECT cpu_us FROM bench.call('pace', 'pgbeam.typeid_encode(text,uuid)'::regprocedure,
		'SELECT ''prj''::text, gen_random_uuid() FROM generate_series(1, 5000)')
$$;

CREATE FUNCTION bench.measure_in_empty(way text, round integer, calls integer) RETURNS float8
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
	PERFORM FROM public.dblink('empty', 'SELECT bench.make_empty()') AS d (made text);
	RETURN (SELECT cpu_us FROM public.dblink('empty',
		format('SELECT bench.measure_create(%L, %s, %s)', way, round, calls)) AS d (cpu_us float8));
END
$$;

CREATE FUNCTION bench.measure_at_scale(subject text, way text, round integer, calls integer) RETURNS float8
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
	page bench.pages;
BEGIN
	IF subject = 'total' THEN
		RETURN bench.measure_total(way, calls);
	ELSIF subject = 'get' THEN
		RETURN bench.measure_get(way, round, calls);
	ELSIF subject = 'create' THEN
		RETURN bench.measure_create(way, round, calls);
	ELSIF subject = 'create in empty' THEN
		RETURN bench.measure_in_empty(way, round, calls);
	ELSIF subject IN ('update', 'delete') THEN
		RETURN bench.measure_change(subject, round, calls);
	END IF;
	IF way IN ('filter', 'filter, total') THEN
		RETURN (SELECT bench.measure_filter(f, way, calls) FROM bench.filters AS f WHERE f.subject = measure_at_scale.subject);
	END IF;
	SELECT * INTO STRICT page FROM bench.pages AS p WHERE p.subject = measure_at_scale.subject;
	RETURN bench.measure_page(page, way, calls);
END
$$;

-- Each round begins with a different way; round 0 warms up. Without statistics
-- a call may take very long; then it is the only one.
CREATE PROCEDURE bench.rounds_at_scale(stage text, subjects text[], ways text[], rounds integer, calls integer)
LANGUAGE plpgsql AS $$
DECLARE
	way text;
	subject text;
	cpu_us float8;
BEGIN
	FOR round IN 0 .. rounds LOOP
		FOR i IN 1 .. cardinality(ways) LOOP
			way := ways[1 + (round + i) % cardinality(ways)];
			FOREACH subject IN ARRAY subjects LOOP
				cpu_us := 0;
				IF stage <> 'analyzed' THEN
					cpu_us := bench.measure_at_scale(subject, way, 1000 + round, 1);
					COMMIT;
				END IF;
				IF cpu_us < 5000 THEN
					cpu_us := bench.measure_at_scale(subject, way, round, calls);
				END IF;
				INSERT INTO bench.scale_costs VALUES (stage, subject, way, round, cpu_us, bench.measure_pace());
				COMMIT;
			END LOOP;
		END LOOP;
	END LOOP;
END
$$;

-- Checks what is measured: every page is the same in all ways, and total is
-- right.
CREATE PROCEDURE bench.verify_at_scale()
LANGUAGE plpgsql AS $$
DECLARE
	page bench.pages;
	ours jsonb;
	theirs jsonb;
	living bigint;
BEGIN
	EXECUTE bench.count_query() INTO living USING 'org_bench';
	FOR page IN SELECT * FROM bench.pages LOOP
		ours := pgbeam.list_projects('org_bench', 20, page.token, page.sort_by);
		EXECUTE bench.today_page('today', page.sort_by) INTO theirs USING 'org_bench', page.skipped;
		IF ours->'projects' IS DISTINCT FROM theirs OR jsonb_array_length(theirs) <> 20 THEN
			RAISE EXCEPTION 'the answers differ: % and %', ours, theirs;
		ELSIF (ours->'total')::bigint <> living THEN
			RAISE EXCEPTION 'the total is %, not %', ours->'total', living;
		END IF;
	END LOOP;
	PERFORM bench.measure_total('bare', 1); -- which loads the module
	PERFORM set_config('bench.skips_total', 'on', true);
	IF pgbeam.list_projects('org_bench')->>'total' <> '0' OR pgbeam.list_projects('org_bench', tag => 'production')->>'total' <> '0' THEN
		RAISE EXCEPTION 'the total is not measured apart';
	END IF;
END
$$;

-- One session measures everything.
\o /dev/null
SELECT dblink_connect('empty', :'empty');
SELECT pgbeam.create_project(bench.body('sample', 0, 0));
\o
\set pages '''{"created_at, first","name, first","created_at, deep","name, deep"}'''
\set unanalyzed '''{"created_at, first","name, first","created_at, deep","name, deep",total,update,delete}'''

CALL bench.fill_to(:scale / 50, :scale);
VACUUM pgbeam.hosts, pgbeam.project_marks, pgbeam.projects, pgbeam.databases, pgbeam.organizations;
CALL bench.find_pages();
CALL bench.rounds_at_scale('few', :unanalyzed, '{pgbeam}', 5, 100);
CALL bench.rounds_at_scale('few', '{get}', '{pgbeam}', 5, 500);

CALL bench.fill_to(:scale, :scale);
VACUUM pgbeam.hosts, pgbeam.project_marks, pgbeam.projects, pgbeam.databases, pgbeam.organizations;
CALL bench.find_pages();
CALL bench.rounds_at_scale('all', :unanalyzed, '{pgbeam}', 5, 100);
CALL bench.rounds_at_scale('all', '{get}', '{pgbeam}', 5, 500);

ANALYZE pgbeam.hosts, pgbeam.project_marks, pgbeam.projects, pgbeam.databases, pgbeam.organizations;
CALL bench.find_pages();
CALL bench.verify_at_scale();
CALL bench.rounds_at_scale('analyzed', :pages, '{pgbeam,bare,whole}', :rounds, 200);
CALL bench.rounds_at_scale('analyzed', '{"created_at, first","name, first"}', '{today,typed}', :rounds, 20);
CALL bench.rounds_at_scale('analyzed', '{"created_at, deep","name, deep"}', '{today}', 1, 1);
CALL bench.rounds_at_scale('analyzed', '{total}', '{pgbeam,bare}', :rounds, 2);
CALL bench.find_filters();
SELECT array_agg(subject ORDER BY position) AS filters FROM bench.filters \gset
CALL bench.rounds_at_scale('analyzed', :'filters', '{filter}', :rounds, 100);
CALL bench.rounds_at_scale('analyzed', :'filters', '{"filter, total"}', 5, 2);
CALL bench.rounds_at_scale('analyzed', '{get}', '{pgbeam,bare,whole}', :rounds, 500);
-- What is compared is the number of projects, not that of organizations.
SELECT dblink_exec('empty', format('INSERT INTO pgbeam.organizations (org_id) SELECT unnest(%L::text[]) ON CONFLICT DO NOTHING', array_agg(org_id)))
FROM pgbeam.organizations \g /dev/null
-- A long session has seen all pages of the indexes.
CREATE EXTENSION amcheck;
SELECT bt_index_check(to_regclass('pgbeam.' || index_name)) FROM bench.indexes \g /dev/null
-- More rounds than elsewhere: the growths that are compared are close.
CALL bench.rounds_at_scale('analyzed', '{create,create in empty}', '{pgbeam,ordered,plans}', 3 * :rounds, 300);
CALL bench.rounds_at_scale('analyzed', '{update,delete}', '{pgbeam}', :rounds, 100);
