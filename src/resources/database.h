/*
 * database.h
 *	  Databases: a project's upstream, and how a proxy logs in there.
 */
#ifndef PB_DATABASE_H
#define PB_DATABASE_H

#include "auth/request.h"
#include "base/crypt.h"

extern const PbResource pb_database;
extern const PbResource pb_database_list_parameters;

extern void pb_database_define_settings(void);
extern bool pb_database_is_routed_by_key(void);
extern text *pb_database_reveal(const char *id, const PbActor *actor,
								PbFaults *faults);
extern PbPlace pb_database_place(Datum org_id, Datum project_id, Datum id,
								 Datum generation);

#endif							/* PB_DATABASE_H */
