CREATE TABLE pgbeam.jwks (
	kid text COLLATE "C" NOT NULL,
	x text COLLATE "C" NOT NULL,
	CONSTRAINT jwks_pkey PRIMARY KEY (kid),
	CONSTRAINT jwks_fields_check
		CHECK (pgbeam.check_fields('jwk', jwks.*))
);
COMMENT ON TABLE pgbeam.jwks IS
'The public keys that verify the signatures of tokens (RFC 7517, 8037). Written by pgbeam.set_jwks(), read at each request that shows a token.';
SELECT pg_catalog.pg_extension_config_dump('pgbeam.jwks', '');

CREATE FUNCTION pgbeam.set_jwks(jwks jsonb) RETURNS integer
LANGUAGE c VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgbeam_set_jwks';
COMMENT ON FUNCTION pgbeam.set_jwks(jsonb) IS
'Replaces the public keys that verify tokens by those of a JWKS ({"keys": [...]}, RFC 7517) and returns how many there are now.
A key that is not of Ed25519 is passed over with a WARNING; an empty set ends all tokens. Load the JWKS again whenever the issuer rotates its keys: it publishes the old and the new one side by side. Errors: PT400 with all problems, PT401 for a caller without admin access.';
