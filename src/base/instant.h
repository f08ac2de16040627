/*
 * instant.h
 *	  Instants as RFC 3339 spells them. Pure.
 */
#ifndef PB_INSTANT_H
#define PB_INSTANT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Reads an instant as microseconds since the start of the year 2000, which is
 * how the server counts. Finer digits are cut off. Returns false if the text
 * is no instant, or if its year in UTC is not within 1 to 9999, which answers
 * could not show.
 */
extern bool pb_instant_read(const char *text, size_t length,
							int64_t *microseconds);

#endif							/* PB_INSTANT_H */
