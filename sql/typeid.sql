-- TypeIDs: made, spelled, read.

-- The result of a call of these functions, or its error.
CREATE FUNCTION outcome(call text, OUT state text, OUT result text, OUT detail text) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE 'SELECT ' || call INTO result;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, result = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL;
END
$$;

-- Encoded and decoded, also UUIDs of other versions.
CREATE TEMP TABLE vector (prefix text, uuid uuid, typeid text);
INSERT INTO vector VALUES
	('', '00000000-0000-0000-0000-000000000000', '00000000000000000000000000'),
	('', '00000000-0000-0000-0000-000000000001', '00000000000000000000000001'),
	('', '00000000-0000-0000-0000-00000000000a', '0000000000000000000000000a'),
	('', '00000000-0000-0000-0000-000000000010', '0000000000000000000000000g'),
	('', '00000000-0000-0000-0000-000000000020', '00000000000000000000000010'),
	('', 'ffffffff-ffff-ffff-ffff-ffffffffffff', '7zzzzzzzzzzzzzzzzzzzzzzzzz'),
	('prefix', '0110c853-1d09-52d8-d73e-1194e95b5f19', 'prefix_0123456789abcdefghjkmnpqrs'),
	('prefix', '01890a5d-ac96-774b-bcce-b302099a8057', 'prefix_01h455vb4pex5vsknk084sn02q'),
	('', '01890a5d-ac96-774b-bcce-b302099a8057', '01h455vb4pex5vsknk084sn02q'),
	('pre_fix', '00000000-0000-0000-0000-000000000000', 'pre_fix_00000000000000000000000000'),
	('a__b', '00000000-0000-0000-0000-000000000000', 'a__b_00000000000000000000000000'),
	(repeat('p', 63), '00000000-0000-0000-0000-000000000000', repeat('p', 63) || '_00000000000000000000000000');
SELECT count(*) AS vectors,
	count(*) FILTER (WHERE pgbeam.typeid_encode(prefix, uuid) = typeid) AS encoded,
	count(*) FILTER (WHERE pgbeam.typeid_decode(typeid) = uuid) AS decoded
FROM vector;
SELECT pgbeam.typeid_decode('prj_01h455vb4pex5vsknk084sn02q');
SELECT pgbeam.typeid_encode('prj', '01890a5d-ac96-774b-bcce-b302099a8057');

-- Malformed TypeIDs, and the rule that each breaks.
SELECT text, o.* FROM (VALUES
	(1, ''), (2, '_'), (3, 'prefix'), (4, 'prefix_'),
	(5, '_00000000000000000000000000'),
	(6, 'PREFIX_00000000000000000000000000'),
	(7, '12345_00000000000000000000000000'),
	(8, 'pre.fix_00000000000000000000000000'),
	(9, 'préfix_00000000000000000000000000'),
	(10, '  prefix_00000000000000000000000000'),
	(11, '_prefix_00000000000000000000000000'),
	(12, 'prefix__00000000000000000000000000'),
	(13, 'prefix_1234567890123456789012345'),
	(14, 'prefix_123456789012345678901234567'),
	(15, 'prefix_1234567890123456789012345 '),
	(16, 'prefix_0123456789ABCDEFGHJKMNPQRS'),
	(17, 'prefix_123456789-123456789-123456'),
	(18, 'prefix_ooooooiiiiiiuuuuuuulllllll'),
	(19, 'prefix_i23456789ol23456789oi23456'),
	(20, 'prefix_123456789-0123456789-0123456'),
	(21, 'prefix_8zzzzzzzzzzzzzzzzzzzzzzzzz'),
	(22, repeat('p', 64) || '_00000000000000000000000000')
) v(n, text), outcome(format('pgbeam.typeid_decode(%L)', text)) o ORDER BY n;

-- Bad prefixes, in every function that makes a TypeID.
SELECT prefix, call, o.* FROM (VALUES
	(1, '_'), (2, 'a_'), (3, '_a'), (4, 'A'), (5, 'p1'), (6, 'p-q'), (7, ' p'), (8, 'é'), (9, repeat('p', 64))
) v(n, prefix), (VALUES ('typeid(%L)'), ('typeid_encode(%L, gen_random_uuid())')) c(call),
	outcome('pgbeam.' || format(call, prefix)) o ORDER BY n, call;

-- Null in, null out.
SELECT pgbeam.typeid(NULL) IS NULL AS made, pgbeam.typeid_encode(NULL, gen_random_uuid()) IS NULL AS no_prefix,
	pgbeam.typeid_encode('p', NULL) IS NULL AS no_uuid, pgbeam.typeid_decode(NULL) IS NULL AS decoded,
	pgbeam.typeid_timestamp(NULL) IS NULL AS instant;

-- A new one: its form, version 7, variant of RFC 9562, any legal prefix.
SELECT prefix, pgbeam.typeid(prefix) ~ ('^' || form || '[0-7][0-9a-hjkmnp-tv-z]{25}$') AS well_formed
FROM (VALUES (1, '', ''), (2, 'prj', 'prj_'), (3, 'a_b', 'a_b_'), (4, repeat('z', 63), repeat('z', 63) || '_')) v(n, prefix, form)
ORDER BY n;
SELECT count(*) AS made,
	count(*) FILTER (WHERE uuid::text ~ '^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$') AS version_7,
	count(DISTINCT right(uuid::text, 17)) AS random_parts
FROM (SELECT pgbeam.typeid_decode(pgbeam.typeid('x')) AS uuid FROM generate_series(1, 10000)) made;

-- A million in one statement are in the order of their making, as text and as
-- UUID; no two are the same.
SELECT count(*) AS made,
	count(*) FILTER (WHERE id COLLATE "C" <= before) AS texts_out_of_order,
	count(*) FILTER (WHERE pgbeam.typeid_decode(id) <= pgbeam.typeid_decode(before)) AS uuids_out_of_order
FROM (SELECT id, lag(id) OVER (ORDER BY n) AS before
	FROM (SELECT n, pgbeam.typeid('x') AS id FROM generate_series(1, 1000000) n OFFSET 0) made) pairs;

-- So are those of consecutive statements, of a transaction that is rolled
-- back, and with different prefixes.
CREATE TEMP TABLE made (n int, id uuid);
INSERT INTO made VALUES (1, pgbeam.typeid_decode(pgbeam.typeid('a')));
INSERT INTO made VALUES (2, pgbeam.typeid_decode(pgbeam.typeid('b')));
BEGIN;
SELECT pgbeam.typeid_decode(pgbeam.typeid('')) AS undone \gset
ROLLBACK;
INSERT INTO made VALUES (3, :'undone');
INSERT INTO made SELECT 3 + n, pgbeam.typeid_decode(pgbeam.typeid('c')) FROM generate_series(1, 3) n;
INSERT INTO made VALUES (7, pgbeam.typeid_decode(pgbeam.typeid('a')));
SELECT array_agg(n ORDER BY id) AS in_order FROM made;

-- The time it was made, to the millisecond. The million ran ahead of the clock
-- by far less than a minute.
SELECT pgbeam.typeid_timestamp('prj_01h455vb4pex5vsknk084sn02q') AT TIME ZONE 'UTC' AS instant;
SELECT pgbeam.typeid_timestamp(pgbeam.typeid_encode('', '00000000-0000-7000-8000-000000000000')) AT TIME ZONE 'UTC' AS first,
	pgbeam.typeid_timestamp(pgbeam.typeid_encode('', 'ffffffff-ffff-7fff-bfff-ffffffffffff')) AT TIME ZONE 'UTC' AS last;
SELECT abs(extract(epoch FROM pgbeam.typeid_timestamp(pgbeam.typeid('x')) - clock_timestamp())) < 60 AS is_now;
SELECT bool_and(pgbeam.typeid_timestamp(pgbeam.typeid_encode('', id)) BETWEEN now() - interval '1 hour' AND now() + interval '1 minute') AS are_now FROM made;
SET TimeZone = 'Asia/Kolkata';
SELECT pgbeam.typeid_timestamp('prj_01h455vb4pex5vsknk084sn02q') = '2023-06-30 03:34:18.518+00' AS same;
RESET TimeZone;

-- UUIDs of other versions have no timestamp.
SELECT version, o.* FROM generate_series(0, 15) version,
	outcome(format('pgbeam.typeid_timestamp(pgbeam.typeid_encode(%L, %L)) AT TIME ZONE %L', 'x',
		'01890a5d-ac96-' || to_hex(version) || '74b-bcce-b302099a8057', 'UTC')) o ORDER BY version;
SELECT * FROM outcome($$pgbeam.typeid_timestamp('no TypeID')$$);

DROP FUNCTION outcome;
