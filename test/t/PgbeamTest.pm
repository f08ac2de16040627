# The common part of the TAP tests: clusters with the extension, request
# bodies, and statements whose errors are taken apart.
package PgbeamTest;

use strict;
use warnings;

use Exporter 'import';
use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

our @EXPORT = qw($PASSWORD new_cluster set_up session ask ask_bound value create_call
  make lives_on count_open log_since folder spill);

# The runner searches everything that the tests leave behind for this password.
# A psql variable carries it, so that no file and no log of a test has it;
# tests compare revealed passwords in SQL and never print them.
our $PASSWORD = 'canary-password-Vq7R2x';

my $PREAMBLE = "\\getenv password PGBEAM_PASSWORD\n\\set VERBOSITY verbose\n";

# A running cluster without the extension, which may be of another installation.
# The test framework would log every statement, passwords included.
sub new_cluster
{
	my ($name, $conf, %how) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name, %how);

	$node->init(extra => [ '-E', 'UTF8', '--locale=C' ]);
	$node->append_conf('postgresql.conf', <<CONF . ($conf // ''));
log_statement = none
autovacuum = off
wal_level = replica
wal_keep_size = '1GB'
CONF
	$node->start;
	return $node;
}

# The same with the extension, and with a key if a keyring is named.
sub set_up
{
	my ($name, $keyring, $conf) = @_;
	my $node = new_cluster($name,
		(defined $keyring ? "pgbeam.keyring_file = '$keyring'\n" : '')
		  . ($conf // ''));

	value($node, 'CREATE EXTENSION pgbeam');
	value($node, 'SELECT pgbeam.create_key()') if defined $keyring;
	return $node;
}

# A session that stays open, also after errors.
sub session
{
	my ($node, $role) = @_;
	local $ENV{PGBEAM_PASSWORD} = $PASSWORD;
	my $session = $node->background_psql(
		'postgres',
		on_error_stop => 0,
		extra_params  => defined $role ? [ '-U', $role ] : []);

	$session->query($PREAMBLE);
	return $session;
}

sub run_in_session
{
	my ($session, $sql) = @_;

	$session->{stderr} = '';
	my $out = $session->query($sql);
	return ($out, $session->{stderr});
}

sub run_alone
{
	my ($node, $sql, %how) = @_;
	local $ENV{PGBEAM_PASSWORD} = $PASSWORD;
	my (undef, $out, $err) = $node->psql(
		$how{db} // 'postgres',
		$PREAMBLE . $sql,
		extra_params => defined $how{role} ? [ '-U', $how{role} ] : []);

	return ($out, $err);
}

# Runs SQL on a cluster, as a named role, in a named database, or in a session.
# Returns its output and the parts of the first error.
sub ask
{
	my ($where, $sql, %how) = @_;
	my ($out, $err) =
		$where->isa('PostgreSQL::Test::Cluster')
	  ? run_alone($where, $sql, %how)
	  : run_in_session($where, $sql);
	my %got = (out => $out, err => $err, state => '00000', message => '');

	@got{qw(state message)} = ($1, $2)
	  if $err =~ /^(?:psql:\S+ )?(?:ERROR|FATAL):  (\w{5}): (.*)$/m;
	foreach my $part (qw(detail hint context))
	{
		my $name = uc $part;
		$got{$part} = $err =~ /^$name:  (.*?)\n?(?=^[A-Z ]+: |\z)/ms ? $1 : '';
	}
	return \%got;
}

# Runs one statement as a role. The value is a parameter for each VALUE; only
# pgbench sends parameters. Returns its standard error.
sub ask_bound
{
	my ($node, $sql, $value, %how) = @_;
	my $script = PostgreSQL::Test::Utils::tempdir('script') . '/statement';

	append_to_file($script, ($sql =~ s/\bVALUE\b/:value/gr) . ";\n");
	my (undef, $err) = PostgreSQL::Test::Utils::run_command(
		[ 'pgbench', '-n', '-t', 1, '-M', $how{mode} // 'extended', '-D', "value=$value", '-f', $script,
			'-U', $how{role}, '-h', $node->host, '-p', $node->port, 'postgres' ]);
	return $err;
}

# The same for SQL that must succeed.
sub value
{
	my ($where, $sql, %how) = @_;
	my $got = ask($where, $sql, %how);

	die "unexpected error: $got->{err}" if $got->{state} ne '00000';
	return $got->{out};
}

# The call that creates a project, with a password made from the canary and the
# name. Safe under any search_path.
sub create_call
{
	my ($name, %members) = @_;
	my %database = (
		host     => 'db.example.com',
		port     => 5432,
		name     => 'app',
		username => 'app',
		password => '',
		%{ delete $members{database} // {} });
	my $json = JSON::PP->new->canonical->encode(
		{ name => $name, org_id => 'acme', database => \%database, %members });

	$json =~ s/'/''/g;
	(my $literal = $name) =~ s/'/''/g;
	return
	  "pgbeam.create_project(pg_catalog.jsonb_set('$json', '{database,password}', "
	  . "pg_catalog.to_jsonb(pg_catalog.concat(:'password', ' of ', '$literal'))))";
}

# Creates a project and returns its id and that of its database.
sub make
{
	my ($where, @about) = @_;
	my $answer = decode_json(value($where, 'SELECT ' . create_call(@about)));

	return ($answer->{project}{id}, $answer->{database}{id});
}

# Runs statements that must work whatever is wrong with keys. Returns those
# that failed, with their errors. The victim is a project to delete.
sub lives_on
{
	my ($where, $project, $database, $victim) = @_;
	my @failed;

	foreach my $sql (
		"SELECT pgbeam.get_project('$project')",
		"SELECT pgbeam.get_database('$project', '$database')",
		q(SELECT pgbeam.set_organization('bystander', '{"plan": "pro"}')),
		"SELECT pgbeam.delete_project('$victim')",
		"SELECT count(*) > 0 FROM pgbeam.key_status()")
	{
		my $got = ask($where, $sql);

		push @failed, "$sql: $got->{err}" if $got->{state} ne '00000';
	}
	return join "\n", @failed;
}

# How many living databases there are, and how many of their passwords are
# those that create_call() gave.
sub count_open
{
	my ($where, %how) = @_;

	return value($where, <<SQL, %how);
SELECT count(*), count(*) FILTER (WHERE
	pgbeam.reveal_password(pgbeam.typeid_encode('db', d.id))
		= concat(:'password', ' of ', p.name))
FROM pgbeam.databases AS d
JOIN pgbeam.projects AS p ON p.org_id = d.org_id AND p.id = d.project_id
WHERE d.deleted_at IS NULL;
SQL
}

# What the server logged while the code ran.
sub log_since
{
	my ($node, $code) = @_;
	my $start = -s $node->logfile;

	$code->();
	return slurp_file($node->logfile, $start);
}

# A folder of this test's own, which the runner keeps and searches.
sub folder
{
	return PostgreSQL::Test::Utils::tempdir(@_);
}

# Writes a file the way a keyring must be: for its owner alone.
sub spill
{
	my ($path, $text) = @_;

	unlink $path;
	append_to_file($path, $text);
	chmod 0600, $path or die "cannot set the mode of $path: $!";
	return;
}

1;
