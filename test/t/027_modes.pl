# TLS to upstreams, by the ssl_mode of each database: the front leads those of
# another mode than its own to a second PgBouncer, whose configuration the
# agent writes. verify-full stays verify-full.

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
plan skip_all => 'the server was built without TLS' unless `pg_config --configure` =~ /--with-(openssl|ssl)/;

my $certificates = folder('certificates');

# A certificate of an authority, or by itself.
sub certify
{
	my ($name, $subject, $authority) = @_;
	my @by = defined $authority ? ('-CA', "$certificates/$authority.crt", '-CAkey', "$certificates/$authority.key") : ();

	PostgreSQL::Test::Utils::run_log([ 'openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes',
			'-days', 2, '-subj', "/CN=$name", '-keyout', "$certificates/$name.key", '-out', "$certificates/$name.crt",
			defined $subject ? ('-addext', "subjectAltName=$subject") : (), @by ]) or die 'openssl';
	return;
}

certify('authority');
certify('good', 'IP:127.0.0.1', 'authority');
certify('named', 'DNS:db.example.com', 'authority');
certify('alone', 'IP:127.0.0.1');

# Two folders of a socket's name and a mode must fit into a socket's path.
my $sockets = PostgreSQL::Test::Utils::tempdir_short();
my $registry = new_registry('registry', "pgbeam.notify_changes = on\n");
my %upstreams = map { $_ => new_upstream($_, hba => 'hostssl all all 127.0.0.1/32 scram-sha-256',
		conf => "ssl = on\nssl_cert_file = '$certificates/$_.crt'\nssl_key_file = '$certificates/$_.key'\n") } qw(good named alone);
$upstreams{plain} = new_upstream('plain');

my $plane = new_plane($registry);
my $common = "$plane->{root}/common.ini";

push @{ $plane->{options} }, "--socket-folder=$sockets", "--common=$common",
  '--registry-entry=host=' . $registry->host . ' port=' . $registry->port . ' dbname=postgres';
append_to_file($common, <<INI);
server_tls_ca_file = $certificates/authority.crt
client_login_timeout = 4
INI
value($registry, q(SELECT pgbeam.set_organization('acme', '{"plan": "scale"}')));

my (%keys, @planes);

# A database of a mode, at an upstream with some certificate.
sub create
{
	my ($mode, $upstream) = @_;
	my $name = "$upstream-$mode";
	my ($project, $database) = make($registry, $name,
		database => { host => '127.0.0.1', port => $upstreams{$upstream}->port, name => 'mydb', ssl_mode => $mode });

	value($registry, <<SQL);
SELECT pgbeam.update_database('$project', '$database', jsonb_build_object('password', concat(:'password', ' of $upstream')))
SQL
	return $keys{$name} = key_of($plane, $project);
}

sub try_login
{
	my ($mode, $upstream, %how) = @_;

	return login($plane, $keys{"$upstream-$mode"}, "$PASSWORD of $upstream", %how);
}

create('disable', 'plain');
create('verify-full', $_) foreach qw(good named alone plain);
create('require', 'alone');
create('verify-ca', 'named');
start_pgbouncer($plane);
start_agent($plane);
wait_until('the files', sub { -e "$plane->{files}/verify-full/pgbouncer.ini" && -e "$plane->{files}/require/pgbouncer.ini" }, $plane);
foreach my $mode (qw(verify-full verify-ca require))
{
	my $ini = "$plane->{files}/$mode/pgbouncer.ini";

	wait_until($ini, sub { -e $ini && -d "$sockets/$mode" }, $plane);
	is(sprintf('%o', (stat "$sockets/$mode")[2] & 0777), '700', "the folder of $mode is for its owner");
	push @planes, { root => "$sockets/$mode", port => 5432 };
	start_pgbouncer($planes[-1], $ini);
}

wait_until('a login', sub { try_login('disable', 'plain') eq 'plain' }, $plane);
ok(1, 'disable goes straight to its upstream');
wait_until('a login', sub { try_login('verify-full', 'good') eq 'good' }, $plane);
ok(1, 'verify-full through the second PgBouncer');
is(try_login('verify-full', 'good', query => 'SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()'), 't', 'with TLS');
isnt(try_login('verify-full', 'named'), 'named', 'verify-full refuses a certificate of another name');
isnt(try_login('verify-full', 'alone'), 'alone', 'and one of no known authority');
isnt(try_login('verify-full', 'plain'), 'plain', 'and a server without TLS');
is(try_login('require', 'alone'), 'alone', 'require takes any certificate');
is(try_login('verify-ca', 'named'), 'named', 'verify-ca takes any name');
isnt(login($plane, $keys{'good-verify-full'}, 'wrong'), 'good', 'a wrong password is refused there too');

my ($project) = value($registry, q(SELECT pgbeam.typeid_encode('prj', id) FROM pgbeam.projects WHERE name = 'alone-require'));

settle($plane);
ok(1, 'the place is confirmed once each PgBouncer has its files');
value($registry, "SELECT pgbeam.delete_project('$project')");
wait_until('the files to go', sub { !-e "$plane->{files}/require/pgbouncer.ini" && !-e "$plane->{files}/require/databases.ini" }, $plane);
ok(1, 'a mode that nobody uses has no files');

stop_program($plane, 'agent');
stop_program($_, 'pgbouncer', 'INT') foreach $plane, @planes;
done_testing();
