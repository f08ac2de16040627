-- Prints the figures for very many projects. They are medians of the rounds.

CREATE FUNCTION bench.cpu(stage text, subject text, way text) RETURNS float8
LANGUAGE sql STABLE AS $$
	SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY cpu_us) FROM bench.kept_at_scale AS k
	WHERE (k.stage, k.subject, k.way) = (cpu.stage, cpu.subject, cpu.way)
$$;

-- The same as multiples of the machine's pace.
CREATE FUNCTION bench.paces(stage text, subject text) RETURNS float8
LANGUAGE sql STABLE AS $$
	SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY k.paces) FROM bench.kept_at_scale AS k
	WHERE (k.stage, k.subject, k.way) = (paces.stage, paces.subject, 'pgbeam')
$$;

CREATE FUNCTION bench.print(value float8) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
	SELECT lpad(coalesce(trim(to_char(value, '99999990.0')), '-'), 12)
$$;

-- The ratio of two figures, and half the rounds.
CREATE FUNCTION bench.compare(above_subject text, above text, below_subject text, below text,
	OUT ratio float8, OUT printed text)
LANGUAGE sql STABLE AS $$
	SELECT q[2], format('%s (half the rounds %s to %s)', round(q[2]::numeric, 2), round(q[1]::numeric, 2), round(q[3]::numeric, 2))
	FROM (
		SELECT percentile_cont('{0.25,0.5,0.75}'::float8[]) WITHIN GROUP (ORDER BY a.cpu_us / b.cpu_us) AS q
		FROM bench.kept_at_scale AS a JOIN bench.kept_at_scale AS b USING (stage, round)
		WHERE stage = 'analyzed' AND (a.subject, a.way) = (above_subject, above) AND (b.subject, b.way) = (below_subject, below)
	) AS quartiles
$$;

-- How much more a create costs with all projects than with none.
CREATE FUNCTION bench.growth(way text, OUT cpu float8, OUT instructions float8, OUT printed text)
LANGUAGE sql STABLE AS $$
	SELECT ratio, counted, c.printed || coalesce(format(', %s in instructions', round(counted::numeric, 2)), '')
	FROM bench.compare('create', way, 'create in empty', way) AS c,
		(SELECT max(count) FILTER (WHERE database = 'scale') / max(count) FILTER (WHERE database = 'empty') AS counted
		FROM bench.instructions_at_scale AS i WHERE i.way = growth.way) AS i
$$;

CREATE TABLE bench.printed (subject text PRIMARY KEY, position integer, title text);
INSERT INTO bench.printed
	SELECT subject, CASE sort_by WHEN 'name' THEN 3 ELSE 1 END + (page > 1)::integer,
		format('list_projects, %s, page %s', sort_by, page)
	FROM bench.pages
	UNION ALL VALUES ('total', 5, 'its total'), ('get', 6, 'get_project'),
		('update', 7, 'update_project, one member'), ('delete', 8, 'delete_project');

SELECT format('Among %s projects, %s of one organization, %s rounds:', (SELECT count(*) FROM bench.fresh),
	(SELECT count(*) FROM bench.fresh WHERE org_id = 'org_bench'), max(round))
FROM bench.kept_at_scale WHERE stage = 'analyzed';
SELECT format('%-38s%s%s', '', lpad('the bare', 24), lpad('without statistics,', 48));
SELECT format('%-38s%s', 'one call, CPU us', string_agg(lpad(head, 12), '' ORDER BY n))
FROM unnest(ARRAY['pgbeam', 'index query', 'whole rows', 'today''s way', 'our TypeIDs', 'of ' || (SELECT max(n) / 50 FROM bench.fresh), 'of all'])
	WITH ORDINALITY AS h (head, n);
SELECT concat(rpad(title, 38),
	bench.print(bench.cpu('analyzed', subject, 'pgbeam')), bench.print(bench.cpu('analyzed', subject, 'bare')),
	bench.print(bench.cpu('analyzed', subject, 'whole')), bench.print(bench.cpu('analyzed', subject, 'today')),
	bench.print(bench.cpu('analyzed', subject, 'typed')),
	bench.print(bench.cpu('few', subject, 'pgbeam')), bench.print(bench.cpu('all', subject, 'pgbeam')))
FROM bench.printed ORDER BY position;
SELECT format('%-48s%12s%12s%12s', 'a first page with filters, CPU us', 'page', 'x without', 'with total');
SELECT concat(rpad(subject, 48), bench.print(bench.cpu('analyzed', subject, 'filter')), lpad(round(ratio::numeric, 2)::text, 12),
	bench.print(bench.cpu('analyzed', subject, 'filter, total')))
FROM bench.filters, bench.compare(subject, 'filter', 'none, ' || sort_by, 'filter') ORDER BY position, subject;
SELECT format('%-38s%12s%12s%12s%16s', '', 'an empty', 'all', 'x empty', 'in instructions');
SELECT concat(rpad(title, 38), bench.print(bench.cpu('analyzed', 'create in empty', way)),
	bench.print(bench.cpu('analyzed', 'create', way)), lpad(round(g.cpu::numeric, 2)::text, 12),
	lpad(coalesce(round(g.instructions::numeric, 3)::text, '-'), 16))
FROM (VALUES ('pgbeam', 1, 'create_project, in a table of'),
	('ordered', 2, '  and with names in order'), ('plans', 3, '  the limit, as three plans')) AS v (way, position, title),
	bench.growth(way) AS g ORDER BY position;

SELECT 'The bars, by CPU time, a page''s total apart:';
SELECT format('%s: at most %s x the bare index query: %s, %s of one for whole rows: %s',
	title, bar, b.printed, round(w.ratio::numeric, 2),
	CASE WHEN b.ratio <= bar THEN 'ok' ELSE 'missed' END)
FROM (SELECT *, CASE subject WHEN 'get' THEN 3 ELSE 4 END AS bar FROM bench.printed WHERE subject ~ ',|get') AS p,
	bench.compare(subject, 'pgbeam', subject, 'bare') AS b,
	bench.compare(subject, 'pgbeam', subject, 'whole') AS w
ORDER BY position;
SELECT format('%s: at least 5 x faster than today''s way: %s%s: %s', title, t.printed,
	', ' || round(c.ratio::numeric, 2) || ' with pgbeam''s TypeIDs',
	CASE WHEN t.ratio >= 5 THEN 'ok' ELSE 'missed' END)
FROM bench.printed, bench.compare(subject, 'today', subject, 'pgbeam') AS t,
	bench.compare(subject, 'typed', subject, 'pgbeam') AS c
WHERE subject LIKE '%,%' ORDER BY position;
SELECT format('a page with one filter, in an order that its index has, at most 1.5 x one without: %s: %s',
	string_agg(format('%s %s', subject, round(ratio::numeric, 2)), ', ' ORDER BY position),
	CASE WHEN max(ratio) <= 1.5 THEN 'ok' ELSE 'missed' END)
FROM bench.filters, bench.compare(subject, 'filter', 'none, ' || sort_by, 'filter') WHERE position BETWEEN 1 AND 9;
SELECT format('a page with its total at most 1.2 x an index-only count: %s: %s', printed,
	CASE WHEN ratio <= 1.2 THEN 'ok' ELSE 'missed' END)
FROM bench.compare('total', 'pgbeam', 'total', 'bare');
SELECT format('create_project with names in order at most 1.1 x its cost in an empty table: %s: %s',
	printed, bench.verdict(cpu <= 1.1, instructions <= 1.1))
FROM bench.growth('ordered');
SELECT format('  and in random order no more than the limit''s growth of %s: %s: %s',
	l.printed, p.printed, bench.verdict(p.cpu <= l.cpu, p.instructions <= l.instructions))
FROM bench.growth('pgbeam') AS p, bench.growth('plans') AS l;
SELECT format('without statistics at most twice as much, at one pace of the machine: %s: %s',
	coalesce(string_agg(format('%s %s x (%s)', title, round(ratio::numeric, 1), stage), ', ' ORDER BY position, stage) FILTER (WHERE ratio > 2),
		format('at most %s x', round(max(ratio)::numeric, 2))),
	CASE WHEN max(ratio) <= 2 THEN 'ok' ELSE 'missed' END)
FROM (SELECT *, bench.paces(stage, subject) / bench.paces('analyzed', subject) AS ratio
	FROM bench.printed, unnest('{few,all}'::text[]) AS stage WHERE stage = 'all' OR subject <> 'total') AS r;
