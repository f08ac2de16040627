# Secrets are resealed under a new key while others use them. Secrets that
# other sessions hold are left for later, a batch that fails changes nothing,
# and secrets that do not open are reported and stay.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use PgbeamTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $keyring = folder('keys') . '/keyring';
my $node = set_up('main', $keyring);
my ($first, $second) = map { session($node) } 1 .. 2;

# Makes a key that all sessions use from now on; returns its id.
sub turn_over
{
	my $key = value($node, 'SELECT pgbeam.create_key()');

	reload();
	return $key;
}

sub reload
{
	my $before = value($second, 'SELECT pg_conf_load_time()');

	$node->reload;
	foreach my $session ($first, $second)
	{
		value($session, 'SELECT pg_sleep(0.05)') until value($session, "SELECT pg_conf_load_time() > '$before'") eq 't';
	}
	return;
}

sub rewrap { return value($_[0], "SELECT pgbeam.rewrap($_[1])") }

sub sealed { return "(SELECT password_sealed FROM pgbeam.databases WHERE id = pgbeam.typeid_decode('$_[0]'))" }

# How many secrets need each key, the oldest first, and each key's state.
sub status
{
	my @ids = slurp_file($keyring) =~ /^(\w+) /mg;
	my %status = map { split /\|/, $_, 2 } split /\n/,
	  value($node, 'SELECT key_id, state, secrets FROM pgbeam.key_status()');

	return join ', ', map { $status{$_} =~ s/\|/ /r } @ids;
}

my %project;
my %database;
($project{$_}, $database{$_}) = make($node, $_) foreach map { "p$_" } 1 .. 8;
is(rewrap($first, 5), 0, 'with one key there is nothing to do');
turn_over();
is(status(), 'needed 8, active 0', 'a new key, and eight secrets of the old one');

# Two sessions at once.
value($first, 'BEGIN');
is(rewrap($first, 3), 5, 'a first session does three and has not committed');
is(rewrap($second, 2), 6, 'a second one does two others, and sees three as not done');
is(rewrap($second, 100), 3, 'and all it can get');
is(rewrap($second, 100), 3, 'those that are held it leaves, without waiting');
is(count_open($second), '8|8', 'all open to it');
is(status(), 'needed 3, active 5', 'three need the old key, as far as others see');
value($first, 'ROLLBACK');
is(count_open($first), '8|8', 'all open when the first is undone');
is(status(), 'needed 3, active 5', 'three need the old key');
is(rewrap($second, 2), 1, 'whoever comes next goes on');
is(rewrap($second, 2), 0, 'to the end');
is(status(), 'retired 0, active 8', 'nothing needs the old key');
is(count_open($second), '8|8', 'all open');

# A backend that ends in the middle of a batch: a lock stops it at one row.
turn_over();
value($node, <<SQL);
CREATE FUNCTION public.wait() RETURNS trigger LANGUAGE plpgsql AS \$\$
BEGIN
	IF NEW.id = pgbeam.typeid_decode('$database{p5}') THEN
		PERFORM pg_advisory_xact_lock(1);
	END IF;
	RETURN NEW;
END
\$\$;
CREATE TRIGGER wait BEFORE UPDATE ON pgbeam.databases FOR EACH ROW EXECUTE FUNCTION public.wait();
SQL

# Stops the second session at that row within a batch.
sub stop_within_batch
{
	value($first, 'SELECT pg_advisory_lock(1)');
	$second->query_until(qr/begun/, "\\echo begun\nSELECT pgbeam.rewrap(100);\n");
	$node->poll_query_until('postgres',
		"SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted)");
	return value($node, "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND NOT granted");
}

my $pid = stop_within_batch();
is(status(), 'retired 0, needed 8, active 0', 'a batch is under way');
is(count_open($node), '8|8', 'all open meanwhile');
($project{meanwhile}, $database{meanwhile}) = make($node, 'meanwhile');
is(rewrap($node, 100), 8, 'another session has nothing that it could do');
value($node, "SELECT pg_terminate_backend($pid, 10000)");
value($first, 'SELECT pg_advisory_unlock(1)');
eval { $second->quit };
$second = session($node);
is(status(), 'retired 0, needed 8, active 1', 'its backend is ended: nothing is done');
is(count_open($node), '9|9', 'all open');
is(rewrap($second, 100), 0, 'the next one does all');
is(status(), 'retired 0, retired 0, active 9', 'nothing is left');

# A cancelled backend, and a crash of the server.
turn_over();
$pid = stop_within_batch();
value($node, "SELECT pg_cancel_backend($pid)");
value($first, 'SELECT pg_advisory_unlock(1)');
like(ask($second, 'SELECT 1')->{out}, qr/1$/, 'a cancelled session goes on');
is(status(), 'retired 0, retired 0, needed 9, active 0', 'and has done nothing');
value($node, 'DROP TRIGGER wait ON pgbeam.databases');
is(rewrap($second, 4), 5, 'four are done');
$_->quit foreach $first, $second;
$node->stop('immediate');
$node->start;
($first, $second) = map { session($node) } 1 .. 2;
is(status(), 'retired 0, retired 0, needed 5, active 4', 'four are done after a crash');
is(count_open($node), '9|9', 'all open');
is(rewrap($second, 100), 0, 'and the others follow');

# Deleted, changed and read at the same time.
turn_over();
value($first, "BEGIN; SELECT pgbeam.delete_project('$project{p1}')");
is(rewrap($second, 100), 1, 'a row that is being deleted is left');
value($first, 'COMMIT');
is(rewrap($second, 100), 0, 'deleted it needs no key');
turn_over();
value($first, 'BEGIN');
is(rewrap($first, 100), 0, 'all are held by a batch');
$second->query_until(qr/begun/, "\\echo begun\nSELECT pgbeam.delete_project('$project{p2}');\n");
$node->poll_query_until('postgres', 'SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)');
is(count_open($node), '8|8', 'all open while a delete waits for the batch');
value($first, 'COMMIT');
value($second, 'SELECT 1');
is(value($node, 'SELECT ' . sealed($database{p2}) . ' IS NULL'), 't', 'what was deleted has no secret afterwards');
is(status() =~ s/.*retired 0, //r, 'active 7', 'and no other is left');

# The password is the same, and the row's other values stay.
is(value($node, 'SELECT count(*) FROM pgbeam.databases WHERE password_generation <> 1 OR updated_at <> created_at'), 0,
	'generation and times are as they were');

# Keys that are not in the keyring.
turn_over();
my $both = slurp_file($keyring);
my ($newest) = $both =~ /(.*\n)\z/;
spill($keyring, $newest);
reload();
is(rewrap($second, 100), 0, 'secrets whose key is missing are nothing it could do');
is(value($node, "SELECT string_agg(state || ' ' || secrets, ', ' ORDER BY state) FROM pgbeam.key_status()"),
	'active 0, missing 7', 'nor is the key called retired');
is(ask($second, "SELECT pgbeam.reveal_password('$database{p3}') IS NULL")->{state}, 'PB002', 'they do not open');
spill($keyring, '');
reload();
is(ask($second, 'SELECT pgbeam.rewrap(100)')->{state}, 'PB003', 'without any key it is refused');
spill($keyring, $both);
reload();
is(rewrap($second, 3), 4, 'back again, they are done');

# Damaged and moved secrets, of the older key and of the newer one.
my %at = map { reverse split /\|/ } split /\n/, value($node, <<'SQL');
SELECT p.name, row_number() OVER (PARTITION BY pgbeam.secret_key_id(d.password_sealed) ORDER BY d.ctid)
	|| CASE WHEN pgbeam.secret_key_id(d.password_sealed) = (SELECT key_id FROM pgbeam.key_status() WHERE state = 'active')
		THEN ' new' ELSE ' old' END
FROM pgbeam.databases AS d JOIN pgbeam.projects AS p ON p.id = d.project_id WHERE d.password_sealed IS NOT NULL
SQL
# The database of the project with this number under its key.
sub at { return $database{ $at{ $_[0] } } }

sub put
{
	my ($place, $bytes) = @_;

	value($node, "UPDATE pgbeam.databases SET password_sealed = $bytes WHERE id = pgbeam.typeid_decode('" . at($place) . "')");
	return;
}

sub opens { return ask($node, "SELECT pgbeam.reveal_password('" . at($_[0]) . "') IS NULL")->{state} }

my ($damaged, $moved, $aside) = map { sealed(at($_)) } '1 old', '2 old', '1 new';
value($node, "CREATE TABLE public.kept AS SELECT $damaged AS damaged, $moved AS moved, $aside AS aside");
put('1 old', "set_byte($damaged, 60, 255 - get_byte($damaged, 60))");
put('2 old', sealed(at('3 old')));
put('1 new', sealed(at('2 new')));
my $got = ask($second, 'SELECT pgbeam.rewrap(100)');
is($got->{out}, '0', 'of four old ones two are all it can do');
foreach my $place ('1 old', '2 old')
{
	my $id = at($place);
	like($got->{err}, qr/WARNING:.*secret of database $id fails authentication/, "$place: a warning names it");
	is(opens($place), 'PB004', "$place: it does not open");
}
unlike($got->{err}, qr/\Q$PASSWORD\E|@{[ at('1 new') ]}/, 'and nothing else');
is(opens('1 new'), 'PB004', 'one that was moved under the active key does not open either');
is(opens($_), '00000', "$_ opens") foreach '3 old', '4 old', '2 new', '3 new';
like(status(), qr/needed 2, active 5$/, 'the key of those that do not open is not called retired');
is(ask($second, 'SELECT pgbeam.rewrap(100)')->{state}, 'PB004', 'when there are only such, that is an error');
put('1 old', '(SELECT damaged FROM public.kept)');
put('2 old', '(SELECT moved FROM public.kept)');
put('1 new', '(SELECT aside FROM public.kept)');
is(rewrap($second, 100), 0, 'mended, they are done');
is(count_open($node), '7|7', 'all open');

# An older ciphertext in its own place is still that secret. With another
# generation, as a new password has, it does not open.
put('1 old', '(SELECT damaged FROM public.kept)');
is(opens('1 old'), '00000', 'the old ciphertext is still good where it was');
value($node, "UPDATE pgbeam.databases SET password_generation = 2 WHERE id = pgbeam.typeid_decode('" . at('1 old') . "')");
is(opens('1 old'), 'PB004', 'but not for a newer generation');
is(ask($second, 'SELECT pgbeam.rewrap(100)')->{state}, 'PB004', 'nor does turning over make it so');
put('1 old', sealed(at('2 old')));
is(opens('1 old'), 'PB004', 'a new ciphertext does not open elsewhere');

# The table is walked through only a few times, however small the batches are.
value($node, <<SQL);
SELECT pgbeam.create_database('$project{p3}', jsonb_build_object('host', 'db.example.com', 'port', 5432, 'name', 'd', 'username', 'u', 'password', '$PASSWORD'))
FROM generate_series(1, 300);
SQL
value($node, "DELETE FROM pgbeam.databases WHERE password_generation > 1");
turn_over();
my $walker = session($node);
sub rows_read
{
	value($walker, 'SELECT pg_stat_force_next_flush()');
	return value($node, 'SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_user_tables WHERE relid = $$pgbeam.databases$$::regclass');
}
my ($calls, $read) = (0, rows_read());
$calls++ while rewrap($walker, 10) > 0 and $calls < 100;
$read = rows_read() - $read;
is(rewrap($walker, 10), 0, 'all are done');
cmp_ok($calls, '>', 25, 'by many calls');
cmp_ok($read, '<', 300 * 6, "which read $read rows of some 300 in all");
$walker->quit;

# Callers of the API may not.
value($node, "CREATE ROLE app LOGIN; SELECT pgbeam.grant_access('app', 'api')");
is(ask($node, 'SELECT pgbeam.rewrap(1)', role => 'app')->{state}, '42501', 'a caller has no right to it');
$_->quit foreach $first, $second;

done_testing();
