/*
 * proxykey.h
 *	  How a proxy that serves many projects tells databases apart: the route of
 *	  a database, and the key that PgBouncer has for it.
 *
 * PgBouncer chooses by the name of the database alone, which clients give as
 * the path of their connection string. One key that it refuses would make it
 * refuse its whole configuration, so none can be made here that it refuses. It
 * needs no server, and is safe on bytes that are no UTF-8.
 */
#ifndef PB_PROXYKEY_H
#define PB_PROXYKEY_H

#include <stdbool.h>
#include <stddef.h>

#define PB_KEY_MAX 63			/* bytes that PgBouncer takes */
#define PB_CLOUD_MAX 5
#define PB_ROUTE_MAX (PB_CLOUD_MAX + 1 + PB_KEY_MAX)

/* PgBouncer's own database, and the one that it asks for passwords */
#define PB_CONSOLE "pgbouncer"
#define PB_REGISTRY "pgbeam_registry"

/* what leads to the replicas of a key */
#define PB_REPLICAS_SUFFIX ".ro"

extern bool pb_proxykey_is_legal(const char *text, size_t length);
extern const char *pb_proxykey_route_problem(const char *text, size_t length);
extern size_t pb_proxykey_route(const char *cloud, const char *name,
								size_t length, const char *id,
								char route[PB_ROUTE_MAX + 1]);
extern size_t pb_proxykey(const char *host, size_t host_length,
						  const char *route, size_t route_length,
						  const char *id, char key[PB_KEY_MAX + 1]);
extern size_t pb_proxykey_replicas(const char *key, const char *id,
								   char replicas[PB_KEY_MAX + 1]);

#endif							/* PB_PROXYKEY_H */
