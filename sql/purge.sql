-- What is deleted stays for a while, and is then purged.
\pset format unaligned
\pset tuples_only on
SELECT pgbeam.set_organization('purge_one') IS NOT NULL AND pgbeam.set_organization('purge_two') IS NOT NULL AS made;
CREATE FUNCTION project(org text, name text) RETURNS text LANGUAGE sql AS $$
	SELECT pgbeam.create_project(jsonb_build_object('name', name, 'org_id', org, 'database', jsonb_build_object(
		'host', 'db.example.com', 'port', 5432, 'name', 'd', 'username', 'u', 'password', 'p')))::jsonb #>> '{project,id}'
$$;
CREATE FUNCTION first_database(project text) RETURNS text LANGUAGE sql AS $$
	SELECT pgbeam.list_databases(project)::jsonb #>> '{databases,0,id}'
$$;
-- A row of everything that can stand below a project.
CREATE FUNCTION furnished(org text, name text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	p text := project(org, name);
	d text := first_database(p);
BEGIN
	PERFORM pgbeam.create_replica(d, '{"host": "replica.example.com", "port": 5432}');
	PERFORM pgbeam.create_custom_domain(p, jsonb_build_object('domain', name || '.example.com'));
	PERFORM pgbeam.report_domain(name || '.example.com', 'pgbeam-verify=' || dns_verification_token)
		FROM pgbeam.custom_domains WHERE domain = name || '.example.com';
	PERFORM pgbeam.verify_custom_domain(p, pgbeam.typeid_encode('dom', id)) FROM pgbeam.custom_domains WHERE domain = name || '.example.com';
	PERFORM pgbeam.report_connection_test(d, true);
	PERFORM pgbeam.report_queries(jsonb_build_array(jsonb_build_object('database_id', d, 'query_hash', '0123456789abcdef',
		'normalized_sql', 'SELECT 1', 'query_type', 'read', 'call_count', 1, 'avg_latency_ms', 1, 'p95_latency_ms', 1,
		'avg_response_bytes', 1, 'stability_rate', 1, 'seen_at', '2026-01-01T00:00:00Z')));
	RETURN p;
END
$$;
CREATE VIEW stored AS
	SELECT (SELECT count(*) FROM pgbeam.projects WHERE org_id ~ '^purge') AS projects,
		(SELECT count(*) FROM pgbeam.databases WHERE org_id ~ '^purge') AS databases,
		(SELECT count(*) FROM pgbeam.replicas WHERE org_id ~ '^purge') AS replicas,
		(SELECT count(*) FROM pgbeam.custom_domains WHERE org_id ~ '^purge') AS domains,
		(SELECT count(*) FROM pgbeam.connection_tests WHERE org_id ~ '^purge') AS tests,
		(SELECT count(*) FROM pgbeam.cache_rules WHERE org_id ~ '^purge') AS rules;
CREATE PROCEDURE age(days integer) LANGUAGE plpgsql AS $$
DECLARE
	relation text;
BEGIN
	FOREACH relation IN ARRAY '{projects,databases,replicas,custom_domains}'::text[] LOOP
		EXECUTE format('UPDATE pgbeam.%I SET deleted_at = deleted_at - make_interval(days => $1) WHERE deleted_at IS NOT NULL AND org_id ~ ''^purge''', relation) USING days;
	END LOOP;
	UPDATE pgbeam.api_keys SET revoked_at = revoked_at - make_interval(days => days), expires_at = expires_at - make_interval(days => days)
	WHERE owner_id ~ '^purge';
END
$$;
SET pgbeam.deleted_retention = 90;
SELECT pgbeam.purge() >= 0 AS cleaned;

SELECT furnished('purge_one', 'old') AS old \gset
SELECT project('purge_one', 'living') AS living \gset
TABLE stored;
SELECT pgbeam.delete_project(:'old') IS NULL AS deleted;
SELECT pgbeam.purge() AS purged;
CALL age(89);
SELECT pgbeam.purge() AS purged;
CALL age(2);
SELECT pgbeam.purge() AS purged, pgbeam.purge() AS again;
TABLE stored;

-- The host of a purged project names neither it nor its organization, and
-- nobody gets it again. A proved domain stays with its organization.
SELECT count(*) FROM pgbeam.hosts WHERE host ~ '^old';
SELECT left(host, 1), org_id = '' AS nobodys, project_id, kind FROM pgbeam.hosts WHERE project_id = '00000000-0000-0000-0000-000000000000' ORDER BY kind;
SELECT count(project(org, 'old')) FROM unnest(ARRAY['purge_one', 'purge_two']) AS org;
SELECT regexp_replace(proxy_host, '-[0-9a-hjkmnp-tv-z]{6}\.', '-(6).') FROM pgbeam.projects WHERE name = 'old' AND deleted_at IS NULL;

-- What was deleted on its own goes by its own age.
SELECT furnished('purge_one', 'parts') AS parts, furnished('purge_one', 'whole') AS whole \gset
SELECT pgbeam.delete_database(:'parts', first_database(:'parts')) IS NULL AS deleted;
SELECT pgbeam.delete_custom_domain(:'parts', pgbeam.typeid_encode('dom', id)) IS NULL AS deleted
FROM pgbeam.custom_domains WHERE domain = 'parts.example.com';
SELECT pgbeam.delete_replica(first_database(:'whole'), pgbeam.typeid_encode('rep', id)) IS NULL AS deleted
FROM pgbeam.replicas WHERE database_id = pgbeam.typeid_decode(first_database(:'whole'));
TABLE stored;
CALL age(91);
SELECT pgbeam.purge(1) AS one, pgbeam.purge(1) AS two, pgbeam.purge(1) AS three, pgbeam.purge(1) AS none;
TABLE stored;
SELECT host, org_id, project_id FROM pgbeam.hosts WHERE host = 'parts.example.com';
-- Another project of the organization may prove it, no other organization.
SELECT pgbeam.create_custom_domain(:'living', '{"domain": "parts.example.com"}') IS NOT NULL AS claimed;
SELECT pgbeam.create_custom_domain(project('purge_two', 'thief'), '{"domain": "parts.example.com"}');

-- Revoked and expired API keys go too, others stay.
SELECT pgbeam.revoke_api_key(id) IS NOT NULL AS revoked FROM pgbeam.create_api_key(org_id => 'purge_one', name => 'purge revoked');
SELECT count(*) FROM pgbeam.create_api_key(org_id => 'purge_one', name => 'purge expired', expires_in => '1 day');
SELECT count(*) FROM pgbeam.create_api_key(user_id => 'purge_user', name => 'purge later', expires_in => '200 days');
SELECT count(*) FROM pgbeam.create_api_key(user_id => 'purge_user', name => 'purge never');
CALL age(100);
SELECT pgbeam.purge() >= 2 AS purged;
SELECT name FROM pgbeam.api_keys WHERE name ~ '^purge' ORDER BY 1;

-- 0 keeps for ever.
SELECT pgbeam.delete_project(:'whole') IS NULL AS deleted;
CALL age(1000);
SET pgbeam.deleted_retention = 0;
SELECT pgbeam.purge() AS purged;
SET pgbeam.deleted_retention = 90;
SELECT pgbeam.purge() >= 1 AS purged;

-- It rests when it has worked for a while, and can be canceled meanwhile: then
-- nothing is purged. The writes below do not rest.
CREATE PROCEDURE purge_resting(delay text) LANGUAGE plpgsql AS $$
DECLARE
	begun timestamptz := clock_timestamp();
	purged bigint;
BEGIN
	PERFORM set_config('pgbeam.purge_delay', delay, false);
	purged := pgbeam.purge();
	RAISE NOTICE 'purged %, rested %', purged, clock_timestamp() - begun >= delay::interval;
END
$$;
SELECT count(*) FROM (SELECT pgbeam.delete_project(project('purge_two', 'resting ' || n)) FROM generate_series(1, 60) AS n OFFSET 0) AS deleted;
CALL age(91);
SET statement_timeout = '1s';
CALL purge_resting('1min');
RESET statement_timeout;
SELECT count(*) FROM pgbeam.projects WHERE name ~ '^resting';
CALL purge_resting('50ms');
SET pgbeam.purge_delay = '1min';

-- A batch is a number.
SELECT pgbeam.purge(0);
SELECT pgbeam.purge(NULL);

-- Writes purge as well, a few things at a time.
SELECT count(*) FROM (SELECT pgbeam.delete_project(project('purge_two', 'swept ' || n)) FROM generate_series(1, 40) AS n OFFSET 0) AS deleted;
CALL age(91);
DO $$
BEGIN
	FOR n IN 1 .. 2000 LOOP
		PERFORM pgbeam.update_project(pgbeam.typeid_encode('prj', id), jsonb_build_object('description', n::text))
		FROM pgbeam.projects WHERE org_id = 'purge_one' AND name = 'living';
	END LOOP;
END
$$;
SELECT count(*) FROM pgbeam.projects WHERE name ~ '^swept';
RESET pgbeam.purge_delay;

-- A row of somebody's own that refers to a deleted project must not break the
-- writes of others. They go on with a warning, and purge() tells why.
CREATE TABLE invoices (org_id text, project_id uuid, FOREIGN KEY (org_id, project_id) REFERENCES pgbeam.projects (org_id, id));
SELECT project('purge_two', 'invoiced') AS invoiced \gset
INSERT INTO invoices SELECT org_id, id FROM pgbeam.projects WHERE name = 'invoiced';
SELECT pgbeam.delete_project(:'invoiced') IS NULL AS deleted;
CALL age(91);
SELECT pgbeam.purge();
SET client_min_messages = error;
DO $$
BEGIN
	FOR n IN 1 .. 2000 LOOP
		PERFORM pgbeam.update_project(pgbeam.typeid_encode('prj', id), jsonb_build_object('description', n::text))
		FROM pgbeam.projects WHERE org_id = 'purge_one' AND name = 'living';
	END LOOP;
END
$$;
RESET client_min_messages;
SELECT count(*) FROM pgbeam.databases d JOIN pgbeam.projects p ON (p.org_id, p.id) = (d.org_id, d.project_id) WHERE p.name = 'invoiced';
DROP TABLE invoices;
SELECT pgbeam.purge() AS purged;

-- So does a trigger that skips the delete.
CREATE FUNCTION veto() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER veto BEFORE DELETE ON pgbeam.databases FOR EACH ROW EXECUTE FUNCTION veto();
SELECT pgbeam.delete_project(project('purge_two', 'vetoed')) IS NULL AS deleted;
CALL age(91);
SELECT pgbeam.purge();
DROP TRIGGER veto ON pgbeam.databases;
SELECT pgbeam.purge() AS purged;

DROP VIEW stored;
DROP PROCEDURE purge_resting;
DROP PROCEDURE age;
DROP FUNCTION furnished, first_database, project, veto;
SELECT pgbeam.delete_project(pgbeam.typeid_encode('prj', id)) IS NULL AS cleaned FROM pgbeam.projects
WHERE org_id ~ '^purge' AND deleted_at IS NULL ORDER BY name;
