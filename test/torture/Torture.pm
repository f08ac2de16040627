# The common part of make torture: a client that survives the server's crashes,
# crowds of clients, and the list of promises that must be kept.
package Torture;

use strict;
use warnings;

use Exporter 'import';
use IO::Handle;
use IO::Socket::UNIX;
use List::Util 'max';
use POSIX ();
use Storable qw(store_fd fd_retrieve);
use Time::HiRes qw(sleep time);

our @EXPORT = qw($PASSWORD $BODY number connect_to reconnect_to was_lost set_up_database
  crowd release stop gather figure rate promise finish);

# As in all tests: the runner searches the server's log for it.
our $PASSWORD = 'canary-password-Vq7R2x';

# A request body as an SQL expression, made from organization, name and the
# word above. Each password is a different one.
our $BODY = q{jsonb_build_object('org_id', %s, 'name', %s, 'database', jsonb_build_object('host', 'db.example.com',}
  . q{ 'port', 5432, 'name', 'app', 'username', 'app', 'password', concat(%s, ' of ', %2$s)))};

$SIG{PIPE} = 'IGNORE';
STDOUT->autoflush(1);

# A number for the run; TORTURE_NAME in the environment overrides it.
sub number
{
	my ($name, $default) = @_;
	my $number = $ENV{"TORTURE_$name"} // $default;

	die "TORTURE_$name must be a positive number\n" unless $number =~ /^[1-9]\d*$/;
	return $number;
}

# The client speaks PostgreSQL's protocol over a socket, as Perl itself has no
# module for it. Calls send their values as parameters, so that no statement in
# the log of a crash has them.

# A server's error, or the loss of a connection.
package Torture::Failure
{
	use overload '""' => sub { ($_[0]{message} // 'the connection was lost') . "\n" }, fallback => 1;
}

sub fail { die bless {@_}, 'Torture::Failure' }

sub was_lost { return ref $_[0] && $_[0]{lost} }

sub send_all
{
	my ($self, @messages) = @_;
	my $bytes = join '', map { my ($type, $body) = @$_; $type . pack('N', 4 + length $body) . $body } @messages;

	print { $self->{socket} } $bytes or fail(lost => 1);
	return;
}

sub receive
{
	my ($self) = @_;
	my ($head, $body) = ('', '');

	fail(lost => 1) if (read($self->{socket}, $head, 5) // 0) < 5;
	my ($type, $length) = unpack 'aN', $head;
	fail(lost => 1) if $length > 4 && (read($self->{socket}, $body, $length - 4) // 0) < $length - 4;
	return ($type, $body);
}

# A FATAL error ends the session, mostly because another one crashed.
sub read_error
{
	my ($body) = @_;
	my %part = map { substr($_, 0, 1) => substr($_, 1) } grep { length } split /\0/, $body;

	return bless { lost => $part{V} ne 'ERROR', message => $part{M} }, 'Torture::Failure';
}

sub read_row
{
	my ($body) = @_;
	my ($count, @row) = (unpack('n', $body));
	my $at = 2;

	foreach (1 .. $count)
	{
		my $length = unpack 'l>', substr($body, $at, 4);
		push @row, $length < 0 ? undef : substr($body, $at + 4, $length);
		$at += 4 + max($length, 0);
	}
	return \@row;
}

# Reads to the end of an exchange; returns its rows.
sub read_answer
{
	my ($self) = @_;
	my (@rows, $error);

	while (1)
	{
		my ($type, $body) = $self->receive;

		push @rows, read_row($body) if $type eq 'D';
		$self->{pid} = unpack 'N', $body if $type eq 'K';
		$error = read_error($body) if $type eq 'E';
		die $error if $error && $error->{lost};
		last if $type eq 'Z';
	}
	die $error if $error;
	return @rows;
}

sub connect_to
{
	my ($database, $application) = @_;
	my $self = bless { database => $database, application => $application // 'torture', plans => {} };
	my $startup = join "\0", user => $ENV{PGUSER}, database => $database,
	  application_name => $self->{application}, client_min_messages => 'warning', "\0";

	$self->{socket} = IO::Socket::UNIX->new(Peer => "$ENV{PGHOST}/.s.PGSQL.5432") or fail(lost => 1);
	binmode $self->{socket};
	print { $self->{socket} } pack('NN', 8 + length $startup, 196608) . $startup;
	$self->read_answer;
	return $self;
}

# The same, but waits for a server that is coming back.
sub reconnect_to
{
	my $until = time + 60;

	while (time < $until)
	{
		my $server = eval { connect_to(@_) };
		return $server if $server;
		die $@ unless was_lost($@);
		sleep 0.005;
	}
	die "the server does not come back\n";
}

# Runs a statement with parameters; returns its rows.
sub rows
{
	my ($self, $sql, @values) = @_;
	my $plan = $self->{plans}{$sql} // 'p' . keys %{ $self->{plans} };
	my $values = join '', map { defined $_ ? pack 'N/a*', $_ : pack 'l>', -1 } @values;

	$self->send_all(
		$self->{plans}{$sql} ? () : [ P => "$plan\0$sql\0" . pack('n', 0) ],
		[ B => "\0$plan\0" . pack('nn', 0, scalar @values) . $values . pack('n', 0) ],
		[ E => "\0" . pack('N', 0) ], [ S => '' ]);
	my @rows = $self->read_answer;
	$self->{plans}{$sql} = $plan;
	return @rows;
}

sub row { return @{ (rows(@_))[0] // [] } }

sub value { return (row(@_))[0] }

# Makes a part's own database with the extension; returns a connection to it.
sub set_up_database
{
	my ($name) = @_;

	connect_to('postgres')->rows("CREATE DATABASE $name");
	my $server = connect_to($name);
	$server->rows('CREATE EXTENSION pgbeam');
	return $server;
}

# Crowds: processes that begin at the same moment, work until they are done or
# told to stop, and return what they found.
my (@ends, @members);

$SIG{TERM} = sub { kill TERM => @members; exit 1 };

sub crowd
{
	my ($count, $work) = @_;
	my ($crowd, %theirs) = ({});

	foreach my $name (qw(ready go stop))
	{
		pipe my $out, my $in or die "pipe: $!";
		($crowd->{$name}, $theirs{$name}) = $name eq 'ready' ? ($out, $in) : ($in, $out);
	}
	push @ends, @{$crowd}{qw(ready go stop)};
	push @{ $crowd->{members} }, begin($work, $_, \%theirs) foreach 1 .. $count;
	read $crowd->{ready}, my $bytes, 1 foreach 1 .. $count;
	return $crowd;
}

sub begin
{
	my ($work, $number, $pipes) = @_;

	pipe my $out, my $in or die "pipe: $!";
	push @ends, $out;
	my $pid = fork // die "fork: $!";
	push @members, $pid if $pid;
	return { pid => $pid, from => $out } if $pid;
	$SIG{TERM} = 'DEFAULT';
	close $_ foreach @ends;
	my $told = sub { vec(my $bits = '', fileno $pipes->{stop}, 1) = 1; return select($bits, undef, undef, 0) };
	my $ready = sub { syswrite $pipes->{ready}, '.'; sysread $pipes->{go}, my $byte, 1 };
	my $found = eval { $work->($number, $ready, $told) };
	give_up($@) unless defined $found;
	store_fd([$found], $in);
	$in->flush;
	POSIX::_exit(0);
}

# A member that fails ends the whole part.
sub give_up
{
	my ($error) = @_;

	warn "a client failed: $error";
	kill TERM => getppid;
	POSIX::_exit(1);
}

sub release { close $_[0]{go} }

sub stop { close $_[0]{stop} }

# Returns what each member found.
sub gather
{
	my ($crowd) = @_;
	my @results = map { fd_retrieve($_->{from})->[0] } @{ $crowd->{members} };

	waitpid $_->{pid}, 0 foreach @{ $crowd->{members} };
	return @results;
}

# The report.
my ($kept, @broken) = (0);

sub figure { return printf "  %-58s %s\n", @_ }

sub rate { return sprintf '%.0f a second', $_[0] / $_[1] }

# Something that must not happen, and how often it did.
sub promise
{
	my ($fault, $count) = @_;

	if ($count) { push @broken, "$fault: $count" }
	else { $kept++ }
	return;
}

sub finish
{
	figure('promises kept, broken', "$kept, " . @broken);
	print "  BROKEN: $_\n" foreach @broken;
	exit(@broken ? 1 : 0);
}

1;
