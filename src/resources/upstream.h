/*
 * upstream.h
 *	  The server that a proxy connects to: the fields of databases and
 *	  replicas, and what tenants may not have there.
 */
#ifndef PB_UPSTREAM_H
#define PB_UPSTREAM_H

#include "base/network.h"
#include "base/text.h"
#include "fields/field.h"

/* the fields host, port and ssl_mode, without their flags */
#define PB_UPSTREAM_HOST \
	.name = "host", .kind = PB_TEXT, .least = 1, .most = PB_DNS_NAME_MAX, \
	.rule = pb_text_host_problem, .pattern = PB_HOST_PATTERN, \
	.refuse = pb_upstream_refuse_host

#define PB_UPSTREAM_PORT \
	.name = "port", .kind = PB_INTEGER, .least = 1, .most = PB_PORT_MAX

#define PB_UPSTREAM_SSL_MODE \
	.name = "ssl_mode", .kind = PB_WORD, .words = pb_ssl_modes, \
	.fallback = "\"verify-full\""

/* libpq's modes, the least secure first, NULL-terminated */
extern const char *const pb_ssl_modes[];

extern void pb_upstream_define_settings(void);
extern const char *
			pb_upstream_network(const uint8_t address[PB_ADDRESS_BYTES]);
extern const char *pb_upstream_network_of(const char *host, size_t length);

/* rules of requests: see refuse in field.h */
extern const char *pb_upstream_refuse_host(const char *host, size_t length,
										   const char **hint);
extern const char *pb_upstream_refuse_user(const char *name, size_t length,
										   const char **hint);
extern const char *pb_upstream_refuse_password(const char *text, size_t length,
											   const char **hint);

extern int	pb_ssl_strength(const PbRow *row, int leaf);

#endif							/* PB_UPSTREAM_H */
