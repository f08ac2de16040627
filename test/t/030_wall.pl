# The wall between tenants, through a real PgBouncer: each cell of who logs in
# where by what. Then a tenant names the registry's own server as an upstream,
# in every spelling, to become a superuser of it.

use strict;
use warnings;
use utf8;

use FindBin;
use lib $FindBin::RealBin;

use PgbeamTest;
use PlaneTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

plan skip_all => lack_of_pgbouncer() if lack_of_pgbouncer();

# This server trusts everybody who comes from its own machine: what a proxy
# beside it must not give away.
my $registry = new_registry('registry', "pgbeam.notify_changes = on\nlisten_addresses = '127.0.0.1, ::1'\n");
my @tenants = qw(alpha beta gamma);
my %upstreams = map { $_ => new_upstream($_) } @tenants;
my $plane = new_plane($registry);
my (%projects, %databases, %keys);

value($registry, q(SELECT pgbeam.set_organization('acme', '{"plan": "scale", "max_projects": 0}')));
start_pgbouncer($plane);
start_agent($plane);

sub create
{
	my ($name, %database) = @_;

	($projects{$name}, $databases{$name}) = make($registry, $name, database => { ssl_mode => 'disable', %database });
	return $keys{$name} = key_of($plane, $projects{$name});
}

sub try_login
{
	my ($name, $of, %how) = @_;

	return login($plane, $keys{$name}, "$PASSWORD of " . ($of // $name), %how);
}

my $refused = qr/authentication failed|no such user|no such database|no authentication method|no password supplied|login rejected|not allowed|unsupported (?:options )?startup parameter/;

sub is_refused
{
	my ($got, $what) = @_;

	return like($got, $refused, $what);
}

create($_, host => '127.0.0.1', port => $upstreams{$_}->port, name => 'mydb') foreach @tenants;
foreach my $name (@tenants)
{
	value($registry, sprintf <<'SQL', $databases{$name}, $upstreams{$name}->port);
SELECT pgbeam.create_replica('%s', '{"host": "127.0.0.1", "port": %d, "ssl_mode": "disable"}')
SQL
	# A role that the upstream knows and the registry does not, and one for
	# which that is so the other way round.
	value($upstreams{$name}, q(SELECT format('CREATE ROLE other LOGIN PASSWORD %L', concat(:'password', ' of other')) \gexec));
	wait_until("a login to $name", sub { try_login($name) eq $name }, $plane);
}
settle($plane);

# Three tenants whose database and user have the same names, where each has
# a password of its own. With each the pools are warm.
foreach my $round ('at first', 'and when all pools are open')
{
	subtest "own, foreign and none, $round" => sub {
		foreach my $name (@tenants)
		{
			foreach my $suffix ('', '.ro')
			{
				my $key = $keys{$name} . $suffix;

				is(login($plane, $key, "$PASSWORD of $name"), $name, "$key by its own password");
				is_refused(login($plane, $key, "$PASSWORD of $_"), "$key by that of $_") foreach grep { $_ ne $name } @tenants;
				is_refused(login($plane, $key, ''), "$key by none");
			}
		}
	};
}

subtest 'who is no user of the database' => sub {
	foreach my $name (@tenants)
	{
		is_refused(login($plane, $keys{$name}, "$PASSWORD of other", user => 'other'), "$name as another user of the upstream, by its password");
		is_refused(try_login($name, undef, user => $_), "$name as $_") foreach qw(other postgres pgbeam_proxy pgbouncer agent APP), 'app ', "app' OR true --";
	}
};

# What libpq lets a client ask for.
subtest 'what a client asks for on top' => sub {
	is_refused(login($plane, $keys{beta}, "$PASSWORD of alpha", more => $_), $_)
	  foreach "options='-c role=postgres'", "options='database=$keys{alpha}'", "options='project=alpha'", "replication=true", "replication=database", "application_name=$keys{alpha}";
	is_refused(login($plane, $_, "$PASSWORD of alpha"), $_)
	  foreach 'mydb', 'postgres', 'template1', 'beta', 'beta.aws', "$keys{beta}.ro.ro", "$keys{beta},$keys{alpha}", $databases{beta}, uc $keys{alpha}, '*', 'pgbeam_registry', 'pgbouncer';
};

# The attack. Whoever gets in is told whether they are a superuser.
my $lures = 0;
my $superuser = 'SELECT rolsuper FROM pg_roles WHERE rolname = current_user';

sub lure_call
{
	my ($host, %database) = @_;

	return 'SELECT ' . create_call('lure' . ++$lures,
		database => { host => $host, port => $registry->port, name => 'postgres', username => 'postgres', ssl_mode => 'disable', %database });
}

sub lure
{
	my ($host, %database) = @_;
	my $name = 'lure' . ($lures + 1);

	create($name, host => $host, port => $registry->port, name => 'postgres', username => 'postgres', %database);
	$lures++;
	return $name;
}

sub try_lure { return try_login($_[0], undef, user => $_[1] // 'postgres', query => $superuser) }

# With the setting emptied by the operator, as in the demo.
my @old = map { lure($_) } qw(127.0.0.1 localhost), gethostbyname('localhost.localdomain') ? 'localhost.localdomain' : ();

foreach my $name (@old)
{
	wait_until("a login to $name", sub { try_lure($name) eq 't' }, $plane);
	ok(1, "$name is a superuser of a registry that trusts its machine, where no network is forbidden: the attack is real");
}

sub is_refused_at_write
{
	my ($sql, $what) = @_;
	my $got = ask($registry, $sql);

	return is($got->{state}, 'PT400', $what) || diag($got->{err});
}

# Spellings that no setting allows.
my $socket = $registry->host;
my @never = (
	'127.1', '127.0.1', '0x7f000001', '0x7f.0.0.1', '0X7F.1', '127.0.0.0x1', '2130706433', '017700000001', '0177.0.0.1', '127.000.000.001', '0',
	'127.0.0.1.', 'localhost.', '.localhost', 'localhost..', '127.0.0.1:5432', '[::1]:5432', '[127.0.0.1]', '::1%lo', '[::1%lo]', '[::1', '::1]',
	$socket, "$socket/", '@pgbeam', "127.0.0.1,db.example.com", "db.example.com,127.0.0.1", "db.example.com,$socket", ',', '',
	' 127.0.0.1', '127.0.0.1 ', "127.0.0.1\t", "localhost\n", "db.example.com' host='127.0.0.1", "db.example.com port=1 host=localhost",
	'postgresql://127.0.0.1', 'x@127.0.0.1', '127。0。0。1', '１２７.0.0.1', '127.0.0.１', 'ⓛocalhost', 'local' . "\x{200b}" . 'host', 'localhost#', 'localhost;', '%31', '$HOME', '*');

subtest 'hosts that are none are refused whatever the setting' => sub {
	foreach my $host (@never)
	{
		is_refused_at_write(lure_call($host), "<" . ($host =~ s/[^ -~]/sprintf '\x{%x}', ord $&/egr) . '>');
	}
};

subtest 'users of the proxy itself are refused too' => sub {
	is_refused_at_write(lure_call('127.0.0.1', username => $_), $_) foreach qw(pgbeam_proxy pgbouncer);
};

# An upstream that is the proxy itself, by which a tenant comes from its machine.
subtest 'by the proxy itself nobody gets to the registry' => sub {
	my %by = (
		registry    => lure('127.0.0.1', port => $plane->{port}, name => 'pgbeam_registry'),
		console     => lure('127.0.0.1', port => $plane->{port}, name => 'pgbouncer'),
		other       => lure('127.0.0.1', port => $plane->{port}, name => $keys{alpha}, username => 'app'));
	my $circle = 'lure' . ($lures + 1);

	lure('127.0.0.1', port => $plane->{port}, name => "$circle.aws.x", username => 'app', pool_size => 3);
	is(value($registry, qq(SELECT pgbeam.update_database('$projects{$circle}', '$databases{$circle}', '{"name": "$keys{$circle}"}') ->> 'name')), $keys{$circle}, 'one leads to itself');
	wait_until('the databases', sub { console($plane, 'SHOW DATABASES') =~ /^\Q$keys{$circle}\E\|/m }, $plane);
	settle($plane);
	foreach my $what (sort keys %by)
	{
		my $name = $by{$what};

		unlike(try_lure($name, $what eq 'other' ? 'app' : 'postgres'), qr/^[tf]$/, $what);
	}
	unlike(try_lure($circle, 'app'), qr/^[tf]$/, 'who goes in a circle gets nowhere');
	is(try_login($_), $_, "$_ is served all the same") foreach @tenants;
};

subtest 'a registry that asks for passwords is not opened by one of a tenant' => sub {
	my $hba = slurp_file($registry->data_dir . '/pg_hba.conf');

	spill($registry->data_dir . '/pg_hba.conf', $hba =~ s/^(host\s.*)\btrust$/$1scram-sha-256/mgr);
	$registry->reload;
	wait_until('the rules', sub { value($registry, q(SELECT bool_and(auth_method = 'scram-sha-256') FROM pg_hba_file_rules WHERE type = 'host')) eq 't' });
	console($plane, "RECONNECT \"$keys{$_}\"") foreach @old;
	unlike(try_lure($_), qr/^t$/, "$_ is refused") foreach @old;
	spill($registry->data_dir . '/pg_hba.conf', $hba);
	$registry->reload;
};

# Forbids what is forbidden by default, and more.
sub forbid
{
	my ($more) = @_;

	value($registry, <<SQL);
LOAD 'pgbeam';
SELECT format('ALTER SYSTEM SET pgbeam.forbidden_networks = %L', boot_val || '$more') FROM pg_settings WHERE name = 'pgbeam.forbidden_networks' \\gexec
SQL
	$registry->reload;
	return wait_until('the setting', sub { value($registry, 'SHOW pgbeam.forbidden_networks') =~ /127\.0\.0\.0.*\Q$more\E$/ });
}

# From here on the setting is as it is by default.
settle($plane);
stop_program($plane, 'agent');
forbid('');

subtest 'by default an address of the own machine is refused' => sub {
	is_refused_at_write(lure_call($_), $_)
	  foreach qw(127.0.0.1 127.255.255.254 0.0.0.0 ::1 [::1] 0:0:0:0:0:0:0:1 :: ::ffff:127.0.0.1 [::ffff:127.0.0.1] ::ffff:7f00:1 ::127.0.0.1 64:ff9b::127.0.0.1
	  localhost LOCALHOST localhost.localdomain x.localhost ip6-localhost localhost4 169.254.169.254 fe80::1);
};

subtest 'and who has been there is left out' => sub {
	my ($status, undef, $err) = run_agent($plane, '--once');

	is($status, 0, 'the agent');
	foreach my $name (@old, @tenants)
	{
		like($err . agent_log($plane) . value($registry, q(SELECT content FROM pgbeam.pgbouncer_files(ssl_mode => 'disable') WHERE file = 'left_out')),
			qr/\Q$databases{$name}\E is left out: it leads to the network/, "$name is named");
		is_refused(try_lure($name), "$name is refused");
		is_refused(try_login($name), "and by its own user");
	}
};

# The machine has a name, which leads to an address of its own. Where that is
# none of the loopback the operator has forbidden it, as the page asks for.
subtest 'a name that leads to the own machine' => sub {
	chomp(my $host = `hostname`);
	my $packed = gethostbyname $host;

	plan skip_all => "$host leads nowhere" unless defined $packed;
	my $address = join '.', unpack 'C4', $packed;

	forbid(", $address/32");
	foreach my $spelled ($host, uc $host)
	{
		my $name = lure($spelled);
		my ($status, undef, $err) = run_agent($plane, '--once');

		is($status, 0, "the agent, for $spelled");
		like($err, qr/\Q$databases{$name}\E is left out: host \Q$spelled\E leads to /, 'is told of');
		is_refused(try_lure($name), 'and refused');
	}
	is_refused_at_write(lure_call($_), "its address as $_") foreach $address, "::ffff:$address", "[::ffff:$address]";
};

stop_program($plane, 'pgbouncer', 'INT');
done_testing();
