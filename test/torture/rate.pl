#!/usr/bin/env perl
# The rate limit under many clients: exact for one burst, over a timed run, and
# with more callers than buckets.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use List::Util qw(max min sum0 uniq);
use Time::HiRes qw(sleep time);
use Torture;

use constant CLIENTS => 64;

my $burst = number(BURST => 5000);
my $rounds = number(ROUNDS => 5);
my $seconds = number(SECONDS => 10);
my $rate = number(RATE => 500);
my $timed_burst = 100;
my $callers = number(CALLERS => 20_000);
my $db = 'rate';
my $server = set_up_database($db);

# Calls within the server. They are too fast for a bucket to fill meanwhile.
$server->rows(<<'SQL');
CREATE FUNCTION flood(headers jsonb, requests integer, undo boolean, OUT passed integer, OUT began float8, OUT ended float8)
LANGUAGE plpgsql AS $$
DECLARE
	status integer;
BEGIN
	passed := 0;
	began := extract(epoch FROM clock_timestamp());
	BEGIN
		FOR i IN 1 .. requests LOOP
			SELECT h.status INTO status FROM pgbeam.http('GET', '/v1/projects/none', headers, NULL) AS h;
			passed := passed + (status <> 429)::integer;
		END LOOP;
		IF undo THEN
			RAISE EXCEPTION 'undone';
		END IF;
	EXCEPTION WHEN raise_exception THEN
		NULL;
	END;
	ended := extract(epoch FROM clock_timestamp());
END
$$
SQL

# Changes settings of the server, for sessions that begin now.
sub configure
{
	my (%settings) = @_;
	my $before = $server->value('SELECT pg_conf_load_time()');

	$server->rows("ALTER SYSTEM SET pgbeam.$_ = '$settings{$_}'") foreach sort keys %settings;
	$server->rows('SELECT pg_reload_conf()');
	sleep 0.01 while $server->value('SELECT pg_conf_load_time()') eq $before;
	return;
}

sub headers_of
{
	my ($org) = @_;

	$server->value('SELECT pgbeam.set_organization($1)', $org);
	return $server->value(q(SELECT jsonb_build_object('x-api-key', key) FROM pgbeam.create_api_key(org_id => $1::text)), $org);
}

# Half of the clients undo their transactions. A second adds one request.
# Returns what passed, and how long it took.
sub flood
{
	my ($headers) = @_;
	my $share = 2 + int 1.25 * $burst / CLIENTS;
	my $crowd = crowd(CLIENTS, sub {
		my ($number, $ready) = @_;
		my $server = connect_to($db);

		$server->rows('SELECT * FROM flood($1::jsonb, 0, true)', $headers);
		$ready->();
		return [ $server->row('SELECT * FROM flood($1::jsonb, $2::int, $3::boolean)', $headers, $share, $number % 2) ];
	});

	release($crowd);
	my @found = gather($crowd);
	my $passed = sum0 map { $_->[0] } @found;
	my $time = max(map { $_->[2] } @found) - min(map { $_->[1] } @found);
	return [ $passed, $time ];
}

sub exact
{
	my @found = map { flood(headers_of("org_exact_$_")) } 1 .. $rounds;

	figure("burst $burst, rate 1, $rounds floods, the longest of seconds", sprintf '%.2f', max map { $_->[1] } @found);
	figure('passed in each', join ' ', uniq map { $_->[0] } @found);
	promise('passed beyond the burst', sum0 map { max(0, $_->[0] - $burst - int $_->[1]) } @found);
	promise('refused within the burst', sum0 map { max(0, $burst - $_->[0]) } @found);
	return;
}

# Real requests, one by one, over as many connections. They run a little longer
# than the time that counts, because not all clients send at its ends. Returns
# what passed, and when.
sub timed
{
	my ($headers) = @_;
	my $crowd = crowd(CLIENTS, sub {
		my ($number, $ready, $told) = @_;
		my $server = connect_to($db);
		my %did = (requests => 0, passed => []);

		$ready->();
		until ($told->())
		{
			my $status = $server->value(q(SELECT status FROM pgbeam.http('GET', '/v1/projects/none', $1::jsonb, NULL)), $headers);

			$did{requests}++;
			push @{ $did{passed} }, time if $status != 429;
		}
		return \%did;
	});

	release($crowd);
	sleep $seconds + 1;
	stop($crowd);
	my @found = gather($crowd);
	my ($first, @passed) = sort { $a <=> $b } map { @{ $_->{passed} } } @found;
	@passed = grep { $_ <= $first + $seconds } @passed;
	my $due = $timed_burst + $rate * ($passed[-1] - $first);

	figure(sprintf('burst %d, rate %d, %d requests: passed in %.3f seconds', $timed_burst, $rate,
		(sum0 map { $_->{requests} } @found), $passed[-1] - $first), 1 + @passed);
	figure('due, and how far off', sprintf '%.1f, %+.2f %%', $due, 100 * ((1 + @passed) / $due - 1));
	promise('passed far from what is due', abs(1 + @passed - $due) > 0.02 * $due ? 1 : 0);
	return;
}

sub shared_memory
{
	return $server->value(q(SELECT sum(allocated_size) FROM pg_shmem_allocations WHERE name LIKE 'pgbeam%'));
}

# Far more strangers than there are buckets come once each. A caller who keeps
# sending keeps their bucket.
sub crowded
{
	my ($headers) = @_;
	my $before = shared_memory();
	my ($strangers, $steady, $began, $ended) = $server->row(<<'SQL', $callers, $headers);
WITH asked AS MATERIALIZED (
	SELECT n % 10 = 0 AS is_steady, h.status, clock_timestamp() AS at FROM generate_series(1, $1::int) AS n,
	LATERAL pgbeam.http('GET', '/v1/projects/none',
		CASE WHEN n % 10 = 0 THEN $2::jsonb ELSE jsonb_build_object('x-address', 'stranger ' || n) END, NULL) AS h)
SELECT count(*) FILTER (WHERE NOT is_steady AND status <> 429), count(*) FILTER (WHERE is_steady AND status <> 429),
	extract(epoch FROM min(at)), extract(epoch FROM max(at)) FROM asked
SQL
	my $buckets = $server->value('SHOW pgbeam.rate_limit_callers');
	my $all = $callers - int($callers / 10);

	figure("strangers beside $buckets buckets, passed", "$all, $strangers");
	figure('who goes on asking, with a burst of 100: passed', $steady);
	figure('bytes of shared memory before and after', $before . ', ' . shared_memory());
	promise('strangers that did not pass', $all - $strangers);
	promise('passed beyond the burst, beside strangers', max(0, $steady - 100 - int($ended - $began) - 1));
	promise('bytes that shared memory grew', shared_memory() - $before);
	return;
}

printf "rate: %d clients of one organization\n", CLIENTS;
configure(rate_limit => 1, rate_burst => $burst);
exact();
configure(rate_limit => $rate, rate_burst => $timed_burst);
timed(headers_of('org_timed'));
configure(rate_limit => 1, rate_burst => 100, address_header => 'x-address', address_rate_limit => 1, address_rate_burst => 1);
crowded(headers_of('org_steady'));
configure(rate_limit => 0, address_rate_limit => 0);
finish();
