# Triggers, constraints and indexes that users add to our tables. A veto is
# never a success, an error undoes everything and reveals nothing, and a
# changed value is answered as it was stored.

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
my $n = 0;

value($node, "SELECT pgbeam.create_custom_domain('$project', '{\"domain\": \"db.acme.example\"}')");

my %calls = (
	create => sub { 'SELECT ' . create_call('new ' . ++$n) },
	create_elsewhere => sub { 'SELECT ' . create_call('new', org_id => 'org ' . ++$n) },
	set_organization => sub { q(SELECT pgbeam.set_organization('acme', '{"plan": "pro"}')) },
	set_other => sub { "SELECT pgbeam.set_organization('other')" },
	suspend => sub { "SELECT pgbeam.suspend_organization('acme')" },
	report_domain => sub { "SELECT pgbeam.report_domain('db.acme.example', 'x')" },
	add_database => sub { "SELECT pgbeam.create_database('$project', jsonb_build_object('host', 'there', 'port', 1, 'name', 'd', 'username', 'u', 'password', :'password'))" },
	delete_database => sub { "SELECT pgbeam.delete_database('$project', '$database')" },
	delete => sub { "SELECT pgbeam.delete_project('" . (make($node, 'doomed ' . ++$n))[0] . "')" });

sub rows
{
	return join "\n", map { value($node, "SELECT t FROM pgbeam.$_ AS t ORDER BY t::text") }
	  qw(organizations hosts projects databases);
}

# Runs code while a trigger with this body stands on a table.
sub with_trigger
{
	my ($table, $when, $body, $code) = @_;

	value($node, <<SQL);
CREATE FUNCTION public.own() RETURNS trigger LANGUAGE plpgsql AS \$\$
BEGIN $body; RETURN NEW; END \$\$;
CREATE TRIGGER own $when ON pgbeam.$table FOR EACH ROW EXECUTE FUNCTION public.own();
SQL
	$code->();
	value($node, 'DROP FUNCTION public.own() CASCADE');
	return;
}

# A call that fails, writes nothing and reveals nothing.
sub fails
{
	my ($call, $state, $name) = @_;
	my $sql = $calls{$call}->();
	my $before = rows();
	my $got;
	my $log = log_since($node, sub { $got = ask($node, $sql) });

	is($got->{state}, $state, "$name: $call fails");
	ok(rows() eq $before, "$name: nothing is written");
	like($log, qr/ERROR:  \Q$got->{message}\E/, "$name: the error is logged");
	unlike($log, qr/STATEMENT|\Q$PASSWORD\E|CONTEXT/, "$name: without the statement");
	unlike("$log$got->{err}", qr/\Q$PASSWORD\E|Failing row|example\.com|x01[0-9a-f]{32}/,
		"$name: nor the row");
	return $got;
}

# table, event, call
foreach (
	[ 'hosts', 'INSERT', 'create' ], [ 'projects', 'INSERT', 'create' ],
	[ 'databases', 'INSERT', 'create' ], [ 'organizations', 'INSERT', 'create_elsewhere' ],
	[ 'organizations', 'INSERT', 'set_other' ], [ 'organizations', 'UPDATE', 'set_organization' ],
	[ 'projects', 'UPDATE', 'delete' ], [ 'databases', 'UPDATE', 'delete' ],
	[ 'organizations', 'UPDATE', 'suspend' ], [ 'custom_domains', 'UPDATE', 'report_domain' ],
	[ 'projects', 'UPDATE', 'add_database' ], [ 'projects', 'UPDATE', 'delete_database' ])
{
	my ($table, $event, $call) = @$_;

	with_trigger($table, "BEFORE $event", 'RETURN NULL',
		sub { fails($call, '09000', "veto on $event of $table") });
	with_trigger($table, "AFTER $event", "RAISE 'not today'",
		sub { fails($call, 'P0001', "error after $event of $table") });
	with_trigger($table, "BEFORE $event",
		"RAISE 'not today' USING ERRCODE = 'check_violation', DETAIL = NEW::text",
		sub { fails($call, '23514', "own refusal before $event of $table") });
}

with_trigger('databases', 'BEFORE INSERT', 'NEW.port := 0',
	sub { fails('create', '23514', 'a value that breaks a rule of ours') });

# Constraints and indexes: how to add one, how to remove it, call, SQLSTATE
foreach (
	[ "ALTER TABLE pgbeam.databases ADD CONSTRAINT own CHECK (host <> 'db.example.com') NOT VALID",
		'ALTER TABLE pgbeam.databases DROP CONSTRAINT own', 'create', '23514' ],
	[ "ALTER TABLE pgbeam.databases ADD CONSTRAINT own CHECK (password_sealed IS NOT NULL) NOT VALID",
		'ALTER TABLE pgbeam.databases DROP CONSTRAINT own', 'delete', '23514' ],
	[ "ALTER TABLE pgbeam.projects ADD CONSTRAINT own CHECK (description IS NOT NULL) NOT VALID",
		'ALTER TABLE pgbeam.projects DROP CONSTRAINT own', 'create', '23514' ],
	[ "ALTER TABLE pgbeam.organizations ADD CONSTRAINT own CHECK (plan <> 'pro')",
		'ALTER TABLE pgbeam.organizations DROP CONSTRAINT own', 'set_organization', '23514' ],
	[ 'ALTER TABLE pgbeam.databases ADD own text; ALTER TABLE pgbeam.databases'
		  . " ALTER own SET DEFAULT 'x'; UPDATE pgbeam.databases SET own = 'x';"
		  . ' ALTER TABLE pgbeam.databases ALTER own SET NOT NULL, ALTER own DROP DEFAULT',
		'ALTER TABLE pgbeam.databases DROP own', 'create', '23502' ],
	[ "UPDATE pgbeam.databases SET host = id::text WHERE id <> pgbeam.typeid_decode('$database');"
		  . ' CREATE UNIQUE INDEX own ON pgbeam.databases (host)',
		'DROP INDEX pgbeam.own', 'create', '23505' ])
{
	my ($make, $undo, $call, $state) = @$_;

	value($node, $make);
	my $got = fails($call, $state, $make);
	is($got->{detail}, 'The row is not shown, because it may hold a secret.',
		'the detail says why it is none');
	value($node, $undo);
}

# Changes: table, what the trigger does. The answer has the stored values.
foreach (
	[ 'projects', "NEW.description := 'by trigger'; NEW.tags := '{a,b}'" ],
	[ 'projects', "NEW.proxy_host := 'by-trigger-' || NEW.proxy_host" ],
	[ 'databases', "NEW.username := 'by/trigger'; NEW.port := 6543; NEW.pool_size := 99" ],
	[ 'hosts', "NEW.host := 'by-trigger-' || NEW.host" ],
	[ 'projects', "PERFORM pgbeam.get_project('$project')" ],
	[ 'databases', "PERFORM pgbeam.get_database('$project', '$database')" ])
{
	my ($table, $change) = @$_;

	with_trigger($table, 'BEFORE INSERT', $change, sub {
		my $answer = decode_json(value($node, $calls{create}->()));
		my ($p, $d) = ($answer->{project}{id}, $answer->{database}{id});

		is_deeply($answer->{project}, decode_json(value($node, "SELECT pgbeam.get_project('$p')")),
			"$change: the project answered is the one stored");
		is_deeply($answer->{database},
			decode_json(value($node, "SELECT pgbeam.get_database('$p', '$d')")),
			"$change: so is the database");
		is(value($node, "SELECT host FROM pgbeam.hosts WHERE project_id = pgbeam.typeid_decode('$p')"),
			$answer->{project}{proxy_host}, "$change: its host is the one claimed")
		  unless $change =~ /proxy_host/;
		is(value($node, "SELECT pgbeam.reveal_password('$d') LIKE :'password' || ' of new %'"), 't',
			"$change: the password opens");
	});
}
is(ask($node, $calls{$_}->())->{state}, '00000', "without them $_ works")
  foreach sort keys %calls;

done_testing();
