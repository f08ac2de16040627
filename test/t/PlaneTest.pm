# The common part of the tests of the data plane: a registry, upstreams, a real
# PgBouncer and the agent, all by loopback or sockets, and logins through them.
package PlaneTest;

use strict;
use warnings;

use Exporter 'import';
use IPC::Run;
use PgbeamTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

our @EXPORT = qw(lack_of_pgbouncer new_registry new_upstream new_plane start_pgbouncer start_agent
  run_agent replace_file stop_program kill_program agent_log wait_until settle login key_of console reloads);

# Programs end with the test, however it ends.
my %running;

END { kill 'KILL', keys %running if %running }

# Why the tests cannot run, or nothing.
sub lack_of_pgbouncer
{
	my $out = '';

	eval { IPC::Run::run([ 'pgbouncer', '-V' ], '>', \$out) };
	return 'there is no PgBouncer 1.22 or later, nor one to be had from Debian'
	  if $out !~ /^PgBouncer (\d+)\.(\d+)/ || "$1$2" < 122;
	return '';
}

# A registry whose projects are routed by the database's key, with a role for
# each program. Upstreams of the tests are on loopback.
sub new_registry
{
	my ($name, $conf) = @_;
	my $registry = set_up($name, folder('keys') . '/keyring', <<CONF . ($conf // ''));
max_connections = 40
pgbeam.proxy_routing = 'database'
pgbeam.forbidden_networks = ''
CONF

	value($registry, <<'SQL');
CREATE ROLE agent LOGIN;
SELECT pgbeam.grant_access('agent', 'data_plane');
CREATE ROLE pgbeam_proxy LOGIN;
SELECT pgbeam.grant_access('pgbeam_proxy', 'proxy');
SQL
	return $registry;
}

# A server on loopback that wants passwords. Each of its databases has the
# name of the server in a table; the user app has the password of create_call()
# for a project of that name.
sub new_upstream
{
	my ($name, %how) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);
	my $hba = $how{hba} // 'host all all 127.0.0.1/32 scram-sha-256';

	$node->init(extra => [ '-E', 'UTF8', '--locale=C' ]);
	$node->append_conf('postgresql.conf', "listen_addresses = '127.0.0.1'\nlog_statement = none\nautovacuum = off\n" . ($how{conf} // ''));
	unlink $node->data_dir . '/pg_hba.conf' or die $!; # trusts everybody
	PostgreSQL::Test::Utils::append_to_file($node->data_dir . '/pg_hba.conf', "local all all trust\n$hba\n");
	$node->start;
	value($node, <<SQL);
SELECT format('CREATE ROLE app LOGIN PASSWORD %L', concat(:'password', ' of $name')) \\gexec
SQL
	foreach my $database (@{ $how{databases} // ['mydb'] })
	{
		(my $quoted = $database) =~ s/"/""/g;
		value($node, qq(CREATE DATABASE "$quoted"));
		value($node, "CREATE TABLE whoami AS SELECT '$name' AS name; GRANT SELECT ON whoami TO app", db => $database);
	}
	return $node;
}

# The places of a PgBouncer and its agent.
sub new_plane
{
	my ($registry, %how) = @_;
	my $root = PostgreSQL::Test::Utils::tempdir_short();
	my %plane = (
		registry => $registry,
		root     => $root,
		files    => "$root/pgbeam",
		port     => PostgreSQL::Test::Cluster::get_free_port(),
		options  => $how{options} // []);

	mkdir $plane{files}, 0700 or die $!;
	foreach my $file (qw(databases.ini hba.conf))
	{
		PostgreSQL::Test::Utils::append_to_file("$plane{files}/$file", '');
	}
	foreach my $file (qw(pgbouncer.ini common.ini users.txt))
	{
		PostgreSQL::Test::Utils::append_to_file("$root/$file", example(\%plane, $file));
	}
	PostgreSQL::Test::Utils::append_to_file("$root/pgbouncer.ini", "logfile = $root/log\n");
	return \%plane;
}

# A file of the examples, for the places and the ports of a plane.
sub example
{
	my ($plane, $name) = @_;
	my $text = slurp_file("$FindBin::RealBin/../../examples/dataplane/$name");
	my $registry = 'host=' . $plane->{registry}->host . ' port=' . $plane->{registry}->port . ' dbname=postgres';

	$text =~ s{host=/var/run/postgresql dbname=mydb}{$registry}g;
	$text =~ s{/var/run/postgresql}{$plane->{root}}g;
	$text =~ s{/etc/pgbouncer}{$plane->{root}}g;
	$text =~ s{/var/lib/pgbeam}{$plane->{files}}g;
	$text =~ s{0\.0\.0\.0}{127.0.0.1}g;
	$text =~ s{6432}{$plane->{port}}g;
	$text =~ s{verify-full}{disable}g;
	$text =~ s{a-long-password}{}g;
	return $text;
}

sub start_program
{
	my ($plane, $name, @command) = @_;

	my $program = IPC::Run::start(\@command, '<', \undef, '>>', "$plane->{root}/$name.out", '2>>', "$plane->{root}/$name.err");
	$plane->{$name} = { run => $program, pid => $program->{KIDS}[0]{PID} };
	$running{ $plane->{$name}{pid} } = 1;
	return;
}

sub start_pgbouncer
{
	my ($plane, $ini) = @_;

	start_program($plane, 'pgbouncer', 'pgbouncer', $ini // "$plane->{root}/pgbouncer.ini");
	wait_until('PgBouncer', sub { -S "$plane->{root}/.s.PGSQL.$plane->{port}" && console($plane, 'SHOW VERSION') });
	return;
}

sub agent_command
{
	my ($plane) = @_;
	my $registry = $plane->{registry};

	return (
		'pgbeam_agent', '--folder=' . $plane->{files},
		'--registry=host=' . $registry->host . ' port=' . $registry->port . ' dbname=postgres user=agent',
		"--console=host=$plane->{root} port=$plane->{port}",
		'--ssl-mode=disable', '--name=agent', @{ $plane->{options} });
}

sub start_agent
{
	my ($plane, @options) = @_;

	start_program($plane, 'agent', agent_command($plane), @options);
	return;
}

# Runs it to its end: status, standard output, standard error.
sub run_agent
{
	my ($plane, @options) = @_;
	my ($out, $err) = ('', '');

	IPC::Run::run([ agent_command($plane), @options ], '<', \undef, '>', \$out, '2>', \$err);
	return ($? >> 8, $out, $err);
}

# At once, for a program may read the file at any time.
sub replace_file
{
	my ($path, $text) = @_;

	append_to_file("$path.new", $text);
	rename "$path.new", $path or die $!;
	return;
}

sub stop_program
{
	my ($plane, $name, $signal) = @_;
	my $program = delete $plane->{$name} or return;

	local $SIG{ALRM} = sub { die "$name does not end\n" . agent_log($plane) };

	kill $signal // 'TERM', $program->{pid};
	alarm 120;
	$program->{run}->finish;
	alarm 0;
	delete $running{ $program->{pid} };
	return $program->{run}->full_result(0);
}

sub kill_program { return stop_program(@_[ 0, 1 ], 'KILL') }

sub agent_log
{
	my ($plane) = @_;

	return -e "$plane->{root}/agent.err" ? slurp_file("$plane->{root}/agent.err") : '';
}

# Whether a program has ended, though nobody has ended it.
sub has_ended
{
	my ($plane, $name) = @_;
	my $program = $plane->{$name} or return 0;

	return slurp_file("/proc/$program->{pid}/stat") =~ /\) Z /;
}

sub wait_until
{
	my ($what, $test, $plane) = @_;

	for (1 .. 50 * $PostgreSQL::Test::Utils::timeout_default)
	{
		return 1 if $test->();
		die "the agent has ended\n" . agent_log($plane) if $plane && has_ended($plane, 'agent');
		sleep 0.02;
	}
	die "waited in vain for $what" . ($plane ? "\n" . agent_log($plane) : '');
}

# Waits until PgBouncer has all that was changed.
sub settle
{
	my ($plane) = @_;

	return wait_until(
		'the feed to be dealt with',
		sub { value($plane->{registry}, q(SELECT lag_rows FROM pgbeam.feed_status() WHERE consumer = 'agent')) eq '0' },
		$plane);
}

# As a value in a connection string of libpq.
sub quoted
{
	my ($text) = @_;

	return "'" . ($text =~ s/([\\'])/\\$1/gr) . "'";
}

# Logs in through PgBouncer. Returns the output of the query, or the error.
sub login
{
	my ($plane, $key, $password, %how) = @_;
	my $query = $how{query} // 'SELECT name FROM whoami';
	my $to = "host=127.0.0.1 port=$plane->{port} user=" . quoted($how{user} // 'app') . ' dbname=' . quoted($key) . ' ' . ($how{more} // '');
	my ($out, $err) = ('', '');
	local $ENV{PGPASSWORD} = $password;
	local $ENV{PGCONNECT_TIMEOUT} = 20;

	IPC::Run::run([ 'psql', '-XAtq', '-d', $to, '-c', $query ],
		'<', \undef, '>', \$out, '2>', \$err);
	chomp($out, $err);
	return $err ne '' ? $err : $out;
}

# The key in the connection string that the API gives for a database.
sub key_of
{
	my ($plane, $project) = @_;

	return value($plane->{registry}, <<SQL);
SELECT substring(pgbeam.list_databases('$project') -> 'databases' -> 0 ->> 'connection_string' FROM '[^/]*\$')
SQL
}

# A command of PgBouncer's console; its rows, or nothing where it is down.
sub console
{
	my ($plane, $command) = @_;
	my ($out, $err) = ('', '');

	IPC::Run::run([ 'psql', '-XAtq', '-d', "host=$plane->{root} port=$plane->{port} user=pgbouncer dbname=pgbouncer", '-c', $command ],
		'<', \undef, '>', \$out, '2>', \$err);
	chomp $out;
	return $out;
}

# How often the agent has had PgBouncer read its files.
sub reloads
{
	my ($plane) = @_;

	return scalar(() = agent_log($plane) =~ /has read its files again/g);
}


1;
