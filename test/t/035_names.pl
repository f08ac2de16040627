# Names that do not resolve: a new one is left out, one that PgBouncer has stays.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use PgbeamTest;
use PlaneTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $registry = new_registry('registry');
my $plane = new_plane($registry);
my %databases;

sub create
{
	my ($name, $host) = @_;
	my ($project, $database) = make($registry, $name, database => { host => $host, port => 5432, name => 'mydb', ssl_mode => 'disable' });

	$databases{$name} = $database;
	return key_of($plane, $project);
}

# No resolver knows names below .invalid (RFC 6761).
my $key = create('lost', 'db.example.invalid');
my $near = create('near', '127.0.0.1');
my ($status, $out, $err) = run_agent($plane, '--print');

is($status, 0, 'the files are made');
like($err, qr/warning: $databases{lost} is left out: host db\.example\.invalid does not lead to an address so far$/m, 'a new name that does not resolve is told of');
like($out, qr/^;\Q${\substr $key, 1}\E = /m, 'and is left out');
like($out, qr/^\Q$near\E = /m, 'but no other');
run_agent($plane, '--once');
unlike(slurp_file("$plane->{files}/databases.ini"), qr/^\Q$key\E = /m, 'it is not in the file');
like(value($registry, "SELECT t.error FROM pgbeam.databases d, LATERAL (SELECT pgbeam.test_database_connection(pgbeam.typeid_encode('prj', d.project_id), '$databases{lost}') ->> 'error' AS error) t WHERE d.id = pgbeam.typeid_decode('$databases{lost}')"),
	qr/does not lead to an address so far/, 'its owner reads why');

append_to_file("$plane->{files}/databases.ini", "another = host='db.example.invalid' port=5432\n");
(undef, $out, $err) = run_agent($plane, '--print');
like($out, qr/^\Q$key\E = /m, 'a name that PgBouncer has stays, whether it resolves or not');
unlike($err, qr/left out/, 'without a word');

done_testing();
