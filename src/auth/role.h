/*
 * role.h
 *	  The roles of an organization's members, and what each of them may do.
 */
#ifndef PB_ROLE_H
#define PB_ROLE_H

/* What an operation does to an organization's objects. */
typedef enum PbPermission
{
	PB_READ,
	PB_WRITE,					/* changes its projects and what is in them */
	PB_MANAGE_MEMBERS,			/* changes and removes members but owners */
	PB_MANAGE_OWNERS,			/* changes and removes owners */
	PB_LIMIT_SPENDING
} PbPermission;

#define PB_ROLES 8
#define PB_OWNER_ROLE "owner"

/* NULL-terminated */
extern const char *const pb_role_names[PB_ROLES + 1];

/*
 * Those that a request may give. Owners are made by the operator alone, so
 * that nobody becomes one by another member's mistake.
 */
#define PB_ASSIGNABLE_ROLES (pb_role_names + 1)

/* permissions, a bit each */
typedef uint32 PbRights;

extern bool pb_role_may(PbRights rights, PbPermission permission);
extern PbRights pb_role_of_key(void);
extern bool pb_role_find(Datum org_id, Datum user_id, PbRights *rights);
extern int	pb_role_organizations(Datum user_id, Datum **organizations);

#endif							/* PB_ROLE_H */
