# The ready consumers of the change feed, two of each at once, while changes
# are made and consumers are killed: psql's copies each change exactly once,
# Python's prints each at least once.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use IPC::Run;
use JSON::PP;
use PgbeamTest;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep);

my $examples = "$FindBin::RealBin/../../examples/consumer";
my $outputs = folder('outputs');
my $home = set_up('home', folder('keys') . '/keyring');
my %programs;

value($home, <<'SQL');
CREATE ROLE reader LOGIN;
SELECT pgbeam.grant_access('reader', 'data_plane');
CREATE TABLE change_log (token text, org_id text, resource text, resource_id text, action text, actor text,
	actor_kind text, request_id text, detail json, changed_at timestamptz);
GRANT INSERT ON change_log TO reader;
CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.02); RETURN NEW; END';
CREATE TRIGGER dawdle BEFORE INSERT ON change_log FOR EACH ROW EXECUTE FUNCTION dawdle();
SQL

# Starts a program as the role; what it prints goes to a file of this name.
sub begin
{
	my ($name, @command) = @_;
	local @ENV{qw(PGHOST PGPORT PGUSER PGDATABASE)} = ($home->host, $home->port, 'reader', 'postgres');

	return $programs{$name} = IPC::Run::start(\@command, '<', \undef, '>', "$outputs/$name", '2>', "$outputs/$name.err");
}

sub begin_psql { return begin(shift, 'psql', '-X', '-v', 'name=change_log', '-f', "$examples/consumer.sql") }
sub begin_python { return begin(shift, 'python3', "$examples/consumer.py", 'printed') }

# The server process that has the consumer's turn, or 0.
sub worker
{
	return value($home, "SELECT coalesce(max(working_pid), 0) FROM pgbeam.feed_status() WHERE consumer = '" . shift . "'");
}

sub wait_until
{
	my ($what, $test) = @_;

	for (1 .. 10 * $PostgreSQL::Test::Utils::timeout_default)
	{
		return 1 if $test->();
		sleep 0.1;
	}
	die "waited in vain for $what";
}

sub is_done
{
	return value($home, "SELECT lag_rows = 0 FROM pgbeam.feed_status() WHERE consumer = '" . shift . "'") eq 't';
}

sub printed
{
	return grep { /^\{.*\}$/ } map { split /\n/, slurp_file("$outputs/$_") } @_;
}

my $has_python = IPC::Run::run([ 'python3', '-c', 'import psycopg' ], '>', \my $out, '2>', \my $err);
my @python = $has_python ? map { "python$_" } 1 .. 3 : ();
my $made = 0;

sub make_some { make($home, 'p' . $made++) foreach 1 .. shift; return }

make_some(1);
my $start = value($home, "SELECT pgbeam.subscribe('change_log')");
is(value($home, "SELECT pgbeam.subscribe('printed')"), $start, 'both begin at one place');
begin_psql($_) foreach qw(psql1 psql2);
begin_python($_) foreach @python[ 0 .. ($has_python ? 1 : -1) ];
make_some(10);

# A client that is killed, and a server process that is, at their work.
my $pid;
wait_until('a turn', sub { make_some(1); $pid = worker('change_log') });
$programs{psql1}->kill_kill;
make_some(10);
begin_psql('psql3');
wait_until('another turn', sub { make_some(1); $pid = worker('change_log') });
value($home, "SELECT pg_terminate_backend($pid)");
begin_psql('psql4');
if ($has_python)
{
	make_some(3);
	wait_until('a line of the first', sub { make_some(1); printed('python1') > 0 });
	$programs{python1}->kill_kill;
	begin_python('python3');
}
make_some(5);
wait_until('psql', sub { is_done('change_log') });

my $all = "pgbeam.read_changes('$start', 10000)";
is(value($home, 'SELECT count(*) - count(DISTINCT token) FROM change_log'), '0', 'psql: none twice');
is( value($home, "SELECT count(*) FROM (SELECT token, resource_id FROM $all EXCEPT SELECT token, resource_id FROM change_log) AS missing"),
	'0', 'psql: none missing');
is(value($home, "SELECT (SELECT count(*) FROM $all) = (SELECT count(*) FROM change_log)"), 't', 'psql: nothing else');
cmp_ok(value($home, 'SELECT count(*) FROM change_log'), '>=', 2 * 26, 'of all that was made');

SKIP:
{
	skip 'python3 has no psycopg', 6 unless $has_python;
	wait_until('Python', sub { is_done('printed') });
	my %seen;
	$seen{ decode_json($_)->{token} }++ foreach printed(@python);
	my @tokens = split /\n/, value($home, "SELECT token FROM $all");
	is_deeply([ sort keys %seen ], [ sort @tokens ], 'Python: all, and nothing else');
	my ($lost) = value($home, q(SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'reader' AND query ~ 'printed' LIMIT 1));
	make_some(1);
	wait_until('Python', sub { is_done('printed') });
	pass('Python: goes on when its connection is ended');
	foreach my $name (@python[ 1, 2 ])
	{
		$programs{$name}->signal('TERM');
		$programs{$name}->finish;
		is($programs{$name}->full_result(0), 0, "Python: $name ends when it is told to");
	}

	# What is gone is told, with the way out.
	make_some(1);
	value($home, "DELETE FROM pgbeam.changes WHERE xid < (SELECT max(xid) FROM pgbeam.changes)");
	my $late = begin_python('late');
	$late->finish;
	is($late->full_result(0), 1 << 8, 'Python: ends where changes are gone');
	like(slurp_file("$outputs/late.err"), qr/^PB007: the token is older .* unsubscribe and subscribe/, 'and says what to do');
}
my $nameless = begin('nameless', 'psql', '-X', '-f', "$examples/consumer.sql");
$nameless->finish;
is($nameless->full_result(0), 3 << 8, 'psql: ends without a name');
like(slurp_file("$outputs/nameless.err"), qr/Which consumer\? psql -v name=/, 'and says what to do');
$_->kill_kill foreach values %programs;
done_testing();
