# Parts of a request that reach the server's log under each setting that leaks:
# without any protection, with the logging profile of the role, and with the
# log guard. Then come attacks on the guard: it must let nothing through, and
# the server must stay up.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use PgbeamTest;
use PostgreSQL::Test::Utils;
use Test::More;

# This password is meant to leak, so it is not the canary. A query's tree shows
# it as numbers.
my $password = 'leaky-password-9Kc4';
my $numbers = join ' ', unpack('C*', $password);
my $leak = qr/\Q$password\E|\Q$numbers\E/;
my $withheld = qr/withheld by pgbeam\.log_guard/;

my $pkglibdir = `pg_config --pkglibdir`;
chomp $pkglibdir;
my @others = grep { -f "$pkglibdir/$_.so" } qw(auto_explain pg_stat_statements pgaudit);
my %has = map { $_ => 1 } @others;
my $keyring = folder('keys') . '/keyring';
my $node = set_up('main', $keyring, <<CONF);
shared_preload_libraries = '@{[ join ', ', @others, 'pgbeam' ]}'
restart_after_crash = on
deadlock_timeout = 60s
log_line_prefix = '%p %e '
CONF

value($node, <<'SQL');
CREATE ROLE boss LOGIN;
CREATE ROLE pgbeam LOGIN;
GRANT pgbeam TO boss;
SELECT pgbeam.grant_access('boss', 'admin'), pgbeam.set_organization('acme');
CREATE FUNCTION public.wrapped(body text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('SELECT pgbeam.create_project(%L)', body);
	RETURN NULL;
END $$;
CREATE FUNCTION public.cast_first(body text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	request jsonb := body::jsonb;
BEGIN
	RETURN pgbeam.create_project(request);
END $$;
CREATE FUNCTION public.inner_call(body text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	RETURN pgbeam.create_project(body::jsonb);
END $$;
CREATE FUNCTION public.outer_call(body text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	RETURN public.inner_call(body);
END $$;
CREATE FUNCTION public.inlined(body text) RETURNS json LANGUAGE sql BEGIN ATOMIC SELECT pgbeam.create_project(body::jsonb); END;
CREATE PROCEDURE public.procedure(body text) LANGUAGE plpgsql AS $$
BEGIN
	PERFORM public.cast_first(body);
END $$;
CREATE FUNCTION public.caught(body text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM pgbeam.create_project(body::jsonb);
	RETURN NULL;
EXCEPTION WHEN invalid_text_representation THEN
	RAISE EXCEPTION 'nothing came of it';
END $$;
CREATE FUNCTION public.on_insert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	PERFORM pgbeam.create_project(NEW.body::text::jsonb);
	RETURN NEW;
END $$;
CREATE TABLE public.bodies (body text);
CREATE VIEW public.made AS SELECT pgbeam.create_project(body::jsonb) AS answer FROM public.bodies;
CREATE TABLE public.inbox (body text);
CREATE TRIGGER t BEFORE INSERT ON public.inbox FOR EACH ROW EXECUTE FUNCTION public.on_insert();
CREATE TABLE public.inbox_of_json (body jsonb);
CREATE TRIGGER t BEFORE INSERT ON public.inbox_of_json FOR EACH ROW EXECUTE FUNCTION public.on_insert();
CREATE TABLE public.outbox (body text);
CREATE CONSTRAINT TRIGGER t AFTER INSERT ON public.outbox INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.on_insert();
CREATE FUNCTION public.cast_at_insert() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
	request jsonb := NEW.body::jsonb;
BEGIN
	PERFORM pgbeam.create_project(request);
	RETURN NEW;
END $$;
CREATE FUNCTION public.cast_at_insert_with_path() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
	request jsonb := NEW.body::jsonb;
BEGIN
	PERFORM pgbeam.create_project(request);
	RETURN NEW;
END $$;
CREATE TABLE public.parted (body text, part integer DEFAULT 1) PARTITION BY LIST (part);
CREATE TABLE public.part PARTITION OF public.parted FOR VALUES IN (1);
CREATE TRIGGER t BEFORE INSERT ON public.part FOR EACH ROW EXECUTE FUNCTION public.cast_at_insert();
CREATE TABLE public.part_with_path PARTITION OF public.parted FOR VALUES IN (2);
CREATE TRIGGER t BEFORE INSERT ON public.part_with_path FOR EACH ROW EXECUTE FUNCTION public.cast_at_insert_with_path();
CREATE FUNCTION public.keeps_a_plan(body text) RETURNS void LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
BEGIN
	INSERT INTO public.inbox VALUES (body);
END $$;
CREATE OPERATOR public.## (RIGHTARG = jsonb, FUNCTION = pgbeam.create_project);
CREATE FUNCTION public.make_next(text, body jsonb) RETURNS text LANGUAGE sql AS 'SELECT pgbeam.create_project(body)::text';
CREATE AGGREGATE public.last_made (jsonb) (SFUNC = public.make_next, STYPE = text);
CREATE TABLE public.ruled (body text);
CREATE RULE r AS ON INSERT TO public.ruled DO ALSO SELECT pgbeam.create_project(NEW.body::jsonb);
GRANT ALL ON ALL TABLES IN SCHEMA public TO boss;
GRANT CREATE ON SCHEMA public TO boss;
SQL

my $n = 1000;

sub body
{
	my ($end) = @_;

	$n++;
	return qq({"name": "p$n", "org_id": "acme", "database": {"host": "db.example.com", "port": 5432, )
	  . qq("name": "app", "username": "app", "password": "$password"$end}});
}

# Runs the statement as boss, with the body for BODY: as a literal, or as a
# parameter.
sub run_literal
{
	my ($sql, $body) = @_;

	return ask($node, $sql =~ s/RAW/$body/r =~ s/BODY/'$body'/r, role => 'boss')->{err};
}

sub run_bound
{
	my ($sql, $body) = @_;

	return ask_bound($node, $sql =~ s/BODY/VALUE/r, $body, role => 'boss');
}

# A literal in the statement of a client that sends parameters.
sub run_parsed
{
	my ($sql, $body) = @_;

	return run_bound($sql =~ s/BODY/'$body'/r =~ s/": /" : /gr, 'unused');
}

# A process that dies in the middle of a statement.
sub run_killed
{
	my ($sql, $body) = @_;
	my $victim = session($node, 'boss');
	my $pid = value($victim, 'SELECT pg_backend_pid()');

	$victim->query_until(qr/sent/, "\\echo sent\n" . ($sql =~ s/BODY/'$body'/r) . ";\n");
	$node->poll_query_until('postgres',
		"SELECT count(*) = 1 FROM pg_stat_activity WHERE pid = $pid AND wait_event = 'PgSleep'");
	my $start = -s $node->logfile;
	kill 'KILL', $pid;
	$victim->{run}->finish;
	# Until it has noticed, the server would still let others in. After that it
	# refuses some, and psql may end before the test has written to it.
	$node->wait_for_log(qr/was terminated by signal 9.*ready to accept connections/s, $start);
	return '';
}

# Another session's statement, which the victim of a deadlock is told.
sub run_deadlocked
{
	my ($sql, $body) = @_;
	my ($victim, $other) = (session($node), session($node, 'boss'));

	value($victim, 'BEGIN; SELECT pg_advisory_xact_lock(1)');
	value($other, 'BEGIN; SELECT pg_advisory_xact_lock(2)');
	$other->query_until(qr/sent/, "\\echo sent\n" . ($sql =~ s/BODY/'$body'/r) . ";\n");
	$node->poll_query_until('postgres',
		'SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event_type = $$Lock$$ AND pid IN (SELECT pid FROM pg_locks WHERE NOT granted)');
	my $got = ask($victim, "SET deadlock_timeout = '50ms'; SELECT pg_advisory_xact_lock(2)");
	is($got->{state}, '40P01', 'the session that knows nothing is the victim');
	$_->quit foreach $victim, $other;
	return $got->{err};
}

my $create = 'SELECT pgbeam.create_project(BODY)';
my %runs = (
	literal => \&run_literal,
	bound => \&run_bound,
	parsed => \&run_parsed,
	killed => \&run_killed,
	deadlock => \&run_deadlocked);

# Name, settings of the database, way, statement, end of the body, and how
# often the password is in the log without protection (0: never, 1: at least
# once) and with the profile.
my @cases = (
	[ 'log_statement = all', 'literal', $create, '', 1, 0 ],
	[ 'log_statement = all', 'bound', $create, '', 1, 0 ],
	[ 'log_min_duration_statement = 0', 'literal', $create, '', 1, 0 ],
	[ 'log_min_duration_statement = 0', 'bound', $create, '', 1, 0 ],
	[ 'log_min_duration_sample = 0', 'literal', $create, '', 1, 0 ],
	[ 'log_min_duration_sample = 0', 'bound', $create, '', 1, 0 ],
	[ 'log_transaction_sample_rate = 1', 'literal', $create, '', 1, 0 ],
	[ 'log_transaction_sample_rate = 1', 'bound', $create, '', 1, 0 ],
	[ 'log_min_messages = debug2', 'parsed', $create, '', 1, 1 ],
	[ 'log_statement = all', 'parsed', $create, '', 1, 0 ],
	[ 'log_min_messages = debug5, log_min_error_statement = debug5', 'literal', $create, '', 1, 0 ],
	[ 'log_executor_stats = on', 'literal', $create, '', 1, 0 ],
	[ 'log_executor_stats = on', 'bound', $create, '', 0, 0 ],
	[ 'log_parser_stats = on', 'literal', $create, '', 1, 0 ],
	[ 'log_planner_stats = on', 'literal', $create, '', 1, 0 ],
	[ 'log_statement_stats = on', 'literal', $create, '', 1, 0 ],
	[ 'debug_print_parse = on', 'literal', $create, '', 1, 0 ],
	[ 'debug_print_parse = on', 'bound', $create, '', 0, 0 ],
	[ 'debug_print_rewritten = on', 'literal', $create, '', 1, 0 ],
	[ 'debug_print_plan = on', 'literal', $create, '', 1, 0 ],
	[ 'debug_print_plan = on', 'bound', $create, '', 0, 0 ],
	[ 'log_parameter_max_length_on_error = -1', 'bound', $create, ', "role": 1', 0, 0 ],
	[ 'log_parameter_max_length_on_error = -1', 'bound', "$create, 1 / pg_backend_pid() / 0", '', 1, 0 ],
	[ '', 'literal', $create, '', 0, 0 ],
	[ '', 'literal', $create, ', "role": 1', 0, 0 ],
	[ '', 'bound', $create, ', "role": 1', 0, 0 ],
	[ '', 'literal', 'SELECT pgbeam.create_projekt(BODY)', '', 1, 0 ],
	[ '', 'literal', "$create, 1 / pg_backend_pid() / 0", '', 1, 0 ],
	[ '', 'literal', $create =~ s/BODY/, BODY/r, '', 1, 0 ],
	[ '', 'literal', $create, ',', 1, 0 ],
	[ '', 'bound', $create, ',', 1, 0 ],
	[ '', 'literal', $create, ', "role": "\u0000"', 1, 0 ],
	[ '', 'bound', $create, ', "role": "\u0000"', 1, 0 ],
	# The message itself has it, so no setting of the server keeps it out.
	[ '', 'literal', 'SELECT pgbeam.create_project(NULL), CAST(BODY AS integer)', '', 1, 1 ],
	[ '', 'bound', 'SELECT pgbeam.create_project(NULL), CAST(BODY AS integer)', '', 1, 1 ],
	[ '', 'literal', 'PREPARE p (jsonb) AS SELECT pgbeam.create_project($1); EXECUTE p (BODY)', ',', 1, 0 ],
	[ 'log_statement = all', 'literal', 'PREPARE p (jsonb) AS SELECT pgbeam.create_project($1); EXECUTE p (BODY)', '', 1, 0 ],
	[ '', 'literal', 'SET search_path = pgbeam; SELECT create_project(BODY)', ',', 1, 0 ],
	[ 'log_statement = all', 'literal', 'SET search_path = pgbeam; SELECT create_project(BODY)', '', 1, 0 ],
	# A role with the schema's name has the schema in its path, as "$user".
	[ '', 'literal', 'SET ROLE pgbeam; SELECT create_projekt(BODY)', '', 1, 0 ],
	[ 'log_statement = all', 'literal', 'SET ROLE pgbeam; SELECT create_projekt(BODY)', '', 1, 0 ],
	[ '', 'literal', 'SELECT public.wrapped(BODY)', ',', 1, 0 ],
	[ 'log_statement = all', 'literal', 'SELECT PgBeam . "create_project"(BODY)', '', 1, 0 ],
	[ 'log_statement = all', 'literal', q{SELECT set_config('request.headers', BODY, true)}, '', 1, 0 ],
	[ 'log_statement = all', 'bound', q{SELECT set_config('request.headers', BODY, true)}, '', 1, 0 ],
	[ 'log_statement = all', 'bound', q{SELECT set_config('request.' || 'headers', BODY, true), } .
		q{pgbeam.openapi() IS NULL}, '', 1, 0 ],
	[ 'log_statement = all', 'literal', q{SELECT 'pbo_0' || BODY}, '', 1, 0 ],
	# The role has no say in what other processes log.
	[ '', 'killed', 'SELECT pgbeam.typeid(BODY), pg_sleep(600)' =~ s/typeid\(BODY\)/typeid('x'), BODY/r, '', 1, 1 ],
	[ '', 'killed', "SELECT BODY, repeat('" . 'x' x 900 . "', 1), pg_sleep(600), pgbeam.typeid('x')", '', 1, 1 ],
	[ '', 'deadlock', "SELECT pgbeam.typeid('x'), BODY, pg_advisory_xact_lock(1)", '', 1, 1 ]);

# The statement that is sent does not name what runs: a prepared statement, a
# cursor, a view, a function, a trigger. Or it is sent together with one that
# does.
my $prepare = 'PREPARE q (jsonb) AS SELECT pgbeam.create_project($1)';
my $insert = 'INSERT INTO public.bodies VALUES (BODY)';
push @cases, map { [ '', 'literal', $_, ',', 1, 0 ] } (
	"$prepare; BEGIN\\; EXECUTE q (BODY)\\; COMMIT",
	"$prepare; EXPLAIN EXECUTE q (BODY)",
	"$prepare; EXPLAIN ANALYZE CREATE TEMP TABLE made_of_it AS EXECUTE q (BODY)",
	"$prepare; CREATE TEMP TABLE made_of_it AS EXECUTE q (BODY)",
	"SET search_path = pgbeam; PREPARE q (jsonb) AS SELECT create_project(\$1); RESET search_path; EXECUTE q (BODY)",
	'PREPARE q (text) AS SELECT * FROM public.inlined($1); EXECUTE q (BODY)',
	"BEGIN; $insert; DECLARE c CURSOR FOR SELECT pgbeam.create_project(body::jsonb) FROM public.bodies; FETCH c",
	"BEGIN; $insert; DECLARE c CURSOR FOR TABLE public.made; MOVE c",
	"BEGIN; $insert; TABLE public.made",
	"BEGIN; $insert; COPY (TABLE public.made) TO stdout",
	"BEGIN; CREATE MATERIALIZED VIEW public.kept AS SELECT pgbeam.create_project(body::jsonb)::text FROM public.bodies;"
	  . " $insert; REFRESH MATERIALIZED VIEW public.kept",
	"COPY public.inbox FROM stdin;\nRAW\n\\.\n",
	"COPY public.inbox_of_json FROM stdin;\nRAW\n\\.\n",
	'INSERT INTO public.inbox VALUES (BODY)',
	'BEGIN; INSERT INTO public.outbox VALUES (BODY); COMMIT',
	'INSERT INTO public.ruled VALUES (BODY)',
	"COPY public.parted (body) FROM stdin;\nRAW\n\\.\n",
	'INSERT INTO public.parted VALUES (BODY)',
	'INSERT INTO public.parted VALUES (BODY, 2)',
	'SELECT OPERATOR(public.##) BODY::text::jsonb',
	'SELECT public.last_made(body::jsonb) FROM (VALUES (BODY::text)) AS v (body)',
	'SELECT public.last_made(body::jsonb) OVER () FROM (VALUES (BODY::text)) AS v (body)',
	'SELECT public.cast_first(BODY)',
	'SELECT public.inlined(BODY)',
	'SELECT public.caught(BODY)',
	'CALL public.procedure(BODY)',
	q{DO $$ BEGIN EXECUTE 'SELECT public.cast_first($1)' USING $x$RAW$x$; END $$},
	q~BEGIN; SELECT public.outer_call(format('{"name": "%s", "org_id": "acme", "database": {"host": "h", "port": 1, "name": "a", ~
	  . q~"username": "a", "password": "x"}}', gen_random_uuid())); SELECT public.outer_call(BODY)~,
	"SELECT pgbeam\f.create_project(BODY)",
	'SELECT pgbeam /* . */ . create_project(BODY)',
	"SELECT pgbeam--\n.create_project(BODY)",
	'SELECT U&"\0070gbeam".create_project(BODY)');
push @cases, map { [ 'log_statement = all', 'literal', $_, '', 1, 0 ] } (
	"$prepare; BEGIN\\; EXECUTE q (BODY)\\; COMMIT",
	"$prepare; EXPLAIN EXECUTE q (BODY)",
	"SET search_path = pgbeam\\; SELECT create_project(BODY)",
	"SET SCHEMA 'pgbeam'\\; SELECT create_project(BODY)",
	'SELECT U&"!0070gbeam" UESCAPE \'!\' . create_project(BODY)');
push @cases, map { [ 'log_min_duration_statement = 0', 'literal', $_, '', 1, 0 ] } (
	'SELECT public.cast_first(BODY)',
	'SELECT public.outer_call(BODY)',
	'SELECT public.inlined(BODY)',
	'CALL public.procedure(BODY)',
	"BEGIN; INSERT INTO public.inbox VALUES (BODY); COMMIT");
push @cases, map { [ 'log_min_duration_statement = 0', 'bound', $_, '', 1, 0 ] } (
	'SELECT public.cast_first(BODY)',
	'SELECT public.inlined(BODY)',
	'INSERT INTO public.inbox VALUES (BODY)');
push @cases, map { [ $_->[0], $_->[1], $create, '', $_->[2], 0 ] } (
	[ 'auto_explain.log_min_duration = 0', 'literal', 1 ],
	# Since 16 it logs parameters without being asked to.
	[ 'auto_explain.log_min_duration = 0', 'bound', value($node, 'SHOW server_version_num') >= 160000 ? 1 : 0 ],
	[ 'auto_explain.log_min_duration = 0, auto_explain.log_verbose = on', 'literal', 1 ],
	[ 'auto_explain.log_min_duration = 0, auto_explain.log_verbose = on', 'bound', 1 ])
  if $has{auto_explain};
push @cases, map { [ $_->[0], $_->[1], $create, '', $_->[2], 0 ] } (
	[ "pgaudit.log = all", 'literal', 1 ],
	[ "pgaudit.log = all, pgaudit.log_parameter = on", 'bound', 1 ],
	[ "pgaudit.log = all, pgaudit.log_parameter = on, pgaudit.log_level = notice", 'bound', 1 ])
  if $has{pgaudit};


# A kept plan logs no planning, and the table's triggers come last.
my $keep = q~SELECT public.keeps_a_plan(format('{"name": "%s", "org_id": "acme", "database": {"host": "h", "port": 1, "name": "a", ~
  . q~"username": "a", "password": "x"}}', gen_random_uuid()))~;
push @cases, [ 'pgaudit.log = write, pgaudit.log_parameter = on', 'literal',
	"$keep; SELECT public.keeps_a_plan(BODY)", '', 1, 0 ]
  if $has{pgaudit};

sub set_database
{
	my ($settings) = @_;

	value($node, 'ALTER DATABASE postgres RESET ALL');
	value($node, 'ALTER DATABASE postgres SET ' . s/= (.*)/= '$1'/r) foreach split /, /, $settings;
	return;
}

sub set_guard
{
	my ($where, $value) = @_;

	value($where, "ALTER SYSTEM SET pgbeam.log_guard = $value");
	$where->reload;
	$where->poll_query_until('postgres', "SELECT current_setting('pgbeam.log_guard') = '$value'");
	return;
}

# How many lines of the log have the password, for each case.
my %seen;
my %told;
foreach my $mode (qw(nothing profile guard))
{
	value($node, $mode eq 'profile' ? "SELECT pgbeam.set_logging_profile('boss')" : 'ALTER ROLE boss RESET ALL');
	set_guard($node, $mode eq 'guard' ? 'on' : 'off');
	foreach my $i (0 .. $#cases)
	{
		my ($settings, $way, $sql, $end) = @{ $cases[$i] };

		set_database($settings);
		my $log = log_since($node, sub { $told{$mode}[$i] = $runs{$way}->($sql, body($end)) });
		set_database('');
		$seen{$mode}[$i] = grep { /$leak/ } split /\n/, $log;
	}
}

my $format = "%-75s %-9s %7s %7s %5s";
note(sprintf $format, 'setting; statement', 'way', 'nothing', 'profile', 'guard');
foreach my $i (0 .. $#cases)
{
	my ($settings, $way, $sql, $end, $nothing, $profile) = @{ $cases[$i] };
	my $name = ($settings || 'defaults') . ($sql eq $create ? '' : '; ' . $sql =~ s/x{9,}/.../r)
	  . ($end eq '' ? '' : " with $end");

	note(sprintf $format, substr($name, 0, 75), $way, map { $seen{$_}[$i] } qw(nothing profile guard));
	is($seen{nothing}[$i] > 0 ? 1 : 0, $nothing, "with nothing: $name, $way");
	is($seen{profile}[$i] > 0 ? 1 : 0, $profile, "with the profile: $name, $way");
	is($seen{guard}[$i], 0, "with the guard: $name, $way");
}

# Leaks that are in no message, and that only the profile stops.
SKIP:
{
	skip 'no pg_stat_statements', 2 unless $has{pg_stat_statements};
	value($node, 'CREATE EXTENSION pg_stat_statements');
	set_guard($node, 'on');
	foreach my $mode (qw(guard profile))
	{
		value($node, "SELECT pgbeam.set_logging_profile('boss')") if $mode eq 'profile';
		value($node, 'SELECT pg_stat_statements_reset()');
		run_literal('DO $$ BEGIN PERFORM pgbeam.create_project($x$' . body('') . '$x$); END $$', '');
		is(value($node, "SELECT count(*) > 0 FROM pg_stat_statements WHERE query LIKE 'DO%$password%'") eq 't' ? 1 : 0,
			$mode eq 'guard' ? 1 : 0, "pg_stat_statements keeps the literal of a DO, with the $mode");
	}
	value($node, 'ALTER ROLE boss RESET ALL');
}

# The client is told the same, except for the context.
sub without_context
{
	my ($text, $sql) = @_;

	$text =~ s/^(psql|pgbench).*?(?=ERROR|NOTICE|WARNING)//mg;
	$text =~ s/^LINE .*\n.*\n//m if $text =~ s/^QUERY:.*\n//m or $sql =~ /public\.wrapped/;
	$text =~ s/^CONTEXT:.*?(?=^(?:[A-Z ]+: |pgbench)|\z)//msg;
	$text =~ s/^LOCATION:.*\n//mg;
	$text =~ s/\bp\d+\b/pN/g;
	$text =~ s/(?<=[ \t])\d+(?=[ ,;:.\n])/N/g;
	return $text;
}
foreach my $i (grep { $cases[$_][0] !~ /pgaudit/ } 0 .. $#cases)
{
	is(without_context($told{guard}[$i], $cases[$i][2]), without_context($told{nothing}[$i], $cases[$i][2]),
		"the client is told the same: $cases[$i][2]");
	unlike($told{guard}[$i], qr/^(CONTEXT|QUERY)/m, 'without the context')
	  unless $cases[$i][1] eq 'deadlock';
}

# The guard leaves our refusals, other statements, levels and SQLSTATEs.
sub guarded
{
	my ($sql, %how) = @_;
	my $got;
	my $log = log_since($node, sub { $got = ask($node, $sql, %how) });

	return ($log, $got);
}

my ($log, $got) = guarded(q{SELECT pgbeam.create_project('{"org_id": 1}')});
like($log, qr/ PT400 ERROR:  org_id must be a string\n.*DETAIL:  name is required/, 'a refusal is logged as it is');
unlike($log, qr/STATEMENT|$withheld/, 'and nothing else');
($log, $got) = guarded(q{SELECT create_projekt('{}')}, role => 'pgbeam');
like($log, qr/ 42883 ERROR:  withheld/, 'the session of a role of the schema\'s name is withheld');
($log, $got) = guarded(q{SET search_path = public; SELECT create_projekt('{}')}, role => 'pgbeam');
like($log, qr/STATEMENT:  SELECT create_projekt/, 'and is not where its path does without it');
($log, $got) = guarded(q{SELECT create_projekt('{}')}, role => 'boss');
like($log, qr/STATEMENT:  SELECT create_projekt/, 'nor is that of another role');
($log, $got) = guarded('SELECT 1 / 0');
like($log, qr/ 22012 ERROR:  division by zero\n.*STATEMENT:  SELECT 1 \/ 0/s, "others' errors are logged as they are");
($log, $got) = guarded(q{DO $$ BEGIN RAISE WARNING 'of pgbeam.http()'; END $$});
like($log, qr/ 01000 WARNING:  withheld by pgbeam\.log_guard \(SQLSTATE 01000\)/, 'level and SQLSTATE stay');
like($got->{err}, qr/WARNING:  01000: of pgbeam\.http\(\)/, 'and the client gets the message');
($log, $got) = guarded('SELECT count(*) FROM pgbeam.no_such_table');
like($log, qr/ 42P01 ERROR:  withheld/, 'an error about a table is withheld');
like($got->{err}, qr/relation "pgbeam\.no_such_table" does not exist/, 'and told to the client');

# Nothing else is withheld: statements that have nothing to do with a request,
# in a session and a transaction that had some, and functions that only make
# TypeIDs.
value($node, <<'SQL');
CREATE FUNCTION public.harmless(n integer) RETURNS integer LANGUAGE plpgsql AS $$ BEGIN RETURN 1 / n; END $$;
CREATE FUNCTION public.listed() RETURNS json LANGUAGE plpgsql AS $$ BEGIN RETURN pgbeam.list_projects('acme'); END $$;
CREATE FUNCTION public.give_id() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.id := pgbeam.typeid('ord'); RETURN NEW; END $$;
CREATE TABLE public.orders (id text DEFAULT pgbeam.typeid('ord') CHECK (pgbeam.typeid_decode(id) IS NOT NULL), n integer CHECK (n > 0));
CREATE TABLE public.tickets (id text, n integer CHECK (n > 0));
CREATE TRIGGER t BEFORE INSERT ON public.tickets FOR EACH ROW EXECUTE FUNCTION public.give_id();
SQL
my $request = "SELECT pgbeam.list_projects('acme');";
my $wrapped = 'SELECT public.listed();';
foreach my $case (
	[ '', 'SELECT 17 AS shown' ],
	[ $request, 'SELECT 17 AS shown' ],
	[ "BEGIN; $request", 'SELECT 17 AS shown' ],
	[ "BEGIN; PREPARE s AS $request EXECUTE s;", 'SELECT 17 AS shown' ],
	[ "BEGIN; DECLARE c CURSOR FOR $request FETCH c;", 'SELECT 17 AS shown' ],
	[ $wrapped, 'SELECT 17 AS shown' ],
	[ "BEGIN; $wrapped ROLLBACK;", 'SELECT 17 AS shown' ],
	[ "$request PREPARE s AS SELECT 18;", 'EXECUTE s' ],
	[ "PREPARE s AS $request", 'GRANT EXECUTE ON FUNCTION public.harmless(integer) TO boss' ],
	[ $request, 'SELECT public.harmless(1)' ],
	[ $request, 'DO $$ BEGIN EXECUTE $x$SELECT 1$x$; END $$' ],
	[ $request, 'INSERT INTO public.orders (n) VALUES (1)' ],
	[ $request, 'INSERT INTO public.tickets (n) VALUES (1)' ],
	[ $request, 'SELECT now(), * FROM public.orders' ],
	[ '', 'CREATE TABLE public.pgbeam_things (pgbeam text)' ],
	[ '', q{SELECT 'pgbeam'} ])
{
	my ($before, $statement) = @$case;
	my $name = "$before $statement";

	$log = log_since($node, sub {
		ask($node, "$before SET log_min_duration_statement = 0; SET auto_explain.log_min_duration = 0;\n$statement");
	});
	like($log, qr/LOG:  duration: \S+ ms  statement: \Q$statement\E/, "it is logged: $name");
	like($log, qr/Query Text: \Q$statement\E/, "it is explained: $name") if $has{auto_explain} and $statement =~ /^SELECT|^INSERT/;
}
foreach my $statement ('SELECT public.harmless(0)', 'INSERT INTO public.orders (n) VALUES (0)', 'INSERT INTO public.tickets (n) VALUES (0)')
{
	$log = log_since($node, sub { ask($node, "$request BEGIN; $request $statement") });
	like($log, qr/ERROR:  (division by zero|new row for).*STATEMENT:  \Q$statement\E/s, "its error is logged: $statement");
}
{
	local $ENV{PGOPTIONS} = '-c log_disconnections=on';
	my $offset = -s $node->logfile;

	ask($node, $request);
	ok($node->wait_for_log(qr/(disconnection: session time|$withheld)/, $offset) &&
			slurp_file($node->logfile, $offset) =~ /disconnection: session time/,
		'the end of a session whose last statement was a request is logged');
}

# Vacuum logs our tables, without anybody's statement.
my $vacuumed = qr/automatic vacuum of table "postgres\.pgbeam\.projects"/;
my $offset = -s $node->logfile;
$log = log_since($node, sub {
	value($node, q{ALTER SYSTEM SET autovacuum = on; ALTER SYSTEM SET autovacuum_naptime = 1; ALTER SYSTEM SET log_autovacuum_min_duration = 0});
	value($node, 'ALTER TABLE pgbeam.projects SET (autovacuum_vacuum_insert_threshold = 0, autovacuum_vacuum_insert_scale_factor = 0)');
	$node->reload;
	make($node, 'vacuumed');
	# Counted, and logged after that.
	$node->wait_for_log($vacuumed, $offset);
	value($node, 'ALTER SYSTEM RESET autovacuum');
	$node->reload;
});
like($log, $vacuumed, 'automatic vacuum is logged');
$log = log_since($node, sub {
	$node->append_conf('postgresql.conf', 'pgbeam.proxy_port = 6432');
	$node->reload;
	$node->poll_query_until('postgres', q{SELECT current_setting('pgbeam.proxy_port') = '6432'});
});
like($log, qr/parameter "pgbeam\.proxy_port" changed to "6432"/, 'a changed setting is logged');

# Attacks. The postmaster must be the same all along, except when a backend is
# killed, and nothing may get through.
my $start = -s $node->logfile;
my $postmaster = value($node, 'SELECT pg_postmaster_start_time()');
my $alive = sub {
	my ($name) = @_;

	is(value($node, 'SELECT pg_postmaster_start_time()'), $postmaster, "$name: the server stays up");
	# When memory has run out, the server prints statistics about it, which are
	# not a message.
	my $part = slurp_file($node->logfile, $start) =~ s/^ *CachedPlan(?:Source|Query)?: .*//mgr;
	$start = -s $node->logfile;
	ok($part !~ $leak, "$name: nothing gets through")
	  or diag(join '', map { substr($_, 0, 200) . "\n" } grep { /$leak/ } split /\n/, $part);
	unlike($part, qr/PANIC|terminated by signal|TRAP/, "$name: nothing breaks");
};

value($node, <<SQL);
CREATE FUNCTION public.nested(depth integer, body text) RETURNS integer LANGUAGE plpgsql AS \$\$
BEGIN
	RAISE WARNING 'pgbeam.nested % at %', body, depth;
	IF depth = 0 THEN
		PERFORM pgbeam.create_project(body::jsonb);
	END IF;
	RETURN public.nested(depth - 1, body);
EXCEPTION WHEN OTHERS THEN
	RAISE LOG 'pgbeam.nested % caught %', body, SQLERRM;
	BEGIN
		PERFORM body::integer;
	EXCEPTION WHEN invalid_text_representation THEN
		RAISE EXCEPTION 'pgbeam.nested: %', SQLERRM USING DETAIL = body, HINT = body, ERRCODE = 'PB009';
	END;
END \$\$;
SQL
foreach my $level (qw(log debug5 error))
{
	ask($node, "SET client_min_messages = $level; SET log_min_messages = " . ($level eq 'debug5' ? $level : 'warning')
		. "; SELECT public.nested(40, '" . body(',') . "')");
	$alive->("errors in handlers of errors, client_min_messages = $level");
}
ask($node, "SELECT public.nested(1000000, '" . body(',') . "')");
$alive->('a stack that is too deep');

foreach my $size (1 << 13, 1 << 20, 1 << 23)
{
	foreach my $text ("'pgbeam.x $password' || repeat('x', $size)", "repeat('p', $size) || 'pgbeam.x $password'",
		"repeat('pgbeam', $size / 6) || ' request.headers $password'")
	{
		my $raise = sub { "DO \$\$ BEGIN RAISE $_[0] USING MESSAGE = $text, DETAIL = $text, HINT = $text; END \$\$" };

		ask($node, $raise->($_)) foreach 'LOG', 'WARNING', 'EXCEPTION';
	}
	ask($node, "SELECT pgbeam.create_project('" . body(' ' x $size . ',') . "')");
	ask($node, "SELECT pgbeam.create_project('" . body(' ' x $size) . "'), 1 / 0 AS \"$password\"");
	$alive->("texts of $size bytes");
}

# Messages that cannot be sent, because their own conversion fails.
ask($node, "SET client_encoding = 'LATIN1'; DO \$\$ BEGIN RAISE $_ E'\\u20AC pgbeam.x $password'; END \$\$")
  foreach 'WARNING', 'EXCEPTION';
ask($node, "SET client_encoding = 'LATIN1'; SELECT E'\\u20AC $password'::jsonb, pgbeam.typeid('x')");
$alive->('messages that cannot be converted');

# Processes that are terminated from outside, at the level FATAL.
foreach my $how ('pg_terminate_backend', 'pg_cancel_backend')
{
	my $victim = session($node, 'boss');
	my $pid = value($victim, 'SELECT pg_backend_pid()');

	$victim->query_until(qr/sent/, "\\echo sent\nSELECT pg_sleep(600), '$password', pgbeam.typeid('x');\n");
	$node->poll_query_until('postgres', "SELECT wait_event = 'PgSleep' FROM pg_stat_activity WHERE pid = $pid");
	value($node, "SELECT $how($pid)");
	$node->poll_query_until('postgres',
		"SELECT count(*) = 0 FROM pg_stat_activity WHERE pid = $pid AND wait_event = 'PgSleep'");
	$how eq 'pg_cancel_backend' ? $victim->quit : $victim->{run}->finish;
}
like(slurp_file($node->logfile, $start), qr/57P01 FATAL:  terminating connection/, 'the end of a process is logged as it is');
$alive->('processes that are ended');

# Workers tell their leader, who tells the client.
my $parallel = $node->pg_version >= 16 ? 'debug_parallel_query' : 'force_parallel_mode';
ask($node, "SET $parallel = on; SELECT '$password', pgbeam.typeid('x'), "
	. "(SELECT sum(1 / (relpages - relpages)) FROM pg_class)");
$alive->('parallel workers');

# Real shortage of memory.
SKIP:
{
	skip 'no prlimit', 4 if system('prlimit --version > /dev/null 2>&1') != 0;
	my %states;

	foreach my $room (0, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64)
	{
		my $poor = session($node);
		my $pid = value($poor, 'SELECT pg_backend_pid()');

		ask($poor, "SELECT pgbeam.create_project('" . body(',') . "')");
		my ($size) = slurp_file("/proc/$pid/status") =~ /^VmSize:\s+(\d+) kB/m;
		system('prlimit', '--pid', $pid, '--as=' . 1024 * ($size + 256 * $room)) == 0 or die 'prlimit';
		foreach my $level ('LOG', 'WARNING', 'EXCEPTION')
		{
			foreach my $length (1 << 10, 1 << 16, 1 << 20, 1 << 22)
			{
				my $out = ask($poor, "DO \$\$ DECLARE b text := repeat('$password pgbeam.x', $length / 28); "
					. "BEGIN RAISE $level USING MESSAGE = b, DETAIL = b, HINT = b; END \$\$");
				$states{ $out->{state} }++;
			}
		}
		is(value($poor, 'SELECT 1'), 1, "with $room * 256 kB the session goes on");
		# If even a handler of PL/pgSQL cannot begin, the session ends, but not
		# the server.
		eval {
			ask($poor, "SELECT public.nested(20, '" . body(',') . "'), pgbeam.typeid('x')");
			$poor->quit;
		};
	}
	note('out of memory: ' . join ', ', map { "$_ $states{$_} times" } sort keys %states);
	ok($states{'53200'}, 'memory did run out');
	$alive->('out of memory');
}

# The guard goes on and off under load.
my @sessions = map { session($node, 'boss') } 1 .. 3;
foreach my $round (1 .. 10)
{
	set_guard($node, $round % 2 ? 'off' : 'on');
	ask($_, "SELECT pgbeam.create_projekt('{}')") foreach @sessions;
}
$_->quit foreach @sessions;
$start = -s $node->logfile;
$alive->('on and off');

# Backends that are killed while they work. The server starts again, and logs
# nothing of the request.
foreach my $round (1 .. 5)
{
	run_killed("SELECT BODY, pgbeam.typeid('x'), pg_sleep(600)", body(''));
}
my $part = slurp_file($node->logfile, $start);
is(() = $part =~ /was terminated by signal 9/g, 5, 'five processes were killed');
unlike($part, $leak, 'and nothing is told of what they ran');
is(value($node, "SELECT count(*) > 0 FROM pgbeam.projects"), 't', 'the server is there');

# A library that judges statements is shown those that insert rows: only they
# ask the foreign key.
value($node, <<'SQL');
CREATE FUNCTION public.scans() RETURNS bigint LANGUAGE sql AS $$
	SELECT sum(pg_stat_get_xact_numscans(relation)) FROM unnest('{pgbeam.projects, pgbeam.projects_pkey, pgbeam.projects_id_idx}'::regclass[]) AS relation
$$;
CREATE FUNCTION public.asks_foreign_key() RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	before CONSTANT bigint := public.scans();
BEGIN
	PERFORM pgbeam.create_project(jsonb_build_object('org_id', 'acme', 'name', gen_random_uuid(), 'database',
		jsonb_build_object('host', 'h', 'port', 1, 'name', 'd', 'username', 'u', 'password', md5(random()::text))));
	RETURN public.scans() > before;
END $$
SQL
is(value($node, 'SELECT public.asks_foreign_key()'), $has{pgaudit} ? 't' : 'f', 'statements are shown to whoever judges them');
$node->stop;

# The same in every format of the log, and without preloading.
my $collected = set_up('formats', $keyring, <<CONF);
shared_preload_libraries = 'pgbeam'
logging_collector = on
log_destination = 'stderr,csvlog,jsonlog'
log_statement = all
pgbeam.log_guard = on
CONF

# The collector outlives the server that it listens to.
sub has_all
{
	my ($file) = @_;

	return slurp_file($file) =~ /database system is shut down/;
}

sub collected
{
	my $text = '';

	foreach my $file (glob($collected->data_dir . '/log/*'))
	{
		for (my $tries = 0; !has_all($file) && $tries < 1000; $tries++) { select undef, undef, undef, 0.02 }
		like(slurp_file($file), $withheld, 'there is a substitute in ' . $file =~ s/.*\.//r);
		$text .= slurp_file($file);
	}
	return $text;
}
ask($collected, "SELECT pgbeam.create_project('" . body($_) . "')") foreach '', ',';
ask($collected, "DO \$\$ BEGIN RAISE WARNING 'pgbeam.x %', repeat('$password', 1000000); END \$\$");
ask($collected, 'SELECT 1 AS shown');
$collected->stop;
my $text = collected();
unlike($text, $leak, 'no format of the log holds the password');
is(() = $text =~ /SELECT 1 AS shown/g, 3, 'each holds what is no request');

my $without = set_up('without', $keyring, "pgbeam.log_guard = on\n");
$got = ask($without, "SELECT pgbeam.typeid('x') IS NOT NULL, current_setting('pgbeam.log_guard')");
like($got->{err}, qr/WARNING:  01000: pgbeam\.log_guard has no effect without preloading/, 'without preloading it says so');
like($got->{out}, qr/t\|off/, 'and is off');
is(ask($without, "SELECT pgbeam.typeid('x') IS NULL; ALTER SYSTEM SET pgbeam.log_guard = on")->{state}, '00000',
	'which can be prepared for');
like(value($without, 'SELECT mend FROM pgbeam.check_configuration() WHERE setting = $$shared_preload_libraries$$'),
	qr/^ALTER SYSTEM SET shared_preload_libraries = 'pgbeam'$/, 'the check tells');

# Its statements run in a session that has not loaded the library, also for
# settings that no file has.
$without->adjust_conf('postgresql.conf', 'pgbeam.log_guard', undef);
$without->restart;
my $jwks = '{"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "k", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}';
foreach my $setting ('pgbeam.log_guard', 'pgbeam.jwt_issuer')
{
	value($without, "SELECT pgbeam.set_jwks('$jwks')") if $setting eq 'pgbeam.jwt_issuer';
	my $mend = value($without, "SELECT mend FROM pgbeam.check_configuration() WHERE setting = '$setting'");
	my $done = ask($without, $mend =~ s/<url>/'https:'/r);
	is($done->{state}, '00000', "in a new session runs: $mend");
	value($without, "LOAD 'pgbeam'; ALTER SYSTEM RESET $setting; TRUNCATE pgbeam.jwks");
}

# Each finding can be mended by its statement, unless that has a word to fill
# in; and there is a configuration without findings.
value($without, <<'SQL');
CREATE ROLE authenticator LOGIN NOINHERIT CREATEROLE BYPASSRLS;
CREATE ROLE anonymous; CREATE ROLE operator; CREATE ROLE proxy;
GRANT anonymous, operator, proxy, pg_read_all_data TO authenticator;
SELECT pgbeam.grant_access('anonymous', 'api'), pgbeam.grant_access('operator', 'admin'), pgbeam.grant_access('proxy', 'data_plane');
GRANT CREATE ON SCHEMA public TO PUBLIC;
GRANT CREATE ON SCHEMA pgbeam TO operator;
GRANT SELECT ON pgbeam.projects TO anonymous;
GRANT SELECT ON pgbeam_admin.projects TO anonymous;
GRANT UPDATE (name) ON pgbeam.projects TO PUBLIC;
GRANT EXECUTE ON FUNCTION pgbeam.create_key() TO operator;
GRANT EXECUTE ON FUNCTION pgbeam.http(text, text, jsonb, bytea) TO PUBLIC;
GRANT USAGE ON SCHEMA pgbeam TO PUBLIC;
GRANT EXECUTE ON FUNCTION pgbeam.reveal_password(text) TO anonymous;
CREATE SCHEMA planted; ALTER SCHEMA planted OWNER TO anonymous;
CREATE FUNCTION planted() RETURNS integer LANGUAGE sql SECURITY DEFINER RETURN 1; ALTER FUNCTION planted() OWNER TO anonymous;
CREATE TABLE public.owned (); ALTER TABLE public.owned OWNER TO anonymous;
ALTER ROLE authenticator SET log_statement = 'all';
ALTER ROLE anonymous IN DATABASE postgres SET log_executor_stats = true;
ALTER DATABASE postgres SET log_min_duration_statement = 0;
ALTER ROLE ALL SET log_planner_stats = on;
ALTER ROLE authenticator SET pgrst.openapi_mode = 'follow-privileges';
ALTER ROLE authenticator SET pgrst.jwt_secret = 'a secret that is thirty-two bytes';
ALTER ROLE authenticator SET default_transaction_isolation = 'serializable';
SQL
$without->append_conf('postgresql.conf', <<'CONF');
pgbeam.trust_request_claims = on
pgbeam.jwt_leeway = 61
pgbeam.jwt_max_lifetime = 901
synchronous_commit = off
full_page_writes = off
CONF
$without->restart;
my $check = 'SELECT setting, value, mend FROM pgbeam.check_configuration() ORDER BY 1, 2, 3';
my $found = value($without, $check);
note($found);
foreach my $subject (qw(fsync full_page_writes synchronous_commit pgbeam.trust_request_claims pgbeam.jwt_leeway
	pgbeam.jwt_max_lifetime shared_preload_libraries log_statement log_executor_stats log_min_duration_statement
	log_planner_stats pgrst.openapi_mode pgrst.jwt_secret default_transaction_isolation),
	'role authenticator|BYPASSRLS', 'role authenticator|CREATEROLE', 'role authenticator|admin',
	'role authenticator|data_plane', 'role authenticator|member of pg_read_all_data', 'role anonymous|data_plane',
	'role anonymous|owner of 2 relations and functions', 'schema public|CREATE to PUBLIC', 'schema planted|CREATE to anonymous',
	'schema pgbeam|CREATE to operator', 'TABLE pgbeam.projects|SELECT to anonymous', 'role anonymous|views of pgbeam_admin',
	'TABLE pgbeam.projects|UPDATE (name) to PUBLIC', 'FUNCTION pgbeam.create_key()|EXECUTE to operator',
	'FUNCTION pgbeam.http(text,text,jsonb,bytea)|EXECUTE to PUBLIC', 'SCHEMA pgbeam|USAGE to PUBLIC')
{
	like($found, qr/^\Q$subject\E\|/m, "the check finds $subject");
}
like($found, qr/^role authenticator\|.*log_min_error_statement = error/m, 'and what the log would get of a role, whoever calls the check');
unlike($found, qr/thirty-two/, 'it does not show a secret');

# Words in <> are filled in. A superuser must not become the owner of what the
# role made, because it runs with its owner's rights.
value($without, 'CREATE ROLE attic; CREATE ROLE pgbeam_owner');
my $rounds = 0;
while ($found ne '' && $rounds++ < 4)
{
	foreach my $mend (split /\n/, value($without, q{SELECT DISTINCT replace(mend, E'\n', ' ') FROM pgbeam.check_configuration()}))
	{
		my $done = ask($without, $mend =~ s/<role without rights>/attic/r =~ s/<role of its own>/pgbeam_owner/r);
		is($done->{state}, '00000', "it runs: $mend");
	}
	$without->restart;
	$found = value($without, $check);
}
is($found, '', "mending what it finds leaves nothing, in $rounds rounds");
is(value($without, "SELECT proowner::regrole FROM pg_proc WHERE proname = 'planted'"), 'attic', 'nor gives it to a superuser');

# Keys and tokens.
value($without, "ALTER SYSTEM SET pgbeam.jwt_issuer = 'https://auth.example.com'");
$without->reload;
$without->poll_query_until('postgres', q{SELECT current_setting('pgbeam.jwt_issuer', true) <> ''});
like(value($without, $check), qr/^pgbeam\.jwt_issuer\|https:[^\n]*\|SELECT pgbeam\.set_jwks\([^\n]*$/, 'an issuer without keys');
value($without, "SELECT pgbeam.set_jwks('$jwks')");
is(value($without, $check), '', 'with keys');
value($without, 'ALTER SYSTEM RESET pgbeam.jwt_issuer');
$without->reload;
$without->poll_query_until('postgres', q{SELECT current_setting('pgbeam.jwt_issuer', true) = ''});
like(value($without, $check), qr/^pgbeam\.jwt_issuer\|\|ALTER SYSTEM SET pgbeam\.jwt_issuer = <url>$/, 'keys without an issuer');
value($without, q{SELECT pgbeam.set_jwks('{"keys": []}')});
make($without, 'kept');
rename $keyring, "$keyring.away" or die "cannot rename: $!";
like(value($without, $check), qr/^key [0-9a-f]{32}\|missing\|.*^pgbeam\.keyring_file\|/ms, 'a keyring that is gone');
rename "$keyring.away", $keyring or die "cannot rename: $!";
is(value($without, $check), '', 'all is well again');

done_testing();
