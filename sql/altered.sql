-- Tables that their owner has altered. Code that reads a column which has
-- another type now, or is null, raises an error: it does not take the value
-- for what it was.
SET client_min_messages = error;
SET test.password = 'canary-password-Vq7R2x'; -- the text of tables and functions is stored
CREATE FUNCTION upstream() RETURNS jsonb LANGUAGE sql AS $$
	SELECT jsonb_build_object('host', 'h', 'port', 5432, 'name', 'd', 'username', 'u', 'password', current_setting('test.password'))
$$;
SELECT pgbeam.set_organization('altered', '{"plan": "scale"}'), pgbeam.set_member('altered', 'altered_user', 'owner');
SELECT key AS organization_key FROM pgbeam.create_api_key(org_id => 'altered') \gset
SELECT key AS user_key FROM pgbeam.create_api_key(user_id => 'altered_user') \gset
SELECT j #>> '{project,id}' AS project, j #>> '{database,id}' AS database
FROM pgbeam.create_project(jsonb_build_object('org_id', 'altered', 'name', 'p', 'database', upstream())) AS j \gset
SELECT pgbeam.create_replica(:'database', '{"host": "h", "port": 5432}') ->> 'id' AS replica,
	pgbeam.create_custom_domain(:'project', '{"domain": "db.altered.example"}') ->> 'id' AS domain \gset
SELECT pgbeam.report_connection_test(:'database', true, 1.5, NULL, '15');
CREATE FUNCTION report(database text) RETURNS jsonb LANGUAGE sql AS $$
	SELECT jsonb_build_array(jsonb_build_object('database_id', database, 'query_hash', 'a1b2c3d4e5f60718', 'normalized_sql', 'SELECT 1', 'query_type', 'read',
		'call_count', 1, 'avg_latency_ms', 1, 'p95_latency_ms', 1, 'avg_response_bytes', 1, 'stability_rate', 1, 'seen_at', '2001-01-01T00:00:00Z'))
$$;
SELECT pgbeam.report_queries(report(:'database'));

-- The calls: by trusted SQL, then as an organization and as a user.
CREATE TABLE calls (call text, expected text);
INSERT INTO calls SELECT format(call, :'project', :'database', :'domain', :'replica') FROM unnest(ARRAY[
	'create_project(jsonb_build_object(''org_id'', ''altered'', ''name'', ''q'', ''database'', upstream()))',
	'get_project(%1$L)', 'list_projects(''altered'')', 'list_projects(''altered'', sort_by => ''name'')',
	'update_project(%1$L, ''{"name": "r", "description": "d", "tags": ["t"]}'')',
	'create_database(%1$L, upstream())', 'list_databases(%1$L)', 'get_database(%1$L, %2$L)',
	'update_database(%1$L, %2$L, upstream() || ''{"host": "i"}'')',
	'test_database_connection(%1$L, %2$L)', 'report_connection_test(%2$L, true, 1.5, NULL, ''15'')',
	'list_cache_rules(%1$L, %2$L)', 'update_cache_rule(%1$L, %2$L, ''a1b2c3d4e5f60718'', ''{"cache_enabled": true}'')', 'report_queries(report(%2$L))',
	'reveal_password(%2$L)', 'rewrap()', 'list_replicas(%2$L)', 'delete_replica(%2$L, %4$L)',
	'list_custom_domains(%1$L)', 'report_domain(''db.altered.example'', ''txt'')',
	'verify_custom_domain(%1$L, %3$L)', 'delete_custom_domain(%1$L, %3$L)',
	'list_organizations()', 'get_organization_plan(''altered'')', 'get_organization(''altered'')', 'list_all_organizations()', 'set_organization(''altered'', ''{"plan": "pro"}'')',
	'list_members(''altered'')', 'list_api_keys()', 'key_status()', 'read_changes()',
	'delete_database(%1$L, %2$L)', 'delete_project(%1$L)']) AS call;
INSERT INTO calls
	SELECT format('http(%L, %L, jsonb_build_object(''Authorization'', ''Bearer '' || %L, ''Idempotency-Key'', ''k''), %s)',
		method, uri, key, body)
	FROM unnest(ARRAY[:'organization_key', :'user_key']) AS key, (VALUES
		('GET', '/v1/projects?org_id=altered', 'NULL'), ('GET', '/v1/projects/' || :'project', 'NULL'), ('GET', '/v1/organizations', 'NULL'),
		('POST', '/v1/projects/' || :'project' || '/databases', 'convert_to(upstream()::text, ''UTF8'')')) AS asked (method, uri, body);
CREATE FUNCTION outcome(call text, OUT state text, OUT result text) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('SELECT md5(string_agg(regexp_replace(r::text, ''req_[0-9a-z]*'', ''''), '','')) FROM pgbeam.%s AS r', call) INTO result;
	state := 'done';
EXCEPTION WHEN OTHERS THEN
	state := SQLSTATE;
END
$$;
BEGIN;
SELECT call, state FROM calls, outcome(call) WHERE call !~ 'delete' AND state <> 'done';
ROLLBACK;
UPDATE calls SET expected = (outcome(call)).result WHERE call ~ '^(get|list)|GET';

CREATE TABLE alterations AS
	SELECT c.relname, attname, 'ALTER ' || quote_ident(attname) || CASE change
			WHEN 'null' THEN ' DROP NOT NULL' ELSE format(' TYPE %s USING %s', change, format(CASE change
				WHEN 'integer' THEN 'hashtext(%I::text)' WHEN 'bytea' THEN 'decode(md5(%I::text), ''hex'')' ELSE '%I::text::name' END, attname)) END AS command,
		CASE change WHEN 'null' THEN format('UPDATE pgbeam.%I SET %I = NULL', c.relname, attname) END AS follow_up
	FROM pg_class AS c JOIN pg_attribute AS a ON attrelid = c.oid, unnest('{integer,bytea,name,null}'::text[]) AS change
	WHERE relnamespace = 'pgbeam'::regnamespace AND relkind = 'r' AND attnum > 0
		AND CASE change WHEN 'null' THEN attnotnull ELSE change <> format_type(atttypid, NULL) END
	ORDER BY 1, attnum, 3;
CREATE TABLE outcomes (relname name, attname name, command text, call text, state text, result text);

-- All calls under one alteration, each undone; false if it cannot be made.
CREATE FUNCTION try(alteration alterations) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	tried outcomes[] := '{}';
	c text;
	seen record;
	done boolean := false;
BEGIN
	BEGIN
		EXECUTE format('ALTER TABLE pgbeam.%I DROP CONSTRAINT IF EXISTS %I, %s', alteration.relname, alteration.relname || '_fields_check', alteration.command);
		EXECUTE coalesce(alteration.follow_up, 'SELECT');
		done := true;
		FOR c IN SELECT call FROM calls LOOP
			BEGIN
				seen := outcome(c);
				tried := tried || ROW (alteration.relname, alteration.attname, alteration.command, c, seen.state, seen.result)::outcomes;
				RAISE SQLSTATE 'UNDO1';
			EXCEPTION WHEN SQLSTATE 'UNDO1' THEN
				NULL;
			END;
		END LOOP;
		RAISE SQLSTATE 'UNDO1';
	EXCEPTION WHEN OTHERS THEN
		NULL;
	END;
	INSERT INTO outcomes SELECT (unnest(tried)).*;
	RETURN done;
END
$$;
BEGIN;
SELECT count(drop_views(oid)) > 0 AS views_are_away FROM pg_class WHERE relnamespace = 'pgbeam'::regnamespace AND relkind = 'r';
SELECT count(*) FILTER (WHERE try(a)) > 250 AS most_can_be_made FROM alterations AS a;

-- Each gives an error about a wrong type, a missing operator or a value that
-- the type does not hold, or the same answer as before.
SELECT state, count(*) FROM outcomes WHERE state NOT IN ('done', '42804', '42883', '42P13', '22P02', '22003') GROUP BY 1;
SELECT count(*) FILTER (WHERE state = '42804') > 1000 AS many_are_told FROM outcomes;
SELECT relname, command, call FROM outcomes JOIN calls USING (call)
WHERE state = 'done' AND expected IS NOT NULL AND result IS DISTINCT FROM expected;
ROLLBACK;

-- Results too. A type is altered before the first call, and between two calls
-- of one place in a function. A function may have been declared by the script
-- of another version. Each gives an error. (42804 alone)
CREATE FUNCTION outcome_when_altered(alteration text, OUT before_first text, OUT between_calls text) LANGUAGE plpgsql AS $$
DECLARE
	answer record;
BEGIN
	BEGIN
		EXECUTE format('ALTER TYPE pgbeam.http_response %s', alteration);
		before_first := (outcome('http(''GET'', ''/v1/health'', NULL, NULL)')).state;
		RAISE SQLSTATE 'UNDO1';
	EXCEPTION WHEN SQLSTATE 'UNDO1' THEN
		NULL;
	END;
	BEGIN
		FOR i IN 1 .. 2 LOOP
			answer := pgbeam.http('GET', '/v1/health', NULL, NULL);
			EXECUTE format('ALTER TYPE pgbeam.http_response %s', alteration);
		END LOOP;
	EXCEPTION WHEN OTHERS THEN
		between_calls := SQLSTATE;
	END;
END
$$;
SELECT alteration, o.* FROM unnest(ARRAY['ADD ATTRIBUTE more text', 'DROP ATTRIBUTE body', 'DROP ATTRIBUTE body, ADD ATTRIBUTE body text',
	'ALTER ATTRIBUTE status TYPE text', 'ALTER ATTRIBUTE headers TYPE json', 'ALTER ATTRIBUTE body TYPE bigint',
	'RENAME ATTRIBUTE status TO code']) AS alteration, outcome_when_altered(alteration) AS o;

CREATE FUNCTION pgbeam.other_routes(OUT operation text, OUT method text) RETURNS SETOF record LANGUAGE c AS '$libdir/pgbeam', 'pgbeam_routes';
CREATE FUNCTION pgbeam.other_fields(OUT table_name integer, OUT field text, OUT column_name text, OUT type text,
	OUT in_create boolean, OUT required boolean, OUT nullable boolean, OUT minimum integer, OUT maximum integer,
	OUT words text[], OUT default_value text, OUT about text) RETURNS SETOF record LANGUAGE c AS '$libdir/pgbeam', 'pgbeam_fields';
CREATE FUNCTION pgbeam.other_keyring(OUT key_id text, OUT active boolean, OUT more text) RETURNS SETOF record LANGUAGE c AS '$libdir/pgbeam', 'pgbeam_keyring';
CREATE FUNCTION pgbeam.other_profile(OUT setting text, OUT value text, OUT guarded text, OUT leak text) RETURNS SETOF record LANGUAGE c AS '$libdir/pgbeam', 'pgbeam_logging_profile';
CREATE FUNCTION pgbeam.other_members(org_id text, OUT user_id text, OUT role text, OUT more text) RETURNS SETOF record LANGUAGE c AS '$libdir/pgbeam', 'pgbeam_list_members';
CREATE FUNCTION pgbeam.other_key(org_id text, user_id text, name text, expires_in interval, OUT id text, OUT key text) LANGUAGE c AS '$libdir/pgbeam', 'pgbeam_create_api_key';
SELECT call, (outcome(call)).state FROM unnest(ARRAY['other_routes()', 'other_fields()', 'other_keyring()', 'other_profile()',
	'other_members(''altered'')', 'other_key(''altered'', NULL, NULL, NULL)']) AS call;
SELECT count(*) FROM pgbeam.other_routes();
DROP FUNCTION pgbeam.other_routes, pgbeam.other_fields, pgbeam.other_keyring, pgbeam.other_profile, pgbeam.other_members, pgbeam.other_key;
SELECT (pgbeam.http('GET', '/v1/health', NULL, NULL)).status;

-- Row security that hides rows from the owner of the tables, who has no rights
-- beside: what is left below a deleted project is told, and nothing is deleted.
BEGIN;
CREATE ROLE regress_altered_owner;
SELECT pgbeam.set_owner('regress_altered_owner') \g /dev/null
ALTER TABLE pgbeam.replicas ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY seen ON pgbeam.replicas FOR SELECT USING (true);
CREATE POLICY kept ON pgbeam.replicas FOR UPDATE USING (false);
SAVEPOINT deleted;
SELECT pgbeam.delete_project(:'project');
ROLLBACK TO deleted;
SELECT pgbeam.delete_database(:'project', :'database');
ROLLBACK;

DROP FUNCTION outcome_when_altered;
DROP FUNCTION try, outcome, upstream, report;
DROP TABLE outcomes, alterations, calls;
SELECT pgbeam.delete_project(:'project');
