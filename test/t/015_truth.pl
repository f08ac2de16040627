# Answers must be true: a refusal tells what is so, whatever triggers and
# indexes an operator has added, and costs no more than it must.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use JSON::PP;
use PgbeamTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $keyring = folder('keys') . '/keyring';
my $node = set_up('main', $keyring, "shared_preload_libraries = 'pgbeam'\nmax_wal_senders = 4\n");
my ($project, $database) = make($node, 'shop');
my $key = value($node, "SELECT key FROM pgbeam.create_api_key(org_id => 'acme')");

make($node, 'other');

# A request over HTTP: its status and the code of a refusal, or the SQLSTATE.
sub send_request
{
	my ($method, $path, $body, %headers) = @_;
	my $headers = encode_json({ 'X-API-Key' => $key, 'Content-Type' => 'application/json', %headers });
	my $got = ask($node, <<SQL);
SELECT concat_ws(' ', a.status, a.body::json #>> '{error,code}')
FROM pgbeam.http('$method', '/v1/projects$path', '$headers', convert_to('$body', 'UTF8')) AS a
SQL
	return $got->{state} eq '00000' ? $got->{out} : $got->{state};
}

sub update { return ask($node, "SELECT pgbeam.update_project('$project', '$_[0]')") }

# Runs code while an operator's objects exist; they are undone afterwards.
sub with
{
	my ($make, $undo, $code) = @_;

	value($node, $make);
	$code->();
	value($node, $undo);
	return;
}

sub with_trigger
{
	my ($table, $when, $body, $code) = @_;

	with(<<SQL, 'DROP FUNCTION public.own CASCADE', $code);
CREATE FUNCTION public.own() RETURNS trigger LANGUAGE plpgsql AS \$\$ BEGIN $body; RETURN NEW; END \$\$;
CREATE TRIGGER own $when ON pgbeam.$table FOR EACH ROW EXECUTE FUNCTION public.own();
SQL
	return;
}

# How many transaction ids the code uses; nobody else is at work.
sub xids
{
	my ($code) = @_;
	my $next = 'SELECT pg_snapshot_xmax(pg_current_snapshot())';
	my $before = value($node, $next);

	$code->();
	return value($node, $next) - $before;
}

# A taken name is 409. Another unique violation is not.
is(update('{"name": "other"}')->{state}, 'PT409', 'a taken name');
is(send_request('PATCH', "/$project", '{"name": "other"}'), '409 RESOURCE_EXISTS', 'over HTTP too');

value($node, 'CREATE TABLE public.audit (n integer UNIQUE); INSERT INTO public.audit VALUES (1);'
	  . ' CREATE SCHEMA own; CREATE TABLE own.projects (n integer CONSTRAINT projects_name_key UNIQUE); INSERT INTO own.projects VALUES (1)');

# Trigger or index, how it is undone, and what it does
my $taken_by_trigger = "UPDATE pgbeam.projects SET name = 'other' WHERE name = 'third'";

make($node, 'third');
foreach (
	[ 'a trigger that inserts twice into its own table', 'AFTER UPDATE', 'INSERT INTO public.audit VALUES (1)' ],
	[ 'one whose table has a constraint of that name', 'AFTER UPDATE', 'INSERT INTO own.projects VALUES (1)' ],
	[ 'the same before the row is written', 'BEFORE UPDATE', 'INSERT INTO own.projects VALUES (1)' ],
	[ 'one that raises it by itself', 'BEFORE UPDATE',
		"RAISE unique_violation USING CONSTRAINT = 'projects_name_key', SCHEMA = 'pgbeam', TABLE = 'projects'" ],
	[ 'one that gives another project a taken name', 'AFTER UPDATE',
		"IF NEW.name <> 'third' AND pg_trigger_depth() = 1 THEN $taken_by_trigger; END IF" ])
{
	my ($what, $when, $body) = @$_;

	with_trigger('projects', $when, $body, sub {
		my $got = update('{"name": "free"}');

		is($got->{state}, '23505', "$what is no taken name");
		unlike($got->{message}, qr/this name/, "$what: nor said to be one");
		is(send_request('PATCH', "/$project", '{"name": "free"}', 'Idempotency-Key' => 'again'), '23505', "$what: nor over HTTP");
		is(update('{"name": "other"}')->{state}, 'PT409', "$what: one that is taken is")
		  if $when =~ /AFTER/;
	});
	is(send_request('PATCH', "/$project", '{"name": "free"}', 'Idempotency-Key' => "again"), '200',
		"$what: and nothing of it is kept");
	update('{"name": "shop"}');
	value($node, "DELETE FROM pgbeam.idempotency_keys");
}

foreach (
	[ 'index on descriptions', '(org_id, description) WHERE deleted_at IS NULL', 'fourth', '{"description": "there"}' ],
	[ 'index on names in lower case', '(org_id, lower(name)) WHERE deleted_at IS NULL', 'fifth', '{"name": "FIFTH"}' ])
{
	my ($what, $columns, $name, $body) = @$_;
	my ($id) = make($node, $name, description => 'there');

	with("CREATE UNIQUE INDEX own ON pgbeam.projects $columns", 'DROP INDEX pgbeam.own', sub {
		is(update($body)->{state}, '23505', "an $what is no taken name");
		is(ask($node, 'SELECT ' . create_call(uc $name, description => 'there'))->{state}, '23505', "an $what: nor of a create");
	});
	value($node, "SELECT pgbeam.delete_project('$id')");
}

# ON CONFLICT would take an index on the same columns for ours.
with("CREATE UNIQUE INDEX own ON pgbeam.projects (org_id, name)", 'DROP INDEX pgbeam.own', sub {
	my $got = ask($node, 'SELECT ' . create_call('fourth'));

	is($got->{state}, '23505', 'a create that an index over deleted ones holds back is no taken name');
	like($got->{message}, qr/"own"/, 'and is told why');
});

# A subtransaction is used only where a name may collide.
foreach (
	[ 'databases', "pgbeam.update_database('$project', '$database', jsonb_build_object('port', 1000 + n))", 1 ],
	[ 'descriptions', "pgbeam.update_project('$project', jsonb_build_object('description', n::text))", 1 ],
	[ 'the name that it has', "pgbeam.update_project('$project', jsonb_build_object('name', 'shop', 'tags', jsonb_build_array(n::text)))", 1 ],
	[ 'names', "pgbeam.update_project('$project', jsonb_build_object('name', 'shop ' || n))", 102 ])
{
	my ($what, $call, $expected) = @$_;

	is(xids(sub { value($node, "SELECT count($call) FROM generate_series(1, 101) AS n") }), $expected,
		"101 updates of $what take $expected transaction ids");
}
update('{"name": "shop"}');

# Over HTTP a refusal undoes all writes, which takes one subtransaction.
is(xids(sub { is(send_request('PATCH', "/$project", '{"description": "x"}'), '200', 'an update over HTTP') }), 2, 'takes two');
is(xids(sub { is(send_request('PATCH', "/$project", '{"name": "y"}'), '200', 'a new name over HTTP') }), 3, 'takes three');
update('{"name": "shop"}');

# Volatile functions see what the statement around them has written so far.
# Others see what it saw when it began.
my $at = "'$project', '$database'";
my $head = encode_json({ 'X-API-Key' => $key, 'Content-Type' => 'application/json' });
my $http = "pgbeam.http('%s', '/v1/projects%s', '$head', convert_to('%s', 'UTF8'))";

# Whether a call sees what an earlier call of the same statement wrote.
sub both
{
	my ($write, $read) = @_;

	return value($node, "WITH written AS MATERIALIZED (SELECT $write AS w) SELECT $read FROM written");
}

sub http { return sprintf $http, @_ }

is(both("pgbeam.update_database($at, jsonb_build_object('password', :'password' || '2'))",
		"pgbeam.reveal_password('$database') = :'password' || '2'"), 't', 'reveal_password sees a new password');
is(both(http('PATCH', "/$project", '{"description": "written"}'), '(' . http('GET', "/$project", '') . q[).body::json ->> 'description']),
	'written', 'a GET of http() sees what a PATCH wrote');
is(both(http('PATCH', "/$project/databases/$database", '{"port": 77}'),
		'(' . http('GET', "/$project/databases", '') . q[).body::json #>> '{databases,0,port}']), '77', 'so does a list');
is(both("pgbeam.update_project('$project', '{\"description\": \"by SQL\"}')", '(' . http('GET', "/$project", '') . q[).body::json ->> 'description']),
	'by SQL', 'or what SQL wrote');
is(both("pgbeam.delete_project('" . (make($node, 'doomed'))[0] . "')", '(' . http('GET', '?org_id=acme&sort_by=name', '')
	. q[).body::jsonb @? '$.projects[*] ? (@.name == "doomed")']), 'f', 'a deleted one is in no list');
is(both('pgbeam.set_organization(\'acme\', \'{"max_projects": 77}\')', '(' . http('GET', '?org_id=acme', '') . ').status'), '200', 'limits are read again');
like(both("set_config('request.method', 'POST', true) || set_config('request.headers', '"
	  . encode_json({ 'x-api-key' => $key, 'x-pgbeam-method' => 'GET', 'x-pgbeam-uri' => "/v1/projects/$project" })
	  . "', true) || (" . http('PATCH', "/$project", '{"description": "behind a front"}') . ').status',
	"convert_from(pgbeam.http_forwarded(''), 'UTF8')"), qr/behind a front/, 'http_forwarded() too');
is(both("pgbeam.update_project('$project', '{\"description\": \"later\"}')", "pgbeam.get_project('$project') ->> 'description'"),
	'behind a front', 'a stable function sees what its statement does');
is(value($node, "SELECT pgbeam.get_project('$project') ->> 'description'"), 'later', 'and the next one the new state');

# The outer call does not read what an inner call leaves behind by its error.
with_trigger('projects', 'AFTER UPDATE', q[BEGIN PERFORM pgbeam.get_project(NULL); EXCEPTION WHEN OTHERS THEN NULL; END], sub {
	is(both(http('PATCH', "/$project", '{"description": "nested"}'), '(' . http('GET', "/$project", '') . q[).body::json ->> 'description']),
		'nested', 'nor by a call within it');
});

# A refusal of one row among many names the row, and its message has nothing
# that a client said.
sub of_many
{
	my ($name, %members) = @_;
	my $got = ask($node, 'SELECT count(answer) FROM (VALUES (0), (1)) AS n (n), LATERAL (SELECT '
		  . create_call($name, %members) . '::text || n) AS a (answer)');

	unlike($got->{message}, qr/acme|\Q$name\E/, 'the message repeats nothing') if length $name > 3;
	return $got;
}

my $taken = of_many('shop');

is($taken->{detail}, 'The organization is "acme", the name "shop".', 'a taken name is told, and whose it is');
like($taken->{err}, qr/^COLUMN NAME:  name$/m, 'as the column too');
is(of_many('', org_id => 'acme')->{detail}, 'The organization is "acme".', 'a name that is refused is not');
is(of_many('bad port', database => { port => 0 })->{detail}, 'The organization is "acme", the name "bad port".', 'whatever is wrong');
like(of_many("line\nbreak \"quoted\" \x1b[31m " . "x" x 70, database => { port => 0 })->{detail},
	qr/^The organization is "acme", the name "line\?break \?quoted\? \?\[31m x+\.\.\."\.$/, 'only what can be printed, and cut');
value($node, q{SELECT pgbeam.set_organization('full', '{"plan": "starter", "max_projects": 1, "max_databases": 1}')});
my ($only) = make($node, 'only', org_id => 'full');
is(of_many('one more', org_id => 'full')->{detail}, 'The organization is "full", the name "one more".', 'a plan that is full');
is(ask($node, "SELECT pgbeam.create_database('$only', jsonb_build_object('host', 'h', 'port', 1, 'name', 'd', 'username', 'u', 'password', :'password'))")->{detail},
	'The organization is "full".', 'for databases too');
is(ask($node, "SELECT pgbeam.update_project('$project', '{\"name\": \"other\"}')")->{detail},
	'The organization is "acme", the name "other".', 'a name that an update takes');
value($node, "SELECT pgbeam.create_custom_domain('$project', '{\"domain\": \"db.acme.example\"}')");
like(ask($node, "SELECT pgbeam.create_custom_domain('$project', '{\"domain\": \"DB.acme.example\"}')")->{err},
	qr/^DETAIL:  The organization is "acme", the name "db\.acme\.example"\..*^COLUMN NAME:  domain$/ms, 'a domain that is taken');
is(ask($node, "SELECT pgbeam.get_project('prj_01h455vb4pex5vsknk084sn02q')")->{detail}, '', 'of what is not there nothing');
is(value($node, 'SELECT (' . http('PATCH', "/$project", '{"name": "other"}') . ').body') =~ s/,"type".*//r,
	'{"error":{"code":"RESOURCE_EXISTS","message":"a project with this name already exists in the organization"}', 'over HTTP nothing of it');
unlike(value($node, 'SELECT (' . http('PATCH', "/$project", '{"name": "other"}') . ').body'), qr/acme|other/, 'nor in the document beside it');

# A stored answer is given only to callers who may still see it.
value($node, "SELECT pgbeam.set_member('acme', 'anna', 'admin')");
my $anna = value($node, "SELECT key FROM pgbeam.create_api_key(user_id => 'anna')");
my $secret = q(' || :'password' || ');
my $upstream = qq({"host": "h", "port": 1, "name": "d", "username": "u", "password": "$secret"});
my ($domain) = value($node, "SELECT pgbeam.create_custom_domain('$project', '{\"domain\": \"again.example\"}') ->> 'id'");
my @requests = (
	[ 'POST', '', qq({"org_id": "acme", "name": "annas", "database": $upstream}), '201', 403 ],
	[ 'PATCH', "/$project", '{"description": "annas"}', '200', 404 ],
	[ 'PATCH', "/$project", '{"name": "other"}', '409 RESOURCE_EXISTS', 404 ],
	[ 'POST', "/$project/databases", $upstream, '201', 404 ],
	[ 'POST', "/$project/domains/$domain/verify", '', '200', 404 ]);

sub again
{
	my @answers;

	foreach my $i (0 .. $#requests)
	{
		my ($method, $path, $body) = @{ $requests[$i] };

		push @answers, send_request($method, $path, $body, 'X-API-Key' => $anna, 'Idempotency-Key' => "annas $i");
	}
	return join ', ', @answers;
}

my $answered = join ', ', map { $_->[3] } @requests;
my $others = join ', ', map { $_->[4] == 403 ? '403 FORBIDDEN' : '404 NOT_FOUND' } @requests;
my $forbidden = join ', ', map { '403 FORBIDDEN' } @requests;
my $written = "SELECT string_agg(t::text, ',' ORDER BY t::text) FROM (SELECT p::text FROM pgbeam.projects AS p UNION ALL SELECT d::text FROM pgbeam.databases AS d UNION ALL SELECT count(*)::text FROM pgbeam.changes WHERE resource IN ('project', 'database', 'custom_domain')) AS t";

is(again(), $answered, 'what a member of an organization is answered');
my $state = value($node, $written);
is(again(), $answered, 'and answered again');
value($node, "SELECT pgbeam.suspend_organization('acme')");
is(again(), $forbidden, 'but not while it is suspended');
value($node, "SELECT pgbeam.resume_organization('acme'), pgbeam.set_member('acme', 'anna', 'member')");
is(again(), $forbidden, 'nor by a role that may only look');
value($node, "SELECT pgbeam.remove_member('acme', 'anna')");
is(again(), $others, 'nor to whom is no member any longer, as if it were not there');
value($node, "SELECT pgbeam.set_member('acme', 'anna', 'owner')");
is(again(), $answered, 'a member again gets it again');
ok(value($node, $written) eq $state, 'and nothing is done twice');

# A change of where a password goes is in the feed, and may need the password.
sub move
{
	my ($body, $setting) = @_;
	my $got = ask($node, "SET pgbeam.password_on_move = $setting; SELECT pgbeam.update_database($at, $body) IS NOT NULL");
	my $detail = value($node, 'SELECT detail FROM pgbeam.changes ORDER BY xid DESC, id DESC LIMIT 1');

	return $got->{state} eq '00000' ? $detail : "$got->{state} $got->{message}";
}

my $refused = 'PT400 password is required when host or port change, or ssl_mode secures less';
my $n = 100;

value($node, "SELECT pgbeam.update_database($at, '{\"ssl_mode\": \"require\"}')");
foreach ([ '"host": "elsewhere.example"', 1 ], [ '"port": 7777', 1 ], [ '"ssl_mode": "prefer"', 1 ], [ '"ssl_mode": "disable"', 1 ],
	[ '"ssl_mode": "verify-ca"', 0 ], [ '"ssl_mode": "verify-full"', 0 ], [ '"ssl_mode": "require"', 1 ],
	[ '"ssl_mode": null', 0 ], [ '"ssl_mode": "allow"', 1 ], [ '"ssl_mode": ""', 0 ],
	[ '"host": "elsewhere.example", "username": "other"', 0 ], [ '"port": 7777.0', 0 ])
{
	my ($members, $moves) = @$_;
	my $body = sub { return "('{$members, \"query_timeout_ms\": " . $n++ . "$_[0]}')::jsonb" };

	if ($moves)
	{
		is(move($body->(''), 'on'), $refused, "$members needs the password");
		is(move($body->(', "password": ""'), 'on'), $refused, "$members: an empty one is none");
	}
	is(move($body->(', "password": "' . $secret . '"'), $n % 2 ? 'on' : 'off'), $moves ? '{"moved":true}' : '', "$members, and the feed tells it");
}
is(move(q('{"host": "third.example"}'), 'off'), '{"moved":true}', 'as the API documents it, none is needed');
is(value($node, "SELECT pgbeam.reveal_password('$database') = :'password'"), 't', 'and the one there is stays');
like(value($node, 'SET pgbeam.password_on_move = on; ALTER SYSTEM SET pgbeam.password_on_move = on; SELECT pg_reload_conf(); SELECT pg_sleep(1);'
	. ' SELECT (' . http('PATCH', "/$project/databases/$database", '{"port": 1}') . ').body'), qr/"field":"password"/, 'over HTTP it is the member at fault');
is(send_request('PATCH', "/$project/databases/$database", '{"port": 1}'), '400 INVALID_INPUT', 'and 400');
value($node, 'ALTER SYSTEM RESET pgbeam.password_on_move; SELECT pg_reload_conf()');


# Health tells the truth, on a primary and on a standby.
$node->backup('copy');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'copy', has_streaming => 1);
$standby->start;

# What health says in SQL, and its status and body over HTTP. Values that
# always differ are left out; a slash stands between the two answers if they
# differ.
sub health
{
	my ($where) = @_;
	my $masked = q[regexp_replace(regexp_replace(%s::text, '"version":"[^"]*","image_sha":"","timestamp":"[^"]*",', ''), '["{}]', '', 'g')];
	my $in_sql = value($where, sprintf "SELECT $masked", 'pgbeam.health()');
	my ($status, $body) = split / /, value($where, sprintf("SELECT a.status || ' ' || $masked", 'a.body')
		  . q[ FROM pgbeam.http('GET', '/v1/health', '{"X-Real-IP": "192.0.2.1"}', NULL) AS a]), 2;

	return "$status $in_sql" . ($body eq $in_sql ? '' : " / $body");
}

# For new sessions.
sub reload
{
	my $before = value($node, 'SELECT pg_conf_load_time()');

	$node->reload;
	$node->poll_query_until('postgres', "SELECT pg_conf_load_time() > '$before'");
	return;
}

sub set
{
	my (%settings) = @_;

	foreach my $name (sort keys %settings)
	{
		value($node, defined $settings{$name} ? "ALTER SYSTEM SET $name = '$settings{$name}'" : "ALTER SYSTEM RESET $name");
	}
	reload();
	return;
}

my $fit = 'status:ok,rate_limit:off';

is(health($node), "200 $fit", 'fit for work');
is(health($standby), "200 $fit,read_only:true", 'a standby is, and says that it takes no writes');
is(value($node, 'BEGIN READ ONLY; SELECT pgbeam.health() ->> \'status\'; COMMIT'), 'ok', 'a transaction that is read-only says nothing of the server');
set('default_transaction_read_only' => 'on');
is(health($node), '503 status:degraded,rate_limit:off,read_only:true,causes:[read_only]', 'a primary that is set read-only is degraded');
is(ask($node, "SET default_transaction_read_only = off; SELECT pgbeam.health() ->> 'status'")->{out}, 'ok', 'by what the session has');
append_to_file($node->data_dir . '/postgresql.auto.conf', "default_transaction_read_only = off\n");
rename $keyring, "$keyring.away" or die $!;
reload();
is(health($node), '503 status:degraded,rate_limit:off,causes:[keyring]', 'so is one without a key');
is(health($standby), '503 status:degraded,rate_limit:off,read_only:true,causes:[keyring]', 'and a standby without one');
rename "$keyring.away", $keyring or die $!;
is(health($node), "200 $fit", 'with its key again');

# If requests are counted, rate_limit is on.
set('pgbeam.address_rate_limit' => 1, 'pgbeam.address_rate_burst' => 3);
is(health($node), "200 $fit", 'a limit for addresses counts nothing while nobody says them');
set('pgbeam.address_header' => 'X-Real-IP');
is(health($node), '200 status:ok,rate_limit:on', 'it counts where the layer does');
my $options = q[(pgbeam.http('OPTIONS', '/v1/projects', '{"X-Real-IP": "192.0.2.2"}', NULL)).status];
is(value($node, "SELECT string_agg(${options}::text, ' ') FROM generate_series(1, 4)"), '204 204 204 429', 'OPTIONS is charged to its address');
is(value($node, "SELECT ($options - 429) * 0"), '0', 'and goes on being so');
set('pgbeam.address_rate_limit' => 0, 'pgbeam.address_header' => '', 'pgbeam.rate_limit' => 100);
is(health($node), '200 status:ok,rate_limit:on', 'a limit for callers is one');
set('pgbeam.rate_limit' => 0);
is(health($node), "200 $fit", 'none is none');

# A change of keys that is complete, except for secrets under a lost key.
value($node, 'SELECT pgbeam.create_key()');
reload();
unlike(ask($node, 'SELECT pgbeam.rewrap()')->{err}, qr/not in the keyring/, 'rewrap does all, and warns of nothing');
my $lost = slurp_file($keyring);
value($node, 'SELECT pgbeam.create_key()');
my $kept = (split /\n/, slurp_file($keyring))[-1];
spill($keyring, "$kept\n");
reload();
my $left = ask($node, 'SELECT pgbeam.rewrap()');
my $missing = value($node, q[SELECT sum(secrets) FROM pgbeam.key_status() WHERE state = 'missing']);

is($left->{out}, '0', 'rewrap has nothing left to do');
cmp_ok($missing, '>', 0, 'while secrets are sealed under a key that is gone');
like($left->{err}, qr/WARNING:  01000: secrets sealed under keys that are not in the keyring: $missing\n/, 'it says how many');
spill($keyring, "$lost$kept\n");
reload();
unlike(ask($node, 'SELECT pgbeam.rewrap()')->{err}, qr/not in the keyring/, 'with the key again it does them');
is(value($node, q[SELECT count(*) FROM pgbeam.key_status() WHERE state = 'missing']), '0', 'and none is missing');
$standby->stop;

# An operation's triggers count at its end. (The text of functions is stored,
# so the password of all tests must not stand there.)
sub new_database { return "jsonb_build_object('host', 'db.example.com', 'port', 5432, 'name', 'd', 'username', 'u', 'password', 'a triggers')" }
sub living { return value($node, "SELECT count(*) FROM pgbeam.$_[0] AS t JOIN pgbeam.projects AS p ON p.id = t.project_id WHERE t.deleted_at IS NULL AND p.deleted_at IS NOT NULL") }
sub counts { return value($node, "SELECT p.database_count, (SELECT count(*) FROM pgbeam.databases AS d WHERE d.project_id = p.id AND d.deleted_at IS NULL) FROM pgbeam.projects AS p WHERE p.name = '$_[0]' AND p.deleted_at IS NULL") }
sub create_named
{
	return ask($node, "SELECT pgbeam.create_project(jsonb_build_object('org_id', 'acme', 'name', '$_[0]', 'database', @{[ new_database() ]})) #>> '{project,database_count}'");
}

foreach my $table (qw(projects databases))
{
	my $id = $table eq 'projects' ? 'NEW.id' : 'NEW.project_id';
	with_trigger($table, 'AFTER INSERT',
		"IF pg_trigger_depth() = 1 THEN PERFORM pgbeam.create_database(pgbeam.typeid_encode('prj', $id), @{[ new_database() ]}); END IF",
		sub {
			is(create_named("adds $table")->{out}, 2, "a trigger on $table adds a database, and the answer counts it");
			is(counts("adds $table"), '2|2', 'so does the row');
		});
}
with_trigger('databases', 'BEFORE INSERT', "PERFORM pgbeam.delete_project(pgbeam.typeid_encode('prj', NEW.project_id))",
	sub {
		my $got = create_named('deleted');
		is($got->{state}, '09000', 'a trigger that deletes the project under its database is an error');
		like($got->{err}, qr/a project was deleted while a database was written below it/, 'which says so');
		is(ask($node, "SELECT pgbeam.create_database('$project', @{[ new_database() ]})")->{state}, '09000', 'also for a later database');
	});
with_trigger('projects', 'AFTER INSERT', "PERFORM pgbeam.delete_project(pgbeam.typeid_encode('prj', NEW.id))",
	sub { is(create_named('gone')->{state}, '09000', 'or right after it was made') });
with_trigger('custom_domains', 'BEFORE INSERT', "PERFORM pgbeam.delete_project(pgbeam.typeid_encode('prj', NEW.project_id))",
	sub { is(ask($node, "SELECT pgbeam.create_custom_domain('$project', '{\"domain\": \"a.example.com\"}')")->{state}, '09000', 'or under a domain') });
with_trigger('replicas', 'BEFORE INSERT', "PERFORM pgbeam.delete_database(pgbeam.typeid_encode('prj', (SELECT project_id FROM pgbeam.databases WHERE id = NEW.database_id)), pgbeam.typeid_encode('db', NEW.database_id))",
	sub { is(ask($node, "SELECT pgbeam.create_replica('$database', '{\"host\": \"r.example.com\", \"port\": 5432}')")->{state}, '09000', 'or the database under a replica') });
is(living($_), 0, "no living row of $_ stands below a deleted project") foreach qw(databases custom_domains);
is(ask($node, "SELECT pgbeam.create_database('$project', @{[ new_database() ]})")->{state}, '00000', 'without triggers all goes on');

done_testing();
