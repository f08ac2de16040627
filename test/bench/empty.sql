-- A database without projects, beside one with very many. It has as many
-- organizations: what is compared is the number of projects.
INSERT INTO pgbeam.organizations (org_id) SELECT 'org_' || n FROM generate_series(0, 4999) AS n;

-- What is left is the sample, which the limit needs.
CREATE FUNCTION bench.make_empty() RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
	TRUNCATE pgbeam.hosts, pgbeam.project_marks, pgbeam.projects, pgbeam.databases;
	PERFORM pgbeam.create_project(bench.body('sample', 0, 0));
END
$$;
