/*
 * database.h
 *	  Databases: a project's upstream, and how a proxy logs in there.
 */
#ifndef PB_DATABASE_H
#define PB_DATABASE_H

#include "caller.h"
#include "field.h"

#define PB_DATABASE_RANDOM 32	/* bytes of a new one: id and nonce */

extern const PbResource pb_database;

extern void pb_database_define_settings(void);
extern bool pb_database_prepare(PbRow *row, Datum org_id, Datum project_id,
								const uint8 random[PB_DATABASE_RANDOM],
								PbFaults *faults);
extern void pb_database_derive(PbRow *row, Datum proxy_host);

extern void pb_database_get(const PbRequest *request, PbReply *reply);
extern text *pb_database_password(const char *id, PbFaults *faults);

#endif							/* PB_DATABASE_H */
