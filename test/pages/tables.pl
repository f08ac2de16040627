# Tables of the pages that are made from the server: the header, and the
# statement whose rows are the table's. They begin behind the line
# <!-- made from the server: NAME -->.
use strict;
use warnings;

# Text of a cell: nothing that Markdown reads as its own.
my $cell = q{
	CREATE FUNCTION pg_temp.cell(text) RETURNS text LANGUAGE sql
	RETURN replace(replace(coalesce($1, ''), '|', '\|'), '<', '&lt;');
	CREATE FUNCTION pg_temp.code(text) RETURNS text LANGUAGE sql
	RETURN CASE WHEN $1 <> '' THEN '`' || replace($1, '|', '\|') || '`' ELSE '' END;};

# A role with each access, and what the table of functions says of one.
my $functions = q{
	CREATE ROLE pages_api; CREATE ROLE pages_http; CREATE ROLE pages_data_plane; CREATE ROLE pages_proxy; CREATE ROLE pages_admin;
	SELECT pgbeam.grant_access('pages_api', 'api') \g /dev/null
	SELECT pgbeam.grant_access('pages_http', 'http') \g /dev/null
	SELECT pgbeam.grant_access('pages_data_plane', 'data_plane') \g /dev/null
	SELECT pgbeam.grant_access('pages_proxy', 'proxy') \g /dev/null
	SELECT pgbeam.grant_access('pages_admin', 'admin') \g /dev/null
	CREATE TEMPORARY VIEW documented AS
	SELECT p.oid, p.proname, r.operation, n AS place,
		format('%s(%s)', p.proname, (
			SELECT string_agg(coalesce(nullif(p.proargnames[i], ''), format_type(t, NULL)), ', ' ORDER BY i)
			FROM unnest(p.proargtypes) WITH ORDINALITY AS a (t, i))) AS call,
		(SELECT string_agg(a, ', ' ORDER BY i)
			FROM unnest(ARRAY['api', 'http', 'data_plane', 'proxy', 'admin']) WITH ORDINALITY AS u (a, i)
			WHERE has_function_privilege('pages_' || a, p.oid, 'EXECUTE')) AS access,
		(SELECT upper(left(t, 1)) || substr(t, 2)
			FROM regexp_replace(split_part(obj_description(p.oid, 'pg_proc'), E'\n', 1), '^[a-zA-Z]+: ', '') AS t) AS about
	FROM pg_proc AS p
	LEFT JOIN pgbeam.routes() WITH ORDINALITY AS r (operation, method, path, function, needs_credential, writes, status, errors, n)
		ON r.function = p.proname
	WHERE p.pronamespace = 'pgbeam'::regnamespace;};
my $drop = q{
	DROP VIEW documented;
	DROP OWNED BY pages_api, pages_http, pages_data_plane, pages_proxy, pages_admin;
	DROP ROLE pages_api, pages_http, pages_data_plane, pages_proxy, pages_admin;};

# A table of the functions with this access, and those of them.
sub functions_of
{
	my ($access, $condition) = @_;
	$condition //= 'true';
	return [ '| function | what it does |',
		"$cell $functions
		SELECT format('| `%s` | %s |', call, pg_temp.cell(about))
		FROM documented WHERE access IS NOT DISTINCT FROM $access AND operation IS NULL AND $condition
		ORDER BY proname COLLATE \"C\"; $drop" ];
}

{
	settings => [ '| setting | default | values | set by | meaning |',
		"$cell LOAD 'pgbeam';" . q{
		SELECT format('| `%s` | %s | %s | %s | %s |', name, pg_temp.code(boot_val || coalesce(unit, '')),
			CASE vartype WHEN 'bool' THEN '`on`, `off`' WHEN 'string' THEN 'text' WHEN 'enum'
				THEN (SELECT string_agg(pg_temp.code(v), ', ' ORDER BY n) FROM unnest(enumvals) WITH ORDINALITY AS e (v, n))
				ELSE min_val || ' to ' || max_val || coalesce(' ' || unit, '') END,
			CASE context WHEN 'superuser' THEN 'superuser' WHEN 'sighup' THEN 'file, reload' WHEN 'postmaster' THEN 'file, restart' ELSE context END,
			pg_temp.cell(short_desc || coalesce(' ' || extra_desc, '')))
		FROM pg_settings WHERE name LIKE 'pgbeam.%' ORDER BY name COLLATE "C"} ],

	operations => [ '| operation | request | function | success | refusals |',
		$cell . q{
		SELECT format('| `%s` | `%s %s` | `%s` | %s | %s |', operation, method, path, function, status, array_to_string(errors, ', '))
		FROM pgbeam.routes()} ],

	'functions: operations' => [ '| function | operation | what it does |',
		"$cell $functions" . q{
		SELECT format('| `%s` | `%s` | %s |', call, operation, pg_temp.cell(about))
		FROM documented WHERE operation IS NOT NULL AND access = 'api, admin' ORDER BY place;} . $drop ],
	'functions: api' => functions_of(q{'api, admin'}),
	'functions: http' => functions_of(q{'http, admin'}),
	'functions: data plane' => functions_of(q{'data_plane'}),
	'functions: proxy' => functions_of(q{'proxy'}),
	'functions: feed' => functions_of(q{'data_plane, admin'}),
	'functions: ids' => functions_of(q{'api, data_plane, admin'}),
	'functions: admin' => functions_of(q{'admin'}),
	'functions: superuser' => functions_of('NULL', q{proname !~ '^(check_|is_|file_|mark_)'}),
	'functions: parts' => functions_of('NULL', q{proname ~ '^(check_|is_|file_|mark_)'}),

	views => [ '| view | what it shows |',
		$cell . q{
		SELECT format('| `%s` | %s |', relname, pg_temp.cell(split_part(obj_description(oid, 'pg_class'), E'\n', 1)))
		FROM pg_class WHERE relnamespace = 'pgbeam_admin'::regnamespace ORDER BY relname COLLATE "C"} ],

	members => [ '| member | type | from | to | words | default |',
		$cell . q{
		SELECT format('| `%s` | %s | %s | %s | %s | %s |', object || '.' || field,
			CASE WHEN type = 'bytea' THEN 'secret' WHEN words IS NOT NULL THEN 'word' WHEN type LIKE '%[]' AND field !~ '\[' THEN 'list'
				WHEN type LIKE '%[]' THEN 'text' ELSE type END,
			coalesce(minimum::text, ''), coalesce(maximum::text, ''),
			(SELECT string_agg(pg_temp.code(w), ', ' ORDER BY n) FROM unnest(words) WITH ORDINALITY AS u (w, n)),
			pg_temp.code(default_value))
		FROM (SELECT *, regexp_replace(table_name, '^pgbeam[.](.*)s$', '\1') AS object, row_number() OVER () AS place FROM pgbeam.fields()) AS f
		WHERE table_name ~ '[.](organizations|members|projects|databases|replicas|custom_domains|cache_rules)$'
			AND (in_create OR field IN ('residency', 'agents_disabled', 'default_policy_profile_id', 'status'))
		ORDER BY place} ],

	plans => [ '| plan | projects | databases of a project | connections | queries a second |',
		$cell . q{
		SELECT format('| `%s` | %s | %s | %s | %s |', p->>'name',
			coalesce(nullif(p #>> '{limits,max_projects}', '0'), 'by contract'),
			coalesce(nullif(p #>> '{limits,max_databases}', '0'), 'by contract'),
			coalesce(nullif(p #>> '{limits,max_connections}', '0'), 'by contract'),
			coalesce(nullif(p #>> '{limits,queries_per_second}', '0'), 'by contract'))
		FROM json_array_elements(pgbeam.list_plans()->'plans') AS p} ],
};
