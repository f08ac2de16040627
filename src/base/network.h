/*
 * network.h
 *	  Networks of IPv4 and IPv6, and whether an address lies in one.
 *
 * An address of IPv4 is one of IPv6 here, in ::ffff:0:0/96. It needs no
 * server.
 */
#ifndef PB_NETWORK_H
#define PB_NETWORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PB_ADDRESS_BYTES 16

typedef struct PbNetwork
{
	uint8_t		address[PB_ADDRESS_BYTES];
	int			bits;			/* of the address that count, of 128 */
} PbNetwork;

extern bool pb_network_read(const char *text, size_t length,
							PbNetwork *network);
extern bool pb_network_has(const PbNetwork *network,
						   const uint8_t address[PB_ADDRESS_BYTES]);
extern bool pb_network_read_host(const char *text, size_t length,
								 uint8_t address[PB_ADDRESS_BYTES]);
extern void pb_network_unwrap(uint8_t address[PB_ADDRESS_BYTES]);
extern bool pb_network_is_local_name(const char *name, size_t length);

#endif							/* PB_NETWORK_H */
