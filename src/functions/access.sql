CREATE FUNCTION pgbeam.grant_access(role regrole, access text) RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgbeam_grant_access';
COMMENT ON FUNCTION pgbeam.grant_access(regrole, text) IS
'Gives a role the functions of an access, and with admin the views of schema pgbeam_admin.
That is USAGE of schema pgbeam, and EXECUTE on the functions of api (the API''s operations, as PostgREST calls them), http (only pgbeam.http, for an HTTP layer whose clients reach nothing else), data_plane (upstream passwords, reports, the change feed, the files of proxies), proxy (the passwords of logins, for PgBouncer''s auth_user) or admin (the operations as trusted SQL, organizations, keys; USAGE of schema pgbeam_admin, SELECT on its views). REVOKE takes them back. Errors: 22004 for null, which to_regrole() gives for a misspelt role, 22023 for another access.';
