-- API keys: made, listed, revoked. Http.sql tells whether they are accepted.
SELECT pgbeam.set_organization('org_keys');
SELECT id ~ '^pbo_[0-7][0-9a-hjkmnp-tv-z]{25}$' AS id, key ~ ('^' || id || '_[0-9a-hjkmnp-tv-z]{52}$') AS key, expires_at
FROM pgbeam.create_api_key(org_id => 'org_keys', name => 'deployment');
SELECT id AS user_key, key AS user_secret, key ~ '^pbu_' AS of_user, expires_at - now() BETWEEN '29 days' AND '31 days' AS in_30_days
FROM pgbeam.create_api_key(user_id => 'user_1', expires_in => '30 days') \gset
\echo :of_user :in_30_days

-- The stored rows do not show any key.
SELECT kind, owner_id, name, length(digest) AS digest FROM pgbeam.api_keys WHERE owner_id IN ('org_keys', 'user_1') ORDER BY id;
SELECT count(*) FROM pgbeam.api_keys k
WHERE encode(k.digest, 'escape') LIKE '%' || right(:'user_secret', 52) || '%' OR k::text LIKE '%' || right(:'user_secret', 52) || '%';

-- No two keys are alike.
SELECT count(DISTINCT right(key, 52)) FROM generate_series(1, 100) i, pgbeam.create_api_key(user_id => 'many' || i);

SELECT kind, owner_id, name, expires_at IS NULL AS never, revoked_at FROM pgbeam.list_api_keys(org_id => 'org_keys');
SELECT kind, owner_id, name, expires_at IS NULL AS never, revoked_at FROM pgbeam.list_api_keys(user_id => 'user_1');
SELECT count(*) FROM pgbeam.list_api_keys(org_id => 'user_1');
SELECT count(*) >= 102 FROM pgbeam.list_api_keys();

SELECT pgbeam.revoke_api_key(:'user_key');
SELECT revoked_at IS NOT NULL AS revoked FROM pgbeam.list_api_keys(user_id => 'user_1');
SELECT digest FROM pgbeam.api_keys WHERE owner_id = 'user_1';
SELECT pgbeam.revoke_api_key(:'user_key');
SELECT pgbeam.revoke_api_key(replace(id, 'pbo', 'pbu')) FROM pgbeam.list_api_keys(org_id => 'org_keys');
SELECT pgbeam.revoke_api_key('prj_00000000000000000000000000');
SELECT pgbeam.revoke_api_key(NULL);

-- Bad input makes no key.
SELECT pgbeam.create_api_key();
SELECT pgbeam.create_api_key('org_keys', 'user_1');
SELECT pgbeam.create_api_key(org_id => '', name => repeat('n', 101));
SELECT pgbeam.create_api_key(user_id => 'user_1', expires_in => '0 seconds');
SELECT pgbeam.create_api_key(user_id => 'user_1', expires_in => '-1 day');
