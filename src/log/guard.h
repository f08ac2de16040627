/*
 * guard.h
 *	  The log guard, and the settings under which the server logs no request.
 *
 * Memory contexts: it keeps none, because it must work when memory is
 * exhausted.
 */
#ifndef PB_GUARD_H
#define PB_GUARD_H

/* A setting that decides what the server logs of requests. */
typedef struct PbLogSetting
{
	const char *name;
	const char *value;			/* the value under which it logs none */
	bool		guarded;		/* the guard makes up for other values */
	const char *leak;			/* what other values let out */
} PbLogSetting;

extern const PbLogSetting pb_guard_profile[];	/* ends with a NULL name */

extern void pb_guard_define_settings(void);
extern void pb_guard_start(void);
extern void pb_guard_set_profile(Oid role);

#endif							/* PB_GUARD_H */
