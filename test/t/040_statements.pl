# How many statements a write takes. Where a table takes rows as they are, none
# but those that lock; elsewhere one for each table, whatever number of rows.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use PgbeamTest;
use Test::More;

my $module = `pg_config --pkglibdir` =~ s/\s+$//r . '/auto_explain.so';
plan skip_all => 'the server has no auto_explain' unless -f $module;

# Without sweeps, which some writes begin with.
my $node = set_up('main', folder('keys') . '/keyring', "pgbeam.deleted_retention = 0\npgbeam.change_retention = 0\n");
my $session = session($node);
# auto_explain logs it.
my $database = q({"host": "h", "port": 1, "name": "d", "username": "u", "password": "logged"});

value($session, "SELECT pgbeam.set_organization('acme')");
value($session, "LOAD 'auto_explain'");

# The statements of a call, by what they do to which tables, but for those that
# the server itself makes for a foreign key. Returns the call's value too.
sub statements
{
	my ($call) = @_;
	my $got = ask($session, <<SQL);
SET auto_explain.log_nested_statements = on;
SET auto_explain.log_min_duration = 0;
SET client_min_messages = log;
SELECT $call;
RESET client_min_messages;
SET auto_explain.log_min_duration = -1;
SQL
	is($got->{state}, '00000', $call =~ s/\(.*//r . ' works') or diag($got->{err});
	return (join(', ', map { name_of($_) } $got->{err} =~ m{Query Text: /\* pgbeam \*/ (.*)}g), $got->{out});
}

sub name_of
{
	my ($statement) = @_;
	my ($verb) = $statement =~ /^(\w+)/;
	my ($table) = $statement =~ /pgbeam\.(\w+)/;

	return "$verb $table" . ($statement =~ /FOR UPDATE$/ ? ' FOR UPDATE' : '');
}

sub id_in { return $_[0] =~ /"id" ?: ?"(prj_\w+)"/ ? $1 : undef }

# Each operation, on a project that has two tags.
sub check
{
	my ($when, $name, %expected) = @_;

	# A backend asks once whether hosts have been retired.
	make($session, "$name-before", org_id => 'acme');
	my ($made, $answer) =
	  statements(qq(pgbeam.create_project('{"org_id": "acme", "name": "$name", "tags": ["a", "b"], "database": $database}')));
	my $project = id_in($answer);

	is($made, $expected{create}, "$when: create_project");
	is((statements(qq(pgbeam.update_project('$project', '{"description": "d"}'))))[0], $expected{update}, "$when: update_project");
	is((statements(qq(pgbeam.update_project('$project', '{"tags": ["c", "d", "e"]}'))))[0], $expected{retag}, "$when: update_project, all tags others");
	value($session, "SELECT pgbeam.create_database('$project', '$database') FROM generate_series(1, 2)");
	is((statements("pgbeam.delete_project('$project')"))[0], $expected{delete}, "$when: delete_project, with three databases");
	return;
}

check('as it is', 'plain',
	create => '',
	update => 'SELECT projects FOR UPDATE',
	retag => 'SELECT projects FOR UPDATE, INSERT project_marks',
	delete => '');

# With a trigger on each table all go by statements.
value($node, <<'SQL');
CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
DO $$
DECLARE
	written regclass;
BEGIN
	FOREACH written IN ARRAY '{pgbeam.organizations,pgbeam.hosts,pgbeam.projects,pgbeam.databases,pgbeam.changes,pgbeam.project_marks}'::regclass[] LOOP
		EXECUTE format('CREATE TRIGGER nothing AFTER INSERT OR UPDATE OR DELETE ON %s FOR EACH STATEMENT EXECUTE FUNCTION nothing()', written);
	END LOOP;
END
$$;
SQL
my $known = 'SELECT projects, SELECT organizations';
check('with triggers', 'watched',
	create => 'SELECT organizations, INSERT hosts, INSERT projects, INSERT databases, INSERT changes, INSERT project_marks, SELECT projects',
	update => "$known, SELECT projects FOR UPDATE, UPDATE projects, INSERT changes",
	retag => "$known, SELECT projects FOR UPDATE, UPDATE projects, INSERT changes, DELETE project_marks, INSERT project_marks",
	delete => "$known, UPDATE projects, DELETE project_marks, UPDATE databases, INSERT changes");

done_testing();
