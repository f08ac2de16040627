-- Statements that set up the copy of a region, for an operator to run.
CREATE FUNCTION pgbeam.copied_columns(OUT table_name text, OUT columns text[])
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL RESTRICTED
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgbeam_copied_columns';
COMMENT ON FUNCTION pgbeam.copied_columns() IS
'The part of pgbeam.publication_statements() that says what is copied: for each table the columns, none of them a secret, or null for a table that is never copied.';

CREATE FUNCTION pgbeam.publication_filter(organizations text[], name text) RETURNS text
LANGUAGE c STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgbeam_publication_filter';
COMMENT ON FUNCTION pgbeam.publication_filter(text[], text) IS
'The part of pgbeam.publication_statements() and pgbeam.publication_additions() that checks their arguments, and returns the row filter.';

-- An ALTER TABLE of the publisher's may have dropped a column or an index: the
-- catalogs say what is there.
CREATE FUNCTION pgbeam.copied_table(
	table_name text, columns text[],
	OUT names text, OUT definition text, OUT indexes text[])
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
	WITH pkey AS (
		SELECT conkey, pg_get_constraintdef(oid) AS definition FROM pg_constraint
		WHERE conrelid = table_name::regclass AND contype = 'p'
	),
	-- With the key, because updates and deletes find their row by it.
	col AS (
		SELECT a.* FROM pg_attribute AS a, pkey AS k
		WHERE a.attrelid = table_name::regclass AND a.attnum > 0 AND NOT a.attisdropped
			AND (a.attname = ANY (columns) OR a.attnum = ANY (k.conkey))
	)
	SELECT string_agg(quote_ident(c.attname), ', ' ORDER BY c.attnum),
		string_agg(format('%I %s%s%s', c.attname, format_type(c.atttypid, c.atttypmod),
			CASE WHEN c.attcollation = '"C"'::regcollation THEN ' COLLATE "C"' END,
			CASE WHEN c.attnotnull THEN ' NOT NULL' END), ', ' ORDER BY c.attnum)
			|| ', ' || (SELECT k.definition FROM pkey AS k),
		-- Unique indexes stay behind, because nobody else writes to the copy,
		-- so do those of deleted rows, because only the publisher purges, and
		-- so does whatever needs an object of the publisher's.
		ARRAY(
			SELECT pg_get_indexdef(i.indexrelid) FROM pg_index AS i
			WHERE i.indrelid = table_name::regclass AND NOT i.indisunique AND i.indisvalid
				AND pg_get_expr(i.indpred, i.indrelid) IS DISTINCT FROM '(deleted_at IS NOT NULL)'
				AND NOT EXISTS (
					SELECT FROM pg_depend AS d
					WHERE d.classid = 'pg_class'::regclass AND d.objid = i.indexrelid
						AND (d.refclassid <> 'pg_class'::regclass OR d.refobjid <> i.indrelid
							OR d.refobjsubid <> 0 AND d.refobjsubid NOT IN (SELECT attnum FROM col)))
			ORDER BY i.indexrelid::regclass::text)
	FROM col AS c
$$;
COMMENT ON FUNCTION pgbeam.copied_table(text, text[]) IS
'The part of pgbeam.publication_statements() that describes a table of the copy.';

-- The operator fills in the host.
CREATE FUNCTION pgbeam.subscription_statement(publication text, role text) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT format('CREATE SUBSCRIPTION %I CONNECTION %L PUBLICATION %1$I;', publication,
		format('host=<publisher> sslmode=verify-full dbname=''%s'' user=%s',
			replace(replace(current_database(), escape, escape || escape), '''', escape || ''''), role))
	FROM chr(92) AS escape
$$;
COMMENT ON FUNCTION pgbeam.subscription_statement(text, text) IS
'The part of pgbeam.publication_statements() and pgbeam.publication_additions() that subscribes.';

CREATE FUNCTION pgbeam.publication_statements(
	organizations text[], name text DEFAULT 'pgbeam_copy',
	OUT step integer, OUT server text, OUT statement text)
RETURNS SETOF record
LANGUAGE sql STABLE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
	WITH given AS MATERIALIZED (
		SELECT pgbeam.publication_filter(organizations, name) AS filter, name
	),
	copied AS MATERIALIZED (
		SELECT c.ordinality AS n, c.table_name, t.names, t.indexes,
			-- Transactions come to a copy in the order of their commits, and
			-- the numbers of the publisher's transactions do not tell it.
			t.definition || CASE c.table_name WHEN 'pgbeam.changes'
				THEN ', applied xid8 NOT NULL DEFAULT pg_catalog.pg_current_xact_id()' ELSE '' END AS definition
		FROM given AS g, pgbeam.copied_columns() WITH ORDINALITY AS c, pgbeam.copied_table(c.table_name, c.columns) AS t
		WHERE c.columns IS NOT NULL AND g.filter IS NOT NULL
	),
	-- What reads a copy asks for a host and polls the feed. The publisher has
	-- other ways to both.
	own_index (table_name, statement) AS (
		VALUES ('pgbeam.projects', 'CREATE INDEX projects_proxy_host_idx ON pgbeam.projects USING btree (proxy_host)'),
			('pgbeam.changes', 'CREATE INDEX changes_applied_idx ON pgbeam.changes USING btree (applied, xid, id)')
	),
	line (step, server, part, n, statement) AS (
		SELECT 1, 'publisher', 1, 0, format('CREATE ROLE %I LOGIN REPLICATION;', g.name) FROM given AS g
		UNION ALL
		SELECT 1, 'publisher', 2, 0, format('GRANT USAGE ON SCHEMA pgbeam TO %I;', g.name) FROM given AS g
		UNION ALL
		SELECT 1, 'publisher', 3, c.n, format('GRANT SELECT (%s) ON %s TO %I;', c.names, c.table_name, g.name) FROM copied AS c, given AS g
		UNION ALL
		SELECT 1, 'publisher', 4, 0, format('CREATE PUBLICATION %I FOR TABLE %s;', g.name,
			string_agg(format('%s (%s) WHERE (%s)', c.table_name, c.names, g.filter), ', ' ORDER BY c.n))
		FROM copied AS c, given AS g GROUP BY g.name
		UNION ALL
		SELECT 2, 'copy', 2, 0, 'CREATE SCHEMA pgbeam;'
		UNION ALL
		SELECT 2, 'copy', 3, c.n, format('CREATE TABLE %s (%s);', c.table_name, c.definition) FROM copied AS c
		UNION ALL
		SELECT 2, 'copy', 4, c.n, i.statement || ';' FROM copied AS c, unnest(c.indexes) AS i (statement)
		UNION ALL
		SELECT 2, 'copy', 4, c.n, i.statement || ';' FROM copied AS c JOIN own_index AS i USING (table_name)
		UNION ALL
		SELECT 2, 'copy', 5, 0, pgbeam.subscription_statement(g.name, g.name) FROM given AS g
	)
	SELECT l.step, l.server, l.statement FROM line AS l ORDER BY l.step, l.part, l.n, l.statement
$$;
COMMENT ON FUNCTION pgbeam.publication_statements(text[], text) IS
'Returns, in order, the statements that set up a copy of some organizations'' rows in a database of another server, by logical replication.
It runs none of them. server says where each is to be run: on the publisher, which is this one, or on the copy. name is that of the publication, the subscription, its replication slot and its role: each copy needs one of its own. The copy gets organizations, projects, databases, replicas, custom_domains, cache_rules and changes, without columns that hold secrets, in plain tables that need no extension. Its table changes has one column more: applied is the transaction of the copy that brought the row. Fill in the words in <> before running a statement. Errors: PT400 with all problems, PT401 for a caller without admin access, PT404 for an unknown organization; 55000 where Citus has distributed the tables.';

CREATE FUNCTION pgbeam.publication_additions(
	organizations text[], name text DEFAULT 'pgbeam_copy',
	OUT step integer, OUT server text, OUT statement text)
RETURNS SETOF record
LANGUAGE plpgsql STABLE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	filter text := pgbeam.publication_filter(organizations, name);
	added text := name || '_added';
	before text;
	there bigint;
	tables text;
	published text;
	enlarged text;
BEGIN
	SELECT max(t.rowfilter) INTO before FROM pg_publication_tables AS t
	WHERE t.pubname = publication_additions.name AND t.schemaname = 'pgbeam' AND t.tablename = 'organizations';
	IF before IS NULL THEN
		RAISE SQLSTATE 'PT404' USING MESSAGE = 'there is no publication of this name that pgbeam.publication_statements() has made',
			HINT = 'The view pg_publication_tables lists them all.', CONSTRAINT = 'NOT_FOUND';
	END IF;
	EXECUTE format('SELECT min(o.n) FROM unnest($1) WITH ORDINALITY AS o (org_id, n) WHERE %s', before)
		INTO there USING organizations;
	IF there IS NOT NULL THEN
		RAISE SQLSTATE 'PT400' USING MESSAGE = format('organizations[%s] must not be in the publication already', there),
			CONSTRAINT = 'INVALID_INPUT', COLUMN = format('organizations[%s]', there);
	END IF;
	-- The columns stay as they are, because the copy may have no others.
	-- Literals stand around what has ids in it, as an id may have dollars.
	SELECT string_agg(p.tab, ', ' ORDER BY p.tab),
		string_agg(format('%s (%s) WHERE (%s)', p.tab, p.cols, filter), ', ' ORDER BY p.tab),
		string_agg(format('%s (%s) WHERE (%s OR %s)', p.tab, p.cols, p.rowfilter, filter), ', ' ORDER BY p.tab)
	INTO tables, published, enlarged
	FROM (
		SELECT t.rowfilter, format('%I.%I', t.schemaname, t.tablename) AS tab,
			(SELECT string_agg(quote_ident(c.name), ', ') FROM unnest(t.attnames) AS c (name)) AS cols
		FROM pg_publication_tables AS t
		WHERE t.pubname = publication_additions.name AND t.schemaname = 'pgbeam' AND t.rowfilter IS NOT NULL
	) AS p;
	RETURN QUERY VALUES
		(1, 'publisher', format('CREATE PUBLICATION %I FOR TABLE %s;', added, published)),
		(2, 'copy', pgbeam.subscription_statement(added, name)),
		(2, 'copy', format($m$DO $do$
BEGIN
	WHILE EXISTS (
		SELECT FROM pg_catalog.pg_subscription_rel AS r JOIN pg_catalog.pg_subscription AS s ON s.oid = r.srsubid
		WHERE s.subname = %L AND r.srsubstate <> 'r')
	LOOP
		PERFORM pg_catalog.pg_sleep(0.1);
	END LOOP;
END
$do$;$m$, added)),
		(2, 'copy', format('ALTER SUBSCRIPTION %I DISABLE;', name)),
		(3, 'publisher', format('DO %L;', format($m$
BEGIN
	ALTER PUBLICATION %I SET TABLE %s;
	ALTER PUBLICATION %I DROP TABLE %s;
END
$m$, name, enlarged, added, tables))),
		-- A transaction that wrote both before and after that comes by both.
		-- To lock the tables instead was rejected: it stops all writes, and
		-- their order of locks is not one.
		(3, 'publisher', format($m$DO $do$
DECLARE
	later xid8 := pg_catalog.pg_snapshot_xmax(pg_catalog.pg_current_snapshot());
	last pg_lsn;
BEGIN
	WHILE pg_catalog.pg_snapshot_xmin(pg_catalog.pg_current_snapshot()) < later LOOP
		PERFORM pg_catalog.pg_sleep(0.1);
	END LOOP;
	last := pg_catalog.pg_logical_emit_message(false, 'pgbeam', 'joined');
	WHILE EXISTS (
		SELECT FROM pg_catalog.pg_replication_slots
		WHERE slot_name = %L AND confirmed_flush_lsn < last)
	LOOP
		PERFORM pg_catalog.pg_sleep(0.1);
	END LOOP;
END
$do$;$m$, added)),
		(4, 'copy', format('DROP SUBSCRIPTION %I;', added)),
		(4, 'copy', format('ALTER SUBSCRIPTION %I ENABLE;', name)),
		(5, 'publisher', format('DROP PUBLICATION %I;', added));
END
$$;
COMMENT ON FUNCTION pgbeam.publication_additions(text[], text) IS
'Returns, in order, the statements that add organizations to a copy which pgbeam.publication_statements() has set up.
It runs none of them. To change the publication alone would leave out the rows that exist. So a second publication brings these, and is then joined with the first one: from the end of step 2 to that of step 4 the copy stands still, and step 3 waits for every transaction that runs on the publisher. Run the steps one after the other; server says where. Fill in the words in <> before running a statement. Errors: PT400 with all problems, PT401 for a caller without admin access, PT404 for an unknown organization or publication; 55000 where Citus has distributed the tables.';
