/*
 * mention.c
 *	  Unit test of src/log/mention.c: texts that name a request, in the
 *	  spellings of SQL, and texts that do not.
 */
#include "check.h"
#include "log/mention.h"

static const char *const requests[] = {
	"SELECT pgbeam.create_project($1)",
	"SELECT PgBeam.create_project($1)",
	"SELECT \"pgbeam\".create_project($1)",
	"SELECT pgbeam . create_project($1)",
	"SELECT pgbeam\t\n\r\f\v.create_project($1)",
	"SELECT \"pgbeam\" \f .\"create_project\"($1)",
	"SELECT pgbeam/* . */.create_project($1)",
	"SELECT pgbeam /* . */ .create_project($1)",
	"SELECT pgbeam--\n.create_project($1)",
	"SELECT U&\"\\0070gbeam\".create_project($1)",
	"SELECT u&\"!0070gbeam\" UESCAPE '!' . create_project($1)",
	"SET search_path = pgbeam; SELECT create_project($1)",
	"SET SEARCH_PATH TO public, PGBEAM",
	"SELECT set_config('search_path', 'pgbeam', false)",
	"/* pgbeam */ SET search_path = x",
	"SET SCHEMA 'pgbeam'; SELECT create_project($1)",
	"SET SCHEMA\n'pgbeam'",
	"SELECT 'pbo_0'",
	"SELECT 'PBU_0'",
	"SELECT set_config('request.headers', $1, true)",
	"SELECT current_setting('Request.Header.authorization')",
	"pgbeam.",
	"ppgbeam.x"
};

static const char *const others[] = {
	"",
	"p",
	"pgbeam",
	"pgbea.m",
	"pgbeam x.y",
	"SELECT 'pgbeam'",
	"/* pgbeam */ SELECT 1",
	"CREATE EXTENSION pgbeam",
	"GRANT USAGE ON SCHEMA pgbeam TO somebody",
	"SET search_path = public",
	"SET SCHEMA 'public'",
	"connection authorized: user=pgbeam database=pgbeam",
	"SELECT 'pbx_0', 'request.body', U&'\\0070gbeam.'",
	"request.heade",
	"pb",
	"u&",
	"schema"
};

static void
test_requests(void)
{
	for (int i = 0; i < lengthof(requests); i++)
	{
		char	   *text = exact_copy(requests[i], strlen(requests[i]) + 1);

		CHECK(pb_mention_request(text), "%s", text);
		free(text);
	}
	for (int i = 0; i < lengthof(others); i++)
	{
		char	   *text = exact_copy(others[i], strlen(others[i]) + 1);

		CHECK(!pb_mention_request(text), "%s", text);
		free(text);
	}
	CHECK(!pb_mention_request(NULL), "no text");
}

static void
test_calls(void)
{
	CHECK(pb_mention_call("BEGIN RETURN pgbeam.http($1); END"), "a call");
	CHECK(pb_mention_call("pgbeam.typeid('x') pgbeam.http()"), "two calls");
	CHECK(pb_mention_call("pgbeam/**/.typeid('x')"), "a comment");
	CHECK(!pb_mention_call("BEGIN NEW.id := pgbeam.typeid('x'); END"), "an id");
	CHECK(!pb_mention_call("PGBEAM . \"typeid_decode\"(x)"), "an id");
	CHECK(!pb_mention_call("current_setting('request.headers')"), "headers");
	CHECK(!pb_mention_call("") && !pb_mention_call(NULL), "nothing");
}

static void
test_execute(void)
{
	static const char *const executes[] = {
		"EXECUTE q('x')", "execute q", "BEGIN; Execute q; COMMIT",
		"/* */EXECUTE q", "EXPLAIN EXECUTE q", "EXECUTE\"q\"('x')",
		"EXECUTE/**/q", "EXECUTE", "EXECUTE one", "EXECUTE on_"
	};
	static const char *const no_executes[] = {
		"", "SELECT 1", "executes", "to_execute", "execute1",
		"1execute", "GRANT EXECUTE ON FUNCTION f() TO r",
		"REVOKE EXECUTE\n ON ALL FUNCTIONS", "SELECT \303\244execute"
	};

	for (int i = 0; i < lengthof(executes); i++)
		CHECK(pb_mention_execute(executes[i]), "%s", executes[i]);
	for (int i = 0; i < lengthof(no_executes); i++)
		CHECK(!pb_mention_execute(no_executes[i]), "%s", no_executes[i]);
	CHECK(!pb_mention_execute(NULL), "no text");
}

/* A name is found anywhere in a text, whatever is around it. */
static void
test_noise(void)
{
	for (int round = 0; round < 20000; round++)
	{
		size_t		size = next_random() % 40;
		const char *name = requests[next_random() % lengthof(requests)];
		char	   *text = exactly(size + strlen(name) + 1);

		random_fill(text, size);
		for (size_t i = 0; i < size; i++)
			text[i] = text[i] == '\0' ? ' ' : text[i];
		strcpy(text + size, name);
		CHECK(pb_mention_request(text), "%s behind noise", name);
		free(text);
	}
}

int
main(void)
{
	test_requests();
	test_calls();
	test_execute();
	test_noise();
	return report("mention");
}
