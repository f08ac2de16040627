CREATE FUNCTION pgbeam.check_fields(resource text, stored record) RETURNS boolean
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'pgbeam_check_fields';
COMMENT ON FUNCTION pgbeam.check_fields(text, record) IS
'Checks a row, as the CHECK of each table: true, or error 23514, which names the member and the rule (never the value), when a row breaks what pgbeam.fields() says of its resource.
resource is the table''s name without the s. Errors: 22023 for another resource, 42809 for a row without its columns.';
