# A stored ciphertext opens only unchanged, and only where it was written.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use PgbeamTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = set_up('main', folder('keys') . '/keyring');
my ($project, $database) = make($node, 'victim');
value($node, <<SQL);
CREATE FUNCTION public.try(sealed bytea) RETURNS text LANGUAGE plpgsql AS \$\$
BEGIN
	UPDATE pgbeam.databases SET password_sealed = sealed
	WHERE id = pgbeam.typeid_decode('$database');
	PERFORM pgbeam.reveal_password('$database');
	RETURN 'opened';
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE;
END
\$\$;
CREATE TABLE public.victim AS
SELECT password_sealed AS sealed, length(password_sealed) AS length FROM pgbeam.databases
WHERE id = pgbeam.typeid_decode('$database')
SQL

# change, for which n, the SQLSTATE, and how often it is raised
foreach my $case (
	[ 'sealed', '0, 0', 'opened 1' ],
	[ 'set_bit(sealed, n, 1 - get_bit(sealed, n))', '0, 7', 'PB004 8' ],
	[ 'set_bit(sealed, n, 1 - get_bit(sealed, n))', '16, 143', 'PB002 128' ],
	[ 'set_bit(sealed, n, 1 - get_bit(sealed, n))', '144, 8 * length - 1', 'PB004 832' ],
	[ 'set_byte(sealed, 0, n)', '0, 255', 'PB004 255,opened 1' ],
	[ 'set_byte(sealed, 1, n)', '0, 255', '0A000 1,PB004 254,opened 1' ],
	[ 'substr(sealed, 1, n)', '0, length - 1', 'PB004 122' ],
	[ 'substr(sealed, 1, 2) || substr(sealed, n)', '4, length', 'PB004 119' ],
	[ q(sealed || decode(repeat('00', n), 'hex')), '1, 64', 'PB004 64' ])
{
	my ($change, $range, $want) = @$case;

	is(value($node, <<SQL), $want, "$change for $range");
SELECT string_agg(state || ' ' || n, ',' ORDER BY state COLLATE "C") FROM (
	SELECT state, count(*) AS n
	FROM public.victim, generate_series($range) AS n, public.try($change) AS state
	GROUP BY state) AS s
SQL
}

# Each part of its place binds it on its own.
my ($elsewhere) = make($node, 'elsewhere');
value($node, <<SQL);
SELECT pgbeam.set_organization('globex');
UPDATE pgbeam.databases SET password_sealed = sealed FROM public.victim
WHERE id = pgbeam.typeid_decode('$database');
INSERT INTO pgbeam.projects
SELECT (jsonb_populate_record(p, '{"org_id": "globex"}')).* FROM pgbeam.projects AS p
WHERE id = pgbeam.typeid_decode('$project');
SQL
foreach my $case (
	[ 'password_generation = password_generation', '00000' ],
	[ "org_id = 'globex'", 'PB004' ],
	[ "project_id = pgbeam.typeid_decode('$elsewhere')", 'PB004' ],
	[ "id = '00000000-0000-7000-8000-000000000000'", 'PB004' ],
	[ 'password_generation = 2', 'PB004' ])
{
	my ($change, $state) = @$case;

	is(ask($node, <<SQL)->{state}, $state, "a place with $change");
BEGIN;
UPDATE pgbeam.databases SET $change WHERE id = pgbeam.typeid_decode('$database')
RETURNING pgbeam.typeid_encode('db', id) AS moved \\gset
SELECT pgbeam.reveal_password(:'moved') IS NULL;
SQL
}

done_testing();
