CREATE TYPE pgbeam.http_response AS (status integer, headers jsonb, body text);
COMMENT ON TYPE pgbeam.http_response IS
'An HTTP response: its status, its headers as an object of strings, and its body (empty if there is none).';

COMMENT ON COLUMN pgbeam.http_response.status IS 'The HTTP status.';
COMMENT ON COLUMN pgbeam.http_response.headers IS 'Names and values of the headers.';
COMMENT ON COLUMN pgbeam.http_response.body IS 'The body, UTF-8; empty if there is none.';

CREATE FUNCTION pgbeam.http(method text, uri text, headers jsonb, body bytea) RETURNS pgbeam.http_response
LANGUAGE c VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgbeam_http';
COMMENT ON FUNCTION pgbeam.http(text, text, jsonb, bytea) IS
'Answers an HTTP request: the whole API for an HTTP layer.
Takes the method, the URI (path and query), the headers (an object of strings, names in any case) and the body (bytes as they came, or null). Give this function to the layer''s role alone (access http): its caller chooses every header, also the one with the client''s address. Call it in FROM: (pgbeam.http(...)).* would make the request once for each column.
Authorization or X-API-Key alone identify the API''s caller; the calling role does not matter. A refusal is a response. Errors are 22004 and 22023 for invalid arguments; 25000 for a request that writes in an isolation level other than READ COMMITTED; PT503, with a message of its own, for a deadlock, a serialization failure, a lock timeout or a node of Citus that is lost, after which the request may be sent again; and those of a broken server.';

-- PostgREST sends a value of this domain unchanged.
CREATE DOMAIN pgbeam."*/*" AS bytea;
COMMENT ON DOMAIN pgbeam."*/*" IS 'A body of any media type, for PostgREST.';

CREATE FUNCTION pgbeam.http_forwarded(bytea) RETURNS pgbeam."*/*"
LANGUAGE c VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgbeam_http_forwarded';
COMMENT ON FUNCTION pgbeam.http_forwarded(bytea) IS
'Answers an HTTP request that a front (a reverse proxy) has passed through PostgREST.
The front sends every request here as application/octet-stream. It puts what the client sent into X-Pgbeam-Method, X-Pgbeam-Uri, X-Pgbeam-Authorization, X-Pgbeam-Content-Type and X-Pgbeam-Accept. The function returns the body, and sets response.status and response.headers. A refusal also has its body in the header X-Pgbeam-Body: by this header, a front that replaces the bodies of failures tells pgbeam''s answers from PostgREST''s own.';

CREATE FUNCTION pgbeam.routes(
	OUT operation text, OUT method text, OUT path text, OUT function text,
	OUT needs_credential boolean, OUT writes boolean, OUT status integer, OUT errors integer[])
RETURNS SETOF record
LANGUAGE c STABLE PARALLEL RESTRICTED
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgbeam_routes';
COMMENT ON FUNCTION pgbeam.routes() IS
'Lists the API''s operations: name, method, path ({name} stands for an id), the SQL function that does the same, whether it needs a credential, whether it writes, the status of success, and the statuses of its refusals.';

CREATE FUNCTION pgbeam.caller() RETURNS jsonb
LANGUAGE c STABLE PARALLEL RESTRICTED
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'pgbeam_caller';
COMMENT ON FUNCTION pgbeam.caller() IS
'Tells within a trigger who makes the call that has fired it: an object of kind, id, organization, role and request_id.
kind and id are actor_kind and actor of the change that pgbeam.read_changes() shows: api_key and the id of the key, user and the id of the user, or role and its name. organization is the one that an operation of the API is about, role the role of the database that made the call, and request_id the X-Request-Id of the answer. null stands for what is not known, such as the request_id of plain SQL. The result is null outside of a call, and in a trigger that is deferred to the end of the transaction. A trigger runs as the owner of its table, who may call this; a SECURITY DEFINER function needs the grant.';
