-- What can be measured, as rows and in Prometheus' text form. What the server
-- counts where the library is preloaded is tested elsewhere.
SELECT count(*) AS counters FROM pgbeam.counters();
SELECT pgbeam.subscribe('statistics') IS NOT NULL AS subscribed;
SELECT count(pgbeam.set_organization('statistics')) AS made;
SELECT metric, labels, value >= 0 AS fits FROM pgbeam.statistics();
SELECT metric, value FROM pgbeam.statistics() WHERE metric ~ 'lag_rows|start_over';
-- Each metric has its kind and a sentence, and each line its form.
SELECT DISTINCT line FROM regexp_split_to_table(pgbeam.metrics(), '\n') AS line WHERE line ~ '^#';
SELECT line FROM regexp_split_to_table(pgbeam.metrics(), '\n') AS line
WHERE line !~ '^# (HELP|TYPE) [a-z_]+ [^ ].*$' AND line !~ '^[a-z_]+(\{[a-z]+="[A-Za-z0-9_.+-]+"(,[a-z]+="[A-Za-z0-9_.+-]+")*\})? [0-9.e+-]+$';
SELECT count(*) FROM pgbeam.statistics() AS s WHERE position(chr(10) || s.metric IN pgbeam.metrics()) = 0;
BEGIN;
DELETE FROM pgbeam.feed_consumers;
DELETE FROM pgbeam.changes;
SELECT metric, labels, value FROM pgbeam.statistics();
ROLLBACK;
-- What is due to be purged.
SELECT p #>> '{project,id}' AS project FROM pgbeam.create_project(
	'{"org_id": "statistics", "name": "s", "database": {"host": "db.example.com", "port": 5432, "name": "d", "username": "u", "password": "canary-password-Vq7R2x"}}') p \gset
SELECT pgbeam.delete_project(:'project');
BEGIN;
CREATE FUNCTION pg_temp.backlog(kind text) RETURNS double precision LANGUAGE sql AS $$
	SELECT value FROM pgbeam.statistics() WHERE metric = 'pgbeam_purge_backlog_rows' AND labels ->> 'resource' = kind
$$;
SELECT pg_temp.backlog('project') AS projects, pg_temp.backlog('database') AS databases \gset
UPDATE pgbeam.projects SET deleted_at = now() - interval '91 days' WHERE id = pgbeam.typeid_decode(:'project');
UPDATE pgbeam.databases SET deleted_at = now() - interval '91 days' WHERE project_id = pgbeam.typeid_decode(:'project');
SELECT pg_temp.backlog('project') - :projects AS projects, pg_temp.backlog('database') - :databases AS databases;
SET LOCAL pgbeam.deleted_retention = 0;
SELECT sum(value) FROM pgbeam.statistics() WHERE metric = 'pgbeam_purge_backlog_rows';
ROLLBACK;
-- An exporter needs no more than one right.
CREATE ROLE regress_pgbeam_exporter;
GRANT USAGE ON SCHEMA pgbeam TO regress_pgbeam_exporter;
GRANT EXECUTE ON FUNCTION pgbeam.metrics() TO regress_pgbeam_exporter;
SET ROLE regress_pgbeam_exporter;
SELECT pgbeam.metrics() ~ 'pgbeam_consumer_lag_rows\{consumer="statistics"\} 5' AS has_lag;
SELECT count(*) FROM pgbeam.statistics();
RESET ROLE;
REVOKE ALL ON FUNCTION pgbeam.metrics() FROM regress_pgbeam_exporter;
REVOKE ALL ON SCHEMA pgbeam FROM regress_pgbeam_exporter;
DROP ROLE regress_pgbeam_exporter;
SELECT pgbeam.unsubscribe('statistics');
