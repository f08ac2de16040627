/*
 * parse.h
 *	  Text of a client made into a document, without an error of the server's.
 */
#ifndef PB_PARSE_H
#define PB_PARSE_H

#include "base/fault.h"
#include "base/json.h"

/* What a text holds. */
typedef struct PbParsed
{
	PbJson		value;
	int			members;		/* of all objects, as they were spelled */
} PbParsed;

extern void pb_parse_wipe_later(struct varlena *value);
extern bool pb_parse(const char *text, size_t length, const char *what,
					 PbParsed *parsed, PbFaults *faults);
extern bool pb_parse_unique(const char *text, size_t length,
							PbJson *value);

#endif							/* PB_PARSE_H */
