/*
 * database.h
 *	  Databases: a project's upstream, and how a proxy logs in there.
 */
#ifndef PB_DATABASE_H
#define PB_DATABASE_H

#include "auth/authorization.h"
#include "auth/request.h"
#include "base/crypt.h"
#include "resources/connection.h"

/* random bytes that a new one takes: for its id and a nonce */
#define PB_DATABASE_RANDOM (sizeof(uint64) + PB_NONCE_BYTES)

extern const PbResource pb_database;

extern void pb_database_define_settings(void);
extern bool pb_database_prepare(PbRow *row, Datum org_id, Datum project_id,
								const uint8 random[PB_DATABASE_RANDOM],
								PbFaults *faults);
extern PbRow *pb_database_find(const PbRequest *request,
							   PbPermission permission,
							   PbFaults *faults);
extern void pb_database_show(StringInfo out, PbRow *row,
							 const PbOrganization *organization);
extern void pb_database_derive(PbRow *row, Datum proxy_host);

extern void pb_database_get(const PbRequest *request, PbReply *reply);
extern void pb_database_update(const PbRequest *request, PbReply *reply);
extern void pb_database_test(const PbRequest *request, PbReply *reply);
extern void pb_database_report_test(const char *id, const PbReport *report,
									PbFaults *faults);
extern void pb_database_list_replicas(const PbRequest *request,
									  PbReply *reply);
extern void pb_database_add_replica(const PbRequest *request, PbReply *reply);
extern void pb_database_delete_replica(const PbRequest *request,
									   PbReply *reply);
extern text *pb_database_reveal(const char *id, const PbActor *actor,
								PbFaults *faults);
extern PbPlace pb_database_place(Datum org_id, Datum project_id, Datum id,
								 Datum generation);

#endif							/* PB_DATABASE_H */
