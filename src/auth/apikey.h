/*
 * apikey.h
 *	  API keys: made, looked up, revoked. No key can be read from what is
 *	  stored.
 *
 * An API key consists of its id, an underscore, and 256 random bits in base
 * 32. The id is a TypeID with the prefix pbo (of an organization) or pbu (of a
 * user).
 */
#ifndef PB_APIKEY_H
#define PB_APIKEY_H

#include "datatype/timestamp.h"

#include "auth/owner.h"
#include "feed/change.h"
#include "fields/field.h"

/* A new API key, which is shown this once. */
typedef struct PbNewApiKey
{
	const char *id;
	const char *key;
	Datum		expires_at;		/* unless never */
	bool		never;
} PbNewApiKey;

extern const PbResource pb_api_key;

extern bool pb_apikey_prove(const char *api_key, size_t length,
							PbOwner *owner, text **id);
extern bool pb_apikey_create(const PbJson members[3],
							 const Interval *expires_in, const PbActor *actor,
							 PbNewApiKey *made, PbFaults *faults);
extern void pb_apikey_list(const PbJson *members, PbFaults *faults);
extern void pb_apikey_revoke(const PbJson *id, const PbActor *actor,
							 PbFaults *faults);
extern int64 pb_apikey_revoke_all(const PbJson members[2],
								  const PbActor *actor, PbFaults *faults);

extern int64 pb_apikey_purge(TimestampTz before, int most);

#endif							/* PB_APIKEY_H */
