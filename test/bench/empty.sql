-- A database without projects, beside one with very many. What is left is the
-- sample, which the limit needs.
CREATE FUNCTION bench.make_empty() RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
	TRUNCATE pgbeam.hosts, pgbeam.project_marks, pgbeam.projects, pgbeam.databases;
	PERFORM pgbeam.create_project(bench.body('sample', 0, 0));
END
$$;
