/*
 * host.h
 *	  Proxy hosts: made from a project's name, and never given to another
 *	  organization.
 */
#ifndef PB_HOST_H
#define PB_HOST_H

#include "fields/field.h"

extern const PbResource pb_host;

/* the clouds that a proxy can run in, NULL-terminated */
extern const char *const pb_clouds[];

extern void pb_host_define_settings(void);
extern int	pb_host_port(void);

extern bool pb_host_is_proxy(Datum host);
extern bool pb_host_find(Datum host, Datum org_id, Datum *project_id);
extern Datum pb_host_claim(Datum name, Datum cloud, Datum org_id,
						   Datum project_id);
extern bool pb_host_regain(Datum host, Datum org_id, Datum project_id);
extern Datum pb_host_digest(Datum host);
extern bool pb_host_is_retired(Datum host);
extern void pb_host_give_back(Datum host, Datum org_id, Datum project_id);
extern void pb_host_retire(Datum host);
extern bool pb_host_purge_proxy(Datum host, Datum org_id, Datum project_id);
extern bool pb_host_purge_domain(Datum host, Datum org_id, Datum project_id);

#endif							/* PB_HOST_H */
