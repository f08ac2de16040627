/*
 * own.h
 *	  Marks messages as the extension's own, for the log guard.
 *
 * Every ereport() and elog() passes the text domain of the module that raises
 * it. The server keeps the domain with the message, also in a copy and when
 * the message is raised again. No statement, role or setting can choose it.
 */
#ifndef PB_OWN_H
#define PB_OWN_H

#undef TEXTDOMAIN
#define TEXTDOMAIN "pgbeam"

#endif							/* PB_OWN_H */
