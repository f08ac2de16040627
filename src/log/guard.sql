CREATE FUNCTION pgbeam.logging_profile(
	OUT setting text, OUT value text, OUT guarded boolean, OUT leak text)
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL RESTRICTED
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgbeam_logging_profile';
COMMENT ON FUNCTION pgbeam.logging_profile() IS
'The settings that decide whether the server keeps requests in its log: the safe value of each, whether pgbeam.log_guard makes up for another value, and what that lets out.';

CREATE FUNCTION pgbeam.set_logging_profile(role regrole) RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgbeam_set_logging_profile';
COMMENT ON FUNCTION pgbeam.set_logging_profile(regrole) IS
'Gives a role the values of pgbeam.logging_profile() (ALTER ROLE ... SET), for its sessions to come in every database.
It counts for the role that logs in, not for one that SET ROLE changes to. Superusers only: error 42501 for others, 22004 for null.';
