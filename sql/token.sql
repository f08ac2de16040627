-- The key set that verifies tokens. Tokens themselves are made and tried under
-- test/http: nothing in SQL signs with Ed25519.
SELECT pgbeam.set_jwks('{"keys": [
	{"kty": "OKP", "crv": "Ed25519", "kid": "first", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},
	{"kty": "OKP", "crv": "Ed25519", "kid": "second", "x": "PUAXw-hDiVqStwqnTRt-vJyYLM8uxJaMwM1V8Sr0Zgw", "use": "sig"}]}');
-- The set is replaced as a whole; keys of other kinds are passed over.
SELECT pgbeam.set_jwks('{"keys": [
	{"kty": "RSA", "kid": "rsa", "n": "AQAB", "e": "AQAB"},
	{"kty": "OKP", "crv": "X25519", "kid": "x", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},
	{"kty": "OKP", "crv": "Ed25519", "kid": "x", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", "use": "enc"},
	{"kty": "OKP", "crv": "Ed25519", "kid": "x", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", "alg": "HS256"},
	{"kty": "OKP", "crv": "Ed25519", "kid": "x", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", "key_ops": ["sign"]},
	{"kty": "OKP", "crv": "Ed25519", "kid": "third", "x": "_FHNjmIYoaONpH7QAjDwWAgW7RO6MwOsXeuRFUiQgCU"}]}');
SELECT kid FROM pgbeam.jwks;

-- A bad key set is refused, and the old one stays.
SELECT pgbeam.set_jwks(NULL);
SELECT pgbeam.set_jwks('[]');
SELECT pgbeam.set_jwks('{"keys": {}}');
SELECT pgbeam.set_jwks('{"keys": [5, null, {"kty": "RSA"}]}');
SELECT pgbeam.set_jwks('{"keys": [
	{"kty": "OKP", "crv": "Ed25519", "kid": "", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},
	{"kty": "OKP", "crv": "Ed25519", "kid": 5, "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo="},
	{"kty": "OKP", "crv": "Ed25519", "kid": "short", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHUR"},
	{"kty": "OKP", "crv": "Ed25519", "kid": "zero", "x": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"},
	{"kty": "OKP", "crv": "Ed25519", "kid": "one", "x": "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"},
	{"kty": "OKP", "crv": "Ed25519"}]}');
SELECT pgbeam.set_jwks('{"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "private",
	"x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", "d": "canary-password-Vq7R2x"}]}');
SELECT pgbeam.set_jwks('{"keys": [
	{"kty": "OKP", "crv": "Ed25519", "kid": "twice", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},
	{"kty": "OKP", "crv": "Ed25519", "kid": "twice", "x": "PUAXw-hDiVqStwqnTRt-vJyYLM8uxJaMwM1V8Sr0Zgw"}]}');
SELECT kid FROM pgbeam.jwks;

-- An empty set ends all tokens.
BEGIN;
SELECT pgbeam.set_jwks('{"keys": []}');
SELECT count(*) FROM pgbeam.jwks;
ROLLBACK;
