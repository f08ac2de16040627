-- Keys as SQL sees them. Faults of the keyring file are tried in test/t.

-- A new key is the active one at once, and the old one stays. (rows)
SELECT key_id AS first_key FROM pgbeam.keyring() WHERE active \gset
SELECT pgbeam.create_key() AS second_key \gset
SELECT key_id = :'first_key' AS first, key_id = :'second_key' AS second, active
FROM pgbeam.keyring() WHERE key_id IN (:'first_key', :'second_key') ORDER BY active;

-- Secrets count under the key that sealed them.
SELECT pgbeam.create_project('{"name": "keys", "org_id": "key", "database": {"host": "h", "port": 5432,
	"name": "d", "username": "u", "password": "canary-password-Vq7R2x"}}')::jsonb #>> '{database,id}' AS database_id \gset
SELECT DISTINCT state, secrets, development FROM pgbeam.key_status() ORDER BY 1;
SELECT encode(substr(password_sealed, 3, 16), 'hex') = :'second_key' AS sealed_by_second,
	octet_length(password_sealed) AS bytes
FROM pgbeam.databases WHERE org_id = 'key';

-- How a secret of the organization fails to open, ids masked.
CREATE FUNCTION reveal_fault(org text, OUT state text, OUT message text, OUT hint text)
LANGUAGE plpgsql AS $$
BEGIN
	PERFORM pgbeam.reveal_password(pgbeam.typeid_encode('db', id)) FROM pgbeam.databases WHERE org_id = org;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
	message := regexp_replace(message, '[0-9a-z]{26,32}', '...');
END
$$;

-- The password comes back, and a moved or unknown one does not.
SELECT pgbeam.reveal_password(:'database_id') = 'canary-password-Vq7R2x' AS same;
BEGIN;
UPDATE pgbeam.databases SET password_generation = 2 WHERE org_id = 'key';
SELECT * FROM reveal_fault('key');
UPDATE pgbeam.databases SET password_sealed = set_byte(password_sealed, 2, get_byte(password_sealed, 2) # 1) WHERE org_id = 'key';
SELECT DISTINCT state, secrets FROM pgbeam.key_status() ORDER BY 1;
SELECT * FROM reveal_fault('key');
ROLLBACK;
SELECT pgbeam.reveal_password('db_00000000000000000000000000');
SELECT pgbeam.reveal_password(NULL);

-- Two secrets of the same text have nothing in common.
SELECT pgbeam.create_project('{"name": "keys 2", "org_id": "key", "database": {"host": "h", "port": 5432,
	"name": "d", "username": "u", "password": "canary-password-Vq7R2x"}}') IS NOT NULL AS created;
SELECT count(DISTINCT substr(password_sealed, 19)) AS bodies, count(DISTINCT substr(password_sealed, 1, 18)) AS heads
FROM pgbeam.databases WHERE org_id = 'key';

-- A newer key takes the secrets over, batch by batch; what they say stays.
SELECT pgbeam.create_key() AS third_key \gset
SELECT state, secrets FROM pgbeam.key_status() WHERE key_id IN (:'second_key', :'third_key') ORDER BY 1;
SELECT updated_at AS before FROM pgbeam.databases WHERE org_id = 'key' LIMIT 1 \gset
SELECT pgbeam.rewrap(0);
SELECT pgbeam.rewrap(NULL);
-- One row cannot be opened: it is told, left out of the count, and stops nobody.
UPDATE pgbeam.databases SET password_generation = 2 WHERE id = pgbeam.typeid_decode(:'database_id');
SET client_min_messages = error; -- ids differ from run to run
SELECT pgbeam.rewrap();
SELECT state, secrets FROM pgbeam.key_status() WHERE key_id IN (:'second_key', :'third_key') ORDER BY 1;
SELECT pgbeam.rewrap();
RESET client_min_messages;
UPDATE pgbeam.databases SET password_generation = 1 WHERE id = pgbeam.typeid_decode(:'database_id');
SELECT pgbeam.rewrap(1);
SELECT pgbeam.rewrap(1);
SELECT state, secrets FROM pgbeam.key_status() WHERE key_id IN (:'second_key', :'third_key') ORDER BY 1;
SELECT bool_and(pgbeam.reveal_password(pgbeam.typeid_encode('db', id)) = 'canary-password-Vq7R2x') AS same,
	bool_and(pgbeam.secret_key_id(password_sealed) = :'third_key') AS under_third, bool_and(updated_at = :'before') AS untouched
FROM pgbeam.databases WHERE org_id = 'key' AND id = pgbeam.typeid_decode(:'database_id');
SELECT pgbeam.secret_key_id('\x01'), pgbeam.secret_key_id(NULL);

-- Only a superuser makes keys, whatever other roles may execute.
CREATE ROLE regress_pgbeam_keys;
GRANT USAGE ON SCHEMA pgbeam TO regress_pgbeam_keys;
GRANT EXECUTE ON FUNCTION pgbeam.create_key() TO regress_pgbeam_keys;
SET ROLE regress_pgbeam_keys;
SELECT pgbeam.create_key();
SELECT * FROM pgbeam.key_status();
RESET ROLE;
DROP OWNED BY regress_pgbeam_keys;
DROP ROLE regress_pgbeam_keys;
DROP FUNCTION reveal_fault;
