-- Compares the field tables with the tables of the database: this test shows
-- where they drifted apart.

-- Every stored field has a column of its type, which is nullable if the field
-- is.
SELECT f.table_name, f.field, f.column_name, f.type, a.attname, a.atttypid::regtype, a.attnotnull
FROM pgbeam.fields() f
LEFT JOIN pg_attribute a ON a.attrelid = f.table_name::regclass AND a.attname = f.column_name
WHERE f.column_name IS NOT NULL
	AND (a.attname IS NULL OR f.type <> a.atttypid::regtype::text OR f.nullable = a.attnotnull);

-- Every column has a field, except a change's transaction id.
SELECT a.attrelid::regclass, a.attname
FROM pg_attribute a
WHERE a.attnum > 0 AND NOT a.attisdropped
	AND a.attrelid IN (SELECT table_name::regclass FROM pgbeam.fields())
	AND NOT EXISTS (SELECT FROM pgbeam.fields() f WHERE f.table_name::regclass = a.attrelid AND f.column_name = a.attname)
ORDER BY 1, 2;

-- The columns stand in the order of the fields.
SELECT table_name FROM (
	SELECT f.table_name, a.attnum, lag(a.attnum) OVER (PARTITION BY f.table_name ORDER BY f.n) AS before
	FROM pgbeam.fields() WITH ORDINALITY AS f(table_name, field, column_name, type, in_create, required, nullable, minimum, maximum, words, default_value, about, n)
	JOIN pg_attribute a ON a.attrelid = f.table_name::regclass AND a.attname = f.column_name) o
WHERE attnum < before;

-- Every table checks its fields by a CHECK (sql/constraint.sql tries it), but
-- for those that our functions alone write. (rows)
SELECT t FROM (SELECT DISTINCT table_name FROM pgbeam.fields()) f(t)
WHERE NOT EXISTS (SELECT FROM pg_constraint WHERE conrelid = t::regclass AND contype = 'c'
	AND pg_get_constraintdef(oid) = format('CHECK (pgbeam.check_fields(%L::text, %s.*))', rtrim(split_part(t, '.', 2), 's'), split_part(t, '.', 2)))
ORDER BY 1;

-- The columns have the fields' descriptions as COMMENTs.
SELECT f.table_name, f.column_name FROM pgbeam.fields() f
JOIN pg_attribute a ON a.attrelid = f.table_name::regclass AND a.attname = f.column_name
WHERE col_description(a.attrelid, a.attnum) IS DISTINCT FROM f.about;

-- Every field has a description, and no secret field can be shown. (rows)
SELECT table_name, field FROM pgbeam.fields() WHERE about !~ '^[A-Z].*\.$';
SELECT table_name, field, column_name, type FROM pgbeam.fields() WHERE type = 'bytea';

-- Every text has a maximum or a list of words. Every secret and every list has
-- a maximum.
SELECT table_name, field FROM pgbeam.fields()
WHERE words IS NULL AND maximum IS NULL AND (type IN ('text', 'text[]') OR field = 'password');

-- The API's description says so: strings of requests and answers without a
-- maximum. (rows)
SELECT name, string.value ->> 'description' AS about
FROM jsonb_each(pgbeam.openapi()::jsonb #> '{components,schemas}') AS s(name, schema),
	jsonb_path_query(schema, '$.** ? (@.type == "string" && !exists(@.maxLength) && !exists(@.enum) && !exists(@.pattern) && !(@.format == "date-time"))') AS string(value)
WHERE name !~ '^Error$|^Problem'; -- what no field is
SELECT name FROM jsonb_each(pgbeam.openapi()::jsonb #> '{components,schemas}') AS s(name, schema)
WHERE name ~ '^(Create|Update).*Request$' AND jsonb_path_exists(schema, '$.** ? (@.type == "array" && !exists(@.maxItems))');

-- The published limits, words and defaults. (rows)
SELECT table_name, field, in_create AS given, required AS req, minimum AS min, maximum AS max, words, default_value
FROM pgbeam.fields() WHERE table_name <> 'pgbeam.organizations'
	AND (required OR minimum > 0 OR maximum > 0 OR words IS NOT NULL OR default_value IS NOT NULL);
