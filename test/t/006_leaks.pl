# Parts of a request that reach the log or the client. A password can leak
# before our code runs, and after. These leaks are shown here with the settings
# that stop them, so that the pages stay true. While our code runs nothing
# leaks.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use PgbeamTest;
use PostgreSQL::Test::Utils;
use Test::More;

# This password is meant to leak, so it is not the canary.
my $password = 'leaky-password-6Yb2';
my $leak = qr/\Q$password\E/;
my $node = set_up('main', folder('keys') . '/keyring', "log_statement = none\n");
my $n = 0;

value($node, <<'SQL');
CREATE ROLE boss LOGIN; CREATE ROLE app LOGIN; CREATE ROLE nobody LOGIN;
SELECT pgbeam.grant_access('boss', 'admin'), pgbeam.grant_access('app', 'api'),
	pgbeam.set_organization('full', '{"max_projects": 1}');
SQL

# A request body. The password stands last, close to the appended text.
sub body
{
	my ($name, $port, $end, $org) = @_;

	$org //= 'acme';
	return qq({"name": "$name", "org_id": "$org", "database": {"host": "db.example.com", )
	  . qq("port": $port, "name": "app", "username": "app", "password": "$password"$end}});
}

sub create
{
	return "SELECT pgbeam.create_project('" . body(@_) . "')";
}

# Sets a role's settings, and resets all others of that role.
sub set_role
{
	my ($role, @settings) = @_;

	value($node, "ALTER ROLE $role RESET ALL");
	value($node, "ALTER ROLE $role SET " . s/= (.*)/= '$1'/r) foreach @settings;
	return;
}

# What a role's statement leaves in the log, and its outcome.
sub logged
{
	my ($role, $sql) = @_;
	my $got;
	my $log = log_since($node, sub { $got = ask($node, $sql, role => $role) });

	return ($log, $got);
}

# An error that is raised after our code has ended.
value($node, <<'SQL');
CREATE FUNCTION public.late() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN IF NEW.name = 'late' THEN RAISE 'too late'; END IF; RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER late AFTER INSERT ON pgbeam.projects
	DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.late();
SQL

# role, what leaks under which settings, and what stops it
my @quiet = (
	'log_statement = none',
	'log_min_duration_statement = -1',
	'log_min_error_statement = panic');
foreach (
	[ 'boss', 'log_statement = all', ['log_statement = all'], create('a', 5432, ''), '00000' ],
	[ 'boss', 'log_min_duration_statement = 0', ['log_min_duration_statement = 0'],
		create('b', 5432, ''), '00000' ],
	[ 'boss', 'malformed JSON', [], create('c', 5432, ','), '22P02', 'log_error_verbosity = terse' ],
	[ 'boss', '\u0000 in JSON', [], create('d\u0000', 5432, ''), '22P05' ],
	[ 'boss', '\u0000 behind the password', [], create('d', 5432, ', "role": "\u0000"'), '22P05',
		'log_error_verbosity = terse' ],
	[ 'boss', 'a misspelt function', [], create('e', 5432, '') =~ s/_project/_projekt/r, '42883' ],
	[ 'nobody', 'no right to call', [], create('f', 5432, ''), '42501' ],
	[ 'boss', 'another part of the statement', [],
		create('g', 5432, '') . ', 1 / pg_backend_pid() / 0', '22012' ],
	[ 'boss', 'an error at commit', [], create('late', 5432, ''), 'P0001' ])
{
	my ($role, $name, $settings, $sql, $state, @more) = @$_;

	set_role($role, @$settings);
	my ($log, $got) = logged($role, $sql);
	is($got->{state}, $state, "$name: outcome");
	like($log, $leak, "$name: leaks");

	set_role($role, @quiet);
	($log) = logged($role, $sql =~ s/"name": "([a-f])/"name": "$1 again/r);
	if (@more)
	{
		like($log, $leak, "$name: still leaks under the settings that suffice elsewhere");
		set_role($role, @quiet, @more);
		($log) = logged($role, $sql);
	}
	unlike($log, $leak, "$name: does not leak under " . join ', ', @quiet, @more);
}

# The same as a parameter. pgbench is the only client at hand that sends one:
# what it logs, and what it is told.
my $script = folder('scripts') . '/call';
append_to_file($script, "SELECT pgbeam.create_project(:body);\n");

sub bound
{
	my ($body) = @_;
	my $err;
	my $log = log_since($node, sub {
		(undef, $err) = PostgreSQL::Test::Utils::run_command(
			[ 'pgbench', '-n', '-t', 1, '-M', 'extended', '-D', "body=$body", '-f', $script,
				'-U', 'boss', '-h', $node->host, '-p', $node->port, 'postgres' ]);
	});
	return ($log, $err);
}

# what, settings, end of the body, whether it reaches the log and the client
foreach (
	[ 'a parameter', [], '', 0, 0 ],
	[ 'a refused parameter', [], ', "role": 1', 0, 0 ],
	[ 'a malformed parameter', [], ',', 1, 1 ],
	[ 'a malformed parameter', [ @quiet, 'log_error_verbosity = terse' ], ',', 0, 1 ],
	[ 'a logged parameter', ['log_statement = all'], '', 1, 0 ],
	[ 'a logged parameter', [ 'log_statement = all', 'log_parameter_max_length = 0' ], '', 0, 0 ],
	[ 'a refused parameter', ['log_parameter_max_length_on_error = -1'], ', "role": 1', 0, 1 ])
{
	my ($name, $settings, $end, $in_log, $to_client) = @$_;

	set_role('boss', @$settings);
	my ($log, $err) = bound(body('bound ' . ++$n, 5432, $end));
	is($log =~ $leak ? 1 : 0, $in_log, "$name in the log, under @$settings");
	is($err =~ $leak ? 1 : 0, $to_client, "$name told to the client, under @$settings");
}

# Our own errors: role, statement, SQLSTATE, message. No setting can make them
# reveal more.
my $slow = session($node);
my @own = (
	[ 'boss', create('i', '"x"', ''), 'PT400', 'an invalid body' ],
	[ 'boss', create('a', 5432, ''), 'PT409', 'a name that is taken' ],
	[ 'boss', create('j', 5432, '', 'full'), 'PT403', 'a plan that is full' ],
	[ 'app', create('k', 5432, ''), 'PT401', 'a caller without a credential' ],
	[ 'boss', create('x' x (2 << 20), 5432, ''), 'PT413', 'a body that is too large' ],
	[ 'boss', 'SET lock_timeout = 50; ' . create('l', 5432, ''), '55P03', 'a lock that is not had' ],
	[ 'boss', 'SET statement_timeout = 1000; ' . create('m', 5432, ''), '57014', 'a timeout' ],
	[ 'boss', create('n', 5432, '') =~ s/"database"/"other": 1, $&/r, '00000', 'an ignored member' ]);
my @loud = (
	'log_min_error_statement = debug5',
	'log_min_messages = notice',
	'log_error_verbosity = verbose',
	'log_lock_waits = on',
	'deadlock_timeout = 10ms');

value($node, create('only', 5432, '', 'full'));
foreach my $settings ([], ['log_min_error_statement = error'], \@loud)
{
	my $under = 'under ' . (join(', ', @$settings) || 'the default settings');

	foreach (@own)
	{
		my ($role, $sql, $state, $name) = @$_;

		set_role($role, @$settings);
		value($slow, 'BEGIN; LOCK TABLE pgbeam.hosts') if $state =~ /^5/;
		my ($log, $got) = logged($role, $state eq '00000' ? "BEGIN; $sql; ROLLBACK" : $sql);
		value($slow, 'ROLLBACK') if $state =~ /^5/;
		is($got->{state}, $state, "$name: outcome");
		like($log, $state eq '00000' ? qr/WARNING/ : qr/\Q$got->{message}\E/, "$name: is logged");
		unlike($log, qr/STATEMENT|$leak/, "$name: no statement in the log $under");
		unlike($got->{err}, $leak, "$name: nor does the client see the password");
	}
}

# A deadlock: the server would log the statements of both sessions.
set_role('boss');
my $fast = session($node, 'boss');
value($slow, 'BEGIN; ' . create('p', 5432, ''));
value($fast, 'BEGIN; ' . create('q', 5432, ''));
my $deadlock = log_since($node, sub {
	my $waiting = create('q', 5432, '');

	$slow->query_until(qr/sent/, "\\echo sent\n$waiting;\n");
	$node->poll_query_until('postgres', "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)");
	ask($fast, create('p', 5432, ''));
	ask($_, 'ROLLBACK') foreach $fast, $slow;
});
like($deadlock, qr/deadlock detected/, 'two sessions come to a deadlock');
unlike($deadlock, $leak, 'no statement of either is logged');
$_->quit foreach $slow, $fast;

# The same for keys.
foreach ([ '', 'PB001' ], [ "$script.none", 'PB003' ])
{
	my ($file, $state) = @$_;

	$node->append_conf('postgresql.conf', "pgbeam.keyring_file = '$file'");
	$node->restart;
	my ($log, $got) = logged('boss', create('o', 5432, ''));
	is($got->{state}, $state, "$state: outcome");
	unlike($log, qr/STATEMENT|$leak/, "$state: no statement in the log");
}

done_testing();
