CREATE TABLE pgbeam.idempotency_keys (
	owner_id text COLLATE "C" NOT NULL,
	kind text COLLATE "C" NOT NULL,
	key text COLLATE "C" NOT NULL,
	fingerprint text COLLATE "C" NOT NULL,
	created_at timestamptz NOT NULL,
	status integer,
	content_type text COLLATE "C",
	location text COLLATE "C",
	body text,
	organization text COLLATE "C",
	CONSTRAINT idempotency_keys_pkey PRIMARY KEY (owner_id, kind, key)
) WITH (fillfactor = 50);
CREATE INDEX idempotency_keys_created_at_idx ON pgbeam.idempotency_keys (created_at);
COMMENT ON TABLE pgbeam.idempotency_keys IS
'Answers to requests with an Idempotency-Key, kept for 24 hours. A request that is sent again gets the first one''s answer. The table holds no requests, only a keyed digest of each.';
SELECT pg_catalog.pg_extension_config_dump('pgbeam.idempotency_keys', '');
