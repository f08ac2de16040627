CREATE FUNCTION pgbeam.rewrap(batch integer DEFAULT 1000) RETURNS bigint
LANGUAGE c VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgbeam_rewrap';
COMMENT ON FUNCTION pgbeam.rewrap(integer) IS
'Reseals at most batch secrets of older keys under the active key, and returns how many are left.
Call it until it returns 0, each time in a transaction of its own. A session walks through the table. The number is counted at both ends of the walk, and reduced by each batch in between. Rows that other sessions hold are left for later. A secret that does not open gets a WARNING and is not counted. At 0, a WARNING tells how many secrets stay under keys that are not in the keyring; key_status() names these keys. Errors: PT400 for a batch below 1, PT401 for a caller without admin access, PB001 to PB003 when no key is usable, PB004 when no secret of a batch opens; the next call goes on after that batch.';
