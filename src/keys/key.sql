CREATE FUNCTION pgbeam.create_key() RETURNS text
LANGUAGE c VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgbeam_create_key';
COMMENT ON FUNCTION pgbeam.create_key() IS
'Adds a new random key to pgbeam.keyring_file, makes it the active one and returns its id (32 hex digits).
Superusers only. The file is replaced whole and cannot be rolled back. Errors: 42501 for others, PB001 no file is configured, PB003 the file or the way there is not fit to hold keys, 55000 it is root''s or behind a symbolic link, as a Kubernetes secret is, 55P03 another session is making one, and those of the file system.';

CREATE FUNCTION pgbeam.keyring(OUT key_id text, OUT active boolean)
RETURNS SETOF record
LANGUAGE c VOLATILE PARALLEL RESTRICTED
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgbeam_keyring';
COMMENT ON FUNCTION pgbeam.keyring() IS
'The keys this server can use: id (32 hex digits) and whether new secrets are sealed with it.
No rows and a WARNING where there is no usable keyring. Never the keys themselves.';

CREATE FUNCTION pgbeam.secret_key_id(sealed bytea) RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'pgbeam_secret_key_id';
COMMENT ON FUNCTION pgbeam.secret_key_id(bytea) IS
'The id (32 hex digits) of the key that a sealed secret opens with; null for bytes that are none.';
