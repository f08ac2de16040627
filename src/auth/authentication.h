/*
 * authentication.h
 *	  Who the caller is.
 */
#ifndef PB_AUTHENTICATION_H
#define PB_AUTHENTICATION_H

#include "auth/request.h"

extern void pb_authentication_define_settings(void);
extern bool pb_authentication_trusts_claims(void);
extern bool pb_authenticate(PbRequest *request, PbFaults *faults);
extern PbActor pb_authentication_actor(const PbRequest *request);

#endif							/* PB_AUTHENTICATION_H */
