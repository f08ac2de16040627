CREATE FUNCTION pgbeam.distribution(
	OUT table_name text, OUT resource text, OUT column_name text, OUT beside text)
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL RESTRICTED
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgbeam_distribution';
COMMENT ON FUNCTION pgbeam.distribution() IS
'Lists how pgbeam.distribute() spreads the tables over the nodes of Citus: by which column, null where every node has all rows, and beside which other table.';

-- Citus calls a constraint over the whole row of a table by the table's name,
-- which no shard has. One that lists the columns means the same there.
CREATE FUNCTION pgbeam.fit_constraint(table_name regclass, resource text) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	columns text;
	numbers int2[];
	found name;
BEGIN
	SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum), array_agg(a.attnum ORDER BY a.attnum) INTO columns, numbers
	FROM pg_attribute AS a WHERE a.attrelid = table_name AND a.attnum > 0 AND NOT a.attisdropped;
	SELECT c.conname INTO found FROM pg_constraint AS c JOIN pg_class AS t ON t.oid = c.conrelid
	WHERE c.conrelid = table_name AND c.conname = t.relname || '_fields_check' AND NOT c.conkey @> numbers;
	IF found IS NULL THEN
		RETURN;
	END IF;
	EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', table_name, found);
	EXECUTE format('ALTER TABLE %s ADD CONSTRAINT %I CHECK (pgbeam.check_fields(%L, ROW(%s)::%s))',
		table_name, found, resource, columns, table_name);
END
$$;
COMMENT ON FUNCTION pgbeam.fit_constraint(regclass, text) IS
'The part of pgbeam.distribute() that makes the constraint over a table''s rows fit for shards.';

CREATE FUNCTION pgbeam.check_distribution(
	OUT setting text, OUT value text, OUT problem text, OUT mend text)
RETURNS SETOF record
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF to_regclass('pg_catalog.pg_dist_partition') IS NULL THEN
		RETURN;
	END IF;
	RETURN QUERY
	WITH judged AS (
		SELECT d.table_name, d.column_name, p.logicalrelid IS NOT NULL AS is_distributed,
			(SELECT array_agg(a.attnum) FROM pg_attribute AS a
				WHERE a.attrelid = d.table_name::regclass AND a.attnum > 0 AND NOT a.attisdropped) AS columns,
			(SELECT c.conkey FROM pg_constraint AS c JOIN pg_class AS t ON t.oid = c.conrelid
				WHERE c.conrelid = d.table_name::regclass AND c.conname = t.relname || '_fields_check') AS checked
		FROM pgbeam.distribution() AS d LEFT JOIN pg_dist_partition AS p ON p.logicalrelid = d.table_name::regclass
	)
	SELECT 'table ' || j.table_name, 'on this node alone', 'other tables are distributed, and calls that need both fail',
		'SELECT pgbeam.distribute() -- as a superuser on the coordinator'
	FROM judged AS j WHERE NOT j.is_distributed AND (SELECT bool_or(o.is_distributed) FROM judged AS o)
	UNION ALL
	SELECT 'table ' || j.table_name, 'its constraint leaves out columns', 'what is written to these by hand is not checked',
		'SELECT pgbeam.distribute() -- as a superuser on the coordinator'
	FROM judged AS j WHERE j.is_distributed AND NOT j.checked @> j.columns
	UNION ALL
	SELECT 'owner of pgbeam', r.rolname::text, 'may not log in, and so cannot reach the other nodes of Citus', format('ALTER ROLE %I LOGIN', r.rolname)
	FROM pg_proc AS p JOIN pg_roles AS r ON r.oid = p.proowner
	WHERE p.oid = 'pgbeam.create_project(jsonb)'::regprocedure AND NOT r.rolcanlogin AND (SELECT bool_or(o.is_distributed) FROM judged AS o)
	UNION ALL
	SELECT 'node of Citus', 'not the coordinator', 'changes that calls on this node make are in no order with the others, and readers of the feed may miss them',
		'SELECT ... -- by a connection to the coordinator'
	FROM (SELECT bool_or(o.is_distributed) AS any_distributed FROM judged AS o) AS a WHERE a.any_distributed AND NOT citus_is_coordinator();
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
	added regclass[] DEFAULT '{}';
	added_table regclass;
BEGIN
	IF to_regclass('pg_catalog.pg_dist_node') IS NULL THEN
		RAISE EXCEPTION 'Citus is not installed in this database' USING ERRCODE = 'object_not_in_prerequisite_state',
			HINT = 'Put citus before pgbeam in shared_preload_libraries of every node and restart them, then CREATE EXTENSION citus in this database of each, and add the workers by citus_add_node().';
	ELSIF (SELECT NOT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
		RAISE EXCEPTION 'only a superuser may distribute the tables' USING ERRCODE = 'insufficient_privilege';
	ELSIF NOT citus_is_coordinator() THEN
		RAISE EXCEPTION 'this node of Citus is not the coordinator' USING ERRCODE = 'object_not_in_prerequisite_state',
			HINT = 'Call this on the coordinator.';
	ELSIF (SELECT count(*) = 0 FROM pg_dist_node WHERE shouldhaveshards AND isactive) THEN
		RAISE EXCEPTION 'Citus has no node for the rows' USING ERRCODE = 'object_not_in_prerequisite_state',
			HINT = 'Add a worker by citus_add_node().';
	END IF;
	FOR d IN SELECT * FROM pgbeam.distribution() LOOP
		PERFORM pgbeam.fit_constraint(d.table_name::regclass, d.resource);
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
END
$$;
COMMENT ON FUNCTION pgbeam.distribute() IS
'Spreads the tables over the nodes of Citus as pgbeam.distribution() lists them, with their rows.
For a superuser on the coordinator, where no other call of pgbeam''s runs meanwhile. A table that is distributed already stays as it is, so that the call can be repeated after an update of the extension. Errors: 55000 where Citus or a node is missing, 42501 for other roles.';
