# The log guard with every library that logs, loaded before it and after it:
# auto_explain, pg_cron, pg_stat_statements, pgaudit. Without the guard each
# statement must put the password into the log, and with it never. Statements
# that are not requests are logged unchanged. A library that is not installed
# is skipped.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use PgbeamTest;
use PostgreSQL::Test::Utils;
use Test::More;

# This password is meant to leak, so it is not the canary.
my $password = 'leaky-password-9Kc4';
my $withheld = qr/withheld by pgbeam\.log_guard/;

my $pkglibdir = `pg_config --pkglibdir`;
chomp $pkglibdir;
my %has = map { $_ => -f "$pkglibdir/$_.so" } qw(auto_explain pg_cron pg_stat_statements pgaudit);
my @others = grep { $has{$_} } sort keys %has;
my $keyring = folder('keys') . '/keyring';
my $n = 0;

my $prepare = 'PREPARE q (jsonb) AS SELECT pgbeam.create_project($1)';
my $create = 'SELECT pgbeam.create_project(BODY)';
my %statements = (
	pgaudit => [
		[ 'literal', $create ],
		[ 'bound', $create ],
		[ 'prepared', $create ],
		[ 'literal', "$prepare; EXECUTE q (BODY)" ],
		[ 'literal', "$prepare; EXPLAIN ANALYZE EXECUTE q (BODY)" ],
		[ 'literal', "$prepare; CREATE TEMP TABLE t AS EXECUTE q (BODY)" ],
		[ 'literal', 'SET search_path = pgbeam; SELECT create_project(BODY)' ],
		[ 'search path', 'SELECT create_project(BODY)' ],
		[ 'literal', 'SELECT public.wrapped(BODY)' ],
		[ 'bound', 'SELECT public.wrapped(BODY)' ],
		[ 'literal', 'SELECT public.inlined(BODY)' ],
		[ 'literal', 'INSERT INTO public.inbox VALUES (BODY)' ],
		[ 'literal', 'DO $$ BEGIN PERFORM pgbeam.create_project(BODY); END $$' ],
		[ 'literal', 'BEGIN; DECLARE c CURSOR FOR SELECT pgbeam.create_project(BODY); FETCH c; COMMIT' ],
		[ 'literal', 'COPY (SELECT pgbeam.create_project(BODY)) TO STDOUT' ] ],
	auto_explain => [
		[ 'literal', $create ],
		[ 'literal', "$prepare; EXECUTE q (BODY)" ],
		[ 'literal', 'SET search_path = pgbeam; SELECT create_project(BODY)' ],
		[ 'literal', 'SELECT public.wrapped(BODY)' ],
		[ 'bound', 'SELECT public.wrapped(BODY)' ],
		[ 'literal', 'INSERT INTO public.inbox VALUES (BODY)' ] ]);
my %settings = (
	pgaudit => "pgaudit.log = 'all'\npgaudit.log_parameter = on\n",
	auto_explain => "auto_explain.log_min_duration = 0\nauto_explain.log_verbose = on\n",
	pg_cron => "cron.database_name = 'postgres'\n",
	pg_stat_statements => "pg_stat_statements.track = all\n");

sub body
{
	my ($end) = @_;

	$n++;
	return qq({"name": "p$n", "org_id": "acme", "database": {"host": "db.example.com", "port": 5432, )
	  . qq("name": "app", "username": "app", "password": "$password"@{[ $end // '' ]}}});
}

sub run
{
	my ($node, $way, $sql) = @_;
	my $body = body();

	if ($way eq 'literal')
	{
		ask($node, $sql =~ s/BODY/'$body'/r, role => 'boss');
		return;
	}
	value($node, 'ALTER ROLE boss SET search_path = pgbeam') if $way eq 'search path';
	ask_bound($node, $sql =~ s/BODY/VALUE/r, $body, role => 'boss', mode => $way eq 'prepared' ? 'prepared' : 'extended');
	value($node, 'ALTER ROLE boss RESET search_path') if $way eq 'search path';
	return;
}

sub start
{
	my ($order) = @_;
	my @libraries = $order eq 'first' ? ('pgbeam', @others) : (@others, 'pgbeam');
	my $node = new_cluster($order, "pgbeam.keyring_file = '$keyring'\n"
		. "shared_preload_libraries = '" . join(', ', @libraries) . "'\n" . join('', map { $settings{$_} } @others));

	value($node, <<'SQL');
CREATE EXTENSION pgbeam;
CREATE ROLE boss LOGIN;
SELECT pgbeam.grant_access('boss', 'admin'), pgbeam.set_organization('acme');
CREATE FUNCTION public.wrapped(body text) RETURNS json LANGUAGE plpgsql AS $$ BEGIN RETURN pgbeam.create_project(body::jsonb); END $$;
CREATE FUNCTION public.inlined(body text) RETURNS json LANGUAGE sql BEGIN ATOMIC SELECT pgbeam.create_project(body::jsonb); END;
CREATE FUNCTION public.on_inbox() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pgbeam.create_project(NEW.body::jsonb); RETURN NEW; END $$;
CREATE TABLE public.inbox (body text);
CREATE TRIGGER t BEFORE INSERT ON public.inbox FOR EACH ROW EXECUTE FUNCTION public.on_inbox();
GRANT ALL ON ALL TABLES IN SCHEMA public TO boss;
SQL
	value($node, 'SELECT pgbeam.create_key()') unless -f $keyring;
	return $node;
}

sub set_guard
{
	my ($node, $value) = @_;

	value($node, "ALTER SYSTEM SET pgbeam.log_guard = $value");
	$node->restart;
	return;
}

# How many lines of the log have the password.
sub leaks
{
	my ($log) = @_;

	return scalar grep { /\Q$password\E/ } split /\n/, $log;
}

# Each library on its own, so that none hides another's leak.
sub alone
{
	my ($node, $library, $code) = @_;
	my %off = (pgaudit => 'pgaudit.log = none', auto_explain => 'auto_explain.log_min_duration = -1');

	value($node, "ALTER ROLE boss SET $off{$_}") foreach grep { $_ ne $library and $has{$_} } keys %off;
	my $log = log_since($node, $code);
	value($node, 'ALTER ROLE boss RESET ALL');
	return $log;
}

sub check_library
{
	my ($node, $order, $guard, $library) = @_;

	foreach my $statement (@{ $statements{$library} })
	{
		my ($way, $sql) = @$statement;
		my $log = alone($node, $library, sub { run($node, $way, $sql) });
		my $name = "$library, pgbeam loaded $order, guard $guard: $sql, $way";

		if ($guard eq 'off') { cmp_ok(leaks($log), '>', 0, $name) }
		else
		{
			is(leaks($log), 0, $name);
			like($log, $withheld, "$name: something is withheld");
		}
	}
	return;
}

# Statements that are not requests, and how their lines begin.
sub check_others
{
	my ($node, $order) = @_;

	if ($has{pgaudit})
	{
		my $log = alone($node, 'pgaudit', sub {
			ask($node, "SELECT pgbeam.list_projects('acme'); SELECT 17 AS shown; PREPARE s AS SELECT 18; EXECUTE s", role => 'boss');
		});
		like($log, qr/AUDIT: SESSION,\d,1,READ,SELECT,,,SELECT 17 AS shown/, "pgaudit, pgbeam loaded $order: another statement is audited");
		like($log, qr/AUDIT: SESSION,\d,\d,MISC,EXECUTE,,,EXECUTE s/, "pgaudit, pgbeam loaded $order: another EXECUTE is audited");
	}
	if ($has{auto_explain})
	{
		my $log = alone($node, 'auto_explain', sub {
			ask($node, "SELECT pgbeam.list_projects('acme'); SELECT 17 AS shown", role => 'boss');
		});
		like($log, qr/Query Text: SELECT 17 AS shown/, "auto_explain, pgbeam loaded $order: another statement is explained");
	}
	return;
}

# Jobs that run once at each start of the server.
my @jobs = (
	$create =~ s/BODY/body()/er,
	$create =~ s/BODY/body(',')/er,
	'SELECT /* ' . 'x' x 80 . ' */ pgbeam.create_project(BODY)' =~ s/BODY/body(',')/er,
	'SELECT pgbeam.create_project(NULL), CAST(BODY AS integer)' =~ s/BODY/body()/er,
	'SET search_path = pgbeam; SELECT create_project(BODY)' =~ s/BODY/body()/er,
	"SELECT 'pbo_0$password'",
	"SELECT set_config('request.headers', '$password', true)",
	'SELECT 1 / 0 AS shown',
	'SELECT 17 AS shown');
s/create_project\((\{.*\})\)/create_project('$1')/s, s/CAST\((\{.*\}) AS/CAST('$1' AS/s foreach @jobs;

sub run_jobs
{
	my ($node, $in_workers) = @_;

	value($node, "ALTER SYSTEM SET cron.use_background_workers = $in_workers");
	value($node, 'TRUNCATE cron.job_run_details');
	return log_since($node, sub {
		$node->restart;
		$node->poll_query_until('postgres', 'SELECT count(*) = ' . @jobs
			. q{ FROM cron.job_run_details WHERE status IN ('succeeded', 'failed')})
		  or die 'the jobs have not run';
		# The launcher notes the end of a job, and then logs it.
		wait_for_quiet($node);
	});
}

sub wait_for_quiet
{
	my ($node) = @_;
	my $size = -1;

	while ($size != -s $node->logfile)
	{
		$size = -s $node->logfile;
		select undef, undef, undef, 0.5;
	}
	return;
}

sub check_jobs
{
	my ($node, $order, $guard) = @_;

	foreach my $in_workers ('off', 'on')
	{
		my $log = run_jobs($node, $in_workers);
		my $name = "pg_cron, pgbeam loaded $order, guard $guard, background workers $in_workers";

		if ($guard eq 'off') { cmp_ok(leaks($log), '>=', 6, $name) }
		else
		{
			is(leaks($log), 0, $name);
			like($log, $withheld, "$name: something is withheld");
		}
		like($log, qr/cron job \d+ starting: SELECT 17 AS shown/, "$name: another job is logged");
		like($log, qr/cron job \d+ (COMMAND )?completed: /, "$name: its end is logged");
		like($log, qr/division by zero/, "$name: the error of another job is logged");
	}
	return;
}

foreach my $order (qw(last first))
{
	my $node = start($order);

	if ($has{pg_cron})
	{
		value($node, 'CREATE EXTENSION pg_cron');
		foreach my $job (@jobs)
		{
			my $text = $job =~ s/'/''/gr;

			value($node, "SELECT cron.schedule('\@reboot', '$text')");
		}
		value($node, "UPDATE cron.job SET nodename = '" . $node->host . "'");
	}
	foreach my $guard (qw(off on))
	{
		set_guard($node, $guard);
		foreach my $library (qw(auto_explain pgaudit))
		{
			SKIP:
			{
				skip "$library is not installed", 1 unless $has{$library};
				check_library($node, $order, $guard, $library);
			}
		}
		SKIP:
		{
			skip 'pg_cron is not installed', 1 unless $has{pg_cron};
			check_jobs($node, $order, $guard);
		}
	}
	check_others($node, $order);
	SKIP:
	{
		skip 'pg_stat_statements is not installed', 1 unless $has{pg_stat_statements};
		value($node, 'CREATE EXTENSION pg_stat_statements');
		value($node, 'SELECT pg_stat_statements_reset()');
		run($node, 'literal', $create);
		run($node, 'bound', $create);
		is(value($node, "SELECT count(*) FROM pg_stat_statements WHERE query LIKE '%$password%'"), 0,
			"pg_stat_statements, pgbeam loaded $order, keeps no literal of a plain statement");
	}
	is(value($node, 'SELECT count(*) > 0 FROM pgbeam.projects'), 't', "pgbeam loaded $order: the requests were served")
	  if @others;
	$node->stop;
}

done_testing();
