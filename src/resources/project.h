/*
 * project.h
 *	  Projects: an organization's way to its databases.
 */
#ifndef PB_PROJECT_H
#define PB_PROJECT_H

#include "auth/request.h"

extern const PbResource pb_project;
extern const PbResource pb_project_mark;
extern const PbResource pb_project_list_parameters;

extern void pb_project_define_settings(void);

/* SQL: the proxy host of a row's project */
#define PB_PROJECT_HOST_OF(row) \
	"(SELECT p.proxy_host FROM pgbeam.projects AS p " \
	"WHERE p.org_id OPERATOR(pg_catalog.=) " row ".org_id " \
	"AND p.id OPERATOR(pg_catalog.=) " row ".project_id)"

extern Datum pb_project_cloud(const PbRow *project);
extern Datum pb_project_host(const PbRow *row, int leaf);
extern int32 pb_project_database_count(const PbRow *project);
extern void pb_project_recount(PbRow *project);

extern bool pb_project_is_allowed(Datum org_id, bool self_hosted,
								  PbOrganization *organization,
								  PbFaults *faults);

extern void pb_project_list(const PbRequest *request, PbReply *reply);

#endif							/* PB_PROJECT_H */
