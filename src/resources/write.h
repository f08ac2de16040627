/*
 * write.h
 *	  Creates, updates and deletes the rows of any resource, and notes the
 *	  changes. Deleting a row also deletes the rows below it.
 */
#ifndef PB_WRITE_H
#define PB_WRITE_H

#include "auth/request.h"
#include "fields/field.h"

extern bool pb_write_create(const PbRequest *request, PbRow *row,
							PbFaults *faults);
extern bool pb_write_update(const PbRequest *request, PbRow *row,
							bool may_be_taken, const char *detail,
							PbFaults *faults);
extern bool pb_write_delete(const PbRequest *request, const PbRow *row,
							PbFaults *faults);

#endif							/* PB_WRITE_H */
