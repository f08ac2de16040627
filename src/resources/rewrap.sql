CREATE FUNCTION pgbeam.rewrap(batch integer DEFAULT 1000) RETURNS bigint
LANGUAGE c VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgbeam_rewrap';
COMMENT ON FUNCTION pgbeam.rewrap(integer) IS
'Seals at most batch secrets that older keys of the keyring open under the active one, and answers how many are left.
A session walks through the table: the number is counted at both ends of its walk, and less by each batch in between. Rows that other sessions hold are left for later. Call it until it answers 0, each time in a transaction of its own. A secret that does not open is told by a WARNING and not counted; at 0 another tells how many stay under keys that are not in the keyring, which key_status() names. Errors: PT400 for a batch below 1, PT401 for a caller without admin access, PB001 to PB003 when no key is usable, PB004 when no secret of a batch opens; the next call goes on behind it.';
