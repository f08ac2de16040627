/*
 * owner.c
 *	  Owners: an organization or a user.
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "auth/owner.h"

const char *const pb_owner_words[PB_OWNER_KINDS + 1] = {
	[PB_OF_ORGANIZATION] = PB_ORGANIZATION_WORD, [PB_OF_USER] = PB_USER_WORD
};

/* The word for a kind, as a value of SQL. */
Datum
pb_owner_word(PbOwnerKind kind)
{
	return CStringGetTextDatum(pb_owner_words[kind]);
}
