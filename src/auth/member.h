/*
 * member.h
 *	  Members: the users of an organization, and their roles in it.
 */
#ifndef PB_MEMBER_H
#define PB_MEMBER_H

#include "feed/change.h"

/* SQL: whether user is a member of org, or NULL, who need not be one. */
#define PB_IS_MEMBER(user, org) \
	"(" user " IS NULL OR EXISTS (SELECT FROM pgbeam.members AS m " \
	"WHERE m.org_id OPERATOR(pg_catalog.=) " org \
	" AND m.user_id OPERATOR(pg_catalog.=) " user "))"

extern const PbResource pb_member;

extern bool pb_member_find(Datum org_id, Datum user_id, bool *may_write);
extern void pb_member_set(const PbJson *members, const PbActor *actor,
						  PbFaults *faults);
extern void pb_member_remove(const PbJson *members, const PbActor *actor,
							 PbFaults *faults);
extern void pb_member_list(const PbJson *members, PbFaults *faults);

#endif							/* PB_MEMBER_H */
