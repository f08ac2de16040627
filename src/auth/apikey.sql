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
COMMENT ON TABLE pgbeam.api_keys IS
'The API keys of organizations and users, as digests. Written by pgbeam.create_api_key() and pgbeam.revoke_api_key(), read at each request that shows one.';
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
'Makes an API key of an organization or of a user, and answers its id and the key.
An organization''s acts for it alone and may do everything there, a user''s acts by their role in each of their organizations. The key is shown this once and stored as a digest. Without expires_in it does not end by itself. Errors: PT400 with all that is wrong, PT401 for a caller without admin access, PT404 for an unknown organization.';

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
'The API keys of an organization, of a user, of either where both are given, or all of them: id, kind and id of the owner, name, and when each was made, ends and was revoked.
Never the keys themselves. Error PT401 for a caller without admin access.';

CREATE FUNCTION pgbeam.revoke_api_key(id text) RETURNS void
LANGUAGE c VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgbeam_revoke_api_key';
COMMENT ON FUNCTION pgbeam.revoke_api_key(text) IS
'Ends an API key, given by its id, from the next request on, and wipes its digest.
Errors: PT401 for a caller without admin access, PT404 for one that is unknown or revoked already.';

CREATE FUNCTION pgbeam.revoke_api_keys(org_id text DEFAULT NULL, user_id text DEFAULT NULL) RETURNS bigint
LANGUAGE c VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgbeam_revoke_api_keys';
COMMENT ON FUNCTION pgbeam.revoke_api_keys(text, text) IS
'Ends all API keys of an organization or of a user, from the next request on, and answers how many.
Exactly one owner is named. Keys that are revoked already do not count. Errors: PT400 for no owner, two, or no legal id, PT401 for a caller without admin access.';
