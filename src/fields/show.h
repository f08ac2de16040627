/*
 * show.h
 *	  Prints a row as the field table orders it.
 */
#ifndef PB_SHOW_H
#define PB_SHOW_H

#include "datatype/timestamp.h"

#include "fields/field.h"

extern void pb_show_time(StringInfo out, TimestampTz time);
extern void pb_show(StringInfo out, const PbRow *row);

#endif							/* PB_SHOW_H */
