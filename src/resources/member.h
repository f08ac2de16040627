/*
 * member.h
 *	  Members: the users of an organization, and their roles in it.
 */
#ifndef PB_MEMBER_H
#define PB_MEMBER_H

#include "feed/change.h"

extern const PbResource pb_member;

extern void pb_member_set(const PbJson *members, const PbActor *actor,
						  PbFaults *faults);
extern void pb_member_remove(const PbJson *members, const PbActor *actor,
							 PbFaults *faults);
extern void pb_member_remove_all(Datum org_id, const PbActor *actor);
extern void pb_member_list(const PbJson *members, PbFaults *faults);

#endif							/* PB_MEMBER_H */
