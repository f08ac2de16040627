/*
 * host.h
 *	  Proxy hosts: made of a name, given once and never to another project.
 */
#ifndef PB_HOST_H
#define PB_HOST_H

#include "field.h"

#define PB_PROJECT_PREFIX "prj"

extern const PbResource pb_host;

/* the clouds that a proxy can run in, NULL-terminated */
extern const char *const pb_clouds[];

extern void pb_host_define_settings(void);
extern int	pb_host_port(void);

extern Datum pb_host_claim(Datum name, Datum cloud, Datum org_id,
						   Datum project_id);

#endif							/* PB_HOST_H */
