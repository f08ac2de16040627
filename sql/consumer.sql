-- Consumers of the change feed: their places, and what moves them.
-- The password is a setting, for a function's text is stored as it stands.
SET test.password = 'canary-password-Vq7R2x';
CREATE FUNCTION make(project text) RETURNS boolean LANGUAGE sql AS $$
	SELECT pgbeam.create_project(jsonb_build_object('org_id', 'consumer', 'name', project, 'database', jsonb_build_object(
		'host', 'db.example.com', 'port', 5432, 'name', 'd', 'username', 'u', 'password', current_setting('test.password')))) IS NOT NULL
$$;
CREATE FUNCTION last_of(consumer text) RETURNS text LANGUAGE sql AS $$
	SELECT token FROM pgbeam.next_changes(consumer, 10000) WITH ORDINALITY ORDER BY ordinality DESC LIMIT 1
$$;
CREATE FUNCTION refusal(statement text, OUT state text, OUT message text, OUT hint text) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE statement;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS state := RETURNED_SQLSTATE, message := MESSAGE_TEXT, hint := PG_EXCEPTION_HINT;
END
$$;
SELECT make('before');

-- A consumer begins behind what is shown.
SELECT pgbeam.subscribe('dns') = (SELECT token FROM pgbeam.read_changes(max_rows => 10000) WITH ORDINALITY ORDER BY ordinality DESC LIMIT 1) AS at_the_end;
SELECT count(*) FROM pgbeam.next_changes('dns');
SELECT make('first');
SELECT resource, action, org_id FROM pgbeam.next_changes('dns');
-- Until the place is moved, the same again.
SELECT resource FROM pgbeam.next_changes('dns', 1);
SELECT resource FROM pgbeam.next_changes('dns', 1);
SELECT token AS one FROM pgbeam.next_changes('dns', 1) \gset
SELECT pgbeam.confirm('dns', :'one');
SELECT resource FROM pgbeam.next_changes('dns');
SELECT token AS two FROM pgbeam.next_changes('dns') \gset
SELECT pgbeam.confirm('dns', :'two'), pgbeam.confirm('dns', :'two');
SELECT count(*) FROM pgbeam.next_changes('dns');
SELECT name, token = :'two' AS at_two, confirmed_at >= subscribed_at AS later FROM pgbeam.feed_consumers;

-- It is the rows of read_changes(), of the same columns.
SELECT token = :'two' AS the_other, resource FROM pgbeam.read_changes(:'one');
SELECT (SELECT proargnames[3:] FROM pg_proc WHERE oid = 'pgbeam.read_changes(text, integer)'::regprocedure)
	= (SELECT proargnames[3:] FROM pg_proc WHERE oid = 'pgbeam.next_changes(text, integer)'::regprocedure) AS same_columns;

-- A place is moved in the transaction of the deed, or not at all.
SELECT make('second');
BEGIN;
SELECT pgbeam.confirm('dns', last_of('dns'));
SELECT count(*) FROM pgbeam.next_changes('dns');
ROLLBACK;
SELECT count(*) FROM pgbeam.next_changes('dns');

-- Each has a place of its own. One may begin behind a token.
SELECT pgbeam.subscribe('audit', :'one') = :'one' AS at_one;
SELECT count(*) FROM pgbeam.next_changes('audit');
SELECT count(*) FROM pgbeam.next_changes('dns');
-- A program may subscribe whenever it starts, but a place is not lost unawares.
SELECT pgbeam.subscribe('audit') = :'one' AS the_same;
SELECT * FROM refusal(format('SELECT pgbeam.subscribe(%L, %L)', 'audit', :'two'));
SELECT pgbeam.unsubscribe('audit');
SELECT * FROM refusal('SELECT * FROM pgbeam.next_changes(''audit'')');
SELECT * FROM refusal(format('SELECT pgbeam.confirm(%L, %L)', 'audit', :'two'));
SELECT * FROM refusal('SELECT pgbeam.unsubscribe(''audit'')');

-- Backwards is refused; equal tokens are compared, not their texts.
SELECT * FROM refusal(format('SELECT pgbeam.confirm(%L, %L)', 'dns', :'one'));
SELECT pgbeam.confirm('dns', '00' || :'two');

-- What cannot be confirmed: what nobody has been shown.
SELECT state, message FROM refusal($$SELECT pgbeam.confirm('dns', '18446744073709551615.00000000-0000-0000-0000-000000000000')$$);
SELECT state, message FROM refusal(format('SELECT pgbeam.confirm(%L, %L)', 'dns', split_part(:'two', '.', 1) || '.ffffffff-ffff-ffff-ffff-ffffffffffff'));
BEGIN;
SELECT make('own');
SELECT xid || '.' || id AS own FROM pgbeam.changes WHERE xid = pg_current_xact_id() LIMIT 1 \gset
SELECT state, message FROM refusal(format('SELECT pgbeam.confirm(%L, %L)', 'dns', :'own'));
SELECT state, message FROM refusal(format('SELECT pgbeam.subscribe(%L, %L)', 'early', :'own'));
ROLLBACK;

-- A place that is older than what is kept.
BEGIN;
SELECT last_of('dns') AS last \gset
DELETE FROM pgbeam.changes WHERE xid < split_part(:'last', '.', 1)::xid8;
SELECT * FROM refusal('SELECT * FROM pgbeam.next_changes(''dns'')');
SELECT state, message FROM refusal(format('SELECT pgbeam.subscribe(%L, %L)', 'late', :'two'));
-- The way out.
SELECT pgbeam.unsubscribe('dns'), pgbeam.subscribe('dns') = :'last' AS at_the_end;
SELECT count(*) FROM pgbeam.next_changes('dns');
ROLLBACK;

-- Before the first change.
BEGIN;
DELETE FROM pgbeam.changes;
SELECT pgbeam.subscribe('new');
SELECT * FROM pgbeam.next_changes('new');
ROLLBACK;
BEGIN;
UPDATE pgbeam.feed_consumers SET token = NULL;
SELECT count(*) > 0 AS has_all FROM pgbeam.next_changes('dns');
UPDATE pgbeam.changes SET changed_at = now() - interval '31 days';
SELECT state, message FROM refusal('SELECT * FROM pgbeam.next_changes(''dns'')');
SET LOCAL pgbeam.change_retention = 0;
SELECT count(*) > 0 AS has_all FROM pgbeam.next_changes('dns');
SELECT pgbeam.confirm('dns', :'one');
SELECT token = :'one' AS moved FROM pgbeam.feed_consumers;
ROLLBACK;

-- Bad input. All problems are told.
SELECT statement, r.state, r.message FROM (VALUES
	($$subscribe(NULL)$$), ($$subscribe('')$$), ($$subscribe('a b')$$), ($$subscribe(repeat('n', 64))$$), ($$subscribe('a', 'x')$$),
	($$subscribe('a', '')$$), ($$confirm(NULL, NULL)$$), ($$confirm('dns', NULL)$$), ($$confirm('dns', '')$$), ($$confirm('dns', '1.x')$$),
	($$next_changes(NULL)$$), ($$next_changes('dns', 0)$$), ($$next_changes('dns', NULL)$$), ($$next_changes('dns', 10001)$$),
	($$unsubscribe(NULL)$$), ($$unsubscribe('a/b')$$)) AS t (statement), refusal('SELECT * FROM pgbeam.' || statement) AS r;
SELECT pgbeam.confirm('', 'x');
SELECT pgbeam.subscribe(repeat('n', 63)) IS NOT NULL AS longest, pgbeam.subscribe('A-1._z') IS NOT NULL AS allowed;
SELECT pgbeam.unsubscribe(repeat('n', 63)), pgbeam.unsubscribe('A-1._z');
SELECT state, message FROM refusal($$INSERT INTO pgbeam.feed_consumers VALUES ('bad', 'x', now(), NULL)$$);

-- Not on behalf of HTTP requests.
BEGIN;
SET LOCAL request.method = 'GET';
SELECT statement, r.state, r.message FROM (VALUES ($$subscribe('a')$$), ($$confirm('dns', 'x')$$), ($$next_changes('dns')$$), ($$unsubscribe('dns')$$)) AS t (statement),
	refusal('SELECT * FROM pgbeam.' || statement) AS r;
ROLLBACK;

-- Looking for changes writes nothing.
BEGIN READ ONLY;
SELECT count(*) FROM pgbeam.next_changes('dns');
SELECT pg_current_xact_id_if_assigned();
COMMIT;

-- Roles with data_plane access have all of it.
CREATE ROLE regress_pgbeam_consumer;
SELECT pgbeam.grant_access('regress_pgbeam_consumer', 'data_plane');
SET ROLE regress_pgbeam_consumer;
SELECT pgbeam.subscribe('plane') IS NOT NULL AS subscribed;
RESET ROLE;
SELECT make('third');
SET ROLE regress_pgbeam_consumer;
SELECT resource FROM pgbeam.next_changes('plane');
SELECT pgbeam.confirm('plane', last_of('plane'));
SELECT pgbeam.unsubscribe('plane');
RESET ROLE;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA pgbeam FROM regress_pgbeam_consumer;
REVOKE ALL ON SCHEMA pgbeam FROM regress_pgbeam_consumer;
DROP ROLE regress_pgbeam_consumer;

-- How far each has come.
BEGIN;
SELECT pgbeam.subscribe('ahead') = (SELECT last_of('dns')) AS at_the_end;
UPDATE pgbeam.changes SET changed_at = now() - interval '100 seconds' WHERE (xid, id) = (SELECT xid, id FROM pgbeam.changes ORDER BY xid DESC, id DESC LIMIT 1);
SELECT consumer, lag_rows, lag_seconds BETWEEN 100 AND 120 AS old, lag_seconds = 0 AS none, must_start_over, token = last_of('dns') AS at_the_end,
	confirmed_at IS NOT NULL AS confirmed, working_pid = pg_backend_pid() AS mine, oldest_change_at = (SELECT changed_at FROM pgbeam.changes ORDER BY xid, id LIMIT 1) AS oldest,
	waiting_since
FROM pgbeam.feed_status();
SELECT last_of('dns') AS last \gset
DELETE FROM pgbeam.changes WHERE xid < split_part(:'last', '.', 1)::xid8;
SELECT consumer, must_start_over FROM pgbeam.feed_status();
SELECT * FROM pgbeam.check_configuration() WHERE setting ~ '^consumer ';
UPDATE pgbeam.feed_consumers SET token = NULL;
SELECT consumer, must_start_over, lag_rows FROM pgbeam.feed_status();
UPDATE pgbeam.changes SET changed_at = now() - interval '31 days';
SELECT consumer, must_start_over FROM pgbeam.feed_status();
DELETE FROM pgbeam.changes;
SELECT consumer, lag_rows, lag_seconds, must_start_over, oldest_change_at FROM pgbeam.feed_status();
DELETE FROM pgbeam.feed_consumers;
SELECT consumer, lag_rows, lag_seconds, must_start_over, oldest_change_at FROM pgbeam.feed_status();
ROLLBACK;

SELECT pgbeam.unsubscribe('dns');
DROP FUNCTION make, last_of, refusal;
