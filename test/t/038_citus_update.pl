# ALTER EXTENSION UPDATE where Citus has distributed the tables. Citus has each
# node run the script of an update as well, and passes on what it alters of a
# distributed table, which arrives there a second time. The script here is of
# this test, in the form that CONTRIBUTING.md asks for. Skipped where the server
# has no Citus.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use CitusTest;
use File::Basename;
use IPC::Run;
use PgbeamTest;
use Test::More;

my $lack = lack_of_citus();
plan skip_all => $lack if $lack;

# Copies the server, for nobody may put a script into its own folders. Its parts
# find each other by their relative places. Returns where the copy is, and the
# folder of its extensions.
sub copy_server
{
	my $copy = folder('server');
	my ($bin, $lib, $share) = map { my $place = `pg_config --$_`; chomp $place; $place } qw(bindir pkglibdir sharedir);
	my @places = map { ".$_" } dirname($bin), grep { index($_, dirname($bin) . '/') != 0 } $lib, $share;

	IPC::Run::run([ 'tar', 'cf', '-', '-C', '/', @places ], '|', [ 'tar', 'xf', '-', '-C', $copy ]) or die 'the server cannot be copied';
	return ($copy . dirname($bin), "$copy$share/extension");
}

my ($server, $extensions) = copy_server();
my ($home, @workers) = new_nodes("pgbeam.keyring_file = '@{[ folder('keys') ]}/keyring'\n", install_path => $server);
value($home, 'CREATE EXTENSION citus');
join_nodes($home, @workers);
value($home, <<'SQL');
CREATE EXTENSION pgbeam;
SELECT pgbeam.create_key();
CREATE ROLE pgbeam_owner LOGIN;
SELECT pgbeam.set_owner('pgbeam_owner');
SELECT pgbeam.distribute();
SQL
my %port_of = orgs_apart($home);
my @orgs = sort keys %port_of;
my %before = map { $_ => (make($home, 'before', org_id => $_))[0] } @orgs;
my $version = value($home, q(SELECT extversion FROM pg_extension WHERE extname = 'pgbeam'));

# A column and an index of a distributed table, a view, and functions.
spill("$extensions/pgbeam--$version--next.sql", <<'SQL');
DO $$
BEGIN
	EXECUTE 'ALTER TABLE pgbeam.projects ADD COLUMN IF NOT EXISTS note text COLLATE "C"';
	EXECUTE 'CREATE INDEX IF NOT EXISTS projects_note_idx ON pgbeam.projects (org_id, note)';
	EXECUTE 'ALTER TABLE pgbeam.databases ADD COLUMN IF NOT EXISTS note text';
	EXECUTE 'ALTER TABLE pgbeam.project_marks ADD COLUMN IF NOT EXISTS note text';
	EXECUTE 'DROP INDEX IF EXISTS pgbeam.traffic_totals_project_idx';
END
$$;
CREATE FUNCTION pgbeam.added(org_id text) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	RETURN (SELECT count(*) FROM pgbeam.projects AS p WHERE p.org_id = added.org_id AND p.note IS NULL);
END
$$;
CREATE VIEW pgbeam_admin.added AS SELECT p.org_id, p.note FROM pgbeam.projects AS p;
SQL
is(ask($home, "ALTER EXTENSION pgbeam UPDATE TO 'next'")->{err} =~ s/^NOTICE.*\n//gmr, '', 'the extension is updated');
foreach my $node ($home, @workers)
{
	is(value($node, q(SELECT extversion FROM pg_extension WHERE extname = 'pgbeam')), 'next', $node->name . ': it is');
	is(value($node, q(SELECT count(*) FROM pg_attribute WHERE attname = 'note' AND NOT attisdropped AND attrelid = ANY ('{pgbeam.projects,pgbeam.databases,pgbeam.project_marks}'::regclass[]))),
		3, $node->name . ': columns are there');
	is(value($node, q(SELECT to_regclass('pgbeam.projects_note_idx') IS NOT NULL, to_regclass('pgbeam.traffic_totals_project_idx') IS NULL)),
		't|t', $node->name . ': indexes came and went');
	is(value($node, q(SELECT to_regprocedure('pgbeam.added(text)') IS NOT NULL)), 't', $node->name . ': a function is there');
}
is(value($home, q(SELECT count(*) FROM run_command_on_shards('pgbeam.projects', 'SELECT count(note) FROM %s') WHERE success)),
	value($home, q(SELECT count(*) FROM pg_dist_shard WHERE logicalrelid = 'pgbeam.projects'::regclass)), 'each shard has the column');

# What is left to do is told, and done by the calls that the page names.
my $problems = q(SELECT string_agg(setting || ': ' || value, ', ' ORDER BY setting) FROM pgbeam.check_configuration() WHERE setting ~ 'table|node');
is(value($home, $problems), 'table pgbeam.databases: its constraint leaves out columns, table pgbeam.projects: its constraint leaves out columns',
	'what constraints leave out is told');
value($home, "SELECT pgbeam.set_owner('pgbeam_owner')");
is(ask($home, 'SELECT pgbeam.distribute()')->{err}, '', 'and distribute() mends it');
is(value($home, $problems), '', 'there is nothing to mend');

foreach my $org (@orgs)
{
	my ($project, $database) = make($home, 'after', org_id => $org);

	is(value($home, "SELECT pgbeam.added('$org')"), 2, "$org: the new function reads the new column");
	is(value($home, "SELECT count(*) FROM pgbeam_admin.added WHERE org_id = '$org'"), 2, "$org: and so does the new view");
	is(value($home, "SELECT pgbeam.get_project('$before{$org}') ->> 'name'"), 'before', "$org: rows from before are there");
	is(value($home, qq(SELECT pgbeam.update_project('$project', '{"tags": ["new"]}') ->> 'name')), 'after', "$org: rows are updated");
	is(value($home, "SELECT pgbeam.list_projects('$org', tag => 'new') ->> 'total'"), 1, "$org: and found by their marks");
	is(value($home, "SELECT pgbeam.reveal_password('$database') = concat(:'password', ' of after')"), 't', "$org: the password opens");
	is(value($home, "SELECT pgbeam.delete_project('$project') IS NULL"), 't', "$org: and deleted");
}
is(ask($home, "UPDATE pgbeam.projects SET cloud = 'moon' WHERE org_id = '$orgs[0]'")->{state}, '23514', 'a row that breaks a rule is refused');

done_testing();
