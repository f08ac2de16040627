# How large a page can be: computed from the API's own description of the
# fields, and built for real with the largest legal members.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use JSON::PP;
use List::Util qw(max sum0);
use PgbeamTest;
use Test::More;

my $PAGE_MAX = 8_000_000;    # bytes, as README has it
my $ITEMS = 100;
my $ESCAPED = 6;             # bytes of a character at most, as of \u0001

my $node = set_up('main', folder('keys') . '/keyring');
my $schemas = decode_json(value($node, 'SELECT pgbeam.openapi()'))->{components}{schemas};

# The most bytes that a value can have as JSON; dies if there is no limit.
sub size_of
{
	my ($path, $schema) = @_;
	my $type = $schema->{type};

	return sum0(map { length($_) + 4 + size_of("$path.$_", $schema->{properties}{$_}) } keys %{ $schema->{properties} }) + 2
	  if $type eq 'object';
	return $schema->{maxItems} * (size_of("$path\[]", $schema->{items}) + 1) + 2
	  if $type eq 'array' && defined $schema->{maxItems};
	return 11 if $type eq 'integer';
	return 5 if $type eq 'boolean';
	die "$path has no end" if $type ne 'string';
	return max(map { length } @{ $schema->{enum} }) + 2 if $schema->{enum};
	return 22 if ($schema->{format} // '') eq 'date-time';
	return 64 + 26 + 3 if defined $schema->{pattern};    # a TypeID
	die "$path has no end" if !defined $schema->{maxLength};
	return $ESCAPED * $schema->{maxLength} + 2;
}

# A number of letters for each member, and a token.
sub page_of
{
	my ($view) = @_;

	return $ITEMS * (size_of($view, $schemas->{$view}) + 1) + 2000;
}

# The largest legal body. Letters have four bytes where control characters are
# not allowed, and names differ in their last characters.
value($node, <<'SQL');
SET pgbeam.max_replicas = 0;
SET pgbeam.max_domains = 0;
SET test.password = :'password';
SELECT pgbeam.set_organization(repeat('o', 255), '{}');
CREATE FUNCTION upstream() RETURNS jsonb LANGUAGE sql AS $$
	SELECT jsonb_build_object('host', repeat(U&'\+020000', 253), 'port', 65535, 'name', repeat(U&'\+020000', 255),
		'username', repeat(U&'\+020000', 255), 'password', current_setting('test.password'), 'ssl_mode', 'verify-full',
		'pool_region', repeat(E'\x01', 255), 'query_timeout_ms', 300000)
$$;
SELECT count(pgbeam.create_project(jsonb_build_object('org_id', repeat('o', 255), 'name', repeat(E'\x01', 97) || lpad(i::text, 3, '0'),
	'description', repeat(E'\x01', 500), 'tags', array_fill(repeat(E'\x01', 50), ARRAY[10]),
	'allowed_cidrs', array_fill(jsonb_build_object('cidr', '1111:1111:1111:1111:1111:1111:111.111.111.111/128', 'label', repeat(E'\x01', 100)), ARRAY[50]),
	'database', upstream()))) FROM generate_series(1, 100) AS i;
CREATE TABLE of AS SELECT pgbeam.typeid_encode('prj', p.id) AS project, pgbeam.typeid_encode('db', d.id) AS database
	FROM pgbeam.projects AS p JOIN pgbeam.databases AS d ON d.project_id = p.id LIMIT 1;
SELECT count(pgbeam.create_database(project, upstream())) FROM of, generate_series(2, 100);
SELECT count(pgbeam.create_replica(database, jsonb_build_object('host', repeat(U&'\+020000', 253), 'port', 65535, 'ssl_mode', 'verify-full')))
	FROM of, generate_series(1, 100);
SELECT count(pgbeam.create_custom_domain(project, jsonb_build_object('domain', repeat('d.', 115) || lpad(i::text, 7, 'e'))))
	FROM of, generate_series(1, 100) AS i;
SQL

my %pages = (
	projects  => [ 'Project', "pgbeam.list_projects(repeat('o', 255), $ITEMS)" ],
	databases => [ 'Database', "pgbeam.list_databases(project, $ITEMS)" ],
	replicas  => [ 'Replica', "pgbeam.list_replicas(database, $ITEMS)" ],
	domains   => [ 'CustomDomain', "pgbeam.list_custom_domains(project, $ITEMS)" ]);

foreach my $list (sort keys %pages)
{
	my ($view, $call) = @{ $pages{$list} };
	my $bound = page_of($view);
	my ($items, $size) = split /\|/,
	  value($node, "SELECT json_array_length(l -> '$list'), octet_length(l::text) FROM of, LATERAL (SELECT $call AS l) AS page");

	is($items, $ITEMS, "$list: a whole page");
	cmp_ok($size, '<=', $bound, "$list: $size bytes are at most the $bound that their fields say");
	cmp_ok($bound, '<=', $PAGE_MAX, "$list: and that is at most what is told");
}

# A stored answer has room for the largest answer that can be repeated.
my $kept = value($node, "SELECT maximum FROM pgbeam.fields() WHERE table_name = 'pgbeam.idempotency_keys' AND field = 'body'");
cmp_ok(size_of('Project', $schemas->{Project}) + size_of('Database', $schemas->{Database}), '<=', $kept, 'a create can be kept');

# The limits count characters.
foreach ([ host => 254, 'database.host' ], [ name => 256, 'database.name' ], [ username => 256, 'database.username' ])
{
	my ($member, $length, $path) = @$_;
	my $got = ask($node, 'SELECT ' . create_call('long', database => { $member => 'x' x $length }));

	is($got->{message}, "$path must have at most " . ($length - 1) . ' characters', "$path has an end");
}

done_testing();
