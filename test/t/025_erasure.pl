# An erased organization stands in no dump: neither its id, nor the names of
# what it had, nor its hosts. Nor is it in the feed, which a dump leaves out.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use PgbeamTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $keys = folder('keys');
my $node = set_up('node', "$keys/node");
my $word = 'erasable';

# A project with one of everything below it, each named by the word.
sub furnish
{
	my ($org, $name) = @_;
	my ($project, $database) = split /\|/, value($node, <<"SQL");
SET client_min_messages = warning;
SELECT pgbeam.set_organization('$org', '{"plan": "scale", "name": "$name"}') \\g /dev/null
SELECT pgbeam.set_member('$org', '$name user', 'owner', '$name.person\@example.com', '$name person', 'https://images.example/$name.png') \\g /dev/null
SELECT count(*) FROM pgbeam.create_api_key(org_id => '$org', name => '$name') \\g /dev/null
SELECT j #>> '{project,id}', j #>> '{database,id}' FROM pgbeam.create_project('{"name": "$name", "org_id": "$org", "description": "$name",
	"tags": ["$name"], "allowed_cidrs": [{"cidr": "192.0.2.0/24", "label": "$name"}], "database": {"host": "$name.example.com", "port": 5432,
	"name": "$name", "username": "$name", "password": "p"}}') AS j;
SQL
	value($node, <<"SQL");
SELECT pgbeam.create_replica('$database', '{"host": "$name.replica.example", "port": 5432}'),
	pgbeam.create_custom_domain('$project', '{"domain": "$name.domain.example"}'),
	pgbeam.report_connection_test('$database', false, NULL, '$name is down'),
	pgbeam.report_queries('[{"database_id": "$database", "query_hash": "0123456789abcdef", "normalized_sql": "SELECT $name", "query_type": "read",
		"call_count": 1, "avg_latency_ms": 1, "p95_latency_ms": 1, "avg_response_bytes": 1, "stability_rate": 1, "seen_at": "2026-01-01T00:00:00Z"}]');
SELECT pgbeam.report_domain(domain, 'pgbeam-verify=' || dns_verification_token) FROM pgbeam.custom_domains WHERE project_id = pgbeam.typeid_decode('$project');
SELECT pgbeam.verify_custom_domain('$project', pgbeam.typeid_encode('dom', id)) FROM pgbeam.custom_domains WHERE project_id = pgbeam.typeid_decode('$project');
SQL
	return $project;
}

# How often a word stands in a dump and in the feed.
sub count_of
{
	my ($sought) = @_;
	my $dump = '';
	IPC::Run::run([ 'pg_dump', '--inserts', '-d', $node->connstr('postgres') ], '>', \$dump) or die 'pg_dump failed';
	$dump .= value($node, 'SELECT string_agg(c::text, chr(10)) FROM pgbeam.changes AS c');
	return scalar(() = $dump =~ /$sought/gi);
}

furnish($word, $word);
value($node, "SELECT pgbeam.delete_project('" . furnish($word, "$word-deleted") . "')");
furnish('bystander', 'bystander');
my $bystanders = count_of('bystander');
cmp_ok(count_of($word), '>', 40, 'the organization stands in many places');

cmp_ok(value($node, "SELECT pgbeam.erase_organization('$word')"), '>', 20, 'it is erased');
is(count_of($word), 0, 'nothing names it');
is(count_of('bystander'), $bystanders, 'the other organization is as before');
is(value($node, q{SELECT count(*) FROM pgbeam.hosts WHERE host ~ '^#[0-9a-f]{64}$' AND org_id = ''}), 4, 'its hosts stay given');

done_testing();
