-- Comments on columns are the descriptions of the fields.
DO $$
DECLARE
	f record;
BEGIN
	FOR f IN SELECT * FROM pgbeam.fields() WHERE column_name IS NOT NULL LOOP
		EXECUTE pg_catalog.format('COMMENT ON COLUMN %s.%I IS %L', f.table_name, f.column_name, f.about);
	END LOOP;
END
$$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA pgbeam FROM PUBLIC;

-- Default privileges may have given rights to roles other than PUBLIC.
DO $$
DECLARE
	given record;
BEGIN
	FOR given IN
		SELECT format('FUNCTION %s', p.oid::regprocedure) AS object, acl.grantee
		FROM pg_proc AS p, aclexplode(p.proacl) AS acl
		WHERE p.pronamespace = 'pgbeam'::regnamespace AND acl.grantee NOT IN (0, p.proowner)
		UNION
		SELECT format('TABLE %s', c.oid::regclass), acl.grantee
		FROM pg_class AS c, aclexplode(c.relacl) AS acl
		WHERE c.relnamespace IN ('pgbeam'::regnamespace, 'pgbeam_admin'::regnamespace) AND c.relkind IN ('r', 'v')
			AND acl.grantee NOT IN (0, c.relowner)
		UNION
		SELECT format('SCHEMA %I', n.nspname), acl.grantee
		FROM pg_namespace AS n, aclexplode(n.nspacl) AS acl
		WHERE n.nspname IN ('pgbeam', 'pgbeam_admin') AND acl.grantee NOT IN (0, n.nspowner)
	LOOP
		EXECUTE format('REVOKE ALL ON %s FROM %s', given.object, given.grantee::regrole);
	END LOOP;
END
$$;

REVOKE ALL ON ALL TABLES IN SCHEMA pgbeam, pgbeam_admin FROM PUBLIC;
REVOKE ALL ON SCHEMA pgbeam, pgbeam_admin FROM PUBLIC;
