# The units of systemd in the examples: systemd finds nothing wrong with them.
# Whether they run is not tried: that needs a machine that systemd has started.

use strict;
use warnings;

use FindBin;
use PostgreSQL::Test::Utils;
use Test::More;

my $exposure_max = 2.0; # of 10; systemd calls less than that OK
my ($out) = PostgreSQL::Test::Utils::run_command([ 'sh', '-c', 'systemd-analyze --version 2>/dev/null || true' ]);

plan skip_all => 'there is no systemd-analyze 250 or later' if $out !~ /^systemd (\d+)/ || $1 < 250;
my $folder = PostgreSQL::Test::Utils::tempdir();

# The unit, as an instance where it is a template, with a program that is there.
sub install
{
	my ($name, $instance) = @_;
	my $text = slurp_file("$FindBin::RealBin/../../examples/dataplane/$name");
	my $path = "$folder/" . $name =~ s/@/\@$instance/r;

	$text =~ s{^ExecStart=\S+}{ExecStart=/bin/true}m or die $name;
	append_to_file($path, $text);
	return $path;
}

foreach my $unit (qw(pgbeam-agent.service pgbouncer@.service))
{
	my $path = install($unit, 'require');
	my ($said, $complaints) = PostgreSQL::Test::Utils::run_command([ 'systemd-analyze', 'verify', $path ]);

	is($said . join("\n", grep { /\Q$folder\E|pgbeam|pgbouncer/ } split /\n/, $complaints), '', "$unit is understood");
	($said) = PostgreSQL::Test::Utils::run_command([ 'systemd-analyze', 'security', '--offline=true', '--no-pager', $path ]);
	my ($exposure) = $said =~ /Overall exposure level for \S+ ([0-9.]+)/;

	cmp_ok($exposure // 10, '<', $exposure_max, "$unit is closed: " . ($exposure // 'not judged'));
}

done_testing();
