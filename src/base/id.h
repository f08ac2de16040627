/*
 * id.h
 *	  New ids: the server's clock and random bits for typeid.h.
 */
#ifndef PB_ID_H
#define PB_ID_H

#include "datatype/timestamp.h"

#include "base/typeid.h"

extern void pb_id_make(uint8 uuid[PB_UUID_BYTES]);
extern TimestampTz pb_id_instant(const uint8 uuid[PB_UUID_BYTES]);

#endif							/* PB_ID_H */
