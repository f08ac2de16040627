#!/usr/bin/env perl
# Backends are killed during creates. What was acknowledged is there, complete
# and only once, although every request without an answer is sent again.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use Time::HiRes qw(sleep time);
use Torture;

my $kills = number(KILLS => 200);
my $clients = number(CREATORS => 8);
my $db = 'kills';
my $server = set_up_database($db);
$server->value(q(SELECT pgbeam.set_organization('org_kills')));
my $key = $server->value(q(SELECT key FROM pgbeam.create_api_key(org_id => 'org_kills')));
my $post = sprintf <<SQL, sprintf $BODY, "'org_kills'", '$1::text', '$2::text';
SELECT status, substring(body FROM '"id":"(prj_\\w+)"'), substring(body FROM '"id":"(db_\\w+)"')
FROM pgbeam.http('POST', '/v1/projects', jsonb_build_object('x-api-key', '$key',
	'content-type', 'application/json', 'idempotency-key', \$1::text), convert_to(%s::text, 'UTF8'))
SQL

# The time when an id was made, in milliseconds: its first ten digits in base
# 32.
sub made_at
{
	my ($id) = @_;
	my $time = 0;

	$time = 32 * $time + index('0123456789abcdefghjkmnpqrstvwxyz', $_) foreach split //, substr($id, length('prj_'), 10);
	return $time;
}

# Creates one project, in as many attempts as it takes.
sub create
{
	my ($server, $name) = @_;
	my %made = (name => $name, lost => 0);

	while (1)
	{
		$$server //= reconnect_to($db, 'creator');
		my $sent = int(1000 * time);
		my @answer = eval { $$server->row($post, $name, $PASSWORD) };

		if (@answer)
		{
			die "$name was answered with $answer[0]\n" if $answer[0] != 201;
			@made{qw(project database)} = @answer[ 1, 2 ];
			$made{was_done} = $made{lost} && made_at($answer[1]) < $sent ? 1 : 0;
			return \%made;
		}
		die $@ unless was_lost($@);
		undef $$server;
		$made{lost}++;
	}
}

sub create_on
{
	my ($number, $ready, $told) = @_;
	my $server = connect_to($db, 'creator');
	my @made;

	$ready->();
	push @made, create(\$server, "p$number-" . @made) until $told->();
	return \@made;
}

# Kills a working backend, and waits until all sessions are gone.
sub kill_one
{
	my $server = reconnect_to($db, 'killer');

	sleep 0.02 + rand 0.13;
	my $pid = $server->value(q(SELECT pid FROM pg_stat_activity WHERE application_name = 'creator')
		  . q( AND state = 'active' ORDER BY random() LIMIT 1));
	return 0 unless $pid && kill KILL => $pid;
	sleep 0.001 while eval { $server->value('SELECT 1') };
	return 1;
}

my $crowd = crowd($clients, \&create_on);
my $start = time;
release($crowd);
for (my $killed = 0; $killed < $kills;) { $killed += kill_one() }
stop($crowd);
my @made = map { @$_ } gather($crowd);
my $seconds = time - $start;

$server = reconnect_to($db);
$server->rows('CREATE TEMPORARY TABLE acknowledged AS SELECT * FROM unnest($1::text[], $2::text[], $3::text[])'
	  . ' AS a (name, project, database)',
	map { my $part = $_; '{' . join(',', map { $_->{$part} } @made) . '}' } qw(name project database));
sub count { return $server->value("SELECT count(*) FROM $_[0]", @_[ 1 .. $#_ ]) }

my $lost = grep { $_->{lost} } @made;
my $done = grep { $_->{was_done} } @made;
printf "kills: %d times kill -9 of a backend under creates of %d clients, %.0f seconds\n", $kills, $clients, $seconds;
figure('projects acknowledged', scalar @made);
figure('of these sent again, for want of an answer', $lost);
figure('of these created before, so that the key gave the answer', $done);
figure('projects, databases, hosts there', join ', ', map { count("pgbeam.$_") } qw(projects databases hosts));

promise('too few were sent again to show anything', $lost < $kills ? 1 : 0);
promise('acknowledged, but not there', count(<<'SQL'));
acknowledged AS a LEFT JOIN pgbeam.projects AS p ON p.id = pgbeam.typeid_decode(a.project) AND p.name = a.name
LEFT JOIN pgbeam.databases AS d ON d.id = pgbeam.typeid_decode(a.database) AND d.project_id = p.id
WHERE d.id IS NULL
SQL
promise('passwords that do not open', count(<<'SQL', $PASSWORD));
(SELECT a.* FROM acknowledged AS a JOIN pgbeam.databases AS d ON d.id = pgbeam.typeid_decode(a.database) OFFSET 0) AS a
WHERE pgbeam.reveal_password(a.database) IS DISTINCT FROM concat($1::text, ' of ', a.name)
SQL
promise('projects that nobody was told of', count('pgbeam.projects WHERE name NOT IN (SELECT name FROM acknowledged)'));
promise('made more than once', count('pgbeam.projects') - count('(SELECT DISTINCT name FROM pgbeam.projects) AS p'));
promise('projects without a host', count(<<'SQL'));
pgbeam.projects AS p LEFT JOIN pgbeam.hosts AS h ON h.host = p.proxy_host AND h.project_id = p.id WHERE h.host IS NULL
SQL
promise('projects without a database', count(<<'SQL'));
pgbeam.projects AS p LEFT JOIN pgbeam.databases AS d ON d.project_id = p.id WHERE d.id IS NULL
SQL
promise('hosts without a project', count(<<'SQL'));
pgbeam.hosts AS h LEFT JOIN pgbeam.projects AS p ON p.id = h.project_id WHERE p.id IS NULL
SQL
promise('databases without a project', count(<<'SQL'));
pgbeam.databases AS d LEFT JOIN pgbeam.projects AS p ON p.id = d.project_id WHERE p.id IS NULL
SQL
# Raises an error for rows that an index lacks.
$server->rows('CREATE EXTENSION amcheck');
promise('indexes that were not checked', count(<<'SQL') < 20);
(SELECT public.bt_index_check(i.indexrelid, true) FROM pg_catalog.pg_index AS i
	JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid
	WHERE c.relnamespace = 'pgbeam'::regnamespace AND c.relkind = 'i') AS checked
SQL
promise('Idempotency-Keys without their answer', count(<<'SQL'));
acknowledged AS a LEFT JOIN pgbeam.idempotency_keys AS k ON k.key = a.name AND k.status = 201
	AND k.body LIKE '%' || a.project || '%' WHERE k.key IS NULL
SQL
promise('Idempotency-Keys of nobody', count('pgbeam.idempotency_keys WHERE key NOT IN (SELECT name FROM acknowledged)'));
finish();
