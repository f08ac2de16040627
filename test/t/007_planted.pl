# Operators, functions, types and tables that somebody planted in the caller's
# search path are never used: not by our statements, and not by users' triggers
# that fire with our rights.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use JSON::PP;
use PgbeamTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = set_up('main', folder('keys') . '/keyring');
my ($project, $database) = make($node, 'first');

# A trigger as users write them. It leaves a trace, so that we know it fired.
value($node, <<'SQL');
CREATE SCHEMA ops;
CREATE TABLE ops.seen (what text);
CREATE FUNCTION ops.watch() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
	size int4 := char_length(NEW.org_id);
BEGIN
	IF NEW.org_id = 'x' OR NEW.org_id <> NEW.org_id OR NEW.org_id ~ '^y' OR size > 9
		OR coalesce(size, 0) < 0 OR now() < '2000-01-01'::timestamptz
		OR (SELECT count(*) FROM pgbeam.projects) > 1000 THEN
		RAISE 'odd';
	END IF;
	INSERT INTO ops.seen VALUES (TG_WHEN || ' ' || TG_TABLE_NAME);
	RETURN NEW;
END $$;
SQL
foreach my $table (qw(hosts projects databases))
{
	value($node, "CREATE TRIGGER w$_ $_ INSERT OR UPDATE ON pgbeam.$table "
		  . 'FOR EACH ROW EXECUTE FUNCTION ops.watch()')
	  foreach qw(BEFORE AFTER);
}

value($node, <<'SQL');
CREATE ROLE mallory LOGIN; CREATE ROLE boss LOGIN;
SELECT pgbeam.grant_access('boss', 'admin');
GRANT CREATE ON SCHEMA public TO mallory, boss;
CREATE SCHEMA evil AUTHORIZATION mallory;
GRANT USAGE ON SCHEMA evil TO PUBLIC;
CREATE SEQUENCE public.calls; GRANT ALL ON SEQUENCE public.calls TO PUBLIC;
SQL

# The planted objects: operators by their types, functions by arguments and
# result, casts, types. An expression that would use one is its bait.
my @operators = (
	(map { my $type = $_; map { [ $_, $type, $type ] } qw(= <> < <= > >=) }
		  qw(text varchar uuid int4 int8 timestamptz bytea bool name oid)),
	(map { [ $_, 'text', 'text' ] } qw(~ !~ ~~ !~~)),
	(map { [ $_, 'int8', 'int4' ] } qw(= < >)),
	[ '=', 'name', 'text' ]);
my @functions = (
	[ 'char_length', 'text', 'int4' ], [ 'length', 'text', 'int4' ], [ 'length', 'bytea', 'int4' ],
	[ 'cardinality', 'text[]', 'int4' ], [ 'now', '', 'timestamptz' ], [ 'lower', 'text', 'text' ],
	[ 'encode', 'bytea, text', 'text' ], [ 'substr', 'bytea, int4, int4', 'bytea' ]);
my @casts = ([ 'uuid', 'text' ], [ 'text', 'uuid' ], [ 'int4', 'text' ], [ 'timestamptz', 'text' ]);
my @types = qw(text uuid int4 int8 bytea timestamptz jsonb);

sub in_catalog
{
	return join ', ', map { "pg_catalog.$_" } split /, /, shift;
}

sub trap
{
	my ($schema, $name, $arguments, $result) = @_;

	$arguments = in_catalog($arguments);
	return <<SQL;
CREATE FUNCTION $schema.$name($arguments) RETURNS pg_catalog.$result LANGUAGE plpgsql AS \$\$
BEGIN PERFORM pg_catalog.nextval('public.calls'); RETURN NULL; END \$\$;
SQL
}

sub traps
{
	my ($schema) = @_;
	my $sql = '';
	my %seen;

	foreach (@operators)
	{
		my ($name, $left, $right) = @$_;

		$sql .= trap($schema, 'trap', "$left, $right", 'bool') unless $seen{"$left, $right"}++;
		$sql .= "CREATE OPERATOR $schema.$name (LEFTARG = pg_catalog.$left,"
		  . " RIGHTARG = pg_catalog.$right, FUNCTION = $schema.trap);\n";
	}
	$sql .= trap($schema, @$_) foreach @functions;
	$sql .= trap($schema, 'counted', 'int8', 'int8')
	  . "CREATE AGGREGATE $schema.count(*) (sfunc = $schema.counted, stype = pg_catalog.int8);\n";
	foreach (@types)
	{
		$sql .= trap($schema, 'checked', $_, 'bool')
		  . "CREATE DOMAIN $schema.$_ AS pg_catalog.$_ CHECK ($schema.checked(VALUE));\n";
	}
	$sql .= "CREATE TABLE $schema.$_ (id pg_catalog.uuid, org_id pg_catalog.text, host pg_catalog.text);\n"
	  foreach qw(projects databases organizations hosts);
	return $sql;
}

sub baits
{
	my $null = sub { join ', ', map { "NULL::$_" } split /, /, in_catalog(shift) };

	return map({ $null->($_->[1]) . " $_->[0] " . $null->($_->[2]) } @operators),
	  map({ "$_->[0](" . ($_->[1] eq '' ? '' : $null->($_->[1])) . ')' } @functions),
	  map({ $null->($_->[0]) . "::pg_catalog.$_->[1]" } @casts), 'count(*)';
}

sub calls
{
	return value($node, "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM public.calls;"
		  . "SELECT FROM setval('public.calls', 1, false)");
}

my $report = JSON::PP->new->canonical->encode([ map { {
	database_id => $database, query_hash => $_, normalized_sql => 'SELECT 1', query_type => 'read', call_count => 1, avg_latency_ms => 1,
	p95_latency_ms => 1, avg_response_bytes => 1, stability_rate => 1, seen_at => '2001-01-01T00:00:00Z' } } qw(a1b2c3d4e5f60718 b1b2c3d4e5f60718) ]);
value($node, "SELECT pgbeam.report_queries('$report')");

# Calls all our functions, those for superusers too if this role is one.
# Returns those that failed.
my $round = 0;

sub failures
{
	my ($where, $super) = @_;
	my ($made, $made_database) = make($where, 'round ' . ++$round);
	my @calls = (
		"get_project('$made')", "get_database('$made', '$made_database')",
		q(set_organization('acme', '{"plan": "enterprise", "max_projects": 1000}')), "delete_project('$made')",
		"typeid_timestamp('$made')", "typeid_decode('$made')",
		"typeid_encode('x', pgbeam.typeid_decode('$made'))", "typeid('x')",
		"list_cache_rules('$project', '$database')",
		"update_cache_rule('$project', '$database', 'a1b2c3d4e5f60718', '{\"cache_enabled\": true, \"cache_ttl_seconds\": $round}')",
		'fields()', 'keyring()', 'key_status()');

	push @calls, 'create_key()', "grant_access('boss', 'admin')", "reveal_password('$database')", "report_queries('$report')"
	  if $super;
	# create_key() has a notice for other sessions.
	return join "\n", grep { /ERROR/ } map { ask($where, "SELECT FROM pgbeam.$_")->{err} } @calls;
}

value($node, traps($_), role => 'mallory') foreach qw(evil public);
foreach (@casts)
{
	my ($from, $to) = @$_;

	value($node, trap('evil', "cast_$from", $from, $to)
		  . "CREATE CAST (pg_catalog.$from AS pg_catalog.$to) WITH FUNCTION evil.cast_$from");
}
my $boss = session($node, 'boss');
is(failures($boss), '', 'our functions work; their plans are kept');
value($boss, traps('pg_temp'));
calls();

# The traps work; otherwise the rest would show nothing.
my @baits = baits();
foreach my $schema (qw(evil public))
{
	value($boss, "SET search_path = $schema, pg_catalog");
	value($boss, "SELECT $_") foreach @baits;
	is(calls(), scalar @baits, "$schema: every operator, function and cast is a trap");
}
foreach my $schema (qw(evil public pg_temp))
{
	value($boss, "SET search_path = $schema, pg_catalog");
	ask($boss, "SELECT NULL::$_") foreach @types;
	is(calls(), scalar @types, "$schema: so is every type");
	isnt(ask($boss, "SELECT FROM $_")->{state}, '42P01', "$schema has $_")
	  foreach qw(projects databases);
	calls();
}

foreach my $path ('evil, pg_catalog', 'public, evil, pg_catalog', 'pg_temp, public, evil, pg_catalog')
{
	value($boss, "SET search_path = $path");
	is(failures($boss), '', "plans kept before the path was $path");
	value($boss, 'DISCARD PLANS');
	is(failures($boss), '', "plans made again under $path");
	value($node, 'ANALYZE pgbeam.projects, pgbeam.databases, pgbeam.hosts, pgbeam.organizations');
	is(failures($boss), '', "and again after what they rest on changed");

	foreach my $role (undef, 'boss')
	{
		my $fresh = session($node, $role);

		value($fresh, "SET search_path = $path");
		is(failures($fresh, !defined $role), '', "plans first made under $path");
		$fresh->quit;
	}
	is(calls(), 0, "nothing planted in $path was called");
}
is(value($boss, join ' UNION ALL ', map { "SELECT id FROM pg_temp.$_" }
		  qw(projects databases organizations hosts)), '', 'temporary tables of our names are empty');
$boss->quit;

is(value($node, 'SELECT string_agg(DISTINCT what, $$, $$) FROM ops.seen'),
	'AFTER databases, AFTER hosts, AFTER projects, BEFORE databases, BEFORE hosts, BEFORE projects',
	'all triggers fired');

# The second wall: our statements name their schemas, so even without the
# pinned path nothing is captured. key_status() is SQL text, and has only the
# first wall.
value($node, 'DROP FUNCTION ops.watch() CASCADE');
value($node, <<'SQL');
DO $$
DECLARE f regprocedure;
BEGIN
	FOR f IN SELECT oid FROM pg_proc
		WHERE pronamespace = 'pgbeam'::regnamespace AND proname <> 'key_status'
	LOOP
		EXECUTE format('ALTER FUNCTION %s RESET ALL', f);
	END LOOP;
END $$
SQL
foreach my $role (undef, 'boss')
{
	my $fresh = session($node, $role);

	value($fresh, 'SET search_path = evil, pg_catalog');
	is(failures($fresh, !defined $role), '', 'without a pinned path');
	is(calls(), 0, 'our own statements call nothing planted');
	$fresh->quit;
}

done_testing();
