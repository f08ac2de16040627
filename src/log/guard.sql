CREATE FUNCTION pgbeam.logging_profile(
	OUT setting text, OUT value text, OUT guarded boolean, OUT leak text)
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL RESTRICTED
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgbeam_logging_profile';
COMMENT ON FUNCTION pgbeam.logging_profile() IS
'Lists the settings that decide whether the server logs requests: the safe value of each, whether pgbeam.log_guard makes up for other values, and what other values let out.';

CREATE FUNCTION pgbeam.set_logging_profile(role regrole) RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgbeam_set_logging_profile';
COMMENT ON FUNCTION pgbeam.set_logging_profile(regrole) IS
'Gives a role the values of pgbeam.logging_profile() (ALTER ROLE ... SET), for its later sessions in every database.
They count for the role that logs in, not for a role that SET ROLE changes to. Only a superuser may call it. Errors: 42501 for other roles, 22004 for null.';
