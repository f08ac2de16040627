CREATE FUNCTION pgbeam.health() RETURNS json
LANGUAGE c STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgbeam_health';
COMMENT ON FUNCTION pgbeam.health() IS
'getHealth: tells whether the service is working.
Returns status (ok or degraded), version, image_sha (empty), timestamp (the server''s), rate_limit (on if requests are counted, or off), and read_only (true if the server takes no writes). If the service is degraded, causes lists why: keyring (no key is usable) or read_only (somebody set it so; a standby is ok). If changes have waited over 10 seconds for an older transaction, feed has held_seconds and pid. Over HTTP, degraded is 503 with the same body; in SQL it is always a row. Needs no credential.';
