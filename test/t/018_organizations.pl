# One rule for an organization's id: an id that one entry accepts is accepted
# by all, however it is spelled there, and an id that one refuses is refused by
# all. And settings that are made at the same time.

use strict;
use warnings;
use utf8;

use FindBin;
use lib $FindBin::RealBin;

use Encode 'encode';
use JSON::PP;
use PgbeamTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = set_up('main', folder('keys') . '/keyring', "pgbeam.jwt_organization_claim = 'org'\n");
my $json = JSON::PP->new->ascii->canonical->allow_nonref;
my $n = 0;

# A text as a part of a URI, as strict and lax clients encode it.
sub encoded { return join '', map { sprintf '%%%02X', ord } split //, encode('UTF-8', $_[0]) }
sub lax { return encode('UTF-8', $_[0]) =~ s/([^A-Za-z0-9_.~-])/sprintf '%%%02x', ord $1/ger }
sub as_form { return lax($_[0]) =~ s/%20/+/gr }

# A literal of SQL, in ASCII.
sub literal { return "U&'" . join('', map { sprintf '\\+%06X', ord } split //, $_[0]) . "'" }

sub status { return value($node, "SELECT status FROM pgbeam.http('$_[0]', '$_[1]', '{\"x-api-key\": \"$_[2]\"}', NULL)") }

sub state_of { return ask($node, $_[0])->{state} }

sub body
{
	my ($org) = @_;

	return literal($json->encode({ name => 'p' . ++$n, org_id => $org,
		database => { host => 'h', port => 5432, name => 'd', username => 'u', password => 'PASSWORD' } }));
}

# As a user known to the layer, whose claim names this organization only.
sub claimed
{
	my ($org) = @_;
	my $claims = literal($json->encode({ sub => 'anna', org => $org }));

	return value($node, <<SQL);
SET pgbeam.trust_request_claims = on;
BEGIN;
SELECT set_config('request.method', 'GET', true), set_config('request.jwt.claims', $claims, true) IS NULL \\g /dev/null
SELECT pgbeam.list_organizations() \\g /dev/null
SELECT current_setting('response.status');
COMMIT;
SQL
}

my @legal = ('org_abc123', 'орг', 'a b', "a\nb", ' a ', 'a/b', 'a%2Fb', 'a+b', '%', '%%', '%zz', '..', '.', 'a?b#c', 'a&b=c', '"q\\', "it's",
	"tab\t", "\x{7f}", "\x{85}", "\x{200b}", '😀', '日本', 'x' x 255, '€' x 255, '😀' x 255, '~', '{}', ';', 'NULL');
foreach my $org (@legal)
{
	my ($name, $id) = ($json->encode($org), literal($org));
	$name = substr($name, 0, 40);

	is(state_of('SELECT pgbeam.create_project(' . body($org) . '::jsonb)'), '00000', "$name: a project is created");
	is(value($node, "SELECT pgbeam.set_organization($id) ->> 'org_id' = $id"), 't', "$name: it is set");
	is(state_of("SELECT pgbeam.set_member($id, 'anna', 'owner')"), '00000', "$name: it gets a member");
	is(value($node, "SELECT count(*) FROM pgbeam.list_members($id)"), 1, "$name: members are listed");
	my $key = value($node, "SELECT key FROM pgbeam.create_api_key(org_id => $id)");
	is(value($node, "SELECT count(*) FROM pgbeam.list_api_keys(org_id => $id)"), 1, "$name: keys are listed");
	is(value($node, "SELECT status FROM pgbeam.http('POST', '/v1/projects', '{\"x-api-key\": \"$key\", \"content-type\": \"application/json\"}', "
			. "convert_to(" . body($org) . ", 'UTF8'))"), 201, "$name: its key creates");
	foreach my $spell (\&encoded, \&lax, \&as_form)
	{
		is(status('GET', '/v1/projects?org_id=' . $spell->($org), $key), 200, "$name: projects are listed");
		is(status('GET', '/v1/organizations/' . $spell->($org) . '/plan', $key), 200, "$name: its path leads there")
		  unless $spell == \&as_form;
	}
	is(value($node, "SELECT pgbeam.list_projects($id) ->> 'total'"), 2, "$name: projects are listed in SQL");
	is(state_of("SELECT pgbeam.get_organization_plan($id)"), '00000', "$name: it has a plan in SQL");
	is(claimed($org), 200, "$name: a claim may name it");
	is(state_of("SELECT pgbeam.suspend_organization($id), pgbeam.resume_organization($id)"), '00000', "$name: it is suspended and resumed");
}

# Each id is only itself: a misspelt id is another one, or malformed.
my $key = value($node, "SELECT key FROM pgbeam.create_api_key(org_id => 'a%2Fb')");
is(status('GET', '/v1/organizations/a%2Fb/plan', $key), 403, 'a%2Fb: spelled so it is a/b');
is(status('GET', '/v1/organizations/a%252Fb/plan', $key), 200, 'a%2Fb: encoded once more it is itself');
is(status('GET', '/v1/organizations/a/b/plan', $key), 404, 'a/b: is two parts of a path');
$key = value($node, "SELECT key FROM pgbeam.create_api_key(org_id => '%zz')");
foreach my $bad ('%zz', '%', '%0', 'a%00b', '%FF', '%C3', '%ED%A0%80', '%C0%80')
{
	is(status('GET', "/v1/organizations/$bad/plan", $key), 400, "$bad: is no id in a path");
	is(status('GET', "/v1/projects?org_id=$bad", $key), 400, "$bad: is none in a query");
}
is(status('GET', '/v1/projects/prj%ff', $key), 400, 'nor is a project\'s');
is(status('GET', "/v1/databases/db_00000000000000000000000000%00/replicas", $key), 400, 'nor a database\'s');
is(status('GET', '/v1/projects/%70rj_00000000000000000000000000', $key), 404, 'which may be encoded too');

# A malformed id is refused everywhere.
foreach my $org ('', 'x' x 256, '€' x 256)
{
	my ($name, $id) = (length $org, literal($org));

	is(state_of('SELECT pgbeam.create_project(' . body($org) . '::jsonb)'), 'PT400', "$name: no project");
	is(state_of("SELECT pgbeam.$_"), 'PT400', "$name: $_") foreach
	  map { s/ID/$id/r } 'set_organization(ID)', "set_member(ID, 'anna', 'owner')", "remove_member(ID, 'anna')", 'list_members(ID)',
	  'create_api_key(org_id => ID)', 'list_projects(ID)', 'get_organization_plan(ID)', 'suspend_organization(ID)', 'resume_organization(ID)';
	is(status('GET', '/v1/projects?org_id=' . encoded($org), $key), 400, "$name: no list");
	is(status('GET', '/v1/organizations/' . encoded($org) . '/plan', $key), length $org ? 400 : 404, "$name: no plan");
	is(claimed($org), 401, "$name: no claim");
	is(state_of("INSERT INTO pgbeam.organizations (org_id) VALUES ($id)"), '23514', "$name: no row");
}

# The API's description says so.
my $api = decode_json(value($node, 'SELECT pgbeam.openapi()'));
my ($path) = @{ $api->{paths}{'/v1/organizations/{org_id}/plan'}{get}{parameters} };
my ($query) = grep { $_->{name} eq 'org_id' } @{ $api->{paths}{'/v1/projects'}{get}{parameters} };
my $member = $api->{components}{schemas}{CreateProjectRequest}{properties}{org_id};
is_deeply({ map { $_ => $path->{schema}{$_} } qw(type minLength maxLength pattern) },
	{ type => 'string', minLength => 1, maxLength => 255, pattern => '^[^\x00]*$' }, 'the path is described so');
is_deeply($query->{schema}, $path->{schema}, 'the query too');
is($member->{$_}, $path->{schema}{$_}, "the body too: $_") foreach qw(type minLength maxLength);

# If two settings are made at once, neither undoes the other.
value($node, q(SELECT pgbeam.set_organization('both', '{"plan": "pro"}')));
my @sessions = map { session($node) } 1 .. 2;
value($sessions[0], q(BEGIN; SELECT pgbeam.set_organization('both', '{"max_projects": 1}')));
$sessions[1]->query_until(qr/begun/, qq(\\echo begun\nSELECT pgbeam.set_organization('both', '{"name": "Both"}');\n));
$node->poll_query_until('postgres', "SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event_type = 'Lock'");
value($sessions[0], 'COMMIT');
like(value($sessions[1], 'SELECT 1'), qr/"plan":"pro","max_projects":1,"name":"Both"/, 'the second one keeps what the first one set');
$_->quit foreach @sessions;

done_testing();
