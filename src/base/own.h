/*
 * own.h
 *	  Marks messages as the extension's own, for the log guard.
 *
 * Every ereport() and elog() gives the server the text domain of who raises
 * it; it keeps that with the message, in copies and when the message is raised
 * once more. No statement, no role and no setting can choose it.
 */
#ifndef PB_OWN_H
#define PB_OWN_H

#undef TEXTDOMAIN
#define TEXTDOMAIN "pgbeam"

#endif							/* PB_OWN_H */
