/*
 * guard.h
 *	  The log guard, and the settings under which the server logs no request.
 */
#ifndef PB_GUARD_H
#define PB_GUARD_H

/* A setting that decides what the server logs of requests. */
typedef struct PbLogSetting
{
	const char *name;
	const char *value;			/* under which it logs none */
	bool		guarded;		/* whether the guard makes up for another */
	const char *leak;			/* what another value lets out */
} PbLogSetting;

extern const PbLogSetting pb_guard_profile[];	/* ends with a NULL name */

extern void pb_guard_define_settings(void);
extern void pb_guard_start(void);
extern void pb_guard_set_profile(Oid role);

#endif							/* PB_GUARD_H */
