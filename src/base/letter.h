/*
 * letter.h
 *	  Which code points are letters, marks or digits of a script.
 */
#ifndef PB_LETTER_H
#define PB_LETTER_H

#include <stdbool.h>
#include <stdint.h>

extern bool pb_is_letter(uint32_t c);

#endif							/* PB_LETTER_H */
