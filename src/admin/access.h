/*
 * access.h
 *	  Accesses: the sets of functions that a role may be given.
 */
#ifndef PB_ACCESS_H
#define PB_ACCESS_H

extern void pb_access_grant(Oid role, const char *access);

#endif							/* PB_ACCESS_H */
