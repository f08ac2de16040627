# The tables distributed by Citus over two workers: every operation for two
# organizations on two nodes, what is unique over all nodes, the feed, sweeps,
# and keys. Skipped where the server has no Citus.

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

my $keyring = folder('keys') . '/keyring';
my ($home, @workers) = new_nodes("pgbeam.keyring_file = '$keyring'\n");

# Without its workers, the extension works as on any server.
value($home, 'CREATE EXTENSION citus; CREATE EXTENSION pgbeam; SELECT pgbeam.create_key()');
my ($early) = make($home, 'early', org_id => 'early');
value($home, "CREATE ROLE first_owner LOGIN; SELECT pgbeam.set_owner('first_owner')");
is(ask($home, 'SELECT pgbeam.distribute()')->{state}, '55000', 'without a node there is nothing to distribute over');
like(ask($home, 'SELECT pgbeam.distribute()')->{hint}, qr/citus_add_node/, 'and what is missing is said');

join_nodes($home, @workers);
value($home, 'CREATE ROLE plain LOGIN');
value($home, 'GRANT USAGE ON SCHEMA pgbeam TO plain; GRANT EXECUTE ON FUNCTION pgbeam.distribute() TO plain');
is(ask($home, 'SELECT pgbeam.distribute()', role => 'plain')->{state}, '42501', 'only a superuser distributes');
is(ask($workers[0], 'SELECT pgbeam.distribute()')->{state}, '55000', 'only the coordinator distributes');
my $other = ask($home, "BEGIN; SELECT create_reference_table('pgbeam.hosts'); SELECT pgbeam.distribute()");
is($other->{state}, '55000', 'a table that somebody has spread otherwise is refused');
like($other->{message}, qr/table pgbeam\.hosts otherwise/, 'by its name');
is(ask($home, 'SELECT pgbeam.distribute()')->{err} =~ s/^NOTICE.*\n|^HINT.*\n|^DETAIL.*\n//gmr, '', 'distributed');
is(ask($home, 'SELECT pgbeam.distribute()')->{err}, '', 'distributed again, which changes nothing');
is(value($home, 'SELECT string_agg(table_name, $$ $$) FROM pgbeam.distribution() LEFT JOIN pg_dist_partition ON logicalrelid = table_name::regclass
	WHERE (logicalrelid IS NULL) <> is_local'), '', 'every table is, but for those that stay here');
is(value($home, "SELECT pgbeam.get_project('$early') ->> 'name'"), 'early', 'rows went along');
is(value($home, 'SELECT sum(pg_relation_size(table_name::regclass)) FROM pgbeam.distribution() WHERE column_name IS NOT NULL'),
	0, 'and none stayed behind');

sub problems { return value(shift, "SELECT string_agg(setting, ' ') FROM pgbeam.check_configuration() WHERE setting ~ 'table|node'") }
is(problems($home), '', 'there is nothing to mend');
is(problems($workers[0]), 'node of Citus', 'a worker is told apart');
like(value($home, <<'SQL'), qr/^node \S+:\d+\|without tables that every node has$/m, 'a node without the tables that every node has is told of');
BEGIN;
DELETE FROM pg_dist_placement WHERE shardid IN (SELECT shardid FROM pg_dist_shard WHERE logicalrelid = 'pgbeam.jwks'::regclass)
	AND groupid = (SELECT max(groupid) FROM pg_dist_node);
SELECT setting, value FROM pgbeam.check_configuration() WHERE setting ~ 'table|node';
ROLLBACK;
SQL
is(ask($home, "INSERT INTO pgbeam.organizations (org_id, burst_size) VALUES ('strange', -1)")->{state}, '23514', 'shards check their rows');
like(value($home, <<'SQL'), qr/^table pgbeam\.feed_consumers$/m, 'so is one that should be here alone');
BEGIN;
SELECT pgbeam.fit_constraint('pgbeam.feed_consumers', 'feed_consumer'), create_reference_table('pgbeam.feed_consumers');
SELECT setting FROM pgbeam.check_configuration() WHERE setting ~ 'table|node';
ROLLBACK;
SQL
value($home, 'ALTER TABLE pgbeam.members DROP CONSTRAINT members_fields_check');
is(problems($home), 'table pgbeam.members', 'a table that has lost its constraint is told of');
value($home, 'SELECT pgbeam.distribute()');
is(problems($home), '', 'and gets it again');

my %port_of = orgs_apart($home);
my @orgs = sort keys %port_of;

my @routes = map {
	my %route;
	@route{qw(operation method path status)} = split /\|/;
	$route{pattern} = $route{path} =~ s/\{\w+\}/[^\/?]+/gr;
	\%route
} split /\n/, value($home, 'SELECT operation, method, path, status FROM pgbeam.routes()');
my %done;

# Calls the API by HTTP, and notes which operation did what its route promises.
sub call
{
	my ($key, $method, $uri, $body, %headers) = @_;
	my ($status, $answer) = request($home, $key, $method, $uri, $body, %headers);
	my ($route) = grep { $method eq $_->{method} && $uri =~ /^$_->{pattern}(\?|$)/ } @routes;

	$done{ $route->{operation} }{$key} = 1 if $status eq $route->{status};
	return wantarray ? ($status, $answer) : $answer;
}

sub database { return { host => 'db.example.com', port => 5432, name => 'd', username => 'u', password => 'PASSWORD', @_ } }

sub project { return { name => $_[1], org_id => $_[0], database => database() } }

# Everything that can be done in an organization. The names are the same in
# each.
sub live
{
	my ($org, $key) = @_;
	my ($status, $answer);

	($status, $answer) = call($key, 'POST', '/v1/projects', project($org, 'same'), 'Idempotency-Key' => 'first');
	is($status, 201, "$org: a project");
	my ($project, $database, $host) = ($answer->{project}{id}, $answer->{database}{id}, $answer->{project}{proxy_host});
	is(call($key, 'POST', '/v1/projects', project($org, 'same'), 'Idempotency-Key' => 'first')->{project}{id},
		$project, "$org: the same request has the same answer");
	is((call($key, 'POST', '/v1/projects', project($org, 'same')))[0], 409, "$org: its name is taken");
	is((call($key, 'POST', '/v1/projects', project($org, 'other')))[0], 201, "$org: another project");
	is(scalar @{ call($key, 'GET', "/v1/projects?org_id=$org&page_size=1")->{projects} }, 1, "$org: a page of projects");
	is(call($key, 'GET', "/v1/projects/$project")->{proxy_host}, $host, "$org: the project");
	is((call($key, 'PATCH', "/v1/projects/$project", { name => 'other' }))[0], 409, "$org: another's name is taken");
	is(call($key, 'PATCH', "/v1/projects/$project", { description => 'd' })->{description}, 'd', "$org: an update");

	my $second = call($key, 'POST', "/v1/projects/$project/databases", database(host => 'b.example.com'))->{id};
	is(scalar @{ call($key, 'GET', "/v1/projects/$project/databases")->{databases} }, 2, "$org: two databases");
	is(call($key, 'PATCH', "/v1/projects/$project/databases/$database", { port => 6, password => 'PASSWORD' })->{port}, 6, "$org: one changes");
	is(call($key, 'GET', "/v1/projects/$project/databases/$database")->{port}, 6, "$org: and is read");
	is((call($key, 'DELETE', "/v1/projects/$project/databases/$second"))[0], 204, "$org: one goes");
	is(value($home, "SELECT pgbeam.reveal_password('$database') = :'password'"), 't', "$org: the password opens");
	value($home, "SELECT pgbeam.report_connection_test('$database', true)");
	ok(call($key, 'POST', "/v1/projects/$project/databases/$database/test-connection")->{ok}, "$org: its test was reported");

	my $replica = call($key, 'POST', "/v1/databases/$database/replicas", { host => 'r.example.com', port => 1 })->{id};
	is(scalar @{ call($key, 'GET', "/v1/databases/$database/replicas")->{replicas} }, 1, "$org: a replica");
	is((call($key, 'DELETE', "/v1/databases/$database/replicas/$replica"))[0], 204, "$org: is deleted");

	my $domain = call($key, 'POST', "/v1/projects/$project/domains", { domain => "$org.example.com" =~ tr/_/-/r });
	is(scalar @{ call($key, 'GET', "/v1/projects/$project/domains")->{domains} }, 1, "$org: a domain");
	value($home, "SELECT pgbeam.report_domain('$domain->{domain}', '$domain->{dns_instructions}{txt_value}')");
	ok(call($key, 'POST', "/v1/projects/$project/domains/$domain->{id}/verify")->{verified}, "$org: is proved");
	is(value($home, "SELECT org_id FROM pgbeam.hosts WHERE host = '$domain->{domain}'"), $org, "$org: leads there");
	is((call($key, 'DELETE', "/v1/projects/$project/domains/$domain->{id}"))[0], 204, "$org: and goes");

	my ($users, $spends) = ("/v1/organizations/$org/members", "/v1/organizations/$org/spend-limit");
	value($home, "SELECT pgbeam.set_member('$org', '$_', 'member')") foreach 'bert', 'carla';
	my %member = map { $_->{user_id} => $_->{id} } @{ call($key, 'GET', $users)->{members} };
	is(join(' ', sort keys %member), 'bert carla', "$org: its members");
	is(call($key, 'PATCH', "$users/$member{bert}", { role => 'auditor' })->{role}, 'auditor', "$org: one gets another role");
	is((call($key, 'DELETE', "$users/$member{carla}"))[0], 204, "$org: and one goes");
	is(call($key, 'PUT', $spends, { spend_limit => 5 })->{spend_limit}, 5, "$org: its spend limit");

	call($key, 'GET', $_) foreach '/v1/regions', '/v1/plans', "/v1/organizations/$org/plan", '/v1/health', '/openapi.json';
	is(call($key, 'GET', '/v1/organizations')->{organizations}[0]{id}, $org, "$org: the organization");
	return ($project, $database, $host);
}

my %key;
my (%project, %database, %host);
foreach my $org (@orgs)
{
	value($home, qq(SELECT pgbeam.set_organization('$org', '{"plan": "scale"}')));
	$key{$org} = value($home, "SELECT key FROM pgbeam.create_api_key(org_id => '$org')");
	($project{$org}, $database{$org}, $host{$org}) = live($org, $key{$org});
}
isnt($host{ $orgs[0] }, $host{ $orgs[1] }, 'hosts are unique over all organizations');
is((call($key{ $orgs[0] }, 'GET', "/v1/projects/$project{$orgs[1]}"))[0], 404, "another organization's project is not found");

# One report for both, and cache rules.
is(value($home, 'SELECT pgbeam.report_queries(jsonb_build_array(' . join(', ', map { <<SQL } @orgs, @orgs) . '))'), 4, 'queries are reported');
	jsonb_build_object('database_id', '$database{$_}', 'query_hash', 'a1b2c3d4e5f60718', 'normalized_sql', 'SELECT 1',
		'query_type', 'read', 'call_count', 1, 'avg_latency_ms', 1, 'p95_latency_ms', 1, 'avg_response_bytes', 1,
		'stability_rate', 1, 'seen_at', '2001-01-01T00:00:00Z')
SQL
# Two reports of traffic for both: the first one only begins.
foreach my $queries (100, 107)
{
	is( value($home, "SELECT pgbeam.report_traffic(jsonb_build_object('source', 's', 'at', now() - interval '1 minute' * (110 - $queries), 'databases', "
		  . 'jsonb_build_array(' . join(', ', map { <<SQL } @orgs) . ')))'), 2, 'traffic is reported');
	jsonb_build_object('key', '$database{$_}', 'queries', $queries, 'transactions', 1, 'query_time_us', 1, 'wait_time_us', 1,
		'assignments', 1, 'bytes_received', 1, 'bytes_sent', 1, 'clients', 3)
SQL
}
foreach my $org (@orgs)
{
	my ($path, $days) = ("/v1/projects/$project{$org}", 'start_date=2001-01-01&end_date=9999-12-31');

	is(call($key{$org}, 'GET', "$path/metrics")->{snapshots}[0]{queries_total}, 7, "$org: its traffic was counted");
	is(call($key{$org}, 'GET', "$path/usage?$days")->{usage}[0]{queries_total}, 7, "$org: as usage of the project");
	is(call($key{$org}, 'GET', "/v1/organizations/$org/usage?$days")->{usage}[0]{queries_total}, 7, "$org: and of the organization");
	is(call($key{$org}, 'GET', $path)->{active_connections}, 3, "$org: its clients are shown");
	is(call($key{$org}, 'GET', "/v1/projects?org_id=$org&sort_by=active_connections")->{projects}[0]{active_connections}, 3, "$org: and listed");
}
foreach my $org (@orgs)
{
	my $rules = "/v1/projects/$project{$org}/databases/$database{$org}/cache-rules";

	is(call($key{$org}, 'GET', $rules)->{entries}[0]{call_count}, 2, "$org: its query was counted");
	ok(call($key{$org}, 'PUT', "$rules/a1b2c3d4e5f60718", { cache_enabled => JSON::PP::true })->{entry}{cache_enabled}, "$org: and is cached");
	is((call($key{$org}, 'DELETE', "/v1/projects/$project{$org}"))[0], 204, "$org: the project goes");
	my ($status, $answer) = call($key{$org}, 'POST', '/v1/projects', project($org, 'same'));
	is($status, 201, "$org: its name is free again");
	is($answer->{project}{proxy_host}, $host{$org}, "$org: and so is its host") if $org eq $orgs[0];
	$project{$org} = $answer->{project}{id};
}
is(join(' ', grep { keys %{ $done{$_} // {} } < 2 } map { $_->{operation} } @routes), '', 'every operation was done in both');

# A user of both organizations.
value($home, "SELECT pgbeam.set_member('$_', 'anna', 'owner')") foreach @orgs;
my $user = value($home, "SELECT key FROM pgbeam.create_api_key(user_id => 'anna')");
is(join(' ', map { $_->{id} } @{ call($user, 'GET', '/v1/organizations')->{organizations} }), "@orgs", 'a user sees both');
is((call($user, 'GET', "/v1/projects/$project{$_}"))[0], 200, "$_: and its project") foreach @orgs;
is(value($home, "SELECT count(*) FROM json_array_elements(pgbeam.list_organizations() -> 'organizations')"), 3, 'trusted SQL sees all');

my $get = qq(SELECT status FROM pgbeam.http('GET', '/v1/projects/$project{$orgs[0]}', '{"X-API-Key": "$key{$orgs[0]}"}', NULL));
my ($sent, $ports) = nodes_asked($home, $get);
is(scalar grep({ /pgbeam\.projects/ } @$sent), 1, "a key's caller gets a project by one query");
is("@$ports", $port_of{ $orgs[0] }, 'and asks one node alone');
my $name = value($home, <<SQL);
SELECT name FROM generate_series(1, 30) AS n, concat('two-phases-', n) AS name
WHERE @{[ node_of('hosts', "name || '.aws.pgbeam.app'") ]} <> $port_of{$orgs[0]}
LIMIT 1
SQL
($sent, $ports) = nodes_asked($home, 'SELECT ' . create_call($name, org_id => $orgs[0]));
ok(grep({ /^PREPARE TRANSACTION/ } @$sent) >= 2 && grep({ /^COMMIT PREPARED/ } @$sent) >= 2, 'a create with its host is committed in two phases')
  or diag(join "\n", @$sent);

# What writes of an organization with limits ask of the nodes: the tables, by
# the statements in their order. A project that is sought by its id alone is
# sought on every shard, and stands here once. Sweeps are off, for they come at
# random.
sub tables_asked
{
	my ($sql) = @_;
	my ($sent) = nodes_asked($home, "SET pgbeam.deleted_retention = 0; SET pgbeam.change_retention = 0; SELECT $sql");

	my $all = join ', ', map { /^(\w+).*?pgbeam\.(\w+?)_\d{5,}/s ? lc $1 . ' ' . $2 : () } @$sent;

	return $all =~ s/(select projects)(?:, \1\b)+/$1/gr;
}
my $told = value($home, 'SELECT ' . create_call('told', org_id => $orgs[0])) =~ /"(prj_\w+)"/ ? $1 : '';
is(tables_asked(create_call('asked', org_id => $orgs[0])),
	'select organizations, select organizations, select projects, insert hosts, select hosts, insert projects, insert databases, insert changes', 'a create');
is(tables_asked("pgbeam.update_project('$told', '{\"description\": \"d\"}')"),
	'select projects, select organizations, select projects, update projects, insert changes, select traffic_connections', 'an update');
is(tables_asked("pgbeam.delete_project('$told')"),
	'select projects, select organizations, update projects, delete project_marks, update databases, update replicas, delete connection_tests, '
	  . 'delete cache_rules, delete traffic_totals, update custom_domains, delete traffic_connections, insert changes', 'a delete');
my (undef, $asked) = nodes_asked($home, $get =~ s/pbo_\w+/$user/r);
is("@$asked", join(' ', sort map { $_->port } @workers), 'the memberships of a user are asked of all nodes');

# The second wall stands on the shards.
is(ask($home, "UPDATE pgbeam.projects SET cloud = 'moon' WHERE org_id = '$orgs[0]'")->{state}, '23514', 'a row that breaks a rule is refused');

# The feed: all of both, in order, and nothing before what is prepared on a
# node, although it was committed here.
sub feed { return value($home, "SELECT count(*) FROM pgbeam.read_changes($_[0], 10000)") }
is(feed('NULL'), value($home, 'SELECT count(*) FROM pgbeam.changes'), 'the feed shows everything');
is(value($home, "SELECT count(DISTINCT org_id) FROM pgbeam.read_changes(NULL, 10000) WHERE resource = 'project'"), 3, 'of every organization');
my $last = value($home, 'SELECT token FROM pgbeam.read_changes(max_rows => 10000) WITH ORDINALITY ORDER BY ordinality DESC LIMIT 1');
value($workers[0], "BEGIN; CREATE TABLE in_doubt (); PREPARE TRANSACTION 'citus_0_1_1_1'");
value($home, "INSERT INTO pg_dist_transaction (groupid, gid) SELECT groupid, 'citus_0_1_1_1' FROM pg_dist_node WHERE nodeport = " . $workers[0]->port);
make($home, 'behind', org_id => $orgs[1]);
is(feed("'$last'"), 0, 'changes wait for a transaction that a node has only prepared');
is(value($home, 'SELECT held_by_prepared FROM pgbeam.feed_status()'), 'citus_0_1_1_1', 'which is named');
value($home, 'SELECT recover_prepared_transactions()');
is(feed("'$last'"), 2, 'until it is committed there');
is(ask($home, "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM pgbeam.read_changes('$last')")->{state}, '25000',
	'an old snapshot is refused');
is(ask($home, "SELECT * FROM pgbeam.read_changes('1.00000000-0000-7000-8000-000000000000')")->{state}, 'PB007', 'and so is a token that is too old');

# A consumer's place stays on the coordinator.
value($home, "SELECT pgbeam.subscribe('proxy', '$last')");
is(value($home, "SELECT count(*) FROM pgbeam.next_changes('proxy')"), 2, 'a consumer gets what is behind its place');
value($home, "SELECT pgbeam.confirm('proxy', (SELECT token FROM pgbeam.next_changes('proxy', 1)))");
is(value($home, "SELECT count(*) FROM pgbeam.next_changes('proxy')"), 1, 'and after a confirmation the rest');
value($home, "SELECT pgbeam.unsubscribe('proxy')");

# Keys of tokens are on every node.
my $jwks = '{"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "k", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}';
is(value($home, "SELECT pgbeam.set_jwks('$jwks')") + value($home, "SELECT pgbeam.set_jwks('$jwks')"), 2, 'keys of tokens are set, and set again');

# A transaction that is undone leaves nothing on any node.
is(ask($home, 'BEGIN; SELECT ' . create_call('undone', org_id => $orgs[0]) . '; ROLLBACK')->{state}, '00000', 'a create is undone');
is(value($home, "SELECT count(*) FROM pgbeam.hosts WHERE host ~ 'undone'"), 0, 'and its host with it');

# Sweeps go to all nodes at once. Which write sweeps is a matter of chance.
my $session = session($home);
value($home, "UPDATE pgbeam.changes SET changed_at = now() - interval '30 days 12 hours'");
value($session, <<SQL);
DO \$\$
DECLARE
	kept bigint;
BEGIN
	FOR i IN 1 .. 30000 LOOP
		PERFORM pgbeam.set_organization('$orgs[0]', jsonb_build_object('burst_size', 1 + i % 2));
		COMMIT;
		IF i % 100 = 0 THEN
			SELECT count(*) INTO kept FROM pgbeam.changes WHERE changed_at < now() - interval '30 days';
			EXIT WHEN kept <= 1;
		END IF;
	END LOOP;
END
\$\$
SQL
is(value($home, "SELECT count(*) FROM pgbeam.changes WHERE changed_at < now() - interval '30 days'"), 1, 'old changes are swept, but for the last');
is(ask($home, "SELECT * FROM pgbeam.read_changes('$last')")->{state}, 'PB007', 'and a token of one that was swept is refused');

# The same for idempotency keys.
value($home, "UPDATE pgbeam.idempotency_keys SET created_at = now() - interval '25 hours'");
value($session, <<SQL);
DO \$\$
DECLARE
	kept bigint;
BEGIN
	FOR i IN 1 .. 30000 LOOP
		PERFORM pgbeam.http('POST', '/v1/projects',
			jsonb_build_object('X-API-Key', '$key{$orgs[0]}', 'Content-Type', 'application/json', 'Idempotency-Key', 'sweep ' || i), '{}');
		COMMIT;
		IF i % 100 = 0 THEN
			SELECT count(*) INTO kept FROM pgbeam.idempotency_keys WHERE created_at < now() - interval '24 hours';
			EXIT WHEN kept = 0;
		END IF;
	END LOOP;
END
\$\$
SQL
is(value($home, "SELECT count(*) FROM pgbeam.idempotency_keys WHERE created_at < now() - interval '24 hours'"), 0, 'old idempotency keys are swept');

# Passwords get another key, organization by organization.
my $count = value($home, 'SELECT count(*) FROM pgbeam.databases WHERE password_sealed IS NOT NULL');
value($home, 'SELECT pgbeam.create_key()');
value($home, 'SELECT pg_reload_conf()');
like(ask($home, 'SELECT pgbeam.rewrap(1)')->{err}, qr/active key: 1, left: @{[ $count - 1 ]}/, 'one is resealed');
like(ask($home, 'SELECT pgbeam.rewrap()')->{err}, qr/active key: $count, left: 0|active key: @{[ $count - 1 ]}, left: 0/, 'and all others');
is(value($home, 'SELECT string_agg(secrets::text, $$,$$ ORDER BY secrets) FROM pgbeam.key_status()'), "0,$count", 'none is left');
my $ids = value($home, "SELECT string_agg(quote_literal(pgbeam.typeid_encode('db', id)), ',') FROM pgbeam.databases WHERE password_sealed IS NOT NULL");
is(value($home, "SELECT count(pgbeam.reveal_password(id)) FROM unnest(ARRAY[$ids]) AS id"), $count, 'all open');

# Another owner, whom the nodes must let in.
value($home, 'CREATE ROLE pgbeam_owner');
my $refused = ask($home, "SELECT pgbeam.set_owner('pgbeam_owner')");
is($refused->{state}, '55000', 'an owner who may not log in is refused');
like($refused->{hint}, qr/ALTER ROLE pgbeam_owner LOGIN/, 'and what would help is said');
value($home, 'ALTER ROLE pgbeam_owner LOGIN');
value($home, "SELECT pgbeam.set_owner('pgbeam_owner')");
is(problems($home), '', 'there is nothing to mend');
value($home, q(SELECT pgbeam.set_organization('owned', '{"plan": "scale"}')));
live('owned', value($home, "SELECT key FROM pgbeam.create_api_key(org_id => 'owned')"));
cmp_ok(feed('NULL'), '>', 10, 'the feed is read with its rights');

# A node that is lost takes its organizations along until it is back.
my ($lost) = grep { $_->port == $port_of{ $orgs[0] } } @workers;
$lost->stop('immediate');
my $got = ask($home, $get);
is($got->{state}, 'PT503', "what it has cannot be reached");
unlike($got->{message}, qr/\d/, 'and nothing is said of where it is');
is((call($key{ $orgs[1] }, 'GET', "/v1/projects/$project{$orgs[1]}"))[0], 200, 'the other organization is served');
is(ask($home, 'SELECT * FROM pgbeam.read_changes()')->{state}, '08006', 'the feed waits');
$lost->start;
is((call($key{ $orgs[0] }, 'GET', "/v1/projects/$project{$orgs[0]}"))[0], 200, 'until it is back');

done_testing();
