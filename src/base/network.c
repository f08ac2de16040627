/*
 * network.c
 *	  Networks of IPv4 and IPv6, and whether an address lies in one.
 */
#include "base/network.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/text.h"

/* The prefixes below which an address of IPv6 holds one of IPv4. */
static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
static const uint8_t compatible[12] = {0};
static const uint8_t nat64[12] = {0x00, 0x64, 0xff, 0x9b};

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

/*
 * Puts an address of IPv4 in the one place for it, where it stands in one of
 * IPv6: ::ffff:a.b.c.d is there already, ::a.b.c.d is an older form, and
 * 64:ff9b::a.b.c.d leads to a.b.c.d by a gateway. :: and ::1 are neither.
 */
void
pb_network_unwrap(uint8_t address[PB_ADDRESS_BYTES])
{
	static const uint8_t few[PB_ADDRESS_BYTES - 1] = {0};

	if ((memcmp(address, compatible, sizeof(compatible)) == 0 &&
		 memcmp(address, few, sizeof(few)) != 0) ||
		memcmp(address, nat64, sizeof(nat64)) == 0)
		memcpy(address, mapped, sizeof(mapped));
}

/*
 * Reads the address that a host is, with or without brackets, and unwraps it;
 * false if the host is a name.
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
	if (!read_address(text, length, address, &is_v4))
		return false;
	pb_network_unwrap(address);
	return true;
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
