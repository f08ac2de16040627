# Creates, updates and deletes, while the agent, PgBouncer and the registry are
# killed in turn. At the end the files are those of the registry, who should
# get in does, and nobody else. TORTURE_CHANGES is how many changes there are
# (make torture takes 2,000), TORTURE_SEED which ones.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use List::Util qw(first max);
use POSIX ();
use PgbeamTest;
use PlaneTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

plan skip_all => lack_of_pgbouncer() if lack_of_pgbouncer();

my $changes = $ENV{TORTURE_CHANGES} // 100;
my $seed = $ENV{TORTURE_SEED} // int rand 1e6;
my $users = 3;
my @parts = qw(agent pgbouncer registry);
my $rounds = max(1, int $changes / 200); # of kills of each part
my $pause = int $changes / (@parts * $rounds + 1); # changes between two kills
my $began = time;

my $registry = new_registry('registry', "pgbeam.notify_changes = on\n");
my %upstreams = map { $_ => new_upstream($_, databases => [qw(mydb second)], conf => "max_connections = 300\n") } qw(alpha beta);
my $plane = new_plane($registry);

note "seed $seed";
srand $seed;
append_to_file("$plane->{root}/common.ini", "server_idle_timeout = 1\n");
value($registry, q(SELECT pgbeam.set_organization('acme', '{"plan": "scale", "max_projects": 0}')));
foreach my $name (keys %upstreams)
{
	value($upstreams{$name}, "SELECT format('CREATE ROLE app$_ LOGIN PASSWORD %L', concat(:'password', ' of app$_ at $name')) \\gexec") foreach 1 .. $users;
	foreach my $database (qw(mydb second))
	{
		value($upstreams{$name}, qq(ALTER TABLE whoami RENAME TO it; CREATE VIEW whoami AS SELECT name || '.$database' AS name FROM it; GRANT SELECT ON whoami TO public), db => $database);
	}
}
start_pgbouncer($plane);
start_agent($plane);

# What the test knows of each project. A login works where the project is
# active and open, and the password is that of the user upstream.
my (@projects, %done, %killed, $strike);
my $again = 0;

sub any { return $_[ rand @_ ] }

sub living { return grep { !$_->{deleted} && $_->{id} } @projects }

# A statement whose answer may be lost with the server is sent again: all of
# them do nothing the second time.
sub persist
{
	my ($sql) = @_;

	for (1 .. 10 * $PostgreSQL::Test::Utils::timeout_default)
	{
		my $got = ask($registry, $sql);

		return $got if $got->{err} !~ /server closed the connection|connection to server|no connection to the server|^FATAL|terminating connection/m;
		$again++;
		revive() if defined $strike && $strike->{part} eq 'registry';
		sleep 0.1;
	}
	die "never answered: $sql";
}

sub call
{
	my ($sql, $missing_is_done) = @_;
	my $got = persist("SELECT $sql");

	die $got->{err} unless $got->{state} eq '00000' || ($missing_is_done && $got->{state} eq $missing_is_done);
	return $got->{out};
}

sub word_of { return "concat(:'password', ' of $_[0]')" }

# A right word is that of the user at the upstream.
sub choose_login
{
	my ($project) = @_;
	my $user = 'app' . (1 + int rand $users);
	my $of = rand() < 0.8 ? "$user at $project->{upstream}" : "$user elsewhere";

	@{$project}{qw(before user word)} = ($project->{word}, $user, $of);
	return "'username', '$user', 'password', " . word_of($of);
}

sub choose_upstream
{
	my ($project) = @_;

	$project->{upstream} = any(keys %upstreams);
	return "'host', '127.0.0.1', 'port', " . $upstreams{ $project->{upstream} }->port;
}

sub change_database
{
	my ($project, $members) = @_;

	return call("pgbeam.update_database('$project->{id}', '$project->{database}', jsonb_build_object($members))");
}

sub change_project
{
	my ($project, $members) = @_;

	return call("pgbeam.update_project('$project->{id}', '$members')");
}

my %change = (
	create => sub {
		my $project = { name => 'soak' . @projects, status => 'active', open => 1, name_upstream => 'mydb' };
		my $members = choose_upstream($project) . ', ' . choose_login($project);

		push @projects, $project;
		call(<<SQL, 'PT409');
pgbeam.create_project(jsonb_build_object('org_id', 'acme', 'name', '$project->{name}', 'database', jsonb_build_object('name', 'mydb', 'ssl_mode', 'disable', $members)))
SQL
		@{$project}{qw(id database)} = split /\|/, call(<<SQL);
pgbeam.typeid_encode('prj', p.id), pgbeam.typeid_encode('db', d.id) FROM pgbeam.projects AS p JOIN pgbeam.databases AS d ON d.project_id = p.id WHERE p.name = '$project->{name}'
SQL
		return;
	},
	delete => sub {
		call("pgbeam.delete_project('$_[0]{id}')", 'PT404');
		$_[0]{deleted} = 1;
	},
	# What was deleted comes back without a password.
	undelete => sub {
		my $project = first { $_->{deleted} } @projects;

		return unless $project;
		call("pgbeam.undelete_project('$project->{id}')", 'PT404');
		@{$project}{qw(deleted status)} = (0, 'active');
		return change_database($project, choose_login($project));
	},
	login   => sub { change_database($_[0], choose_login($_[0])) },
	host    => sub { change_database($_[0], choose_upstream($_[0])) },
	both    => sub { change_database($_[0], choose_upstream($_[0]) . ', ' . choose_login($_[0])) },
	rename  => sub { change_database($_[0], "'name', '" . ($_[0]{name_upstream} = any(qw(mydb second))) . q(')) },
	pool    => sub { change_database($_[0], q('pool_size', ) . (2 + int rand 20)) },
	status  => sub { change_project($_[0], '{"status": "' . ($_[0]{status} = any(qw(active suspended))) . '"}') },
	network => sub {
		$_[0]{open} = rand() < 0.7;
		change_project($_[0], sprintf '{"allowed_cidrs": [{"cidr": "%s"}]}', $_[0]{open} ? '127.0.0.0/8' : '192.0.2.0/24');
	});
my @kinds = (('create') x 6, ('delete') x 3, ('both') x 3, ('login') x 2, ('status') x 2, qw(undelete host rename pool network));

sub change
{
	my @living = living();
	my $kind = @living < 5 ? 'create' : any(@kinds);

	$done{$kind}++;
	return $change{$kind}->(any(@living));
}

# The backends die with the registry, in the middle of a statement.
sub children
{
	my ($pid) = @_;

	open my $from, '<', "/proc/$pid/task/$pid/children" or return;
	return split ' ', <$from> // '';
}

# Kills a part in the middle of what follows.
sub strike
{
	my ($part) = @_;
	my $pid = $part eq 'registry' ? $registry->{_pid} : $plane->{$part}{pid};
	my $killer = fork // die $!;

	if (!$killer)
	{
		sleep rand 0.1;
		kill 'KILL', $pid, children($pid);
		POSIX::_exit(0);
	}
	$killed{$part}++;
	$strike = { part => $part, killer => $killer };
	return;
}

# Brings it back: the registry at once, the others after some more changes.
sub revive
{
	my $part = $strike->{part};

	waitpid $strike->{killer}, 0;
	undef $strike;
	if ($part eq 'registry')
	{
		# Its processes may live on for a while, and hold the memory.
		return wait_until('the registry', sub { undef $registry->{_pid}; $registry->start(fail_ok => 1) });
	}
	kill_program($plane, $part);
	change() for 1 .. $killed{$part} % 4;
	return $part eq 'agent' ? start_agent($plane) : start_pgbouncer($plane);
}

foreach my $n (1 .. $changes)
{
	my $turn = int $n / $pause;

	strike($parts[ $turn % @parts ]) if $n % $pause == 0 && $turn <= @parts * $rounds;
	change();
	revive() if defined $strike;
}
my $changed = time;

settle($plane);
wait_until('the files to be as they should', sub { !-e "$plane->{files}/pending" && (run_agent($plane, '--check'))[0] == 0 }, $plane);
note sprintf '%d changes in %.0f s (%s)', $changes, $changed - $began, join ', ', map { "$_ $done{$_}" } sort keys %done;
note sprintf 'killed: %s; %d statements were sent again; all was there %.1f s after the last change; %d reloads',
  join(', ', map { "$_ $killed{$_}" } sort keys %killed), $again, time - $changed, reloads($plane);
is($killed{$_}, $rounds, "$_ was killed") foreach @parts;

foreach my $file (qw(databases.ini hba.conf))
{
	my $wanted = value($registry, "SELECT content FROM pgbeam.pgbouncer_files(ssl_mode => 'disable') WHERE file = '$file'");

	ok(slurp_file("$plane->{files}/$file") eq $wanted, "$file is that of the registry, byte for byte");
}
my @wanted = sort map { /^(\S+) = / } split /\n/, slurp_file("$plane->{files}/databases.ini");
my @shown = sort grep { /\./ } map { (split /\|/)[0] } split /\n/, console($plane, 'SHOW DATABASES');

is_deeply(\@shown, \@wanted, 'PgBouncer has these databases and no other');

sub works
{
	my ($project) = @_;

	return !$project->{deleted} && $project->{status} eq 'active' && $project->{open} && $project->{word} eq "$project->{user} at $project->{upstream}";
}

sub attempt
{
	my ($project, $word) = @_;

	return login($plane, "$project->{name}.aws.mydb", "$PASSWORD of $word", user => $project->{user});
}

my (@shut_out, @let_in);
my %tried = (works => 0, refused => 0, former => 0);

foreach my $project (@projects)
{
	my $got = attempt($project, $project->{word});

	$tried{ works($project) ? 'works' : 'refused' }++;
	if (works($project)) { push @shut_out, "$project->{name}: $got" if $got ne "$project->{upstream}.$project->{name_upstream}" }
	else { push @let_in, "$project->{name}: $got" if $got !~ /^psql: error: / }
	next if !defined $project->{before} || $project->{before} eq $project->{word};
	$tried{former}++;
	$got = attempt($project, $project->{before});
	push @let_in, "$project->{name} by a former password: $got" if $got !~ /^psql: error: /;
}
note sprintf '%d projects, %d of them deleted: %d logins that should work, %d that should not, %d by a former password',
  scalar @projects, scalar(grep { $_->{deleted} } @projects), @tried{qw(works refused former)};
is(join("\n", @shut_out), '', 'who should get in does');
is(join("\n", @let_in), '', 'and nobody else');
cmp_ok($tried{$_}, '>', 0, "there are such: $_") foreach sort keys %tried;
unlike(slurp_file($_), qr/\Q$PASSWORD\E/, "no password is in $_") foreach "$plane->{root}/agent.err", "$plane->{root}/log", glob "$plane->{files}/*";

stop_program($plane, 'agent');
stop_program($plane, 'pgbouncer', 'INT');
done_testing();
