/*
 * watch.h
 *	  Watches what a process runs: whether it is a request, or leads to one.
 *
 * Memory contexts: a table of verdicts on functions lives in TopMemoryContext
 * until the process ends.
 */
#ifndef PB_WATCH_H
#define PB_WATCH_H

extern bool pb_watch_names_request(const char *statement);
extern bool pb_watch_has_request(void);
extern void pb_watch_start(void);

#endif							/* PB_WATCH_H */
