-- The field table against the tables it stands for: the two say the same, or
-- this test shows where they drifted apart.

-- Every stored field has its column, of its type, null where it may be.
SELECT f.table_name, f.field, f.column_name, f.type, a.attname, a.atttypid::regtype, a.attnotnull
FROM pgbeam.fields() f
LEFT JOIN pg_attribute a ON a.attrelid = f.table_name::regclass AND a.attname = f.column_name
WHERE f.column_name IS NOT NULL
	AND (a.attname IS NULL OR f.type <> a.atttypid::regtype::text OR f.nullable = a.attnotnull);

-- Every column has its field; but for what tells a deleted row. (rows)
SELECT a.attrelid::regclass, a.attname
FROM pg_attribute a
WHERE a.attnum > 0 AND NOT a.attisdropped
	AND a.attrelid IN (SELECT table_name::regclass FROM pgbeam.fields())
	AND NOT EXISTS (SELECT FROM pgbeam.fields() f WHERE f.table_name::regclass = a.attrelid AND f.column_name = a.attname)
ORDER BY 1, 2;

-- The columns stand in the order of the fields.
SELECT table_name FROM (
	SELECT f.table_name, a.attnum, lag(a.attnum) OVER (PARTITION BY f.table_name ORDER BY f.n) AS before
	FROM pgbeam.fields() WITH ORDINALITY AS f(table_name, field, column_name, type, required, nullable, minimum, maximum, words, default_value, about, n)
	JOIN pg_attribute a ON a.attrelid = f.table_name::regclass AND a.attname = f.column_name) o
WHERE attnum < before;

-- Limits and words stand in a CHECK of the column. A field with a rule of its
-- own has more in it, so only its beginning is compared.
WITH expected AS (
	SELECT table_name::regclass AS relation, column_name, field,
		CASE
			WHEN words IS NOT NULL THEN
				format('CHECK ((%I = ANY (ARRAY[%s])))', column_name,
					(SELECT string_agg(quote_literal(w) || '::text', ', ' ORDER BY n) FROM unnest(words) WITH ORDINALITY AS u(w, n)))
			WHEN type = 'integer' THEN
				format('CHECK (((%1$I >= %2$s) AND (%1$I <= %3$s)))', column_name, minimum, maximum)
			WHEN type = 'text[]' AND maximum > 0 AND field !~ '\[' THEN
				format('CHECK ((cardinality(%I) <= %s))', column_name, maximum)
			WHEN type = 'text' AND minimum > 0 AND maximum > 0 THEN
				format('CHECK (((char_length(%1$I) >= %2$s) AND (char_length(%1$I) <= %3$s)))', column_name, minimum, maximum)
			WHEN type = 'text' AND maximum > 0 THEN
				format('CHECK ((char_length(%I) <= %s))', column_name, maximum)
			WHEN type = 'text' AND minimum > 0 THEN
				format('CHECK (((char_length(%I) >= %s)', column_name, minimum)
		END AS definition
	FROM pgbeam.fields()
	WHERE column_name IS NOT NULL
)
SELECT e.relation, e.field, e.definition AS expected, pg_get_constraintdef(c.oid) AS found
FROM expected e
LEFT JOIN pg_constraint c ON c.conrelid = e.relation
	AND c.conname = (SELECT relname FROM pg_class WHERE oid = e.relation) || '_' || e.column_name || '_check'
WHERE e.definition IS NOT NULL
	AND NOT starts_with(coalesce(pg_get_constraintdef(c.oid), ''), e.definition);

-- Every field is described; none that is a secret could be shown. (rows)
SELECT table_name, field FROM pgbeam.fields() WHERE about !~ '^[A-Z].*\.$';
SELECT table_name, field, column_name, type FROM pgbeam.fields() WHERE type = 'bytea';

-- The published limits, words and defaults. (rows)
SELECT table_name, field, required AS req, minimum AS min, maximum AS max, words, default_value
FROM pgbeam.fields() WHERE table_name <> 'pgbeam.organizations'
	AND (required OR minimum > 0 OR maximum > 0 OR words IS NOT NULL OR default_value IS NOT NULL);
