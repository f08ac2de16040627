CREATE FUNCTION pgbeam.create_key() RETURNS text
LANGUAGE c VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgbeam_create_key';
COMMENT ON FUNCTION pgbeam.create_key() IS
'Adds a new random key to the file of pgbeam.keyring_file, makes it the active one and returns its id (32 hex digits).
Only a superuser may call it. The file is replaced as a whole, and a rollback does not undo that. Errors: 42501 for other roles; PB001 where no file is configured; PB003 where the file, or the way to it, is not fit to hold keys; 55000 where the file is root''s or behind a symbolic link, as a Kubernetes secret is; 55P03 while another session makes a key; and those of the file system.';

CREATE FUNCTION pgbeam.keyring(OUT key_id text, OUT active boolean)
RETURNS SETOF record
LANGUAGE c VOLATILE PARALLEL RESTRICTED
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgbeam_keyring';
COMMENT ON FUNCTION pgbeam.keyring() IS
'Lists the keys of this server''s keyring: the id (32 hex digits) of each, and whether new secrets are sealed with it.
It gives no rows and a WARNING where there is no usable keyring, and never the keys themselves.';

CREATE FUNCTION pgbeam.secret_key_id(sealed bytea) RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'pgbeam_secret_key_id';
COMMENT ON FUNCTION pgbeam.secret_key_id(bytea) IS
'Returns the id (32 hex digits) of the keyring key that opens a sealed secret; null for bytes that are no sealed secret.';
