# The rate limit. It is off without shared memory and exact with it, and
# waiting is the only way round it.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use JSON::PP;
use PgbeamTest;
use Test::More;

my $json = JSON::PP->new->canonical;
my $somewhere = '/v1/projects/prj_00000000000000000000000000';

# No rate is below a request a second, so a step that must be faster is one
# statement.
my $send = <<'SQL';
CREATE FUNCTION public.send(requests jsonb) RETURNS SETOF json LANGUAGE plpgsql AS $$
DECLARE
	r record;
BEGIN
	FOR r IN SELECT * FROM jsonb_to_recordset(requests) AS r (uri text, headers jsonb, pause float8) LOOP
		PERFORM pg_sleep(r.pause) WHERE r.pause > 0;
		RETURN QUERY SELECT to_json(a) FROM pgbeam.http('GET', r.uri, r.headers, NULL) AS a;
	END LOOP;
END
$$
SQL

# A request for a path, with headers.
sub get
{
	my ($uri, %headers) = @_;

	return { uri => $uri, headers => \%headers };
}

sub answers
{
	my ($where, @requests) = @_;
	my $requests = $json->encode(\@requests);

	return map { decode_json($_) } split /\n/, value($where, "SELECT public.send('$requests')");
}

sub statuses { return join ' ', map { $_->{status} } answers(@_) }

sub remaining { return map { $_->{headers}{'X-RateLimit-Remaining'} } answers(@_) }

sub of_limits { return grep { /rate|retry/i } map { keys %{ $_->{headers} } } answers(@_) }

sub new_key { return 'x-api-key' => value($_[0], "SELECT key FROM pgbeam.create_api_key($_[1])") }

sub says_health { return (map { decode_json($_->{body})->{rate_limit} } answers($_[0], get('/v1/health')))[0] }

# Settings for new sessions.
sub configure
{
	my ($node, $conf) = @_;
	my $before = value($node, 'SELECT pg_conf_load_time()');

	$node->append_conf('postgresql.conf', $conf);
	$node->reload;
	$node->poll_query_until('postgres', "SELECT pg_conf_load_time() > '$before'");
	return;
}

# Without preloading there is no limit, whatever is set.
my $plain = set_up('plain', folder('keys') . '/keyring', "pgbeam.rate_limit = 1\npgbeam.rate_burst = 1\n");
value($plain, $send);
value($plain, "SELECT pgbeam.set_organization('o')");
my $request = get($somewhere, new_key($plain, "org_id => 'o'"));
is(says_health($plain), 'off', 'not preloaded: health says off');
is(statuses($plain, ($request) x 4), '404 404 404 404', 'not preloaded: nothing is limited');
is_deeply([ of_limits($plain, $request) ], [], 'not preloaded: nothing is told of a limit');
$plain->stop;

my $node = set_up('main', folder('keys') . '/keyring',
	"shared_preload_libraries = 'pgbeam'\npgbeam.rate_limit_callers = 8\npgbeam.rate_burst = 3\n");
value($node, $send);
value($node, q(SELECT pgbeam.set_organization(o) FROM unnest($${o,fresh,other}$$::text[]) AS o));
my %own = new_key($node, "org_id => 'o'");
$request = get($somewhere, %own);
is(says_health($node), 'off', 'preloaded, but no limit: health says off');
is(statuses($node, ($request) x 5), '404 404 404 404 404', 'preloaded, but no limit: nothing is limited');

# An open session obeys a change from its next statement on.
my $session = session($node);
is(statuses($session, $request), 404, 'a session from before');
configure($node, "pgbeam.rate_limit = 1\n");
value($session, 'SELECT pg_sleep(0.1)') until value($session, 'SHOW pgbeam.rate_limit') eq '1';
is(says_health($node), 'on', 'a limit is set: health says on');
is(statuses($session, ($request) x 5), '404 404 404 429 429', 'a full bucket has the burst, exactly');

# A refusal's text, and its problem document.
my (undef, undef, undef, undef, $refused, $document) =
  answers($node, ($request) x 5, get($somewhere, %own, accept => 'application/problem+json'));
my %told = %{ $refused->{headers} };
is($refused->{status}, 429, 'all sessions draw from one bucket');
is(decode_json($refused->{body})->{error}{code}, 'RATE_LIMITED', 'the code');
is($told{'Retry-After'}, 1, 'Retry-After');
is($told{'RateLimit-Policy'}, '"default";q=3;w=3;qu="requests"', 'RateLimit-Policy');
is($told{RateLimit}, '"default";r=0;t=3', 'RateLimit');
is("$told{'X-RateLimit-Limit'} $told{'X-RateLimit-Remaining'}", '3 0', 'X-RateLimit-Limit and -Remaining');
is(decode_json($document->{body})->{code}, 'RATE_LIMITED', 'as a problem document');

# Waiting as long as Retry-After says is enough, and allows one request.
my $fresh = get($somewhere, new_key($node, "org_id => 'fresh'"));
is(statuses($session, ($fresh) x 4, { %$fresh, pause => 1.05 }, $fresh), '404 404 404 429 404 429', 'it fills by the rate');

# The owner of a bucket. One that is drained may get a request in the moment
# before the next one, so that is sent twice, and the last answer counts.
my $sibling = get($somewhere, new_key($node, "org_id => 'o'"));
my $other = get($somewhere, new_key($node, "org_id => 'other'"));
my $user = get($somewhere, new_key($node, "user_id => 'o'"));
my $nobody = get($somewhere, 'x-api-key' => 'pbo_nobody');
my @drained = ($request) x 4;
is(statuses($session, @drained, ($sibling) x 2) =~ s/.* //r, 429, 'another key of the organization has the same bucket');
is(statuses($session, @drained, $other, $user) =~ s/.* (?=\d+ )//r, '404 404',
	'another organization has its own, and so has a user, even with the same id');
is(statuses($session, @drained, (get('/v1/nothing', %own)) x 2) =~ s/.* //r, 429, 'a path that is none counts too');
is(statuses($session, ($nobody) x 5), '401 401 401 401 401', 'whom no key proves has no bucket');
is(statuses($session, (get($_)) x 5), '200 200 200 200 200', "$_ is nobody's") foreach qw(/v1/health /openapi.json);
is_deeply([ of_limits($session, get('/v1/health')) ], [], 'and tells of no limit');

# The same by an operation's own function, as PostgREST calls it. Trusted SQL
# is not counted. Undoing a call gives nothing back.
my $headers = $json->encode(\%own);
my $drain = $json->encode(\@drained);
like(value($session, <<SQL), qr/^429$/m, 'a plain function draws from the same bucket');
BEGIN;
SELECT set_config('request.method', 'GET', true), set_config('request.headers', '$headers', true) \\g /dev/null
SELECT count(*) FROM public.send('$drain') \\g /dev/null
SELECT pgbeam.get_project('none'), pgbeam.get_project('none') \\g /dev/null
SELECT current_setting('response.status');
ROLLBACK;
SQL
is(ask($session, "SELECT pgbeam.get_project('none') FROM public.send('$drain')")->{state}, 'PT404', 'trusted SQL does not');
foreach my $case ([ 'ROLLBACK' => 'BEGIN' ], [ 'ROLLBACK TO s' => 'SAVEPOINT s' ], [ 'SELECT 1 / 0; ROLLBACK TO s' => 'SAVEPOINT s' ])
{
	my ($undo, $begin) = @$case;
	my $two = $json->encode([ ($request) x 2 ]);

	value($session, 'BEGIN') if $begin ne 'BEGIN';
	like(ask($session, <<SQL)->{out}, qr/429$/, "$undo gives back nothing");
$begin;
SELECT count(*) FROM public.send('$drain');
$undo;
SELECT a->'status' FROM public.send('$two') AS a;
SQL
	value($session, 'ROLLBACK') if $begin ne 'BEGIN';
}

# A bucket never exceeds its size, and a larger one fills at the same rate.
configure($node, "pgbeam.rate_limit = 1000\n");
is_deeply([ remaining($node, { %$request, pause => 0.1 }) ], [2], 'after a pause it is full, and no fuller');
configure($node, "pgbeam.rate_limit = 1\npgbeam.rate_burst = 1000\n");
cmp_ok((remaining($node, $request))[0], '<', 100, 'one that grows does not fill at once');
configure($node, "pgbeam.rate_limit = 1000000\n");
is_deeply([ remaining($node, { %$request, pause => 0.1 }) ], [999], 'but by the rate');
configure($node, "pgbeam.rate_limit = 1\npgbeam.rate_burst = 2\n");
is_deeply([ remaining($node, $request) ], [1], 'one that shrinks loses what it has no room for');
configure($node, 'pgbeam.rate_limit = 0');
is(says_health($node), 'off', 'no limit any more: health says off');
is(statuses($node, ($request) x 5), '404 404 404 404 404', 'and none is had');

# An address is charged before the credential is checked, and public paths are
# charged too.
configure($node, <<'CONF');
pgbeam.rate_limit = 1
pgbeam.rate_burst = 100
pgbeam.address_rate_limit = 1
pgbeam.address_rate_burst = 3
pgbeam.address_header = 'x-client-address'
CONF
is(says_health($node), 'on', 'addresses are limited: health says on');

sub from
{
	my ($address, $request, $times, $name) = @_;

	return (get($request->{uri}, %{ $request->{headers} }, $name // 'x-client-address', $address)) x $times;
}

my $health = get('/v1/health');
is(statuses($node, from('192.0.2.1', $nobody, 5)), '401 401 401 429 429', 'without a credential');
my @answers = answers($node, from('192.0.2.2', $nobody, 3), from('192.0.2.2', $request, 1), from('192.0.2.3', $request, 1));
is("@{[ map { $_->{status} } @answers ]}", '401 401 401 429 404', 'a good credential does not help an address');
is($answers[3]{headers}{'Retry-After'}, 1, 'which is told when to come again');
is($answers[3]{headers}{'X-RateLimit-Limit'}, 3, 'and what its limit is');
is($answers[4]{headers}{'X-RateLimit-Limit'}, 100, 'a caller who passes is told their own limit');
is(statuses($node, from('192.0.2.4', $health, 4)), '200 200 200 429', 'public paths count for addresses');
is(statuses($node, ($health) x 5), '200 200 200 200 200', 'whoever has no address is not limited by it');
is(statuses($node, from('192.0.2.5', $health, 4, 'X-Client-Address')), '200 200 200 429', 'the header in any case');

# Eight buckets. Room is made by the bucket that would be full soonest; of
# equally empty ones, by the one whose owner has not called for the longest
# time.
sub visit
{
	my (@addresses) = @_;

	return statuses($node, map { from($_, $health, 1) } @addresses);
}

$session->quit;
$node->restart; # all buckets are nobody's
configure($node, 'pgbeam.address_rate_burst = 1');
my @eight = map { "first $_" } 1 .. 8;
is(visit(@eight, @eight, 'second', @eight[ 1, 0 ]), join(' ', (200) x 8, (429) x 8, 200, 429, 200),
	'a ninth takes the bucket that is full soonest');
is(visit(map { ("third $_", 'steady') } 1 .. 20), join(' ', 200, 200, map { (200, 429) } 2 .. 20),
	'nobody takes that of one who goes on asking');
is(value($node, <<'SQL'), 't', 'all in shared memory that does not grow');
SELECT allocated_size < 8192 FROM pg_shmem_allocations WHERE name = 'pgbeam rate limit'
SQL

# Strangers do not free a caller who has emptied a larger bucket.
configure($node, 'pgbeam.address_rate_burst = 50');
is(visit(('greedy') x 51, (map { "fourth $_" } 1 .. 20), ('greedy') x 2) =~ s/\d+ (?=\d+$)//r, join(' ', (200) x 50, 429, (200) x 20, 429),
	'and the bucket of a caller who has emptied it is not refilled');

# A restart fills all.
configure($node, "pgbeam.rate_burst = 500\npgbeam.address_rate_limit = 0\n");
is(statuses($node, ($other) x 510) =~ s/.* //r, 429, 'an empty bucket');
$node->restart;
is((remaining($node, $other))[0], 499, 'is full after a restart');

done_testing();
