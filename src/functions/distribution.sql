CREATE FUNCTION pgbeam.distribution(
	OUT table_name text, OUT resource text, OUT column_name text, OUT beside text, OUT is_local boolean, OUT is_checked boolean)
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL RESTRICTED
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgbeam_distribution';
COMMENT ON FUNCTION pgbeam.distribution() IS
'Lists how pgbeam.distribute() spreads the tables over the nodes of Citus: by which column, null where every node has all rows, and beside which other table.
Where is_local is true the rows stay on the coordinator. Where is_checked is true a constraint checks whatever is written to the table.';

-- Citus calls a constraint over the whole row of a table by the table's name,
-- which no shard has. One that lists the columns means the same there, but goes
-- with any of them that is dropped.
CREATE FUNCTION pgbeam.fit_constraint(table_name regclass, resource text) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	columns text;
	numbers int2[];
	checked int2[];
	wanted CONSTANT name := (SELECT relname || '_fields_check' FROM pg_class WHERE oid = table_name);
BEGIN
	SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum), array_agg(a.attnum ORDER BY a.attnum) INTO columns, numbers
	FROM pg_attribute AS a WHERE a.attrelid = table_name AND a.attnum > 0 AND NOT a.attisdropped;
	SELECT conkey INTO checked FROM pg_constraint WHERE conrelid = table_name AND conname = wanted;
	IF checked @> numbers THEN
		RETURN;
	ELSIF FOUND THEN
		EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', table_name, wanted);
	END IF;
	EXECUTE format('ALTER TABLE %s ADD CONSTRAINT %I CHECK (pgbeam.check_fields(%L, ROW(%s)::%s))',
		table_name, wanted, resource, columns, table_name);
END
$$;
COMMENT ON FUNCTION pgbeam.fit_constraint(regclass, text) IS
'The part of pgbeam.distribute() that makes the constraint over a table''s rows fit for shards.';

CREATE FUNCTION pgbeam.is_distributed() RETURNS boolean
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF to_regclass('pg_catalog.pg_dist_partition') IS NULL THEN
		RETURN false;
	END IF;
	RETURN (SELECT count(*) > 0 FROM pgbeam.distribution() AS d JOIN pg_dist_partition AS p ON p.logicalrelid = d.table_name::regclass);
END
$$;
COMMENT ON FUNCTION pgbeam.is_distributed() IS
'Tells whether Citus has distributed any table of the extension''s.';

-- A table that stays here may be known to Citus, but not be on other nodes.
CREATE FUNCTION pgbeam.misplaced_tables() RETURNS SETOF text
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF NOT pgbeam.is_distributed() THEN
		RETURN;
	END IF;
	RETURN QUERY
	SELECT d.table_name FROM pgbeam.distribution() AS d JOIN pg_dist_partition AS p ON p.logicalrelid = d.table_name::regclass
		LEFT JOIN pg_dist_partition AS b ON b.logicalrelid = d.beside::regclass
	WHERE CASE WHEN d.is_local THEN p.partmethod <> 'n' OR p.repmodel = 't'
		WHEN d.column_name IS NULL THEN p.partmethod <> 'n' OR p.repmodel <> 't'
		ELSE d.column_name IS DISTINCT FROM column_to_column_name(p.logicalrelid, p.partkey)
			OR (d.beside IS NOT NULL AND p.colocationid IS DISTINCT FROM b.colocationid) END;
END
$$;
COMMENT ON FUNCTION pgbeam.misplaced_tables() IS
'Lists the tables that Citus spreads otherwise than pgbeam.distribution() says.';

-- Citus passes on the owner of tables that are distributed, but of nothing else
-- that an extension has. The owner reaches the nodes by connections of its own, and what runs
-- there needs its rights.
CREATE FUNCTION pgbeam.set_owner_on_nodes(role regrole) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	statements text;
	problem text;
BEGIN
	IF (SELECT NOT rolcanlogin FROM pg_roles WHERE oid = role) THEN
		RAISE EXCEPTION 'the nodes of Citus do not let the role in' USING ERRCODE = 'object_not_in_prerequisite_state',
			HINT = format('ALTER ROLE %s LOGIN, and let it in by pg_hba.conf of each node.', role);
	END IF;
	SELECT string_agg(format('ALTER %s OWNER TO %s; ', object, role), '') INTO statements FROM (
		SELECT 'SCHEMA pgbeam'
		UNION ALL
		SELECT 'SCHEMA pgbeam_admin'
		UNION ALL
		SELECT format('VIEW %s', c.oid::regclass) FROM pg_class AS c WHERE c.relnamespace = 'pgbeam_admin'::regnamespace AND c.relkind = 'v'
		UNION ALL
		SELECT format('TABLE %s', d.table_name) FROM pgbeam.distribution() AS d
		WHERE NOT EXISTS (SELECT FROM pg_dist_partition WHERE logicalrelid = d.table_name::regclass)
		UNION ALL
		SELECT format('FUNCTION %s', p.oid::regprocedure) FROM pg_proc AS p WHERE p.pronamespace = 'pgbeam'::regnamespace) AS objects (object);
	SELECT min(format('%s:%s: %s', nodename, nodeport, result)) INTO problem
	FROM run_command_on_workers(format('DO %L', format('BEGIN %sEND', statements))) WHERE NOT success;
	IF problem IS NOT NULL THEN
		RAISE EXCEPTION 'the role does not own the functions of every node' USING ERRCODE = 'connection_exception', DETAIL = problem;
	END IF;
END
$$;
COMMENT ON FUNCTION pgbeam.set_owner_on_nodes(regrole) IS
'The part of pgbeam.set_owner() about the other nodes of Citus.';

CREATE FUNCTION pgbeam.check_distribution(
	OUT setting text, OUT value text, OUT problem text, OUT mend text)
RETURNS SETOF record
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF NOT pgbeam.is_distributed() THEN
		RETURN;
	END IF;
	RETURN QUERY
	WITH judged AS (
		SELECT d.table_name, d.column_name, d.is_local, d.is_checked, p.logicalrelid IS NOT NULL AS is_distributed,
			(SELECT array_agg(a.attnum) FROM pg_attribute AS a
				WHERE a.attrelid = d.table_name::regclass AND a.attnum > 0 AND NOT a.attisdropped) AS columns,
			(SELECT c.conkey FROM pg_constraint AS c JOIN pg_class AS t ON t.oid = c.conrelid
				WHERE c.conrelid = d.table_name::regclass AND c.conname = t.relname || '_fields_check') AS checked
		FROM pgbeam.distribution() AS d LEFT JOIN pg_dist_partition AS p ON p.logicalrelid = d.table_name::regclass
	)
	SELECT 'table ' || j.table_name, 'on this node alone', 'other tables are distributed, and calls that need both fail',
		'SELECT pgbeam.distribute() -- as a superuser on the coordinator'
	FROM judged AS j WHERE NOT j.is_distributed AND NOT j.is_local
	UNION ALL
	SELECT 'table ' || t, 'spread otherwise than pgbeam.distribution() says', 'calls fail that need its rows elsewhere',
		'dump the rows, and restore them where pgbeam.distribute() alone has spread the tables'
	FROM pgbeam.misplaced_tables() AS t
	UNION ALL
	SELECT 'table ' || j.table_name, CASE WHEN j.checked IS NULL THEN 'without its constraint' ELSE 'its constraint leaves out columns' END,
		'what is written by hand is not checked', 'SELECT pgbeam.distribute() -- as a superuser on the coordinator'
	FROM judged AS j WHERE j.is_distributed AND j.is_checked AND NOT j.is_local AND (j.checked @> j.columns) IS NOT TRUE AND citus_is_coordinator()
	UNION ALL
	SELECT format('node %s:%s', n.nodename, n.nodeport), 'without tables that every node has', 'rows cannot be moved there',
		'SELECT replicate_reference_tables()'
	FROM pg_dist_node AS n WHERE n.isactive AND n.shouldhaveshards AND EXISTS (
		SELECT FROM judged AS j JOIN pg_dist_shard AS s ON s.logicalrelid = j.table_name::regclass
		WHERE NOT j.is_local AND j.column_name IS NULL
			AND NOT EXISTS (SELECT FROM pg_dist_placement AS p WHERE p.shardid = s.shardid AND p.groupid = n.groupid))
	UNION ALL
	SELECT format('node %s:%s', n.nodename, n.nodeport), n.result, 'calls fail there, as the functions belong to another role than here',
		format('SELECT pgbeam.set_owner(%L)', o.owner)
	FROM (SELECT proowner::regrole::text AS owner FROM pg_proc WHERE oid = 'pgbeam.create_project(jsonb)'::regprocedure) AS o,
		run_command_on_workers($c$SELECT proowner::regrole FROM pg_proc WHERE oid = 'pgbeam.create_project(jsonb)'::regprocedure$c$) AS n
	WHERE n.result <> o.owner AND citus_is_coordinator()
	UNION ALL
	SELECT 'node of Citus', 'not the coordinator', 'changes that calls on this node make are in no order with the others, and readers of the feed may miss them',
		'SELECT ... -- by a connection to the coordinator'
	WHERE NOT citus_is_coordinator();
END
$$;
COMMENT ON FUNCTION pgbeam.check_distribution() IS
'The part of pgbeam.check_configuration() about the tables'' distribution by Citus.';

CREATE FUNCTION pgbeam.distribute() RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	d record;
	messages text DEFAULT current_setting('client_min_messages');
	mode text DEFAULT current_setting('citus.multi_shard_modify_mode', true);
	added regclass[] DEFAULT '{}';
	added_table regclass;
	misplaced text;
BEGIN
	IF to_regclass('pg_catalog.pg_dist_node') IS NULL THEN
		RAISE EXCEPTION 'Citus is not installed in this database' USING ERRCODE = 'object_not_in_prerequisite_state',
			HINT = 'Put citus before pgbeam in shared_preload_libraries of every node and restart them, then CREATE EXTENSION citus in this database of each, and add the workers by citus_add_node().';
	ELSIF (SELECT NOT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
		RAISE EXCEPTION 'only a superuser may distribute the tables' USING ERRCODE = 'insufficient_privilege';
	ELSIF (SELECT count(*) = 0 FROM pg_dist_node WHERE shouldhaveshards AND isactive) THEN
		RAISE EXCEPTION 'Citus has no node for the rows' USING ERRCODE = 'object_not_in_prerequisite_state',
			HINT = 'Add a worker by citus_add_node().';
	ELSIF NOT citus_is_coordinator() THEN
		RAISE EXCEPTION 'this node of Citus is not the coordinator' USING ERRCODE = 'object_not_in_prerequisite_state',
			HINT = 'Call this on the coordinator.';
	END IF;
	SELECT t INTO misplaced FROM pgbeam.misplaced_tables() AS t LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION 'Citus spreads table % otherwise than pgbeam.distribution() says', misplaced USING ERRCODE = 'object_not_in_prerequisite_state',
			HINT = 'Dump the rows, and restore them where pgbeam.distribute() alone has spread the tables.';
	END IF;
	-- Citus tells of each table that its rows are to be removed here, as is
	-- done below.
	PERFORM set_config('client_min_messages', 'warning', true);
	-- One connection to each node: a constraint of a shard reads the table's
	-- row type there, which another connection that alters the table locks.
	PERFORM set_config('citus.multi_shard_modify_mode', 'sequential', true);
	PERFORM pgbeam.set_owner_on_nodes(proowner) FROM pg_proc WHERE oid = 'pgbeam.create_project(jsonb)'::regprocedure;
	FOR d IN SELECT * FROM pgbeam.distribution() WHERE NOT is_local LOOP
		PERFORM pgbeam.fit_constraint(d.table_name::regclass, d.resource) WHERE d.is_checked;
		CONTINUE WHEN EXISTS (SELECT FROM pg_dist_partition WHERE logicalrelid = d.table_name::regclass);
		IF d.column_name IS NULL THEN
			PERFORM create_reference_table(d.table_name::regclass);
		ELSE
			PERFORM create_distributed_table(d.table_name::regclass, d.column_name, colocate_with => coalesce(d.beside, 'none'));
		END IF;
		added := added || d.table_name::regclass;
	END LOOP;
	-- The rows that were copied to the nodes are still here, where nobody sees
	-- them.
	FOREACH added_table IN ARRAY added LOOP
		PERFORM truncate_local_data_after_distributing_table(added_table);
	END LOOP;
	PERFORM set_config('client_min_messages', messages, true);
	PERFORM set_config('citus.multi_shard_modify_mode', mode, true);
END
$$;
COMMENT ON FUNCTION pgbeam.distribute() IS
'Spreads the tables over the nodes of Citus as pgbeam.distribution() lists them, with their rows.
For a superuser on the coordinator, where no other call of pgbeam''s runs meanwhile. A table that is distributed already stays as it is, so that the call can be repeated after an update of the extension. Errors: 55000 where Citus or a node is missing, or somebody has spread a table otherwise, 42501 for other roles.';
