/*
 * proxykey.c
 *	  Unit test of src/base/proxykey.c: what can be a key of PgBouncer's, routes
 *	  and keys at their limits, and that no key is ever refused there.
 */
#include "check.h"
#include "base/proxykey.h"
#include "base/text.h"
#include "base/typeid.h"

#define ID "db_01h455vb4pex5vsknk084sn02q"
#define X10 "xxxxxxxxxx"
#define X60 X10 X10 X10 X10 X10 X10

static const char *const keys[] = {
	"orders", "my-db_1.x", "A", "a*b", "**", ".", "pgbouncer2", "Pgbouncer", "PGBOUNCER",
	"pgbeam", "rO", ".RO", "a.ro.", "db_", "prj", "template1", "replication", "all",
	X60 "abc", "db_01h455vb4pex5vsknk084sn02", "_01h455vb4pex5vsknk084sn02q", NULL
};

static const char *const no_keys[] = {
	"", "*", "pgbouncer", "pgbeam_registry", ".ro", "ro", "orders.ro", "my db/1", "o'clock", "\"", "a$b", "a:b",
	"a@b", "a,b", "a;b", "a#b", "a=b", "a%b", "a\\b", "\n", "\x7f", "b\xc3\xbc" "cher", "\xf0\x9f\x98\x80", "\xff", X60 "abcd",
	ID, "prj_01h455vb4pex5vsknk084sn02q", "01h455vb4pex5vsknk084sn02q", NULL
};

static void
test_is_key(void)
{
	for (int i = 0; keys[i] != NULL; i++)
		CHECK(pb_proxykey_is_legal(keys[i], strlen(keys[i])), "%s", keys[i]);
	for (int i = 0; no_keys[i] != NULL; i++)
		CHECK(!pb_proxykey_is_legal(no_keys[i], strlen(no_keys[i])), "%s", no_keys[i]);
	CHECK(!pb_proxykey_is_legal("a\0b", 3), "a zero byte");
}

static bool
makes(const char *cloud, const char *name, const char *expected)
{
	char		route[PB_ROUTE_MAX + 1];
	size_t		length = pb_proxykey_route(cloud, name,
									   name == NULL ? 0 : strlen(name), ID,
									   route);

	return length == strlen(expected) && strcmp(route, expected) == 0 &&
		pb_proxykey_route_problem(route, length) == NULL;
}

static void
test_make(void)
{
	CHECK(makes("aws", "orders", "aws.orders"), "a name");
	CHECK(makes("azure", X60 "abc", "azure." X60 "abc"), "63 bytes");
	CHECK(makes("gcp", X60 "abcd", "gcp." ID), "64 bytes");
	CHECK(makes("gcp", NULL, "gcp." ID), "a name that is taken");
	for (int i = 0; no_keys[i] != NULL; i++)
		CHECK(makes("aws", no_keys[i], "aws." ID), "%s", no_keys[i]);
}

static void
test_problem(void)
{
	static const char *const bad[] = {
		"", "aws", ".", "aws.", ".orders", "aws.orders.ro", "aws.o'clock", "aws.a b", "aws.\xc3\xbc", "\naws.a", NULL
	};

	for (int i = 0; bad[i] != NULL; i++)
		CHECK(pb_proxykey_route_problem(bad[i], strlen(bad[i])) != NULL, "%s", bad[i]);
	CHECK(pb_proxykey_route_problem("aws.a\0b", 7) != NULL, "a zero byte");
}

static bool
gives(const char *host, const char *route, const char *expected)
{
	char		key[PB_KEY_MAX + 1];
	size_t		length = pb_proxykey(host, strlen(host), route,
									  strlen(route), ID, key);

	return length == strlen(expected) && strcmp(key, expected) == 0;
}

static void
test_key(void)
{
	CHECK(gives("my-app.aws.pgbeam.app", "aws.orders", "my-app.aws.orders"), "a key");
	CHECK(gives("my-app.gcp.pgbeam.app", "gcp.orders", "my-app.gcp.orders"), "another cloud");
	CHECK(gives("my-app", "aws.orders", "my-app.aws.orders"), "a host without a dot");
	CHECK(gives("x.aws.pgbeam.app", "aws." X10 X10 X10 X10 X10 "1234567", "x.aws." X10 X10 X10 X10 X10 "1234567"), "63 bytes");
	CHECK(gives("x.aws.pgbeam.app", "aws." X10 X10 X10 X10 X10 "12345678", "x.aws." ID), "64 bytes");
	CHECK(gives(X10 X10 "123456789.aws.pgbeam.app", "aws." X60, X10 X10 "123456789.aws." ID), "63 bytes with the id");
	CHECK(gives(X10 X10 "1234567890.aws.pgbeam.app", "aws." X60, ID), "64 bytes with the id");
	CHECK(gives(X10 X10 X10 X10 X10 "1234-123456.aws.pgbeam.app", "aws.a", ID), "the longest label");
	CHECK(gives(X10 X10 X10 X10 X10 "1234567.aws.pgbeam.app", "aws.a", X10 X10 X10 X10 X10 "1234567.aws.a"), "a long label and a short name");
}

static bool
leads_to(const char *key, const char *expected)
{
	char		replicas[PB_KEY_MAX + 1];
	size_t		length = pb_proxykey_replicas(key, ID, replicas);

	return length == strlen(expected) && strcmp(replicas, expected) == 0;
}

static void
test_replicas_key(void)
{
	CHECK(leads_to("my-app.aws.orders", "my-app.aws.orders.ro"), "a key");
	CHECK(leads_to(ID, ID ".ro"), "an id");
	CHECK(leads_to(X60, X60 ".ro"), "63 bytes");
	CHECK(leads_to(X60 "x", ID ".ro"), "64 bytes");
}

/* Random bytes, of which most are of the alphabet. */
static size_t
random_name(char *name, size_t most)
{
	static const char often[] = "abcXYZ019_.*-ro";
	size_t		length = next_random() % (most + 1);

	for (size_t i = 0; i < length; i++)
		name[i] = next_random() % 16 == 0 ? (char) next_random() :
			often[next_random() % (sizeof(often) - 1)];
	return length;
}

/* Whatever a database is called, PgBouncer takes its key. */
static void
test_any_name(void)
{
	static const char *const clouds[] = {"aws", "azure", "gcp"};

	for (int i = 0; i < 200000; i++)
	{
		char		name[80];
		char		label[PB_LABEL_MAX];
		char		host[PB_LABEL_MAX + 20];
		char		route[PB_ROUTE_MAX + 1];
		char		key[PB_KEY_MAX + 1];
		const char *cloud = clouds[next_random() % 3];
		size_t		length = random_name(name, sizeof(name));
		size_t		label_length = pb_text_label(name, length, label);
		char	   *copy = exact_copy(name, length);
		size_t		size = pb_proxykey_route(cloud, copy, length, ID, route);

		CHECK(pb_proxykey_route_problem(route, size) == NULL && strlen(route) == size, "%s", route);
		sprintf(host, "%.*s.%s.pgbeam.app", (int) label_length, label, cloud);
		size = pb_proxykey(host, strlen(host), route, size, ID, key);
		CHECK(strlen(key) == size && size <= PB_KEY_MAX &&
			  (strcmp(key, ID) == 0 || pb_proxykey_is_legal(key, size)), "%s", key);
		free(copy);
	}
}

int
main(void)
{
	test_is_key();
	test_make();
	test_problem();
	test_key();
	test_replicas_key();
	test_any_name();
	return report("proxykey");
}
