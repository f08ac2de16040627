# Dump and restore: all rows travel, no plaintext does, and the keyring file
# decides what the copy can open.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use PgbeamTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $keys = folder('keys');
my $dumps = folder('dumps');
my $home = set_up('home', "$keys/home");

my @projects = (
	[ 'plain' ],
	[ 'quoted \'"\\ name', description => 'a "b" \\ \'c\'', tags => [ 'x,y', '{z}', '' ] ],
	[ 'limited', org_id => 'initech' ],
	[ 'configured', org_id => 'globex', cloud => 'gcp',
		database => {
			pool_region => 'eu', query_timeout_ms => 100,
			pool_config => { pool_size => 3 }, cache_config => { ttl_seconds => 0 }
		} ],
	[ 'plain', org_id => 'globex' ]);

sub write_rows
{
	value($home, "SELECT pgbeam.set_organization('acme', 'pro', max_projects => 7, burst_size => 0)");
	value($home, "SELECT pgbeam.set_organization('initech', 'enterprise')");
	make($home, @$_) foreach @projects;
	my ($gone) = make($home, 'deleted');
	value($home, "SELECT pgbeam.delete_project('$gone')");
}

sub add_own_objects
{
	value($home, <<'SQL');
CREATE ROLE app; CREATE ROLE proxy;
SELECT pgbeam.grant_access('app', 'api'), pgbeam.grant_access('proxy', 'data_plane');
CREATE FUNCTION public.watch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER own_trigger BEFORE UPDATE ON pgbeam.projects
	FOR EACH ROW EXECUTE FUNCTION public.watch();
CREATE INDEX own_index ON pgbeam.projects (cloud);
SQL
}

sub own_objects
{
	return value(shift, <<'SQL', @_);
SELECT (SELECT count(*) FROM pg_trigger WHERE tgname = 'own_trigger'),
	(SELECT count(*) FROM pg_class WHERE relname = 'own_index'),
	(SELECT count(*) FROM pg_proc WHERE proname = 'watch')
SQL
}

sub contents
{
	my ($table, @where) = @_;

	return value(shift @where, "SELECT t FROM $table AS t ORDER BY t::text COLLATE \"C\"", @where);
}

# Each format with the command that restores it: by one job, because pg_restore
# does not know that projects must be loaded before the databases that refer
# to them, and the foreign key stands before the data does.
my %restores = (
	plain => [ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-o', "$dumps/output", '-f' ],
	custom => [ 'pg_restore', '--exit-on-error' ]);

sub restore
{
	my ($node, $format, $database) = @_;
	my @target = ('-d', $node->connstr($database));
	my @command = @{ $restores{$format} };

	value($node, "CREATE DATABASE $database") if $database ne 'postgres';
	splice @command, 1, 0, @target;
	$node->command_ok([ @command, "$dumps/$format" ], "$format dump restored");
	return ($node, db => $database);
}

write_rows();
add_own_objects();
my @tables = split /\n/, value($home,
	"SELECT oid::regclass FROM pg_class WHERE relnamespace = 'pgbeam'::regnamespace AND relkind = 'r'");
cmp_ok(scalar @tables, '>=', 4, 'there are tables to compare');
is(count_open($home), '5|5', 'every password opens at home');

foreach my $format (sort keys %restores)
{
	$home->command_ok(
		[ 'pg_dump', "--format=$format", '-f', "$dumps/$format", '-d', $home->connstr('postgres') ],
		"$format dump made");
}
my $dump = slurp_file("$dumps/plain");
unlike($dump, qr/\Q$PASSWORD\E/, 'no password in the dump');
unlike($dump, qr/${\ unpack('H*', $PASSWORD)}/i, 'nor in hex');
like($dump, qr/^COPY pgbeam\.databases /m, 'yet it has the rows');

# A cluster that has the keyring.
my $twin = new_cluster('twin', "pgbeam.keyring_file = '$keys/home'\n");
value($twin, 'CREATE ROLE app; CREATE ROLE proxy');
foreach my $format (sort keys %restores)
{
	my @copy = restore($twin, $format, "from_$format");

	foreach my $table (@tables)
	{
		my $want = contents($table, $home);

		isnt($want, '', "$table has rows");
		is(contents($table, @copy), $want, "$table is the same from $format");
	}
	is(count_open(@copy), '5|5', "every password opens from $format");
	is(own_objects($home), '1|1|1', 'a user added a trigger, an index, a function');
	is(own_objects(@copy), '0|0|1', 'only what is not on our tables travels');
	foreach my $case (
		[ app => 'create_project(jsonb)', 't' ], [ app => 'reveal_password(text)', 'f' ],
		[ proxy => 'create_project(jsonb)', 'f' ], [ proxy => 'reveal_password(text)', 't' ])
	{
		my ($role, $function, $may) = @$case;

		is(value($copy[0], "SELECT has_function_privilege('$role', 'pgbeam.$function', 'EXECUTE')", @copy[ 1, 2 ]),
			$may, "$role on $function: $may");
	}
}

# A cluster that never had it.
my $stranger = new_cluster('stranger');
value($stranger, 'CREATE ROLE app; CREATE ROLE proxy');
restore($stranger, 'plain', 'postgres');

my ($project, $database, $victim) = split /\|/, value($stranger, <<'SQL');
SELECT pgbeam.typeid_encode('prj', p.id), pgbeam.typeid_encode('db', d.id),
	(SELECT pgbeam.typeid_encode('prj', id) FROM pgbeam.projects WHERE name = 'limited')
FROM pgbeam.projects AS p JOIN pgbeam.databases AS d ON d.project_id = p.id
WHERE p.name = 'configured'
SQL
my $reveal = "SELECT pgbeam.reveal_password('$database') IS NULL";
my $key = value($home, 'SELECT key_id FROM pgbeam.key_status()');

is(ask($stranger, $reveal)->{state}, 'PB001', 'no keyring: a password is not revealed');
is(lives_on($stranger, $project, $database, $victim), '', 'all else works');
is(value($stranger, 'SELECT key_id, state, secrets FROM pgbeam.key_status()'),
	"$key|missing|4", 'the status names the key that is missing');
is(ask($stranger, 'SELECT ' . create_call('early'))->{state}, 'PB001', 'nor is one stored');

$stranger->append_conf('postgresql.conf', "pgbeam.keyring_file = '$keys/stranger'");
$stranger->reload;
$stranger->poll_query_until('postgres', "SELECT current_setting('pgbeam.keyring_file', true) <> ''");
value($stranger, 'SELECT pgbeam.create_key()');
my $unknown = ask($stranger, $reveal);
is($unknown->{state}, 'PB002', 'another keyring: the same password');
like($unknown->{message}, qr/$key/, 'names the missing key');
make($stranger, 'new');
is(value($stranger, "SELECT count(*) FROM pgbeam.key_status() WHERE state = 'active' AND secrets = 1"),
	1, 'creating works again under the new key');

spill("$keys/stranger", slurp_file("$keys/home") . slurp_file("$keys/stranger"));
is(count_open($stranger), '5|5', 'with the line of the old key everything opens');

done_testing();
