CREATE FUNCTION pgbeam.undelete_project(project_id text) RETURNS json
LANGUAGE c VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgbeam_undelete_project';
COMMENT ON FUNCTION pgbeam.undelete_project(text) IS
'Brings a deleted project back that has not been purged, and answers {"project", "databases_without_password"}.
The databases, replicas and custom domains that were deleted together with it come back too. Passwords were wiped: update_database() sets one for each of the ids in databases_without_password. Custom domains must be verified again. What data planes report, such as cache rules, begins anew. A project that was suspended is active. The feed has a change (created) for each. Errors: PT401 for a caller without admin access, PT403 when the plan''s limit is reached, PT404 for a project that is not deleted, or has been purged, or whose organization is gone; PT409 when a living project has the name, or its host; 25000 at an isolation level other than READ COMMITTED.';
