CREATE FUNCTION pgbeam.purge(batch integer DEFAULT 1000) RETURNS bigint
LANGUAGE c VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgbeam_purge';
COMMENT ON FUNCTION pgbeam.purge(integer) IS
'Removes at most batch things that were deleted more than pgbeam.deleted_retention days ago, or are metrics or usage of older days than are kept, and returns how many.
Call it until it returns 0, each time in a transaction of its own: then nothing is left but what other sessions hold. A thing is a project, database, replica or custom domain, which goes with all rows below it, or an API key that was revoked or has expired; or a row of metrics (pgbeam.metrics_retention) or usage (pgbeam.usage_retention). The writes of the API do the same a little at a time, so that nobody has to call it. This function rests now and then, for pgbeam.purge_delay; the writes do not. Nothing is noted in the feed, whose readers have read of the deletion. Errors: PT400 for a batch below 1, PT401 for a caller without admin access, 09000 when a trigger keeps a row, and the errors of triggers and foreign keys that were added to the tables.';
