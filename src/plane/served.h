/*
 * served.h
 *	  What a proxy serves: databases under the keys that it knows them by, with
 *	  their replicas, and the hosts that lead to their projects.
 *
 * All of it lives in the memory context that was current when it was read, and
 * in SPI's.
 */
#ifndef PB_SERVED_H
#define PB_SERVED_H

#include "base/proxykey.h"
#include "fields/field.h"

/* Which proxy it is; each may be null. */
typedef struct PbServedBy
{
	Datum		region;			/* whose pools it holds */
	Datum		cloud;			/* whose projects it serves */
	Datum		project_id;		/* the one that it serves; null: all but
								 * self-hosted ones */
	char		nulls[3];		/* as SPI has it, in this order */
} PbServedBy;

typedef struct PbServedReplica
{
	const char *id;				/* spelt */
	const char *host;			/* without brackets */
	int			port;
	const char *ssl_mode;
} PbServedReplica;

typedef struct PbServed
{
	const char *id;				/* spelt */
	char		key[PB_KEY_MAX + 1];
	const char *why_id;			/* why the key is the id, where its connection
								 * string has another path; or NULL */
	const char *host;			/* without brackets */
	int			port;
	const char *name;
	int			generation;		/* of the password */
	bool		has_password;
	const char *ssl_mode;
	int			pool_size;
	int			min_pool_size;
	const char *pool_mode;
	int			max_active;
	const char **networks;		/* NULL-terminated */
	PbServedReplica *replicas;
	int			replica_count;
} PbServed;

typedef struct PbServedHost
{
	const char *host;
	const char *project_id;		/* spelt */
} PbServedHost;

extern PbServed *pb_served_databases(const PbServedBy *by, int *count);
extern PbServedHost *pb_served_hosts(const PbServedBy *by, int *count);

#endif							/* PB_SERVED_H */
