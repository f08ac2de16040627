# TXT records as the agent looks them up, of a real name server and of one that
# answers with anything, so that verifyCustomDomain answers from life.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use IO::Select;
use IO::Socket::INET;
use JSON::PP;
use PgbeamTest;
use PlaneTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep);

my $registry = new_registry('registry', "pgbeam.notify_changes = on\n");
my ($project) = make($registry, 'shop');
my ($other) = make($registry, 'other');
my $port = PostgreSQL::Test::Cluster::get_free_port();
my $plane = new_plane($registry, options => ["--dns-server=127.0.0.1:$port"]);
my %claims;

value($registry, q(SELECT pgbeam.set_organization('acme', '{"plan": "scale", "max_projects": 0}')));
value($registry, q(SET pgbeam.max_domains = 0; ALTER SYSTEM SET pgbeam.max_domains = 0; SELECT pg_reload_conf()));

# Claims a domain, and returns what its record must say.
sub claim
{
	my ($domain, $for) = @_;
	my $claim = decode_json(value($registry, sprintf q(SELECT pgbeam.create_custom_domain('%s', '{"domain": "%s"}')), $for // $project, $domain));

	$claims{$domain} = $claim->{id};
	return $claim->{dns_instructions}{txt_value};
}

# What verifyCustomDomain says: verified, or why not.
sub verify
{
	my ($domain) = @_;
	my $answer = decode_json(value($registry, "SELECT pgbeam.verify_custom_domain('$project', '$claims{$domain}')"));

	return $answer->{verified} ? 'verified' : $answer->{error};
}

sub is_proved
{
	my ($domain, $what) = @_;

	wait_until("$domain to be reported", sub { verify($domain) eq 'verified' }, $plane);
	return ok(1, $what);
}

sub times_said
{
	my ($what) = @_;

	return scalar(() = agent_log($plane) =~ /$what/g);
}

# A name server of the test, by UDP and TCP: for each name a function that makes
# the message of the answer, or nothing; it gets the question's message.
my (%answers, $server);

sub name_in
{
	my ($message) = @_;
	my @labels;

	for (my $at = 12; (my $length = ord substr $message, $at, 1) > 0; $at += 1 + $length)
	{
		push @labels, substr $message, $at + 1, $length;
	}
	return lc join '.', @labels;
}

sub answer_to
{
	my ($message, $by_stream) = @_;
	my $name = name_in($message) =~ s/^_pgbeam-verify\.//r;
	my $answer = $answers{$name};

	append_to_file("$plane->{root}/asked", "$name\n");
	return defined $answer ? $answer->($message, $by_stream) : head($message, 3);
}

# The question as an answer, with a code, and a number of records.
sub head
{
	my ($message, $code, $records, $flags) = @_;

	return substr($message, 0, 2) . pack('n n n N', 0x8180 | ($flags // 0) | $code, 1, $records // 0, 0) . substr $message, 12;
}

sub record
{
	my ($type, $data) = @_;

	return pack('n n n N n', 0xc00c, $type, 1, 1, length $data) . $data;
}

sub txt { return record(16, join '', map { pack 'C/a', $_ } @_) }

sub name { return join('', map { pack 'C/a', $_ } split /\./, shift) . "\0" }

sub start_server
{
	my $udp = IO::Socket::INET->new(LocalAddr => "127.0.0.1:$port", Proto => 'udp') or die $!;
	my $tcp = IO::Socket::INET->new(LocalAddr => "127.0.0.1:$port", Proto => 'tcp', Listen => 5, ReuseAddr => 1) or die $!;

	$server = fork // die $!;
	return if $server;
	alarm 600;
	local $SIG{PIPE} = 'IGNORE'; # of an agent that has hung up
	for (my $select = IO::Select->new($udp, $tcp);;)
	{
		foreach my $ready ($select->can_read)
		{
			serve_one($ready, $ready == $tcp);
		}
	}
}

sub serve_one
{
	my ($socket, $by_stream) = @_;
	my $client = $by_stream ? $socket->accept : $socket;

	$client->recv(my $message, 600);
	$message = substr $message, 2 if $by_stream;
	return if length $message < 17;
	foreach my $answer (answer_to($message, $by_stream))
	{
		$client->send($by_stream ? pack('n/a', $answer) : $answer);
	}
	return;
}

sub stop_server
{
	kill 'KILL', $server;
	waitpid $server, 0;
	return;
}

END { kill 'KILL', $server if $server }

start_agent($plane);

subtest 'a real name server' => sub {
	my ($dnsmasq) = grep { -x } map { "$_/dnsmasq" } split(/:/, $ENV{PATH}), '/usr/sbin';

	plan skip_all => 'there is no dnsmasq' unless defined $dnsmasq;
	my %value = map { $_ => claim($_) } qw(plain.example strings.example long.example many.example alias.example CASE.Example);
	my $second = claim('twice.example');
	my $stale = claim('twice.example', $other);
	my @halves = $value{'strings.example'} =~ /^(.{20})(.*)$/;
	my $long = join ',', map { "x$_" . 'y' x 200 } 1 .. 5;

	claim('none.example');
	claim('empty.example');
	start_program_of_names($dnsmasq,
		"--txt-record=_pgbeam-verify.plain.example,$value{'plain.example'}",
		"--txt-record=_pgbeam-verify.strings.example,$halves[0],$halves[1]",
		"--txt-record=_pgbeam-verify.long.example,$long",
		"--txt-record=_pgbeam-verify.long.example,$value{'long.example'}",
		(map { "--txt-record=_pgbeam-verify.many.example,text $_ " . 'z' x 150 } 1 .. 20),
		"--txt-record=_pgbeam-verify.many.example,$value{'many.example'}",
		'--cname=_pgbeam-verify.alias.example,proof.example.net', "--txt-record=proof.example.net,$value{'alias.example'}",
		"--txt-record=_pgbeam-verify.case.example,$value{'CASE.Example'}",
		"--txt-record=_pgbeam-verify.twice.example,$stale",
		"--txt-record=_pgbeam-verify.twice.example,$second",
		'--txt-record=_pgbeam-verify.empty.example', '--host-record=_pgbeam-verify.none.example,127.0.0.1');
	is_proved('plain.example', 'a record');
	is_proved('strings.example', 'of several strings');
	is_proved('long.example', 'beside one that is longer than a string');
	is_proved('many.example', 'beside so many that the answer comes by TCP');
	is_proved('alias.example', 'at an alias');
	is_proved('CASE.Example', 'of a name in capitals');
	$claims{'twice.example'} = value($registry, <<SQL);
SELECT d ->> 'id' FROM json_array_elements(pgbeam.list_custom_domains('$project') -> 'domains') AS d WHERE d ->> 'domain' = 'twice.example'
SQL
	is_proved('twice.example', 'beside the record of another project');
	is(verify($_), 'TXT record not found', $_) foreach qw(none.example empty.example);
	kill_program($plane, 'names');
};

sub start_program_of_names
{
	my ($dnsmasq, @records) = @_;

	PlaneTest::start_program($plane, 'names', $dnsmasq, '--keep-in-foreground', '--conf-file=/dev/null', '--no-resolv', '--no-hosts', '--no-daemon',
		"--port=$port", '--listen-address=127.0.0.1', '--bind-interfaces', '--local=/#/', '--user=', '--pid-file=', @records);
	return;
}

subtest 'a record that comes later' => sub {
	my $value = claim('late.example');

	$answers{'late.example'} = sub { my $m = shift; return -e "$plane->{root}/late" ? head($m, 0, 1) . txt($value) : head($m, 3) };
	start_server();
	is(verify('late.example'), 'TXT record not found', 'is missed');
	append_to_file("$plane->{root}/late", '');
	is_proved('late.example', 'and found in time');
	stop_server();
};

subtest 'answers that are none' => sub {
	my $secret = "pgbeam-verify=\e[2J\nno token";
	my %bad = (
		'servfail.example' => sub { return head($_[0], 2) },
		'refused.example'  => sub { return head($_[0], 5) },
		'garbage.example'  => sub { return substr($_[0], 0, 2) . "\x80" . 'x' x 300 },
		'short.example'    => sub { return "\0" },
		'control.example'  => sub { return head($_[0], 0, 1) . txt($secret) },
		'foreign.example'  => sub { my $m = shift; return head($m, 0, 1) . name('a.example') . substr txt('pgbeam-verify=foreign'), 2 },
		'beyond.example'   => sub { return head($_[0], 0, 1) . record(16, "\xffpgbeam-verify=") },
		'circle.example'   => sub { return head($_[0], 0, 1) . pack('n n n N n', 0xc000 + length($_[0]), 16, 1, 1, 0) },
		'lies.example'     => sub { return head($_[0], 0, 65535) . txt('pgbeam-verify=lies') },
		'cut.example'      => sub { return $_[1] ? head($_[0], 2) : head($_[0], 0, 0, 0x200) },
		'hangup.example'   => sub { return $_[1] ? () : head($_[0], 0, 0, 0x200) },
		'large.example'    => sub { my $m = shift; return head($m, 0, 200) . txt('pgbeam-verify=' . 'x' x 200) x 200 },
		'silent.example'   => sub { return },
		'late-cut.example' => sub { my ($m, $by_stream) = @_; return head($m, 0, $by_stream ? 300 : 0, $by_stream ? 0 : 0x200) . ($by_stream ? txt('pgbeam-verify=' . 'x' x 180) x 300 : '') },
	);
	my %good = map { $_ => claim($_) } qw(forged.example spoilt.example last.example);

	%answers = (%answers, %bad);
	$answers{'forged.example'} = sub {
		my $m = shift;
		my $true = head($m, 0, 1) . txt($good{'forged.example'});
		my $false = head($m, 0, 1) . txt('pgbeam-verify=forged');

		return (pack('n', 1 + unpack 'n', $m) . substr($false, 2), name_changed($false), $m, $true);
	};
	$answers{'spoilt.example'} = sub { my $m = shift; return head($m, 0, 3) . txt("\xff\0") . txt('pgbeam-verify=' . 'x' x 241) . txt($good{'spoilt.example'}) };
	$answers{'last.example'} = sub { my $m = shift; return head($m, 0, 1) . txt($good{'last.example'}) };
	claim($_) foreach sort keys %bad;
	start_server();
	is_proved('forged.example', 'those with another number, or to another question, are passed over');
	is_proved('spoilt.example', 'texts that are no proof do no harm');
	foreach my $large ('large.example', 'late-cut.example')
	{
		wait_until("a report of $large", sub { value($registry, "SELECT length(reported_txt) > 3000 FROM pgbeam.custom_domains WHERE domain = '$large'") eq 't' }, $plane);
		ok(1, "an answer that is larger than a report: $large");
	}
	is_proved('last.example', 'the others are found');
	foreach my $domain (keys %bad)
	{
		wait_until("a question for $domain", sub { was_asked($domain) }, $plane);
	}
	my $reported = value($registry, q(SELECT string_agg(domain, ' ' ORDER BY domain) FROM pgbeam.custom_domains WHERE reported_txt IS NOT NULL AND verified_at IS NULL AND domain <> 'twice.example'));

	is($reported, 'large.example late-cut.example', 'of the bad ones these are reported, which hold texts that could be proofs');
	unlike(agent_log($plane), qr/\e|no token|forged/, 'nothing of an answer is in the log');
	forget_claims(sort keys %bad);
};

sub was_asked
{
	my ($domain) = @_;

	return grep { $_ eq $domain } split /\n/, slurp_file("$plane->{root}/asked");
}

# Another question of the same size.
sub name_changed
{
	my ($message) = @_;

	return $message =~ s/forged/forgot/r;
}

# The agent begins anew without the claims of some domains: those that no answer
# came to would make trouble again later, and other answers end it.
sub forget_claims
{
	foreach my $domain (@_)
	{
		value($registry, "SELECT pgbeam.delete_custom_domain('$project', '$claims{$domain}')");
	}
	stop_program($plane, 'agent');
	start_agent($plane);
	return;
}

subtest 'a name server that is silent' => sub {
	my @values;
	my $before = times_said('trouble: names of domains');
	my $ended = times_said('names of domains: well again');

	stop_server();
	push @values, claim("silent$_.example") foreach 1 .. 4;
	wait_until('trouble', sub { times_said('trouble: names of domains: the resolver does not answer') > $before }, $plane);
	is(times_said('trouble: names of domains'), $before + 1, 'is told of once');
	$answers{"silent$_.example"} = do { my $value = $values[ $_ - 1 ]; sub { my $m = shift; return head($m, 0, 1) . txt($value) } } foreach 1 .. 4;
	start_server();
	is_proved("silent$_.example", 'what was asked for meanwhile is found') foreach 1 .. 4;
	is(times_said('names of domains: well again'), $ended + 1, 'the end of it is told');
	kill 'HUP', $plane->{agent}{pid};
	wait_until('the hangup', sub { times_said('options again') > 0 }, $plane);
	my $value = claim('hangup2.example');

	stop_server();
	$answers{'hangup2.example'} = sub { my $m = shift; return head($m, 0, 1) . txt($value) };
	start_server();
	is_proved('hangup2.example', 'after a hangup too');
	stop_server();
};

subtest 'the option' => sub {
	is(stop_program($plane, 'agent'), 0, 'SIGTERM ends it');
	foreach my $bad ('', 'dns.example.com', '127.0.0.1:x', '127.0.0.1:70000', '[::1', '::1]', '[]', ':53')
	{
		my ($status, undef, $err) = run_agent($plane, '--print', "--dns-server=$bad");

		is($status, 2, "'$bad' is refused");
		like($err, qr/this is no address/, 'with words');
	}
	foreach my $good ('none', '127.0.0.1', '::1', '[::1]', '[::1]:53', '127.0.0.1:53')
	{
		is((run_agent($plane, '--print', "--dns-server=$good"))[0], 0, "$good fits");
	}
};

done_testing();
