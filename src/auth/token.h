/*
 * token.h
 *	  Tokens: JSON Web Tokens signed with Ed25519, judged by the public keys
 *	  that the operator loads and by the settings.
 */
#ifndef PB_TOKEN_H
#define PB_TOKEN_H

#include "fields/field.h"

/* What a token says of its bearer. */
typedef struct PbTokenClaims
{
	text	   *user_id;
	text	   *org_id;			/* NULL where no claim is to have it */
} PbTokenClaims;

extern const PbResource pb_jwk;

extern void pb_token_define_settings(void);
extern bool pb_token_prove(const char *token, size_t length,
						   PbTokenClaims *claims);
extern bool pb_token_read_bearer(const PbJson *payload, PbTokenClaims *claims);
extern int	pb_token_set_jwks(const PbJson *set, PbFaults *faults);

#endif							/* PB_TOKEN_H */
