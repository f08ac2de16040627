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
#define PB_NETWORK_FORMS 13		/* of one address at most */

typedef uint8_t PbForms[PB_NETWORK_FORMS][PB_ADDRESS_BYTES];

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
extern int	pb_network_forms(const uint8_t address[PB_ADDRESS_BYTES],
							 PbForms forms);
extern bool pb_network_is_local_name(const char *name, size_t length);

#endif							/* PB_NETWORK_H */
