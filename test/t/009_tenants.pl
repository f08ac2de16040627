# The wall between tenants. Callers of every kind call every route for objects
# of every kind, through pgbeam.http() and by the route's own function, as a
# role that may only call. The expectations follow from a few rules, so that a
# new route is tested without an edit here.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use JSON::PP;
use PgbeamTest;
use Test::More;

# Bodies for operations that take one, for an organization. PASSWORD is
# replaced by the password of all tests.
my $n = 0;
my ($members, $spent) = (0, 0);
my %database = (host => 'db.example.com', port => 5432, name => 'app', username => 'app', password => 'PASSWORD');
my %bodies = (
	createProject => sub { return { name => 'made ' . ++$n, org_id => $_[0], database => \%database } },
	updateProject => sub { return { name => 'made ' . ++$n } },
	createDatabase => sub { return \%database },
	updateDatabase => sub { return { password => 'PASSWORD' } },
	updateCacheRule => sub { return { cache_enabled => ++$n % 2 ? JSON::PP::true : JSON::PP::false } },
	updateOrgMemberRole => sub { return { role => 'auditor' } },
	updateSpendLimit => sub { return { spend_limit => ++$spent } },
	createReplica => sub { return { host => 'replica.example.com', port => 5432 } },
	createCustomDomain => sub { return { domain => 'made-' . ++$n . '.example.com' } });

# Parameters of the query, for an organization.
my @days = (start_date => '2026-01-01', end_date => '2026-01-31');
my %parameters = (
	listProjects => sub { return (org_id => $_[0]) },
	getProjectUsage => sub { return @days },
	getOrganizationUsage => sub { return @days });

# The framework notes each statement of a session and what came of it. For tens
# of thousands that takes longer than to run them.
{
	no warnings qw(once redefine);
	*PostgreSQL::Test::BackgroundPsql::note = sub { return };
	*PostgreSQL::Test::BackgroundPsql::explain = sub { return };
}

my $json = JSON::PP->new->canonical->allow_nonref;
my $node = set_up('main', folder('keys') . '/keyring');
value($node, <<'SQL');
CREATE ROLE app LOGIN; SELECT pgbeam.grant_access('app', 'api'), pgbeam.grant_access('app', 'http');
SELECT pgbeam.set_organization(o) FROM unnest('{ours,theirs,closed}'::text[]) AS o;
SELECT pgbeam.set_member(o, u, r) FROM (VALUES ('ours', 'olga', 'owner'), ('ours', 'adam', 'admin'),
	('ours', 'mary', 'member'), ('ours', 'bob', 'member'), ('theirs', 'bob', 'owner'),
	('closed', 'clara', 'owner')) AS m(o, u, r);
SQL
my ($boss, $app) = (session($node), session($node, 'app'));
my %routes = %{ decode_json(value($boss, 'SELECT json_object_agg(r.operation, r) FROM pgbeam.routes() AS r')) };
foreach my $route (values %routes)
{
	$route->{ids} = [ $route->{path} =~ /\{(\w+)\}/g ];
	$route->{refuses} = { map { $_ => 1 } @{ $route->{errors} } };
	$route->{is_nobodys} = !@{ $route->{ids} } && !$bodies{ $route->{operation} } && !$parameters{ $route->{operation} };
}
# Objects below projects come before objects below those.
my @by_depth = sort { @{ $a->{ids} } <=> @{ $b->{ids} } || $b->{path} cmp $a->{path} } values %routes;

# The request's body as an SQL expression. Only a caller who may be told 415
# sends one.
sub body_of
{
	my ($route, $org) = @_;

	return 'NULL' if !$route->{refuses}{415};
	my $make = $bodies{ $route->{operation} }
	  // die "$route->{operation} takes a body: %bodies of this test needs one\n";
	return "replace('" . $json->encode($make->($org)) . "', 'PASSWORD', :'password')";
}

sub parameters_of
{
	my ($route, $org) = @_;

	return ($parameters{ $route->{operation} } // sub { return () })->($org);
}

# A refusal names its request.
sub unnumbered { return $_[0] =~ s/"request_id":"\Kreq_[0-9a-z]{26}//r }

# What a caller sees of an answer, without the id of the request.
sub request
{
	my ($session, $route, $key, $org, @ids) = @_;
	my %headers = ('Content-Type' => 'application/json', $key ? (Authorization => "Bearer $key") : ());
	my %query = parameters_of($route, $org);
	my $uri = join '?', $route->{path} =~ s/\{\w+\}/shift(@ids) =~ s, ,%20,r/ger,
	  join '&', map { "$_=$query{$_}" } keys %query;
	my $answer = decode_json(value($session, "SELECT to_json(a) FROM pgbeam.http('$route->{method}', '$uri', '"
		  . $json->encode(\%headers) . "', convert_to(" . body_of($route, $org) . ", 'UTF8')) AS a"));

	delete $answer->{headers}{'X-Request-Id'} // die "no X-Request-Id: $route->{operation}";
	$answer->{body} = unnumbered($answer->{body});
	return $answer;
}

# The same by the route's own function, as PostgREST calls it.
sub plain
{
	my ($session, $route, $key, $org, @ids) = @_;
	my $headers = $json->encode($key ? { 'x-api-key' => $key } : {});
	my %query = parameters_of($route, $org);
	my $arguments = join ', ', (map { "'$_'" } @ids),
	  $route->{refuses}{415} ? body_of($route, $org) . '::jsonb' : (),
	  map { "$_ => '$query{$_}'" } keys %query;
	my (undef, $body, $status, $sent) = split /\n/, value($session, <<SQL);
BEGIN;
SELECT set_config('request.method', 'POST', true), set_config('request.headers', '$headers', true);
SELECT to_json(coalesce(pgbeam.$route->{function}($arguments)::text, ''));
SELECT current_setting('response.status', true);
SELECT current_setting('response.headers', true);
COMMIT;
SQL
	# If a function sets no status, PostgREST answers 200.
	my %sent = map { %$_ } @{ decode_json($sent || '[]') };
	delete $sent{'X-Request-Id'};
	return { status => ($status || 200) + 0, headers => \%sent, body => unnumbered($json->decode($body)) };
}

# The common part of two objects that were created alike.
sub masked
{
	return $_[0] =~ s/_[0-9a-z]{26}\b/_ID/gr =~ s/\bmade[- ]\d+/NAME/gr =~ s/\b[0-9a-z]{32}\b/TOKEN/gr =~ s/\b[0-9a-f]{16}\b/HASH/gr =~ s/"spend_limit":\K\d+/NUMBER/r =~ s/\d{4}-\d\d-\d\dT[\d:.]+Z/TIME/gr;
}

# A digest of each organization's rows: their values, their places, and the
# transactions that wrote them. It is taken thousands of times: org_id is read
# of the column, for JSON of a whole row costs more than all the rest.
my $rows = value($boss, <<'SQL');
SELECT string_agg(format($$ SELECT %s COLLATE "C" AS org, concat(t.tableoid, t.ctid, t.xmin, t) AS line FROM %s AS t $$,
	CASE WHEN a.attname IS NULL THEN $x$''$x$ ELSE $x$coalesce(t.org_id, '')$x$ END, c.oid::regclass), 'UNION ALL')
FROM pg_class AS c LEFT JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attname = 'org_id'
WHERE c.relnamespace = 'pgbeam'::regnamespace AND c.relkind = 'r'
SQL
value($boss, "PREPARE digests AS SELECT json_object_agg(org, digest) FROM (SELECT org, md5(string_agg(line, ',' ORDER BY line)) "
  . "AS digest FROM ($rows) AS l GROUP BY org) AS d");
my $digests = 'EXECUTE digests';

sub new_key { return value($boss, "SELECT key FROM pgbeam.create_api_key($_[0])") }
sub revoke { return "pgbeam.revoke_api_key(substr('$_[0]', 1, 30))" }

my %key = map { $_ => new_key("org_id => '$_'") } qw(ours theirs closed);

# The organizations where a caller is a member, and the role there.
my %callers = (
	owner => { key => new_key("user_id => 'olga'"), ours => 'owner' },
	admin => { key => new_key("user_id => 'adam'"), ours => 'admin' },
	member => { key => new_key("user_id => 'mary'"), ours => 'member' },
	organization => { key => $key{ours}, ours => 'admin' },
	both => { key => new_key("user_id => 'bob'"), ours => 'member', theirs => 'owner' },
	outsider => { key => new_key("user_id => 'otto'") },
	suspended => { key => $key{closed}, closed => 'admin', refused => 403 },
	'of suspended' => { key => new_key("user_id => 'clara'"), closed => 'owner' },
	revoked => { key => new_key("org_id => 'ours'"), refused => 401 },
	expired => { key => new_key("org_id => 'ours', expires_in => '1 ms'"), refused => 401 },
	'no credential' => { refused => 401 });

# Creates one object of each kind, by all routes that create: ids by their
# names.
my @made;

sub make_all
{
	my ($org) = @_;
	my %id = (org_id => $org);

	foreach my $route (grep { $_->{status} == 201 } @by_depth)
	{
		my $answer = request($app, $route, $key{$org}, $org, @id{ @{ $route->{ids} } });
		my $new = decode_json($answer->{body});

		die "$route->{operation}: $answer->{body}" if $answer->{status} != 201;
		$new = { ($route->{path} =~ /(\w+)s$/)[0] => $new } if $new->{id};
		$id{"${_}_id"} = $new->{$_}{id} foreach keys %$new;
		value($boss, "SELECT pgbeam.report_domain('$_->{domain}', '$_->{dns_instructions}{txt_value}')")
		  foreach $new->{domain} // ();
	}
	$id{query_hash} = sprintf '%016x', ++$n;
	value($boss, "SELECT pgbeam.report_queries(jsonb_build_array(jsonb_build_object('database_id', '$id{database_id}',
		'query_hash', '$id{query_hash}', 'normalized_sql', 'SELECT 1', 'query_type', 'read', 'call_count', 1, 'avg_latency_ms', 1,
		'p95_latency_ms', 1, 'avg_response_bytes', 1, 'stability_rate', 1, 'seen_at', '2001-01-01T00:00:00Z')))");
	my $user = 'made-' . ++$members;
	$id{member_id} = value($boss, <<"SQL");
SELECT pgbeam.set_member('$org', '$user', 'member') \\g /dev/null
SELECT id FROM pgbeam.members WHERE org_id = '$org' AND user_id = '$user'
SQL
	push @made, map { { org => $org, id => $id{$_} } } grep { $_ ne 'org_id' } keys %id;
	return \%id;
}

my %object = map { $_ => make_all($_) } qw(ours theirs closed);
my ($sibling, $deleted) = map { make_all('ours') } 1 .. 2;
request($app, $_, $key{ours}, 'ours', @{$deleted}{ @{ $_->{ids} } })
  foreach grep { $_->{method} eq 'DELETE' } reverse @by_depth;
value($boss, q(SELECT pgbeam.set_organization('closed', '{"max_projects": 1}')) . ", pgbeam.suspend_organization('closed'), "
	  . revoke($callers{revoked}{key}));

# The ids that a route can be called with, and the organization that they
# belong to.
sub targets
{
	my ($route) = @_;
	my @names = @{ $route->{ids} };
	my @targets = map { { name => $_, org => $_, ids => [ @{ $object{$_} // {} }{@names} ] } }
	  qw(ours theirs closed), @names ? () : 'unknown';

	push @targets, { name => 'all deleted', org => 'none', ids => [ @{$deleted}{@names} ] } if @names > 1;
	foreach my $name (@names)
	{
		my $own = $object{ours}{$name} // die "nothing creates a $name\n";
		my ($other) = grep { $_ ne $own && /^[a-z]+_/ } map { $object{ours}{$_} } sort keys %{ $object{ours} };
		my $is_hash = $name eq 'query_hash';
		my $is_hex = $own =~ /^[0-9a-f]{16,}$/;
		my %instead = (
			missing => $is_hex ? 'f' x length $own : $own =~ s/(_.*)?$/_00000000000000000000000000/r,
			$name eq 'org_id' ? (malformed => 'x' x 256, odd => 'a b') : (malformed => 'a b'),
			'of another kind' => $other,
			$is_hex ? () : ('with a wrong prefix' => $own =~ s/^[a-z]+/($other =~ m,^([a-z]+),)[0]/er),
			deleted => $deleted->{$name},
			@names > 1 ? (foreign => $object{theirs}{$name}) : (),
			@names > 1 && $names[0] ne 'org_id' ? (sibling => $sibling->{$name}) : ());

		push @targets, map { {
			name => "$name $_", org => 'none', is_malformed => $_ eq 'malformed' || ($is_hash && $_ eq 'of another kind'),
			ids => [ @{ { %{ $object{ours} }, $name => $instead{$_} } }{@names} ] } }
		  grep { $instead{$_} ne $own } sort keys %instead;
	}
	return @targets;
}

# The rules.
sub expected
{
	my ($route, $caller, $target) = @_;
	my $role = $caller->{ $target->{org} };

	return $route->{status} if !$route->{needs_credential};
	return $caller->{refused} if $caller->{refused};
	return $route->{status} if $route->{is_nobodys};
	return 400 if $target->{is_malformed};
	return $route->{refuses}{404} ? 404 : 403 if !$role;
	return 403 if $target->{org} eq 'closed' || ($route->{writes} && $role eq 'member');
	return $route->{status};
}

# The digests after the last call: the next one begins with them, unless
# something was made for it.
my $digested;

sub digest
{
	$digested = value($boss, $digests);
	return decode_json($digested);
}

# Calls in both ways, each for an object that exists: the answers, and
# everything that was wrong.
sub probe
{
	my ($route, $caller, $target) = @_;
	my $org = $target->{org};
	my $status = expected($route, $caller, $target);
	my $writes = $route->{writes} && $status == $route->{status};
	my (@answers, @wrong);

	foreach my $way (\&request, \&plain)
	{
		my $id = $writes && @{ $route->{ids} } ? make_all($org) : undef;
		my $before = $id || !defined $digested ? digest() : decode_json($digested);
		my $answer = $way->($app, $route, $caller->{key}, $org,
			$id ? @{$id}{ @{ $route->{ids} } } : @{ $target->{ids} });
		my $after = digest();

		push @answers, $answer;
		push @wrong, "$answer->{status}, not $status: $answer->{body}" if $answer->{status} != $status;
		push @wrong, 'nothing written' if $writes && delete $before->{$org} eq delete $after->{$org};
		push @wrong, 'rows changed' if $json->encode($before) ne $json->encode($after);
		push @wrong, map { "tells $_->{id}" }
		  grep { !$caller->{ $_->{org} } && index($answer->{body}, $_->{id}) >= 0 } @made;
	}
	push @wrong, 'another body by the function' if masked($answers[0]{body}) ne masked($answers[1]{body});
	return (\@answers, map { "$target->{name}: $_" } @wrong);
}

# Objects that a caller may not know of must all look the same to them.
foreach (map { my $operation = $_; map { [ $operation, $_ ] } sort keys %callers } sort keys %routes)
{
	my ($operation, $caller) = @$_;
	my (%unseen, @all_wrong);

	foreach my $target (targets($routes{$operation}))
	{
		my ($answers, @wrong) = probe($routes{$operation}, $callers{$caller}, $target);

		push @all_wrong, @wrong;
		# except for the server's clock, which getHealth tells, and its ETag
		push @{ $unseen{ $json->encode($answers) =~ s/\d{4}-\d\d-\d\dT[\d:]+Z/TIME/gr =~ s/\\"[0-9a-f]{32}\\"/ETAG/gr } }, $target->{name}
		  if !$callers{$caller}{ $target->{org} } && !$target->{is_malformed};
	}
	is(join("\n", @all_wrong), '', "$operation by $caller");
	cmp_ok(keys %unseen, '<=', 1, "$operation by $caller: all that they may not know of is alike")
	  or diag explain \%unseen;
}

# By hand. The very next call obeys a change, also in a session that has called
# before and in an open transaction.
sub statuses
{
	my ($key) = @_;

	return join ' ', request($app, $routes{getProject}, $key, 'ours', $object{ours}{project_id})->{status},
	  request($app, $routes{createProject}, $key, 'ours')->{status};
}

my $revocable = new_key("user_id => 'olga'");

foreach (
	[ 'a role lowered', $callers{admin}{key}, "pgbeam.set_member('ours', 'adam', 'member')", '200 403' ],
	[ 'a member removed', $callers{admin}{key}, "pgbeam.remove_member('ours', 'adam')", '404 403' ],
	[ 'a key revoked', $revocable, revoke($revocable), '401 401' ],
	[ 'a suspended owner', $callers{owner}{key}, "pgbeam.suspend_organization('ours')", '403 403' ],
	[ 'a resumed owner', $callers{owner}{key}, "pgbeam.resume_organization('ours')", '200 201' ],
	[ 'a suspended key', $key{ours}, "pgbeam.suspend_organization('ours')", '403 403' ],
	[ 'a resumed key', $key{ours}, "pgbeam.resume_organization('ours')", '200 201' ])
{
	my ($name, $key, $change, $want) = @$_;

	value($app, 'BEGIN');
	isnt(statuses($key), $want, "$name: before");
	value($boss, "SELECT $change");
	is(statuses($key), $want, "$name: in an open transaction");
	value($app, 'COMMIT');
	is(statuses($key), $want, "$name: in a session");
}

# Names are unique within an organization only.
$bodies{createProject} = sub { return { name => 'same', org_id => $_[0], database => \%database } };
foreach ([ 'ours', 'ours', 201 ], [ 'ours', 'theirs', 403 ], [ 'theirs', 'theirs', 201 ],
	[ 'ours', 'theirs', 403 ], [ 'ours', 'ours', 409 ])
{
	my ($by, $for, $status) = @$_;
	my $before = value($boss, $digests);

	is(request($app, $routes{createProject}, $key{$by}, $for)->{status}, $status, "the same name by $by for $for");
	is(value($boss, $digests), $before, 'and nothing is written') if $status > 201;
}

# Trusted SQL sees everything; over HTTP no role counts.
is(decode_json(value($boss, "SELECT pgbeam.get_project('$object{$_}{project_id}')"))->{org_id}, $_,
	"trusted SQL sees what is $_") foreach sort keys %object;
is(request($boss, $routes{createProject}, undef, 'ours')->{status}, 401,
	'a superuser without a credential creates nothing');
is(request($boss, $routes{getProject}, $key{ours}, 'ours', $object{theirs}{project_id})->{status}, 404,
	'nor do they see more than the credential lets them');
$_->quit foreach $boss, $app;

done_testing();
