# Passing states of the server. If the state is known before a write, there is
# a refusal. If an error is raised, the answer is 503, in our words alone. A
# lasting state stays an error. Then a server without its library.

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
my $node = set_up('main', $keyring, "max_wal_senders = 5\n");
value($node, q{SELECT pgbeam.set_organization('acme', '{"plan": "scale"}')});
my $key = value($node, "SELECT key FROM pgbeam.create_api_key(org_id => 'acme')");
my ($project, $database) = make($node, 'first');

# A call of http(): its SQL. The body is JSON without a password, or none.
sub call
{
	my ($method, $uri, $body) = @_;
	my $bytes = defined $body ? "convert_to('$body', 'UTF8')" : 'NULL';

	return "SELECT to_json(r) FROM pgbeam.http('$method', '$uri', jsonb_build_object("
	  . "'Authorization', 'Bearer $key', 'Content-Type', 'application/json'), $bytes) AS r";
}

# Its answer, taken apart; statements before it print nothing.
sub answer
{
	my ($where, $before, @call) = @_;
	my $answer = decode_json(value($where, $before . (@call ? call(@call) : update())));

	$answer->{body} = $answer->{body} eq '' ? undef : decode_json($answer->{body});
	return $answer;
}

my $rename = '{"description": "told"}';
my @update = ('PATCH', "/v1/projects/$project", $rename);
my $updates = 0;

# A call that changes something each time.
sub update { return call(@update[ 0, 1 ], '{"description": "' . ++$updates . '"}') }
my @read = ('GET', "/v1/projects/$project");
my $host = '{"host": "db.example.com", "port": 5432}';
my @writes = (
	[ @update ],
	[ 'POST', "/v1/databases/$database/replicas", $host ],
	[ 'DELETE', "/v1/projects/$project" ],
	[ 'PATCH', '/v1/projects/prj_00000000000000000000000000', $rename ]);

# A server that takes no writes, by a setting or as a standby.
sub takes_no_writes
{
	my ($where, $before, $what) = @_;

	foreach my $write (@writes)
	{
		my $got = answer($where, $before, @$write);

		is($got->{status}, 503, "$what: $write->[0] is refused");
		is($got->{headers}{'Retry-After'}, '5', "$what: $write->[0] may be tried again");
		is($got->{body}{error}{code}, 'SERVICE_UNAVAILABLE', "$what: $write->[0] has the code");
		is($got->{body}{error}{message}, 'the service takes no writes at the moment',
			"$what: $write->[0] says why, and nothing of secrets");
	}
	is(answer($where, $before, @read)->{status}, 200, "$what: reads are answered");
	is(ask($where, "${before}SELECT pgbeam.update_project('$project', '$rename')")->{state},
		'25006', "$what: in SQL it is the server's own error");
	is(value($where, $before
			. "SELECT set_config('request.method', 'POST', false), set_config('request.headers', '{\"x-api-key\": \"$key\"}', false) \\gset\n"
			. 'BEGIN; SELECT left(pgbeam.update_project(' . "'$project', '$rename')::text, 9), current_setting('response.status'); COMMIT"),
		'{"error":|503', "$what: so is the function's own call in a request");
	return;
}

takes_no_writes($node, "SET default_transaction_read_only = on;\n", 'by setting');
is(ask($node, 'BEGIN READ ONLY; ' . update())->{state}, '25006',
	'a layer that asked for READ ONLY is told so');

$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;
takes_no_writes($standby, '', 'standby');
$standby->stop;

# Errors that are raised. Their own words get only to the log.
sub passes
{
	my ($got, $message, $what) = @_;

	is($got->{state}, 'PT503', "$what: asks for 503");
	is($got->{message}, $message, "$what: in our words");
	is($got->{hint}, 'Send it again.', "$what: with our hint");
	is($got->{detail} . ($got->{context} // ''), '', "$what: and nothing else");
	unlike($got->{err}, qr/Injected|pgbeam\.\w+ |\r/, "$what: nowhere");
	return;
}

my %words = (
	'55P03' => 'another request holds what this one needs',
	'40001' => 'another request came between',
	'40P01' => 'this request and another one waited for each other');

my $holder = session($node);
value($holder, 'BEGIN; LOCK TABLE pgbeam.projects');
foreach my $call (\@read, \@update)
{
	passes(ask($node, 'SET lock_timeout = 50; ' . call(@$call)), $words{'55P03'},
		"$call->[0] behind a lock");
}
value($holder, 'ROLLBACK');
is(ask($node, "SET lock_timeout = 50; SELECT pgbeam.get_project('$project')")->{state}, '00000',
	'when it is free all is as before');

sub with_trigger
{
	my ($does, $code, $table) = @_;

	$table //= 'projects';
	value($node, "CREATE FUNCTION public.own() RETURNS trigger LANGUAGE plpgsql AS \$\$ BEGIN $does; RETURN NEW; END \$\$;"
		  . "CREATE TRIGGER own BEFORE UPDATE OR INSERT ON pgbeam.$table FOR EACH ROW EXECUTE FUNCTION public.own()");
	$code->();
	value($node, 'DROP FUNCTION public.own() CASCADE');
	return;
}

my $injected = "E'boom\\r\\nX-Injected: yes'";
foreach my $state (sort keys %words)
{
	with_trigger("RAISE SQLSTATE '$state' USING MESSAGE = $injected, DETAIL = $injected, HINT = $injected, COLUMN = 'X-Injected'", sub {
		my $log = log_since($node, sub { passes(ask($node, update()), $words{$state}, "$state of a trigger") });

		like($log, qr/It was: boom\s+X-Injected: yes \(SQLSTATE $state\)/, "$state of a trigger: the log has what it was");
		is(ask($node, "SELECT pgbeam.update_project('$project', '$rename')")->{state}, $state,
			"$state of a trigger: in SQL it is what it is");
	});
}
with_trigger("RAISE SQLSTATE '40001' USING MESSAGE = $injected", sub {
	passes(ask($node, "SELECT set_config('request.method', 'POST', false), set_config('request.headers', '{\"x-api-key\": \"$key\"}', false) \\gset\n"
			. "SELECT pgbeam.update_project('$project', '$rename')"), $words{'40001'}, 'in the call of a function');
});

# A trigger that handles its own errors sees their own SQLSTATE.
foreach my $state (sort keys %words)
{
	with_trigger("BEGIN RAISE SQLSTATE '$state'; EXCEPTION WHEN SQLSTATE '$state' THEN NULL; END", sub {
		is(answer($node, '')->{status}, 200, "$state that a trigger handles is none");
	});
}

# A deadlock: the request comes second, and finds it.
with_trigger('PERFORM pg_advisory_xact_lock(7)', sub {
	value($holder, "SET deadlock_timeout = '60s'; BEGIN; SELECT pg_advisory_xact_lock(7)");
	$holder->query_until(qr/begun/, <<SQL);
\\echo begun
DO \$\$
BEGIN
	FOR i IN 1 .. 2000 LOOP
		PERFORM pg_sleep(0.01);
		EXIT WHEN EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted);
	END LOOP;
	UPDATE pgbeam.projects SET description = 'held';
END
\$\$;
SQL
	passes(ask($node, "SET deadlock_timeout = '3s'; " . update()), $words{'40P01'}, 'a deadlock');
	value($holder, 'ROLLBACK');
});

# A status that a trigger raises is kept, in one line. Its other errors are
# left to the layer.
with_trigger("RAISE SQLSTATE 'PT402' USING MESSAGE = $injected, DETAIL = 'Quota', HINT = 'Pay.'", sub {
	my $got = ask($node, update());

	is($got->{state}, 'PT402', 'a status that a trigger asks for is asked for');
	is($got->{message}, 'boom  X-Injected: yes', 'in one line');
	is("$got->{detail} $got->{hint}", 'Quota Pay.', 'with its detail and hint');
});
with_trigger("RAISE SQLSTATE 'PT503' USING MESSAGE = $injected", sub {
	is(ask($node, update())->{message}, 'boom  X-Injected: yes', 'PT503 of a trigger is in one line too');
});
with_trigger("RAISE EXCEPTION 'not on Sundays'", sub {
	my $got = ask($node, update());

	is("$got->{state} $got->{message}", 'P0001 not on Sundays', 'an exception of a trigger is left as it is');
});

# Lasting errors.
foreach my $level ('serializable', 'repeatable read')
{
	my $got = ask($node, "SET default_transaction_isolation = '$level'; " . update());

	is($got->{state}, '25000', "$level: an error");
	is($got->{message}, 'requests that write are answered only at isolation level READ COMMITTED',
		"$level: in our words");
	is(answer($node, "SET default_transaction_isolation = '$level';\n", @read)->{status}, 200,
		"$level: reads are answered");
}
is(answer($node, '')->{status}, 200, 'in the end all is as before');

# A server does not start if it is to preload what was uninstalled, as the
# pages and make uninstall say. It starts again once it is not to.
my $make = `make -s -C '$FindBin::RealBin/../..' uninstall DESTDIR='@{[ folder('uninstall') ]}' 2>&1`;
like($make, qr/pgbeam in shared_preload_libraries does not start.*\n.*postgresql\.auto\.conf/, 'make uninstall says so');
value($node, "ALTER SYSTEM SET shared_preload_libraries = 'pgbeam'");
$node->append_conf('postgresql.conf', "dynamic_library_path = '@{[ folder('empty') ]}'\n");
$node->stop;
is($node->start(fail_ok => 1), 0, 'without the library the server does not start');
(my $auto = slurp_file($node->data_dir . '/postgresql.auto.conf')) =~ s/^shared_preload_libraries.*\n//m;
spill($node->data_dir . '/postgresql.auto.conf', $auto);
is($node->start(fail_ok => 1), 1, 'it does when the name is out of postgresql.auto.conf');

done_testing();
