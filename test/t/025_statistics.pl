# What the server counts of calls where the library is preloaded: by operation
# and by how they were answered, in every process, whatever is undone.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use PgbeamTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $plain = set_up('plain', folder('keys') . '/keyring');
is(value($plain, 'SELECT count(*) FROM pgbeam.counters()'), '0', 'nothing is counted where the library is not preloaded');
$plain->stop;

my $home = set_up('home', folder('keys2') . '/keyring', "shared_preload_libraries = 'pgbeam'\n");

# A counter's value; 0 where it is not there.
sub counted
{
	my ($metric, %labels) = @_;
	my $json = join ', ', map { qq("$_": "$labels{$_}") } sort keys %labels;

	return value($home, "SELECT coalesce(sum(value), 0) FROM pgbeam.statistics() WHERE metric = '$metric' AND labels @> '{$json}'");
}

sub calls { return counted('pgbeam_calls_total', operation => shift, code => shift) }

is(counted('pgbeam_calls_begun_total'), '0', 'no call yet');
my ($project) = make($home, 'first');
make($home, 'second');
is(calls('createProject', 'OK'), '2', 'calls that succeed');
ask($home, 'SELECT pgbeam.create_project(\'{}\')');
is(calls('createProject', 'INVALID_INPUT'), '1', 'calls that are refused');
value($home, "BEGIN; SELECT pgbeam.get_project('$project'); ROLLBACK");
is(calls('getProject', 'OK'), '1', 'calls that are undone');
is(counted('pgbeam_call_seconds_count', operation => 'createProject'), '3', 'their times are as many');
is(counted('pgbeam_call_seconds_bucket', operation => 'createProject', le => '+Inf'), '3', 'all in the last bucket');
cmp_ok(counted('pgbeam_call_seconds_sum', operation => 'createProject'), '>', 0, 'together they took time');
is(value($home, q(SELECT count(*) FROM (SELECT value - lag(value) OVER (PARTITION BY labels ->> 'operation' ORDER BY n) AS more
	FROM pgbeam.statistics() WITH ORDINALITY AS s (metric, labels, value, n) WHERE metric = 'pgbeam_call_seconds_bucket') AS steps WHERE more < 0)),
	'0', 'no bucket has less than a smaller one');

# Over HTTP: by the path, or none. No path of its own can name a metric.
value($home, "SELECT status FROM pgbeam.http('GET', '/v1/projects', '{}', NULL)");
value($home, "SELECT status FROM pgbeam.http('GET', '/v1/nothing', '{}', NULL)");
value($home, "SELECT status FROM pgbeam.http('OPTIONS', '/v1/projects', '{}', NULL)");
is(calls('listProjects', 'UNAUTHORIZED'), '1', 'a request without a credential');
is(calls('none', 'OK'), '1', 'OPTIONS');
cmp_ok(counted('pgbeam_calls_total', operation => 'none'), '==', 2, 'a path without an operation');

# A call that an error ends has begun, and never ended.
my $all = counted('pgbeam_calls_total');
is(counted('pgbeam_calls_begun_total'), $all, 'all have ended');
value($home, "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE ''no''; END';
	CREATE TRIGGER refuse BEFORE INSERT ON pgbeam.projects FOR EACH ROW EXECUTE FUNCTION refuse()");
isnt(ask($home, 'SELECT ' . create_call('third'))->{state}, '00000', 'a trigger raises an error');
is(counted('pgbeam_calls_begun_total'), $all + 1, 'that is seen');
is(counted('pgbeam_calls_total'), $all, 'by the difference');

# The progress of a rewrap is what it has said last.
is(value($home, "SELECT count(*) FROM pgbeam.statistics() WHERE metric = 'pgbeam_rewrap_secrets_left'"), '0', 'no rewrap yet');
value($home, 'SELECT pgbeam.create_key()');
is(value($home, 'SELECT pgbeam.rewrap(1)'), counted('pgbeam_rewrap_secrets_left'), 'a rewrap that has begun');
cmp_ok(counted('pgbeam_rewrap_secrets_left'), '>', 0, 'has secrets left');
value($home, 'SELECT pgbeam.rewrap(1000)') foreach 1 .. 2;
is(counted('pgbeam_rewrap_secrets_left'), '0', 'and none at its end');

# The statements of the page's alerts, by what comes first in each: they give
# no row while all is well, and one when it is not.
my %alerts = map { (split /\n/, $_)[0] => $_ } slurp_file("$FindBin::RealBin/../../doc/monitoring.md") =~ /^\*\*.*?^```sql\n(.*?)^```/msg;
my @alerts = values %alerts;

sub fired { return scalar grep { value($home, $_) ne '' } @alerts }

is(scalar @alerts, 5, 'five alerts');
value($home, 'DROP TRIGGER refuse ON pgbeam.projects');
value($home, "SELECT pgbeam.subscribe('slow')");
make($home, 'late');
value($home, "SELECT pgbeam.get_project('$project')") foreach 1 .. 20;
is(fired(), 0, 'none fires while all is well');
value($home, "UPDATE pgbeam.changes SET changed_at = now() - interval '6 minutes'");
is(fired(), 1, 'a consumer that lags');
my $open = session($home);
value($open, 'BEGIN; SELECT pg_current_xact_id()');
make($home, 'waits');
value($home, "UPDATE pgbeam.changes SET changed_at = now() - interval '6 minutes'");
is(fired(), 2, 'a feed that is held back');
value($open, 'ROLLBACK');
is(fired(), 1, 'and no longer');
value($home, "SELECT status FROM pgbeam.http('GET', '/v1/projects', '{}', NULL)") foreach 1 .. 10;
is(fired(), 2, 'callers that are refused');
$open->quit;
value($home, "ALTER SYSTEM SET pgbeam.keyring_file = ''");
value($home, 'SELECT pg_reload_conf()');
is(ask($home, 'SELECT ' . create_call('unserved'))->{state}, 'PB001', 'without a keyring nothing is created');
is(fired(), 4, 'a key that is missing, and calls that cannot be served');

# Codes that several kinds of refusal share are one row.
is(value($home, 'SELECT count(*) FROM (SELECT metric, labels FROM pgbeam.statistics() GROUP BY 1, 2 HAVING count(*) > 1) AS twice'), '0', 'no row twice');
like(value($home, 'SELECT pgbeam.metrics()'), qr/^pgbeam_calls_total\{code="OK",operation="createProject"\} 4$/m, 'in the text form too');
$home->restart;
is(counted('pgbeam_calls_begun_total'), '0', 'a restart begins anew');
done_testing();
