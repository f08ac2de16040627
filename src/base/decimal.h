/*
 * decimal.h
 *	  Numbers with a fraction that are kept as they were given: the server's
 *	  numeric, as a datum.
 */
#ifndef PB_DECIMAL_H
#define PB_DECIMAL_H

#include "lib/stringinfo.h"

extern Datum pb_decimal_trim(Datum number);
extern int	pb_decimal_compare(Datum number, int32 limit);
extern int	pb_decimal_digits(Datum number);
extern bool pb_decimal_is_same(Datum a, Datum b);
extern void pb_decimal_print(StringInfo out, Datum number);

#endif							/* PB_DECIMAL_H */
