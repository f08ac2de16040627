/*
 * sight.h
 *	  Whether what a process runs is a request, or leads to one.
 */
#ifndef PB_SIGHT_H
#define PB_SIGHT_H

extern bool pb_sight_names_request(const char *statement);
extern bool pb_sight_has_request(void);
extern void pb_sight_start(void);

#endif							/* PB_SIGHT_H */
