-- Compares each operation's row with its SQL function. Every query returns no
-- rows unless its comment says so.
SET client_min_messages = warning;
CREATE VIEW operations AS
	SELECT r.*, p.oid, proargnames, proargtypes, provolatile, prosrc, prorettype, proparallel,
		(SELECT array_agg(DISTINCT n) FROM regexp_matches(r.path, '{(\w+)}', 'g') AS m(n)) IS NOT NULL AS has_ids,
		openapi -> 'paths' -> r.path -> lower(r.method) AS described,
		obj_description(p.oid, 'pg_proc') AS comment
	FROM (SELECT pgbeam.openapi()::jsonb AS openapi) AS document, pgbeam.routes() AS r
	LEFT JOIN pg_proc p ON pronamespace = 'pgbeam'::regnamespace AND proname = r.function;

-- It has one function, named as in the API but in snake case.
SELECT operation FROM operations GROUP BY operation HAVING count(oid) <> 1;
SELECT operation, function FROM operations
WHERE lower(regexp_replace(operation, '([A-Z])', '_\1', 'g')) <> function; -- (rows)

-- Its C function is the list's, and its answer is JSON.
SELECT operation FROM operations WHERE prosrc <> 'pgbeam_' || function OR prorettype <> 'json'::regtype OR proparallel <> 'u';

-- It is volatile if and only if it writes.
SELECT operation FROM operations WHERE provolatile <> CASE WHEN writes THEN 'v' ELSE 's' END;

-- Its arguments are the ids of the path, then the parameters of the query or
-- the body. A body that is the only argument has no name.
CREATE VIEW arguments AS
	SELECT operation, n, name, type FROM operations,
		unnest(coalesce(proargnames, array_fill(''::text, ARRAY[cardinality(proargtypes::oid[])])), proargtypes::oid[])
			WITH ORDINALITY AS argument(name, type, n);
CREATE VIEW described_arguments AS
	SELECT operation, row_number() OVER (PARTITION BY operation ORDER BY n) AS n, name, type
	FROM (
		SELECT operation, n, parameter ->> 'name' AS name,
			CASE parameter -> 'schema' ->> 'type' WHEN 'integer' THEN 'integer'::regtype ELSE 'text'::regtype END::oid AS type
		FROM operations, jsonb_array_elements(described -> 'parameters') WITH ORDINALITY AS p(parameter, n)
		WHERE NOT parameter ? '$ref' -- a header
		UNION ALL
		SELECT operation, 1000, CASE WHEN has_ids THEN 'body' ELSE '' END, 'jsonb'::regtype::oid
		FROM operations WHERE described ? 'requestBody'
	) AS described;
(TABLE arguments EXCEPT TABLE described_arguments) UNION ALL (TABLE described_arguments EXCEPT TABLE arguments);

-- Its COMMENT begins with its name, and names the refusals that a plain call
-- in SQL can get. Only HTTP has a 400 for a malformed id, and a 409 of
-- createDatabase for an Idempotency-Key that is used again. (row)
SELECT operation FROM operations WHERE NOT starts_with(comment, operation || ': ');
SELECT operation, error FROM operations, unnest(errors) AS error
WHERE error NOT IN (403, 412, 413, 415, 429, 503) AND strpos(comment, 'PT' || error) = 0
	AND (error <> 400 OR described ? 'requestBody' OR described @> '{"parameters": [{"in": "query"}]}');

-- An update's COMMENT names the members that can be updated, a put's those that it sets.
SELECT operation, member FROM operations,
	jsonb_object_keys(pgbeam.openapi()::jsonb -> 'components' -> 'schemas' ->
		split_part(described #>> '{requestBody,content,application/json,schema,$ref}', '/', 4) -> 'properties') AS member
WHERE method IN ('PATCH', 'PUT') AND comment !~ ('\m' || member || '\M');

-- It is granted with the access api, and with admin.
CREATE ROLE operation_api;
CREATE ROLE operation_admin;
SELECT pgbeam.grant_access('operation_api', 'api'), pgbeam.grant_access('operation_admin', 'admin');
SELECT operation FROM operations
WHERE NOT has_function_privilege('operation_api', oid, 'EXECUTE') OR NOT has_function_privilege('operation_admin', oid, 'EXECUTE');
DROP OWNED BY operation_api, operation_admin;
DROP ROLE operation_api, operation_admin;

DROP VIEW described_arguments, arguments, operations;
