/*
 * show.h
 *	  Prints a row as the field table orders it.
 */
#ifndef PB_SHOW_H
#define PB_SHOW_H

#include "field.h"

extern void pb_show(StringInfo out, const PbRow *row);

#endif							/* PB_SHOW_H */
