# The common part of the tests of tables that Citus distributes: a coordinator
# and two workers, organizations whose rows are on different nodes, and calls
# of the API.
package CitusTest;

use strict;
use warnings;

use Exporter 'import';
use JSON::PP;
use PgbeamTest;
use PostgreSQL::Test::Utils;
use Test::More;

our @EXPORT = qw(lack_of_citus new_nodes join_nodes node_of orgs_apart encoded request nodes_asked);

my $json = JSON::PP->new->utf8->canonical;

# Why the tests cannot run, or nothing.
sub lack_of_citus
{
	my $pkglibdir = `pg_config --pkglibdir`;

	chomp $pkglibdir;
	return -f "$pkglibdir/citus.so" ? '' : 'the server has no Citus';
}

# A coordinator and two workers, which do not know each other. Settings are
# those of the coordinator. What runs on a worker loads the library where the
# server has not.
sub new_nodes
{
	my ($settings, %how) = @_;
	my $common = <<CONF;
citus.node_conninfo = 'sslmode=disable'
citus.recover_2pc_interval = -1
citus.node_connection_timeout = 2000
max_prepared_transactions = 50
CONF

	return (
		new_cluster('coordinator', "shared_preload_libraries = 'citus, pgbeam'\n$common$settings", %how),
		map { new_cluster($_, "shared_preload_libraries = 'citus'\n$common", %how) } qw(worker_1 worker_2));
}

# Makes them nodes of one Citus. The coordinator has the extension.
sub join_nodes
{
	my ($home, @workers) = @_;

	value($_, 'CREATE EXTENSION citus') foreach @workers;
	value($home, "SELECT citus_set_coordinator_host('" . $home->host . "', " . $home->port . ')');
	value($home, "SELECT citus_add_node('" . $_->host . "', " . $_->port . ')') foreach @workers;
	return;
}

# SQL: the port of the node that has the row of a table with this value.
sub node_of
{
	my ($table, $value) = @_;

	return "(SELECT nodeport FROM pg_dist_shard_placement WHERE shardid = get_shard_id_for_distribution_column('pgbeam.$table', $value))";
}

# Two organizations whose rows are on different nodes, each with its port.
sub orgs_apart
{
	my ($home) = @_;
	my $port = node_of('projects', 'org');
	my %org_at = map { reverse split /\|/ } split /\n/,
	  value($home, "SELECT org, $port FROM generate_series(1, 30) AS n, concat('org_', n) AS org");
	my %port_of = reverse %org_at;

	is(scalar keys %port_of, 2, 'there are organizations on both nodes');
	return %port_of;
}

sub encoded { return $json->encode(shift) }

# A request by an API key: its status and answer. The word PASSWORD in a body
# stands for the password of the tests.
sub request
{
	my ($home, $key, $method, $uri, $body, %headers) = @_;
	my $sent = encoded({ 'X-API-Key' => $key, 'Content-Type' => 'application/json', %headers });
	my $with = defined $body ? "convert_to(replace('" . encoded($body) . "', 'PASSWORD', :'password'), 'UTF8')" : 'NULL';
	my ($status, $answer) = split /\|/,
	  value($home, "SELECT status, body FROM pgbeam.http('$method', '$uri', '$sent', $with)"), 2;

	return ($status, $answer ? decode_json($answer) : {});
}

# What Citus sends to the nodes for a call: the statements, and the ports of the
# nodes that got them.
sub nodes_asked
{
	my ($home, $sql) = @_;
	my $got = ask($home, "SET citus.log_remote_commands = on; SET client_min_messages = notice; $sql");
	my %ports;

	is($got->{state}, '00000', 'the call works') or diag($got->{err});
	$ports{$_} = 1 foreach $got->{err} =~ /on server \S+:(\d+)/g;
	return ([ $got->{err} =~ /issuing (.*)/g ], [ sort keys %ports ]);
}

1;
