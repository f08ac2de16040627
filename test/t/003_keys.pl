# Every fault of keys and ciphertexts has its own SQLSTATE, message and hint.
# The server starts in spite of it, and everything that needs no key works.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use File::Basename 'dirname';
use PgbeamTest;
use POSIX 'mkfifo';
use PostgreSQL::Test::Utils;
use Test::More;

my $keys = folder('keys');
my $node = set_up('main', "$keys/other", "shared_preload_libraries = 'pgbeam'\n");
use_keyring("$keys/good");
value($node, 'SELECT pgbeam.create_key()');
my $line = slurp_file("$keys/good");
my ($other_id) = split / /, slurp_file("$keys/other");

sub use_keyring
{
	my ($path) = @_;

	$node->append_conf('postgresql.conf', "pgbeam.keyring_file = '$path'");
	$node->restart;
	return;
}

# Keyrings: each makes a file, or something else, of this path, and returns the
# path to configure.
sub holding
{
	my ($text) = @_;

	return sub { spill($_[0], $text); return $_[0] };
}

sub with_mode
{
	my ($mode) = @_;

	return sub { spill($_[0], $line); chmod $mode, $_[0] or die $!; return $_[0] };
}

# In a folder of its own, with that mode.
sub shared
{
	my ($mode) = @_;

	return sub {
		mkdir "$_[0].$_", 0700 or die $! foreach 'outer', 'outer/inner';
		spill("$_[0].outer/inner/keyring", $line);
		chmod $mode, "$_[0].outer/inner" or die $!;
		return "$_[0].outer/inner/keyring";
	};
}

sub good { return "$keys/good" }
sub other { return "$keys/other" }

sub in_data_directory
{
	my $path = $node->data_dir . '/keyring';

	spill($path, $line);
	return $path;
}

sub in_linked_data_directory
{
	my ($path) = @_;

	symlink $node->data_dir, $path or die $!;
	return "$path/keyring";
}

# Ciphertexts: each replaces the one in a database's row.
my $moved = "password_sealed = (SELECT f.password_sealed FROM pgbeam.databases AS f"
  . " JOIN pgbeam.projects AS p ON p.id = f.project_id WHERE p.name = 'source' AND p.org_id = '%s')";

sub byte
{
	my ($n, $value) = @_;

	return "password_sealed = set_byte(password_sealed, $n, $value)";
}

# fault, SQLSTATE, message, hint, what to do with the file, what to do with the
# row; only messages of the same fault may be alike.
my @faults = (
	[ 'no keyring', 'PB001', qr/no encryption key is configured/, qr/Set pgbeam.keyring_file .*create_key/,
		sub { '' } ],
	[ 'unknown key', 'PB002', qr/^key [0-9a-f]{32} is not in this server's keyring/, qr/Copy its line/,
		\&other, 'password_generation = 1' ],
	[ 'missing', 'PB003', qr/does not exist/, qr/create_key/, sub { $_[0] } ],
	[ 'missing', 'PB003', qr/does not exist/, qr/create_key/, sub { "$_[0]/below" } ],
	[ 'unreadable', 'PB003', qr/cannot be read by the server/, qr/mode 0600/, with_mode(0000) ],
	[ 'directory', 'PB003', qr/is a directory/, qr/to a file/, sub { mkdir $_[0], 0700; $_[0] } ],
	[ 'fifo', 'PB003', qr/is not a regular file/, qr/to a file/, sub { mkfifo($_[0], 0600); $_[0] } ],
	[ 'links in a circle', 'PB003', qr/too many symbolic links/, qr/the file itself/,
		sub { symlink $_[0], $_[0]; $_[0] } ],
	[ 'in the data directory', 'PB003', qr/lies in the data directory/, qr/Move it out/,
		sub { symlink in_data_directory(), $_[0]; $_[0] } ],
	[ 'hard link', 'PB003', qr/has another name as well/, qr/-samefile/,
		sub { spill($_[0], $line); link $_[0], $node->data_dir . '/hidden' or die $!; $_[0] } ],
	[ 'shared folder', 'PB003', qr/others may write to \(mode 0777\)/, qr/chmod go-w/, shared(0777) ],
	[ 'shared folder', 'PB003', qr/others may write to \(mode 0770\)/, qr/chmod go-w/, shared(0770) ],
	[ 'shared folder', 'PB003', qr/others may write to \(mode 1777\)/, qr/chmod go-w/, shared(01777) ],
	[ 'shared folder', 'PB003', qr/others may write to \(mode 0757\)/, qr/chmod go-w/,
		sub { my $path = shared(0700)->($_[0] . '.d'); chmod 0757, dirname(dirname($path)); $path } ],
	[ 'too open', 'PB003', qr/open to its group or others .*0640/, qr/Set its mode/, with_mode(0640) ],
	[ 'too open', 'PB003', qr/open to its group or others .*0602/, qr/Set its mode/, with_mode(0602) ],
	[ "root's", 'PB003', qr/is root's, and open to others .*0644/, qr/Set its mode to 0440/,
		sub { '/etc/passwd' } ],
	[ 'in the data directory', 'PB003', qr/lies in the data directory/, qr/Move it out/,
		\&in_data_directory ],
	[ 'in the data directory', 'PB003', qr/lies in the data directory/, qr/Move it out/,
		\&in_linked_data_directory ],
	[ 'in the data directory', 'PB003', qr/lies in the data directory/, qr/Move it out/,
		sub { in_data_directory(); 'keyring' } ],
	[ 'too large', 'PB003', qr/is larger than 64 kB/, qr/one short line/, holding($line . '#' x 65536) ],
	[ 'empty', 'PB003', qr/is empty/, qr/backup, or remove it and make/, holding('') ],
	[ 'malformed', 'PB003', qr/malformed in line 1: a line must be/, qr/Restore it/,
		holding($line =~ s/.\n/g\n/r) ],
	[ 'malformed', 'PB003', qr/malformed in line 1: the key id does not belong/, qr/Restore it/,
		holding($line =~ s/^\w+/$other_id/r) ],
	[ 'malformed', 'PB003', qr/malformed in line 1: a line must be/, qr/Restore it/,
		holding($line =~ s/ //r) ],
	[ 'malformed', 'PB003', qr/malformed in line 3: a line must be/, qr/Restore it/,
		holding("# two\n${line}secret-5Tq\n") ],
	[ 'malformed', 'PB003', qr/malformed in line 1: a line must be/, qr/Restore it/,
		holding("\0$line") ],
	[ 'malformed', 'PB003', qr/no key/, qr/Restore it/, holding("# secret-5Tq\n") ],
	[ 'forged', 'PB004', qr/^the secret of database db_\w+ fails authentication/, qr/or moved/,
		\&good, byte(60, '255 - get_byte(password_sealed, 60)') ],
	[ 'forged', 'PB004', qr/fails authentication/, qr/moved/, \&good, sprintf($moved, 'acme') ],
	[ 'forged', 'PB004', qr/fails authentication/, qr/moved/, \&good, sprintf($moved, 'globex') ],
	[ 'forged', 'PB004', qr/fails authentication/, qr/moved/, \&good, 'password_generation = 2' ],
	[ 'no format of ours', 'PB004', qr/^the secret of database db_\w+ is not in a format/, qr/newer/,
		\&good, byte(0, 2) ],
	[ 'sealed', '0A000', qr/sealed to a key that this server does not hold/, qr/where its private key is/,
		\&good, byte(1, 2) ]);

# Any 16 digits of a key in a row.
sub key_material
{
	my @digits = map { / (\w+)/ } map { slurp_file("$keys/$_") } qw(good other);
	my $any = join '|', map { my $key = $_; map { substr $key, $_, 16 } 0 .. 48 } @digits;

	return qr/$any|secret-5Tq|\Q$PASSWORD\E/i;
}

sub rows
{
	return value($node, <<'SQL');
SELECT (SELECT count(*) FROM pgbeam.organizations), (SELECT count(*) FROM pgbeam.hosts),
	(SELECT count(*) FROM pgbeam.projects), (SELECT count(*) FROM pgbeam.databases)
SQL
}

# Puts a fault into a row, and makes the call that must fail because of it.
sub meet
{
	my ($i, $project, $database) = @_;
	my ($name, undef, undef, undef, $file, $change) = @{ $faults[$i] };

	use_keyring($file->("$keys/$i"));
	return ask($node, 'SELECT ' . create_call("refused $i", org_id => "new $i"))
	  unless defined $change;
	value($node, "UPDATE pgbeam.databases SET $change WHERE id = pgbeam.typeid_decode('$database')");
	return ask($node, "SELECT pgbeam.reveal_password('$database') IS NULL");
}

make($node, 'source', org_id => $_) foreach qw(acme globex);
my @made = map { [ make($node, "project $_") ] } 0 .. $#faults;
my $before = rows();
my $material = key_material();
my (%messages, %hints);
foreach my $i (0 .. $#faults)
{
	my ($fault, $state, $message, $hint) = @{ $faults[$i] };
	my ($project, $database) = @{ $made[$i] };
	my $name = "$fault ($i)";
	my $got = meet($i, $project, $database);

	is($got->{state}, $state, "$name: SQLSTATE");
	like($got->{message}, $message, "$name: message");
	like($got->{hint}, $hint, "$name: hint");
	unlike($got->{err}, $material, "$name: nothing secret is told");
	is(lives_on($node, $project, $database, $project), '', "$name: all else works");
	$messages{ $got->{message} =~ s/db_\w+//r }{$fault} = 1;
	$hints{ $got->{hint} }{$fault} = 1 unless $fault eq 'fifo';
}
is(rows(), $before =~ s/^(\d+)/$1 + 1/er, 'nothing was written but the bystander');
is_deeply([ grep { keys %{ $messages{$_} } > 1 } keys %messages ], [], 'each fault has its own message');
is_deeply([ grep { keys %{ $hints{$_} } > 1 } keys %hints ], [], 'each has its own hint');
unlike(slurp_file($node->logfile), $material, 'nothing secret was logged');

use_keyring(holding($line . '#' x (65536 - length $line))->("$keys/full"));
is(count_open($node), '2|2', 'a keyring of 64 kB is none too large');

done_testing();
