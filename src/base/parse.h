/*
 * parse.h
 *	  Makes a document of a client's text, without an error of the server's.
 *
 * Memory contexts: a document lives in the current one, and is wiped when that
 * is reset.
 */
#ifndef PB_PARSE_H
#define PB_PARSE_H

#include "base/fault.h"
#include "base/json.h"

/* What a text holds. */
typedef struct PbParsed
{
	PbJson		value;
	int			members;		/* of all objects, a name each time */
} PbParsed;

extern void pb_parse_wipe_later(struct varlena *value);
extern bool pb_parse(const char *text, size_t length, const char *what,
					 PbParsed *parsed, PbFaults *faults);
extern bool pb_parse_unique(const char *text, size_t length,
							PbJson *value);

#endif							/* PB_PARSE_H */
