# What PgBouncer does not take, and does not say: HBA lines that it passes over,
# a configuration that it reads only in part, a RELOAD that fails.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use IO::Socket::UNIX;
use IPC::Run;
use PgbeamTest;
use PlaneTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep);

plan skip_all => lack_of_pgbouncer() if lack_of_pgbouncer();

my $registry = new_registry('registry', "pgbeam.notify_changes = on\n");
my $upstream = new_upstream('alpha');
my $plane = new_plane($registry);
my (%projects, %keys);

value($registry, q(SELECT pgbeam.set_organization('acme', '{"plan": "scale", "max_projects": 0}')));
start_pgbouncer($plane);
start_agent($plane);

sub create
{
	my ($name) = @_;
	my ($project, $database) =
	  make($registry, $name, database => { host => '127.0.0.1', port => $upstream->port, name => 'mydb', ssl_mode => 'disable' });

	value($registry, <<SQL);
SELECT pgbeam.update_database('$project', '$database', jsonb_build_object('password', concat(:'password', ' of alpha')))
SQL
	$projects{$name} = $project;
	return $keys{$name} = key_of($plane, $project);
}

sub try_login { return login($plane, $keys{ $_[0] }, "$PASSWORD of alpha") }

sub wait_for_login
{
	my ($name) = @_;

	return wait_until("a login to $name", sub { try_login($name) eq 'alpha' }, $plane);
}

sub times_said
{
	my ($what) = @_;

	return scalar(() = agent_log($plane) =~ /$what/g);
}

sub change_configuration
{
	my ($change) = @_;
	my $path = "$plane->{root}/pgbouncer.ini";
	my $text = slurp_file($path);

	replace_file($path, $change->($text));
	return $text;
}

create('first');
wait_for_login('first');

subtest 'HBA lines that PgBouncer would pass over' => sub {
	my @bad = (
		'host', 'hostx "first.aws.mydb" all 127.0.0.1/32 scram-sha-256', 'host first.aws.mydb all 127.0.0.1/32 scram-sha-256',
		'host all all 127.0.0.1/32 scram-sha-256', 'host "a b" all 127.0.0.1/32 scram-sha-256', 'host "a all 127.0.0.1/32 scram-sha-256',
		'host "a", "b" all 127.0.0.1/32 scram-sha-256', 'host "a", all 127.0.0.1/32 scram-sha-256', 'host "" all 127.0.0.1/32 scram-sha-256',
		'host "a" app 127.0.0.1/32 scram-sha-256', 'host "a" all 127.0.0.1/33 scram-sha-256', 'host "a" all 127.0.0.1/8 scram-sha-256',
		'host "a" all 127.0.0.1 255.255.255.255 scram-sha-256', 'host "a" all ::1/129 scram-sha-256', 'host "a" all ::1/64 scram-sha-256',
		'host "a" all localhost/32 scram-sha-256', 'host "a" all 127.0.0.1/32 trust', 'host "a" all 127.0.0.1/32', 'host "a" all 127.0.0.1/ reject',
		'host "a" all 127.0.0.1/32 scram-sha-256 map=x', 'host "a" all 127.0.0.1/32 scram-sha-256x', 'local "a" all 127.0.0.1/32 scram-sha-256',
		'@include "x"', 'host "a" all 127.0.0.1/0x20 reject', 'host "' . 'x' x 64 . '" all 127.0.0.1/32 reject', '; no remark here either'
	);
	my @good = ('host "a","a.ro" all 10.0.0.0/8 scram-sha-256', 'host "a" all 2001:db8::/32 reject', 'host "b" all ::/0 scram-sha-256', 'local all all scram-sha-256');
	my $lines = join "\n", @bad, @good;

	value($registry, <<SQL);
ALTER FUNCTION pgbeam.pgbouncer_files(text, text, text, text, text) RENAME TO real_files;
CREATE FUNCTION pgbeam.pgbouncer_files(region text, cloud text, ssl_mode text, socket_folder text, project_id text, OUT file text, OUT content text)
RETURNS SETOF record LANGUAGE sql SECURITY DEFINER AS \$\$
	SELECT file, content || CASE file WHEN 'hba.conf' THEN \$lines\$$lines\n\$lines\$ ELSE '' END FROM pgbeam.real_files(\$1, \$2, \$3, \$4, \$5)
\$\$;
GRANT EXECUTE ON FUNCTION pgbeam.pgbouncer_files TO agent;
SQL
	my $before = slurp_file("$plane->{files}/hba.conf");

	create('second');
	wait_for_login('second');
	my $after = slurp_file("$plane->{files}/hba.conf");

	is(times_said('trouble: hba\.conf: ' . @bad . ' lines are left out that PgBouncer could not read, such as host\n'), 1, 'are told of once');
	foreach my $line (@bad)
	{
		unlike($after, qr/^\Q$line\E$/m, "$line is not written");
	}
	like($after, qr/^\Q$_\E$/m, "$_ is") foreach @good;
	like($after, qr/^\Q$_\E$/m, "$_ is") foreach grep { $_ ne '' } split /\n/, $before;
	unlike(slurp_file("$plane->{root}/log"), qr/could not parse hba/, 'PgBouncer could read all of it');
	value($registry, <<'SQL');
DROP FUNCTION pgbeam.pgbouncer_files;
ALTER FUNCTION pgbeam.real_files RENAME TO pgbouncer_files;
SQL
	create('third');
	wait_for_login('third');
	is(times_said('hba.conf: well again'), 1, 'the end of it is told');
};

subtest 'a PgBouncer that does not go by the file' => sub {
	my $was = change_configuration(sub { shift =~ s/^auth_type = hba$/auth_type = scram-sha-256/mr });

	create('fourth');
	wait_until('a warning', sub { times_said('its auth_type is scram-sha-256: ') > 0 }, $plane);
	ok(1, 'by another auth_type');
	append_to_file("$plane->{root}/other.conf", "local all all scram-sha-256\nhost all all 127.0.0.1/32 scram-sha-256\n");
	change_configuration(sub { $was =~ s/^auth_hba_file = .*$/auth_hba_file = $plane->{root}\/other.conf/mr });
	create('fifth');
	wait_until('a warning', sub { times_said("its auth_hba_file is not \Q$plane->{files}\E/hba.conf: ") > 0 }, $plane);
	ok(1, 'by another file');
	change_configuration(sub { $was });
	create('sixth');
	wait_until('the end', sub { times_said('PgBouncer: well again') > 0 }, $plane);
	wait_for_login('sixth');
	ok(1, 'until it does');
};

subtest 'a configuration that is read in part' => sub {
	my ($out, $err) = ('', '');
	local $ENV{PGPASSWORD} = "$PASSWORD of alpha";
	my $client = IPC::Run::start([ 'psql', '-XAtq', '-d', "host=127.0.0.1 port=$plane->{port} user=app dbname=$keys{third}",
			'-c', q(SELECT pg_sleep(600)) ], '<', \undef, '>', \$out, '2>', \$err);
	my $was;

	wait_until('the client', sub { console($plane, 'SHOW CLIENTS') =~ /\|app\|\Q$keys{third}\E\|/ });
	settle($plane);
	$was = change_configuration(sub { shift =~ s/^listen_port/no_such_setting_at_all\nlisten_port/mr });
	value($registry, "SELECT pgbeam.delete_project('$projects{third}')");
	$client->finish;
	like($err, qr/database removed|server closed the connection|terminating|killed/, 'the client of what is gone is cut');
	wait_until('trouble', sub { times_said('trouble: PgBouncer: (?:still has databases that are gone, such as third|.*RELOAD failed)') > 0 }, $plane);
	is(try_login('first'), 'alpha', 'what runs is kept');
	isnt(try_login('third'), 'alpha', 'and what is gone is refused');
	change_configuration(sub { $was });
	create('seventh');
	wait_for_login('seventh');
	wait_until('PgBouncer to obey', sub { !-e "$plane->{files}/pending" }, $plane);
	unlike(console($plane, 'SHOW DATABASES'), qr/^third\./m, 'until it can be read');
	stop_program($plane, 'agent');
	stop_program($plane, 'pgbouncer', 'INT');
};

# The rows of an answer, all of text.
sub rows
{
	my ($names, @rows) = @_;
	my $columns = join '', map { pack 'Z* N n N n N n', $_, 0, 0, 25, -1, -1, 0 } @$names;

	return join '', pack('a N n', 'T', 6 + length $columns, scalar @$names), $columns, map {
		my $data = join '', map { pack 'N/a', $_ } @$_;
		pack('a N n', 'D', 6 + length $data, scalar @$_) . $data
	} @rows;
}

sub failure
{
	my ($text) = @_;
	my $fields = join '', map { "$_\0" } 'SERROR', 'VERROR', 'CF0000', "M$text";

	return pack('a N', 'E', 5 + length $fields) . "$fields\0";
}

# A console whose RELOAD fails while a file is there. It notes what it is asked.
sub strict_console
{
	my ($root, $path) = @_;
	my $listener = IO::Socket::UNIX->new(Local => $path, Listen => 5) or die "$path: $!";
	my $pid = fork // die $!;

	return $pid if $pid;
	while (my $client = $listener->accept)
	{
		sysread $client, my $startup, 1000;
		syswrite $client, pack('a N N', 'R', 8, 0) . pack('a N a', 'Z', 5, 'I');
		while (sysread $client, my $query, 1000)
		{
			last if $query !~ /^Q....(.*)\0/s;
			my $asked = $1;

			append_to_file("$root/asked", "$asked\n");
			my $answer =
				$asked eq 'RELOAD' ? (-e "$root/broken" ? failure('RELOAD failed, see logs for additional details') : '')
			  : $asked eq 'SHOW VERSION' ? rows(['version'], ['PgBouncer 1.25.2'])
			  : $asked eq 'SHOW DATABASES' ? rows(['name'], map { [$_] } split /\n/, slurp_file("$root/databases"))
			  : $asked eq 'SHOW CONFIG' ? rows([ 'key', 'value' ], [ 'auth_type', 'hba' ], [ 'auth_hba_file', "$root/pgbeam/hba.conf" ])
			  : '';

			syswrite $client, $answer . ($answer =~ /^E/ ? '' : pack('a N Z*', 'C', 9, 'DONE')) . pack('a N a', 'Z', 5, 'I');
		}
	}
	exit;
}

subtest 'a RELOAD that fails' => sub {
	my $root = PostgreSQL::Test::Utils::tempdir_short();
	my %strict = (%$plane, root => $root, files => "$root/pgbeam");
	my $asked = sub { my ($what) = @_; return scalar(() = slurp_file("$root/asked") =~ /^\Q$what\E$/mg) };
	my $said = sub { my ($what) = @_; return scalar(() = agent_log(\%strict) =~ /$what/g) };

	append_to_file("$root/asked", '');
	append_to_file("$root/broken", '');
	append_to_file("$root/databases", join '', map { "$keys{$_}\n" } grep { $_ ne 'third' } sort keys %keys);
	my $console = strict_console($root, "$root/.s.PGSQL.$strict{port}");

	start_agent(\%strict, '--name=strict');
	wait_until('several tries', sub { $asked->('RELOAD') >= 3 }, \%strict);
	is($said->('trouble: PgBouncer: .*RELOAD failed, see logs for additional details'), 1, 'is told of once');
	value($registry, "SELECT pgbeam.delete_project('$projects{second}')");
	wait_until('the clients to be cut', sub { $asked->(qq(KILL "$keys{second}")) > 0 }, \%strict);
	ok(1, 'who is gone is cut all the same');
	ok(-e "$strict{files}/pending", 'what PgBouncer owes is kept');
	replace_file("$root/databases", join '', map { "$keys{$_}\n" } grep { !/second|third/ } sort keys %keys);
	unlink "$root/broken";
	wait_until('PgBouncer to obey', sub { !-e "$strict{files}/pending" }, \%strict);
	is($said->('PgBouncer: has read its files again'), 1, 'until it succeeds');
	is($said->('PgBouncer: well again'), 1, 'which is told too');
	stop_program(\%strict, 'agent');
	kill 'KILL', $console;
	waitpid $console, 0;
};

done_testing();
