# The change feed when servers change: tokens after a restore, a recovery to an
# earlier time and a failover, and transactions that hold the feed back.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use PgbeamTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $keyring = folder('keys') . '/keyring';
my $dump = folder('dumps') . '/dump';
my $home = set_up('home', $keyring, "max_prepared_transactions = 5\nmax_wal_senders = 3\n");

# An error's SQLSTATE, or how many changes are read.
sub outcome
{
	my ($where, $token, %how) = @_;
	my $after = defined $token ? "'$token'" : 'NULL';
	my $got = ask($where, "SELECT count(*) FROM pgbeam.read_changes($after, 10000)", %how);

	return $got->{state} eq '00000' ? $got->{out} : $got->{state};
}

sub last_token
{
	return value(shift,
		'SELECT token FROM pgbeam.read_changes(max_rows => 10000) WITH ORDINALITY ORDER BY ordinality DESC LIMIT 1', @_);
}

# A server with as many transactions as another one.
sub catch_up
{
	my ($node, $xid) = @_;

	value($node, "DO \$\$ BEGIN WHILE pg_current_xact_id()::text::bigint <= $xid LOOP COMMIT; END LOOP; END \$\$");
	return;
}

sub xid_of { return (split /\./, shift)[0] }

make($home, 'first');
my $early = last_token($home);
make($home, 'second');
$home->backup('base');
my $late = last_token($home);
is(outcome($home, undef), '5', 'an organization, and two projects with a database each');
is(outcome($home, $early), '2', 'behind a token is the rest');
is(outcome($home, $late), '0', 'behind the last is none');

# A dump is restored on a server that has done less, and on one that has done
# more. A consumer of it must start over, and is told so. One that has no place
# is left out: it would miss changes unawares.
value($home, "SELECT pgbeam.subscribe('kept', '$early'); INSERT INTO pgbeam.feed_consumers VALUES ('without', NULL, now(), NULL)");
$home->command_ok([ 'pg_dump', '-f', $dump, '-d', $home->connstr('postgres') ], 'dump made');
my $restored = new_cluster('restored', "pgbeam.keyring_file = '$keyring'\n");
$restored->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-o', '/dev/null', '-d', $restored->connstr('postgres'), '-f', $dump ],
	'restored');
is(outcome($restored, undef), '0', 'the restored feed is empty');
is(outcome($restored, $_), xid_of($_) >= value($restored, 'SELECT pg_snapshot_xmax(pg_current_snapshot())') ? 'PB006' : 'PB007',
	'tokens of the old server are refused')
  foreach $early, $late;
is(value($restored, 'SELECT string_agg(consumer, \',\') FROM pgbeam.feed_status() WHERE must_start_over'), 'kept', 'a consumer must start over');
like(ask($restored, "SELECT pgbeam.next_changes('kept')")->{state}, qr/^PB00[67]$/, 'and is refused until it does');
value($restored, "SELECT pgbeam.unsubscribe('kept'), pgbeam.subscribe('kept')");
make($restored, 'third');
is(value($restored, "SELECT count(*) FROM pgbeam.next_changes('kept')"), '2', 'then it goes on');
value($home, "DELETE FROM pgbeam.feed_consumers");
is(outcome($restored, undef), '2', 'it goes on');
catch_up($restored, xid_of($late));
make($restored, 'fourth');
is(outcome($restored, undef), '4', 'in order');
like(outcome($restored, $_), qr/^PB00[67]$/, 'and refuses them when it has passed their transactions')
  foreach $early, $late;

# A copy from an earlier time, as a recovery makes. It gets other changes than
# the original.
make($home, 'lost');
my $lost = last_token($home);
my $recovered = PostgreSQL::Test::Cluster->new('recovered');
$recovered->init_from_backup($home, 'base');
$recovered->start;
is(outcome($recovered, $late), '0', 'a copy goes on where it was made');
is(outcome($recovered, $lost), 'PB006', 'what came afterwards is ahead of it');
catch_up($recovered, xid_of($lost));
make($recovered, 'other');
is(outcome($recovered, $lost), 'PB006', 'also when it has passed the transaction');
is(outcome($recovered, $late), '2', 'the others go on');

# A standby lags, and is promoted without what it missed.
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($home, 'base', has_streaming => 1);
$standby->start;
$home->wait_for_catchup($standby);
is(outcome($standby, $lost), '0', 'a standby that is up to date reads the feed');
is(ask($standby, "SELECT pgbeam.$_")->{state}, 'PT503', "a standby refuses $_")
  foreach "subscribe('other')", "next_changes('other')", "confirm('other', '$lost')", "unsubscribe('other')";
value($standby, 'SELECT pg_wal_replay_pause()');
make($home, 'behind');
my $behind = last_token($home);
is(outcome($standby, $behind), 'PB006', 'one that lags says so');
like(ask($standby, "SELECT pgbeam.read_changes('$behind')")->{hint}, qr/standby that lags/, 'in words');
$home->stop('immediate');
value($standby, 'SELECT pg_wal_replay_resume()');
$standby->promote;
$home->start;

# What holds the feed back.
my $hold = 'SELECT held_by_pid, held_by_prepared, held_since <= waiting_since, waiting_since <= now() FROM pgbeam.feed_status() WHERE waiting_since IS NOT NULL';
my $mark = last_token($home);
my $open = session($home);
my $pid = value($open, 'SELECT pg_backend_pid()');
value($open, 'BEGIN; SELECT pg_current_xact_id()');
is(value($home, $hold), '', 'an open transaction holds nothing back as long as nothing waits');
make($home, 'waits');
is(outcome($home, $mark), '0', 'then changes wait for it');
is(value($home, $hold), "$pid||t|t", 'and it is named');
value($home, 'CREATE ROLE plain LOGIN; GRANT USAGE ON SCHEMA pgbeam TO plain; GRANT EXECUTE ON FUNCTION pgbeam.feed_status() TO plain');
is(value($home, $hold, role => 'plain'), "$pid||t|t", 'to whoever may ask, though it is another role\'s');
my $told = "SELECT value, mend FROM pgbeam.check_configuration() WHERE setting = 'pgbeam.changes'";
my $health = "SELECT h ->> 'status', h #>> '{feed,pid}', (h #>> '{feed,held_seconds}')::int BETWEEN 0 AND 100 FROM pgbeam.health() AS h";
is(value($home, $told), '', 'not told at once');
is(value($home, $health), 'ok||', 'nor in health');
value($home, "UPDATE pgbeam.changes SET changed_at = now() - interval '11 seconds' WHERE xid >= pg_snapshot_xmin(pg_current_snapshot())");
like(value($home, $told), qr/^held back for 00:0\d:\d\d by backend $pid\|SELECT pg_terminate_backend\($pid\)$/,
	'check_configuration() tells of it after a while');
is(value($home, $health), "ok|$pid|t", 'and so does health, which is none the worse for it');
value($open, "PREPARE TRANSACTION 'it''s held'");
is(value($home, $hold), "|it's held|f|t", 'a prepared one has a name');
like(value($home, $told), qr/by prepared transaction 'it''s held'\|ROLLBACK PREPARED 'it''s held'/, 'in words as well');
is(value($home, $health), 'ok||t', 'which has no pid');
value($home, "ROLLBACK PREPARED 'it''s held'");
is(value($home, $hold), '', 'when it ends nothing waits');
is(outcome($home, $mark), '2', 'and all is shown');

# A transaction in another database holds it back as well.
value($home, 'CREATE DATABASE other');
$open = $home->background_psql('other');
$open->query('BEGIN; SELECT pg_current_xact_id()');
make($home, 'elsewhere');
like(value($home, $hold), qr/^\d+\|\|t\|t$/, 'also one of another database');
$open->quit;

# A revealed password leaves a line in the log even if the transaction is
# undone, and on a standby too; the line never has the value.
my (undef, $database) = make($home, 'secret');
my $reveal = "SELECT pgbeam.reveal_password('$database') = concat(:'password', ' of secret')";
my $line = qr/^.*LOG:  (?:00000: )?the password of database \Q$database\E was revealed to role "proxy"$/m;

value($home, "CREATE ROLE proxy LOGIN; SELECT pgbeam.grant_access('proxy', 'data_plane')");
foreach my $case (
	[ 'by a call', "$reveal;", 1 ],
	[ 'in what is rolled back', "BEGIN; $reveal; ROLLBACK;", 0 ],
	[ 'in what only reads', "BEGIN READ ONLY; $reveal; COMMIT;", 0 ],
	[ 'where it fails behind it', "BEGIN; $reveal; SELECT 1 / 0; COMMIT;", 0 ])
{
	my ($name, $sql, $rows) = @$case;
	my $count = "SELECT count(*) FROM pgbeam.changes WHERE action = 'revealed' AND actor = 'proxy' AND resource_id = '$database'";
	my $before = value($home, $count);
	my $log = log_since($home, sub { like(ask($home, $sql, role => 'proxy')->{out}, qr/^t$/m, "revealed $name") });

	like($log, $line, "$name: a line in the log");
	unlike($log, qr/\Q$PASSWORD\E/, "$name: without it");
	is(value($home, $count) - $before, $rows, "$name: changes");
}
my $log = log_since($home, sub { ask($home, "SELECT pgbeam.reveal_password('db_00000000000000000000000000')", role => 'proxy') });
unlike($log, qr/was revealed/, 'what was not revealed is not said to be');
$home->backup('later');
my $reader = PostgreSQL::Test::Cluster->new('reader');
$reader->init_from_backup($home, 'later', has_streaming => 1);
$reader->start;
$home->wait_for_catchup($reader);
$log = log_since($reader, sub { is(value($reader, $reveal, role => 'proxy'), 't', 'a standby reveals it too') });
like($log, $line, 'and says so');

done_testing();
