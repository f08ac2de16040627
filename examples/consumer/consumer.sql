-- A consumer of the change feed in psql: copies each change into a table of
-- this database, exactly once.
--
--	psql -v name=change_log -f consumer.sql
--
-- What a statement inserts and the place that it confirms are committed
-- together. Two of these under one name take turns; a kill of one
-- loses nothing. It ends when the connection is lost or a statement fails, with
-- a status other than 0: let a service manager start it again.
\set ON_ERROR_STOP on
\set QUIET on
\o /dev/null

\if :{?name}
\else
	DO $$ BEGIN RAISE 'Which consumer? psql -v name=change_log -f consumer.sql'; END $$;
\endif

SELECT pgbeam.subscribe(:'name');

-- Each second. A batch of 1000 is dealt with in one transaction.
WITH batch AS MATERIALIZED (
	SELECT * FROM pgbeam.next_changes(:'name', 1000) WITH ORDINALITY
),
copied AS (
	INSERT INTO change_log (token, org_id, resource, resource_id, action, actor, actor_kind, request_id, detail, changed_at)
	SELECT token, org_id, resource, resource_id, action, actor, actor_kind, request_id, detail, changed_at FROM batch
)
SELECT pgbeam.confirm(:'name', last.token) FROM (SELECT token FROM batch ORDER BY ordinality DESC LIMIT 1) AS last
\watch 1
