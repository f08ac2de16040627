# Where a keyring may be and how it may be written, how keys are added to a
# keyring that is kept elsewhere, and who is told its path.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use PgbeamTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $keys = folder('keys');
my $node = set_up('main', "$keys/first");
my $line = slurp_file("$keys/first");
my ($id) = split / /, $line;
my (undef, $database) = make($node, 'project');
value($node, <<'SQL');
CREATE ROLE plane LOGIN; CREATE ROLE app LOGIN; CREATE ROLE layer LOGIN;
SELECT pgbeam.grant_access('plane', 'data_plane'), pgbeam.grant_access('app', 'api'), pgbeam.grant_access('layer', 'http');
SQL
my $key = value($node, "SELECT key FROM pgbeam.create_api_key(org_id => 'acme')");
$node->append_conf('postgresql.conf', "log_error_verbosity = default\n");

sub use_keyring
{
	my ($path) = @_;

	$node->append_conf('postgresql.conf', "pgbeam.keyring_file = '$path'");
	$node->reload;
	$node->poll_query_until('postgres', "SELECT current_setting('pgbeam.keyring_file') = '$path'");
	return;
}

sub opens { return value($node, "SELECT pgbeam.reveal_password('$database') = :'password' || ' of project'") }

sub create_key { return ask($node, 'SELECT pgbeam.create_key()') }

# As editors and other systems write a file.
my %texts = (
	'CR LF' => $line =~ s/\n/\r\n/r,
	'CR LF, two lines and comments' => "# keys\r\n\r\n" . $line =~ s/\n/\r\n/r,
	'a byte order mark' => "\xef\xbb\xbf$line",
	'blanks at the end' => $line =~ s/\n/ \t\n \n/r,
	'indented comments' => "  # old: " . $line . "\t# this one\n$line",
	'no newline at the end' => $line =~ s/\n//r,
	'a return and no newline' => $line =~ s/\n/\r/r);
my $n = 0;
foreach my $name (sort keys %texts)
{
	my $path = "$keys/text" . ++$n;

	spill($path, $texts{$name});
	use_keyring($path);
	is(opens(), 't', "$name: it opens");
	is(create_key()->{state}, '00000', "$name: a key is added");
	$node->reload;
	is(value($node, 'SELECT count(*), min(key_id) FILTER (WHERE NOT active) FROM pgbeam.keyring()'), "2|$id", "$name: there are both");
	is(opens(), 't', "$name: it opens still");
	like(slurp_file($path), qr/^\Q$texts{$name}\E\n?[0-9a-f]{32} [0-9a-f]{64}\n\z/, "$name: nothing else is changed");
}

# As Kubernetes mounts a secret and changes it: all at once, by a new link.
my $secret = "$keys/secret";
mkdir "$secret", 0755 or die $!;
sub project_secret
{
	my ($version, $text) = @_;

	mkdir "$secret/..$version", 0755 or die $!;
	spill("$secret/..$version/keyring", $text);
	symlink "..$version", "$secret/..data_tmp" or die $!;
	rename "$secret/..data_tmp", "$secret/..data" or die $!;
	return;
}
project_secret('2026_11_28_10', $line);
symlink '..data/keyring', "$secret/keyring" or die $!;
use_keyring("$secret/keyring");
is(opens(), 't', 'a secret volume: it opens');
my $got = create_key();
is($got->{state}, '55000', 'a secret volume: no key is added');
like($got->{hint}, qr/Kubernetes secret/, 'a secret volume: but where it comes from');
is_deeply([ sort map { s/.*\///r } glob("$secret/* $secret/..2*") ], [ '..2026_11_28_10', 'keyring' ], 'a secret volume: nothing is left in it');
spill("$keys/elsewhere", $line);
use_keyring("$keys/elsewhere");
my $new = value($node, 'SELECT pgbeam.create_key()');
project_secret('2026_11_28_11', slurp_file("$keys/elsewhere"));
use_keyring("$secret/keyring");
is(value($node, 'SELECT key_id FROM pgbeam.keyring() WHERE active'), $new, 'a secret volume: the key has arrived');
is(opens(), 't', 'a secret volume: it opens still');
chmod 0777, $secret or die $!;
is(ask($node, "SELECT pgbeam.reveal_password('$database') IS NULL")->{state}, 'PB003', 'a secret volume that others may write: no');
chmod 0755, $secret or die $!;
unlink "$secret/keyring" or die $!;
symlink '..data/none', "$secret/keyring" or die $!;
is(create_key()->{state}, '55000', 'a link that leads nowhere: no key is made there');

# A first key is not made either if others may write there, and nothing is left
# behind.
mkdir "$keys/shared", 0700 or die $!;
chmod 0777, "$keys/shared" or die $!;
use_keyring("$keys/shared/keyring");
$got = create_key();
is($got->{state}, 'PB003', 'a folder that others may write: no key is made there');
like($got->{message}, qr/others may write/, 'a folder that others may write: why');
is_deeply([ glob("$keys/shared/*") ], [], 'a folder that others may write: nothing is left in it');
chmod 0711, "$keys/shared" or die $!;
is(create_key()->{state}, '00000', 'a folder that others may enter: a key is made');

# Only the log gets the path, whoever the caller is and whatever they call.
use_keyring("$keys/none/of/your/business");
my %doors = (
	create_project => [ 'SELECT ' . create_call('other') ],
	reveal_password => [ "SELECT pgbeam.reveal_password('$database') IS NULL", 'plane' ],
	rewrap => [ 'SELECT pgbeam.rewrap()' ],
	keyring => [ 'SELECT pgbeam.keyring()' ],
	key_status => [ 'SELECT pgbeam.key_status()' ],
	health => [ 'SELECT pgbeam.health()' ],
	plain => [ "BEGIN; SELECT set_config('request.method', 'POST', true), set_config('request.headers', '{\"x-api-key\": \"$key\"}', true) "
		  . 'IS NULL; SELECT ' . create_call('other') . '; COMMIT', 'app' ],
	http => [ "SELECT pgbeam.http('POST', '/v1/projects', jsonb_build_object('x-api-key', '$key', 'content-type', 'application/json', "
		  . "'idempotency-key', 'one'), '{}')", 'layer' ]);
foreach my $door (sort keys %doors)
{
	my ($sql, $role) = @{ $doors{$door} };
	my $log = log_since($node, sub { $got = ask($node, $sql, defined $role ? (role => $role) : ()) });

	unlike("$got->{out}$got->{err}", qr/business/, "$door: no path");
	next if $door eq 'health';
	like($log, qr/the keyring file does not exist/, "$door: the log has the reason");
	like($log, qr/The file is "\Q$keys\E\/none\/of\/your\/business"/, "$door: the log has the path");
}
like(ask($node, "SELECT pgbeam.reveal_password('$database') IS NULL", role => 'plane')->{message},
	qr/^the keyring file does not exist$/, 'the caller is told what is wrong all the same');

done_testing();
