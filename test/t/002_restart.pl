# Keys come and go under a running server: restarts, a missing file, a new
# active key, a broken file after a reload, the development key.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use PgbeamTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $keyring = folder('keys') . '/keyring';
my $node = set_up('main', $keyring);
my ($project, $database) = make($node, 'first');
my @victims = map { (make($node, "victim $_"))[0] } 1 .. 3;

sub create
{
	my ($where, $name) = @_;

	return ask($where, 'SELECT ' . create_call($name) . ' IS NOT NULL');
}

sub sealed_with
{
	my ($name) = @_;

	return value($node, <<SQL);
SELECT encode(substr(d.password_sealed, 3, 16), 'hex')
FROM pgbeam.databases AS d JOIN pgbeam.projects AS p ON p.id = d.project_id
WHERE p.name = '$name'
SQL
}

sub active_key
{
	my ($where) = @_;

	return value($where, "SELECT key_id FROM pgbeam.key_status() WHERE state = 'active'");
}

# Tells sessions to read the configuration, and waits until this one has done
# so.
sub reload
{
	my ($session) = @_;
	my $before = value($session, 'SELECT pg_conf_load_time()');
	my $tries = 10 * $PostgreSQL::Test::Utils::timeout_default;

	$node->reload;
	while (value($session, 'SELECT pg_conf_load_time()') eq $before)
	{
		die 'the configuration was not loaded again' if --$tries == 0;
		select undef, undef, undef, 0.1;
	}
	return;
}

# The file stays in place.
$node->restart;
is(count_open($node), '4|4', 'passwords open after a restart');
is(create($node, 'second')->{state}, '00000', 'so does creating');

# It is missing while the server starts, and comes back.
rename $keyring, "$keyring.away" or die "cannot rename: $!";
$node->restart;
my $session = session($node);
my $refused = create($session, 'early');
is($refused->{state}, 'PB003', 'without the file nothing can be sealed');
like($refused->{message}, qr/does not exist/, 'which is said');
like($refused->{hint}, qr/backup.*pgbeam\.keyring_file.*create_key/, 'with both ways out');
is(lives_on($session, $project, $database, shift @victims), '', 'all else works');
rename "$keyring.away", $keyring or die "cannot rename: $!";
is(create($session, 'early')->{state}, '00000', 'the same session finds it again');

# Another session makes a new key.
my $old = active_key($session);
my $new = value($node, 'SELECT pgbeam.create_key()');
isnt($new, $old, 'there is a new key');
is(create($session, 'under the old key')->{state}, '00000', 'open sessions go on');
is(sealed_with('under the old key'), $old, 'with the key they know');
is(create($node, 'under the new key')->{state}, '00000', 'sessions that begin');
is(sealed_with('under the new key'), $new, 'use the new key');
is(count_open($session), '7|7', 'an open session finds an unknown key in the file');
my $other = session($node);
is(active_key($other), $new, 'another session has read the file');
my $newest = value($node, 'SELECT pgbeam.create_key()');
reload($other);
is(active_key($other), $newest, 'a reload makes the newest key active everywhere');
is(create($other, 'after the reload')->{state}, '00000', 'creating works');
is(sealed_with('after the reload'), $newest, 'under it');
is(count_open($other), '8|8', 'and all that is older still opens');

# The file is damaged after a session has read it.
my $good = slurp_file($keyring);
spill($keyring, "gibberish\n");
is(create($other, 'not yet seen')->{state}, '00000', 'what was read before still serves');
reload($other);
$refused = create($other, 'seen');
is($refused->{state}, 'PB003', 'after a reload it does not');
like($refused->{message}, qr/malformed in line 1/, 'for a reason');
is(lives_on($other, $project, $database, shift @victims), '', 'all else works');
spill($keyring, $good);
is(create($other, 'seen')->{state}, '00000', 'the mended file is found without a reload');
$_->quit foreach $session, $other;

# Loaded at start, with and without the file.
$node->append_conf('postgresql.conf', "shared_preload_libraries = 'pgbeam'");
$node->restart;
is(count_open($node), '9|9', 'preloaded: passwords open');
is(create($node, 'preloaded')->{state}, '00000', 'preloaded: creating works');
rename $keyring, "$keyring.away" or die "cannot rename: $!";
$node->restart;
is(create($node, 'none')->{state}, 'PB003', 'preloaded without the file: refused');
is(lives_on($node, $project, $database, shift @victims), '', 'all else works');

# A keyring beside the data, as development allows it.
my $status = 'SELECT DISTINCT development FROM pgbeam.key_status()';
my $warning = qr/WARNING:.*pgbeam\.development_key is on/;
$node->append_conf('postgresql.conf',
	"pgbeam.keyring_file = '" . $node->data_dir . "/keyring'");
$node->restart;
is(ask($node, 'SELECT pgbeam.create_key()')->{state}, 'PB003',
	'no key beside the data without development_key');
$node->append_conf('postgresql.conf', 'pgbeam.development_key = on');
like(log_since($node, sub { $node->restart }), $warning, 'the log warns at start');
$node->append_conf('postgresql.conf', "shared_preload_libraries = ''");
$node->restart;
my $key = value($node, 'SELECT pgbeam.create_key()');
like(ask($node, "LOAD 'pgbeam'")->{err}, $warning, 'else each session that loads it is warned');
is(create($node, 'developed')->{state}, '00000', 'creating works');
is(sealed_with('developed'), $key, 'under the development key');
is(value($node, $status), 't', 'the status tells, in every row');

# A file that is full, or being edited by hand, is left as it is.
foreach my $case ([ '', qr/is empty/ ],
	[ ("# filler\n" x 7270) . "\n" x 100, qr/no room for another key/ ])
{
	my ($text, $message) = @$case;
	spill($node->data_dir . '/keyring', $text);
	my $answer = ask($node, 'SELECT pgbeam.create_key()');
	is($answer->{state}, 'PB003', 'no key is added');
	like($answer->{message}, $message, 'for a reason');
	is(-s $node->data_dir . '/keyring', length($text), 'the file is left as it is');
}

# A keyring in a tablespace goes into backups too.
my $tablespace = PostgreSQL::Test::Utils::tempdir;
$node->safe_psql('postgres', "CREATE TABLESPACE t LOCATION '$tablespace'");
$node->append_conf('postgresql.conf', "pgbeam.development_key = off\npgbeam.keyring_file = '$tablespace/keyring'");
$node->restart;
like(ask($node, 'SELECT pgbeam.create_key()')->{message}, qr/lies in the data directory/, 'nor is there one in a tablespace');

done_testing();
