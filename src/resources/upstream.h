/*
 * upstream.h
 *	  The server that a proxy connects to: the fields of databases and
 *	  replicas.
 */
#ifndef PB_UPSTREAM_H
#define PB_UPSTREAM_H

#include "base/text.h"
#include "fields/field.h"

/* the fields host, port and ssl_mode, without their flags */
#define PB_UPSTREAM_HOST \
	.name = "host", .kind = PB_TEXT, .least = 1, .most = PB_DNS_NAME_MAX, \
	.rule = pb_text_host_problem, .pattern = PB_HOST_PATTERN

#define PB_UPSTREAM_PORT \
	.name = "port", .kind = PB_INTEGER, .least = 1, .most = PB_PORT_MAX

#define PB_UPSTREAM_SSL_MODE \
	.name = "ssl_mode", .kind = PB_WORD, .words = pb_ssl_modes, \
	.fallback = "\"verify-full\""

/* libpq's modes, the least secure first, NULL-terminated */
extern const char *const pb_ssl_modes[];

extern int	pb_ssl_strength(const PbRow *row, int leaf);

#endif							/* PB_UPSTREAM_H */
