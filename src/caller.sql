CREATE FUNCTION pgbeam.grant_access(role regrole, access text) RETURNS void
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgbeam_grant_access';
COMMENT ON FUNCTION pgbeam.grant_access(regrole, text) IS
'Gives a role USAGE of schema pgbeam and EXECUTE on the functions of an access: api (the API''s operations), data_plane (upstream passwords), admin (the operations as trusted SQL, organizations, keys). REVOKE takes it back. Error 22023 for another access.';
