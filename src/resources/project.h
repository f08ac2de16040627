/*
 * project.h
 *	  Projects: an organization's entry to its databases.
 */
#ifndef PB_PROJECT_H
#define PB_PROJECT_H

#include "auth/request.h"

extern const PbResource pb_project;
extern const PbResource pb_project_list_parameters;

extern void pb_project_define_settings(void);

extern void pb_project_create(const PbRequest *request, PbReply *reply);
extern void pb_project_get(const PbRequest *request, PbReply *reply);
extern void pb_project_update(const PbRequest *request, PbReply *reply);
extern void pb_project_delete(const PbRequest *request, PbReply *reply);
extern void pb_project_list(const PbRequest *request, PbReply *reply);
extern void pb_project_list_databases(const PbRequest *request,
									  PbReply *reply);
extern void pb_project_add_database(const PbRequest *request, PbReply *reply);
extern void pb_project_delete_database(const PbRequest *request,
									   PbReply *reply);
extern void pb_project_list_domains(const PbRequest *request, PbReply *reply);
extern void pb_project_add_domain(const PbRequest *request, PbReply *reply);

#endif							/* PB_PROJECT_H */
