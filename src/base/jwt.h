/*
 * jwt.h
 *	  The form of a JSON Web Token: three parts in base64url (RFC 7515, 7519).
 *
 * It needs no server. It is strict: every token has one spelling. token.c
 * judges what the parts say, and whether the signature is good.
 */
#ifndef PB_JWT_H
#define PB_JWT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/crypt.h"

#define PB_JWT_MAX 8192			/* bytes of a token */

typedef struct PbJwt
{
	const char *header;			/* JSON, not terminated */
	size_t		header_length;
	const char *claims;			/* the same */
	size_t		claims_length;
	size_t		signed_length;	/* bytes of the token that are signed */
	uint8_t		signature[PB_SIGNATURE_BYTES];
} PbJwt;

extern bool pb_base64url_decode(const char *text, size_t length,
								uint8_t *bytes, size_t room, size_t *size);
extern size_t pb_base64url_encode(const uint8_t *bytes, size_t size,
								  char *text);
extern bool pb_jwt_split(const char *token, size_t length,
						 char buffer[PB_JWT_MAX], PbJwt *jwt);

#endif							/* PB_JWT_H */
