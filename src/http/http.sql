CREATE TYPE pgbeam.http_response AS (status integer, headers jsonb, body text);
COMMENT ON TYPE pgbeam.http_response IS
'What an HTTP layer sends: status, headers as an object of strings, body (empty where there is none).';

COMMENT ON COLUMN pgbeam.http_response.status IS 'The HTTP status.';
COMMENT ON COLUMN pgbeam.http_response.headers IS 'Names and values of the headers.';
COMMENT ON COLUMN pgbeam.http_response.body IS 'The body, UTF-8; empty where there is none.';

CREATE FUNCTION pgbeam.http(method text, uri text, headers jsonb, body bytea) RETURNS pgbeam.http_response
LANGUAGE c VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgbeam_http';
COMMENT ON FUNCTION pgbeam.http(text, text, jsonb, bytea) IS
'The whole API for an HTTP layer: the response to a request with this method, URI (path and query), headers (an object of strings, names in any case) and body (bytes as they came, or null).
Give it to the layer''s role alone (access http): whoever calls it chooses every header, that with the client''s address too. Call it in FROM: (pgbeam.http(...)).* would make the request once for each column. Who asks is told by Authorization or X-API-Key alone, whatever role calls. Refusals are responses; errors are 22004 and 22023 for arguments that are none, those of a broken server, 25000 for a writing request in an isolation level other than READ COMMITTED, and PT503, in words of its own, for a deadlock, a serialization failure or a lock that was not had in time, after which the request may be sent again.';

-- PostgREST sends what such a domain holds as it is.
CREATE DOMAIN pgbeam."*/*" AS bytea;
COMMENT ON DOMAIN pgbeam."*/*" IS 'A body of any media type, for PostgREST.';

CREATE FUNCTION pgbeam.http_forwarded(bytea) RETURNS pgbeam."*/*"
LANGUAGE c VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgbeam_http_forwarded';
COMMENT ON FUNCTION pgbeam.http_forwarded(bytea) IS
'The same for PostgREST behind a front.
The front sends every request here as application/octet-stream, with what the client sent in X-Pgbeam-Method, X-Pgbeam-Uri, X-Pgbeam-Authorization, X-Pgbeam-Content-Type and X-Pgbeam-Accept. The answer is the body; response.status and response.headers are set. A refusal has its body in the header X-Pgbeam-Body as well: a front that replaces what others than pgbeam answer tells it by that.';

CREATE FUNCTION pgbeam.openapi() RETURNS json
LANGUAGE c STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgbeam_openapi';
COMMENT ON FUNCTION pgbeam.openapi() IS
'getOpenApi: the API''s description (OpenAPI 3.0.3), made of the operations and the fields.';

CREATE FUNCTION pgbeam.health() RETURNS json
LANGUAGE c STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgbeam_health';
COMMENT ON FUNCTION pgbeam.health() IS
'getHealth: whether the service is fit for work.
status (ok or degraded), version, image_sha (empty), timestamp (of the server), whether requests are counted (rate_limit on or off), read_only true where the server takes no writes, and causes where it is degraded: keyring (no key is usable), read_only (set so; a standby is ok); feed (held_seconds, pid) where changes wait over 10 seconds for an older transaction. Over HTTP degraded is 503 with the same body; in SQL it is always a row. Asks for no credential.';

CREATE FUNCTION pgbeam.routes(
	OUT operation text, OUT method text, OUT path text, OUT function text,
	OUT needs_credential boolean, OUT writes boolean, OUT status integer, OUT errors integer[])
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL RESTRICTED
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgbeam_routes';
COMMENT ON FUNCTION pgbeam.routes() IS
'The API''s operations: name, method, path ({name} stands for an id), the SQL function that does the same, whether it asks for a credential and writes, the status of success and those of its refusals.';
