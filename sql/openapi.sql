-- The description is made from the routes and the fields. test/http gives it
-- to a validator and to a compiler.
SELECT pgbeam.openapi() ->> 'openapi' AS version;
-- Every route is in it, and nothing else. (none)
WITH described AS (
	SELECT upper(method) AS method, path, operation ->> 'operationId' AS operation,
		(SELECT array_agg(status::integer ORDER BY status::integer) FROM json_object_keys(operation -> 'responses') status) AS statuses
	FROM json_each(pgbeam.openapi() -> 'paths') paths(path, operations), json_each(operations) m(method, operation)
), stated AS (
	SELECT method, path, operation, (SELECT array_agg(s ORDER BY s) FROM unnest(errors || status || CASE method WHEN 'GET' THEN '{304}'::integer[] END) s) AS statuses FROM pgbeam.routes()
)
(TABLE described EXCEPT TABLE stated) UNION ALL (TABLE stated EXCEPT TABLE described);
-- Every limit of a create request is in it. (none)
WITH RECURSIVE member AS (
	SELECT key AS path, value FROM json_each(pgbeam.openapi() #> '{components,schemas,CreateDatabaseRequest,properties}')
	UNION ALL
	SELECT member.path || '.' || key, sub.value FROM member, json_each(member.value -> 'properties') sub
)
SELECT f.field, minimum, maximum, words, default_value, m.value
FROM pgbeam.fields() f LEFT JOIN member m ON m.path = f.field
WHERE table_name = 'pgbeam.databases' AND in_create AND (m.path IS NULL
	OR maximum IS DISTINCT FROM coalesce(m.value ->> 'maximum', m.value ->> 'maxLength')::integer
	OR minimum IS DISTINCT FROM nullif(coalesce(m.value ->> 'minimum', m.value ->> 'minLength', CASE WHEN words IS NULL AND type <> 'boolean' THEN '0' END), '')::integer
	OR default_value IS DISTINCT FROM trim('"' FROM substring(m.value ->> 'description', ' Default: (.*)\.$'))
	OR array_to_json(words)::text IS DISTINCT FROM m.value ->> 'enum');
SELECT json_object_keys(pgbeam.openapi() #> '{components,schemas}') AS schemas;
-- No schema has the name that client generators make up from an operation's.
-- (none)
SELECT schema FROM json_object_keys(pgbeam.openapi() #> '{components,schemas}') schema, pgbeam.routes() r, unnest('{Response,Request,Params,JSONBody,JSONRequestBody}'::text[]) suffix
WHERE lower(schema) = lower(operation || suffix) AND NOT (suffix = 'Request' AND schema ~ '^(Create|Update)');
SELECT pgbeam.openapi() #> '{components,schemas,CreateProjectRequest,required}' AS required,
	pgbeam.openapi() #> '{components,schemas,Project,required}' AS always;
-- No view has a secret.
SELECT count(*) FROM json_object_keys(pgbeam.openapi() #> '{components,schemas,Database,properties}') name WHERE name ~ 'password';
-- The database of a created project is always there, unless a setting makes it
-- optional.
SET pgbeam.allow_empty_database = on;
SELECT pgbeam.openapi() #> '{components,schemas,CreatedProject,required}' AS required;
RESET pgbeam.allow_empty_database;
SELECT pgbeam.openapi() #> '{components,schemas,CreatedProject,required}' AS required;
