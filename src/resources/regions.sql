CREATE FUNCTION pgbeam.list_regions() RETURNS json
LANGUAGE c STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgbeam_list_regions';
COMMENT ON FUNCTION pgbeam.list_regions() IS
'listRegions: answers {"regions"}, the published ones.
Error PT401 for a caller who is not trusted, or shows no credential.';
