# The agent beside a hot standby of the registry: it asks the standby, which
# wakes nobody and keeps no place, so the place stands in a file.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use PgbeamTest;
use PlaneTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

plan skip_all => lack_of_pgbouncer() if lack_of_pgbouncer();

my $primary = new_registry('primary', "max_wal_senders = 3\n");
my $upstream = new_upstream('alpha');

$primary->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;

# PgBouncer asks the standby for logins, and reports go to the primary.
my $plane = new_plane($standby, options =>
	  [ '--report=host=' . $primary->host . ' port=' . $primary->port . ' dbname=postgres user=agent', '--report-every=1' ]);

start_pgbouncer($plane);
start_agent($plane);

sub create
{
	my ($name) = @_;
	my ($project, $database) =
	  make($primary, $name, database => { host => '127.0.0.1', port => $upstream->port, name => 'mydb', ssl_mode => 'disable' });
	my $key = "$name.aws.mydb";

	value($primary, <<SQL);
SELECT pgbeam.update_database('$project', '$database', jsonb_build_object('password', concat(:'password', ' of alpha')))
SQL
	wait_until("a login to $name", sub { login($plane, $key, "$PASSWORD of alpha") eq 'alpha' }, $plane);
	ok(1, "$name is reached");
	return ($project, $key);
}

my ($project, $key) = create('one');

wait_until('the place', sub { -s "$plane->{files}/place" }, $plane);
my $place = slurp_file("$plane->{files}/place");

like($place, qr/^\d+\.[0-9a-f-]{36}$/, 'the place is a token');
kill_program($plane, 'agent');
value($primary, "SELECT pgbeam.delete_project('$project')");
start_agent($plane);
wait_until('the database to go', sub { console($plane, 'SHOW DATABASES') !~ /^one\./m }, $plane);
ok(1, 'what changed while it was away is dealt with');
create('two');
wait_until('the next place', sub { slurp_file("$plane->{files}/place") ne $place }, $plane);
is(value($primary, q(SELECT count(*) FROM pgbeam.feed_status() WHERE consumer = 'agent')), '0', 'the primary keeps no place for it');
wait_until('a report', sub { value($primary, q(SELECT count(*) FROM pgbeam.traffic_sources WHERE source = 'agent')) eq '1' }, $plane);
ok(1, 'reports go to the primary');
stop_program($plane, 'agent');
append_to_file("$plane->{files}/place.new", '999999999.01a2241d-7236-7444-9136-8694d0b1e598');
rename "$plane->{files}/place.new", "$plane->{files}/place" or die $!;
start_agent($plane);
create('three');
ok(1, 'a place that is no longer there is found anew');

stop_program($plane, 'agent');
stop_program($plane, 'pgbouncer', 'INT');
done_testing();
