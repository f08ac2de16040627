CREATE TABLE pgbeam.api_keys (
	id uuid NOT NULL,
	kind text COLLATE "C" NOT NULL,
	owner_id text COLLATE "C" NOT NULL,
	name text,
	digest bytea,
	created_at timestamptz NOT NULL,
	expires_at timestamptz,
	revoked_at timestamptz,
	CONSTRAINT api_keys_pkey PRIMARY KEY (id),
	CONSTRAINT api_keys_fields_check
		CHECK (pgbeam.check_fields('api_key', api_keys.*))
);
-- The purge finds the keys that ended first.
CREATE INDEX api_keys_ended_idx ON pgbeam.api_keys (LEAST(revoked_at, expires_at));
COMMENT ON TABLE pgbeam.api_keys IS
'The API keys of organizations and users, as digests. Written by pgbeam.create_api_key(), pgbeam.revoke_api_key() and pgbeam.revoke_api_keys(), read at each request that shows an API key.';
SELECT pg_catalog.pg_extension_config_dump('pgbeam.api_keys', '');

CREATE FUNCTION pgbeam.create_api_key(
	org_id text DEFAULT NULL,
	user_id text DEFAULT NULL,
	name text DEFAULT NULL,
	expires_in interval DEFAULT NULL,
	OUT id text, OUT key text, OUT expires_at timestamptz)
LANGUAGE c VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgbeam_create_api_key';
COMMENT ON FUNCTION pgbeam.create_api_key(text, text, text, interval) IS
'Makes an API key for an organization or for a user, and returns its id and the key.
The API key of an organization acts for that organization alone, and may do everything there. The API key of a user may do what the user''s role allows, in each of their organizations. The key is shown this once; only a digest is stored. Without expires_in it does not expire. Errors: PT400 with all problems, PT401 for a caller without admin access, PT404 for an unknown organization.';

CREATE FUNCTION pgbeam.list_api_keys(
	org_id text DEFAULT NULL,
	user_id text DEFAULT NULL,
	OUT id text, OUT kind text, OUT owner_id text, OUT name text,
	OUT created_at timestamptz, OUT expires_at timestamptz, OUT revoked_at timestamptz)
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgbeam_list_api_keys';
COMMENT ON FUNCTION pgbeam.list_api_keys(text, text) IS
'Lists the API keys of an organization, of a user, of both where both are given, or else all: the id, the kind and id of the owner, the name, and when each was made, expires and was revoked.
It never gives the keys themselves. Error: PT401 for a caller without admin access.';

CREATE FUNCTION pgbeam.revoke_api_key(id text) RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgbeam_revoke_api_key';
COMMENT ON FUNCTION pgbeam.revoke_api_key(text) IS
'Ends an API key, which is named by its id, from the next request on, and wipes its digest.
Errors: PT401 for a caller without admin access, PT404 for an API key that is unknown or already revoked.';

CREATE FUNCTION pgbeam.revoke_api_keys(org_id text DEFAULT NULL, user_id text DEFAULT NULL) RETURNS bigint
LANGUAGE c VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgbeam_revoke_api_keys';
COMMENT ON FUNCTION pgbeam.revoke_api_keys(text, text) IS
'Ends all API keys of an organization or of a user, from the next request on, and returns how many.
Exactly one owner must be given. API keys that are already revoked do not count. Errors: PT400 for no owner, two owners or no legal id, PT401 for a caller without admin access.';
