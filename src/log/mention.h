/*
 * mention.h
 *	  What a text mentions, as far as the text alone can tell.
 *
 * It needs no server, and allocates nothing.
 */
#ifndef PB_MENTION_H
#define PB_MENTION_H

#include <stdbool.h>

extern bool pb_mention_request(const char *text);
extern bool pb_mention_call(const char *body);
extern bool pb_mention_execute(const char *statement);

#endif							/* PB_MENTION_H */
