CREATE FUNCTION pgbeam.fields(
	OUT table_name text, OUT field text, OUT column_name text, OUT type text,
	OUT in_create boolean, OUT required boolean, OUT nullable boolean, OUT minimum integer, OUT maximum integer,
	OUT words text[], OUT default_value text, OUT about text)
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL RESTRICTED
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgbeam_fields';
COMMENT ON FUNCTION pgbeam.fields() IS
'Lists the members of every resource of the API: where each is stored (column_name null: computed), whether a create request may or must have it, its limits (characters, value or items; null: none), its permitted words and its default.';
