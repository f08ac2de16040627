# Dump and restore. A dump has all rows except the feed's, and no plaintext;
# the keyring file decides what the copy can open.

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
	['plain'],
	[ 'limited', org_id => 'initech' ],
	[ 'plain', org_id => 'globex' ],
	[   'quoted \'"\\ name',
		description => 'a "b" \\ \'c\'',
		tags => [ 'x,y', '{z}', '' ]
	],
	[   'configured',
		org_id => 'globex',
		cloud => 'gcp',
		database => {
			pool_region => 'eu',
			query_timeout_ms => 100,
			pool_config => { pool_size => 3 },
			cache_config => { ttl_seconds => 0 }
		}
	]);

# How to restore a dump of each format: a list of commands. Data is loaded by
# one job, because pg_restore does not know that projects go before databases,
# and an extension's foreign key exists before its data. With several jobs, it
# must be told to skip that data.
my @psql = qw(psql -X -q -v ON_ERROR_STOP=1 -o /dev/null -f);
my @pg_restore = qw(pg_restore --exit-on-error);
my %restores = (
	serial_plain => [ plain => \@psql ],
	serial_custom => [ custom => \@pg_restore ],
	parallel_custom => [
		custom => [ @pg_restore, '--section=pre-data' ],
		[ @pg_restore, '--data-only', '--disable-triggers', '--jobs=2' ],
		[ @pg_restore, '--section=post-data' ]
	]);

sub write_rows
{
	value($home, <<'SQL');
SELECT pgbeam.set_organization('acme', '{"plan": "pro", "max_projects": 7, "burst_size": 0}'),
	pgbeam.set_organization('initech', '{"plan": "enterprise"}'), pgbeam.suspend_organization('initech'),
	pgbeam.set_member('acme', 'anna', 'owner'), pgbeam.set_jwks('{"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "k",
		"x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}'),
	(SELECT id FROM pgbeam.create_api_key(org_id => 'acme')), (SELECT id FROM pgbeam.create_api_key(user_id => 'anna', expires_in => '1 day'));
SELECT pgbeam.set_organization('globex');
SELECT key FROM pgbeam.create_api_key(org_id => 'globex') \gset
SELECT status FROM pgbeam.http('POST', '/v1/projects', jsonb_build_object('x-api-key', :'key',
	'content-type', 'application/json', 'idempotency-key', 'one'), '{}')
SQL
	make($home, @$_) foreach @projects;
	my ($furnished, $database) = make($home, 'furnished', org_id => 'globex');
	value($home, <<"SQL");
SELECT pgbeam.create_replica('$database', '{"host": "r.example.com", "port": 5432}'),
	pgbeam.create_custom_domain('$furnished', '{"domain": "db.example.com"}'),
	pgbeam.report_domain('db.example.com', 'x'), pgbeam.report_connection_test('$database', true, 1.5);
SELECT pgbeam.report_queries(jsonb_agg(jsonb_build_object('database_id', '$database', 'query_hash', hash, 'normalized_sql', 'SELECT 1',
	'query_type', 'read', 'call_count', 9223372036854775807, 'avg_latency_ms', 0.1, 'p95_latency_ms', 1e-7, 'avg_response_bytes', 1,
	'stability_rate', 1, 'seen_at', '2001-01-01T00:00:00Z'))) FROM unnest('{a1b2c3d4e5f60718,b1b2c3d4e5f60718}'::text[]) AS hash;
SELECT pgbeam.update_cache_rule('$furnished', '$database', 'a1b2c3d4e5f60718', '{"cache_enabled": true, "cache_ttl_seconds": 5}');
SELECT pgbeam.report_traffic(jsonb_build_object('source', 'proxy', 'at', now() - interval '1 minute' * n, 'databases', jsonb_build_array(jsonb_build_object(
	'key', '$database', 'queries', 10 - n, 'transactions', 1, 'query_time_us', 1, 'wait_time_us', 1, 'assignments', 1, 'bytes_received', 1,
	'bytes_sent', 1, 'clients', 1)))) FROM unnest('{2,1}'::int[]) AS n
SQL
	my ($gone) = make($home, 'deleted');
	value($home, "SELECT pgbeam.delete_project('$gone')");
	value($home, "SELECT pgbeam.subscribe('proxy')");
	return;
}

sub add_own_objects
{
	value($home, <<'SQL');
CREATE ROLE app; CREATE ROLE proxy; CREATE ROLE boss;
SELECT pgbeam.grant_access('app', 'api'), pgbeam.grant_access('proxy', 'data_plane'), pgbeam.grant_access('boss', 'admin');
CREATE FUNCTION public.own_function() RETURNS trigger
	LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER own_trigger BEFORE UPDATE ON pgbeam.projects
	FOR EACH ROW EXECUTE FUNCTION public.own_function();
CREATE INDEX own_index ON pgbeam.projects (cloud);
SQL
	return;
}

sub own_objects
{
	return value(shift, <<'SQL', @_);
SELECT (SELECT count(*) FROM pg_trigger WHERE tgname = 'own_trigger'),
	(SELECT count(*) FROM pg_class WHERE relname = 'own_index'),
	(SELECT count(*) FROM pg_proc WHERE proname = 'own_function')
SQL
}

# The roles that may create projects, those that may reveal passwords, and those
# that may read the views.
sub grants
{
	return value(shift, <<'SQL', @_);
SELECT r, has_function_privilege(r, 'pgbeam.create_project(jsonb)', 'EXECUTE'),
	has_function_privilege(r, 'pgbeam.reveal_password(text)', 'EXECUTE'),
	has_schema_privilege(r, 'pgbeam_admin', 'USAGE') AND has_table_privilege(r, 'pgbeam_admin.databases', 'SELECT')
FROM unnest('{app,boss,proxy}'::text[]) AS r
SQL
}

sub contents
{
	my ($table, @where) = @_;

	return value(shift @where,
		"SELECT t FROM $table AS t ORDER BY t::text COLLATE \"C\"", @where);
}

sub restore
{
	my ($node, $name, $database) = @_;
	my ($format, @commands) = @{ $restores{$name} };

	$node->command_ok(
		[ $_->[0], '-d', $node->connstr($database), @$_[ 1 .. $#$_ ], "$dumps/$format" ],
		"$name restored: $_->[-1]")
	  foreach @commands;
	return;
}

value($home, "CREATE ROLE beam_owner NOLOGIN; SELECT pgbeam.set_owner('beam_owner')");
write_rows();
add_own_objects();
my @tables = split /\n/, value($home, <<'SQL');
SELECT oid::regclass FROM pg_class
WHERE relnamespace = 'pgbeam'::regnamespace AND relkind = 'r' AND relname <> 'changes'
SQL
cmp_ok(scalar @tables, '>=', 4, 'there are tables to compare');
is(count_open($home), '6|6', 'every password opens at home');
is(own_objects($home), '1|1|1', 'a user added a trigger, an index, a function');

$home->command_ok(
	[ 'pg_dump', "--format=$_", '-f', "$dumps/$_", '-d', $home->connstr('postgres') ],
	"$_ dump made")
  foreach qw(plain custom);
my $dump = slurp_file("$dumps/plain");
unlike($dump, qr/\Q$PASSWORD\E/, 'no password in the dump');
unlike($dump, qr/${\ unpack('H*', $PASSWORD)}/i, 'nor in hex');
like($dump, qr/^COPY pgbeam\.databases /m, 'yet it has the rows');

# A cluster that has the keyring.
my $twin = new_cluster('twin', "pgbeam.keyring_file = '$keys/home'\n");
value($twin, 'CREATE ROLE app; CREATE ROLE proxy; CREATE ROLE boss; CREATE ROLE beam_owner NOLOGIN');
foreach my $copy (sort keys %restores)
{
	value($twin, "CREATE DATABASE $copy");
	restore($twin, $copy, $copy);
	foreach my $table (@tables)
	{
		my $want = contents($table, $home);

		isnt($want, '', "$table has rows");
		is(contents($table, $twin, db => $copy), $want, "$copy: $table is the same");
	}
	is(value($twin, 'SELECT count(*) FROM pgbeam.changes', db => $copy), '0',
		"$copy: the feed, whose places mean nothing elsewhere, begins anew");
	is(count_open($twin, db => $copy), '6|6', "$copy: every password opens");
	is(own_objects($twin, db => $copy), '0|0|1',
		"$copy: what users add to our tables stays behind");
	is(grants($twin, db => $copy), "app|t|f|f\nboss|t|f|t\nproxy|f|t|f", "$copy: grants travel");
}

# Whoever restores is the owner at first. What mends that is the former owner,
# whose rights are not to be taken away.
my $about_owner = "SELECT mend FROM pgbeam.check_configuration() WHERE mend ~ 'owner'";
is(value($twin, $about_owner, db => 'serial_custom'), q(SELECT pgbeam.set_owner('beam_owner')), 'the former owner is named, and nothing is revoked from it');
value($twin, "$about_owner \\gexec", db => 'serial_custom');
is(value($twin, $about_owner, db => 'serial_custom'), '', 'it is the owner again');
value($twin, 'SELECT ' . create_call('after'), db => 'serial_custom');
value($twin, <<'SQL', db => 'serial_plain');
REVOKE ALL ON ALL TABLES IN SCHEMA pgbeam, pgbeam_admin FROM beam_owner;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA pgbeam FROM beam_owner;
REVOKE ALL ON SCHEMA pgbeam, pgbeam_admin FROM beam_owner;
SELECT pgbeam.set_owner('beam_owner')
SQL
value($twin, 'SELECT ' . create_call('after'), db => 'serial_plain');
is(value($twin, $about_owner, db => 'serial_plain'), '', 'an owner whose rights were revoked has them again');

# A cluster that never had the keyring.
my $stranger = new_cluster('stranger');
value($stranger, 'CREATE ROLE app; CREATE ROLE proxy; CREATE ROLE boss; CREATE ROLE beam_owner NOLOGIN');
restore($stranger, 'serial_plain', 'postgres');

my ($project, $database, $victim) = split /\|/, value($stranger, <<'SQL');
SELECT pgbeam.typeid_encode('prj', p.id), pgbeam.typeid_encode('db', d.id),
	(SELECT pgbeam.typeid_encode('prj', id) FROM pgbeam.projects WHERE name = 'limited')
FROM pgbeam.projects AS p JOIN pgbeam.databases AS d ON d.project_id = p.id
WHERE p.name = 'configured'
SQL
my $reveal = "SELECT pgbeam.reveal_password('$database') IS NULL";
my $key = value($home, 'SELECT key_id FROM pgbeam.key_status()');

is(ask($stranger, $reveal)->{state}, 'PB001', 'without a keyring no password is revealed');
is(ask($stranger, 'SELECT ' . create_call('early'))->{state}, 'PB001', 'nor stored');
is(lives_on($stranger, $project, $database, $victim), '', 'all else works');
is(value($stranger, 'SELECT key_id, state, secrets FROM pgbeam.key_status()'),
	"$key|missing|5", 'the status names the key that is missing');

$stranger->append_conf('postgresql.conf', "pgbeam.keyring_file = '$keys/stranger'");
$stranger->reload;
$stranger->poll_query_until('postgres',
	"SELECT current_setting('pgbeam.keyring_file', true) <> ''");
value($stranger, 'SELECT pgbeam.create_key()');
my $unknown = ask($stranger, $reveal);
is($unknown->{state}, 'PB002', 'with another keyring neither');
like($unknown->{message}, qr/$key/, 'and the missing key is named');
make($stranger, 'new');
is(value($stranger, "SELECT secrets FROM pgbeam.key_status() WHERE state = 'active'"),
	1, 'creating works again under the new key');

spill("$keys/stranger", slurp_file("$keys/home") . slurp_file("$keys/stranger"));
is(count_open($stranger), '6|6', 'with the line of the old key everything opens');

done_testing();
