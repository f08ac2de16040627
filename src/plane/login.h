/*
 * login.h
 *	  The passwords of logins through a proxy.
 */
#ifndef PB_LOGIN_H
#define PB_LOGIN_H

#include "base/fault.h"

/* A login, in SPI's memory. The caller must wipe the password. */
typedef struct PbLogin
{
	Datum		username;
	text	   *password;
} PbLogin;

extern bool pb_login_find(const char *database_id, Datum username,
						  PbLogin *login, PbFaults *faults);

#endif							/* PB_LOGIN_H */
