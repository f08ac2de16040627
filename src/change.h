/*
 * change.h
 *	  The change feed: what was changed, when, and by whom.
 */
#ifndef PB_CHANGE_H
#define PB_CHANGE_H

#include "request.h"

/* In the order of the words in change.c. */
typedef enum PbAction
{
	PB_CREATED,
	PB_UPDATED,
	PB_DELETED
} PbAction;

extern const PbResource pb_change;

extern void pb_change_define_settings(void);
extern void pb_change_note(const PbRequest *request, PbAction action,
						   const PbResource *resource, Datum org_id,
						   Datum id);

#endif							/* PB_CHANGE_H */
