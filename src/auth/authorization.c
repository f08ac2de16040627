/*
 * authorization.c
 *	  What a caller may see and do.
 *
 * Trusted SQL may do everything. A user may do what their role in the
 * organization allows (role.c). The API key of an organization may do what an
 * admin of it may. Memberships are read as they are now, not in the caller's
 * snapshot.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"

#include "auth/authorization.h"

/* A caller that nobody identified must not pass for one that may see all. */
static void
require_somebody(const PbCaller *caller)
{
	if (!caller->is_trusted && caller->org_id == NULL &&
		caller->user_id == NULL)
		elog(ERROR, "a caller was not identified");
}

/* Of a caller who acts for one organization: a user needs a membership. */
static PbSight
sight_of_one(const PbCaller *caller)
{
	PbSight		sight = {.count = 1, .organizations = palloc(sizeof(Datum))};
	PbRights	rights;

	sight.organizations[0] = PointerGetDatum(caller->org_id);
	if (caller->user_id != NULL &&
		!pb_role_find(sight.organizations[0],
					  PointerGetDatum(caller->user_id), &rights))
		sight.count = 0;
	return sight;
}

/*
 * Statements name these organizations, so that they go to the servers that
 * hold them and to no other.
 */
PbSight
pb_authorization_sight(const PbCaller *caller)
{
	PbSight		sight = {.is_unlimited = caller->is_trusted};

	require_somebody(caller);
	if (caller->is_trusted)
		return sight;
	if (caller->org_id != NULL)
		return sight_of_one(caller);
	sight.count = pb_role_organizations(PointerGetDatum(caller->user_id),
										&sight.organizations);
	return sight;
}

/* The organizations as an array of texts. */
Datum
pb_authorization_array(const PbSight *sight)
{
	return PointerGetDatum(construct_array(sight->organizations, sight->count,
										   TEXTOID, -1, false,
										   TYPALIGN_INT));
}

static bool
is_same_text(const text *a, Datum b)
{
	text	   *t = DatumGetTextPP(b);

	return VARSIZE_ANY_EXHDR(a) == VARSIZE_ANY_EXHDR(t) &&
		memcmp(VARDATA_ANY(a), VARDATA_ANY(t), VARSIZE_ANY_EXHDR(t)) == 0;
}

/*
 * Whether the caller belongs to the organization, and what they may do there.
 * A user needs a membership; an organization's own API key does not.
 */
static bool
find_role(const PbCaller *caller, Datum org_id, PbRights *rights)
{
	if (caller->org_id != NULL && !is_same_text(caller->org_id, org_id))
		return false;
	if (caller->user_id != NULL)
		return pb_role_find(org_id, PointerGetDatum(caller->user_id), rights);
	*rights = pb_role_of_key();
	return true;
}

/* What is said to a caller who lacks a permission, and the way out. */
static const struct
{
	const char *message;
	const char *hint;
}			refusals[] =
{
	[PB_READ] = {"your role does not allow it", NULL},
	[PB_WRITE] = {
		"your role does not allow changes",
		"An owner or admin of the organization may make them."
	},
	[PB_MANAGE_MEMBERS] = {
		"your role does not allow changes of members",
		"An owner or admin of the organization may make them."
	},
	[PB_MANAGE_OWNERS] = {
		"only an owner may change or remove an owner",
		"Another owner of the organization may do it."
	},
	[PB_LIMIT_SPENDING] = {
		"your role does not allow changes of the spend limit",
		"An owner, admin or billing_admin of the organization may make them."
	},
};

/* Refuses an organization that the caller does not belong to. */
static bool
refuse_outsider(bool hides, PbFaults *faults)
{
	if (hides)
		pb_fault_set(faults, PB_NOT_FOUND, "organization not found", NULL);
	else
		pb_fault_set(faults, PB_FORBIDDEN,
					 "you may not act for this organization", NULL);
	return false;
}

static bool
authorize(const PbCaller *caller, PbPermission permission, Datum org_id,
		  bool hides, PbOrganization *organization, PbFaults *faults)
{
	PbReading	reading = caller->is_trusted && permission == PB_READ ?
	PB_SNAPSHOT : PB_LATEST;
	PbRights	rights;

	require_somebody(caller);
	faults->org_id = org_id;
	*organization = caller->organization;
	if (!organization->is_known)
		pb_organization_find(org_id, reading, organization);
	if (caller->is_trusted)
		return !hides || organization->is_known ||
			refuse_outsider(hides, faults);
	if (!find_role(caller, org_id, &rights) || !organization->is_known)
		return refuse_outsider(hides, faults);
	if (organization->is_suspended)
		return pb_organization_refuse_suspended(faults);
	if (pb_role_may(rights, permission))
		return true;
	pb_fault_set(faults, PB_FORBIDDEN, refusals[permission].message,
				 refusals[permission].hint);
	return false;
}

/*
 * Whether the caller has this permission in the organization, which is read
 * on the way. Returns false with faults; they do not tell an unknown
 * organization from another caller's. Trusted SQL may do all.
 */
bool
pb_authorize(const PbCaller *caller, PbPermission permission, Datum org_id,
			 PbOrganization *organization, PbFaults *faults)
{
	return authorize(caller, permission, org_id, false, organization, faults);
}

/*
 * The same for an organization that is named in a path: if it is not the
 * caller's, or there is none, it is not found.
 */
bool
pb_authorize_within(const PbCaller *caller, PbPermission permission,
					Datum org_id, PbOrganization *organization,
					PbFaults *faults)
{
	return authorize(caller, permission, org_id, true, organization, faults);
}
