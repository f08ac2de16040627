#!/usr/bin/env perl
# Secrets are resealed under a new key while they are read and created, and the
# backends that reseal are killed. All secrets open at any time, and none is
# left under the old key.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use List::Util 'sum0';
use POSIX ();
use Time::HiRes qw(sleep time);
use Torture;

use constant ORGANIZATIONS => 100;
use constant MAKERS => 2;
use constant REWRAPPERS => 2;
use constant BATCHES_A_KILL => 3;    # of one rewrapper

my $secrets = number(SECRETS => 100_000);
my $kills = number(REWRAP_KILLS => 20);
my $batch = int($secrets / 100) || 1;
my $db = 'rewrap';
my $server = set_up_database($db);
my $body = sprintf $BODY, "'org_' || i % " . ORGANIZATIONS, "'p' || i", '$3::text';

# An attempt that a crash may spoil: then it returns undef, and the next one
# connects anew.
sub attempt
{
	my ($server, $sql, @values) = @_;

	$$server //= reconnect_to($db);
	my $value = eval { $$server->value($sql, @values) };

	return $value if defined $value;
	die $@ || "no answer to $sql\n" unless was_lost($@);
	undef $$server;
	return undef;
}

# By create_project() only, as a copied secret would not open.
sub make_on
{
	my ($number, $ready) = @_;
	my $server = connect_to($db);
	my $share = int($secrets / MAKERS);

	$ready->();
	$server->value("SELECT count(pgbeam.create_project($body)) FROM generate_series(\$1::int, \$2::int) AS i",
		$number == 1 ? 1 : $share * ($number - 1) + 1, $number == MAKERS ? $secrets : $share * $number, $PASSWORD);
	return 1;
}

# Starts a process that kills a backend within this many seconds; returns the
# process.
sub kill_within
{
	my ($pid, $seconds) = @_;
	my $child = fork // die "fork: $!";

	return $child if $child;
	sleep rand $seconds;
	POSIX::_exit(kill(KILL => $pid) ? 0 : 1);
}

# Continues until nothing is left. Its share of the kills hits its batches.
sub rewrap_on
{
	my ($number, $ready) = @_;
	my $server = connect_to($db);
	my %did = (kills => int(($kills + $number - 1) / REWRAPPERS), killed => 0, batches => 0, spoilt => 0);
	my ($left, $usual) = (undef, 0.05);

	$ready->();
	for (my $try = 1; !defined $left || $left > 0; $try++)
	{
		$server //= reconnect_to($db);
		my $due = $did{killed} < $did{kills} && $try % BATCHES_A_KILL == 0;
		my $start = time;
		my $killer = $due ? kill_within($server->{pid}, $usual) : undef;

		$left = attempt(\$server, 'SELECT pgbeam.rewrap($1::int)', $batch);
		$did{ defined $left ? 'batches' : 'spoilt' }++;
		$usual = time - $start if defined $left;
		next unless $killer;
		waitpid $killer, 0;
		$did{killed}++ if $? == 0;
	}
	return \%did;
}

sub read_on
{
	my ($number, $ready, $told) = @_;
	my $server = connect_to($db);
	my %did = (reads => 0, wrong => 0);

	$ready->();
	until ($told->())
	{
		my $same = attempt(\$server, <<'SQL', 1 + int rand $secrets, $PASSWORD, ORGANIZATIONS) // next;
SELECT (pgbeam.reveal_password(pgbeam.typeid_encode('db', d.id)) = concat($2::text, ' of ', p.name))::int
FROM pgbeam.projects AS p JOIN pgbeam.databases AS d ON d.org_id = p.org_id AND d.project_id = p.id
WHERE p.org_id = 'org_' || $1::int % $3::int AND p.name = 'p' || $1::int
SQL
		$did{reads}++;
		$did{wrong}++ if !$same;
	}
	return \%did;
}

sub create_on
{
	my ($number, $ready, $told) = @_;
	my $server = connect_to($db);
	my $create = 'SELECT count(pgbeam.create_project('
	  . (sprintf $BODY, "'org_new'", '$1::text', '$2::text') . '))';
	my ($made, $tried) = (0, 0);

	$ready->();
	until ($told->())
	{
		$made++ if defined attempt(\$server, $create, 'new' . ++$tried, $PASSWORD);
	}
	return $made;
}

# A key that every session uses from the next statement on.
sub turn_over
{
	my ($server) = @_;

	$server->rows('SELECT pgbeam.create_key()');
	my $before = $server->value('SELECT pg_conf_load_time()');
	$server->rows('SELECT pg_reload_conf()');
	sleep 0.01 while $server->value('SELECT pg_conf_load_time()') eq $before;
	sleep 0.2;
	return;
}

sub total
{
	my ($part, @did) = @_;

	return sum0 map { $_->{$part} } @did;
}

sub check_all
{
	my ($when) = @_;
	my ($active, @others) = $server->rows('SELECT key_id, state, secrets FROM pgbeam.key_status() ORDER BY state');

	promise("$when: keys that are not called retired", scalar grep { $_->[1] ne 'retired' } @others);
	promise("$when: secrets of older keys", sum0 map { $_->[2] } @others);
	promise("$when: passwords that do not open", $server->value(<<'SQL', $PASSWORD));
SELECT count(*) FROM pgbeam.databases AS d
LEFT JOIN pgbeam.projects AS p ON p.org_id = d.org_id AND p.id = d.project_id
WHERE pgbeam.reveal_password(pgbeam.typeid_encode('db', d.id)) IS DISTINCT FROM concat($1::text, ' of ', p.name)
SQL
	return;
}

my $start = time;
my $makers = crowd(MAKERS, \&make_on);
release($makers);
gather($makers);
printf "rewrap: %d secrets in batches of %d, the backends killed %d times\n", $secrets, $batch, $kills;
figure('secrets made by create_project()', rate($secrets, time - $start));

turn_over($server);
my @crowds = map { crowd(@$_) } [ REWRAPPERS, \&rewrap_on ], [ 2, \&read_on ], [ 1, \&create_on ];
$start = time;
release($_) foreach @crowds;
my @did = gather($crowds[0]);
my $seconds = time - $start;
stop($_) foreach @crowds[ 1, 2 ];
my @read = gather($crowds[1]);
my ($made) = gather($crowds[2]);

$server = reconnect_to($db);
figure('kill -9 of a rewrapping backend', total(killed => @did));
figure('batches done, and undone by a crash', total(batches => @did) . ', ' . total(spoilt => @did));
figure('seconds, crashes and readers included', sprintf '%.1f', $seconds);
figure('secrets rewrapped so', rate($secrets, $seconds));
figure('passwords read meanwhile, wrong ones', total(reads => @read) . ', ' . total(wrong => @read));
figure('projects made meanwhile', $made);
promise('kills that were not had', $kills - total(killed => @did));
promise('passwords read wrong', total(wrong => @read));
promise('no password was read', total(reads => @read) ? 0 : 1);
promise('secrets lost or doubled', abs($server->value(<<'SQL') - $secrets));
SELECT count(DISTINCT (org_id, name)) FROM pgbeam.projects AS p WHERE org_id <> 'org_new'
	AND EXISTS (SELECT FROM pgbeam.databases AS d WHERE d.project_id = p.id AND d.password_sealed IS NOT NULL)
SQL
check_all('after the crashes');

turn_over($server);
my $all = $server->value('SELECT count(*) FROM pgbeam.databases');
$start = time;
1 while $server->value('SELECT pgbeam.rewrap($1::int)', $batch) > 0;
figure('secrets rewrapped by one client alone', rate($all, time - $start));
check_all('undisturbed');
finish();
