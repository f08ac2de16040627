# A hot standby: it answers every operation that reads as its primary does, and
# refuses every one that writes before anything is tried. The feed is polled,
# requests are counted, and health tells.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use JSON::PP;
use PgbeamTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $primary = set_up('primary', folder('keys') . '/keyring', "max_wal_senders = 3\nshared_preload_libraries = 'pgbeam'\n");
value($primary, q{SELECT pgbeam.set_organization('acme', '{"plan": "scale"}'); SELECT pgbeam.set_organization('short')});
my $key = value($primary, "SELECT key FROM pgbeam.create_api_key(org_id => 'acme')");
my $short = value($primary, "SELECT key FROM pgbeam.create_api_key(org_id => 'short')");
my $member = value($primary, <<'SQL');
SELECT pgbeam.set_member('acme', 'mary', 'member') \g /dev/null
SELECT id FROM pgbeam.list_members('acme')
SQL
my ($project, $database) = make($primary, 'first');
value($primary, 'SELECT pgbeam.create_key()'); # so that there is a secret to seal again
my $replica = value($primary, qq(SELECT pgbeam.create_replica('$database', '{"host": "db.example.com", "port": 5432}') ->> 'id'));
my $domain = value($primary, qq(SELECT pgbeam.create_custom_domain('$project', '{"domain": "db.acme.example"}') ->> 'id'));
my $hash = '00f1c3a5b7d90246';
value($primary, <<SQL);
SELECT pgbeam.report_queries(jsonb_build_array(jsonb_build_object('database_id', '$database', 'query_hash', '$hash',
	'normalized_sql', 'SELECT 1', 'query_type', 'read', 'call_count', 1, 'avg_latency_ms', 1,
	'p95_latency_ms', 1, 'avg_response_bytes', 1, 'stability_rate', 1, 'seen_at', now())))
SQL
$primary->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;
$primary->wait_for_catchup($standby);

# A request with an idempotency key, which must not be stored either.
my $requests = 0;

sub answer
{
	my ($where, $method, $path, $credential) = @_;
	my %headers = (
		'x-api-key'       => $credential // $key,
		'Content-Type'    => 'application/json',
		'Idempotency-Key' => 'request-' . ++$requests);
	my $body = $method =~ /^(POST|PATCH|PUT)$/ ? "convert_to('{}', 'UTF8')" : 'NULL';
	my $headers = encode_json(\%headers);
	my $answer = decode_json(value($where, "SELECT to_json(r) FROM pgbeam.http('$method', '$path', '$headers', $body) AS r"));

	$answer->{body} = eval { decode_json($answer->{body}) };
	return $answer;
}

# Every operation of the route table.
my %ids = (
	project_id => $project, database_id => $database, replica_id => $replica,
	domain_id => $domain, query_hash => $hash, org_id => 'acme', member_id => $member);
my @routes = map { [ split /\|/ ] } split /\n/,
  value($primary, q{SELECT operation, method, path || CASE WHEN operation = 'listProjects' THEN '?org_id=acme'
	WHEN operation ~ 'Usage$' THEN '?start_date=2026-01-01&end_date=2026-01-31' ELSE '' END, writes FROM pgbeam.routes()});
my $log = log_since($standby, sub {
	foreach my $route (@routes)
	{
		my ($operation, $method, $path, $writes) = @$route;

		$path =~ s/\{(\w+)\}/$ids{$1}/g;
		my $got = answer($standby, $method, $path);

		if ($writes eq 't')
		{
			is("$got->{status} $got->{headers}{'Retry-After'} $got->{body}{error}{code}", '503 5 SERVICE_UNAVAILABLE',
				"$operation is refused, and may be tried again");
			next;
		}
		my $there = answer($primary, $method, $path);

		delete $_->{body}{timestamp} foreach $got, $there;
		ok(delete $got->{body}{read_only}, 'health tells') if $operation eq 'getHealth';
		is($got->{status}, 200, "$operation is answered");
		is_deeply($got->{body}, $there->{body}, "$operation is answered as the primary does");
	}
});
cmp_ok(scalar(grep { $_->[3] eq 't' } @routes), '>', 9, 'there were enough of them');
unlike($log, qr/ERROR/, 'nothing was attempted that a standby cannot do');

# What operators and data planes read, and that they cannot write.
my $token = value($standby, 'SELECT token FROM pgbeam.read_changes(max_rows => 10000) WITH ORDINALITY ORDER BY ordinality DESC LIMIT 1');
foreach my $sql (
	"SELECT count(*) FROM pgbeam.list_api_keys()", "SELECT count(*) FROM pgbeam.list_members('acme')",
	'SELECT count(*) FROM pgbeam.check_configuration()', 'SELECT count(*) FROM pgbeam.key_status()',
	'SELECT count(*) FROM pgbeam.keyring()', 'SELECT count(*) FROM pgbeam.feed_status()',
	"SELECT count(*) FROM pgbeam.publication_statements('{acme}')",
	"SELECT pgbeam.reveal_password('$database') = concat(:'password', ' of first')")
{
	is(ask($standby, $sql)->{state}, '00000', "$sql works");
}

# A proxy asks the standby for its files and for the passwords of its logins.
is( value($standby, "SELECT count(*), bool_and(password = concat(:'password', ' of first')) FROM pgbeam.databases AS d, "
	  . "pgbeam.pgbouncer_login(pgbeam.typeid_encode('db', d.id), d.username) WHERE d.id = pgbeam.typeid_decode('$database')"),
	'1|t', 'a login');
is( value($standby, "SELECT count(*) FROM pgbeam.pgbouncer_files(project_id => '$project') WHERE content ~ '$database'"), '1', 'the files of a proxy');
foreach my $sql (
	"SELECT pgbeam.set_organization('other')", "SELECT pgbeam.suspend_organization('acme')",
	"SELECT pgbeam.create_api_key(org_id => 'acme')", "SELECT pgbeam.set_member('acme', 'anna', 'admin')",
	"SELECT pgbeam.report_domain('db.acme.example', NULL)", "SELECT pgbeam.report_connection_test('$database', true)",
	q{SELECT pgbeam.report_traffic('{"source": "s", "at": "2026-01-15T09:30:00Z", "databases": []}')},
	"SELECT pgbeam.delete_project('$project')", 'SELECT pgbeam.rewrap()')
{
	is(ask($standby, $sql)->{state}, '25006', "$sql is the server's own error");
}
is(ask($standby, 'LISTEN pgbeam_changes')->{state}, '25006', 'nobody is woken');

# So the feed is polled. A token of the primary is one of the standby.
my (undef, $second) = make($primary, 'second');
value($primary, "SELECT pgbeam.delete_project('$project')");
$primary->wait_for_catchup($standby);
my $poll = "SELECT string_agg(resource || ' ' || action, ', ') FROM pgbeam.read_changes('$token')";
is(value($standby, $poll), value($primary, $poll), 'the standby has the changes in the same order');
like(value($standby, $poll), qr/^database created, project created|^project created, database created/, 'which are these');
is(answer($standby, 'GET', "/v1/projects/$project")->{status}, 404, 'what was deleted is gone');

# Each server counts requests by itself.
$standby->append_conf('postgresql.conf', "pgbeam.rate_limit = 1\npgbeam.rate_burst = 2\n");
$standby->restart;
is(value($standby, <<SQL), '200 200 429', 'the limit of requests holds there');
SELECT string_agg((pgbeam.http('GET', '/v1/projects?org_id=short', '{"x-api-key": "$short"}', NULL)).status::text, ' ')
FROM generate_series(1, 3)
SQL
is(answer($primary, 'GET', '/v1/projects?org_id=short', $short)->{status}, 200, 'and does not count here');

# A revoked API key is refused as soon as the standby knows.
value($primary, "SELECT pgbeam.revoke_api_keys(org_id => 'short')");
$primary->wait_for_catchup($standby);
is(answer($standby, 'GET', '/v1/projects?org_id=short', $short)->{status}, 401, 'a revoked API key is refused');

# Nothing that it answered is left behind, and when it is promoted it takes
# writes.
$primary->stop;
$standby->promote;
is(value($standby, 'SELECT count(*) FROM pgbeam.idempotency_keys'), '0', 'no idempotency key was stored');
is(answer($standby, 'DELETE', '/v1/projects/' . value($standby,
	"SELECT pgbeam.typeid_encode('prj', project_id) FROM pgbeam.databases WHERE id = pgbeam.typeid_decode('$second')"))->{status},
	204, 'once promoted it writes');
is(value($standby, q{SELECT pgbeam.health() ->> 'read_only' IS NULL}), 't', 'and health tells');

done_testing();
