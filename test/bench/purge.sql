-- Deletes a hundred thousand projects long ago, or a tenth of all, so that they
-- can be purged. Runs after scale.sql.
CREATE TEMPORARY TABLE gone AS
	SELECT project_id, org_id FROM bench.fresh WHERE deleted_at IS NULL
	ORDER BY md5(n::text) LIMIT least(100000, (SELECT count(*) / 10 FROM bench.fresh));
UPDATE pgbeam.databases AS d SET deleted_at = d.updated_at - interval '1000 days', password_sealed = NULL
	FROM gone WHERE (d.org_id, d.project_id) = (gone.org_id, gone.project_id) AND d.deleted_at IS NULL;
UPDATE pgbeam.projects AS p SET deleted_at = p.updated_at - interval '1000 days', status = 'deleted', database_count = 0
	FROM gone WHERE (p.org_id, p.id) = (gone.org_id, gone.project_id) AND p.deleted_at IS NULL;
VACUUM ANALYZE pgbeam.projects, pgbeam.databases, pgbeam.hosts;
