# Functions for operators and the data plane, lists that search, and what ages,
# on tables that Citus has distributed: for two organizations on two nodes.
# Every function of the extension is called. Skipped where the server has no
# Citus; 023_citus.pl has the operations of the API.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use CitusTest;
use JSON::PP;
use PgbeamTest;
use Test::More;

my $lack = lack_of_citus();
plan skip_all => $lack if $lack;

my ($home, @workers) = new_nodes(<<CONF);
pgbeam.keyring_file = '@{[ folder('keys') ]}/keyring'
pgbeam.proxy_routing = 'database'
track_functions = all
CONF
value($home, 'CREATE EXTENSION citus');
join_nodes($home, @workers);

value($home, <<'SQL');
CREATE EXTENSION pgbeam;
SELECT pgbeam.create_key();
CREATE ROLE pgbeam_owner LOGIN;
SELECT pgbeam.set_owner('pgbeam_owner');
SELECT pgbeam.distribute();
CREATE ROLE plane LOGIN;
SELECT pgbeam.grant_access('plane', 'data_plane');
CREATE ROLE proxy LOGIN;
SELECT pgbeam.grant_access('proxy', 'proxy');
CREATE ROLE operator LOGIN;
SELECT pgbeam.grant_access('operator', 'admin');
SQL
my %port_of = orgs_apart($home);
my @orgs = sort keys %port_of;

sub as { return value($home, $_[1], role => $_[0]) }

sub state_of { return ask($home, @_)->{state} }

# A row of SQL for each organization, with ORG for it, must be the same.
sub of_each
{
	my ($sql, $wanted, $name, %how) = @_;

	is(value($home, $sql =~ s/\bORG\b/$_/gr, %how), $wanted, "$_: $name") foreach @orgs;
	return;
}

# Many creates by one call. Names and tags are the same in each organization.
my @projects = (
	[ 'alpha',   'blue', 'red' ],
	[ 'alpha-2', 'blue' ],
	['beta'],
	[ 'gamma',   'blue', 'green' ],
	['spare']);
sub bodies
{
	my ($org) = @_;
	my %database = (port => 5432, name => 'd', username => 'u', password => 'PASSWORD');

	return map { my ($name, @tags) = @$_;
		+{ name => $name, org_id => $org, tags => \@tags, database => { host => "$name.example.com", %database } } } @projects;
}
sub bulk { return "replace('" . encoded([ map { bodies($_) } @orgs ]) . "', 'PASSWORD', :'password')::jsonb" }

value($home, qq(SELECT pgbeam.set_organization('$_', '{"plan": "scale"}'))) foreach @orgs;
is(as('operator', 'SELECT status, count(*) FROM pgbeam.create_projects(' . bulk() . ') GROUP BY 1'), '201|10', 'projects of both are made by one call');
is(as('operator', 'SELECT status, count(*) FROM pgbeam.create_projects(' . bulk() . ', true) GROUP BY 1'), '409|10', 'and not twice');
my %key = map { $_ => value($home, "SELECT key FROM pgbeam.create_api_key(org_id => '$_')") } @orgs;

# The ids of a project and its database.
sub ids_of
{
	my ($org, $name) = @_;

	return split /\|/, value($home, <<SQL);
SELECT pgbeam.typeid_encode('prj', p.id), pgbeam.typeid_encode('db', d.id) FROM pgbeam.projects AS p
JOIN pgbeam.databases AS d ON d.org_id = p.org_id AND d.project_id = p.id WHERE p.org_id = '$org' AND p.name = '$name'
SQL
}
my %project = map { my $org = $_; $org => { map { $_->[0] => (ids_of($org, $_->[0]))[0] } @projects } } @orgs;
my %database = map { my $org = $_; $org => { map { $_->[0] => (ids_of($org, $_->[0]))[1] } @projects } } @orgs;

sub update
{
	my ($org, $name, $body) = @_;

	return value($home, "SELECT pgbeam.update_project('$project{$org}{$name}', '$body') IS NOT NULL");
}
update($_, 'gamma', '{"status": "suspended"}') foreach @orgs;

# What lists find, page by page: the names in order, and total.
sub found
{
	my ($list, $of, $items, $size, %filters) = @_;
	my ($token, $total, @names) = ('NULL');

	for my $page (1 .. 20)
	{
		my $arguments = join ', ', "'$of'", "page_size => $size", "page_token => $token", map { "$_ => '$filters{$_}'" } sort keys %filters;
		my $answer = decode_json(value($home, "SELECT pgbeam.$list($arguments)"));

		push @names, map { $_->{name} } @{ $answer->{$items} };
		$total = $answer->{total};
		last if !defined $answer->{next_page_token};
		$token = "'$answer->{next_page_token}'";
	}
	return join(' ', @names) . (defined $total ? " $total" : '');
}

foreach my $org (@orgs)
{
	foreach ([ {}, 'spare gamma beta alpha-2 alpha 5' ],
		[ { sort_by => 'name' }, 'alpha alpha-2 beta gamma spare 5' ],
		[ { tag => 'blue' }, 'gamma alpha-2 alpha 3' ],
		[ { tag => 'blue', sort_by => 'name' }, 'alpha alpha-2 gamma 3' ],
		[ { tag => 'blue', sort_by => 'active_connections' }, 'gamma alpha-2 alpha 3' ],
		[ { tag => 'blue', status => 'active' }, 'alpha-2 alpha 2' ],
		[ { tag => 'blue', status => 'suspended' }, 'gamma 1' ],
		[ { tag => 'blue', name_prefix => 'alpha' }, 'alpha alpha-2 2' ],
		[ { tag => 'green', name => 'gamma' }, 'gamma 1' ],
		[ { tag => 'none' }, ' 0' ],
		[ { status => 'suspended' }, 'gamma 1' ],
		[ { status => 'active' }, 'spare beta alpha-2 alpha 4' ],
		[ { status => 'active', name_prefix => 'a', sort_by => 'created_at' }, 'alpha-2 alpha 2' ],
		[ { name => 'beta' }, 'beta 1' ],
		[ { name_prefix => 'alpha' }, 'alpha alpha-2 2' ],
		[ { host => (value($home, "SELECT pgbeam.get_project('$project{$org}{beta}') ->> 'proxy_host'")) }, 'beta 1' ],
		[ { host => (value($home, "SELECT pgbeam.get_project('$project{$org}{beta}') ->> 'proxy_host'")), tag => 'blue' }, ' 0' ])
	{
		my ($filters, $wanted) = @$_;
		my $said = join ' and ', map { "$_ $filters->{$_}" } sort keys %$filters;

		is(found('list_projects', $org, 'projects', $_, %$filters), $wanted, "$org: projects by $said, $_ a page") foreach 1, 100;
	}
	my $id = $project{$org}{beta};
	foreach my $name ('one', 'onetwo')
	{
		value($home, "SELECT pgbeam.create_database('$id', jsonb_build_object('host', '$name.example.com', 'port', 1, 'name', '$name', 'username', 'u', 'password', :'password'))");
	}
	foreach ([ 'one', name => 'one' ], [ 'one onetwo', name_prefix => 'one' ], [ 'onetwo', host => 'onetwo.example.com' ],
		[ 'one', host => 'one.example.com', name_prefix => 'o' ], [ '', host => 'none' ])
	{
		my ($wanted, %filters) = @$_;

		is(found('list_databases', $id, 'databases', 1, %filters), $wanted, "$org: databases by " . join ' and ', sort keys %filters);
	}
	my ($sent, $ports) = nodes_asked($home,
		qq(SELECT status FROM pgbeam.http('GET', '/v1/projects?org_id=$org&tag=blue&status=active', '{"X-API-Key": "$key{$org}"}', NULL)));
	is("@$ports", $port_of{$org}, "$org: a search by its key asks one node alone");
}

# Marks follow the tags.
my $marks = q(SELECT string_agg(mark, ' ' ORDER BY mark) FROM pgbeam.project_marks WHERE org_id = 'ORG' AND project_id = (SELECT id FROM pgbeam.projects WHERE org_id = 'ORG' AND name = '%s' AND deleted_at IS NULL));
update($_, 'alpha', '{"tags": ["red", "new", "new"], "status": "suspended"}') foreach @orgs;
of_each(sprintf($marks, 'alpha'), 'status=suspended tag=new tag=red', 'marks are added and removed');
is(found('list_projects', $_, 'projects', 1, tag => 'new'), 'alpha 1', "$_: the new tag is found") foreach @orgs;
update($_, 'alpha', '{"tags": ["blue", "red"], "status": "active"}') foreach @orgs;
of_each(sprintf($marks, 'alpha'), 'tag=blue tag=red', 'and back');
of_each("SELECT bool_and(key = pgbeam.mark_key('ORG', mark)) FROM pgbeam.project_marks WHERE org_id = 'ORG'", 't', 'each has its key');

# A deleted project has none, and its marks are back with it.
my $count = q(SELECT count(*) FROM pgbeam.project_marks WHERE org_id = 'ORG');
of_each($count, 6, 'marks of its projects');
value($home, "SELECT pgbeam.delete_project('$project{$_}{gamma}')") foreach @orgs;
of_each($count, 3, 'without those of a deleted project');
is(found('list_projects', $_, 'projects', 100, status => 'suspended'), ' 0', "$_: it is in no list") foreach @orgs;
foreach my $org (@orgs)
{
	my $answer = decode_json(as('operator', "SELECT pgbeam.undelete_project('$project{$org}{gamma}')"));

	is("$answer->{project}{status} @{$answer->{databases_without_password}}", "active $database{$org}{gamma}", "$org: it is back, without a password");
	value($home, "SELECT pgbeam.update_database('$project{$org}{gamma}', '$database{$org}{gamma}', jsonb_build_object('password', :'password'))");
}
of_each($count, 5, 'with its tags');
is(found('list_projects', $_, 'projects', 1, tag => 'green'), 'gamma 1', "$_: and is found by them") foreach @orgs;

# Traffic: reports with databases of both, by two sources in one minute.
sub report
{
	my ($source, $at, %counted) = @_;
	my @entries = map {
		+{ key => $_, queries => $counted{$_}, transactions => 1, query_time_us => 1000 * $counted{$_}, wait_time_us => 0,
			assignments => 1, bytes_received => 1, bytes_sent => 10 * $counted{$_}, clients => 2 }
	} sort keys %counted;

	return as('plane', "SELECT pgbeam.report_traffic('" . encoded({ source => $source, at => $at, region => 'us-east-1', databases => \@entries }) . "')");
}
sub counted
{
	my ($queries) = @_;
	return (db_00000000000000000000000000 => 1,
		map { ($database{$_}{alpha} => $queries, "$database{$_}{alpha}.ro" => $queries, $database{$_}{beta} => $queries) } @orgs);
}
my $day = value($home, q(SELECT (now() AT TIME ZONE 'UTC' - interval '2 days')::date));
is(report('a', "${day}T10:00:00Z", counted(100)), 6, 'a first report of both');
is(report('b', "${day}T10:00:00Z", counted(1000)), 6, 'and one by another source');
is(report('a', "${day}T10:01:10Z", counted(105)), 6, 'the second one counts');
is(report('b', "${day}T10:01:20Z", counted(1001)), 6, 'adds to the same rows');
is(report('b', "${day}T10:01:20Z", counted(9999)), 0, 'and once alone');
foreach my $org (@orgs)
{
	my $used = "-> 'usage' -> 0 ->> 'queries_total'";
	my $days = "'$day', '$day'";

	is(value($home, "SELECT pgbeam.get_project_metrics('$project{$org}{alpha}') -> 'snapshots' -> 0 ->> 'queries_total'"), 12, "$org: metrics of a project");
	is(value($home, "SELECT json_array_length(pgbeam.get_project_metrics('$project{$org}{alpha}', 5, 'us-east-1') -> 'snapshots')"), 2, "$org: of a region");
	is(value($home, "SELECT pgbeam.get_project_usage('$project{$org}{beta}', $days) $used"), 6, "$org: usage of a project");
	is(value($home, "SELECT pgbeam.get_organization_usage('$org', $days) $used"), 18, "$org: usage of the organization");
	is(value($home, "SELECT pgbeam.get_project('$project{$org}{alpha}') ->> 'active_connections'"), 8, "$org: clients of both sources");
	is(found('list_projects', $org, 'projects', 1, sort_by => 'active_connections'), 'alpha beta spare gamma alpha-2 5', "$org: the busiest first");
}

# What a data plane reads.
my %file = map { split /\|/, $_, 2 } split /\n(?=\S+\|)/, as('plane', "SELECT file, content FROM pgbeam.pgbouncer_files(ssl_mode => 'prefer')");
my $hosts = () = $file{'databases.ini'} =~ /^\S+ = host='\S+\.example\.com'/mg;
foreach my $org (@orgs)
{
	my ($id, $project) = ($database{$org}{alpha}, $project{$org}{alpha});
	my $login = "SELECT username, password = :'password' FROM pgbeam.pgbouncer_login('$id', '%s')";

	like("@file{qw(databases.ini left_out)}", qr/$_/, "$org: a database is served, or it is said why not") foreach values %{ $database{$org} };
	like($file{'domains.map'}, qr/ $project$/m, "$org: its host leads to it");
	is(as('proxy', sprintf($login, 'u')), 'u|t', "$org: a login gets the password");
	is(as('proxy', sprintf($login, 'nobody')), '', "$org: and nobody else");
	is(as('plane', "SELECT host, port, dbname FROM pgbeam.upstream('$id')"), 'alpha.example.com|5432|d', "$org: the upstream");
	is(as('plane', "SELECT count(*) FROM (VALUES ('$id'), ('db_00000000000000000000000000'), (replace('$id', 'db_', 'prj_')), (NULL)) AS v (id), LATERAL pgbeam.upstream(v.id)"),
		1, "$org: and of no other id");
	is(as('plane', "SELECT pgbeam.reveal_password('$id') = :'password'"), 't', "$org: its password");
	as('plane', "SELECT pgbeam.report_connection_test('$id', false, 1, 'refused')");
	is(value($home, "SELECT pgbeam.test_database_connection('$project', '$id') ->> 'error'"), 'refused', "$org: its test");
	update($org, 'alpha', '{"status": "suspended"}');
	is(as('proxy', sprintf($login, 'u')) . as('plane', "SELECT host FROM pgbeam.upstream('$id')"), '', "$org: nothing of a suspended project");
	update($org, 'alpha', '{"status": "active"}');
	value($home, qq(SELECT pgbeam.create_custom_domain('$project', '{"domain": "$_.example.net"}'))) foreach $org =~ tr/_/-/r;
}
is(as('plane', 'SELECT count(*) FROM pgbeam.claimed_domains()'), 2, 'domains of both are claimed');
foreach my $org (@orgs)
{
	my $domain = value($home, "SELECT domain FROM pgbeam.custom_domains WHERE org_id = '$org'");
	my $id = value($home, "SELECT pgbeam.typeid_encode('dom', id) FROM pgbeam.custom_domains WHERE org_id = '$org'");
	my $token = value($home, "SELECT dns_verification_token FROM pgbeam.custom_domains WHERE org_id = '$org'");

	as('plane', "SELECT pgbeam.report_domain('$domain', 'pgbeam-verify=$token')");
	is(value($home, "SELECT pgbeam.verify_custom_domain('$project{$org}{alpha}', '$id') ->> 'verified'"), 'true', "$org: a domain is proved");
	like(as('plane', "SELECT content FROM pgbeam.pgbouncer_files() WHERE file = 'domains.map'"), qr/^$domain /m, "$org: and served");
	as('operator', "SELECT pgbeam.release_domain('$domain')");
}

# The feed, through a consumer's place.
as('plane', "SELECT pgbeam.subscribe('consumer')");
update($_, 'spare', '{"description": "changed"}') foreach @orgs;
is(as('plane', "SELECT string_agg(org_id, ' ' ORDER BY org_id) FROM pgbeam.next_changes('consumer')"), "@orgs", 'a consumer gets changes of both');
as('plane', "SELECT pgbeam.confirm('consumer', token) FROM (SELECT token FROM pgbeam.next_changes('consumer') WITH ORDINALITY ORDER BY ordinality DESC LIMIT 1) AS c");
is(as('plane', "SELECT lag_rows FROM pgbeam.feed_status() WHERE consumer = 'consumer'"), 0, 'and has confirmed them');
cmp_ok(as('plane', 'SELECT count(*) FROM pgbeam.read_changes(NULL, 1000)'), '>', 20, 'a reader gets all');

# What operators read.
is(as('operator', "SELECT value FROM pgbeam.statistics() WHERE metric = 'pgbeam_purge_backlog_rows' AND labels ->> 'resource' = 'project'"), 0, 'statistics');
like(as('operator', 'SELECT pgbeam.metrics()'), qr/^pgbeam_purge_backlog_rows\{resource="api_key"\} 0$/m, 'the same for Prometheus');
is(as('operator', "SELECT count(*) FROM pgbeam.check_configuration() WHERE setting ~ 'table|node|changes|consumer'"), 0, 'nothing to mend in the distribution');
is(ask($home, "SET default_transaction_isolation = serializable; SELECT setting FROM pgbeam.check_configuration() WHERE setting = 'default_transaction_isolation'")->{out},
	'default_transaction_isolation', 'the check also works where the feed cannot be read');
is(as('operator', 'SELECT string_agg(secrets::text, $$ $$) FROM pgbeam.key_status()'), 14, 'passwords are counted');
is(as('operator', "SELECT string_agg(org_id, ' ') FROM pgbeam.list_all_organizations()"), "@orgs", 'organizations are listed');
is(as('operator', "SELECT count(*) FROM pgbeam.list_api_keys()"), 2, 'API keys are listed');
foreach my $org (@orgs)
{
	my $status = "SELECT status FROM pgbeam.http('GET', '/v1/projects/$project{$org}{alpha}', '{\"X-API-Key\": \"$key{$org}\"}', NULL)";

	is(as('operator', "SELECT pgbeam.get_organization('$org') ->> 'plan'"), 'scale', "$org: its plan");
	as('operator', "SELECT pgbeam.set_member('$org', 'anna', 'owner')");
	is(as('operator', "SELECT user_id FROM pgbeam.list_members('$org')"), 'anna', "$org: its member");
	as('operator', "SELECT pgbeam.remove_member('$org', 'anna')");
	as('operator', "SELECT pgbeam.suspend_organization('$org')");
	is(value($home, $status), 403, "$org: is suspended");
	as('operator', "SELECT pgbeam.resume_organization('$org')");
	is(value($home, $status), 200, "$org: and goes on");
}

# The nodes are asked as whoever reads the views, and let no role but the owner
# read the tables.
is(ask($home, 'SELECT count(*) FROM pgbeam_admin.projects', role => 'operator')->{state}, '42501', 'views are refused to operators');
is(value($home, 'SELECT count(*) FROM pgbeam_admin.projects'), 10, 'a superuser reads them');
is(value($home, "SELECT count(*) FROM pgbeam_admin.databases WHERE project_name = 'beta' AND key_id IS NOT NULL AND org_id = '$_'"), 3, "$_: with what they join") foreach @orgs;

# A session may spell times and numbers as it likes.
foreach my $style ('SQL, DMY', 'German', 'Postgres, DMY')
{
	my $session = "SET DateStyle = '$style'; SET TimeZone = 'Asia/Kolkata'; SET extra_float_digits = -10;";
	my $name = $style =~ tr/A-Za-z//cdr;
	my $about = ask($home, "$session SELECT " . create_call($name, org_id => $_))->{state} foreach @orgs;

	of_each("SELECT abs(extract(epoch FROM now() - created_at)) < 600 FROM pgbeam.projects WHERE org_id = 'ORG' AND name = '$name'", 't', "$style: the time of a create");
	of_each("SELECT count(*) FROM pgbeam.changes WHERE org_id = 'ORG' AND resource = 'project' AND abs(extract(epoch FROM now() - changed_at)) > 600", 0, "$style: and of its changes");
	is(ask($home, "$session SELECT pgbeam.report_queries('" . encoded([ { database_id => $database{$_}{alpha}, query_hash => 'a1b2c3d4e5f60718',
		normalized_sql => 'SELECT 1', query_type => 'read', call_count => 1, avg_latency_ms => 0.123456789012, p95_latency_ms => 1, avg_response_bytes => 1,
		stability_rate => 1, seen_at => '2001-02-03T04:05:06Z' } ]) . "')")->{out}, 1, "$_: $style: a report") foreach @orgs;
	of_each("SELECT avg_latency_ms, last_seen_at = '2001-02-03T04:05:06Z' FROM pgbeam.cache_rules WHERE org_id = 'ORG'", '0.123456789012|t', "$style: its numbers and times");
	value($home, "DELETE FROM pgbeam.cache_rules WHERE org_id = '$_'") foreach @orgs;
}

# Passwords get another key.
value($home, 'SELECT pgbeam.create_key()');
value($home, 'SELECT pg_reload_conf()');
is(as('operator', 'SELECT pgbeam.rewrap()'), 0, 'passwords get another key');
is(as('operator', "SELECT count(*) FROM pgbeam.key_status() WHERE secrets > 0"), 1, 'all of them');
is(as('proxy', "SELECT count(*) FROM pgbeam.pgbouncer_login('$database{$_}{beta}', 'u')"), 1, "$_: and open") foreach @orgs;

# What is old goes: deleted projects with all below them, API keys, metrics,
# usage and sources.
my $old = '2001-01-01T00:00:00Z';
foreach my $org (@orgs)
{
	value($home, "SELECT pgbeam.delete_project('$project{$org}{alpha}')");
	value($home, "UPDATE pgbeam.$_ SET deleted_at = '$old' WHERE org_id = '$org' AND deleted_at IS NOT NULL") foreach qw(projects databases custom_domains);
	value($home, "SELECT pgbeam.revoke_api_key(id) FROM pgbeam.list_api_keys(org_id => '$org')");
}
value($home, "UPDATE pgbeam.api_keys SET revoked_at = '$old'");
value($home, "UPDATE pgbeam.traffic_sources SET received_at = '$old' WHERE source = 'a'");
is(as('operator', "SELECT sum(value) FROM pgbeam.statistics() WHERE metric = 'pgbeam_purge_backlog_rows'"), 8, 'what is to be purged is counted');
my $purged = 0;
for (1 .. 30)
{
	my $now = value($home, 'SET pgbeam.metrics_retention = 1; SET pgbeam.usage_retention = 1; SELECT pgbeam.purge(3)');
	last if $now == 0;
	$purged += $now;
}
# Two projects with all below them, two keys, a source with the totals that are
# left; in each organization four minutes, two days of projects, and its own.
is($purged, 2 + 2 + 3 + 2 * (4 + 2 + 1), 'it is purged');
is(as('operator', "SELECT sum(value) FROM pgbeam.statistics() WHERE metric = 'pgbeam_purge_backlog_rows'"), 0, 'nothing is left');
of_each("SELECT count(*) FROM pgbeam.projects WHERE org_id = 'ORG' AND deleted_at IS NOT NULL", 0, 'no deleted project');
of_each("SELECT count(*) FROM pgbeam.databases WHERE org_id = 'ORG' AND deleted_at IS NOT NULL", 0, 'no deleted database');
of_each("SELECT (SELECT count(*) FROM pgbeam.traffic_minutes WHERE org_id = 'ORG') + (SELECT count(*) FROM pgbeam.traffic_days WHERE org_id = 'ORG') + (SELECT count(*) FROM pgbeam.traffic_org_days WHERE org_id = 'ORG')", 0, 'no metrics and usage');
of_each("SELECT string_agg(DISTINCT source, ' ') FROM pgbeam.traffic_totals WHERE org_id = 'ORG'", 'b', 'no totals of a silent source');
is(value($home, 'SELECT string_agg(source, $$ $$) FROM pgbeam.traffic_sources'), 'b', 'nor that');
is(value($home, 'SELECT count(*) FROM pgbeam.api_keys'), 0, 'no API key');

# An organization is erased, and the other one stays.
my $all = value($home, <<'SQL');
SELECT string_agg(format('SELECT %L, count(*) FROM %s WHERE %I = ''ORG''', table_name, table_name, CASE column_name WHEN 'host' THEN 'org_id' ELSE column_name END),
	' UNION ALL ') || ' ORDER BY 1' FROM pgbeam.distribution() WHERE column_name IS NOT NULL
SQL
my ($gone, $stays) = @orgs;
my $others = value($home, $all =~ s/ORG/$stays/gr);
is(ask($home, "SELECT pgbeam.erase_organization('$gone')", role => 'operator')->{state}, 'PT409', 'it waits for consumers');
as('operator', "SELECT pgbeam.delete_organization('$gone', cascade => true)");
as('plane', "SELECT pgbeam.confirm('consumer', token) FROM (SELECT token FROM pgbeam.next_changes('consumer', 1000) WITH ORDINALITY ORDER BY ordinality DESC LIMIT 1) AS c");
cmp_ok(as('operator', "SELECT pgbeam.erase_organization('$gone')"), '>', 20, 'an organization is erased');
unlike(value($home, $all =~ s/ORG/$gone/gr), qr/\|[1-9]/, 'no table names it');
is(value($home, $all =~ s/ORG/$stays/gr), $others, 'the other one has what it had');
as('plane', "SELECT pgbeam.unsubscribe('consumer')");
as('operator', "SELECT pgbeam.revoke_api_keys(org_id => '$stays')");

# All other functions, which need no table that is distributed.
value($home, $_) foreach (
	'SELECT pgbeam.routes()', 'SELECT pgbeam.fields()', 'SELECT pgbeam.caller()', 'SELECT pgbeam.keyring()', 'SELECT pgbeam.logging_profile()',
	"SELECT pgbeam.forbidden_network('127.0.0.1')", "SELECT pgbeam.typeid('x')", "SELECT pgbeam.secret_key_id('')", "SELECT pgbeam.mark_key('x', 'y')",
	"SELECT pgbeam.typeid_timestamp(pgbeam.typeid('x'))", q(SELECT pgbeam.set_jwks('{"keys": []}')), "SELECT pgbeam.set_logging_profile('plane')",
	'SELECT pgbeam.http_forwarded($$$$)');
is(ask($home, "SELECT pgbeam.publication_$_(ARRAY['$stays'])")->{state}, '55000', "no copy gets rows from here: $_") foreach 'statements', 'additions';
is(value($home, <<'SQL'), '', 'every function was called');
SELECT string_agg(p.proname, ' ' ORDER BY p.proname) FROM pg_proc AS p LEFT JOIN pg_stat_user_functions AS f ON f.funcid = p.oid
WHERE p.pronamespace = 'pgbeam'::regnamespace AND f.funcid IS NULL
	AND p.proname !~ '^(publication|copied|subscription)_'
	AND NOT EXISTS (SELECT FROM pgbeam.routes() AS r WHERE p.proname = r.function)
SQL

done_testing();
