CREATE FUNCTION pgbeam.check_fields(resource text, stored record) RETURNS boolean
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'pgbeam_check_fields';
COMMENT ON FUNCTION pgbeam.check_fields(text, record) IS
'The CHECK of each table, as rows of a resource (organization, member, api_key, jwk, idempotency_key, change, host, project, database, replica, custom_domain or connection_test): true, or error 23514 that names the member and the rule (never the value) when a row breaks what pgbeam.fields() says of it.
Errors 22023 for another resource, 42809 for a row without its columns.';
