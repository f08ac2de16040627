-- Checks that the work was done: all rows are there, both ways give the same
-- answer, and both refuse bad requests.

CREATE VIEW bench.made AS
	SELECT 'pgbeam' AS tables, p.name
	FROM pgbeam.projects AS p
	JOIN pgbeam.hosts AS h ON (h.host, h.org_id, h.project_id) = (p.proxy_host, p.org_id, p.id)
	JOIN pgbeam.databases AS d ON (d.org_id, d.project_id) = (p.org_id, p.id)
	UNION ALL
	SELECT 'today', p.name
	FROM today.projects AS p
	JOIN today.hosts AS h ON (h.host, h.org_id, h.project_id) = (p.proxy_host, p.org_id, p.id)
	JOIN today.databases AS d ON (d.org_id, d.project_id) = (p.org_id, p.id)
	UNION ALL
	SELECT 'bare', p.name
	FROM bare.projects AS p
	JOIN bare.hosts AS h ON (h.host, h.org_id, h.project_id) = (p.proxy_host, p.org_id, p.id)
	JOIN bare.databases AS d ON (d.org_id, d.project_id) = (p.org_id, p.id)
	UNION ALL
	SELECT 'lean', p.name
	FROM lean.projects AS p
	JOIN lean.hosts AS h ON (h.host, h.project_id) = (p.proxy_host, p.id)
	JOIN lean.databases AS d ON d.project_id = p.id;

DO $$
DECLARE
	wrong text;
BEGIN
	SELECT string_agg(format('%s made %s of %s projects', variant, made, called), ', ') INTO wrong
	FROM (
		SELECT c.variant, count(*) AS called, count(m.name) AS made
		FROM bench.costs AS c
		CROSS JOIN generate_series(1, c.calls) AS n
		LEFT JOIN bench.made AS m ON m.name = bench.name(c.variant, c.round, n)
			AND m.tables = CASE WHEN c.variant IN ('today', 'bare', 'lean') THEN c.variant ELSE 'pgbeam' END
		WHERE c.variant NOT IN ('update', 'delete')
		GROUP BY c.variant
	) AS counts
	WHERE made <> called;
	IF wrong IS NOT NULL THEN
		RAISE EXCEPTION '%', wrong;
	END IF;
END
$$;

-- The list of indexes is whole.
DO $$
DECLARE
	wrong text;
BEGIN
	SELECT string_agg(coalesce(c.relname, l.index_name), ', ') INTO wrong
	FROM (SELECT relname FROM pg_index JOIN pg_class ON oid = indexrelid
		WHERE indrelid = ANY ('{pgbeam.hosts,pgbeam.projects,pgbeam.project_marks,pgbeam.databases,pgbeam.changes}'::regclass[])) AS c
	FULL JOIN bench.indexes AS l ON l.index_name = c.relname
	WHERE c.relname IS NULL OR l.index_name IS NULL;
	IF wrong IS NOT NULL THEN
		RAISE EXCEPTION 'indexes that the list lacks, or that are gone: %', wrong;
	END IF;
END
$$;

DO $$
DECLARE
	varying CONSTANT text[] := '{id,project_id,created_at,updated_at}';
	ours jsonb;
	theirs jsonb;
BEGIN
	ours := pgbeam.create_project(bench.body('today', -1, 1));
	theirs := today.create_project(bench.body('today', -1, 1));
	IF (ours->'project') - varying <> (theirs->'project') - varying OR
		(ours->'database') - varying <> (theirs->'database') - varying THEN
		RAISE EXCEPTION 'the answers differ: % and %', ours, theirs;
	END IF;
	IF pgbeam.reveal_password(ours #>> '{database,id}') <> bench.body('today', 0, 0) #>> '{database,password}' OR
		pgbeam.typeid_decode(theirs #>> '{project,id}') <>
		(SELECT id FROM today.projects WHERE name = theirs #>> '{project,name}') THEN
		RAISE EXCEPTION 'a password or an id was not kept';
	END IF;
END
$$;

DO $$
DECLARE
	refused integer := 0;
	way regprocedure;
BEGIN
	FOREACH way IN ARRAY '{pgbeam.create_project(jsonb),today.create_project(jsonb)}'::regprocedure[] LOOP
		BEGIN
			PERFORM bench.call('refused', way,
				$q$SELECT jsonb_set(bench.body('today', -2, 1), '{database,port}', '"5432"')$q$);
		EXCEPTION WHEN SQLSTATE 'PT400' THEN
			refused := refused + 1;
		END;
	END LOOP;
	IF refused <> 2 THEN
		RAISE EXCEPTION 'a body that is wrong was accepted';
	END IF;
END
$$;
