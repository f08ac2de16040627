/*
 * host.h
 *	  Proxy hosts: made of a name, and never given to another organization.
 */
#ifndef PB_HOST_H
#define PB_HOST_H

#include "fields/field.h"

#define PB_PROJECT_PREFIX "prj"
#define PB_DATABASE_PREFIX "db"

extern const PbResource pb_host;

/* the clouds that a proxy can run in, NULL-terminated */
extern const char *const pb_clouds[];

extern void pb_host_define_settings(void);
extern int	pb_host_port(void);

/* SQL: the proxy host of the project with this org_id and id */
#define PB_PROXY_HOST_OF(org, project) \
	"(SELECT p.proxy_host FROM pgbeam.projects AS p " \
	"WHERE p.org_id OPERATOR(pg_catalog.=) " org \
	" AND p.id OPERATOR(pg_catalog.=) " project ")"

extern Datum pb_host_of(const PbRow *row, int leaf);
extern bool pb_host_is_proxy(Datum host);
extern Datum pb_host_claim(Datum name, Datum cloud, Datum org_id,
						   Datum project_id);

#endif							/* PB_HOST_H */
