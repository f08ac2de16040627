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
-- An exporter needs no more than one right.
CREATE ROLE regress_pgbeam_exporter;
GRANT USAGE ON SCHEMA pgbeam TO regress_pgbeam_exporter;
GRANT EXECUTE ON FUNCTION pgbeam.metrics() TO regress_pgbeam_exporter;
SET ROLE regress_pgbeam_exporter;
SELECT pgbeam.metrics() ~ 'pgbeam_consumer_lag_rows\{consumer="statistics"\} 1' AS has_lag;
SELECT count(*) FROM pgbeam.statistics();
RESET ROLE;
REVOKE ALL ON FUNCTION pgbeam.metrics() FROM regress_pgbeam_exporter;
REVOKE ALL ON SCHEMA pgbeam FROM regress_pgbeam_exporter;
DROP ROLE regress_pgbeam_exporter;
SELECT pgbeam.unsubscribe('statistics');
