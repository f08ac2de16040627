# Runs every command of every page on servers that are thrown away, compares
# what is shown with what comes, and compares tables with the server's.
# Usage: pages.pl CHECKOUT FOLDER [--write]; the latter writes tables anew.
# PAGES="README.md doc/keys.md" in the environment is for these pages alone.
#
# What a fenced block is, its word says:
#   sh       commands of a shell, which must succeed
#   sql      statements for psql in the database mydb, which must succeed;
#            one with $1 is only prepared
#   console  a session with prompts, "$ " of a shell or "name=# " of psql in
#            that database, and what it shows; a line of "..." stands for any
#            lines, "..." at a line's end for any text
#   ini      lines of postgresql.conf, which are loaded
#   nginx    part of a server's block, which nginx reads
#   json     a document, which is parsed
#   text     what is not run; it is counted
# README begins on the server of make demo, and all other pages where
# README's section Install ends.
use strict;
use warnings;

use File::Basename;
use File::Path qw(make_path);
use File::Temp;
use IO::Socket::INET;
use IPC::Open2;
use JSON::PP;
use List::Util qw(max sum0);

my ($tree, $folder, $mode) = @ARGV;
my $here = dirname(__FILE__);
my $writes = ($mode // '') eq '--write';
my $readme_most = 12_000;                     # bytes
my $silent_page = 'This page has no commands.';

chomp(my $bin = `$ENV{PG_CONFIG} --bindir`);
my $user = getpwuid($<);
my $sentinel = '--end of what this command shows--';
my $patience = 300;                           # seconds for one command

# What a page says, and what stands for it here. Programs that do something
# else here stand in bin.
my ($front, $back) = (free_port(), free_port());
my %page = (root => '');
my @substitutes = (
	[ '/etc/pgbeam' => sub { "$page{root}/etc" } ],
	[ '/srv/postgres/15' => sub { "$page{root}/data" } ],
	[ '/srv/postgres/16' => sub { "$page{root}/data16" } ],
	[ '/srv/postgres' => sub { $page{root} } ],
	[ '/usr/lib/postgresql/15/bin' => sub { $bin } ],
	[ '/usr/lib/postgresql/16/bin' => sub { $bin } ],
	[ '/var/run/postgresql' => sub { "$page{root}/socket" } ],
	[ 'publisher.example.com' => sub { "$page{root}/socket" } ],
	[ '/var/backups/pgbeam' => sub { "$page{root}/backups" } ],
	[ '/opt/pgbeam-gateway' => sub { "$page{root}/gateway" } ],
	[ '/etc/systemd/system' => sub { "$page{root}/units" } ],
	[ '/tmp/gateway.log' => sub { "$page{root}/gateway.log" } ],
	[ '/tmp/nginx' => sub { "$page{root}/nginx" } ],
	[ '-o postgres' => sub { "-o $user" } ],
	[ '8080' => sub { $front } ],
	[ '3000' => sub { $back } ],
);

my %count = map { $_ => 0 } qw(run failed unrun links tables pages);
my %skipped;

sub free_port
{
	return IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1')->sockport;
}

sub substitute
{
	my ($text) = @_;
	$text =~ s/\Q$_->[0]\E(?!\d)/$_->[1]->()/ge foreach @substitutes;
	return $text;
}

sub fail
{
	my ($text) = @_;
	$count{failed}++;
	print "$page{name}: $text\n";
}

sub read_file
{
	my ($path) = @_;
	open(my $file, '<', $path) or die "$path: $!\n";
	local $/;
	return <$file>;
}

sub write_file
{
	my ($path, $text) = @_;
	open(my $file, '>', $path) or die "$path: $!\n";
	print $file $text;
	close($file) or die "$path: $!\n";
}

# What differs from run to run is made alike, on both sides.
sub mask
{
	my ($text) = @_;
	foreach my $pair (@substitutes)
	{
		my $stand_in = $pair->[1]->();
		$text =~ s/\Q$stand_in\E/$pair->[0]/g;
	}
	$text =~ s/\b(pbo|pbu)_[0-9a-z]{26}_?[0-9A-Za-z_-]{30,}/$1_KEY/g;
	$text =~ s/\b(prj|db|rep|dom|pbo|pbu|req)_[0-9a-z]{26}\b/$1_ID/g;
	$text =~ s/\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/UUID/g;
	$text =~ s/\b\d+\.UUID/TOKEN/g;
	$text =~ s/(pgbeam-verify=)[0-9a-z]{32}/$1TOKEN/g;
	$text =~ s/\b(x?)[0-9a-f]{32,}\b/$1HEX/g;
	$text =~ s/20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/TIME/g;
	$text =~ s/ \d\.\d\d\d / SECONDS /g;
	$text =~ s/20\d\d-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?[+-]\d\d/TIME/g;
	$text =~ s/^(Date|ETag|Content-Length): .*$/$1: .../mgi;
	$text =~ s/[ \t\r]+$//mg;
	$text =~ s/\n\n+/\n/g;
	$text =~ s/\A\n+|\n+\z//g;
	return $text;
}

# The blocks of a page, each with the number of its section and its line.
sub read_blocks
{
	my ($text) = @_;
	my (@blocks, $open);
	my ($section, $heading, $line) = (0, '', 0);
	my $before = '';
	foreach my $row (split /\n/, $text)
	{
		$line++;
		if ($open)
		{
			if ($row eq '```') { push @blocks, $open; undef $open; }
			else { $open->{text} .= "$row\n"; }
		}
		elsif ($row =~ /^\s*```(.*)/)
		{
			my ($kind) = $row =~ /^```([a-z]+)$/;
			fail("line $line: a fence is to begin a line and to name its kind") if !$kind;
			$open = { kind => $kind // 'text', text => '', section => $section, heading => $heading, line => $line };
		}
		elsif ($row =~ /^## (.*)/) { $section++; $heading = $1; }
		elsif ($row =~ /^(    |\t)/ && $before eq '') { fail("line $line: a block without a fence"); }
		$before = $row;
	}
	fail("line $line: a fence is left open") if $open;
	return @blocks;
}

# A program that takes commands; what it says and what fails come in one.
sub start_program
{
	my (@command) = @_;
	my $pid = open2(my $out, my $in, 'bash', '-c', 'exec "$@" 2>&1', 'bash', @command);
	$in->autoflush(1);
	return { pid => $pid, in => $in, out => $out };
}

# What a program says to a command, up to the end of it.
sub ask
{
	my ($program, $command, $end) = @_;
	my $said = '';
	local $SIG{PIPE} = 'IGNORE';
	local $SIG{ALRM} = sub { die "no end of: $command\n" };
	alarm $patience;
	print { $program->{in} } "$command\n$end\n";
	while (defined(my $row = readline $program->{out}))
	{
		if ($row =~ /^(.*)\Q$sentinel\E ?(\d*)$/)
		{
			alarm 0;
			return ("$said$1", $2);
		}
		$said .= $row;
	}
	alarm 0;
	$program->{ended} = 1;
	return ($said, 'the program has ended');
}

sub stop_program
{
	my ($program) = @_;
	close $program->{in};
	waitpid($program->{pid}, 0);
}

sub close_sessions
{
	stop_program($_) foreach values %{ $page{psql} };
	$page{psql} = {};
}

sub psql
{
	my ($database, $command) = @_;
	$page{psql}{$database} //= start_program('psql', '-X', '-d', $database);
	my ($said) = ask($page{psql}{$database}, $command, "\\echo $sentinel");
	close_sessions() if $page{psql}{$database}{ended};
	return $said;
}

# A shell's command by way of a file, so that what reads its input reads none
# of the next ones.
sub shell
{
	my ($command) = @_;
	close_sessions() if $command =~ /systemctl|pg_ctl/;
	$page{shell} //= start_program('bash', '--norc', '--noprofile');
	my $file = "$page{root}/command";
	write_file($file, $command);
	my ($said, $status) = ask($page{shell}, ". $file < /dev/null", "echo '$sentinel' \$?");
	await_servers($command);
	return ($said, $status);
}

# A reader is not as fast as this program.
sub await_servers
{
	my ($command) = @_;
	return if $command !~ /&$/m;
	my @ports = ($command =~ /postgrest / ? $back : (), $command =~ /nginx |node / ? $front : ());
	foreach my $port (@ports)
	{
		my $tries = $patience * 10;
		select(undef, undef, undef, 0.1)
			while !IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port) && $tries-- > 0;
		fail("nothing listens on $port after: $command") if $tries <= 0;
	}
}

sub run_sh
{
	my ($block) = @_;
	# like a reader, who stops where something fails
	my ($said, $status) = shell(join '', map { "$_\n" } commands_of_sh($block->{text}));
	my $commands = () = $block->{text} =~ /^(?![#\s]).*[^\\]$/mg;
	$count{run} += $commands;
	fail("line $block->{line}: a command fails ($status):\n$said") if $status ne '0';
}

# Each line's failure is to end the block; a block has no compound commands
# over several lines but quoted text and lines that end with a backslash.
sub commands_of_sh
{
	my ($text) = @_;
	return ('trap "return 1" ERR', substitute($text), 'trap - ERR', 'true');
}

sub run_sql
{
	my ($block) = @_;
	my $text = substitute($block->{text});
	$text = "PREPARE page AS $text; DEALLOCATE page;" if $text =~ /\$\d/;
	my $said = psql('mydb', $text);
	my $commands = () = $text =~ /;[ \t]*(--.*)?$|^\\/mg;
	$count{run} += $commands;
	fail("line $block->{line}: a statement fails:\n$said") if $said =~ /^(ERROR|FATAL|PANIC|psql|invalid)/m;
}

# Pairs of a command and what it shows: prompt, command, text.
sub read_console
{
	my ($text) = @_;
	my @pairs;
	my $open = 0;
	foreach my $row (split /\n/, $text)
	{
		if ($row =~ s/^(\$|\w+=\*?#) //)
		{
			push @pairs, { prompt => $1, command => $row, shows => '' };
			$open = is_open($1, $row);
		}
		elsif ($open)
		{
			$pairs[-1]{command} .= "\n$row";
			$open = is_open($pairs[-1]{prompt}, $pairs[-1]{command});
		}
		elsif (@pairs) { $pairs[-1]{shows} .= "$row\n"; }
		else { die "what is shown has no command: $row\n"; }
	}
	return @pairs;
}

# Whether a command goes on in the next line.
sub is_open
{
	my ($prompt, $command) = @_;
	return (() = $command =~ /\$\$/g) % 2 || $command !~ /;\s*\z|^\\|\\g\w*\s*\z/ if $prompt ne '$';
	my $quotes = () = $command =~ /'/g;
	return $command =~ /\\$/ || $quotes % 2;
}

# Whether the text that came is the one shown, where "..." is any.
sub is_same
{
	my ($shown, $came) = @_;
	my $pattern = join '', map { /^\s*\.\.\.$/ ? '(?:.*\n)*?' : /^(.*)\.\.\.$/ ? quotemeta($1) . ".*\n" : quotemeta("$_\n") } split /\n/, $shown;
	return "$came\n" =~ /\A$pattern\z/ || ($shown eq '' && $came eq '');
}

sub run_console
{
	my ($block) = @_;
	foreach my $pair (read_console($block->{text}))
	{
		my $command = substitute($pair->{command});
		my ($came) = $pair->{prompt} eq '$' ? shell($command) : psql($pair->{prompt} =~ s/=\*?#//r, $command);
		$count{run}++;
		my ($shown, $masked) = (mask($pair->{shows}), mask($came));
		next if is_same($shown, $masked);
		my @files = map { my $file = File::Temp->new; print $file "$_\n"; close $file; $file } $shown, $masked;
		fail("line $block->{line}: $pair->{command}\nshows something else:\n" . `diff -u $files[0] $files[1] | tail -n +3`);
	}
}

sub run_ini
{
	my ($block) = @_;
	open(my $file, '>>', "$page{root}/data/postgresql.conf") or die "postgresql.conf: $!\n";
	print $file substitute($block->{text});
	close($file);
	$count{run}++;
	my $errors = psql('postgres', q{\pset tuples_only} . "\n" . q{SELECT name, setting, error FROM pg_file_settings WHERE error IS NOT NULL AND name NOT IN (SELECT name FROM pg_settings WHERE context = 'postmaster');});
	fail("line $block->{line}: the server refuses:\n$errors") if $errors =~ /\|/;
	psql('postgres', 'SELECT pg_reload_conf();');
}

sub run_nginx
{
	my ($block) = @_;
	make_path("$page{root}/nginx-snippet");
	write_file("$page{root}/nginx.conf", "pid nginx.pid; events {} http { access_log off; "
		. join('', map { "${_}_temp_path $_; " } qw(client_body proxy fastcgi uwsgi scgi)) . "server { listen 127.0.0.1:$front;\n$block->{text}\n} }\n");
	my $said = `nginx -t -e stderr -p $page{root}/nginx-snippet -c $page{root}/nginx.conf 2>&1`;
	$count{run}++;
	fail("line $block->{line}: nginx refuses:\n$said") if $?;
}

sub run_json
{
	my ($block) = @_;
	fail("line $block->{line}: no JSON: $@") unless eval { decode_json($block->{text}); 1 };
}

my %runs = (sh => \&run_sh, sql => \&run_sql, console => \&run_console, ini => \&run_ini, nginx => \&run_nginx, json => \&run_json);

# The tool that a block needs and this machine has not.
sub missing_tool
{
	my ($block) = @_;
	return 'Node 20 or later is needed' if $block->{text} =~ /\b(node|npm|postgrest) / && !has_node();
	return 'there is no nginx' if ($block->{kind} eq 'nginx' || $block->{text} =~ /\bnginx /) && system('command -v nginx >/dev/null') != 0;
	return undef;
}

sub has_node
{
	return system(q{node --eval 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' 2>/dev/null}) == 0;
}

sub run_block
{
	my ($block) = @_;
	my $tool = $page{skips}{ $block->{section} } //= missing_tool($block);
	if ($tool) { $skipped{$tool} += 1 unless $block->{kind} eq 'text'; }
	elsif ($block->{kind} eq 'text')
	{
		$count{unrun}++;
		print "not run: $page{name} line $block->{line}: ", (split /\n/, $block->{text})[0], "\n";
	}
	elsif (my $run = $runs{ $block->{kind} }) { $run->($block); }
	else { fail("line $block->{line}: no kind of block: $block->{kind}"); }
}

# A server as make demo has it, below a folder of the page's own.
sub start_page
{
	my ($name) = @_;
	my $root = "$folder/" . ($name =~ s/\W+/_/gr);
	%page = (name => $name, root => $root, psql => {}, skips => {});
	make_path("$root/socket", "$root/keys", "$root/home", "$root/nginx", "$root/backups", "$root/units");
	chmod 0700, "$root/keys";
	system("cp -a $folder/template $root/data") == 0 or die "cp\n";
	open(my $file, '>>', "$root/data/postgresql.conf") or die "postgresql.conf: $!\n";
	print $file "unix_socket_directories = '$root/socket'\npgbeam.keyring_file = '$root/keys/keyring'\n";
	close($file);
	write_file("$root/home/.curlrc", "silent\nshow-error\n"); # as in a terminal
	%ENV = (%ENV, HOME => "$root/home", PGHOST => "$root/socket", PGUSER => 'postgres', PGDATA => "$root/data", DESTDIR => "$root/installed",
		npm_config_cache => "$folder/npm", PAGES_NAMED => "$folder/named", PAGES_UNITS => "$root/units");
	chdir $tree or die "$tree: $!\n";
	system("pg_ctl -D $root/data -l $root/log -w -s start") == 0 or die read_file("$root/log");
}

sub end_page
{
	return if !$page{root};
	close_sessions();
	if ($page{shell})
	{
		ask($page{shell}, 'jobs -p | while read -r job; do kill $job; done; wait', "echo '$sentinel'") if !$page{shell}{ended};
		stop_program($page{shell});
	}
	system("pg_ctl -D $_ -m immediate -s stop 2>/dev/null") foreach map { dirname($_) } glob("$page{root}/*/postmaster.pid");
	%page = (root => '', name => 'pages');
}

sub make_template
{
	local $ENV{PGHOST} = $folder;
	system("initdb -D $folder/template -U postgres -A trust -E UTF8 --locale=C.UTF-8 -N >/dev/null") == 0 or die "initdb\n";
	open(my $file, '>>', "$folder/template/postgresql.conf") or die "postgresql.conf: $!\n";
	print $file "listen_addresses = ''\n";
	close($file);
	system("pg_ctl -D $folder/template -o '-k $folder' -l $folder/log -w -s start && createdb -U postgres demo && pg_ctl -D $folder/template -w -s stop") == 0
		or die read_file("$folder/log");
}

# The rows of a made table are those of its statement.
sub check_tables
{
	my ($path, $text, $tables) = @_;
	my $changed = 0;
	$text =~ s{^(<!-- made from the server: (.+) -->\n)((?:\|.*\n)*)}{
		my ($mark, $name, $rows) = ($1, $2, $3);
		my $new = make_table($name, delete $tables->{$name});
		$count{tables}++;
		$changed ||= $rows ne $new;
		fail_table($name, $rows, $new) if $rows ne $new && !$writes;
		"$mark$new"}mge;
	write_file($path, $text) if $changed && $writes;
}

sub make_table
{
	my ($name, $table) = @_;
	if (!$table) { fail("there is no table $name, or it stands twice"); return ''; }
	my ($header, $statement) = @$table;
	my $rows = `psql -XqAt -d mydb -v ON_ERROR_STOP=1 <<'END'\n$statement\nEND\n`;
	fail("the statement of table $name fails") if $?;
	return "$header\n" . ($header =~ s/[^|]+/ --- /gr) . "\n$rows";
}

sub fail_table
{
	my ($name, @texts) = @_;
	my @files = map { my $file = File::Temp->new; print $file $_; close $file; $file } @texts;
	fail("table $name is not what the server says (make pages writes it):\n" . `diff $files[0] $files[1]`);
}

# The codes of refusals, and SQLSTATEs of pgbeam's own, are those of the source.
sub check_errors
{
	my $text = read_file("$tree/doc/errors.md");
	my ($fault) = glob("$tree/src/*/fault.c $tree/src/fault.c");
	my %code = read_file($fault) =~ /^\t\[PB_\w+\] = \{"(\w+)", (\d+)\}/mg;
	my %expected = map { ("PT$code{$_} $_" => 1) } grep { $_ ne 'SERVICE_UNAVAILABLE' } keys %code;
	foreach my $file (glob("$tree/src/*/*.[ch] $tree/src/*.[ch]"))
	{
		$expected{"PB00$_"} = 1 foreach read_file($file) =~ /MAKE_SQLSTATE\('P', 'B', '0', '0', '(\d)'\)/g;
	}
	my %found = map { ($_ => 1) } map { join ' ', grep { defined } @$_ } map { [ /^\| `(P[TB]\d{3})` \|(?: `([A-Z_]+)` \|)?/ ] } split /\n/, $text;
	delete $found{''};
	foreach my $which (sort keys %{ { %expected, %found } })
	{
		fail("$which is not in the table of doc/errors.md") if !$found{$which};
		fail("$which is in doc/errors.md, and not in the source") if !$expected{$which};
	}
	$count{tables}++;
}

# Limits that name a constant of the source have its value.
sub check_limits
{
	my %constant = map { read_file($_) =~ /^#define (PB_[A-Z_]+)[ \t]+(\(?[0-9][0-9 *]*\)?)/mg } glob("$tree/src/*/*.h");
	my $count = 0;
	foreach my $row (read_file("$tree/doc/limits.md") =~ /^\| .* \| .* \| `PB_.*$/mg)
	{
		my ($number, $unit, $name) = $row =~ /\| ([\d,]+)( MB)? \| `(\w+)` \|$/;
		my $value = eval($constant{$name} // 'undef');
		$count++;
		next if defined $value && $value == ($number =~ s/,//gr) * ($unit ? 1024 * 1024 : 1);
		fail("$name is " . ($value // 'no constant of the source') . ", and not $number");
	}
	fail('the table of limits is not found') if !$count;
	$count{tables}++;
}

# The numbers that a recommendation asks for are those of the source.
sub check_recommendations
{
	my ($worth) = read_file("$tree/src/resources/cacherule.c") =~ /\bworth\[\] =\n\{\n(.*?)\n\};/s;
	my $expected = join '', map { "$_\n" } $worth =~ /\{(.*?)\}/g;
	my $found = join '', map { "$_\n" } map { s/ \| /, /gr } read_file("$tree/doc/caching.md") =~ /^\| `\w+` \| (\d.*) \|$/mg;
	fail("recommendations ask for\n$expected, and not for\n$found") if $expected ne $found;
	$count{tables}++;
}

# Every function stands in one of the tables.
sub check_functions
{
	my $text = read_file("$tree/doc/functions.md");
	my %found = map { ($_ => 1) } $text =~ /^\| `(\w+)\(/mg;
	foreach my $name (split /\n/, psql('mydb', "\\pset format unaligned\n\\pset tuples_only\nSELECT proname FROM pg_proc WHERE pronamespace = 'pgbeam'::regnamespace;"))
	{
		fail("doc/functions.md has no function $name") if $name =~ /^\w+$/ && !delete $found{$name};
	}
	fail("doc/functions.md has a function $_ that there is not") foreach sort keys %found;
}

# As GitHub makes them of headings; how often there is each.
sub anchors_of
{
	my ($path) = @_;
	my $text = read_file($path);
	my %anchors;
	$text =~ s/^```.*?^```$//msg;
	foreach my $slug (map { lc } $text =~ /^#+ (.*)$/mg)
	{
		$slug =~ s/[^\w\- ]//g;
		$slug =~ s/ /-/g;
		$anchors{$slug}++;
	}
	return %anchors;
}

sub check_links
{
	my ($path, $text) = @_;
	$text =~ s/^```.*?^```$//msg;
	while ($text =~ /\[[^\]]*\]\(([^)\s]+)\)/g)
	{
		my $target = $1;
		$count{links}++;
		next if $target =~ /^https:/;
		my ($file, $anchor) = split /#/, $target, 2;
		my $found = $file eq '' ? $path : dirname($path) . "/$file";
		if (!-e $found) { fail("a link leads nowhere: $target"); }
		elsif (defined $anchor && ({ anchors_of($found) }->{$anchor} // 0) != 1) { fail("a link leads to no heading, or to one of several: $target"); }
	}
}

# README begins on the server of make demo, the others where its section
# Install ends, in a new session, as a reader comes back another day; what runs
# for that is not counted again.
sub begin_page
{
	my (@start) = @_;
	my ($run, $unrun) = @count{qw(run unrun)};
	if (@start) { run_block($_) foreach @start; }
	else { system("psql -Xq -d demo < $tree/test/demo.sql >/dev/null 2>&1") == 0 or fail('the demo fails'); }
	@count{qw(run unrun)} = ($run, $unrun);
	close_sessions();
}

# Runs a page's blocks, on a server where there is something to run.
sub run_page
{
	my ($name, $text, @start) = @_;
	my @blocks = read_blocks($text);
	my $says_none = index($text =~ s{\s+}{ }gr, $silent_page) >= 0;
	if (!grep { $runs{ $_->{kind} } } @blocks)
	{
		fail("none of its commands is run, and it does not say: $silent_page") if !$says_none;
		return;
	}
	fail("it has commands, and says that it has none") if $says_none;
	start_page($name);
	begin_page(@start);
	run_block($_) foreach @blocks;
}

sub check_page
{
	my ($name, $tables, @start) = @_;
	my $text = read_file("$tree/$name");
	%page = (name => $name, root => '', psql => {});
	run_page($name, $text, @start);
	check_tables("$tree/$name", $text, $tables);
	check_functions() if $name eq 'doc/functions.md' && !$writes;
	check_errors() if $name eq 'doc/errors.md';
	check_limits() if $name eq 'doc/limits.md';
	check_recommendations() if $name eq 'doc/caching.md';
	check_links("$tree/$name", $text);
	fail("it has more than $readme_most bytes: " . length $text) if $name eq 'README.md' && length $text > $readme_most;
	$count{pages}++;
	end_page();
}

sub all_pages
{
	my @pages = sort grep { !m{/node_modules/} } map { s{^\Q$tree\E/}{}r } glob("$tree/*.md $tree/*/*.md $tree/*/*/*.md");
	return ('README.md', grep { $_ ne 'README.md' } @pages);
}

$ENV{PATH} = "$here/bin:$bin:$ENV{PATH}:$here/standin";
chomp(my $make = `PATH=\${PATH#*:} command -v make`);
@ENV{qw(PAGES_MAKE PAGES_TREE)} = ($make, $tree);
write_file("$folder/named", '');
foreach my $file (grep { -f && !/package/ } glob("$tree/examples/* $tree/examples/*/*"))
{
	my $text = read_file($file);
	(my $changed = $text) =~ s/\b(8080|3000)\b/$1 eq '8080' ? $front : $back/ge;
	write_file($file, $changed) if $changed ne $text && $file !~ /\.md$/;
}

local $SIG{TERM} = local $SIG{INT} = sub { exit 1 };
END { my $status = $?; end_page(); $? = $status; }

make_template();
my $tables = do "$here/tables.pl" or die "tables.pl: $@\n";
my @start = grep { $_->{heading} eq "Install" && $_->{text} !~ /^make$/m } read_blocks(read_file("$tree/README.md"));
check_page($_, $tables, $_ eq 'README.md' ? () : @start) foreach grep { !$ENV{PAGES} || $ENV{PAGES} =~ /(^| )\Q$_\E( |$)/ } all_pages();

$page{name} = 'pages';
fail("no page has the table $_") foreach $ENV{PAGES} ? () : sort keys %$tables;
my $named = () = read_file("$folder/named") =~ /\n/g;
$skipped{'marked as text, for it cannot be run here'} = $count{unrun} if $count{unrun};
print "skipped $skipped{$_}: $_\n" foreach sort keys %skipped;
print "$count{run} commands on $count{pages} pages ($named make targets are only looked for), $count{tables} tables, $count{links} links; ",
	"not run: $count{unrun}\n";
my $skipped = sum0(values %skipped);
my $passed = max(0, $count{run} + $count{tables} + $count{links} - $count{failed});
print "$passed passed, $count{failed} failed, $skipped skipped\n";
exit($count{failed} ? 1 : 0);
