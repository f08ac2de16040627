# Names, users, passwords and hosts that are odd, all at once, through a real
# PgBouncer: it reads its files, what can be logged in to is, and an ordinary
# tenant beside them notices nothing. The odd texts are those of sql/odd.sql.

use strict;
use warnings;

use Encode qw(encode_utf8 decode_utf8);
use FindBin;
use lib $FindBin::RealBin;

use IPC::Run;
use JSON::PP;
use PgbeamTest;
use PlaneTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

plan skip_all => lack_of_pgbouncer() if lack_of_pgbouncer();

# What a login is tried of, beside those that are named below.
my $each = 40;

# These databases exist upstream. For others the server says which it was
# asked for, and that is as good.
my @real = ('*', 'pgbouncer', 'pgbeam_registry', 'a.ro', 'ro', 'My Db\'x', 'a"b', 'a\\b', 'a=b', 'a;b', 'a b', '%include /etc/passwd', '[databases]', '#', ';',
	"\x{fc}ber \x{65e5} \x{1f600}", 'x' x 63, '$1', 'all', 'replication', "a' user=postgres host='/tmp", 'db_01h455vb4pex5vsknk084sn02q', '..', '-');
my $registry = new_registry('registry', "pgbeam.notify_changes = on\n");
my $upstream = new_upstream('alpha', databases => [ 'mydb', map { encode_utf8($_) } @real ], conf => "max_connections = 300\n");
my $plane = new_plane($registry);

append_to_file("$plane->{root}/common.ini", "server_idle_timeout = 1\nclient_login_timeout = 4\n");
value($registry, q(SELECT pgbeam.set_organization('acme', '{"plan": "scale", "max_projects": 0}'), pgbeam.set_organization('odd', '{"plan": "scale", "max_projects": 0}')));
start_pgbouncer($plane);
start_agent($plane);

# The odd texts, in the registry and upstream.
my ($texts) = slurp_file("$FindBin::RealBin/../../sql/odd.sql") =~ /^(CREATE TEMP TABLE odd AS\n.*?GROUP BY n;)$/ms;
my $numbered = $texts =~ s/TEMP TABLE odd/TABLE texts/r . "\nCREATE TABLE odd AS SELECT row_number() OVER (ORDER BY odd COLLATE \"C\") AS n, odd FROM texts;";
my $named = JSON::PP->new->ascii->encode(\@real);

$named =~ s/'/''/g;
value($_, $numbered . "DELETE FROM odd WHERE odd IN (SELECT jsonb_array_elements_text('$named')); INSERT INTO odd SELECT 10000 + n, t FROM jsonb_array_elements_text('$named') WITH ORDINALITY AS a (t, n);") foreach $registry, $upstream;
cmp_ok(value($registry, 'SELECT count(*) FROM odd'), '>', 600, 'there are many');

# Roles whose names or passwords are odd, where they are tried.
value($upstream, <<SQL);
DO \$\$
DECLARE
	o odd;
BEGIN
	FOR o IN SELECT * FROM odd WHERE n > 10000 OR n % $each = 0 LOOP
		BEGIN
			EXECUTE format('CREATE ROLE %I LOGIN PASSWORD %L', o.odd, 'word of ' || o.n);
		EXCEPTION WHEN duplicate_object OR reserved_name THEN
		END;
		EXECUTE format('CREATE ROLE "word %s" LOGIN PASSWORD %L', o.n, o.odd);
	END LOOP;
END
\$\$;
SQL
value($upstream, 'GRANT SELECT ON whoami TO public', db => 'mydb');

# An ordinary tenant, with a client that stays.
my ($project) = make($registry, 'alpha', database => { host => '127.0.0.1', port => $upstream->port, name => 'mydb', ssl_mode => 'disable', pool_mode => 'session' });
my $key = key_of($plane, $project);
my ($in, $out, $err) = ('', '', '');
my $limit = IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default);
local $ENV{PGPASSWORD} = "$PASSWORD of alpha";

wait_until('a login', sub { login($plane, $key, $ENV{PGPASSWORD}) eq 'alpha' }, $plane);
my $client = IPC::Run::start([ 'psql', '-XAtq', '-d', "host=127.0.0.1 port=$plane->{port} user=app dbname=$key" ],
	'<', \$in, '>', \$out, '2>', \$err, $limit);

# The limit is one of each question, not of the whole test.
sub ask_client
{
	$limit->start;
	$out = '';
	$in .= "SELECT pg_backend_pid();\n";
	$client->pump until $out =~ /^\d+\n/ || $err ne '';
	return $out . $err;
}

my $backend = ask_client();

# Creates a project for each odd text. Returns what was made of those that are
# taken: number, text, project, key.
sub create_odd
{
	my ($kind, %how) = @_;
	my $port = $upstream->port;
	my $counts = value($registry, <<SQL);
CREATE TABLE made_$kind AS
	SELECT o.n, o.odd, p.status, p.code, p.problems, p.answer #>> '{project,id}' AS project
	FROM pgbeam.create_projects((SELECT jsonb_agg(jsonb_build_object('org_id', 'odd', 'name', concat('$kind ', n), 'database',
		jsonb_build_object('host', '127.0.0.1', 'port', $port, 'name', 'mydb', 'username', 'app', 'password', concat(:'password', ' of alpha'), 'ssl_mode', 'disable')
		|| jsonb_build_object('$kind', odd) || $how{more}) || $how{outside} ORDER BY n) FROM odd)) AS p
	JOIN (SELECT *, row_number() OVER (ORDER BY n) AS at FROM odd) AS o ON o.at = p.ordinality;
SELECT count(*) FILTER (WHERE status = 201), count(*) FILTER (WHERE status = 400), count(*) FROM made_$kind
SQL
	my ($made, $refused, $all) = split /\|/, $counts;

	note "$kind: $made are taken, $refused refused";
	is($made + $refused, $all, "each $kind is taken or refused with words");
	cmp_ok($made, '>', $how{least}, "and many a $kind is taken");
	is(value($registry, "SELECT count(*) FROM made_$kind WHERE n > 10000 AND status <> 201"), 0, 'such as all that are named') if $how{all_named};
	my $odd = decode_json(value($registry, <<SQL));
SELECT json_agg(json_build_object('n', n, 'odd', odd, 'key', (SELECT substring(d ->> 'connection_string' FROM '[^/]*\$')
	FROM json_array_elements(pgbeam.list_databases(project) -> 'databases') AS d)) ORDER BY n) FROM made_$kind WHERE status = 201
SQL

	$_->{key} =~ s/%([0-9A-F]{2})/chr hex $1/ge foreach @$odd; # as libpq reads a string
	return $odd;
}

my %outside = (least => 300, more => q('{}'), outside => q('{}'));
my $names = create_odd('name', %outside, all_named => 1);
my $users = create_odd('username', %outside, more => q(jsonb_build_object('password', concat('word of ', n))));
my $words = create_odd('password', %outside, more => q(jsonb_build_object('username', concat('word ', n))));

create_odd('host', %outside, least => 20);

# The same label in another cloud, and one name twice, and three times.
my ($elsewhere) = make($registry, 'alpha', org_id => 'odd', cloud => 'gcp',
	database => { host => '127.0.0.1', port => $upstream->port, name => 'mydb', ssl_mode => 'disable' });
my @twins = map { my $number = $_; value($registry, <<SQL) } 1 .. 3;
SELECT pgbeam.create_database('$elsewhere', jsonb_build_object('host', '127.0.0.1', 'port', @{[ $upstream->port ]}, 'name', 'mydb',
	'username', 'app', 'password', concat(:'password', ' of alpha'), 'ssl_mode', 'disable')) ->> 'connection_string'
SQL

my $started = time;
settle($plane);
wait_until('PgBouncer to have them all', sub { !-e "$plane->{files}/pending" && (run_agent($plane, '--check'))[0] == 0 }, $plane);
note sprintf 'all were there after %.1f s more', time - $started;
unlike(agent_log($plane), qr/lines are left out|has not taken|refused/, 'the agent had nothing to leave out');
is(ask_client(), $backend, 'who was connected before has the same server still');
is(login($plane, $key, $ENV{PGPASSWORD}), 'alpha', 'and who comes now gets in');

# The databases that PgBouncer shows, by key.
my %shown = map { (split /\|/)[ 0, 1 ] } split /\n/, console($plane, 'SHOW DATABASES');

is(scalar(grep { !exists $shown{ $_->{key} } } @$names, @$users, @$words), 0, 'PgBouncer has the key of each string');

sub some_of
{
	my ($of) = @_;

	return grep { $_->{n} > 10000 || $_->{n} % $each == 0 } @$of;
}

sub shown
{
	my ($text) = @_;

	return length $text > 40 ? substr($text, 0, 40) . '...' : $text =~ s/[^ -~]/sprintf '\\x{%x}', ord $&/egr;
}

subtest 'odd names of databases' => sub {
	foreach my $made (some_of($names))
	{
		my $name = encode_utf8($made->{odd});
		my $got = login($plane, $made->{key}, $ENV{PGPASSWORD});

		if (grep { $_ eq $made->{odd} } @real, 'mydb') { is($got, 'alpha', shown($made->{odd})) }
		elsif (length $name > 63) { like($got, qr/database "[^"]*" does not exist/, shown($made->{odd})) }
		else { like($got, qr/FATAL:  (?:pooler error: )?database "\Q$name\E" does not exist/, shown($made->{odd})) }
		unlike(login($plane, $made->{key}, 'wrong'), qr/^alpha|does not exist/, '... and not by a wrong password') if $made->{n} > 10000;
	}
};

subtest 'odd users' => sub {
	foreach my $made (some_of($users))
	{
		my $user = encode_utf8($made->{odd});
		my $got = login($plane, $made->{key}, "word of $made->{n}", user => $user);

		# The server cuts a longer name, and a word of the grammar is no role.
		if (length $user > 63 || $got ne 'alpha') { like($got, qr/password authentication failed for user "/, shown($made->{odd}) . ' is refused upstream') && is(value($upstream, sprintf q(SELECT count(*) FROM pg_roles WHERE rolname = (SELECT odd FROM odd WHERE n = %d)), $made->{n}), 0, '... which has no such role') }
		else { is($got, 'alpha', shown($made->{odd})) }
		unlike(login($plane, $made->{key}, 'wrong', user => $user), qr/^alpha/, '... and not by a wrong password') if $made->{n} > 10000;
	}
};

subtest 'odd passwords' => sub {
	foreach my $made (some_of($words))
	{
		is(login($plane, $made->{key}, encode_utf8($made->{odd}), user => "word $made->{n}"), 'alpha', shown($made->{odd}));
		isnt(login($plane, $made->{key}, encode_utf8($made->{odd}) . 'x', user => "word $made->{n}"), 'alpha', '... with one letter more') if $made->{n} > 10000;
	}
};

# PgBouncer takes 1,024 bytes. What is longer is kept and handed on, and nobody
# gets in by it, nor by a part of it.
subtest 'long passwords' => sub {
	foreach my $length (1024, 1025, 2048, 16384)
	{
		my ($project, $database) = make($registry, "long $length",
			database => { host => '127.0.0.1', port => $upstream->port, name => 'mydb', ssl_mode => 'disable', username => "long $length" });
		my $key = key_of($plane, $project);
		my $word = sub { return login($plane, $key, 'w' x $_[0], user => "long $length") };

		value($registry, "SELECT pgbeam.update_database('$project', '$database', jsonb_build_object('password', repeat('w', $length)))");
		value($upstream, "SELECT format('CREATE ROLE %I LOGIN PASSWORD %L', 'long $length', repeat('w', $length)) \\gexec");
		settle($plane);
		if ($length == 1024) { is($word->($length), 'alpha', "$length bytes") }
		else { like($word->($length), qr/authentication failed|bouncer config error/, "$length bytes") }
		isnt($word->($_), 'alpha', "... by $_ of them") foreach grep { $_ < $length } 1023, 1024, 2047;
		is(login($plane, $key, $ENV{PGPASSWORD}, user => "long $length") =~ /^alpha/, '', '... by the former one');
	}
	is(ask_client(), $backend, 'and the other tenant is not disturbed');
};

subtest 'two clouds, and one name twice' => sub {
	isnt(key_of($plane, $elsewhere), $key, 'the clouds have keys of their own');
	is(login($plane, key_of($plane, $elsewhere), $ENV{PGPASSWORD}), 'alpha', 'each is reached');
	my %seen = map { m{([^/]*)$} => 1 } @twins;

	is(scalar(keys %seen), 3, 'databases of one name have keys of their own');
	is(login($plane, $_, $ENV{PGPASSWORD}), 'alpha', "$_ is reached") foreach sort keys %seen;
};

is(ask_client(), $backend, 'who was connected before has the same server still');
$in .= "\\q\n";
$client->finish;
stop_program($plane, 'agent');
stop_program($plane, 'pgbouncer', 'INT');
done_testing();
