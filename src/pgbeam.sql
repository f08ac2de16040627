-- The fields' own words on the columns.
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
