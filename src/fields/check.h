/*
 * check.h
 *	  Checks a request by the field table: it gives values, or problems.
 */
#ifndef PB_CHECK_H
#define PB_CHECK_H

#include "fields/field.h"

extern void pb_check_create(PbRow *row, const PbJson *body, PbFaults *faults,
							PbFaults *ignored);
extern void pb_check_item(PbRow *row, const PbJson *list, int index,
						  const PbPath *up, PbFaults *faults,
						  PbFaults *ignored);
extern void pb_check_update(PbRow *row, const PbJson *body, PbFaults *faults,
							PbFaults *ignored);
extern void pb_check_value(PbRow *row, int leaf, const PbJson *value,
						   PbFaults *faults);
extern void pb_check_value_as(PbRow *row, int leaf, const char *name,
							  const PbJson *value, PbFaults *faults);
extern void pb_check_members(PbRow *row, const PbJson *members, int count,
							 PbFaults *faults);
extern bool pb_check_fallback(const PbRow *row, int leaf, Datum *value);

#endif							/* PB_CHECK_H */
