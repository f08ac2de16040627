# The agent's connection tests: what they connect to, and what they report of
# servers that mean harm.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use IO::Select;
use IO::Socket::INET;
use PgbeamTest;
use PlaneTest;
use POSIX ();
use PostgreSQL::Test::Utils;
use Test::More;

my $registry = new_registry('registry', "pgbeam.notify_changes = on\n");
my $plane = new_plane($registry);
my (%projects, %databases, @servers);

END { kill 'KILL', @servers if @servers }

sub create
{
	my ($name, %database) = @_;

	($projects{$name}, $databases{$name}) =
	  make($registry, $name, database => { host => '127.0.0.1', name => $name, ssl_mode => 'disable', %database });
	return;
}

# The last test of a database, or nothing.
sub result
{
	my ($name) = @_;

	return value($registry, "SELECT ok, error, server_version FROM pgbeam.connection_tests WHERE database_id = pgbeam.typeid_decode('$databases{$name}')");
}

sub wait_for_result
{
	my ($name, $wanted) = @_;

	return wait_until("a test of $name", sub { result($name) =~ $wanted }, $plane);
}

sub listener { return IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 10) || die $! }

# The database that the next client wants.
sub wanted_by
{
	my ($listener) = @_;

	sysread $listener->accept, my $startup, 1000;
	return $startup =~ /database\0(.*?)\0/ ? $1 : 'none';
}

sub was_called { return scalar IO::Select->new(@_)->can_read(0) }

sub forbid
{
	my ($networks) = @_;

	value($registry, "ALTER SYSTEM SET pgbeam.forbidden_networks = '$networks'");
	$registry->reload;
	return wait_until('the setting', sub { value($registry, "LOAD 'pgbeam'; SHOW pgbeam.forbidden_networks") eq $networks });
}

sub message { my ($type, $body) = @_; return pack('a N', $type, 4 + length $body) . $body }

sub failure { return message('E', "SFATAL\0VFATAL\0C28P01\0M$_[0]\0\0") }

# A server that asks for the password in clear, and answers with what is made
# of it.
sub hostile_server
{
	my ($answer) = @_;
	my $listener = listener();
	my $pid = fork // die $!;

	if ($pid)
	{
		push @servers, $pid;
		return $listener->sockport;
	}
	while (my $client = $listener->accept)
	{
		sysread $client, my $startup, 1000;
		syswrite $client, message('R', pack 'N', 3);
		sysread $client, my $reply, 1000;
		syswrite $client, $answer->($reply =~ /^p....(.*)\0/s ? $1 : '');
	}
	POSIX::_exit(0);
}

sub greeting { return message('R', pack 'N', 0) . message('S', "server_version\0$_[0]\0") . message('Z', 'I') }

subtest 'an address that was allowed when it was written' => sub {
	my $allowed = listener();
	my $forbidden = listener();

	start_agent($plane);
	wait_until('the agent', sub { value($registry, q(SELECT count(*) FROM pgbeam.feed_status() WHERE consumer = 'agent')) eq '1' }, $plane);
	create('reached', port => $allowed->sockport);
	wait_until('a connection', sub { was_called($allowed) }, $plane);
	$allowed->accept->close;
	ok(1, 'is connected to while it is allowed');
	stop_program($plane, 'agent');
	create('older', port => $forbidden->sockport);
	create('older6', port => $forbidden->sockport, host => '[::ffff:127.0.0.1]');
	forbid('127.0.0.0/8');
	start_agent($plane);
	foreach my $name (qw(older older6))
	{
		wait_for_result($name, qr/^f\|host .*127\.0\.0\.1.* which is in a forbidden network\|/);
		ok(1, "$name: the test says why");
	}
	ok(!was_called($forbidden), 'nobody connects there');
	forbid('');
};

subtest 'a name that is known to lead to a forbidden network' => sub {
	chomp(my $host = `hostname`);
	my $packed = gethostbyname $host;

	plan skip_all => "$host leads nowhere" unless defined $packed;
	my $forbidden = IO::Socket::INET->new(LocalAddr => '0.0.0.0', Listen => 10) or die $!;

	my $allowed = listener();

	create('first', host => $host, port => $allowed->sockport);
	wait_until('a connection', sub { was_called($allowed) }, $plane);
	$allowed->close;
	wait_for_result('first', qr/^f\|/);
	forbid((join '.', unpack 'C4', $packed) . '/32');
	create("second$_", host => $host, port => $forbidden->sockport) foreach 1 .. 5;
	wait_for_result("second$_", qr/^f\|host \Q$host\E leads to .*, which is in a forbidden network/) foreach 1 .. 5;
	ok(!was_called($forbidden), 'nobody connects there') || diag(wanted_by($forbidden), ' does: ', agent_log($plane));
	forbid('');
};

subtest 'a server that quotes the password' => sub {
	create('quoted', port => hostile_server(sub { failure(qq(wrong password "$_[0]", yes, $_[0])) }));
	create('version', port => hostile_server(sub { greeting("15 $_[0]") }));
	wait_for_result('quoted', qr/^f\|.*wrong password "\*\*\*", yes, \*\*\*\|$/);
	wait_for_result('version', qr/^t\|\|15 \*\*\*$/);
	ok(1, 'it is blanked, in a failure and in a version');
};

subtest 'a server that speaks another encoding' => sub {
	create('latin', port => hostile_server(sub { failure("h\xf6flich \xff\xfe") }));
	create('odd', port => hostile_server(sub { greeting("15 \xf6\xff") }));
	wait_for_result('latin', qr/^f\|.*h\?flich \?\?\|$/);
	wait_for_result('odd', qr/^t\|\|15 \?\?$/);
	ok(1, 'other bytes are replaced, in a failure and in a version');
	unlike(agent_log($plane), qr/invalid byte sequence/, 'the registry takes it');
};

kill 'KILL', @servers;
waitpid $_, 0 foreach splice @servers;
stop_program($plane, 'agent');
done_testing();
