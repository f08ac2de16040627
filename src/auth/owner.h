/*
 * owner.h
 *	  Owners: an organization or a user, to whom API keys, idempotency keys
 *	  and requests belong. Their kinds, and the words for these, stand here
 *	  alone.
 */
#ifndef PB_OWNER_H
#define PB_OWNER_H

#include "fields/field.h"

typedef enum PbOwnerKind
{
	PB_OF_ORGANIZATION,
	PB_OF_USER,
	PB_OWNER_KINDS
} PbOwnerKind;

typedef struct PbOwner
{
	PbOwnerKind kind;
	text	   *id;
} PbOwner;

/* The words for the kinds, as SQL text may need them. */
#define PB_ORGANIZATION_WORD "organization"
#define PB_USER_WORD "user"

/* NULL-terminated, in the order of PbOwnerKind */
extern const char *const pb_owner_words[PB_OWNER_KINDS + 1];

/* what field tables say of an owner's kind and id */
#define PB_OWNER_KIND_RULE \
	.kind = PB_WORD, .words = pb_owner_words
#define PB_OWNER_ID_RULE \
	.kind = PB_TEXT, .least = 1, .most = Max(PB_ORG_ID_MAX, PB_USER_ID_MAX)

extern Datum pb_owner_word(PbOwnerKind kind);

#endif							/* PB_OWNER_H */
