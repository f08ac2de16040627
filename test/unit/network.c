/*
 * network.c
 *	  Unit test of src/base/network.c: networks and the addresses at their
 *	  edges, forms of IPv6 that hold an address of IPv4, and names of the own
 *	  machine.
 */
#include "check.h"
#include "base/network.h"
#include "base/text.h"

static bool
lies_in(const char *host, const char *network)
{
	char	   *copy = exact_copy(host, strlen(host));
	uint8_t		address[PB_ADDRESS_BYTES];
	uint8_t		forms[PB_NETWORK_FORMS][PB_ADDRESS_BYTES];
	PbNetwork	read;
	int			count = pb_network_read(network, strlen(network), &read) &&
		pb_network_read_host(copy, strlen(host), address) ? pb_network_forms(address, forms) : 0;
	bool		is_in = false;

	for (int i = 0; i < count; i++)
		is_in |= pb_network_has(&read, forms[i]);
	free(copy);
	return is_in;
}

static void
test_has(void)
{
	static const char *const in[][2] = {
		{"127.0.0.1", "127.0.0.0/8"}, {"127.255.255.255", "127.0.0.1/8"}, {"10.0.0.1", "10.0.0.1"}, {"10.0.0.1", "10.0.0.1/32"},
		{"1.2.3.4", "0.0.0.0/0"}, {"192.168.127.255", "192.168.0.0/17"}, {"::1", "::1"}, {"[::1]", "::1/128"},
		{"0:0:0:0:0:0:0:1", "::1"}, {"fe80::1", "fe80::/10"}, {"febf:ffff::", "fe80::/10"}, {"2001:db8::1", "::/0"}, {"1.2.3.4", "::/0"},
		{"::ffff:127.0.0.1", "127.0.0.0/8"}, {"::ffff:7f00:1", "127.0.0.0/8"}, {"[::FFFF:127.0.0.1]", "127.0.0.0/8"}, {"::127.0.0.1", "127.0.0.0/8"},
		{"::7f00:1", "127.0.0.0/8"}, {"64:ff9b::127.0.0.1", "127.0.0.0/8"}, {"64:ff9b::a9fe:a9fe", "169.254.0.0/16"}, {"127.0.0.1", "::ffff:127.0.0.0/104"},
		{"::", "::/128"}, {"0.0.0.0", "0.0.0.0/8"}, {"fd00:ec2::254", "fd00:ec2::254"},
		{"2002:7f00:1::", "127.0.0.0/8"}, {"2002:a9fe:a9fe:1:2:3:4:5", "169.254.0.0/16"}, {"2002:a00:1::1", "2002::/16"},
		{"2001:0:7f00:1::", "127.0.0.0/8"}, {"2001::80ff:fffe", "127.0.0.1"}, {"2001:0:102:304:0:ffff:5601:5601", "169.254.169.254"},
		{"fe80::5efe:127.0.0.1", "127.0.0.0/8"}, {"2001:db8::200:5efe:127.0.0.1", "127.0.0.0/8"}, {"::ffff:0:127.0.0.1", "127.0.0.0/8"},
		{"64:ff9b:1::127.0.0.1", "127.0.0.0/8"}, {"64:ff9b:1:7f00:0:100::", "127.0.0.1"}, {"64:ff9b:1:12a9:fe:a9fe::", "169.254.169.254"},
		{"64:ff9b:1:1234:a9:fea9:fe00:0", "169.254.169.254"}, {"64:ff9b::127.0.0.1", "64:ff9b::/96"}, {"::127.0.0.1", "::/96"}
	};
	static const char *const out[][2] = {
		{"126.255.255.255", "127.0.0.0/8"}, {"128.0.0.0", "127.0.0.0/8"}, {"10.0.0.2", "10.0.0.1"}, {"192.168.128.0", "192.168.0.0/17"},
		{"::2", "::1"}, {"::", "::1"}, {"fec0::", "fe80::/10"}, {"fe7f:ffff::", "fe80::/10"}, {"2001:db8::1", "0.0.0.0/0"}, {"::1", "127.0.0.0/8"},
		{"::1", "0.0.0.0/8"}, {"::ffff:126.0.0.1", "127.0.0.0/8"}, {"64:ff9b:2::127.0.0.1", "127.0.0.0/8"}, {"64:ff9b:1::10.0.0.1", "0.0.0.0/8"}, {"2002::127.0.0.1", "127.0.0.0/8"}, {"2003:7f00:1::", "127.0.0.0/8"},
		{"2001::127.0.0.1", "127.0.0.0/8"}, {"2001:1:7f00:1::", "127.0.0.0/8"}, {"fe80::5eff:127.0.0.1", "127.0.0.0/8"}, {"::fffe:127.0.0.1", "127.0.0.0/8"},
		{"localhost", "127.0.0.0/8"}, {"127.1", "127.0.0.0/8"}, {"", "0.0.0.0/0"}, {"[]", "::/0"}, {"[127.0.0.1", "0.0.0.0/0"}
	};

	for (int i = 0; i < lengthof(in); i++)
		CHECK(lies_in(in[i][0], in[i][1]), "%s in %s", in[i][0], in[i][1]);
	for (int i = 0; i < lengthof(out); i++)
		CHECK(!lies_in(out[i][0], out[i][1]), "%s in %s", out[i][0], out[i][1]);
}

static void
test_read(void)
{
	static const char *const bad[] = {
		"", "/", "10.0.0.0/33", "::/129", "10.0.0.0/08", "10.0.0.0/", "10.0.0", "x", "fe80::1%eth0", "10.0.0.0/8/8", NULL
	};
	PbNetwork	network;

	for (int i = 0; bad[i] != NULL; i++)
		CHECK(!pb_network_read(bad[i], strlen(bad[i]), &network), "%s", bad[i]);
	CHECK(!pb_network_read("1.1.1.1\0", 8, &network), "a zero byte");
}

/* A network has its own address, and none that differs in a bit that counts. */
static void
test_bits(void)
{
	for (int bits = 0; bits <= 128; bits++)
	{
		PbNetwork	network = {.bits = bits};

		random_fill(network.address, PB_ADDRESS_BYTES);
		for (int bit = 0; bit < 128; bit++)
		{
			uint8_t		address[PB_ADDRESS_BYTES];

			memcpy(address, network.address, PB_ADDRESS_BYTES);
			address[bit / 8] ^= 0x80 >> bit % 8;
			CHECK(pb_network_has(&network, address) == (bit >= bits), "bit %d of %d", bit, bits);
		}
		CHECK(pb_network_has(&network, network.address), "%d bits", bits);
	}
}

static void
test_is_local_name(void)
{
	static const char *const local[] = {
		"localhost", "LocalHost", "localhost.localdomain", "a.localhost", "a.b.LOCALHOST", "ip6-localhost", "ip6-loopback", "localhost6", "localhost4",
		"LocalHost4.LocalDomain4", NULL
	};
	static const char *const other[] = {
		"", "localhos", "localhost.example.com", "mylocalhost", ".localhost", "localhost-1", "db", "xlocalhost.localdomain", NULL
	};

	for (int i = 0; local[i] != NULL; i++)
		CHECK(pb_network_is_local_name(local[i], strlen(local[i])), "%s", local[i]);
	for (int i = 0; other[i] != NULL; i++)
		CHECK(!pb_network_is_local_name(other[i], strlen(other[i])), "%s", other[i]);
}

int
main(void)
{
	test_has();
	test_read();
	test_bits();
	test_is_local_name();
	return report("network");
}
