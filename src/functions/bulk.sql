CREATE FUNCTION pgbeam.create_projects(
	projects jsonb,
	atomic boolean DEFAULT false,
	OUT ordinality integer, OUT org_id text, OUT name text,
	OUT status integer, OUT code text, OUT problems text[], OUT answer json)
RETURNS SETOF record
LANGUAGE c VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgbeam_create_projects';
COMMENT ON FUNCTION pgbeam.create_projects(jsonb, boolean) IS
'Creates projects from an array of create requests, and gives a row for each.
Each element is a body of create_project. One that is refused leaves nothing, and the others are created all the same. With atomic, all are undone if one is refused. ordinality is the place in the array, from 1 on; org_id and name are those that the element names. status is 201 for a created project, whose answer is that of create_project; 424 for one that was undone because another was refused; for a refused one the status and the code of the API, and all problems. An error that is no refusal, as of a trigger, has status 500 and its SQLSTATE as code. Unknown members are refused. Errors: PT400 for no array or one of over 1000 elements, PT401 for a caller without admin access, PT413 for an array over 2 MB as jsonb, 22004 for null.';
