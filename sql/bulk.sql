-- Many projects by one call: each is refused on its own.
SET client_min_messages = error;
SET test.password = 'canary-password-Vq7R2x';
SELECT pgbeam.set_organization('bulk', '{"max_projects": 4}'), pgbeam.set_organization('bulk_other') \g /dev/null
CREATE FUNCTION bulk_row(name text, org text DEFAULT 'bulk', port jsonb DEFAULT '5432', more jsonb DEFAULT '{}') RETURNS jsonb LANGUAGE sql AS $$
	SELECT jsonb_build_object('name', name, 'org_id', org, 'database', jsonb_build_object('host', 'h', 'port', port,
		'name', 'd', 'username', 'u', 'password', current_setting('test.password'))) || more
$$;
CREATE FUNCTION bulk_shown(projects jsonb, atomic boolean DEFAULT false, OUT ordinality int, OUT org_id text, OUT name text,
	OUT status int, OUT code text, OUT problems text[], OUT project text, OUT host text) RETURNS SETOF record LANGUAGE sql AS $$
	SELECT ordinality, org_id, name, status, code, problems, answer #>> '{project,name}', answer #>> '{database,host}'
	FROM pgbeam.create_projects(projects, atomic)
$$;
CREATE FUNCTION bulk_left(OUT projects text, OUT changes bigint, OUT hosts bigint) LANGUAGE sql AS $$
	SELECT string_agg(name, ',' ORDER BY name), (SELECT count(*) FROM pgbeam.changes WHERE org_id ~ '^bulk' AND resource <> 'organization'),
		(SELECT count(*) FROM pgbeam.hosts WHERE org_id ~ '^bulk') FROM pgbeam.projects WHERE org_id ~ '^bulk'
$$;

-- Every kind of refusal between two that are created.
SELECT * FROM bulk_shown(jsonb_build_array(bulk_row('one'), bulk_row('two', port => '"x"', more => '{"tags": 7}'), bulk_row('one'),
	'7'::jsonb, '{}'::jsonb, bulk_row('three', more => '{"databse": 1}'), bulk_row('two')));
SELECT * FROM bulk_left();

-- All or none.
SELECT * FROM bulk_shown(jsonb_build_array(bulk_row('three'), bulk_row('three'), bulk_row('four')), true);
SELECT * FROM bulk_left();
SELECT * FROM bulk_shown(jsonb_build_array(bulk_row('three'), bulk_row('four')), true);
-- The limit of the plan ends only what goes beyond it.
SELECT * FROM bulk_shown(jsonb_build_array(bulk_row('five'), bulk_row('five', 'bulk_other')));
SELECT * FROM bulk_left();

-- An error that a trigger raises is of its row alone, and a lack of memory or a
-- conflict with another transaction ends the call.
CREATE FUNCTION bulk_trigger() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF NEW.name ~ '^XX|^40' THEN
		RAISE EXCEPTION 'not this one' USING ERRCODE = NEW.name;
	END IF;
	RETURN NULL;
END
$$;
CREATE TRIGGER bulk AFTER INSERT ON pgbeam.projects FOR EACH ROW EXECUTE FUNCTION bulk_trigger();
SELECT * FROM bulk_shown(jsonb_build_array(bulk_row('six', 'bulk_other'), bulk_row('XX007', 'bulk_other'), bulk_row('seven', 'bulk_other')));
\set VERBOSITY terse
SELECT * FROM bulk_shown(jsonb_build_array(bulk_row('eight', 'bulk_other'), bulk_row('40001', 'bulk_other')));
\set VERBOSITY default
SELECT * FROM bulk_left();
DROP TRIGGER bulk ON pgbeam.projects;

-- What is no array of requests.
SELECT * FROM pgbeam.create_projects(NULL);
SELECT * FROM pgbeam.create_projects('{}');
SELECT * FROM pgbeam.create_projects('[]');
SELECT count(*) FROM pgbeam.create_projects((SELECT jsonb_agg(7) FROM generate_series(1, 1000)));
SELECT count(*) FROM pgbeam.create_projects((SELECT jsonb_agg(7) FROM generate_series(1, 1001)));
SELECT count(*) FROM pgbeam.create_projects(jsonb_build_array(repeat('x', 2100000)));
-- Only for those with admin access.
CREATE ROLE regress_bulk;
SELECT pgbeam.grant_access('regress_bulk', 'api');
SET ROLE regress_bulk;
SELECT * FROM pgbeam.create_projects('[]');
RESET ROLE;
SELECT pgbeam.grant_access('regress_bulk', 'admin');
SET ROLE regress_bulk;
SELECT * FROM pgbeam.create_projects('[7]');
SET request.method = 'POST';
SELECT * FROM pgbeam.create_projects('[]');
RESET request.method;
RESET ROLE;
DROP OWNED BY regress_bulk;
DROP ROLE regress_bulk;
DROP FUNCTION bulk_shown, bulk_left, bulk_row, bulk_trigger;
