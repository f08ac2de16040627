/*
 * schema.h
 *	  A field table as a JSON schema, in OpenAPI's dialect of it.
 */
#ifndef PB_SCHEMA_H
#define PB_SCHEMA_H

#include "fields/field.h"

/* where a document has its schemas */
#define PB_SCHEMAS "#/components/schemas/"

extern const char *pb_schema_view_name(const PbResource *resource);
extern const char *pb_schema_create_name(const PbResource *resource);
extern const char *pb_schema_update_name(const PbResource *resource);
extern const char *pb_schema_around_name(const PbResource *resource);
extern const char *pb_schema_list_name(const PbResource *resource);
extern void pb_schema_reference(StringInfo out, const char *name);
extern void pb_schema_view(StringInfo out, const PbResource *resource);
extern void pb_schema_create(StringInfo out, const PbResource *resource);
extern void pb_schema_update(StringInfo out, const PbResource *resource);
extern void pb_schema_parameter(StringInfo out, const PbField *field);

#endif							/* PB_SCHEMA_H */
