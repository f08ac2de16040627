#!/usr/bin/env perl
# Many clients send the same requests with the same Idempotency-Keys at once.
# Each request is done once, and all get the same answer, byte for byte.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use List::Util qw(sum0 uniq);
use Time::HiRes 'time';
use Torture;

my $clients = number(CLIENTS => 100);
my $keys = number(KEYS => 200);
my $db = 'retries';
my $server = set_up_database($db);
$server->value(q(SELECT pgbeam.set_organization('org_retries')));
my $key = $server->value(q(SELECT key FROM pgbeam.create_api_key(org_id => 'org_retries')));
my $own = q('{X-Request-Id,RateLimit,RateLimit-Policy,X-RateLimit-Limit,X-RateLimit-Remaining}'::text[]);
my $post = sprintf <<SQL, sprintf $BODY, "'org_retries'", '$2::text', '$3::text';
SELECT status, md5(concat(status, headers - $own, body))
FROM pgbeam.http('POST', '/v1/projects', jsonb_build_object('x-api-key', '$key',
	'content-type', 'application/json', 'idempotency-key', \$1::text), convert_to(%s::text, 'UTF8'))
SQL

# Of ten keys, one has a bad request, and two want the same name: one of these
# gets 409, and keeps it.
sub name_of
{
	my ($n) = @_;

	return '' if $n % 10 == 0;
	return 'p' . ($n % 10 == 2 ? $n - 1 : $n);
}

# The answers for all keys, in order.
sub send_on
{
	my ($number, $ready) = @_;
	my $server = connect_to($db);

	$ready->();
	return [ map { join ' ', $server->row($post, "key $_", name_of($_), $PASSWORD) } 1 .. $keys ];
}

sub count { return $server->value("SELECT count(*) FROM $_[0]") }

my $crowd = crowd($clients, \&send_on);
my $start = time;
release($crowd);
my @answers = gather($crowd);
my $seconds = time - $start;
my @of_key = map { my $n = $_; [ uniq map { $_->[$n] } @answers ] } 0 .. $keys - 1;
my %by_status;
$by_status{ (split / /, $_->[0])[0] }++ foreach @of_key;
my $names = uniq grep { length } map { name_of($_) } 1 .. $keys;

printf "retries: the same %d Idempotency-Keys by %d clients at once, %.1f seconds\n", $keys, $clients, $seconds;
figure('requests', $clients * $keys . ', ' . rate($clients * $keys, $seconds));
figure('answers by key', join ', ', map { "$by_status{$_} times $_" } sort keys %by_status);
figure('keys with one answer for all clients', scalar grep { @$_ == 1 } @of_key);
figure('projects, databases, hosts there', join ', ', map { count("pgbeam.$_") } qw(projects databases hosts));
promise('keys with several answers', scalar grep { @$_ > 1 } @of_key);
promise('keys that are neither 201, 400 nor 409', sum0 map { $by_status{$_} } grep { !/^(201|400|409)$/ } keys %by_status);
promise("$_ other than one for each name", abs(count("pgbeam.$_") - $names)) foreach qw(projects databases hosts);
promise('projects other than answers with 201', abs(count('pgbeam.projects') - ($by_status{201} // 0)));
promise('keys other than those sent', abs(count('pgbeam.idempotency_keys WHERE status IS NOT NULL') - $keys));
finish();
