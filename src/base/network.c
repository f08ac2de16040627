/*
 * network.c
 *	  Networks of IPv4 and IPv6, and whether an address lies in one.
 */
#include "base/network.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/text.h"

/* the prefix below which an address of IPv6 is one of IPv4 here */
static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

/*
 * Where an address of IPv6 holds one of IPv4, which gateways lead it on to:
 * below a prefix, or behind a part in the middle that says so.
 */
typedef struct Form
{
	int			at;				/* where the bytes stand that tell the form */
	int			size;			/* how many of them count */
	uint8_t		bytes[12];
	uint8_t		places[4];		/* of the bytes of the address of IPv4 */
	uint8_t		turned;			/* the bits of each that are turned over */
	bool		is_guess;		/* then one in 0.0.0.0/8 is none */
} Form;

static const Form held[PB_NETWORK_FORMS - 1] = {
	{0, 12, {0}, {12, 13, 14, 15}, 0, false},	/* compatible, older */
	/* translated */
	{0, 12, {[8] = 0xff, [9] = 0xff}, {12, 13, 14, 15}, 0, false},
	{0, 12, {0, 0x64, 0xff, 0x9b}, {12, 13, 14, 15}, 0, false},	/* NAT64 */
	/* NAT64 of a site, whose prefix is one of four lengths */
	{0, 6, {0, 0x64, 0xff, 0x9b, 0, 1}, {6, 7, 9, 10}, 0, true},
	{0, 6, {0, 0x64, 0xff, 0x9b, 0, 1}, {7, 9, 10, 11}, 0, true},
	{0, 6, {0, 0x64, 0xff, 0x9b, 0, 1}, {9, 10, 11, 12}, 0, true},
	{0, 6, {0, 0x64, 0xff, 0x9b, 0, 1}, {12, 13, 14, 15}, 0, false},
	{0, 2, {0x20, 0x02}, {2, 3, 4, 5}, 0, false},	/* 6to4 */
	{0, 4, {0x20, 0x01}, {4, 5, 6, 7}, 0, false},	/* Teredo, its server */
	{0, 4, {0x20, 0x01}, {12, 13, 14, 15}, 0xff, false},	/* client */
	{8, 4, {0, 0, 0x5e, 0xfe}, {12, 13, 14, 15}, 0, false},	/* ISATAP */
	{8, 4, {2, 0, 0x5e, 0xfe}, {12, 13, 14, 15}, 0, false}
};

#define IPV4_BITS 32
#define IPV4_AT ((int) sizeof(mapped))

static bool
read_address(const char *text, size_t length,
			 uint8_t address[PB_ADDRESS_BYTES], bool *is_v4)
{
	char		copy[INET6_ADDRSTRLEN] = "";

	if (length >= sizeof(copy) || memchr(text, '\0', length) != NULL)
		return false;
	memcpy(copy, text, length);
	*is_v4 = inet_pton(AF_INET, copy, address + IPV4_AT) == 1;
	if (*is_v4)
		memcpy(address, mapped, sizeof(mapped));
	return *is_v4 || inet_pton(AF_INET6, copy, address) == 1;
}

/*
 * Reads an address, or a network as pb_text_cidr_problem() wants it; false if
 * it is neither.
 */
bool
pb_network_read(const char *text, size_t length, PbNetwork *network)
{
	const char *slash = memchr(text, '/', length);
	size_t		size = slash == NULL ? length : (size_t) (slash - text);
	bool		is_v4;

	if (pb_text_cidr_problem(text, length) != NULL ||
		!read_address(text, size, network->address, &is_v4))
		return false;
	network->bits = is_v4 ? IPV4_BITS : 8 * PB_ADDRESS_BYTES;
	if (slash != NULL)
	{
		network->bits = 0;
		for (const char *p = slash + 1; p < text + length; p++)
			network->bits = 10 * network->bits + (*p - '0');
	}
	if (is_v4)
		network->bits += 8 * IPV4_AT;
	return true;
}

bool
pb_network_has(const PbNetwork *network,
			   const uint8_t address[PB_ADDRESS_BYTES])
{
	int			bytes = network->bits / 8;
	int			rest = network->bits % 8;

	return memcmp(network->address, address, bytes) == 0 &&
		(rest == 0 ||
		 (network->address[bytes] ^ address[bytes]) >> (8 - rest) == 0);
}

/* :: and ::1 have the form of an address of IPv4, and are none. */
static bool
is_unspecified_or_loopback(const uint8_t address[PB_ADDRESS_BYTES])
{
	static const uint8_t none[PB_ADDRESS_BYTES - 1] = {0};

	return memcmp(address, none, sizeof(none)) == 0 &&
		address[PB_ADDRESS_BYTES - 1] <= 1;
}

/*
 * The addresses that an address may lead to: itself, and those of IPv4 that it
 * holds. Returns how many they are.
 */
int
pb_network_forms(const uint8_t address[PB_ADDRESS_BYTES],
				 PbForms forms)
{
	int			count = 1;

	memcpy(forms[0], address, PB_ADDRESS_BYTES);
	if (is_unspecified_or_loopback(address))
		return count;
	for (size_t i = 0; i < sizeof(held) / sizeof(held[0]); i++)
	{
		if (memcmp(address + held[i].at, held[i].bytes, held[i].size) != 0 ||
			(held[i].is_guess && address[held[i].places[0]] == 0))
			continue;
		memcpy(forms[count], mapped, sizeof(mapped));
		for (int j = 0; j < 4; j++)
			forms[count][IPV4_AT + j] =
				address[held[i].places[j]] ^ held[i].turned;
		count++;
	}
	return count;
}

/*
 * Reads the address that a host is, with or without brackets; false if the
 * host is a name.
 */
bool
pb_network_read_host(const char *text, size_t length,
					 uint8_t address[PB_ADDRESS_BYTES])
{
	bool		is_v4;

	if (length > 2 && text[0] == '[' && text[length - 1] == ']')
	{
		text++;
		length -= 2;
	}
	return read_address(text, length, address, &is_v4);
}

/*
 * Whether resolvers take a name for their own machine: RFC 6761, 6.3, and what
 * Debian and Fedora have in their /etc/hosts.
 */
bool
pb_network_is_local_name(const char *name, size_t length)
{
	static const char *const names[] = {
		"localhost", "localhost.localdomain", "localhost4",
		"localhost4.localdomain4", "localhost6", "localhost6.localdomain6",
		"ip6-localhost", "ip6-loopback", NULL
	};
	static const char suffix[] = ".localhost";
	size_t		size = sizeof(suffix) - 1;

	for (int i = 0; names[i] != NULL; i++)
		if (pb_text_is_alike(name, length, names[i]))
			return true;
	return length > size &&
		pb_text_is_alike(name + length - size, size, suffix);
}
