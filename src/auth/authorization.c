/*
 * authorization.c
 *	  What a caller may see and do.
 *
 * Trusted SQL may do everything. A user may do what their role in the
 * organization allows. The API key of an organization may do everything in
 * it. Memberships are read as they are now, not in the caller's snapshot.
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
	bool		may_write;

	sight.organizations[0] = PointerGetDatum(caller->org_id);
	if (caller->user_id != NULL &&
		!pb_member_find(sight.organizations[0],
						PointerGetDatum(caller->user_id), &may_write))
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
	sight.count = pb_member_organizations(PointerGetDatum(caller->user_id),
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
 * Whether the caller belongs to the organization, and may write there. An
 * organization's own API key may, and has no role; a user needs a membership.
 */
static bool
find_role(const PbCaller *caller, Datum org_id, bool *may_write)
{
	*may_write = caller->user_id == NULL;
	if (caller->org_id != NULL && !is_same_text(caller->org_id, org_id))
		return false;
	return caller->user_id == NULL ||
		pb_member_find(org_id, PointerGetDatum(caller->user_id), may_write);
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
	PbReading	reading = caller->is_trusted && permission == PB_READ ?
	PB_SNAPSHOT : PB_LATEST;
	bool		may_write;

	require_somebody(caller);
	faults->org_id = org_id;
	*organization = caller->organization;
	if (!organization->is_known)
		pb_organization_find(org_id, reading, organization);
	if (caller->is_trusted)
		return true;
	if (!find_role(caller, org_id, &may_write) ||
		!organization->is_known)
		pb_fault_set(faults, PB_FORBIDDEN,
					 "you may not act for this organization", NULL);
	else if (organization->is_suspended)
		(void) pb_organization_refuse_suspended(faults);
	else if (permission == PB_WRITE && !may_write)
		pb_fault_set(faults, PB_FORBIDDEN, "your role does not allow changes",
					 "An owner or admin of the organization may make them.");
	else
		return true;
	return false;
}

