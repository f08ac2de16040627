-- A deleted project is brought back.
\pset format unaligned
\pset tuples_only on
SELECT pgbeam.set_organization('undelete', '{"plan": "scale"}') IS NOT NULL AS made;
CREATE FUNCTION upstream() RETURNS jsonb LANGUAGE sql AS $$
	SELECT '{"host": "db.example.com", "port": 5432, "name": "d", "username": "u", "password": "p"}'::jsonb
$$;
CREATE FUNCTION project(name text) RETURNS text LANGUAGE sql AS $$
	SELECT pgbeam.create_project(jsonb_build_object('name', name, 'org_id', 'undelete', 'database', upstream()))::jsonb #>> '{project,id}'
$$;
CREATE VIEW stored AS
	SELECT (SELECT count(*) FROM pgbeam.projects WHERE org_id = 'undelete' AND deleted_at IS NULL) AS projects,
		(SELECT count(*) FROM pgbeam.databases WHERE org_id = 'undelete' AND deleted_at IS NULL) AS databases,
		(SELECT count(*) FROM pgbeam.replicas WHERE org_id = 'undelete' AND deleted_at IS NULL) AS replicas,
		(SELECT count(*) FROM pgbeam.custom_domains WHERE org_id = 'undelete' AND deleted_at IS NULL) AS domains;
SELECT project('back') AS back \gset
SELECT pgbeam.list_databases(:'back')::jsonb #>> '{databases,0,id}' AS first \gset
SELECT pgbeam.create_database(:'back', upstream())::jsonb ->> 'id' AS second \gset
SELECT pgbeam.create_database(:'back', upstream())::jsonb ->> 'id' AS gone \gset
SELECT pgbeam.create_replica(:'first', '{"host": "r", "port": 5432}') IS NOT NULL AND
	pgbeam.create_custom_domain(:'back', '{"domain": "undelete.example.com"}') IS NOT NULL AS made;
SELECT pgbeam.delete_database(:'back', :'gone') IS NULL AS deleted;
SELECT pgbeam.get_project(:'back')::jsonb - 'updated_at' AS before \gset
TABLE stored;
SELECT pgbeam.undelete_project(:'back');
SELECT pgbeam.delete_project(:'back') IS NULL AS deleted;
TABLE stored;

-- What was deleted with it comes back, and nothing else.
SELECT pgbeam.undelete_project(:'back') AS answer \gset
SELECT :'answer'::jsonb -> 'project' @> :'before'::jsonb AS same, :'answer'::jsonb -> 'databases_without_password' @> jsonb_build_array(:'first', :'second') AS named,
	jsonb_array_length(:'answer'::jsonb -> 'databases_without_password') AS databases;
TABLE stored;
SELECT count(*) FROM pgbeam.databases WHERE org_id = 'undelete' AND deleted_at IS NULL AND password_sealed IS NULL;
SELECT count(*) AS tried FROM pgbeam.upstream(:'first');
SELECT pgbeam.update_database(:'back', :'first', '{"password": "again"}') IS NOT NULL AS updated;
SELECT count(*) AS tried FROM pgbeam.upstream(:'first');
SELECT pgbeam.reveal_password(:'first');
SELECT resource, action, count(*) FROM pgbeam.changes WHERE xid = (SELECT xid FROM pgbeam.changes
	WHERE resource_id = :'back' AND action = 'created' ORDER BY xid DESC LIMIT 1) GROUP BY 1, 2 ORDER BY 1, 2;
SELECT count(*) FROM pgbeam.hosts h JOIN pgbeam.projects p ON (p.org_id, p.id, p.proxy_host) = (h.org_id, h.project_id, h.host)
WHERE p.org_id = 'undelete' AND p.name = 'back';

-- Not while another project has its name, or its host.
SELECT pgbeam.delete_project(:'back') IS NULL AS deleted, project('back') AS other \gset
SELECT pgbeam.undelete_project(:'back');
SELECT pgbeam.update_project(:'other', '{"name": "renamed"}') IS NOT NULL AS renamed;
SELECT pgbeam.undelete_project(:'back');
SELECT pgbeam.delete_project(:'other') IS NULL AS deleted;
SELECT pgbeam.undelete_project(:'back') IS NOT NULL AS undeleted;
SELECT pgbeam.undelete_project(:'other');
SELECT project('suffixed') AS suffixed \gset
SELECT pgbeam.delete_project(:'suffixed') IS NULL AS deleted;
SELECT project('suffixed') IS NOT NULL AS made;
SELECT pgbeam.undelete_project(:'suffixed');
SELECT project('taker') AS taker \gset
SELECT pgbeam.delete_project(:'back') IS NULL AS deleted;
SELECT pgbeam.update_project(:'taker', '{"name": "back"}') IS NOT NULL AS renamed;
SELECT pgbeam.undelete_project(:'back');
SELECT pgbeam.delete_project(:'taker') IS NULL AS deleted;
SELECT pgbeam.undelete_project(:'back') IS NOT NULL AS undeleted;

-- Not beyond the plan, and not without the organization.
SELECT pgbeam.delete_project(:'back') IS NULL AS deleted;
SELECT pgbeam.set_organization('undelete', '{"max_projects": 1}') IS NOT NULL AS set;
SELECT pgbeam.undelete_project(:'back');
SELECT pgbeam.set_organization('undelete', '{"max_projects": null}') IS NOT NULL AS set;
SELECT pgbeam.delete_organization('undelete');
SELECT pgbeam.delete_organization('undelete', cascade => true) IS NOT NULL AS deleted;
SELECT pgbeam.undelete_project(:'back');
SELECT pgbeam.set_organization('undelete') IS NOT NULL AS made;
SELECT pgbeam.undelete_project(:'back') IS NOT NULL AS undeleted;

-- Not what is no deleted project.
SELECT pgbeam.undelete_project('prj_00000000000000000000000000');
SELECT pgbeam.undelete_project(:'first');
SELECT pgbeam.undelete_project(NULL);
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT pgbeam.undelete_project(:'back');
ROLLBACK;
-- A purged one is gone.
SELECT pgbeam.delete_project(:'back') IS NULL AS deleted;
UPDATE pgbeam.projects SET deleted_at = deleted_at - interval '91 days' WHERE org_id = 'undelete' AND deleted_at IS NOT NULL;
SELECT pgbeam.purge() > 0 AS purged;
SELECT pgbeam.undelete_project(:'back');
SELECT pgbeam.erase_organization('undelete') > 0 AS erased;
DROP VIEW stored;
DROP FUNCTION project, upstream;
