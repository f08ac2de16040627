-- Organizations are deleted, and every trace of them is erased.
\pset format unaligned
\pset tuples_only on
-- The canary stands in each value that could name the organization.
SELECT pgbeam.set_organization('canaryorg', '{"plan": "scale", "name": "canaryorg", "slug": "canaryorg"}') IS NOT NULL AND
	pgbeam.set_organization('bystander', '{"plan": "scale"}') IS NOT NULL AS made;
SELECT pgbeam.set_member('canaryorg', 'canaryuser', 'owner', 'canary@example.com', 'Canary Person', 'https://example.com/canary.png'), pgbeam.set_member('bystander', 'canaryuser', 'owner');
SELECT key FROM pgbeam.create_api_key(org_id => 'canaryorg', name => 'canaryorg') \gset
SELECT key AS user_key FROM pgbeam.create_api_key(user_id => 'canaryuser') \gset
CREATE FUNCTION body(org text, name text) RETURNS jsonb LANGUAGE sql AS $$
	SELECT jsonb_build_object('name', name, 'org_id', org, 'tags', ARRAY['canaryorg'], 'database', jsonb_build_object(
		'host', 'canaryhost.example.com', 'port', 5432, 'name', 'canarydb', 'username', 'canaryuser', 'password', 'canary'))
$$;
CREATE FUNCTION post(key text, name text) RETURNS integer LANGUAGE sql AS $$
	SELECT status FROM pgbeam.http('POST', '/v1/projects', jsonb_build_object('authorization', 'Bearer ' || key,
		'content-type', 'application/json', 'idempotency-key', name), convert_to(body('canaryorg', name)::text, 'UTF8'))
$$;
SELECT post(:'key', 'canary project'), post(:'user_key', 'canary other');
SELECT pgbeam.create_project(body('bystander', 'stays') || '{"tags": []}') IS NOT NULL AS made;
SELECT pgbeam.typeid_encode('prj', p.id) AS project, pgbeam.typeid_encode('db', d.id) AS database
FROM pgbeam.projects p JOIN pgbeam.databases d ON d.project_id = p.id WHERE p.name = 'canary project' \gset
SELECT pgbeam.create_replica(:'database', '{"host": "canaryreplica", "port": 5432}') IS NOT NULL AND
	pgbeam.create_custom_domain(:'project', '{"domain": "canary.example.com"}') IS NOT NULL AS made;
SELECT pgbeam.report_domain('canary.example.com', 'pgbeam-verify=' || dns_verification_token) FROM pgbeam.custom_domains WHERE domain = 'canary.example.com';
SELECT pgbeam.verify_custom_domain(:'project', pgbeam.typeid_encode('dom', id))::jsonb -> 'verified' FROM pgbeam.custom_domains WHERE domain = 'canary.example.com';
SELECT pgbeam.report_connection_test(:'database', false, NULL, 'canaryhost is down');
SELECT pgbeam.report_queries(jsonb_build_array(jsonb_build_object('database_id', :'database', 'query_hash', '0123456789abcdef',
	'normalized_sql', 'SELECT canary', 'query_type', 'read', 'call_count', 1, 'avg_latency_ms', 1, 'p95_latency_ms', 1,
	'avg_response_bytes', 1, 'stability_rate', 1, 'seen_at', '2026-01-01T00:00:00Z')));

-- Where the canary is found, in all that is stored: the table and how many rows.
CREATE FUNCTION traces(word text) RETURNS TABLE (table_name text, rows_found bigint) LANGUAGE plpgsql AS $$
BEGIN
	FOR table_name IN SELECT oid::regclass::text FROM pg_class
		WHERE relnamespace = 'pgbeam'::regnamespace AND relkind IN ('r', 'p') ORDER BY relname
	LOOP
		EXECUTE format('SELECT count(*) FROM %s AS t WHERE t::text ~ $1', table_name) INTO rows_found USING word;
		IF rows_found > 0 THEN
			RETURN NEXT;
		END IF;
	END LOOP;
END
$$;
SELECT * FROM traces('canary') WHERE table_name !~ 'changes';

-- One that has projects is deleted only together with them.
SELECT pgbeam.delete_organization('canaryorg');
SELECT pgbeam.subscribe('erasure') IS NOT NULL AS subscribed;
SELECT pgbeam.erase_organization('canaryorg');
SELECT pgbeam.delete_organization('canaryorg', cascade => true);
SELECT (SELECT count(*) FROM pgbeam.organizations WHERE org_id = 'canaryorg') AS organizations,
	(SELECT count(*) FROM pgbeam.projects WHERE org_id = 'canaryorg' AND deleted_at IS NULL) AS living,
	(SELECT count(*) FROM pgbeam.members WHERE org_id = 'canaryorg') AS members,
	(SELECT count(*) FROM pgbeam.api_keys WHERE owner_id = 'canaryorg' AND revoked_at IS NULL) AS keys;
SELECT resource, action, count(*) FROM pgbeam.changes
WHERE org_id = 'canaryorg' AND action IN ('deleted', 'revoked') GROUP BY 1, 2 ORDER BY 1, 2;
SELECT pgbeam.delete_organization('canaryorg', cascade => true);
SELECT post(:'key', 'canary late'), post(:'user_key', 'canary late');

-- It is erased when all consumers have heard of that.
SELECT pgbeam.erase_organization('canaryorg');
SELECT max(split_part(token, '.', 1)::bigint) AS xid FROM pgbeam.next_changes('erasure', 10000) \gset
SELECT token AS last FROM pgbeam.next_changes('erasure', 10000) WHERE token ~ ('^' || :'xid') ORDER BY token DESC LIMIT 1 \gset
SELECT pgbeam.confirm('erasure', :'last');
SELECT pgbeam.erase_organization('canaryorg') > 10 AS erased;
SELECT * FROM traces('canaryorg|canary project|canary other|canary late|canary.example|canary-|SELECT canary|canaryhost is|canaryreplica|canary@|Canary Person|canary.png');
-- The user is still a member elsewhere, and has a key.
SELECT * FROM traces('canaryuser') WHERE table_name !~ 'changes';
SELECT (SELECT count(*) FROM pgbeam.databases WHERE org_id = 'canaryorg') AS databases, (SELECT count(*) FROM pgbeam.projects WHERE org_id = 'bystander') AS stays;
SELECT pgbeam.erase_organization('canaryorg');

-- The consumer's place is still there, and tells of things without a name.
SELECT count(*) FROM pgbeam.next_changes('erasure');
SELECT action, resource, count(*) FROM pgbeam.changes WHERE org_id = '' AND resource_id = '-' GROUP BY 1, 2 ORDER BY 1, 2;
SELECT count(*) FROM pgbeam.changes WHERE org_id = '' AND resource_id = :'project' AND action = 'deleted';

-- Its hosts are still given.
SELECT regexp_replace(pgbeam.create_project(body('bystander', 'canary project'))::jsonb #>> '{project,proxy_host}', '-[0-9a-hjkmnp-tv-z]{6}\.', '-(6).');
SELECT pgbeam.typeid_encode('prj', id) AS stays FROM pgbeam.projects WHERE name = 'stays' \gset
SELECT pgbeam.create_custom_domain(:'stays', '{"domain": "Canary.example.com"}');
SELECT pgbeam.release_domain('canary.example.com');
SELECT pgbeam.release_domain('canary.example.com');
SELECT pgbeam.create_custom_domain(:'stays', '{"domain": "canary.example.com"}') IS NOT NULL AS claimed;

-- One call does it all where nobody has to be told, or with force.
SELECT pgbeam.erase_organization('bystander');
SELECT pgbeam.erase_organization('bystander', force => true) > 5 AS erased;
SELECT * FROM traces('bystander');
SELECT count(*) FROM pgbeam.next_changes('erasure') WHERE org_id = '' AND resource = 'project' AND action = 'deleted';
SELECT pgbeam.unsubscribe('erasure');

-- The API keys of users who belong to no other organization go too, also of
-- those whom a delete has removed before.
SELECT pgbeam.set_organization('leavers') IS NOT NULL AND pgbeam.set_organization('others') IS NOT NULL AS made;
SELECT pgbeam.set_member('leavers', 'leaver one', 'owner'), pgbeam.set_member('leavers', 'leaver two', 'auditor'), pgbeam.set_member('others', 'leaver two', 'owner');
SELECT count(key) FROM unnest('{leaver one,leaver two,leaver}'::text[]) AS leaver, pgbeam.create_api_key(user_id => leaver, name => leaver);
SELECT id AS leaver_key FROM pgbeam.list_api_keys(user_id => 'leaver one') \gset
SELECT pgbeam.delete_organization('leavers');
SELECT pgbeam.erase_organization('leavers') > 0 AS erased;
SELECT owner_id, name FROM pgbeam.api_keys WHERE owner_id ~ '^leaver' ORDER BY 1;
SELECT * FROM traces('leaver one');
SELECT action, org_id, resource_id = :'leaver_key' AS its FROM pgbeam.changes WHERE resource_id = :'leaver_key' ORDER BY 1;
SELECT pgbeam.erase_organization('others') > 0 AS erased;
SELECT * FROM traces('leaver two');
SELECT pgbeam.revoke_api_keys(user_id => 'leaver');

-- Refusals.
SELECT pgbeam.delete_organization('nobody');
SELECT pgbeam.delete_organization(NULL);
SELECT pgbeam.erase_organization('');
SELECT pgbeam.erase_organization('nobody');
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT pgbeam.erase_organization('nobody');
ROLLBACK;
SELECT pgbeam.revoke_api_keys(user_id => 'canaryuser');
DROP FUNCTION body, post, traces;
