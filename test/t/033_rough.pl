# Clients and tenants that ask for much: settings at their limits, many networks
# and replicas, a flood of logins, an upstream that never answers. Who is beside
# them is served all the same.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use IO::Socket::IP;
use IPC::Run;
use PgbeamTest;
use PlaneTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

plan skip_all => lack_of_pgbouncer() if lack_of_pgbouncer();

my $has_ipv6 = defined IO::Socket::IP->new(LocalHost => '::1', Listen => 1);
my $registry = new_registry('registry', "pgbeam.notify_changes = on\n");
my $upstream = new_upstream('alpha', conf => "max_connections = 100\n");
my $plane = new_plane($registry);
my (%projects, %databases, %keys);

spill("$plane->{root}/pgbouncer.ini", slurp_file("$plane->{root}/pgbouncer.ini") =~ s/^listen_addr = .*/listen_addr = 127.0.0.1, ::1/mr) if $has_ipv6;
append_to_file("$plane->{root}/common.ini", "server_idle_timeout = 2\nclient_login_timeout = 5\n");
value($registry, q(SELECT pgbeam.set_organization('acme', '{"plan": "scale", "max_projects": 0, "max_databases": 0}')));
start_pgbouncer($plane);
start_agent($plane);

# A project whose user has the password of alpha, which is right upstream.
sub create
{
	my ($name, $members, $database) = @_;
	my $port = $upstream->port;

	($projects{$name}, $databases{$name}, $keys{$name}) = split /\|/, value($registry, <<SQL);
SELECT p #>> '{project,id}', p #>> '{database,id}', substring(p #>> '{database,connection_string}' FROM '[^/]*\$')
FROM pgbeam.create_project(jsonb_build_object('org_id', 'acme', 'name', '$name', 'database', jsonb_build_object('host', '127.0.0.1', 'port', $port,
	'name', 'mydb', 'username', 'app', 'password', concat(:'password', ' of alpha'), 'ssl_mode', 'disable') || '@{[ $database // '{}' ]}') || '@{[ $members // '{}' ]}') AS p
SQL
	return $keys{$name};
}

sub try_login
{
	my ($name, %how) = @_;

	return login($plane, $keys{$name}, "$PASSWORD of alpha", %how);
}

# All that was changed is in PgBouncer, and nothing was left out.
sub all_is_taken
{
	my ($what) = @_;

	settle($plane);
	wait_until('PgBouncer to obey', sub { !-e "$plane->{files}/pending" }, $plane);
	return unlike(agent_log($plane), qr/lines are left out|has not taken/, "PgBouncer reads $what");
}

create('alpha');
wait_until('a login', sub { try_login('alpha') eq 'alpha' }, $plane);

subtest 'pools at their limits' => sub {
	my $pool = 0;

	foreach my $mode (qw(session transaction statement))
	{
		foreach my $sizes ('1, "min_pool_size": 1, "max_active": 1', '10000, "min_pool_size": 10000, "max_active": 10000', '1, "min_pool_size": 1, "max_active": 10000')
		{
			create('pool' . ++$pool, undef, qq({"pool_config": {"pool_size": $sizes, "pool_mode": "$mode"}}));
		}
	}
	all_is_taken('them');
	is(try_login("pool$_"), 'alpha', "pool $_") foreach 1 .. $pool;
};

subtest 'networks' => sub {
	my $many = join ', ', map { sprintf '{"cidr": "10.%d.%d.0/24"}', $_ / 256, $_ % 256 } 1 .. 49;

	create('many', qq({"allowed_cidrs": [$many, {"cidr": "127.0.0.1"}]}));
	create('odd', '{"allowed_cidrs": [{"cidr": "127.0.0.77/8"}, {"cidr": "127.0.0.0/9"}, {"cidr": "::/0"}, {"cidr": "2001:DB8::1/127"}, {"cidr": "::ffff:10.0.0.0/104"}, {"cidr": "fe80::/10"}, {"cidr": "0.0.0.0/32"}]}');
	create('six', '{"allowed_cidrs": [{"cidr": "::1"}]}');
	create('mapped', '{"allowed_cidrs": [{"cidr": "::ffff:127.0.0.0/104"}]}');
	create('closed', '{"allowed_cidrs": [{"cidr": "255.255.255.255/32"}]}');
	value($registry, <<SQL);
\\o /dev/null
SELECT pgbeam.create_projects(jsonb_agg(jsonb_build_object('org_id', 'acme', 'name', 'lines' || n, 'allowed_cidrs', '[$many]'::jsonb, 'database',
	jsonb_build_object('host', '127.0.0.1', 'port', 1, 'name', 'mydb', 'ssl_mode', 'disable', 'username', 'app', 'password', 'a word'))))
FROM generate_series(1, 100) AS n
SQL
	all_is_taken('thousands of lines');
	cmp_ok(scalar(() = slurp_file("$plane->{files}/hba.conf") =~ /^host/mg), '>', 4900, 'there are thousands');
	is(try_login($_), 'alpha', $_) foreach qw(many odd alpha);
	like(try_login($_), qr/no authentication method/, $_) foreach qw(six mapped closed);
	SKIP:
	{
		skip 'there is no IPv6', 2 unless $has_ipv6;
		is(try_login('six', more => 'host=::1'), 'alpha', 'by IPv6');
		like(try_login('many', more => 'host=::1'), qr/no authentication method/, 'not by IPv6');
	}
};

subtest 'many replicas' => sub {
	my $port = $upstream->port;

	my %hosts = (
		copied => q(SELECT CASE WHEN n <= 2 THEN '127.0.0.1' ELSE '127.1.0.' || n END FROM generate_series(1, 20) AS n),
		long   => q(SELECT repeat('very-long-label.', 15) || 'example' || n FROM generate_series(1, 20) AS n));

	foreach my $name (sort keys %hosts)
	{
		create($name);
		value($registry, <<SQL);
\\o /dev/null
SELECT pgbeam.create_replica('$databases{$name}', jsonb_build_object('host', host, 'port', $port, 'ssl_mode', 'disable')) FROM ($hosts{$name}) AS r (host)
SQL
	}
	all_is_taken('them');
	unlike(slurp_file("$plane->{files}/databases.ini"), qr/^\Q$keys{long}\E\.ro = /m, 'names that lead nowhere are left out');
	is(try_login($_), 'alpha', "the database $_") foreach sort keys %hosts;
	is(login($plane, "$keys{copied}.ro", "$PASSWORD of alpha"), 'alpha', 'its replicas, most of which are down');
	like(login($plane, "$keys{long}.ro", "$PASSWORD of alpha"), qr/no such database|failed/, 'replicas that are nowhere');
	is(try_login('alpha'), 'alpha', 'and the other one');
};

# Begins many sessions at once. Returns them.
sub crowd
{
	my ($count, $key, $password, $query) = @_;
	local $ENV{PGPASSWORD} = $password;

	return map {
		my $err = '';
		{ err => \$err, run => IPC::Run::start([ 'psql', '-XAtq', '-d', "host=127.0.0.1 port=$plane->{port} user=app dbname=$key", '-c', $query ], '<', \undef, '>', \my $out, '2>', \$err) };
	} 1 .. $count;
}

subtest 'a flood of logins' => sub {
	my @crowd = map { crowd(10, $keys{$_}, 'wrong', 'SELECT 1'), crowd(5, "nowhere$_", 'wrong', 'SELECT 1') } qw(alpha many);
	my $start = time;

	is(try_login('pool5'), 'alpha', 'a login meanwhile');
	note sprintf '%.0f ms', 1000 * (time - $start);
	$_->{run}->finish foreach @crowd;
	is(scalar(grep { ${ $_->{err} } !~ /failed|no such/ } @crowd), 0, 'each was refused');
};

# A server that takes connections and says nothing.
subtest 'upstreams that never answer' => sub {
	my $deaf = IO::Socket::IP->new(LocalHost => '127.0.0.1', Listen => 200, ReuseAddr => 1) or die $!;
	my $port = $deaf->sockport;

	create("deaf$_", undef, qq({"port": $port})) foreach 1 .. 5;
	create('heard');
	all_is_taken('them');
	my @crowd = map { crowd(8, $keys{"deaf$_"}, "$PASSWORD of alpha", 'SELECT 1') } 1 .. 5;
	my $start = time;

	is(try_login('heard'), 'alpha', 'who is beside them is served');
	note sprintf '%.0f ms', 1000 * (time - $start);
	create('newer');
	$start = time;
	wait_until('a login', sub { try_login('newer') eq 'alpha' }, $plane);
	note sprintf 'a new project after %.0f ms', 1000 * (time - $start);
	$_->{run}->finish foreach @crowd;
	is(scalar(grep { ${ $_->{err} } !~ /timeout|failed/ } @crowd), 0, 'who waits for them is sent away');
};

unlike(slurp_file($_), qr/\Q$PASSWORD\E/, "no password is in $_") foreach "$plane->{root}/agent.err", "$plane->{root}/log", glob "$plane->{files}/*";
stop_program($plane, 'agent');
stop_program($plane, 'pgbouncer', 'INT');
done_testing();
