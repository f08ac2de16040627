/*
 * query.h
 *	  The query of a URI, and arguments, as the parameters of an operation.
 */
#ifndef PB_QUERY_H
#define PB_QUERY_H

#include "fields/field.h"

extern bool pb_query_read(const PbResource *parameters, const char *query,
						  PbJson *object, PbFaults *faults);
extern void pb_query_begin(StringInfo out);
extern void pb_query_text(StringInfo out, const PbField *field,
						  const char *value, size_t length);
extern char *pb_query_decode(const char *text, size_t length);
extern void pb_query_refuse(const char *name, PbFaults *faults);
extern bool pb_query_end(StringInfo out, PbJson *object, PbFaults *faults);

#endif							/* PB_QUERY_H */
