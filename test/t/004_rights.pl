# Which role may do what. Objects planted in a search path are never called
# with the rights of our functions.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use PgbeamTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = set_up('main', folder('keys') . '/keyring');
my ($project, $database) = make($node, 'first');
my @victims = map { (make($node, "victim $_"))[0] } 1 .. 12;
value($node, <<'SQL');
CREATE ROLE nobody LOGIN; CREATE ROLE app LOGIN; CREATE ROLE proxy LOGIN;
CREATE ROLE boss LOGIN; CREATE ROLE deputy LOGIN IN ROLE boss;
SELECT pgbeam.grant_access('app', 'api'), pgbeam.grant_access('proxy', 'data_plane'),
	pgbeam.grant_access('boss', 'admin');
-- The server logs the statement of a role that may not even call a function.
ALTER ROLE nobody SET log_min_error_statement = panic;
ALTER ROLE proxy SET log_min_error_statement = panic;
SQL

# The SQLSTATE that each role gets, in the order of @roles.
my @roles = qw(nobody app proxy boss deputy);
my ($ok, $denied, $unknown) = qw(00000 42501 PT401);
my $n = 0;
my %rights = (
	create => [ sub { 'SELECT ' . create_call('made ' . $n++) }, $denied, $unknown, $denied, $ok, $ok ],
	get_project => [ "SELECT pgbeam.get_project('$project')", $denied, $unknown, $denied, $ok, $ok ],
	get_database => [ "SELECT pgbeam.get_database('$project', '$database')",
		$denied, $unknown, $denied, $ok, $ok ],
	delete => [ sub { "SELECT pgbeam.delete_project('" . pop(@victims) . "')" },
		$denied, $unknown, $denied, $ok, $ok ],
	set_organization => [ q(SELECT pgbeam.set_organization('acme', '{"plan": "scale"}')),
		$denied, $denied, $denied, $ok, $ok ],
	key_status => [ 'SELECT pgbeam.key_status()', $denied, $denied, $denied, $ok, $ok ],
	keyring => [ 'SELECT pgbeam.keyring()', $denied, $denied, $denied, $ok, $ok ],
	reveal => [ "SELECT pgbeam.reveal_password('$database') IS NULL",
		$denied, $denied, $ok, $denied, $denied ],
	create_key => [ 'SELECT pgbeam.create_key()', ($denied) x 5 ],
	grant => [ "SELECT pgbeam.grant_access('nobody', 'api')", ($denied) x 5 ],
	typeid => [ "SELECT pgbeam.typeid('x')", $denied, ($ok) x 4 ],
	show_file => [ "SELECT pgbeam.typeid('x'); SHOW pgbeam.keyring_file", ($denied) x 5 ],
	set_file => [ "SELECT pgbeam.typeid('x'); SET pgbeam.keyring_file = ''", $denied, ('55P02') x 4 ]);
my @tables = split /\n/, value($node, <<'SQL');
SELECT oid::regclass FROM pg_class
WHERE relnamespace = 'pgbeam'::regnamespace AND relkind IN ('r', 'v', 'p')
SQL
foreach my $table (@tables)
{
	$rights{"$table: $_->[0]"} = [ $_->[1], ($denied) x 5 ]
	  foreach [ read => "SELECT FROM $table" ], [ delete => "DELETE FROM $table" ],
	  [ copy => "COPY $table TO STDOUT" ];
}

# The views are for admins to read. One that joins tables cannot be written to
# at all.
foreach my $view (split /\n/, value($node, q{SELECT oid::regclass FROM pg_class WHERE relnamespace = 'pgbeam_admin'::regnamespace}))
{
	$rights{"$view: read"} = [ "SELECT FROM $view", ($denied) x 3, $ok, $ok ];
	$rights{"$view: delete"} = [ "DELETE FROM $view", ($denied) x 3, ($view =~ /databases|_traffic$/ ? '55000' : $denied) x 2 ];
}

foreach my $act (sort keys %rights)
{
	my ($sql, @want) = @{ $rights{$act} };

	is(ask($node, ref $sql ? $sql->() : $sql, role => $_)->{state}, shift @want, "$_: $act")
	  foreach @roles;
}

# Grants do not change what only superusers may do.
value($node, 'GRANT EXECUTE ON FUNCTION pgbeam.create_key() TO boss');
is(ask($node, 'SELECT pgbeam.create_key()', role => 'boss')->{state}, $denied,
	'boss: create_key, though granted');

# Settings made before the library is loaded have no effect.
value($node, 'SET pgbeam.keyring_file = $$/nowhere$$; SET pgbeam.proxy_domain = $$evil.test$$; '
	  . 'SELECT ' . create_call('unmoved'), role => 'boss');
is(value($node, "SELECT host FROM pgbeam.hosts WHERE host LIKE 'unmoved%'"),
	'unmoved.aws.pgbeam.app', 'settings of a role change nothing');

# Within a request no role makes its caller trusted. Operations answer that
# there is no credential; other functions raise an error.
my $session = session($node);
my %calls = (
	create => 'SELECT ' . create_call('requested'),
	get => "SELECT pgbeam.get_project('$project')",
	delete => "SELECT pgbeam.delete_project('$project')",
	set_organization => "SELECT pgbeam.set_organization('acme')",
	reveal => "SELECT pgbeam.reveal_password('$database') IS NULL");
foreach my $call (sort keys %calls)
{
	value($session, "BEGIN; SELECT set_config('request.method', 'POST', true)");
	my $got = ask($session, $calls{$call});
	if ($call =~ /^(create|get|delete)$/)
	{
		like($got->{out}, qr/"UNAUTHORIZED"/, "within a request: $call");
		is(value($session, "SELECT current_setting('response.status')"), 401, "its status: $call");
	}
	else
	{
		is($got->{state}, $unknown, "within a request: $call");
	}
	value($session, 'ROLLBACK');
}
value($session, "BEGIN; SELECT set_config('request.method', 'POST', true); COMMIT");
is(value($session, "SELECT current_setting('request.method')"), '', 'afterwards it is empty');
is(ask($session, $calls{$_})->{state}, $ok, "after a request: $_")
  foreach qw(create get reveal);
value($session, "SET request.method = ''");
is(ask($session, $calls{$_})->{state}, $ok, "in no request: $_")
  foreach qw(get reveal set_organization delete);
$session->quit;

done_testing();
