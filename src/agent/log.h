/*
 * log.h
 *	  What the agent tells: one line an event, on standard error.
 */
#ifndef AGENT_LOG_H
#define AGENT_LOG_H

/* Something that can be in trouble: told once when it begins and ends. */
typedef struct Trouble
{
	const char *place;			/* what is in trouble */
	char	   *told;			/* what was said last, NULL if all is well */
} Trouble;

extern void note(const char *format,...)
			__attribute__((format(printf, 1, 2)));
extern void warn(const char *format,...)
			__attribute__((format(printf, 1, 2)));
extern void trouble(Trouble *trouble, const char *format,...)
			__attribute__((format(printf, 2, 3)));
extern void well(Trouble *trouble);

#endif
