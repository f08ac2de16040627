-- How the tables are spread where Citus is: the list, and what works without it.
SELECT * FROM pgbeam.distribution();

-- No table is forgotten.
SELECT c.oid::regclass FROM pg_class AS c
WHERE relnamespace = 'pgbeam'::regnamespace AND relkind IN ('r', 'p')
	AND NOT EXISTS (SELECT FROM pgbeam.distribution() WHERE table_name::regclass = c.oid);
SELECT table_name FROM pgbeam.distribution() GROUP BY 1 HAVING count(*) > 1;

-- The column by which a table is spread is in each of its unique keys, is never
-- null, and is of the type of the table that it stands beside.
SELECT d.table_name, i.indexrelid::regclass FROM pgbeam.distribution() AS d
JOIN pg_attribute AS a ON a.attrelid = d.table_name::regclass AND a.attname = d.column_name
JOIN pg_index AS i ON i.indrelid = a.attrelid AND i.indisunique
WHERE NOT a.attnum = ANY (i.indkey) OR NOT a.attnotnull;
SELECT d.table_name FROM pgbeam.distribution() AS d JOIN pgbeam.distribution() AS o ON o.table_name = d.beside
JOIN pg_attribute AS a ON a.attrelid = d.table_name::regclass AND a.attname = d.column_name
JOIN pg_attribute AS b ON b.attrelid = o.table_name::regclass AND b.attname = o.column_name
WHERE (a.atttypid, a.attcollation) <> (b.atttypid, b.attcollation);

-- What has a foreign key stands beside what that refers to, and behind it.
WITH placed AS (SELECT table_name::regclass AS oid, coalesce(beside, table_name) AS beside, ordinality FROM pgbeam.distribution() WITH ORDINALITY)
SELECT c.conname FROM pg_constraint AS c JOIN placed AS a ON a.oid = c.conrelid JOIN placed AS b ON b.oid = c.confrelid
WHERE c.contype = 'f' AND (a.beside <> b.beside OR a.ordinality < b.ordinality);

-- Every column that tells an organization apart spreads its table, but that of
-- the hosts, which are unique over all organizations.
SELECT table_name FROM pgbeam.distribution() AS d
WHERE EXISTS (SELECT FROM pg_attribute WHERE attrelid = d.table_name::regclass AND attname = 'org_id') AND column_name IS DISTINCT FROM 'org_id';

-- The constraint that shards have is as strict as the one over the whole row.
SELECT count(pgbeam.set_organization('distribution')) AS made;
BEGIN;
SELECT pgbeam.fit_constraint('pgbeam.organizations', 'organization');
SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'pgbeam.organizations'::regclass AND conname = 'organizations_fields_check';
UPDATE pgbeam.organizations SET burst_size = -1 WHERE org_id = 'distribution';
ROLLBACK;
-- A column that an update has added is in it the next time.
BEGIN;
SELECT pgbeam.fit_constraint('pgbeam.jwks', 'jwk');
ALTER TABLE pgbeam.jwks ADD COLUMN added integer;
SELECT pgbeam.fit_constraint('pgbeam.jwks', 'jwk'), pgbeam.fit_constraint('pgbeam.jwks', 'jwk');
SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'pgbeam.jwks'::regclass AND contype = 'c';
ROLLBACK;
-- It goes with a column that an update drops, and comes back the next time.
BEGIN;
ALTER TABLE pgbeam.jwks ADD COLUMN added integer;
SELECT pgbeam.fit_constraint('pgbeam.jwks', 'jwk');
ALTER TABLE pgbeam.jwks DROP COLUMN added;
SELECT conname FROM pg_constraint WHERE conrelid = 'pgbeam.jwks'::regclass AND contype = 'c';
SELECT pgbeam.fit_constraint('pgbeam.jwks', 'jwk');
SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'pgbeam.jwks'::regclass AND contype = 'c';
ROLLBACK;
-- The list tells which tables have one.
SELECT table_name FROM pgbeam.distribution() AS d
WHERE is_checked <> EXISTS (SELECT FROM pg_constraint WHERE conrelid = table_name::regclass AND contype = 'c');

-- Without Citus.
\set SHOW_CONTEXT never
SELECT pgbeam.distribute();
SELECT * FROM pgbeam.check_distribution();
SELECT * FROM pgbeam.misplaced_tables();
