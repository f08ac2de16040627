-- Prints the table and the bars. The limit is the faster of its two forms. CPU
-- time is the median of the rounds. WAL is that of all rounds together,
-- because one round may have more page splits than another.

CREATE VIEW bench.the_limit AS
	SELECT variant FROM bench.kept WHERE variant IN ('plans', 'chain')
	GROUP BY variant ORDER BY percentile_cont(0.5) WITHIN GROUP (ORDER BY cpu_us) LIMIT 1;

CREATE FUNCTION bench.ratio(above text, below text, OUT cpu float8, OUT low float8, OUT high float8,
	OUT instructions float8, OUT wal float8)
LANGUAGE sql STABLE AS $$
	SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY a.cpu_us / b.cpu_us),
		percentile_cont(0.25) WITHIN GROUP (ORDER BY a.cpu_us / b.cpu_us),
		percentile_cont(0.75) WITHIN GROUP (ORDER BY a.cpu_us / b.cpu_us),
		(SELECT count FROM bench.instructions WHERE variant = above) /
		(SELECT count FROM bench.instructions WHERE variant = below),
		sum(a.wal_bytes) / sum(b.wal_bytes)
	FROM bench.kept AS a JOIN bench.kept AS b USING (round)
	WHERE a.variant = above AND b.variant = below
$$;

CREATE FUNCTION bench.print(value float8, format text, width integer) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
	SELECT lpad(coalesce(trim(to_char(value, format)), '-'), width)
$$;

SELECT format('%s rounds of %s calls', max(round), max(calls)) FROM bench.kept;
SELECT format('%-26s %8s %8s %13s %8s %10s', 'one call', 'CPU us', 'x limit',
	'instructions', 'x limit', 'WAL bytes');
SELECT concat(rpad(v.title, 26), bench.print(k.cpu_us, '99990.0', 9),
	bench.print(r.cpu, '990.00', 9), bench.print(i.count, '999999990', 14),
	bench.print(r.instructions, '990.00', 9), bench.print(k.wal_bytes, '99990', 11))
FROM bench.variants AS v
JOIN (SELECT variant, percentile_cont(0.5) WITHIN GROUP (ORDER BY cpu_us) AS cpu_us,
		avg(wal_bytes) AS wal_bytes
	FROM bench.kept GROUP BY variant) AS k USING (variant)
LEFT JOIN bench.instructions AS i USING (variant),
bench.the_limit AS l, bench.ratio(v.variant, l.variant) AS r
ORDER BY position;

-- The limit and today's way write no changes, so those are counted apart.
SELECT 'The bars, by CPU time, the two rows of the change feed apart:';
SELECT format('at most 1.5 x the limit (1.3 wanted): %s (half the rounds %s to %s)%s, %s with changes: %s',
	round(r.cpu::numeric, 2), round(r.low::numeric, 2), round(r.high::numeric, 2),
	', ' || round(r.instructions::numeric, 2) || ' in instructions', round(w.cpu::numeric, 2),
	CASE WHEN r.cpu <= 1.3 THEN 'ok' WHEN r.cpu <= 1.5 THEN 'ok, not yet 1.3' ELSE 'missed' END)
FROM bench.the_limit, bench.ratio('unnoted', variant) AS r, bench.ratio('pgbeam', variant) AS w;
SELECT format('at least 4 x faster than today''s way: %s (half the rounds %s to %s)%s, %s with changes: %s',
	round(r.cpu::numeric, 2), round(r.low::numeric, 2), round(r.high::numeric, 2),
	', ' || round(r.instructions::numeric, 2) || ' in instructions', round(w.cpu::numeric, 2),
	CASE WHEN r.cpu >= 4 THEN 'ok' ELSE 'missed' END)
FROM bench.ratio('today', 'unnoted') AS r, bench.ratio('today', 'pgbeam') AS w;
SELECT format('  and %s x without the CHECKs of today''s tables, %s with changes',
	round(r.cpu::numeric, 2), round(w.cpu::numeric, 2))
FROM bench.ratio('bare', 'unnoted') AS r, bench.ratio('bare', 'pgbeam') AS w;
SELECT format('WAL no more than the limit''s, to 1 %%: %s, %s with changes: %s', round(r.wal::numeric, 3),
	round(w.wal::numeric, 3), CASE WHEN r.wal <= 1.01 THEN 'ok' ELSE 'missed' END)
FROM bench.the_limit, bench.ratio('unnoted', variant) AS r, bench.ratio('pgbeam', variant) AS w;
