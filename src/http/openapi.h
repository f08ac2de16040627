/*
 * openapi.h
 *	  Writes the API's description (OpenAPI 3.0.3) from the operations and
 *	  their fields.
 */
#ifndef PB_OPENAPI_H
#define PB_OPENAPI_H

#include "http/operation.h"

extern void pb_openapi(StringInfo out, const PbOperation *operations,
					   int count);

#endif							/* PB_OPENAPI_H */
