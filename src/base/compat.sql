-- The path that everything below is read under, until CREATE EXTENSION ends.
SET LOCAL search_path = pg_catalog, pg_temp;

-- What the extension asks of the database it is installed in.

DO $$
BEGIN
	IF pg_catalog.getdatabaseencoding() OPERATOR(pg_catalog.<>) 'UTF8' THEN
		RAISE EXCEPTION 'pgbeam needs a database with the encoding UTF8'
			USING ERRCODE = 'feature_not_supported',
			HINT = 'Create the database with ENCODING ''UTF8'' TEMPLATE template0.';
	END IF;
END
$$;

CREATE SCHEMA pgbeam;
COMMENT ON SCHEMA pgbeam IS
	'The PgBeam control-plane API as SQL functions, and the tables behind it';
