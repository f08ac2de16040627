CREATE FUNCTION pgbeam.openapi() RETURNS json
LANGUAGE c STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgbeam_openapi';
COMMENT ON FUNCTION pgbeam.openapi() IS
'getOpenApi: returns the API''s description (OpenAPI 3.0.3), made from the operations and their fields.';
