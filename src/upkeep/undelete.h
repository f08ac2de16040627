/*
 * undelete.h
 *	  Brings a deleted project back.
 *	  Keeps statements in the memory context pb_sql_memory().
 */
#ifndef PB_UNDELETE_H
#define PB_UNDELETE_H

#include "auth/request.h"

extern void pb_project_undelete(const PbRequest *request, const char *id,
								StringInfo answer, PbFaults *faults);

#endif							/* PB_UNDELETE_H */
