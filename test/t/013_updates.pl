# Updates on a server in unusual states: without a key, with triggers and
# indexes that the operator added, and after keys were rotated.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use JSON::PP;
use PgbeamTest;
use Test::More;

my $keyring = folder('keys') . '/keyring';
my $node = set_up('main', $keyring, "restart_after_crash = on\n");
my ($project, $database) = make($node, 'shop');
value($node, q(SELECT pgbeam.set_organization('acme')));
my $key = value($node, "SELECT key FROM pgbeam.create_api_key(org_id => 'acme')");

# An update over HTTP, with its body as an SQL expression: its status, and a
# refusal's code or the wanted member.
sub patch
{
	my ($path, $body, $member, $where) = @_;

	return ask($where // $node, <<SQL)->{out};
SELECT a.status, coalesce(a.body::json #>> '{error,code}', a.body::json ->> '$member')
FROM pgbeam.http('PATCH', '/v1/projects/$project$path',
	'{"X-API-Key": "$key", "Content-Type": "application/json"}', convert_to(($body)::text, 'UTF8')) AS a
SQL
}

my $at = "/databases/$database";
my $rotation = "jsonb_build_object('password', :'password' || '-' || '%s')";
my $opens = "SELECT pgbeam.reveal_password('$database') = :'password' || '-' || '%s'";

sub opens { return value($node, sprintf($opens, $_[0])) }

# Without a key, only a password cannot be updated.
my $keys = PostgreSQL::Test::Utils::slurp_file($keyring);
unlink $keyring;
$node->reload;

is(patch('', q('{"description": "no key"}'::json), 'description'), '200|no key', 'a project, without a key');
is(patch($at, q('{"port": 5433, "password": ""}'::json), 'port'), '200|5433', 'a database and no password');
is(patch($at, sprintf($rotation, 1), 'port'), '503|SERVICE_UNAVAILABLE', 'a password, without a key');
like(ask($node, "SELECT pgbeam.update_database('$project', '$database', " . sprintf($rotation, 1) . ')')->{state},
	qr/^PB00[1-3]$/, 'the same in SQL');
is(value($node, 'SELECT port, password_generation FROM pgbeam.databases'), '5433|1', 'and nothing of it is written');

spill($keyring, $keys);
$node->reload;
is(patch($at, sprintf($rotation, 1), 'port'), '200|5433', 'with its key again');
is(opens(1), 't', 'which opens it');

# A password that was changed before its key was rotated, or after.
value($node, 'SELECT pgbeam.create_key()');
$node->reload;
is(value($node, 'SELECT pgbeam.rewrap()'), '0', 'sealed under the next key');
is(opens(1), 't', 'it is the same password');
is(patch($at, sprintf($rotation, 2), 'port'), '200|5433', 'rotated under that');
is(opens(2), 't', 'it is the new one');
is(value($node, 'SELECT password_generation FROM pgbeam.databases'), '3', 'of the third generation');

# Users' triggers see each write once, and nothing if nothing is written.
value($node, <<'SQL');
CREATE TABLE seen (what text);
CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS
	$$ BEGIN INSERT INTO public.seen VALUES (TG_TABLE_NAME || ' ' || TG_OP); RETURN NULL; END $$;
CREATE TRIGGER see AFTER INSERT OR UPDATE OR DELETE ON pgbeam.projects FOR EACH ROW EXECUTE FUNCTION see();
CREATE TRIGGER see AFTER INSERT OR UPDATE OR DELETE ON pgbeam.databases FOR EACH ROW EXECUTE FUNCTION see();
SQL

sub seen
{
	my ($code) = @_;

	value($node, 'TRUNCATE seen');
	$code->();
	return value($node, "SELECT coalesce(string_agg(what, ', '), '') FROM seen");
}

is(seen(sub { patch('', q('{"name": "shop", "tags": []}'::json), 'name'); patch($at, q('{"port": 5433.0}'::json), 'port') }),
	'', 'an update that changes nothing writes nothing');
is(seen(sub { patch('', q('{"tags": ["a"]}'::json), 'name') }), 'projects UPDATE', 'one of a project');
is(seen(sub { patch($at, q('{"port": 1, "cache_config": null}'::json), 'port') }), 'databases UPDATE', 'one of a database');
is(seen(sub { patch($at, sprintf($rotation, 3), 'port') }), 'databases UPDATE', 'one of a password');
is(seen(sub { patch($at, q('{"port": 0}'::json), 'port') }), '', 'one that is refused');

# If a trigger changes a row, the answer has the changed row.
value($node, <<'SQL');
CREATE FUNCTION change() RETURNS trigger LANGUAGE plpgsql AS
	$$ BEGIN NEW.description := upper(NEW.description); RETURN NEW; END $$;
CREATE TRIGGER change BEFORE UPDATE ON pgbeam.projects FOR EACH ROW EXECUTE FUNCTION change();
SQL
is(patch('', q('{"description": "loud"}'::json), 'description'), '200|LOUD', 'a trigger has the last word');
value($node, <<'SQL');
DROP FUNCTION change CASCADE;
CREATE FUNCTION veto() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER veto BEFORE UPDATE ON pgbeam.projects FOR EACH ROW EXECUTE FUNCTION veto();
CREATE TRIGGER veto BEFORE UPDATE ON pgbeam.databases FOR EACH ROW EXECUTE FUNCTION veto();
SQL
is(ask($node, "SELECT pgbeam.update_project('$project', '{\"name\": \"x\"}')")->{state}, '09000', 'a veto is no success');
is(ask($node, "SELECT pgbeam.update_database('$project', '$database', '{\"port\": 2}')")->{state}, '09000', 'of a database neither');
value($node, 'DROP FUNCTION veto CASCADE');

# An operator's own index. A row that it forbids is not written, the refusal is
# in the right words, and the server survives.
value($node, <<SQL);
SELECT pgbeam.create_database('$project', jsonb_build_object('host', 'there', 'port', 1, 'name', 'd', 'username', 'u', 'password', :'password'));
SQL
make($node, 'other', description => 'there', database => { host => 'elsewhere' });
value($node, <<'SQL');
CREATE UNIQUE INDEX ON pgbeam.databases (org_id, host) WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX ON pgbeam.projects (org_id, description) WHERE deleted_at IS NULL;
SQL

foreach ([ 'database', $at, 'host', "pgbeam.update_database('$project', '$database', '{\"host\": \"there\"}')" ],
	[ 'project', '', 'description', "pgbeam.update_project('$project', '{\"description\": \"there\"}')" ])
{
	my ($what, $path, $member, $call) = @$_;
	my $got = ask($node, "SELECT $call");
	my $log = log_since($node, sub { patch($path, qq('{"$member": "there"}'::json), $member) });

	like($got->{state}, qr/^(PT409|23505)$/, "$what: an error in SQL");
	unlike($got->{message}, qr/\(null\)|this name/, "$what: that says what is so");
	unlike($log, qr/terminated by signal/, "$what: the server lives on");
	$node->poll_query_until('postgres', 'SELECT true');
}

done_testing();
