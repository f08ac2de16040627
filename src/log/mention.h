/*
 * mention.h
 *	  What a text names, as far as that can be told from the text alone.
 *	  Without the server's headers, and without memory of its own.
 */
#ifndef PB_MENTION_H
#define PB_MENTION_H

#include <stdbool.h>

extern bool pb_mention_request(const char *text);
extern bool pb_mention_call(const char *body);
extern bool pb_mention_execute(const char *statement);

#endif							/* PB_MENTION_H */
