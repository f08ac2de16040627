# The copy of a region: what pgbeam.publication_statements() prints is run, as
# it is, on two servers. The copy has no extension. It gets the rows of its
# organizations with every insert, update and delete, no others, and no secret.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use JSON::PP;
use PgbeamTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $publisher = set_up('publisher', folder('keys') . '/keyring',
	"wal_level = logical\nmax_wal_senders = 10\nmax_replication_slots = 10\n");
my $copy = new_cluster('copy', "max_worker_processes = 16\n");
my $odd = q{it's $do$ "x" \\ y};
my $odd_literal = q{'it''s $do$ "x" \\ y'};

value($copy, 'CREATE DATABASE region');

sub there { return value($copy, shift, db => 'region') }

# Everything that an organization can have.
my $hash = '00f1c3a5b7d90246';

sub report
{
	my ($database, $calls) = @_;

	return value($publisher, <<SQL);
SELECT pgbeam.report_queries(jsonb_build_array(jsonb_build_object('database_id', '$database', 'query_hash', '$hash',
	'normalized_sql', 'SELECT 1', 'query_type', 'read', 'call_count', $calls, 'avg_latency_ms', 1,
	'p95_latency_ms', 1, 'avg_response_bytes', 1, 'stability_rate', 1, 'seen_at', now())))
SQL
}

sub furnish
{
	my ($org, $domain) = @_;
	(my $literal = $org) =~ s/'/''/g;

	value($publisher, qq(SELECT pgbeam.set_organization('$literal', '{"plan": "scale"}')));
	value($publisher, "SELECT pgbeam.set_member('$literal', 'anna', 'admin')");
	value($publisher, "SELECT id FROM pgbeam.create_api_key(org_id => '$literal')");
	my ($project, $database) = make($publisher, 'first', org_id => $org);
	my $replica = value($publisher, qq(SELECT pgbeam.create_replica('$database', '{"host": "db.example.com", "port": 5432}') ->> 'id'));
	value($publisher, qq(SELECT pgbeam.create_custom_domain('$project', '{"domain": "$domain"}')));
	value($publisher, "SELECT pgbeam.report_connection_test('$database', true, 1)");
	report($database, 1);
	return ($project, $database, $replica);
}

my ($project, $database, $replica) = furnish('acme', 'db.acme.example');
my (undef, $strange) = furnish($odd, 'db.odd.example');
my ($far) = furnish('globex', 'db.globex.example');

# Runs statements, each where it belongs. Only the host is filled in.
sub carry_out
{
	my ($call, @steps) = @_;
	my $rows = decode_json(value($publisher, "SELECT json_agg(s) FROM $call AS s"));
	my $host = 'host=' . $publisher->host . ' port=' . $publisher->port;

	foreach my $row (grep { my $step = $_->{step}; !@steps || grep { $_ == $step } @steps } @$rows)
	{
		$row->{statement} =~ s/host=<publisher> sslmode=verify-full/$host/;
		$row->{server} eq 'copy' ? there($row->{statement}) : value($publisher, $row->{statement});
	}
	return;
}

my $synced = q{SELECT count(*) > 0 AND bool_and(srsubstate = 'r') FROM pg_subscription_rel};

carry_out("pgbeam.publication_statements(ARRAY['acme', $odd_literal])");
ok($copy->poll_query_until('region', $synced), 'the copy is made');

# The rows of a table, for organizations, without secrets, in any order.
sub rows_of
{
	my ($table, @orgs) = @_;
	my $in = join ', ', map { "'" . s/'/''/gr . "'" } @orgs;

	return "SELECT string_agg(r::text, E'\\n' ORDER BY r::text) FROM (SELECT to_jsonb(t) - 'password_sealed' - 'applied' AS r"
	  . " FROM $table AS t" . (@orgs ? " WHERE org_id IN ($in)" : '') . ') AS rows';
}

my @tables = split /\n/, value($publisher, 'SELECT table_name FROM pgbeam.copied_columns() WHERE columns IS NOT NULL');

# Whether the copy has just what the publisher has of these organizations.
sub is_same
{
	my ($what, @orgs) = @_;

	$publisher->wait_for_catchup('pgbeam_copy');
	foreach my $table (@tables)
	{
		is(there(rows_of($table)), value($publisher, rows_of($table, @orgs)), "$what: $table");
	}
	return;
}

is_same('at first', 'acme', $odd);
is(there("SELECT count(*) FROM $_ WHERE org_id NOT IN ('acme', $odd_literal)"), '0', "no other organization's rows in $_")
  foreach @tables;
is(there("SELECT count(*) > 0 FROM $_ WHERE org_id = $odd_literal"), 't', "an odd organization's rows in $_") foreach @tables;

# What is not there.
is(there(q{SELECT string_agg(oid::regclass::text, ' ' ORDER BY oid::regclass::text) FROM pg_class WHERE relnamespace = 'pgbeam'::regnamespace AND relkind NOT IN ('i')}),
	join(' ', sort @tables), 'no other tables');
is(there(q{SELECT count(*) FROM pg_attribute WHERE attrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'pgbeam'::regnamespace) AND atttypid = 'bytea'::regtype}),
	'0', 'no column for a secret');
my $dump = folder('dump') . '/dump';
$copy->command_ok([ 'pg_dump', '-f', $dump, '-d', $copy->connstr('region') ], 'dump of the copy');
my $dumped = slurp_file($dump);
unlike($dumped, qr/\Q$_\E/, 'no sealed password stands in it')
  foreach split /\n/, value($publisher, q{SELECT encode(password_sealed, 'hex') FROM pgbeam.databases});
unlike($dumped, qr/globex/, 'nor another organization');

# The role of the copy reads what is published, and no secret.
is(ask($publisher, 'SELECT count(*) FROM pgbeam.databases', role => 'pgbeam_copy')->{state}, '00000', 'its role counts databases');
is(ask($publisher, "SELECT $_", role => 'pgbeam_copy')->{state}, '42501', "its role may not: $_")
  foreach 'password_sealed FROM pgbeam.databases', '* FROM pgbeam.databases', 'id FROM pgbeam.api_keys', 'host FROM pgbeam.hosts',
  "pgbeam.reveal_password('$database')";

# Everything that can happen to rows.
value($publisher, <<SQL);
SELECT pgbeam.update_project('$project', '{"name": "renamed", "allowed_cidrs": [{"cidr": "10.0.0.0/8"}]}');
SELECT pgbeam.update_database('$project', '$database', jsonb_build_object('host', 'other.example.com', 'password', :'password'));
SELECT pgbeam.update_cache_rule('$project', '$database', '$hash', '{"cache_enabled": false}');
SELECT pgbeam.delete_replica('$database', '$replica');
SELECT pgbeam.set_organization('acme', '{"plan": "enterprise"}');
SELECT pgbeam.suspend_organization('acme');
SQL
report($strange, 1000);
my ($gone) = make($publisher, 'gone');
is_same('updated', 'acme', $odd);
is(there("SELECT host || ' ' || password_generation FROM pgbeam.databases WHERE org_id = 'acme' AND host = 'other.example.com'"),
	'other.example.com 2', 'a changed password is told, not shown');
value($publisher, <<SQL);
SELECT pgbeam.delete_project('$gone');
SELECT pgbeam.delete_project('$project');
DELETE FROM pgbeam.changes WHERE action = 'created' AND resource = 'replica';
DELETE FROM pgbeam.custom_domains WHERE org_id = 'acme';
SQL
is_same('deleted', 'acme', $odd);
is(there("SELECT count(*) FROM pgbeam.cache_rules WHERE org_id = 'acme'"), '0', 'rows that are deleted for good are gone');

# The feed of the copy. Of two transactions on the publisher the older commits
# last; a reader gets each change once all the same.
my $next = sub {
	my ($after) = @_;

	return there(<<SQL);
SELECT coalesce(string_agg(detail, ' ' ORDER BY applied, xid, id), '') || '|' || coalesce(max(applied::text::bigint), $after)
FROM pgbeam.changes WHERE applied > '$after' AND applied < pg_snapshot_xmin(pg_current_snapshot())
SQL
};
my $change = sub {
	return "INSERT INTO pgbeam.changes SELECT 'acme', pg_current_xact_id(), gen_random_uuid(), 'project', 'p', 'updated', 'role', 'r', NULL, '$_[0]', now()";
};
my (undef, $mark) = split /\|/, $next->(0);
my $older = session($publisher);
value($older, 'BEGIN; ' . $change->('1'));
value($publisher, $change->('2'));
$publisher->wait_for_catchup('pgbeam_copy');
(my $got, $mark) = split /\|/, $next->($mark);
is($got, '2', 'the younger transaction, which has committed');
value($older, 'COMMIT');
$publisher->wait_for_catchup('pgbeam_copy');
($got, $mark) = split /\|/, $next->($mark);
is($got, '1', 'then the older one, which is not missed');
is($next->($mark), "|$mark", 'and none twice');
like(there(q{SET enable_seqscan = off; EXPLAIN SELECT FROM pgbeam.changes WHERE applied > '1' ORDER BY applied, xid, id LIMIT 10}),
	qr/changes_applied_idx/, 'a poll goes by an index');

# One more organization, while others write to it and to the first ones, and
# while a transaction is open that writes to it early and late.
value($publisher, q{SELECT pgbeam.set_organization('globex', '{"plan": "enterprise"}'); CREATE TABLE public.enough ()});
my $writer = session($publisher);
$writer->query_until(qr/begun/, <<SQL);
\\echo begun
DO \$\$
DECLARE
	i integer := 0;
BEGIN
	WHILE NOT EXISTS (SELECT FROM public.enough) LOOP
		i := i + 1;
		PERFORM pgbeam.create_project(jsonb_build_object('name', o.name || i, 'org_id', o.name, 'database', jsonb_build_object(
			'host', 'db.example.com', 'port', 5432, 'name', 'd', 'username', 'u', 'password', gen_random_uuid()::text)))
		FROM (VALUES ('globex'), ('acme')) AS o (name);
		COMMIT;
		PERFORM pgbeam.update_project('$far', jsonb_build_object('description', i::text));
		PERFORM pgbeam.delete_project(pgbeam.typeid_encode('prj', id)) FROM pgbeam.projects
		WHERE org_id = 'globex' AND name = 'globex' || i - 3 AND deleted_at IS NULL;
		COMMIT;
		PERFORM pg_sleep(0.01);
	END LOOP;
END
\$\$;
SQL

sub wait_for_writer
{
	my $count = value($publisher, 'SELECT count(*) FROM pgbeam.projects');

	$publisher->poll_query_until('postgres', "SELECT count(*) > $count + 10 FROM pgbeam.projects") or die 'nobody writes';
	return;
}

my $additions = "pgbeam.publication_additions('{globex}')";
my ($steady) = make($publisher, 'steady', org_id => 'globex');
wait_for_writer();
carry_out($additions, 1, 2);
value($older, "BEGIN; SELECT pgbeam.update_project('$steady', '{\"description\": \"early\"}')");
wait_for_writer();
# Step 3 waits for that transaction.
my $rows = decode_json(value($publisher, "SELECT json_agg(s.statement) FROM $additions AS s WHERE step = 3"));
value($publisher, shift @$rows);
value($older, qq(SELECT pgbeam.update_project('$steady', '{"tags": ["late"]}')));
wait_for_writer();
is(value($publisher, q{SELECT count(*) FROM pg_publication_tables WHERE pubname = 'pgbeam_copy_added'}), '0', 'it is handed over');
my $operator = session($publisher);
$operator->query_until(qr/begun/, "\\echo begun\n$rows->[0]\n");
ok($publisher->poll_query_until('postgres',
		q{SELECT count(*) = 1 FROM pg_stat_activity WHERE state = 'active' AND query ~ '^DO .*pg_logical_emit_message' AND pid <> pg_backend_pid()}),
	'the operator waits');
value($older, 'COMMIT');
value($operator, 'SELECT 1');
there($_) foreach 'DROP SUBSCRIPTION pgbeam_copy_added', 'ALTER SUBSCRIPTION pgbeam_copy ENABLE';
value($publisher, 'DROP PUBLICATION pgbeam_copy_added');
wait_for_writer();
value($publisher, 'INSERT INTO public.enough DEFAULT VALUES');
value($writer, 'SELECT 1');
is_same('with one more organization', 'acme', $odd, 'globex');
is(there(q{SELECT description || ' ' || array_to_string(tags, ' ') FROM pgbeam.projects WHERE name = 'steady'}), 'early late',
	'a transaction from before to after came whole');
like(ask($publisher, "SELECT * FROM $additions")->{message}, qr/^organizations\[1\] must not be in the publication already/,
	'it cannot be added twice');

# One less: the publication's own statement, as one that alters it.
my $smaller = value($publisher, "SELECT statement FROM pgbeam.publication_statements(ARRAY['acme', $odd_literal]) WHERE statement ~ '^CREATE PUBLICATION'");
$smaller =~ s/^CREATE PUBLICATION (\w+) FOR TABLE/ALTER PUBLICATION $1 SET TABLE/;
value($publisher, $smaller);
$publisher->wait_for_catchup('pgbeam_copy');
there("DELETE FROM $_ WHERE org_id = 'globex'") foreach @tables;
value($publisher, "SELECT pgbeam.update_project('$steady', '{\"description\": \"later\"}')");
make($publisher, 'last', org_id => 'globex');
make($publisher, 'last', org_id => 'acme');
is_same('with one less', 'acme', $odd);

# The copy wakes its own listeners.
there(<<'SQL');
CREATE FUNCTION public.wake() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NOTIFY pgbeam_changes; RETURN NULL; END $$;
CREATE TRIGGER wake AFTER INSERT ON pgbeam.changes FOR EACH ROW EXECUTE FUNCTION public.wake();
ALTER TABLE pgbeam.changes ENABLE ALWAYS TRIGGER wake;
SQL
my $listener = $copy->background_psql('region');
$listener->query('LISTEN pgbeam_changes');
make($publisher, 'heard');
$publisher->wait_for_catchup('pgbeam_copy');
like($listener->query("SELECT 'asked'"), qr/notification "pgbeam_changes"/, 'a trigger on the copy wakes its listeners');
$listener->quit;

# A database with the extension is no copy: its tables would refuse the rows.
value($copy, 'CREATE EXTENSION pgbeam');
my $first = value($publisher, "SELECT statement FROM pgbeam.publication_statements('{acme}') WHERE server = 'copy' LIMIT 1");
is(ask($copy, $first)->{state}, '42P06', 'a database with the extension is refused');
unlike(slurp_file($copy->logfile), qr/ERROR:  (?!schema "pgbeam" already exists)/, 'nothing failed on the copy');

# But for an upgrade it may follow all tables. Subscribers find what is removed
# by its key.
value($publisher, 'CREATE PUBLICATION everything FOR TABLES IN SCHEMA pgbeam');
value($copy, sprintf(q(CREATE SUBSCRIPTION everything CONNECTION '%s' PUBLICATION everything), $publisher->connstr('postgres') =~ s{'}{''}gr));
$copy->wait_for_subscription_sync($publisher, 'everything');
value($publisher, qq(SELECT pgbeam.update_project('$steady', '{"tags": ["$_", "kept"]}'))) foreach qw(first second);
$publisher->wait_for_catchup('everything');
my $tagged = 'SELECT org_id, project_id, mark, key FROM pgbeam.project_marks ORDER BY 2, 3';
like(value($copy, $tagged), qr/tag=second/, 'a subscriber of all tables has the marks');
is(value($copy, $tagged), value($publisher, $tagged), 'and no others');

done_testing();
