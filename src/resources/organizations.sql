CREATE FUNCTION pgbeam.list_organizations() RETURNS json
LANGUAGE c STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgbeam_list_organizations';
COMMENT ON FUNCTION pgbeam.list_organizations() IS
'listOrganizations: answers {"organizations"} of the caller: an API key''s own, a user''s with their role, or all for trusted SQL.
pgbeam.list_all_organizations() gives operators pages of them, with plans and limits. Error PT401 for a caller who is not trusted, or shows no credential.';
